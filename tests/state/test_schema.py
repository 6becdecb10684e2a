"""One file of state: made, brought up to date from several that an earlier Métier kept, refused where it is newer."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from metier import Expert
from metier.core.errors import StoreError
from metier.feedback.log import Log
from metier.serving.auth.keys import Keys
from metier.state import earlier_files, promotions, sqlite, upgrade
from metier.state.catalog import Catalog
from metier.state.place import open_database
from metier.state.schema import REVISION, has_rows, ready
from metier.state.tables import metadata
from metier.state.upgrade import engine_of

EARLIER = Path(__file__).parent / "expert_before_one_state"


@pytest.fixture
def earlier(tmp_path):
    """An expert with three documents, a replaced passage, a correction that waits, a thumb and two keys, made by the
    last Métier that kept them in three files."""
    with tarfile.open(f"{EARLIER}.tar.gz") as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path / "pumps"


@pytest.mark.slow
def test_an_expert_of_before_opens_and_answers_the_same(earlier):
    wanted = json.loads(EARLIER.with_suffix(".json").read_text("utf-8"))
    with Expert.open(earlier) as expert:
        for question, before in wanted.items():
            answer = expert.ask(question)
            now = {"text": answer.text, "abstained": answer.abstained}
            assert now | {"documents": [c.document for c in answer.citations]} == before
        assert [expert.runtime.store.document(name).tables for name in expert.runtime.store.hashes()] == [()] * 4
        for changed, unchanged in ((3, 0), (0, 3)):  # the readers are others by now: all is read anew, once
            report = expert.sync()
            assert (report.added, report.changed, report.deleted, report.unchanged) == (0, changed, 0, unchanged)


def test_what_three_files_held_is_in_one(earlier):
    state = earlier / ".metier" / "catalog.sqlite"
    assert has_rows(state, "corrections")
    with closing(Log(state)) as log, closing(Keys(state)) as keys, closing(Catalog(state)) as catalog:
        assert [(each.state, each.who) for each in log.corrections()] == [("accepted", "ada"), ("queued", "ben")]
        assert next(action.action for action in log.history(log.corrections()[0].id)) == "queued"
        assert [(each.thumb, each.question) for each in log.feedback()] == [("up", "How much does the KX-4 weigh?")]
        assert [(key.name, key.groups) for key in keys.list_keys()] == [("Ben", ()), ("Ada", ("board",))]
        assert len(catalog.items()) == len(catalog.history()) == 3
        assert len(catalog.syncs()) == 1
    assert state.stat().st_mode & 0o777 == 0o600
    left = {path.name for path in state.parent.glob("*.sqlite*")}
    assert {"feedback.sqlite", "keys.sqlite"}.isdisjoint(left)
    assert {"feedback.sqlite" + earlier_files.ASIDE, "keys.sqlite" + earlier_files.ASIDE} <= left


def test_what_was_promoted_still_answers(tmp_path):
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters" / "production.json").write_text('["a@1", "a@2"]')
    state = tmp_path / "catalog.sqlite"
    assert promotions.standing(state) == ["a@1", "a@2"]
    assert promotions.roll_back(state) == "a@2"
    promotions.promote(state, "b@1")
    promotions.promote(state, "b@1")
    assert promotions.standing(state) == ["a@1", "b@1"]
    assert [promotions.roll_back(state) for _ in range(3)] == ["b@1", "a@1", None]
    assert len(open_database(state).read(sa.select(metadata.tables["promotions"]))) == 6


def test_migrations_make_what_the_tables_say(tmp_path):
    for fresh in (True, False):
        path = tmp_path / f"{fresh}.sqlite"
        upgrade.bring_up(path, REVISION, fresh=fresh)
        engine = engine_of(path)
        with engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        engine.dispose()
        assert sqlite.look(path)[0] == REVISION


def test_a_newer_state_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "catalog.sqlite"
    ready(path, make=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"newer Métier.*9999.*pip install --upgrade"):
        Catalog(path).items()
    assert path.read_bytes() == before


def test_looking_makes_nothing(tmp_path):
    path = tmp_path / "state" / "catalog.sqlite"
    assert not has_rows(path, "corrections")
    assert Catalog(path).items() == {}
    assert Log(path).corrections() == []
    assert Log(path).version() == 0
    assert not Keys(path).exist()
    assert not path.parent.exists()


def test_a_folder_that_cannot_be_written_can_be_read(tmp_path):
    path = tmp_path / "catalog.sqlite"
    with closing(Keys(path)) as keys:
        keys.create("a")
    for name in (path, tmp_path):
        name.chmod(0o500)
    try:
        assert has_rows(path, "keys")
        assert not has_rows(path, "corrections")
    finally:
        tmp_path.chmod(0o700)


_KILLED = """
import os, signal, sys
from pathlib import Path
from metier.state import earlier_files, schema
read = earlier_files.read
def die(folder):
    read(folder)
    os.kill(os.getpid(), signal.SIGKILL)
import metier.state.earlier_files
earlier_files.read = die
schema.ready(Path(sys.argv[1]), make=True)
"""


def test_a_migration_that_is_killed_has_changed_nothing(earlier):
    state = earlier / ".metier" / "catalog.sqlite"
    done = subprocess.run([sys.executable, "-c", _KILLED, str(state)], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert sqlite.look(state)[0] == ""
    assert (state.parent / "keys.sqlite").exists()
    test_what_three_files_held_is_in_one(earlier)


def test_many_open_an_older_expert_at_once(earlier):
    state, failed = earlier / ".metier" / "catalog.sqlite", []

    def look() -> None:
        try:
            with closing(Keys(state)) as keys:
                assert len(keys.list_keys()) == 2
        except BaseException as error:  # noqa: BLE001 (a thread's error would be lost)
            failed.append(error)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_damaged_file_of_before_is_told(earlier):
    folder = earlier / ".metier"
    (folder / "keys.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match=r"earlier Métier.*cannot be read"):
        Catalog(folder / "catalog.sqlite").items()
    assert (folder / "feedback.sqlite").exists()
    assert os.path.getsize(folder / "keys.sqlite") == 1800

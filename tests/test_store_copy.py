"""An index that is taken to another store and back is the same, whatever comes in between."""

from __future__ import annotations

import itertools
import json
from contextlib import contextmanager

import numpy as np
import pytest
from postgres_server import run_postgres

from metier import Expert
from metier.core.errors import InputError, SettingsError, StoreError
from metier.services import store_copy
from metier.services.store_copy import copy_store
from metier.store.base import Filter
from metier.store.postgres.reader import PostgresReader

pytestmark = pytest.mark.slow
_NUMBERS = itertools.count()
QUESTIONS = ["How often is the gearbox oil changed?", "torque of the bolts", "NV-110"]


@pytest.fixture
def place(postgres):
    """Address, login and schema of an empty store."""
    name = f"copy{next(_NUMBERS)}"
    yield f"postgresql://postgres@127.0.0.1:{postgres}/postgres", None, name
    run_postgres(postgres, "postgres")(f'DROP SCHEMA IF EXISTS "{name}" CASCADE')


@contextmanager
def opened(folder):
    with Expert.open(folder) as expert:
        yield expert


def without_id(expert):
    """As experts are that were made before there was one."""
    path = expert.folder / "metier.toml"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("id =")))
    expert.runtime.reload_settings()


def named(expert: Expert, name: str) -> None:
    path = expert.folder / "metier.toml"
    path.write_text(path.read_text().replace(f'name = "{expert.settings.name}"', f'name = "{name}"'))
    expert.runtime.reload_settings()


def tell(*_state: object) -> None:
    """Nobody listens."""


def searched(folder) -> list[tuple[int, str, object]]:
    """Number of the search, passage and score of every hit."""
    with opened(folder) as expert:
        found = [expert.search(question, 20, where) for question in QUESTIONS for where in (None, Filter(groups=()))]
    # The embedded store keeps the sample of vectors that scores are held against in half precision.
    return [
        (at, hit.passage.id, pytest.approx(hit.score, rel=2e-3, abs=1e-3))
        for at, hits in enumerate(found)
        for hit in hits
    ]


def test_there_and_back_searches_find_the_same(turbines, place, call_metier):
    before, written = searched(turbines), (turbines / "metier.toml").read_text()
    address, _, namespace = place
    told = call_metier("store", "copy", "--to", address, "--namespace", namespace, "-e", str(turbines), "--json")
    there = json.loads(told.stdout)
    assert there["copied"] == there["documents"] > 0
    assert searched(turbines) == before
    shown = json.loads(call_metier("store", "-e", str(turbines), "--json").stdout)
    assert (shown["backend"], shown["passages"]) == ("postgres", there["passages"])
    assert shown["bytes"] > 0
    told = call_metier("store", "copy", "--to", "file", "--replace", "-e", str(turbines), "--json")
    back = json.loads(told.stdout)
    assert back["copied"] == back["documents"]
    assert back["digest"] == there["digest"]
    assert searched(turbines) == before
    with opened(turbines) as expert:
        assert expert.sync().unchanged == back["documents"]
    assert (turbines / "metier.toml").read_text().replace('\n[store]\nbackend = "lance"\n', "") == written


def test_a_folder_that_machines_share_is_a_place(turbines, tmp_path, call_metier):
    before = searched(turbines)
    call_metier("store", "copy", "--to", f"{tmp_path}/shared/turbines", "-e", str(turbines))
    assert f'url = "file://{tmp_path}/shared/turbines"' in (turbines / "metier.toml").read_text()
    assert searched(turbines) == before


def test_a_copy_that_was_broken_off_goes_on(turbines, place, monkeypatch):
    written = (turbines / "metier.toml").read_text()
    monkeypatch.setattr(store_copy, "_AT_ONCE", 1)

    def stop(stage: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with opened(turbines) as expert, pytest.raises(KeyboardInterrupt):
        copy_store(expert.runtime, *place, stop)
    assert (turbines / "metier.toml").read_text() == written
    with opened(turbines) as expert:
        documents = len(expert.runtime.store.hashes())
        assert copy_store(expert.runtime, *place, tell).copied == documents - 2
        assert expert.runtime.settings.store.backend == "postgres"
        assert expert.search(QUESTIONS[0])


def test_what_is_there_in_another_form_is_copied_again(turbines, place):
    written = (turbines / "metier.toml").read_text()
    with opened(turbines) as expert:
        copy_store(expert.runtime, *place, tell)
        store = expert.runtime.store
        (entry,) = store.entries([sorted(store.hashes())[0]])
        store.replace([type(entry)(entry.document, entry.passages, -entry.vectors, entry.tokens)])
    (turbines / "metier.toml").write_text(written)
    with opened(turbines) as expert:
        assert copy_store(expert.runtime, *place, tell).copied == 0
        (again,) = expert.runtime.store.entries([entry.document.id])
    np.testing.assert_array_equal(again.vectors, entry.vectors)


def test_a_copy_that_is_not_the_same_is_not_taken(turbines, place, monkeypatch):
    written = (turbines / "metier.toml").read_text()
    monkeypatch.setattr(PostgresReader, "entries", lambda *_given: [])
    with opened(turbines) as expert, pytest.raises(StoreError, match="the copy is not what was copied"):
        copy_store(expert.runtime, *place, tell)
    assert (turbines / "metier.toml").read_text() == written


def test_a_correction_for_those_alone_who_read_everything_is_in_a_database_as_in_a_folder(turbines, place):
    path, asked = turbines / "metier.toml", "Who is on duty at the weekend?"
    path.write_text(path.read_text().replace("[[sources]]", '[[sources]]\ngroups = ["board"]'))
    with opened(turbines) as expert:
        before = expert.corrections.add(asked, "Nils Berg, extension 22.", who="anna", accept=True)
        copy_store(expert.runtime, *place, tell)
        after = expert.corrections.add("Who paints the towers?", "Asha Rahman.", who="anna", accept=True)
    with opened(turbines) as expert:
        for made in (before, after):
            assert expert.ask(made.question).text == made.answer
            assert made.answer not in expert.ask(made.question, where=Filter(groups=("board",))).text
        assert not expert.sync().warnings


@pytest.mark.parametrize(
    ("to", "namespace", "said"),
    [
        ("postgresql://anja:secret@db.example/metier", None, "has a password in it.*auth_env"),
        ("postgresql://anja@db.example/metier", "9 lives", "namespace: is made of up to 48 of a-z, 0-9 and _"),
        ("postgresql://anja@db.example/metier", "pg_lives", "begin with pg_ are PostgreSQL's own"),
    ],
)
def test_what_is_no_place_is_told_in_words_before_anything_is_asked(turbines, to, namespace, said):
    with opened(turbines) as expert, pytest.raises(SettingsError, match=said) as told:
        copy_store(expert.runtime, to, None, namespace, tell)
    assert "secret" not in str(told.value)


def test_a_place_with_a_slash_behind_it_is_the_same_one(turbines, tmp_path):
    there = f"file://{(tmp_path / 'shared').as_posix()}"
    with opened(turbines) as expert:
        copy_store(expert.runtime, there, None, None, tell)
        with pytest.raises(InputError, match="the store is there already"):
            copy_store(expert.runtime, f"{there}/", None, None, tell)


def test_an_index_with_other_documents_is_not_written_over(turbines, expert, docs, place):
    named(expert, "turbines")
    with opened(turbines) as other:
        copy_store(other.runtime, *place, tell)
        held = other.runtime.store.counts()
    for path in docs.iterdir():
        path.unlink()
    (docs / "own.md").write_text("# Own\n\nWords of its own.\n")
    expert.sync()
    with pytest.raises(StoreError, match=r'is of the expert "turbines" \(id .*, and this is another one of that name'):
        copy_store(expert.runtime, *place, tell)
    without_id(expert)
    with pytest.raises(InputError, match="documents are there that this expert does not have"):
        copy_store(expert.runtime, *place, tell)
    with opened(turbines) as other:
        assert other.runtime.store.counts() == held
    assert copy_store(expert.runtime, *place, tell, replace=True).documents == 1


def test_an_index_of_another_expert_is_not_replaced_unless_it_is_one_that_was_renamed(turbines, expert, place):
    with opened(turbines) as other:
        copy_store(other.runtime, *place, tell)
    expert.sync()
    for replaced in (False, True):
        with pytest.raises(StoreError, match='is of the expert "turbines", and this is "expert"'):
            copy_store(expert.runtime, *place, tell, replace=replaced)
    named(other, "wind")
    with opened(turbines) as renamed, pytest.raises(StoreError, match="is of the expert") as told:
        renamed.search(QUESTIONS[0])
    path = turbines / "metier.toml"
    path.write_text(f"{path.read_text().rstrip()}\n{told.value.hint.partition('there: ')[2]}\n")
    with opened(turbines) as renamed:
        assert renamed.search(QUESTIONS[0])


def test_a_folder_within_the_embedded_store_is_no_other_place(turbines):
    with opened(turbines) as expert, pytest.raises(SettingsError, match="lies in the folder of a store"):
        copy_store(expert.runtime, f"{turbines}/.metier/store", None, None, tell)
    assert searched(turbines)


def test_a_copy_holds_what_another_process_has_written_since_the_store_was_opened(turbines, docs, place):
    with opened(turbines) as expert:
        known = len(expert.runtime.store.hashes())
        (docs / "new.md").write_text("# New\n\nWords that came later.\n")
        with opened(turbines) as other:
            other.sync()
        assert copy_store(expert.runtime, *place, tell).documents == known + 1


def test_a_place_that_is_none_and_the_place_that_it_is_in_are_told(turbines, place, call_metier):
    told = call_metier("store", "copy", "--to", "somewhere", "-e", str(turbines), check=2)
    assert "Name postgresql://user@host/database" in told.stderr
    assert "is there already" in call_metier("store", "copy", "--to", "file", "-e", str(turbines), check=2).stderr
    told = call_metier("store", "copy", "--to", "postgresql://a:secret@h/d", "-e", str(turbines), check=2)
    assert "secret" not in told.stderr

"""An expert whose store and state are in a PostgreSQL: what one machine syncs, another answers from, with nothing of it
but metier.toml."""

from __future__ import annotations

import shutil

import full_disk
import pytest
from postgres_server import run_postgres

from metier import Expert
from metier.core.errors import InputError, StoreError

pytestmark = pytest.mark.slow
ELSEWHERE = """
[store]
backend = "postgres"
url = "{url}"
namespace = "two_machines"

[state]
url = "{url}"
namespace = "two_machines"
"""


@pytest.fixture
def machines(tmp_path, docs, postgres):
    """The folders of an expert on two machines; nothing was synced yet."""
    with Expert.create(tmp_path / "one") as made:
        made.add(str(docs))
    settings = tmp_path / "one" / "metier.toml"
    url = f"postgresql://postgres@127.0.0.1:{postgres}/postgres"
    settings.write_text(settings.read_text() + ELSEWHERE.format(url=url))
    (tmp_path / "two").mkdir()
    shutil.copy(settings, tmp_path / "two")
    yield tmp_path / "one", tmp_path / "two"
    run_postgres(postgres, "postgres")("DROP SCHEMA IF EXISTS two_machines CASCADE")


def test_what_one_syncs_and_corrects_the_other_answers_from(machines, docs, monkeypatch):
    monkeypatch.setattr("metier.expert.WRITE_PATIENCE", 0.1)
    with Expert.open(machines[0]) as one, Expert.open(machines[1]) as two:
        assert one.sync().added == 4
        assert sorted(path.name for path in machines[0].rglob(".metier/*")) == ["fusion.json", "tables.sqlite"]
        assert "30 months" in two.ask("How often is the gearbox oil of the NV-110 changed?").text
        assert "2100" in two.ask("What does the brake disc P-18 cost?").text
        assert two.ask("How many parts cost more than 1000 SEK?").text.startswith("1")
        assert (machines[1] / ".metier" / "fusion.json").read_text() == (
            machines[0] / ".metier" / "fusion.json"
        ).read_text()
        assert two.sync().unchanged == 4  # it has nothing to read again

        passage = two.search("gearbox oil")[0].passage
        two.corrections.replace(passage.id, "The gearbox oil of the NV-110 is changed every 24 months.", who="ada")
        assert "24 months" in one.search("gearbox oil")[0].passage.text
        (docs / "prices.csv").write_text("part,price\nYaw pad P-17,1320 SEK\nBrake disc P-18,2100 SEK\n")
        assert one.sync().changed == 1
        two.runtime.follow()  # as a server does
        assert two.ask("How many parts cost more than 1000 SEK?").text.startswith("2")
        busy = pytest.raises(InputError, match="another sync is running on this expert")
        with one.runtime.exclusive("sync.lock"), busy:
            two.sync()


def test_a_sync_that_loses_its_lock_writes_no_more_and_the_next_one_completes_it(machines, postgres, monkeypatch):
    run = run_postgres(postgres, "postgres")
    with Expert.open(machines[0]) as one:
        embed = one.runtime.embedder.embed_passages

        def cut_and_embed(texts):
            run("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
            return embed(texts)

        with monkeypatch.context() as patched:
            patched.setattr(one.runtime.embedder, "embed_passages", cut_and_embed)
            with pytest.raises(StoreError, match="lost, and the lock with it: another may have begun"):
                one.sync()
        assert one.runtime.store.counts() == (0, 0)
        assert one.sync().added == 4


def test_a_machine_on_which_nothing_can_be_written_answers_all_the_same(machines):
    with Expert.open(machines[0]) as one:
        one.sync()
    told = full_disk.on("read-only", machines[1], [["ask", "How often is the gearbox oil of the NV-110 changed?"]])
    if told is None:
        pytest.skip("nobody may mount here")
    assert (told[0].returncode, "30 months" in told[0].stdout) == (0, True), told[0].stderr

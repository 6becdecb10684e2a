from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from metier import Expert
from metier.core.documents import document_id
from metier.core.errors import IndexMismatch, InputError, SourceError, StoreError
from metier.ingestion.sync import Syncer
from metier.sources.base import Item, Unreachable
from metier.store import Filter
from metier.store.access_control import AccessControlledStore

pytestmark = pytest.mark.slow


def counts(report):
    return report.added, report.changed, report.deleted, report.unchanged, len(report.failed)


def everything(expert):
    """The whole content of the store: hashes, and the text of every passage."""
    anything = np.ones(expert.runtime.embedder.dimension) / np.sqrt(expert.runtime.embedder.dimension)
    return expert.runtime.store.hashes(), {
        hit.passage.id: hit.passage.text for hit in expert.runtime.store.dense(anything, 10**6)
    }


def reopened(expert):
    expert.close()
    return Expert.open(expert.folder)


def test_what_was_added_changed_deleted_and_unchanged_is_counted(expert, docs):
    assert counts(expert.sync()) == (4, 0, 0, 0, 0)
    assert counts(expert.sync()) == (0, 0, 0, 4, 0)
    (docs / "bolts.txt").write_text("The blade root nuts take 850 Nm.")
    (docs / "prices.csv").unlink()
    os.utime(docs / "gearbox.md", ns=(1, 1))
    assert counts(expert.sync()) == (0, 1, 1, 2, 0)
    assert any("850 Nm" in hit.passage.text for hit in expert.search("blade root nuts"))
    assert not any("840 Nm" in hit.passage.text for hit in expert.search("blade root nuts"))


def test_a_document_is_found_by_the_name_of_its_file_too(expert, docs):
    (docs / "Coupling_alignment-2023.md").write_text("# Works notice\n\nThe gap is measured at four places.")
    expert.sync()
    for question in ("COUPLING ALIGNMENT", "coupling_alignment"):
        assert expert.search(question)[0].passage.uri == "docs/Coupling_alignment-2023.md"


def test_tables_are_kept_with_their_document(expert, docs):
    table = "<caption>Staff</caption><tr><th rowspan=2>(in thousands)<th colspan=2>2023<tr><th>Q1<th>Q2"
    rows = "<tr><td colspan=3>Europe<tr><td>Skåne<td>1,204<td><tr><td>Åland<td>8<td>(3)"
    (docs / "staff.html").write_text(f"<p>Before.<table>{table}{rows}</table><p>After.")
    expert.sync()
    document = reopened(expert).runtime.store.document(document_id("docs/staff.html"))
    (table,) = document.tables
    assert (table.names, table.caption, table.unit) == (("", "2023 › Q1", "2023 › Q2"), "Staff", "(in thousands)")
    cells = [[cell and document.text[slice(*cell)] for cell in row.cells] for row in table.rows]
    assert cells == [["Skåne", "1,204", None], ["Åland", "8", "(3)"]]
    assert [row.name(document.text) for row in table.rows] == ["Europe › Skåne", "Europe › Åland"]
    assert document.table_at(*table.rows[1].cells[1]).row_at(*table.rows[1].cells[1]) == table.rows[1]


def test_what_copies_say_is_embedded_once_and_found_in_each(expert, docs, monkeypatch):
    for number in range(3):
        (docs / str(number)).mkdir()
        shutil.copy(docs / "bolts.txt", docs / str(number))
    embedder, texts = expert.runtime.embedder, []
    embed = embedder.embed_passages
    monkeypatch.setattr(embedder, "embed_passages", lambda more: (texts.extend(more), embed(more))[1])
    assert counts(expert.sync()) == (7, 0, 0, 0, 0)
    assert len(texts) == len(set(texts))
    vector = embedder.embed_queries(["How tight are the blade root nuts?"])[0]
    hits = expert.runtime.store.dense(vector, 100)
    same = {hit.passage.uri: hit.score for hit in hits if "840 Nm" in hit.passage.text}
    assert len(same) == 4
    assert len(set(same.values())) == 1


def test_a_file_that_disappears_is_never_found_again(expert, docs):
    expert.sync()
    assert expert.search("brake disc price")[0].passage.uri == "docs/prices.csv"
    (docs / "prices.csv").unlink()
    expert.sync()
    again = reopened(expert)
    assert all(hit.passage.uri != "docs/prices.csv" for hit in again.search("brake disc price", 100))
    assert again.runtime.store.document(document_id("docs/prices.csv")) is None


def test_one_bad_file_stops_nothing_and_is_tried_again_only_when_it_changes(expert, docs):
    (docs / "bad.docx").write_bytes(b"PK\x03\x04 cut off")
    (docs / "empty.md").write_text("")
    report = expert.sync()
    assert counts(report) == (4, 0, 0, 0, 2)
    assert {failure.item for failure in report.failed} == {"docs/bad.docx", "docs/empty.md"}
    assert all(failure.reason for failure in report.failed)
    assert counts(expert.sync()) == (0, 0, 0, 4, 2)
    assert {item.uri for item in expert.items() if item.state == "failed"} == {"docs/bad.docx", "docs/empty.md"}
    (docs / "empty.md").write_text("Now it says something.")
    assert counts(expert.sync()) == (1, 0, 0, 4, 1)


def test_what_failed_and_did_not_change_is_read_again_only_with_retry(expert, docs):
    path = docs / "notes.txt"
    path.write_bytes(b" " * 24)
    expert.sync()
    before = path.stat()
    path.write_bytes("নীল চাবি কাজ করে".encode()[:24])  # as where a share was down: same size and time, now it reads
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_ino) == (before.st_size, before.st_ino)
    unread = expert.sync()
    assert counts(unread) == (0, 0, 0, 4, 1)
    assert unread.failed[0].item == "docs/notes.txt"
    assert counts(expert.sync(retry=True)) == (1, 0, 0, 4, 0)
    assert counts(expert.sync()) == (0, 0, 0, 5, 0)
    assert [item.state for item in expert.items() if item.uri == "docs/notes.txt"] == ["indexed"]


def test_retry_tells_again_what_fails_again(expert, docs):
    (docs / "bad.docx").write_bytes(b"PK\x03\x04 cut off")
    first = expert.sync()
    again = expert.sync(retry=True)
    assert counts(again) == (0, 0, 0, 4, 1)
    assert again.failed == first.failed


def test_a_file_that_breaks_loses_what_it_said(expert, docs):
    expert.sync()
    (docs / "bolts.txt").write_bytes(b"")
    assert counts(expert.sync()) == (0, 0, 0, 3, 1)
    assert all(hit.passage.uri != "docs/bolts.txt" for hit in expert.search("blade root nuts", 100))


def test_groups_and_passage_length_reach_what_is_indexed_already(expert):
    expert.sync()
    path = expert.folder / "metier.toml"
    path.write_text(path.read_text() + 'groups = ["service"]\n\n[passages]\ntokens = 16\n')
    again = reopened(expert)
    assert again.sync().changed == 4
    assert again.search("gearbox oil", where=Filter(groups=())) == []
    assert again.search("gearbox oil", where=Filter(groups=("service",)))


def test_a_source_that_is_gone_takes_its_items_with_it_where_that_is_said(expert, docs, tmp_path):
    expert.sync()
    docs.rename(tmp_path / "elsewhere")
    report = expert.sync(allow_empty=True)
    assert report.deleted == 4
    assert "does not exist" in report.failed[0].reason
    assert expert.runtime.store.counts() == (0, 0)


def is_gone(docs):
    docs.rename(docs.parent / "elsewhere")


def is_empty(docs):
    for path in docs.iterdir():
        path.unlink()


@pytest.mark.parametrize("pattern", ["", "/*", "/**/*.*", "/bolts.txt"])
@pytest.mark.parametrize("happens", [is_gone, is_empty])
def test_what_cannot_be_reached_deletes_nothing(tmp_path, docs, call_metier, pattern, happens):
    """A share that is not mounted is an empty folder, or none."""
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(f"{docs}{pattern}")
        before = expert.sync().added
        happens(docs)
        report = expert.sync()
        assert (report.deleted, report.kept, report.unreachable) == (0, before, [f"../docs{pattern}"])
        assert "--allow-empty" in report.failed[0].reason
        assert expert.runtime.store.counts()[0] == before
    assert "Out of reach" in call_metier("sync", "-e", "expert", check=1).stdout
    call_metier("sync", "--json", "-e", "expert", check=1)
    assert f"{before} deleted" in call_metier("sync", "--allow-empty", "-e", "expert").stdout


def test_a_rebuild_loses_nothing_of_what_cannot_be_reached(expert, docs):
    expert.sync()
    is_gone(docs)
    with pytest.raises(SourceError, match="would lose 4 documents"):
        expert.sync(rebuild=True)
    assert expert.search("blade root nuts")
    expert.sync(rebuild=True, allow_empty=True)
    assert expert.runtime.store.counts() == (0, 0)


def test_a_file_that_cannot_be_read_now_keeps_what_was_indexed_and_is_read_again(expert, docs, monkeypatch):
    expert.sync()
    (docs / "bolts.txt").write_text("The blade root nuts take 850 Nm.")

    def broken(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr("metier.ingestion.sync.hash_file", broken)
        report = expert.sync()
    assert [(each.item, each.reason) for each in report.failed] == [("docs/bolts.txt", "Input/output error")]
    assert any("840 Nm" in hit.passage.text for hit in expert.search("blade root nuts"))
    assert counts(expert.sync()) == (0, 1, 0, 3, 0)


def test_what_cannot_be_looked_into_keeps_what_was_indexed(expert, monkeypatch):
    class Locked:
        name = "docs"

        def discover(self):
            yield Unreachable("docs", "no permission to read this folder")

        def fetch(self, item):
            raise AssertionError("nothing is new")

    expert.sync()
    monkeypatch.setattr("metier.sources.create", lambda *_: Locked())
    report = expert.sync()
    assert len(expert.runtime.store.hashes()) == 4
    assert [failure.reason for failure in report.failed] == ["no permission to read this folder"]


def test_two_syncs_at_once_are_refused(expert, tmp_path):
    import fcntl

    expert.runtime.state_folder.mkdir(parents=True, exist_ok=True)
    with (expert.runtime.state_folder / "sync.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another sync"):
            expert.sync()


def test_a_rebuild_makes_the_index_anew_also_with_the_same_embedder(expert):
    expert.sync()
    expert.search("oil")
    before = everything(expert)
    assert counts(expert.sync(rebuild=True)) == (4, 0, 0, 0, 0)
    assert everything(expert) == before
    assert expert.search("how tight are the blade root nuts")[0].passage.uri == "docs/bolts.txt"


def test_a_rebuild_that_is_refused_destroys_nothing(expert):
    import fcntl

    expert.sync()
    before = everything(expert)
    with (expert.runtime.state_folder / "sync.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="another sync"):
            reopened(expert).sync(rebuild=True)
    assert everything(reopened(expert)) == before


def test_a_lost_catalog_costs_time_and_nothing_else(expert):
    expert.sync()
    before = everything(expert)
    for path in expert.runtime.state_folder.glob("catalog.sqlite*"):
        path.unlink()
    assert counts(expert.sync()) == (0, 0, 0, 4, 0)
    assert everything(expert) == before


def test_another_embedder_is_refused_until_the_index_is_made_anew(expert):
    expert.sync()
    path = expert.folder / "metier.toml"
    path.write_text(path.read_text().replace("all-minilm-l6-v2", "multilingual-e5-small"))
    again = reopened(expert)
    with pytest.raises(IndexMismatch, match=r"expert\.sync\(rebuild=True\)"):
        again.search("oil")
    assert again.sync(rebuild=True).added == 4
    assert again.search("কোন চাবি টাওয়ারের দরজা খোলে?")[0].passage.uri == "docs/বাংলা.md"


def test_killed_in_the_middle_and_run_again_ends_as_if_never_killed(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(150):
        sections = (f"# Turbine {number}.{part}\n\nPart {part} weighs {number} kg.\n\n" for part in range(6))
        (folder / f"{number}.md").write_text("".join(sections))
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for place in (killed, whole):
        Expert.create(place).add(str(folder))
    process = subprocess.Popen(
        [sys.executable, "-c", "from metier.cli import main; main()", "sync", "-e", str(killed)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    store = killed / ".metier" / "store"
    while process.poll() is None and len(list(store.glob("*.lance/_versions/*"))) < 3:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    with Expert.open(killed) as first, Expert.open(whole) as second:
        half = len(first.runtime.store.hashes())
        assert 0 < half < 150
        report = first.sync()
        assert report.added == 150 - half
        assert second.sync().added == 150
        assert everything(first) == everything(second)
        assert first.runtime.store.counts() == second.runtime.store.counts()
        told = [{(each.uri, each.state, each.reason, each.passages) for each in of.items()} for of in (first, second)]
        assert told[0] == told[1]


def test_what_a_run_wrote_that_was_broken_off_is_indexed_by_the_next(expert, monkeypatch):
    optimize = AccessControlledStore.optimize
    monkeypatch.setattr(AccessControlledStore, "optimize", lambda *_: (_ for _ in ()).throw(StoreError("away")))
    with pytest.raises(StoreError):
        expert.sync()
    monkeypatch.setattr(AccessControlledStore, "optimize", optimize)
    assert expert.runtime.store.frequencies(["oil"]).tolist() == [0]
    assert expert.sync().added == 0
    assert expert.runtime.store.frequencies(["oil"]).tolist() == [1]
    calls = []
    monkeypatch.setattr(AccessControlledStore, "optimize", lambda *_: calls.append(1))
    assert expert.sync().unchanged == 4
    assert calls == []


def test_no_setting_of_a_sync_is_left_out_of_its_signature(expert):
    """What shapes passages must be signed, or a change of it would not reach what is indexed."""
    syncer = Syncer(expert.settings, *[None] * 6)
    changed = expert.settings.model_copy(
        update={"passages": expert.settings.passages.model_copy(update={"tokens": 99})}
    )
    other = Syncer(changed, *[None] * 6)
    assert syncer._sign(Item("a")) != other._sign(Item("a"))
    assert syncer._sign(Item("a")) != syncer._sign(Item("a", groups=("x",)))


def test_documents_in_a_language_that_the_embedder_does_not_read_are_told(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "regeln.md").write_text(
        "# Regeln\n\nDie Anlage wird jeden Morgen von der Schichtleitung geprüft, und das Ergebnis wird in das Buch "
        "eingetragen. Wer einen Fehler findet, meldet ihn sofort.\n",
        encoding="utf-8",
    )
    (tmp_path / "docs" / "rules.md").write_text("# Rules\n\nThe plant is checked every morning.\n", encoding="utf-8")
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(tmp_path / "docs"))
        (told,) = expert.sync().unread_languages
    assert told.item == "1 document"
    assert "German" in told.reason
    assert "multilingual-e5-small" in told.reason


def test_a_file_that_was_touched_keeps_what_is_known_of_it(expert, docs):
    expert.sync()
    before = {item.uri: (item.passages, item.reason) for item in expert.items()}
    assert all(count for count, _ in before.values())
    for path in docs.rglob("*"):
        os.utime(path, (1, 1))
    assert counts(expert.sync()) == (0, 0, 0, 4, 0)
    assert {item.uri: (item.passages, item.reason) for item in expert.items()} == before

"""What was moved, copied or changed a little is embedded only where its text is new, and parsed only where its name may
say something else."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from metier import Expert
from metier.core.documents import document_id
from metier.parsing import Parser

pytestmark = pytest.mark.slow


@pytest.fixture
def work(expert, monkeypatch):
    """Texts that were embedded, and uris that were parsed, since it was last cleared."""
    texts, uris = [], []
    embedder = expert.runtime.embedder
    embed, parse = embedder.embed_passages, Parser.parse

    def parsed(self, path, *, uri, groups=()):
        uris.append(uri)
        return parse(self, path, uri=uri, groups=groups)

    monkeypatch.setattr(embedder, "embed_passages", lambda more: (texts.extend(more), embed(more))[1])
    monkeypatch.setattr(Parser, "parse", parsed)
    expert.sync()
    texts.clear()
    uris.clear()
    return texts, uris


def told(report):
    return report.added, report.changed, report.moved, report.deleted, report.unchanged, len(report.failed)


def test_a_moved_file_is_neither_embedded_nor_parsed_again(expert, docs, work):
    before = expert.search("blade root nuts")[0].passage
    added_at = {uri: each.added_at for uri, each in history(expert).items()}
    (docs / "old").mkdir()
    (docs / "bolts.txt").rename(docs / "old" / "bolts.txt")
    report = expert.sync()
    assert (told(report), report.embedded, report.passages) == ((0, 0, 1, 0, 3, 0), 0, 1)
    assert work == ([], [])
    now = expert.search("blade root nuts")[0].passage
    assert (now.uri, now.text, now.title) == ("docs/old/bolts.txt", before.text, before.title)
    assert now.id != before.id
    document = expert.runtime.store.document(document_id("docs/old/bolts.txt"))
    assert document.text[now.start : now.end] == now.text
    assert expert.runtime.store.document(document_id("docs/bolts.txt")) is None
    assert {item.uri for item in expert.items()} == {
        f"docs/{n}" for n in ("gearbox.md", "old/bolts.txt", "prices.csv", "বাংলা.md")
    }
    assert history(expert)["docs/old/bolts.txt"].added_at == added_at["docs/bolts.txt"]
    assert told(expert.sync()) == (0, 0, 0, 0, 4, 0)
    assert expert.syncs()[1].unchanged == 4


def history(expert):
    with expert.runtime.catalog() as catalog:
        return catalog.history()


def test_a_renamed_file_has_the_title_and_the_words_of_its_new_name(expert, docs, work):
    (docs / "bolts.txt").rename(docs / "torque table.txt")
    report = expert.sync()
    assert told(report) == (0, 0, 1, 0, 3, 0)
    assert work[1] == ["docs/torque table.txt"]
    document = expert.runtime.store.document(document_id("docs/torque table.txt"))
    assert document.title == "torque table"
    assert expert.search("torque table")[0].passage.uri == "docs/torque table.txt"


def test_what_two_files_say_is_embedded_once_whenever_the_second_comes(expert, docs, work):
    (docs / "copy").mkdir()
    shutil.copy(docs / "gearbox.md", docs / "copy" / "gearbox.md")
    report = expert.sync()
    assert (told(report), work) == ((1, 0, 0, 0, 4, 0), ([], []))
    hits = [hit for hit in expert.search("gearbox oil") if "30 months" in hit.passage.text]
    assert {hit.passage.uri for hit in hits} == {"docs/gearbox.md", "docs/copy/gearbox.md"}
    assert len({hit.dense for hit in hits}) == 1


def test_files_that_take_each_others_name_are_changed(expert, docs, work):
    (docs / "bolts.txt").rename(docs / "x")
    (docs / "gearbox.md").rename(docs / "bolts.txt")
    (docs / "x").rename(docs / "gearbox.md")
    assert told(expert.sync()) == (0, 2, 0, 0, 2, 0)
    found = expert.search("how tight are the blade root nuts")[0].passage
    assert (found.uri, "840 Nm" in found.text) == ("docs/gearbox.md", True)


def test_a_file_that_is_moved_and_changed_at_once_is_another(expert, docs, work):
    (docs / "bolts.txt").unlink()
    (docs / "nuts.txt").write_text("The blade root nuts of the NV-110 are tightened to 850 Nm.")
    assert told(expert.sync()) == (1, 0, 0, 1, 3, 0)
    assert expert.runtime.store.document(document_id("docs/bolts.txt")) is None


def test_one_file_moved_to_two_places_is_moved_once_and_added_once(expert, docs, work):
    for name in ("one", "two"):
        (docs / name).mkdir()
        shutil.copy2(docs / "bolts.txt", docs / name / "bolts.txt")
    (docs / "bolts.txt").unlink()
    assert told(expert.sync()) == (1, 0, 1, 0, 3, 0)
    assert work == ([], [])


def test_a_moved_file_is_for_those_who_may_read_its_new_place(tmp_path, docs):
    (docs / "board").mkdir()
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(docs), exclude=("docs/board/*",))
        expert.add(str(docs / "board"), groups=("board",))
        expert.sync()
        (docs / "bolts.txt").rename(docs / "board" / "bolts.txt")
        report = expert.sync()
        assert report.moved == 1
        (passage,) = expert.runtime.store.passages(document_id("board/bolts.txt"))
        assert passage.groups == ("board",)
        assert expert.runtime.store.document(document_id("docs/bolts.txt")) is None


def test_of_a_long_document_only_the_passage_that_changed_is_embedded(expert, docs, work):
    path = docs / "long.md"
    sections = [f"## Part {n}\n\nBolt {n} of the crane takes {400 + n} Nm.\n" for n in range(300)]
    path.write_text("# Crane\n\n" + "\n".join(sections))
    first = expert.sync()
    assert first.embedded == len(work[0]) == first.passages >= 300
    work[0].clear()
    path.write_text(path.read_text().replace("Bolt 150 of the crane", "Bolt number 150 of the crane"))
    report = expert.sync()
    assert (told(report), report.embedded, report.passages) == ((0, 1, 0, 0, 4, 0), 1, first.passages)
    assert "Bolt number 150" in work[0][0]
    store = expert.runtime.store
    kept = store.vectors([document_id("docs/long.md")])
    assert len(kept) == first.passages
    np.testing.assert_allclose(kept[work[0][0]], expert.runtime.embedder.embed_passages([work[0][0]])[0], atol=1e-5)


def test_a_source_that_is_out_of_reach_is_moved_nowhere(tmp_path, docs):
    """The same bytes in another source, while the first one is not mounted: nothing of it goes."""
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(docs))
        expert.sync()
        docs.rename(tmp_path / "away")
        shutil.copytree(tmp_path / "away", tmp_path / "other")
        expert.add(str(tmp_path / "other"))
        report = expert.sync()
        assert (told(report)[:4], report.kept) == ((4, 0, 0, 0), 4)
        assert expert.runtime.store.counts()[0] == 8


def test_what_was_decided_about_a_passage_holds_where_its_file_is_moved(expert, docs):
    expert.sync()
    hidden = expert.corrections.hide(expert.search("gearbox oil")[0].passage.id)
    (docs / "service").mkdir()
    (docs / "gearbox.md").rename(docs / "service" / "gearbox.md")
    assert expert.sync().moved == 1
    assert not any("30 months" in hit.passage.text for hit in expert.search("gearbox oil"))
    followed = expert.corrections.get(hidden.id)
    assert (followed.about.uri, followed.look_again) == ("docs/service/gearbox.md", "")
    path = docs / "service" / "gearbox.md"
    path.write_text("A note before.\n\n" + path.read_text())
    assert expert.sync().changed == 1
    assert not any("30 months" in hit.passage.text for hit in expert.search("gearbox oil"))
    expert.corrections.undo(hidden.id)
    assert any("30 months" in hit.passage.text for hit in expert.search("gearbox oil"))

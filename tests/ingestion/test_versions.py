"""`--as-of`: what was known on an earlier day, for those who may read it then and now, until it is forgotten."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from parts import read_nothing

from metier import Expert
from metier.core.documents import document_id
from metier.core.errors import InputError, StoreError
from metier.core.moments import moment_of
from metier.services import earlier
from metier.store import Filter
from metier.store.lance import store as lance_store

pytestmark = pytest.mark.slow
QUESTION = "How tight are the blade root nuts of the NV-110?"


class Clock:
    """The days of a store: `day` says which one it is."""

    def __init__(self, monkeypatch):
        self.day = 0
        self.first = datetime.now(UTC) - timedelta(days=20)
        monkeypatch.setattr(lance_store, "_now", lambda: self.of(self.day))

    def of(self, day, hours=0):
        return self.first + timedelta(days=day, hours=hours)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.fixture
def aged(expert, docs, clock, monkeypatch):
    """Day 0: four documents. Day 3: the nuts take 850 Nm. Day 6: they are in no document any more."""
    read_nothing(expert.folder)
    with Expert.open(expert.folder) as made:
        monkeypatch.setattr(earlier, "_first", lambda _runtime: clock.first)
        made.sync()
        clock.day = 3
        (docs / "bolts.txt").write_text("The blade root nuts of the NV-110 are tightened to 850 Nm.")
        (docs / "prices.csv").write_text("part,price\nYaw pad P-17,340 SEK\nBrake disc P-18,2100 SEK\n")
        made.sync()
        clock.day = 6
        (docs / "bolts.txt").unlink()
        (docs / "new.md").write_text("# Crane\n\nThe crane lifts 5 t.")
        made.sync()
        clock.day = 20
        yield made


def said(expert, day, **options):
    hits = expert.search(QUESTION, 10, as_of=day, **options)
    return [hit.passage.text for hit in hits if "nuts" in hit.passage.text]


def test_each_day_answers_with_what_was_known_on_it(aged, clock):
    texts = [said(aged, clock.of(day, 1)) for day in (0, 2, 3, 5, 6, 10)]
    assert [[text[-7:-1] for text in found] for found in texts] == [["840 Nm"]] * 2 + [["850 Nm"]] * 2 + [[]] * 2
    assert said(aged, None) == []
    answers = [aged.ask(QUESTION, as_of=clock.of(day, 1)) for day in (1, 4, 8)]
    assert ["840 Nm" in answers[0].text, "850 Nm" in answers[1].text, "0 Nm" in answers[2].text] == [True, True, False]
    assert [cited.document for sentence in answers[0].sentences for cited in sentence.citations] == ["docs/bolts.txt"]
    assert any(note.startswith("As known on ") for note in answers[0].notes)
    for day, uris in (
        (1, {"bolts.txt", "gearbox.md", "prices.csv", "বাংলা.md"}),
        (8, {"gearbox.md", "prices.csv", "বাংলা.md", "new.md"}),
    ):
        assert {info.uri for info in aged.earlier.at(clock.of(day)).documents()} == {f"docs/{name}" for name in uris}


def test_tables_are_those_of_the_day(aged, clock):
    question = "What is the price of the yaw pad P-17?"
    assert [("320" in aged.ask(question, as_of=clock.of(day, 1)).text) for day in (1, 4)] == [True, False]
    assert "340" in aged.ask(question, as_of=clock.of(4)).text
    most = "What is the sum of all prices?"
    sums = [aged.ask(most, as_of=clock.of(day, 1)).text for day in (1, 4)]
    assert ["2,420" in sums[0] or "2420" in sums[0], "2,440" in sums[1] or "2440" in sums[1]] == [True, True]


def test_what_is_not_kept_is_told_with_the_oldest_day(aged, clock):
    with pytest.raises(InputError, match=rf"known from {clock.first.astimezone():%Y-%m-%d}"):
        aged.search(QUESTION, as_of=clock.of(-1))
    with pytest.raises(InputError, match="still to come"):
        aged.search(QUESTION, as_of=datetime.now(UTC) + timedelta(days=2))
    with pytest.raises(InputError, match="no day"):
        aged.ask(QUESTION, as_of="yesterday")
    with pytest.raises(InputError, match="documents of no day"):
        aged.ask(QUESTION, mode="base", as_of=clock.of(1))


def test_a_day_ends_at_midnight_here():
    day = datetime.now().astimezone() - timedelta(days=3)
    assert moment_of(f"{day:%Y-%m-%d}").astimezone() == day.replace(hour=23, minute=59, second=59, microsecond=999999)
    assert moment_of(day) == day
    assert abs(moment_of(f"{datetime.now():%Y-%m-%d}") - datetime.now(UTC)) < timedelta(seconds=5)


def test_who_may_not_read_a_document_now_reads_no_version_of_it(aged, docs, clock):
    public = Filter(groups=())
    assert said(aged, clock.of(1), where=public)
    settings = aged.folder / "metier.toml"
    settings.write_text(settings.read_text() + 'groups = ["board"]\n', encoding="utf-8")  # before any sync
    assert not said(aged, clock.of(1), where=public)
    assert said(aged, clock.of(1), where=Filter(groups=("board",)))
    assert aged.ask(QUESTION, as_of=clock.of(1), where=public).abstained
    aged.runtime.reload_settings()
    aged.sync()
    assert aged.search("gearbox oil", where=Filter(groups=("board",)))
    for day in (1, 4):
        assert aged.search("gearbox oil", 10, public, as_of=clock.of(day)) == []
    assert aged.search("gearbox oil", 10, Filter(groups=("board",)), as_of=clock.of(4))


def test_who_could_not_read_it_then_cannot_read_that_version_now(tmp_path, docs, clock, monkeypatch):
    monkeypatch.setattr(earlier, "_first", lambda _runtime: clock.first)
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(docs), groups=("board",))
        expert.sync()
        settings = expert.folder / "metier.toml"
        settings.write_text(settings.read_text().replace('groups = ["board"]\n', ""))
        expert.runtime.reload_settings()
        clock.day = 3
        expert.sync()
        public = Filter(groups=())
        assert said(expert, None, where=public)
        assert said(expert, clock.of(1), where=public) == []
        assert said(expert, clock.of(1), where=Filter(groups=("board",)))


def test_what_was_deleted_and_its_source_taken_out_is_for_those_who_could_read_it(tmp_path, docs, clock, monkeypatch):
    monkeypatch.setattr(earlier, "_first", lambda _runtime: clock.first)
    (docs / "board").mkdir()
    (docs / "board" / "nuts.txt").write_text("The secret nuts take 999 Nm.")
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(docs), exclude=("docs/board/*",))
        expert.add(str(docs / "board"), groups=("board",))
        expert.sync()
        clock.day = 3
        (docs / "board" / "nuts.txt").unlink()
        expert.sync(allow_empty=True)
        board, public = Filter(groups=("board",)), Filter(groups=())
        assert any("999" in text for text in said(expert, clock.of(1), where=board))
        assert not any("999" in text for text in said(expert, clock.of(1), where=public))
        expert.remove("../docs/board")
        assert not any("999" in text for text in said(expert, clock.of(1), where=board))
        assert any("999" in text for text in said(expert, clock.of(1)))


def test_what_is_hidden_now_is_hidden_on_every_day(aged, docs, clock):
    (docs / "bolts.txt").write_text("Note.\n\nThe blade root nuts of the NV-110 are tightened to 840 Nm.")
    aged.sync()
    (passage,) = [hit.passage for hit in aged.search(QUESTION) if "840 Nm" in hit.passage.text]
    old = aged.search(QUESTION, as_of=clock.of(1))[0].passage
    assert old.id != passage.id
    hidden = aged.corrections.hide(aged.search("gearbox oil")[0].passage.id)
    assert aged.corrections.accept(hidden.id) if hidden.state == "queued" else hidden.in_force
    assert not [hit for hit in aged.search("gearbox oil", as_of=clock.of(4)) if "30 months" in hit.passage.text]


def test_old_versions_go_when_their_time_is_over(aged, docs, clock, monkeypatch):
    assert said(aged, clock.of(1))
    clock.day = 34  # what was replaced on day 3 was so 31 days ago
    (docs / "new.md").write_text("# Crane\n\nThe crane lifts 6 t.")
    aged.sync()
    day = aged.runtime.store.begins()
    assert abs(day - clock.of(4)) < timedelta(minutes=1)
    with pytest.raises(InputError, match="known from"):
        said(aged, clock.of(1))
    assert [text[-7:-1] for text in said(aged, clock.of(5))] == ["850 Nm"]


def test_prune_leaves_nothing_of_what_was(aged, clock, call_metier):
    assert said(aged, clock.of(1))
    folder = aged.runtime.state_folder / "store"
    aged.close()
    before = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    clock.day = 21
    told = json.loads(call_metier("prune", "--keep-days", "0", "--json", "-e", str(aged.folder)).stdout)
    after = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert told["freed"] >= before - after > 0
    assert datetime.fromisoformat(told["begins"]) > clock.of(20)
    with Expert.open(aged.folder) as again:
        with pytest.raises(InputError, match="known from"):
            again.search(QUESTION, as_of=clock.of(4))
        assert again.search("what does the crane lift?")[0].passage.uri == "docs/new.md"
        assert again.sync().unchanged == 4


def test_without_versions_that_is_told(expert, docs, clock):
    path = expert.folder / "metier.toml"
    path.write_text(path.read_text() + "\n[store]\nkeep_versions_days = 0\n")
    with Expert.open(expert.folder) as made:
        with pytest.raises(StoreError, match="nothing is kept"):
            made.search(QUESTION, as_of=clock.of(1))
        made.sync()
        clock.day = 3
        (docs / "bolts.txt").unlink()
        made.sync()
        with pytest.raises(InputError, match="known from"):
            made.search(QUESTION, as_of=clock.of(2))


def test_an_index_of_an_earlier_release_keeps_versions_from_its_next_change_on(aged, docs, clock):
    """Its rows do not say since when they are there, so they are taken to have been there before."""
    aged.close()
    folder = aged.runtime.state_folder / "store"
    import lancedb

    database = lancedb.connect(folder)
    (name,) = [each for each in database.list_tables().tables if each.startswith("passages_")]
    database.open_table(name).drop_columns(["since"])
    (folder / "versions.json").unlink()
    shutil.rmtree(folder / f"{name.replace('passages_', 'past_')}.lance")
    with Expert.open(aged.folder) as made:
        with pytest.raises(StoreError, match="nothing is kept"):
            made.search(QUESTION, as_of=clock.of(19))
        assert made.search("what does the crane lift?")
        clock.day = 12
        (docs / "new.md").write_text("# Crane\n\nThe crane lifts 6 t.")
        assert made.sync().changed == 1
        clock.day = 14
        (docs / "gearbox.md").unlink()
        made.sync()
        found = {day: [hit.passage.text for hit in made.search("gearbox oil", as_of=clock.of(day))] for day in (13, 15)}
        assert [any("30 months" in text for text in texts) for texts in found.values()] == [True, False]


def test_the_command_line_and_a_document_that_came_back(aged, docs, clock, call_metier):
    (docs / "bolts.txt").write_text("The blade root nuts of the NV-110 are tightened to 860 Nm.")
    aged.sync()
    texts = [said(aged, clock.of(day, 1)) for day in (1, 4, 8)]
    assert [[text[-7:-1] for text in found] for found in texts] == [["840 Nm"], ["850 Nm"], []]
    day = f"{clock.of(1).astimezone():%Y-%m-%d}"
    hits = json.loads(call_metier("search", QUESTION, "--as-of", day, "--json", "-e", str(aged.folder)).stdout)["hits"]
    assert "840 Nm" in hits[0]["text"]
    assert aged.runtime.store.document(document_id("docs/bolts.txt")).text.endswith("860 Nm.")
    assert (
        "known from" in call_metier("search", QUESTION, "--as-of", "2020-01-01", "-e", str(aged.folder), check=2).stderr
    )

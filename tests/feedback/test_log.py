"""The log on its own: what it returned from is there, for whoever looks."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from state_places import OPENS, arguments

from metier.core.documents import Passage
from metier.core.errors import InputError, StoreError
from metier.feedback.log import Log
from metier.feedback.records import LOST, MOVED, PLACED, REMOVED, Correction, Feedback

PASSAGE = Passage(
    "p1", "d1", "নীল চাবি, 风机", 3, 16, ("Title", "বিভাগ"), 4, "7", "a.md", "Title", "bn", ("x",), {"k": "v=1"}
)  # fmt: skip
MADE = Correction("", "প্রশ্ন?", "উত্তর", "hide", PASSAGE, None, "", ("x",), "why", "রিনা")


@pytest.fixture
def log(state_place):
    opened = Log(state_place)
    yield opened
    opened.close()


def test_reading_makes_nothing(log, tmp_path):
    assert (log.corrections(), log.feedback(), log.history("x"), log.version()) == ([], [], [], 0)
    with pytest.raises(InputError, match="no correction 'x'"):
        log.get("x")
    assert list(tmp_path.iterdir()) == []


def test_a_correction_comes_back_as_it_went_in(log, state_place):
    kept = log.queue(MADE)
    assert (kept.passage, kept.question, kept.groups, kept.who) == (PASSAGE, "প্রশ্ন?", ("x",), "রিনা")
    assert (kept.state, kept.decided_by, kept.passages) == ("queued", "রিনা", ("p1",))
    log.close()
    assert log.corrections() == [kept] == Log(state_place).corrections()


def test_feedback_comes_back_in_the_order_in_which_it_came(log):
    first = log.add(Feedback("down", "q", "a", citations=({"document_id": "d", "sentence": (0, 3)},)))
    second = log.add(Feedback("up", "প্রশ্ন", "উত্তর", who="রিনা"))
    assert log.feedback() == [first, second]
    assert (first.id, second.id, first.citations[0]["sentence"]) == (1, 2, [0, 3])


def test_the_state_is_read_off_the_actions_and_none_of_them_is_ever_lost(log):
    name = log.queue(MADE).id
    log.act(name, "accepted", who="a", of=("queued",))
    log.act(name, PLACED, who="metier", detail={"passages": ["c1"]})
    log.act(name, MOVED, who="metier", detail={"passages": ["p2", "p3"], "look_again": "cut"})
    now = log.get(name)
    assert (now.state, now.placed, now.passages, now.known_ids) == (
        "accepted",
        ("c1",),
        ("p2", "p3"),
        ("p1", "p2", "p3"),
    )
    assert now.look_again == "cut"
    log.act(name, LOST, who="metier", detail={"look_again": "gone"})
    log.act(name, "undone", who="b", why="wrong")
    assert log.get(name).unfinished
    now = log.act(name, REMOVED, who="metier")
    assert (now.state, now.placed, now.passages, now.look_again) == ("undone", (), (), "gone")
    assert (now.decided_by, now.unfinished) == ("b", False)
    actions = [action.action for action in log.history(name)]
    assert actions == ["queued", "accepted", PLACED, MOVED, LOST, "undone", REMOVED]
    assert [action.number for action in log.history(name)] == list(range(1, 8))


def test_what_was_decided_meanwhile_is_not_decided_again(log):
    name = log.queue(MADE).id
    log.act(name, "accepted", who="a", of=("queued",))
    with pytest.raises(InputError, match=f"{name} is accepted, so it cannot be dismissed"):
        log.act(name, "dismissed", who="b", of=("queued",))
    with pytest.raises(InputError, match="no correction"):
        log.act("00000000", "accepted", who="b")
    assert len(log.history(name)) == 2


def test_of_many_who_decide_at_once_one_does(log, state_place):
    name = log.queue(MADE).id
    others = [Log(state_place) for _ in range(8)]
    done = []

    def decide(mine: Log) -> None:
        try:
            mine.act(name, "accepted", who="a", of=("queued",))
            done.append("accepted")
        except InputError:
            done.append("refused")
        finally:
            mine.close()

    threads = [threading.Thread(target=decide, args=(mine,)) for mine in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["accepted", *["refused"] * 7]


def test_the_version_changes_with_what_any_process_writes_and_with_nothing_else(log, state_place):
    log.queue(MADE)
    first = log.version()
    log.corrections()
    assert log.version() == first
    log.add(Feedback("up", "q", "a"))
    second = log.version()
    other = Log(state_place)
    other.add(Feedback("up", "q", "a"))
    other.close()
    assert len({first, second, log.version()}) == 3


_WRITER = f"""{OPENS}
from metier.feedback.log import Log
from metier.feedback.records import Correction
log = Log(place)
while True:
    print(log.queue(Correction("", "q", "a")).id, flush=True)
"""


def test_two_processes_that_write_and_are_killed_lose_nothing_they_said_was_saved(state_place):
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, *arguments(state_place)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [writer.stdout.readline().strip() for _ in range(10) for writer in writers]
    for writer in writers:
        writer.kill()
        said += [line.strip() for line in writer.stdout if line.endswith("\n")]
        writer.stdout.close()
        writer.wait()
    log = Log(state_place)
    assert set(said) <= {each.id for each in log.corrections()}
    assert {each.state for each in log.corrections()} == {"queued"}
    log.close()
    if not isinstance(state_place, Path):
        return
    connection = sqlite3.connect(state_place)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_commits_are_flushed(tmp_path):
    log = Log(tmp_path / "catalog.sqlite")
    log.add(Feedback("up", "q", "a"))
    with log._database.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL
    log.close()


def test_a_file_that_is_no_log_is_a_clear_error(tmp_path):
    path = tmp_path / "catalog.sqlite"
    path.write_text("no database, but long enough to look like one" * 100)
    log = Log(path)
    with pytest.raises(StoreError, match=r"catalog\.sqlite.*not a database"):
        log.corrections()
    log.close()

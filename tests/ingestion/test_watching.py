"""`metier sync --watch`: what changes is there soon, and nothing else is looked at more often than it should be."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from metier import Expert
from metier.core.errors import InputError, SettingsError
from metier.core.intervals import seconds_of
from metier.ingestion.work import SyncReport
from metier.services import watching
from metier.services.watching import Schedule

pytestmark = pytest.mark.slow


@contextmanager
def watched(expert):
    """Reports and changes as they come, while it watches in a thread."""
    heard, changes, stop = [], [], threading.Event()
    thread = threading.Thread(
        target=lambda: expert.watch(heard.append, stop=stop, on_change=lambda *change: changes.append(change))
    )
    thread.start()
    try:
        yield heard, changes
    finally:
        stop.set()
        thread.join(90)
        assert not thread.is_alive()


def until(holds, seconds=90):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.02)


def quick(expert, more=""):
    path = expert.folder / "metier.toml"
    path.write_text(path.read_text() + f'\n[sync]\nquiet = "0.1s"\n{more}')
    expert.runtime.reload_settings()


def test_each_change_of_a_file_is_there_soon(expert, docs):
    quick(expert)
    with watched(expert) as (heard, changes):
        until(lambda: heard)
        assert heard[0].added == 4
        changes.clear()
        (docs / "nuts.txt").write_text("The hub nuts take 510 Nm.")
        until(lambda: changes == [("added", "docs/nuts.txt")])
        (docs / "nuts.txt").rename(docs / "hub.txt")
        until(lambda: changes[1:] == [("moved", "docs/hub.txt")])
        (docs / "hub.txt").unlink()
        until(lambda: changes[2:] == [("deleted", "docs/hub.txt")])
        (docs / ".hidden").write_text("no document")
        (docs / "bolts.txt").write_text("The blade root nuts take 850 Nm.")
        until(lambda: changes[3:] == [("changed", "docs/bolts.txt")])
        until(lambda: sum(report.changed for report in heard) == 1)
    assert any("850 Nm" in hit.passage.text for hit in expert.search("blade root nuts"))


def test_sources_that_are_added_and_folders_that_come_are_watched_too(expert, docs, tmp_path):
    quick(expert)
    with watched(expert) as (heard, changes):
        until(lambda: heard)
        (tmp_path / "more").mkdir()
        (tmp_path / "more" / "a.md").write_text("The crane lifts 5 t.")
        Expert.open(expert.folder).add(str(tmp_path / "more"))
        until(lambda: ("added", "more/a.md") in changes)
        (tmp_path / "more" / "b.md").write_text("The winch lifts 2 t.")
        until(lambda: ("added", "more/b.md") in changes)
        before = len(heard)
        docs.rename(tmp_path / "away")
        until(lambda: any(report.unreachable for report in heard[before:]))
        assert not [change for change in changes if change[0] == "deleted"]
        (tmp_path / "away").rename(docs)
        (docs / "back.md").write_text("The share is mounted again.")
        until(lambda: ("added", "docs/back.md") in changes)


def test_a_sync_of_another_process_is_waited_for(expert, docs, monkeypatch):
    from metier.core.locks import exclusive

    monkeypatch.setattr(watching, "_SOONEST", 0.1)
    monkeypatch.setattr("metier.expert.WRITE_PATIENCE", 0.1)
    quick(expert)
    with exclusive(expert.runtime.state_folder / "sync.lock"):
        watcher = watched(expert)
        heard, _ = watcher.__enter__()
        until(lambda: heard)
    assert isinstance(heard[0], InputError)
    assert "another sync" in heard[0].message
    until(lambda: any(isinstance(each, SyncReport) for each in heard))
    watcher.__exit__(None, None, None)


def test_each_source_has_its_own_time(expert):
    path = expert.folder / "metier.toml"
    path.write_text(
        path.read_text() + '\n[[sources]]\nurl = "https://example.com/a"\nevery = "15min"\n\n'
        '[[sources]]\nurl = "https://example.com/b"\n\n[sync]\nevery = "2h"\n'
    )
    expert.runtime.reload_settings()
    schedule = Schedule(expert.settings)
    assert len(schedule.names(0.0)) == 3
    schedule.looked(None, SyncReport(), 1000.0)
    assert schedule.names(1001.0) == []
    assert schedule.names(1000.0 + 900) == ["https://example.com/a"]
    schedule.looked(["https://example.com/a"], SyncReport(), 1900.0)
    assert schedule.names(2000.0) == []
    assert schedule.names(1000.0 + 7200) == ["../docs", "https://example.com/a", "https://example.com/b"]
    schedule.looked(None, SyncReport(unreachable=["https://example.com/b"]), 9000.0)
    waits = []
    for _ in range(12):
        waits.append(schedule.again - 9000.0)
        assert schedule.names(schedule.again - 0.1) is not None
        assert schedule.names(schedule.again) is None
        schedule.looked(None, SyncReport(unreachable=["https://example.com/b"]), 9000.0)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (15.0, 3600.0)
    schedule.looked(None, SyncReport(), 9000.0)
    assert schedule.again is None


def test_what_is_not_looked_at_stays_as_it_was(tmp_path, docs):
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.md").write_text("The crane lifts 5 t.")
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(docs))
        expert.add(str(other))
        expert.sync()
        (other / "a.md").unlink()
        (other / "b.md").write_text("The winch lifts 2 t.")
        (docs / "bolts.txt").unlink()
        report = expert.sync(only=["../docs"])
        assert (report.added, report.deleted, report.unchanged, report.kept) == (0, 1, 3, 0)
        assert {item.uri for item in expert.items() if item.source == "../other"} == {"other/a.md"}
        report = expert.sync()
        assert (report.added, report.deleted) == (1, 1)


def test_sources_for_different_readers_are_looked_at_together(tmp_path, docs):
    """A file that is in two sources is for those whom both let read it, whichever is due."""
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(docs), groups=("board", "works"))
        expert.add(str(docs / "bolts.txt"), groups=("board",))
        expert.sync()
        (docs / "bolts.txt").write_text("The blade root nuts take 850 Nm.")
        expert.sync(only=["../docs"])
        assert {item.groups for item in expert.items() if item.uri.endswith("bolts.txt")} == {("board",)}


@pytest.mark.parametrize(("written", "seconds"), [("90s", 90), ("15min", 900), ("1.5h", 5400), ("2 d", 172800)])
def test_lengths_of_time(written, seconds):
    assert seconds_of(written) == seconds


@pytest.mark.parametrize("written", ["", "0s", "1", "1 week", "-5min", "h", "1e9h"])
def test_what_is_no_length_of_time_is_told(turbines, written):
    path = turbines / "metier.toml"
    path.write_text(path.read_text() + f'\n[sync]\nevery = "{written}"\n')
    with pytest.raises(SettingsError, match="15min"):
        Expert.open(turbines)


def test_how_often_a_source_is_looked_at_is_said_where_it_is_added(turbines, tmp_path, call_metier):
    (tmp_path / "more").mkdir()
    call_metier("add", "more", "--every", "15min", "-e", "turbines")
    assert [each.every for each in Expert.open(turbines).settings.sources] == [None, "15min"]
    assert "15min" in call_metier("add", "docs/bolts.txt", "--every", "soon", "-e", "turbines", check=2).stderr


def test_on_the_command_line_it_ends_in_order_with_a_line_for_each_sync(turbines, docs, call_metier, tmp_path):
    command = [
        sys.executable,
        "-c",
        "from metier.cli import main; main()",
        "sync",
        "--watch",
        "--json",
        "-e",
        "turbines",
    ]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        first = json.loads(process.stdout.readline())
        assert first["unchanged"] == 4
        (docs / "nuts.txt").write_text("The hub nuts take 510 Nm.")
        second = json.loads(process.stdout.readline())
        assert (second["added"], second["unchanged"]) == (1, 4)
    finally:
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=90)
    assert (process.returncode, out) == (0, "")
    assert "Stopped" in told
    assert "Traceback" not in told
    assert "none of --rebuild" in call_metier("sync", "--watch", "--rebuild", "-e", "turbines", check=2).stderr

"""What one process holds and another waits for: the other is told by whom."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest

from metier import Expert
from metier.core.errors import InputError, StoreError
from metier.state import file_database

HOLDS_STATE = """
import sqlite3, sys, time
with sqlite3.connect(sys.argv[1], isolation_level=None) as held:
    held.execute("BEGIN IMMEDIATE")
    print("held", flush=True)
    sys.stdin.readline()
"""
HOLDS_SYNC = """
import sys
from pathlib import Path
from metier.core.locks import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holding():
    """Start a program that holds something until it is told to let go."""
    started = []

    def hold(program: str, path) -> subprocess.Popen:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = subprocess.Popen([sys.executable, "-c", program, str(path)], text=True, **pipes)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        let_go(process)


def let_go(process: subprocess.Popen) -> None:
    if process.stdin.closed:
        return
    process.stdin.close()
    process.wait(60)
    process.stdout.close()


@pytest.mark.skipif(not os.path.exists("/proc/locks"), reason="only Linux says who has locked a file")
def test_a_locked_state_says_which_process_holds_it(turbines, holding, monkeypatch, caplog):
    monkeypatch.setattr(file_database, "_PATIENCE", 0.3)
    monkeypatch.setattr(file_database, "_QUIET", 0.1)
    state = turbines / ".metier" / "catalog.sqlite"
    with Expert.open(turbines) as expert:
        assert expert.syncs()  # the file has its reader already
        holder = holding(HOLDS_STATE, state)
        with pytest.raises(StoreError, match=f"locked it: `python.*process {holder.pid}, which runs since 20") as told:
            expert.corrections.give_feedback("up", "Who?", "Me.")
        assert "backup" not in told.value.message
        assert f"process {holder.pid}" in caplog.text  # said while it waits
        assert len(expert.items()) == 4  # who reads does not wait
        let_go(holder)
        assert expert.corrections.give_feedback("up", "Who?", "Me.").id == 1


def test_a_state_that_is_free_again_in_time_is_written(turbines, monkeypatch):
    monkeypatch.setattr(file_database, "_QUIET", 0.05)
    state = turbines / ".metier" / "catalog.sqlite"
    with Expert.open(turbines) as expert, sqlite3.connect(state, isolation_level=None, check_same_thread=False) as held:
        import threading

        held.execute("BEGIN IMMEDIATE")
        threading.Timer(0.5, lambda: held.execute("ROLLBACK")).start()
        assert expert.corrections.give_feedback("up", "Who?", "Me.").id == 1
    held.close()


def test_a_second_sync_says_who_syncs(turbines, holding, monkeypatch):
    monkeypatch.setattr("metier.expert.WRITE_PATIENCE", 0.1)
    lock = turbines / ".metier" / "sync.lock"
    holder = holding(HOLDS_SYNC, lock)
    with Expert.open(turbines) as expert:
        with pytest.raises(InputError, match=rf"another sync is running.*process {holder.pid} on \S+, since 20\d\d-"):
            expert.sync()
        let_go(holder)
        assert expert.sync().unchanged == 4
    assert not lock.with_name("sync.lock.json").exists()

"""Files that several processes make at the same moment."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

from metier.state.sqlite import write_ahead

_OPENER = """
import sqlite3, sys
from metier.state.sqlite import write_ahead
sys.stdin.readline()
connection = sqlite3.connect(sys.argv[1], timeout=30)
write_ahead(connection)
connection.execute("CREATE TABLE IF NOT EXISTS said (word)")
connection.execute("INSERT INTO said VALUES (1)")
connection.commit()
"""


def test_processes_that_open_a_new_file_at_once_wait_for_each_other(tmp_path):
    openers = [
        subprocess.Popen([sys.executable, "-c", _OPENER, str(tmp_path / "new.sqlite")], stdin=subprocess.PIPE)
        for _ in range(6)
    ]
    for opener in openers:
        opener.stdin.write(b"\n")
        opener.stdin.close()
    assert [opener.wait(60) for opener in openers] == [0] * 6
    connection = sqlite3.connect(tmp_path / "new.sqlite")
    assert connection.execute("SELECT count(*) FROM said").fetchone() == (6,)
    connection.close()


def test_a_file_that_stays_locked_is_told_in_time(tmp_path):
    holder = sqlite3.connect(tmp_path / "held.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    other = sqlite3.connect(tmp_path / "held.sqlite", timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        write_ahead(other, patience=0.05)
    holder.execute("ROLLBACK")
    write_ahead(other)
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    holder.close()

"""`metier flow`: what a person reads, and what a scheduler is told by exit codes and JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from metier.core.locks import exclusive
from metier.services.flow import LOCK

pytestmark = pytest.mark.slow


def value(done):
    """Stdout is one JSON value and nothing else."""
    return json.loads(done.stdout)


def test_exit_codes_and_json_say_what_happened(call_metier, waiting):
    at = ("-e", str(waiting))
    assert value(call_metier("flow", "run", *at, "--json", check=4))["state"] == "waiting"
    with exclusive(waiting / ".metier" / LOCK):
        busy = call_metier("flow", "run", *at, check=5)
    assert "another flow is running on this expert" in busy.stderr
    approved = value(call_metier("flow", "approve", *at, "--who", "Ada", "--json"))
    assert (approved["outcome"], approved["candidate"], approved["exit_code"]) == ("promoted", "parts@2", 0)
    assert value(call_metier("flow", "run", *at, "--json"))["outcome"] == "unchanged"
    assert [run["outcome"] for run in value(call_metier("flow", "history", *at, "--json"))] == ["promoted", "unchanged"]
    assert "no run 7" in call_metier("flow", "explain", "7", *at, check=2).stderr
    plan = value(call_metier("flow", "run", *at, "--dry-run", "--json"))
    assert (plan["decision"]["action"], plan["goes_on"]) == ("unchanged", None)


def test_what_a_person_reads(call_metier, waiting):
    at = ("-e", str(waiting))
    said = call_metier("flow", "explain", *at).stdout
    assert "run 1: parts@2 waits to be approved" in said
    assert "It is better in all questions: 1.00 against 0.00: +1.00 (+0.7" in said
    assert "prompts exported forms differ from the adapter, in nats a token: merged by 0.0" in said
    assert "Since then 0 documents came, 7 changed and 1 went." in said
    rejected = call_metier("flow", "reject", *at, "--why", "not now").stdout
    assert "parts@2 was rejected; parts@1 stays in production." in rejected
    assert "Rejected by a person: not now." in " ".join(call_metier("flow", "history", *at).stdout.split())
    dry = call_metier("flow", "run", *at, "--dry-run").stdout
    assert "A new run would do: sync, drift, questions, rows, tune, exam, parity, judge, promote, report, tell" in dry
    assert "nothing was changed" in dry


def test_watching_ends_when_it_is_told_to(folder):
    command = [
        sys.executable,
        "-c",
        "from metier.cli import main; main()",
        "flow",
        "watch",
        "-e",
        str(folder),
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        first = json.loads(process.stdout.readline())
        assert (first["number"], first["outcome"]) == (1, "unchanged")
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0

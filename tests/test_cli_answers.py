"""Answers on a terminal, written by a scripted endpoint."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest
from paced_scripted_endpoint import scripted_endpoint

pytestmark = pytest.mark.slow

WRITTEN = (
    "The blade root nuts of the NV-110 are tightened to **840 Nm**. They are painted bright green by robots.\n\n"
    "- The gearbox oil of the NV-110 is changed every 30 months.\n"
)
QUESTION = "How tight are the blade root nuts of the NV-110, and when is the oil changed?"
COMMAND = [sys.executable, "-u", "-c", "from metier.cli import main; main()"]


@pytest.fixture
def endpoint():
    with scripted_endpoint(WRITTEN) as endpoint:
        yield endpoint


@pytest.fixture
def asked(turbines, endpoint):
    """An expert whose model is the endpoint."""
    settings = turbines / "metier.toml"
    model = f'[generation]\nmodel = "openai:scripted"\nurl = "{endpoint.url}"\n'
    settings.write_text(re.sub(r"\[generation\]\nmodel = .*\n", model, settings.read_text()))
    return endpoint


class Terminal:
    """A program that believes to be on a terminal."""

    def __init__(self, *arguments, cwd):
        self._own, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env=os.environ | {"TERM": "dumb", "COLUMNS": "200", "NO_COLOR": "1"},
        )  # fmt: skip
        os.close(theirs)
        self.said = ""

    def until(self, text, seconds=60):
        """Read on until `text` was said."""
        end = time.monotonic() + seconds
        while text not in self.said:
            ready, _, _ = select.select([self._own], [], [], max(0.0, end - time.monotonic()))
            assert ready, self.said
            self._read()
        return self.said

    def end(self):
        try:
            while True:
                self._read()
        except OSError:  # the other side is gone
            pass
        self.process.wait(20)
        os.close(self._own)
        return self.said

    def type(self, text):
        os.write(self._own, text.encode())

    def _read(self):
        self.said += os.read(self._own, 4096).decode("utf-8", "replace").replace("\r\n", "\n")


def test_an_answer_is_printed_as_it_is_written(asked, tmp_path):
    asked.hold_before_last = True
    terminal = Terminal("ask", QUESTION, cwd=tmp_path)
    terminal.until("every 30")
    assert not asked.done.is_set()
    asked.released.set()
    said = terminal.end()
    assert (
        said.count("They are painted bright green by robots.") == 2
    )  # in the text, and below as one that is not found in the documents
    assert re.search(r"✗ “They are painted bright green by robots\.” stands in no document", said)
    assert "[1] docs/bolts.txt" in said
    assert terminal.process.returncode == 0


def test_json_has_the_old_fields_and_the_new(asked, call_metier):
    answer = json.loads(call_metier("ask", QUESTION, "--json").stdout)
    assert answer["text"] == WRITTEN.strip()
    assert (answer["style"], answer["finish_reason"], answer["nearest"]) == ("written", "stop", [])
    supports = [each["support"] for each in answer["sentences"]]
    assert supports.count("not") == len(answer["unsupported"]) == 1
    assert {each["document"] for each in answer["citations"]} == {"docs/bolts.txt", "docs/gearbox.md"}


def test_ctrl_c_in_chat_stops_the_answer_and_not_the_chat(asked, tmp_path):
    asked.says, asked.pace = "word " * 1000, 0.02
    terminal = Terminal("chat", cwd=tmp_path)
    terminal.until("›")
    terminal.type("How tight are the nuts?\n")
    terminal.until("word word word")
    os.killpg(terminal.process.pid, signal.SIGINT)
    terminal.until("Stopped.")
    assert asked.closed.wait(5)
    asked.says, asked.pace = WRITTEN, 0.0
    terminal.type(f"{QUESTION}\n")
    terminal.until("[1] docs/bolts.txt")
    terminal.until("s · confidence")
    terminal.type("\n")
    terminal.end()
    assert terminal.process.returncode == 0


def test_a_refusal_names_what_was_looked_for_and_the_nearest_places(asked, call_metier):
    asked.says = "The documents do not say who painted the tower."
    said = call_metier("ask", "Who painted the tower of the NV-110?").stdout
    assert "Looked for: " in said
    assert "Nearest: docs/" in said

"""A server in a process of its own, on the sample expert, for tests that look at it from outside."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
from parts import answer_briefly, read_nothing, write_documents

from metier import Expert

SECRET_DOCUMENT = "# Safe\n\nThe code of the Vargmyr safe is 4711.\n"
QUESTION = "How often is the gearbox oil of the NV-110 changed?"
COMMAND = [sys.executable, "-u", "-c", "from metier.cli import main; main()"]


def sample_expert(place: Path, serving: str = "", groups: tuple[str, ...] = (), secret: str = "") -> Path:
    """The folder of an expert. `serving`: lines of its [serving]; `groups`: of its documents; `secret`: text of one
    more, secret/safe.md, for the group `board` alone."""
    write_documents(place / "docs")
    with Expert.create(place / "parts") as made:
        made.add(str(place / "docs"), groups=groups)
        if secret:
            (place / "secret").mkdir()
            (place / "secret" / "safe.md").write_text(secret)
            made.add(str(place / "secret"), groups=("board",))
        made.sync()
    answer_briefly(place / "parts")
    read_nothing(place / "parts")
    settings = place / "parts" / "metier.toml"
    settings.write_text(f"{settings.read_text()}\n[serving]\nparallel = 2\n{serving}\n")
    return place / "parts"


def open_loopback_to_all(settings: Path) -> None:
    """Without a key a test is the owner, unless it says otherwise; test_owner_token.py asks what a token opens. Not to
    be called by two threads at once."""
    text = settings.read_text()
    if "open_loopback" not in text:
        head, section, tail = text.partition("[serving]\n")
        settings.write_text(f"{head}{section or '[serving]' + chr(10)}open_loopback = true\n{tail}")


class Server:
    """A running one. `said`: what it printed when it had started; `log`: its stderr, a file. `environment`: added to
    this process's own."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.folder = folder
        open_loopback_to_all(folder / "metier.toml")
        self.log = folder.parent / "stderr.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "serve", "-e", str(folder), "--port", "0", *options],
                stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | environment,
            )  # fmt: skip
        self.said = self.process.stdout.readline()
        assert self.said, self.log.read_text()
        self.address = re.search(r"http://[\d.]+:\d+", self.said).group()
        with httpx.Client(transport=httpx.HTTPTransport(retries=20)) as client:
            while client.get(f"{self.address}/ready", timeout=60).status_code != 200:
                time.sleep(0.05)

    def ask(
        self, question: str = QUESTION, mode: str = "rag", stream: bool = False, **options: object
    ) -> httpx.Response:
        body = {"model": f"parts:{mode}", "messages": [{"role": "user", "content": question}], "stream": stream}
        return httpx.post(f"{self.address}/v1/chat/completions", json=body, **{"timeout": 60, **options})

    def get(self, path: str, **options: object) -> httpx.Response:
        return httpx.get(self.address + path, timeout=60, **options)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        return code

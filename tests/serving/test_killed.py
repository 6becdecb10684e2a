"""Servers that end: told to (what runs is finished), told twice, and killed at any moment (what was saved is there)."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest
from parts import PARTS

from metier import Expert

from .servers import QUESTION, Server, sample_expert
from .tuned import SAID

pytestmark = pytest.mark.slow

ROUNDS = 3
PROMOTES = """
import itertools, sys
from metier import Expert
with Expert.open(sys.argv[1]) as expert:
    for number in itertools.cycle((1, 2, 3)):
        print(expert.adapters.promote(f"parts@{number}").reference, flush=True)
"""


@pytest.fixture(scope="module")
def folder(tuned_expert, tmp_path_factory):
    place = shutil.copytree(tuned_expert.parent, tmp_path_factory.mktemp("killed") / "copy")
    return place / tuned_expert.name


class Life:
    """A server with everything at once: questions, corrections, and another process that promotes adapters."""

    def __init__(self, folder, secret: str, number: int) -> None:
        with Expert.open(folder) as expert:
            self._passage = expert.search(list(PARTS)[number])[0].passage.id
        self.server, self._number = Server(folder), number
        self.kept, self.answered, self.promoted = [], [], []
        self._client = httpx.Client(headers={"Authorization": f"Bearer {secret}"}, timeout=60)
        self._promoting = subprocess.Popen(
            [sys.executable, "-c", PROMOTES, str(folder)], stdout=subprocess.PIPE, text=True
        )
        jobs = (self._ask, self._correct, self._hear)
        self._threads = [threading.Thread(target=self._until_the_end, args=(job,)) for job in jobs]
        for thread in self._threads:
            thread.start()

    def kill(self) -> None:
        for process in (self.server.process, self._promoting):
            process.send_signal(signal.SIGKILL)
        for thread in self._threads:
            thread.join(30)
        self._client.close()
        for process in (self.server.process, self._promoting):
            process.wait(30)
            process.stdout.close()

    def _until_the_end(self, job) -> None:
        try:
            while True:
                job()
        except (httpx.TransportError, EOFError):
            pass

    def _ask(self) -> None:
        body = {"model": "parts:tuned", "messages": [{"role": "user", "content": "What does part A do?"}]}
        answer = self._client.post(f"{self.server.address}/v1/chat/completions", json=body)
        if answer.status_code == 200:  # before the first was promoted there is no such model
            self.answered.append(answer.json()["metier"])

    def _correct(self) -> None:
        """The first replaces a passage, which the store follows; the others are answers."""
        name = f"Z-{self._number}-{len(self.kept)}"
        said = {"question": f"Who made the widget {name}?", "answer": f"Factory {name}.", "at_once": "true"}
        if not self.kept:
            said |= {"answer": "", "change": "replace", "passage": self._passage, "text": f"Factory {name} made it."}
        answer = self._client.post(f"{self.server.address}/chat/correct", data=said)
        assert answer.status_code == 200, answer.text
        self.kept.append(said["question"])

    def _hear(self) -> None:
        line = self._promoting.stdout.readline()
        if not line.endswith("\n"):
            raise EOFError
        self.promoted.append(line.strip())


def test_what_was_saved_outlives_a_kill(folder, call_metier):
    made = call_metier(
        "keys", "create", "k", "-e", str(folder), "--scopes", "ask,feedback,admin", "--rate", "100000", "--json"
    ).stdout
    secret, kept, dice = json.loads(made)["secret"], [], random.Random(7)
    for number in range(ROUNDS):
        life = Life(folder, secret, number)
        until = time.monotonic() + 20
        while not (life.kept and life.promoted) and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(dice.uniform(0, 0.4))
        life.kill()
        assert all(answer["text"] == SAID[answer["adapter"]] for answer in life.answered)
        assert life.kept
        kept += life.kept
        with Expert.open(folder) as expert:
            there = {each.question: each for each in expert.corrections.all()}
            assert set(kept) <= set(there)
            assert all(there[question].in_force for question in kept)
            latest = int(life.promoted[-1][-1])
            assert expert.adapters.registry.production().version in (latest, latest % 3 + 1)  # or the one it was about
    survivor = Server(folder)
    try:
        headers = {"Authorization": f"Bearer {secret}"}
        answer = survivor.ask("What does part B do?", "tuned", headers=headers).json()["metier"]
        assert answer["text"] == SAID[answer["adapter"]]
    finally:
        survivor.stop()
    with Expert.open(folder) as expert:
        found = {hit.passage.text for hit in expert.search("Which factory made it?", 50)}
    assert found >= {f"Factory Z-{number}-0 made it." for number in range(ROUNDS)}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = sample_expert(tmp_path_factory.mktemp("ended"))
    toml = folder / "metier.toml"
    toml.write_text(toml.read_text().replace("max_tokens = 24", "max_tokens = 200"))  # seconds of writing
    return folder


def streaming(server) -> tuple[httpx.Client, object, object]:
    """An answer that is being written."""
    client = httpx.Client(timeout=60)
    body = {"model": "parts:base", "stream": True, "messages": [{"role": "user", "content": "Tell a long story."}]}
    response = client.stream("POST", f"{server.address}/v1/chat/completions", json=body)
    lines = response.__enter__().iter_lines()
    assert next(lines).startswith("data: ")
    return client, response, lines


def test_the_first_signal_lets_an_answer_end_and_the_second_does_not(sample):
    server = Server(sample)
    client, response, lines = streaming(server)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    with pytest.raises(httpx.ConnectError):  # nothing new is taken
        httpx.get(f"{server.address}/health")
    assert server.process.poll() is None
    rest = list(lines)
    assert rest[-2] == "data: [DONE]"
    response.__exit__(None, None, None)
    client.close()
    assert server.process.wait(60) in (0, -signal.SIGTERM)
    server.stop()

    server = Server(sample)
    client, response, lines = streaming(server)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.stop() == 128 + signal.SIGTERM
    assert time.monotonic() - began < 1
    with pytest.raises(httpx.RemoteProtocolError):
        list(lines)
    client.close()


def test_killed_while_it_answers_it_starts_again(sample):
    server = Server(sample)
    client, _response, _lines = streaming(server)
    os.kill(server.process.pid, signal.SIGKILL)
    server.stop()
    client.close()
    server = Server(sample)
    try:
        assert "31 months" in server.ask(QUESTION).json()["metier"]["text"]
    finally:
        server.stop()

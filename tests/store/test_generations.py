"""A rebuild builds beside the index in use: who reads goes on reading, whatever becomes of the rebuild."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from metier import Expert
from metier.core.errors import MetierError

pytestmark = pytest.mark.slow

QUESTION = "blade root nuts"
METIER = [sys.executable, "-u", "-c", "from metier.cli import main; main()"]


def indexes(folder: Path) -> list[str]:
    """Folders of tables below the store."""
    return sorted(
        str(path.relative_to(folder / ".metier" / "store")) for path in folder.rglob("*.lance") if path.is_dir()
    )


def wait_for(there: Callable[[], object]) -> bool:
    until = time.monotonic() + 100
    while time.monotonic() < until:
        if there():
            return True
        time.sleep(0.02)
    return False


def test_an_expert_that_is_open_elsewhere_answers_all_the_while(turbines, docs, run_metier):
    """In threads that search without a pause; none may see an error, an empty index or half of one."""
    stop, seen, problems = threading.Event(), set(), []

    def search(expert: Expert) -> None:
        while not stop.is_set():
            try:
                seen.add(expert.search(QUESTION)[0].passage.text)
                expert.runtime.store.records()
            except (MetierError, IndexError) as error:
                problems.append(error)

    with Expert.open(turbines) as expert:
        searching = [threading.Thread(target=search, args=(expert,), daemon=True) for _ in range(2)]
        for thread in searching:
            thread.start()
        for number in (1, 2):
            (docs / "bolts.txt").write_text(f"The blade root nuts of the NV-110 are tightened to {number} Nm.")
            done = run_metier("sync", "--rebuild", "-e", str(turbines))
            assert re.search(r"beside the one in use, which takes \d+ MiB; [\d,]+ MiB are free", done.stderr)
            expert.runtime.retriever.refresh()
            assert f"to {number} Nm" in expert.search(QUESTION)[0].passage.text
        stop.set()
        for thread in searching:
            thread.join()
        assert problems == []
        assert len(seen) >= 2  # the old and a new one
    with Expert.open(turbines) as expert:
        assert expert.sync(rebuild=True).added == 4
    assert len(indexes(turbines)) == 1  # what nobody reads any more is gone


def test_a_rebuild_that_is_killed_leaves_the_old_index_in_use(turbines, docs):
    for number in range(200):
        (docs / f"{number}.md").write_text(f"# Part {number}\n\nThe part {number} is changed every {number} months.")
    before = indexes(turbines)
    process = subprocess.Popen([*METIER, "sync", "--rebuild", "-e", str(turbines)], stderr=subprocess.DEVNULL)
    assert wait_for(lambda: list((turbines / ".metier" / "store").glob("*/*.lance/data/*")))
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert len(indexes(turbines)) == 2
    with Expert.open(turbines) as expert:
        assert expert.search(QUESTION)[0].passage.uri == "docs/bolts.txt"
        assert expert.runtime.store.counts()[0] == 4
        assert expert.sync().added == 200
        assert indexes(turbines) == before
        expert.sync(rebuild=True)
    assert len(indexes(turbines)) == 1
    with Expert.open(turbines) as expert:
        assert expert.runtime.store.counts()[0] == 204
        assert expert.sync().unchanged == 204


def test_a_rebuild_that_fails_leaves_the_old_index_in_use(turbines, monkeypatch):
    with Expert.open(turbines) as expert:
        embed = type(expert.runtime.embedder).embed_passages
        monkeypatch.setattr(type(expert.runtime.embedder), "embed_passages", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            expert.sync(rebuild=True)
        monkeypatch.setattr(type(expert.runtime.embedder), "embed_passages", embed)
        assert expert.search(QUESTION)[0].passage.uri == "docs/bolts.txt"


def test_a_server_gives_no_500_while_the_index_is_rebuilt(turbines, run_metier):
    with (turbines / "metier.toml").open("a") as file:
        file.write('\n[serving]\nopen_loopback = true\n\n[answering]\nreader = "none"\n')
    serve = [*METIER, "serve", "-e", str(turbines), "--port", "0"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            address = re.search(r"http://[\d.]+:\d+", server.stdout.readline()).group()
            client = httpx.Client(base_url=address, timeout=60, transport=httpx.HTTPTransport(retries=30))
            assert wait_for(lambda: client.get("/ready").status_code == 200)
            rebuild = subprocess.Popen([*METIER, "sync", "--rebuild", "-e", str(turbines)], stdout=subprocess.DEVNULL)
            told, until = [], None
            while until is None or time.monotonic() < until:
                answer = client.get("/api/search", params={"q": QUESTION})
                told.append((answer.status_code, "840 Nm" in answer.text))
                if until is None and rebuild.poll() is not None:
                    until = time.monotonic() + 3  # it looks once a second
            assert rebuild.returncode == 0
            assert set(told) == {(200, True)}
            client.close()
        finally:
            server.terminate()

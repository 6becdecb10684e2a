"""What long work says where stderr is no terminal, as in a log or under cron: lines, now and then."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from paced_scripted_endpoint import scripted_endpoint

from metier import Expert

pytestmark = pytest.mark.slow

SHELL = "from metier.cli import main, progress; progress.{} = {}; main()"
OFTEN = [sys.executable, "-c", SHELL.format("_EVERY", 0.5)]  # seconds, 30 else
LATE = [sys.executable, "-c", SHELL.format("_FIRST", 600)]  # seconds, 2 else: a busy machine is slow


@pytest.fixture
def slow_site() -> Iterator[str]:
    """An address below which every page takes a second."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(1.0)
            text = f"The bolts of part {self.path[1:]} are tightened to 40 Nm.".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_said: object) -> None:
            """Nothing: it would stand between the results of tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_long_sync_says_on_stderr_how_far_it_is(run_metier, tmp_path, slow_site):
    with Expert.create(tmp_path / "x") as expert:
        for number in range(5):
            expert.add(f"{slow_site}/{number}.txt", private=True)
    done = run_metier("sync", "-e", "x", "--json")
    assert json.loads(done.stdout)["added"] == 5  # one JSON value and nothing else
    lines = done.stderr.splitlines()
    assert 2 <= len(lines) <= 4, lines  # of each stage that takes longer than two seconds the first and the last
    assert lines[-1].startswith("Syncing: 5 of 5 (100%) in ")
    assert all(re.match(r"Looking( …|: done)|Syncing: \d of 5 \(\d+%\)", line) for line in lines), lines
    assert "passages" in lines[-1]
    assert slow_site not in done.stderr  # what it is at changes too fast for a log


def test_work_that_is_short_says_nothing(call_metier, tmp_path, docs):
    call_metier("init", "turbines")
    call_metier("add", "docs")
    done = subprocess.run([*LATE, "sync"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")


def test_questions_that_are_written_are_counted_with_the_time_that_is_left(tmp_path, docs):
    def written(asked: dict) -> str:
        about = re.search(r"question about (.+)\.", asked["messages"][-1]["content"])
        return f"What do people like about {about[1]}?" if about else "It is fun."

    with scripted_endpoint(written, pace=0.15) as endpoint:
        with Expert.create(tmp_path / "x") as expert:
            expert.add(str(docs))
            expert.sync()
        settings = tmp_path / "x" / "metier.toml"
        settings.write_text(
            re.sub(
                r"\[generation\]\nmodel = .*",
                f'[generation]\nmodel = "openai:scripted"\nurl = "{endpoint.url}"',
                settings.read_text(),
            )
        )
        command = [*OFTEN, "dataset", "rehearse", "--count", "8", "-e", str(tmp_path / "x")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("Asking: ")]
    assert len(lines) >= 4, done.stderr
    assert any(re.fullmatch(r"Asking: \d of 8 \(\d+%\), \d+ s left", line) for line in lines), lines
    counts = [int(line.split()[1]) for line in lines]
    assert counts == sorted(counts)
    assert re.fullmatch(r"Asking: \d of 8 \(\d+%\) in \d+ s", lines[-1])

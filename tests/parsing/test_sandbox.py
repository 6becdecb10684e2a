"""A reader that was taken over reaches nothing: it tries, inside the process that parses, and writes what it got."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from metier.core.settings import ParsingSettings
from metier.parsing import Parser, sandbox

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or bool(sandbox.missing()), reason="this system has no Landlock or no seccomp"
)

PLANTED = Path(tempfile.gettempdir(), f"metier-planted-{os.getpid()}")  # beside the worker's own folder
READER = """
    import json, os, socket, subprocess, sys, threading
    from pathlib import Path

    TARGETS = json.loads(Path(__file__).with_name("targets.json").read_text())

    def attempt(action):
        try:
            return f"done: {action()!r}"
        except (OSError, RuntimeError) as error:
            return f"refused: {error.strerror if isinstance(error, OSError) else error}"

    def fork():
        if (child := os.fork()) == 0:
            os._exit(0)
        os.waitpid(child, 0)

    def fill():
        with open("filling", "wb") as file:
            for _ in range(64):
                file.write(bytes(2**20))
        return os.path.getsize("filling")

    def read(content, builder, context):
        tries = {
            "passwords": lambda: Path("/etc/passwd").read_text()[:20],
            "expert": lambda: Path(TARGETS["secret"]).read_text(),
            "list": lambda: os.listdir(TARGETS["folder"]),
            "write": lambda: Path(TARGETS["folder"], "planted").write_text("x"),
            "home": lambda: Path(TARGETS["home"], ".planted").write_text("x"),
            "temporary": lambda: Path(TARGETS["temporary"]).write_text("x"),
            "code": lambda: Path(__file__).write_text("x"),
            "link": lambda: Path("link").symlink_to(TARGETS["secret"]) or Path("link").read_text(),
            "parent": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes()[:20],
            "memory": lambda: open(f"/proc/{os.getppid()}/mem", "rb").read(1),
            "signal": lambda: os.kill(os.getppid(), 0),
            "internet": lambda: socket.create_connection(("127.0.0.1", TARGETS["port"]), 2),
            "datagram": lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
            "unix": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
            "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
            "group": lambda: os.setsid(),
            "fork": fork,
            "program": lambda: subprocess.run(["/bin/true"], check=True),
            "fill": fill,
            "scratch": lambda: Path("mine").write_text("x"),
            "thread": lambda: threading.Thread(target=print).start(),
        }
        for name, action in tries.items():
            if name not in TARGETS["tries"] and TARGETS["tries"]:
                continue
            builder.add("paragraph", f"{name} = {attempt(action)}")
        builder.add("paragraph", "environment = " + " ".join(sorted(os.environ)))
"""


@pytest.fixture
def attacker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Parses a file with a reader of another package; gives what each of its tries came to."""
    package = tmp_path / "package"
    info = package / "hostile_reader-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hostile-reader\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[metier.parsers]\n.hostile = hostile_reader:read\n")
    (package / "hostile_reader.py").write_text(textwrap.dedent(READER))
    expert = tmp_path / "expert"
    expert.mkdir()
    (expert / "secret.txt").write_text("the secret")
    (expert / "a.hostile").write_text("content")
    targets = {
        "secret": str(expert / "secret.txt"), "folder": str(expert), "home": str(tmp_path), "port": 9,
        "temporary": str(PLANTED),
    }  # fmt: skip
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH")])]))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-service")

    def attack(*tries: str, **settings: object) -> dict[str, str]:
        (package / "targets.json").write_text(json.dumps({**targets, "tries": tries}))
        with Parser(ParsingSettings(timeout_seconds=60, max_file_mb=4, **settings)) as parser:
            text = parser.parse(expert / "a.hostile", uri="a.hostile").text
        return dict(line.split(" = ", 1) for line in text.splitlines() if " = " in line)

    return attack


def test_a_reader_reaches_nothing_but_its_own_folder(attacker):
    came_to = attacker(ocr="never")
    assert "OPENAI_API_KEY" not in came_to.pop("environment").split()
    reached = {name for name, result in came_to.items() if result.startswith("done")}
    assert reached == {"scratch", "thread"}
    assert not PLANTED.exists()


def test_where_scans_are_read_it_may_start_programs_that_reach_no_more(attacker):
    came_to = attacker(ocr="auto")
    reached = {name for name, result in came_to.items() if result.startswith("done")}
    assert reached <= {"scratch", "thread", "fork", "program"}


def test_a_plug_in_that_needs_the_rest_is_given_it_by_setting(attacker):
    came_to = attacker("expert", "unix", ocr="never", sandbox=False)
    assert came_to["expert"] == "done: 'the secret'"
    assert came_to["unix"].startswith("done")
    assert "OPENAI_API_KEY" in came_to["environment"].split()


def test_what_the_worker_wrote_is_gone_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "a.txt").write_text("Some words.")
    with Parser(ParsingSettings()) as parser:
        parser.parse(tmp_path / "a.txt", uri="a.txt")
        assert list(tmp_path.glob("metier-parsing-*"))
    assert not list(tmp_path.glob("metier-parsing-*"))

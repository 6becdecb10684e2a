"""What proves on this machine that a request is the owner's, as notebooks do it: a secret that only they can read.

    .metier/owner_token        0600, made by the first `metier serve`; delete it, and the next start makes another

The page gets it once, in the address that `metier serve` prints, and keeps a session; programs send it as a bearer."""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from metier.core.permissions import OWNER_TOKEN, make_state_folder

_TOKEN = re.compile(r"own_[A-Za-z0-9_-]{43}")
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def owner_token(state: Path) -> str:
    """The token kept in the folder `state`. Where none can be kept there, or the one there may have been read or
    written by another account, one for this process alone."""
    path = state / OWNER_TOKEN
    for _ in range(2):  # another process may be just making it
        with suppress(OSError):
            return _kept(path) or _made(None)
        with suppress(OSError):
            return _made(path)
    return _made(None)


def _kept(path: Path) -> str | None:
    """None: it is there, but not ours alone. Raises `OSError`."""
    with open(os.open(path, os.O_RDONLY | _FLAGS), encoding="ascii", errors="replace") as file:
        about, said = os.fstat(file.fileno()), file.read(100).strip()
    is_ours = not hasattr(os, "getuid") or (about.st_uid == os.getuid() and not about.st_mode & 0o077)
    return said if is_ours and stat.S_ISREG(about.st_mode) and _TOKEN.fullmatch(said) else None


def _made(path: Path | None) -> str:
    """A new one, written to `path`. Raises `OSError`."""
    token = f"own_{secrets.token_urlsafe(32)}"
    if path is not None:
        make_state_folder(path.parent)  # a server whose store and state are elsewhere may have kept nothing here yet
        beside = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            with open(
                os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600), "w", encoding="ascii"
            ) as file:
                file.write(f"{token}\n")
            os.link(beside, path)  # whole or not there, and never in place of another's
        finally:
            beside.unlink(missing_ok=True)
    return token

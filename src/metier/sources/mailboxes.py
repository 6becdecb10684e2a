"""Mail as programs keep it on disk: mbox, a file of many messages (Thunderbird, mutt, an export of Gmail), and Maildir,
a folder with a file for each. Each message is an item; those that are marked as deleted are none."""

from __future__ import annotations

import hashlib
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import quote

_SUFFIXES = (".mbox", ".mbx")
_BEGIN = re.compile(rb"From [^\r\n]*\d:\d\d[^\r\n]*\b(?:19|20)\d\d\b[^\r\n]*\r?\n")  # behind an empty line
_ID = re.compile(rb"^Message-ID:\s*<?([^>\s]{1,200})", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(rb"^X-(Mozilla-)?Status:\s*(\S*)", re.IGNORECASE | re.MULTILINE)
_EXPUNGED = 0x0008  # in X-Mozilla-Status
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_HEAD = 2**16  # bytes of a message that headers are looked for in
_INFO = re.compile(r"[:;!]2,([A-Za-z]*)$")  # flags at the end of a Maildir's file name


@dataclass(frozen=True, slots=True)
class MailboxMessage:
    """`key`: tells it from the others of its mbox, and is its Message-ID where it has one; `start`, `end`: bytes."""

    key: str
    digest: str
    start: int
    end: int


def is_mbox(path: Path) -> bool:
    """Whether a regular file is one: by its suffix, or where it has none by its first line. Raises `OSError`."""
    suffix = path.suffix.lower()
    if suffix and suffix not in _SUFFIXES:
        return False
    with path.open("rb") as file:
        begun = file.read(1024)
    return bool(_BEGIN.match(begun)) or (suffix in _SUFFIXES and not begun)


def messages(path: Path) -> Iterator[MailboxMessage]:
    """Those of an mbox; of several that are the same the first. All of it is read. Raises `OSError`."""
    if not path.stat().st_size:
        return
    seen: dict[str, str] = {}
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = list(_begins(content))
        ends = [start for start, _ in found[1:]] + [len(content)]
        for (_, start), end in zip(found, ends, strict=True):
            head = content[start : min(end, start + _HEAD)].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
            if _is_deleted(head):
                continue
            digest = hashlib.blake2b(memoryview(content)[start:end], digest_size=12).hexdigest()
            named = _ID.search(head)
            key = quote(named[1].decode("utf-8", "replace"), safe="@=+$.,~-_!*()") if named else digest
            if key in seen:
                if seen[key] == digest:
                    continue
                key = f"{key}-{digest}"
            if key not in seen:
                seen[key] = digest
                yield MailboxMessage(key, digest, start, end)


def _begins(content: mmap.mmap) -> Iterator[tuple[int, int]]:
    """Where the line that a message begins with starts, and where it ends."""
    at = 0
    while at >= 0:
        if not at or content[max(0, at - 2) : at] == b"\n\n" or content[max(0, at - 3) : at] == b"\n\r\n":
            begin = _BEGIN.match(content, at)
            if begin is not None:
                yield begin.span()
        at = content.find(b"\nFrom ", at)
        at += 1 if at >= 0 else 0


def unquoted(content: bytes) -> bytes:
    """A message of an mbox as it was before lines that begin with From were quoted."""
    return _QUOTED.sub(rb"\1", content)


def is_maildir(folder: Path) -> bool:
    return all((folder / name).is_dir() for name in ("cur", "new", "tmp"))


def in_maildir(path: PurePath) -> PurePath | None:
    """A message of a Maildir by the name that it keeps, whatever its flags: `inbox/cur/17.host:2,S` as
    `inbox/17.host.eml`. None where it is marked as deleted."""
    info = _INFO.search(path.name)
    if info is not None and "T" in info[1]:
        return None
    return path.parent.parent / f"{_INFO.sub('', path.name)}.eml"


def _is_deleted(head: bytes) -> bool:
    for mozilla, value in _STATUS.findall(head):
        if mozilla and re.fullmatch(rb"[0-9A-Fa-f]{1,8}", value):
            return bool(int(value, 16) & _EXPUNGED)
        if not mozilla and b"D" in value:
            return True
    return False

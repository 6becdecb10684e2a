"""Mail as programs keep it on disk: mbox, a file of many messages (Thunderbird, mutt, an export of Gmail), and Maildir,
a folder with a file for each. Each message is an item; those that are marked as deleted are none."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path, PurePath
from urllib.parse import quote

_SUFFIXES = (".mbox", ".mbx")
_BEGIN = re.compile(rb"From [^\r\n]*\d:\d\d[^\r\n]*\b(?:19|20)\d\d\b[^\r\n]*\r?\n")  # behind an empty line
_ID = re.compile(rb"^Message-ID:\s*<?([^>\s]{1,200})", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(rb"^X-(Mozilla-)?Status:\s*(\S*)", re.IGNORECASE | re.MULTILINE)
_EXPUNGED = 0x0008  # in X-Mozilla-Status
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_LINE = 1024  # bytes of the line that a message begins with, at most
_PIECE = 2**22  # bytes that are read at a time
_HEAD = 2**16  # bytes of a message that headers are looked for in
_INFO = re.compile(r"[:;!]2,([A-Za-z]*)$")  # flags at the end of a Maildir's file name


@dataclass(frozen=True, slots=True)
class MailboxMessage:
    """`key`: tells it from the others of its mbox, and is its Message-ID where it has one; `start`, `end`: bytes."""

    key: str
    digest: str
    start: int
    end: int


def may_be_mbox(path: PurePath) -> bool:
    """Whether a file is to be looked into: an mbox has a suffix of its own, or none."""
    return not path.suffix or path.suffix.lower() in _SUFFIXES


def is_mbox(file: BufferedReader, path: PurePath) -> bool:
    """Whether it is one, by its first line. Raises `OSError`."""
    begun = file.read(_LINE)
    return bool(_BEGIN.match(begun)) or (bool(path.suffix) and not begun)


def messages(file: BufferedReader) -> Iterator[MailboxMessage]:
    """Those of an mbox; of several that are the same the first. All of it is read, twice. Raises `OSError`."""
    begins = list(_begins(file))
    ends = [start for start, _ in begins[1:]] + [file.seek(0, os.SEEK_END)] * bool(begins)
    seen: dict[str, str] = {}
    for (_, start), end in zip(begins, ends, strict=True):
        file.seek(start)
        head = file.read(min(_HEAD, end - start)).replace(b"\r\n", b"\n").partition(b"\n\n")[0]
        if _is_deleted(head):
            continue
        digest = digest_of(file, start, end)
        named = _ID.search(head)
        key = quote(named[1].decode("utf-8", "replace"), safe="@=+$.,~-_!*()") if named else digest
        if key in seen:
            if seen[key] == digest:
                continue
            key = f"{key}-{digest}"
        if key not in seen:
            seen[key] = digest
            yield MailboxMessage(key, digest, start, end)


def digest_of(file: BufferedReader, start: int, end: int) -> str:
    """Of the bytes of a message."""
    made = hashlib.blake2b(digest_size=12)
    file.seek(start)
    while start < end and (part := file.read(min(_PIECE, end - start))):
        made.update(part)
        start += len(part)
    return made.hexdigest()


def _begins(file: BufferedReader) -> Iterator[tuple[int, int]]:
    """Where the line that a message begins with starts, and where it ends. Piece by piece: who maps a file into memory
    is ended when a mail program makes it shorter."""
    file.seek(0)
    kept, base, is_over = b"\n\n", -2, False  # the beginning counts as behind an empty line
    while not is_over:
        piece = file.read(_PIECE)
        is_over = not piece
        content = kept + piece
        at = content.find(b"\nFrom ")
        while 0 <= at < (len(content) if is_over else len(content) - _LINE):
            begin = _BEGIN.match(content, at + 1)
            if begin is not None and (content[max(0, at - 1) : at] == b"\n" or content[max(0, at - 2) : at] == b"\n\r"):
                yield base + begin.start(), base + begin.end()
            at = content.find(b"\nFrom ", at + 1)
        # Kept for the next piece: a line that may begin a message, with what stands before it.
        cut = max(0, len(content) - _LINE - 2)
        kept, base = content[cut:], base + cut


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

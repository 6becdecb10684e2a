"""What parent and worker say to each other: a 4-byte big-endian length, then that many bytes of JSON.

JSON and not pickle, because a file that took over the native parser must not be able to run code in the parent. For the
same reason a message is as long as its reader allows at most, and what cannot be read as one is `Unreadable`.
"""

from __future__ import annotations

import base64
import json
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from metier.core.documents import Block, Document, Picture
from metier.core.tables import Table

Box = tuple[float, float, float, float]  # left, top, width, height, as shares of a page's width and height
Message = dict[str, Any]  # parsed JSON


@dataclass(frozen=True, slots=True)
class Places:
    """Where words stand on a page. `width`, `height`: of the page as it is drawn, in points; `has_text`: whether it has
    a text layer at all."""

    width: float
    height: float
    has_text: bool
    boxes: tuple[Box, ...]


class Unreadable(ValueError):
    """What came is no message, or not the one that was asked for."""


def pipes_of(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    """What the worker reads from and writes to."""
    if process.stdin is None or process.stdout is None:
        raise ValueError("the worker was started without pipes")
    return process.stdin, process.stdout


def receive(stream: IO[bytes], most: int) -> Message | None:
    """The next message, None at the end of the stream or where it is cut. `most`: bytes. Raises `Unreadable`, for a
    longer one before any of it is read."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    (length,) = struct.unpack(">I", head)
    if length > most:
        raise Unreadable(f"{length} bytes")
    body = stream.read(length)
    if len(body) < length:
        return None
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{error}") from None
    if not isinstance(message, dict):
        raise Unreadable(f"a {type(message).__name__}")
    return message


def send(stream: IO[bytes], message: Mapping[str, object]) -> None:
    body = json.dumps(message).encode("ascii")
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def pack(document: Document) -> Message:
    """A document as plain JSON values."""
    fields = {name: getattr(document, name) for name in Document.__slots__}
    fields["blocks"] = [(b.kind, b.start, b.end, b.page, b.level, b.row) for b in document.blocks]
    fields["tables"] = [table.to_json() for table in document.tables]
    fields["pictures"] = [
        (base64.b64encode(p.content).decode("ascii"), p.at, p.page, p.caption, p.is_page) for p in document.pictures
    ]
    fields["metadata"] = dict(document.metadata)
    return fields


def unpack(fields: Message) -> Document:
    """The document that `pack` was given. Raises `Unreadable`."""
    with reading():
        made = dict(fields)
        made["blocks"] = tuple(Block(*block) for block in fields["blocks"])
        made["tables"] = tuple(map(Table.from_json, fields["tables"]))
        made["pictures"] = tuple(Picture(base64.b64decode(content), *rest) for content, *rest in fields["pictures"])
        made["groups"], made["warnings"] = tuple(fields["groups"]), tuple(fields["warnings"])
        return Document(**made)


@contextmanager
def reading() -> Iterator[None]:
    """What is not as it should be in a message is `Unreadable`."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from None

"""What parent and worker say to each other: a 4-byte big-endian length, then that many bytes of JSON.

JSON and not pickle, because a file that took over the native parser must not be able to run code in the parent.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping
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


def receive(stream: IO[bytes]) -> Message | None:
    """The next message, None at the end of the stream or where it is cut."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    (length,) = struct.unpack(">I", head)
    body = stream.read(length)
    return json.loads(body) if len(body) == length else None


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
    """The document that `pack` was given."""
    fields["blocks"] = tuple(Block(*block) for block in fields["blocks"])
    fields["tables"] = tuple(map(Table.from_json, fields["tables"]))
    fields["pictures"] = tuple(Picture(base64.b64decode(content), *rest) for content, *rest in fields["pictures"])
    fields["groups"], fields["warnings"] = tuple(fields["groups"]), tuple(fields["warnings"])
    return Document(**fields)

"""Pictures of a document that are worth describing: gathered while it is read, each once, few and not too large.

What a vision model says of them is put into the text later (`metier.ingestion.descriptions`): the process that reads
files has no network.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from metier.core.documents import Block, Picture

if TYPE_CHECKING:  # needed for pages of PDF alone
    import numpy as np

FEW_LETTERS = 200  # read from a page or picture, below which its text does not tell what it shows
_LARGEST = 8 * 2**20  # bytes of a picture; endpoints refuse larger ones
_MOST_BYTES = 48 * 2**20  # of all pictures of a document
_SHORTEST_SIDE, _AREA = 100, 40_000  # pixels, below which a picture is an icon, a rule or a logo
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers of segments that tell the size


class PictureCollector:
    """Pictures of one document, at most `most`. `warnings`: why others are none of them."""

    def __init__(self, most: int = 0) -> None:
        self.found: list[Picture] = []
        self.warnings: dict[str, None] = {}
        self._most, self._bytes = most, 0
        self._seen: set[bytes] = set()

    def __bool__(self) -> bool:
        """Whether pictures are wanted at all."""
        return self._most > 0

    def add(
        self,
        read: Callable[[], bytes],
        at: int,
        *,
        page: int | None = None,
        caption: str = "",
        is_page: bool = False,
        is_large: bool = False,
    ) -> None:
        """Keep a picture unless it is one of many, known, or too small to tell anything. `read`: gives its bytes.
        `is_large`: for certain, whatever its pixels."""
        if not self._most:
            return
        is_full = len(self.found) >= self._most or self._bytes >= _MOST_BYTES
        if is_full and is_large:  # drawing it would cost time
            self._warn_of_many()
            return
        content = read()
        size = size_of(content)
        digest = hashlib.sha256(content).digest()
        if digest in self._seen:
            return
        self._seen.add(digest)
        if size is None:
            self._warn("holds pictures in a format that no vision model reads (vector drawings, TIFF)")
        elif not is_large and (min(size) < _SHORTEST_SIDE or size[0] * size[1] < _AREA):
            return
        elif is_full:
            self._warn_of_many()
        elif len(content) > _LARGEST:
            self._warn(f"holds pictures of more than {_LARGEST // 2**20} MiB, which are not described")
        else:
            self.found.append(Picture(content, at, page, caption, is_page))
            self._bytes += len(content)

    def _warn_of_many(self) -> None:
        self._warn(f"has more pictures than {len(self.found)}; the others are not described")

    def _warn(self, text: str) -> None:
        self.warnings[text] = None


def captioned(pictures: Iterable[Picture], blocks: Sequence[Block], text: str) -> tuple[Picture, ...]:
    """Pictures in the order of the text; one without a caption has that which stands right before or behind it."""
    before = {block.end: text[block.start : block.end] for block in blocks if block.kind == "caption"}
    places = sorted(block.start for block in blocks)
    behind = {block.start: text[block.start : block.end] for block in blocks if block.kind == "caption"}

    def caption(picture: Picture) -> str:
        following = next((place for place in places if place >= picture.at), -1)
        return before.get(picture.at) or behind.get(following, "")

    found = sorted(pictures, key=lambda picture: picture.at)
    return tuple(picture if picture.caption else replace(picture, caption=caption(picture)) for picture in found)


def in_data_uri(address: str) -> bytes:
    """The picture that an address holds itself (RFC 2397), b"" where it holds none."""
    head, _comma, data = address.strip().partition(",")
    if not head.lower().startswith("data:image/"):
        return b""
    content = unquote_to_bytes("".join(data.split()))
    try:
        return base64.b64decode(content) if head.lower().endswith(";base64") else content
    except binascii.Error:
        return b""


def size_of(content: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as a PNG, JPEG, GIF or WebP says; None for what is none of them, or damaged."""
    try:
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = struct.unpack(">II", content[16:24])
            return width, height
        if content.startswith(b"GIF8"):
            width, height = struct.unpack("<HH", content[6:10])
            return width, height
        if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
            return _webp_size(content)
        return _jpeg_size(content) if content.startswith(b"\xff\xd8") else None
    except struct.error:
        return None


def _webp_size(content: bytes) -> tuple[int, int] | None:
    if content[12:16] == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if content[12:16] == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack("<HH", content[26:30])
    return width & 0x3FFF, height & 0x3FFF


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(content) and content[at] == 0xFF:
        marker, length = struct.unpack(">BH", content[at + 1 : at + 4])
        if marker in _JPEG_SIZES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None


def png(pixels: np.ndarray) -> bytes:
    """`pixels`: (height, width, 3) uint8, red first. A picture without colour is written with one value a pixel."""
    import numpy as np

    height, width = pixels.shape[:2]
    grey = bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())
    rows = np.ascontiguousarray(pixels[..., 0] if grey else pixels).reshape(height, -1)
    filtered = np.hstack([np.zeros((height, 1), np.uint8), rows])
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if grey else 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(filtered.tobytes(), 6)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )

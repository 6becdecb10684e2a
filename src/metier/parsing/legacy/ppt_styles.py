"""Which characters of a text in a PPT stand raised or lowered, by its style runs ([MS-PPT] 2.9.44 to 2.9.47).

A run of paragraphs or of characters tells how many characters it holds, then by a mask which of its fields follow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from metier.parsing.core.superscripts import Piece, Position

# Masks and bytes of the fields of a run, in their order; tab stops have a size of their own.
_PARAGRAPH = (
    (0xF, 2), (0x80, 2), (0x10, 2), (0x40, 2), (0x20, 4), (0x800, 2), (0x1000, 2), (0x2000, 2), (0x4000, 2),
    (0x100, 2), (0x400, 2), (0x8000, 2), (0x100000, 0), (0x10000, 2), (0xE0000, 2), (0x200000, 2),
)  # fmt: skip
_TAB_STOPS, _TAB_STOP = 0x100000, 4
_CHARACTER = ((0x3EB7, 2), (0x10000, 2), (0x200000, 2), (0x400000, 2), (0x800000, 2), (0x20000, 2), (0x40000, 4))
_POSITION = 0x80000


def placed(text: str, styles: bytes) -> list[Piece]:
    """`text` in pieces, each with its position; as one where the runs make no sense."""
    units = text.encode("utf-16-le", "surrogatepass")  # runs count these
    found: list[Piece] = []
    place = 0
    try:
        for length, position in _runs(styles, len(units) // 2 + 1):
            piece = units[2 * place : 2 * (place + length)].decode("utf-16-le", "replace")
            found.append((piece, position))
            place += length
    except struct.error:
        return [(text, "")]
    rest = units[2 * place :].decode("utf-16-le", "replace")
    return [*found, (rest, "")] if rest else found


def _runs(styles: bytes, length: int) -> Iterator[tuple[int, Position]]:
    """How many characters each run of characters holds, and their position. `length`: of the text and its end. Raises
    `struct.error` where the bytes end too early."""
    place = told = 0
    while told < length:
        count, _level, mask = struct.unpack_from("<IHI", styles, place)
        told, place = told + max(1, count), _after(styles, place + 10, mask, _PARAGRAPH)
    told = 0
    while told < length:
        count, mask = struct.unpack_from("<II", styles, place)
        place = _after(styles, place + 8, mask, _CHARACTER)
        offset = 0
        if mask & _POSITION:
            (offset,) = struct.unpack_from("<h", styles, place)
            place += 2
        told += max(1, count)
        yield count, "raised" if offset > 0 else "lowered" if offset < 0 else ""


def _after(styles: bytes, place: int, mask: int, fields: Sequence[tuple[int, int]]) -> int:
    """Where the fields that `mask` names end."""
    for bit, size in fields:
        if mask & bit == _TAB_STOPS:
            size = 2 + _TAB_STOP * struct.unpack_from("<H", styles, place)[0]
        place += size if mask & bit else 0
    return place

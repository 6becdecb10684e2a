"""The container of DOC, XLS, PPT and MSG: a small file system in a file ([MS-CFB]), read without trusting it."""

from __future__ import annotations

import codecs
import contextlib
import struct
from typing import NamedTuple

from metier.core.errors import ParseError

_END = 0xFFFFFFFA  # larger values are marks, not sectors
_DEEPEST = 16  # folders in folders
_FACTS = {2: "title", 3: "subject", 4: "author", 5: "keywords"}
_DAMAGED = "Open it in the program it came from and save it in a current format."


class _Node(NamedTuple):
    """An entry of the directory. `links`: to those at its left and right and to the first inside it; `place`: where its
    content starts, and its size."""

    name: str
    kind: int
    links: tuple[int, int, int]
    place: tuple[int, int]


class Compound:
    """Streams of an OLE compound file by name. Raises `ParseError` where its tables make no sense."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        try:
            self._open()
        except (struct.error, IndexError) as error:
            raise ParseError(f"is damaged: its directory cannot be read ({error})", hint=_DAMAGED) from None

    def _open(self) -> None:
        header = struct.unpack_from("<8s16xHHHHH10xIIIIIIII", self._content, 0)
        self._sector, self._small = 1 << min(header[4], 16), 1 << min(header[5], 12)
        directory, self._cutoff, small_table, more_tables = header[7], header[9], header[10], header[12]
        tables = [s for s in struct.unpack_from("<109I", self._content, 76) if s < _END]
        seen = set()
        while more_tables < _END and more_tables not in seen:
            seen.add(more_tables)
            sectors = struct.unpack(f"<{self._sector // 4}I", self._read_sector(more_tables))
            tables.extend(s for s in sectors[:-1] if s < _END)
            more_tables = sectors[-1]
        self._next: list[int] = []
        for table in tables:
            data = self._read_sector(table)
            self._next.extend(struct.unpack(f"<{len(data) // 4}I", data))
        self._entries: dict[str, tuple[int, int]] = {}
        self._paths: dict[tuple[str, ...], tuple[int, int]] = {}
        entries = self._chain(directory)
        self._streams: bytes = b""
        nodes: list[_Node] = []
        for place in range(0, len(entries) - 127, 128):
            length, kind = struct.unpack_from("<HB", entries, place + 64)
            name = entries[place : place + max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
            start, size = struct.unpack_from("<II", entries, place + 116)
            nodes.append(_Node(name, kind, struct.unpack_from("<III", entries, place + 68), (start, size)))
            if kind == 5:
                self._streams = self._chain(start)[:size]
            elif kind == 2:
                self._entries.setdefault(name, (start, size))
        data = self._chain(small_table) if small_table < _END else b""
        self._next_small = list(struct.unpack(f"<{len(data) // 4}I", data))
        self._walk(nodes)

    def _walk(self, nodes: list[_Node]) -> None:
        """Find the streams of all folders; a tree that runs in a circle ends there."""
        seen: set[int] = set()
        waiting: list[tuple[int, tuple[str, ...]]] = [(nodes[0].links[2], ())] if nodes else []
        while waiting:
            number, path = waiting.pop()
            if number >= len(nodes) or number in seen:
                continue
            seen.add(number)
            node = nodes[number]
            left, right, child = node.links
            waiting += [(left, path), (right, path)]
            if node.kind == 2:
                self._paths[*path, node.name] = node.place
            elif node.kind == 1 and len(path) < _DEEPEST:
                waiting.append((child, (*path, node.name)))

    def folders(self, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        """Paths of the folders in one, in the order of their names."""
        depth = len(path) + 1
        return sorted({each[:depth] for each in self._paths if each[: depth - 1] == path and len(each) > depth})

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def read(self, name: str) -> bytes:
        """A stream by its name, in whatever folder; b"" where there is none."""
        return self._content_of(*self._entries[name]) if name in self._entries else b""

    def read_in(self, folder: tuple[str, ...], name: str) -> bytes:
        """A stream of a folder, b"" where there is none."""
        place = self._paths.get((*folder, name))
        return self._content_of(*place) if place else b""

    def _content_of(self, start: int, size: int) -> bytes:
        if size >= self._cutoff:
            return self._chain(start)[:size]
        pieces, seen = [], set()
        while start < _END and start < len(self._next_small) and start not in seen:
            seen.add(start)
            pieces.append(self._streams[start * self._small : (start + 1) * self._small])
            start = self._next_small[start]
        return b"".join(pieces)[:size]

    def _chain(self, sector: int) -> bytes:
        pieces, seen = [], set()
        while sector < len(self._next) and sector not in seen:  # a chain that bites its tail ends there
            seen.add(sector)
            pieces.append(self._read_sector(sector))
            sector = self._next[sector]
        return b"".join(pieces)

    def _read_sector(self, sector: int) -> bytes:
        start = (sector + 1) * self._sector
        piece = self._content[start : start + self._sector]
        return piece + bytes(self._sector - len(piece))

    def facts(self) -> dict[str, str]:
        """Title, subject, author and keywords of the summary ([MS-OLEPS]), as far as they can be read."""
        data = self.read("\x05SummaryInformation")
        found: dict[str, str] = {}
        with contextlib.suppress(struct.error):
            (section,) = struct.unpack_from("<I", data, 44)
            (count,) = struct.unpack_from("<I", data, section + 4)
            places = dict(struct.unpack_from("<II", data, section + 8 + 8 * index) for index in range(min(count, 64)))
            (page,) = struct.unpack_from("<H", data, section + places[1] + 4) if 1 in places else (1252,)
            for identifier, name in _FACTS.items():
                place = section + places.get(identifier, len(data))
                kind, length = struct.unpack_from("<II", data, place) if place + 8 <= len(data) else (0, 0)
                if kind in (30, 31):
                    text = data[place + 8 : place + 8 + length * (kind - 29)]
                    found[name] = text.decode("utf-16-le" if kind == 31 else _encoding(page), "replace").split("\0")[0]
        return found


def _encoding(page: int) -> str:
    """Python's name of a Windows code page; Western where there is none."""
    name = {65001: "utf-8", 10000: "mac_roman", 1200: "utf-16-le"}.get(page, f"cp{page}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"

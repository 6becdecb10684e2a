"""CSV and TSV with any separator: the one that makes most rows equally wide, with the cleanest cells, wins.

`csv.Sniffer` is not used: it takes letters for separators and gives up on short files.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator

from metier.parsing.core.decoding import decode
from metier.parsing.core.readers import Builder, Context, too_much_text
from metier.parsing.core.tables import write_rows

_SEPARATORS = ",;\t|^~:"
_SAMPLE_ROWS = 200
_LONGEST_RECORD = 500  # lines in one quoted cell; more means that a quote was never closed


def read(content: bytes, builder: Builder, context: Context) -> None:
    text = decode(content, context)
    if len(text) > context.limits.text:
        raise too_much_text(context.limits.text)
    lines = text.split("\n")
    told = lines[0].strip().strip('"').lower() if lines else ""
    if told.startswith("sep=") and len(told) == 5:
        separator, lines = lines[0].strip().strip('"')[4], lines[1:]
    else:
        separator = find_separator(lines[: 4 * _SAMPLE_ROWS])
    rows = [[cell.strip() for cell in row] for row in _records(lines, separator)]
    width = max(map(len, rows), default=0)
    if width <= 1 and sum(len(row[0]) for row in rows if row) > 80 * max(1, len(rows)):
        for row in rows:
            builder.add("paragraph", row[0] if row else "")
        return
    write_rows(builder, [row + [""] * (width - len(row)) for row in rows])


def find_separator(lines: list[str]) -> str:
    """The character that parts the cells of `lines`; a comma where nothing does."""
    scores = {separator: _score(lines, separator) for separator in _SEPARATORS}
    best = max(_SEPARATORS, key=lambda separator: scores[separator])  # ties go to the one that is more usual
    return best if scores[best] > 0 else ","


def _score(lines: list[str], separator: str) -> float:
    rows = [row for row, _number in zip(_records(lines, separator), range(_SAMPLE_ROWS), strict=False) if any(row)]
    if not rows:
        return 0
    width, times = (
        Counter(len(row) for row in rows if len(row) > 1).most_common(1)[0]
        if any(len(row) > 1 for row in rows)
        else (1, 0)
    )
    if width < 2:
        return 0
    others = [other for other in _SEPARATORS if other not in (separator, ":", ",")]
    cells = [cell for row in rows for cell in row]
    clean = sum(not any(other in cell for other in others) for cell in cells) / len(cells)
    head = 1.0 if len(rows[0]) == width else 0.7
    rare = 0.5 if separator in ":^~" else 1.0  # a colon is in every time of day
    return times / len(rows) * clean**2 * head * rare


def _records(lines: list[str], separator: str) -> Iterator[list[str]]:
    csv.field_size_limit(sys.maxsize)
    source = (line + "\n" for line in lines)
    reader, before = csv.reader(source, delimiter=separator, skipinitialspace=True), 0
    for row in reader:
        if reader.line_num - before > _LONGEST_RECORD:
            break
        yield row
        before = reader.line_num
    else:
        return
    rest = (line + "\n" for line in lines[before:])
    yield from csv.reader(rest, delimiter=separator, quoting=csv.QUOTE_NONE)

"""CSV and TSV with any separator: the one that makes most rows equally wide, with the cleanest cells, wins.

`csv.Sniffer` is not used: it takes letters for separators and gives up on short files. Lines of text over a table are
its caption, lines under it paragraphs; a blank line parts two tables that each have names over their columns.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from metier.parsing.core.decoding import decode_records
from metier.parsing.core.lead_in import are_lines
from metier.parsing.core.readers import Builder, Context, too_much_text
from metier.parsing.core.regions import leading_blanks, write_regions
from metier.parsing.core.table_cells import RawRow, is_value

_SEPARATORS = ",;\t|^~:"
_SAMPLE_ROWS = 200
_LONGEST_RECORD = 500  # lines in one quoted cell; more means that a quote was never closed
_LONGEST_TITLE = 120
_SENTENCE = 4  # words that make a lone cell under a table a sentence
_MOST_LINES = 5  # of text over a table


@dataclass(frozen=True, slots=True)
class _Record:
    """`line`: the first one that it was read from. `cells`: without blanks around them; none of a blank line."""

    number: int
    cells: list[str]
    line: str
    indent: float

    @property
    def filled(self) -> int:
        return sum(map(bool, self.cells))


def read(content: bytes, builder: Builder, context: Context) -> None:
    text = decode_records(content, context)
    if len(text) > context.limits.text:
        raise too_much_text(context.limits.text)
    lines = text.split("\n")
    told = lines[0].strip().strip('"').lower() if lines else ""
    if told.startswith("sep=") and len(told) == 5:
        separator, lines = lines[0].strip().strip('"')[4], lines[1:]
    else:
        separator = find_separator(lines[: 4 * _SAMPLE_ROWS])
    records = [_record(number, row, line) for number, (row, line) in enumerate(_rows(lines, separator), start=1)]
    width = max((len(record.cells) for record in records), default=0)
    if width <= 1 and sum(len(record.line) for record in records) > 80 * max(1, len(records)):
        for record in records:
            builder.add("paragraph", "".join(record.cells))
        return
    usual = Counter(len(record.cells) for record in records if record.cells).most_common(1)
    width = usual[0][0] if usual else 0
    title = write_regions(builder, [region for part in _parts(records) for region in _regions(part, separator, width)])
    if len(title) <= _LONGEST_TITLE and not lines[0].lstrip().startswith("#"):
        context.name_title(title)


def find_separator(lines: list[str]) -> str:
    """The character that parts the cells of `lines`; a comma where nothing does."""
    scores = {separator: _score(lines, separator) for separator in _SEPARATORS}
    best = max(_SEPARATORS, key=lambda separator: scores[separator])  # ties go to the one that is more usual
    return best if scores[best] > 0 else ","


def _score(lines: list[str], separator: str) -> float:
    rows = [row for (row, _line), _n in zip(_rows(lines, separator), range(_SAMPLE_ROWS), strict=False) if any(row)]
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


def _rows(lines: list[str], separator: str) -> Iterator[tuple[list[str], str]]:
    """Rows of cells, each with the first line that it was read from."""
    csv.field_size_limit(sys.maxsize)
    source = (line + "\n" for line in lines)
    reader, before = csv.reader(source, delimiter=separator, skipinitialspace=True), 0
    for row in reader:
        if reader.line_num - before > _LONGEST_RECORD:
            break
        yield row, lines[before]
        before = reader.line_num
    else:
        return
    for line in lines[before:]:
        yield from ((row, line) for row in csv.reader([line + "\n"], delimiter=separator, quoting=csv.QUOTE_NONE))


def _record(number: int, row: list[str], line: str) -> _Record:
    cells = [cell.strip() for cell in row]
    first = row[0] if row and line.lstrip().startswith('"') else line
    indent = 0.0 if not cells or is_value(cells[0]) else float(leading_blanks(first))
    return _Record(number, cells if any(cells) else [], line.strip(), indent)


# --- parts of a file -----------------------------------------------------------------------------------------


def _parts(records: Sequence[_Record]) -> list[list[_Record]]:
    """Records between blank ones. Blank ones inside a table part nothing: rows that go on without names over them."""
    found: list[list[_Record]] = []
    apart = True
    for record in records:
        if not record.cells:
            apart = True
        elif apart:
            found.append([record])
            apart = False
        else:
            found[-1].append(record)
    joined: list[list[_Record]] = []
    for part in found:
        if joined and _goes_on(joined[-1], part):
            joined[-1].extend(part)
        else:
            joined.append(part)
    return joined


def _goes_on(table: Sequence[_Record], part: Sequence[_Record]) -> bool:
    """Whether `part` holds more rows of the table before it: as wide, with values where that has them."""
    widest = max(len(record.cells) for record in table)
    if widest < 2 or all(record.filled < 2 for record in part) or all(record.filled < 2 for record in table):
        return False
    if max(len(record.cells) for record in part) != widest:
        return False
    names, rest = part[0].cells, part[1:]
    if not rest or any(map(is_value, names)):
        return True
    return not any(
        all(is_value(record.cells[n]) for record in rest if n < len(record.cells) and record.cells[n])
        and any(n < len(record.cells) and record.cells[n] for record in rest)
        for n in range(1, len(names))
    )


def _regions(part: Sequence[_Record], separator: str, width: int) -> Iterator[list[RawRow]]:
    """Lines of text over a table, the table, and lines of text under it. `width`: cells of most records of the file."""
    raw = _as_wide(part)
    if width > 2 and are_lines(raw):
        yield raw
        return
    top, end = 0, len(part)
    while top < min(end, _MOST_LINES) and _is_line(part[top], width, separator):
        top += 1
    while end > top and _is_line(part[end - 1], width, separator) and len(part[end - 1].line.split()) >= _SENTENCE:
        end -= 1
    if top:
        yield [RawRow(record.number, [_text(record, separator)]) for record in part[:top]]
    if table := part[top:end]:
        yield _as_wide(table)
    if end < len(part):
        yield [RawRow(record.number, [_text(record, separator)]) for record in part[end:]]


def _as_wide(records: Sequence[_Record]) -> list[RawRow]:
    """Records as rows of one width, without columns at the end that none of them fills."""
    widest = max((n for each in records for n, cell in enumerate(each.cells, start=1) if cell), default=1)
    cells = [(each.cells + [""] * (widest - len(each.cells)))[:widest] for each in records]
    return [RawRow(each.number, row, indent=each.indent) for each, row in zip(records, cells, strict=True)]


def _is_line(record: _Record, width: int, separator: str) -> bool:
    """Whether a record is a line of text: one cell alone, or words with commas and blanks where others have commas."""
    if record.filled < 2:
        return width > 1 and bool(record.cells[0])
    natural = separator == "," and record.line.count(", ") == record.line.count(",")
    return natural and len(record.cells) != width


def _text(record: _Record, separator: str) -> str:
    return (record.line if record.filled > 1 else record.line.strip(f'{separator} "')).lstrip("# ")

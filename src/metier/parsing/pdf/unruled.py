"""Tables on a PDF page that no lines part into cells: found by columns that stay free of text from line to line.

lines ─▶ regions: neighbouring lines without running text ─▶ columns: strips parted by free space
      ─▶ cells by column ─▶ lines that go on with a cell joined to its row ─▶ a grid
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from statistics import median

import regex

from metier.parsing.core.table_cells import goes_on, is_mark, is_period, is_unit, is_value
from metier.parsing.core.tables import Grid
from metier.parsing.pdf.bidi import is_rtl, unmirrored
from metier.parsing.pdf.columns import find_columns, place, whole_values
from metier.parsing.pdf.drawn_lines import Segment
from metier.parsing.pdf.fragments import Fragment
from metier.parsing.pdf.headings import is_caption
from metier.parsing.pdf.layout import TextLine, join_lines
from metier.parsing.pdf.spanners import Spanner, spanned, spanners
from metier.text.language import in_any_language
from metier.text.phrases import any_of

_FAR = 4.0  # heights of a line between two rows of one table
_APART = 1.5  # times the usual step between two lines from which a gap sets tables apart
_MOST_LINES = 400
_LONG_LINE = 75  # characters of a line of running text
_RUNNING = 0.5  # share of cells without values that begin as the second line of a sentence does
_STEP = 2.0  # points by which a name is set in, at least


@dataclass(frozen=True, slots=True)
class FoundTable:
    """`first`, `last`: of the lines it takes, the last one exclusive."""

    first: int
    last: int
    grid: Grid


@dataclass(slots=True)
class _Cell:
    """Text in columns `first` to `last`, inclusive; `left`: of its first line, in points."""

    first: int
    last: int
    lines: list[TextLine] = field(default_factory=list)
    left: float = 0.0

    @property
    def text(self) -> str:
        text = self.lines[0].text if self.lines else ""
        for before, line in pairwise(self.lines):
            last = before.parts[-1]
            text = join_lines(text, line.text, hyphen=last.hyphen, spaced=last.spaced)
        return unmirrored(text)


@dataclass(slots=True)
class _Row:
    """`top`, `bottom`: bases of its first and last line, in points."""

    cells: list[_Cell]
    top: float
    bottom: float
    size: float

    def cell(self, column: int) -> _Cell | None:
        return next((cell for cell in self.cells if cell.first <= column <= cell.last), None)

    @property
    def is_data(self) -> bool:
        """Holds a value beside its name."""
        texts = [cell.text for cell in self.cells if cell.first]
        return any(is_value(text) and not is_period(text) and not is_mark(text) for text in texts)


def find_tables(lines: Sequence[TextLine], drawn: Sequence[Segment]) -> list[FoundTable]:
    """The tables among the lines of text of one column of a page, in their order. `drawn`: level lines on the page."""
    lines = [TextLine(whole_values(line.parts) or line.parts) for line in lines]
    found = []
    for first, last in _regions(lines):
        table = _table(lines, first, last, drawn)
        if table is not None:
            found.append(table)
    return found


# --- where -----------------------------------------------------------------------------------------------------


def _regions(lines: Sequence[TextLine]) -> Iterator[tuple[int, int]]:
    """Runs of neighbouring lines of which several have parts and none is running text."""
    start = 0
    while start < len(lines):
        end = start
        while end < len(lines) and end - start < _MOST_LINES and not _runs(lines[end]):
            if end > start and not _near(lines[end - 1], lines[end]):
                break
            end += 1
        captions = [n for n in range(start + 1, end) if len(lines[n].parts) == 1 and is_caption(f"{lines[n].text} ")]
        edges = [start, *sorted({*_other_headers(lines, start, end), *captions}), end]
        yield from ((a, b) for a, b in pairwise(edges) if sum(len(line.parts) > 1 for line in lines[a:b]) >= 2)
        start = max(end, start + 1)


def _other_headers(lines: Sequence[TextLine], first: int, last: int) -> list[int]:
    """Lines at which another table begins below one: names without a value over lines with values, set off from the
    values above by a wide gap or by a line of text."""
    parted = [line.base for line in lines[first:last] if len(line.parts) > 1]
    pitch, found, values = _pitch(parted), [], 0
    for at in range(first, last):
        line = lines[at]
        if _holds_values(line):
            values += 1
        elif len(line.parts) > 1 and values > 1:
            above = lines[at - 1]
            apart = len(above.parts) == 1 or above.base - line.base > _APART * pitch
            if apart and any(map(_holds_values, lines[at + 1 : at + 3])):
                found.append(at)
                values = 0
    return found


def _holds_values(line: TextLine) -> bool:
    return any(is_value(part.text) and not is_period(part.text) for part in line.parts[1:])


def _runs(line: TextLine) -> bool:
    """Running text: a long line of one part."""
    return len(line.parts) == 1 and len(line.text) > _LONG_LINE


def _near(above: TextLine, below: TextLine) -> bool:
    return above.bottom - below.bottom < _FAR * max(above.size, below.size)


def _table(lines: Sequence[TextLine], first: int, last: int, drawn: Sequence[Segment]) -> FoundTable | None:
    """The table between two lines, None where they hold none."""
    parted = [n for n in range(first, last) if len(lines[n].parts) > 1]
    columns = find_columns([lines[n] for n in parted])
    if columns is None:
        return None
    first, last = _bounds(lines, first, last, parted, columns)
    over = spanners(columns, drawn)
    rows = [_row(line, columns, over) for line in lines[first:last]]
    if not _is_table(rows, columns):
        return None
    title = _title_lines(lines[first:last], rows)
    first, rows = first + title, rows[title:]
    rules = [line.at for line in drawn]
    rows = _with_names_joined(rows, rules)
    return FoundTable(first, last, _grid(_joined(rows, rules), len(columns)))


def _bounds(
    lines: Sequence[TextLine], first: int, last: int, parted: Sequence[int], columns: Sequence[tuple[float, float]]
) -> tuple[int, int]:
    """Without the lines of one part above and below, but for names over the columns and ends of cells."""
    begin, end = parted[0], parted[-1] + 1
    edge = columns[0][1]
    while begin > first and lines[begin - 1].left > edge - 1 and _close(lines[begin - 1], lines[begin], 2.5):
        begin -= 1
    pitch = _pitch([lines[n].base for n in parted])
    while end < last and lines[end - 1].base - lines[end].base < 0.8 * pitch:
        end += 1
    above = lines[begin - 1] if begin > first else None
    if above is not None and above.left < edge and above.base - lines[begin].base < 0.8 * pitch:
        begin -= _holds_values(lines[begin]) and abs(above.size - lines[begin].size) < 0.1 * above.size
    return begin, end


def _title_lines(lines: Sequence[TextLine], rows: Sequence[_Row]) -> int:
    """How many lines at the top are the title of a table, not names of its columns: a caption, or a text alone that
    begins over the first column and reaches over others, where names follow; and lines that go on with either."""
    data = next((n for n, row in enumerate(rows) if row.is_data), 0)
    count, said, captioned = 0, "", False
    for line, row in zip(lines[:data], rows, strict=False):
        text, cell = line.text, row.cells[0]
        alone = len(row.cells) == 1 and cell.first == 0 < cell.last
        continued = len(line.parts) == 1 and said and (goes_on(text) or _is_open(said))
        if is_caption(f"{text} "):
            captioned = True
        elif is_unit(text) or not (alone or continued):
            break
        count, said = count + 1, text
    names = any(len(row.cells) > 1 or row.cells[0].first for row in rows[count:data])
    return count if captioned or names else 0


def _close(above: TextLine, below: TextLine, heights: float) -> bool:
    return above.base - below.base < heights * max(above.size, below.size)


def _pitch(bases: Sequence[float]) -> float:
    steps = [above - below for above, below in pairwise(bases) if above > below]
    return median(steps) if steps else 0.0


# --- rows ------------------------------------------------------------------------------------------------------


def _row(line: TextLine, columns: Sequence[tuple[float, float]], over: Sequence[Spanner]) -> _Row:
    cells: dict[tuple[int, int], list[Fragment]] = {}
    for part in sorted(line.parts, key=lambda part: part.left):
        cells.setdefault(spanned(part, line, over) or place(part, columns), []).append(part)
    merged: list[_Cell] = []
    for (first, last), parts in sorted(cells.items()):
        if merged and merged[-1].last >= first:
            merged[-1].last = max(merged[-1].last, last)
            merged[-1].lines[0].parts.extend(parts)
        else:
            merged.append(_Cell(first, last, [TextLine(list(parts))], parts[0].left))
    return _Row(merged, line.base, line.base, line.size)


def _is_table(rows: Sequence[_Row], columns: Sequence[tuple[float, float]]) -> bool:
    """Whether most rows fit into the columns with short cells, so that it is no text in columns."""
    parted = [row for row in rows if len(row.cells) > 1]
    data = [row for row in parted if row.is_data]
    if len(parted) < (2 if len(data) > 1 else 3):
        return False
    filled = sum(len(row.cells) for row in parted)
    values = sum(is_value(cell.text) for row in parted for cell in row.cells if cell.first)
    short = sum(len(cell.text) < 60 for row in parted for cell in row.cells)
    wide = sum(any(cell.last > cell.first for cell in row.cells) for row in parted[2:])
    alone = len(rows) - len(parted)
    if wide > 0.25 * len(parted) or alone > 3 * len(parted) or short < 0.8 * filled:
        return False
    if values > 0.4 * (filled - len(parted)):
        return filled > 0.35 * len(parted) * len(columns)
    going_on = sum(goes_on(cell.text) for row in parted for cell in row.cells)
    if going_on > _RUNNING * filled:  # text in columns
        return False
    return len(parted) >= 3 and alone < 0.7 * len(parted) and filled > 0.45 * len(parted) * len(columns)


def _with_names_joined(rows: list[_Row], rules: Sequence[float]) -> list[_Row]:
    """Lines of the header that go on with the names above them made one row: no name reaches over several columns, no
    line is drawn between, and they stand close."""
    first = next((n for n, row in enumerate(rows) if row.is_data), 0)
    joined: list[_Row] = []
    for row in rows[:first]:
        if joined and _goes_on_with_names(joined[-1], row, rules):
            _join(joined[-1], row)
        else:
            joined.append(row)
    return [*joined, *rows[first:]]


def _goes_on_with_names(above: _Row, row: _Row, rules: Sequence[float]) -> bool:
    if any(cell.last > cell.first for cell in (*above.cells, *row.cells)) or _ruled_off(above, row, rules):
        return False
    if above.bottom - row.top > 1.6 * max(above.size, row.size):
        return False
    over, under = ({cell.first for cell in each.cells} for each in (above, row))
    if any(is_period(cell.text) and cell.first in over for cell in row.cells):
        return False
    return under <= over or over <= under


def _ruled_off(above: _Row, below: _Row, rules: Sequence[float]) -> bool:
    return any(below.top + 0.5 * below.size < height < above.bottom + 1 for height in rules)


def _joined(rows: list[_Row], rules: Sequence[float]) -> list[_Row]:
    """Lines that go on with a cell put to the row they belong to."""
    pitch = _pitch([row.top for row in rows if row.is_data])
    first = next((n for n, row in enumerate(rows) if row.is_data), len(rows))
    begin = first
    while begin and _only(rows[begin - 1], 0):  # names above the first values
        begin -= 1
    found = list(rows[:begin])
    blocks = _blocks(rows[begin:], pitch, rules)
    for number, block in enumerate(blocks):
        above = found[-1] if len(found) > begin else None
        below = blocks[number + 1] if number + 1 < len(blocks) else None
        if len(block.cells) > 1 or block.is_data:
            found.append(block)
            continue
        belongs = _belongs(block, above, below, pitch, rules)
        if belongs == "above" and above is not None:
            _join(above, block)
        elif belongs == "below" and below is not None:
            _join(block, below)
            blocks[number + 1] = block
        else:
            found.append(block)
    return found


def _blocks(rows: Sequence[_Row], pitch: float, rules: Sequence[float]) -> list[_Row]:
    """Neighbouring lines of names without values made one where they stand closer than rows do."""
    found: list[_Row] = []
    for row in rows:
        last = found[-1] if found else None
        names = last is not None and _only(last, 0) and _only(row, 0)
        if last is not None and names and last.bottom - row.top < 0.85 * pitch and not _ruled_off(last, row, rules):
            _join(last, row)
        else:
            found.append(row)
    return found


def _belongs(row: _Row, above: _Row | None, below: _Row | None, pitch: float, rules: Sequence[float]) -> str:
    """Whether lines of one cell are part of the row above, or of the one below: "above", "below", or "" for neither."""
    up = above.bottom - row.top if above and not _ruled_off(above, row, rules) else 1e9
    down = row.bottom - below.top if below and not _ruled_off(row, below, rules) else 1e9
    cell, text = row.cells[0], row.cells[0].text
    tight = 0.85 * pitch
    if cell.first:  # the second line of a cell beside the name
        return "above" if above is not None and above.cell(cell.first) and up < max(1.5 * row.size, tight) else ""
    if text.endswith(":"):
        return ""
    if min(up, down) < tight:
        return "above" if up <= down and above is not None and above.cell(0) else "below" if down < tight else ""
    if below is not None and below.is_data and down < 1.6 * row.size:
        follows = below.cell(0)
        if follows is not None and (goes_on(follows.text) or _is_open(text)):
            return "below"
    if above is not None and up < 1.6 * row.size and goes_on(text):
        return "above" if above.cell(0) else ""
    return ""


def _is_open(name: str) -> bool:
    """Whether a name cannot end here: a joint comes last."""
    return _joint().search(name) is not None


@lru_cache(maxsize=1)
def _joint() -> regex.Pattern[str]:
    words = any_of(in_any_language("tables", "open"))
    return regex.compile(rf"(?:[,;:/&+(–-]|\b(?:{words}))$", regex.IGNORECASE)


def _only(row: _Row, column: int) -> bool:
    return len(row.cells) == 1 and row.cells[0].first == column == row.cells[0].last


def _join(above: _Row, below: _Row) -> None:
    for cell in below.cells:
        same = next((c for c in above.cells if c.first == cell.first and c.last == cell.last), None)
        same = same or above.cell(cell.first)
        if same is None:
            above.cells.append(cell)
        else:
            same.lines.extend(cell.lines)
    above.cells.sort(key=lambda cell: cell.first)
    above.bottom = below.bottom


def _grid(rows: Sequence[_Row], width: int) -> Grid:
    grid = Grid()
    rtl = is_rtl("".join(cell.text for row in rows for cell in row.cells))
    indents = _indents(rows)
    for number, row in enumerate(rows):
        grid.start_row()
        spans: list[tuple[str, int]] = []
        column = 0
        for cell in row.cells:
            spans += [("", 1)] * (cell.first - column)
            spans.append((cell.text, cell.last - cell.first + 1))
            column = cell.last + 1
        spans += [("", 1)] * (width - column)
        for text, columns in reversed(spans) if rtl else spans:
            grid.cell(text, columns=columns, indent=None if rtl else indents[number])
    return grid


def _indents(rows: Sequence[_Row]) -> list[float | None]:
    """How far the name of each row is set in, in points; None for all where names are centred or stand anyhow."""
    lefts = [cell.left for row in rows if (cell := row.cell(0)) is not None and cell.last == 0]
    levels: list[float] = []
    for left in sorted(lefts):
        if not levels or left - levels[-1] > _STEP:
            levels.append(left)
    usual = len(lefts) >= 4 and 1 < len(levels) <= 4 and sum(left - levels[0] <= _STEP for left in lefts) > 1
    if not usual:
        return [None] * len(rows)
    cells = [row.cell(0) for row in rows]
    return [
        max(level for level in levels if level <= cell.left + 0.1) - levels[0]
        if cell and cell.last == 0 and cell.left >= levels[0]
        else None
        for cell in cells
    ]

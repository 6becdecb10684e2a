"""Cells with spans to a table of the document, its structure told by `metier.parsing.core.table_structure`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from metier.core.tables import LINES
from metier.parsing.core.header_blocks import header_blocks
from metier.parsing.core.lead_in import line_of, pairs_in, without_lead_in
from metier.parsing.core.name_values import are_name_values, title_rows
from metier.parsing.core.readers import Builder
from metier.parsing.core.table_cells import RawRow, is_unit
from metier.parsing.core.table_header import header_depth
from metier.parsing.core.table_structure import Structure, structured
from metier.parsing.core.timetables import with_stations

_MAX_SPAN = 500
_MAX_CELLS = 2_000_000


@dataclass(slots=True)
class Grid:
    """A table while it is read, cell by cell; a cell that spans rows or columns is repeated in each of them.

    Every row can then be read alone, which is how passages are cut. `header_rows`: how many the file itself marks
    as header, None where it does not say. `caption`: what the source marks as such. `pairs`: the source marks the first
    of two columns as names of what stands in the second. `before`: the table that this one goes on with; `structure`:
    what it was found to be, once it is written. `heads`: indices of rows all of whose cells are marked as names.
    """

    header_rows: int | None = None
    caption: str = ""
    pairs: bool = False
    before: Grid | None = None
    structure: Structure | None = None
    heads: frozenset[int] = frozenset()
    _rows: list[list[str | None]] = field(default_factory=list)
    _pending: dict[tuple[int, int], str] = field(default_factory=dict)
    _wide: set[int] = field(default_factory=set)
    _indents: dict[int, float] = field(default_factory=dict)
    _cells: int = 0

    def start_row(self) -> None:
        self._rows.append([])

    def cell(self, text: str, *, columns: int = 1, rows: int = 1, indent: float | None = None) -> None:
        """Append a cell to the current row, after the cells that span into it from above. `indent`: how far the first
        text of a row is set in, in any unit."""
        if not self._rows:
            self.start_row()
        row, number = self._rows[-1], len(self._rows) - 1
        self._settle(row, number)
        if not row and indent is not None:
            self._indents[number] = indent
        columns, rows = max(1, min(columns, _MAX_SPAN)), max(1, min(rows, _MAX_SPAN))
        self._cells += columns * rows
        if self._cells > _MAX_CELLS:
            columns = rows = 1
        if columns > 1:
            self._wide.add(number)
        for offset in range(rows):
            for index in range(columns):
                if offset:
                    self._pending[number + offset, len(row) + index] = text
        row.extend([text] * columns)

    def rows(self) -> list[list[str]]:
        """All rows, ragged rows padded, empty rows and columns left out."""
        for number, row in enumerate(self._rows):
            self._settle(row, number)
        width = max((len(row) for row in self._rows), default=0)
        full = [[cell or "" for cell in row] + [""] * (width - len(row)) for row in self._rows]
        used = [index for index in range(width) if any(row[index].strip() for row in full)]
        return [[row[index] for index in used] for row in full]

    def _settle(self, row: list[str | None], number: int) -> None:
        while (number, len(row)) in self._pending:
            row.append(self._pending.pop((number, len(row))))

    def write(self, builder: Builder, *, page: int | None = None) -> None:
        """Put the table into `builder`; one column of cells becomes paragraphs, as it was only there for looks."""
        self.structure = write_table(
            builder,
            self._raw_rows(),
            header_rows=self.header_rows,
            page=page,
            caption=self.caption,
            pairs=self.pairs,
            before=self.before.structure if self.before else None,
        )

    def go_on_with(self, before: Grid) -> None:
        """Take over from the table that this one goes on with on another page: the names of the columns where it has
        none of its own, its unit, and the names that its last rows stand under."""
        rows, above, depth = self._raw_rows(), before._raw_rows(), before.header_rows
        if self.header_rows is not None or not rows or not above or len(rows[0].cells) != len(above[0].cells):
            return
        last = header_blocks(above, depth)[-1]
        above, depth = last.rows, last.header_rows
        depth = header_depth(above) if depth is None else depth
        own = header_depth(rows)
        same = own == depth and [row.cells[1:] for row in rows[:own]] == [row.cells[1:] for row in above[:depth]]
        if not depth or (own and not same):
            return
        if not own:
            self._rows[:0] = [list(row.cells) for row in above[:depth]]
            self._wide = {row.number - 1 for row in above[:depth] if row.wide} | {n + depth for n in self._wide}
            self._indents = {number + depth: indent for number, indent in self._indents.items()}
            self.header_rows = depth
        self.before = before

    def _raw_rows(self) -> list[RawRow]:
        return [
            RawRow(number, cells, number - 1 in self._wide, self._indents.get(number - 1), number - 1 in self.heads)
            for number, cells in enumerate(self.rows(), start=1)
        ]


def write_rows(
    builder: Builder,
    rows: Sequence[Sequence[str]],
    *,
    header_rows: int | None = None,
    wide: set[int] | frozenset[int] = frozenset(),
    page: int | None = None,
    first: int = 1,
) -> None:
    """Add `rows` as a table. `wide`: indices of rows with cells over several columns. `first`: number of the first."""
    told = [RawRow(number, list(cells), number - first in wide) for number, cells in enumerate(rows, start=first)]
    write_table(builder, told, header_rows=header_rows, page=page)


def write_table(
    builder: Builder,
    rows: Sequence[RawRow],
    *,
    header_rows: int | None = None,
    page: int | None = None,
    caption: str = "",
    pairs: bool = False,
    before: Structure | None = None,
) -> Structure | None:
    """Add `rows`, all of one width, as a table, and return its structure; a single text becomes a paragraph. `caption`,
    `pairs`: see `Grid`; `before`: of the table that this one goes on with."""
    rows = [row for row in rows if any(cell.strip() for cell in row.cells)]
    if not rows or (len(rows) == 1 and len(rows[0].cells) == 1):
        builder.add("caption", caption, page=page)
        builder.add("paragraph", rows[0].cells[0] if rows else "", page=page)
        return None
    lines: list[RawRow] = []
    if pairs or (header_rows is None and are_name_values(rows)):
        lines, rows, header_rows, pairs = rows[: title_rows(rows)], rows[title_rows(rows) :], 0, True
    elif header_rows is None:
        lines, rows = without_lead_in(rows)
    write_pairs(builder, lines, page=page)
    caption = LINES.join(filter(None, (caption, *map(line_of, lines))))
    first, *others = header_blocks(with_stations(rows), header_rows)
    found = structured(first.rows, first.header_rows, before, pairs=pairs)
    if caption:
        found.captions.insert(0, caption)
    _write(builder, found, found.captions, page=page, pairs=pairs)
    for block in others:
        titles, units = ([line for line in block.titles if is_unit(line) == told] for told in (False, True))
        captions = [*found.captions[: max(0, len(found.captions) - len(titles))], *titles]
        found = structured(block.rows, block.header_rows, Structure(unit=units[-1] if units else found.unit))
        found.captions = captions
        _write(builder, found, titles, page=page)
    return found


def _write(
    builder: Builder, found: Structure, captions: Sequence[str], *, page: int | None, pairs: bool = False
) -> None:
    """Add a table, and before it those of its `captions` that no table before it has."""
    for line in captions:
        builder.add("caption", line, page=page)
    names = [row.cells[0].strip() for row in found.body if row.cells[0].strip()]
    two = len(found.body[0].cells) == 2 if found.body else False
    pairs = not found.header and two and (pairs or all(name.endswith(":") for name in names))
    builder.add_table(
        [*found.header, *(row.cells for row in found.body)],
        header=len(found.header),
        page=page,
        keys=[str(row.number) for row in found.body],
        groups=[row.groups for row in found.body],
        caption=" ".join(found.captions),
        pairs=pairs,
        unit=found.unit,
        notes=found.notes,
    )
    for note in found.notes:
        builder.add("paragraph", note, page=page)


def write_pairs(builder: Builder, lines: Sequence[RawRow], *, page: int | None = None) -> None:
    """Add names with their values among the lines over a table as rows, that can be found and quoted; the caption of
    the table has them too, since they hold for all of its rows."""
    if pairs := pairs_in(lines):
        write_table(builder, pairs, header_rows=0, page=page, pairs=True)

"""Which row of a table a question names, and which of its cells: a table holds many rows that look alike, for years
that look alike."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from metier.answering.coverage import QuestionCoverage
from metier.core.documents import CELL, Passage
from metier.text.sentences import units

_YEAR = regex.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_CLEARLY = 2  # words of its name by which another row must be nearer to the question
_AS_MUCH = 0.02  # share of the question's words that it may lack


def named_row(chosen: Passage, around: Sequence[Passage], coverage: QuestionCoverage) -> Passage:
    """The row of the table of `chosen`, one of them, that the question names clearly better: by words of its name, with
    no word of the question less in the row. `around`: passages of its document in reading order."""
    if CELL not in chosen.text:
        return chosen
    best, named, held = chosen, coverage.names_row(chosen.text), coverage.of(chosen)
    for passage in around:
        if passage.document_id != chosen.document_id or passage.headings != chosen.headings:
            continue
        for unit in units(passage.text, passage.language or "en"):
            row = passage.within(unit.start, unit.end)
            if unit.kind != "row" or coverage.names_row(row.text) < named + _CLEARLY:
                continue
            if coverage.of(row) >= held - _AS_MUCH:
                best, named, held = row, coverage.names_row(row.text), coverage.of(row)
    return best


def asked_cells(row: str, question: str) -> str:
    """A row without the cells of other years than those that the question names, where columns are named by years. The
    whole row where no column has a year of the question."""
    asked = set(_YEAR.findall(question))
    cells = [(cell, set(_YEAR.findall(cell.partition(": ")[0]))) for cell in row.split(CELL)]
    if not asked or not any(years & asked for _cell, years in cells[1:]):
        return row
    return CELL.join(cell for n, (cell, years) in enumerate(cells) if not n or not years or years & asked)

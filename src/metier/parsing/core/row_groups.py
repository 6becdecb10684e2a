"""Names in the first column that stand once for several rows, without a merged cell that says so.

     | Men   | 11.0
1991 | Women |  6.6         the second column says the same again and again, and the first has one name each time:
     | Total |  8.9         it belongs to all rows of that round, wherever it stands among them
     | Men   |  9.5
1996 | Women |  5.3
     | Total |  7.5
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from metier.parsing.core.table_cells import RawRow, is_value


def named_in_rounds(rows: list[RawRow]) -> list[RawRow]:
    """Rows of a body, each with the name of its round; as they are where there are no rounds."""
    said = _names(rows)
    length = next((n for n, name in enumerate(said) if n and name == said[0]), 0)
    count = len(said) // length if length > 1 else 0
    if count < 2 or said != said[:length] * count or len(set(said[:length])) < length:
        return rows
    rounds = [rows[n * length : (n + 1) * length] for n in range(count)]
    names = [[name for row in each if (name := row.cells[0].strip())] for each in rounds]
    if any(len(each) != 1 for each in names) or len({name for each in names for name in each}) < count:
        return rows
    named = [
        replace(row, cells=[name, *row.cells[1:]]) for each, (name,) in zip(rounds, names, strict=True) for row in each
    ]
    return named + rows[len(said) :]


def _names(rows: Sequence[RawRow]) -> list[str]:
    """What the second column says from the top on, as long as it says a name."""
    found = []
    for row in rows:
        name = row.cells[1].strip() if len(row.cells) > 2 else ""
        if not any(map(str.isalpha, name)) or is_value(name):
            break
        found.append(name)
    return found

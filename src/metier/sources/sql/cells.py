"""Values of a database as the text of cells, and what a column is called and measured in."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from metier.core.tables import DeclaredColumn
from metier.text.language import Language, words_of
from metier.text.names import apart
from metier.text.units import MONEY, unit_of

LONGEST = 4000  # characters of a cell; what is behind them is left out
_ROW = 16_000  # characters of a row: of a longer one each cell keeps so many
_SHORT = 400
_CUT = "…"
_BRACKETED = re.compile(r"[(\[]([^()\[\]]{1,12})[)\]]\s*$")
_LAST = re.compile(r"(?:\s+in)?\s+(\S{1,12})$")
_LONGEST_NAME = 40  # characters of a comment that may stand in place of a column's name
_TELLING = 4  # letters of a word that is no abbreviation


def as_text(value: object) -> str:
    """A value of any type as it is written here; "" for none, and for bytes."""
    if value is None or isinstance(value, bytes | bytearray | memoryview):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False, default=as_text)
    if isinstance(value, set | frozenset):
        return ", ".join(sorted(map(as_text, value)))
    if isinstance(value, list | tuple):
        nested = any(isinstance(each, Mapping | list | tuple) for each in value)
        return json.dumps(value, ensure_ascii=False, default=as_text) if nested else ", ".join(map(as_text, value))
    return str(value)


def row_cells(values: Sequence[object]) -> tuple[tuple[str, ...], bool]:
    """The cells of a row, and whether any was cut."""
    cells = [as_text(value) for value in values]
    longest = LONGEST if sum(map(len, cells)) <= _ROW else _SHORT
    cut = tuple(cell if len(cell) <= longest else cell[:longest] + _CUT for cell in cells)
    return cut, any(len(cell) > longest for cell in cells)


def kind_of(values: Collection[object]) -> str:
    """Of a column whose type nobody declares, by some of its values."""
    found = [value for value in values if value is not None]
    if found and all(isinstance(value, date) for value in found):
        return "date"
    if not found or any(isinstance(value, bool) or not isinstance(value, int | float | Decimal) for value in found):
        return "text"
    return "integer" if all(isinstance(value, int) for value in found) else "number"


def declared(name: str, kind: str, comment: str) -> DeclaredColumn:
    """`comment`: what the database says of the column."""
    return DeclaredColumn(kind, _unit(name, comment) if kind in ("integer", "number") else "")


def _unit(name: str, comment: str) -> str:
    """What its comment says, "rated power in kW", or the end of its name, `weight_kg`."""
    parts = apart(name).split()
    found = [match[1] for match in (_BRACKETED.search(comment), _BRACKETED.search(name), _last(comment)) if match]
    found += [part for part in parts[-1:] if len(parts) > 1 and len(part) > 1 and _is_no_word(part)]
    found += [name] if len(parts) == 1 else []
    for text in found:
        unit = unit_of(text)
        if unit is not None:
            return text.upper() if unit.dimension in MONEY and text.isascii() else text
    return ""


def _last(comment: str) -> re.Match[str] | None:
    match = _LAST.search(comment.rstrip(". "))
    return match if match and _is_no_word(match[1]) else None


def _is_no_word(text: str) -> bool:
    return text.casefold() not in Language.of("en").function_words


def shown_name(name: str, comment: str, unit: str) -> str:
    """What a column is called in rows: by its comment where that says more, as of `p_r` "rated power in kW" does."""
    said = _BRACKETED.sub("", comment.strip().rstrip(".")).strip()
    if unit and said.endswith(f" {unit}"):
        said = said.removesuffix(f" {unit}").removesuffix(" in").strip()
    if not said or len(said) > _LONGEST_NAME or any(mark in said for mark in ":;.,|\n"):
        return name
    own, told = words_of(apart(name)), words_of(said)
    is_short = all(len(word) < _TELLING for word in own)
    return said if is_short or set(own) < set(told) else name

"""Sheets of two columns that hold a name and its value in every row, and no names over them.

Ship   | MV Halla
Built  | 1998          what the second column holds is of another kind in nearly every row, so that no name fits it
Length | 120 m
Agent  | Corrin Lines
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import regex

from metier.parsing.core.table_cells import RawRow, is_alone, is_period, is_time, is_unit, is_value
from metier.text.units import unit_of

_LONGEST_NAME = 60  # characters
_FEWEST = 3  # values under the first row
_SAMPLE = 40  # rows that tell
_ADDRESS = regex.compile(r"\S@\S|\w://|^www\.")
_DATE = regex.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}|\d{1,2}\.?\s\p{L}+\.?\s(?:19|20)\d\d")
_PHONE = regex.compile(r"(?:\+|00?)[1-9][\d\s()/-]{6,}")
_NUMBER = regex.compile(r"[^\w\s]{0,3}\s?\d[\d.,'’\s]*(?:[–-]\s?\d[\d.,]*)?\s?([^\d,;]{0,16})")
_MEASURED = regex.compile(r".*[(\[][^()\[\]]+[)\]]")  # a name with its unit: "Length (m)"


def are_name_values(rows: Sequence[RawRow]) -> bool:
    """Whether rows of two columns are names and values from the first one on, but for texts alone among them."""
    if len(rows[0].cells) != 2:
        return False
    pairs = [tuple(cell.strip() for cell in row.cells) for row in rows[:_SAMPLE] if not is_alone(row)]
    names = [name for name, _value in pairs]
    if len(pairs) <= _FEWEST or len(set(names)) < len(names) or not all(map(_is_name, names)):
        return False
    if 2 * sum(any(map(str.isdigit, name)) for name in names) > len(names) or _names_a_column(pairs[0][1]):
        return False
    if names[0][:1].isupper() and all(name[:1].islower() for name in names[1:]):
        return False  # written as no other
    return _differ([value for _name, value in pairs[1:] if value])


def title_rows(rows: Sequence[RawRow]) -> int:
    """How many texts alone at the top are over all names and values: not the last of them where there are more among
    these, each over some."""
    top = next((n for n, row in enumerate(rows) if not is_alone(row)), 0)
    return top - 1 if top and any(map(is_alone, rows[top:])) else top


def _is_name(text: str) -> bool:
    return bool(text) and len(text) <= _LONGEST_NAME and not is_value(text) and not is_period(text)


def _names_a_column(text: str) -> bool:
    """Whether a text says of what kind the values below it are: a period, a unit, or a name with its unit."""
    last = text.split()[-1] if text else ""
    measured = len(text.split()) > 1 and not any(map(str.isdigit, text)) and unit_of(last) is not None
    return not text or is_period(text) or is_unit(text) or measured or _MEASURED.fullmatch(text) is not None


def _differ(values: Sequence[str]) -> bool:
    """Whether values are of so many kinds that no column holds them: texts among numbers, or measures of all sorts."""
    kinds = Counter(map(_kind, values))
    words, others = kinds.pop("", 0), sum(kinds.values())
    if len(values) < _FEWEST:
        return False
    texts = len({value for value in values if not _kind(value)})
    if 3 * min(words, others) >= len(values) and (texts > 1 or len(kinds) > 1):
        return True
    return len(kinds) > 2 and 2 * max(kinds.values()) <= len(values)


def _kind(value: str) -> str:
    """Of a value: its unit behind a number, or another sort; "" of a text."""
    if _ADDRESS.search(value):
        return "address"
    if is_time(value):
        return "time"
    if _DATE.fullmatch(value) or (is_period(value) and not is_value(value)):
        return "date"
    if _PHONE.fullmatch(value):
        return "phone"
    if is_period(value):
        return "year"
    number = _NUMBER.fullmatch(value)
    return f"number {number[1].casefold()}" if number else ""

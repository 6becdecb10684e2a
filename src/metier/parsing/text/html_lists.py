"""Lists of an HTML page while they are read: what their next item is numbered with, and names before their values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metier.parsing.office.numbering import written
from metier.parsing.text.html_tables import number

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_FORMS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_NO_NUMBERS = re.compile(r"list-style(?:-type)?\s*:\s*[^;]*\b(?:none|disc|circle|square)\b", re.IGNORECASE)


@dataclass(slots=True)
class OpenList:
    """`next`: number of its next item, None where it has bullets."""

    next: int | None
    form: str = "decimal"
    step: int = 1

    @classmethod
    def of(cls, node: LexborNode, style: str) -> OpenList:
        attributes = node.attributes
        if node.tag == "ul" or (style and _NO_NUMBERS.search(style)):
            return cls(None)
        form = _FORMS.get(attributes.get("type") or "", "decimal")
        if "reversed" in attributes:
            count = sum(child.tag == "li" for child in node.iter())
            return cls(number(attributes.get("start"), count), form, -1)
        return cls(number(attributes.get("start")), form)

    def label(self, value: str | None) -> str:
        """`3. ` before an item, "" before one with a bullet. `value`: the number that the item itself says."""
        if self.next is None:
            return ""
        shown = number(value, self.next)
        self.next = shown + self.step
        return f"{written(shown, self.form) if shown > 0 else shown}. "


@dataclass(slots=True)
class OpenPairs:
    """A list of names and values. `told`: a value of `names` was, so that the next name is of another."""

    names: list[str] = field(default_factory=list)
    told: bool = False
    in_name: bool = False

    def start(self, tag: str) -> str:
        """Begin a name (`dt`) or a value (`dd`); what stands before the value."""
        self.in_name = tag == "dt"
        if self.in_name and self.told:
            self.names.clear()
        self.told = not self.in_name
        return f"{', '.join(self.names).rstrip(' :')}: " if self.told and self.names else ""

"""What generation makes before it makes rows: a question, its answer, and the passage that both were written from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from metier.core.documents import Passage


@dataclass(frozen=True, slots=True)
class QAPair:
    """`kind`: as in `Row`. `language`: BCP-47, of the passage. `source`: who wrote it. `others`: the same question
    in other words. `subject`, `attribute`: of a table, what names the row and the column, "" elsewhere; `row`: how its
    line names the row, with all groups; `unit`: of the table ("(in millions)")."""

    question: str
    answer: str
    passage: Passage
    kind: str
    language: str
    source: Literal["rule", "model", "practice"]
    others: tuple[str, ...] = ()
    subject: str = ""
    attribute: str = ""
    row: str = ""
    unit: str = ""

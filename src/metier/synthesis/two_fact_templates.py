"""How questions on two facts of a table, and on one that may be false, are put, by language.

As in `question_templates`: names are put in as they stand, so a template must need no ending, article or gender from
them. A language without a template gives no question.
"""

from __future__ import annotations

from metier.synthesis.question_templates import in_brackets, noun_phrase, plain, put
from metier.text.language import Language


def claim(language: str, key: str, column: str, value: str, unit: str = "") -> str | None:
    """Asks whether a cell of a table holds `value`; None where there is no template. `unit`: what holds for all numbers
    of the table."""
    known, column = Language.of(language), plain(column)
    given = in_brackets(unit, column, value)
    if phrase := noun_phrase(known, column):
        kind = "plural_claim" if phrase.plural else "noun_claim"
        if said := put(known, kind, key=key, column=phrase.text + given, value=value):
            return said
    return put(known, "claim", key=key, column=column + given, value=value)


def comparison(language: str, one: str, other: str, column: str) -> str | None:
    """Asks which of two rows of a table has the higher number in a column; None where there is no template."""
    known, column = Language.of(language), plain(column)
    phrase = noun_phrase(known, column)
    parts = {"one": one, "other": other}
    said = put(known, "noun_comparison", column=phrase.text, **parts) if phrase and not phrase.plural else None
    return said or put(known, "comparison", column=column, **parts)

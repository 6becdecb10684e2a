"""How a question is put that no model writes, by language: `[question_templates]` of its file.

Column names and keys are put in as they stand, so a template must need no ending, article or gender from them: where a
language inflects, the column is quoted. A language without a template gets `WT-07 – Rated power?`. Where the file has
`noun_cell`, a name that is a noun phrase stands in the sentence: "What is the rated power of WT-07?".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import regex

from metier.core.tables import PATH
from metier.text.language import Language
from metier.text.phrases import any_of

_NEUTRAL = ("{key} – {column}?",)
_UNIT = regex.compile(r"(.+) (kg|g|t|mm|cm|m|km|l|EUR|USD|GBP|SEK|CHF|INR|BDT|JPY|CNY|bar|Nm|kN|kW|kWh|MW|V|A|Hz|°C|%)")
_AMOUNT = regex.compile(r"[-+−]?\p{N}")


@dataclass(frozen=True, slots=True)
class NounPhrase:
    """The name of a column as a sentence has it: "rated power in kW". `person`: whether it is somebody."""

    text: str
    plural: bool
    person: bool


def cell(language: str, key: str, column: str, value: str, unit: str = "") -> tuple[str, ...]:
    """Questions for one cell of a table, the one to ask first. `unit`: what holds for all numbers of the table."""
    known, column = Language.of(language), plain(column)
    given = in_brackets(unit, column, value)
    if phrase := noun_phrase(known, column):
        kind = "person_cell" if phrase.person else "plural_cell" if phrase.plural else "noun_cell"
        if templates := known.question_templates.get(kind):
            return tuple(template.format(key=key, column=phrase.text + given) for template in templates)
    amounts = known.question_templates.get("amount", ()) if _AMOUNT.match(value) else ()
    return tuple(template.format(key=key, column=column + given) for template in (*amounts, *_quoted(known)))


def fact(language: str, about: str, key: str) -> tuple[str, ...]:
    """Questions for a line `Owner: Technical Office`, whose key may be no noun: quoted, where a language can."""
    return tuple(template.format(key=about, column=key) for template in _quoted(Language.of(language)))


def within(title: str, question: str) -> str:
    """A question that several documents answer differently, asked of one."""
    return f"{title}: {question}"


def definition(language: str, term: str, article: str = "") -> str | None:
    """The question that a definition of `term` answers; None where there is no template."""
    asked = put(Language.of(language), "definition", term=term, article=article)
    return asked.replace("  ", " ") if asked else None  # without an article


def section(language: str, title: str, heading: str) -> str | None:
    """The question that a short section answers; None where there is no template."""
    return put(Language.of(language), "section", title=title, heading=heading)


def put(language: Language, name: str, **parts: str) -> str | None:
    """The first template of that name, filled in; None where there is none."""
    templates = language.question_templates.get(name)
    return templates[0].format(**parts) if templates else None


def plain(column: str) -> str:
    """The name of a column as people say it: of one in several parts all, from the top down."""
    parts = [part.strip(" ,:;") for part in column.split(PATH)] if PATH in column else [column]
    return " ".join(", ".join(parts).replace("_", " ").split())


def in_brackets(unit: str, column: str, value: str) -> str:
    """What follows the name of a column where a table gives its numbers in a unit; "" for a value that is no number,
    and for a share."""
    if not unit or "%" in column + value or not any(map(str.isdigit, value)):
        return ""
    return f" {unit}" if unit[0] in "([" else f" ({unit})"


def noun_phrase(language: Language, column: str) -> NounPhrase | None:
    """The name of a column (see `plain`) as a sentence has it; None where the language asks by no noun phrases, or it
    is none and can only be quoted."""
    if "noun_cell" not in language.question_templates:
        return None
    unit = _UNIT.fullmatch(column)
    name = unit[1] if unit else column
    if ", " in column or any(character.isdigit() for character in column) or _no_noun(language).fullmatch(name):
        return None
    head = _complement(language).split(name, maxsplit=1)[0]
    person = bool(_person(language).fullmatch(name))
    plural = not person and bool(_plural(language).fullmatch(head))
    said = name if language.capitalises_nouns else _lowered(name)
    if unit:
        said = put(language, "unit", column=said, unit=unit[2]) or column
    return NounPhrase(said.replace("{", "").replace("}", ""), plural, person)  # no name has braces in a sentence


def _quoted(language: Language) -> tuple[str, ...]:
    return language.question_templates.get("cell", _NEUTRAL)


def _lowered(name: str) -> str:
    """Without the capitals of a heading: "Rated Power" is "rated power", "Parks in Sweden" is "parks in Sweden", and
    words that hold another capital stay ("DC link")."""
    words = name.split()
    titled = all(word[0].isupper() for word in words)
    return " ".join(
        word if any(c.isupper() for c in word[1:]) or not (titled or place == 0) else word.lower()
        for place, word in enumerate(words)
    )


# --- words of a language -------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def _no_noun(language: Language) -> regex.Pattern[str]:
    """With a preposition at either end, a question, or a word for how a thing is."""
    first, last = (any_of(language.listed("tables", f"no_noun_{place}")) for place in ("first", "last"))
    alone = "|".join(r"\p{L}*".join(map(regex.escape, w.split("*"))) for w in language.listed("tables", "no_noun"))
    return regex.compile(rf"(?:{first})\b.*|(?:.*\s)?(?:{last})|{alone or '(?!)'}", regex.IGNORECASE)


@lru_cache(maxsize=32)
def _complement(language: Language) -> regex.Pattern[str]:
    return regex.compile(rf" (?:{any_of(language.listed('tables', 'complement'))}) ")


@lru_cache(maxsize=32)
def _person(language: Language) -> regex.Pattern[str]:
    return regex.compile(rf"(?:.*\s)?(?:{any_of(language.listed('tables', 'person'))})", regex.IGNORECASE)


@lru_cache(maxsize=32)
def _plural(language: Language) -> regex.Pattern[str]:
    return regex.compile(rf".*(?:{language.forms.get('plural', '(?!)')})", regex.IGNORECASE)

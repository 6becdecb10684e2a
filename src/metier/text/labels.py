"""Which of a few labels an answer gives.

An answer gives a label by being it, by beginning with it (`No, the seal is not …`), or by naming it and no other.
`card_arrival` is found as `card arrival`, too. The longest label comes first, so that `card payment fee` is not taken
for `card payment`, and a denied one (`not urgent`) is none.

Labels that are also words of other sentences (no, না, لا, 是, a single letter) count only where they stand apart, at
the beginning of the text or the end of a clause: `There is no evidence` gives no label, `The answer is no.` does. Of
several labels the one counts that the text begins with; `yes or no` gives none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

from metier.text.language import all_languages, in_any_language, known_languages
from metier.text.matching import places, words
from metier.text.normalization import fold
from metier.text.phrases import UNSPACED, any_of, source

_CLAUSE_END = regex.compile(r"(?:[\p{P}\n]--[-_'’&])+", regex.V1)
_NOT = regex.compile(r"n['’]t\b", regex.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Place:
    """`start`, `end`: words of the text."""

    label: str
    start: int
    end: int


def predicted(text: str, choices: Sequence[str], language: str = "en") -> str | None:
    """The one of `choices` that the text gives, None where it gives none, or several and begins with none."""
    said, ends = _clauses(text, language)
    found = [place for place in _places(said, choices, language) if _counts(place, said, ends)]
    if not found:
        return None
    if len({place.label for place in found}) == 1:
        return found[0].label
    return None if found[0].start or _offers(found, said) else found[0].label


def _clauses(text: str, language: str) -> tuple[list[str], set[int]]:
    """Words of the text behind what introduces the answer, and where clauses end among them."""
    text = _NOT.sub(" not", _whether().sub(" ", _introduction().sub("", fold(text), count=1)))
    said: list[str] = []
    ends = set()
    for clause in _CLAUSE_END.split(text):
        said += words(clause, language)
        ends.add(len(said))
    return said, ends


def _places(said: Sequence[str], choices: Sequence[str], language: str) -> list[_Place]:
    """Where labels stand, from left to right; what a longer one took is not there for a shorter."""
    forms = [(label, form) for label in choices for form in (label, *_other_forms().get(label.casefold(), ()))]
    spelled = [(label, words(form, language)) for label, form in forms]
    found: list[_Place] = []
    for label, wanted in sorted(spelled, key=lambda each: -len("".join(each[1]))):
        for start, end in places(said, wanted, language):
            if all(end <= other.start or other.end <= start for other in found):
                found.append(_Place(label, start, end))
    return sorted(found, key=lambda place: place.start)


def _counts(place: _Place, said: Sequence[str], ends: set[int]) -> bool:
    if place.start == 0:
        return True
    before, after = said[place.start - 1], said[place.end] if place.end < len(said) else ""
    denied = before in _words("labels", "denies") and place.start - 1 not in ends | {-1}
    if denied or after in _words("labels", "denies_after"):
        return False
    name = "".join(said[place.start : place.end])
    return place.end in ends or not (name in _words("labels", "everyday") or len(name) == 1)


def _offers(found: Sequence[_Place], said: Sequence[str]) -> bool:
    """Whether the first two labels stand side by side, as in `yes or no`."""
    between, joints = said[found[0].end : found[1].start], _words("words", "alternative")
    return all(word in joints for word in between) or "".join(between) in joints


# --- words of all languages ----------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _words(section: str, name: str) -> frozenset[str]:
    """As `words` spells them, those of several parts as one."""
    return frozenset("".join(words(phrase)) for phrase in in_any_language(section, name))


@lru_cache(maxsize=1)
def _other_forms() -> dict[str, tuple[str, ...]]:
    """Yes and no to what else decides, for where they are among the choices."""
    found: dict[str, tuple[str, ...]] = {}
    for language in all_languages():
        for label, name in ((language.yes[:1], "yes"), (language.no[:1], "no")):
            for each in map(str.casefold, label):
                found[each] = (*found.get(each, ()), *language.listed("labels", name))
    return found


@lru_cache(maxsize=1)
def _whether() -> regex.Pattern[str]:
    return regex.compile(any_of(in_any_language("labels", "whether")))


@lru_cache(maxsize=1)
def _introduction() -> regex.Pattern[str]:
    """Of folded text: marks, and with them what introduces an answer, where a mark or a space follows it or its script
    writes none."""
    introduced = [
        (phrases, each.spaced) for each in known_languages() if (phrases := each.listed("labels", "introduction"))
    ]
    said = "|".join(source(phrases, spaced) for phrases, spaced in introduced)
    return regex.compile(
        rf"^(?:[\p{{P}}\p{{S}}\s]*(?:{said})(?=(?!_)[\p{{P}}\s]|(?<=[{UNSPACED}])))?[\p{{P}}\p{{S}}\s]*",
        regex.IGNORECASE,
    )

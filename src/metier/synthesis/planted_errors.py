"""Errors planted by rule in true sentences, to learn what is wrong with a sentence and to measure who notices.

    number      one number is another one
    unit        another unit of the same dimension (Nm, kNm; days, weeks)
    name        another name of the passage in place of one; of an identifier another digit
    date        another day, month or year
    negation    "not" put in or taken out
    opposite    a word replaced by its opposite
    neighbour   the number of another row or sentence of the same passage

    plant("The hub joint takes 1,980 Nm.", passage, "number", seed=1)   "The hub joint takes 1,480 Nm."
    catch_rate(checker, passages, n=200, seed=1)                       how many of 200 the checker flags

What a kind cannot change is left alone: `plant` returns None. Numbers keep their script and their separators.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

import regex

from metier.answering.answer import Support
from metier.answering.support.agreement import agrees
from metier.answering.support.base import Checker
from metier.answering.support.names import Name, key_of, keys, names
from metier.core.documents import Passage
from metier.text.language import Language, in_any_language
from metier.text.phrases import any_of, compose, fold
from metier.text.quantities import Quantity, quantities
from metier.text.sentences import is_heading_like, is_leadin, units, without_marker

# Units of one kind that are written alike everywhere; those that are words stand in the languages' files.
_SYMBOLS = (
    ("mm", "cm", "m", "km"), ("mg", "g", "kg", "t"), ("ml", "l", "m³"), ("Nm", "kNm"), ("N", "kN"),
    ("W", "kW", "MW", "GW"), ("kWh", "MWh", "GWh"), ("Pa", "kPa", "MPa"), ("mbar", "bar"), ("mV", "V", "kV"),
    ("mA", "A"), ("Hz", "kHz", "MHz"), ("KB", "MB", "GB", "TB"), ("°C", "°F"), ("$", "€"), ("EUR", "USD"),
)  # fmt: skip
_TRIES = 40
_FIGURE = regex.compile(r"\p{Nd}(?:[\p{Nd}.,'’]*\p{Nd})?")
_DIGIT = regex.compile(r"\p{Nd}")
_SHORTEST, _LONGEST = 25, 400  # characters of sentences that errors are planted in
T = TypeVar("T")


def plant(sentence: str, passage: Passage, kind: str, seed: int) -> str | None:
    """`sentence`, true by `passage`, with one error of `kind`; None where it has nothing to change. The same seed gives
    the same error. Raises `KeyError` for a kind that is not in `KINDS`."""
    chance = random.Random(f"{seed}:{kind}:{sentence}")
    altered = _PLANTERS[kind](sentence, passage, chance)
    return altered if altered and altered != sentence else None


def _number(sentence: str, passage: Passage, chance: random.Random) -> str | None:
    language = passage.language or "en"
    there = quantities(passage.text, language)
    for said in _shuffled([q for q in quantities(sentence, language) if q.values and not q.word], chance):
        places = [m.start() for m in _DIGIT.finditer(sentence, said.start, said.end)]
        for _ in range(_TRIES):
            at = chance.choice(places)
            altered = _with_digit(sentence, at, chance.choice("123456789"))
            if altered != sentence and _is_new(altered, said, there, language):
                return altered
    return None


def _is_new(altered: str, old: Quantity, there: Sequence[Quantity], language: str) -> bool:
    """Whether the number that was changed says nothing that the passage says."""
    new = next((q for q in quantities(altered, language) if q.start <= old.start < q.end), None)
    return new is not None and not agrees(new, old) and not any(agrees(new, q) for q in there)


def _unit(sentence: str, passage: Passage, chance: random.Random) -> str | None:
    language = passage.language or "en"
    there = quantities(passage.text, language)
    for said in _shuffled([q for q in quantities(sentence, language) if q.unit], chance):
        for group in _shuffled(_units(), chance):
            for written in group:
                found = regex.search(rf"(?<![\p{{L}}]){regex.escape(written)}(?![\p{{L}}])", said.text)
                if not found:
                    continue
                for other in _shuffled([u for u in group if u != written], chance):
                    start = said.start + found.start()
                    altered = sentence[:start] + other + sentence[start + len(written) :]
                    if _is_new(altered, said, there, language):
                        return altered
    return None


@lru_cache(maxsize=1)
def _units() -> tuple[tuple[str, ...], ...]:
    """Units of one kind, any of which can stand for another."""
    return (*(tuple(group.split()) for group in in_any_language("planted_errors", "units")), *_SYMBOLS)


def _name(sentence: str, passage: Passage, chance: random.Random) -> str | None:
    language = passage.language or "en"
    given = [n for n in names(sentence, language) if n.sure]
    held = keys(sentence)
    others: list[Name] = []
    for unit in units(passage.text, language):
        others.extend(n for n in names(passage.text[unit.start : unit.end], language) if n.sure and n.key not in held)
    for name in _shuffled(given, chance):
        if alike := [
            n.text for n in others if n.identifier == name.identifier and n.text.isupper() == name.text.isupper()
        ]:
            return sentence[: name.start] + chance.choice(alike) + sentence[name.end :]
        if name.identifier and (altered := _other_digit(sentence, name.start, name.end, keys(passage.text), chance)):
            return altered
    return None


def _other_digit(sentence: str, start: int, end: int, held: frozenset[str], chance: random.Random) -> str | None:
    places = [m.start() for m in _DIGIT.finditer(sentence, start, end)]
    for _ in range(_TRIES):
        at = chance.choice(places)
        altered = _with_digit(sentence, at, chance.choice("0123456789"))
        if key_of(altered[start:end]) not in held:
            return altered
    return None


def _date(sentence: str, passage: Passage, chance: random.Random) -> str | None:
    language = passage.language or "en"
    there = quantities(passage.text, language)
    months = [month[0] for month in Language.of(language).months if month]
    for said in _shuffled([q for q in quantities(sentence, language) if q.dates], chance):
        places = [m.start() for m in _DIGIT.finditer(sentence, said.start, said.end)]
        for _ in range(_TRIES):
            month = next((m for m in months if m in fold(said.text)), None)
            if month and chance.random() < 0.3:
                other = chance.choice([m for m in months if m != month])
                at = said.start + fold(said.text).index(month)
                written = other.title() if sentence[at].isupper() else other
                altered = sentence[:at] + written + sentence[at + len(month) :]
            elif places:
                at = places[-1] if chance.random() < 0.6 else chance.choice(places)
                altered = _with_digit(sentence, at, chance.choice("0123456789"))
            else:
                break
            if altered != sentence and _is_new(altered, said, there, language):
                return altered
    return None


def _negation(sentence: str, passage: Passage, chance: random.Random) -> str | None:
    known = Language.of(passage.language or "en")
    affirmed = dict(pair.split() for pair in known.listed("planted_errors", "affirmed"))
    if found := list(_denied(known).finditer(sentence)):
        match = chance.choice(found)
        return sentence[: match.start()] + affirmed.get(match[0].lower(), "") + sentence[match.end() :]
    for place, written in (("behind", "{verb} {word}"), ("before", "{word} {verb}")):
        words = known.listed("planted_errors", f"negation_{place}")
        if words and (found := list(_deniable(known).finditer(sentence))):
            match = chance.choice(found)
            put_in = written if known.spaced else written.replace(" ", "")
            return sentence[: match.start()] + put_in.format(verb=match[0], word=words[0]) + sentence[match.end() :]
    return None


@lru_cache(maxsize=32)
def _denied(language: Language) -> regex.Pattern[str]:
    """A negation with the space that is too much without it, or what is denied in one word."""
    before, behind = (any_of(language.listed("planted_errors", f"negation_{place}")) for place in ("before", "behind"))
    pairs = any_of(pair.split()[0] for pair in language.listed("planted_errors", "affirmed"))
    edge, space = (r"(?<!\w)", r"\s+") if language.spaced else ("", "")
    return regex.compile(
        rf"\s+(?:{behind})(?!\w)|{edge}(?:{before}){space}(?=\p{{L}})|{edge}(?:{pairs})(?!\w)", regex.IGNORECASE
    )


@lru_cache(maxsize=32)
def _deniable(language: Language) -> regex.Pattern[str]:
    """A verb that a negation can stand beside."""
    verb, last = (any_of(language.listed("planted_errors", name)) for name in ("verb", "last_verb"))
    edge, end = (r"(?<!\w)", r"(?!\w)") if language.spaced else ("", "")
    return regex.compile(rf"{edge}(?:{verb}){end}|(?:{last})(?=[।.])")


def _opposite(sentence: str, passage: Passage, chance: random.Random) -> str | None:
    opposites = Language.of(passage.language or "en").opposites_of
    found = [m for m in regex.finditer(r"[\p{L}\p{M}]+", sentence) if fold(compose(m[0])) in opposites]
    for match in _shuffled(found, chance):
        there = set(regex.findall(r"[\p{L}\p{M}]+", fold(compose(passage.text))))
        against = sorted(word for word in opposites[fold(compose(match[0]))] if word not in there)
        if against:
            word = chance.choice(against)
            written = word.title() if match[0][0].isupper() else word
            return sentence[: match.start()] + written + sentence[match.end() :]
    return None


def _neighbour(sentence: str, passage: Passage, chance: random.Random) -> str | None:
    """A number of the same dimension from another unit; in a table from the same column, where it can be told."""
    language = passage.language or "en"
    cut = [passage.text[u.start : u.end] for u in units(passage.text, language) if u.kind != "rule"]
    own = [q for q in quantities(sentence, language) if not q.word]
    for said in _shuffled(own, chance):
        home = next((text for text in cut if any(agrees(said, q) for q in quantities(text, language))), None)
        if home is None:
            continue
        column = _column_of(home, said, language)
        options = []
        for text in cut:
            if text == home:
                continue
            for other in quantities(text, language):
                in_column = column is None or _column_of(text, other, language) == column
                kinds = {said.dimension} if column is None else {said.dimension, ""}
                same = other.dimension in kinds and _shape(other) == _shape(said) and not other.word
                if same and in_column and not any(agrees(other, q) for q in [said, *quantities(home, language)]):
                    options.append(_in_unit_of(said, other))
        if options:
            return sentence[: said.start] + chance.choice(options) + sentence[said.end :]
    return None


def _in_unit_of(said: Quantity, other: Quantity) -> str:
    """The number of `other`, which has its unit from its column, written as `said` is."""
    if said.unit is None or other.unit is not None or said.dates:
        return other.text
    return _FIGURE.sub(other.text.replace("\\", ""), said.text, count=1)


def _shape(quantity: Quantity) -> tuple[bool, ...]:
    """Of a date, which parts it gives; whether a number is whole."""
    if quantity.dates:
        return tuple(part is None for part in quantity.dates[0])
    return (quantity.decimals == 0,)


def _column_of(row: str, said: Quantity, language: str) -> str | None:
    for cell in row.split(" | "):
        name, colon, value = cell.partition(":")
        if colon and " | " in row and any(agrees(said, q) for q in quantities(value, language)):
            return name.strip()
    return None


def _with_digit(sentence: str, at: int, digit: str) -> str:
    """`sentence` with `digit` in the place of the digit at `at`, in its script."""
    old = sentence[at]
    return sentence[:at] + chr(ord(old) - int(old) + int(digit)) + sentence[at + 1 :]


def _shuffled(items: Sequence[T], chance: random.Random) -> list[T]:
    return chance.sample(list(items), len(items))


Planter = Callable[[str, Passage, random.Random], str | None]
_PLANTERS: dict[str, Planter] = {
    "number": _number, "unit": _unit, "name": _name, "date": _date, "negation": _negation, "opposite": _opposite,
    "neighbour": _neighbour,
}  # fmt: skip
KINDS = tuple(_PLANTERS)


@dataclass(frozen=True, slots=True)
class CatchRate:
    """`planted`: errors tried; `caught`: of them flagged. `by_kind`: kind to (planted, caught). `told`: true sentences
    tried; `false_alarms`: of them flagged."""

    planted: int
    caught: int
    told: int
    false_alarms: int
    by_kind: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def recall(self) -> float:
        return self.caught / self.planted if self.planted else 0.0

    @property
    def false_alarm_rate(self) -> float:
        return self.false_alarms / self.told if self.told else 0.0


def catch_rate(checker: Checker, passages: Sequence[Passage], n: int, seed: int = 0, others: int = 4) -> CatchRate:
    """Plants up to `n` errors in sentences of `passages` and asks `checker` about them and about the true sentences,
    with `others` passages beside the right one. Fewer where the passages have too little to change."""
    chance = random.Random(seed)
    told = false_alarms = 0
    by_kind: dict[str, list[int]] = {}
    for passage, sentence in _shuffled(list(_sentences(passages)), chance):
        if sum(planted for planted, _ in by_kind.values()) >= n:
            break
        altered = _alter(sentence, passage, by_kind, chance)
        if altered is None:
            continue
        kind, wrong = altered
        beside = [p for p in chance.sample(list(passages), min(others, len(passages))) if p.id != passage.id]
        shown = [passage, *beside]
        told += 1
        false_alarms += _flagged(checker, shown, sentence, passage)
        counted = by_kind.setdefault(kind, [0, 0])
        counted[0] += 1
        counted[1] += _flagged(checker, shown, wrong, passage)
    return CatchRate(
        sum(planted for planted, _ in by_kind.values()), sum(caught for _, caught in by_kind.values()), told,
        false_alarms, {kind: (planted, caught) for kind, (planted, caught) in sorted(by_kind.items())},
    )  # fmt: skip


def _sentences(passages: Sequence[Passage]) -> list[tuple[Passage, str]]:
    found = []
    for passage in passages:
        for unit in units(passage.text, passage.language or "en"):
            text = passage.text[unit.start : unit.end]
            if unit.kind in ("sentence", "item", "row") and _SHORTEST <= len(text) <= _LONGEST:
                if is_leadin(text) or (unit.kind == "sentence" and is_heading_like(text)):
                    continue
                found.append((passage, without_marker(text) if unit.kind == "item" else text))
    return found


def _alter(
    sentence: str, passage: Passage, so_far: dict[str, list[int]], chance: random.Random
) -> tuple[str, str] | None:
    """An error of the kind of which there are fewest so far."""
    for kind in sorted(KINDS, key=lambda each: (so_far.get(each, [0])[0], chance.random())):
        if wrong := plant(sentence, passage, kind, chance.randrange(1 << 30)):
            return kind, wrong
    return None


def _flagged(checker: Checker, shown: Sequence[Passage], text: str, passage: Passage) -> int:
    checking = checker.over(shown, "", passage.language or "en")
    return int(any(checking.check(text, span).support is Support.NOT for span in checking.spans(text)))

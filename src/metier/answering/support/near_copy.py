"""A claim that nearly copies a sentence, word by word beside it: what was exchanged, put in or left out.

    the hub joint takes 1,980 Nm | 1,890 Nm        a number in the place of another
    approved by Anna | by Boris                    a name in the place of another
    must start | must not start                    "not" put in or left out
    opened before | opened after                   a word in the place of its opposite

What stands in the place of something is compared with it alone, so that a number that is true of something else in the
same sentence or passage is noticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TypeVar

import regex

from metier.answering.support.agreement import agrees, is_about
from metier.answering.support.claims import Claim
from metier.answering.support.findings import Finding
from metier.answering.support.names import Name, stands_in
from metier.answering.support.polarity import Polarity
from metier.answering.support.sources import SourceUnit
from metier.text.phrases import compose, fold
from metier.text.quantities import Quantity

_TOKEN = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]|[\p{L}\p{M}\p{N}]+(?:[.,'’:/-][\p{L}\p{M}\p{N}]+)*|[%°$€£]"
)
_COPIED = 0.55  # share of the claim's words that stand in the sentence in the same order
_SHORT = 3  # words of a stretch in which a negation is all that matters
DENIED = "a source says the opposite (not)"
OPPOSED = "a source says the opposite of “{}”"
_COLUMN_GOES_ON = regex.compile(r"[^|:]*:\s")  # behind a part of a column's name
_CERTAIN = 2  # words in common on both sides of what was exchanged, together

_Placed = TypeVar("_Placed", Quantity, Name)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A stretch of the claim and the stretch of the source in whose place it stands, in characters of both. `words`: of
    the longer one; `held`: words beside it that both have, at most two a side."""

    said: tuple[int, int]
    given: tuple[int, int]
    words: int
    held: int


def judge(
    claim: Claim, source: SourceUnit, around: frozenset[str], documents: frozenset[str], polarity: Polarity,
    finding: Finding,
) -> bool:  # fmt: skip
    """Objections to what was exchanged, where the claim is a near copy of `source`. `around`: keys of its headings and
    title; `documents`: what documents are called by. Returns whether yes and no were."""
    denied, opposed = False, ""
    for exchange in exchanges(claim.text, source.text):
        if exchange.held >= _CERTAIN:
            _numbers(claim, source, exchange, finding)
            _names(claim, source, around, documents, exchange, finding)
        said, given = claim.text[slice(*exchange.said)], source.text[slice(*exchange.given)]
        denied |= exchange.words <= _SHORT and polarity.only_denies(said, given)
        if said and given:
            opposed = opposed or polarity.opposed(said, given)
    if denied:
        finding.add_objection("denied", DENIED)
    if opposed:
        finding.add_objection("opposed", OPPOSED.format(opposed))
    return denied or bool(opposed)


def exchanges(said: str, given: str) -> Iterator[Exchange]:
    """Where the texts differ; nothing where the one does not nearly copy the other."""
    mine, theirs = list(_TOKEN.finditer(said)), list(_TOKEN.finditer(given))
    words, others = [_key(m[0]) for m in mine], [_key(m[0]) for m in theirs]
    matcher = SequenceMatcher(None, words, others, autojunk=False)
    steps = matcher.get_opcodes()
    same = sum(i2 - i1 for tag, i1, i2, _, _ in steps if tag == "equal")
    if not words or same < _COPIED * len(words):
        return
    for number, (tag, i1, i2, j1, j2) in enumerate(steps):
        if tag == "equal":
            continue
        before = steps[number - 1][2] - steps[number - 1][1] if number else 0
        after = steps[number + 1][2] - steps[number + 1][1] if number + 1 < len(steps) else 0
        held = min(_CERTAIN, before) + min(_CERTAIN, after)
        if held:
            yield Exchange(_span(mine, i1, i2), _span(theirs, j1, j2), max(i2 - i1, j2 - j1), held)


def _key(token: str) -> str:
    return fold(compose(token))


def _span(tokens: list[regex.Match[str]], first: int, last: int) -> tuple[int, int]:
    if first == last:
        at = tokens[first].start() if first < len(tokens) else (tokens[-1].end() if tokens else 0)
        return at, at
    return tokens[first].start(), tokens[last - 1].end()


def _inside(found: Sequence[_Placed], span: tuple[int, int]) -> list[_Placed]:
    return [each for each in found if each.start < span[1] and span[0] < each.end]


def _numbers(claim: Claim, source: SourceUnit, exchange: Exchange, finding: Finding) -> None:
    given = _inside(source.quantities, exchange.given)
    for said in _inside(claim.quantities, exchange.said):
        alike = [q for q in given if _is_alike(said, q)]
        about = is_about(claim.text, said.start)
        if alike and not any(agrees(said, q, about=about) for q in given):
            reason = f"{said.text} stands elsewhere; here the sources have {alike[0].text}"
            # Another number of the same sentence may only have changed its place; cells of a row have no order.
            moved = any(agrees(said, q, about=about) for q in source.quantities)
            if not (moved and source.is_row):
                finding.add_objection("number_rival", reason, 0.7 if moved else 1.0, fatal=not moved)


def _is_alike(said: Quantity, given: Quantity) -> bool:
    return bool(said.dates) == bool(given.dates) and (
        said.dimension == given.dimension or not said.dimension or not given.dimension
    )


def _names(
    claim: Claim, source: SourceUnit, around: frozenset[str], documents: frozenset[str], exchange: Exchange,
    finding: Finding,
) -> None:  # fmt: skip
    given = [n for n in _inside(source.names, exchange.given) if n.key not in _key(claim.text)]
    given = [n for n in given if not (source.is_row and _COLUMN_GOES_ON.match(source.text, n.end))]
    for said in _inside(claim.names, exchange.said):
        others = [n for n in given if n.identifier == said.identifier and said.sure]
        if said.key in documents and not any(n.key in documents for n in others):
            continue  # "the FAQ says …" in place of "Decision: …"
        if others and not stands_in(said, source.keys) and not stands_in(said, around):
            reason = f"{said.text} stands elsewhere; here the sources have {others[0].text}"
            finding.add_objection("name_swapped", reason, fatal=True)

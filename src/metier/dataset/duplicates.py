"""Rows that say the same again, nearly the same, or the opposite."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from metier.dataset import leaks
from metier.dataset.findings import EXAMPLES, DataFinding, by_share, origin, origins, short
from metier.dataset.rows import Row
from metier.text import near_duplicates
from metier.text.near_duplicates import normalise


def find(rows: Sequence[Row]) -> list[int]:
    """Indices of rows that say again what an earlier one says, but for case and punctuation."""
    seen: set[tuple[str, ...]] = set()
    again = []
    for index, row in enumerate(rows):
        said = (_said(row), *_key(row))
        if said in seen:
            again.append(index)
        seen.add(said)
    return again


def duplicates(rows: Sequence[Row], repeated: Sequence[int]) -> list[DataFinding]:
    """`repeated`: what `find` gave."""
    if not repeated:
        return []
    what = f"{len(repeated)} rows repeat an earlier row"
    hint = "They are learned from more often than the others; leave them out unless that is meant."
    return [
        DataFinding(by_share(len(repeated), rows), "duplicates", what, len(repeated), origins(rows, repeated), hint)
    ]


def near(rows: Sequence[Row], repeated: Sequence[int], language: str) -> list[DataFinding]:
    """Rows that ask nearly what an earlier one asks, have no other answer, and show the same. Without `repeated`."""
    pairs = _near(rows, set(repeated), language)
    if not pairs:
        return []
    shown = [
        f"{origin(rows[later])} “{short(rows[later].question)}” is like {origin(rows[first])} "
        f"“{short(rows[first].question)}”"
        for first, later in list(pairs.values())[:EXAMPLES]
    ]
    what = f"{len(pairs)} rows ask nearly the same as an earlier row"
    hint = "Different wordings of one question help to learn it; copies with a changed letter do not."
    return [DataFinding("note", "near duplicates", what, len(pairs), tuple(shown), hint)]


def contradictions(rows: Sequence[Row]) -> list[DataFinding]:
    """Questions that have several completions where the same is shown with them."""
    by_key: dict[tuple[str, ...], dict[str, int]] = defaultdict(dict)
    for index, row in enumerate(rows):
        by_key[_key(row)].setdefault(_said(row), index)
    clashing = [list(completions.values()) for completions in by_key.values() if len(completions) > 1]
    if not clashing:
        return []
    shown = [
        f"“{short(rows[group[0]].question)}”: "
        + " / ".join(f"“{short(rows[index].completion)}” ({origin(rows[index])})" for index in group[:2])
        for group in clashing[:EXAMPLES]
    ]
    what = f"{len(clashing)} questions have more than one completion"
    hint = "Keep the right one: from two answers a model learns neither."
    return [DataFinding("warn", "contradictions", what, sum(map(len, clashing)), tuple(shown), hint)]


def _key(row: Row) -> tuple[str, ...]:
    """What a row asks and shows: the same key with another completion is a contradiction."""
    turns = [normalise(turn.content) for turn in row.history]
    return (
        normalise(row.question) or row.question,
        row.instruction or "",
        *turns,
        *(each.text for each in row.context),
    )


def _said(row: Row) -> str:
    return normalise(row.completion) or row.completion


def _near(rows: Sequence[Row], repeats: set[int], language: str) -> dict[int, tuple[int, int]]:
    """Later row to the pair (earlier, later); repeats are left out, being counted already."""
    kept = [index for index in range(len(rows)) if index not in repeats]
    completions = leaks.Completions([rows[index] for index in kept])
    found = near_duplicates.within(
        [rows[index].question for index in kept],
        language=language,
        same_answer=lambda first, later: completions.agree(later, [completions.said[first]]),
    )
    near: dict[int, tuple[int, int]] = {}
    for pair in found:
        first, later = kept[pair.first], kept[pair.second]
        one, other = _key(rows[first]), _key(rows[later])
        if one != other and one[1:] == other[1:]:  # the same question is a contradiction, other passages another task
            near.setdefault(later, (first, later))
    return near

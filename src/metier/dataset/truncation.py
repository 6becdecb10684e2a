"""Completions that stop before they are finished, which teaches a model to do the same.

Short facts and labels ("840 Nm", "card_arrival") have no full stop and are whole, so the missing full stop alone says
nothing. A completion is suspected only if it is prose (eight words or more; 20 characters where a script writes no
spaces), does not end a sentence, and one of these holds:

    it ends open        with a comma, an opening bracket, a hyphen, or inside a bracket or a code block
    it ends in a word   its last word is nowhere else in the dataset, but is the beginning of a word that does
    it ends at a cap    three or more such completions have the length of the longest ones, to 2%, while the middle of
                        the dataset is shorter: somebody's `max_tokens` cut them

Lists, tables and code may end as they like, and so may Thai and Lao, which end no sentence with a mark.
"""

from __future__ import annotations

import bisect
import statistics
from collections import Counter
from collections.abc import Sequence

import regex

from metier.dataset.rows import Row

_PROSE_WORDS, _PROSE_CHARACTERS = 8, 20
_CAP_SHARE, _CAP_LEAST_TOKENS, _CAP_LEAST_ROWS = 0.02, 16, 3
_WHOLE_KINDS = ("label", "table")

_ENDED = regex.compile(r"[\p{STerm}…:~](?:[\p{Pe}\p{Pf}\p{Pi}\p{Po}\p{S}\s])*$")
_OPEN = regex.compile(r"(?:[,،、，;；(\[{「『（]|\p{L}[-–—])$")
_LISTED = regex.compile(r"\s*(?:[-*•+#>]|\p{N}+[.)])\s|.*[|`=<>{}]")
_MARKLESS = regex.compile(r"[\p{Thai}\p{Lao}]")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Khmer}\p{Myanmar}]")
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_BRACKETS = (("(", ")"), ("[", "]"), ("（", "）"), ("「", "」"))


def find(rows: Sequence[Row], tokens: Sequence[int]) -> list[int]:
    """Indices of the rows whose completion is suspected. `tokens`: length of each completion."""
    unended = [index for index, row in enumerate(rows) if _is_prose(row) and not _ended(row.completion)]
    if not unended:
        return []
    capped = _at_cap(unended, tokens)
    words = _vocabulary(rows)
    return [
        index
        for index in unended
        if index in capped or _ends_open(rows[index].completion) or _ends_in_word(rows[index].completion, words)
    ]


def _is_prose(row: Row) -> bool:
    text = row.completion
    last_line = text.rstrip().rpartition("\n")[2]
    if row.kind in _WHOLE_KINDS or _MARKLESS.search(last_line) or _LISTED.match(last_line):
        return text.count("```") % 2 == 1
    return len(text.split()) >= _PROSE_WORDS or len(_UNSPACED.findall(text)) >= _PROSE_CHARACTERS


def _ended(text: str) -> bool:
    return bool(_ENDED.search(text.rstrip())) and text.count("```") % 2 == 0


def _ends_open(text: str) -> bool:
    text = text.rstrip()
    return (
        bool(_OPEN.search(text))
        or text.count("```") % 2 == 1
        or any(text.count(opening) > text.count(closing) for opening, closing in _BRACKETS)
    )


def _vocabulary(rows: Sequence[Row]) -> tuple[Counter[str], list[str]]:
    """All words with how often they stand there, and the same in order, to find what begins with a word."""
    texts = {text for row in rows for text in (row.question, row.completion, *(each.text for each in row.context))}
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(_WORD.findall(text.casefold()))
    return counts, sorted(counts)


def _ends_in_word(text: str, words: tuple[Counter[str], list[str]]) -> bool:
    found = _WORD.findall(text.casefold()[-100:])
    if not found or len(found[-1]) < 3 or _UNSPACED.search(found[-1]):
        return False
    last, (counts, ordered) = found[-1], words
    after = bisect.bisect_right(ordered, last)
    # Two letters more: "bolt" beside "bolts" is a word of its own.
    return counts[last] == 1 and any(
        word.startswith(last) and len(word) >= len(last) + 2 for word in ordered[after : after + 20]
    )


def _at_cap(unended: Sequence[int], tokens: Sequence[int]) -> set[int]:
    cap = max(tokens)
    least = cap - max(1, int(_CAP_SHARE * cap))
    near = sum(length >= least for length in tokens)
    cut = {index for index in unended if tokens[index] >= least}
    usual = statistics.median(tokens)
    crowded = len(cut) >= _CAP_LEAST_ROWS and 2 * len(cut) >= near and usual < 0.9 * cap
    return cut if crowded and cap >= _CAP_LEAST_TOKENS else set()

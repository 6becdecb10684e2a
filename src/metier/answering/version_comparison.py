"""What differs between two versions of one document: "what has changed in the travel policy since 2022?", "how much
more is the night allowance under the new rules than under the old ones?".

The sentences and rows of the two newest versions that are found are laid side by side, the most alike first, by their
words and vectors; where the numbers are not the same, the new one is quoted with what the old one says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metier.answering.coverage import QuestionCoverage
from metier.answering.evidence import quotable
from metier.answering.sentence_vectors import SentenceVectors
from metier.answering.support.agreement import agrees
from metier.answering.term_weights import content_tokens
from metier.answering.version_selection import YEAR, version_of
from metier.core.documents import Passage
from metier.text.analyzer import ascii_digits
from metier.text.language import Language
from metier.text.phrases import searchable
from metier.text.quantities import Quantity, quantities
from metier.text.sentences import is_heading_like

_ALIKE = 0.33  # mean of shared words and cosine, each 0..1, from which one sentence is the other's version
_MOST = 12  # pairs
_ABOUT = 0.6  # of the most words of the question that a pair holds, from which another is shown as well


@dataclass(frozen=True, slots=True)
class Change:
    """A sentence or row of the newer version and what the older one says in its place."""

    new: Passage
    old: Passage


def asks_what_changed(question: str, language: str) -> bool:
    """Whether a question sets a newer version against an older one, as far as its words tell: it says so, or compares
    and names a year."""
    spoken, plain = Language.of(language), searchable(question)
    if spoken.expression("asks", "change").search(plain):
        return True
    return bool(YEAR.search(ascii_digits(question)) and spoken.expression("words", "comparison").search(plain))


def versions_among(passages: Sequence[Passage]) -> tuple[str, str] | None:
    """Ids of the two newest versions of the one document of which most is found in several; None where none is."""
    dated = {p.document_id: version_of(p) for p in passages}
    found = Counter(dated[p.document_id][0] for p in passages if dated[p.document_id][1] is not None)
    for name, _ in found.most_common():
        own = {document: day for document, (other, day) in dated.items() if other == name and day is not None}
        if name and len(set(own.values())) > 1:
            newest, older = sorted(own, key=own.__getitem__, reverse=True)[:2]
            return newest, older
    return None


def changes(
    coverage: QuestionCoverage, new: Sequence[Passage], old: Sequence[Passage], vectors: SentenceVectors
) -> list[Change]:
    """What differs, in reading order; of what the question names where it names some of it."""
    pairs = _side_by_side(_pieces(new), _pieces(old), coverage, vectors)
    numbers = [(pair, _numbers(pair.new, coverage.language), _numbers(pair.old, coverage.language)) for pair in pairs]
    differ = [(pair, new, old) for pair, new, old in numbers if _differ(new, old)]
    telling = [pair for pair, new, old in differ if not all(number.dates for number in (*new, *old))]
    pairs = telling or [pair for pair, _, _ in differ]
    return _about(pairs, coverage)[:_MOST] if pairs else []


def _about(pairs: list[Change], coverage: QuestionCoverage) -> list[Change]:
    """Those that hold most of the question's words beside the name of the document; all where none stands out."""
    tokens = coverage.analyser.tokens
    named = {token for piece in (pairs[0].new, pairs[0].old) for token in tokens(f"{piece.title} {piece.uri}")}
    wanted = coverage.content - named
    held = np.array([len(wanted & {*tokens(p.new.indexed_text), *tokens(p.old.indexed_text)}) for p in pairs])
    kept = held >= max(1, _ABOUT * held.max())
    return [pair for pair, keep in zip(pairs, kept, strict=True) if keep] if 0 < kept.mean() <= 0.5 else pairs


def _pieces(passages: Sequence[Passage]) -> list[Passage]:
    pieces = [passage.within(*span) for passage in passages for span in quotable(passage)]
    return [piece for piece in pieces if not _is_heading(piece.text)]


def _is_heading(text: str) -> bool:
    """Whether a line looks like a heading that a plain text has, without a number but its own."""
    unnumbered = text.lstrip("0123456789.) ")
    return is_heading_like(unnumbered) and not any(map(str.isdigit, unnumbered))


def _side_by_side(
    new: Sequence[Passage], old: Sequence[Passage], coverage: QuestionCoverage, vectors: SentenceVectors
) -> list[Change]:
    """Each piece of the newer version with the one of the older that is most like it, none of them twice."""
    if not new or not old:
        return []
    mine, theirs = ([_words(piece, coverage) for piece in pieces] for pieces in (new, old))
    counts = Counter(word for words in (*mine, *theirs) for word in words)
    weights = {word: 1 / number for word, number in counts.items()}
    shared = np.array([[_shared(a, b, weights) for b in theirs] for a in mine])
    cosines = vectors.of([p.indexed_text for p in new]) @ vectors.of([p.indexed_text for p in old]).T
    usual = float(np.median(cosines))
    alike = (shared + np.clip((cosines - usual) / max(1e-6, 1 - usual), 0, 1)) / 2
    pairs: dict[int, int] = {}
    while alike.max() >= _ALIKE:
        row, column = np.unravel_index(int(alike.argmax()), alike.shape)
        pairs[int(row)] = int(column)
        alike[row, :] = alike[:, column] = -1
    return [Change(new[row], old[pairs[row]]) for row in sorted(pairs)]


def _words(piece: Passage, coverage: QuestionCoverage) -> frozenset[str]:
    """Words of a sentence or row and its nearest heading, without numbers."""
    heading = piece.headings[-1] if piece.headings else ""
    words = content_tokens(f"{heading} {piece.text}", coverage.language, coverage.analyser)
    return frozenset(word for word in words if not word.isdecimal())


def _shared(first: frozenset[str], second: frozenset[str], weights: dict[str, float]) -> float:
    """Rarity of the shared words over that of each one's words, in the mean, 0..1."""
    if not first or not second:
        return 0.0
    shared = sum(weights[word] for word in first & second)
    sizes = [sum(weights[word] for word in words) for words in (first, second)]
    return (shared / sizes[0] + shared / sizes[1]) / 2


def _differ(new: Sequence[Quantity], old: Sequence[Quantity]) -> bool:
    """Whether a number, measure or date of the one is not in the other."""
    return any(not any(agrees(one, other) for other in b) for a, b in ((new, old), (old, new)) for one in a)


def _numbers(piece: Passage, language: str) -> list[Quantity]:
    return quantities(piece.text, piece.language or language)

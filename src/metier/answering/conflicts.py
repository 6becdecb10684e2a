"""Sources that contradict each other where they meet in an answer: both are shown, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from metier.answering.answer import Answer, Citation, Conflict
from metier.answering.contradictions import Statement, Values, contradiction, statements
from metier.answering.evidence import quotable
from metier.answering.request import Found
from metier.answering.version_selection import outdated
from metier.core.documents import Passage
from metier.text.analyzer import Analyser

_FOUND = 20  # passages that search found among which another value is looked for
_MOST = 5  # conflicts that are shown
_PIECES = 8  # best sentences and rows among which a newer one is looked for


def with_conflicts(answer: Answer, asked: str, analyser: Analyser, language: str) -> Answer:
    """The answer with what other documents that were found state otherwise. `language`: where a passage tells none."""
    passages = [hit.passage for hit in answer.hits[:_FOUND] if not hit.passage.described]
    cited = _cited(answer, passages)
    mine = statements(cited, [[(0, len(each.text))] for each in cited], analyser, language)
    if answer.abstained or not mine:
        return answer
    current = [p for p, is_old in zip(passages, outdated(asked, passages), strict=True) if not is_old]
    words = frozenset(word for each in mine for word in each.words)
    near = [
        [span for span in quotable(p) if not words.isdisjoint(analyser.tokens(p.text[slice(*span)]))] for p in current
    ]
    others = statements(current, near, analyser, language)
    found: dict[tuple[str, str], Conflict] = {}
    for one in mine:
        for other in others:
            if len(found) < _MOST and (values := contradiction(one, other, others)) is not None:
                places = (_place(one, answer), Citation.of(other.piece, (0, 0)))
                found.setdefault((places[0].quote, places[1].quote), in_order(values, *places))
    return replace(answer, conflicts=tuple(found.values()))


def newest_first(found: Found, analyser: Analyser, language: str) -> Found:
    """What was found with the piece first that contradicts the best one and is of a newer document."""
    pieces = found.pieces[:_PIECES]
    if len(pieces) < 2 or found.pinned:
        return found
    whole = [[(0, len(piece.passage.text))] for piece in pieces]
    best = next(iter(statements([pieces[0].passage], whole[:1], analyser, language)), None)
    others = statements([p.passage for p in pieces[1:]], whole[1:], analyser, language) if best else []
    newer = [
        each for each in others if best and contradiction(best, each, others) and _is_newer(each.piece, best.piece)
    ]
    if not newer:
        return found
    first = next(piece for piece in pieces if piece.passage == newer[0].piece)
    return replace(found, pieces=(first, *(piece for piece in found.pieces if piece is not first)))


def _is_newer(one: Passage, other: Passage) -> bool:
    day, earlier = (Citation.of(each, (0, 0)).dated for each in (one, other))
    return bool(day and earlier and day > earlier)


def in_order(values: Values, first: Citation, second: Citation) -> Conflict:
    """The one of the newest document first; as they are where a day is not known of both."""
    if first.dated and second.dated and second.dated > first.dated:
        return Conflict((values.second, values.first), (second, first))
    return Conflict((values.first, values.second), (first, second))


def _cited(answer: Answer, passages: Sequence[Passage]) -> list[Passage]:
    """What the answer cites, cut out of the passages that were found; nothing of an older version, which is marked."""
    found = []
    for citation in answer.citations:
        whole = next((p for p in passages if p.id == citation.passage_id), None)
        inside = whole is not None and whole.start <= citation.start and citation.end <= whole.end
        if whole is not None and inside and not citation.newer:
            found.append(whole.within(citation.start - whole.start, citation.end - whole.start))
    return found


def _place(statement: Statement, answer: Answer) -> Citation:
    """The citation of the answer that a statement was taken from."""
    piece = statement.piece
    return next(c for c in answer.citations if (c.passage_id, c.start, c.end) == (piece.id, piece.start, piece.end))

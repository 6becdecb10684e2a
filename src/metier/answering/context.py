"""What a capable model reads: as much of the right places as its window allows.

    hits ─▶ without copies ─▶ spread over documents ─▶ with their sections ─▶ cut to the budget ─▶ best first and last

A hit alone often lacks what gives it meaning: the lead-in of a list, the head of a table, the sentence before. So the
best hits are shown with the rest of their section, or with their neighbours where the section is long. The best places
stand at the edges of the context, where models read best (Liu et al., "Lost in the Middle", 2023, arXiv:2307.03172).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from metier.core.documents import Passage
from metier.retrieval.retriever import Hit
from metier.store.base import Filter, Store

CountTokens = Callable[[str], int]

_FIRST = 10  # hits that come in by themselves, before any section is filled up
_OF_ONE_DOCUMENT = 0.5  # of those, while another document has anything that is nearly as good
_NEARLY = 0.5  # share of the best score
_WIDENED = 6  # hits whose surroundings are shown
_SURROUNDINGS = 1600  # characters before and after a hit that are looked at
_SECTION = 0.2  # share of the budget that the section of one hit may take
_WORTH = 0.2  # share of the best score below which a hit fills no room
_HEADER = 16  # tokens of the line above a place
_SAME = 0.9  # share of their words that two texts have in common which are copies


@dataclass(frozen=True, slots=True)
class PromptContext:
    """`passages`: what is shown, in the order of the prompt. `dropped`: hits nearly as good as the best that found no
    room."""

    passages: tuple[Passage, ...]
    dropped: int = 0


@dataclass(slots=True)
class _Place:
    """Passages of one section in reading order. `rank`: of its best hit."""

    rank: int
    passages: list[Passage]


def without_copies(hits: Sequence[Hit]) -> list[Hit]:
    """Each text once, with the places of its copies, so that copies of a document do not keep the others out. Two texts
    that differ in a number are two: the same section of the manuals of two machines."""
    kept: list[Hit] = []
    known: list[frozenset[str]] = []
    copies: list[list[str]] = []
    for hit in hits:
        words = frozenset(hit.passage.text.casefold().split())
        same = next((place for place, other in enumerate(known) if _alike(words, other)), None)
        if same is None:
            kept.append(hit)
            known.append(words)
            copies.append([])
        elif hit.passage.uri != kept[same].passage.uri:
            copies[same].append(hit.passage.uri)
    told = (tuple(dict.fromkeys(uris)) for uris in copies)
    return [replace(hit, copies=uris) if uris else hit for hit, uris in zip(kept, told, strict=True)]


def _alike(words: frozenset[str], other: frozenset[str]) -> bool:
    least, most = sorted((len(words), len(other)))
    if least < _SAME * most or len(words & other) < _SAME * most:
        return False
    return not any(any(map(str.isdigit, word)) for word in words ^ other)


def spread(hits: Sequence[Hit], count: int) -> list[Hit]:
    """The first `count` hits, not more than half of them of one document while others score nearly as well."""
    most = max(1, round(count * _OF_ONE_DOCUMENT))
    best = hits[0].score if hits else 0.0
    taken: list[Hit] = []
    late: list[Hit] = []
    of: Counter[str] = Counter()
    for hit in hits:
        full = of[hit.passage.document_id] >= most
        (late if full else taken).append(hit)
        of[hit.passage.document_id] += not full
    good = [hit for hit in taken if hit.score >= _NEARLY * best]
    rest = sorted([*late, *(hit for hit in taken if hit.score < _NEARLY * best)], key=lambda hit: -hit.score)
    return [*good, *rest][:count]


def build(
    hits: Sequence[Hit], store: Store, budget: int, count: CountTokens, where: Filter | None = None
) -> PromptContext:
    """The passages to show for `hits` (best first, no copies) in at most `budget` tokens. `count`: tokens of a text,
    estimated. `where`: what may be shown of the surroundings."""
    if not hits:
        return PromptContext(())
    worth = [hit for hit in hits if hit.pinned or hit.score >= _WORTH * hits[0].score] or [hits[0]]
    first = spread(worth, _FIRST)
    order = [*first, *(hit for hit in worth if hit not in first)]
    filling = _Filling(budget, count)
    for rank, hit in enumerate(first):
        filling.add(hit.passage, rank)
    around = _sections(first[:_WIDENED], store, where)
    for rank, hit in enumerate(first[:_WIDENED]):
        filling.widen(hit.passage, around[hit.passage.id], rank)
    for rank, hit in enumerate(order[len(first) :], start=len(first)):
        filling.add(hit.passage, rank)
    good = [hit for hit in order if hit.pinned or hit.score >= _NEARLY * hits[0].score]
    dropped = sum(not filling.has(hit.passage) for hit in good)
    return PromptContext(tuple(_arranged(filling.places())), dropped)


def _sections(hits: Sequence[Hit], store: Store, where: Filter | None) -> dict[str, list[Passage]]:
    """For every hit, the passages around it, nearest first."""
    near = store.around([hit.passage for hit in hits], _SURROUNDINGS, where)
    found = {}
    for hit in hits:
        own = hit.passage
        beside = [p for p in near if p.document_id == own.document_id and p.id != own.id]
        found[own.id] = sorted(beside, key=lambda p: (p.headings != own.headings, _distance(p, own)))
    return found


def _distance(passage: Passage, other: Passage) -> int:
    return max(passage.start - other.end, other.start - passage.end, 0)


class _Filling:
    """Takes passages while there is room; each once."""

    def __init__(self, budget: int, count: CountTokens) -> None:
        self._room = budget
        self._section = max(1, int(budget * _SECTION))
        self._count = count
        self._taken: dict[str, tuple[int, Passage]] = {}

    def has(self, passage: Passage) -> bool:
        return passage.id in self._taken

    def add(self, passage: Passage, rank: int) -> int:
        """Tokens that it took; 0 where it is there already or there is no room."""
        if passage.id in self._taken:
            return 0
        tokens = self._count(passage.text) + _HEADER
        if tokens > self._room and self._taken:
            return 0
        self._taken[passage.id] = (rank, passage)
        self._room -= tokens
        return tokens

    def widen(self, passage: Passage, around: Sequence[Passage], rank: int) -> None:
        """The section of a passage that was taken, nearest first, as far as its share of the budget goes; of another
        section only what adjoins it directly."""
        if passage.id not in self._taken:
            return
        room = self._section
        for other in around:
            if other.headings != passage.headings and _distance(other, passage) > 2:
                continue
            tokens = self._count(other.text) + _HEADER
            if tokens > min(room, self._room):
                break
            room -= self.add(other, rank)

    def places(self) -> list[_Place]:
        """What was taken, as places: passages of one section that adjoin are one."""
        places: list[_Place] = []
        for rank, passage in sorted(self._taken.values(), key=lambda each: (each[1].document_id, each[1].start)):
            last = places[-1] if places else None
            if last and _adjoins(last.passages[-1], passage):
                last.passages.append(passage)
                last.rank = min(last.rank, rank)
            else:
                places.append(_Place(rank, [passage]))
        return places


def _adjoins(passage: Passage, following: Passage) -> bool:
    same = passage.document_id == following.document_id and passage.headings == following.headings
    return same and following.start - passage.end <= 2


def _arranged(places: Sequence[_Place]) -> list[Passage]:
    """By rank, 0 2 4 … 5 3 1: the best place first, the second best last."""
    ranked = sorted(places, key=lambda place: place.rank)
    order = [*ranked[0::2], *reversed(ranked[1::2])]
    return [passage for place in order for passage in _without_overlap(place.passages)]


def _without_overlap(passages: Sequence[Passage]) -> list[Passage]:
    """Passages that repeat the end of the one before (`[passages] overlap`) begin behind it."""
    shown: list[Passage] = []
    for passage in passages:
        cut = max((p.end for p in shown), default=passage.start) - passage.start
        if cut < len(passage.text):
            shown.append(passage.within(cut, len(passage.text)) if cut > 0 else passage)
    return shown


def parts(passages: Sequence[Passage], budget: int, count: CountTokens) -> list[list[Passage]]:
    """A document too long to be read at once, in stretches of at most `budget` tokens (or one passage)."""
    found: list[list[Passage]] = []
    room = 0
    for passage in _without_overlap(passages):
        tokens = count(passage.text) + _HEADER
        if not found or tokens > room:
            found.append([])
            room = budget
        found[-1].append(passage)
        room -= tokens
    return found

"""The text that a cross-encoder reads beside a claim: the sources nearest to it with what stands around them.

    Heading
    the sentence before, the source, the sentence after
    Item: Oil filter | Price: 14 €

Fragments of one passage stand in their order, passages with the best first. `training/claims.py` lays out what the
cross-encoder was trained on in the same form.
"""

from __future__ import annotations

from collections.abc import Sequence

from metier.answering.support.sources import Shown

_SOURCES = 4  # units that a premise is made around
_AROUND = 1  # neighbours on each side of a unit
_CHARACTERS = 1_200  # of a premise; about 300 tokens of English


def premise(shown: Shown, evidence: Sequence[int]) -> str:
    """`evidence`: numbers of sources, best first. Never empty where there is one."""
    taken: dict[int, set[int]] = {}  # passage to its sources, passages in the order of their best one
    length = 0
    for index in evidence[:_SOURCES]:
        source = shown.sources[index]
        own = taken.setdefault(source.passage, set())
        more = [i for i in _near(shown, index) if i not in own]
        size = sum(len(shown.sources[i].text) for i in more)
        if length and length + size > _CHARACTERS:
            more = [index] if index not in own else []
            size = sum(len(shown.sources[i].text) for i in more)
            if length + size > _CHARACTERS:
                break
        own.update(more)
        length += size
    return "\n".join(_fragment(shown, passage, sorted(own)) for passage, own in taken.items() if own)


def _near(shown: Shown, index: int) -> list[int]:
    """A source with its neighbours in the passage and the lead-in of its list, the source first."""
    source = shown.sources[index]
    near = [index, *([source.parent] if source.parent >= 0 else [])]
    for away in range(1, _AROUND + 1):
        near += [i for i in (index - away, index + away) if 0 <= i < len(shown.sources)]
    return [i for i in dict.fromkeys(near) if shown.sources[i].passage == source.passage]


def _fragment(shown: Shown, passage: int, indices: Sequence[int]) -> str:
    """Sentences that follow one another as they stand, others in a line of their own, under the nearest heading."""
    text = shown.passages[passage].text
    headings = shown.passages[passage].headings
    lines = [headings[-1]] if headings else []
    start = end = -1
    last = -2
    for index in indices:
        source = shown.sources[index]
        if index == last + 1 and start >= 0:
            end = source.end
        else:
            if start >= 0:
                lines.append(text[start:end])
            start, end = source.start, source.end
        last = index
    lines.append(text[start:end])
    return "\n".join(lines)

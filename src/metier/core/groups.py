"""Who may read what: the one rule, for a document and for what was made of several.

    a document      its groups: whoever holds any of them; without groups everybody
    made of many    a training row, an adapter, a comparison: whoever may read every one of the documents

So what is made of many has a tuple of groups for each different set among its documents, and a reader needs one group
of each. A reader whose groups are None (the owner) may read everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Required = tuple[tuple[str, ...], ...]  # one group of each
NOBODY = ("\x1f",)  # a group that no key can have; not NUL, which PostgreSQL takes in no text


def may_read(held: Sequence[str] | None, required: Required) -> bool:
    """Whether a reader with these groups, None = all, may read what `required` stands for."""
    return held is None or all(not set(held).isdisjoint(each) for each in required)


def required_by(sets: Iterable[Sequence[str]]) -> Required:
    """What it takes to read all of several documents, of which these are the groups; in a fixed order. A set that
    holds another one says nothing more than that: who has one of the smaller has one of the larger."""
    distinct = {frozenset(groups) for groups in sets if groups}
    least = [each for each in distinct if not any(other < each for other in distinct)]
    return tuple(sorted(tuple(sorted(each)) for each in least))


def strictest(sets: Iterable[Sequence[str]]) -> tuple[str, ...] | None:
    """The groups of one document to which several were given, each of which must hold: public gives way to any, else
    those that are in all; None where no group is, and so nobody may read it."""
    restricted = [frozenset(groups) for groups in sets if groups]
    if not restricted:
        return ()
    return tuple(sorted(frozenset.intersection(*restricted))) or None


def in_words(required: Required) -> str:
    """`board, and service or safety`; "" where everybody may read it, "all groups" where only who reads everything."""
    return ", and ".join("all groups" if each == NOBODY else " or ".join(each) for each in required)


def from_json(plain: Iterable[Iterable[str]]) -> Required:
    """Lists of lists, as JSON has them. Raises `TypeError` for anything else."""
    sets = tuple(plain)
    if any(isinstance(each, str) for each in sets):
        raise TypeError("groups are a list of lists of names")
    return required_by([tuple(map(str, each)) for each in sets])

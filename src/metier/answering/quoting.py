"""What is quoted of a passage: a whole sentence or row; a list with its lead-in, where a list is asked for."""

from __future__ import annotations

from metier.documents import Passage
from metier.sentences import Unit, is_leadin, units
from metier.text.language import Language
from metier.text.phrases import fold

_ITEMS = 20  # of a list that is quoted whole
_LONGEST = 1500  # characters


def asks_for_list(question: str, language: str) -> bool:
    """Whether a question wants steps, rules or a list, as far as its words tell."""
    return bool(Language.of(language).expression("asks", "list").search(fold(question)))


def widened(passage: Passage, within: Passage, *, whole_list: bool) -> Passage:
    """`passage`: one sentence or row of `within`. A lead-in is quoted with the list it introduces, an item with its
    whole list where `whole_list` says that the question asks for one."""
    found = units(within.text, within.language or "en")
    start = passage.start - within.start
    place = next((n for n, unit in enumerate(found) if unit.start <= start < unit.end), None)
    if place is None:
        return passage
    first, last = place, place
    if is_leadin(within.text[found[place].start : found[place].end]):
        last = _end_of_list(found, place + 1)
    elif whole_list and found[place].kind == "item":
        while first > 0 and found[first - 1].kind == "item":
            first -= 1
        last = _end_of_list(found, place)
        if first > 0 and is_leadin(within.text[found[first - 1].start : found[first - 1].end]):
            first -= 1
    if (first, last) == (place, place):
        return passage
    while last > first and found[last].end - found[first].start > _LONGEST:
        last -= 1
    return within.within(found[first].start, found[last].end)


def _end_of_list(found: list[Unit], first: int) -> int:
    """Number of the last item of the list that begins at `first`; the unit before it where none begins there."""
    last = first - 1
    if first < len(found) and found[first].kind not in ("item", "row"):
        return min(first, len(found) - 1)  # a lead-in before a paragraph
    for number in range(first, min(len(found), first + _ITEMS)):
        if found[number].kind not in ("item", "row"):
            break
        last = number
    return last

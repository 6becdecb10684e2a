"""Where a passage stands after its document changed."""

from __future__ import annotations

import pytest

from metier.core.documents import Passage
from metier.feedback.passage_tracking import CUT_OTHERWISE, GONE, Followed, follow

WRONG = "নীল চাবি দরজা খোলে।"


def cut(*texts: str, headings: tuple[str, ...] = ("T",)) -> tuple[str, list[Passage]]:
    """A document of these passages, each on a line."""
    passages, at = [], 0
    for number, text in enumerate(texts):
        passages.append(Passage(f"new{number}", "d", text, at, at + len(text), headings))
        at += len(text) + 1
    return "\n".join(texts), passages


OLD = Passage("old", "d", WRONG, 10, 10 + len(WRONG), ("T",))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("Something new.", WRONG, "More."), Followed(("new1",))),
        ((f"{WRONG} লাল।",), Followed(("new0",), CUT_OTHERWISE)),
        (("নীল চাবি দরজা", "খোলে।", "x"), Followed(("new0", "new1"), CUT_OTHERWISE)),
        ((f"{WRONG}{' A lot of other text.' * 9}",), Followed((), GONE)),
        (("নীল চাবি জানালা খোলে।",), Followed((), GONE)),
        ((), Followed((), GONE)),
    ],
)
def test_it_is_found_by_its_text(texts, expected):
    text, passages = cut(*texts)
    assert follow(OLD, text.replace("দরজা\nখোলে", "দরজা খোলে"), passages) == expected


def test_of_several_that_read_the_same_the_nearest_under_its_headings_is_it():
    text, passages = cut(WRONG, "x", WRONG, "y", WRONG)
    assert follow(OLD, text, passages).passages == ("new0",)
    far = Passage("old", "d", WRONG, passages[2].start + 5, passages[2].end + 5, ("T",))
    assert follow(far, text, passages).passages == ("new2",)
    other = Passage("elsewhere", "d", WRONG, far.start, far.end, ("Other",))
    assert follow(far, text, [other, *passages]).passages == ("new2",)

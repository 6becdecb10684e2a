from __future__ import annotations

from metier.answering import context
from metier.core.documents import Passage
from metier.retrieval.retriever import Hit


def passage(document: str, start: int, text: str, headings: tuple[str, ...] = ("Title",)) -> Passage:
    return Passage(f"{document}-{start}", document, text, start, start + len(text), headings, uri=f"{document}.md")


def hit(found: Passage, score: float, *, pinned: bool = False) -> Hit:
    return Hit(found, score, None, None, pinned)


class StoreOfPassages:
    """Knows the passages it is made with, and what stands around them."""

    def __init__(self, passages):
        self.passages = passages

    def around(self, passages, characters, where=None):
        near = [
            other
            for other in self.passages
            if any(
                other.document_id == p.document_id and p.start - characters <= other.start <= p.end + characters
                for p in passages
            )
        ]
        return sorted(near, key=lambda p: (p.document_id, p.start))


def words(text: str) -> int:
    return len(text.split())


def shown(hits, store_passages=(), budget=1000):
    return context.build(context.without_copies(hits), StoreOfPassages(list(store_passages)), budget, words)


def test_a_hit_is_shown_with_the_rest_of_its_section_in_reading_order():
    lead = passage("a", 0, "Before work begins:")
    step = passage("a", 20, "Open the breaker and lock it.")
    last = passage("a", 50, "Hang up the sign.")
    other = passage("a", 300, "Another chapter.", ("Title", "Other"))
    built = shown([hit(step, 9.0)], [lead, step, last, other])
    assert [p.id for p in built.passages] == ["a-0", "a-20", "a-50"]


def test_of_a_long_section_the_neighbours_come_first_and_the_budget_holds():
    parts = [passage("a", 50 * n, f"Sentence number {n} of the long section.") for n in range(20)]
    built = shown([hit(parts[10], 9.0)], parts, budget=150)
    numbers = [int(p.start / 50) for p in built.passages]
    assert 10 in numbers
    assert numbers == list(range(numbers[0], numbers[-1] + 1)), "without gaps"
    assert sum(words(p.text) + 16 for p in built.passages) <= 150


def test_copies_count_once():
    text = "The gearbox takes 2.4 litres of oil ISO VG 68 and is filled through the upper plug."
    hits = [hit(passage(f"copy{n}", 0, text), 9.0 - n / 10) for n in range(6)] + [
        hit(passage("b", 0, "Rest days."), 5.0)
    ]
    assert [p.document_id for p in shown(hits).passages] == ["copy0", "b"]


def test_the_same_section_of_two_machines_is_no_copy():
    text = "The nuts of the blade root are tightened crosswise in three passes, the last one to {} Nm, by two people."
    hits = [hit(passage(f"manual{n}", 0, text.format(n)), 9.0) for n in (840, 1130)]
    assert [p.document_id for p in shown(hits).passages] == ["manual840", "manual1130"]


def test_one_document_does_not_keep_the_others_out():
    many = [hit(passage("a", 1000 * n, f"Row {n} of a long table about pumps.", (str(n),)), 9.0) for n in range(20)]
    other = hit(passage("b", 0, "The pump is delivered in May."), 7.0)
    assert "b" in {p.document_id for p in shown([*many, other], budget=400).passages}


def test_the_best_place_is_first_and_the_second_best_last():
    texts = {
        "a": "The torque is 65 Nm.",
        "b": "Oil is changed in May.",
        "c": "A night shift pays more.",
        "d": "Sea water harms.",
    }
    hits = [hit(passage(name, 0, text), 9.0 - n) for n, (name, text) in enumerate(texts.items())]
    assert [p.document_id for p in shown(hits).passages] == ["a", "c", "d", "b"]


def test_what_is_far_weaker_than_the_best_fills_no_room():
    hits = [hit(passage("a", 0, "The torque is 65 Nm."), 20.0), hit(passage("b", 0, "Lunch is at noon."), 1.0)]
    assert [p.document_id for p in shown(hits).passages] == ["a"]


def test_one_passage_longer_than_the_budget_is_still_shown_and_nothing_found_is_nothing():
    long = passage("a", 0, "word " * 500)
    assert shown([hit(long, 3.0)], budget=20).passages == (long,)
    assert shown([]).passages == ()


def test_text_that_two_passages_share_is_shown_once():
    first = passage("a", 0, "One. Two.")
    second = passage("a", 5, "Two. Three.")
    (shown,) = context.parts([first, second], 1000, words)
    assert [p.text for p in shown] == ["One. Two.", " Three."]
    assert all("One. Two. Three."[p.start : p.end] == p.text for p in shown)


def test_a_long_document_is_cut_into_parts_that_fit():
    parts = context.parts([passage("a", 20 * n, f"Sentence {n} here.") for n in range(10)], 60, words)
    assert [len(part) for part in parts] == [3, 3, 3, 1]


def test_only_what_is_nearly_as_good_as_the_best_is_told_as_left_out():
    good = [
        hit(passage("good", 1000 * n, f"Pump {n} is driven by a motor of its own.", (str(n),)), 9.0) for n in range(4)
    ]
    weak = [hit(passage("weak", 1000 * n, f"Lamp {n} hangs in the hall.", (str(n),)), 3.0) for n in range(9)]
    assert shown([*good, *weak], budget=110).dropped == 0
    assert shown([*good, *weak], budget=60).dropped == 2

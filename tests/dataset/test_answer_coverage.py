from __future__ import annotations

import numpy as np
import pytest

from metier.core.documents import Passage
from metier.synthesis.answer_coverage import SUPPORTED, Aligner
from metier.text.analyzer import Analyser

COMMON = {"the", "of", "is", "are", "a", "to", "in", "and"}


def weigh(tokens):
    return np.array([0.1 if token in COMMON else 3.0 for token in tokens])


def passage(text, *, headings=(), page=1, start=0, language="en", uri="a.md"):
    return Passage(f"id-{uri}-{start}", uri, text, start, start + len(text), headings, page, uri=uri, language=language)


def align(answer, passages, question="", language="en"):
    return Aligner(passages, question, Analyser(language), weigh, language).align(answer)


BOLTS = passage(
    "The blade root nuts are tightened to 840 Nm. The hub joint takes 1,980 Nm. Go round once per blade.",
    headings=("NV-110", "Bolted joints"), page=3, start=500,
)  # fmt: skip
OTHER = passage(
    "The blade root nuts are tightened to 1,130 Nm.", headings=("NV-130", "Bolted joints"), page=7, uri="b.md"
)


def test_a_sentence_is_cited_where_it_stands():
    (support,) = align("The blade root nuts of the NV-110 take 840 Nm.", [OTHER, BOLTS])
    assert support.supported
    (citation,) = support.citations
    assert citation.quote == "The blade root nuts are tightened to 840 Nm."
    assert (citation.document, citation.page) == ("a.md", 3)
    assert (citation.start, citation.end) == (500, 500 + len(citation.quote))


def test_a_number_that_stands_nowhere_is_no_support():
    (support,) = align("The blade root nuts are tightened to 850 Nm.", [BOLTS, OTHER])
    assert not support.supported


def test_a_bare_number_is_placed_by_the_question():
    (support,) = align("840 Nm", [OTHER, BOLTS], question="How tight are the blade root nuts of the NV-110?")
    assert support.citations[0].document == "a.md"
    (support,) = align("1,980 Nm.", [BOLTS], question="What does the hub joint take?")
    assert support.citations[0].quote == "The hub joint takes 1,980 Nm."


def test_thousands_and_scripts_of_digits_agree():
    bengali = passage("ব্লেডের নাট ১৯৮০ নিউটন মিটারে আঁটা হয়।", language="bn")
    (support,) = align("নাট 1,980 নিউটন মিটারে আঁটা হয়।", [bengali], language="bn")
    assert support.supported


def test_each_sentence_has_its_own_support():
    first, second = align("The hub joint takes 1,980 Nm. Bananas grow in Iceland.", [BOLTS])
    assert first.supported
    assert not second.supported
    assert second.score < SUPPORTED


def test_two_facts_in_one_sentence_are_cited_twice():
    (support,) = align("Blade root nuts take 840 Nm on the NV-110 and 1,130 Nm on the NV-130.", [BOLTS, OTHER])
    assert {citation.document for citation in support.citations} == {"a.md", "b.md"}


def test_a_slip_of_spelling_in_a_long_word_is_forgiven():
    (support,) = align("The blade root nuts are tightend to 840 Nm.", [BOLTS])
    assert support.supported


@pytest.mark.parametrize(
    ("language", "text", "answer"),
    [
        ("zh", "风机的额定转速是每分钟十二转。机舱里有灭火器。", "额定转速是每分钟十二转。"),
        ("ar", "عزم شد الصواميل هو ٨٤٠ نيوتن متر. يوجد مطفأة حريق.", "عزم شد الصواميل هو 840 نيوتن متر."),
        ("bn", "গিয়ারবক্সের তেল প্রতি ২৪ মাসে বদলানো হয়। টাওয়ারে আলো আছে।", "তেল প্রতি ২৪ মাসে বদলানো হয়।"),
    ],
)
def test_any_script(language, text, answer):
    source = passage(text, language=language)
    (support,) = align(answer, [source], language=language)
    assert support.supported
    assert text[support.citations[0].start : support.citations[0].end] == support.citations[0].quote


def test_nothing_shown_and_nothing_said():
    assert align("", [BOLTS]) == []
    (support,) = align("Some sentence.", [])
    assert (support.score, support.citations) == (0.0, ())

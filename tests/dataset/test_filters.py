from __future__ import annotations

import numpy as np
import pytest

from metier.core.documents import Passage
from metier.synthesis.filters import (
    Aligned,
    Ambiguous,
    BesideThePoint,
    Filters,
    NearDuplicates,
    RoundTrip,
    Trivial,
    UnknownNames,
)
from metier.synthesis.pairs import QAPair
from metier.text.analyzer import Analyser

ENGLISH = "The blade root nuts of the NV-110 are tightened to 840 Nm. The hatch is white."
BENGALI = "এনভি-১১০ এর ব্লেডের নাট ৮৪০ নিউটন-মিটারে আঁটা হয়। দরজা নীল চাবিতে খোলে।"
CHINESE = "二号风机的叶片螺栓扭矩为840牛米，每三年检查一次。机舱门用蓝色钥匙打开。"
ARABIC = "تُشد صواميل شفرة التوربين NV-110 بعزم 840 نيوتن متر كل ثلاث سنوات."
HINDI = "टरबाइन NV-110 के ब्लेड के नट 840 न्यूटन मीटर पर कसे जाते हैं।"


def passage(text, *, name="p", headings=(), language="en"):
    return Passage(name, "d", text, 0, len(text), headings, uri="manual.md", title="Manual", language=language)


def pair(question, answer, text=ENGLISH, *, language="en", **more):
    return QAPair(question, answer, passage(text, language=language), "fact", language, "model", **more)


def flat(tokens):
    return np.ones(len(tokens))


@pytest.mark.parametrize(
    ("question", "answer", "text", "language"),
    [
        ("How tight are the blade root nuts of the NV-110?", "840 Nm", ENGLISH, "en"),
        ("How long does it take to tighten a blade nut?", "an hour", ENGLISH, "en"),
        ("এনভি-১১০ এর ব্লেডের নাটের টর্ক কত?", "৮৪০ নিউটন-মিটার", BENGALI, "bn"),
        ("二号风机的叶片螺栓扭矩是多少？", "840牛米", CHINESE, "zh"),
        ("ما عزم شد صواميل شفرة التوربين NV-110؟", "840 نيوتن متر", ARABIC, "ar"),
        ("NV-110 के ब्लेड के नट का टॉर्क कितना है?", "840 न्यूटन मीटर", HINDI, "hi"),
        ("WT-07 – Rated power?", "4.2 MW", ENGLISH, "en"),
    ],
)
def test_a_question_that_asks_something(question, answer, text, language):
    assert Trivial(Analyser(language))(pair(question, answer, text, language=language)) is None


@pytest.mark.parametrize(
    ("question", "answer", "text", "language", "said"),
    [
        ("Why?", "840 Nm", ENGLISH, "en", "too short"),
        ("为何？", "840牛米", CHINESE, "zh", "too short"),
        ("What does this table list?", "nuts", ENGLISH, "en", "leans"),
        ("According to the passage, how tight are the nuts?", "840 Nm", ENGLISH, "en", "leans"),
        ("How tight is it?", "840 Nm", ENGLISH, "en", "leans"),
        ("এই টেবিল অনুযায়ী টর্ক কত?", "৮৪০", BENGALI, "bn", "leans"),
        ("এটি কত টর্কে আঁটা হয়?", "৮৪০", BENGALI, "bn", "leans"),
        ("上述螺栓的扭矩是多少？", "840牛米", CHINESE, "zh", "leans"),
        ("ماذا يقول هذا النص عن الصواميل؟", "العزم", ARABIC, "ar", "leans"),
        ("इस तालिका में टॉर्क कितना है?", "840", HINDI, "hi", "leans"),
        ("Was steht in diesem Abschnitt über Muttern?", "840 Nm", ENGLISH, "de", "leans"),
        ("Are the nuts of the NV-110 tightened to 840 Nm?", "840 Nm", ENGLISH, "en", "holds the answer"),
        ("二号风机的扭矩是840牛米吗？", "840牛米", CHINESE, "zh", "holds the answer"),
        ("How tight are the blade nuts?", "The blade nuts are tight.", ENGLISH, "en", "repeats"),
        ("How tight are the blade nuts?", "The text does not say.", ENGLISH, "en", "no answer"),
        ("How tight are the blade nuts?", ENGLISH + " And more.", ENGLISH, "en", "longer"),
        ("How tight are the blade nuts?", "840 Nm", BENGALI, "bn", "another script"),
        ("ব্লেডের নাট কত টর্কে আঁটা হয়?", "They are tightened to 840 Nm.", BENGALI, "bn", "another script"),
    ],
)
def test_a_question_that_teaches_nothing(question, answer, text, language, said):
    assert said in Trivial(Analyser(language))(pair(question, answer, text, language=language))


@pytest.mark.parametrize(
    ("language", "text", "right", "wrong"),
    [
        ("en", ENGLISH, "They are tightened to 840 Nm.", "They are tightened to 480 Nm."),
        ("en", ENGLISH, "The hatch is white.", "The tower is painted red with lead."),
        ("bn", BENGALI, "৮৪০ নিউটন-মিটারে", "৯৫০ নিউটন-মিটারে"),
        ("zh", CHINESE, "扭矩为840牛米", "扭矩为950牛米"),
        ("ar", ARABIC, "بعزم 840 نيوتن متر", "بعزم 950 نيوتن متر"),
        ("hi", HINDI, "840 न्यूटन मीटर", "950 न्यूटन मीटर"),
    ],
)
def test_the_answer_stands_in_the_passage(language, text, right, wrong):
    aligned = Aligned(Analyser(language), flat)
    question = {"en": "How tight are the nuts?"}.get(language, "NV-110?")
    assert aligned(pair(question, right, text, language=language)) is None
    assert "of the answer" in aligned(pair(question, wrong, text, language=language))


def test_a_short_answer_is_copied():
    text = "The contract runs for 12 years with a notice period of 9 months."
    aligned = Aligned(Analyser(), flat)
    assert aligned(pair("How long does the contract run?", "12 years", text)) is None
    assert "not together" in aligned(pair("How long does the contract run?", "12 months", text))


@pytest.mark.parametrize(
    ("language", "text", "answer", "right", "wrong"),
    [
        ("en", ENGLISH, "840 Nm", "How tight are the blade root nuts?", "Where do visitors sleep during winter?"),
        ("bn", BENGALI, "নীল চাবিতে", "দরজা কোন চাবিতে খোলে?", "গতকাল বৃষ্টি কোথায় হয়েছিল?"),
        ("zh", CHINESE, "每三年", "叶片螺栓多久检查一次？", "昨天哪里下雨了？"),
    ],
)
def test_an_answer_beside_the_point(language, text, answer, right, wrong):
    beside = BesideThePoint(Analyser(language), flat)
    assert beside(pair(right, answer, text, language=language)) is None
    assert "near the answer" in beside(pair(wrong, answer, text, language=language))


def test_names_that_the_passage_does_not_know():
    known = UnknownNames(Analyser(), flat)
    assert known(pair("How tight are the nuts of the NV-110?", "840 Nm")) is None
    assert known(pair("How tight are the nuts of the NV-90?", "840 Nm")) == "nv90 is not in the passage"
    assert "vargmyr" in known(pair("How tight are the nuts in Vargmyr?", "840 Nm"))


def test_near_duplicates_of_the_exam_of_imported_rows_and_of_what_was_kept():
    exam = [("How tight are the blade root nuts of the NV-110?", ("840 Nm", "840"))]
    known = [("What is the colour of the hatch in the nacelle?", "white")]
    seen = NearDuplicates(exam, known, "en")
    assert "of the exam" in seen(pair("how tight are the blade root nuts of the nv-110", "840 Nm"))
    assert "earlier row" in seen(pair("What is the colour of the hatch of the nacelle?", "white"))
    new = pair("Which key opens the door of the tower?", "the blue key")
    assert seen(new) is None
    seen.add(new)
    assert "earlier row" in seen(pair("Which key opens the doors of the tower?", "the blue key"))
    assert seen(pair("How tight are the blade root nuts of the NV-90?", "620 Nm")) is None
    assert seen.leaks("How tight are the blade root nuts of an NV-110?", "840 Nm")
    assert not seen.leaks("Which key opens the door of the tower?", "the blue key")


@pytest.mark.parametrize(
    ("first", "again", "other"),
    [
        ("এনভি-১১০ এর ব্লেডের নাটের টর্ক কত?", "এনভি-১১০ এর ব্লেডের নাটের টর্ক কত", "এনভি-৯০ এর ব্লেডের নাটের টর্ক কত?"),
        ("二号风机的螺栓扭矩是多少？", "二号风机的螺栓扭矩是多少", "二号风机的机舱门是什么颜色？"),
    ],
)
def test_near_duplicates_in_other_scripts(first, again, other):
    seen = NearDuplicates([], [(first, "840")], "en")
    assert seen(pair(again, "840")) is not None
    assert seen(pair(other, "620")) is None


def test_round_trip():
    found = [passage("", name=f"p{n}") for n in range(10)]
    trip = RoundTrip(lambda question: found if question == "far?" else [passage("", name="p"), *found], 3)
    assert trip(pair("near?", "")) is None
    assert "first 3" in trip(pair("far?", ""))


def test_ambiguous():
    mine = pair("What is the price of Bolt B-1?", "4 EUR", subject="Bolt B-1", attribute="Price", row="Bolt B-1")

    def says(text):
        return Ambiguous(lambda _question: [passage(text, name="other"), passage("Part: Bolt B-1 | Price: 9 EUR")])(
            mine
        )

    assert "9 EUR" in says("Part: Bolt B-1 | Price: 9 EUR")
    assert says("Part: Bolt B-1 | Price: 4 EUR") is None
    assert says("Part: Bolt B-12 | Price: 9 EUR") is None
    assert says("Part: Bolt B-1 | Weight: 9 kg") is None


def test_a_row_of_a_group_is_ambiguous_where_the_same_group_has_it_in_the_same_unit():
    asked = {"subject": "Total (Bolts)", "attribute": "2023", "row": "Bolts › Total", "unit": "(in millions)"}
    mine = pair("For Total (Bolts), what is listed under “2023 (in millions)”?", "4", **asked)

    def says(row):
        return Ambiguous(lambda _question: [passage(f"Part: {row} | 2023: 9", name="other")])(mine)

    assert "9" in says("Bolts › Total (in millions)")
    assert says("Nuts › Total (in millions)") is None
    assert says("Bolts › Total (in thousands)") is None


def test_a_title_says_which_document_is_meant():
    other = Passage("other", "e", "Part: Bolt B-1 | Price: 9 EUR", 0, 29, title="Other list")
    named = pair(
        "Manual: What is the price of Bolt B-1?", "4 EUR", subject="Bolt B-1", attribute="Price", row="Bolt B-1"
    )
    assert Ambiguous(lambda _question: [other])(named) is None
    plain = pair("What is the price of Bolt B-1?", "4 EUR", subject="Bolt B-1", attribute="Price", row="Bolt B-1")
    assert "Other list" in Ambiguous(lambda _question: [other])(plain)


def test_counts_and_examples():
    filters = Filters([Trivial(Analyser()), Aligned(Analyser(), flat)])
    assert filters.keep(pair("How tight are the nuts of the NV-110?", "840 Nm"))
    for number in range(5):
        assert not filters.keep(pair("How tight are the nuts?", f"{number} Nm"))
    assert not filters.keep(pair("Why?", "840 Nm"))
    assert {name: dropped.count for name, dropped in filters.dropped.items()} == {"trivial": 1, "aligned": 5}
    assert len(filters.dropped["aligned"].examples) == 3
    assert "“How tight are the nuts?” – “0 Nm”" in filters.dropped["aligned"].examples[0]

from __future__ import annotations

import pytest

from metier.answering.answer import Support
from metier.answering.support import create
from metier.answering.support.agreement import equations
from metier.core.documents import Passage
from metier.core.errors import SettingsError
from metier.core.settings import Settings
from metier.text.analyzer import Analyser
from metier.text.quantities import quantities

pytestmark = pytest.mark.slow

CARRIED, PARTLY, NOT, NONE = Support.CARRIED, Support.PARTLY, Support.NOT, Support.NONE


def passage(text, uri="a.md", *, headings=(), page=1, start=0, language="en"):
    return Passage(f"{uri}-{start}", uri, text, start, start + len(text), headings, page, uri=uri, language=language)


BOLTS = passage(
    "The blade root nuts are tightened to 840 Nm. The hub joint takes 1,980 Nm. Go round once per blade.",
    headings=("NV-110", "Bolted joints"), page=3, start=500,
)  # fmt: skip
OTHER = passage("The blade root nuts are tightened to 1,130 Nm.", "b.md", headings=("NV-130", "Bolted joints"), page=7)
ROWS = passage(
    "Model: NV-110 | Weight (kg): 720 | Part: hub seals | Every: 37 months\n"
    "Model: NV-130 | Weight (kg): 850 | Part: rope grips | Every: 13 months",
    "parts.csv",
)
LOCKOUT = passage(
    "Lockout:\n\n1. Stop the rotor and wait for 5 minutes.\n2. Open the breaker Q1.\n3. Hang the red tag on the\n"
    "   handle.\n\nThe work must not start before the supervisor has signed. The check of 3 March 2026 was not "
    "approved by Anna Vargmyr.",
    "lockout.md",
)
SHOWN = [BOLTS, OTHER, ROWS, LOCKOUT]


@pytest.fixture
def check(check_against):
    def checked(answer, question="", shown=SHOWN, language="en"):
        return check_against(answer, shown, question, language)

    return checked


@pytest.mark.parametrize(
    "answer",
    [
        "The blade root nuts of the NV-110 take 840 Nm.",
        "The hub joint takes 1.98 kNm.",
        "The NV-130 weighs 850 kg.",
        "The hub seals are changed every 37 months.",
        "2. Open breaker Q1.",
        "Before the supervisor has signed, the work must not start.",
        "The blade root nuts of the NV-110 are tightened to 840 Nm, and those of the NV-130 to 1,130 Nm.",
        "The check on 2026-03-03 was not approved by Anna Vargmyr.",
    ],
)
def test_what_a_source_says_is_carried(check, answer):
    (sentence,) = check(answer)
    assert sentence.support is CARRIED, sentence
    assert sentence.citations


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("The blade root nuts of the NV-110 are tightened to 850 Nm.", "850 Nm"),  # 850 is a weight
        ("The hub joint takes 1,980 kNm.", "1,980 Nm"),
        ("The hub joint takes 840 Nm.", "1,980 Nm"),
        ("The blade root nuts of the NV-110 take 1,130 Nm.", "NV-110"),
        ("The NV-110 weighs 850 kg.", "NV-110"),
        ("The rope grips are changed every 37 months.", "13 months"),
        ("The NV-150 weighs 850 kg.", "NV-150"),
        ("Stop the rotor and wait for 6 minutes.", "6 minutes"),
        ("The check of 4 March 2026 was not approved by Anna Vargmyr.", "4 March 2026"),
        ("3. Open the breaker Q2.", "Q2"),
    ],
)
def test_a_wrong_number_or_name_is_flagged_and_named(check, answer, word):
    (sentence,) = check(answer)
    assert sentence.support is NOT, sentence
    assert word in sentence.reason


@pytest.mark.parametrize(
    "answer",
    [
        "The work must start before the supervisor has signed.",
        "The check of 3 March 2026 was approved by Anna Vargmyr.",
        "2. Close the breaker Q1.",
        "The work must not start after the supervisor has signed.",
    ],
)
def test_the_opposite_is_flagged(check, answer):
    (sentence,) = check(answer)
    assert sentence.support is NOT, sentence
    assert "opposite" in sentence.reason


@pytest.mark.parametrize(
    "text",
    [
        "Hello!", "Here are the steps:", "## Lockout", "I'm sorry, the documents do not mention the price.",
        "Do you want to know more?", "Let me know if you have any other questions!",
    ],
)  # fmt: skip
def test_what_states_nothing_needs_no_source(check, text):
    (sentence,) = check(text)
    assert sentence.support is NONE
    assert not sentence.flagged


def test_what_nobody_said_is_flagged(check):
    (sentence,) = check("Bananas grow in the gardens of Iceland.")
    assert sentence.support is NOT


def test_a_table_is_read_with_its_columns(check):
    answer = "| Model | Weight |\n|---|---|\n| NV-110 | 720 kg |\n| NV-130 | 720 kg |"
    head, right, wrong = check(answer)
    assert (head.support, right.support, wrong.support) == (NONE, CARRIED, NOT)
    assert right.citations[0].quote.startswith("Model: NV-110")


def test_what_follows_by_arithmetic_is_carried(check):
    question = "What do 3 crates of 100 kg and a box of 30 kg weigh together?"
    (sentence,) = check("3 x 100 + 30 = 330 kg", question)
    assert sentence.support is CARRIED
    (sentence,) = check("3 x 100 + 30 = 340 kg", question)
    assert sentence.support is NOT
    (sentence,) = check("Together the NV-110 and the NV-130 weigh 1,570 kg.", "What do both weigh?")
    assert sentence.support is CARRIED


def test_made_up_numbers_carry_nothing_that_follows_from_them(check):
    answer = "".join(f"Line {number} of the list.\n\n" for number in range(60, 68))
    assert {sentence.support for sentence in check(answer)} == {NOT}
    *_, last = check("The crane takes 61 tonnes and the truck 67 tonnes. Together they take 128 tonnes.")
    assert last.support is NOT
    *_, last = check("The NV-110 weighs 720 kg and the NV-130 850 kg. Together they weigh 1,570 kg.")
    assert last.support is CARRIED
    *_, last = check("720 + 850 = 1570 kg. Two of each weigh 3,140 kg.", "What do both weigh?")
    assert last.support is not NOT


def test_numbers_of_the_question_may_be_repeated(check):
    (sentence,) = check("After 250 hours the blade root nuts are tightened to 840 Nm.", "What about 250 hours, NV-110?")
    assert not sentence.flagged


def test_words_of_headings_alone_carry_nothing(check):
    (sentence,) = check("The NV-110 has bolted joints of titanium alloy imported from Norway.")
    assert sentence.support is NOT


def test_citations_are_exact(check):
    answer = "It is simple. The hub joint takes 1,980 Nm."
    sentence = check(answer, "How tight is the hub joint?")[1]
    (citation,) = sentence.citations
    assert citation.quote == "The hub joint takes 1,980 Nm."
    assert (citation.document, citation.page, citation.start) == ("a.md", 3, 500 + BOLTS.text.index("The hub"))
    assert answer[slice(*citation.sentence)] == "The hub joint takes 1,980 Nm."


def test_another_language_is_not_flagged_on_words_alone(check):
    german = check("Die Muttern der NV-110 werden mit 840 Nm angezogen.", "Wie fest?", language="de")[0]
    assert german.support is PARTLY
    wrong = check("Die Muttern der NV-110 werden mit 870 Nm angezogen.", "Wie fest?", language="de")[0]
    assert wrong.support is NOT


def test_bengali_over_bengali(check):
    shown = [passage("ব্লেডের নাট ১৯৮০ নিউটন মিটারে আঁটা হয়। কাজের আগে তালা লাগাতে হবে।", language="bn")]
    right, wrong = check("ব্লেডের নাট 1,980 নিউটন মিটারে আঁটা হয়। ব্লেডের নাট ১৯৭০ নিউটন মিটারে আঁটা হয়।", "", shown, "bn")
    assert right.support is CARRIED
    assert wrong.support is NOT


def test_spans_do_not_change_while_the_answer_is_written(checker):
    answer = (
        "The nuts take 840 Nm. Then:\n\n1. Open Q1. Wait.\n2. Close it.\n\n| A | B |\n|---|---|\n| 1 | 2 |\n\nDone."
    )
    checking = checker.over(SHOWN, "", "en")
    before: list = []
    for end in range(1, len(answer) + 1):
        now = checking.spans(answer[:end])
        assert now[: max(0, len(before) - 1)] == before[:-1]
        before = now


def test_without_sources_nothing_is_carried(check):
    (sentence,) = check("The nuts take 840 Nm.", shown=[])
    assert sentence.support is NOT


def test_an_unknown_checker_is_refused(embedder):
    settings = Settings.model_validate({"answering": {"checker": "magic"}})
    with pytest.raises(SettingsError, match="magic"):
        create(settings, embedder, Analyser("en"), lambda tokens: [1.0 for _ in tokens])


HOISTS = passage(
    "Name: Badger | Capacity: 500 kg | Depot: Brunn\nName: Stoat | Capacity: 250 kg | Depot: Griss\n"
    "Name: Elk | Capacity: 1,500 kg | Depot: Griss, Tall",
    "hoists.csv",
)
ALARMS = passage("Code: 1122 | Text: Overspeed | Group: B\nCode: 1130 | Text: Hot bearing | Group: C", "alarms.csv")


@pytest.mark.parametrize(
    ("answer", "question", "level"),
    [
        ("The Badger is kept at Brunn.", "", CARRIED),
        ("The Badger is kept at Griss.", "", NOT),
        ("- Badger (500 kg), at Griss", "", NOT),
        ("- Elk (1,500 kg), at Tall", "", CARRIED),
        ("The Stoat lifts 250 kg and stands at Griss, the Badger stands at Brunn.", "", CARRIED),
        ("The Badger and the Stoat are hoists.", "", None),
        ("The Badger is not at Griss.", "", None),  # denied: whatever the level, no row says the opposite
        ("| Name | Depot |\n|---|---|\n| Badger | Griss |", "", NOT),
        ("| Name | Depot |\n|---|---|\n| Badger | Brunn |", "", CARRIED),
    ],
)
def test_two_cells_that_stand_in_two_rows_are_not_said_together(check, answer, question, level):
    last = check(answer, question, [HOISTS])[-1]
    assert "row of" not in last.reason if level in (CARRIED, None) else last.support is NOT
    assert level is None or last.support is level, (last.score, last.reason)


def test_the_lead_in_of_a_list_says_which_row_is_meant(check):
    wrong = check("Alarms of group C:\n\n- 1122 – Overspeed", "", [ALARMS])[-1]
    assert wrong.support is NOT
    assert "1122" in wrong.reason
    assert check("Alarms of group C:\n\n- 1130 – Hot bearing", "", [ALARMS])[-1].support is CARRIED


@pytest.mark.parametrize(
    ("answer", "text", "flagged"),
    [
        ("The inspection was led by Saga Lidmyr.", "The inspection was led by Tova Hedsjö. Use Sagarlub 320.", True),
        ("The inspection was led by Tova Hedsjö.", "The inspection was led by Tova Hedsjö. Use Sagarlub 320.", False),
        ("Put in 85 g of grease at the far end.", "At the far end 85 g of grease are put in.", False),
        (
            "The HP-4 opens at 228 bar.",
            "The HP-4 opens at 262 bar. The HP-3 opens at 228 bar, less than the HP-4.",
            True,
        ),
        (
            "The HP-3 opens at 228 bar.",
            "The HP-4 opens at 262 bar. The HP-3 opens at 228 bar, less than the HP-4.",
            False,
        ),
        ("She signed without reservation.", "Sigrid Holm was present and signed without reservation.", False),
        ("It ran 17,520 hours, and a year has 8,760 hours.", "The unit ran 17,520 hours in all.", False),
    ],
)
def test_names_numbers_and_denials_are_judged_where_they_belong(check, answer, text, flagged):
    (found,) = check(answer, "", [passage(text, "note.md")])
    assert found.flagged == flagged, (found.score, found.reason)


def test_what_a_sentence_begins_with_is_no_stranger(check):
    (found,) = check("Push it until the ring grips.", "", [passage("The ring is driven on until it holds.", "note.md")])
    assert "Push" not in found.reason


FEES = passage(
    "Code: S-01 | Service: Spay | Cat: 6–8 mg/kg | Dog: 4–5 mg/kg\n"
    "Code: S-02 | Service: Neuter | Cat: 2 mg/kg | Dog: 1 mg/kg",
    "fees.xlsx",
)
TERMS = passage(
    "The Lab keeps samples for seven days and results for five years. Training: $600 a year for technicians, $2,200 "
    "for doctors. The safe is counted every Friday. All puppies were unvaccinated. The relief vet costs $780 a day. "
    "The machine TM 24 needs 16 A.",
    "terms.md",
)
ORDERS = passage(
    "Order: A-1 | Status: billed | Sum: 19,850\nOrder: A-2 | Status: open | Sum: 4,400\n"
    "Order: A-3 | Status: billed | Sum: 2,480",
    "orders.csv",
)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("Results are kept for five years.", "Results are kept for seven days."),
        ("Doctors get $2,200 for training.", "Doctors get $600 a year for training."),
        ("The safe is counted on Fridays.", "The safe is counted on Mondays."),
        ("All puppies were unvaccinated.", "All puppies were vaccinated."),
        ("The relief vet costs $780 a day.", "The relief vet costs $780 a week."),
        ("For a spay, cats get 6–8 mg/kg and dogs 4–5 mg/kg.", "For a spay, cats get 4–5 mg/kg and dogs 6–8 mg/kg."),
        ("Billed orders come to 22,330 in total.", "Billed orders come to 23,330 in total."),
    ],
)
def test_what_one_source_tells_apart_is_not_exchanged(check, right, wrong):
    (good,), (bad,) = (check(text, "", [TERMS, FEES, ORDERS]) for text in (right, wrong))
    assert good.support is not NOT, good
    assert bad.support is NOT, bad


def test_a_number_behind_a_word_may_be_a_part_of_a_name(check):
    (sentence,) = check("The TM 24 needs a connection of 16 A.", "", [TERMS])
    assert sentence.support is not NOT, sentence


def test_a_file_name_keeps_its_underscores(check):
    source = passage("The list of orders.", "Orders_2025_new.csv")
    (sentence,) = check("**Orders_2025_new.csv** is the list of orders.", "", [source])
    assert sentence.support is CARRIED, sentence


def test_what_begins_with_no_is_checked_for_the_rest(check):
    (sentence,) = check("No, the check was not approved.")
    assert sentence.support is not NOT, sentence
    (alone,) = check("Yes, you can.", "May I smoke?")
    assert alone.support is PARTLY, alone


MEETING = passage(
    "Two quotes: Northgate Access 1,840 pounds, fitted in one day; Secura 2,310 pounds. Decided Northgate. Fit "
    "Thursday 3 July from 7am, and Tom sits there with the list.\n\n"
    "The code is suspended after 10 days, and the fee is 15 pounds from 1 April.",
    "minutes.md",
)
HANDBOOK = passage("Rev. October 2023. Day 7: the code is suspended and a fee of 10 pounds is added.", "handbook.md")
UNITS = passage(
    "Unit: A01 | Size: 150 | Status: let | Ex_vat: 12.46 | Inc_vat: 14.95\n"
    "Unit: A02 | Size: 100 | Status: let | Ex_vat: 20.00 | Inc_vat: 24.00\n"
    "Unit: A03 | Size: 150 | Status: vacant | Ex_vat: 30.00 | Inc_vat: 36.00",
    "units.csv",
)


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        ("Northgate Access will fit a new one on Thursday 3 July.", ""),
        (
            "| | Handbook (Rev. October 2023) | Now (from 1 April) |\n|---|---|---|\n"
            "| Code suspended | Day 7 | after 10 days |\n| Fee | 10 pounds | 15 pounds |",
            "",
        ),
        ("Unit A01 of size 150 is let for 14.95 inc. VAT.", ""),
        ("There is no date for van 6 in the documents.", "When is van 6 due?"),
    ],
)
def test_a_right_answer_in_a_form_of_its_own_is_not_flagged(check, answer, question):
    for sentence in check(answer, question, shown=[MEETING, HANDBOOK, UNITS]):
        assert sentence.support is not NOT, sentence


@pytest.mark.parametrize(
    "answer",
    [
        "| | Handbook (Rev. October 2023) | Now (from 1 April) |\n|---|---|---|\n| Fee | 10 pounds | 25 pounds |",
        "Unit A01 of size 150 is let for 12.46 inc. VAT and is vacant.",
        "Secura will fit a new one on Thursday 4 July.",
    ],
)
def test_a_wrong_one_in_such_a_form_is(check, answer):
    assert check(answer, shown=[MEETING, HANDBOOK, UNITS])[-1].support is NOT


def test_a_table_has_a_head_while_it_is_written(check):
    (sentence,) = check("| | Handbook (Rev. October 2023) | Now (from 1 April) |", shown=[HANDBOOK])
    assert sentence.support is NONE


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Cover for 5,000: 5,000 - 2,000 included = 3 x 1,000 → 3 x 1.20 = 3.60", [True, True]),
        ("5,000 - 2,000 = 4 x 1,000", [False]),
        ("8 x 2 → 16", [True]),
        ("12 : 4 = 3", [True]),
        ("12:4 = 5", [False]),
    ],
)
def test_sums_may_have_sums_on_both_sides(text, right):
    assert [good for _, _, good in equations(text, quantities(text, "en"))] == right


def test_of_two_versions_that_say_the_same_the_newer_one_is_cited(check):
    said = "Fitting into a lined flue | Price: {} | What it includes: register plate and first burn"
    old, new = passage(said.format(620), "prices-2025.md"), passage(said.format(665), "prices-2026.md")
    for answer, price in (("The fitting includes the register plate and the first burn.", "665"),
                          ("Fitting into a lined flue was 620.", "620")):  # fmt: skip
        (sentence,) = check(answer, "What does the fitting cost?", [old, new])
        assert price in sentence.citations[0].quote, answer
    (sentence,) = check("The fitting includes the register plate.", "What did the fitting include in 2025?", [old, new])
    assert "620" in sentence.citations[0].quote

"""True sentences of capable models on rows of tables, with their errors: what a row is named by, what is told over a
table, sums that stand behind their result, two documents in one sentence. And which of several places is cited."""

from __future__ import annotations

import pytest

from metier.answering.answer import Support
from metier.core.documents import Passage

pytestmark = pytest.mark.slow

NOT = Support.NOT


def passage(text, uri, *, headings=(), title=""):
    return Passage(uri, uri, text, 0, len(text), headings, None, title=title, uri=uri, language="en")


CREWS = passage(
    "Length of the boat | Crew in port | Crew at sea | Lifejackets\n"
    "Length of the boat: up to 8 m | Crew in port: 2 | Crew at sea: 2 | Lifejackets: small, 6 kg\n"
    "Length of the boat: 9–12 m | Crew in port: 3 | Crew at sea: 4 | Lifejackets: small, 6 kg\n"
    "Length of the boat: 13–20 m | Crew in port: 5 | Crew at sea: 7 | Lifejackets: large, 9 kg",
    "crews.md", headings=("Boats",),
)  # fmt: skip
RAFTS = passage("Before leaving count the ropes: five short ones, three long ones.", "rafts.md", headings=("Ropes",))
ACCOUNTS = passage(
    "Income › Berths (in thousands of euro) | 2025: 241.6 | 2024: 219.3\n"
    "Income › Repairs (in thousands of euro) | 2025: 88.0 | 2024: 91.5\n"
    "Charges › Wages (in millions of euro) | 2025: (1.2) | 2024: (1.1)",
    "accounts.pdf", headings=("Accounts",),
)  # fmt: skip
ROSTER = passage(
    "Day | Ada Holm | Jonas Bek\n"
    "Day: Thu 19 | Ada Holm: 09:00 Slipway 13:30 Fuel dock | Jonas Bek: Leave\n"
    "Day: Fri 20 | Ada Holm: 08:00 Fuel dock | Jonas Bek: 10:00 Crane",
    "roster-2026-11.pdf", headings=("Roster, November 2026",), title="Roster November 2026",
)  # fmt: skip
LOG = passage(
    "date | level cm | read by\n"
    "date: 2026-11-02 | level cm: 46.2 | read by: AH\n"
    "date: 2026-11-13 | level cm: 39.4 | read by: JB\n"
    "date: 2026-11-16 | level cm: 46.2 | read by: AH",
    "levels.csv", headings=("Levels",),
)  # fmt: skip
PRICES = passage(
    "Code | Work | Small boat | Large boat | Remark\n"
    "Code: R1 | Work: Painting the hull | Small boat: € 640 | Large boat: € 1,180.00 | Remark: Two days on the slip\n"
    "Code: R2 | Work: Cleaning the hull | Small boat: € 90.00 | Large boat: € 150.00 | Remark: By hand",
    "prices.xlsx", headings=("Prices 2026, all in euro, VAT included",),
)  # fmt: skip
TERMS = passage(
    "On signing, the lessee pays a deposit of two months' rent. A berth for a small boat costs € 49.00 a month.",
    "terms.docx", headings=("Deposit",),
)  # fmt: skip
OLD = passage("How much is the deposit? One month's rent.", "faq.html", headings=("Renting",), title="FAQ")
NEWS = passage(
    "Decision: from 1 November 2026 the deposit is two months' rent, and the crew of a ferry is four.", "m.md"
)


@pytest.mark.parametrize(
    ("answer", "question"),
    [
        ("A boat of 13–20 m needs a crew of 5 in port.", "How many of us for a boat of fifteen metres?"),
        ("A boat of 9–12 m needs a crew of 4 at sea.", ""),
        ("In 2024 the berths brought 219.3 thousand euro (€ 219,300).", ""),
        ("Repairs brought € 88,000 in 2025.", ""),
        ("Wages came to 1.2 million euro in 2025.", ""),
        ("Income from berths grew by 22.3 thousand euro in 2025.", "By how much did income from berths grow?"),
        ("On Thursday 19 November Ada Holm is at the fuel dock at 13:30.", "Where is Ada on the 19th of November?"),
        ("On 20 November 2026 Jonas Bek works with the crane at 10:00.", ""),
        ("Painting the hull (code R1) of a large boat costs € 1,180.00, VAT included.", ""),
        ("Jonas Bek is on leave on 19 November.", "Who is off in November?"),
        ("On 19 November (leave) Jonas Bek is off.", "Who is off in November?"),
        ("On 19 and 20 November Ada Holm is at the fuel dock.", ""),
        ("Total income rose from 310.8 to 329.6 thousand euro: berths brought 22.3 thousand euro more.", ""),
        ("The FAQ says one month's rent, but from 1 November 2026 the deposit is two months' rent.", ""),
    ],
)
def test_what_the_sources_say_is_not_flagged(check_against, answer, question):
    shown = [CREWS, RAFTS, ACCOUNTS, ROSTER, PRICES, TERMS, OLD, NEWS]
    (sentence,) = check_against(answer, shown, question)
    assert sentence.support is not NOT, sentence


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("A boat of 13–20 m needs a crew of 17 in port.", "17"),
        ("A boat of 14–20 m needs a crew of 5 in port.", "14"),
        ("In 2024 the berths brought 219.8 thousand euro.", "219.8"),
        ("In 2024 the berths brought 219.3 million euro.", "219.3 million"),
        ("Income from berths grew by 24.3 thousand euro in 2025.", "24.3"),
        ("On Wednesday 18 November Ada Holm is at the fuel dock at 13:30.", "18 November"),
        ("On Thursday 19 December Ada Holm is at the fuel dock at 13:30.", "19 December"),
        ("Painting the hull (code R1) of a large boat costs € 1,280.00, VAT included.", "1,280"),
        ("On 19 and 24 November Ada Holm is at the fuel dock.", "24 November"),
    ],
)
def test_another_number_than_theirs_is_flagged(check_against, answer, word):
    (sentence,) = check_against(answer, [CREWS, ACCOUNTS, ROSTER, PRICES])
    assert sentence.support is NOT, sentence
    assert word in sentence.reason


def test_a_result_may_stand_before_the_sum_that_leads_to_it(check_against):
    answer = "You pay **€ 98.00**.\n\nThe deposit is two months' rent: 2 × € 49.00 = € 98.00."
    first, last = check_against(answer, [OLD, TERMS])
    assert NOT not in (first.support, last.support), (first, last)
    first, *_ = check_against("You pay **€ 99.00**.\n\nIt is two months' rent: 2 × € 49.00 = € 98.00.", [OLD, TERMS])
    assert first.support is NOT
    first, *_ = check_against("You pay **€ 62.00**.\n\nIt is two months' rent: 2 × € 31.00 = € 62.00.", [OLD, TERMS])
    assert first.support is NOT


def test_a_difference_may_stand_before_the_products_that_it_is_of(check_against):
    rents = passage("A berth costs € 84 a month for 3 months, and € 65 a month for 24 months.", "rents.md")
    sums = "- 24 × € 84 = € 2,016\n- 24 × € 65 = € 1,560\n- € 2,016 − € 1,560 = € 456"
    first, *rest = check_against(f"The long contract is € 456 cheaper.\n\n{sums}", [rents])
    assert NOT not in [each.support for each in (first, *rest)], first
    first, *_ = check_against(f"The long contract is € 476 cheaper.\n\n{sums}", [rents])
    assert first.support is NOT


def test_a_table_may_compare_things_in_its_columns(check_against):
    vans = passage(
        "Offer: Renn Tempo | Range loaded: 190 km\nOffer: Morris Sprint | Range loaded: 245 km\n"
        "Offer: Fiske Transit | Range loaded: 215 km\n\nThe Renn has a range of 190 km; the Morris does 245 km.",
        "offers.md",
    )
    head = "| | Renn Tempo | Morris Sprint | Fiske Transit |\n|---|---|---|---|\n"
    *_, row = check_against(f"{head}| Range loaded | 190 km | 245 km | 215 km |", [vans], "Compare the offers.")
    assert row.support is not NOT, row
    *_, row = check_against(f"{head}| Range loaded | 190 km | 245 km | 275 km |", [vans], "Compare the offers.")
    assert row.support is NOT


def test_the_head_of_a_table_states_nothing_while_the_line_below_it_is_written(checker):
    checking = checker.over([CREWS], "", "en")
    text = "| Boat | Crew |\n|---|---|\n| 9–12 m | 3 |"
    for end in range(text.index("\n") + 2, len(text) + 1):
        span = checking.spans(text[:end])[0]
        assert checking.check(text[:end], span).support is Support.NONE, text[:end]


@pytest.mark.parametrize(
    ("answer", "question", "cited"),
    [
        ("| Date | Level |\n|---|---|\n| 2026-11-16 | 46.2 |", "What was the level?", "date: 2026-11-16"),
        ("| Date | Level |\n|---|---|\n| 2026-11-02 | 46.2 |", "What was the level?", "date: 2026-11-02"),
        ("Five.", "How many of us must be aboard a boat of fifteen metres in port?", "Length of the boat: 13–20 m"),
        ("A boat of 13–20 m needs a crew of 5 in port and 7 at sea.", "", "Length of the boat: 13–20 m"),
    ],
)
def test_the_row_that_says_it_is_cited_first(check_against, answer, question, cited):
    sentence = check_against(answer, [NEWS, RAFTS, CREWS, LOG], question)[-1]
    assert sentence.citations[0].quote.startswith(cited), sentence


def test_a_bare_no_cites_nothing_that_speaks_of_something_else(check_against):
    window = passage("The broken window of the spray booth has been replaced.", "minutes.md")
    (sentence,) = check_against("No.", [window], "Is window spray or spirit all right for getting dirty keys clean?")
    assert not sentence.citations
    door = passage("Keys are cleaned with a dry cloth; spirit may get the lacquer dirty.", "care.md")
    (sentence,) = check_against("No.", [window, door], "Is spirit all right for getting dirty keys clean?")
    assert [each.document for each in sentence.citations] == ["care.md"]

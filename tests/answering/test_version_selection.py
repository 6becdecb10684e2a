from __future__ import annotations

from metier.answering.answer import Answer, Citation, Sentence, Support, Usage
from metier.answering.version_selection import outdated, with_newer
from metier.core.documents import Passage
from metier.core.modes import Mode
from metier.retrieval.retriever import Hit


def passage(uri: str, **metadata: str) -> Passage:
    return Passage(uri, uri, "The price is 20.", 0, 16, uri=uri, title="Prices", metadata=metadata)


OLD, NEW = passage("docs/price-list-2025.csv"), passage("docs/prices/price_list_2026.xlsx")
OTHER = passage("docs/handbook-2019.pdf")


def test_the_older_of_two_versions_is_outdated_and_another_document_is_not():
    assert outdated("What does rye bread cost?", [OLD, NEW, OTHER]) == [True, False, False]
    assert outdated("What does rye bread cost?", [OLD, OTHER]) == [False, False]


def test_a_question_that_names_a_year_wants_that_year():
    assert outdated("What did rye bread cost in 2025?", [OLD, NEW]) == [False, False]


def test_dates_of_the_documents_themselves_count_where_names_have_none():
    first, second = passage("a/policy.pdf", date="2022-05-01"), passage("b/policy.pdf", date="2025-01-01")
    assert outdated("May I park here?", [first, second]) == [True, False]


def test_marks_of_a_version_are_no_part_of_the_name():
    for old, new in (("hours_2022_alt.md", "Hours_2025.docx"), ("policy-v2-2023.txt", "Policy v3 2025 final.docx")):
        assert outdated("How many days of leave?", [passage(old), passage(new)]) == [True, False]


def test_of_two_sheets_of_one_file_that_of_the_older_year_is_outdated():
    sheets = [
        Passage("p", "prices.xlsx", "Bread: 4", 0, 8, ("Prices", f"Prices {year}"), uri="prices.xlsx")
        for year in (2024, 2025)
    ]
    assert outdated("What does bread cost?", sheets) == [True, False]


def cited(*passages: Passage, found: tuple[Passage, ...]) -> list[tuple[str, str]]:
    """Day of each citation, and the newer version that is told with it."""
    citations = tuple(Citation.of(each, (0, 5)) for each in passages)
    answer = with_newer(
        Answer(
            question="?", text="It is 20.", abstained=False, confidence=1.0, mode=Mode.RAG, model="m", adapter=None,
            sentences=(Sentence(0, 9, Support.CARRIED, 1.0, citations),), timings={}, usage=Usage(),
            hits=tuple(Hit(each, 1.0, None, None) for each in found),
        )
    )  # fmt: skip
    return [(each.dated, each.newer) for each in answer.citations]


def test_a_citation_of_an_old_version_names_the_newest_that_was_found():
    assert cited(OLD, found=(OLD, NEW, OTHER)) == [("2025", NEW.uri)]
    assert cited(NEW, found=(OLD, NEW, OTHER)) == [("2026", "")]
    assert cited(OTHER, found=(OLD, NEW, OTHER)) == [("2019", "")]
    assert cited(OLD, found=(OLD,)) == [("2025", "")]


def test_a_day_that_a_program_writes_into_every_file_is_none():
    assert cited(passage("a/policy.pdf", created="2000-01-01T00:00:00"), found=()) == [("", "")]
    assert cited(passage("a/policy.pdf", created="2000-01-02T00:00:00"), found=()) == [("2000-01-02", "")]

from __future__ import annotations

from metier.answering.versions import outdated
from metier.documents import Passage


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

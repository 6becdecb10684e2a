"""What differs between two versions of one document."""

from __future__ import annotations

import pytest

from metier import Expert
from metier.answering.version_comparison import asks_what_changed

POLICY = """# Travel policy {year}

## Hotels

A night may cost up to {night} euros, breakfast included.

## Own car

Each kilometre in the own car is paid with {kilometre} euros.

Receipts are kept for ten years.
"""
DOCUMENTS = {
    "travel-policy-2023.md": POLICY.format(year=2023, night=95, kilometre=0.19),
    "travel-policy-2025.md": POLICY.format(year=2025, night=125, kilometre=0.26),
    "dog-rules.md": "# Dogs\n\nDogs stay outside.\n",
}


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    folder = tmp_path_factory.mktemp("versions")
    (folder / "docs").mkdir()
    for name, text in DOCUMENTS.items():
        (folder / "docs" / name).write_text(text, encoding="utf-8")
    with Expert.create(folder / "expert") as expert:
        expert.add(str(folder / "docs"))
        expert.sync()
        yield expert


def test_what_changed_is_told_with_what_was_said_before_and_what_stayed_is_not(company):
    answer = company.ask("What has changed in the travel policy?")
    for figure in ("125 euros", "95 euros", "0.26", "0.19"):
        assert figure in answer.text
    assert "ten years" not in answer.text
    assert {citation.document.rsplit("/", 1)[-1] for citation in answer.citations} == set(DOCUMENTS) - {"dog-rules.md"}


def test_of_a_thing_that_is_named_only_its_change_is_told(company):
    answer = company.ask("How much more is a kilometre in the own car than before?")
    assert "0.26" in answer.text
    assert "0.19" in answer.text
    assert "125" not in answer.text


@pytest.mark.parametrize(
    "question",
    [
        "What changed in the hotels of the travel policy?",
        "Hello! What has changed recently in the travel policy? Thanks!",
        "Was hat sich an der travel policy geändert?",
        "Qu'est-ce qui a changé dans la travel policy ?",
    ],
)
def test_what_changed_in_a_thing_that_is_named_is_told_of_it_and_not_of_the_collection(company, question):
    answer = company.ask(question)
    assert "125 euros" in answer.text
    assert "95 euros" in answer.text
    assert "dog-rules" not in answer.text


def test_a_document_with_one_version_is_answered_as_ever(company):
    assert "outside" in company.ask("Where do dogs stay?").text


@pytest.mark.parametrize(
    ("question", "language", "changed"),
    [
        ("What's different in the new repairs policy compared with the 2023 one?", "en", True),
        ("How often is the oil changed?", "en", False),
        ("What is the difference between a full service and an oil service?", "en", False),
        ("Was hat sich an der Gebührenordnung geändert?", "de", True),
        ("Was hat sich bei der Frist für die Rücksendung einer Ware geändert?", "de", True),
        ("Wie melde ich eine Änderung der Adresse?", "de", False),
        ("¿Cuánto más se paga ahora por kilómetro que antes?", "es", True),
        ("¿Cuándo toca el cambio de aceite?", "es", False),
        ("去上海出差住宿费，新办法比老办法每晚多了多少？", "zh", True),
        ("多久换一次油？", "zh", False),
        ("पुरानी नीति की तुलना में क्या बदला है?", "hi", True),
        ("Berapa lama masa percobaan?", "id", False),
    ],
)
def test_a_question_for_changes_is_told_by_its_words(question, language, changed):
    assert asks_what_changed(question, language) == changed

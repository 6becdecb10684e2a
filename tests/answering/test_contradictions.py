"""Sources that state different values for the same thing are found where they meet, and in the whole collection."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from metier.answering.contradictions import Statement, contradiction
from metier.core.documents import Passage
from metier.expert import Expert
from metier.text.analyzer import Analyser


def _statement(language: str, uri: str, text: str, title: str = "") -> Statement:
    return Statement(Passage(uri, uri, text, 0, len(text), uri=uri, title=title), Analyser(language), language)


@pytest.mark.parametrize(
    ("language", "first", "second", "values"),
    [
        ("en", "Invoices are to be paid within 30 days.", "Invoices must be paid within 14 days.",
         ("30 days", "14 days")),
        ("en", "The shop opens at 9:00 on Saturdays.", "On Saturdays the shop opens at 10:00.", ("9:00", "10:00")),
        ("en", "Boat: Badger | Deposit: 200 EUR", "The deposit for the Badger is 250 EUR.", ("200 EUR", "250 EUR")),
        ("en", "The deposit for the Badger is 250 EUR.", "Boat: Badger | Deposit: 200 EUR", ("250 EUR", "200 EUR")),
        ("de", "Die Kündigungsfrist beträgt drei Monate.", "Die Kündigungsfrist beträgt 6 Wochen.",
         ("drei Monate", "6 Wochen")),
        ("fr", "La garantie est de 12 mois.", "La garantie est de 24 mois.", ("12 mois", "24 mois")),
        ("ru", "Гарантия составляет 12 месяцев.", "Гарантия составляет 24 месяца.", ("12 месяцев", "24 месяца")),
        ("ar", "مدة الضمان 12 شهرا.", "مدة الضمان 24 شهرا.", ("12 شهرا", "24 شهرا")),
        ("bn", "ওয়ারেন্টির মেয়াদ ১২ মাস।", "ওয়ারেন্টির মেয়াদ ২৪ মাস।", ("১২ মাস", "২৪ মাস")),
        ("hi", "वारंटी 12 महीने की है।", "वारंटी 24 महीने की है।", ("12 महीने", "24 महीने")),
        ("zh", "保修期为12个月。", "保修期为24个月。", ("12个月", "24个月")),
        ("ja", "保証期間は12か月です。", "保証期間は24か月です。", ("12か月", "24か月")),
    ],
)  # fmt: skip
def test_two_values_of_one_thing(language: str, first: str, second: str, values: tuple[str, str]) -> None:
    assert contradiction(_statement(language, "a", first), _statement(language, "b", second)) == values


def test_what_is_denied() -> None:
    one, other = "The workshop is closed in August.", "The workshop is not closed in August."
    assert contradiction(_statement("en", "a", one), _statement("en", "b", other)) == (one, other)


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("en", "The warranty on pumps lasts 12 months.", "The warranty on valves lasts 24 months."),
        ("en", "In 2023 the company sold 120 boats.", "In 2024 the company sold 140 boats."),
        ("en", "The warranty lasts 12 months.", "The warranty lasts one year."),
        ("en", "A lesson costs 40 euro.", "A lesson costs 40.00 EUR."),
        ("en", "Boat: Badger | Deposit: 200 EUR", "Boat: Stoat | Deposit: 250 EUR"),
        ("en", "Order: 17 | Amount: 20 EUR | Date: 2024-01-02", "Order: 17 | Amount: 30 EUR | Date: 2024-02-02"),
        ("en", "Dogs are allowed on deck.", "Cats are not allowed on deck."),
        ("en", "List item 1", "List item 2"),
        ("en", "The NV-110 weighs 12 kg.", "The NV-120 weighs 14 kg."),
        ("de", "Der Eintritt kostet für Kinder 6 Euro.", "Der Eintritt kostet für Erwachsene 14 Euro."),
        ("zh", "A型保修期为12个月。", "B型保修期为24个月。"),
    ],
)
def test_two_things_contradict_nothing(language: str, first: str, second: str) -> None:
    assert contradiction(_statement(language, "a", first), _statement(language, "b", second)) is None


@pytest.mark.parametrize(
    ("titles", "is_one"),
    [(("Falcon pump", "Falcon pump data sheet"), True), (("Manual of the Falcon", "Manual of the Heron"), False)],
)
def test_what_stands_over_a_value_says_whose_it_is(titles: tuple[str, str], is_one: bool) -> None:
    one = _statement("en", "a", "Weight: 12 kg", titles[0])
    other = _statement("en", "b", "Weight: 14 kg", titles[1])
    assert (contradiction(one, other) is not None) is is_one


@pytest.fixture(scope="module")
def kennel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("kennel")
    docs = root / "docs"
    docs.mkdir()
    (docs / "terms-2023.md").write_text("# Terms\n\nCancellation is free up to 48 hours before arrival.\n")
    (docs / "leaflet-2025.md").write_text(
        "# Leaflet\n\nCancellation is free up to 24 hours before arrival.\n\nA walk lasts 40 minutes.\n"
    )
    (docs / "food.csv").write_text("Food,Price per kg\nBrisket,12 EUR\nLentils,3 EUR\n")
    with Expert.create(root / "expert") as expert:
        expert.add(str(docs))
        expert.sync()
    return root / "expert"


def test_both_are_shown_in_an_answer_the_newest_first(kennel: Path) -> None:
    with Expert.open(kennel) as expert:
        answer = expert.ask("Until when is cancellation free?")
        assert "24 hours" in answer.text
        (conflict,) = answer.conflicts
        assert conflict.values == ("24 hours", "48 hours")
        assert [each.document for each in conflict.citations] == ["docs/leaflet-2025.md", "docs/terms-2023.md"]
        assert expert.ask("How long does a walk last?").conflicts == ()


def test_the_command_lists_them(kennel: Path, call_metier) -> None:
    def run(*arguments: str) -> str:
        return call_metier("sources", *arguments, "-e", str(kennel)).stdout

    assert "24 hours ≠ 48 hours" in run("conflicts")
    (found,) = json.loads(run("conflicts", "--json"))["conflicts"]
    assert found["values"] == ["24 hours", "48 hours"]
    assert {item["uri"] for item in json.loads(run("--json"))["items"]} == {
        "docs/food.csv", "docs/leaflet-2025.md", "docs/terms-2023.md"
    }  # fmt: skip

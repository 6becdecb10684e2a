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
        ("en", "Ship: MV Teist | Cars: 76 | Year: 2011", "The number of cars on MV Teist is 64.", ("76", "64")),
        ("en", "The MV Teist takes 64 cars.", "Ship: MV Teist | Cars: 76 | Year: 2011", ("64", "76")),
        ("de", "Schiff: Teist | Autos: 76 | Baujahr: 2011", "Auf die Teist passen 64 Autos.", ("76", "64")),
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
        ("en", "Ship: MV Teist | Cars: 76 | Year: 2011",
         "The assembly station is on deck 4 forward on MV Skarv and on the car deck on MV Teist."),
        ("de", "Schiff: Teist | Autos: 76 | Baujahr: 2011", "Deck 4 der Teist liegt vorn, die Autos stehen hinten."),
        ("en", "Order: 17 | Amount: 20 EUR | Date: 2024-01-02", "Order: 17 | Amount: 30 EUR | Date: 2024-02-02"),
        ("en", "Dogs are allowed on deck.", "Cats are not allowed on deck."),
        ("en", "List item 1", "List item 2"),
        ("en", "The NV-110 weighs 12 kg.", "The NV-120 weighs 14 kg."),
        ("de", "Der Eintritt kostet für Kinder 6 Euro.", "Der Eintritt kostet für Erwachsene 14 Euro."),
        ("zh", "A型保修期为12个月。", "B型保修期为24个月。"),
    ],
)  # fmt: skip
def test_two_things_contradict_nothing(language: str, first: str, second: str) -> None:
    assert contradiction(_statement(language, "a", first), _statement(language, "b", second)) is None


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("en", "The water filter is changed after 6000 litres.",
         "The water filter of the espresso machine is changed after 4000 litres."),
        ("en", "The filter is cleaned every 3 weeks.", "The machine's filter is cleaned every 2 weeks."),
        ("de", "Der Wasserfilter wird nach 6000 Litern gewechselt.",
         "Der Wasserfilter der Siebträgermaschine wird nach 4000 Litern gewechselt."),
        ("fr", "Le filtre est remplacé après 6000 litres.", "Le filtre de la machine est remplacé après 4000 litres."),
        ("es", "El filtro se cambia cada 6000 litros.", "El filtro de la cafetera se cambia cada 4000 litros."),
        ("pt", "O filtro é trocado a cada 6000 litros.", "O filtro da máquina é trocado a cada 4000 litros."),
        ("ru", "Фильтр меняют через 6 месяцев.", "Фильтр кофемашины меняют через 4 месяца."),
        ("ar", "يستبدل المرشح بعد 6 أشهر.", "يستبدل مرشح الماكينة بعد 4 أشهر."),
        ("hi", "फ़िल्टर 6 महीने बाद बदला जाता है।", "मशीन का फ़िल्टर 4 महीने बाद बदला जाता है।"),
        ("bn", "ফিল্টার ৬ মাস পর বদলানো হয়।", "মেশিনের ফিল্টার ৪ মাস পর বদলানো হয়।"),
        ("id", "Filter diganti setelah 6 bulan.", "Filter dari mesin diganti setelah 4 bulan."),
        ("sw", "Kichujio hubadilishwa kila miezi 6.", "Kichujio cha mashine hubadilishwa kila miezi 4."),
        ("zh", "滤芯每6000升更换一次。", "咖啡机的滤芯每4000升更换一次。"),
        ("ja", "フィルターは6か月ごとに交換する。", "機械のフィルターは4か月ごとに交換する。"),
    ],
)  # fmt: skip
def test_whose_a_thing_is_may_be_left_out(language: str, first: str, second: str) -> None:
    one, other = _statement(language, "a", first), _statement(language, "b", second)
    there, back = contradiction(one, other), contradiction(other, one)
    assert there is not None
    assert back == (there.second, there.first)


@pytest.mark.parametrize(
    ("language", "first", "second"),
    [
        ("de", "Der Eintritt kostet 14 Euro.", "Der Eintritt kostet für Kinder 6 Euro."),
        ("de", "Die Kündigungsfrist beträgt drei Monate.", "Die Kündigungsfrist beträgt in der Probezeit zwei Wochen."),
        ("de", "Der Filter hält 6 Monate lang dicht.", "Der Filter der Maschine 2 hält 3 Monate lang dicht."),
        ("de", "Der Filter wird nach 6 Monaten gewechselt.", "Der Filter ohne Gehäuse wird nach 3 Monaten gewechselt."),
        ("de", "Die Lieferzeit beträgt 3 Tage.", "Die Lieferzeit der Ersatzteile beträgt 10 Tage."),
        ("en", "The delivery time is 3 days.", "The delivery time of spare parts is 10 days."),
        ("fr", "Le délai de livraison est de 3 jours.", "Le délai de livraison des pièces est de 10 jours."),
        ("zh", "保修期为12个月。", "咖啡机的保修期为24个月。"),
        ("ja", "保証期間は12か月です。", "機械の保証期間は24か月です。"),
        ("en", "The fee is paid within 30 days.", "The fee for members is paid within 14 days."),
        ("en", "The deposit is refunded within 30 days.", "The deposit of the Badger is refunded within 14 days."),
        ("en", "The price of a course rises by 30 euro.", "The price rises by 20 euro."),  # of what is not told
        ("en", "The payment is made after 6 months.", "The payment of the first year is made after 3 months."),
        ("en", "Filters are changed every 6 months.", "Old filters are changed every 3 months."),
        ("id", "Filter diganti setelah 6 bulan.", "Filter lama diganti setelah 4 bulan."),
        ("ar", "يستبدل المرشح بعد 6 أشهر.", "يستبدل المرشح القديم بعد 4 أشهر."),
        ("zh", "滤芯每6000升更换一次。", "旧的滤芯每4000升更换一次。"),
        ("zh", "滤芯每6000升更换一次。", "A3的滤芯每4000升更换一次。"),
    ],
)  # fmt: skip
def test_what_bounds_a_statement_contradicts_nothing(language: str, first: str, second: str) -> None:
    assert contradiction(_statement(language, "a", first), _statement(language, "b", second)) is None


GENERAL = "Der Wasserfilter wird nach 6000 Litern gewechselt."
SPECIFIC = "Der Wasserfilter der Siebträgermaschine wird nach 4000 Litern gewechselt."


@pytest.mark.parametrize(
    ("title", "document", "beside", "is_one"),
    [
        ("Wartung", "c", "Der Wasserfilter ist in der Küche.", True),
        ("Wartung", "c", "Der Wasserfilter der Spülmaschine wird nach 3000 Litern gewechselt.", False),
        ("Wartung", "b", "Der Wasserfilter wird nach 6000 Litern gewechselt.", False),  # the same document tells both
        ("Handbuch Filtermaschine", "c", "Der Wasserfilter ist in der Küche.", False),
        ("Handbuch Siebträgermaschine", "c", "Der Wasserfilter der Spülmaschine ist nach 3 Tagen gewechselt.", True),
    ],
)  # fmt: skip
def test_things_that_the_documents_tell_apart(title: str, document: str, beside: str, is_one: bool) -> None:
    general, specific = _statement("de", "a", GENERAL, title), _statement("de", "b", SPECIFIC)
    found = contradiction(general, specific, [general, specific, _statement("de", document, beside)])
    assert (found is not None) is is_one


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
    (docs / "cleaning.md").write_text("# Cleaning\n\nThe water filter is changed after 6000 litres.\n")
    (docs / "notice.md").write_text("# Notice\n\nThe water filter of the fountain is changed after 4000 litres.\n")
    (docs / "memo.md").write_text("# Memo\n\nThe water filter must be changed after 5000 litres.\n")
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


def test_of_three_values_all_are_shown(kennel: Path) -> None:
    with Expert.open(kennel) as expert:
        answer = expert.ask("After how many litres is the water filter changed?")
        told = {value for conflict in answer.conflicts for value in conflict.values}
        assert told == {"4000 litres", "5000 litres", "6000 litres"}


def test_the_command_lists_them(kennel: Path, call_metier) -> None:
    def run(*arguments: str) -> str:
        return call_metier("sources", *arguments, "-e", str(kennel)).stdout

    assert "24 hours ≠ 48 hours" in run("conflicts")
    found = json.loads(run("conflicts", "--json"))["conflicts"]
    assert [each["values"] for each in found if "24 hours" in each["values"]] == [["24 hours", "48 hours"]]
    assert len(found) == 4  # and each two of three
    assert {item["uri"] for item in json.loads(run("--json"))["items"]} == {
        "docs/cleaning.md", "docs/food.csv", "docs/leaflet-2025.md", "docs/memo.md", "docs/notice.md",
        "docs/terms-2023.md",
    }  # fmt: skip

"""What two documents say of one thing is told of both, where the question names the column of neither."""

import pytest

STOCK = "Coffee,Stock kg,Purchase price EUR\nSidamo,240,7.4\nSumatra,130,7.9\nHuila,95,6.8\n"
PRICES = "Item no,Item,Grams,Price EUR\nK-1,Sidamo,250,9.80\nK-2,Sidamo,1000,34.50\nK-3,Sumatra,250,10.90\n"
ORDERS = "Order,Item,Price EUR\n1,Sumatra,10.90\n2,Sumatra,10.90\n3,Sumatra,10.90\n4,Sumatra,10.90\n"
LAGER = "Rohkaffee;Bestand (kg);Einkaufspreis (EUR)\nSumatra;130;7,9\nHuila;95;6,8\n"
PREISE = "Artikelnummer;Artikel;Preis (EUR)\nK-1;Sumatra;10,90\nK-2;Huila;9,20\n"


@pytest.fixture
def ask(tables):
    return tables({"stock.csv": STOCK, "prices.csv": PRICES, "orders.csv": ORDERS})


def _values(answer) -> list[str]:
    return [line.cells[-1].text.split()[0] for line in answer.lines]


@pytest.mark.parametrize(
    ("question", "values"),
    [
        ("How much is the Sumatra?", ["7.9", "10.9"]),
        ("What does the Sidamo cost?", ["7.4", "9.8", "34.5"]),
        ("What does the Huila cost?", ["6.8"]),
        ("What is the purchase price of the Sumatra?", ["7.9"]),
    ],
)
def test_two_prices_of_one_thing_are_both_told(ask, question, values):
    answer = ask(question)
    assert sorted(map(float, _values(answer))) == sorted(map(float, values))
    assert all(line.rows for line in answer.lines)
    assert answer.sql.count("SELECT") == (2 if len(values) > 1 else 1)


def test_also_in_german_with_a_number_that_is_one_word_with_its_noun(tables):
    ask = tables({"lager.csv": LAGER, "preise.csv": PREISE}, "de")
    assert _values(ask("Was kostet der Sumatra?")) == ["7,9", "10,9"]
    assert _values(ask("Welchen Einkaufspreis hat der Sumatra?")) == ["7,9"]

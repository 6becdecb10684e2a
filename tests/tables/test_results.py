"""How a line of an answer writes the values of a row."""

import pytest

STOCK = """Coffee,Stock (kg),Length,Supplier
Santos,610,12 cm,Nordkontor
Huila,95,9 cm,Cafetera
"""
LAGER = "Kaffee;Bestand (kg);Preis (EUR);Lieferant\nSantos;610;31,50;Nordkontor\nHuila;95;9,00;Cafetera\n"


@pytest.mark.parametrize(
    ("language", "table", "question", "line"),
    [
        (
            "en",
            STOCK,
            "What is the stock and the supplier of Santos?",
            "Santos | Stock (kg): 610 | Supplier: Nordkontor",
        ),
        ("en", STOCK, "What is the length and the supplier of Huila?", "Huila | Length: 9 cm | Supplier: Cafetera"),
        ("en", STOCK, "What is the total stock?", "705 kg"),
        (
            "de",
            LAGER,
            "Welchen Preis und Lieferanten hat Santos?",
            "Santos | Preis (EUR): 31,5 | Lieferant: Nordkontor",
        ),
    ],
)
def test_a_unit_is_told_once(language, table, question, line, tables):
    answer = tables({"list.csv": table}, language)(question)
    assert [each.text for each in answer.lines] == [line]

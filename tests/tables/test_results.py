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


JOBS = """Date,Customer,Village,Sweep,Job,Charged EUR,Certificate
2026-10-01,Renouf,Aldercombe,Ross,Sweep stove,78,yes
2026-10-02,Hallam,Aldercombe,Tom,Sweep stove,78,yes
2026-10-05,Picot,Saint-Ouen,Lucie,Nest removal,145,no
2026-10-06,Bramble Cottage,Aldercombe,Ross,Sweep stove,78,no
2026-10-07,Vibert,Saint-Ouen,Lucie,Pellet service,189,yes
2026-10-19,Le Feuvre,Saint-Ouen,Lucie,Sweep stove,172,yes
"""
AUFTRAEGE = (
    "Datum;Kunde;Ort;Besuch;Quittung\n2026-10-01;Renz;Aldorf;Kehren;ja\n2026-10-02;Hall;Aldorf;Kehren;nein\n"
    "2026-10-05;Pick;Ohmen;Wartung;nein\n2026-10-07;Vogt;Ohmen;Kehren;ja\n"
)


@pytest.mark.parametrize(
    ("language", "name", "table", "question", "lines"),
    [
        # rows that are called as a column of them, and kinds of them
        ("en", "jobs october 2026.csv", JOBS, "How many jobs did Lucie do?", ["3"]),
        ("en", "jobs october 2026.csv", JOBS, "How many jobs are in Aldercombe?", ["3"]),
        ("en", "jobs october 2026.csv", JOBS, "How many different jobs did Lucie do?", ["3"]),
        ("en", "jobs october 2026.csv", JOBS, "How many different jobs did Ross do?", ["1"]),
        ("en", "jobs october 2026.csv", JOBS, "How many villages are there?", ["2"]),
        ("de", "Besuche Oktober.csv", AUFTRAEGE, "Wie viele Besuche gab es in Aldorf?", ["2"]),
        # what says no
        ("en", "jobs october 2026.csv", JOBS, "How many customers got no certificate?", ["2"]),
        ("en", "jobs october 2026.csv", JOBS, "Which customers got no certificate?", ["Picot", "Bramble Cottage"]),
        ("de", "Auftraege Oktober.csv", AUFTRAEGE, "Welche Kunden haben keine Quittung?", ["Hall", "Pick"]),
        # days that a list does not hold, and one that it does
        ("en", "jobs october 2026.csv", JOBS, "How many jobs did we do in October 2026?", ["6"]),
        ("en", "jobs october 2026.csv", JOBS, "How many jobs did we do on 8 October 2026?", ["0"]),
        ("en", "jobs october 2026.csv", JOBS, "How many jobs did we do in November 2026?", None),
        ("en", "jobs october 2026.csv", JOBS, "How many jobs did we do before September 2026?", None),
    ],
)  # fmt: skip
def test_what_is_counted(language, name, table, question, lines, tables):
    answer = tables({name: table}, language)(question)
    assert (answer and [each.text for each in answer.lines]) == lines

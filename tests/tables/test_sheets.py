"""Questions on tables of sheets and reports: columns with units, totals, groups, periods."""

import pytest

STOCK = """Article;Make;Built;Price;Weight;Counted on
Grand 180;Bechner;1998;€ 12.400,00;320 kg;03.11.2026
Upright S;Bechner;2019;€ 4.950,00;215 kg;03.11.2026
Studio;Kranz;2004;€ 2.300,50;0,19 t;17.10.2026
Baby grand;Ohlsen;1961;€ 7.800,00;260 kg;02.09.2026
Total;;;€ 27.450,50;;
"""
REPORT = """,2025,2024,2023
Revenue,"1,452.4","1,146.2","1,036.9"
Cost of sales,(812.0),(640.5),(590.1)
Gross profit,640.4,505.7,446.8
Employees,41,38,35
"""


@pytest.mark.parametrize(
    ("question", "lines"),
    [
        ("How many articles cost more than 5000 euro?", ["2"]),
        ("What is the total price of all articles?", ["€27\u202f450,50"]),  # without the row of the total itself
        ("What is the average weight?", ["246,25 kg"]),  # tonnes among kilograms
        ("Which article is the heaviest?", ["Grand 180 | Weight: 320 kg"]),
        ("How many articles were built before 2000?", ["2"]),
        ("Which articles were counted in November 2026?", ["Grand 180", "Upright S"]),
        ("What is the price of the Baby grand?", ["Baby grand | Price: €7800"]),
        ("How many articles are made by Bechner?", ["2"]),
    ],
)
def test_a_list_with_units_days_and_a_total(question, lines, tables):
    said = tables({"stock.csv": STOCK}, "en")(question)
    assert said is not None
    assert sorted(line.text.replace(",", ",") for line in said.lines) == sorted(
        line.replace("\u202f", ",").replace("27,450,5", "27,450.5").replace("246,25", "246.25") for line in lines
    )


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("By how much did revenue grow from 2024 to 2025?", "Revenue: 306.2 (2024: 1146.2; 2025: 1452.4)"),
        ("By what percentage did revenue rise from 2023 to 2024?", "Revenue: 10.541% (2023: 1036.9; 2024: 1146.2)"),
        ("What was the gross profit on average over 2023 to 2025?", "Gross profit: 530.9667"),
        ("What was the revenue of 2023, 2024 and 2025 together?", "Revenue: 3635.5"),
        ("In which year was the gross profit lowest?", "2023: Gross profit 446.8"),
        ("In how many years was revenue above 1,100?", "Revenue: 2"),
        ("How much higher was the cost of sales in 2025 than in 2024?", "Cost of sales: -171.5"),
    ],
)
def test_a_row_over_several_years(question, value, tables):
    said = tables({"report.csv": REPORT})(question)
    assert said is not None
    assert said.lines[0].text.startswith(value)


def test_what_no_row_tells_is_not_computed(tables):
    ask = tables({"report.csv": REPORT})
    assert ask("By how much did the dividend grow from 2024 to 2025?") is None
    assert ask("By how much did revenue grow from 2021 to 2022?") is None


@pytest.mark.parametrize(
    ("language", "header", "states", "question"),
    [
        ("en", "Invoice;Amount;Status", ("delivered", "open", "sent"), "How many invoices are delivered?"),
        ("de", "Rechnung;Betrag;Status", ("bezahlt", "offen", "verschickt"), "Wie viele Rechnungen sind bezahlt?"),
        ("fr", "Facture;Montant;Statut", ("livrée", "ouverte", "envoyée"), "Combien de factures sont livrées ?"),
        ("es", "Pedido;Importe;Estado", ("entregado", "abierto", "enviado"), "¿Cuántos pedidos están entregados?"),
    ],
)
def test_a_word_that_mostly_says_little_counts_where_it_tells_rows_apart(language, header, states, question, tables):
    first, second, third = states
    rows = f"{header}\nR1;100;{first}\nR2;200;{second}\nR3;300;{first}\nR4;50;{third}\n"
    said = tables({"list.csv": rows}, language)(question)
    assert said is not None
    assert [line.text for line in said.lines] == ["2"]

"""Which questions one row of a table cannot answer, however well it fits."""

import pytest

from metier.tables.many_rows import is_of_many

ROW = "Falco | Type: road | Price: € 2,400 | Gears: 22 | Sold in 2025: 41"


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("What is the average price of a road bike?", "en"),
        ("By how much did the price rise from 2024 to 2025?", "en"),
        ("Which bike is the cheapest?", "en"),
        ("Which bike has the highest price?", "en"),
        ("How many suppliers do we have?", "en"),
        ("How often did Ann rent a bicycle?", "en"),
        ("How many bikes cost more than 2000 euro?", "en"),
        ("Was kostet ein Rennrad im Durchschnitt?", "de"),
        ("Quel est le vélo le plus cher ?", "fr"),
    ],
)
def test_many_rows_are_asked_for(question, language):
    assert is_of_many(question, ROW, language)


@pytest.mark.parametrize(
    ("question", "row"),
    [
        ("What does the Falco cost?", ROW),
        ("How many gears has the Falco?", ROW),
        ("How many Falco were sold in 2025?", ROW),
        ("What is the highest pressure?", "Pump P-3 | Highest pressure: 6 bar"),
        ("What was the average price in 2025?", "Average price | 2025: 1,980"),
        ("By what percentage did sales grow?", "Sales | 2025: 41 | 2024: 38 | Growth: 7.9%"),
        ("How often must the descaling be done?", "Machine: F-1 | Task: descaling | Interval: every 40 hours"),
        ("How often are the slings checked?", "Slings | Checked by: Pau | Interval: 12 months"),
        ("Who is the newest driver?", "Drivers | Jon Reed | since 2024"),
        ("When does the next course begin?", "Course | Begins: 3 May"),
    ],
)
def test_one_row_may_say_it(question, row):
    assert not is_of_many(question, row, "en")

"""Questions on a database with foreign keys: exact, or not answered."""

import pytest

from .conftest import read

RIGHT = {
    "How many bikes do we have?": ["7"],
    "How many suppliers are from Italy?": ["2"],
    "How many road bikes are there?": ["3"],
    "How many bikes does Velomax make?": ["3"],
    "How many bikes cost more than 2000?": ["3"],
    "How many different types of bikes are there?": ["4"],
    "What is the average price of a road bike?": ["2380"],
    "What is the total of the invoices in 2024?": ["435.5"],
    "How much did Rui Costa spend?": ["200.5"],
    "Which bike is the most expensive?": ["Elg | Price: 3100"],
    "Which is the cheapest bike?": ["Rev | Price: 850"],
    "Which bike is the lightest?": ["Lince | WeightKg: 7.6"],
    "Which supplier has the most bikes?": ["Velomax: 3"],
    "Who are the two best customers by total?": ["Ana Melo: 310", "Rui Costa: 200.5"],
    "Which mechanic was hired first?": ["Ines Duarte | HireDate: 2011-03-01"],
    "What is the email of Eva Pinto?": ["Eva Pinto | Email: eva@mail.pt"],
    "What is Eva Pinto's e-mail address?": ["Eva Pinto | Email: eva@mail.pt"],
    "Who is the mechanic of Ana Melo?": ["Tiago Reis"],
    "Which customers live in Porto?": ["Rui Costa", "Eva Pinto"],
    "Who reports to Ines Duarte?": ["Tiago Reis", "Marta Lopes"],
    "How many customers per city?": ["Porto: 2", "Braga: 1", "Faro: 1"],
    "Which suppliers have more than two bikes?": ["Velomax: 3"],
    "Which customers spent more than 150?": ["Ana Melo: 310", "Rui Costa: 200.5"],
    "What was our turnover per year?": ["2024: 435.5", "2025: 155", "2023: 120.5"],
    "How many more bikes does Velomax have than Nordrad?": ["1 (Velomax: 3; Nordrad: 2)"],
    "Which bikes weigh between 9 and 13 kg?": ["Corvo", "Elg"],
    "How many invoices were there in 2022?": ["0"],
}


@pytest.mark.parametrize(("question", "lines"), RIGHT.items())
def test_it_is_answered_exactly(question, lines, ask_shop):
    answer = ask_shop(question)
    assert answer is not None
    said = [line.text for line in answer.lines]
    assert sorted(said) == sorted(lines)


@pytest.mark.parametrize(
    "question",
    [
        "What is the salary of Ines Duarte?",  # an attribute that no table has
        "How many helmets do we sell?",  # a thing that no table has
        "What is the email of Paulo Braga?",  # a person whom nobody knows
        "How many gears does the Elg have?",
        "How often is the chain oiled?",
    ],
)
def test_what_the_tables_do_not_hold_is_left_to_others(question, ask_shop):
    assert ask_shop(question) is None


def test_an_answer_says_how_it_was_asked_and_of_which_rows(ask_shop):
    answer = ask_shop("How many bikes does Velomax make?")
    assert answer.sql == (
        'SELECT COUNT(*) FROM "Bike" WHERE "Bike"."SupplierId" IN '
        '(SELECT "Supplier"."SupplierId" FROM "Supplier" WHERE "Supplier"."Name" = \'Velomax\')'
    )
    assert answer.filters == ("Name: Velomax",)
    assert (answer.table.name, answer.total, len(answer.lines[0].rows)) == ("Bike", 3, 3)


def test_each_group_cites_its_own_rows(ask_shop):
    answer = ask_shop("Which customers spent more than 150?")
    assert [(line.text, len(line.rows)) for line in answer.lines] == [("Ana Melo: 310", 1), ("Rui Costa: 200.5", 2)]
    yearly = ask_shop("What was our turnover per year?")
    assert {line.text: len(line.rows) for line in yearly.lines} == {"2024: 435.5": 3, "2025: 155": 2, "2023: 120.5": 1}


def test_a_database_is_called_by_its_file(shop):
    assert read("shop.sqlite", shop.read_bytes()).title == "shop"


def test_all_rows_are_told_of_a_sum_of_many(tables):
    rows = "\n".join(f"part {number},{number}" for number in range(1, 301))
    answer = tables({"parts.csv": f"Part,Weight\n{rows}\n"})("What is the average weight?")
    assert (answer.lines[0].text, answer.total) == ("150.5", 300)

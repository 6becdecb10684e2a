"""One column bounded by another, and money that a word of its own asks for."""

import sqlite3

import pytest

STOCK = {
    "en": (
        "Part,Stock,Minimum stock,Ordered,Delivered\nBolt,40,50,2026-01-05,2026-01-09\n"
        "Nut,90,20,2026-02-01,2026-01-20\nWasher,10,30,2026-01-01,2026-02-01\n",
        {
            "Which parts have a stock below their minimum stock?": ["Bolt", "Washer"],
            "Which parts have a stock above the minimum stock?": ["Nut"],
            "How many parts are below their minimum stock?": ["2"],
            "Which parts were delivered before they were ordered?": ["Nut"],
            "Which parts have a stock below 50?": ["Bolt", "Washer"],
        },
    ),
    "de": (
        "Teil,Bestand (kg),Mindestbestand (kg)\nBolzen,40,50\nMutter,90,20\nScheibe,10,30\n",
        {
            "Welche Teile haben einen Bestand unter dem Mindestbestand?": ["Bolzen", "Scheibe"],
            "Bei welchen Teilen ist der Bestand größer als der Mindestbestand?": ["Mutter"],
        },
    ),
    "fr": (
        "Pièce,Stock,Seuil\nBoulon,40,50\nÉcrou,90,20\n",
        {"Quelles pièces ont un stock inférieur au seuil ?": ["Boulon"]},
    ),
    "ru": (
        "Деталь,Остаток,Минимум\nБолт,40,50\nГайка,90,20\n",
        {"У каких деталей остаток меньше минимума?": ["Болт"]},
    ),
    "zh": ("零件,库存,最低库存\n螺栓,40,50\n螺母,90,20\n", {"库存低于最低库存的零件有哪些?": ["螺栓"]}),
}


@pytest.mark.parametrize("language", STOCK)
def test_a_column_bounds_another(tables, language):
    sheet, asked = STOCK[language]
    ask = tables({"parts.csv": sheet}, language)
    for question, names in asked.items():
        answer = ask(question)
        assert answer is not None, question
        assert [line.text.partition(" | ")[0] for line in answer.lines] == names, question
    compared = ask(next(iter(asked)))
    assert len(compared.lines[0].text.split(" | ")) == 3, "both values are told"


TAKINGS = {
    "Which city brings in the most money?": "Porto: 341",  # four invoices of two customers
    "Which city has the highest turnover?": "Porto: 341",
    "Which customer brought in the least income?": "Gil Nunes: 60",
    "Which mechanic has the highest total sales?": "Tiago Reis: 570.5",  # of the invoices of his customers
    "How much revenue have Tiago Reis's customers brought in?": "570.5",
    "Which invoice has the highest total?": "3 | Total: 310",
}


@pytest.mark.parametrize("question", TAKINGS)
def test_money_is_summed_up_by_what_it_is_asked_of(ask_shop, question):
    answer = ask_shop(question)
    assert answer is not None
    assert [line.text for line in answer.lines] == [TAKINGS[question]]


def test_money_is_no_other_count_and_a_day_is_no_highest(ask_shop):
    for question in ("How many revenues does Velomax have?", "Which mechanic has the highest hire date?"):
        answer = ask_shop(question)
        assert answer is None or "count" not in answer.aggregate, question
    answer = ask_shop("Which mechanic has the latest hire date?")
    assert [line.text for line in answer.lines] == ["Marta Lopes | HireDate: 2019-01-07"]


def test_a_small_word_is_hardly_one_of_very_many_names(tables):
    names = "\n".join(f"Song {n},{n}" for n in range(120))
    ask = tables({"songs.csv": f"Song,Seconds\n{names}\nMoney,382\n", "sales.csv": "Shop,Sales\nNorth,5\nSouth,9\n"})
    assert ask("How long is Money in seconds?").lines[0].text.startswith("Money | Seconds: 382")
    answer = ask("Which shop takes in the most money?")
    assert answer is None or "South" in answer.lines[0].text


ORDERS = """
CREATE TABLE Guest (GuestId INTEGER PRIMARY KEY, Name TEXT);
CREATE TABLE Dish (DishId INTEGER PRIMARY KEY, Name TEXT, Kind TEXT, Price REAL);
CREATE TABLE Bill (BillId INTEGER PRIMARY KEY, GuestId INTEGER REFERENCES Guest(GuestId), Day TEXT);
CREATE TABLE BillLine (LineId INTEGER PRIMARY KEY, BillId INTEGER REFERENCES Bill(BillId),
                       DishId INTEGER REFERENCES Dish(DishId), Quantity INTEGER, UnitPrice REAL);
INSERT INTO Guest VALUES (1, 'Ada Moor'), (2, 'Bo Lind');
INSERT INTO Dish VALUES (1, 'Soup', 'starter', 6), (2, 'Trout', 'main', 19), (3, 'Salad', 'starter', 8);
INSERT INTO Bill VALUES (1, 1, '2025-03-01'), (2, 2, '2025-03-02'), (3, 1, '2025-04-05');
INSERT INTO BillLine VALUES (1, 1, 1, 2, 6), (2, 1, 2, 1, 19), (3, 2, 2, 3, 18), (4, 3, 3, 1, 8), (5, 3, 1, 4, 5.5);
"""
SOLD = {
    "Which guest spent the most money?": "Ada Moor: 61",  # 12 + 19 + 8 + 22, and Bo 54
    "How much revenue did the trout bring in?": "73",
    "Which kind of dish brought in the most turnover?": "main: 73",
    "What was the turnover in April 2025?": "30",
}


@pytest.mark.parametrize("question", SOLD)
def test_what_was_sold_is_each_price_as_often_as_it_was_bought(tables, tmp_path, question):
    with sqlite3.connect(tmp_path / "inn.sqlite") as connection:
        connection.executescript(ORDERS)
    connection.close()
    answer = tables({"inn.sqlite": (tmp_path / "inn.sqlite").read_bytes()})(question)
    assert answer is not None
    assert [line.text for line in answer.lines] == [SOLD[question]]
    assert '"UnitPrice" * "BillLine"."Quantity"' in answer.sql

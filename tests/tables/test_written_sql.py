"""Queries that a capable model writes: answered from the tables by rule where nothing speaks against them, corrected
once, refused where words, numbers or values are not accounted for."""

import sqlite3

import pytest

from metier.generation.base import Completion
from metier.tables.asking import TableAsker
from metier.tables.runner import QueryRunner
from metier.tables.sql_prompt import read_reply
from metier.tables.sql_writer import SqlWriter
from metier.tables.table_store import TableStore
from metier.text.analyzer import Analyser

from .conftest import SHOP, read


class ScriptedWriter:
    """In the place of a language model: says one text after the other, and keeps what it was asked."""

    name = fingerprint = "scripted"
    context_tokens, parameters = 32_768, None

    def __init__(self) -> None:
        self.says: list[str] = []
        self.asked: list[str] = []

    def count_tokens(self, messages) -> int:
        return 100

    def complete(self, messages, **_options) -> Completion:
        self.asked.append(messages[-1].content)
        return Completion(self.says[min(len(self.asked), len(self.says)) - 1], 1, 1, 0, 0.0, 0.0, "stop")

    def close(self) -> None:
        pass


class AskerWithoutRules(TableAsker):
    """Leaves every question to the model, so that what rules learn to read changes no test here."""

    def _by_rule(self, question, groups):
        return None


REPORT = """Item,2022,2023
Net sales,120,150
Cost,80,95
Total,40,55
"""
JOBS = """Date,Customer,Job,Built on
2026-10-01,Renouf,Sweep,1961-03-02
2026-10-15,Picot,Sweep,1988-07-20
2026-10-30,Amory,Repair,1990-01-31
"""
PARTS = "Part,Stock,Weight kg\n" + "\n".join(f"part {n},{n % 7},{n}" for n in range(1, 61))


@pytest.fixture(scope="module")
def asked_shop(tmp_path_factory):
    """Asks the shop's database and two sheets with the given replies of a model: the answer, and what it was told."""
    folder = tmp_path_factory.mktemp("written")
    with sqlite3.connect(folder / "shop.sqlite") as connection:
        connection.executescript(SHOP)
    connection.close()
    store = TableStore(folder / "tables.sqlite", Analyser("en"))
    files = {"shop.sqlite": (folder / "shop.sqlite").read_bytes(), "report.csv": REPORT.encode()}
    files["jobs.csv"] = JOBS.encode()
    store.put([read(name, content) for name, content in {**files, "parts.csv": PARTS.encode()}.items()])
    runner = QueryRunner(store.path, seconds=2)

    def asked(question, *says, kind=AskerWithoutRules, visible=lambda documents: documents, capable=True):
        model = ScriptedWriter()
        model.says = list(says)
        asker = kind(store, runner, Analyser("en"))
        return asker.ask(question, "en", visible, SqlWriter(model, capable=capable)), model.asked

    yield asked
    runner.close()


PER_HEAD = """town: "Customer"."City"
buys: "Invoice"."Total"
head: -
SELECT "City", SUM("Total") / COUNT(DISTINCT "Customer"."CustomerId") FROM "Customer" JOIN "Invoice" \
USING ("CustomerId") GROUP BY "City" ORDER BY 2 DESC LIMIT 1"""
RIGHT = {
    ("Which town buys the most per head?", PER_HEAD): ["Braga: 310"],
    (
        "Which bikes are not from Italy?",
        'SELECT "Name" FROM "Bike" WHERE "SupplierId" NOT IN '
        """(SELECT "SupplierId" FROM "Supplier" WHERE "Country" = 'Italy')""",
    ): ["Elg", "Rev"],
    (
        "How many customers have never bought anything in 2024?",
        """bought: "Invoice"
anything: -
SELECT COUNT(*) FROM "Customer" WHERE "CustomerId" NOT IN
(SELECT "CustomerId" FROM "Invoice" WHERE "InvoiceDate" LIKE '2024-%')""",
    ): ["1"],
    (
        "In which year was the cost of sales lowest?",
        """sales: 'Cost'
SELECT '2022' AS "which", "2022" AS "value" FROM "report" WHERE "Item" = 'Cost' UNION ALL \
SELECT '2023', "2023" FROM "report" WHERE "Item" = 'Cost' ORDER BY "value" LIMIT 1""",
    ): ["2022: 80"],
    (
        "How many parts have the least stock of all parts?",
        'SELECT COUNT(*) FROM "parts" WHERE "Stock" = (SELECT MIN("Stock") FROM "parts")',
    ): ["8"],
    (
        "Which two bikes have the highest price of all bikes?",  # a number in words
        'SELECT "Name", "Price" FROM "Bike" ORDER BY "Price" DESC LIMIT 2',
    ): ["Elg | Price: 3100", "Lince | Price: 2750"],
}


@pytest.mark.parametrize(("question", "written"), RIGHT)
def test_what_no_rule_reads_is_asked_by_the_model_and_told_by_rule(question, written, asked_shop):
    answer, asked = asked_shop(question, written)
    assert answer is not None
    assert [line.text for line in answer.lines] == RIGHT[question, written]
    assert len(asked) == 1
    assert all(line.rows for line in answer.lines)


def test_rows_that_are_as_good_as_the_last_are_told_too_and_each_line_cites_its_own(asked_shop):
    answer, _ = asked_shop(
        "Which towns have the fewest customers of all towns?",
        'towns: "Customer"."City"\nSELECT "City", COUNT(*) FROM "Customer" GROUP BY "City" ORDER BY COUNT(*) LIMIT 1',
    )
    assert sorted(line.text for line in answer.lines) == ["Braga: 1", "Faro: 1"]
    assert [len(line.rows) for line in answer.lines] == [1, 1]
    assert (answer.total, answer.aggregate) == (4, "count")


def test_a_value_that_is_not_there_comes_back_once_with_those_that_are(asked_shop):
    query = 'SELECT COUNT(*) FROM "Bike" JOIN "Supplier" USING ("SupplierId") WHERE "Country" = \'{}\''
    answer, asked = asked_shop(
        "How many vehicles of makers from Italia are on sale?",
        query.format("Italia"),
        'vehicles: "Bike"\nmakers: "Supplier"\nItalia: \'Italy\'\nsale: -\n' + query.format("Italy"),
    )
    assert [line.text for line in answer.lines] == ["5"]
    assert answer.filters == ("Country: Italy",)
    assert 'No "Supplier"."Country" is \'Italia\'' in asked[1]
    answer, asked = asked_shop("How many vehicles of makers from Italia are on sale?", query.format("Italia"))
    assert (answer, len(asked)) == (None, 2)


WRONG = {
    # an attribute that no table has, told by another column
    "What is the highest salary of a mechanic?": 'SELECT MAX("BikeId") FROM "Bike"',
    "How many helmets cost more than 100?": 'SELECT COUNT(*) FROM "Bike" WHERE "Price" > 100',
    # a number of the question that is missing, and one that nobody said
    "How many bikes of the 3 cheapest makers weigh over 9?": 'SELECT COUNT(*) FROM "Bike" WHERE "WeightKg" > 12',
    # a text that nobody named
    "How many bikes cost over 1000 per maker?": (
        'SELECT COUNT(*) FROM "Bike" WHERE "Price" > 1000 AND "Type" = \'road\''
    ),
    # what is denied
    "Which bikes are not from Norway?": (
        'SELECT "Bike"."Name" FROM "Bike" JOIN "Supplier" USING ("SupplierId") WHERE "Country" = \'Norway\''
    ),
    # words of the model's own, and nothing of the tables
    "Which bikes are neither road nor city bikes?": (
        'SELECT \'Call 555-1234\', "Name" FROM "Bike" WHERE NOT "Type" = \'road\''
    ),
    "How many bikes are not road bikes?": 'SELECT 42 FROM "Bike" WHERE NOT "Type" = \'road\'',
    # tables with nothing that joins them
    "How many customers do not live in Porto?": (
        'SELECT COUNT(*) FROM "Customer", "Invoice" WHERE NOT "City" = \'Porto\''
    ),
    # texts are no numbers
    "Which customers do not have the largest id?": (
        'SELECT SUM("CustomerId") FROM "Customer" WHERE NOT "CustomerId" = 0'
    ),
    "Which bikes are not the best?": "nobody knows",
}


@pytest.mark.parametrize(("question", "written"), WRONG.items())
def test_a_query_that_nothing_shows_to_be_what_was_asked_gives_no_answer(question, written, asked_shop):
    answer, asked = asked_shop(question, written)
    assert answer is None
    assert len(asked) == 2, asked  # it was corrected once


def test_no_is_no_answer_and_is_asked_once(asked_shop):
    answer, asked = asked_shop("How many wheels do the dearest bikes not have?", "wheels: NO\nNO")
    assert (answer, len(asked)) == (None, 1)


def test_the_prompt_tells_of_columns_values_and_keys_on_lines_of_its_own(asked_shop):
    _, (prompt,) = asked_shop("Which town buys the most per head in Porto?", "NO")
    assert '"MechanicId" text, refers to "Mechanic"."MechanicId"' in prompt
    assert '"Customer"."City": \'Porto\'' in prompt
    assert "Words to explain: town, buys, head" in prompt
    assert prompt.endswith("Question: Which town buys the most per head in Porto?")


def test_rules_answer_where_the_model_writes_nothing_that_is_certain_but_not_where_it_says_no(asked_shop):
    answer, asked = asked_shop("How many bikes does Velomax make?", "who knows", kind=TableAsker)
    assert ([line.text for line in answer.lines], len(asked)) == (["3"], 2)
    answer, asked = asked_shop("How many bikes does Velomax make?", "NO", kind=TableAsker)
    assert (answer, len(asked)) == (None, 1)


def test_what_is_no_question_of_tables_asks_no_model(asked_shop):
    answer, asked = asked_shop("Why is the chain of a bike oiled?", 'SELECT COUNT(*) FROM "Bike"')
    assert (answer, asked) == (None, [])


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("SELECT 1;", "SELECT 1"),
        ("```sql\nSELECT a\nFROM b\n```", "SELECT a FROM b"),
        (
            '<think>SELECT nothing</think>\nword: "T"\nSQL: WITH x AS (SELECT 1) SELECT 2',
            "WITH x AS (SELECT 1) SELECT 2",
        ),
        ("word: NO\nNO.", ""),
        ("**NO**", ""),
    ],
)
def test_replies_are_read_as_models_write_them(text, sql):
    assert read_reply(text).sql == sql


@pytest.mark.parametrize("text", ["", "I cannot help with that.", "Nothing to select from here"])
def test_what_is_no_reply_is_none(text):
    assert read_reply(text) is None


ONLY_FORM = {
    # a question: what a model writes that explains every word, and whether it is taken though it is not capable
    "How many customers live in Porto?": (
        'customers: "Customer"\nSELECT COUNT(*) FROM "Customer" WHERE "City" = \'Porto\'', True
    ),
    "Which bike has the highest price?": (
        'SELECT "Name", "Price" FROM "Bike" ORDER BY "Price" DESC LIMIT 1', True
    ),
    "How many helmets do customers praise?": (
        'helmets: "Bike"\npraise: "Bike"."Name"\nSELECT COUNT(*) FROM "Bike"', False
    ),
    "How many mechanics work in Porto?": ('SELECT COUNT(*) FROM "Customer" WHERE "City" = \'Porto\'', False),
    "Which customers live in Porto?": ('SELECT COUNT(*) FROM "Customer" WHERE "City" = \'Porto\'', False),
    "What is the city of Ana Melo?": (
        'SELECT "Email" FROM "Customer" WHERE "FirstName" = \'Ana\' AND "LastName" = \'Melo\'', False
    ),
    "What is the total of the invoices?": ('SELECT "Total" FROM "Invoice"', False),
}  # fmt: skip


@pytest.mark.parametrize("question", ONLY_FORM)
def test_a_model_that_knows_only_the_form_is_believed_no_explanation(question, asked_shop):
    written, is_taken = ONLY_FORM[question]
    answer, asked = asked_shop(question, written, capable=False)
    assert (answer is not None) == is_taken
    assert len(asked) == (1 if is_taken else 2)


@pytest.mark.parametrize(
    "days",
    [
        "LIKE '2026-11-%'", "BETWEEN '2026-11-01' AND '2026-11-30'", ">= '2026-11-01'", "< '2026-09-15'",
        "> '2026-12-31' AND \"Date\" < '2028-01-01'",
    ],
)  # fmt: skip
def test_of_days_that_a_list_does_not_hold_nothing_is_counted(asked_shop, days):
    query = f'jobs: "jobs"\nSELECT COUNT(*) FROM "jobs" WHERE "Date" {days}'
    answer, told = asked_shop("How many jobs did we do in November?", query, "NO")
    assert answer is None
    assert '"Date" holds days from 2026-10-01 to 2026-10-30 only' in told[1]


@pytest.mark.parametrize(
    ("said", "days", "count"),
    [
        ("since 2026-10-10", ">= '2026-10-10'", "2"), ("before 2026-10-31", "< '2026-10-31'", "3"),
        ("from 2026-10-10 to 2027-01-01", "BETWEEN '2026-10-10' AND '2027-01-01'", "2"),
        ("in October 2026", "LIKE '2026-10-%'", "3"), ("in 2026", "LIKE '2026%'", "3"),
        ("in 2026", "LIKE '2026-%'", "3"), ("since 2026-10-10", ">= date('2026-10-10')", "2"),
        ("since 2020-01-01", ">= '2020-01-01'", "3"), ("before 2030-01-01", "< '2030-01-01'", "3"),
    ],
)  # fmt: skip
def test_days_of_which_a_list_holds_a_part_are_counted(asked_shop, said, days, count):
    query = f'jobs: "jobs"\nSELECT COUNT(*) FROM "jobs" WHERE "Date" {days}'
    answer, told = asked_shop(f"How many jobs did we do {said}?", query)
    assert answer is not None, told
    assert answer.lines[0].text == count


def test_a_day_may_stand_before_the_column(asked_shop):
    query = 'jobs: "jobs"\nSELECT COUNT(*) FROM "jobs" WHERE date(\'2026-10-10\') <= "Date"'
    answer, told = asked_shop("How many jobs did we do since 2026-10-10?", query)
    assert answer is not None, told
    assert answer.lines[0].text == "2"


def test_days_are_held_against_the_column_that_they_are_compared_with(asked_shop):
    query = 'jobs: "jobs"\nSELECT MAX("Date") FROM "jobs" WHERE "Built on" < \'1985-01-01\''
    answer, told = asked_shop("When was the last of the jobs that were built before 1985-01-01?", query)
    assert answer is not None, told
    assert "2026-10-01" in answer.lines[0].text

"""Rows for an adapter that writes queries: made of the tables alone, in every language, and right by every check."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from metier.core.errors import InputError
from metier.synthesis.sql_pairs import KINDS
from metier.synthesis.sql_rows import SqlRowMaker, SqlTrainingData
from metier.tables.asking import TableAsker
from metier.tables.runner import QueryRunner
from metier.tables.table_store import TableStore
from metier.text.analyzer import Analyser
from metier.text.language import Language, codes

from .conftest import SHOP, read

Made = Callable[..., SqlTrainingData]
STAFF = b"Name,Room,Pay\nAda,12,3100\nBo,14,2800\nCid,12,2650\nDee,14,2900\n"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Rows of a bicycle shop's database and a sheet of its staff."""
    runners: list[QueryRunner] = []
    with sqlite3.connect(tmp_path / "shop.sqlite") as connection:
        connection.executescript(SHOP)
    connection.close()
    shop = (tmp_path / "shop.sqlite").read_bytes()

    def make(count: int, language: str = "en", *, hidden: str = "", empty: bool = False) -> SqlTrainingData:
        store = TableStore(tmp_path / f"tables-{language}.sqlite", Analyser(language))
        documents = [] if empty else [read("shop.sqlite", shop), read("staff.csv", STAFF)]
        store.put(documents)
        runners.append(QueryRunner(store.path))
        asker = TableAsker(store, runners[-1], Analyser(language))
        unseen = {document.id for document in documents if document.uri == hidden}
        return SqlRowMaker(asker, language, lambda ids: set(ids) - unseen, date(2026, 11, 30)).make(count, 0)

    yield make
    for runner in runners:
        runner.close()


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlTrainingData]:
    """Of the shop alone."""
    folder = tmp_path_factory.mktemp("english")
    with sqlite3.connect(folder / "shop.sqlite") as connection:
        connection.executescript(SHOP)
    connection.close()
    store = TableStore(folder / "tables.sqlite", Analyser("en"))
    store.put([read("shop.sqlite", (folder / "shop.sqlite").read_bytes())])
    runner = QueryRunner(store.path)
    asker = TableAsker(store, runner, Analyser("en"))
    yield SqlRowMaker(asker, "en", lambda ids: ids, date(2026, 11, 30)).make(150, 0)
    runner.close()


def _asked(rows: SqlTrainingData) -> dict[str, str]:
    """The last line of each reply by its question."""
    return {row.question.rsplit("Question: ", 1)[1]: row.completion.splitlines()[-1] for row in rows.rows}


@pytest.mark.parametrize("code", codes())
def test_every_language_asks_the_tables(made: Made, code: str) -> None:
    asked = _asked(made(30, code))
    assert len(asked) == 30
    assert len({sql.partition(" FROM ")[0] for sql in asked.values()}) > 8


def test_questions_have_their_queries(english: SqlTrainingData) -> None:
    asked = _asked(english)
    extreme = r"What is the (?:highest|largest|lowest|smallest) (price|total) (?:of|among) the (\w+?)s\?"
    shapes = {
        r"How many (\w+?)s (?:are there|do we have)\?": 'SELECT COUNT(*) FROM "{0}"',
        r"Which (\w+) has the highest (price|total)\?": 'ORDER BY "{0}"."{1}" DESC LIMIT 1',
        r"Which (\w+) has the latest hire date\?": 'FROM "{0}" ORDER BY "{0}"."HireDate" DESC LIMIT 1',
        r"How many (\w+?)s are there per (\w+)\?": 'FROM "{0}" JOIN "{1}" ON "{0}"."{1}Id" = "{1}"."{1}Id" GROUP BY',
        extreme: '("{1}"."{0}") FROM "{1}"',
    }
    names = {"bike", "mechanic", "customer", "invoice", "supplier", "price", "total"}
    for shape, sql in shapes.items():
        found = [(match, asked[each]) for each in asked if (match := re.fullmatch(shape, each))]
        plain = [(match, query) for match, query in found if names.issuperset(match.groups())]
        assert plain, shape
        for match, query in plain:
            assert sql.format(*map(str.capitalize, match.groups())) in query


def test_a_measure_that_no_table_has_is_not_held(english: SqlTrainingData) -> None:
    asked = [question for question, sql in _asked(english).items() if sql == "NO"]
    assert asked
    for question in asked:
        assert not {"price", "weight", "cost", "total", "sum"} & set(question.split()), question


def test_the_same_seed_makes_the_same_rows_and_no_wording_is_on_both_sides(made: Made) -> None:
    first, second = made(60), made(60)
    assert [row.id for row in first.rows] == [row.id for row in second.rows]
    assert first.cases == second.cases
    assert len(first.cases) >= 6
    templates = Language.of("en").query_templates
    apart = {wording.partition("{")[0] for kind in KINDS for wording in templates[kind][2:]}
    trained = {wording.partition("{")[0] for kind in KINDS for wording in templates[kind][:2]}
    for question in _asked(first):
        assert not question.startswith(tuple(filter(None, apart - trained)))


def test_tables_that_are_not_for_the_reader_are_not_learned(made: Made) -> None:
    rows = made(30, hidden="shop.sqlite")
    assert list(rows.tables) == ["staff"]
    assert not any("Bike" in row.question or "Velomax" in row.question for row in rows.rows)


def test_without_tables_or_wordings_it_is_said_what_is_missing(made: Made) -> None:
    with pytest.raises(InputError, match="no tables"):
        made(10, empty=True)
    with pytest.raises(InputError, match="no wordings of questions in Dutch"):
        made(10, "nl")

"""The process that runs queries: whatever is asked of it, it reads the tables it may and nothing else, and it ends."""

import hashlib
import sqlite3
import time

import pytest

from metier.tables.runner import QueryError, QueryRunner
from metier.tables.table_store import TableStore
from metier.text.analyzer import Analyser

from .conftest import read

HOSTILE = (
    'DELETE FROM "Bike"',
    'UPDATE "Bike" SET "Price" = 0',
    'INSERT INTO "Bike" ("Name") VALUES (\'x\')',
    'DROP TABLE "Bike"',
    "CREATE TABLE x (a)",
    "CREATE TEMP TABLE x AS SELECT 1",
    'ALTER TABLE "Bike" ADD COLUMN x',
    "VACUUM",
    "VACUUM INTO '{folder}/stolen.sqlite'",
    "ATTACH '/etc/passwd' AS p",
    "DETACH main",
    "PRAGMA query_only = 0",
    "PRAGMA writable_schema = 1",
    "BEGIN IMMEDIATE",
    "SELECT load_extension('{folder}/x.so')",
    "SELECT readfile('/etc/passwd')",
    "SELECT writefile('{folder}/stolen.sqlite', 'y')",
    "SELECT randomblob(1000000000)",
    "SELECT zeroblob(1000000000)",
    "SELECT printf('%.*c', 900000000, 'x')",
    "SELECT * FROM sqlite_schema",
    "SELECT * FROM pragma_table_info('Bike')",
    "SELECT * FROM _documents",
    'SELECT * FROM "Invoice"',  # a table that this asker may not read
    'SELECT (SELECT max("Total") FROM "Invoice") FROM "Bike"',
    'SELECT "Name" FROM "Bike" UNION SELECT "Email" FROM "Customer"',
    'WITH c AS (SELECT * FROM "Customer") SELECT * FROM c',
    "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
    'SELECT 1; DELETE FROM "Bike"',
    "EXPLAIN SELECT 1",
    "",
)


@pytest.fixture
def runner(ask_shop, tmp_path):
    """Over the tables of the shop; a query may take a second."""
    made = QueryRunner(tmp_path / "tables.sqlite", seconds=1)
    yield made
    made.close()


@pytest.mark.parametrize("sql", HOSTILE)
def test_it_does_nothing_but_read_what_it_may(sql, runner, tmp_path):
    before = hashlib.sha256((tmp_path / "tables.sqlite").read_bytes()).hexdigest()
    try:
        result = runner.run(sql.replace("{folder}", str(tmp_path)), ["Bike"])
    except QueryError:
        result = None
    assert result is None or not result.rows
    assert hashlib.sha256((tmp_path / "tables.sqlite").read_bytes()).hexdigest() == before
    assert not (tmp_path / "stolen.sqlite").exists()
    assert runner.run('SELECT COUNT(*) FROM "Bike"', ["Bike"]).rows == ((7,),)


def test_what_takes_too_long_or_gives_too_much_is_cut(runner):
    many = ", ".join(f'"Bike" b{n}' for n in range(12))
    began = time.monotonic()
    with pytest.raises(QueryError, match="longer than 1 s"):
        runner.run(f"SELECT count(*) FROM {many}", ["Bike"])
    assert time.monotonic() - began < 20
    wide = runner.run('SELECT a.* FROM "Bike" a, "Bike" b, "Bike" c, "Bike" d, "Bike" e, "Bike" f', ["Bike"])
    assert wide.cut
    assert len(wide.rows) <= 10_000


def test_names_and_values_of_a_document_are_never_run(tables):
    rows = ('"x""; DROP TABLE y; --",Price', '"\'); DELETE FROM z; --",12', "plain,30", "other,7")
    ask = tables({"odd.csv": "\n".join(rows)})
    answer = ask("What is the highest price?")
    assert answer is not None
    assert "30" in answer.lines[0].text


def test_a_file_of_another_version_is_made_anew(tmp_path, shop):
    store = TableStore(tmp_path / "tables.sqlite", Analyser("en"))
    document = read("shop.sqlite", shop.read_bytes())
    store.put([document])
    with sqlite3.connect(store.path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    assert store.of_document(document.id) == []
    assert store.hashes() == {}
    store.follow({document.id: document.content_hash}, lambda _: document)
    assert len(store.of_document(document.id)) == 5

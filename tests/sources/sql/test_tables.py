"""Tables of a database as a source: their rows as passages, asked exactly, and kept in line with what changes."""

import re

import pytest

from metier.core.errors import SettingsError
from metier.store.base import Filter

from .conftest import ORDERS, STOCK

pytestmark = pytest.mark.slow
TOTAL = sum(row[4] for row in ORDERS)


def texts(expert, uri):
    """Of its passages; how many noughts an amount ends with is the database's affair."""
    found = expert.runtime.store.passages(expert.runtime.store.uris()[uri])
    return [re.sub(r"(\.\d*?)0+(?= |$)", r"\1", passage.text) for passage in found]


def blocks_of(expert, table):
    return sorted(uri for uri in expert.runtime.store.uris() if uri.partition("#")[2].partition("/")[0] == table)


def number(answer):
    return answer.text.replace(",", "")


def test_rows_are_found_cited_and_counted(shop, reads):
    expert = reads(shop, tables=("customer", "orders", "stock"))
    report = expert.sync()
    assert not report.failed
    assert report.passages == 3 + 60 + 24  # each row one
    orders = blocks_of(expert, "orders")
    assert len(orders) > 2
    assert "reader" not in "".join(expert.runtime.store.uris())
    first = texts(expert, orders[0])[0]
    assert first.startswith("id: 1 | customer_id: 2 (Nordrad) | placed_on: 2025-02-14 | weight_kg: 0.25 | total: 10.5")
    counted = expert.ask("How many orders are there?")
    assert (counted.text, counted.tables.sql) == ("60", 'SELECT COUNT(*) FROM "orders"')
    assert number(expert.ask("What is the total of all orders?")) == f"{TOTAL:.15g}"
    assert expert.ask("How many orders does Velomax have?").text == "20"
    assert expert.ask("Which customer has the highest total?").text.startswith("Acme Ltd: ")
    after = expert.ask("How many orders were placed after 2025-10-01?")
    assert after.text == str(sum(row[2] > "2025-10-01" for row in ORDERS))
    assert {c.document for c in counted.citations} <= set(orders)
    citation = counted.citations[0]
    assert (citation.row, citation.quote.split(" | ")[0]) == ("1", "id: 1")
    hit = expert.search("the city of Acme Ltd")[0].passage
    assert (hit.text, hit.row) == ("id: 1 | name: Acme Ltd | city: Berlin", "1")
    with expert.original(expert.runtime.store.document(citation.document_id)) as path:
        assert b"Nordrad" in path.read_bytes()


def test_a_change_is_read_in_its_block_alone(shop, reads):
    expert = reads(shop, tables=("orders",))
    expert.sync()
    before = len(blocks_of(expert, "orders"))
    again = expert.sync()
    assert (again.unchanged, again.added, again.changed, again.passages) == (before, 0, 0, 0)
    shop.run("UPDATE orders SET total = 1000.5 WHERE id = 30")
    report = expert.sync()
    assert (report.changed, report.added, report.deleted, report.unchanged) == (1, 0, 0, before - 1)
    assert number(expert.ask("What is the total of all orders?")) == f"{TOTAL + 700:.15g}"
    shop.run("INSERT INTO orders (id, customer_id, total) VALUES (1000, 1, 2)")
    shop.run("INSERT INTO orders (id, customer_id, total) VALUES (-5, 1, 4)")
    report = expert.sync()
    assert report.unchanged >= before - 3
    assert expert.ask("How many orders are there?").text == "62"
    shop.run("DELETE FROM orders WHERE id = 31 OR id = 32")
    report = expert.sync()
    assert report.unchanged >= before - 3
    assert expert.ask("How many orders are there?").text == "60"
    assert "id: 31 |" not in "\n".join(text for uri in blocks_of(expert, "orders") for text in texts(expert, uri))
    with_names = expert.search("orders of Acme Ltd")
    assert with_names
    shop.run("UPDATE customer SET name = 'Acme Holding' WHERE id = 1")
    assert expert.sync().changed  # what rows show of the ones that they point to
    assert "(Acme Holding)" in "\n".join(texts(expert, blocks_of(expert, "orders")[-1]))


def test_where_a_column_says_when_rows_changed_only_that_is_read(shop, reads):
    expert = reads(shop, tables=("orders",), updated_at="changed_at")
    expert.sync()
    before = len(blocks_of(expert, "orders"))
    shop.run("UPDATE orders SET total = 1000.5 WHERE id = 30")  # and nobody says so
    assert expert.sync().unchanged == before
    shop.run("UPDATE orders SET total = 2000.5, changed_at = '2025-07-01 09:00:00' WHERE id = 30")
    assert expert.sync().changed == 1
    assert "total: 2000.5" in "\n".join(text for uri in blocks_of(expert, "orders") for text in texts(expert, uri))
    shop.run("DELETE FROM orders WHERE id = 50")
    report = expert.sync()
    assert report.changed + report.deleted >= 1
    assert expert.ask("How many orders are there?").text == "59"


def test_keys_of_several_columns(shop, reads):
    expert = reads(shop, tables=("stock",))
    expert.sync()
    found = blocks_of(expert, "stock")
    assert len(found) > 1
    rows = [text for uri in found for text in texts(expert, uri)]
    assert sorted(rows) == sorted(f"warehouse: {h} | part: {p} | quantity: {q}" for h, p, q in STOCK)
    document = expert.runtime.store.document(expert.runtime.store.uris()[found[-1]])
    assert document.tables[0].rows[0].key.split(", ")[0] in ("East", "West")
    with expert.original(document):
        pass
    total = expert.ask("What is the total quantity in the warehouse West?")
    assert total.text == str(sum(q for h, _, q in STOCK if h == "West"))


def test_what_is_empty_or_gone_at_once_stays(shop, reads):
    expert = reads(shop, tables=("orders", "stock"))
    expert.sync()
    before = len(blocks_of(expert, "stock"))
    shop.run("DELETE FROM stock")
    report = expert.sync()
    assert (report.deleted, report.kept) == (0, before)
    assert report.unreachable
    assert report.unreachable[0].endswith("#stock")
    assert "--allow-empty" in report.failed[0].reason
    shop.run("DROP TABLE stock")
    report = expert.sync()
    assert report.deleted == 0
    assert any("is not there" in failure.reason for failure in report.failed)
    assert expert.sync(allow_empty=True).deleted == before
    assert not blocks_of(expert, "stock")
    assert expert.ask("How many orders are there?").text == "60"


def test_other_columns_make_the_table_anew(shop, reads):
    expert = reads(shop, tables=("orders",))
    expert.sync()
    before = len(blocks_of(expert, "orders"))
    shop.run("ALTER TABLE orders ADD COLUMN carrier VARCHAR(20) DEFAULT 'Swift'")
    report = expert.sync()
    assert (report.changed, report.unchanged) == (before, 0)
    found = expert.ask("How many orders have the carrier Swift?")
    assert (found.text, 'FROM "orders"' in found.tables.sql) == ("60", True)


def test_who_may_not_read_a_table_is_told_nothing_of_it(shop, reads):
    expert = reads(shop, tables=("orders",), groups=("sales",))
    reads(shop, tables=("customer",))
    expert.sync()
    question = "How many orders are there?"
    assert expert.ask(question, where=Filter(groups=("sales",))).text == "60"
    other = expert.ask(question, where=Filter(groups=("support",)))
    assert other.tables is None
    assert "60" not in other.text
    assert not any(c.document.partition("#")[2].startswith("orders") for c in other.citations)
    mine = expert.ask("How many customers are there?", where=Filter(groups=("support",)))
    assert mine.text == "3"
    spent = expert.ask("Which customer has the highest total?", where=Filter(groups=("support",)))
    assert spent.tables is None


def test_all_tables_are_read_and_what_has_no_key_is_told(shop, reads):
    expert = reads(shop)
    shop.run("INSERT INTO log VALUES ('started', 1, 1)")
    report = expert.sync()
    (failure,) = report.failed
    assert failure.item.endswith("#log")
    assert "no primary key" in failure.reason
    assert "--key entry_no" in failure.reason
    assert {uri.partition("#")[2].partition("/")[0] for uri in expert.runtime.store.uris()} == {
        "customer", "orders", "stock",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("('a', 1, 1), ('b', NULL, 1)", "has rows without a value in entry_no"),
        ("('a', 7, 1), ('b', 7, 1)", "has several rows whose entry_no is 7"),
    ],
)
def test_keys_that_tell_nothing_apart_are_told(shop, reads, rows, said):
    expert = reads(shop, tables=("log",), key=("entry_no",))
    shop.run(f"INSERT INTO log VALUES {rows}")
    (failure,) = expert.sync().failed
    assert said in failure.reason


def test_a_query_is_a_table_with_its_own_name(shop, reads):
    query = "SELECT o.id, name AS customer, total FROM orders o JOIN customer c ON c.id = customer_id WHERE total > 300"
    expert = reads(shop, query=query, key=("id",), label="open orders")
    assert not expert.sync().failed
    count = sum(row[4] > 300 for row in ORDERS)
    assert expert.ask("How many open orders are there?").text == str(count)
    uri = next(iter(expert.runtime.store.uris()))
    assert "#?open%20orders" in uri
    assert texts(expert, blocks_of(expert, "?open%20orders")[0])[0] == "id: 30 | customer: Acme Ltd | total: 300.5"
    shop.run("UPDATE orders SET total = 1 WHERE id = 60")
    expert.sync()
    assert expert.ask("How many open orders are there?").text == str(count - 1)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id FROM orders; DROP TABLE stock",
        "WITH gone AS (DELETE FROM stock RETURNING part) SELECT part AS id FROM gone",
        "SELECT 1 AS id) AS x; DELETE FROM stock; SELECT * FROM (SELECT 2 AS id",
    ],
)
def test_a_query_that_writes_is_refused(shop, reads, query):
    expert = reads(shop, query=query, key=("id",))
    report = expert.sync()
    assert report.failed
    assert shop.run("SELECT count(*) FROM stock") == [(24,)]
    assert shop.run("SELECT count(*) FROM orders") == [(60,)]


def test_settings_that_make_no_sense_are_told(sqlite_shop, reads):
    for options in (
        {"query": "SELECT 1"},
        {"label": "x"},
        {"query": "SELECT 1 AS id", "key": ("id",), "tables": ("a",)},
        {"query": "DELETE FROM orders", "key": ("id",)},
    ):
        with pytest.raises(SettingsError):
            reads(sqlite_shop, **options)

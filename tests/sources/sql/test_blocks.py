"""Where the blocks of a table end, and what is made of its values."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metier.core.database_rows import block_uri, start_of, table_of, table_uri
from metier.sources.sql.blocks import LARGEST, SMALLEST, key_text, spans
from metier.sources.sql.cells import as_text, declared, shown_name


def cut(keys):
    return list(spans([((key,), "row") for key in keys], "shape"))


def test_rows_that_come_and_go_change_the_blocks_beside_them_alone():
    keys = list(range(0, 200_000, 10))
    before = cut(keys)
    rows = len(keys) / len(before)
    assert SMALLEST < rows < LARGEST
    for changed in (sorted([*keys, 77_777]), [key for key in keys if key != 77_770], [-1, *keys], [*keys, 999_999]):
        after = cut(changed)
        kept = {span.digest for span in before} & {span.digest for span in after}
        assert len(before) - len(kept) <= 3
    assert cut(keys) == before


def test_a_block_ends_where_it_did_when_it_is_read_alone():
    before = cut(range(5000))
    for span in before[1:]:
        rows = (((key,), "row") for key in range(span.start[0], 5000))
        assert next(spans(rows, "shape", span.start)) == span


@given(st.lists(st.text(max_size=8), min_size=1, max_size=3), st.text(min_size=1, max_size=12), st.booleans())
def test_the_address_of_a_block_says_of_what_table_it_is_and_where_it_begins(key, name, is_query):
    table = table_uri("postgresql://db.local/shop", name, is_query=is_query)
    uri = block_uri(table, key)
    assert table_of(uri) == ("postgresql://db.local/shop", table)
    assert table_of(table) == table_of(uri)
    if any(key):
        assert start_of(uri, table) == key


@pytest.mark.parametrize(
    "uri", ["shop.db#orders", "docs/orders/1", "https://db.local/shop#orders", "postgresql:/shop#a"]
)
def test_no_file_passes_for_a_block_of_a_table(uri):
    assert table_of(uri) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), (True, "yes"), (0.1 + 0.2, "0.3"), (Decimal("1E+3"), "1000"), (Decimal("120.50"), "120.50"),
        (date(2025, 2, 1), "2025-02-01"), (datetime(2025, 2, 1, 9, 30, tzinfo=UTC), "2025-02-01 09:30:00+00:00"),
        (b"\x00\x01", ""), (["a", "b"], "a, b"), ({"size": [1, 2]}, '{"size": [1, 2]}'), ({"b", "a"}, "a, b"),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"), (2**70, str(2**70)),
    ],
)  # fmt: skip
def test_values_are_written_as_people_read_them(value, text):
    assert as_text(value) == text


def test_nothing_of_a_key_is_rounded():
    moment = datetime(2025, 2, 1, 9, 30, 0, 17, tzinfo=UTC)
    assert key_text((0.1 + 0.2, moment, 7)) == ("0.30000000000000004", "2025-02-01 09:30:00.000017+00:00", "7")


@pytest.mark.parametrize(
    ("name", "comment", "unit", "shown"),
    [
        ("p_r", "rated power in kW", "kW", "rated power"),
        ("power", "rated power [kW]", "kW", "rated power"),
        ("weight_kg", "", "kg", "weight_kg"),
        ("price", "what the customer pays, without VAT, in EUR", "EUR", "price"),
        ("checked_in", "", "", "checked_in"),
        ("amount", "counted by hand; see manual 7", "", "amount"),
    ],
)
def test_a_columns_comment_tells_its_unit_and_its_name(name, comment, unit, shown):
    column = declared(name, "number", comment)
    assert column.unit == unit
    assert shown_name(name, comment, column.unit) == shown

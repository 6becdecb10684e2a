"""Values of all types as rows show them, and what the database says of its columns."""

import pytest

from metier import sources
from metier.core.source_settings import SourceSettings
from metier.parsing.core.readers import ParsingLimits, read_document
from metier.sources.base import Item

pytestmark = pytest.mark.slow
POSTGRES = """
CREATE SCHEMA plant;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE plant.turbine (code text PRIMARY KEY, p_r numeric(6, 1), tags text[], info jsonb, seen timestamptz,
    photo bytea, state mood, works boolean, big bigint, built date, note text);
COMMENT ON TABLE plant.turbine IS 'Turbines that we look after';
COMMENT ON COLUMN plant.turbine.p_r IS 'rated power in kW';
INSERT INTO plant.turbine VALUES ('WT/07 ä,b', 4200, '{a,b}', '{"x": [1, 2]}', '2025-03-01 10:00+02', '\\x0102', 'good',
    true, 9007199254740993, '2025-01-02', repeat('long ', 2000)), ('wt-08', NULL, NULL, NULL, NULL, NULL, NULL, false,
    NULL, NULL, NULL);
CREATE TABLE plant.visit (at timestamptz PRIMARY KEY, turbine text REFERENCES plant.turbine, done text);
INSERT INTO plant.visit SELECT timestamptz '2025-01-01 10:00+00' + n * interval '1 microsecond', 'wt-08', 'oil 100%: ok'
    FROM generate_series(1, 60) n;
DROP TABLE log;
CREATE VIEW recent AS SELECT * FROM plant.visit
"""
MARIADB = """
CREATE TABLE turbine (code VARCHAR(40) PRIMARY KEY, p_r DECIMAL(6, 1) COMMENT 'rated power in kW', info JSON,
    seen DATETIME, photo BLOB, state ENUM('good', 'bad'), extras SET('b', 'a'), works BOOLEAN,
    big BIGINT UNSIGNED, built DATE) COMMENT 'Turbines that we look after';
INSERT INTO turbine VALUES ('WT/07 ä,b', 4200, '{"x": 1}', '2025-03-01 10:00:00', 'x', 'good', 'a,b', TRUE,
    18446744073709551615, '2025-01-02')
"""


def read(address, **options):
    """Text of each block by its place, as a source that comes later reads it, too."""
    made, found = SourceSettings(url=address, **options), {}
    listed = list(sources.create(made, None).discover())
    for item in listed:
        assert isinstance(item, Item), item
        later = sources.create(made, None)
        with later.fetch(later.find(item.uri)) as path:
            found[item.uri.partition("#")[2]] = read_document(
                path.read_bytes(), name="rows", uri=item.uri, groups=(), limits=ParsingLimits()
            )
    return found


def test_postgresql(postgres, postgres_shop, small_blocks):
    for statement in POSTGRES.split(";\n"):
        postgres_shop.run(statement)
    owner = postgres_shop.address.replace("reader@", "postgres@")
    found = read(owner, tables=("plant.turbine", "plant.visit"))
    turbines = found["plant.turbine"]
    about, power, row, other = (
        turbines.text.split("\n\n")[0],
        turbines.tables[0].declared[1],
        *turbines.text.split("\n")[2:],
    )
    assert about == "plant.turbine: Turbines that we look after"
    assert (power.kind, power.unit) == ("number", "kW")
    assert row.startswith(
        'code: WT/07 ä,b | rated power: 4200.0 kW | tags: a, b | info: {"x": [1, 2]} | '
        "seen: 2025-03-01 08:00:00+00:00 | state: good | works: yes | big: 9007199254740993 | built: 2025-01-02 | "
        "note: long long"
    )
    assert row.endswith("…")
    assert len(row) < 4500
    assert other == "code: wt-08 | works: no"
    assert read(postgres_shop.address, auth_env="SHOP_PASSWORD", tables=("orders",))["orders"].language == "en"
    assert turbines.warnings == (
        "left out columns of bytes: photo", "texts of more than 4,000 characters were cut",
    )  # fmt: skip
    visits = {place: document for place, document in found.items() if place.startswith("plant.visit")}
    assert len(visits) > 2  # of keys that differ in microseconds
    assert sum(len(document.tables[0].rows) for document in visits.values()) == 60
    assert visits["plant.visit"].tables[0].references == (("turbine", "plant.turbine", "code"),)
    assert "done: oil 100%: ok" in visits["plant.visit"].text
    assert "recent" not in "".join(read(owner))
    assert len(read(owner, tables=("recent",), key=("at",))) == len(visits)
    query = "SELECT code, '10:20'::text AS \"t:x\" FROM plant.turbine WHERE code LIKE 'W%' -- all; of it\n ;"
    asked = read(owner, query=query, key=("code",), label="WT: 5% ä")
    assert [document.text for document in asked.values()] == ["code: WT/07 ä,b | t:x: 10:20"]


def test_mariadb(mariadb, mariadb_shop):
    for statement in MARIADB.split(";\n"):
        mariadb_shop.run(statement)
    document = read(mariadb_shop.address, auth_env="SHOP_PASSWORD", tables=("turbine",))["turbine"]
    about, row = document.text.split("\n\n")
    assert about == "turbine: Turbines that we look after"
    assert row == (
        'code: WT/07 ä,b | rated power: 4200.0 kW | info: {"x": 1} | seen: 2025-03-01 10:00:00 | state: good | '
        "extras: b,a | works: 1 | big: 18446744073709551615 | built: 2025-01-02"
    )
    assert document.warnings == ("left out columns of bytes: photo",)

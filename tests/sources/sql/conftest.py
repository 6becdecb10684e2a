"""Real servers, and a shop that is in each of them."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from postgres_server import free_port, run_postgres, wait_for_port

from metier import Expert
from metier.sources.sql import blocks

PASSWORD = "s3cret:p@ss/word"  # what has to be written otherwise in an address
TABLES = """
CREATE TABLE customer (id INTEGER PRIMARY KEY, name VARCHAR(60), city VARCHAR(60));
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer (id), placed_on DATE,
    weight_kg NUMERIC(8, 2), total NUMERIC(10, 2), paid VARCHAR(5), changed_at TIMESTAMP NULL,
    FOREIGN KEY (customer_id) REFERENCES customer (id));
CREATE TABLE stock (warehouse VARCHAR(20) NOT NULL, part VARCHAR(20) NOT NULL, quantity INTEGER,
    PRIMARY KEY (warehouse, part));
CREATE TABLE log (line VARCHAR(80), entry_no INTEGER, seen INTEGER)
"""
CUSTOMERS = [(1, "Acme Ltd", "Berlin"), (2, "Nordrad", "Oslo"), (3, "Velomax", "Milan")]
ORDERS = [
    (n, 1 + n % 3, f"2025-{1 + n % 12:02}-14", n / 4, 10 * n + 0.5, "yes" if n % 2 else "no", "2025-06-01 08:00:00")
    for n in range(1, 61)
]
STOCK = [(house, f"P-{n:02}", 3 * n) for house in ("East", "West") for n in range(1, 13)]


@dataclass(frozen=True)
class Shop:
    """`address`: without a password; `run`: statements, each with its parameters, as an account that may write."""

    family: str
    address: str
    auth_env: str | None
    run: Callable[..., list[Any]]


@pytest.fixture(scope="session")
def mariadb() -> Iterator[int]:
    """Port of a real MariaDB, whose owner is "owner"; skipped where it is not installed."""
    programs = [
        shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") for name in ("mariadb-install-db", "mariadbd")
    ]
    if None in programs:
        pytest.skip("MariaDB is not installed (Debian: mariadb-server-core)")
    folder = Path(mkdtemp(prefix="maria-", dir="/tmp"))
    account = ["--user=root"] if os.geteuid() == 0 else []
    subprocess.run(
        [programs[0], "--no-defaults", f"--datadir={folder}", "--auth-root-authentication-method=normal", *account],
        check=True, capture_output=True,
    )  # fmt: skip
    made = folder / "accounts.sql"
    made.write_text(
        "CREATE USER owner@'127.0.0.1';\nGRANT ALL ON *.* TO owner@'127.0.0.1';\n"
        f"CREATE USER reader@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\nGRANT SELECT ON *.* TO reader@'127.0.0.1';\n"
    )
    port = free_port()
    command = [
        programs[1], "--no-defaults", f"--datadir={folder}", f"--port={port}", "--bind-address=127.0.0.1",
        f"--socket={folder}/s", f"--init-file={made}", "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve",
        *account,
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def run_mariadb(port: int, database: str | None) -> Callable[..., list[Any]]:
    import pymysql

    def run(statement: str, *parameters: object) -> list[Any]:
        connection = pymysql.connect(host="127.0.0.1", port=port, user="owner", database=database, autocommit=True)
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return list(cursor.fetchall())

    return run


def run_sqlite(path: Path) -> Callable[..., list[Any]]:
    def run(statement: str, *parameters: object) -> list[Any]:
        with contextlib.closing(sqlite3.connect(path)) as connection, connection:
            return connection.execute(statement.replace("%s", "?"), parameters).fetchall()

    return run


def fill(run: Callable[..., list[Any]]) -> None:
    for statement in TABLES.split(";"):
        run(statement)
    for table, rows in (("customer", CUSTOMERS), ("orders", ORDERS), ("stock", STOCK)):
        marks = ", ".join(f"({', '.join(['%s'] * len(rows[0]))})" for _ in rows)
        run(f"INSERT INTO {table} VALUES {marks}", *(value for row in rows for value in row))


@pytest.fixture
def sqlite_shop(tmp_path: Path) -> Shop:
    run = run_sqlite(tmp_path / "shop.db")
    fill(run)
    return Shop("sqlite", f"sqlite:///{tmp_path}/shop.db", None, run)


@pytest.fixture
def postgres_shop(postgres: int, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A database of its own, which "reader" may read."""
    everywhere, name = run_postgres(postgres, "postgres"), f"shop{time.monotonic_ns()}"
    with contextlib.suppress(Exception):
        everywhere("CREATE ROLE reader LOGIN")
    everywhere(f"ALTER ROLE reader PASSWORD '{PASSWORD}'")  # another test may have given it another
    everywhere(f"CREATE DATABASE {name}")
    run = run_postgres(postgres, name)
    fill(run)
    run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    return Shop("postgresql", f"postgresql://reader@127.0.0.1:{postgres}/{name}", "SHOP_PASSWORD", run)


@pytest.fixture
def mariadb_shop(mariadb: int, monkeypatch: pytest.MonkeyPatch) -> Shop:
    name = f"shop{time.monotonic_ns()}"
    run_mariadb(mariadb, None)(f"CREATE DATABASE {name}")
    run = run_mariadb(mariadb, name)
    fill(run)
    monkeypatch.setenv("SHOP_PASSWORD", f"reader:{PASSWORD}")
    return Shop("mariadb", f"mysql+pymysql://127.0.0.1:{mariadb}/{name}", "SHOP_PASSWORD", run)


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def shop(request: pytest.FixtureRequest) -> Shop:
    made: Shop = request.getfixturevalue(f"{request.param}_shop")
    return made


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that sixty rows are several blocks."""
    for name, rows in (("SMALLEST", 5), ("USUAL", 8), ("LARGEST", 20)):
        monkeypatch.setattr(blocks, name, rows)


@pytest.fixture
def reads(tmp_path: Path, small_blocks: None) -> Iterator[Callable[..., Expert]]:
    """An expert that reads a shop; options as of `Expert.add`."""
    opened: list[Expert] = []

    def made(shop: Shop, **options: object) -> Expert:
        if not opened:
            opened.append(Expert.create(tmp_path / "expert"))
        options = {"auth_env": shop.auth_env, **options}
        assert opened[0].add(shop.address, **{name: value for name, value in options.items() if value})
        return opened[0]

    yield made
    for expert in opened:
        expert.close()

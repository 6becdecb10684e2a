"""Which engine holds the typed tables: SQLite of the standard library or DuckDB.

    pip install duckdb; python benchmarks/table_engine.py [--rows 1000000]

One table of rows drawn by a seed; written, then asked in turn (count with a condition, sum per group, the largest), the
median of nine; start: import and open in a fresh process; beside a writer: whether another process can read a file that
one has open to write.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ASKED = (
    "SELECT count(*) FROM sales WHERE city = 'c17' AND total > 500",
    "SELECT city, sum(total) FROM sales GROUP BY city",
    "SELECT id, total FROM sales WHERE total >= (SELECT max(total) FROM sales)",
)
_TURNS = 9


def rows(count: int) -> list[tuple[int, str, str, float]]:
    draw = random.Random(16)
    return [
        (n, f"c{draw.randrange(50)}", f"2026-{draw.randrange(1, 13):02}-11", draw.random() * 1000) for n in range(count)
    ]


def sqlite(path: Path, made: list[tuple[int, str, str, float]]) -> Callable[[str], object]:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("CREATE TABLE sales (id INTEGER PRIMARY KEY, city TEXT, day TEXT, total REAL)")
        connection.executemany("INSERT INTO sales VALUES (?, ?, ?, ?)", made)
    return lambda sql: connection.execute(sql).fetchall()


def duckdb_of(path: Path, made: list[tuple[int, str, str, float]]) -> Callable[[str], object]:
    import duckdb
    import pyarrow

    columns = dict(zip(("id", "city", "day", "total"), map(list, zip(*made, strict=True)), strict=True))
    table = pyarrow.table(columns)
    connection = duckdb.connect(str(path))
    connection.register("given", table)
    connection.execute("CREATE TABLE sales AS SELECT * FROM given")
    connection.unregister("given")
    return lambda sql: connection.execute(sql).fetchall()


def start(code: str, path: Path) -> float:
    """Seconds of a fresh process that opens the file and reads one row, the least of five."""
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=False)
        taken.append(time.perf_counter() - began)
        if done.returncode:
            return float("nan")
    return min(taken)


_READ = ".execute('SELECT 1 FROM sales').fetchone()"
OPEN = {
    "sqlite": f"import sqlite3, sys; sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True){_READ}",
    "duckdb": f"import duckdb, sys; duckdb.connect(sys.argv[1], read_only=True){_READ}",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    made = rows(parser.parse_args().rows)
    with tempfile.TemporaryDirectory() as folder:
        engines: dict[str, Callable[[str], object]] = {}
        for name, build in (("sqlite", sqlite), ("duckdb", duckdb_of)):
            began = time.perf_counter()
            engines[name] = build(Path(folder) / name, made)
            size = os.path.getsize(Path(folder) / name) / 2**20
            print(f"{name:8} written in {time.perf_counter() - began:.2f} s, {size:.0f} MiB")
        beside = {name: start(OPEN[name], Path(folder) / name) for name in OPEN}
        for sql in ASKED:
            taken: dict[str, list[float]] = {name: [] for name in engines}
            for _ in range(_TURNS):
                for name, ask in engines.items():
                    began = time.perf_counter()
                    ask(sql)
                    taken[name].append(time.perf_counter() - began)
            middle = (f"{name} {1000 * statistics.median(each):.1f} ms" for name, each in taken.items())
            print(f"{sql[:60]:60}", *middle)
        for name, seconds in beside.items():
            said = "refused" if math.isnan(seconds) else f"read in {seconds:.2f} s, start included"
            print(f"{name:8} beside a writer: {said}")


if __name__ == "__main__":
    main()

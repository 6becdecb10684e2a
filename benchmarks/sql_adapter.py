"""What does an adapter that was tuned to write queries to an expert's own tables add?

    python benchmarks/sql_adapter.py [--rows 400] [--limit N] [--json] [epochs=2 learning_rate=5e-4 …]

An expert on the database of $METIER_DATA/chinook with all settings at their defaults, in a temporary folder. Rows are
made of its tables (`metier tune --sql`), the packaged model is trained on them, and the 60 + 15 questions of
`tables_sql/chinook.jsonl`, written by hand without a look at any template, are put to

rules          no model
base           the model without the adapter, no rule
adapter        the model with the adapter, no rule
rules, adapter as `[answering] sql_adapter` has it: the adapter where no rule answers

Counted as `tables_sql.py` counts them, by what the tables answered alone: exact, wrong, or nothing (`refused`).
`generated`: questions of the templates in wordings that were not trained on, base and adapter.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sets import data_folder
from tables_sql import OUTCOMES, UNANSWERABLE, TableQuestion, exact, load

from metier import Expert
from metier.tables.results import TableAnswer
from metier.tables.sql_writer import SqlWriter

Ask = Callable[[str], TableAnswer | None]


def prepared(folder: Path) -> Expert:
    """An expert that has read the database."""
    shutil.copyfile(data_folder() / "chinook" / "Chinook_Sqlite.sqlite", folder / "Chinook_Sqlite.sqlite")
    with Expert.create(folder / "expert") as expert:
        expert.add(str(folder / "Chinook_Sqlite.sqlite"))
        expert.sync()
    return Expert.open(folder / "expert")


def ways(expert: Expert, adapter: str) -> dict[str, Ask]:
    asker, model = expert.runtime.tables, expert.runtime.generator

    def everything(documents):
        return documents

    def by_rules(question: str, writer: SqlWriter | None = None) -> TableAnswer | None:
        found = asker.ask(question, "en", everything, writer)
        return found if isinstance(found, TableAnswer) else None

    return {
        "rules": by_rules,
        "base": lambda question: asker.by_model(question, "en", everything, SqlWriter(model, capable=False)).answer,
        "adapter": lambda question: (
            asker.by_model(question, "en", everything, SqlWriter(model, adapter, capable=False)).answer
        ),
        "rules, adapter": lambda question: by_rules(question, SqlWriter(model, adapter, capable=False)),
    }


def counted(
    ask: Ask, questions: list[TableQuestion], name: str
) -> tuple[dict[str, Counter[str]], list[dict[str, str]]]:
    counts: dict[str, Counter[str]] = {"answerable": Counter(), UNANSWERABLE: Counter()}
    asked = []
    for number, each in enumerate(questions, start=1):
        print(f"\r{name} {number}/{len(questions)} ", end="", file=sys.stderr)
        began = time.monotonic()
        answer = ask(each.question)
        text = "\n".join(line.text for line in answer.lines) if answer else ""
        outcome = "refused" if not answer else "exact" if each.rows and exact(text, each) else "wrong"
        counts[UNANSWERABLE if each.kind == UNANSWERABLE else "answerable"][outcome] += 1
        line = {"question": each.question, "outcome": outcome, "text": text[:200], "sql": answer.sql if answer else ""}
        asked.append({**line, "seconds": f"{time.monotonic() - began:.1f}"})
    return counts, asked


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--rows", type=int, default=400)
    arguments.add_argument("--limit", type=int, default=0, help="questions of each kind; 0: all")
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("changes", nargs="*", help="of [tuning], as epochs=2")
    options = arguments.parse_args()
    from metier.services.sql_adapters import SqlAdapterOptions

    changes = dict(each.split("=", 1) for each in options.changes)
    with tempfile.TemporaryDirectory() as scratch, prepared(Path(scratch)) as expert:
        made = expert.sql_adapters.tune(
            "sql", SqlAdapterOptions(count=options.rows), **changes,
            on_step=lambda tick: print(f"\rstep {tick.step}/{tick.steps} ", end="", file=sys.stderr),
        )  # fmt: skip
        results: dict[str, Any] = {
            "generated": {"questions": made.questions, "base": made.before, "adapter": made.after},
            "training": made.card.result,
        }
        questions = load("chinook", options.limit)
        for name, ask in ways(expert, made.card.reference).items():
            counts, asked = counted(ask, questions, name)
            results[name] = {"counts": counts, "questions": asked}
    print(file=sys.stderr)
    if options.json:
        print(json.dumps(results, ensure_ascii=False, indent=1))
        return 0
    seconds, loss = made.card.result["seconds"], made.card.result["validation_loss"]
    print(f"{options.rows} rows, {seconds:.0f} s, validation loss {loss:.3f}")
    print(f"generated, {made.questions} questions: base {made.before:.2f}, adapter {made.after:.2f}")
    print(f"{'':16}{'':14}" + "".join(f"{each:>9}" for each in OUTCOMES))
    for name in ways(expert, ""):
        for kind, counts in results[name]["counts"].items():
            print(f"{name:16}{kind:14}" + "".join(f"{counts[each]:9}" for each in OUTCOMES))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How long a person waits: for the command line, for a search, and for what Métier adds to the model's own time.

    python benchmarks/latency.py [--expert FOLDER] [--questions FILE] [--runs 7] [--asked 12] [--ask-rounds 1]

Without --expert one is made of the sample company in examples/turbines, in a temporary folder (a few minutes).

    help    wall time of `metier --help`, a process of its own
    search  wall time of `metier search "…"`, a process of its own: everything is loaded, from the system's file cache
    ask     `expert.ask(question, abstain=False)` against the same messages sent straight to its generator

For the last, all is warm and in one process, and each question is asked both ways, one after the other (A B, B A, …).
Before each, an unrelated short prompt takes the place of what the generator remembers, so that neither way finds its
prompt half read; `cached` is what it still remembers, the first tokens of the chat template. Both write the same
tokens: where Métier stopped an answer that repeats itself, the generator is given just so many. Writes
benchmarks/results/latency.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from ingest import RESULTS, circumstances, print_head, print_row, spread, verdict

from metier import Expert
from metier.generation.base import Completion, Generator, Message

TURBINES = Path(__file__).resolve().parents[1] / "examples" / "turbines"
METIER = Path(sys.executable).parent / "metier"
HELP_TARGET, SEARCH_TARGET = 0.4, 1.5  # seconds
ASK_TARGET = 1.10  # of the generator's own time
WARM_UP = 2  # questions asked before measuring
UNRELATED = (Message("user", "Name three rivers."),)


@dataclass(slots=True)
class Call:
    """One call of `Generator.complete`, as it was made and answered."""

    messages: Sequence[Message]
    options: dict[str, Any]
    completion: Completion | None = None
    stopped: bool = False  # by the caller, before the model was done


def make_expert(folder: Path) -> Path:
    """The sample company, documents included, made and synced in `folder`."""
    documents = folder / "docs"
    subprocess.run([sys.executable, TURBINES / "make.py", documents], check=True, stdout=subprocess.DEVNULL)
    with Expert.create(folder / "turbines") as expert:
        expert.add(str(documents))
        report = expert.sync()
    print(f"made an expert: {report.added} documents, {report.passages} passages", file=sys.stderr, flush=True)
    return folder / "turbines"


def read_questions(path: Path, count: int) -> list[str]:
    """`count` of the answerable English questions and `WARM_UP` others, spread over the file."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    answerable = [row["question"] for row in rows if row.get("answers") and row.get("language", "en") == "en"]
    wanted = min(count + WARM_UP, len(answerable))
    return [answerable[index * len(answerable) // wanted] for index in range(wanted)]


def processes(expert: Path, question: str, runs: int) -> dict[str, list[float]]:
    """Wall seconds of both commands, in turn; one unmeasured run of each comes first."""
    commands = {"help": [METIER, "--help"], "search": [METIER, "search", question, "--expert", str(expert.absolute())]}
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            if number:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def recorded(complete: Callable[..., Completion], calls: list[Call]) -> Callable[..., Completion]:
    def wrapper(messages: Sequence[Message], **options: Any) -> Completion:
        call = Call(messages, options)
        calls.append(call)
        if (on_text := options.get("on_text")) is not None:

            def watching(piece: str) -> bool | None:
                stop = on_text(piece)
                call.stopped |= bool(stop)
                return stop

            options = options | {"on_text": watching}
        call.completion = complete(messages, **options)
        return call.completion

    return wrapper


def ask(expert: Expert, question: str) -> tuple[float, float, list[Call]]:
    """Seconds of the whole answer and of its retrieval, and what was asked of the generator."""
    calls: list[Call] = []
    with mock.patch.object(expert.runtime.generator, "complete", recorded(expert.runtime.generator.complete, calls)):
        began = time.perf_counter()
        answer = expert.ask(question, abstain=False)
        seconds = time.perf_counter() - began
    return seconds, answer.timings["retrieval"], calls


def straight(generator: Generator, calls: Sequence[Call]) -> tuple[float, list[Completion]]:
    """The same calls again, past everything but the generator."""
    seconds, completions = 0.0, []
    for call in calls:
        options = {key: value for key, value in call.options.items() if key != "on_text"}
        if call.stopped:
            options["max_tokens"] = call.completion.completion_tokens
        began = time.perf_counter()
        completions.append(generator.complete(call.messages, **options))
        seconds += time.perf_counter() - began
    return seconds, completions


def overhead(expert: Expert, questions: Sequence[str], rounds: int) -> list[list[dict]]:
    """One row a question, for each round."""
    generator = expert.runtime.generator
    for question in questions[:WARM_UP]:
        straight(generator, ask(expert, question)[2])

    def forget() -> None:
        generator.complete(UNRELATED, max_tokens=1)

    known: dict[str, list[Call]] = {}  # what a question asks of the generator, from the second round on
    table = []
    for number in range(rounds):
        rows = []
        for place, question in enumerate(questions[WARM_UP:]):
            direct_first = question in known and (number + place) % 2 == 1
            if direct_first:
                forget()
                direct_seconds, completions = straight(generator, known[question])
            forget()
            ask_seconds, retrieval_seconds, calls = ask(expert, question)
            known[question] = calls
            if not direct_first:
                forget()
                direct_seconds, completions = straight(generator, calls)
            rows.append(
                {
                    "question": question,
                    "ask_seconds": ask_seconds,
                    "retrieval_seconds": retrieval_seconds,
                    "generator_seconds": direct_seconds,
                    "calls": len(calls),
                    "stopped": sum(call.stopped for call in calls),
                    "prompt_tokens": sum(c.prompt_tokens for c in completions),
                    "ask_tokens": sum(call.completion.completion_tokens for call in calls),
                    "generator_tokens": sum(c.completion_tokens for c in completions),
                    "ask_cached": sum(call.completion.cached_tokens for call in calls),
                    "generator_cached": sum(c.cached_tokens for c in completions),
                }
            )
        table.append(rows)
    return table


def total(rows: Sequence[dict], key: str) -> float:
    return sum(row[key] for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--expert", type=Path, metavar="FOLDER", help="a synced expert; default: one is made")
    parser.add_argument("--questions", type=Path, default=TURBINES / "questions.jsonl", metavar="FILE")
    parser.add_argument("--runs", type=int, default=7, help="of each command")
    parser.add_argument("--asked", type=int, default=12, help="questions asked both ways")
    parser.add_argument("--ask-rounds", type=int, default=1)
    options = parser.parse_args()
    result = circumstances("latency.py")
    questions = read_questions(options.questions, options.asked)
    if len(questions) <= WARM_UP:
        sys.exit(f"{options.questions}: holds too few answerable questions")
    with tempfile.TemporaryDirectory(prefix="metier-latency-") as name:
        folder = options.expert or make_expert(Path(name))
        seconds = processes(folder, questions[0], options.runs)
        with Expert.open(folder) as expert:
            rounds = overhead(expert, questions, options.ask_rounds)
            models = {"embedding": expert.settings.embedding.model, "generation": expert.settings.generation.model}
    ratios = [total(rows, "ask_seconds") / total(rows, "generator_seconds") for rows in rounds]
    every = [row for rows in rounds for row in rows]
    summary = {
        "help_seconds": spread(seconds["help"]),
        "search_seconds": spread(seconds["search"]),
        "ask_ratio": spread(ratios),
        "ask_seconds": spread([row["ask_seconds"] for row in every]),
        "generator_seconds": spread([row["generator_seconds"] for row in every]),
        "retrieval_seconds": spread([row["retrieval_seconds"] for row in every]),
        "added_seconds": spread([row["ask_seconds"] - row["generator_seconds"] for row in every]),
    }
    report(options, summary, every)
    result |= {
        "models": models, "runs": options.runs, "summary": summary, "seconds": seconds, "ask": rounds,
        "targets": {"help_seconds": HELP_TARGET, "search_seconds": SEARCH_TARGET, "ask_ratio": ASK_TARGET},
        "load_average_at_end": round(os.getloadavg()[0], 2),
    }  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latency.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def report(options: argparse.Namespace, summary: dict, every: Sequence[dict]) -> None:
    print_head()
    for name, target in (("help", HELP_TARGET), ("search", SEARCH_TARGET)):
        values = summary[f"{name}_seconds"]
        print_row(f"metier {name}, s", values, f"{verdict(values['median'], target)} · {options.runs} runs")
    print_row("ask / generator, sums", summary["ask_ratio"], verdict(summary["ask_ratio"]["median"], ASK_TARGET))
    print_row("ask, s", summary["ask_seconds"], f"{len(every)} questions")
    print_row("generator alone, s", summary["generator_seconds"])
    print_row("added, s", summary["added_seconds"])
    print_row("of it retrieval, s", summary["retrieval_seconds"])
    print(
        f"tokens: {total(every, 'prompt_tokens')} read; {total(every, 'ask_tokens')} written by ask, "
        f"{total(every, 'generator_tokens')} by the generator alone; cached {total(every, 'ask_cached')} and "
        f"{total(every, 'generator_cached')}; {total(every, 'stopped')} answers stopped for repeating themselves"
    )


if __name__ == "__main__":
    main()

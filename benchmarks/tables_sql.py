"""Are questions that ask a table to count, add, compare or look up answered exactly?

    python benchmarks/tables_sql.py [--only chinook|tatqa] [--limit N] [--json]
    python benchmarks/tables_sql.py --endpoint    # the same with a capable model, played by a script
    python benchmarks/tables_sql.py --check       # works out all answers anew and compares; asks nothing

Two experts with all settings at their defaults, each made in a temporary folder and asked by `Expert.ask`:

chinook   the database of $METIER_DATA/chinook, its 60 questions as a shop's manager would type them
tatqa     40 tables of TAT-QA dev (every seventh), in turn as CSV and as XLSX with every cell as text, 100 questions

`tables_sql/SET.jsonl` holds them, written by hand without a look at the code that answers them. `sql` or `how` (cells
by their place in the sheet) says how the `answer` was worked out: rows, or one value. With them come 15 and 25
questions that nothing in the documents answers, though something near does. Counted by kind:

exact     the text tells every value that was asked for and none that contradicts it: for a question of one number no
          number but those of the question, of the row and of what it was worked out from; for names none of `others`
          (names that come near, and what else a row holds that is looked up). Numbers are right within 0.1%,
          percentages within 0.05 points, in any scale (14.2 million for 14,200 of a table in thousands). A sign is
          not asked for: the questions say which way
refused   Métier says that it does not know; for the unanswerable the right thing to do
wrong     anything else

`--endpoint`: an OpenAI-compatible server on the loopback says for each question what a capable model wrote to the very
prompt that Métier sent, without a look at the answers (`tables_sql/SET.queries.jsonl`); asked for an answer from
passages, it says that they do not tell. `--prompts` prints what it was sent. `--without-rules`: every question goes to
the model, also those that a rule reads.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import math
import shutil
import sqlite3
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest import mock

import regex
from scripted_endpoint import MODEL, Script, ScriptedEndpoint
from sets import data_folder

from metier import Expert
from metier.tables.asking import TableAsker

SETS = ("chinook", "tatqa")
UNANSWERABLE = "unanswerable"
NOT_TOLD = "The documents do not say."
OUTCOMES = ("exact", "refused", "wrong")
EVERY = 7  # of the tables of TAT-QA one is taken
SCALES = {"thousand": 1e3, "k": 1e3, "million": 1e6, "m": 1e6, "billion": 1e9, "bn": 1e9}
SCALES |= {"millisecond": 1e-3, "ms": 1e-3, "second": 1.0, "sec": 1.0, "s": 1.0, "minute": 60.0, "min": 60.0}
SMALL = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_NUMBER = regex.compile(r"(?<![\w.,])((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)(?![.,]?\d)\s*(%|\p{L}+)?")
_CLOCK = regex.compile(r"\b(?:(\d+):)?(\d+):(\d\d)\b|\b(?:(\d+) ?h\w* )?(\d+) ?min\w*,? (?:and )?(\d+) ?s\w*")
_DATE = regex.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?")
_CODE = regex.compile(r"```.*?```|`[^`\n]*`|^\s*SELECT\b.*", regex.DOTALL | regex.MULTILINE)
_FOOTNOTE = regex.compile(r"\s*\(\d+\)$")
_DATES = ("%Y-%m-%d", "%B %d, %Y", "%d %B %Y")
Rows = list[list[str]]


@dataclass(frozen=True, slots=True)
class TableQuestion:
    """`rows`: the answer, none where there is none; `columns`: how many of their values were asked for, the rest may
    be told. `others`: names that contradict. `scale`: what the numbers of the answer are in, a word of `SCALES`,
    "percent" or "". `operands`: numbers that may be told besides."""

    id: str
    kind: str
    question: str
    rows: tuple[tuple[str | float, ...], ...]
    columns: int
    others: tuple[str, ...] = ()
    scale: str = ""
    operands: tuple[float, ...] = ()

    @property
    def values(self) -> list[str | float]:
        return [value for row in self.rows for value in row[: self.columns]]


class Table:
    """A table of TAT-QA, its cells by their place in a sheet: `B3` is in the third row."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def texts(self, place: str) -> list[str]:
        """`B3`, or in the order of reading `B3:D3`."""
        (first, top), (last, bottom) = [(ord(one[0]) - ord("A"), int(one[1:]) - 1) for one in _corners(place)]
        return [self.rows[row][column] for row in range(top, bottom + 1) for column in range(first, last + 1)]

    def numbers(self, place: str) -> list[float | None]:
        return [number_in(text) for text in self.texts(place)]

    def labels(self) -> Iterator[float]:
        """Numbers that stand in a name: of a footnote, a day, a tax rate."""
        for text in (cell for row in self.rows for cell in row if regex.search(r"\p{L}{3}", cell)):
            yield from (float(digits) for digits in regex.findall(r"\d+(?:\.\d+)?", text))

    def compute(self, how: str) -> tuple[str | float, list[float], list[str]]:
        """What `how` gives, the numbers it was made from, and of `at_max`, `at_min` the names that were passed over.

        CELL, CELL - CELL, growth(CELL, CELL) in percent of the second, sum(…), mean(…), count(RANGE > NUMBER),
        at_max(RANGE, RANGE of the names). Cells without a number do not take part."""
        function, inside = regex.fullmatch(r"(?:(\w+)\()?([^()]+)\)?", how).groups()
        places = regex.findall(r"[A-Z]\d+(?::[A-Z]\d+)?", inside)
        if function in ("at_max", "at_min"):
            numbers, names = self.numbers(places[0]), [_FOOTNOTE.sub("", name) for name in self.texts(places[1])]
            pairs = [(number, name) for number, name in zip(numbers, names, strict=True) if number is not None]
            best = (max if function == "at_max" else min)(pairs)[1]
            others = [name for _, name in pairs if name not in (best, "Other", "")]
            return best, [number for number, _ in pairs], others
        parts = [number for place in places for number in self.numbers(place) if number is not None]
        return _calculated(function, inside, parts), parts, []


def _corners(place: str) -> tuple[str, str]:
    first, _, last = place.partition(":")
    return first, last or first


def _calculated(function: str | None, inside: str, parts: Sequence[float]) -> float:
    match function:
        case "sum":
            result = sum(parts)
        case "mean":
            result = sum(parts) / len(parts)
        case "growth":
            result = (parts[0] / parts[1] - 1) * 100
        case "count":
            bound = float(inside.split()[-1])
            result = sum(part > bound if ">" in inside else part < bound for part in parts)
        case _:
            result = parts[0] - parts[1] if " - " in inside else parts[0]
    return round(result, 6)


def number_in(cell: str) -> float | None:
    """A cell's number, negative in brackets: `$(1,234.5)`, `(38)%`; None where it is none."""
    found = regex.fullmatch(r"\p{Sc}?\s*(\()?\p{Sc}?\s*([\d,]+(?:\.\d+)?)%?\)?%?", cell.strip())
    return float(found[2].replace(",", "")) * (-1 if found[1] else 1) if found else None


def tables() -> dict[str, Table]:
    """By uid, in the order of the set."""
    contexts = json.loads((data_folder() / "tatqa" / "tatqa_dataset_dev.json").read_text("utf-8"))
    return {each["table"]["uid"]: Table(each["table"]["table"]) for each in contexts[::EVERY]}


def lines(name: str) -> list[dict[str, Any]]:
    path = Path(__file__).with_suffix("") / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def load(name: str, limit: int = 0) -> list[TableQuestion]:
    """One of `SETS`, of each kind at most `limit`."""
    seen: Counter[str] = Counter()
    chosen = []
    for line in lines(name):
        seen[line["kind"]] += 1
        if not limit or seen[line["kind"]] <= limit:
            chosen.append(line)
    if name == "chinook":
        return [_of_database(line) for line in chosen]
    read = tables()
    return [_of_table(line, read[line["table"]]) for line in chosen]


def _of_database(line: dict[str, Any]) -> TableQuestion:
    rows = tuple(map(tuple, line["answer"] or ()))
    columns = line.get("asked") or max(map(len, rows), default=0)
    others, scale = tuple(line.get("others", ())), line.get("scale", "")
    return TableQuestion(line["id"], line["kind"], line["question"], rows, columns, others, scale)


def _of_table(line: dict[str, Any], table: Table) -> TableQuestion:
    if line["how"] is None:
        return TableQuestion(line["id"], line["kind"], line["question"], (), 0)
    _, parts, others = table.compute(line["how"])
    operands, rows = (*parts, *table.labels()), ((line["answer"],),)
    return TableQuestion(
        line["id"], line["kind"], line["question"], rows, 1, tuple(others), line.get("scale", ""), operands
    )


def exact(text: str, asked: TableQuestion) -> bool:
    """Whether a text tells the answer and nothing against it."""
    text = _CODE.sub(" ", text)
    if not all(_tells(text, value, asked) for value in asked.values):
        return False
    names = [value for value in asked.values if isinstance(value, str)]
    if any(_contradicts(text, other, names, asked.question) for other in asked.others):
        return False
    alone = len(asked.rows) == 1 and len(names) < len(asked.values)
    return not (alone and any(_is_stray(*each, asked) for each in numbers_of(_without(text, asked.rows[0]))))


def _tells(text: str, value: str | float, asked: TableQuestion) -> bool:
    if isinstance(value, str):
        return _place_of(value, text) is not None
    words = regex.findall(r"\p{L}+", text.casefold())
    if value in range(len(SMALL)) and (SMALL[int(value)] in words or (value == 0 and {"no", "none"} & set(words))):
        return True
    return any(_equal(number, unit, value, asked) for number, unit in numbers_of(text))


def _equal(number: float, unit: str, value: float, asked: TableQuestion) -> bool:
    value = abs(value)
    if asked.scale == "percent":
        return abs(number - value) <= 0.05 or (not unit and math.isclose(number * 100, value, rel_tol=1e-3))
    if unit == "%":
        return False
    scale = SCALES.get(asked.scale, 1.0)
    accepted = [value * scale] if unit in SCALES else [value, value * scale]
    return any(math.isclose(number * SCALES.get(unit, 1.0), each, rel_tol=1e-3) for each in accepted)


def _contradicts(text: str, other: str, names: Sequence[str], question: str) -> bool:
    """Of two that the question names, the one that is named first is the answer."""
    place = None if any(_place_of(other, name) is not None for name in names) else _place_of(other, text)
    if place is None or _place_of(other, question) is None:
        return place is not None
    return any(found is not None and place < found for found in (_place_of(name, text) for name in names))


def _is_stray(number: float, unit: str, asked: TableQuestion) -> bool:
    told = [value for value in asked.rows[0] if not isinstance(value, str)]
    year = unit not in SCALES and unit != "%" and number in range(1900, 2101)
    if year or unit in ("row", "record"):
        return False
    for named, scale in numbers_of(asked.question):
        if number in (named, *(named * SCALES.get(scale, 1.0) / power for power in (1, 1e3, 1e6))):
            return False
    known = (*told, *asked.operands)
    return not any(_equal(number, unit, value, asked) or math.isclose(number, abs(value)) for value in known)


def numbers_of(text: str) -> Iterator[tuple[float, str]]:
    """Each number with the word behind it, in lower case; of a time in hours, minutes, seconds its seconds."""
    text = _DATE.sub(" ", text)
    for found in _CLOCK.finditer(text):
        hours, minutes, seconds = (int(part or 0) for part in (found.groups()[:3] if found[3] else found.groups()[3:]))
        yield hours * 3600.0 + minutes * 60 + seconds, "second"
    for found in _NUMBER.finditer(_CLOCK.sub(" ", text)):
        unit = (found[2] or "").lower()
        singular = unit[:-1] if unit[2:].endswith("s") else unit
        yield float(found[1].replace(",", "")), "%" if unit == "percent" else singular


def _without(text: str, values: Iterable[str | float]) -> str:
    for value in sorted((value for value in values if isinstance(value, str)), key=len, reverse=True):
        text = _plain(text).replace(_plain(value), " ")
    return text


def _place_of(value: str, text: str) -> int | None:
    """Where a text has these words first, a date in any of three forms."""
    forms = {value}
    for form in _DATES:
        try:
            day = datetime.strptime(value, form)
        except ValueError:
            continue
        forms = {day.strftime("%Y-%m-%d"), f"{day:%B} {day.day}, {day.year}", f"{day.day} {day:%B} {day.year}"}
    places = [
        found.start()
        for each in forms
        if (found := regex.search(rf"(?<!\w){regex.escape(_plain(each))}(?!\w)", _plain(text)))
    ]
    return min(places, default=None)


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).replace("’", "'").casefold()
    return regex.sub(r"\s+", " ", text).strip()


def make(name: str, folder: Path) -> None:
    """Writes the documents of a set."""
    if name == "chinook":
        shutil.copyfile(data_folder() / "chinook" / "Chinook_Sqlite.sqlite", folder / "Chinook_Sqlite.sqlite")
        return
    for number, table in enumerate(tables().values()):
        path = folder / f"{number * EVERY:03}.{'xlsx' if number % 2 else 'csv'}"
        if path.suffix == ".csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(table.rows)
        else:
            _workbook(path, table.rows)


def _workbook(path: Path, rows: Rows) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append([cell or None for cell in row])
    book.save(path)


def ask(name: str, questions: Sequence[TableQuestion], endpoint: str = "") -> list[dict[str, str]]:
    """Makes an expert on a set and asks it; of each question its outcome. `endpoint`: where its model is, ""
    the packaged one."""
    asked = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "documents"
        folder.mkdir()
        make(name, folder)
        with Expert.create(Path(scratch) / "expert", model=f"openai:{MODEL}" if endpoint else None) as expert:
            settings = expert.folder / "metier.toml"
        if endpoint:
            text = settings.read_text("utf-8")
            settings.write_text(text.replace("[generation]", f'[generation]\nurl = "{endpoint}"'), "utf-8")
        with Expert.open(Path(scratch) / "expert") as expert:
            expert.add(str(folder))
            expert.sync()
            for number, each in enumerate(questions, start=1):
                answer = expert.ask(each.question)
                right = bool(each.rows) and not answer.abstained and exact(answer.text, each)
                outcome = "refused" if answer.abstained else "exact" if right else "wrong"
                line = {"id": each.id, "kind": each.kind, "question": each.question}
                sql = answer.tables.sql if answer.tables else ""
                asked.append({**line, "outcome": outcome, "text": answer.text, "sql": sql})
                print(f"\r{name} {number}/{len(questions)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return asked


def ask_capable(
    name: str, questions: Sequence[TableQuestion], prompts: bool, rules: bool
) -> tuple[list[dict[str, str]], int]:
    """What `ask` gives with a capable model, played by a script, and how many queries it was asked for. `rules`:
    whether what a rule reads is answered by it."""
    path = Path(__file__).with_suffix("") / f"{name}.queries.jsonl"
    known = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    written = {each["question"]: tuple(each["written"]) for each in known}
    scripts = [Script(each.question, NOT_TOLD, queries=written.get(each.question, ())) for each in questions]
    reading = contextlib.nullcontext() if rules else mock.patch.object(TableAsker, "_by_rule", return_value=None)
    with ScriptedEndpoint(scripts, first_token=0, tokens_per_second=0, context_tokens=32_768) as endpoint, reading:
        asked = ask(name, questions, endpoint.url)
        for messages in endpoint.asked.queries if prompts else ():
            print(json.dumps(messages[1:], ensure_ascii=False))
        return asked, len(endpoint.asked.queries)


def summed(asked: Sequence[dict[str, str]]) -> dict[str, dict[str, int]]:
    """By kind how many of each outcome; `answerable`: all kinds but one."""
    counts: dict[str, Counter[str]] = {}
    for each in asked:
        groups = [each["kind"]] if each["kind"] == UNANSWERABLE else [each["kind"], "answerable"]
        for group in groups:
            counts.setdefault(group, Counter())[each["outcome"]] += 1
    order = sorted(counts, key=lambda group: ("answerable", UNANSWERABLE).index(group) if "answer" in group else -1)
    return {group: {outcome: counts[group][outcome] for outcome in OUTCOMES} for group in order}


def check() -> list[str]:
    """Ids of the questions whose answer is another now."""
    path = data_folder() / "chinook" / "Chinook_Sqlite.sqlite"
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        differ = [
            f"chinook {line['id']}"
            for line in lines("chinook")
            if line["sql"] and [list(row) for row in database.execute(line["sql"])] != line["answer"]
        ]
    read = tables()
    for line in lines("tatqa"):
        if line["how"] and read[line["table"]].compute(line["how"])[0] != line["answer"]:
            differ.append(f"tatqa {line['id']}")
    return differ


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--only", choices=SETS)
    arguments.add_argument("--limit", type=int, default=0, help="questions of each kind; 0: all")
    arguments.add_argument("--json", action="store_true", help="counts, and every question with its answer")
    arguments.add_argument("--endpoint", action="store_true", help="with a capable model, played by a script")
    arguments.add_argument("--prompts", action="store_true", help="what it was sent for queries, one a line")
    arguments.add_argument("--without-rules", action="store_true", help="it is asked for every query")
    arguments.add_argument("--check", action="store_true", help="whether the answers in the files are right")
    options = arguments.parse_args()
    if options.check:
        print("\n".join(differ := check()) or "all answers stand")
        return bool(differ)
    results = {}
    for name in (options.only,) if options.only else SETS:
        questions = load(name, options.limit)
        if options.endpoint:
            asked, queries = ask_capable(name, questions, options.prompts, not options.without_rules)
            print(f"{name}: {queries} queries were asked for", file=sys.stderr)
        else:
            asked = ask(name, questions)
        results[name] = {"counts": summed(asked), "questions": asked}
        if not options.json:
            print(f"{name:14}" + "".join(f"{each:>9}" for each in ("asked", *OUTCOMES)))
            for kind, counts in results[name]["counts"].items():
                print(f"  {kind:12}{sum(counts.values()):9}" + "".join(f"{n:9}" for n in counts.values()), flush=True)
    if options.json:
        print(json.dumps(results, ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Is the cell that answers a question the one that is cited?

    python benchmarks/table_questions.py [--forms html,xlsx,pdf] [--questions 200] [--show] [--set FILE]

Questions of TAT-QA (dev) that one cell of their table answers, asked of an expert on all 278 documents of the set
(table and paragraphs, made here as HTML, XLSX and PDF), quoted style, no tuning. The rules were made on
`tatqa_dataset_test_gold.json` of its repository (`--set`) and on one half of dev, told by a hash: the other half is
counted by itself, too ("apart"). The questions were written for people who had their document before them, so what
counts is asked where the right document was cited:

    value   the answer's text holds the value
    row     the first citation of that document holds the value, the words of its row's name and of its column's
    cell    the answer's text holds the value and no other value of that row
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import regex
from sets import data_folder
from tables import Rows, covers, data_cells, header_depth, words, write_pdf

from metier import Expert
from metier.answering.answer import Answer


@dataclass(frozen=True, slots=True)
class TableQuestion:
    """`row`, `column`: of the cell in its table."""

    question: str
    document: int
    row: int
    column: int

    @property
    def apart(self) -> bool:
        """Whether no answer to it was looked at while the rules were made."""
        return hashlib.sha256(self.question.encode()).digest()[0] % 2 == 1


def load(path: Path | None = None) -> tuple[list[Rows], list[list[str]], list[TableQuestion]]:
    """Tables, the paragraphs beside them, and the questions that one cell answers."""
    path = path or data_folder() / "tatqa" / "tatqa_dataset_dev.json"
    contexts = json.loads(path.read_text(encoding="utf-8"))
    tables = [context["table"]["table"] for context in contexts]
    texts = [[each["text"] for each in sorted(c["paragraphs"], key=lambda p: p["order"])] for c in contexts]
    found = []
    for number, context in enumerate(contexts):
        for asked in context["questions"]:
            in_table = asked["answer_from"] in ("table", "table-text") and asked["answer_type"] == "span"
            if not in_table or len(asked["answer"]) != 1 or asked["req_comparison"]:
                continue
            answer = _bare(str(asked["answer"][0]))
            cells = [
                (r, c)
                for r, row in enumerate(tables[number])
                for c, cell in enumerate(row)
                if c and _bare(cell) == answer and any(map(str.isdigit, answer))
            ]
            if len(cells) == 1 and cells[0][0] >= header_depth(tables[number]):
                found.append(TableQuestion(asked["question"], number, *cells[0]))
    return tables, texts, found


def _bare(text: str) -> str:
    return regex.sub(r"[\s\p{Sc}]", "", text)


def make(folder: Path, form: str, tables: list[Rows], texts: list[list[str]]) -> None:
    for number, (rows, paragraphs) in enumerate(zip(tables, texts, strict=True)):
        path = folder / f"{number:03}.{form}"
        if form == "html":
            told = "".join(f"<p>{html.escape(text)}</p>" for text in paragraphs)
            cells = "".join("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in rows)
            path.write_text(f"<html><body>{told}<table>{cells}</table></body></html>", encoding="utf-8")
        elif form == "pdf":
            write_pdf(rows, path, "report", paragraphs)
        else:
            _workbook(path, rows, paragraphs)


def _workbook(path: Path, rows: Rows, paragraphs: list[str]) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append([cell or None for cell in row])
    notes = book.create_sheet("Notes")
    for text in paragraphs:
        notes.append([text])
    book.save(path)


def judged(answer: Answer, asked: TableQuestion, rows: Rows, form: str) -> tuple[bool, ...]:
    """(right document cited, the value said, right row and column, the cell alone)."""
    own = [cited for cited in answer.citations if cited.document.endswith(f"{asked.document:03}.{form}")]
    if not own:
        return False, False, False, False
    cell = next(c for c in data_cells(rows) if c.place == (asked.row, asked.column))
    quote = words(own[0].quote)
    in_row = cell.text <= quote and cell.row <= quote and covers(quote, cell.column)
    others = [
        words(text)
        for column, text in enumerate(rows[asked.row])
        if column and column != asked.column and any(map(str.isdigit, text))
    ]
    said = words(answer.text)
    alone = cell.text <= said and not any(other <= said and not other <= cell.text for other in others)
    return True, cell.text <= said, in_row, in_row and alone


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--forms", default="html,xlsx,pdf")
    arguments.add_argument("--questions", type=int, default=200)
    arguments.add_argument("--show", action="store_true", help="what was cited instead, of those not apart (stderr)")
    arguments.add_argument("--set", type=Path, help="another file of TAT-QA than dev of $METIER_DATA")
    options = arguments.parse_args()
    tables, texts, questions = load(options.set)
    random.Random(0).shuffle(questions)
    questions = questions[: options.questions]
    print(f"{'':12} {'asked':>6} {'found':>6} {'value':>7} {'row':>7} {'cell':>7} {'s/answer':>9}")
    for form in options.forms.split(","):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "docs"
            folder.mkdir()
            make(folder, form, tables, texts)
            with Expert.create(Path(scratch) / "expert") as expert:
                expert.add(str(folder))
                expert.sync()
                counted: list[tuple[TableQuestion, tuple[bool, ...]]] = []
                started = time.perf_counter()
                for asked in questions:
                    answer = expert.ask(asked.question)
                    results = judged(answer, asked, tables[asked.document], form)
                    counted.append((asked, results))
                    if options.show and results[0] and not all(results) and (options.set or not asked.apart):
                        _show(asked, answer, tables[asked.document], results)
                seconds = (time.perf_counter() - started) / max(1, len(questions))
        print(f"{form:12} {_line([each for _, each in counted])} {seconds:9.2f}", flush=True)
        if not options.set:
            print(f"{form + ' apart':12} {_line([each for asked, each in counted if asked.apart])}", flush=True)
    return 0


def _line(results: Sequence[tuple[bool, ...]]) -> str:
    found, *right = (sum(column) for column in zip(*results, strict=True))
    shares = " ".join(f"{count / max(1, found):7.3f}" for count in right)
    return f"{len(results):6} {found:6} {shares}"


def _show(asked: TableQuestion, answer: Answer, rows: Rows, results: tuple[bool, ...]) -> None:
    print(f"{asked.question}   [{rows[asked.row][0]} | {rows[asked.row][asked.column]}] {results}", file=sys.stderr)
    print(f"    {answer.text[:300]}", file=sys.stderr)
    print(f"    {[cited.quote[:200] for cited in answer.citations[:2]]}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

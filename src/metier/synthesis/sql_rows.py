"""Training rows of queries to an expert's own tables, and questions in other words to measure what was learned."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

from metier.core.errors import InputError
from metier.dataset.rows import Row
from metier.synthesis.sql_pairs import KINDS, SqlPair, SqlPairs
from metier.tables.asking import TableAsker, Visible
from metier.tables.results import TableAnswer
from metier.tables.schema import TableSchema
from metier.tables.sql_prompt import read_reply
from metier.text.language import Language

ROW_KIND = "sql"
_DRAWN = 40  # times as many as are wanted, at most: tables of few rows and columns give few
_HELD_OUT = 0.15  # as many as this share of the rows


@dataclass(frozen=True, slots=True)
class SqlCase:
    """A question in words that were not trained on. `answer`: what the tables say, line by line; none where they hold
    nothing of the kind."""

    question: str
    kind: str
    answer: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SqlTrainingData:
    """`rows`: to train on. `cases`: to measure with. `tables`: those that the rows show, by their name in a query."""

    rows: list[Row] = field(default_factory=list)
    cases: list[SqlCase] = field(default_factory=list)
    tables: dict[str, TableSchema] = field(default_factory=dict)


class SqlRowMaker:
    """`visible`: of documents' ids, those that may be written from."""

    def __init__(self, asker: TableAsker, language: str, visible: Visible, today: date) -> None:
        self._asker, self._language, self._visible, self._today = asker, language, visible, today

    def make(self, count: int, seed: int, tell: Callable[[int], None] | None = None) -> SqlTrainingData:
        """As many rows as are wanted, or fewer where the tables give no more; the same for the same seed and tables.
        `tell`: how many there are. Raises `InputError` where there are no tables, or no wordings in the language."""
        made, seen = SqlTrainingData(), set[str]()
        for pair in self._pairs(count, seed):
            if len(made.rows) >= count:
                break
            if pair.question in seen or (pair.held_out and len(made.cases) >= count * _HELD_OUT):
                continue
            seen.add(pair.question)
            self._add(pair, made)
            if tell is not None:
                tell(len(made.rows))
        if not made.rows:
            raise InputError("the tables give nothing to ask of", hint="A table needs rows that a column names.")
        return made

    def _pairs(self, count: int, seed: int) -> Iterator[SqlPair]:
        """From groups of tables by their number of tables."""
        language = Language.of(self._language)
        if not any(language.query_templates.get(kind) for kind in KINDS):
            raise InputError(
                f"there are no wordings of questions in {language.english or self._language} to make queries from",
                hint="Write them in [query_templates] of the language's file, see docs/languages.",
            )
        groups = self._asker.readable(self._visible)
        if not groups:
            raise InputError(
                "there are no tables to write queries for",
                hint="Add tables or databases and run `metier sync`; restricted ones: --groups or --all-groups.",
            )
        drawers = [SqlPairs(group, self._asker.rows, language, seed) for group in groups]
        turns = random.Random(seed).choices(drawers, weights=list(map(len, groups)), k=count * _DRAWN)
        for drawer in turns:
            if (pair := drawer.draw()) is not None:
                yield pair

    def _add(self, pair: SqlPair, made: SqlTrainingData) -> None:
        """Where the question is one to ask a model, and the query passes every check."""
        prepared = self._asker.prepared(pair.question, self._language, self._visible, self._today)
        if prepared is None:
            return
        reply = pair.reply(prepared.words)
        lines: tuple[str, ...] = ()
        if pair.sql:
            answer = prepared.attempt.answer(read_reply(reply))
            if not isinstance(answer, TableAnswer):
                return
            lines = tuple(line.text for line in answer.lines)
        if pair.held_out:
            made.cases.append(SqlCase(pair.question, pair.kind, lines))
            return
        system, asked = prepared.messages
        row = Row(asked.content, reply, ROW_KIND, system.content, language=self._language, origin=ROW_KIND)
        made.rows.append(row)
        made.tables.update((table.sql, table) for table in prepared.tables)

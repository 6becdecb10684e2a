"""A question asked of the tables by a query that a capable model writes.

question ─▶ tables that have its words ─▶ prompt ─▶ SQL under a grammar ─▶ guard ─▶ run apart ─▶ doubts ─▶ lines by rule
                                                      ▲───────── once: what is wrong, values that are there ──────┘
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from metier.generation.base import Message
from metier.tables.question import TableQuestion
from metier.tables.results import TableAnswer
from metier.tables.runner import QueryRunner
from metier.tables.schema import TableSchema
from metier.tables.sql_attempt import SqlAttempt
from metier.tables.sql_prompt import LinkedTables, brief_prompt, chosen, prompt, read_reply, to_explain
from metier.tables.sql_writer import QueryOutcome, SqlWriter, is_for_sql
from metier.tables.table_store import TableStore
from metier.text.analyzer import Analyser

_NEAR, _LOOKED_AT = 5, 200  # values that are told, and among which they are found


@dataclass(frozen=True, slots=True)
class PreparedQuestion:
    """What a model is asked, and what checks and answers its reply. `tables`: those shown; `words`: those to be
    explained."""

    tables: list[TableSchema]
    messages: list[Message]
    words: list[str]
    attempt: SqlAttempt


class SqlAsker:
    def __init__(self, store: TableStore, runner: QueryRunner, analyser: Analyser) -> None:
        self._store, self._runner, self._analyser = store, runner, analyser

    def prepared(
        self,
        question: TableQuestion,
        groups: Sequence[LinkedTables],
        documents: Mapping[int, Collection[str]],
        today: date,
        *,
        brief: bool,
        capable: bool = True,
    ) -> PreparedQuestion | None:
        """None where the question is none to ask a model. `documents`: of each table by its number, those of its rows
        that may be read. `brief`: for a model that was tuned on queries; `capable`: see `SqlAttempt`."""
        if not is_for_sql(question, groups):
            return None
        tables = chosen(question, groups, brief=brief)
        if not tables:
            return None
        words = to_explain(question, groups, tables)
        attempt = SqlAttempt(question, groups, tables, documents, words, self._runner.run, self._near, capable=capable)
        if brief:
            messages = brief_prompt(question, tables, groups, words, today)
        else:
            messages = prompt(question, tables, groups, words, attempt.sample, today)
        return PreparedQuestion(tables, messages, words, attempt)

    def ask(
        self,
        question: TableQuestion,
        groups: Sequence[LinkedTables],
        documents: Mapping[int, Collection[str]],
        writer: SqlWriter,
    ) -> QueryOutcome:
        """Without an answer where the tables do not hold it, or nothing shows that the query asks what was asked."""
        prepared = self.prepared(question, groups, documents, writer.today, brief=writer.tuned, capable=writer.capable)
        if prepared is None:
            return QueryOutcome()
        messages = prepared.messages
        for attempts_left in (1, 0):
            text = writer.write(messages, prepared.attempt.grammar)
            reply = read_reply(text) if text is not None else None
            if text is None:
                return QueryOutcome()
            if reply is not None and not reply.sql:
                return QueryOutcome(not_held=True)
            answer = prepared.attempt.answer(reply)
            if isinstance(answer, TableAnswer):
                return QueryOutcome(answer)
            if not attempts_left:
                break
            messages = [*messages, Message("assistant", text), Message("user", answer)]
        return QueryOutcome()

    def _near(self, table: TableSchema, text: str) -> list[str]:
        """Values of a table that share words with a text."""
        found = self._store.values_with(self._analyser.tokens(text), _LOOKED_AT)
        return [value for number, _, value in found if number == table.id][:_NEAR]

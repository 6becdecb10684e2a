"""The grammar of queries: llama.cpp takes it, and even a model that understands nothing writes under it what parses."""

from datetime import date

import pytest
import sqlglot

from metier.core.settings import GenerationSettings
from metier.generation import create
from metier.generation.base import Completion, Message
from metier.tables.asking import TableAsker
from metier.tables.results import TableAnswer
from metier.tables.runner import QueryRunner
from metier.tables.sql_prompt import read_reply
from metier.tables.sql_writer import SqlWriter
from metier.tables.table_store import TableStore
from metier.text.analyzer import Analyser

from .conftest import read
from .random_sql import RandomSentences

ODD = 'Part,"x"" \\ y",price €,Made\n"O\'Brien ""the"" part",1,10,2024-01-02\n"tab\there",2,20,2024-05-06\n'


class KeptGrammar:
    """In the place of a model: keeps the grammar that it is given."""

    takes_grammar, context_tokens = True, 8192
    grammar = ""

    def count_tokens(self, messages) -> int:
        return 0

    def complete(self, messages, *, grammar, **_options) -> Completion:
        self.grammar = grammar
        return Completion("NO", 0, 0, 0, 0.0, 0.0, "stop")


@pytest.fixture(scope="module")
def model():
    made = create(GenerationSettings())
    yield made
    made.close()


@pytest.mark.slow
def test_the_packaged_model_writes_what_parses(model, tmp_path):
    store = TableStore(tmp_path / "tables.sqlite", Analyser("en"))
    store.put([read("odd.csv", ODD.encode())])
    runner, kept = QueryRunner(store.path), KeptGrammar()
    question = "How many parts of O'Brien cost more than 1,200.50 in 2024?"
    TableAsker(store, runner, Analyser("en")).ask(question, "en", lambda documents: documents, SqlWriter(kept))
    runner.close()
    written = model.complete([Message("user", question)], max_tokens=400, temperature=1.0, seed=1, grammar=kept.grammar)
    assert written.finish_reason == "stop"
    reply = read_reply(written.text)
    assert reply is not None, written.text
    if reply.sql:
        assert isinstance(sqlglot.parse_one(reply.sql, dialect="sqlite"), sqlglot.exp.Query), reply.sql
    else:
        assert written.text.rstrip().endswith("NO")


def test_whatever_it_allows_is_answered_or_refused(shop, tmp_path):
    store = TableStore(tmp_path / "tables.sqlite", Analyser("en"))
    store.put([read("shop.sqlite", shop.read_bytes())])
    runner = QueryRunner(store.path)
    asker = TableAsker(store, runner, Analyser("en"))
    question = "Which customers in Porto spent more than 100 in 2024?"
    prepared = asker.prepared(question, "en", lambda documents: documents, date(2026, 11, 30))
    sentences = RandomSentences(prepared.attempt.grammar(), seed=1)
    told = {type(prepared.attempt.answer(read_reply(sentences("query")))) for _ in range(300)}
    assert told <= {str, TableAnswer}
    # sqlglot asserts that a number in ORDER BY stands for a column
    written = 'SELECT (SELECT MAX("Invoice"."Total") FROM "Invoice") FROM "Customer" ORDER BY 1'
    assert "cannot be understood" in prepared.attempt.answer(read_reply(written))
    runner.close()

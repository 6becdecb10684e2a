from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from metier import Expert
from metier.answering.request import Request, WriterOptions
from metier.answering.term_weights import WordWeights
from metier.core.documents import document_id
from metier.core.settings import AnsweringSettings
from metier.dataset.rows import Row
from metier.synthesis.pairs import QAPair
from metier.synthesis.raft import RowMaker

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def expert(parts_folder, tmp_path_factory):
    with Expert.open(shutil.copytree(parts_folder, tmp_path_factory.mktemp("raft") / "expert")) as opened:
        yield opened


def maker(expert, *, kinds="both", left_out=0.0, context="passages", seed=0, **answering):
    settings = expert.settings.model_copy(update={"answering": AnsweringSettings(context=context, **answering)})
    expert.runtime.settings = settings
    expert.runtime.answerer = expert.runtime.answerer_from(expert.runtime.passage_count)
    return RowMaker(
        expert.runtime.answerer.find,
        expert.runtime.generator,
        expert.runtime.analyser,
        WordWeights(expert.runtime.store),
        settings,
        kinds,
        left_out,
        seed,
        "x",
    )


def oil(expert) -> QAPair:
    passage = next(
        passage
        for uri, name in expert.runtime.store.uris().items()
        for passage in expert.runtime.store.passages(name)
        if uri.endswith("gearbox-oil.md")
    )
    return QAPair(
        "How often is the gearbox oil of the NV-110 changed?", "every 31 months", passage, "fact", "en", "model"
    )


def test_two_rows_with_and_without_passages(expert):
    pair = oil(expert)
    shown, plain = maker(expert).rows(pair, pair.question)
    assert (shown.question, shown.completion, shown.kind) == (pair.question, "every 31 months", "fact")
    assert shown.context
    assert not plain.context
    assert shown.passages == plain.passages == (pair.passage.id,)
    assert [row.context == () for row in maker(expert, kinds="rag").rows(pair, pair.question)] == [False]
    assert [row.context == () for row in maker(expert, kinds="plain").rows(pair, pair.question)] == [True]


@pytest.mark.parametrize("context", ["passages", "sentences"])
def test_the_prompt_is_the_one_of_answering(expert, context, monkeypatch):
    pair = oil(expert)
    (row,) = maker(expert, kinds="rag", context=context, instruction="Answer like a technician.").rows(
        pair, pair.question
    )
    prompts = []
    complete = expert.runtime.generator.complete

    def listening(messages, **options):
        prompts.append(messages)
        return complete(messages, **options | {"adapter": None})

    monkeypatch.setattr(expert.runtime.generator, "complete", listening)
    expert.runtime.answerer.ask(
        Request(pair.question, mode="rag+tuned", writer=WriterOptions(adapter="an adapter"), abstain=False)
    )
    assert row.prompt() == prompts[0]
    assert Row.from_json(row.to_json()).prompt() == prompts[0]


@pytest.mark.parametrize("context", ["passages", "sentences"])
def test_an_oracle_that_retrieval_missed_takes_the_last_place(expert, context):
    pair = oil(expert)
    question = "How often are the pitch batteries of the NV-110 changed?"
    make = maker(expert, kinds="rag", context=context)
    missed = replace(
        make, find=lambda asked: expert.runtime.answerer.find(asked, without=frozenset({pair.passage.document_id}))
    )
    (row,) = missed.rows(pair, question)
    found = missed.find(question).shown
    assert row.context[:-1] == tuple(found[:-1])
    assert row.context[-1].document_id == pair.passage.document_id
    assert "31 months" in row.context[-1].text
    if context == "sentences":
        assert row.context[-1].text == "The gearbox oil of the NV-110 is changed every 31 months."


def test_without_the_oracle_the_refusal_is_right(expert):
    pair = oil(expert)
    (row,) = maker(expert, kinds="rag", left_out=1.0).rows(pair, pair.question)
    assert (row.kind, row.completion) == ("refusal", "The documents do not say.")
    assert row.context
    assert pair.passage.document_id not in {passage.document_id for passage in row.context}
    (own,) = maker(expert, kinds="rag", left_out=1.0, refusal="Ask the office.").rows(pair, pair.question)
    assert own.completion == "Ask the office."
    (bengali,) = maker(expert, kinds="rag", left_out=1.0).rows(pair, "গিয়ারবক্সের তেল কত দিন পর পর বদলানো হয়?")
    assert bengali.completion == "নথিগুলিতে এর উত্তর নেই।"


def test_no_refusal_where_another_document_answers(expert, tmp_path):
    pair = oil(expert)
    assert maker(expert, left_out=1.0).rows(pair, pair.question)[0].kind == "refusal"
    again = replace(pair, passage=replace(pair.passage, document_id=document_id("a copy")))
    assert maker(expert, left_out=1.0).rows(again, pair.question)[0].kind == "fact"


def test_the_share_left_out_is_drawn_by_the_seed(expert):
    pair = oil(expert)
    questions = [f"How often is the gearbox oil of the NV-110 changed, asks number {n}?" for n in range(24)]

    def refused(seed):
        make = maker(expert, kinds="rag", left_out=0.2, seed=seed)
        return [question for question in questions if make.rows(pair, question)[0].kind == "refusal"]

    first = refused(0)
    assert 0.1 < len(first) / len(questions) < 0.35
    assert refused(0) == first
    assert refused(1) != first

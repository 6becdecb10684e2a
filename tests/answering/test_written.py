from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest
from paced_scripted_endpoint import ScriptedEndpoint, scripted_endpoint

from metier import Expert
from metier.answering.answer import Style, Support
from metier.generation.base import Message, Sampling

pytestmark = pytest.mark.slow

PUMP = """# Pump NP-40

## Work on the pump

Before work begins:

1. Close valve V1.
2. Open breaker Q1 and lock it.

The command `reset NP-40` puts the pump back.

## Torques

| Bolt | Torque |
|---|---|
| Flange | 65 Nm |
| Coupling | 40 Nm |
"""
STEPS = """Before you start work on the pump, do this:

1. Close valve V1.
2. Open breaker Q1 and lock it.

| Bolt | Torque |
|---|---|
| Flange | 65 Nm |

`reset NP-40` puts it back."""


@pytest.fixture(scope="module")
def docs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    (folder / "pump.md").write_text(PUMP)
    (folder / "shifts.md").write_text("# Shifts\n\nThe early shift starts at 06:00 and ends at 14:00.\n")
    return folder


@contextmanager
def asked(tmp_path, docs, endpoint: ScriptedEndpoint, settings: str = ""):
    """An expert over `docs` whose model is the scripted endpoint."""
    with Expert.create(tmp_path / "expert", model="openai:scripted") as made:
        path = made.folder / "metier.toml"
        path.write_text(path.read_text().replace("[generation]", f'[generation]\nurl = "{endpoint.url}"') + settings)
    with Expert.open(tmp_path / "expert") as expert:
        expert.add(str(docs))
        expert.sync()
        yield expert


@pytest.fixture(scope="module")
def running(tmp_path_factory, docs):
    """The expert and its endpoint."""
    with (
        scripted_endpoint() as endpoint,
        asked(tmp_path_factory.mktemp("written"), docs, endpoint) as expert,
    ):
        yield expert, endpoint


@pytest.fixture
def endpoint(running):
    endpoint = running[1]
    endpoint.pace, endpoint.hold_before_last, endpoint.requests = 0.0, False, []
    endpoint.released.clear()
    return endpoint


@pytest.fixture
def expert(running):
    return running[0]


def test_what_a_capable_model_writes_is_the_answer_whole_and_in_its_own_form(expert, endpoint):
    endpoint.says = STEPS
    pieces: list[str] = []
    answer = expert.ask("What do I do before work on the pump?", on_text=pieces.append)
    assert answer.text == STEPS
    assert "".join(pieces).strip() == STEPS
    assert (answer.style, answer.abstained, answer.finish_reason) == (Style.WRITTEN, False, "stop")
    assert {c.document for c in answer.citations} == {"docs/pump.md"} or answer.citations[0].document.endswith(
        "pump.md"
    )
    for sentence in answer.sentences:
        assert STEPS[sentence.start : sentence.end].strip()
    for citation in answer.citations:
        text = expert.runtime.store.document(citation.document_id).text
        assert text[citation.start : citation.end] == citation.quote


def test_a_sentence_that_no_source_carries_is_marked_and_stays(expert, endpoint):
    endpoint.says = "The flange bolts take 65 Nm. The coupling bolts take 95 Nm."
    answer = expert.ask("How tight are the bolts of the pump?")
    assert answer.text == endpoint.says
    assert [s.support for s in answer.sentences] == [Support.CARRIED, Support.NOT]
    assert "95" in answer.sentences[1].reason
    assert answer.unsupported == (answer.sentences[1].span,)


def test_pieces_arrive_before_the_last_is_written_and_sentences_follow(expert, endpoint):
    endpoint.says = "The flange bolts take 65 Nm. The early shift starts at 06:00."
    endpoint.hold_before_last = True
    checked = threading.Event()
    answer = expert.ask(
        "How tight are the flange bolts?",
        on_text=lambda piece: endpoint.released.set() if "shift" in piece else None,
        on_sentence=lambda sentence: checked.set(),
    )
    assert endpoint.released.is_set(), "the word before the last arrived while the last was held back"
    assert checked.is_set()
    assert answer.text == endpoint.says


def test_the_models_own_decline_is_a_refusal_in_its_own_words_with_the_nearest_places(expert, endpoint):
    endpoint.says = "The documents do not mention the weight of the NP-40. They give its torques, though."
    answer = expert.ask("How heavy is the pump NP-40?")
    assert (answer.text, answer.abstained) == (endpoint.says, True)
    assert answer.nearest[0].uri.endswith("pump.md")


def test_the_question_the_history_and_an_added_instruction_reach_the_model(expert, endpoint):
    endpoint.says = "They take 40 Nm."
    history = (Message("user", "How tight are the flange bolts of the pump?"), Message("assistant", "65 Nm."))
    expert.ask("And the coupling bolts?", history=history, system="Answer like a pirate.")
    sent = endpoint.requests[-1]["messages"]
    assert sent[0]["content"].endswith("Answer like a pirate.")
    assert "one short sentence" not in sent[0]["content"]
    assert [m["content"] for m in sent[1:3]] == [turn.content for turn in history]
    assert sent[-1]["content"].endswith("Question: And the coupling bolts?")
    assert "40 Nm" in sent[-1]["content"]


def test_how_it_is_drawn_is_the_callers(expert, endpoint):
    sampling = Sampling(temperature=0.7, top_p=0.5, max_tokens=3, seed=11, stop=("END",))
    endpoint.says = "one two three four five"
    answer = expert.ask("How tight are the flange bolts?", sampling=sampling)
    sent = endpoint.requests[-1]
    assert (sent["temperature"], sent["top_p"], sent["max_tokens"], sent["seed"], sent["stop"]) == (
        0.7,
        0.5,
        3,
        11,
        ["END"],
    )
    assert (answer.text, answer.finish_reason) == ("one two three", "length")


def test_what_no_document_names_is_told_to_the_model(expert, endpoint):
    endpoint.says = "The documents do not mention it."
    expert.ask("How tight are the bolts of the pump QX-77?")
    assert "No document of the collection mentions: QX-77" in endpoint.requests[-1]["messages"][-1]["content"]


def test_a_model_that_falls_into_a_loop_is_stopped_and_nothing_is_taken_back(expert, endpoint):
    endpoint.says = "The flange bolts take 65 Nm. " * 50
    pieces: list[str] = []
    answer = expert.ask("How tight are the flange bolts?", on_text=pieces.append)
    assert answer.text.count("65 Nm") < 10
    assert "".join(pieces).strip() == answer.text


def test_stop_stops(expert, endpoint):
    endpoint.says = "The flange bolts take 65 Nm and the coupling bolts take 40 Nm."
    endpoint.pace = 0.02
    answer = expert.ask("How tight are the bolts?", on_text=lambda piece: "Nm" in piece)
    assert answer.text == "The flange bolts take 65 Nm"
    assert endpoint.closed.wait(10)


def test_an_empty_collection_is_refused_without_asking_the_model(tmp_path, endpoint):
    empty = tmp_path / "none"
    empty.mkdir()
    (empty / "a.md").write_text("# A\n\nOne.")
    with asked(tmp_path, empty, endpoint) as expert:
        answer = expert.ask("What is the torque?", without=frozenset(expert.runtime.store.uris().values()))
    assert answer.abstained
    assert not endpoint.requests

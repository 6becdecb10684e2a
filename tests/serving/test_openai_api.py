"""The official OpenAI client against a running server, with a real expert and the real model."""

from __future__ import annotations

import json
import re
import signal
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest

from metier import Expert

from .servers import QUESTION, SECRET_DOCUMENT, Server, sample_expert

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return sample_expert(tmp_path_factory.mktemp("served"), "queue = 1", secret=SECRET_DOCUMENT)


@pytest.fixture
def client(address):
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        yield client


def ask(client, question=QUESTION, model="parts", **options):
    return client.chat.completions.create(model=model, messages=[{"role": "user", "content": question}], **options)


def test_models_are_the_expert_and_its_modes(client):
    assert [model.id for model in client.models.list()] == ["parts", "parts:base", "parts:rag"]
    assert client.models.retrieve("parts:rag").owned_by == "metier"


def test_an_answer_carries_its_sources(client):
    answer = ask(client)
    message = answer.choices[0].message
    assert "31 months" in message.content
    (citation,) = [each.url_citation for each in message.annotations]
    assert message.content[citation.start_index : citation.end_index] == message.content
    assert re.fullmatch(r"http://[\d.:]+/documents/[0-9a-f]{16}\?start=\d+&end=\d+", citation.url)
    assert answer.metier["citations"][0]["document"].endswith("gearbox-oil.md")
    assert (answer.metier["style"], answer.choices[0].finish_reason) == ("quoted", "stop")


def test_a_stream_is_the_same_answer_in_pieces(client):
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == ask(client).choices[0].message.content
    last = next(chunk for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason)
    assert last.metier["text"] == text
    assert last.choices[0].delta.annotations
    assert chunks[-1].usage.completion_tokens == last.metier["usage"]["completion_tokens"]


def test_a_model_alone_is_heard_as_it_writes(client):
    pieces = [chunk.choices[0].delta.content for chunk in ask(client, "Count to five.", "parts:base", stream=True)]
    assert sum(bool(piece) for piece in pieces) > 2


def test_a_follow_up_is_understood(client):
    turns = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": "Every 31 months."},
        {"role": "user", "content": "And the brake pads?"},
    ]
    answer = client.chat.completions.create(model="parts", messages=turns)
    assert answer.metier["citations"][0]["document"].endswith("brake-pads.md")


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"model": "gpt-4"}, openai.NotFoundError, "There are: parts"),
        ({"model": "parts:tuned"}, openai.NotFoundError, "no model 'parts:tuned'"),
        ({"question": "   "}, openai.BadRequestError, "the question is empty"),
        ({"n": 3}, openai.BadRequestError, "n: "),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, openai.BadRequestError, "tools cannot be used"),
        ({"stream": True, "question": ""}, openai.BadRequestError, "the question is empty"),
    ],
)
def test_errors_have_openais_form(client, options, error, said):
    with pytest.raises(error, match=re.escape(said)) as raised:
        ask(client, **options)
    assert raised.value.body["type"] in ("invalid_request_error", "not_found_error")


def test_a_prompt_is_asked_as_a_question(client):
    answer = client.completions.create(model="parts", prompt=QUESTION)
    assert answer.choices[0].text == ask(client).choices[0].message.content
    assert answer.metier["citations"][0]["document"].endswith("gearbox-oil.md")
    assert answer.object == "text_completion"
    for prompt in (QUESTION, [QUESTION]):
        chunks = list(
            client.completions.create(model="parts", prompt=prompt, stream=True, stream_options={"include_usage": True})
        )
        assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == answer.choices[0].text
        assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
        assert chunks[-2].metier["text"] == answer.choices[0].text
        assert chunks[-1].usage.completion_tokens == chunks[-2].metier["usage"]["completion_tokens"]


def test_a_prompt_to_the_model_alone_is_heard_as_it_writes(client):
    chunks = list(client.completions.create(model="parts:base", prompt="Count to five.", stream=True, max_tokens=9))
    assert sum(bool(chunk.choices[0].text) for chunk in chunks) > 2
    assert chunks[-1].metier["mode"] == "base"
    assert chunks[-1].metier["usage"]["completion_tokens"] == 9
    assert chunks[-1].choices[0].finish_reason == "length"


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"model": "gpt-4"}, openai.NotFoundError, "There are: parts"),
        ({"prompt": " \n"}, openai.BadRequestError, "the question is empty"),
        ({"prompt": [QUESTION, QUESTION]}, openai.BadRequestError, "prompt: "),
        ({"prompt": []}, openai.BadRequestError, "prompt: "),
        ({"prompt": [1, 2]}, openai.BadRequestError, "prompt: "),
        ({"prompt": [1]}, openai.BadRequestError, "prompt.0: "),
        ({"echo": True}, openai.BadRequestError, "echo: "),
        ({"suffix": "এরপর"}, openai.BadRequestError, "suffix: "),
        ({"logprobs": 0}, openai.BadRequestError, "logprobs: "),
        ({"best_of": 2}, openai.BadRequestError, "best_of: "),
        ({"n": 2, "stream": True}, openai.BadRequestError, "n: "),
    ],
)
def test_what_a_completion_cannot_do_is_refused_by_name(client, options, error, said):
    with pytest.raises(error, match=re.escape(said)) as raised:
        client.completions.create(**{"model": "parts", "prompt": QUESTION} | options)
    if said.endswith(": "):
        assert raised.value.body["param"] == said.removesuffix(": ")


def test_embeddings_are_the_experts(client, folder):
    given = client.embeddings.create(model="parts", input=["গিয়ারবক্স", "oil"]).data
    with Expert.open(folder) as expert:
        wanted = expert.runtime.embedder.embed_passages(["গিয়ারবক্স", "oil"])
    assert given[1].embedding == pytest.approx(wanted[1].tolist(), abs=1e-5)


def test_more_than_it_can_take_is_told_to_come_again(address):
    """Two answers at once and one that waits: of eight, some are turned away, and none fails otherwise."""

    def post(number):
        body = {"model": "parts:base", "messages": [{"role": "user", "content": f"Tell story {number}."}]}
        return httpx.post(f"{address}/v1/chat/completions", json=body, timeout=120)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(post, range(8)))
    assert {answer.status_code for answer in answers} == {200, 429}
    turned_away = next(answer for answer in answers if answer.status_code == 429)
    assert int(turned_away.headers["retry-after"]) >= 1
    assert turned_away.json()["error"]["code"] == "queue_full"


def test_other_addresses_want_a_key(folder, run_metier):
    refused = run_metier("serve", "-e", str(folder), "--host", "0.0.0.0", check=2)
    assert "metier keys create" in refused.stderr


def test_a_key_sees_what_its_groups_may_see(folder, call_metier):
    def key(*options):
        made = call_metier("keys", "create", "tablet", "-e", str(folder), *options, "--json").stdout
        return json.loads(made)["secret"]

    everyone, board = key(), key("--groups", "board")
    server = Server(folder)
    try:
        question = "What is the code of the Vargmyr safe?"
        for secret, sees in ((everyone, False), (board, True)):
            with openai.OpenAI(base_url=f"{server.address}/v1", api_key=secret, max_retries=0) as client:
                assert ("4711" in ask(client, question).choices[0].message.content) is sees
        stranger = openai.OpenAI(base_url=f"{server.address}/v1", api_key="mtr_no_such", max_retries=0)
        with stranger, pytest.raises(openai.AuthenticationError):
            stranger.models.list()
    finally:
        assert server.stop() in (0, -signal.SIGTERM)

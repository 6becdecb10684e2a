"""Answers in a model's own words, over OpenAI's API: when they leave, what travels with them, what stops them. The
model is a scripted endpoint."""

from __future__ import annotations

import json
import time

import httpx
import openai
import pytest

from .scripted import WRITTEN, scripted_server
from .servers import QUESTION

pytestmark = pytest.mark.slow

TITLE = (
    "### Task:\nGenerate a concise, 3-5 word title.\n### Guidelines:\n- Be brief.\n### Output:\n"
    'JSON format: { "title": "…" }\n### Chat History:\n<chat_history>\nUSER: oil?\n</chat_history>'
)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with scripted_server(tmp_path_factory.mktemp("written")) as pair:
        yield pair


@pytest.fixture
def endpoint(running):
    endpoint, _ = running
    endpoint.says, endpoint.hold_before_last, endpoint.pace, endpoint.break_after = WRITTEN, False, 0.0, None
    endpoint.released.clear()
    endpoint.requests.clear()
    return endpoint


@pytest.fixture
def address(running):
    return running[1].address


@pytest.fixture
def client(address):
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        yield client


def ask(client, *messages, model="parts", **options):
    turns = messages or ({"role": "user", "content": QUESTION},)
    return client.chat.completions.create(model=model, messages=list(turns), **options)


def said(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_the_first_piece_leaves_before_the_last_is_written(endpoint, client):
    endpoint.hold_before_last = True
    seen, sentences = [], []
    for chunk in ask(client, stream=True):
        seen.append(chunk)
        if sentence := (getattr(chunk, "metier", None) or {}).get("sentence"):
            sentences.append(sentence)
        if sentences and not endpoint.released.is_set():  # a sentence is checked while the endpoint waits for us
            assert said(seen).startswith("The gearbox oil")
            assert not endpoint.done.is_set()
            endpoint.released.set()
    assert endpoint.released.is_set()
    assert said(seen) == WRITTEN.strip()
    assert sentences[0]["support"] == "carried"
    assert sentences[0]["citations"][0]["document"].endswith("gearbox-oil.md")


def test_text_is_sent_once_and_whole_and_marked(endpoint, client):
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert said(chunks) == WRITTEN.strip()
    assert all(chunk.choices[0].delta.content is not None for chunk in chunks[:-2])
    last = next(chunk for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason)
    full = last.metier
    assert (full["text"], full["style"], full["finish_reason"]) == (WRITTEN.strip(), "written", "stop")
    told = [chunk.metier["sentence"] for chunk in chunks[:-2] if getattr(chunk, "metier", None)]
    assert told == full["sentences"]
    by_text = {full["text"][each["start"] : each["end"]]: each["support"] for each in full["sentences"]}
    assert by_text["The gearbox oil of the NV-110 is changed every 31 months."] == "carried"
    assert by_text["The yaw grease of the NV-110 costs 500 kronor."] == "not"
    cited = {
        (each["url_citation"]["start_index"], each["url_citation"]["end_index"])
        for each in last.choices[0].delta.annotations
    }
    assert cited == {(each["start"], each["end"]) for each in full["sentences"] if each["citations"]} - {
        (each["start"], each["end"]) for each in full["sentences"] if each["support"] in ("not", "none")
    }
    assert chunks[-1].usage.completion_tokens > 0
    whole = ask(client)
    assert whole.choices[0].message.content == WRITTEN.strip()
    assert whole.metier["sentences"] == full["sentences"]


def test_whoever_hangs_up_stops_the_model(endpoint, client, address):
    endpoint.says, endpoint.pace = "word " * 500, 0.02
    with ask(client, stream=True) as stream:
        next(iter(stream))
    assert endpoint.closed.wait(5)
    assert endpoint.written < 400
    body = {"model": "parts", "messages": [{"role": "user", "content": QUESTION}]}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{address}/v1/chat/completions", json=body, timeout=0.7)
    assert endpoint.closed.wait(5)


def test_sampling_and_an_added_instruction_reach_the_model(endpoint, client):
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    ask(
        client,
        {"role": "system", "content": "Answer as a pirate."},
        {"role": "developer", "content": "Never say arr."},
        {"role": "user", "content": QUESTION},
        temperature=0.7, top_p=0.8, max_completion_tokens=77, stop=["END", "###"], seed=5, response_format=form,
    )  # fmt: skip
    sent = endpoint.requests[-1]
    assert (sent["temperature"], sent["top_p"], sent["max_tokens"], sent["seed"]) == (0.7, 0.8, 77, 5)
    assert (sent["stop"], sent["response_format"]) == (["END", "###"], form)
    system = sent["messages"][0]
    assert system["role"] == "system"
    assert system["content"].rstrip().endswith("Answer as a pirate.\n\nNever say arr.")
    assert len(system["content"]) > 60  # the expert's own stands before it
    ask(client)
    assert {"temperature": 0.0, "seed": 0}.items() <= endpoint.requests[-1].items()
    assert not {"top_p", "stop", "response_format"} & set(endpoint.requests[-1])


def test_a_prompt_is_sampled_as_asked(endpoint, client):
    answer = client.completions.create(model="parts", prompt=QUESTION, max_tokens=5, stop="END", temperature=1.5)
    assert endpoint.requests[-1]["stop"] == ["END"]
    assert endpoint.requests[-1]["temperature"] == 1.5
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].text == "The gearbox oil of the"


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_was_cut_says_so(endpoint, client, stream):
    answer = ask(client, max_tokens=4, stream=stream)
    if stream:
        (reason,) = [each.choices[0].finish_reason for each in answer if each.choices[0].finish_reason]
    else:
        reason = answer.choices[0].finish_reason
    assert reason == "length"


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"temperature": 3}, "temperature: "),
        ({"top_p": 1.1}, "top_p: "),
        ({"max_tokens": 0}, "max_tokens: "),
        ({"stop": ["x"] * 17}, "stop"),
        ({"response_format": {"type": "poem"}}, "response_format is not known"),
    ],
)
def test_sampling_that_makes_no_sense_is_refused(endpoint, client, options, what):
    with pytest.raises(openai.BadRequestError, match=what):
        ask(client, **options)
    assert endpoint.requests == []


def test_what_a_chat_client_asks_on_its_own_is_not_looked_up(endpoint, client):
    endpoint.says = '{ "title": "Oil" }'
    answer = ask(client, {"role": "user", "content": TITLE})
    assert answer.choices[0].message.content == '{ "title": "Oil" }'
    assert (answer.metier["mode"], answer.metier["citations"]) == ("base", [])
    assert "31 months" not in json.dumps(endpoint.requests[-1])
    assert (
        ask(client, {"role": "user", "content": "### Task: when is the gearbox oil changed?"}).metier["mode"] == "rag"
    )


def test_an_error_in_the_middle_is_told_in_the_stream(endpoint, client):
    endpoint.break_after = 2
    seen = []
    with pytest.raises(openai.APIError, match="cut off in the middle"):
        seen.extend(ask(client, stream=True))
    assert said(seen) == "The gearbox"


def test_pieces_leave_as_fast_as_they_come(endpoint, client):
    endpoint.says, endpoint.pace = "One two three four five six seven eight nine ten.", 0.05
    arrived = []
    for chunk in ask(client, stream=True):
        if chunk.choices and chunk.choices[0].delta.content:
            arrived.append(time.monotonic())
    assert len(arrived) == 10
    assert arrived[-1] - arrived[0] > 0.4

"""When pieces arrive, what stops the other side, and what a request asks for: against a scripted endpoint."""

from __future__ import annotations

import threading
import time

import pytest
from paced_scripted_endpoint import scripted_endpoint

from metier.core.errors import InputError
from metier.core.settings import GenerationSettings
from metier.generation import Message, create

QUESTION = [Message("user", "What do blades do?")]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}


@pytest.fixture
def endpoint():
    with scripted_endpoint("Turn in the wind, all day long.") as endpoint:
        yield endpoint


@pytest.fixture
def generator(endpoint):
    generator = create(GenerationSettings(model="openai:scripted", url=endpoint.url))
    yield generator
    generator.close()


def test_the_first_piece_arrives_before_the_last_is_written(endpoint, generator):
    endpoint.hold_before_last = True
    heard = []
    first = threading.Event()
    thread = threading.Thread(
        target=lambda: generator.complete(
            QUESTION, max_tokens=50, on_text=lambda text: heard.append(text) or first.set()
        )
    )
    thread.start()
    assert first.wait(5)
    assert not endpoint.done.is_set()
    assert heard[0] == "Turn"
    endpoint.released.set()
    thread.join()
    assert "".join(heard) == endpoint.says
    assert endpoint.done.wait(5)


def test_stopping_hangs_up_at_once(endpoint, generator):
    endpoint.hold_before_last = True
    stopped = generator.complete(QUESTION, max_tokens=50, on_text=lambda _: True)
    assert endpoint.closed.wait(2)
    assert (stopped.text, stopped.finish_reason) == ("Turn", "stop")
    assert not endpoint.done.is_set()


def test_what_on_text_raises_hangs_up(endpoint, generator):
    def broken(_text):
        raise ZeroDivisionError

    endpoint.hold_before_last = True
    with pytest.raises(ZeroDivisionError):
        generator.complete(QUESTION, max_tokens=50, on_text=broken)
    assert endpoint.closed.wait(2)


def test_a_connection_is_kept_for_the_next_question(endpoint, generator):
    for _ in range(3):
        generator.complete(QUESTION, max_tokens=50)
    assert len(endpoint.connections) == 1


def test_a_connection_that_the_server_gave_up_is_made_anew(endpoint, generator):
    generator.complete(QUESTION, max_tokens=50)
    (kept,) = generator._client._transport._pool.connections
    kept._connection._network_stream.get_extra_info("socket").shutdown(2)
    assert generator.complete(QUESTION, max_tokens=50).text == endpoint.says


def test_the_limit_is_told_as_such(endpoint, generator):
    assert generator.complete(QUESTION, max_tokens=3).finish_reason == "length"
    assert generator.complete(QUESTION, max_tokens=50).finish_reason == "stop"


def test_sampling_is_passed_on(endpoint, generator):
    generator.complete(QUESTION, max_tokens=5, temperature=0.7, top_p=0.9, seed=3, stop=["END"], response_format=SCHEMA)
    generator.complete(QUESTION, max_tokens=5)
    asked, plain = endpoint.requests
    assert (asked["temperature"], asked["top_p"], asked["seed"], asked["stop"]) == (0.7, 0.9, 3, ["END"])
    assert asked["response_format"] == SCHEMA
    assert not {"top_p", "stop", "response_format"} & set(plain)


def test_a_form_that_is_none_is_refused(generator):
    with pytest.raises(InputError, match="response_format is not known"):
        generator.complete(QUESTION, max_tokens=5, response_format={"type": "poem"})


@pytest.mark.parametrize(
    ("about", "tokens"),
    [
        ({}, 8192),
        ({"max_model_len": 32768, "owned_by": "vllm"}, 32768),
        ({"context_length": 131072}, 131072),
        ({"meta": {"n_ctx_train": 2048}}, 2048),
        ({"owned_by": "library"}, 4096),
        ({"max_model_len": "many"}, 8192),
    ],
)
def test_the_context_is_what_the_server_says(endpoint, generator, about, tokens):
    endpoint.about = about
    assert generator.context_tokens == tokens
    asked = list(endpoint.asked)
    assert generator.context_tokens == tokens
    assert endpoint.asked == asked
    assert generator.parameters is None


def test_the_context_of_the_settings_wins_and_nobody_is_asked(endpoint):
    generator = create(GenerationSettings(model="openai:scripted", url=endpoint.url, context_tokens=700))
    assert generator.context_tokens == 700
    assert endpoint.asked == []
    generator.close()


def test_a_server_that_is_not_there_is_asked_again():
    generator = create(GenerationSettings(model="openai:scripted", url="http://127.0.0.1:9/v1"))
    began = time.monotonic()
    assert generator.context_tokens == 8192
    assert time.monotonic() - began < 3
    with scripted_endpoint() as endpoint:
        endpoint.about = {"context_window": 1234}
        generator._url = endpoint.url
        assert generator.context_tokens == 1234
    generator.close()

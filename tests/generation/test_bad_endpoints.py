"""Whatever an endpoint does wrong, for answers, vectors or pictures: one clear error that names it, by the clock."""

from __future__ import annotations

import time

import pytest

from metier.core.documents import Picture
from metier.core.errors import EndpointError
from metier.core.settings import EmbeddingSettings, GenerationSettings, ParsingSettings
from metier.embedding import create, endpoint
from metier.generation import endpoint as generation_endpoint
from metier.generation import vision
from metier.generation.base import Message
from metier.generation.endpoint import EndpointGenerator

from .bad_endpoint import EMBEDS_WRONG, GOOD_ENOUGH, WRITES_WRONG, WRONG, Play, bad_endpoint

QUESTION = [Message("user", "Which way?")]
SECONDS = 1.0  # that a whole call may take here
ALL = WRONG | WRITES_WRONG
PICTURE = Picture(b"\x89PNG\r\n\x1a\n", 0)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    monkeypatch.setattr(generation_endpoint, "_LONGEST_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(endpoint, "CALL_SECONDS", SECONDS)
    monkeypatch.setattr(endpoint, "ATTEMPTS", 2)
    monkeypatch.setattr(endpoint, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(endpoint, "LONGEST_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(vision, "_SECONDS", SECONDS)


def generator_at(url: str) -> EndpointGenerator:
    settings = GenerationSettings(model="openai:tiny", url=url, timeout_seconds=SECONDS)
    return EndpointGenerator(settings, "tiny", None, backoff_seconds=0.01)


def told(raised: pytest.ExceptionInfo[EndpointError], url: str, seconds: float) -> None:
    """One error in a line, that names the endpoint, and in time."""
    message = raised.value.message
    assert url in message
    assert "\n" not in message
    assert len(message) < 700
    assert raised.value.hint
    assert seconds < 5 * SECONDS


@pytest.mark.parametrize("play", ALL.values(), ids=ALL)
def test_an_answer_is_whole_or_a_clear_error(play: Play):
    with bad_endpoint(play) as url:
        generator, began = generator_at(url), time.monotonic()
        with pytest.raises(EndpointError) as raised:
            generator.complete(QUESTION, max_tokens=20, logprobs=True)
        told(raised, url, time.monotonic() - began)
        generator.close()


@pytest.mark.parametrize(("play", "finish"), GOOD_ENOUGH.values(), ids=GOOD_ENOUGH)
def test_what_is_whole_is_used_though_its_end_is_bad(play: Play, finish: str):
    with bad_endpoint(play) as url:
        generator, began = generator_at(url), time.monotonic()
        answer = generator.complete(QUESTION, max_tokens=20)
        assert answer.finish_reason == finish
        assert answer.text.startswith("Turn")
        assert len(answer.text) < 10_000
        assert "\0" not in answer.text
        answer.text.encode()
        assert "Do not" not in answer.text
        assert time.monotonic() - began < 5 * SECONDS
        generator.close()


VECTORS = WRONG | EMBEDS_WRONG


@pytest.mark.parametrize("play", VECTORS.values(), ids=VECTORS)
def test_vectors_are_right_or_a_clear_error(play: Play):
    with bad_endpoint(play) as url:
        embedder = create(EmbeddingSettings(model="openai:tiny", url=url))
        began = time.monotonic()
        with pytest.raises(EndpointError) as raised:
            embedder.embed_passages(["one", "two"])
        told(raised, url, time.monotonic() - began)
        embedder.close()


@pytest.mark.parametrize("play", ALL.values(), ids=ALL)
def test_a_description_is_whole_or_a_clear_error(play: Play, tmp_path):
    with bad_endpoint(play) as url:
        model = vision.VisionModel(ParsingSettings(vision="openai:tiny", vision_url=url), tmp_path)
        began = time.monotonic()
        with pytest.raises(EndpointError) as raised:
            model.describe(PICTURE, "en")
        told(raised, url, time.monotonic() - began)
        assert not (tmp_path / vision.FILE).exists()
        model.close()

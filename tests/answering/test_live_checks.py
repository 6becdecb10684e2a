from __future__ import annotations

import threading

import pytest

from metier.answering.answer import Sentence, Support
from metier.answering.live_checks import LiveChecks
from metier.text.sentences import sentence_spans


class CarriesEverything:
    """Stands for a checker: every sentence is carried."""

    def __init__(self, fails_on: str = "") -> None:
        self.threads: set[int] = set()
        self._fails_on = fails_on

    def spans(self, text):
        return sentence_spans(text)

    def check(self, text, span):
        self.threads.add(threading.get_ident())
        if self._fails_on and self._fails_on in text[slice(*span)]:
            raise ValueError(self._fails_on)
        return Sentence(*span, Support.CARRIED, 1.0)


TEXT = "The pump takes 2.4 litres. It is oil ISO VG 68.\n\n1. Open the plug.\n2. Fill in the oil."


def test_each_sentence_is_told_once_in_order_while_the_text_grows():
    told: list[Sentence] = []
    checking = CarriesEverything()
    checks = LiveChecks(lambda: checking, told.append)
    for character in TEXT:
        checks.feed(character)
    sentences = checks.finish(TEXT)
    assert [TEXT[s.start : s.end] for s in sentences] == [
        "The pump takes 2.4 litres.", "It is oil ISO VG 68.", "1. Open the plug.", "2. Fill in the oil.",
    ]  # fmt: skip
    assert tuple(told) == sentences
    assert threading.get_ident() not in checking.threads


def test_a_sentence_is_told_before_the_text_is_complete():
    arrived = threading.Event()
    checks = LiveChecks(CarriesEverything, lambda sentence: arrived.set())
    checks.feed("The pump takes 2.4 litres. It is")
    assert arrived.wait(10)
    checks.finish("The pump takes 2.4 litres. It is oil.")


def test_what_goes_wrong_while_checking_comes_out_at_the_end():
    checks = LiveChecks(lambda: CarriesEverything(fails_on="oil"), None)
    checks.feed(TEXT)
    with pytest.raises(ValueError, match="oil"):
        checks.finish(TEXT)


def test_an_empty_text_has_no_sentences():
    assert LiveChecks(CarriesEverything, None).finish("") == ()


def test_what_is_written_does_not_wait_until_the_sources_are_read():
    read, told = threading.Event(), []

    def begin():
        read.wait(10)
        return CarriesEverything()

    checks = LiveChecks(begin, told.append)
    checks.feed("The pump takes 2.4 litres. It is oil")  # comes back though nothing is read yet
    assert told == []
    read.set()
    assert len(checks.finish("The pump takes 2.4 litres. It is oil.")) == 2


def test_sources_that_cannot_be_read_are_told_at_the_end():
    checks = LiveChecks(lambda: [][0], None)
    checks.feed(TEXT)
    with pytest.raises(IndexError):
        checks.finish(TEXT)

from __future__ import annotations

from dataclasses import dataclass

import pytest

from metier.answering import prompt, style
from metier.answering.answer import Style
from metier.core.settings import Settings


@dataclass
class GeneratorOfSize:
    """Only what a style is chosen by."""

    parameters: int | None
    context_tokens: int = 4096


@pytest.mark.parametrize(
    ("parameters", "chosen"),
    [
        (134_515_008, "quoted"),
        (999_999_999, "quoted"),
        (1_000_000_000, "written"),
        (3_821_079_552, "written"),
        (None, "written"),
    ],
)
def test_the_size_of_the_model_chooses_and_the_setting_overrides(parameters, chosen):
    assert style.choose(Settings(), parameters) == chosen
    for fixed in ("written", "quoted"):
        assert style.choose(Settings(answering={"style": fixed}), parameters) == fixed


def test_length_and_sources_follow_from_the_window():
    small, large = GeneratorOfSize(None, 4096), GeneratorOfSize(None, 131_072)
    assert style.limits(Settings(), small, Style.WRITTEN).answer == 819
    assert style.limits(Settings(), large, Style.WRITTEN).answer == 1024
    assert style.limits(Settings(), small, Style.WRITTEN).sources == 4096 - 819 - 160
    assert style.limits(Settings(), large, Style.WRITTEN).sources == 6000
    quoted = style.limits(Settings(), small, Style.QUOTED)
    assert (quoted.answer, quoted.reads_sentences) == (80, True)
    own = Settings(generation={"max_tokens": 300}, answering={"source_tokens": 20_000, "context": "passages"})
    assert style.limits(own, large, Style.WRITTEN).sources == 20_000
    assert style.limits(own, large, Style.QUOTED) == style.TokenLimits(300, 20_000, False)


def test_a_capable_model_is_not_told_to_be_short():
    for from_documents in (True, False):
        text = prompt.instruction(Style.WRITTEN, from_documents=from_documents)
        assert "one short sentence" not in text
        assert "language of the question" in text
    added = prompt.instruction(Style.WRITTEN, from_documents=True, added="Answer as a pirate.")
    assert added.endswith("\n\nAnswer as a pirate.")
    assert prompt.instruction(Style.QUOTED, from_documents=True, override="Be brief.") == "Be brief."

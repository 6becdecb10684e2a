from __future__ import annotations

import numpy as np
import pytest

from metier import embedding
from metier.answering.support import create
from metier.answering.support.agreement import agrees
from metier.core.documents import Passage
from metier.core.settings import EmbeddingSettings, Settings
from metier.synthesis.planted_errors import KINDS, catch_rate, plant
from metier.text.analyzer import Analyser
from metier.text.quantities import quantities


def passage(text, uri="a.md", language="en"):
    return Passage(uri, uri, text, 0, len(text), (), 1, uri=uri, language=language)


BOLTS = passage(
    "The blade root nuts are tightened to 840 Nm in 3 days. The hub joint of the NV-110 takes 1,980 Nm since 3 March "
    "2021. The check after 500 hours was not approved by Anna Vargmyr of Boeing in October. The NV-130 is closed."
)
ROWS = passage(
    "Model: NV-110 | Weight (kg): 720 | Every: 37 months\nModel: NV-130 | Weight (kg): 850 | Every: 13 months"
)


@pytest.mark.parametrize("seed", range(4))
def test_a_number_becomes_one_that_the_passage_does_not_have(seed):
    altered = plant("The blade root nuts are tightened to 840 Nm.", BOLTS, "number", seed)
    assert altered.startswith("The blade root nuts are tightened to ")
    (said,) = quantities(altered)
    assert not any(agrees(said, given) for given in quantities(BOLTS.text))


def test_the_script_of_digits_is_kept():
    source = passage("নাট ৮৪০ নিউটন মিটারে আঁটা হয়।", language="bn")
    altered = plant(source.text, source, "number", 1)
    assert altered != source.text
    assert all(character in "০১২৩৪৫৬৭৮৯" for character in altered if character.isdigit())


def test_each_kind_changes_what_it_says():
    joint = "The hub joint of the NV-110 takes 1,980 Nm since 3 March 2021."
    assert plant(joint, BOLTS, "unit", 1).replace("kNm", "Nm") == joint
    assert "NV-130" in plant(joint, BOLTS, "name", 1)
    assert plant(joint, BOLTS, "date", 1).startswith("The hub joint of the NV-110 takes 1,980 Nm since ")
    assert plant("It was not approved.", BOLTS, "negation", 1) == "It was approved."
    assert plant("The NV-130 is closed.", BOLTS, "opposite", 1) == "The NV-130 is open."
    assert plant("The NV-110 weighs 720 kg.", ROWS, "neighbour", 1) == "The NV-110 weighs 850 kg."


def test_what_cannot_be_changed_is_left_alone():
    assert plant("Go round once.", BOLTS, "number", 1) is None
    assert plant("Go round once.", BOLTS, "date", 1) is None
    with pytest.raises(KeyError):
        plant("Go round once.", BOLTS, "spelling", 1)


def test_the_same_seed_gives_the_same_error():
    text = "The hub joint of the NV-110 takes 1,980 Nm since 3 March 2021."
    assert all(plant(text, BOLTS, kind, 5) == plant(text, BOLTS, kind, 5) for kind in KINDS)


def test_what_a_checker_catches_is_counted():
    def weigh(tokens):
        return np.full(len(tokens), 3.0)

    embedder = embedding.create(EmbeddingSettings(model="all-minilm-l6-v2", threads=1))
    rate = catch_rate(create(Settings(), embedder, Analyser("en"), weigh), [BOLTS, ROWS], 8, seed=1)
    assert 4 <= rate.planted <= 8
    assert sum(planted for planted, _ in rate.by_kind.values()) == rate.planted
    assert rate.recall >= 0.5
    assert rate.false_alarm_rate <= 0.3
    assert catch_rate(create(Settings(), embedder, Analyser("en"), weigh), [], 8).planted == 0

"""Which questions a pin serves, with the packaged embedder. Figures: `python benchmarks/pins.py`."""

from __future__ import annotations

import pytest

PINNED = "How often is the gearbox oil of the NV-110 changed?"
BENGALI = "নীল চাবি কোন দরজা খোলে?"


@pytest.fixture(scope="module")
def served(untouched):
    """Whether a pin for one question serves another."""
    from metier.core.documents import document_id
    from metier.feedback.question_matching import Wording, brings_nothing_new, is_close

    def judge(pinned: str, asked: str, document: str) -> bool:
        analyser, store = untouched.runtime.analyser, untouched.runtime.store
        if not Wording.of(pinned, analyser).names_the_same(Wording.of(asked, analyser)):
            return False
        vector = untouched.runtime.embedder.embed_queries([pinned])[0]
        passages = store.passages(document_id(document))
        new = not brings_nothing_new(asked, pinned, passages, analyser, store)
        return not new and is_close(untouched.runtime.retriever.asked(asked), vector)

    return judge


@pytest.mark.parametrize(
    ("asked", "same"),
    [
        ("how often is the NV-110's gearbox oil changed", True),
        ("How often is the oil of the NV-110 gearbox changed?", True),
        ("Gearbox oil of the nv-110: changed how often?", True),
        ("How often is the gearbox oil of the NV-90 changed?", False),
        ("How often is the gearbox oil of the HP-110 changed?", False),
        ("How often is the gearbox oil of the NV-110 changed at Tallhed?", False),
        ("How often is the gearbox oil of the NV-110 changed at tallhed?", False),
        ("How often is the oil filter of the NV-110 changed?", False),
        ("How often is the gearbox oil changed?", False),
        ("What is the NV-110?", False),
    ],
)
def test_english(served, asked, same):
    assert served(PINNED, asked, "docs/gearbox-oil.md") is same


@pytest.mark.parametrize(
    ("asked", "same"),
    [
        ("নীল চাবি কোন দরজা খোলে", True),
        ("নীল চাবিটা কোন দরজা খোলে?", True),
        ("সবুজ চাবি কোন দরজা খোলে?", False),
        ("নীল চাবি ২ কোন দরজা খোলে?", False),
        ("নীল চাবি কোন জানালা খোলে?", False),
    ],
)
def test_bengali(served, asked, same):
    assert served(BENGALI, asked, "docs/নিরাপত্তা.md") is same

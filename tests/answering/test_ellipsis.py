from __future__ import annotations

import pytest

from metier.answering.ellipsis import in_place_of
from metier.text.language import Language


@pytest.mark.parametrize(
    ("language", "earlier", "named", "about"),
    [
        (
            "en", "How often is the gearbox oil of the NV-110 changed?", "the brake pads",
            "How often is the brake pads of the NV-110 changed?",
        ),
        ("en", "How often do we change the gearbox oil?", "the brake pads", "How often do we change the brake pads?"),
        ("en", "When was the old oven cleaned?", "the mixer", "When was the mixer cleaned?"),
        ("de", "Wann wird das Öl gewechselt?", "die Bremsbeläge", "Wann wird die Bremsbeläge gewechselt?"),
        ("fr", "Combien coûte la porte du four ?", "le joint", "Combien coûte le joint du four ?"),
        ("en", "How often is oil changed?", "the brake pads", None),
        ("en", "How often is the oil changed?", "brake pads", None),
        ("bn", "তেল কতদিন পর বদলাতে হয়?", "ব্রেক প্যাড", None),
    ],
)  # fmt: skip
def test_what_is_named_takes_the_place_of_what_was_asked_about(language, earlier, named, about):
    assert in_place_of(named, earlier, Language.of(language)) == about

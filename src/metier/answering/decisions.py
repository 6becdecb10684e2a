"""Answers that are a decision and no statement: yes, no, maybe, or a label that an adapter was taught.

Such an answer stands in no document word for word, so it is not aligned with one: what is cited is the sentence that
it was decided on.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain

import regex

# Language to yes, no, maybe; the first with a word wins where languages share it, and nothing else tells.
DECISIONS = {
    "en": ("yes", "no", "maybe"), "de": ("ja", "nein", "vielleicht"), "es": ("sí", "no", "quizás"),
    "fr": ("oui", "non", "peut-être"), "pt": ("sim", "não", "talvez"), "ru": ("да", "нет", "возможно"),
    "bn": ("হ্যাঁ", "না", "হয়তো"), "hi": ("हाँ", "नहीं", "शायद"), "ar": ("نعم", "لا", "ربما"),
    "id": ("ya", "tidak", "mungkin"), "sw": ("ndiyo", "hapana", "labda"), "ja": ("はい", "いいえ", "たぶん"),
    "zh": ("是", "否", "可能"),
}  # fmt: skip
# Other words for them, and what `normalise` makes of one that is written with a hyphen.
ALSO = {
    "peut être": "peut-être", "true": "yes", "false": "no", "unclear": "maybe", "হাঁ": "হ্যাঁ", "不是": "否", "对": "是",
    "不对": "否",
}  # fmt: skip

_EDGES = regex.compile(r"^[\p{P}\p{S}\s]+|[\p{P}\p{S}\s]+$")
_GAPS = regex.compile(r"[\s_-]+")


def normalise(text: str) -> str:
    """Case, punctuation at the ends, and whether words are joined by spaces, hyphens or underscores do not matter."""
    return _GAPS.sub(" ", _EDGES.sub("", text)).casefold()


_WORDS = frozenset(map(normalise, (*chain(*DECISIONS.values()), *ALSO)))


def is_decision(text: str, labels: Collection[str] = ()) -> bool:
    """`labels`: normalised ones that count beside yes, no and maybe in the languages Métier speaks."""
    said = normalise(text)
    return said in _WORDS or said in labels

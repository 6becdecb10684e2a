"""Answers that are a decision and no statement: yes, no, maybe, or a label that an adapter was taught.

Such an answer stands in no document word for word, so it is not aligned with one: what is cited is the sentence that
it was decided on.
"""

from __future__ import annotations

from collections.abc import Collection

import regex

_EDGES = regex.compile(r"^[\p{P}\p{S}\s]+|[\p{P}\p{S}\s]+$")
_GAPS = regex.compile(r"[\s_-]+")


def normalise(text: str) -> str:
    """Case, punctuation at the ends, and whether words are joined by spaces, hyphens or underscores do not matter."""
    return _GAPS.sub(" ", _EDGES.sub("", text)).casefold()


_WORDS = frozenset(
    normalise(word)
    for word in (
        "yes", "no", "maybe", "true", "false", "unclear", "ja", "nein", "vielleicht", "oui", "non", "peut-être", "sí",
        "quizás", "sim", "não", "talvez", "да", "нет", "возможно", "হ্যাঁ", "হাঁ", "না", "হয়তো", "हाँ", "नहीं",
        "शायद", "نعم", "لا", "ربما", "ya", "tidak", "mungkin", "ndiyo", "hapana", "labda", "はい", "いいえ", "たぶん",
        "是", "否", "对", "不对", "不是", "可能",
    )
)  # fmt: skip


def is_decision(text: str, labels: Collection[str] = ()) -> bool:
    """`labels`: normalised ones that count beside yes, no and maybe in the languages Métier speaks."""
    said = normalise(text)
    return said in _WORDS or said in labels

"""Which of several labels an answer gives, and how well they are told apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import regex

from metier.evaluation.folding import fold

_GAPS = regex.compile(r"[\s_/-]+")
_EDGES = regex.compile(r"^[\p{P}\p{S}\s]+|[\p{P}\p{S}\s]+$")


def predicted(text: str, choices: Sequence[str]) -> str | None:
    """The choice that the text is, that it begins with, or the only one that it holds; of two of which one holds the
    other, the longer. None where it holds none, or several and begins with none. Case, punctuation and whether words
    are joined by spaces, hyphens or underscores do not matter."""
    said = plain(text)
    places = {choice: place for choice in choices if (place := _place(plain(choice), said)) is not None}
    found = [c for c in places if not any(o != c and _place(plain(c), plain(o)) is not None for o in places)]
    if len(found) < 2:
        return found[0] if found else None
    first = min(found, key=lambda choice: places[choice])
    return first if places[first] == 0 else None


def plain(text: str) -> str:
    """What is compared."""
    return _GAPS.sub(" ", _EDGES.sub("", fold(text))).casefold()


def accuracy(given: np.ndarray, truth: np.ndarray) -> float:
    """Share of the labels that are right. Both (n,), integers; -1 is no label."""
    return float((given == truth).mean()) if len(truth) else float("nan")


def macro_f1(given: np.ndarray, truth: np.ndarray) -> float:
    """Mean F1 over the labels that are in `truth`, each counting the same (Sebastiani 2002). Both (n,), integers; -1 is
    no label. NaN where there are none."""
    labels = np.unique(truth)
    scores = []
    for label in labels:
        right = int(((given == label) & (truth == label)).sum())
        scores.append(2 * right / (int((given == label).sum()) + int((truth == label).sum())))
    return float(np.mean(scores)) if scores else float("nan")


def _place(label: str, text: str) -> int | None:
    """Words before the first place where the label stands as whole words; None where it does not."""
    if not label:
        return None
    unspaced = regex.search(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]", label)
    edge = "" if unspaced else r"(?![\p{L}\p{M}\p{N}])"
    before = "" if unspaced else r"(?<![\p{L}\p{M}\p{N}])"
    match = regex.search(f"{before}{regex.escape(label)}{edge}", text)
    return len(text[: match.start()].split()) if match else None

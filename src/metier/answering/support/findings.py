"""What was found for a claim: features that a score is made of, its sources, and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

GOOD = ("unit", "window", "passage", "all", "pairs", "cosine", "numbers")
OBJECTIONS = (
    "number_missing", "number_soft", "number_unbound", "number_rival", "name_missing", "name_doubt", "name_unbound",
    "name_swapped", "denied", "opposed",
)  # fmt: skip
FEATURES = GOOD + OBJECTIONS


def objected(features: Mapping[str, float]) -> bool:
    """Whether something speaks against a claim with these features."""
    return any(features[kind] for kind in OBJECTIONS)


@dataclass(slots=True)
class Finding:
    """`features`: see `alignment.py`; `evidence`: sources that carry the claim, best first; `reasons`: what speaks
    against it, in words, gravest first; `fatal`: whether one of them decides alone. `foreign`: the claim is in another
    language than its source. `worked_out`: a number of it follows from others. `bare`: it is
    little but numbers and names, of which vectors know nothing. `units`: share of its words in each
    source. `holding`: number of a quantity of the claim to the sources that have it."""

    features: dict[str, float]
    evidence: list[int]
    reasons: list[str] = field(default_factory=list)
    fatal: bool = False
    foreign: bool = False
    worked_out: bool = False
    bare: bool = False
    units: np.ndarray = field(default_factory=lambda: np.zeros(0))
    holding: dict[int, set[int]] = field(default_factory=dict)

    @property
    def objected(self) -> bool:
        """Whether something speaks against the claim."""
        return objected(self.features)

    def add_objection(self, kind: str, reason: str, degree: float = 1.0, *, fatal: bool = False) -> None:
        """Note an objection; a fatal one is named first."""
        self.features[kind] = max(self.features[kind], degree)
        if fatal and not self.fatal:
            self.reasons.insert(0, reason)
            self.fatal = True
        elif reason not in self.reasons:
            self.reasons.append(reason)

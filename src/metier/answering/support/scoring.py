"""From what was found for a claim to a score, and from the score to a level.

The weights of the features are learned (`benchmarks/support.py --write`) and lie in `coefficients.json`. Three sets:
for claims in the language of the sources, the same where no vectors were asked for, and for claims in another
language, where words say nothing. A feature that speaks for a claim can only raise its score, an objection only lower
it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from metier.answering.answer import Support

FILE = Path(__file__).with_name("coefficients.json")


@dataclass(frozen=True, slots=True)
class Weighing:
    """A logistic model: `weights` by feature. `carried`, `flagged`: scores from which a claim is carried, and under
    which it is not; `unsaid`: under which a claim is not that nothing speaks against, for it may be said in words that
    no source has."""

    bias: float
    weights: Mapping[str, float]
    carried: float
    flagged: float
    unsaid: float

    def score(self, features: Mapping[str, float]) -> float:
        """0..1."""
        total = self.bias + sum(weight * features.get(name, 0.0) for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))

    def level(self, score: float, *, objected: bool) -> Support:
        """`objected`: something speaks against the claim."""
        if score >= self.carried:
            return Support.CARRIED
        return Support.PARTLY if score >= (self.flagged if objected else self.unsaid) else Support.NOT


@lru_cache(maxsize=1)
def learned() -> Mapping[str, Weighing]:
    """ "near" (vectors known), "words" (no vectors needed), "foreign"."""
    data = json.loads(FILE.read_text(encoding="utf-8"))
    return {
        name: Weighing(float(m["bias"]), m["weights"], *(float(m[key]) for key in ("carried", "flagged", "unsaid")))
        for name, m in data["models"].items()
    }

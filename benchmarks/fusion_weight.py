"""The two numbers that turn what sentences of a corpus say into a fusion weight, and how well they do elsewhere.

    python benchmarks/retrieval.py --pairs        # writes results/retrieval.json, which is read here
    python benchmarks/fusion_weight.py

Of every pair of corpus and embedder: log(a/b) of `metier.retrieval.corpus_weight`, and nDCG@10 by weight. Slope and
middle are fitted over all pairs, and again without each one, which is then measured with what the others say. A loss is
against the best of all fixed weights of that pair. A tie of both is broken for the smaller worst loss.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np

from metier.retrieval.fusion import DEFAULT_WEIGHT

RESULTS = Path(__file__).parent / "results" / "retrieval.json"
_SLOPES = (1.0, 1.5, 2.0, 3.0)
_MIDDLES = tuple(round(0.05 * n, 2) for n in range(4, 25))
_WORST = 0.25  # of the worst loss, that counts beside the mean


def weight(log_odds: float, slope: float, middle: float) -> float:
    return min(DEFAULT_WEIGHT, 1 / (1 + np.exp(-slope * (log_odds - middle))))


def loss(row: dict, chosen: float) -> float:
    weights = sorted(map(float, row["by_weight"]))
    gains = [row["by_weight"][str(each)] for each in weights]
    return float(np.interp(chosen, weights, gains) - max(gains))


def fit(rows: list[dict]) -> tuple[float, float]:
    def worth(pair: tuple[float, float]) -> float:
        losses = [loss(row, weight(row["log_odds"], *pair)) for row in rows]
        return float(np.mean(losses) + _WORST * min(losses))

    return max(itertools.product(_SLOPES, _MIDDLES), key=worth)


def main() -> None:
    read = json.loads(RESULTS.read_text(encoding="utf-8"))["sets"]
    rows = [row for row in read if row["log_odds"] is not None]
    slope, middle = fit(rows)
    print(f"all {len(rows)} pairs: slope {slope}, middle {middle}")
    print(f"{'set':36} log odds  weight    loss   without it:    loss   0.75 for all")
    apart = []
    for row in rows:
        others = fit([other for other in rows if other is not row])
        apart.append(loss(row, weight(row["log_odds"], *others)))
        own = weight(row["log_odds"], slope, middle)
        head = f"{row['set']:36} {row['log_odds']:8.2f} {own:7.2f} {loss(row, own):+7.4f}"
        print(f"{head}   {others!s:12} {apart[-1]:+7.4f}   {loss(row, 0.75):+7.4f}")
    print(f"left out: mean {np.mean(apart):+.4f}, worst {min(apart):+.4f}")


if __name__ == "__main__":
    main()

"""How far the figures by which drift is told can be trusted.

python benchmarks/drift.py rates     false alarms and finds of the sequential test, beside a usual one made again daily
python benchmarks/drift.py exports   nats a token between forms of one adapter, and what a lost one would cost
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np

from metier.evaluation.sequential import DayCount, rate_change

A_DAY, REFERENCE, RUNS = 20, 100, 400
FACTS = {
    "How tight are the blade root nuts?": "840 Nm",
    "When is the gearbox oil changed?": "every 30 months",
    "What does a yaw pad cost?": "320 SEK",
    "What opens the tower door?": "the blue key",
    "What does a brake disc cost?": "2100 SEK",
    "What is the pressure of the brakes?": "145 bar",
}
TUNING = "\n[tuning]\nrank = 8\nbatch = 6\nepochs = 11\nlearning_rate = 4e-3\nvalidation = 0\n"


def rates() -> None:
    """Two months of answers without a change, then with one."""
    print(f"{A_DAY} answers a day, looked at every day, {RUNS} runs; share in which a change is found")
    print("no change for 60 days     here   Fisher's test, daily")
    for rate in (0.02, 0.1, 0.3):
        runs = [_days([rate] * 60, seed) for seed in range(RUNS)]
        here = np.mean([found.changed for run in runs if (found := rate_change(run, REFERENCE))])
        print(f"  rate {rate:4.2f}               {here:5.3f}   {np.mean([_daily_fisher(run) for run in runs]):5.3f}")
    print("a rise that lasts 30 days    found   days off, median")
    for before, after, quiet in ((0.1, 0.2, 20), (0.1, 0.2, 60), (0.1, 0.3, 20), (0.05, 0.15, 20), (0.3, 0.5, 20)):
        found = [rate_change(_days([before] * quiet + [after] * 30, seed), REFERENCE) for seed in range(RUNS)]
        rose = [each for each in found if each and each.rose]
        off = np.median([abs(int(each.since) - quiet) for each in rose]) if rose else float("nan")
        print(f"  {before:4.2f} to {after:4.2f} on day {quiet:2}    {len(rose) / RUNS:5.3f}   {off:.0f}")


def exports() -> None:
    """The packaged model learns six rows by heart; every form of that is held against it."""
    from metier import Expert
    from metier.dataset.rows import Row, save

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "turbines"
        Expert.create(folder).close()
        path = folder / "metier.toml"
        path.write_text(path.read_text(encoding="utf-8") + TUNING, encoding="utf-8")
        with Expert.open(folder) as expert:
            expert.runtime.state_folder.mkdir(exist_ok=True)
            save(expert.dataset.path, [Row(question, answer) for question, answer in FACTS.items()])
            found = expert.adapters.export_parity(expert.adapters.tune().reference)
    print(f"an adapter that was lost: {found.effect:.2f} nats a token; allowed: {found.tolerance} and the floor")
    for each in found.forms:
        print(
            f"{each.form:14} {each.difference:.5f} over {each.tokens} tokens, floor {each.floor:.3f}, F1 {each.score}"
        )


def _days(rates: list[float], seed: int) -> list[DayCount]:
    hits = np.random.default_rng(seed).binomial(A_DAY, rates)
    return [DayCount(f"{day:03}", int(count), A_DAY) for day, count in enumerate(hits)]


def _daily_fisher(days: list[DayCount]) -> bool:
    from scipy.stats import fisher_exact

    hits, first = np.cumsum([each.hits for each in days]), REFERENCE // A_DAY
    before = [hits[first - 1], REFERENCE - hits[first - 1]]
    for day in range(first, len(days)):
        since = hits[day] - hits[first - 1]
        if fisher_exact([before, [since, A_DAY * (day - first + 1) - since]]).pvalue < 0.05:
            return True
    return False


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("rates", "exports"))
    {"rates": rates, "exports": exports}[parser.parse_args().what]()

"""Answers, citations and refusals on questions that nobody has seen: written by rule for this run alone.

    python benchmarks/fresh_exam.py --expert build/demo/turbines [--seed 4242] [--count 240]

Takes a copy of an expert that is calibrated already (the demo's, on its own practice questions), writes table questions
and questions that nothing answers, and asks those that fall to the exam, in the mode rag. Another seed is another exam.
Writes benchmarks/results/fresh_exam.json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from metier import Expert
from metier.synthesis.exam_questions import ExamQuestionOptions

RESULTS = Path(__file__).parent / "results" / "fresh_exam.json"
KEPT_APART = ("questions.jsonl", "answers.jsonl", "dataset.jsonl")  # of the copy: what it asked and learned before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--expert", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=4242)
    parser.add_argument("--count", type=int, default=240)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        copy = shutil.copytree(options.expert, Path(place) / "expert")
        for name in KEPT_APART:
            (copy / ".metier" / name).unlink(missing_ok=True)
        with Expert.open(copy) as expert:
            expert.exam.generate(
                ExamQuestionOptions(options.count, ("table", "unanswerable"), options.seed, rules_only=True)
            )
            result = expert.evaluation.compare(["rag"], calibrate=False, measure_memory=False)
    plain = result.to_json()
    kept = {"seed": options.seed, "questions": result.questions, "kinds": plain["kinds"]}
    kept |= {"rag": plain["modes"]["rag"], "failures": plain["failures"]["rag"]}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"{result.questions} questions: {plain['kinds']}")
    for metric, figure in result.modes["rag"].items():
        print(f"{metric:18} {figure.mean:.3f}  {figure.low:.3f} to {figure.high:.3f}  n={figure.n}")


if __name__ == "__main__":
    main()

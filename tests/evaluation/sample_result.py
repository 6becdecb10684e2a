"""An INVENTED result of a comparison, for tests of what shows it. No model was asked; every figure is drawn by lot."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations
from statistics import mean, stdev

MODES = ("base", "rag", "tuned", "rag+tuned")
_RIGHT = {"base": 0.12, "rag": 0.62, "tuned": 0.3, "rag+tuned": 0.7}
_SECONDS = {"base": 0.8, "rag": 3.4, "tuned": 0.9, "rag+tuned": 3.6}
_KINDS = ("fact", "fact", "fact", "several", "table", "yesno", "label", "text", "unanswerable", "unanswerable")
_ASKED = {
    "en": ("What is the cut-out wind speed of turbine {n}?", "{n} m/s", "The turbine stops at {n} m/s. It is blue."),
    "bn": ("টারবাইন {n}-এর সর্বোচ্চ বাতাসের গতি কত?", "{n} মি/সে", "টারবাইনটি {n} মি/সে গতিতে থামে। এটি নীল রঙের।"),
    "ar": ("ما هي سرعة الرياح القصوى للتوربين {n}؟", "{n} م/ث", "يتوقف التوربين عند {n} م/ث. لونه أزرق."),
    "zh": ("{n}号风机的切出风速是多少？", "{n} 米/秒", "风机在 {n} 米/秒时停机。它是蓝色的。"),
}
_LANGUAGES = ("en", "en", "en", "bn", "ar", "zh")
_CAUSES = {
    "base": ("not known",),
    "rag": ("not retrieved", "retrieved, not used", "used, wrong", "refused wrongly"),
    "tuned": ("not known",),
    "rag+tuned": ("not retrieved", "used, wrong"),
}
_STEPS = {
    "not known": "The model cannot know this by itself: answer from documents, or teach it with more data.",
    "not retrieved": "Show more passages ([retrieval] passages) or set a [retrieval] reranker.",
    "retrieved, not used": "The model had the answer before it and did not take it: tune it on rows with passages.",
    "used, wrong": "It read the right place and said something else: show fewer passages.",
    "refused wrongly": "Learn when to refuse from more practice questions (`metier calibrate`).",
    "answered what it should refuse": "Give `metier calibrate` more practice questions that nothing answers.",
}
_FILLER = (
    "Maintenance of the pitch bearings follows the schedule of the manufacturer and is entered in the log book. "
    "Grease type and quantity depend on the bearing; the table of lubricants stands in the annex. "
)


def sample(questions: int = 60, seed: int = 7, modes: tuple[str, ...] = MODES) -> dict:
    """`questions` of all kinds in four languages, asked in `modes`."""
    draw = random.Random(seed)
    answers = [_row(draw, number, modes) for number in range(1, questions + 1)]
    scores = {mode: [row["modes"][mode]["grades"]["score"] for row in answers] for mode in modes}
    overlaps = {mode: [row["modes"][mode]["grades"]["score"] * 0.8 for row in answers] for mode in modes}
    pairs = [
        _pair(a, b, metric, values)
        for metric, values in (("score", scores), ("token_f1", overlaps))
        for b, a in combinations(modes, 2)
    ]
    best = max(modes, key=lambda mode: mean(scores[mode]))
    return {
        "expert": "turbines", "created": "2026-11-25T05:00:00+00:00", "metier": "0.1.0", "language": "en",
        "model": "smollm2-135m-instruct", "adapter": "turbines@1", "embedder": "multilingual-e5-small",
        "questions": questions, "kinds": dict(Counter(row["kind"] for row in answers)),
        "modes": {mode: _metrics(answers, mode) for mode in modes},
        "by_kind": _by(answers, modes, "kind"), "by_language": _by(answers, modes, "language"),
        "pairs": pairs,
        "costs": {mode: _costs(draw, mode) for mode in modes},
        "verdict": {
            "choice": best, "winner": best, "between": [], "best": best, "margin": 0.03, "questions_needed": None,
            "reason": f"Use {best}: it scored {100 * mean(scores[best]):.1f} of 100, more than every cheaper way.",
            "constraints": ["must cite"], "excluded": {"base": "cites nothing", "tuned": "cites nothing"},
        },
        "rules": _rules(), "agreement": "The rules point to rag+tuned, and so does the measurement.",
        "failures": {mode: _failures(answers, mode) for mode in modes},
        "calibration": {
            "fusion": {
                "weight": 0.75, "origin": "practice", "questions": 80, "corpus": 0.7, "passages": 900, "embedder": "e5",
            },
            "passages": {"passages": 5, "origin": "practice", "questions": 80},
            "refusals": {
                "fitted_on": "practice", "threshold": 0.41, "precision": 0.83, "recall": 0.71, "near_misses": 0.6,
                "questions": 80,
            },
        },
        "notes": ["2 questions were left out: their wording stands in the training data."],
        "answers": answers,
    }  # fmt: skip


def _row(draw: random.Random, number: int, modes: tuple[str, ...]) -> dict:
    kind, language = _KINDS[number % len(_KINDS)], _LANGUAGES[draw.randrange(len(_LANGUAGES))]
    asked, accepted, text = (each.format(n=number + 12) for each in _ASKED[language])
    document, page = f"manuals/turbine-{number % 9}.pdf", number % 40 + 1
    answerable = kind != "unanswerable"
    passages = [
        {"document": document if rank == 0 else f"mail/{rank}.eml", "page": page if rank == 0 else None,
         "passage_id": f"p{number}-{rank}", "text": (text if rank == 0 else "") + _FILLER * 3, "sheet": ""}
        for rank in range(5)
    ]  # fmt: skip
    return {
        "id": f"exam-{number}", "question": asked, "kind": kind, "language": language,
        "answers": [accepted] if answerable else [], "documents": [document] if answerable else [],
        "page": page if answerable else None,
        "modes": {mode: _answer(draw, mode, kind, text, passages) for mode in modes},
    }  # fmt: skip


def _answer(draw: random.Random, mode: str, kind: str, text: str, passages: list[dict]) -> dict:
    right, answerable, reads = draw.random() < _RIGHT[mode], kind != "unanswerable", mode.startswith("rag")
    refused = right if not answerable else not right and reads and draw.random() < 0.3
    if right:
        cause = ""
    elif not answerable:
        cause = "answered what it should refuse"
    else:
        cause = "refused wrongly" if refused else draw.choice(_CAUSES[mode])
    said = "This is not in my documents." if refused else text if right else "It is about 99 m/s, as always. Ask again."
    score = round(draw.uniform(0.25, 0.9), 2) if right and kind == "text" else float(right)
    grades = {"score": score, "refused": float(refused)}
    if answerable:
        grades |= {"exact_match": float(right and draw.random() < 0.4), "token_f1": score * 0.8, "rouge_l": score * 0.7}
        grades |= {"faithful": 0.5} if not refused else {}
        grades |= {"retrieved": float(cause != "not retrieved"), "cited_recall": float(right)} if reads else {}
    end = len(said) - len(said.split(". ")[-1]) if ". " in said else 0
    quote = passages[0]["text"][:60]
    cited = {"document": passages[0]["document"], "page": passages[0]["page"], "start": 120, "end": 180, "quote": quote,
             "headings": ["Operation", "Wind"], "passage_id": passages[0]["passage_id"], "sheet": ""}  # fmt: skip
    return {
        "text": said, "abstained": refused, "confidence": round(draw.random(), 2) if reads else None,
        "citations": [cited] if reads and not refused else [],
        "unsupported": [[end, len(said)]] if end and not refused else [],
        "shown": passages if reads else [], "grades": grades, "cause": cause,
        "first_token": _SECONDS[mode] / 4, "total": _SECONDS[mode] * draw.uniform(0.7, 1.6),
        "prompt_tokens": 900 if reads else 60, "completion_tokens": draw.randrange(8, 90), "notes": [], "error": "",
    }  # fmt: skip


def _figure(values: list[float]) -> dict:
    half = 1.96 * stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.5
    middle = mean(values)
    return {"mean": middle, "low": max(0.0, middle - half), "high": min(1.0, middle + half), "n": len(values)}


def _metrics(answers: list[dict], mode: str) -> dict:
    graded = [row["modes"][mode]["grades"] for row in answers]
    names = dict.fromkeys(name for grades in graded for name in grades)
    return {name: _figure([grades[name] for grades in graded if name in grades]) for name in names}


def _by(answers: list[dict], modes: tuple[str, ...], of: str) -> dict:
    groups = dict.fromkeys(row[of] for row in answers)
    return {
        group: {
            mode: _figure([row["modes"][mode]["grades"]["score"] for row in answers if row[of] == group])
            for mode in modes
        }
        for group in groups
    }


def _pair(a: str, b: str, metric: str, scores: dict[str, list[float]]) -> dict:
    between = [one - other for one, other in zip(scores[a], scores[b], strict=True)]
    middle, spread = mean(between), stdev(between)
    half = 1.96 * spread / len(between) ** 0.5
    clear = abs(middle) > half
    return {
        "a": a, "b": b, "metric": metric, "difference": middle, "low": middle - half, "high": middle + half,
        "p": 0.0004 if clear else 0.21, "p_adjusted": 0.0024 if clear else 0.42,
        "effect": middle / spread if spread else 0.0,
        "n": len(between), "questions_needed": None if clear else 480,
    }  # fmt: skip


def _costs(draw: random.Random, mode: str) -> dict:
    seconds, reads = _SECONDS[mode], mode.startswith("rag")
    return {
        "first_token_p50": seconds / 4, "first_token_p95": seconds / 2, "total_p50": seconds, "total_p95": seconds * 2,
        "prompt_tokens": 912.4 if reads else 61.8, "completion_tokens": 38.2,
        "peak_memory_mb": draw.randrange(380, 620),
        "per_thousand": {"seconds": seconds * 1000, "energy_kwh": None, "money": None, "currency": "EUR"},
    }  # fmt: skip


def _failures(answers: list[dict], mode: str) -> list[dict]:
    by_cause: dict[str, list[str]] = {}
    for row in answers:
        if cause := row["modes"][mode]["cause"]:
            by_cause.setdefault(cause, []).append(row["id"])
    return [
        {"cause": cause, "count": len(ids), "share": len(ids) / len(answers), "examples": ids[:5],
         "next_step": _STEPS[cause]}
        for cause, ids in sorted(by_cause.items(), key=lambda item: -len(item[1]))
    ]  # fmt: skip


def _rules() -> list[dict]:
    return [
        {"name": "outside data", "asks": "Does the answer need data from outside?", "points_to": "rag",
         "evidence": "The base answers 12% of the questions on its own; the rest stands only in the documents.",
         "figures": {"known_by_base": 0.12}},
        {"name": "changing data", "asks": "How often does the data change?", "points_to": "rag",
         "evidence": "3 of 41 documents changed in the last 30 days.", "figures": {"changed": 3, "documents": 41}},
        {"name": "vocabulary", "asks": "Does the trade have words of its own?", "points_to": "rag+tuned",
         "evidence": "212 terms are far more frequent here than in general English.", "figures": {"terms": 212}},
        {"name": "enough data", "asks": "Is there a data set worth training on?", "points_to": None,
         "evidence": "1,240 clean rows; below 500 little would change.", "figures": {"rows": 1240}},
    ]  # fmt: skip

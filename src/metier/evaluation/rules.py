"""The rules by which people choose without measuring, each with what this expert says to it.

They are those of the chapter that Métier began from (Microsoft's Phi-3 cookbook, "Let Phi-3 be an industry expert"):
data from outside wants RAG; stable, exact wording wants fine-tuning, with enough good data; what changes often or must
be traced wants RAG; questions that join several points want RAG. A rule points somewhere only where its figure is
known and clear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from metier.core.modes import Mode
from metier.dataset.size import FIRST_GAINS, STYLE_ROWS
from metier.evaluation.result import Rule
from metier.state.catalog import SyncRun

_KNOWN_ENOUGH, _KNOWN_LITTLE = 0.7, 0.4  # share of the exam that the base answers by itself
# Terms per 1,000 words: 64 to 89 in Wikipedia's articles on everything (TyDi QA), 271 in health pages (MedQuAD), 285 in
# abstracts on aerodynamics (Cranfield), by `terms.find_terms` on 600 documents each.
_TERMS_DENSE = 150.0
# Tokens of the model per term: everyday words take 1.0, the terms of those trades 1.4 (SmolLM2), codes 4 and more.
_TOKENS_RARE = 2.0
_CHANGES_OFTEN = 0.05  # of the documents a week; a fifth of them a month
_JOINED_OFTEN = 0.2  # of the questions
_LEAST_HISTORY_DAYS = 2.0
_SIZE = "size of the data"
_DAYS_PER_WEEK = 7


@dataclass(frozen=True, slots=True)
class ExpertProfile:
    """What is read off an expert, None where it is not known. `known`: share of the answerable exam questions that the
    base answers by itself. `terms_per_thousand`: words; `tokens_per_term`: of the model. `rows`: of training data, of
    which `distinct` differ. `changes_per_week`: share of the documents. `must_cite`: as set. `joined`: share of the
    questions that join several passages."""

    known: float | None = None
    terms_per_thousand: float | None = None
    tokens_per_term: float | None = None
    rows: int = 0
    distinct: int = 0
    changes_per_week: float | None = None
    must_cite: bool = False
    joined: float | None = None


def rules(profile: ExpertProfile) -> list[Rule]:
    """All rules, in the order of the chapter."""
    return [each(profile) for each in (_outside, _wording, _data, _change, _trace, _joins)]


def advice(found: Sequence[Rule]) -> tuple[str, str]:
    """(mode, sentence): what the rules say together, before anything is measured."""
    votes = [rule.points_to for rule in found if rule.points_to]
    looks_up = [rule.name for rule in found if rule.points_to == Mode.RAG]
    tunes = [rule.name for rule in found if rule.points_to == Mode.TUNED]
    if not votes:
        return (
            Mode.RAG,
            "The rules say nothing clear of this expert; rag is the one that can be corrected while you measure.",
        )
    if tunes and any(rule.name == _SIZE and rule.points_to == Mode.RAG for rule in found):
        return (
            Mode.RAG,
            f"By the rules alone: rag; {', '.join(tunes)} would speak for tuning, but there is too little data.",
        )
    if looks_up and tunes:
        both = f"{', '.join(looks_up)} speak for looking things up, {', '.join(tunes)} for tuning"
        return Mode.RAG_TUNED, f"By the rules alone: both together ({both})."
    mode = Mode.RAG if looks_up else Mode.TUNED if tunes else votes[0]
    return mode, f"By the rules alone: {mode} ({', '.join(looks_up or tunes or ['the base knows the answers'])})."


def agreement(found: Sequence[Rule], choice: str | None) -> str:
    """Whether rules and measurement agree. `choice`: of the verdict, None before anything was measured."""
    mode, said = advice(found)
    if choice is None:
        return f"{said} Nothing was measured yet."
    if choice == "undecided":
        return f"{said} The measurement does not decide, so the rules are all there is until more questions are asked."
    if choice == mode:
        return f"Rules and measurement agree on {mode}."
    return f"Rules and measurement disagree: the rules say {mode}, the measurement {choice}. Follow the measurement."


def rate_of_change(runs: Sequence[SyncRun], now: datetime) -> float | None:
    """Share of the documents that were added, changed or deleted in a week, from the second sync on; the first one
    only brings in what was there. None where the history is too short to tell."""
    if len(runs) < 2:
        return None
    began = datetime.fromisoformat(runs[0].ended_at)
    days = (now - began).total_seconds() / 86_400
    documents = max(run.added + run.changed + run.unchanged for run in runs)
    if days < _LEAST_HISTORY_DAYS or not documents:
        return None
    changed = sum(run.added + run.changed + run.deleted for run in runs[1:])
    return changed / documents / days * _DAYS_PER_WEEK


def changes_often(rate: float | None) -> bool:
    return rate is not None and rate >= _CHANGES_OFTEN


def _outside(profile: ExpertProfile) -> Rule:
    known = profile.known
    rule = partial(
        Rule,
        name="data from outside",
        asks="Does the answer need data that the model has not seen?",
        figures={"known": known},
    )
    if known is None:
        return rule(points_to=None, evidence="Not known before the base was asked the exam.")
    said = f"By itself the base answers {known:.0%} of the answerable exam questions"
    if known < _KNOWN_LITTLE:
        return rule(points_to=Mode.RAG, evidence=f"{said}: the rest must come from outside.")
    if known >= _KNOWN_ENOUGH:
        return rule(points_to=Mode.BASE, evidence=f"{said}: there is little to add.")
    return rule(points_to=None, evidence=f"{said}: neither few nor most.")


def _wording(profile: ExpertProfile) -> Rule:
    dense, split = profile.terms_per_thousand, profile.tokens_per_term
    rule = partial(
        Rule,
        name="stable terminology",
        asks="Must the trade's own words come out exactly?",
        figures={"terms_per_thousand": dense, "tokens_per_term": split},
    )
    if dense is None or split is None:
        return rule(points_to=None, evidence="There are no documents to read terms from.")
    said = f"{dense:.0f} of 1,000 words are the trade's own, and the model needs {split:.1f} tokens for one"
    if dense >= _TERMS_DENSE and split >= _TOKENS_RARE:
        return rule(points_to=Mode.TUNED, evidence=f"{said}: many, and strange to it.")
    why = "they are words that it knows" if dense >= _TERMS_DENSE else "about as in general language"
    return rule(points_to=None, evidence=f"{said}: {why}.")


def _data(profile: ExpertProfile) -> Rule:
    rule = partial(
        Rule,
        name=_SIZE,
        asks="Is there enough good data to tune on?",
        figures={"rows": profile.rows, "distinct": profile.distinct},
    )
    if not profile.rows:
        return rule(points_to=None, evidence="There is no training data (`metier dataset generate`).")
    said = f"{profile.distinct:,} distinct rows of {profile.rows:,}"
    if profile.distinct < FIRST_GAINS:
        return rule(points_to=Mode.RAG, evidence=f"{said}: under {FIRST_GAINS} a dataset makes little difference.")
    if profile.distinct < STYLE_ROWS:
        text = f"{said}: form and terms may change; under {STYLE_ROWS:,} rows facts are hardly learned."
        return rule(points_to=None, evidence=text)
    return rule(points_to=Mode.TUNED, evidence=f"{said}: enough for a style of answering.")


def _change(profile: ExpertProfile) -> Rule:
    rate = profile.changes_per_week
    rule = partial(
        Rule, name="rate of change", asks="Do the documents change often?", figures={"changes_per_week": rate}
    )
    if rate is None:
        return rule(points_to=None, evidence="The syncs so far do not span enough time to tell.")
    said = f"{rate:.1%} of the documents changed in a week"
    if changes_often(rate):
        return rule(points_to=Mode.RAG, evidence=f"{said}: an adapter would have to be trained again and again.")
    return rule(points_to=None, evidence=f"{said}: slow enough for either.")


def _trace(profile: ExpertProfile) -> Rule:
    rule = partial(
        Rule,
        name="need to trace",
        asks="Must answers show where they stand, so that wrong sources can be corrected?",
        figures={"must_cite": profile.must_cite},
    )
    if profile.must_cite:
        return rule(points_to=Mode.RAG, evidence="[exam] must_cite is set: a tuned model alone is a black box.")
    return rule(points_to=None, evidence="[exam] must_cite is not set.")


def _joins(profile: ExpertProfile) -> Rule:
    joined = profile.joined
    rule = partial(
        Rule,
        name="joined knowledge",
        asks="Do questions join several points of knowledge?",
        figures={"joined": joined},
    )
    if joined is None:
        return rule(points_to=None, evidence="There are no questions yet.")
    often = joined >= _JOINED_OFTEN
    return rule(points_to=Mode.RAG if often else None, evidence=f"{joined:.0%} of the questions join several passages.")

"""Drift: how far the documents of today are from what the adapter in production was trained on and is examined by.

    training rows        how many of them say what their source no longer says, or whose source went
    changed documents    their terms that no training row has
    exam                 the score on questions whose source changed, against those whose source did not
    people               refusals and thumbs down, by a test that may be looked at every day (evaluation/sequential.py)
    the exam itself      questions that are stale, and how often it decided

What is here is told; what to do about it is the policy's affair (flow/policy.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from metier.dataset.training_record import Standing
from metier.evaluation.questions.staleness import StaleQuestion
from metier.evaluation.result import Figure
from metier.evaluation.sequential import DayCount, RateChange, rate_change
from metier.evaluation.wear import ExamWear
from metier.feedback.records import Feedback
from metier.flow.new_terms import NewTerms
from metier.state.answer_counts import AnswerCount

REFERENCE_ANSWERS, REFERENCE_THUMBS = 100, 20  # that a rate before is taken from
_SHOWN = 5


class ChangedExam(BaseModel):
    """Of the adapter in production (without one: of the documents alone), in `mode`, on `questions` whose source
    changed since it was trained (`changed`), and on as many others (`unchanged`)."""

    model_config = ConfigDict(frozen=True)

    mode: str
    questions: int
    changed: Figure
    unchanged: Figure

    @property
    def drop(self) -> float:
        """How much worse it is on those whose source changed; 0 where either side has no question."""
        return self.unchanged.mean - self.changed.mean if self.changed.n and self.unchanged.n else 0.0


class RowDrift(BaseModel):
    """Rows that were learned from documents; of these the source of `changed` says something else now, that of `gone`
    is not there any more."""

    model_config = ConfigDict(frozen=True)

    rows: int = 0
    changed: int = 0
    gone: int = 0

    @property
    def share(self) -> float:
        return (self.changed + self.gone) / self.rows if self.rows else 0.0


class Drift(BaseModel):
    """`adapter`: the one in production, None without one. `trained_at`: ISO 8601; `days`: since then. `rows`: None
    where nothing was noted of what it learned, or there is none. `added`, `changed`, `gone`: uris of documents since
    then. `new_terms`: None where it cannot be told. `refusals`, `thumbs`: rates of refusals and thumbs down, None where
    there are too few answers yet. `changes_per_week`: share of the documents. `notes`: what could not be told, and
    why."""

    model_config = ConfigDict(frozen=True)

    adapter: str | None = None
    trained_at: str | None = None
    days: float | None = None
    rows: RowDrift | None = None
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    new_terms: NewTerms | None = None
    exam: ChangedExam | None = None
    refusals: RateChange | None = None
    thumbs: RateChange | None = None
    stale: tuple[StaleQuestion, ...] = ()
    wear: ExamWear = ExamWear()
    changes_per_week: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def documents(self) -> tuple[str, ...]:
        """Those that there is something new to learn from."""
        return (*self.added, *self.changed)

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the shares that are worked out of others."""
        plain: dict[str, Any] = self.model_dump(mode="json")
        if self.rows is not None:
            plain["rows"]["share"] = self.rows.share
        if self.exam is not None:
            plain["exam"]["drop"] = self.exam.drop
        for name in ("refusals", "thumbs"):
            rate: RateChange | None = getattr(self, name)
            if rate is not None:
                plain[name] |= {"changed": rate.changed, "rose": rate.rose}
        return plain

    def sentences(self) -> list[str]:
        """What a person should know of it, each in one sentence with its figures."""
        return [*self._of_learning(), *self._of_answers(), *self._of_exam(), *self.notes]

    def _of_learning(self) -> list[str]:
        if self.adapter is None:
            return ["No adapter is in production: what the documents say now is what is answered from."]
        said = [f"{self.adapter} was trained {self.days:.0f} days ago."] if self.days is not None else []
        said.append(
            f"Since then {len(self.added)} documents came, {len(self.changed)} changed and {len(self.gone)} went."
        )
        if self.rows is not None:
            said.append(
                f"Of {self.rows.rows} training rows the source of {self.rows.changed} says something else now, that of "
                f"{self.rows.gone} is gone: {self.rows.share:.0%} of what it learned from documents."
            )
        if self.new_terms is not None and self.new_terms.count:
            shown = ", ".join(term.text for term in self.new_terms.terms[:_SHOWN])
            said.append(
                f"{self.new_terms.count} terms of these documents stand in no training row ({shown}): "
                f"{self.new_terms.share:.0%} of their terms."
            )
        return said

    def _of_answers(self) -> list[str]:
        said = []
        for what, rate in (("refusals", self.refusals), ("thumbs down", self.thumbs)):
            if rate is not None and rate.changed:
                verb = "rose" if rate.rose else "fell"
                said.append(
                    f"The share of {what} {verb} from {rate.before:.0%} of {rate.before_of} to {rate.now:.0%} of "
                    f"{rate.now_of} since {rate.since} (e-value {rate.e_value:.3g}, p {rate.p:.2g} however often one "
                    "looks)."
                )
            elif rate is not None:
                said.append(
                    f"No change of {what} is shown: {rate.before:.0%} of {rate.before_of} before, {rate.now:.0%} of "
                    f"{rate.now_of} since (p {rate.p:.2g})."
                )
        return said

    def _of_exam(self) -> list[str]:
        said = []
        if self.exam is not None and self.exam.changed.n:
            now, other = self.exam.changed, self.exam.unchanged
            beside = f", {other.mean:.2f} ({other.low:.2f} to {other.high:.2f}) on {other.n} others" if other.n else ""
            said.append(
                f"On {now.n} exam questions whose source changed the score is {now.mean:.2f} ({now.low:.2f} to "
                f"{now.high:.2f}){beside}."
            )
        if self.stale:
            counts = Counter(each.why for each in self.stale)
            said.append(
                f"{len(self.stale)} questions are stale: of {counts['gone']} the document is gone, of "
                f"{counts['answer']} the answer no longer stands in it, {counts['changed']} are to be read again."
            )
        if self.wear.worn_out:
            said.append(
                f"The exam is worn: {self.wear.worn} of {self.wear.questions} questions were asked in "
                f"{self.wear.limit} decisions or more."
            )
        return said


def row_drift(standings: Sequence[Standing | None]) -> RowDrift:
    """Of rows, of which those that are of no document (rehearsed ones) do not count."""
    counts = Counter(standings)
    return RowDrift(rows=len(standings) - counts[None], changed=counts["changed"], gone=counts["gone"])


def refusals(counts: Sequence[AnswerCount], adapter: str | None, since: str) -> RateChange | None:
    """Refusals since the day `since` (ISO 8601), of the mode that was asked most of those that the adapter in
    production answered, else of those without any."""
    of = [each for each in counts if each.day >= since[:10] and each.adapter in ("", adapter or "")]
    asked: Counter[tuple[str, str]] = Counter()
    for each in of:
        asked[each.mode, each.adapter] += each.answered + each.refused
    own = Counter({key: n for key, n in asked.items() if key[1] == (adapter or "")}) or asked
    if not own:
        return None
    mode, answered_by = own.most_common(1)[0][0]
    days = [
        DayCount(each.day, each.refused, each.answered + each.refused)
        for each in of
        if (each.mode, each.adapter) == (mode, answered_by)
    ]
    return rate_change(days, REFERENCE_ANSWERS)


def thumbs_down(feedback: Sequence[Feedback], since: str) -> RateChange | None:
    """Thumbs down among all thumbs that were given at `since` (ISO 8601) or later."""
    days: dict[str, list[bool]] = {}
    for each in feedback:
        if each.at >= since:
            days.setdefault(each.at[:10], []).append(each.thumb == "down")
    return rate_change([DayCount(day, sum(downs), len(downs)) for day, downs in sorted(days.items())], REFERENCE_THUMBS)

"""What a comparison found, as typed values, and the one way between them and JSON.

    comparison ─▶ ComparisonResult ─▶ to_json ─▶ `.metier/reports/`, --json, /report.json ─▶ from_json ─▶ report

Fields have the names that they have in JSON (docs/comparison.md). Every field has a default, so that a file of an
earlier version, or one that lacks a part, still loads: there what is missing, null or empty is at its default, and
what is not known here is passed over. A figure that every comparison has is NaN where a file lacks it, and null in
JSON; None means that it was not measured or does not apply.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from metier.answering.passage_count import PassageCount
from metier.evaluation.records import Cited, ShownText
from metier.retrieval.fusion import Fusion

T = TypeVar("T")


def _without_nulls(value: object) -> object:
    return {name: each for name, each in value.items() if each is not None} if isinstance(value, Mapping) else value


Named = Annotated[Mapping[str, T], BeforeValidator(_without_nulls)]
Lenient = Annotated[T, BeforeValidator(_without_nulls)]  # a dataclass with defaults


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)

    @field_validator("*", mode="wrap")
    @classmethod
    def _at_its_default(cls, value: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        try:
            return validate(value)
        except ValidationError:
            field = cls.model_fields[info.field_name or ""]
            if value not in (None, {}, []) or field.is_required():
                raise
            return field.get_default(call_default_factory=True)


class Figure(_Part):
    """A mean (or another figure) over `n` questions, 0..1, with its 95% interval. For n = 0 the mean is NaN."""

    mean: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n: int = 0


class ModePair(_Part):
    """Mode `a` against mode `b` in one metric, of which `a` has more; the figures are those of
    `statistics.Difference`. `questions_needed`: about so many would tell them apart, None where they are apart.
    `p_adjusted`: by Holm over the pairs of the metric."""

    a: str
    b: str
    metric: str = "score"
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    effect: float | None = None
    n: int = 0
    questions_needed: int | None = None
    p_adjusted: float | None = None


class CostPerThousand(_Part):
    """Of a thousand questions: seconds, kWh, and money in `currency`; None where no price is set."""

    seconds: float = math.nan
    energy_kwh: float | None = None
    money: float | None = None
    currency: str = ""


class ModeCosts(_Part):
    """Of one mode: seconds to the first token and to the end (median and 95th percentile), mean tokens, and MiB that a
    process of its own takes at most."""

    first_token_p50: float | None = None
    first_token_p95: float | None = None
    total_p50: float | None = None
    total_p95: float | None = None
    prompt_tokens: float = math.nan
    completion_tokens: float = math.nan
    peak_memory_mb: float | None = None
    per_thousand: CostPerThousand = CostPerThousand()


class Verdict(_Part):
    """`choice`: a mode or `verdict.UNDECIDED`, then `between` names those still possible and `questions_needed` about
    how many questions in all would decide (`statistics.MOST_QUESTIONS`: that or more). `winner`: the mode that is
    better than every other, beyond chance; it need not be the choice where a cheaper one is within the margin.
    `best`: the mode with the highest mean, which alone means nothing. `excluded`: mode to what it does not keep."""

    choice: str = ""
    winner: str | None = None
    between: tuple[str, ...] = ()
    best: str | None = None
    reason: str = ""
    questions_needed: int | None = None
    margin: float = math.nan
    constraints: tuple[str, ...] = ()
    excluded: Named[str] = {}


class Rule(_Part):
    """`asks`: the question of the rule. `points_to`: the mode it speaks for, None where it does not say. `evidence`: a
    sentence with the figures."""

    name: str = ""
    asks: str = ""
    points_to: str | None = None
    evidence: str = ""
    figures: Mapping[str, bool | int | float | None] = {}


class FailureGroup(_Part):
    """Failures of one mode with the same cause: `share` of all questions, ids of some, and what to try."""

    cause: str = ""
    count: int = 0
    share: float = math.nan
    examples: tuple[str, ...] = ()
    next_step: str = ""


class RefusalCalibration(_Part):
    """What decides on refusals; the fields are those of `answering.abstention.Abstention`."""

    fitted_on: str = ""
    threshold: float | None = None
    precision: float | None = None
    recall: float | None = None
    near_misses: float | None = None
    questions: int = 0


class CalibrationRecord(_Part):
    """What was in force when the questions were asked."""

    fusion: Lenient[Fusion] | None = None
    passages: Lenient[PassageCount] | None = None
    refusals: RefusalCalibration | None = None


class ModeAnswer(_Part):
    """What one mode said to a question. `unsupported`: (start, end) of sentences that nothing carries. `shown`: what
    the model read. `first_token`, `total`: seconds. `error`: why there is no answer. `grades`: metric to value.
    `cause`: why it failed, "" where it did not, None where that was not looked for."""

    text: str = ""
    abstained: bool = False
    confidence: float | None = None
    citations: tuple[Lenient[Cited], ...] = ()
    unsupported: tuple[tuple[int, int], ...] = ()
    shown: tuple[Lenient[ShownText], ...] = ()
    first_token: float | None = None
    total: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    notes: tuple[str, ...] = ()
    error: str = ""
    grades: Named[float] = {}
    cause: str | None = None


class ExaminedQuestion(_Part):
    """An exam question with its accepted answers, where these stand, and what each mode said."""

    id: str = ""
    question: str = ""
    kind: str = ""
    language: str = ""
    answers: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    page: int | None = None
    modes: Named[ModeAnswer] = {}


class JudgeAgreement(_Part):
    """`model`: of the judge. `modes`: share that it finds right. `agreement`: share of the `answers` on which it agrees
    with the score; `kappa`: Cohen's, None where one of them never differs."""

    model: str = ""
    modes: Named[Figure] = {}
    answers: int = 0
    agreement: float | None = None
    kappa: float | None = None


class ComparisonResult(_Part):
    """What was examined, with what and when (`created`: ISO 8601), and what was found. `modes`: mode to metric to
    figure; `by_kind`, `by_language`: kind or language to mode to the figure of `score`; `costs`, `failures`: by mode.
    `groups`: a reader needs one of each to read all that it quotes, None where an older version did not note that.
    Before anything was measured it holds the rules alone, and no verdict."""

    expert: str = ""
    created: str = ""
    metier: str = ""
    language: str = ""
    model: str = ""
    adapter: str | None = None
    embedder: str = ""
    questions: int = 0
    kinds: Named[int] = {}
    modes: Named[Named[Figure]] = {}
    by_kind: Named[Named[Figure]] = {}
    by_language: Named[Named[Figure]] = {}
    pairs: tuple[ModePair, ...] = ()
    costs: Named[ModeCosts] = {}
    verdict: Verdict | None = None
    rules: tuple[Rule, ...] = ()
    agreement: str = ""
    failures: Named[tuple[FailureGroup, ...]] = {}
    calibration: CalibrationRecord = CalibrationRecord()
    notes: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] | None = None
    answers: tuple[ExaminedQuestion, ...] = Field((), repr=False)
    judge: JudgeAgreement | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values. Parts that were not looked for (the judge, the answers of a shortened result) are left out; a
        part that is there is there with all of its fields."""
        plain: dict[str, Any] = json.loads(self.model_dump_json(include=self.model_fields_set))
        return plain

    @classmethod
    def from_json(cls, plain: object) -> Self:
        """Raises `ValueError` that names the first field of another type."""
        try:
            return cls.model_validate(plain)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from None

    def without_answers(self) -> ComparisonResult:
        """All but the single questions."""
        kept = self.model_fields_set - {"answers"}
        return ComparisonResult.model_construct(**{name: getattr(self, name) for name in kept})

"""`[flow]` of `metier.toml`: when an adapter is trained anew, what it must do to be promoted, and who is told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from metier.core.intervals import Interval
from metier.core.source_settings import Section

FROM_ENVIRONMENT = "env:"


class FlowSettings(Section):
    share_changed: float = Field(
        0.05, ge=0, le=1, description="retrain when the sources of this share of the training rows changed or went"
    )
    new_terms: int = Field(
        200, ge=1, description="retrain when changed documents hold so many terms that no training row has"
    )
    exam_drop: float = Field(
        0.05,
        gt=0,
        le=1,
        description="retrain when the score on questions whose source changed is so much lower than on others",
    )
    days: int | None = Field(
        90, ge=1, description="retrain what changed at all when the adapter is so many days old, None = never for age"
    )
    mode: Literal["auto", "tuned", "rag+tuned"] = Field(
        "auto", description="way of answering that is examined; auto: as the last comparison chose, else rag+tuned"
    )
    rows: int = Field(200, ge=0, description="question-answer pairs written from changed documents in a run, at most")
    by_model: bool = Field(True, description="the model writes pairs and questions too; false: by rule alone")
    rehearsal: int = Field(
        50, ge=0, description="general questions with the base model's own answers among the rows, against forgetting"
    )
    fresh_questions: int = Field(
        10, ge=0, description="questions written from changed documents in a run, for practice and exam"
    )
    general_questions: int = Field(
        100, ge=0, le=100, description="questions of general knowledge that tell what a candidate forgot"
    )
    worn_after: int = Field(12, ge=1, description="decisions by the same exam after which it counts as worn out")
    latency_margin: float = Field(
        0.25, ge=0, description="a candidate may take so much longer (share, median of seconds an answer)"
    )
    parity_rows: int = Field(8, ge=0, description="questions on which exported forms are compared, 0 = they are not")
    parity_tolerance: float = Field(
        0.1, ge=0, description="exported forms may differ from the adapter by so much, nats a token and token F1"
    )
    approval: bool = Field(False, description="a person approves each promotion: `metier flow approve`")
    every: Interval = Field("24h", description="from one run of `metier flow watch` to the next: 30min, 6h, 7d")
    webhook: str | None = Field(
        None, description="http(s) address that is sent each result as JSON; env:NAME = the address is in that variable"
    )
    webhook_auth_env: str | None = Field(
        None, description="environment variable that holds a bearer token for the webhook"
    )
    webhook_private: bool = Field(False, description="the webhook may lead to this machine and to private networks")
    command: tuple[str, ...] = Field(
        (), description="program and its arguments, run after each result, which it gets as JSON on its input"
    )
    command_seconds: float = Field(60, gt=0, description="a command that takes longer is ended")
    mlflow: str | None = Field(
        None, pattern=r"^https?://\S+$", description="address of an MLflow server for runs, metrics and adapters"
    )

    def model_post_init(self, _context: object) -> None:
        address = self.webhook or ""
        if address and not address.startswith(("http://", "https://", FROM_ENVIRONMENT)):
            raise ValueError("webhook is neither an http(s) address nor env:NAME")

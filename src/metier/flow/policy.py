"""Whether to train anew: by the thresholds of `[flow]`, with the reason in words."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from metier.core.flow_settings import FlowSettings
from metier.flow.drift import Drift

Action = Literal["tune", "unchanged", "rag"]


class Decision(BaseModel):
    """`action`: tune; unchanged: nothing is due; rag: the documents alone serve, and no adapter is trained."""

    model_config = ConfigDict(frozen=True)

    action: Action
    reasons: tuple[str, ...] = ()


def decide(drift: Drift, settings: FlowSettings, *, changes_often: bool, chosen: str | None) -> Decision:
    """`changes_often`: documents change so often that no adapter keeps up, as set or as the syncs tell. `chosen`: way
    of answering that the last comparison chose, None before the first or where it was undecided."""
    if not drift.adapter:
        return _rag(
            "No adapter is in production: the documents alone serve, and a sync keeps them current. An adapter is made "
            "with `metier tune` and put there with `metier adapters promote`; from then on the flow keeps it current."
        )
    if changes_often:
        often = "as [exam] data_changes says"
        if drift.changes_per_week is not None:
            often = f"{drift.changes_per_week:.0%} of them in a week"
        return _rag(
            f"The documents change so often ({often}) that no adapter keeps up: the documents alone serve. To tune all "
            "the same, set `data_changes = false` in [exam]."
        )
    if settings.mode == "auto" and chosen in ("rag", "base"):
        return _rag(
            f"The last comparison chose {chosen}, which asks no adapter: it alone serves. To tune all the same, set "
            "`mode` in [flow]."
        )
    due = tuple(_due(drift, settings))
    if due:
        return Decision(action="tune", reasons=due)
    return Decision(action="unchanged", reasons=(_nothing(drift, settings),))


def _rag(reason: str) -> Decision:
    return Decision(action="rag", reasons=(reason,))


def _due(drift: Drift, settings: FlowSettings) -> list[str]:
    said, rows = [], drift.rows
    if rows is not None and rows.changed + rows.gone and rows.share >= settings.share_changed:
        said.append(
            f"Of {rows.rows} training rows the source of {rows.changed} changed and that of {rows.gone} went: "
            f"{rows.share:.0%}, and [flow] share_changed is {settings.share_changed:.0%}."
        )
    if drift.new_terms is not None and drift.new_terms.count >= settings.new_terms:
        said.append(
            f"{drift.new_terms.count} terms of changed documents stand in no training row; [flow] new_terms is "
            f"{settings.new_terms}."
        )
    if drift.exam is not None and drift.exam.drop >= settings.exam_drop:
        now, other = drift.exam.changed, drift.exam.unchanged
        said.append(
            f"On {now.n} exam questions whose source changed {drift.adapter} scores {now.mean:.2f} ({now.low:.2f} to "
            f"{now.high:.2f}), on {other.n} others {other.mean:.2f} ({other.low:.2f} to {other.high:.2f}); [flow] "
            f"exam_drop is {settings.exam_drop:.2f}."
        )
    if _touched(drift) and settings.days is not None and drift.days is not None and drift.days >= settings.days:
        said.append(
            f"{drift.adapter} is {drift.days:.0f} days old, and documents changed since; [flow] days is "
            f"{settings.days}."
        )
    for name, rate in (("refusals", drift.refusals), ("thumbs down", drift.thumbs)):
        if rate is not None and rate.rose:
            said.append(
                f"The share of {name} rose from {rate.before:.0%} of {rate.before_of} answers to {rate.now:.0%} of "
                f"{rate.now_of} (e-value {rate.e_value:.3g})."
            )
    return said


def _touched(drift: Drift) -> bool:
    return bool(drift.changed or drift.gone or drift.added)


def _nothing(drift: Drift, settings: FlowSettings) -> str:
    if not _touched(drift):
        return f"Nothing changed since {drift.adapter} was trained."
    if drift.rows is None:
        return f"Too little changed since {drift.adapter} was trained; what it learned from is not known to the row."
    return (
        f"Too little changed since {drift.adapter} was trained: the source of {drift.rows.share:.1%} of its rows, and "
        f"[flow] share_changed is {settings.share_changed:.0%}."
    )

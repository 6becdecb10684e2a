"""Figures over what became of scripted answers, see capable.py."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from capable_set import KINDS

TARGETS = {"right": 0.98, "not flagged": 0.95, "page cited": 0.95, "caught": 0.85, "first token": 1.1}


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence of an answer. `error`: kind of the error that was planted in it, "" where it is right. `support`:
    carried, partly, not or none."""

    text: str
    support: str
    score: float
    reason: str
    error: str = ""


@dataclass(slots=True)
class Outcome:
    """One question asked. `asked_model`: whether an answer was wanted of the endpoint. `streamed_whole`: what was
    streamed is the answer's text. `page`: None where no place must be cited. `first_token`, `direct`: seconds, None
    where nothing was streamed. `errors`: kind of each planted error to the support of its sentence, "not shown" where
    its words did not reach the user."""

    id: str
    kind: str
    set: str
    question: str
    scripted: str
    text: str
    abstained: bool
    asked_model: bool
    unchanged: bool
    right: bool
    streamed_whole: bool
    page: bool | None
    some_page: bool | None
    cited: list[str]
    sentences: list[Judged]
    first_token: float | None = None
    direct: float | None = None
    errors: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    right: int
    of: int

    @property
    def share(self) -> float:
        return self.right / self.of if self.of else float("nan")


def share(name: str, values: Iterable[bool | None]) -> Figure:
    """Of the values that are not None."""
    known = [bool(value) for value in values if value is not None]
    return Figure(name, sum(known), len(known))


def figures(outcomes: Sequence[Outcome]) -> list[Figure]:
    """Of good and planted answers alike; a figure over nothing is left out."""
    good = [outcome for outcome in outcomes if outcome.set == "good"]
    stated = [s for o in good if o.unchanged for s in o.sentences]
    planted = [outcome for outcome in outcomes if outcome.set == "planted"]
    errors = [support for outcome in planted for _, support in outcome.errors]
    shown = [support for support in errors if support != "not shown"]
    beside = [s for o in planted if o.unchanged for s in o.sentences if not s.error]
    made = [
        share("right", [o.right for o in good]),
        share("the model's text unchanged", [o.unchanged for o in good if o.asked_model]),
        share("streamed text is the answer", [o.streamed_whole for o in [*good, *planted] if o.asked_model]),
        share("not flagged: not", [s.support != "not" for s in stated]),
        share("not flagged: not or partly", [s.support not in ("not", "partly") for s in stated]),
        share("page cited", [o.page for o in good]),
        share("page cited, one of several", [o.some_page for o in good]),
        share("planted errors shown", [support != "not shown" for support in errors]),
        share("caught: not", [support == "not" for support in shown]),
        share("caught: not or partly", [support in ("not", "partly") for support in shown]),
        share("beside an error, not flagged: not", [s.support != "not" for s in beside]),
        share("beside an error, not flagged: not or partly", [s.support not in ("not", "partly") for s in beside]),
    ]
    return [figure for figure in made if figure.of]


def by_error(outcomes: Sequence[Outcome]) -> dict[str, list[Figure]]:
    """Kind of error to how many were caught."""
    kinds = defaultdict(list)
    for outcome in outcomes:
        for kind, support in outcome.errors:
            if support != "not shown":
                kinds[kind].append(support)
    return {
        kind: [
            share("caught: not", [support == "not" for support in found]),
            share("caught: not or partly", [support in ("not", "partly") for support in found]),
        ]
        for kind, found in sorted(kinds.items())
    }


def first_token(outcomes: Sequence[Outcome], *, follow_ups: bool) -> dict[str, float] | None:
    """Median ratio to a bare client and median of what is added, in seconds, with or without the questions that have a
    conversation before them."""
    pairs = [
        (outcome.first_token, outcome.direct)
        for outcome in outcomes
        if outcome.asked_model
        and outcome.first_token
        and outcome.direct
        and (outcome.kind == "follow-up") == follow_ups
    ]
    if not pairs:
        return None
    return {
        "questions": len(pairs),
        "direct": statistics.median(direct for _, direct in pairs),
        "ratio": statistics.median(through / direct for through, direct in pairs),
        "added": statistics.median(through - direct for through, direct in pairs),
    }


def report(outcomes: Sequence[Outcome], say: Callable[[str], None]) -> None:
    for figure in figures(outcomes):
        target = TARGETS.get(figure.name.partition(":")[0])
        wanted = f"  to reach: {target:.2f}" if target else ""
        say(f"{figure.name:46} {figure.share:.3f}  n={figure.of}{wanted}")
    for follow_ups, name in ((False, "first token"), (True, "first token of a follow-up")):
        if times := first_token(outcomes, follow_ups=follow_ups):
            wanted = "" if follow_ups else f"  to reach: {TARGETS['first token']}"
            added = f"+{1000 * times['added']:.0f} ms on {1000 * times['direct']:.0f}"
            say(f"{name:46} {times['ratio']:.3f}  n={times['questions']}, median; {added}{wanted}")
    say("\nby kind          right  not flagged  page   caught (of those shown)")
    for kind in KINDS:
        own = {figure.name: figure for figure in figures([o for o in outcomes if o.kind == kind])}
        if own:
            cells = [own.get(name) for name in ("right", "not flagged: not", "page cited", "caught: not")]
            say(f"{kind:16} " + "  ".join(f"{c.share:.2f} ({c.of:3})" if c else "   -      " for c in cells))
    for kind, (flagged, either) in by_error(outcomes).items():
        say(f"error: {kind:20} {flagged.share:.2f} not, {either.share:.2f} not or partly  n={flagged.of}")


def misses(outcomes: Sequence[Outcome], say: Callable[[str], None]) -> None:
    for o in outcomes:
        flagged = [s for s in o.sentences if s.support in ("not", "partly") and not s.error]
        missed = [error for error in o.errors if error[1] in ("carried", "none", "not shown")]
        lost = o.set == "good" and not (o.right and o.page in (None, True))
        if not (lost or missed or flagged):
            continue
        say(f"\n--- {o.set} {o.id}: {o.question}")
        if o.set == "good" and not o.right:
            say(f"NOT RIGHT{' (refused)' if o.abstained else ''}\n  scripted: {o.scripted}\n  got:      {o.text}")
        if o.set == "good" and o.page is False:
            say(f"PAGE not cited; cited: {'; '.join(o.cited) or 'nothing'}")
        for sentence in flagged:
            say(f"FLAGGED {sentence.support} ({sentence.score:.2f}; {sentence.reason}): {sentence.text}")
        if lost_errors := [kind for kind, support in o.errors if support == "not shown"]:
            say(f"NOT SHOWN {', '.join(lost_errors)}\n  scripted: {o.scripted}\n  got:      {o.text}")
        for sentence in o.sentences:
            if sentence.error and sentence.support in ("carried", "none"):
                say(f"MISSED {sentence.error} ({sentence.support}, {sentence.score:.2f}): {sentence.text}")

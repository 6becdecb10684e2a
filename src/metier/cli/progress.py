"""What is told on stderr while something takes long: bars on a terminal; elsewhere, as in a log, lines now and then.

    Asking: 120 of 400 (30%), 5 min left

A stage's first line comes when it takes longer than two seconds, another every 30 seconds, and one when it ends.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from metier.cli.terminal import console, visible

if TYPE_CHECKING:
    from rich.progress import Progress, Task, TaskID

_FIRST = 2.0  # seconds of a stage before its first line
_EVERY = 30.0  # seconds between its lines
_LOOK = 0.25  # seconds between two looks at what is due
_SPEED = (30.0, 300.0)  # seconds of work that the time left is reckoned from: for bars, for lines
_NOTE = 60  # characters
_MINUTE, _HOUR = 60, 3600


@contextmanager
def progress() -> Iterator[Stages]:
    """Stages of long work, told on stderr until it is done; bars are gone then, lines stay."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    screen = console(stderr=True)
    has_bars = sys.stderr.isatty() and screen.is_interactive
    bars = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", style="dim", markup=False),
        TextColumn("{task.fields[note]}", style="dim", markup=False),
        console=screen, transient=True, disable=not has_bars, speed_estimate_period=_SPEED[not has_bars],
    )  # fmt: skip
    with bars:
        if has_bars:
            yield Stages(bars)
        else:
            with _Lines(bars):
                yield Stages(bars)


class Stages:
    """Long work, stage by stage. A stage of unknown length ends when another begins."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def tell(self, stage: str, done: int, total: int | None, note: str = "", figures: str = "") -> None:
        """How far a stage is: `done` of `total`, None = nobody knows. `note`: what it is at, which changes too fast for
        a log; `figures`: what a log shall have, too."""
        if stage not in self._tasks:
            for each in self._bars.tasks:
                if each.total is None and each.stop_time is None:
                    self._bars.stop_task(each.id)
                    self._bars.update(each.id, visible=False)
            self._tasks[stage] = self._bars.add_task(stage, total=total, figures="", note="")
        self._bars.update(self._tasks[stage], completed=done, total=total, figures=figures, note=note[:_NOTE])

    def counting(self, stage: str, total: int | None, note: str = "") -> Callable[..., None]:
        """One stage that begins now; what is given back is told the rest of `tell`."""
        self.tell(stage, 0, total, note)
        return partial(self.tell, stage)


class _Lines:
    """Looks at the stages from a thread of its own, because a stage may take long without a word."""

    def __init__(self, bars: Progress) -> None:
        self._bars, self._is_over = bars, threading.Event()
        self._said: dict[TaskID, float] = {}  # when something was said of it last
        self._ended: set[TaskID] = set()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self._is_over.set()
        self._thread.join()
        if kind is None:
            self._look(is_over=True)

    def _watch(self) -> None:
        while not self._is_over.wait(_LOOK):
            self._look()

    def _look(self, *, is_over: bool = False) -> None:
        for task in self._bars.tasks:
            took = task.elapsed or 0.0 if task.finished_time is None else task.finished_time
            last = self._said.get(task.id)
            if task.id in self._ended or (last is None and took < _FIRST):
                continue
            has_ended = is_over or task.finished or task.stop_time is not None
            if has_ended or last is None or time.monotonic() - last >= _EVERY:
                self._said[task.id] = time.monotonic()
                with suppress(OSError):  # nobody reads it any more
                    print(visible(_line(task, took, has_ended=has_ended)), file=sys.stderr, flush=True)
            if has_ended:
                self._ended.add(task.id)


def _line(task: Task, took: float, *, has_ended: bool) -> str:
    if task.total is None:
        said = f"{task.description}: done" if has_ended else f"{task.description} …"
    else:
        said = f"{task.description}: {task.completed:.0f} of {task.total:.0f} ({int(task.percentage)}%)"
    if has_ended:
        said += f" in {_span(took)}"
    elif task.time_remaining:
        said += f", {_span(task.time_remaining)} left"
    elif took >= _EVERY:
        said += f", {_span(took)} so far"
    figures = task.fields["figures"]
    return f"{said} · {figures}" if figures else said


def _span(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds // _HOUR:.0f} h {seconds % _HOUR // _MINUTE:.0f} min"

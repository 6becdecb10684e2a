"""What `metier sync --watch` prints: the first sync as any other, then a line for each change."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING

from metier.cli.progress import Stages, progress
from metier.cli.show import print_json_line
from metier.cli.sync_report import print_report
from metier.cli.terminal import console, styled
from metier.core.errors import MetierError

if TYPE_CHECKING:
    from metier.expert import Expert
    from metier.ingestion.work import SyncProgress, SyncReport

_COLOURS = {"added": "green", "changed": "cyan", "moved": "cyan", "deleted": "yellow", "failed": "red"}


def watch_sources(opened: Expert, *, as_json: bool) -> None:
    """Until Ctrl-C, which ends it in order: what was committed stays."""
    watching, stop = Watching(as_json), threading.Event()
    try:
        with opened, progress() as watching.bar:
            watching.bar.counting("Looking", None)
            opened.watch(watching.hear, stop=stop, on_progress=watching.tell, on_change=watching.changed)
    except KeyboardInterrupt:
        stop.set()
        console(stderr=True).print(styled("\n[dim]Stopped. What was synced stays.[/]"))


class Watching:
    """Hears of syncs and their changes. `bar`: shows how far the first one is."""

    bar: Stages

    def __init__(self, as_json: bool) -> None:
        self._as_json, self._is_first = as_json, True
        self._failed: set[str] = set()
        self._problem = ""

    def tell(self, state: SyncProgress) -> None:
        if self._is_first:
            self.bar.tell("Syncing", state.done, state.total, state.item[-50:], f"{state.passages} passages")

    def changed(self, event: str, uri: str) -> None:
        if not self._as_json and not self._is_first and event != "failed":
            _print(event, uri)

    def hear(self, ended: SyncReport | MetierError) -> None:
        if isinstance(ended, MetierError):
            if ended.message != self._problem:  # said once, however often it is tried
                console(stderr=True).print(styled("[dim]{}[/] [red]{}[/]", _now(), ended.message), soft_wrap=True)
            self._problem = ended.message
            return
        self._problem = ""
        if self._as_json:
            print_json_line(ended)
        elif self._is_first:
            print_report(ended)
            console().print(styled("[dim]Watching. Ctrl-C ends it.[/]"))
        else:
            for failure in ended.failed:
                if failure.item not in self._failed:
                    _print("failed", f"{failure.item}: {failure.reason}")
        self._failed = {failure.item for failure in ended.failed}
        self._is_first = False


def _print(event: str, what: str) -> None:
    from rich.text import Text

    named = Text(f"{event:7}", style=_COLOURS[event])
    console().print(styled("[dim]{}[/] {} {}", _now(), named, what), soft_wrap=True)


def _now() -> str:
    return datetime.now().strftime("%H:%M:%S")

"""What a sync did, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metier.cli.show import counted, local_time
from metier.cli.table_blocks import told_by_table
from metier.cli.terminal import console, styled

if TYPE_CHECKING:
    from metier.ingestion.work import SyncReport


def print_report(report: SyncReport) -> None:
    screen = console()
    numbers = {name: getattr(report, name) for name in ("added", "changed", "moved", "deleted", "unchanged")}
    counts = ", ".join(f"{many} {name}" for name, many in numbers.items() if many or name != "moved")
    screen.print(styled("[green]✓[/] {} · {} passages in {:.1f} s", counts, report.passages, report.seconds))
    for warning in told_by_table((*report.overlaps, *report.warnings, *report.unread_languages)):
        screen.print(styled("  [yellow]![/] {}: {}", warning.item, warning.reason), soft_wrap=True)
    if report.failed:
        screen.print(styled("[red]✗[/] {} could not be read:", len(report.failed)))
        for failure in told_by_table(report.failed):
            screen.print(f"  {failure.item}: {failure.reason}", soft_wrap=True)
    if report.next_try:
        when = local_time(report.next_try)
        told = styled("  What may pass is tried again from {} on; [bold]metier sync --retry[/] tries them now.", when)
        screen.print(told, soft_wrap=True)
    if report.gave_up:
        many = counted(report.gave_up, "document")
        told = styled("  {} given up after many tries: [bold]metier sync --retry[/] tries them once more.", many)
        screen.print(told, soft_wrap=True)
    if report.unreachable:
        names, kept = ", ".join(report.unreachable), counted(report.kept, "document")
        screen.print(styled("[bold red]✗[/] Out of reach or empty: {}. {} of it kept.", names, kept), soft_wrap=True)
    if report.index:
        screen.print(f"  Vector index {report.index['state']}: recall@10 {report.index['recall_at_10']:.3f}")

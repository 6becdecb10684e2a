"""dataset import, generate, check, show: what a model is to be tuned with."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metier.cli.generating import AllGroupsOption, GroupsOption, from_practice, generate, groups_of, rehearse
from metier.cli.progress import progress
from metier.cli.show import (
    ExamOption,
    ExpertOption,
    JsonOption,
    exam_questions,
    open_expert,
    plain,
    print_findings,
    print_json,
)
from metier.cli.terminal import console, styled

if TYPE_CHECKING:
    from metier.dataset.checks import Report
    from metier.dataset.layouts import Columns
    from metier.dataset.rows import Row

dataset = typer.Typer(no_args_is_help=True, help="The training data: import or generate it, check it, look at it.")
_LABELS_SHOWN = 5


def register(app: typer.Typer) -> None:
    app.add_typer(dataset, name="dataset")
    dataset.command("import")(import_file)
    dataset.command()(generate)
    dataset.command()(from_practice)
    dataset.command()(rehearse)
    dataset.command()(check)
    dataset.command()(show)
    dataset.command()(preferences)


def import_file(
    file: Annotated[Path, typer.Argument(help="jsonl, json, csv, tsv, parquet, or a folder of `save_to_disk`.")],
    expert: ExpertOption = None,
    question: Annotated[str | None, typer.Option(help="Column of the question, where the layout is not known.")] = None,
    completion: Annotated[str | None, typer.Option(help="Column of what the model is to write.")] = None,
    context: Annotated[str | None, typer.Option(help="Column of the passage shown with the question.")] = None,
    layout: Annotated[str | None, typer.Option(help="Name of the layout, where two fit.")] = None,
    split: Annotated[str, typer.Option(help="Which split of a folder that holds several.")] = "train",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Count malformed rows instead of stopping.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Add training data from a file; the layout (alpaca, ShareGPT, messages, ...) is told by looking.

    Example: metier dataset import faq.csv --question Frage --completion Antwort
    """
    columns = _columns(question, completion, context)
    with open_expert(expert) as opened, progress() as bar:
        bar.counting("Reading", None, file.name)
        report = opened.dataset.import_file(file, columns=columns, layout=layout, split=split, skip_bad=skip_bad)
    if as_json:
        print_json(report)
        return
    screen = console()
    known = f", {report.known} were there already" if report.known else ""
    screen.print(
        styled("[green]✓[/] {} rows added ({}){}; {} in all.", report.added, report.layout, known, report.total)
    )
    if report.skipped:
        left_out = ", ".join(f"{count} {reason}" for reason, count in report.skipped.items())
        screen.print(styled("[yellow]![/] Left out: {}.", left_out))
    for problem in report.problems:
        screen.print(f"  {problem}", style="dim", soft_wrap=True)
    screen.print(styled("  Next: [bold]metier dataset check[/]."))


def check(
    expert: ExpertOption = None,
    exam: ExamOption = None,
    max_length: Annotated[
        int | None, typer.Option(min=16, help="Tokens of a row, prompt and completion; default: the model's context.")
    ] = None,
    drop_leaks: Annotated[
        bool, typer.Option("--drop-leaks", help="Take out the rows that ask what the exam asks, then check.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the training data before a run: leaks, repeats, lengths, languages, labels, size. Ends with 1 on a leak.

    Example: metier dataset check --exam questions.jsonl --max-length 2048
    """
    with open_expert(expert) as opened, progress() as bar:
        tell = bar.counting("Counting tokens", None)
        questions = exam_questions(opened, exam)
        dropped = opened.dataset.drop_leaks(questions) if drop_leaks else 0
        report = opened.dataset.check(
            max_length=max_length,
            exam=questions,
            tell=tell,
        )
    if as_json:
        print_json({**plain(report), "stops": report.stops, "dropped": dropped})
    else:
        if drop_leaks:
            console().print(styled("[green]✓[/] {} rows that the exam asks for were taken out.", dropped))
        _print_report(report)
    if report.stops:
        sys.exit(1)


def show(
    expert: ExpertOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, max=1000, help="How many rows.")] = 3,
    as_json: JsonOption = False,
) -> None:
    """Show the first rows as the model reads them, and what kinds there are.

    Example: metier dataset show -n 5
    """
    with open_expert(expert) as opened:
        rows = opened.dataset.rows()
    counts = {
        "kinds": _counted(row.kind or "(none)" for row in rows),
        "languages": _counted(row.language or "(unknown)" for row in rows),
        "origins": _counted(row.origin.rpartition(":")[0] or row.origin or "(unknown)" for row in rows),
    }
    if as_json:
        print_json({"rows": len(rows), **counts, "shown": [_shown(row) for row in rows[:limit]]})
        return
    screen = console()
    if not rows:
        screen.print(
            styled("There is no training data yet. Next: [bold]metier dataset import FILE[/] or [bold]generate[/].")
        )
        return
    for row in rows[:limit]:
        screen.print(styled("[bold cyan]{}[/]  [dim]{}[/]", row.origin or row.id, row.kind))
        for message in row.prompt():
            screen.print(f"{message.role:>9}", style="dim")
            screen.print(message.content, soft_wrap=True)
        screen.print("completion", style="green")
        screen.print(row.completion, soft_wrap=True)
        screen.print()
    screen.print(f"{len(rows)} rows")
    for name, counted in counts.items():
        listed = ", ".join(f"{key} {count}" for key, count in counted.items())
        screen.print(f"  {name}: {listed}", soft_wrap=True)


def preferences(
    expert: ExpertOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, max=1000, help="How many pairs.")] = 3,
    groups: GroupsOption = None,
    all_groups: AllGroupsOption = False,
    exam: ExamOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what `metier tune --dpo` would learn from: answers with a thumb down, each with the one that is wanted.

    Example: metier dataset preferences -n 5
    """
    with open_expert(expert) as opened, progress() as bar:
        tell, questions = bar.counting("Pairs", None), exam_questions(opened, exam)
        found = opened.preferences.pairs(groups=groups_of(groups, all_groups), exam=questions, tell=tell)
    if as_json:
        shown = [_shown(pair.chosen) | {"rejected": pair.rejected} for pair in found.pairs[:limit]]
        counts = {"pairs": len(found.pairs), "origins": found.origins, "left_out": found.left_out}
        print_json({**counts, "shown": shown})
        return
    screen = console()
    for pair in found.pairs[:limit]:
        screen.print(styled("[bold cyan]{}[/]  {}", pair.chosen.origin, pair.chosen.question), soft_wrap=True)
        screen.print(styled("   [green]chosen[/]  {}", pair.chosen.completion), soft_wrap=True)
        screen.print(styled(" [red]rejected[/]  {}", pair.rejected), soft_wrap=True)
    whence = ", ".join(f"{count} by {name}" for name, count in found.origins.items())
    screen.print(f"{len(found.pairs)} preference pairs{f': {whence}' if whence else ''}")
    for reason, count in found.left_out.items():
        screen.print(styled("[yellow]![/] {} left out: {}.", count, reason))
    if not found.pairs:
        screen.print("  Each is an answer with a thumb down, and a correction or an answer with a thumb up.")


def _columns(question: str | None, completion: str | None, context: str | None) -> Columns | None:
    from metier.core.errors import InputError
    from metier.dataset.layouts import Columns

    if question and completion:
        return Columns(question, completion, context)
    if question or completion or context:
        raise InputError("columns are named for the question and the completion, or not at all",
                         hint="Give both --question and --completion.")  # fmt: skip
    return None


def _counted(values: Any) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _shown(row: Row) -> dict[str, Any]:
    return {
        "id": row.id,
        "origin": row.origin,
        "kind": row.kind,
        "language": row.language,
        "messages": row.prompt(),
        "completion": row.completion,
    }


def _print_report(report: Report) -> None:
    screen = console()
    print_findings(report.findings)
    tokens = report.tokens
    screen.print(
        f"{report.rows} rows, {tokens.epoch:,} tokens an epoch, of which {tokens.learned:,} are learned from; "
        f"the longest has {tokens.longest:,} of {report.max_length:,}.",
        soft_wrap=True,
    )
    if report.labels:
        largest = ", ".join(f"{label} {count}" for label, count in list(report.labels.rows.items())[:_LABELS_SHOWN])
        screen.print(
            f"{len(report.labels.rows)} labels, balance {report.labels.balance:.2f} of 1: {largest}",
            soft_wrap=True,
        )
    if not report.stops:
        screen.print(styled("[green]✓[/] Nothing speaks against a run."))

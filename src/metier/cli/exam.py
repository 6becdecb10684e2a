"""exam import, generate, show, check: the questions by which the ways of answering are judged."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metier.cli.generating import AllGroupsOption, GroupsOption, groups_of, print_left_out, teacher_of
from metier.cli.progress import progress
from metier.cli.reviewing import KindOption, SplitOption, chosen, print_question, review
from metier.cli.show import (
    ExpertOption,
    JsonOption,
    open_expert,
    plain,
    print_findings,
    print_json,
)
from metier.cli.terminal import console, styled
from metier.core.errors import InputError

if TYPE_CHECKING:
    from metier.evaluation.questions.question_set import Added
    from metier.expert import Expert

exam = typer.Typer(no_args_is_help=True, help="The questions: import or generate them, look at them, check and review.")


_MOST, _TIME = 100, 120.0  # questions; seconds


def register(app: typer.Typer) -> None:
    app.add_typer(exam, name="exam")
    exam.command("import")(import_file)
    for verb in (generate, show, check, review):
        exam.command()(verb)


def import_file(
    file: Annotated[Path, typer.Argument(help="jsonl, json (SQuAD too), csv, tsv, parquet, or a BEIR folder.")],
    expert: ExpertOption = None,
    question: Annotated[str | None, typer.Option(help="Column of the question, where it is not known.")] = None,
    answer: Annotated[str | None, typer.Option(help="Column of the accepted answers.")] = None,
    document: Annotated[str | None, typer.Option(help="Column of the document that holds the answer.")] = None,
    page: Annotated[str | None, typer.Option(help="Column of its page.")] = None,
    kind: KindOption = None,
    split: SplitOption = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Count malformed rows instead of stopping.")] = False,
    skip_leaks: Annotated[
        bool, typer.Option("--skip-leaks", help="Leave out what asks on one side what stands on the other.")
    ] = False,
    loose: Annotated[bool, typer.Option("--loose", help="Keep questions whose document is not there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Add questions; each goes to practice or to the exam once and for all.

    Example: metier exam import faq.csv --question Frage --answer Antwort
    """
    from metier.evaluation.questions.files import QuestionColumns

    with open_expert(expert) as opened, progress() as bar:
        bar.counting("Reading", None, file.name)
        found, added = opened.exam.import_file(
            file, columns=QuestionColumns(question, answer, document, page), kind=kind, split=split,
            skip_bad=skip_bad, skip_leaks=skip_leaks, loose=loose,
        )  # fmt: skip
    if as_json:
        print_json({"layout": found.layout, "skipped": found.skipped, "problems": found.problems, **plain(added)})
        return
    _print_added(added, f" ({found.layout})")
    if found.skipped:
        console().print(
            styled("[yellow]![/] Left out: {}.", ", ".join(f"{n} {why}" for why, n in found.skipped.items()))
        )
    for problem in found.problems:
        console().print(f"  {problem}", style="dim", soft_wrap=True)
    console().print(styled("  Next: [bold]metier exam check[/]."))


def generate(
    expert: ExpertOption = None,
    count: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Questions that pass the filters, of all kinds together; default: as many as two minutes allow, at "
            f"most {_MOST}.",
        ),
    ] = None,
    kinds: Annotated[str | None, typer.Option(help="Of fact,table,several,yesno,unanswerable; default: all.")] = None,
    teacher: Annotated[
        str | None, typer.Option(help="Model that writes, as openai:NAME; default: the own one.")
    ] = None,
    teacher_url: Annotated[str | None, typer.Option(help="Base URL of the teacher's endpoint.")] = None,
    teacher_key_env: Annotated[str | None, typer.Option(help="Environment variable that holds its key.")] = None,
    parallel: Annotated[int, typer.Option(min=1, help="Passages the teacher is asked about at once.")] = 4,
    rules_only: Annotated[
        bool, typer.Option("--rules-only", help="From tables and headings, without a model.")
    ] = False,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only from documents that came or changed since the adapter was tuned.")
    ] = False,
    groups: GroupsOption = None,
    all_groups: AllGroupsOption = False,
    seed: Annotated[int, typer.Option(help="Another seed draws others.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Write questions from the expert's passages, also such as nothing answers, and add those that hold.

    Example: metier exam generate --count 200 --rules-only
    """
    from metier.synthesis.exam_questions import KINDS, ExamQuestionOptions

    asked = tuple(kind.strip() for kind in kinds.split(",")) if kinds else KINDS
    seconds = _TIME if count is None else None
    count = count or _MOST
    wanted = ExamQuestionOptions(count, asked, seed, rules_only, seconds, groups_of(groups, all_groups))
    writes = teacher_of(teacher, teacher_url, teacher_key_env, rules_only, parallel)
    with open_expert(expert) as opened, progress() as bar:
        if changed:
            wanted = replace(wanted, documents=_changed(opened))
        tell = bar.counting("Writing", count)
        written, added = opened.exam.generate(wanted, teacher=writes, tell=tell)
    if as_json:
        told = {"written": len(written.questions), "dropped_by": written.dropped, "restricted": written.restricted}
        print_json({**told, **plain(added)})
        return
    _print_added(added, "")
    if writes is None and any(question.kind == "fact" for question in written.questions) and not rules_only:
        console().print(
            styled(
                "[yellow]![/] A small model writes poor questions: look at them, or leave them out with --rules-only."
            )
        )
    if len(written.questions) < count:
        limit = " in the time of two minutes; --count asks for more" if seconds else ""
        console().print(
            styled("[yellow]![/] The passages gave {} of {} that hold{}.", len(written.questions), count, limit)
        )
    print_left_out(written.restricted, "documents")
    if written.dropped:
        console().print(styled("  [dim]Dropped: {}.[/]", ", ".join(f"{n} {why}" for why, n in written.dropped.items())))
    console().print(styled("  Next: [bold]metier exam review[/], then [bold]metier compare[/]."))


def _changed(opened: Expert) -> frozenset[str]:
    """Raises `InputError` where nothing did."""
    found = opened.drift(ask=0)
    if not found.documents:
        why = (
            "no adapter is in production"
            if found.adapter is None
            else f"nothing changed since {found.adapter} was tuned"
        )
        raise InputError(
            f"there are no changed documents: {why}", where="--changed", hint="Leave --changed out to write of all."
        )
    return frozenset(found.documents)


def show(
    expert: ExpertOption = None,
    kind: KindOption = None,
    split: SplitOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, max=1000, help="How many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Show the questions.

    Example: metier exam show --kind unanswerable
    """
    with open_expert(expert) as opened:
        kept = chosen(opened, kind, split)
    if as_json:
        print_json({"questions": len(kept), "shown": [each.to_json() for each in kept[:limit]]})
        return
    screen = console()
    for each in kept[:limit]:
        print_question(each, screen)
    screen.print(f"{min(limit, len(kept))} of {len(kept)} questions shown." if kept else "There are no such questions.")


def check(expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """Check the questions before an exam: leaks, wrong keys, documents that are gone, too few. Ends with 1 on a leak.

    Example: metier exam check
    """
    with open_expert(expert) as opened:
        report = opened.exam.check()
    if as_json:
        print_json({**plain(report), "stops": report.stops})
    else:
        screen = console()
        screen.print(styled("[bold]{} questions[/]", report.questions))
        for side, kinds in report.kinds.items():
            screen.print(f"  {side}: {', '.join(f'{n} {kind}' for kind, n in kinds.items()) or 'none'}")
        print_findings(report.findings)
    if report.stops:
        sys.exit(1)


def _print_added(added: Added, how: str) -> None:
    screen = console()
    screen.print(
        styled(
            "[green]✓[/] {} questions added{}: {} to practise, {} for the exam; {} in all.",
            added.added,
            how,
            added.practice,
            added.exam,
            added.total,
        )
    )
    if added.kinds:
        screen.print(f"  {', '.join(f'{n} {kind}' for kind, n in added.kinds.items())}")
    for count, what in (
        (added.known, "were there already"),
        (added.dropped, "were dropped before"),
        (added.leaks, "leak and were left out"),
    ):
        if count:
            screen.print(f"  {count} {what}")
    for line in added.differing[:3]:
        screen.print(styled("[yellow]![/] {}", line), soft_wrap=True)

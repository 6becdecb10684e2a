"""dataset generate: training data written from the expert's own passages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from metier.cli.progress import progress
from metier.cli.show import (
    ExamOption,
    ExpertOption,
    JsonOption,
    exam_questions,
    listed,
    open_expert,
    print_json,
)
from metier.cli.terminal import console, styled

if TYPE_CHECKING:
    from metier.core.settings import GenerationSettings
    from metier.synthesis.raft import RowKind
    from metier.synthesis.training_rows import Generated


GroupsOption = Annotated[
    str | None, typer.Option(help="Also from documents of these groups, with commas between; default: public ones.")
]
AllGroupsOption = Annotated[bool, typer.Option("--all-groups", help="From all documents, whoever may read them.")]


def groups_of(groups: str | None, all_groups: bool) -> tuple[str, ...] | None:
    """Whose documents are taken beside the public ones, None = all. Raises `InputError` where both are said."""
    from metier.core.errors import InputError

    if groups and all_groups:
        raise InputError("--groups and --all-groups exclude each other", hint="Leave one of them out.")
    return None if all_groups else tuple(listed(groups or ""))


def generate(
    expert: ExpertOption = None,
    count: Annotated[int, typer.Option(min=1, help="Pairs of question and answer that pass the filters.")] = 100,
    teacher: Annotated[
        str | None, typer.Option(help="Model that writes, as openai:NAME; default: the expert's own.")
    ] = None,
    teacher_url: Annotated[str | None, typer.Option(help="Base URL of the teacher's endpoint.")] = None,
    teacher_key_env: Annotated[str | None, typer.Option(help="Environment variable that holds its key.")] = None,
    parallel: Annotated[int, typer.Option(min=1, help="Passages the teacher is asked about at once.")] = 4,
    rules_only: Annotated[
        bool, typer.Option("--rules-only", help="From tables, lists and headings, without a model.")
    ] = False,
    paraphrases: Annotated[int, typer.Option(min=0, max=20, help="Other wordings of each question, at most.")] = 0,
    rows: Annotated[str, typer.Option(help="rag (with passages), plain (without), or both.")] = "both",
    left_out: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the rows with passages where only a refusal is right.")
    ] = 0.2,
    groups: GroupsOption = None,
    all_groups: AllGroupsOption = False,
    exam: ExamOption = None,
    seed: Annotated[int, typer.Option(help="Another seed draws other passages.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Write questions and answers from the expert's passages, keep those that hold, and add them as training rows.

    A run that was interrupted goes on where it was when it is started again.

    Example: metier dataset generate --count 500 --teacher openai:gpt-4.1-mini --teacher-key-env OPENAI_API_KEY
    """
    from metier.synthesis.training_rows import TrainingRowOptions

    kind = cast("RowKind", rows)  # as typed; `TrainingRowOptions` refuses any other
    wanted = TrainingRowOptions(count, paraphrases, seed, kind, left_out, rules_only, groups_of(groups, all_groups))
    asked = teacher_of(teacher, teacher_url, teacher_key_env, rules_only, parallel)
    with open_expert(expert) as opened, progress() as bar:
        tell = bar.counting("Writing", count)
        report = opened.dataset.generate(wanted, teacher=asked, exam=exam_questions(opened, exam), tell=tell)
    if as_json:
        print_json(report)
        return
    _print_report(report, count, own=asked is None)


def from_practice(
    expert: ExpertOption = None,
    rows: Annotated[str, typer.Option(help="rag (with passages), plain (without), or both.")] = "both",
    left_out: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the rows with passages where only a refusal is right.")
    ] = 0.2,
    groups: GroupsOption = None,
    all_groups: AllGroupsOption = False,
    seed: Annotated[int, typer.Option(help="Another seed leaves out others.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Make training rows of the practice questions, in the very prompt in which the expert answers.

    Example: metier dataset from-practice --rows rag
    """
    with open_expert(expert) as opened:
        kind = cast("RowKind", rows)  # as typed; `from_practice` refuses any other
        report = opened.dataset.from_practice(
            rows=kind, left_out=left_out, seed=seed, groups=groups_of(groups, all_groups)
        )
    if as_json:
        print_json(report)
        return
    console().print(
        styled(
            "[green]✓[/] {} rows added from {} practice questions; {} in all.\n  {} rows, {} "
            "refusals among them; {} questions without an answer or a document left out.",
            report.added,
            report.questions,
            report.total,
            report.rows,
            report.refusals,
            report.left_out,
        )
    )
    print_left_out(report.restricted, "questions")
    console().print(styled("  Next: [bold]metier dataset check[/]."))


def rehearse(
    expert: ExpertOption = None,
    count: Annotated[int, typer.Option(min=1, help="Questions; a fifth as many as there are rows is a start.")] = 100,
    exam: ExamOption = None,
    seed: Annotated[int, typer.Option(help="Another seed writes others.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Add general questions with the answers the model gives now, so that it forgets less when it is tuned.

    A run that was interrupted goes on where it was when it is started again.

    Example: metier dataset rehearse --count 100
    """
    with open_expert(expert) as opened, progress() as bar:
        tell = bar.counting("Asking", count)
        report = opened.dataset.add_replay(count, seed=seed, exam=exam_questions(opened, exam), tell=tell)
    if as_json:
        print_json(report)
        return
    screen = console()
    screen.print(
        styled("[green]✓[/] {} rows added with what the model says now; {} in all.", report.added, report.total)
    )
    if report.rows < count:
        screen.print(
            styled("[yellow]![/] The model wrote {} of {} that are questions with an answer.", report.rows, count)
        )
    screen.print(styled("  Next: [bold]metier dataset check[/]."))


def print_left_out(count: int, what: str) -> None:
    """Says how many were left out because not everybody may read them, and how to take them."""
    if count:
        console().print(
            styled(
                "[yellow]![/] {} {} were left out, which not everybody may read: --groups NAME or --all-groups takes "
                "them. What is made of them is for their readers alone.",
                count, what,
            ), soft_wrap=True,
        )  # fmt: skip


def endpoint(
    role: str, model: str | None, url: str | None, key_env: str | None, **more: int
) -> GenerationSettings | None:
    """A model beside the expert's own, None where none is named. `more`: other settings of it. Raises `InputError` for
    an address without a name."""
    from metier.core.errors import InputError
    from metier.core.settings import GenerationSettings

    if model is None and (url or key_env):
        raise InputError(f"a {role} has an address but no name", hint=f"Name the model: --{role} openai:NAME.")
    return GenerationSettings(model=model, url=url, api_key_env=key_env, **more) if model else None


def teacher_of(
    model: str | None, url: str | None, key_env: str | None, rules_only: bool, parallel: int
) -> GenerationSettings | None:
    """The model that writes, None = the expert's own. Raises `InputError` where one is named and none may be asked."""
    from metier.core.errors import InputError

    if model is not None and rules_only:
        raise InputError("a teacher is named, but --rules-only asks no model", hint="Leave one of the two out.")
    return endpoint("teacher", model, url, key_env, parallel=parallel)


def _print_report(report: Generated, count: int, own: bool) -> None:
    screen = console()
    screen.print(
        styled(
            "[green]✓[/] {} rows added from {} pairs; {} in all ({:.0f} s).",
            report.added,
            sum(report.kept.values()),
            report.total,
            report.seconds,
        )
    )
    for source, said in (("rule", "by rule"), ("model", "by the model")):
        if written := report.written.get(source, 0):
            screen.print(f"  {said}: {report.kept.get(source, 0)} of {written} pairs kept")
    screen.print(f"  {report.rows} rows, {report.refusals} refusals, {report.paraphrases} paraphrases among them")
    for name, dropped in report.dropped.items():
        if dropped.count:
            screen.print(styled("  [yellow]dropped[/] {} {}", dropped.count, name))
            for example in dropped.examples:
                screen.print(f"    {example}", style="dim", soft_wrap=True)
    if own and report.kept.get("model"):
        # Of 15 that the packaged 135M model wrote of the sample company and the filters kept, 5 were right.
        screen.print(
            styled(
                "[yellow]![/] A small model writes poor pairs: look at them with [bold]metier dataset "
                "show[/], or leave them out with --rules-only."
            )
        )
    if not report.enough:
        screen.print(
            styled(
                "[yellow]![/] {} passages gave fewer than {} pairs; a teacher (--teacher) finds more.",
                report.passages,
                count,
            )
        )
    print_left_out(report.restricted, "documents")
    screen.print(styled("  Next: [bold]metier dataset check[/]."))

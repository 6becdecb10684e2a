"""exam import, generate, show, check, review: the questions by which the ways of answering are judged."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metier.cli.generating import endpoint
from metier.cli.show import (
    ExpertOption,
    JsonOption,
    console,
    escape,
    open_expert,
    plain,
    print_findings,
    print_json,
    progress,
)  # fmt: skip

if TYPE_CHECKING:
    from metier.evaluation.question_set import Added, Kept
    from metier.expert import Expert

exam = typer.Typer(no_args_is_help=True, help="The questions: import or generate them, look at them, check and review.")
SplitOption = Annotated[str | None, typer.Option(help="practice or exam.")]
KindOption = Annotated[str | None, typer.Option(help="fact, several, table, yesno, label, text or unanswerable.")]
_KEYS = "[bold]a[/] accept  [bold]e[/] edit  [bold]d[/] drop  [bold]s[/] skip  [bold]q[/] quit"
_PASSAGE_SHOWN = 600  # characters


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
    from metier.evaluation.question_files import QuestionColumns

    with open_expert(expert) as opened, progress() as bar:
        bar.add_task("Reading", total=None, note=file.name)
        found, added = opened.import_questions(
            file, columns=QuestionColumns(question, answer, document, page), kind=kind, split=split,
            skip_bad=skip_bad, skip_leaks=skip_leaks, loose=loose,
        )  # fmt: skip
    if as_json:
        print_json({"layout": found.layout, "skipped": found.skipped, "problems": found.problems, **plain(added)})
        return
    _print_added(added, f" ({escape(found.layout)})")
    if found.skipped:
        console().print(f"[yellow]![/] Left out: {', '.join(f'{n} {why}' for why, n in found.skipped.items())}.")
    for problem in found.problems:
        console().print(f"  {problem}", markup=False, style="dim", soft_wrap=True)
    console().print("  Next: [bold]metier exam check[/].")


def generate(
    expert: ExpertOption = None,
    count: Annotated[int, typer.Option(min=1, help="Questions that pass the filters, of all kinds together.")] = 100,
    kinds: Annotated[str | None, typer.Option(help="Of fact,table,several,yesno,unanswerable; default: all.")] = None,
    teacher: Annotated[
        str | None, typer.Option(help="Model that writes, as openai:NAME; default: the own one.")
    ] = None,
    teacher_url: Annotated[str | None, typer.Option(help="Base URL of the teacher's endpoint.")] = None,
    teacher_key_env: Annotated[str | None, typer.Option(help="Environment variable that holds its key.")] = None,
    rules_only: Annotated[
        bool, typer.Option("--rules-only", help="From tables and headings, without a model.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Another seed draws others.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Write questions from the expert's passages, also such as nothing answers, and add those that hold.

    Example: metier exam generate --count 200 --rules-only
    """
    from metier.evaluation.writing_questions import KINDS, Wanted

    asked = tuple(kind.strip() for kind in kinds.split(",")) if kinds else KINDS
    wanted = Wanted(count, asked, seed, rules_only)
    with open_expert(expert) as opened, progress() as bar:
        task = bar.add_task("Writing", total=count, note="")
        written, added = opened.generate_questions(
            wanted,
            teacher=endpoint("teacher", teacher, teacher_url, teacher_key_env),
            tell=lambda done, total, note: bar.update(task, completed=done, total=total, note=escape(note[:60])),
        )
    if as_json:
        print_json({"written": len(written.questions), "dropped_by": written.dropped, **plain(added)})
        return
    _print_added(added, "")
    if len(written.questions) < count:
        console().print(f"[yellow]![/] The passages gave {len(written.questions)} of {count} that hold.")
    if written.dropped:
        console().print(f"  [dim]Dropped: {', '.join(f'{n} {why}' for why, n in written.dropped.items())}.[/]")
    console().print("  Next: [bold]metier exam review[/], then [bold]metier compare[/].")


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
        kept = [each for each in opened.reviewed_questions() if not each.dropped]
    chosen = [each for each in kept if kind in (None, each.question.kind) and split in (None, each.question.split)]
    if as_json:
        print_json([each.to_json() for each in chosen[:limit]])
        return
    for each in chosen[:limit]:
        _print_question(each)
    console().print(f"{min(limit, len(chosen))} of {len(chosen)} shown; {len(kept)} in all.")


def check(expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """Check the questions before an exam: leaks, wrong keys, documents that are gone, too few. Ends with 1 on a leak.

    Example: metier exam check
    """
    with open_expert(expert) as opened:
        report = opened.check_questions()
    if as_json:
        print_json({**plain(report), "stops": report.stops})
    else:
        screen = console()
        screen.print(f"[bold]{report.questions} questions[/]")
        for side, kinds in report.kinds.items():
            screen.print(f"  {side}: {', '.join(f'{n} {kind}' for kind, n in kinds.items()) or 'none'}")
        if report.half_width is not None:
            screen.print(f"  A share measured on this exam is off by {100 * report.half_width:.0f} points at most.")
        print_findings(report.findings)
    if report.stops:
        sys.exit(1)


def review(
    expert: ExpertOption = None,
    kind: KindOption = None,
    split: SplitOption = None,
    again: Annotated[bool, typer.Option("--again", help="Those that were accepted, too.")] = False,
) -> None:
    """Look at questions one by one: accept, edit or drop. Every answer is kept at once; quit and go on any time.

    Example: metier exam review --kind unanswerable
    """
    screen = console()
    with open_expert(expert) as opened:
        waiting = [
            each
            for each in opened.reviewed_questions()
            if (again or not each.review)
            and not each.dropped
            and kind in (None, each.question.kind)
            and split in (None, each.question.split)
        ]
        for number, each in enumerate(waiting, start=1):
            screen.print(f"\n[dim]{number} of {len(waiting)}[/]")
            _print_question(each)
            _print_source(opened, each)
            if not _reviewed(opened, each):
                break
    screen.print("Nothing to review." if not waiting else "Everything said so far is kept.")


def _reviewed(opened: Expert, each: Kept) -> bool:
    """Ask until a key is one that means something; False where the person quits."""
    from metier.errors import InputError

    screen, identity = console(), each.question.id
    while True:
        screen.print(_KEYS)
        try:
            key = input().strip().casefold()[:1]
        except EOFError:
            return False
        if key == "q":
            return False
        if key == "s":
            return True
        if key in ("a", "d"):
            opened.review_question(identity, "accepted" if key == "a" else "dropped")
            return True
        if key == "e":
            try:
                screen.print("[dim]Question (empty = as it is):[/]")
                text = input().strip()
                screen.print("[dim]Accepted answers, parted by | (empty = as they are):[/]")
                answers = [answer.strip() for answer in input().split("|") if answer.strip()]
            except EOFError:
                return False
            try:
                opened.review_question(identity, "accepted", question=text or None, answers=answers or None)
            except InputError as error:
                screen.print(f"[red]✗[/] {escape(str(error))}", soft_wrap=True)
                continue
            return True


def _print_added(added: Added, how: str) -> None:
    screen = console()
    screen.print(
        f"[green]✓[/] {added.added} questions added{how}: {added.practice} to practise, {added.exam} for the exam; "
        f"{added.total} in all."
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
        screen.print(f"[yellow]![/] {escape(line)}", soft_wrap=True)


def _print_question(each: Kept) -> None:
    question, screen = each.question, console()
    mark = {"accepted": "[green]✓[/]", "dropped": "[red]✗[/]"}.get(each.review, "[dim]·[/]")
    screen.print(
        f"{mark} [bold]{escape(question.question)}[/]  [dim]{question.kind}, {question.split}[/]", soft_wrap=True
    )
    answers = " | ".join(question.answers) or "(nothing answers it)"
    screen.print(f"  {escape(answers)}", soft_wrap=True)


def _print_source(opened: Expert, each: Kept) -> None:
    """Where the answer stands."""
    question, screen = each.question, console()
    for uri in question.documents[:2]:
        page = "" if question.page is None else f", page {question.page}"
        screen.print(f"  [cyan]{escape(uri)}[/]{page}")
    for text in _passages(opened, question)[:2]:
        screen.print(f"  “{escape(text[:_PASSAGE_SHOWN])}”", style="dim", soft_wrap=True)


def _passages(opened: Expert, question: Any) -> list[str]:
    uris = opened.store.uris()
    passages = [p for uri in question.documents if uri in uris for p in opened.store.passages(uris[uri])]
    known = [passage for passage in passages if passage.id in question.passages]
    holding = [p for p in passages if any(answer in p.text for answer in question.answers)]
    return [passage.text for passage in known or holding]

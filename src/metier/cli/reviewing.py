"""exam review: questions one by one, with where their answer stands."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from metier.cli.show import ExpertOption, JsonOption, open_expert, print_json
from metier.cli.terminal import console, styled

if TYPE_CHECKING:
    from rich.console import Console

    from metier.core.documents import Passage
    from metier.core.questions import Question
    from metier.evaluation.questions.question_set import QuestionEntry
    from metier.expert import Expert

SplitOption = Annotated[str | None, typer.Option(help="practice or exam.")]
KindOption = Annotated[str | None, typer.Option(help="fact, several, table, yesno, label, text or unanswerable.")]

_DONE = {"a": "accepted", "e": "edited", "d": "dropped", "s": "skipped"}
_PASSAGES, _PASSAGE_SHOWN = 2, 600  # passages of a question, and characters of each


def review(
    expert: ExpertOption = None,
    kind: KindOption = None,
    split: SplitOption = None,
    again: Annotated[bool, typer.Option("--again", help="Those that were accepted, too.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Stop after so many.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Look at questions one by one: accept, edit or drop. Every answer is kept at once; quit and go on any time.

    With --json what was done is printed at the end, and the questions go to stderr.

    Example: metier exam review --kind unanswerable
    """
    screen, said = console(stderr=as_json), Counter[str]()
    with open_expert(expert) as opened:
        waiting = [each for each in chosen(opened, kind, split) if again or not each.review]
        for number, each in enumerate(waiting[:limit], start=1):
            screen.print(styled("\n[dim]{} of {}[/]", number, len(waiting)))
            print_question(each, screen)
            _print_source(opened, each.question, screen)
            if (done := _reviewed(opened, each, screen)) is None:
                break
            said[done] += 1
    if as_json:
        print_json({name: said[name] for name in _DONE.values()} | {"waiting": len(waiting) - said.total()})
        return
    done = ", ".join(f"{count} {name}" for name, count in said.items())
    screen.print(f"{done}; all of it is kept." if done else "Nothing was changed." if waiting else "Nothing to review.")


def chosen(opened: Expert, kind: str | None, split: str | None) -> list[QuestionEntry]:
    """The questions of a kind and a side, None = of all, that were not dropped. Raises `InputError` for others."""
    from metier.core.errors import InputError
    from metier.core.questions import KINDS, SPLITS

    for name, given, known in (("kind", kind, KINDS), ("split", split, SPLITS)):
        if given not in (None, *known):
            raise InputError(f"there is no {name} {given!r}", hint=f"Choose one of {', '.join(known)}.")
    kept = [each for each in opened.exam.reviewed() if not each.dropped]
    return [e for e in kept if kind in (None, e.question.kind) and split in (None, e.question.split)]


def print_question(each: QuestionEntry, screen: Console) -> None:
    question = each.question
    mark = {"accepted": styled("[green]✓[/]"), "dropped": styled("[red]✗[/]")}.get(each.review, styled("[dim]·[/]"))
    about = f"{question.kind}, {question.split} · {question.id} · {question.origin}"
    screen.print(styled("{} [bold]{}[/]  [dim]{}[/]", mark, question.question, about), soft_wrap=True)
    screen.print(f"  {' | '.join(question.answers) or '(nothing answers it)'}", soft_wrap=True)


def _print_source(opened: Expert, question: Question, screen: Console) -> None:
    """Where the answer stands; for a question without one, what the search finds for it."""
    from metier.parsing.core.locators import locator_in

    for uri in question.documents:
        place = locator_in(uri, question.page)
        screen.print(styled("  [cyan]{}[/]{}", uri, f", {place}" if place else ""), soft_wrap=True)
    passages = _passages(opened, question)
    if not question.documents and opened.runtime.store.counts()[1]:
        screen.print(styled("  [dim]What the search finds:[/]"))
        passages = [hit.passage for hit in opened.search(question.question, _PASSAGES)]
    for passage in passages[:_PASSAGES]:
        screen.print(f"  “{passage.text[:_PASSAGE_SHOWN]}”", style="dim", soft_wrap=True)


def _passages(opened: Expert, question: Question) -> list[Passage]:
    from metier.evaluation.metrics.text import contains

    uris = opened.runtime.store.uris() if question.documents else {}
    passages = [p for uri in question.documents if uri in uris for p in opened.runtime.store.passages(uris[uri])]
    known = [passage for passage in passages if passage.id in question.passages]
    return known or [p for p in passages if contains(p.text, question.answers, question.language)]


def _reviewed(opened: Expert, each: QuestionEntry, screen: Console) -> str | None:
    """What was done, asked for until a key is one that means something; None where the person quits."""
    from metier.core.errors import InputError

    while True:
        screen.print(styled("[bold]a[/] accept  [bold]e[/] edit  [bold]d[/] drop  [bold]s[/] skip  [bold]q[/] quit"))
        key = _key()
        if key in ("", "q"):
            return None
        if key not in _DONE:
            continue
        try:
            if key == "e" and not _edit(opened, each, screen):
                return None
            if key in ("a", "d"):
                opened.exam.review(each.question.id, "accepted" if key == "a" else "dropped")
        except InputError as error:
            screen.print(styled("[red]✗[/] {}", error.message), soft_wrap=True)
            continue
        return _DONE[key]


def _edit(opened: Expert, each: QuestionEntry, screen: Console) -> bool:
    """False where the input ended before both lines were there; nothing is changed then."""
    screen.print(styled("[dim]Question (empty = as it is):[/]"))
    text = sys.stdin.readline()
    screen.print(styled("[dim]Accepted answers, parted by | (empty = as they are):[/]"))
    line = sys.stdin.readline()
    if not line:
        return False
    answers = [answer.strip() for answer in line.split("|") if answer.strip()]
    opened.exam.review(each.question.id, "accepted", question=text.strip() or None, answers=answers or None)
    return True


def _key() -> str:
    """The key that is pressed, or where there is no terminal the first letter of the next line; "" at the end."""
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        return (line.strip().casefold() or " ")[0] if line else ""
    try:
        return typer.getchar().casefold()
    except EOFError:
        return ""

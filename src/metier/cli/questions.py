"""search, ask, chat: what an expert is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from metier.cli.show import ExpertOption, JsonOption, open_expert, place, print_error, print_json
from metier.cli.terminal import console, styled

if TYPE_CHECKING:
    from rich.console import Console

    from metier.answering.answer import Answer, OnText
    from metier.store.base import Filter

_SHORT = 80  # characters of a sentence that is named
GroupOption = Annotated[list[str] | None, typer.Option("--group", help="Search as a reader with these groups.")]
InOption = Annotated[str | None, typer.Option("--in", help="Only documents whose name matches this glob.")]
ModeOption = Annotated[str, typer.Option(help="base, rag, tuned or rag+tuned: from the documents, and by whom.")]
AdapterOption = Annotated[str | None, typer.Option(help="Adapter of a tuned mode; default: the one in production.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="From what was known on that day, as 2026-10-01, or 2026-10-01T15:00.")
]
WhereOption = Annotated[list[str] | None, typer.Option("--where", help="Only documents with key=value; repeatable.")]


def register(app: typer.Typer) -> None:
    for verb in (search, ask, chat):
        app.command()(verb)


def search(
    question: Annotated[str, typer.Argument(help="What to look for.")],
    expert: ExpertOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="How many passages.")] = 5,
    group: GroupOption = None,
    within: InOption = None,
    where: WhereOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the passages that answer a question.

    Example: metier search "torque of the blade bolts" --in "*manuals*"
    """
    from metier.parsing.core.locators import locator_of
    from metier.text.language import Language
    from metier.text.phrases import has_words

    with open_expert(expert) as opened:
        hits = opened.search(question, limit, _filter(group, within, where), as_of)
        language = Language.of(opened.runtime.settings.language)
    if as_json:
        from metier.serving.responses import SearchResponse

        print_json(SearchResponse.of(question, hits))
        return
    screen = console()
    if not has_words(question):
        screen.print(language.text("replies", "no_question"))
    elif not hits:
        screen.print("Nothing found. Is anything indexed? `metier sources` shows it.")
    for number, hit in enumerate(hits, start=1):
        passage = hit.passage
        where_it_is = place(locator_of(passage), passage.headings)
        head = styled("[bold cyan]{}[/] [bold]{}[/]  [dim]{}  {:.1f}[/]", number, passage.uri, where_it_is, hit.score)
        screen.print(head, soft_wrap=True)
        screen.print(_shorten(passage.text), style="dim" if number > 1 else "")


def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    expert: ExpertOption = None,
    mode: ModeOption = "rag",
    adapter: AdapterOption = None,
    group: GroupOption = None,
    within: InOption = None,
    where: WhereOption = None,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the documents, and show where it stands.

    Example: metier ask "How often is the gearbox oil of the NV-110 changed?"
    """
    with open_expert(expert) as opened:
        wanted = _filter(group, within, where)

        def asked(on_text: OnText | None = None) -> Answer:
            return opened.ask(question, mode=mode, adapter=adapter, where=wanted, on_text=on_text, as_of=as_of)

        if as_json:
            from metier.serving.responses import AnswerResponse

            print_json(AnswerResponse.of(asked()))
        else:
            _print_answer(asked)


def chat(
    expert: ExpertOption = None,
    mode: ModeOption = "rag",
    adapter: AdapterOption = None,
) -> None:
    """Talk with the expert; follow-up questions are understood. Ctrl-C stops an answer; an empty line or Ctrl-D ends.

    Example: metier chat
    """
    from metier.core.errors import InputError

    screen = console()
    with open_expert(expert) as opened:
        conversation = opened.chat()

        def asked(question: str) -> Callable[[OnText], Answer]:
            return lambda on_text: conversation.ask(question, mode=mode, adapter=adapter, on_text=on_text)

        screen.print(styled("[dim]Ask {}. An empty line ends.[/]", opened.settings.name))
        while True:
            try:
                question = screen.input(styled("[bold cyan]›[/] ")).strip()
            except EOFError:
                screen.print()  # the prompt ends its line
                break
            if not question:
                break
            try:
                _print_answer(asked(question))
            except KeyboardInterrupt:
                screen.print(styled("\n[yellow]Stopped.[/]"))
            except InputError as error:  # a question that is too long ends no conversation
                print_error(error)


def _print_answer(run: Callable[[OnText], Answer]) -> None:
    """The text as it is written, as plain text; below it what carries which sentence."""
    screen = console()
    written: list[str] = []
    waiting = screen.status(styled("[dim]…[/]"))

    def on_text(piece: str) -> None:
        piece = piece if written else piece.lstrip()
        if piece:
            waiting.stop()
            written.append(piece)
            screen.out(piece, end="", highlight=False)

    with waiting:
        answer = run(on_text)
    text = "".join(written).rstrip()
    if text:
        screen.out("")
    if answer.text != text:  # a refusal, or another text that no model wrote
        screen.print(answer.text, soft_wrap=True, style="yellow" if answer.abstained else "")
    _print_marks(screen, answer)


def _print_marks(screen: Console, answer: Answer) -> None:
    from metier.answering.answer import DESCRIPTION, Support
    from metier.parsing.core.locators import locator_of

    numbers = {(each.document_id, each.start, each.end): n for n, each in enumerate(answer.citations, start=1)}
    stated = [each for each in answer.sentences if each.support is not Support.NONE]
    for number, citation in enumerate(answer.citations, start=1):
        where = place(citation.numbered, citation.headings)
        corrects = f"corrects {citation.corrects}" if citation.corrects else ""
        newer = f"newer: {citation.newer}" if citation.newer else ""
        replaces = f"replaces {', '.join(citation.replaces)}" if citation.replaces else ""
        described = DESCRIPTION if citation.described else ""
        copies = f"the same in: {', '.join(citation.copies)}" if citation.copies else ""
        parts = (corrects, citation.dated, newer, replaces, copies, where, citation.cell, described)
        where = " · ".join(part for part in parts if part)
        head = styled("[cyan]\\[{}][/] [bold]{}[/]  [dim]{}[/]", number, citation.document, where)
        screen.print(head, soft_wrap=True)
        screen.print(f"    “{_shorten(citation.quote)}”", style="dim")
    for sentence in stated:
        marks = "".join(
            f"[{mark}]"
            for each in sentence.citations
            if (mark := numbers.get((each.document_id, each.start, each.end)))
        )
        said = f"“{_shorten(answer.text[sentence.start : sentence.end], _SHORT)}”"
        why = f" ({sentence.reason})" if sentence.reason else ""
        if sentence.support is Support.NOT:
            screen.print(styled("[red]✗[/] [dim]{} stands in no document{}[/]", said, why), soft_wrap=True)
        elif sentence.support is Support.PARTLY:
            screen.print(styled("[yellow]~[/] [dim]{}[/]", f"{said} only in part {marks}{why}"), soft_wrap=True)
        elif len(stated) > 1:
            screen.print(styled("[green]✓[/] [dim]{}[/]", f"{said} {marks}"), soft_wrap=True)
    if answer.abstained and answer.searched_for:
        screen.print(styled("[dim]Looked for: {}[/]", "; ".join(answer.searched_for)), soft_wrap=True)
    for passage in answer.nearest:
        where = place(locator_of(passage), passage.headings) + (f" · {DESCRIPTION}" if passage.described else "")
        screen.print(styled("[dim]Nearest:[/] [bold]{}[/]  [dim]{}[/]", passage.uri, where), soft_wrap=True)
    for conflict in answer.conflicts:
        told = zip(conflict.values, conflict.citations, strict=True)
        first, second = (f"{value} ({citation.document})" for value, citation in told)
        screen.print(styled("[yellow]![/] Documents disagree: {} ≠ {}", first, second), soft_wrap=True)
    if answer.tables is not None:
        screen.print(styled("[dim]Asked of the tables: {}[/]", answer.tables.sql), soft_wrap=True)
        if answer.tables.rows > answer.tables.shown:
            screen.print(styled("[dim]{} rows fit.[/]", f"{answer.tables.rows:,}"))
    for note in answer.notes:
        screen.print(styled("[yellow]![/] {}", note))
    seconds = answer.timings.get("total", 0.0)
    sure = "" if answer.confidence is None else f" · confidence {answer.confidence:.2f}"
    model = f"{answer.model} + {answer.adapter}" if answer.adapter else answer.model
    screen.print(styled("[dim]{} · {} · {:.1f} s{}[/]", answer.mode, model, seconds, sure))


def _filter(groups: list[str] | None, within: str | None, where: list[str] | None) -> Filter | None:
    from metier.core.errors import InputError
    from metier.store.base import Filter

    if groups is None and within is None and not where:
        return None
    for pair in where or ():
        if "=" not in pair:
            raise InputError(f"--where wants key=value, not {pair!r}")
    metadata = dict(pair.split("=", 1) for pair in where or ())
    return Filter(groups=None if groups is None else tuple(groups), uri=within, metadata=metadata)


def _shorten(text: str, limit: int = 300) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"

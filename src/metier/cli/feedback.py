"""corrections list, show, add, accept, dismiss, undo: what people say is wrong, and what is done about it."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from metier.cli.show import ExpertOption, JsonOption, open_expert, place, plain, print_json
from metier.cli.terminal import console, styled
from metier.core.groups import NOBODY

if TYPE_CHECKING:
    from metier.core.documents import Passage
    from metier.feedback.records import Action, Change, Correction, State

corrections = typer.Typer(no_args_is_help=True, help="Corrections: give them, decide on them, take them back.")
IdArgument = Annotated[str, typer.Argument(help="Its id, from `metier corrections list`.")]
WhoOption = Annotated[str | None, typer.Option(help="Who says so; default: the user of this machine.")]
WhyOption = Annotated[str, typer.Option(help="The reason, for those who come after.")]
_MARKS = {"queued": ("?", "yellow"), "accepted": ("✓", "green"), "dismissed": ("·", "dim"), "undone": ("↶", "dim")}
_DOES = {"pin": "pins", "hide": "hides", "replace": "replaces", "": "answers"}


def register(app: typer.Typer) -> None:
    app.add_typer(corrections, name="corrections")
    corrections.command("list")(list_corrections)
    for verb in (show, add, accept, dismiss, undo):
        corrections.command()(verb)


def list_corrections(
    expert: ExpertOption = None,
    state: Annotated[str | None, typer.Option(help="queued, accepted, dismissed or undone; default: all.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the corrections, with who gave each and what became of it.

    Example: metier corrections list --state queued
    """
    with open_expert(expert) as opened:
        found = opened.corrections.all(cast("State | None", state))  # as typed; `all` refuses any other
    if as_json:
        print_json({"corrections": [_plain(each) for each in found]})
        return
    for each in found:
        _print_line(each)
    if not found:
        console().print("Nothing was corrected." if state is None else f"None is {state}.")


def show(identity: IdArgument, expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """Show a correction, and everything that was done about it.

    Example: metier corrections show 3f9a01c2
    """
    with open_expert(expert) as opened:
        correction, history = opened.corrections.get(identity), opened.corrections.history(identity)
    if as_json:
        print_json({**_plain(correction), "history": history})
        return
    _print_line(correction)
    for name, passage in (("Passage", correction.passage), ("Stands in", correction.source)):
        if passage is not None:
            _print_passage(name, passage)
    if correction.text:
        console().print(styled("[bold]Reads now[/]"))
        console().print(correction.text)
    for action in history:
        console().print(styled("[dim]{}[/]  {}", action.at, _said(action)), soft_wrap=True)


def add(
    question: Annotated[str, typer.Argument(help="The question that was answered wrongly.")] = "",
    expert: ExpertOption = None,
    answer: Annotated[str, typer.Option(help="The right answer.")] = "",
    document: Annotated[str | None, typer.Option(help="Document in which it stands.")] = None,
    page: Annotated[int | None, typer.Option(min=1, help="Page of it.")] = None,
    pin: Annotated[bool, typer.Option("--pin", help="Find the passage of --document first for this question.")] = False,
    hide: Annotated[str | None, typer.Option(metavar="PASSAGE", help="Never find this passage again.")] = None,
    replace: Annotated[str | None, typer.Option(metavar="PASSAGE", help="Let this passage read as --text.")] = None,
    text: Annotated[str, typer.Option(help="The passage as it should read, as a whole.")] = "",
    group: Annotated[
        list[str] | None, typer.Option(help="Who may read it, where it names no document; repeat for several.")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="Everybody may, where it names no document.")] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Let somebody else decide.")] = False,
    who: WhoOption = None,
    why: WhyOption = "",
    as_json: JsonOption = False,
) -> None:
    """Correct an answer or a passage; it takes effect at once, unless --queue. `metier search --json` shows the ids of
    passages.

    Example: metier corrections add "How tight are the blade bolts?" --answer "850 Nm" --document tb-25-03.pdf --pin
    """
    from metier.core.errors import InputError

    given: tuple[tuple[Change, object], ...] = (("pin", pin), ("hide", hide), ("replace", replace))
    changes = [name for name, value in given if value]
    if len(changes) > 1:
        raise InputError(f"--{changes[0]} and --{changes[1]} do not go together", hint="Make two corrections.")
    if public and group:
        raise InputError("--public and --group exclude each other", hint="Leave one of them out.")
    groups = () if public else tuple(group) if group else None
    with open_expert(expert) as opened:
        made = opened.corrections.add(
            question, answer, document=document, page=page, change=changes[0] if changes else "",
            passage=hide or replace, text=text, why=why, who=_who(who), groups=groups,
            accept=not queue,
        )  # fmt: skip
    _print_one(made, as_json)


def accept(
    identity: IdArgument, expert: ExpertOption = None, who: WhoOption = None, why: WhyOption = "",
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Let a correction take effect.

    Example: metier corrections accept 3f9a01c2 --why "checked with the manufacturer"
    """
    _decide("accept", identity, expert, who, why, as_json)


def dismiss(
    identity: IdArgument, expert: ExpertOption = None, who: WhoOption = None, why: WhyOption = "",
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Lay a correction aside.

    Example: metier corrections dismiss 3f9a01c2 --why "the manual is right"
    """
    _decide("dismiss", identity, expert, who, why, as_json)


def undo(
    identity: IdArgument, expert: ExpertOption = None, who: WhoOption = None, why: WhyOption = "",
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Take back what was decided, and what it changed.

    Example: metier corrections undo 3f9a01c2
    """
    _decide("undo", identity, expert, who, why, as_json)


def _decide(verb: str, identity: str, expert: str | None, who: str | None, why: str, as_json: bool) -> None:
    with open_expert(expert) as opened:
        decided = getattr(opened.corrections, verb)(identity, who=_who(who), why=why)
    _print_one(decided, as_json)


def _who(given: str | None) -> str:
    try:
        return given if given is not None else getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        return ""


def _plain(correction: Correction) -> dict[str, Any]:
    """As scripts may rely on it: the fields of a correction, and where it is."""
    return {**plain(correction), "documents": list(correction.documents), "unfinished": correction.unfinished}


def _print_one(correction: Correction, as_json: bool) -> None:
    if as_json:
        print_json(_plain(correction))
        return
    _print_line(correction)
    if correction.unfinished:
        console().print(styled("[yellow]![/] A sync holds the store; the rest is done when it ends."))
    if correction.groups == NOBODY and correction.about is None:
        console().print(
            styled(
                "[yellow]![/] It names no document, and some documents are not for everybody: only who may read all of "
                "them finds it. `--public` or `--group` says otherwise."
            ), soft_wrap=True,
        )  # fmt: skip
    if note := (correction.learned or {}).get("note"):
        console().print(styled("[yellow]![/] {}.", note[0].upper() + note[1:]))


def _print_line(correction: Correction) -> None:
    from rich.text import Text

    said = f"“{correction.question}”" if correction.question else ""
    what = " ".join(part for part in (_DOES[correction.change], ", ".join(correction.documents)) if part)
    answer = f" → {correction.answer}" if correction.answer else ""
    by = f"{correction.who or 'somebody'}, {correction.at[:10]}"
    screen = console()
    screen.print(
        styled(
            "{} [bold cyan]{}[/] {}  {}{}  [dim]{} · {}[/]",
            Text(*_MARKS[correction.state]), correction.id, correction.state, said, answer, what, by,
        ), soft_wrap=True,
    )  # fmt: skip
    if correction.look_again:
        screen.print(styled("  [yellow]![/] {}.", correction.look_again[0].upper() + correction.look_again[1:]))


def _print_passage(name: str, passage: Passage) -> None:
    from metier.parsing.core.locators import locator_of

    where = place(locator_of(passage), passage.headings)
    console().print(styled("[bold]{}[/] {}  [dim]{} · {}[/]", name, passage.uri, where, passage.id), soft_wrap=True)
    console().print(passage.text, style="dim")


def _said(action: Action) -> str:
    who = f" by {action.who}" if action.who else ""
    why = f": {action.why}" if action.why else ""
    return f"{action.action}{who}{why}"

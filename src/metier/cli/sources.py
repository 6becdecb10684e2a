"""sources: what an expert reads, what failed, and where sources contradict each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metier.cli.item_list import print_items
from metier.cli.progress import progress
from metier.cli.show import ExpertOption, JsonOption, open_expert, place, print_json
from metier.cli.terminal import console, styled

if TYPE_CHECKING:
    from metier.answering.answer import Citation, Conflict

_QUOTE = 300  # characters

app = typer.Typer(invoke_without_command=True)


def register(whole: typer.Typer) -> None:
    app.callback()(sources)
    app.command()(conflicts)
    whole.add_typer(app, name="sources")


def sources(
    context: typer.Context,
    expert: ExpertOption = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only what could not be read.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the sources, what is indexed of them, and what failed and why.

    Example: metier sources --failed
    """
    if context.invoked_subcommand is not None:
        return
    opened = open_expert(expert)
    known = opened.items()
    items = [item for item in known if item.state == "failed" or not failed]
    if as_json:
        print_json({"sources": [s.model_dump(mode="json") for s in opened.settings.sources], "items": items})
        return
    if known and not items:
        console().print("Nothing failed.")
        return
    print_items(Path(opened.folder).resolve().name, len(opened.settings.sources), items)


def conflicts(expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """Show where documents state different values for the same thing, the newest first.

    Example: metier sources conflicts
    """
    with open_expert(expert) as opened, progress() as bar:

        def tell(done: int, total: int, uri: str) -> None:
            bar.tell("Reading", done, total, uri[-50:], "")

        found = opened.conflicts(on_document=tell)
    if as_json:
        print_json({"conflicts": found})
        return
    for number, conflict in enumerate(found, start=1):
        _print_conflict(number, conflict)
    if not found:
        console().print(styled("[green]✓[/] No documents were found that contradict each other."))
        return
    many = "pair of statements that contradict" if len(found) == 1 else "pairs of statements that contradict"
    console().print(styled("{} {} each other. Correct the document, or take it out.", len(found), many))


def _print_conflict(number: int, conflict: Conflict) -> None:
    first, second = conflict.values
    console().print(styled("[yellow]{}.[/] [bold]{}[/] ≠ [bold]{}[/]", number, first, second), soft_wrap=True)
    for citation in conflict.citations:
        print_statement(citation)


def print_statement(citation: Citation) -> None:
    """Where one of two statements stands, and what it says."""
    where = " · ".join(part for part in (citation.dated, place(citation.numbered, citation.headings)) if part)
    console().print(styled("   [bold]{}[/]  [dim]{}[/]", citation.document, where), soft_wrap=True)
    said = " ".join(citation.quote.split())
    console().print(f"   “{said if len(said) <= _QUOTE else said[:_QUOTE] + '…'}”", style="dim")

"""state: where what the tool remembers is kept, and taking it elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from metier.cli.progress import progress
from metier.cli.show import AuthEnvOption, ExpertOption, JsonOption, NamespaceOption, open_expert, print_json
from metier.cli.terminal import console, styled

state = typer.Typer(help="What the tool remembers (syncs, keys, corrections): what is there, and taking it elsewhere.")


def register(app: typer.Typer) -> None:
    app.add_typer(state, name="state")
    state.callback(invoke_without_command=True)(show)
    state.command("copy")(copy)


def show(context: typer.Context, expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """Where the state is kept, and how many rows it has of each kind.

    Example: metier state
    """
    if context.invoked_subcommand is not None:
        return
    from metier.services.state_copy import state_of

    with open_expert(expert) as opened:
        where, rows = state_of(opened.runtime)
    if as_json:
        print_json({"where": where, "rows": rows})
        return
    console().print(styled("[bold]{}[/]", where), soft_wrap=True)
    console().print(styled("  {}", _listed(rows) or "nothing yet"), soft_wrap=True)


def copy(
    to: Annotated[str, typer.Option(help="postgresql://user@host/database, or file for the one in .metier.")],
    expert: ExpertOption = None,
    auth_env: AuthEnvOption = None,
    namespace: NamespaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the state into a PostgreSQL, or back into a file, compare both, and have metier.toml name the new place.
    What was copied stays where it was. Start running servers again afterwards: they keep to the old place.

    Example: metier state copy --to postgresql://metier@db.example/metier --auth-env METIER_DB
    """
    from metier.services.state_copy import copy_state

    with open_expert(expert) as opened, progress() as stages:
        done = copy_state(
            opened.runtime, to, auth_env, namespace, lambda at, of, table: stages.tell("Copying", at, of, table)
        )
    if as_json:
        print_json(done)
        return
    screen, rows = console(), sum(done.rows.values())
    screen.print(styled("[green]✓[/] {} rows copied to [bold]{}[/], and the same there.", rows, done.target))
    screen.print(styled("  {}", _listed(done.rows)))
    screen.print(styled("  metier.toml names it now. What was in {} is left there; start servers again.", done.source))


def _listed(rows: dict[str, int]) -> str:
    return ", ".join(f"{many:,} {name}" for name, many in rows.items() if many)

"""state: where what the tool remembers is kept, and taking it elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from metier.cli.progress import progress
from metier.cli.show import AuthEnvOption, ExpertOption, JsonOption, NamespaceOption, open_expert, print_json
from metier.cli.terminal import console, styled

state = typer.Typer(no_args_is_help=True, help="What the tool remembers (syncs, keys, corrections): take it elsewhere.")


def register(app: typer.Typer) -> None:
    app.add_typer(state, name="state")
    state.command("copy")(copy)


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
    screen.print(styled("  {}", ", ".join(f"{many} {name}" for name, many in done.rows.items() if many)))
    screen.print(styled("  metier.toml names it now. What was in {} is left there; start servers again.", done.source))

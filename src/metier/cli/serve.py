"""serve: the expert over the network."""

from __future__ import annotations

from typing import Annotated

import typer

from metier.cli.show import ExpertOption, find_expert
from metier.cli.terminal import console, styled


def register(app: typer.Typer) -> None:
    app.command()(serve)


def serve(
    expert: ExpertOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; others than loopback want keys.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 = one that is free.")] = None,
    path_prefix: Annotated[str | None, typer.Option(help="Path below which a proxy shows it, /metier.")] = None,
) -> None:
    """Answer over OpenAI's API until Ctrl-C; answers that run are finished, unless it is pressed twice.

    Example: metier serve --port 8000      then open the address that it prints
    """
    from metier.core.errors import needing
    from metier.core.settings import load, validate
    from metier.expert import Expert

    folder = find_expert(expert)
    settings = load(folder).serving
    if path_prefix is None:
        path_prefix = settings.path_prefix
    else:
        validate({"serving": {"path_prefix": path_prefix}}, "metier serve")
    with needing("serve"):
        from metier.serving.http.server import listen

        def started(address: str, name: str, token: str | None) -> None:
            at = f"{address}/?token={token}" if token else f"{address}/v1"
            said = styled("[green]✓[/] [bold]{}[/] answers at {}  [dim]Ctrl-C ends[/]", name, at)
            console().print(said, soft_wrap=True, highlight=False)  # an address in two lines opens nothing
            if token:
                how = f"  Programs ask {address}/v1, with the token as their api_key."
                console().print(how, soft_wrap=True, highlight=False)

        opened = Expert.open(folder, parallel=settings.parallel)
        listen(opened, host or settings.host, settings.port if port is None else port, path_prefix, started)

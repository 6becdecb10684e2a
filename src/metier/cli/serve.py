"""serve: the expert over the network."""

from __future__ import annotations

from typing import Annotated

import typer

from metier.cli.show import ExpertOption, console, escape, find_expert


def register(app: typer.Typer) -> None:
    app.command()(serve)


def serve(
    expert: ExpertOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; others than loopback want keys.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 = one that is free.")] = None,
    path_prefix: Annotated[str | None, typer.Option(help="Path below which a proxy shows it, /metier.")] = None,
) -> None:
    """Answer over OpenAI's API until Ctrl-C; answers that run are finished, unless it is pressed twice.

    Example: metier serve --port 8000      then, with any OpenAI client: base_url="http://127.0.0.1:8000/v1"
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

        def started(address: str, name: str) -> None:
            console().print(f"[green]✓[/] [bold]{escape(name)}[/] answers at {address}/v1  [dim]Ctrl-C ends[/]")

        opened = Expert.open(folder, parallel=settings.parallel)
        listen(opened, host or settings.host, settings.port if port is None else port, path_prefix, started)

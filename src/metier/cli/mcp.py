"""mcp: the expert as tools of an agent on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from metier.cli.show import ExpertOption, find_expert, listed


def register(app: typer.Typer) -> None:
    app.command()(mcp)


def mcp(
    expert: ExpertOption = None,
    groups: Annotated[
        str | None, typer.Option(help="Only documents open to everyone and to these groups, with commas between.")
    ] = None,
) -> None:
    """Speak the Model Context Protocol on standard input and output, for an agent that starts this command.

    Example, in the configuration of an agent: {"command": "metier", "args": ["mcp", "-e", "/path/to/turbines"]}
    """
    import asyncio
    from dataclasses import replace

    from metier.core.errors import needing
    from metier.expert import Expert

    folder = find_expert(expert)
    with needing("serve"):
        from metier.serving.auth.access import OWNER
        from metier.serving.mcp.server import serve_stdio
        from metier.serving.service import ExpertService

    caller = OWNER
    if groups is not None:
        caller = replace(OWNER, groups=tuple(listed(groups)))

    async def run(opened: Expert) -> None:
        _ = opened.runtime.store  # what is wrong with the expert is told before the protocol begins
        await serve_stdio(ExpertService(opened), caller)

    with Expert.open(folder) as opened:
        asyncio.run(run(opened))

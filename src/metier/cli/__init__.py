"""The command line: verbs of the field, no logic. Heavy modules are imported inside the verb that needs them."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from metier import __version__
from metier.cli import (
    adapters,
    capacity,
    care,
    compare,
    dataset,
    drift,
    exam,
    feedback,
    flow,
    keys,
    knowledge,
    mcp,
    questions,
    serve,
    sources,
    state,
    status,
    store,
    tune,
)
from metier.cli.show import find_expert, print_error
from metier.cli.terminal import VisibleFormatter
from metier.core.disk import unwritable
from metier.core.errors import MetierError

_INTERRUPTED = 130
app = typer.Typer(
    name="metier",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Turn a small language model into an expert in one trade.\n\n"
    "Start with: metier init turbines, metier add ./docs, metier sync, metier ask \"...\"",
)  # fmt: skip
for verbs in (
    knowledge, sources, state, store, status, questions, feedback, dataset, tune, adapters, exam, compare, drift, flow,
    keys, serve, mcp, capacity, care,
):  # fmt: skip
    verbs.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"metier {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    if context.invoked_subcommand is not None:
        return
    try:
        find_expert(None)
    except MetierError:
        print(context.get_help())
        return
    status.status()


def main() -> None:
    """Entry point of `metier`. Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted; those of `flow run` stand
    there."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(VisibleFormatter())
    try:
        app()
    except MetierError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:  # typer has caught Ctrl-C already
            print("\nInterrupted. Nothing that was saved is lost.", file=sys.stderr)
        raise
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:  # of a write; what is read is told by who reads it
        told = unwritable(Path(error.filename or "").parent, error)
        if told is None:
            raise
        print_error(told)
        sys.exit(told.exit_code)

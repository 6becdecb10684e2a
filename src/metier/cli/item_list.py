"""The documents of the sources as `metier sources` lists them: folder by folder, with the state of each as a word, and
below it why it failed or what could not be read of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from metier.cli.show import counted, local_time
from metier.cli.table_blocks import items_as_tables
from metier.cli.terminal import console, styled, visible

if TYPE_CHECKING:
    from rich.console import Console

    from metier.state.catalog import ItemState

_COLOURS = {"read": "green", "warning": "yellow", "failed": "red"}  # of each state
_TOLD = {"read": "{} read", "warning": "{} with a warning", "failed": "{} failed"}
_BEFORE_NAME = 21  # characters: indent, state and passages
_PIECE = re.compile(r"[^-_./\\\s]*[-_./\\\s]+|[^-_./\\\s]+")  # of a name, up to where it may be broken
_NARROWEST = 20  # characters of a line that a name is still broken to


def print_items(name: str, sources: int, items: Sequence[ItemState]) -> None:
    """`name`: of the expert; `sources`: how many there are."""
    from rich.text import Text

    screen, items = console(), items_as_tables(items)
    counts = Counter(map(_state, items))
    told = ", ".join(_TOLD[state].format(counts[state]) for state in _COLOURS if counts[state])
    head = f"{counted(sources, 'source')}, {counted(len(items), 'document')}" + (f": {told}" if told else "")
    screen.print(Text.assemble((name, "bold"), f": {head}"), soft_wrap=True)
    if not items:
        screen.print(
            styled("  Next: [bold]metier sync[/].") if sources else styled("  Next: [bold]metier add PATH[/].")
        )
        return
    screen.print(Text(f"  {'state':<7}  passages  document", "dim"))
    for folder, within in groupby(sorted(items, key=_path), lambda item: _path(item)[0]):
        for line in _folded(f"{folder}/" if folder else ".", _width(screen)):
            screen.print(Text(line, "bold"), soft_wrap=True)
        for item in within:
            _print_item(screen, item)


def _print_item(screen: Console, item: ItemState) -> None:
    from rich.padding import Padding
    from rich.text import Text

    state = _state(item)
    first, *more = _folded(_path(item)[1], _width(screen) - _BEFORE_NAME)
    line = Text.assemble(
        "  ", (f"{state:<7}", _COLOURS[state]), "  ", (f"{item.passages:>8}", "dim"), "  ", first
    )  # fmt: skip
    screen.print(line, soft_wrap=True)
    for part in more:
        screen.print(Text(" " * _BEFORE_NAME + part), soft_wrap=True)
    if item.reason:
        reason = Text(visible(f"{item.reason}{_again(item)}"), _COLOURS[state])
        if screen.is_terminal:
            screen.print(Padding(reason, (0, 0, 0, _BEFORE_NAME)))
        else:
            screen.print(Text(" " * _BEFORE_NAME) + reason, soft_wrap=True)


def _again(item: ItemState) -> str:
    """How often it was tried in vain, and when it is tried again."""
    if not item.tries:
        return ""
    tried = f" (tried in {counted(item.tries, 'sync')}"
    if item.gave_up:
        return f"{tried}, which is given up: `metier sync --retry` tries it once more)"
    return f"{tried}; again from {local_time(item.next_try)} on, or at once with `metier sync --retry`)"


def _state(item: ItemState) -> str:
    return "failed" if item.state == "failed" else "warning" if item.reason else "read"


def _path(item: ItemState) -> tuple[str, str]:
    """Folder and name. An address stands whole below what it is on, but for one of a file, which has a folder;
    `plant.sqlite#table` is a name."""
    scheme, _, rest = visible(item.uri).rpartition("://")
    if scheme and not rest.startswith("/"):
        return f"{scheme}://{rest.partition('/')[0]}", visible(item.uri)
    path, mark, table = visible(item.uri).partition("#") if scheme else (visible(item.uri), "", "")
    folder, _, name = path.rpartition("/")
    return folder, f"{name}{mark}{table}"


def _width(screen: Console) -> int:
    """Characters of a line; in a pipe a name stays whole, so that it can be searched for."""
    return screen.width if screen.is_terminal else 1_000_000


def _folded(name: str, width: int) -> Iterator[str]:
    """A name in lines, broken behind a hyphen, a dot or a blank where it can be."""
    from rich.cells import cell_len, chop_cells

    width, line = max(width, _NARROWEST), ""
    for piece in (part for whole in _PIECE.findall(name) for part in chop_cells(whole, width)):
        if line and cell_len(line + piece) > width:
            yield line
            line = ""
        line += piece
    yield line

"""What a person sees: errors, findings, JSON."""

from __future__ import annotations

import dataclasses
import os
import stat
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel

from metier.cli.terminal import console, in_json, styled
from metier.core.errors import InputError, MetierError
from metier.core.groups import Required, in_words
from metier.core.settings import FILE_NAME

if TYPE_CHECKING:
    from metier.core.questions import Question
    from metier.dataset.findings import DataFinding
    from metier.expert import Expert
    from metier.parsing.core.locators import Locator

_NAMED = 5  # experts that are named where there are several
ExpertOption = Annotated[
    str | None,
    typer.Option("--expert", "-e", help="Folder of the expert; default: here, above, or the only one below."),
]
ExamOption = Annotated[
    Path | None,
    typer.Option("--exam", help="Questions file whose exam must not be in the data; default: the expert's own exam."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout and nothing else.")]
AuthEnvOption = Annotated[
    str | None, typer.Option(help="Environment variable or secret in the keyring: password, or user:password.")
]
NamespaceOption = Annotated[
    str | None, typer.Option(help="Schema of the database; default: metier_ and the expert's name.")
]
OnOption = Annotated[
    str | None,
    typer.Option("--on", help="Ray cluster that does the work: ray://HOST:PORT, auto, or local:N; default: none."),
]


def find_expert(given: str | None) -> Path:
    """The expert's folder: as given, from $METIER_EXPERT, here or above, or the only one just below."""
    if named := given or os.environ.get("METIER_EXPERT"):
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    below = [] if is_shared(here) else sorted(path.parent for path in here.glob(f"*/{FILE_NAME}") if is_own(path))
    if len(below) == 1:
        return below[0]
    if below:
        more = f" and {len(below) - _NAMED} more" if len(below) > _NAMED else ""
        names = ", ".join(path.name for path in below[:_NAMED])
        raise InputError(f"there are several experts here: {names}{more}", hint="Name one with -e.")
    raise InputError("there is no expert here", where=str(here), hint="Make one with `metier init NAME`.")


def is_shared(folder: Path) -> bool:
    """Whether anybody may put something into a folder, as into /tmp: what lies in it is not looked through."""
    return os.name == "posix" and bool(folder.stat().st_mode & stat.S_IWOTH)


def is_own(path: Path) -> bool:
    """Whether it is of the account that asks."""
    try:
        return os.name != "posix" or path.stat().st_uid == os.getuid()
    except OSError:
        return False


def open_expert(given: str | None) -> Expert:
    from metier.expert import Expert

    return Expert.open(find_expert(given))


def exam_questions(opened: Expert, path: Path | None) -> list[Question]:
    """The exam of a file, else the expert's own."""
    from metier.core.questions import load_exam

    return load_exam(path) if path else opened.exam.questions("exam")


def print_error(error: MetierError) -> None:
    screen = console(stderr=True)
    what = f"{error.where}: {error.what}" if error.where else error.what
    screen.print(styled("[bold red]✗[/] {}", what), soft_wrap=True)
    if error.hint:
        screen.print(f"  {error.hint}", soft_wrap=True)


def print_json(value: Any) -> None:
    sys.stdout.write(in_json(plain(value)) + "\n")


def print_json_line(value: Any) -> None:
    """One of several values, each on a line of its own, and there at once."""
    sys.stdout.write(in_json(plain(value), None) + "\n")
    sys.stdout.flush()


def plain(value: Any) -> Any:
    """Dataclasses, models, tuples and paths as JSON has them."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def print_restriction(groups: Required, what: str) -> None:
    """One line that names whom a thing is for, none where it is for everybody."""
    if groups:
        console().print(styled("[yellow]![/] {}: it is for who holds {}.", what, in_words(groups)), soft_wrap=True)


def print_findings(findings: Iterable[DataFinding]) -> None:
    """What a check found, with examples and what to do."""
    screen, marks = (
        console(),
        {"stop": styled("[red]✗[/]"), "warn": styled("[yellow]![/]"), "note": styled("[dim]·[/]")},
    )
    for finding in findings:
        screen.print(styled("{} [bold]{}[/]", marks[finding.severity], finding.check), end=" ")
        screen.print(finding.what, soft_wrap=True)
        for example in finding.examples:
            screen.print(f"    {example}", style="dim", soft_wrap=True)
        if finding.hint:
            screen.print(f"    {finding.hint}", soft_wrap=True)


def place(numbered: Locator | None, headings: tuple[str, ...] = ()) -> str:
    """`page 4 · Gearbox › Oil`, whatever of it is known."""
    path = [name for name in headings if numbered is None or name != numbered.name]
    return " · ".join(part for part in (str(numbered or ""), " › ".join(path[-2:])) if part)


def listed(text: str) -> list[str]:
    """What an option names with commas between."""
    return [part.strip() for part in text.split(",") if part.strip()]


def local_time(moment: str) -> str:
    """`2026-11-29 20:15`, in the zone of this machine. `moment`: ISO 8601."""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")


def counted(count: int, what: str) -> str:
    """`1 source`, `2 sources`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"

"""keys: who may use an expert that is served."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metier.cli.show import ExpertOption, JsonOption, find_expert, listed, print_json
from metier.cli.terminal import console, styled
from metier.core.errors import InputError
from metier.core.settings import Settings, load

if TYPE_CHECKING:
    from metier.serving.auth.keys import Key, Keys

keys = typer.Typer(no_args_is_help=True, help="Who may use the expert when it is served: make, list, revoke keys.")
_DAYS = {"h": 1 / 24, "d": 1, "w": 7, "y": 365}
_LASTS = re.compile(r"(\d{1,4})([hdwy])")


def register(app: typer.Typer) -> None:
    app.add_typer(keys, name="keys")
    for name, verb in (("create", create), ("list", list_keys), ("revoke", revoke)):
        keys.command(name)(verb)


def create(
    name: Annotated[str, typer.Argument(help="Whom or what it is for.")],
    expert: ExpertOption = None,
    groups: Annotated[
        str, typer.Option(help="Groups, with commas between; default: only documents that everyone may read.")
    ] = "",
    all_groups: Annotated[bool, typer.Option("--all-groups", help="May see every document.")] = False,
    scopes: Annotated[
        str, typer.Option(help="ask (and search, read), feedback (and corrections), admin; with commas between.")
    ] = "ask,feedback",
    expires: Annotated[str | None, typer.Option(help="After 12h, 90d, 8w or 1y, or on a day as 2031-12-31.")] = None,
    rate: Annotated[int, typer.Option(min=0, help="Requests per minute, 0 = as many as come.")] = 60,
    as_json: JsonOption = False,
) -> None:
    """Make a key. Its secret is shown once.

    Example: metier keys create "Workshop tablet" --groups service,safety --expires 90d
    """
    if all_groups and groups:
        raise InputError("--groups and --all-groups exclude each other", hint="Leave one of them out.")
    may_see = None if all_groups else tuple(listed(groups))
    settings, kept = _open(expert)
    try:
        key, secret = kept.create(name, may_see, listed(scopes), _expiry(expires), rate or None)
    finally:
        kept.close()
    unknown = _unknown(key, settings)
    if as_json:
        print_json(_row(key) | {"secret": secret, "unknown_groups": unknown})
        return
    screen = console()
    screen.print(styled("[green]✓[/] A key for [bold]{}[/] ({}): {}.", key.name, key.id, _may(key)), soft_wrap=True)
    screen.print(f"  {secret}", soft_wrap=True)
    screen.print(
        styled("  This secret will not be shown again: copy it now. Send it as [bold]Authorization: Bearer …[/],")
    )
    screen.print("  or sign in on the page with it.")
    if unknown:
        named = ", ".join(unknown)
        screen.print(styled("[yellow]![/] No source in metier.toml has these groups yet: {}", named), soft_wrap=True)


def list_keys(expert: ExpertOption = None, as_json: JsonOption = False) -> None:
    """All keys, the newest first, without their secrets.

    Example: metier keys list
    """
    _, kept = _open(expert)
    try:
        found = kept.list_keys()
    finally:
        kept.close()
    if as_json:
        print_json([_row(key) for key in found])
        return
    if not found:
        console().print(styled("No keys yet. [bold]metier keys create NAME[/] makes one."))
        return
    _table(found)


def revoke(
    id: Annotated[str, typer.Argument(help="Of the key, as `metier keys list` shows it.")],
    expert: ExpertOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a key for good, and every session that was begun with it. A running server heeds it at once.

    Example: metier keys revoke 3f9c2a7b10de
    """
    _, kept = _open(expert)
    try:
        key = kept.revoke(id)
    finally:
        kept.close()
    if as_json:
        print_json(_row(key))
        return
    console().print(styled("[green]✓[/] The key of {} ({}) is revoked.", key.name, key.id), soft_wrap=True)


def _open(expert: str | None) -> tuple[Settings, Keys]:
    from metier.serving.auth.keys import Keys
    from metier.state.place import place_of

    folder = find_expert(expert)
    settings = load(folder)
    return settings, Keys(place_of(settings, folder))


def _expiry(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        if lasts := _LASTS.fullmatch(given):
            return datetime.now(UTC) + timedelta(days=int(lasts[1]) * _DAYS[lasts[2]])
        return datetime.fromisoformat(given).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(
            f"{given!r} is no time to expire at", hint="Give 12h, 90d, 8w or 1y, or a day as 2031-12-31."
        ) from None


def _unknown(key: Key, settings: Settings) -> list[str]:
    """Groups of the key that no source has: a slip of the pen, as a rule."""
    known = {group for source in settings.sources for group in source.groups}
    return [group for group in key.groups or () if group not in known]


def _row(key: Key) -> dict[str, Any]:
    """The fields that scripts rely on."""
    return asdict(key) | {"state": key.state(datetime.now(UTC))}


def _may(key: Key) -> str:
    sees = "sees all documents" if key.groups is None else "sees public documents"
    if key.groups:
        sees += f" and those of {', '.join(key.groups)}"
    often = "as often as it likes" if key.rate is None else f"{key.rate} times a minute"
    until = "never expires" if key.expires is None else f"expires {_when(key.expires)}"
    return f"may {', '.join(key.scopes)} {often}, {sees}, {until}"


def _table(found: list[Key]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("id", "name", "groups", "scopes", "a minute", "expires", "last used", ""):
        table.add_column(name, overflow="fold", no_wrap=name == "id")
    for key in found:
        state = key.state(datetime.now(UTC))
        groups = "all documents" if key.groups is None else ", ".join(key.groups) or "public only"
        often = "any" if key.rate is None else str(key.rate)
        over = "" if state == "active" else state
        table.add_row(
            key.id, key.name, groups, ", ".join(key.scopes), often, _day(key.expires),
            _day(key.last_used), over, style="dim" if over else "",
        )  # fmt: skip
    console().print(table)


def _day(time: str | None) -> str:
    return "never" if time is None else time[:10]


def _when(time: str | None) -> str:
    return "never" if time is None else f"{time[:16].replace('T', ' ')} UTC"

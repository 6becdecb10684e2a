"""What other packages add to Métier, found by their entry points: no file of this package has to change.

    [project.entry-points."metier.parsers"]
    ".fb2" = "my_package.fb2:read"

`docs/extending.md` has the contract and an example of each group. A package is imported when what it adds is named, so
that having it installed costs the others nothing.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from metier.core.errors import PluginError

PARSERS = "metier.parsers"
SOURCES = "metier.sources"
EMBEDDERS = "metier.embedders"
GENERATORS = "metier.generators"
STORES = "metier.stores"
METRICS = "metier.metrics"


@cache
def _installed(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def names(group: str) -> tuple[str, ...]:
    """What is installed, in order of its names."""
    return tuple(sorted(_installed(group)))


def release(group: str, name: str) -> str:
    """Package and version that registered a name, "" where none has: another release may do its work in another way."""
    point = _installed(group).get(name)
    if point is None:
        return ""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def load(group: str, name: str) -> Any:
    """What a package has registered under a name; None where no package has. Raises `PluginError` where it cannot be
    imported."""
    point = _installed(group).get(name)
    if point is None:
        return None
    try:
        return point.load()
    except Exception as error:
        package = point.dist.name if point.dist else point.value
        raise PluginError(
            f"{name!r} cannot be loaded: {error}",
            where=f"{package} ({group})",
            hint=f"Update {package}, or uninstall it.",
        ) from error

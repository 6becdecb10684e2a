"""What of the sources is indexed, and what failed and why, as far as a caller may know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metier.core import settings
from metier.core.errors import SettingsError
from metier.core.source_settings import SourceSettings
from metier.serving.auth.access import Caller
from metier.serving.service import ExpertService
from metier.state.catalog import ItemState


@dataclass(frozen=True, slots=True)
class ShownItem:
    """`document_id`: None where nothing of it is indexed."""

    item: ItemState
    document_id: str | None

    @property
    def has_failed(self) -> bool:
        return self.item.state == "failed"


@dataclass(frozen=True, slots=True)
class ShownSource:
    """`failed`: 0 for a caller who is not told of failures. `read_at`: ISO 8601, "" before the first sync."""

    name: str
    groups: tuple[str, ...]
    indexed: int
    failed: int
    read_at: str


def items_for(service: ExpertService, caller: Caller) -> list[ShownItem]:
    """Failed ones first. Nobody knows who may read what could not be read, so only those who may read anything are
    told of it."""
    seen = service.expert.runtime.store.uris(caller.document_filter())
    shown = [
        ShownItem(each, seen.get(each.uri))
        for each in service.expert.items()
        if (each.state == "indexed" and each.uri in seen) or (each.state == "failed" and caller.groups is None)
    ]
    return sorted(shown, key=lambda each: (not each.has_failed, each.item.uri))


def _configured(service: ExpertService) -> tuple[Sequence[SourceSettings], str]:
    """The sources as they stand in metier.toml now, which the next sync takes; where it is broken those in use, and
    what is wrong."""
    try:
        return settings.load(service.expert.folder).sources, ""
    except SettingsError as error:
        return service.expert.settings.sources, error.message


def sources_for(service: ExpertService, caller: Caller, items: Sequence[ShownItem]) -> tuple[list[ShownSource], str]:
    """The sources with what there is of their `items`, and what is wrong with metier.toml where it cannot be read."""
    configured, problem = _configured(service)
    shown = []
    for each in configured:
        own = [item for item in items if item.item.source == each.name]
        if not caller.may_read(each.groups):
            continue
        failed = sum(item.has_failed for item in own)
        read_at = max((item.item.synced_at for item in own), default="")
        shown.append(ShownSource(each.name, each.groups, len(own) - failed, failed, read_at))
    return shown, problem

"""A bucket, or a part of one: `s3://BUCKET/PREFIX`, `gs://…`, `az://CONTAINER/…` (see `core/object_storage.py`)."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metier.core.errors import ItemGone, SettingsError, SourceError
from metier.core.object_storage import ObjectStorage
from metier.core.source_settings import SourceSettings
from metier.sources.base import Item, Unreachable, as_file_name, is_wanted

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_MOST_BYTES = 200 * 2**20  # of one object
_MOST_OBJECTS = 1_000_000
_PAUSES = (1.0, 4.0)  # seconds before what failed is tried again
_TAGS = ("ETag", "etag", "e_tag", "md5Hash", "content_md5", "generation", "version_id")
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "mtimeStr", "timeModified")


class ObjectStoreSource:
    """See `metier.sources.base.Source`."""

    def __init__(self, settings: SourceSettings, _root: Path) -> None:
        self.name = str(settings.url)
        self._settings = settings
        self._storage = ObjectStorage(self.name, settings.auth_env)
        self._scheme, self._path = self._storage.scheme, self._storage.path

    @property
    def holds(self) -> Callable[[str], bool]:
        """Whether this is the source of what is known by an identity."""
        base = f"{self._scheme}://{self._path}"
        return lambda known: (known == base or known.startswith(f"{base}/")) and self._is_wanted(known)

    def discover(self) -> Iterator[Item | Unreachable]:
        found: dict[str, dict[str, Any]] = self._asked(lambda store: store.find(self._path, detail=True), self.name)
        if len(found) > _MOST_OBJECTS:
            raise SourceError(f"holds more than {_MOST_OBJECTS:,} objects; name a prefix", where=self.name)
        for path in sorted(found):
            item = self._item(path, found[path])
            if item is not None:
                yield item

    def find(self, uri: str) -> Item | None:
        if not self.holds(uri):
            return None
        path = uri.partition("://")[2]
        try:
            return self._item(path, self._asked(lambda store: store.info(path), uri))
        except ItemGone:
            return None

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Path]:
        path = item.uri.partition("://")[2]
        with tempfile.TemporaryDirectory(prefix="metier-") as folder:
            file = Path(folder) / as_file_name(path)

            def get(store: AbstractFileSystem) -> None:
                if int(store.info(path).get("size") or 0) > _MOST_BYTES:
                    raise SourceError(f"is larger than {_MOST_BYTES // 2**20} MiB", where=item.uri)
                store.get_file(path, str(file))

            self._asked(get, item.uri)
            yield file

    def _item(self, path: str, facts: dict[str, Any]) -> Item | None:
        uri = f"{self._scheme}://{path}"
        parts = path.removeprefix(self._path).strip("/").split("/")
        is_hidden = any(part.startswith((".", "~$")) for part in parts) or path.endswith("/")
        if facts.get("type", "file") != "file" or is_hidden or not self._is_wanted(uri):
            return None
        tag = next((str(facts[name]).strip('"') for name in _TAGS if facts.get(name)), "")
        moment = next((str(facts[name]) for name in _TIMES if facts.get(name)), "")
        version = f"{facts.get('size')}-{tag or moment}" if tag or moment else ""
        return Item(uri, version, self._settings.groups, uri)

    def _is_wanted(self, uri: str) -> bool:
        return is_wanted(self._settings, uri, uri.removeprefix(f"{self._scheme}://{self._path}/"))

    def _asked(self, ask: Callable[[AbstractFileSystem], Any], where: str) -> Any:
        """What the store says; what fails is tried again, a little later. Raises `SourceError`, `ItemGone`."""
        for pause in (*_PAUSES, None):
            try:
                return ask(self._storage.filesystem)
            except (SourceError, SettingsError):
                raise
            except FileNotFoundError:
                raise ItemGone("is not there", where=where) from None
            except Exception as error:  # noqa: BLE001 - each store's library raises what it likes
                if pause is None or isinstance(error, PermissionError | ValueError | TypeError):
                    hint = "Check the address and its login (auth_env); what was indexed before stays."
                    told = self._storage.told(error)
                    raise SourceError(f"could not be read: {told}", where=where, hint=hint) from None
                time.sleep(pause)
        raise AssertionError

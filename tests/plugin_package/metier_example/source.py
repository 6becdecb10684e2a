"""`memo://FOLDER`: the memos that lie in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from metier.core.errors import ItemGone, SettingsError, SourceError
from metier.core.source_settings import SourceSettings
from metier.sources.base import Item, Unreachable


class MemoSource:
    """See `metier.sources.base.Source`. A relative folder is taken from the expert's."""

    def __init__(self, settings: SourceSettings, root: Path) -> None:
        self.name = settings.name
        self._settings = settings
        folder = settings.name.partition("://")[2]
        if not folder:
            raise SettingsError("names no folder", where=self.name, hint="Write memo://FOLDER.")
        self._folder = root / folder

    def discover(self) -> Iterator[Item | Unreachable]:
        try:
            paths = sorted(path for path in self._folder.iterdir() if path.suffix == ".memo")
        except OSError as error:
            raise SourceError(
                error.strerror or str(error), where=self.name, hint="Check the folder, or take the source out."
            ) from None
        for path in paths:
            uri = f"memo://{self._folder.name}/{path.name}"
            if not self._is_wanted(uri):
                continue
            try:
                status = path.stat()
            except OSError as error:
                yield Unreachable(uri, error.strerror or str(error))
                continue
            yield Item(uri, f"{status.st_size}-{status.st_mtime_ns}", self._settings.groups)

    def find(self, uri: str) -> Item | None:
        return next((item for item in self.discover() if isinstance(item, Item) and item.uri == uri), None)

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Path]:
        path = self._folder / item.uri.rpartition("/")[2]
        if not path.is_file():
            raise ItemGone("is no longer there", where=item.uri)
        yield path

    def _is_wanted(self, uri: str) -> bool:
        include, exclude = self._settings.include, self._settings.exclude
        if any(fnmatchcase(uri, pattern) for pattern in exclude):
            return False
        return not include or any(fnmatchcase(uri, pattern) for pattern in include)

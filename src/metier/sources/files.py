"""Files, folders and globs."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from metier.core.errors import SourceError
from metier.core.settings import SourceSettings
from metier.core.source_paths import is_glob
from metier.sources.base import Item, Unreachable


class FileSource:
    """See `metier.sources.base.Source`. Hidden files and folders are left out, links are followed once.

    An item's uri is its path from the source's folder on, that folder's name included (`docs/manuals/a.pdf`),
    so the same file keeps its name wherever the expert lies.
    """

    def __init__(self, settings: SourceSettings, root: Path) -> None:
        if settings.path is None:
            raise ValueError("a source of files has a path")
        self.name = settings.path
        self._settings = settings
        pattern = Path(os.path.expanduser(settings.path))
        self._pattern = pattern if pattern.is_absolute() else root / pattern
        self._paths: dict[str, Path] = {}
        self._base = self._pattern

    def discover(self) -> Iterator[Item | Unreachable]:
        found = False
        for path in self._files():
            found = True
            if isinstance(path, Unreachable):
                yield path
            elif (item := self._item(path)) is not None:
                yield item
        if not found and not self._is_glob() and not self._pattern.exists():
            raise SourceError(
                "does not exist", where=self.name, hint="Check the path, or take the source out of metier.toml."
            )

    def find(self, uri: str) -> Item | None:
        """Looks at one path where the source is a folder or a file, whose names lead back to paths as a rule: not those
        that were composed (NFC) or are no UTF-8. Raises `SourceError` as `discover`."""
        item = None if self._is_glob() else self._item_at(uri)
        return item or next((each for each in self.discover() if isinstance(each, Item) and each.uri == uri), None)

    def _item_at(self, uri: str) -> Item | None:
        is_folder = self._pattern.is_dir()
        self._base = self._pattern if is_folder else self._pattern.parent
        own, _, rest = uri.partition("/")
        path, parts = self._base / rest, rest.split("/")
        if own != Path(os.path.abspath(self._base)).name or not all(map(_is_listed, parts)) or "__pycache__" in parts:
            return None
        item = self._item(path) if is_folder or path == self._pattern else None
        return item if isinstance(item, Item) and item.uri == uri else None

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Path]:
        path = self._paths.get(item.uri)
        if path is None:
            raise SourceError("is not part of this source", where=item.uri)
        yield path

    def _is_glob(self) -> bool:
        return is_glob(self.name) and not self._pattern.exists()

    def _files(self) -> Iterator[Path | Unreachable]:
        if self._is_glob():
            # The fixed part before the first wildcard is what uris are relative to.
            parts = self._pattern.parts
            fixed = next(i for i, part in enumerate(parts) if is_glob(part))
            self._base = Path(*parts[:fixed])
            for path in sorted(self._base.glob(str(Path(*parts[fixed:])))):
                if path.is_dir():
                    yield from self._walk(path)
                else:
                    yield path
        elif self._pattern.is_dir():
            yield from self._walk(self._pattern)
        elif self._pattern.exists():
            self._base = self._pattern.parent
            yield self._pattern

    def _walk(self, folder: Path) -> Iterator[Path | Unreachable]:
        seen: set[tuple[int, int]] = set()  # a link that leads back up would never end
        problems: list[OSError] = []
        for here, folders, files in os.walk(folder, followlinks=True, onerror=problems.append):
            status = os.stat(here)
            if (status.st_dev, status.st_ino) in seen:
                folders.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
            for name in sorted(files):
                if _is_listed(name):
                    yield Path(here) / name
            # os.walk skips what it may not list; a person wants to know.
            for folder_name in folders:
                sub = Path(here) / folder_name
                if not os.access(sub, os.R_OK | os.X_OK):
                    yield Unreachable(self._uri(sub), "no permission to read this folder")
        for problem in problems:
            if problem.filename and not isinstance(problem, PermissionError):
                yield Unreachable(self._uri(Path(problem.filename)), problem.strerror or str(problem))

    def _item(self, path: Path) -> Item | Unreachable | None:
        uri = self._uri(path)
        include, exclude = self._settings.include, self._settings.exclude
        if include and not any(fnmatchcase(uri, pattern) for pattern in include):
            return None
        if any(fnmatchcase(uri, pattern) for pattern in exclude):
            return None
        try:
            status = path.stat()
        except OSError as error:
            return Unreachable(uri, error.strerror or str(error))
        if not path.is_file():
            return None
        if path.name == "metier.toml":
            return None
        self._paths[uri] = path
        return Item(
            uri, f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}-{status.st_mode:o}", self._settings.groups
        )

    def _uri(self, path: Path) -> str:
        base = Path(os.path.abspath(self._base))
        relative = os.path.join(base.name, os.path.relpath(path, base))
        # A file name can hold bytes that are no UTF-8; show them as such instead of failing later.
        text = os.fsencode(relative).decode("utf-8", "backslashreplace")
        return unicodedata.normalize("NFC", text.replace(os.sep, "/"))


def _is_listed(name: str) -> bool:
    return bool(name) and not name.startswith((".", "~$"))

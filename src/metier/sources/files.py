"""Files, folders and globs; mail folders among them (`mailboxes`)."""

from __future__ import annotations

import os
import stat
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from urllib.parse import quote

from metier.core.errors import SourceError
from metier.core.source_paths import is_glob
from metier.core.source_settings import SourceSettings
from metier.sources.base import Item, Rejected, Unreachable, in_utf8, is_wanted
from metier.sources.mailboxes import (
    MailboxMessage,
    digest_of,
    in_maildir,
    is_maildir,
    is_mbox,
    may_be_mbox,
    messages,
    unquoted,
)
from metier.sources.real_files import is_within, opened, why_not

_CHECK = "Check the path, or take the source out of metier.toml."
_MOUNT = " on "  # in a version, before the mount point
_MBOX = "mbox:"  # in the identity of a message, before the real path of its mbox
_LOCKED = "no permission to read this folder"


class FileSource:
    """See `metier.sources.base.Source`. Hidden files and folders are left out, links are followed once: those that lead
    out of what the source names only where `follow_links` is set.

    An item's uri is its path from the source's folder on, that folder's name included (`docs/manuals/a.pdf`),
    so the same file keeps its name wherever the expert lies. Messages of an mbox lie below its name.
    """

    def __init__(self, settings: SourceSettings, root: Path) -> None:
        if settings.path is None:
            raise ValueError("a source of files has a path")
        self.name = settings.path
        self._settings = settings
        pattern = Path(os.path.expanduser(settings.path))
        self._pattern = Path(os.path.abspath(pattern if pattern.is_absolute() else root / pattern))
        self._paths: dict[str, Path] = {}  # by identity
        self._taken: dict[str, str] = {}  # uris, with what has them
        self._mounts: dict[str, str] = {}  # by folder
        self._maildirs: dict[Path, bool] = {}
        self._messages: dict[str, tuple[Item, MailboxMessage]] = {}  # with the mbox that each is in, by identity
        try:
            self._is_glob = is_glob(self.name) and not self._pattern.exists()
            is_folder = not self._is_glob and self._pattern.is_dir()
        except OSError as error:
            raise SourceError(error.strerror or str(error), where=self.name, hint=_CHECK) from None
        # Of a glob the part before its first wildcard is what uris are relative to.
        self._base = self._before_wildcard() if self._is_glob else self._pattern if is_folder else self._pattern.parent
        self._root = os.path.realpath(self._base if self._is_glob or is_folder else self._pattern)

    def discover(self) -> Iterator[Item | Unreachable | Rejected]:
        self._taken.clear()
        self._mounts.clear()
        try:
            if not self._is_glob:
                self._pattern.stat()
            for path in self._files():
                item = path if isinstance(path, Unreachable | Rejected) else self._item(path)
                if item is not None:
                    yield from self._opened(item)
        except FileNotFoundError:
            raise SourceError("does not exist", where=self.name, hint=_CHECK) from None
        except OSError as error:
            raise SourceError(error.strerror or str(error), where=self.name, hint=_CHECK) from None

    def find(self, uri: str) -> Item | None:
        """Looks at one path where the source is a folder or a file, whose names lead back to paths as a rule: not those
        that were composed (NFC), are no UTF-8, or were made unlike another one. Raises `SourceError` as `discover`."""
        item = None if self._is_glob else self._item_at(uri)
        return item or next((each for each in self.discover() if isinstance(each, Item) and each.uri == uri), None)

    def _item_at(self, uri: str) -> Item | None:
        own, _, rest = uri.partition("/")
        path, parts = self._base / rest, rest.split("/")
        if own != self._base.name or not all(map(_is_listed, parts)) or "__pycache__" in parts:
            return None
        is_named = self._pattern in (self._base, path)
        item = self._item(path) if is_named else None
        return item if isinstance(item, Item) and item.uri == uri else None

    def holds(self, identity: str) -> bool:
        """Whether the file at this real path (`Item.known_as`) is one that `discover` lists where it is there, by its
        path alone."""
        root, identity = in_utf8(self._root), _file_of(identity)
        if not is_within(identity, root):
            return False
        parts = PurePath(identity).relative_to(root).parts
        if self._is_glob:
            is_listed = _is_matched(parts, self._pattern.relative_to(self._base).parts)
        else:
            is_listed = all(_is_listed(part) and part != "__pycache__" for part in parts)
        if not is_listed or not (self._settings.include or self._settings.exclude):
            return is_listed
        return is_wanted(self._settings, self._uri(self._base.joinpath(*parts) if parts else self._pattern))

    def would_list(self, identity: str, uri: str) -> bool:
        """Whether `discover` would list a file that it listed before, if it were there: `holds`, also for what lay
        behind a link that led out of the source."""
        is_outside = self._settings.follow_links and not is_within(_file_of(identity), in_utf8(self._root))
        return is_wanted(self._settings, uri) if is_outside else self.holds(identity)

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Path]:
        if item.identity in self._messages:
            with self._message(item) as message:
                yield message
            return
        path = self._paths.get(item.identity)
        if path is None:
            raise SourceError("is not part of this source", where=item.uri)
        yield path

    def _opened(self, item: Item | Unreachable | Rejected) -> Iterator[Item | Unreachable | Rejected]:
        """What an item is made of: the messages of an mbox, of all else itself."""
        if not isinstance(item, Item):
            yield item
            return
        path = self._paths[item.identity]
        if not may_be_mbox(path):
            yield item
            return
        try:
            with opened(path, item.identity) as file:
                if not is_mbox(file, path):
                    yield item
                    return
                for each in messages(file):
                    identity = f"{_MBOX}{item.identity}#{each.key}"
                    self._messages[identity] = item, each
                    uri, version = f"{item.uri}/{each.key}.eml", f"{each.end - each.start}-{each.digest}"
                    yield replace(item, uri=uri, version=version, identity=identity)
        except SourceError as error:
            yield Unreachable(item.uri, error.what)
        except OSError as error:
            yield Unreachable(item.uri, error.strerror or str(error))

    @contextmanager
    def _message(self, item: Item) -> Iterator[Path]:
        mbox, each = self._messages[item.identity]
        with opened(self._paths[mbox.identity], mbox.identity) as file:
            is_same = digest_of(file, each.start, each.end) == each.digest
            file.seek(each.start)
            content = file.read(each.end - each.start)
        if not is_same:
            raise SourceError("changed while it was read", where=item.uri, hint="Run `metier sync` again.")
        with tempfile.TemporaryDirectory(prefix="metier-") as folder:
            path = Path(folder) / "message.eml"
            path.write_bytes(unquoted(content))
            yield path

    def _before_wildcard(self) -> Path:
        parts = self._pattern.parts
        return Path(*parts[: next(i for i, part in enumerate(parts) if is_glob(part))])

    def _files(self) -> Iterator[Path | Unreachable | Rejected]:
        if self._is_glob:
            parts = self._pattern.relative_to(self._base).parts
            yield from self._locked(parts[:-1])
            for path in sorted(self._base.glob(str(Path(*parts))), key=_order):
                if path.is_dir():
                    yield from self._walk(path)
                else:
                    yield path
        elif self._pattern == self._base:
            yield from self._walk(self._pattern)
        else:
            yield self._pattern

    def _locked(self, parts: Sequence[str]) -> Iterator[Unreachable]:
        """Folders that a glob would look into and cannot, which `Path.glob` passes over."""
        seen: set[Path] = set()
        for end in range(1, len(parts) + 1):
            for path in self._base.glob(str(Path(*parts[:end]))):
                if path not in seen and path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
                    seen.add(path)
                    yield Unreachable(self._uri(path), _LOCKED)

    def _walk(self, folder: Path) -> Iterator[Path | Unreachable | Rejected]:
        seen: set[tuple[int, int]] = set()  # a link that leads back up would never end
        problems: list[OSError] = []
        for here, folders, files in os.walk(folder, followlinks=True, onerror=problems.append):
            status = os.stat(here)
            if (status.st_dev, status.st_ino) in seen:
                folders.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            if "tmp" in folders and self._is_maildir(Path(here)):
                folders.remove("tmp")  # what is being delivered
            folders[:] = sorted(
                (name for name in folders if not name.startswith(".") and name != "__pycache__"), key=_order
            )
            for name in tuple(folders):
                sub = Path(here) / name
                if sub.is_symlink() and (refused := self._refused(self._uri(sub), os.path.realpath(sub))):
                    folders.remove(name)
                    yield refused
                elif not os.access(sub, os.R_OK | os.X_OK):  # os.walk skips it; a person wants to know
                    yield Unreachable(self._uri(sub), _LOCKED)
            for name in sorted(files, key=_order):
                if _is_listed(name):
                    yield Path(here) / name
        for problem in problems:
            if problem.filename is None or Path(problem.filename) == folder:
                raise problem  # nothing of it could be listed
            if not isinstance(problem, PermissionError):
                yield Unreachable(self._uri(Path(problem.filename)), problem.strerror or str(problem))

    def _refused(self, uri: str, real: str) -> Rejected | None:
        if self._settings.follow_links or is_within(real, self._root):
            return None
        return Rejected(uri, "is a link that leads out of its source; `follow_links = true` there reads such ones")

    def _item(self, path: Path) -> Item | Unreachable | Rejected | None:
        uri = self._uri(path)
        if not is_wanted(self._settings, uri) or path.name == "metier.toml" or self._name_of(path) is None:
            return None
        real = os.path.realpath(path)
        if refused := self._refused(uri, real):
            return refused
        try:
            status = os.stat(real)
        except OSError as error:
            return Unreachable(uri, error.strerror or str(error))
        if stat.S_ISDIR(status.st_mode):
            return None
        if problem := why_not(real, status.st_mode):
            return Rejected(uri, problem)
        if self._taken.setdefault(uri, real) != real:  # another spelling of the same letters (Unicode)
            uri = _spelt_out(uri, path)
            self._taken[uri] = real
        self._paths.setdefault(real, path)
        version = f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}-{status.st_mode:o}"
        if mount := self._mount(os.path.dirname(real)):
            version += _MOUNT + in_utf8(mount)
        return Item(uri, version, self._settings.groups, real, self._base.parent.as_posix())

    def _mount(self, folder: str) -> str:
        """The mount point below what the source names, or behind a link in it, that a folder lies on; "" on the disk of
        the source itself."""
        if is_within(self._root, folder):
            return ""
        if folder not in self._mounts:
            self._mounts[folder] = folder if os.path.ismount(folder) else self._mount(os.path.dirname(folder))
        return self._mounts[folder]

    def _uri(self, path: Path) -> str:
        relative = os.path.join(self._base.name, os.path.relpath(self._name_of(path) or path, self._base))
        # A file name can hold bytes that are no UTF-8; show them as such instead of failing later.
        text = os.fsencode(relative).decode("utf-8", "backslashreplace")
        return unicodedata.normalize("NFC", text.replace(os.sep, "/"))

    def _name_of(self, path: Path) -> PurePath | None:
        """The path that names a file: its own, but of a Maildir the one that stays. None for a deleted message."""
        if path.parent.name not in ("cur", "new"):
            return path
        folder = path.parent.parent
        return in_maildir(path) if folder.is_relative_to(self._base) and self._is_maildir(folder) else path

    def _is_maildir(self, folder: Path) -> bool:
        if folder not in self._maildirs:
            self._maildirs[folder] = is_maildir(folder)
        return self._maildirs[folder]


def moment_of(version: str) -> str:
    """Size and time of change in an item's version, which a file that is moved keeps."""
    return "-".join(version.split("-")[:2])


def mount_of(version: str) -> str:
    """The mount point that an item lay on, below its source, "" for none."""
    return version.partition(_MOUNT)[2]


def _file_of(identity: str) -> str:
    """The real path of the file that an item is, or is in."""
    return identity.removeprefix(_MBOX).rpartition("#")[0] if identity.startswith(_MBOX) else identity


def _is_matched(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a glob lists a path, or a folder that it lies in."""
    if not pattern:
        return all(_is_listed(part) and part != "__pycache__" for part in parts)
    if pattern[0] == "**":
        return any(_is_matched(parts[start:], pattern[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _is_matched(parts[1:], pattern[1:])


def _spelt_out(uri: str, path: Path) -> str:
    """The uri of a file whose name has the same letters as that of another one, with the bytes of its own."""
    return "/".join([*uri.split("/")[:-1], quote(os.fsencode(path.name), safe=" !$&'()+,;=@~")])


def _order(name: str | Path) -> tuple[str, bool, str]:
    """Names as they read; of those that read the same, the composed one first, which leads back to its path."""
    text = os.fspath(name)
    composed = unicodedata.normalize("NFC", text)
    return composed, text != composed, text


def _is_listed(name: str) -> bool:
    return bool(name) and not name.startswith((".", "~$"))

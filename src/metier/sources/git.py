"""A branch, tag or commit of a Git repository: `git+https://host/repo.git`, `git+ssh://git@host/repo.git#main`.

    ls-remote ─▶ another commit than last time? ─▶ fetch of that one alone, into a bare clone in .metier ─▶ its files

Nothing is checked out: files are read from the clone as they are. Links and submodules are left out.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from metier.core.errors import ItemGone, SettingsError, SourceError
from metier.core.source_settings import SourceSettings
from metier.sources import git_command, kept
from metier.sources.base import Item, Unreachable, as_file_name, is_wanted

_HEAD = "refs/metier/head"
_REF = re.compile(r"(?!-)(?!.*(?:\.\.|//|@\{))[\w.+/-]{1,200}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MOST_FILE = 200 * 2**20  # bytes
_PAUSE = 1.0  # seconds before what failed is tried again


class GitSource:
    """See `metier.sources.base.Source`. `root`: the expert's folder.

    An item's uri is its path, the repository's name first (`handbook/docs/nuts.md`); its version is the hash that Git
    has of its content, wherever it lies."""

    def __init__(self, settings: SourceSettings, root: Path) -> None:
        self.name = str(settings.url)
        self._settings = settings
        self._address, self._ref = _taken_apart(self.name)
        parts = urlsplit(self._address)
        *owner, name = unquote(parts.path).rstrip("/").removesuffix(".git").split("/")
        self._repository = name or parts.hostname or "repository"
        self._owner = "/".join(filter(None, [parts.hostname or "", *owner]))
        self._known_as = f"git+{parts.scheme}://{self._owner}/{self._repository}#{self._ref}:"
        self._folder = kept.folder_of(self.name, root.absolute())
        self._clone = self._folder / "clone.git"
        self._blobs: dict[str, tuple[str, int]] = {}  # hash and bytes, by path in the repository

    def discover(self) -> Iterator[Item | Unreachable]:
        told = git_command.reach(self._settings, self._address)
        commit = self._ref if _COMMIT.fullmatch(self._ref) else self._commit(told)
        if commit != self._cloned():
            self._update(told)
        yield from self._items()

    def find(self, uri: str) -> Item | None:
        """As the clone has it, without asking its origin."""
        if not self._blobs and self._cloned():
            self._list()
        path = uri.removeprefix(f"{self._repository}/")
        return self._item(path) if path in self._blobs and path != uri else None

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Path]:
        path = item.identity.removeprefix(self._known_as)
        if path not in self._blobs:
            raise ItemGone("is not in the repository any more", where=item.uri)
        blob, size = self._blobs[path]
        if size > _MOST_FILE:
            raise SourceError(f"is larger than {_MOST_FILE // 2**20} MiB", where=item.uri)
        with tempfile.TemporaryDirectory(prefix="metier-") as folder:
            file = Path(folder) / as_file_name(path)
            file.write_bytes(git_command.run("cat-file", "blob", blob, where=item.uri, folder=self._clone))
            yield file

    @property
    def holds(self) -> Callable[[str], bool]:
        """Whether this is the source of what is known by an identity."""
        return lambda known: known.startswith(self._known_as) and self._is_wanted(known.removeprefix(self._known_as))

    def _commit(self, told: dict[str, str]) -> str:
        """Which one the branch or tag is at now."""
        names = [self._ref] if self._ref == "HEAD" else [f"refs/heads/{self._ref}", f"refs/tags/{self._ref}"]
        said = git_command.run("ls-remote", self._address, *names, where=self.name, told=told)
        lines = [line.split("\t") for line in said.decode("utf-8", "replace").splitlines()]
        found = {name: commit for commit, name in (line for line in lines if len(line) == 2)}
        for name in names:
            if name in found:
                return found[name]
        raise SourceError(
            "is empty" if self._ref == "HEAD" else f"has no branch or tag {self._ref}",
            where=self.name,
            hint="What was indexed before stays.",
        )

    def _cloned(self) -> str:
        """The commit that the clone holds, "" for none."""
        with suppress(SourceError):
            if self._clone.is_dir():
                said = git_command.run("rev-parse", "--verify", _HEAD, where=self.name, folder=self._clone)
                return said.decode("ascii", "replace").strip()
        return ""

    def _update(self, told: dict[str, str]) -> None:
        """Into the clone that is there; where that fails, as after a kill, into a new one, which takes its place."""
        for left in kept.make(self._folder).glob("new-*"):
            shutil.rmtree(left, ignore_errors=True)
        try:
            if not self._clone.is_dir():
                raise SourceError("there is none")
            self._fetch(told, self._clone)
        except SourceError:
            made = Path(tempfile.mkdtemp(dir=self._folder, prefix="new-"))
            try:
                self._fetch_anew(told, made)
                shutil.rmtree(self._clone, ignore_errors=True)
                made.replace(self._clone)
            finally:
                shutil.rmtree(made, ignore_errors=True)

    def _fetch_anew(self, told: dict[str, str], clone: Path) -> None:
        git_command.run("init", "--quiet", "--bare", "--template=", str(clone), where=self.name)
        try:
            self._fetch(told, clone)
        except SourceError:
            time.sleep(_PAUSE)
            self._fetch(told, clone)

    def _fetch(self, told: dict[str, str], clone: Path) -> None:
        git_command.run(
            "fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--force", self._address,
            f"+{self._ref}:{_HEAD}", where=self.name, folder=clone, told=told,
        )  # fmt: skip
        git_command.run("gc", "--quiet", "--prune=now", where=self.name, folder=clone)

    def _list(self) -> None:
        said = git_command.run("ls-tree", "-r", "-z", "-l", "--full-tree", _HEAD, where=self.name, folder=self._clone)
        self._blobs = {}
        for line in said.split(b"\0"):
            facts, _, path = line.partition(b"\t")
            mode, *_, blob, size = facts.split() or [b"", b"", b""]
            if mode in (b"100644", b"100755"):  # no links, no submodules
                self._blobs[path.decode("utf-8", "backslashreplace")] = blob.decode(), int(size)

    def _items(self) -> Iterator[Item]:
        self._list()
        for path in sorted(self._blobs):
            if self._is_wanted(path):
                yield self._item(path)

    def _item(self, path: str) -> Item:
        uri = f"{self._repository}/{path}"
        return Item(uri, self._blobs[path][0], self._settings.groups, self._known_as + path, self._owner)

    def _is_wanted(self, path: str) -> bool:
        is_hidden = any(part.startswith(".") for part in path.split("/"))
        return not is_hidden and is_wanted(self._settings, path, f"{self._repository}/{path}")


def _taken_apart(name: str) -> tuple[str, str]:
    """The address that git asks, and the branch, tag or commit: `…#main`, `…@v1.2`, else what the repository says."""
    address, _, ref = name.removeprefix("git+").partition("#")
    scheme, _, rest = address.partition("://")
    at, slash, path = rest.partition("/")
    if not ref and "@" in path:
        path, _, ref = path.rpartition("@")
    ref = unquote(ref) or "HEAD"
    if not _REF.fullmatch(ref):
        raise SettingsError(f"names no branch, tag or commit: {ref}", where=name, hint="Write …/repo.git#main.")
    if at.startswith("-") or "?" in path or not path.strip("/") or (scheme == "file" and at):
        hint = "Write git+https://HOST/PATH.git, git+ssh://git@HOST/PATH.git or git+file:///PATH."
        raise SettingsError("names no repository", where=name, hint=hint)
    return f"{scheme}://{at}{slash}{path}", ref

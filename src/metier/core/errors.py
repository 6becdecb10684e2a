"""Everything that can go wrong, said so that a person knows what to do next.

Each error carries three things: what happened, what it happened to (a file, a setting, an address), and what
to do about it. The command line prints them on one screen without a traceback.

A hint names commands, "Run `metier sync`."; `str(error)`, which a traceback shows, names the calls of Python in their
place, "Run `expert.sync()`.". The command line, the server and what is kept say `error.message`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

from metier.core.python_calls import in_python


class MetierError(Exception):
    """Base of all errors that Métier raises on purpose.

    `exit_code` is what the command line ends with: 2 where the input was bad, 1 where the work failed.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    @property
    def message(self) -> str:
        """All of it, in a line, with the commands of the shell."""
        return self._line(self.hint)

    def __str__(self) -> str:
        return self._line(in_python(self.hint) if self.hint else None)

    def _line(self, hint: str | None) -> str:
        parts = [f"{self.where}: {self.what}" if self.where else self.what]
        if hint:
            parts.append(hint)
        return " ".join(part if part.endswith((".", "!", "?", ":", "`")) else part + "." for part in parts)

    def __reduce__(self) -> tuple[Callable[..., MetierError], tuple[object, ...]]:
        # Keyword-only arguments would be lost on the way out of a worker process.
        return _rebuild, (type(self), self.what, self.where, self.hint)


def _rebuild(kind: type[MetierError], what: str, where: str | None, hint: str | None) -> MetierError:
    return kind(what, where=where, hint=hint)


@contextmanager
def needing(extra: str) -> Iterator[None]:
    """For what only an optional part of Métier can do: says how to install it where a library of it is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MetierError(
            f"{error.name} is not installed", hint=f'Install it with `pip install "metier[{extra}]"`.'
        ) from None


class InputError(MetierError):
    """The person's input cannot be used: a path, a question, an option."""

    exit_code = 2


class SettingsError(InputError):
    """`metier.toml` cannot be read or holds a value that makes no sense."""


class SourceError(MetierError):
    """A source (folder, address) could not be listed or fetched."""


class ItemGone(SourceError):
    """The source answered that an item exists no more; what was indexed of it must go."""


class ParseError(MetierError):
    """One document could not be turned into text. Never stops a sync: it is listed with its reason."""


class PluginError(MetierError):
    """A package that adds to Métier cannot be imported."""


class ModelError(MetierError):
    """A model is missing, broken, or its runtime refused to work."""


class EndpointError(ModelError):
    """A remote model endpoint answered with an error or not at all. `status`: of HTTP, None where it did not answer."""

    status: int | None = None

    @property
    def is_refusal(self) -> bool:
        """Whether it is about what was asked, so that asking the same again does not help."""
        return self.status in (400, 413, 415, 422)


class StoreError(MetierError):
    """The store could not be read or written."""


class Unwritable(StoreError):
    """Nothing can be written: the disk is full, or the folder is read-only."""


class DatabaseUnavailable(StoreError):
    """The server that keeps the store or the state does not answer now; later it may."""


class IndexMismatch(StoreError):
    """The index was made by another embedder or analyser than the one now set."""

    exit_code = 2

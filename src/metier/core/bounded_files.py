"""Files that a person names and that are read as a whole: questions of an exam, training rows. Pipes and devices are
none, and how large one is is looked at before a byte of it is read."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeVar

from metier.core.errors import InputError

_Record = TypeVar("_Record")
MOST_BYTES = 512 * 2**20  # of a file; what it becomes in memory takes several times as much
LONGEST_LINE = 16 * 2**20  # bytes of a line in a file that Métier keeps itself


@contextmanager
def opened(path: Path, most: int = MOST_BYTES) -> Iterator[BufferedReader]:
    """A regular file of `most` bytes. Raises `InputError` for any other, and `OSError`."""
    # A pipe would wait for whoever writes to it.
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise InputError("is a pipe, a socket or a device, not a file", where=str(path))
        if state.st_size > most:
            raise too_large(path, state.st_size, most)
        yield file


def read(path: Path, most: int = MOST_BYTES) -> bytes:
    """All of it. Raises as `opened`."""
    with opened(path, most) as file:
        content = file.read(most + 1)
    if len(content) > most:  # it grew meanwhile
        raise too_large(path, len(content), most)
    return content


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line with its number, from 1. Raises as `opened`, and `InputError` for a line longer than any that
    `joined` makes."""
    with opened(path) as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            _check_line(line, f"{path}, line {number}")
            yield number, line


def records(path: Path, made: Callable[[Any], _Record], what: str, verb: str) -> list[_Record]:
    """Each line of a file that Métier keeps, as JSON and then `made` of it; none where there is no such file. `what`:
    one of them, in words; `verb`: the command that writes them. Raises `InputError` that names the first bad line."""
    if not path.exists():
        return []
    kept = []
    for number, line in lines(path):
        try:
            kept.append(made(json.loads(line)))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(
                f"is not {what}: {error}",
                where=f"{path}, line {number}",
                hint=f"This file is written by `{verb}`; restore it from a backup or import again.",
            ) from None
    return kept


def joined(path: Path, made: Iterable[str]) -> str:
    """What a file of these lines holds. Raises `InputError` where `lines` would not read it again."""
    kept, size = [], 0
    for number, line in enumerate(made, start=1):
        encoded = line.encode()
        _check_line(encoded, f"{path}, line {number}")
        kept.append(line)
        size += len(encoded)
    if size > MOST_BYTES:
        raise too_large(path, size, MOST_BYTES)
    return "".join(kept)


def too_large(path: Path, size: int, most: int) -> InputError:
    return InputError(
        f"is {size / 2**20:,.0f} MiB; {most / 2**20:,.0f} are the most",
        where=str(path),
        hint="Split it, or leave out what is not needed.",
    )


def _check_line(line: bytes, where: str) -> None:
    if len(line) > LONGEST_LINE:
        raise InputError(f"is longer than {LONGEST_LINE / 2**20:g} MiB", where=where, hint="Leave it out.")

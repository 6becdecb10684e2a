"""Landlock (Linux 5.13 and later): which files a process and its children may open, whoever runs it.

Constants are those of `linux/landlock.h`; the numbers of the calls are the same on every processor.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_ASK_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_FOLDER = 1, 2, 4, 8
_FIRST = (1 << 13) - 1  # rights of the first version
_SINCE = ((2, 1 << 13), (3, 1 << 14), (5, 1 << 15))  # version, right: to link over folders, to truncate, to use devices
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14 | 1 << 15
_TCP = 0b11  # to bind and to connect, since version 4
_OTHERS = 0b11  # abstract sockets of other processes, and signals to them, since version 6


def version() -> int:
    """Of Landlock in this kernel, 0 where it has none."""
    if sys.platform != "linux":
        return 0
    return max(0, _call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(_ASK_VERSION)))


def restrict(*, read: Iterable[Path], write: Iterable[Path]) -> bool:
    """Leave this thread `read` to read and run, and `write` to read and write; False where the kernel has no Landlock.
    What does not exist is passed over. `PR_SET_NO_NEW_PRIVS` must be set. Raises `OSError` where the kernel refuses."""
    number = version()
    if not number:
        return False
    handled = _FIRST | sum(right for since, right in _SINCE if number >= since)
    attributes = struct.pack("=QQQ", handled, _TCP, _OTHERS)[: 24 if number >= 6 else 16 if number >= 4 else 8]
    rules = _checked(_call(_CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0)))
    try:
        for path in read:
            _allow(rules, path, _EXECUTE | _READ_FILE | _READ_FOLDER)
        for path in write:
            _allow(rules, path, handled & ~_EXECUTE)
        _checked(_call(_RESTRICT, ctypes.c_int(rules), ctypes.c_uint(0)))
    finally:
        os.close(rules)
    return True


def _allow(rules: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = rights if path.is_dir() else rights & _OF_FILES
        rule = struct.pack("=Qi", rights, place)
        _checked(_call(_ADD, ctypes.c_int(rules), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint(0)))
    finally:
        os.close(place)


def _call(number: int, *arguments: object) -> int:
    return int(ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *arguments))


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

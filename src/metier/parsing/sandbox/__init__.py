"""Takes from the process that parses what no reader needs: files but programs and its own folder, network, signals.

Linux gives it to any process, without rights of root: Landlock for files, a filter of system calls for the rest. What
the kernel or the processor lacks is left out: the process has its limits all the same, and a smaller environment.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from metier.parsing.sandbox import landlock, seccomp

_SYSTEM = (
    "/usr", "/lib", "/lib64", "/bin", "/nix/store", "/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/dev/null",
    "/dev/zero", "/dev/urandom", "/dev/random", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu",
)  # fmt: skip
_WRITTEN = ("/dev/null",)


def enter(scratch: Path, *, programs: bool, file_bytes: int, read: Sequence[Path] = ()) -> None:
    """Restrict this thread, and all that it starts from now on, for good. `programs`: other programs may be started, as
    tesseract is. `file_bytes`: of a file that is written, at most. `read`: what may be read besides."""
    import resource  # not on Windows

    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    if not seccomp.forbid_new_rights():
        return
    landlock.restrict(read=[*_programs(), *map(Path, _SYSTEM), *read], write=[scratch, *map(Path, _WRITTEN)])
    seccomp.restrict(programs=programs)


def missing() -> list[str]:
    """What this system does not have of it, in words."""
    parts = {"files (Landlock)": landlock.version() > 0, "network (seccomp)": seccomp.is_there()}
    return [name for name, there in parts.items() if not there]


def _programs() -> list[Path]:
    """Python, the packages that it can import, and tesseract with its languages."""
    named = [sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path, os.environ.get("TESSDATA_PREFIX", "")]
    if tesseract := shutil.which("tesseract"):
        named += [tesseract, os.path.realpath(tesseract)]
    paths = {Path(name).resolve() for name in named if name}
    return [path for path in paths if path != Path(path.anchor)]

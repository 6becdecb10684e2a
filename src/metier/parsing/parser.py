"""The parent's side: keeps one worker process, gives it files, and ends it when a file is too much for it."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, TypeVar

from metier.core.documents import Document
from metier.core.errors import ParseError
from metier.parsing.core.protocol import Message, Places, Unreadable, pipes_of, reading, receive, send, unpack
from metier.parsing.core.readers import MIB, ParsingLimits
from metier.parsing.originals import open_original

if TYPE_CHECKING:
    from metier.core.settings import ParsingSettings

_Read = TypeVar("_Read")
_LONGEST = 2000  # characters of a reason
_NO_ANSWER = "made the parser answer what cannot be read"
_DAMAGED = "The file is probably damaged: save it again from the program it came from, or leave it out with `exclude`."
_READERS = 5  # raised when the readers give other text for the same bytes
# One thread and one heap in the native libraries: address space is limited, and the sync keeps the cores busy.
_ENVIRONMENT = {
    "MALLOC_ARENA_MAX": "2",
    "OMP_THREAD_LIMIT": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKIO_WORKER_THREADS": "1",
    "PYTHONUTF8": "1",
}
# All that the worker is told of ours: where programs are, and the language. Keys of other services stay here.
_KEPT = (
    "PATH", "PATHEXT", "SYSTEMROOT", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH",
    "TESSDATA_PREFIX", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV",
)  # fmt: skip


class Parser:
    """Turns files into documents in a worker process, one at a time; safe to call from any thread.

    The worker starts with the first file, and again after a file that crashed it, took longer than
    `settings.timeout_seconds` or needed more than `settings.memory_mb`; and for a document of other groups, so that a
    file which took it over hands nothing of one to the readers of another.

        with Parser(settings.parsing, settings.language) as parser:
            document = parser.parse(path, uri="manuals/wt-07.pdf")
    """

    def __init__(self, settings: ParsingSettings, language: str = "en") -> None:
        self._limits = ParsingLimits(
            timeout_seconds=settings.timeout_seconds,
            memory=settings.memory_mb * MIB,
            file=settings.max_file_bytes,
            text=int(settings.max_text_mb * MIB),
            ocr=settings.ocr == "auto",
            ocr_languages=settings.ocr_languages,
            hidden=settings.hidden,
            pictures=settings.vision_pictures if settings.vision else 0,
            language=language,
            sandbox=settings.sandbox,
        )
        self._groups: frozenset[str] = frozenset()  # of what the worker has read
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: BinaryIO | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None  # the one folder that the worker writes to
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        """Changes when a file that failed before, or was read in part, might now be read: another reader, or
        tesseract installed since."""
        return f"{_READERS}-{'ocr' if shutil.which('tesseract') else 'no-ocr'}"

    def __enter__(self) -> Parser:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker. A later `parse` starts a new one."""
        with self._lock:
            self._stop()

    def parse(self, path: Path, *, uri: str, groups: Sequence[str] = ()) -> Document:
        """Read one file. Raises `ParseError` that says what is wrong with it and what to do, whatever happens to it."""
        document = self._asked(
            path, uri, {"uri": uri, "groups": list(groups)}, lambda answer: unpack(answer["document"])
        )
        return replace(document, uri=uri, groups=tuple(groups))  # whatever a worker says that was taken over

    def draw_page(self, path: Path, *, uri: str, number: int, groups: Sequence[str] = ()) -> bytes:
        """A page of a PDF, from 1, as a PNG of bounded size. Raises `ParseError`."""
        request = {"draw": {"number": number}, "groups": list(groups)}
        return self._asked(path, uri, request, lambda answer: base64.b64decode(answer["picture"]))

    def find_on_page(
        self,
        path: Path,
        *,
        uri: str,
        number: int,
        text: str,
        spans: Sequence[tuple[int, int]],
        groups: Sequence[str] = (),
    ) -> Places:
        """Where `spans` of `text`, all that was read from a page of a PDF, stand on it. Raises `ParseError`."""

        def places(answer: Message) -> Places:
            found = answer["places"]
            return Places(**found | {"boxes": tuple(map(tuple, found["boxes"]))})

        request = {"find": {"number": number, "text": text, "spans": spans}, "groups": list(groups)}
        return self._asked(path, uri, request, places)

    def _asked(self, path: Path, uri: str, request: Mapping[str, Any], read: Callable[[Message], _Read]) -> _Read:
        """What `read` makes of the answer; a worker whose answer it cannot read is ended."""
        try:
            file, size = open_original(path, self._limits.file)
        except ParseError as error:
            raise ParseError(error.what, where=uri, hint=error.hint) from None
        with file, self._lock:
            if self._groups != (groups := frozenset(request["groups"])):
                self._stop()
                self._groups = groups
            answer = self._ask({"name": path.name, "size": size, **request}, file, size, uri)
            try:
                with reading():
                    if "what" in answer:
                        hint = answer.get("hint") or ""
                        raise ParseError(answer["what"][:_LONGEST], where=uri, hint=hint[:_LONGEST] or None)
                    return read(answer)
            except Unreadable:
                self._stop()
                raise ParseError(_NO_ANSWER, where=uri, hint=_DAMAGED) from None

    def _ask(self, request: Mapping[str, object], file: BinaryIO, size: int, uri: str) -> Message:
        process = self._running()
        requests, answers = pipes_of(process)
        overdue = threading.Event()

        def give_up() -> None:
            overdue.set()
            _kill(process)

        timer = threading.Timer(self._limits.timeout_seconds, give_up)
        timer.daemon = True
        timer.start()
        answer = None
        try:
            with contextlib.suppress(BrokenPipeError):
                send(requests, request)
                _hand_over(file, size, requests)
                answer = receive(answers, self._limits.message)
        except Unreadable:
            raise ParseError(_NO_ANSWER, where=uri, hint=_DAMAGED) from None
        finally:
            timer.cancel()
            if answer is None or answer.get("exhausted"):  # also after KeyboardInterrupt: half an answer is in the pipe
                said = self._stop()
        if answer is not None and not overdue.is_set():
            return answer
        if answer is not None:
            self._stop()
            return answer
        if overdue.is_set():
            raise ParseError(
                f"took longer than {self._limits.timeout_seconds:g} s to parse and was given up",
                where=uri,
                hint="Split it, or raise parsing.timeout_seconds in metier.toml.",
            )
        raise ParseError(
            f"crashed the parser ({_ending(process.returncode, said)})",
            where=uri,
            hint=_DAMAGED,
        )

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._stop()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in _stop, read when the worker dies
        self._scratch = tempfile.TemporaryDirectory(prefix="metier-parsing-", ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            # -P: a file called email.py in the working directory must not be imported
            [sys.executable, "-P", "-m", "metier.parsing.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=self._environment(self._scratch.name),
            cwd=self._scratch.name,
            process_group=0 if os.name == "posix" else None,  # a group of its own, so that tesseract dies with it
        )
        send(pipes_of(self._process)[0], asdict(self._limits))
        return self._process

    def _environment(self, scratch: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in _KEPT or not self._limits.sandbox}
        if "PYTHONPATH" in kept:  # relative to where we are
            kept["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, kept["PYTHONPATH"].split(os.pathsep)))
        own = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), scratch) if self._limits.sandbox else {}
        return {**kept, **own, **_ENVIRONMENT}

    def _stop(self) -> str:
        """End the worker and return the end of what it wrote to stderr."""
        process, stderr = self._process, self._stderr
        self._process = self._stderr = None
        if process is None or stderr is None:
            return ""
        _kill(process)
        process.wait()
        for stream in pipes_of(process):
            with contextlib.suppress(OSError):
                stream.close()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None
        with stderr:
            stderr.seek(max(0, stderr.seek(0, os.SEEK_END) - 2000))
            return stderr.read().decode("utf-8", "replace")


def _hand_over(file: BinaryIO, size: int, requests: IO[bytes]) -> None:
    """Write `size` bytes of a file to the worker: zeros for those that it lost since it was opened."""
    while size > 0:
        part = file.read(min(size, MIB)) or bytes(min(size, MIB))
        requests.write(part)
        size -= len(part)
    requests.flush()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _ending(code: int | None, said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code).name
            memory = ", perhaps out of memory" if name in ("SIGABRT", "SIGKILL") else ""
            return f"it died of {name}{memory}"
    return f"exit code {code}" + (f": {lines[-1][:200]}" if lines else "")

"""The process that parses: reads requests from stdin, writes answers to stdout, dies with its parent."""

from __future__ import annotations

import base64
import contextlib
import os
import select
import signal
import stat
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict

from metier.core.errors import ParseError
from metier.parsing.core.protocol import Message, pack, receive, send
from metier.parsing.core.readers import MIB, ParsingLimits, read_document


def main() -> None:
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not land among the answers
    limits = ParsingLimits(**(receive(requests) or {}))
    _limit_memory(limits.memory)
    if hasattr(select, "poll"):
        threading.Thread(target=_die_with_parent, args=(requests.fileno(),), daemon=True).start()
    while (request := receive(requests)) is not None:
        with _alarm(limits.timeout_seconds + 5):
            answer = _answer(request, limits)
        send(answers, answer)
        if answer.get("exhausted"):
            return  # the heap is in pieces after a MemoryError; the parent starts a fresh process


def _answer(request: Message, limits: ParsingLimits) -> Message:
    try:
        content = _content(request["path"], limits)
        if "draw" in request or "find" in request:
            return _of_a_page(content, request)
        document = read_document(
            content,
            name=request["path"],
            uri=request["uri"],
            groups=tuple(request["groups"]),
            limits=limits,
        )
        return {"document": pack(document)}
    except ParseError as error:
        return {"what": error.what, "hint": error.hint}
    except MemoryError:
        return {
            "what": f"needs more than {limits.memory // MIB} MiB of memory to parse",
            "hint": "Split it, or raise parsing.memory_mb in metier.toml.",
            "exhausted": True,
        }
    except RecursionError:
        return {"what": "is nested too deeply to be read", "hint": "Save it again in another format."}
    except Exception as error:  # noqa: BLE001 - a bug in a reader costs one document, never the sync
        return {
            "what": f"could not be read ({type(error).__name__}: {str(error)[:200]})",
            "hint": "The file may be damaged: open it in the program it came from and save it again.",
        }


def _of_a_page(content: bytes, request: Message) -> Message:
    from metier.parsing.pdf import page_image

    if "draw" in request:
        return {"picture": base64.b64encode(page_image.draw(content, **request["draw"])).decode("ascii")}
    return {"places": asdict(page_image.find(content, **request["find"]))}


def _content(path: str, limits: ParsingLimits) -> bytes:
    try:
        if not stat.S_ISREG(mode := os.stat(path).st_mode) and not stat.S_ISDIR(mode):
            raise ParseError(
                "is not a regular file", hint="Pipes and devices are not read; leave it out with `exclude`."
            )
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > limits.file:
                raise ParseError(
                    f"is {size / MIB:.1f} MiB, more than {limits.file / MIB:g} MiB",
                    hint="Split it, or raise parsing.max_file_mb in metier.toml.",
                )
            return file.read(limits.file + 1)
    except FileNotFoundError:
        raise ParseError("does not exist", hint="It may have been moved while the sync ran.") from None
    except IsADirectoryError:
        raise ParseError("is a folder, not a file", hint="Add it as a source: its files are read one by one.") from None
    except PermissionError:
        raise ParseError("may not be read", hint="Give the user that runs metier permission to read it.") from None
    except OSError as error:
        raise ParseError(f"cannot be read: {error.strerror or error}", hint="Check the disk or the mount.") from None


def _limit_memory(limit: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Let the kernel end this process after `seconds`, even when native code holds the interpreter's lock."""
    timed = hasattr(signal, "setitimer")
    if timed:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        if timed:
            signal.setitimer(signal.ITIMER_REAL, 0)


def _die_with_parent(descriptor: int) -> None:
    """End this process group when the other end of stdin closes.

    PR_SET_PDEATHSIG would do this in one call, but it fires when the *thread* that started us ends, and a sync
    parses in a background thread.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLHUP)  # hang-up only: requests are read by the main thread
    while True:
        for _descriptor, event in poll.poll(2000):
            if event & (select.POLLHUP | select.POLLERR | select.POLLNVAL):
                time.sleep(0.2)  # an idle worker ends by itself when it reads the end of the stream
                os.killpg(0, signal.SIGKILL) if os.getpgid(0) == os.getpid() else os._exit(1)


if __name__ == "__main__":
    main()

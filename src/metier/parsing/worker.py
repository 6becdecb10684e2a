"""The process that parses: reads requests from stdin, writes answers to stdout, dies with its parent."""

from __future__ import annotations

import base64
import contextlib
import os
import select
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from metier.core.errors import ParseError
from metier.parsing.core.protocol import Message, pack, receive, send
from metier.parsing.core.readers import MIB, ParsingLimits, read_document

_FIRST = MIB  # bytes of the limits, with which the parent begins


def main() -> None:
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not land among the answers
    limits = ParsingLimits(**(receive(requests, _FIRST) or {}))
    _limit_memory(limits.memory)
    if limits.sandbox and os.name == "posix":
        _enter_sandbox(limits)
    if hasattr(select, "poll"):
        threading.Thread(target=_die_with_parent, args=(requests.fileno(),), daemon=True).start()
    while (request := receive(requests, limits.message)) is not None:
        with _alarm(limits.timeout_seconds + 5):
            content = requests.read(request["size"])
            if len(content) < request["size"]:
                return  # the file became shorter, or the parent ended
            answer = _answer(content, request, limits)
            del content
        send(answers, answer)
        if answer.get("exhausted"):
            return  # the heap is in pieces after a MemoryError; the parent starts a fresh process


def _enter_sandbox(limits: ParsingLimits) -> None:
    """Before any thread is started: threads that are there stay as they are."""
    from metier.parsing import sandbox

    programs = limits.ocr and shutil.which("tesseract") is not None
    sandbox.enter(Path.cwd(), programs=programs, file_bytes=limits.file)


def _answer(content: bytes, request: Message, limits: ParsingLimits) -> Message:
    try:
        if "draw" in request or "find" in request:
            return _of_a_page(content, request)
        document = read_document(
            content,
            name=request["name"],
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

"""llama.cpp's server inside this process: started, asked, and stopped without leaving a trace.

Text goes in and out by callback. Two things have no callback and go through its HTTP port on the loopback: rendering
the chat template and tokenising. The port is chosen by the system and answers only to a random key that never leaves
this process.
"""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import json
import os
import queue
import secrets
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from metier.core.errors import ModelError

LOG_VARIABLE = "METIER_LLAMA_LOG"
# A prompt is read in batches of this many tokens; between two of them a completion can be stopped.
_BATCH = 512


class LlamaServer:
    """One loaded model. `slots`: completions at the same time, each with `context_tokens` of its own. `adapters`: LoRA
    as GGUF; a request switches one on by its place in the list, until then none is."""

    def __init__(
        self, path: Path, *, context_tokens: int, threads: int, gpu_layers: int, slots: int,
        adapters: Sequence[Path] = (),
    ) -> None:  # fmt: skip
        import xllamacpp

        self._key = secrets.token_hex(16)
        self._idle = threading.Condition()
        self._running = 0
        self._closing = False
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = context_tokens * slots
        params.n_parallel = slots
        params.n_batch = params.n_ubatch = _BATCH
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.n_gpu_layers = gpu_layers
        params.fit_params = False  # would shrink the context silently where memory is short
        params.ctx_shift = False  # would drop the oldest text silently where the context is full
        params.cache_ram_mib = 0  # else up to 8 GiB of old prompts; each slot still keeps its last one
        params.warmup = False  # costs a start more than it saves the first answer
        params.lora_adapters = [_adapter(file) for file in adapters]
        params.lora_init_without_apply = True
        params.api_keys = [self._key]
        params.ui = params.endpoint_slots = False
        params.n_threads_http = slots + 1
        params.verbosity = _log_level()
        try:
            with _signals_kept():
                self._server = xllamacpp.Server(params)
        except RuntimeError:
            raise ModelError(
                "llama.cpp could not load the model",
                where=str(path),
                hint=f"Set {LOG_VARIABLE}=4 and run again to see its reasons.",
            ) from None
        self._address = self._server.listening_address.removeprefix("http://")

    def post(self, route: str, body: dict[str, object]) -> dict[str, Any]:
        """One request over the loopback port. Raises `ModelError` with the server's message."""
        connection = http.client.HTTPConnection(self._address, timeout=60)
        try:
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
            connection.request("POST", route, json.dumps(body), headers)
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ModelError(f"llama.cpp does not answer ({error})") from None
        finally:
            connection.close()
        if "error" in answer:
            raise ModelError(f"llama.cpp says: {answer['error'].get('message', answer['error'])}")
        return answer

    def complete(self, body: Mapping[str, object], on_event: Callable[[dict[str, Any]], bool]) -> None:
        """Stream the events of one completion to `on_event` until the end, or until it returns True.

        llama.cpp works in a thread of its own while this one waits: an exception that a signal raises inside its
        callback would be lost in C++, and Ctrl-C with it. Whatever ends the waiting also ends the writing, at the next
        token or the next batch of the prompt.
        """
        events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        stopped = threading.Event()

        def relay(event: dict[str, Any]) -> bool:
            events.put(event)
            return stopped.is_set() or self._closing

        def work() -> None:
            try:
                self._server.handle_completions({**body, "stream": True, "return_progress": True}, relay)
            finally:
                events.put(None)
                with self._idle:
                    self._running -= 1
                    self._idle.notify_all()

        with self._idle:
            if self._closing:
                raise ModelError("the model is closed")
            self._running += 1
            threading.Thread(target=work, name="llama.cpp", daemon=True).start()
        try:
            while (event := events.get()) is not None:
                if "error" in event:
                    raise ModelError(f"llama.cpp says: {event['error'].get('message', event['error'])}")
                if on_event(event):
                    return
        finally:
            stopped.set()
        if self._closing:
            raise ModelError("the model was closed while it was writing")

    def close(self) -> None:
        """Stop what is being written, free the model, end its threads."""
        with self._idle:
            self._closing = True
            self._idle.wait_for(lambda: not self._running)
            self._server = None


def _adapter(file: Path) -> Any:
    import xllamacpp

    info = xllamacpp.CommonAdapterLoraInfo()
    info.path, info.scale = str(file), 1.0
    return info


def _log_level() -> int:
    """0 is silent, 5 tells everything."""
    try:
        return int(os.environ.get(LOG_VARIABLE, "0"))
    except ValueError:
        return 0


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Undo what llama.cpp does to Ctrl-C: it installs handlers of its own, after which Python hears of none.

    `signal.signal` could put Python's back, but from the main thread only; the C function works from any. While the
    server starts, both signals wait: the threads it starts then never take a signal meant for Python.
    """
    numbers = (signal.SIGINT, signal.SIGTERM)
    get, put = ctypes.pythonapi.PyOS_getsig, ctypes.pythonapi.PyOS_setsig
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.c_int]
    put.restype, put.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p]
    handlers = [get(number) for number in numbers]
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, numbers) if hasattr(signal, "pthread_sigmask") else None
    try:
        yield
    finally:
        for number, handler in zip(numbers, handlers, strict=True):
            put(number, handler)
        if masked is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, masked)

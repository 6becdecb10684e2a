"""A scripted OpenAI-compatible endpoint: no model, but a server on the loopback that says what a test told it to, a
piece at a time, and notes what it was asked and when its client hung up."""

from __future__ import annotations

import http.server
import json
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_PIECE = re.compile(r"\s*\S+|\s+")


class ScriptedEndpoint(http.server.ThreadingHTTPServer):
    """`says`: the text of a completion, or a function from the request's body to it. `pace`: seconds between pieces,
    which are words. `hold_before_last`: the last piece of an answer, not of a query to tables, is written once
    `released` is set. `about`: what /models tells
    of the model beside its name, `also_lists`: of other models. `finish_reason`: None = "length" where `max_tokens`
    words are fewer than there are, else "stop". `fails_with`: status of HTTP that every request is answered with.
    `break_after`: pieces after which it hangs up itself. `adapters`: it is one with LoRA, as vLLM 0.33 has it: path by
    the name under which each is asked for; None = any model is. `loads`: whether it takes adapters while it runs;
    `loading_fails_with`: status and message. `done` is set when a completion was written, `closed` when its client hung
    up before."""

    daemon_threads = True

    def __init__(self, says: str | Callable[[dict], str] = "Yes.", pace: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.says, self.pace = says, pace
        self.hold_before_last = False
        self.released = threading.Event()
        self.about: dict[str, object] = {}
        self.finish_reason: str | None = None
        self.fails_with: int | None = None
        self.break_after: int | None = None
        self.also_lists: list[dict[str, object]] = []
        self.adapters: dict[str, str] | None = None
        self.loads = True
        self.loading_fails_with: tuple[int, str] | None = None
        self.requests: list[dict] = []
        self.asked: list[str] = []  # paths of GET
        self.connections: set[tuple[str, int]] = set()
        self.written = 0  # pieces of the last completion
        self.closed = threading.Event()
        self.done = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that hangs up is part of the tests


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedEndpoint

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        found = self.path == "/v1/models"
        listed = [{"id": "scripted", "object": "model", "root": "scripted", **self.server.about}]
        listed += self.server.also_lists
        for name, path in (self.server.adapters or {}).items():
            listed.append({"id": name, "object": "model", "root": path, "parent": "scripted", "owned_by": "vllm"})
        data = {"object": "list", "data": listed}
        self._whole(200 if found else 404, data if found else {"error": {"message": "no such route"}})

    def do_POST(self) -> None:
        script = self.server
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/v1/load_lora_adapter":
            self._load(body["lora_name"], body["lora_path"])
            return
        script.requests.append(body)
        script.connections.add(self.client_address)
        script.written = 0
        script.closed.clear()
        script.done.clear()
        if script.fails_with:
            self._whole(script.fails_with, {"error": {"message": "scripted to fail"}})
            return
        if script.adapters is not None and body["model"] not in ("scripted", *script.adapters):
            message = f"The model `{body['model']}` does not exist."
            self._whole(404, {"error": {"message": message, "type": "NotFoundError", "param": "model", "code": 404}})
            return
        text = script.says if isinstance(script.says, str) else script.says(body)
        pieces = _PIECE.findall(text)
        most = body.get("max_tokens", len(pieces))
        finish = script.finish_reason or ("length" if len(pieces) > most else "stop")
        usage = {"prompt_tokens": 10, "completion_tokens": min(most, len(pieces))}
        if not body.get("stream"):
            message = {"role": "assistant", "content": "".join(pieces[:most])}
            self._whole(200, {"choices": [{"message": message, "finish_reason": finish}], "usage": usage})
            return
        holds = script.hold_before_last and "SQLite query" not in body["messages"][0]["content"]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            for number, piece in enumerate(pieces[:most], start=1):
                if number > 1:
                    self._wait(script.pace)
                if holds and number == len(pieces[:most]):
                    while not script.released.is_set():
                        self._wait(0.01)
                self._event({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
                script.written = number
                if number == script.break_after:
                    raise ConnectionAbortedError
            self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
            self._event({"choices": [], "usage": usage})
            self._chunk(b"data: [DONE]\n\n")
            self._chunk(b"")
            script.done.set()
        except (ConnectionError, TimeoutError):
            script.closed.set()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

    def _load(self, name: str, path: str) -> None:
        """What vLLM answers, down to its words."""
        script = self.server
        if not script.loads or script.adapters is None:
            self._whole(404, {"detail": "Not Found"})
        elif script.loading_fails_with:
            status, message = script.loading_fails_with
            self._whole(status, {"error": {"message": message, "type": "InternalServerError", "code": status}})
        elif name in script.adapters:
            message = f"The lora adapter '{name}' has already been loaded."
            self._whole(400, {"error": {"message": message, "type": "InvalidUserInput", "code": 400}})
        elif not Path(path, "adapter_config.json").exists():
            message = f"Loading lora {name} failed: No adapter found for {path}"
            self._whole(404, {"error": {"message": message, "type": "NotFoundError", "code": 404}})
        else:
            script.adapters[name] = path
            self._whole(200, f"Success: LoRA adapter '{name}' added successfully.")

    def _wait(self, seconds: float) -> None:
        """Raises `ConnectionError` where the client hangs up meanwhile."""
        until = time.monotonic() + seconds
        while True:
            left = max(0.0, until - time.monotonic())
            readable, _, _ = select.select([self.connection], [], [], left)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError
            if not left:
                return

    def _event(self, event: dict) -> None:
        self._chunk(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _whole(self, status: int, values: object) -> None:
        data = json.dumps(values).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def scripted_endpoint(says: str | Callable[[dict], str] = "Yes.", pace: float = 0.0) -> Iterator[ScriptedEndpoint]:
    """One that runs until the context is left."""
    endpoint = ScriptedEndpoint(says, pace)
    thread = threading.Thread(target=endpoint.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.released.set()
        endpoint.shutdown()
        thread.join()
        endpoint.server_close()

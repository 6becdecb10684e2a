"""A server that stands in for a teacher: a large model behind an OpenAI-compatible endpoint cannot run here.

It speaks the protocol for real, and writes by a rule that a test can foresee: for every sentence of the form
`The X of the Y is changed every Z.` one question and its answer.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import threading

FACT = re.compile(r"The ([\w ]+) of the ([\w-]+) is changed every (\d+ \w+)\.")


class StandInTeacher(http.server.ThreadingHTTPServer):
    """`fails_after`: completions after which it answers 401 (which is not tried again); None = never. `meets`: how many
    requests wait for each other before the first is answered, 1 = none. `prompts`: the last message of each request."""

    def __init__(self, fails_after: int | None = None, meets: int = 1) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fails_after = fails_after
        self.prompts: list[str] = []
        self._meeting = threading.Barrier(meets)
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def __enter__(self):
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_error):
        self.shutdown()
        self._thread.join()
        self.server_close()

    def takes(self, prompt: str) -> bool:
        """Notes a request, False where the quota is used up."""
        with self._lock:
            if self.fails_after is not None and len(self.prompts) >= self.fails_after:
                return False
            self.prompts.append(prompt)
            first = len(self.prompts) <= self._meeting.parties
        if first:
            with contextlib.suppress(threading.BrokenBarrierError):
                self._meeting.wait(60)
        return True

    def release(self) -> None:
        """Nobody waits any longer."""
        self._meeting.abort()

    def write(self, messages: list[str]) -> str:
        return write(messages[-1], messages[0])

    def handle_error(self, request, client_address):
        pass  # a client that was killed is part of the tests


def write(asked: str, system: str) -> str:
    if system.startswith("Reword"):
        return f"1. {asked}\n2. At what interval: {asked}\n- Please tell: {asked}\nHow old is the NV-999?"
    lines = []
    for part, machine, time in FACT.findall(asked):
        lines += [f"**Q: How often is the {part} of the {machine} changed?**", f"A: every {time}"]
        lines += [f"Q: How often is the {part} of the NV-999 changed?", f"A: every {time}"]
    return "\n".join([*lines, "Q: What does this passage say?", "A: nothing new"])


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        teacher = self.server
        messages = [message["content"] for message in body["messages"]]
        if not teacher.takes(messages[-1]):
            self._say(401, {"error": {"message": "the quota is used up"}})
            return
        text = teacher.write(messages)
        self._say(200, {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})

    def _say(self, status, data):
        data = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args):
        pass

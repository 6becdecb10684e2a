"""A reverse proxy in this process that shows a server below a path, as nginx, Caddy or Traefik do."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

_OWN = ("connection", "transfer-encoding", "keep-alive")  # headers of one connection alone


class Proxy:
    """`upstream`: address of the server; `prefix`: path that it is shown below; `strips`: whether that is taken off
    before a request goes on. `strayed`: what was asked for outside of the prefix, which another server would get."""

    def __init__(self, upstream: str, prefix: str, *, strips: bool) -> None:
        self.strayed: list[str] = []
        proxy, client = self, httpx.Client(base_url=upstream, timeout=60)

        class Handler(BaseHTTPRequestHandler):
            def forward(self) -> None:
                if not f"{self.path.partition('?')[0]}/".startswith(f"{prefix}/"):
                    proxy.strayed.append(self.path)
                    self.send_error(404)
                    return
                path = (self.path.removeprefix(prefix) or "/") if strips else self.path
                headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers["X-Forwarded-For"] = self.client_address[0]
                with client.stream(self.command, path, headers=headers, content=body) as answer:
                    self.send_response_only(answer.status_code)
                    for name, value in answer.headers.multi_items():
                        if name.lower() not in _OWN:
                            self.send_header(name, value)
                    self.end_headers()
                    for piece in answer.iter_raw():
                        self.wfile.write(piece)
                        self.wfile.flush()

            do_GET = do_POST = do_HEAD = do_DELETE = forward

            def log_message(self, *_said: object) -> None:
                """Nothing: it would stand between the results of tests."""

        self._client, self._server = client, ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}{prefix}"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._client.close()

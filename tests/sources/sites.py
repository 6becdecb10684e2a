"""A web site of the test's own making, on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Page = tuple[int, dict[str, str], bytes]


class Site:
    """`pages`: by path, with its query; `asked`: path and status of each request, in order; `hanging`: a path that is
    not answered until `release`; `reached`: somebody waits for it."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, int]] = []
        self.hanging = ""
        self.reached, self._released = threading.Event(), threading.Event()

    def put(self, path: str, body: str | bytes = "", status: int = 200, **headers: str) -> None:
        content = body.encode() if isinstance(body, str) else body
        said = {"Content-Type": "text/html; charset=utf-8", "ETag": f'"{hashlib.md5(content).hexdigest()}"'}
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        named = {name.replace("Etag", "ETag"): value for name, value in named.items()}
        self.pages[path] = status, {name: value for name, value in (said | named).items() if value}, content

    def page(self, path: str, text: str, *links: str, head: str = "", **headers: str) -> None:
        anchors = "".join(f'<p><a href="{link}">{link}</a></p>' for link in links)
        title = text.partition(".")[0]
        body = (
            f"<!doctype html><html><head><title>{title}</title>{head}</head><body><p>{text}</p>{anchors}</body></html>"
        )
        self.put(path, body, **headers)

    def wait(self, path: str) -> None:
        if path == self.hanging:
            self.reached.set()
            self._released.wait(60)

    def release(self) -> None:
        self.hanging = ""
        self._released.set()
        self.reached, self._released = threading.Event(), threading.Event()

    def paths(self) -> list[str]:
        """What was asked for and sent, since the last time."""
        sent = [path for path, status in self.asked if status == 200]
        self.asked.clear()
        return sent


@contextmanager
def serving() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.wait(self.path)
            status, headers, body = site.pages.get(self.path, (404, {"Content-Type": "text/plain"}, b"none"))
            known = self.headers.get("If-None-Match") or self.headers.get("If-Modified-Since")
            if status == 200 and known and known in (headers.get("ETag"), headers.get("Last-Modified")):
                status, body = 304, b""
            site.asked.append((self.path, status))
            with contextlib.suppress(OSError):  # who asks may have seen enough
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def do_PROPFIND(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.do_GET()

        def log_message(self, *_said: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        site = Site(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield site
        server.shutdown()
        thread.join()

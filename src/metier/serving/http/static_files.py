"""Files that pages are drawn with, held in memory: they are sent whatever the threads and the disk are busy with."""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_CACHED = "no-cache"  # kept, and asked for again by its tag


class StaticFiles:
    """The files of `folder`, read once; an application to be mounted."""

    def __init__(self, folder: Path) -> None:
        self._files = {f"/{path.name}": path.read_bytes() for path in folder.iterdir() if path.is_file()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        content = self._files.get(path)
        if content is None:
            raise HTTPException(404)
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405)
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        is_known = Request(scope).headers.get("if-none-match") == tag
        media_type = _TYPES.get(Path(path).suffix, "application/octet-stream")
        headers = {"ETag": tag, "Cache-Control": _CACHED}
        response = Response(b"" if is_known else content, 304 if is_known else 200, headers, media_type)
        await response(scope, receive, send)

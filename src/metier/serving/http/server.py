"""A server on an address, from start to a graceful end."""

from __future__ import annotations

import gc
import logging
import os
import socket
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn

from metier.core.errors import InputError, MetierError
from metier.expert import Expert
from metier.serving.app import create_app
from metier.serving.auth.access import check_binding
from metier.serving.auth.keys import Keys
from metier.serving.auth.owner_token import owner_token
from metier.serving.http import hosts
from metier.serving.http.connections import protocol
from metier.serving.http.logs import Logs
from metier.serving.http.security import LONGEST_HEAD
from metier.serving.job_queue import threads_left
from metier.serving.service import warm

log = logging.getLogger(__name__)
Started = Callable[[str, str, str | None], None]
_GRACE_SECONDS = 30
_LAST_SECONDS = 90  # after which the process ends, whatever hangs
_STUCK = 1
_KILLED = 128  # and the signal's number: how shells tell it


def listen(expert: Expert, host: str, port: int, path_prefix: str, started: Started) -> None:
    """Serve until the process is told to end (SIGINT, SIGTERM); what runs then is finished, unless it is told a second
    time. `path_prefix`: as in `create_app`; `started`: told the address, the expert's name, and the
    owner's token, where it wants one. Raises
    `InputError` where the address cannot be had, or wants keys and there are none, and `MetierError` where the expert
    cannot answer."""
    serving, keys = expert.settings.serving, Keys(expert.runtime.state)
    try:
        check_binding(host, keys.any_active())
        listening = _socket(host, port)
        logs = Logs(serving.log, with_questions=serving.log_questions)
        token = owner_token(expert.runtime.state_folder) if hosts.is_loopback(host) else None
        app = create_app(expert, keys, host=host, token=token, path_prefix=path_prefix, observers=[logs.observe])
        warm(expert)  # what is missing is told here, in a line; the server would tell it as a crash
    except MetierError:
        keys.close()
        raise
    gc.freeze()  # what is loaded stays: looking through it takes a tenth of a second, whenever much is read
    taken = listening.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=_GRACE_SECONDS,
        http=protocol(serving.client_seconds, serving.connections), ws="none",
        h11_max_incomplete_event_size=LONGEST_HEAD,
    )  # fmt: skip
    started(f"http://{shown}:{taken}{path_prefix}", expert.settings.name, None if serving.open_loopback else token)
    _Server(config).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Ends by the clock, without threads that do not end. Nothing on disk minds: whatever was said to be saved is."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(_KILLED + sig)
        last = threading.Timer(_LAST_SECONDS, os._exit, (_STUCK,))
        last.daemon = True
        last.start()
        super().handle_exit(sig, frame)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().serve(sockets)
        finally:
            if threads_left():
                log.error("a question did not end when it was told to; the process ends without it")
                os._exit(_STUCK)


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, because asyncio sends small packets at once only where it sees that this is TCP: else 40 ms a request.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        other = "--host" if isinstance(error, socket.gaierror) else "--port"
        raise InputError(
            f"cannot be listened on: {error.strerror or error}", where=f"{host}:{port}", hint=f"Choose another {other}."
        ) from None
    return listening

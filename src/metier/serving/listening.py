"""A server on an address, from start to a graceful end."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from metier.errors import InputError
from metier.expert import Expert
from metier.serving.access import check_binding
from metier.serving.app import create_app
from metier.serving.keys import FILE_NAME, Keys

_GRACE_SECONDS = 30


def listen(expert: Expert, host: str, port: int, started: Callable[[str, str], None]) -> None:
    """Serve until the process is told to end (SIGINT, SIGTERM); what runs then is finished. `started`: told the address
    and the expert's name. Raises `InputError` where the address cannot be had, or wants keys and there are none."""
    keys = Keys(expert.state_folder / FILE_NAME)
    try:
        check_binding(host, keys.any_active())
        listening = _socket(host, port)
    except InputError:
        keys.close()
        raise
    taken = listening.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    config = uvicorn.Config(
        create_app(expert, keys, host=host), log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )  # fmt: skip
    started(f"http://{shown}:{taken}", expert.settings.name)
    uvicorn.Server(config).run(sockets=[listening])


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, because asyncio sends small packets at once only where it sees that this is TCP: else 40 ms a request.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise InputError(
            f"cannot be listened on: {error.strerror or error}", where=f"{host}:{port}", hint="Choose another --port."
        ) from None
    return listening

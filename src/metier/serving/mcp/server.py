"""The Model Context Protocol over an expert: for agents, by streamable HTTP at /mcp and on standard input and output.

Each request shows its own key, is decided as every other route, and sees what that key may see. Clients of the protocol
as it was before July 2026 get a session beside that, which only the key that began it may use: they cancel by a request
of its own, and without a session nothing says which of all questions number 3 it means.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial, wraps
from typing import Any

import mcp_types as types
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, AuthorizationContext
from mcp.server.auth.provider import AccessToken
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http import StreamableHTTPServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError
from sse_starlette.sse import AppStatus
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from metier import __version__
from metier.core.errors import DatabaseUnavailable, InputError, MetierError
from metier.serving.auth.access import Caller, Denied
from metier.serving.http import errors
from metier.serving.http.errors import NotFound
from metier.serving.http.request_context import note_error
from metier.serving.mcp.tools import SCHEME, TOOLS, ToolResult, known, schema
from metier.serving.service import ExpertService, while_wanted

Context = ServerRequestContext[dict[str, Any], Request]
Who = Callable[[Context], tuple[ExpertService, Caller]]
log = logging.getLogger(__name__)
_PAGE = 100  # documents in one list
_SESSIONS = 2000  # open at once, of some 45 kB each; one that nobody uses ends after half an hour
_SESSIONS_OF_ONE = 200  # of one key
_KILLED = 128  # and the signal's number: how shells tell it
_TICK = 1.0  # seconds between two words that an answer is still being worked on
_INSTRUCTIONS = (
    "An expert on one trade that answers from its own documents. Prefer `ask` for a question, `search` to see the "
    "passages themselves, `read_document` for the text around them. Quote the sources that come with an answer."
)


def server_for(name: str, who: Who, loading: asyncio.Future[None] | None = None) -> Server:
    """The protocol's server. `who`: the expert and the caller of a request; `loading`: what tools wait for."""

    def by(handler: Callable[..., Awaitable[Any]], *more: Any) -> Callable[..., Awaitable[Any]]:
        return partial(_guarded(handler), who, *more)

    return Server(
        name, version=__version__, title=f"Métier: {name}", instructions=_INSTRUCTIONS,
        get_tool_input_schema=lambda tool: schema(TOOLS[tool]) if tool in TOOLS else None,
        on_list_tools=by(_list_tools), on_call_tool=by(_call_tool, loading), on_list_resources=by(_list_resources),
        on_read_resource=by(_read_resource), on_list_resource_templates=by(_list_templates),
    )  # fmt: skip


class _Sessions(StreamableHTTPSessionManager):
    """No key takes the sessions of the others."""

    def _admit_session(self, requestor: AuthorizationContext | None) -> StreamableHTTPServerTransport | None:
        own = sum(owner == requestor for owner in self._session_owners.values())
        return None if own >= _SESSIONS_OF_ONE else super()._admit_session(requestor)


class Endpoint:
    """/mcp of the application. `run` is entered for as long as the application runs."""

    def __init__(self, name: str, limit: int) -> None:
        self._manager = _Sessions(server_for(name, _of_request), max_request_body_size=limit, max_sessions=_SESSIONS)
        # Without GET, on which a client would wait for what is said unasked: here nothing is.
        self.route = Route("/mcp", self, methods=["POST", "DELETE"], include_in_schema=False)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        # The drain interrupts answers when the server is told to end.
        AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]  # it declares no types
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self.route
        request = Request(scope, receive)
        try:
            caller = await asyncio.to_thread(request.app.state.access.admit, request, "ask")
        except (Denied, DatabaseUnavailable) as error:
            note_error(error)
            told = error if isinstance(error, Denied) else errors.without_place(error, request.state.request_id)
            await (await errors.as_json(request, told))(scope, receive, send)
            return
        scope["user"] = _session_owner(caller)
        await self._manager.handle_request(scope, receive, send)


async def serve_stdio(service: ExpertService, caller: Caller) -> None:
    """Speak the protocol on standard input and output until the other side closes it, or Ctrl-C."""
    # A thread waits for input, and nothing but input ends it. What was said to be saved is on disk.
    signal.signal(signal.SIGINT, lambda number, _frame: os._exit(_KILLED + number))
    loading = asyncio.ensure_future(asyncio.to_thread(service.warm))
    loading.add_done_callback(lambda done: done.exception())  # seen
    server = server_for(service.name, lambda _context: (service, caller), loading)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())
    await asyncio.wait({loading})
    await service.work.close(0)


def _of_request(context: Context) -> tuple[ExpertService, Caller]:
    request = context.request
    if request is None:
        raise ValueError("all requests come by HTTP here")
    return request.app.state.service, request.state.caller


def _session_owner(caller: Caller) -> AuthenticatedUser:
    """Whom the session that a request belongs to must be of."""
    return AuthenticatedUser(AccessToken(token="", client_id=caller.key_id or caller.name, scopes=[]))


# --- errors ------------------------------------------------------------------------------------------------------


def _guarded(handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """`handler`, whose errors are told as the protocol's."""

    @wraps(handler)
    async def guarded(*arguments: Any) -> Any:
        try:
            return await handler(*arguments)
        except MCPError:
            raise
        except Exception as error:  # noqa: BLE001  # it is logged
            code = types.INVALID_PARAMS if isinstance(error, InputError) else types.INTERNAL_ERROR
            raise MCPError(code, _told(error, arguments[-2])) from None

    return guarded


def _told(error: Exception, context: Context) -> str:
    """What the client hears. Of what went wrong in the server itself the log has all; a caller on the same machine is
    told the place, too."""
    note_error(error)
    request = context.request
    if isinstance(error, MetierError) and (request is None or not errors.is_ours(error)):
        return error.message
    log.error("%s failed", context.method, exc_info=error)
    return errors.without_place(error, request.state.request_id if request else "").message


# --- tools -------------------------------------------------------------------------------------------------------


async def _list_tools(who: Who, context: Context, _params: Any) -> types.ListToolsResult:
    service, caller = who(context)
    about, modes = await asyncio.to_thread(lambda: (known(service, caller), service.modes(caller)))
    tools = [
        types.Tool(
            name=name, title=tool.title, description=f"{tool.description} {about}",
            input_schema=schema(tool, modes), output_schema=tool.gives.model_json_schema(mode="serialization"),
            annotations=types.ToolAnnotations(
                read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
            ),
        )
        for name, tool in TOOLS.items()
    ]  # fmt: skip
    return types.ListToolsResult(tools=tools)


async def _call_tool(
    who: Who, loading: asyncio.Future[None] | None, context: Context, params: types.CallToolRequestParams
) -> types.CallToolResult:
    """What goes wrong in a tool is a result, which the model that called reads and can fix."""
    tool = TOOLS.get(params.name)
    if tool is None:
        raise MCPError(types.INVALID_PARAMS, f"there is no tool {params.name!r}; there are {', '.join(TOOLS)}")
    try:
        given = tool.takes.model_validate(params.arguments or {})
    except ValidationError as error:
        return _failed(_first(error))
    telling = asyncio.ensure_future(_tell_progress(context))
    try:
        if loading is not None:
            await asyncio.wait({loading})  # where it failed, the tool says so if it minds
        result = await _while_wanted(context, tool.call(*who(context), given))
    except MCPError:
        raise
    except Exception as error:  # noqa: BLE001  # it is logged
        return _failed(_told(error, context))
    finally:
        telling.cancel()
    values = result.values.model_dump(mode="json")
    return types.CallToolResult(content=[types.TextContent(text=result.text)], structured_content=values)


async def _while_wanted(context: Context, working: Awaitable[ToolResult]) -> ToolResult:
    """What `working` returns; it is cancelled when a client by HTTP goes away: no other request could fetch it."""
    if context.request is None:
        return await working
    try:
        return await while_wanted(context.request, working)
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise
        raise MCPError(types.CONNECTION_CLOSED, "the client is gone") from None


async def _tell_progress(context: Context) -> None:
    """Says that it goes on, in seconds, where the client asked to be told."""
    seconds = 0.0
    while True:
        await context.session.report_progress(seconds, message="searching, writing, checking")
        await asyncio.sleep(_TICK)
        seconds += _TICK


def _failed(message: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=message)], is_error=True)


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the arguments'}: {first['msg']}"


# --- documents ---------------------------------------------------------------------------------------------------


async def _list_resources(
    who: Who, context: Context, params: types.PaginatedRequestParams | None
) -> types.ListResourcesResult:
    service, caller = who(context)
    documents = await asyncio.to_thread(service.reading.from_sources, caller)
    begin = _place(params.cursor if params else None)
    end = begin + _PAGE
    resources = [
        types.Resource(name=uri, title=uri.rpartition("/")[2], uri=SCHEME + identity, mime_type="text/plain")
        for uri, identity in list(documents.items())[begin:end]
    ]
    return types.ListResourcesResult(resources=resources, next_cursor=_cursor(end) if end < len(documents) else None)


async def _list_templates(_who: Who, _context: Context, _params: Any) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(
        name="document", title="A document's text", uri_template=SCHEME + "{document_id}", mime_type="text/plain",
        description="The parsed text of a document; `search` and `ask` return its id.",
    )  # fmt: skip
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def _read_resource(
    who: Who, context: Context, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    service, caller = who(context)
    uri = str(params.uri)
    if not uri.startswith(SCHEME):
        raise NotFound(f"there is no {uri!r}", hint=f"Documents are {SCHEME}ID.")
    shown = await asyncio.to_thread(service.reading.document, caller, uri.removeprefix(SCHEME))
    text = types.TextResourceContents(uri=uri, mime_type="text/plain", text=shown.document.text)
    return types.ReadResourceResult(contents=[text])


def _cursor(place: int) -> str:
    return base64.urlsafe_b64encode(str(place).encode()).decode()


def _place(cursor: str | None) -> int:
    try:
        place = int(base64.urlsafe_b64decode(cursor.encode())) if cursor else 0
    except (ValueError, binascii.Error):
        place = -1
    if place < 0:
        raise MCPError(types.INVALID_PARAMS, "this cursor is from no list")
    return place

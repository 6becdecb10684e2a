"""The Model Context Protocol over an expert: for agents, by streamable HTTP at /mcp and on standard input and output.

Without sessions: each request shows its own key, is decided as every other route, and sees what that key may see. A
session would have to be bound to its key, and there is nothing in one that an agent needs here: progress and
cancelling work within a request.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from metier import __version__
from metier.errors import MetierError
from metier.serving import errors
from metier.serving.access import Caller, Denied
from metier.serving.desk import Desk
from metier.serving.errors import NotFound
from metier.serving.mcp_tools import TOOLS, Result, known
from metier.serving.record import note_error

Who = Callable[[ServerRequestContext], tuple[Desk, Caller]]
_SCHEME = "metier://documents/"
_PAGE = 100  # documents in one list
_TICK = 1.0  # seconds between two words that an answer is still being worked on
_INSTRUCTIONS = (
    "An expert on one trade that answers from its own documents. Prefer `ask` for a question, `search` to see the "
    "passages themselves, `read_document` for the text around them. Quote the sources that come with an answer."
)


def server_for(name: str, who: Who) -> Server:
    """The protocol's server. `who`: the expert and the caller of a request."""
    return Server(
        name, version=__version__, title=f"Métier: {name}", instructions=_INSTRUCTIONS,
        on_list_tools=partial(_list_tools, who), on_call_tool=partial(_call_tool, who),
        on_list_resources=partial(_list_resources, who), on_read_resource=partial(_read_resource, who),
        on_list_resource_templates=_list_templates,
    )  # fmt: skip


class Endpoint:
    """/mcp of the application. `run` is entered for as long as the application runs."""

    def __init__(self, name: str, limit: int) -> None:
        self._manager = StreamableHTTPSessionManager(
            server_for(name, _of_request), stateless=True, max_request_body_size=limit
        )

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            request.state.mcp_caller = await asyncio.to_thread(request.app.state.access.admit, request, "ask")
        except Denied as error:
            note_error(error)
            await (await errors.as_json(request, error))(scope, receive, send)
            return
        await self._manager.handle_request(scope, receive, send)


async def serve_stdio(desk: Desk, caller: Caller) -> None:
    """Speak the protocol on standard input and output until the other side closes it."""
    server = server_for(desk.name, lambda _context: (desk, caller))
    loading = asyncio.ensure_future(desk.work.alone(desk.warm))  # the first question waits for it, the lists do not
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())
    loading.cancel()
    await desk.work.close(0)


def _of_request(context: ServerRequestContext) -> tuple[Desk, Caller]:
    request = context.request
    return request.app.state.desk, request.state.mcp_caller


# --- tools -------------------------------------------------------------------------------------------------------


async def _list_tools(who: Who, context: ServerRequestContext, _params: Any) -> types.ListToolsResult:
    desk, caller = who(context)
    about = await asyncio.to_thread(known, desk, caller)
    tools = [
        types.Tool(
            name=name, title=tool.title, description=f"{tool.description} {about}",
            input_schema=tool.takes.model_json_schema(), output_schema=tool.output,
            annotations=types.ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False),
        )
        for name, tool in TOOLS.items()
    ]  # fmt: skip
    return types.ListToolsResult(tools=tools)


async def _call_tool(
    who: Who, context: ServerRequestContext, params: types.CallToolRequestParams
) -> types.CallToolResult:
    """What goes wrong in a tool is a result, which the model that called reads and can mend."""
    tool = TOOLS.get(params.name)
    if tool is None:
        raise MCPError(types.INVALID_PARAMS, f"there is no tool {params.name!r}; there are {', '.join(TOOLS)}")
    desk, caller = who(context)
    telling = asyncio.ensure_future(_tell_progress(context))
    try:
        result: Result = await tool.call(desk, caller, tool.takes.model_validate(params.arguments or {}))
    except ValidationError as error:
        return _failed(_first(error))
    except MetierError as error:
        note_error(error)
        return _failed(str(error))
    finally:
        telling.cancel()
    return types.CallToolResult(content=[types.TextContent(text=result.text)], structured_content=result.values)


async def _tell_progress(context: ServerRequestContext) -> None:
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
    who: Who, context: ServerRequestContext, params: types.PaginatedRequestParams | None
) -> types.ListResourcesResult:
    desk, caller = who(context)
    documents = await asyncio.to_thread(desk.reading.documents, caller)
    begin = _place(params.cursor if params else None)
    rows = list(documents.items())[begin : begin + _PAGE]
    more = begin + _PAGE < len(documents)
    return types.ListResourcesResult(
        resources=[types.Resource(name=uri, uri=_SCHEME + identity, mime_type="text/plain") for uri, identity in rows],
        next_cursor=_cursor(begin + _PAGE) if more else None,
    )


async def _list_templates(_context: ServerRequestContext, _params: Any) -> types.ListResourceTemplatesResult:
    template = types.ResourceTemplate(
        name="document", title="A document's text", uri_template=_SCHEME + "{document_id}", mime_type="text/plain",
        description="The parsed text of a document; `search` and `ask` return its id.",
    )  # fmt: skip
    return types.ListResourceTemplatesResult(resource_templates=[template])


async def _read_resource(
    who: Who, context: ServerRequestContext, params: types.ReadResourceRequestParams
) -> types.ReadResourceResult:
    desk, caller = who(context)
    uri = str(params.uri)
    try:
        if not uri.startswith(_SCHEME):
            raise NotFound(f"there is no {uri!r}", hint=f"Documents are {_SCHEME}ID.")
        shown = await asyncio.to_thread(desk.reading.document, caller, uri.removeprefix(_SCHEME))
    except MetierError as error:
        raise MCPError(types.INVALID_PARAMS, str(error)) from None
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

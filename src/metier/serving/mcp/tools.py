"""What an agent may do with an expert, as tools of the Model Context Protocol: `ask`, `search`, `read_document`.

Each takes its arguments checked, works for one caller, and returns text for the model that called and the same as JSON
for the program around it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from metier.answering.answer import DESCRIPTION, Answer
from metier.core.documents import Document, Passage
from metier.core.errors import InputError
from metier.core.modes import MODES, Mode
from metier.feedback.proposals import LONGEST
from metier.parsing.core.locators import kind_of, locator_of
from metier.retrieval.retriever import Hit
from metier.serving.ask_request import AskRequest
from metier.serving.auth.access import Caller
from metier.serving.document_access import LONGEST_GLOB, MOST_HITS
from metier.serving.responses import AnswerResponse, SearchResponse
from metier.serving.service import ExpertService

SCHEME = "metier://documents/"
SLICE = 20_000  # characters of a document in one answer
_EXAMPLES = 5  # documents named to a model that has to choose a tool


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AskInput(_Input):
    question: str = Field(
        max_length=LONGEST,
        description="One question in full, in any language; it stands alone, without a conversation.",
    )
    mode: Mode = Field(
        Mode.RAG, description="rag answers from the documents and cites them; base and tuned cite nothing."
    )


class SearchInput(_Input):
    query: str = Field(max_length=LONGEST, description="What to look for: a question, or words.")
    limit: int = Field(5, ge=1, le=MOST_HITS, description="Passages to return, at most.")
    document: str | None = Field(
        None,
        max_length=LONGEST_GLOB,
        description="Only in documents whose name fits this glob, e.g. `manuals/*.pdf`.",
    )


class ReadInput(_Input):
    document: str = Field(
        max_length=LONGEST, description="Name, id or URI of a document, as `search` and the resources name it."
    )
    page: int | None = Field(None, ge=1, description="Only this page, slide or sheet.")
    start: int = Field(0, ge=0, description="Character to begin at; `next_start` of the answer before goes on.")
    end: int | None = Field(None, ge=0, description="Character to end before, as in the place of a passage.")


class ReadResponse(BaseModel):
    """`text`: from `start` to `end` of `length` characters; `next_start`: where what was asked for goes on, null where
    it ends here."""

    document: str
    document_id: str
    title: str
    pages: int | None
    media_type: str
    start: int
    end: int
    length: int
    next_start: int | None
    text: str

    @classmethod
    def of(cls, document: Document, start: int, end: int, next_start: int | None) -> Self:
        return cls(
            document=document.uri, document_id=document.id, title=document.title, pages=document.pages,
            media_type=document.media_type, start=start, end=end, length=len(document.text), next_start=next_start,
            text=document.text[start:end],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ToolResult:
    """`text`: for the model that called; `values`: the same and more, for the program around it."""

    text: str
    values: BaseModel


@dataclass(frozen=True, slots=True)
class Tool:
    title: str
    description: str
    takes: type[BaseModel]
    gives: type[BaseModel]
    call: Callable[[ExpertService, Caller, Any], Awaitable[ToolResult]]


async def ask(service: ExpertService, caller: Caller, given: AskInput) -> ToolResult:
    answer = await service.answer(caller, AskRequest(given.question, given.mode))
    return ToolResult(_cited(answer), AnswerResponse.of(answer))


async def search(service: ExpertService, caller: Caller, given: SearchInput) -> ToolResult:
    hits = await service.search(caller, given.query, given.limit, given.document)
    text = "\n\n".join(f"[{number}] {_source(hit)}\n{hit.passage.text}" for number, hit in enumerate(hits, start=1))
    return ToolResult(text or "Nothing was found.", SearchResponse.of(given.query, hits))


async def read_document(service: ExpertService, caller: Caller, given: ReadInput) -> ToolResult:
    return await asyncio.to_thread(_read, service, caller, given)


def known(service: ExpertService, caller: Caller) -> str:
    """Which expert this is, for the descriptions: its name, how many documents this caller may see, and some names."""
    names = list(service.reading.from_sources(caller))
    if not names:
        return f"The expert {service.name!r} has no documents yet."
    some = ", ".join(names[:: max(1, len(names) // _EXAMPLES)][:_EXAMPLES])
    return f"The expert {service.name!r} has {len(names)} documents, for example: {some}."


def schema(tool: Tool, modes: Sequence[str] = MODES) -> dict[str, Any]:
    """JSON schema of a tool's arguments. `modes`: in which can be asked now."""
    made = tool.takes.model_json_schema()
    if "mode" in made["properties"]:
        mode = {name: value for name, value in made["properties"]["mode"].items() if name != "$ref"}
        made["properties"]["mode"] = {**mode, "type": "string", "enum": [str(each) for each in modes]}
        made.pop("$defs", None)
    return made


def _read(service: ExpertService, caller: Caller, given: ReadInput) -> ToolResult:
    name = given.document.removeprefix(SCHEME)
    shown = service.reading.document(caller, service.reading.documents(caller).get(name, name))
    document, begin, stop = shown.document, 0, len(shown.document.text)
    if given.page is not None:
        blocks = [block for block in document.blocks if block.page == given.page]
        if not blocks:
            kind = kind_of(document.media_type)
            there = f"It has {document.pages} {kind}s." if document.pages else "It has no pages: leave `page` out."
            raise InputError(f"there is no text on {kind} {given.page}", where=document.uri, hint=there)
        begin, stop = blocks[0].start, blocks[-1].end
    if given.end is not None:
        stop = min(stop, given.end)
    start = max(begin, given.start)
    if start > stop:
        raise InputError(f"the text ends at character {stop}", where=document.uri, hint="Begin before that.")
    end = min(stop, start + SLICE)
    read = ReadResponse.of(document, start, end, end if end < stop else None)
    more = "" if end == stop else f"\n\n(goes on at start={end})"
    return ToolResult(read.text + more, read)


def _cited(answer: Answer) -> str:
    """The answer, and under it where each part of it stands, what of it is not found in the documents, and of a refusal
    what came nearest."""
    sources = dict.fromkeys(
        f"- {_named(citation.title, citation.document, citation.locator)}"
        f"{f', {DESCRIPTION}' if citation.described else ''}: “{citation.quote}”"
        for citation in answer.citations
    )
    doubtful = [
        f"- “{answer.text[each.start : each.end]}”{f' ({each.reason})' if each.reason else ''}"
        for each in answer.sentences
        if each.flagged
    ]
    nearest = [f"- {_passage(each)}" for each in answer.nearest]
    lists = {"Sources": sources, "Not in the documents": doubtful, "Nearest places": nearest}
    return "\n\n".join([answer.text, *(f"{name}:\n" + "\n".join(each) for name, each in lists.items() if each)])


def _source(hit: Hit) -> str:
    return _passage(hit.passage)


def _passage(passage: Passage) -> str:
    return _named(passage.title, passage.uri, str(locator_of(passage) or ""))


def _named(title: str, uri: str, locator: str) -> str:
    return f"{title or uri}{f', {locator}' if locator else ''} ({uri})"


TOOLS = {
    "ask": Tool(
        "Ask the expert",
        "Answers a question in this expert's trade. The answer is checked against the documents and cites the places "
        "it is from; `sentences` tells of each whether the documents carry it (carried, partly, not, or none where it "
        "states nothing). Where they hold no answer the expert says so (`abstained`).",
        AskInput,
        AnswerResponse,
        ask,
    ),
    "search": Tool(
        "Search the documents",
        "Finds the passages of this expert's documents that fit a query, best first, with their exact place. Use it to "
        "read sources yourself, or where several passages matter.",
        SearchInput,
        SearchResponse,
        search,
    ),
    "read_document": Tool(
        "Read a document",
        f"Returns the text of one of this expert's documents, whole or one page, {SLICE:,} characters at a time.",
        ReadInput,
        ReadResponse,
        read_document,
    ),
}

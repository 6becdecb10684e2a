"""OpenAI's API over an expert: its official client works unchanged.

    /v1/models             NAME (answers from the documents), NAME:base, NAME:rag, NAME:tuned, NAME:rag+tuned
    /v1/chat/completions   stream and not; earlier turns are the conversation, a follow-up is understood from them
    /v1/completions        one prompt, which is asked as a question; stream and not
    /v1/embeddings         the expert's embedder

A system message is an instruction added to the expert's own; temperature, top_p, max_tokens, stop, seed and
response_format are the caller's. Sources travel as `annotations` with `url_citation`, as OpenAI's own search does, and
in full under `metier`. In a stream every piece leaves as it is written; as a sentence ends, a chunk without text tells
under `metier.sentence` what carries it. What cannot be done here (tools, several answers, images) is refused by name.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, Protocol

import numpy as np
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from metier.answering.answer import Answer, Sentence, Support
from metier.core.errors import InputError, MetierError
from metier.core.modes import Mode
from metier.generation.base import Message, Sampling
from metier.generation.response_format import schema_of
from metier.serving.api import client_tasks
from metier.serving.ask_request import AskRequest
from metier.serving.auth.access import Caller
from metier.serving.dependencies import caller_for, service_of
from metier.serving.http.errors import UnknownModel, told
from metier.serving.http.request_context import note_error
from metier.serving.responses import AnswerResponse, SentenceResponse, document_url
from metier.serving.service import Embedded, ExpertService, while_wanted

router = APIRouter(prefix="/v1", tags=["OpenAI"])
_MOST_STOPS, _LONGEST_STOP = 16, 200  # characters
_MOST_MESSAGES = 1000
_MOST_TOKENS = _LARGEST_SEED = 2**31 - 1
_UNBUFFERED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_REFUSED = ("tools", "functions", "audio", "web_search_options")
_VECTORS: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"schema": {"type": "object"}}}}}
_STREAMED: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}


class ChatMessage(BaseModel):
    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant"] = Field(examples=["user"])
    content: str | list[dict[str, Any]] | None = Field(None, examples=["How often is the gearbox oil changed?"])

    def text(self) -> str:
        if isinstance(self.content, list):
            if other := next((part for part in self.content if part.get("type") != "text"), None):
                raise InputError(f"{other.get('type')!r} content cannot be read", hint="Send text.")
            return "\n".join(str(part.get("text", "")) for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    model_config = ConfigDict(extra="allow")

    include_usage: bool = False


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Name = Annotated[str, Field(max_length=300)]
_Stops = Annotated[list[Annotated[str, Field(max_length=_LONGEST_STOP)]], Field(max_length=_MOST_STOPS)]
# As many as there may be are no error: clients send the largest number that they know.
_Tokens = Annotated[int, Field(ge=1), AfterValidator(lambda count: min(count, _MOST_TOKENS))]


class SamplingRequest(BaseModel):
    """What every route takes that writes. null = as the expert's settings say."""

    model_config = ConfigDict(extra="allow")

    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: _Tokens | None = None
    stop: Annotated[_Stops | None, BeforeValidator(_as_list, json_schema_input_type=str | _Stops | None)] = None
    seed: int | None = Field(None, ge=-_LARGEST_SEED, le=_LARGEST_SEED)

    def sampling(self) -> Sampling:
        return Sampling(
            temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens, seed=self.seed,
            stop=tuple(self.stop or ()),
        )  # fmt: skip


class ChatRequest(SamplingRequest):
    """What of OpenAI's request is used; the rest is allowed and ignored."""

    model: Name
    messages: list[ChatMessage] = Field(min_length=1, max_length=_MOST_MESSAGES)
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    max_completion_tokens: _Tokens | None = None
    response_format: dict[str, Any] | None = None

    def refuse_what_cannot_be_done(self) -> None:
        extra = self.model_extra or {}
        if asked := next((name for name in _REFUSED if extra.get(name)), None):
            raise InputError(f"{asked} cannot be used here", hint="Leave it out: an expert answers, it calls nothing.")

    def sampling(self) -> Sampling:
        """Raises `InputError` where the form of the answer is not known."""
        form = self.response_format if schema_of(self.response_format) is not None else None
        most = self.max_completion_tokens or self.max_tokens
        return replace(super().sampling(), max_tokens=most, response_format=form)

    def asked(self, mode: str) -> AskRequest:
        """Raises `InputError` where the last turn is not the user's."""
        self.refuse_what_cannot_be_done()
        system = "\n\n".join(turn.text() for turn in self.messages if turn.role in ("system", "developer"))
        spoken = [(turn.role, turn) for turn in self.messages if turn.role in ("user", "assistant")]
        if not spoken or spoken[-1][0] != "user":
            raise InputError("the last message is not the user's", hint='End with {"role": "user", "content": "…"}.')
        history = tuple(Message(role, turn.text()) for role, turn in spoken[:-1])
        question = spoken[-1][1].text()
        if client_tasks.is_task(question):
            mode = Mode.BASE
        return AskRequest(question, mode, history, system.strip(), self.sampling())


_One = Annotated[list[str], Field(min_length=1, max_length=1)]
Prompt = Annotated[_One, BeforeValidator(_as_list, json_schema_input_type=str | _One)]


class CompletionRequest(SamplingRequest):
    """What of OpenAI's request is used; the rest is allowed and ignored. The answer alone comes back, without
    probabilities, so `echo`, `suffix` and `logprobs` are refused."""

    model: Name
    prompt: Prompt = Field(examples=["How often is the gearbox oil changed?"])
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    best_of: Literal[1] | None = None
    echo: Literal[False] | None = None
    suffix: Literal[""] | None = None
    logprobs: None = None


class EmbeddingRequest(BaseModel):
    model_config = ConfigDict(extra="allow")

    model: Name
    input: str | list[str] = Field(min_length=1, examples=[["gearbox oil"]])
    encoding_format: Literal["float", "base64"] = "float"
    input_type: Literal["passage", "query"] = "passage"


@router.get("/models")
async def models(
    service: Annotated[ExpertService, Depends(service_of)], caller: Annotated[Caller, Depends(caller_for("ask"))]
) -> dict[str, Any]:
    """The expert, and each way of answering there is now."""
    names = await asyncio.to_thread(names_for, caller, service)
    data = [{"id": name, "object": "model", "created": service.started, "owned_by": "metier"} for name in names]
    return {"object": "list", "data": data}


@router.get("/models/{model}")
async def model(
    model: str,
    service: Annotated[ExpertService, Depends(service_of)],
    caller: Annotated[Caller, Depends(caller_for("ask"))],
) -> dict[str, Any]:
    """Whether there is one with this name."""
    await asyncio.to_thread(mode_of, model, caller, service)
    return {"id": model, "object": "model", "created": service.started, "owned_by": "metier"}


@router.post("/chat/completions", response_model=None, responses=_STREAMED)
async def chat(
    body: ChatRequest,
    request: Request,
    service: Annotated[ExpertService, Depends(service_of)],
    caller: Annotated[Caller, Depends(caller_for("ask"))],
) -> JSONResponse | StreamingResponse:
    """Answer the last message. `metier` in the answer has its sources in full."""
    asked = body.asked(await asyncio.to_thread(mode_of, body.model, caller, service))
    return await _answered(request, service, caller, asked, body, ChatForm(str(request.base_url)))


@router.post("/completions", response_model=None, responses=_STREAMED)
async def complete(
    body: CompletionRequest,
    request: Request,
    service: Annotated[ExpertService, Depends(service_of)],
    caller: Annotated[Caller, Depends(caller_for("ask"))],
) -> JSONResponse | StreamingResponse:
    """Answer a prompt, as a question. `metier` in the answer has its sources in full."""
    mode = await asyncio.to_thread(mode_of, body.model, caller, service)
    asked = AskRequest(body.prompt[0], mode, sampling=body.sampling())
    return await _answered(request, service, caller, asked, body, TextForm())


@router.post("/embeddings", response_model=None, responses=_VECTORS)
async def embeddings(
    body: EmbeddingRequest,
    request: Request,
    service: Annotated[ExpertService, Depends(service_of)],
    caller: Annotated[Caller, Depends(caller_for("ask"))],
) -> Response:
    """Texts as vectors. `input_type` is an addition: an embedder that tells questions from passages is told which they
    are."""
    texts = [body.input] if isinstance(body.input, str) else body.input
    made = await while_wanted(request, service.embedded(caller, texts, as_questions=body.input_type == "query"))
    return Response(await asyncio.to_thread(_vectors, made, body.encoding_format), media_type="application/json")


def names_for(caller: Caller, service: ExpertService) -> list[str]:
    """Model names that the caller can ask for now."""
    return [service.name, *(f"{service.name}:{mode}" for mode in service.modes(caller))]


def mode_of(model: str, caller: Caller, service: ExpertService) -> str:
    """The mode a model name asks for. Raises `InputError` naming those there are."""
    known = names_for(caller, service)
    if model not in known:
        raise UnknownModel(f"there is no model {model!r}", hint=f"There are: {', '.join(known)}.")
    return model.removeprefix(service.name).removeprefix(":") or Mode.RAG


class Form(Protocol):
    """How one of OpenAI's routes writes an answer: the names of its objects, and what its choice holds of the whole
    answer, of a piece, and after the last piece."""

    prefix: str
    object: str
    chunk: str

    def whole(self, answer: Answer) -> dict[str, Any]: ...

    def piece(self, text: str, *, is_first: bool) -> dict[str, Any]: ...

    def end(self, answer: Answer) -> dict[str, Any]: ...


class ChatForm:
    prefix, object, chunk = "chatcmpl", "chat.completion", "chat.completion.chunk"

    def __init__(self, base: str) -> None:
        self._base = base  # address of the server

    def whole(self, answer: Answer) -> dict[str, Any]:
        said = {"role": "assistant", "content": answer.text, "refusal": None}
        return {"message": {**said, "annotations": annotations_of(answer, self._base)}}

    def piece(self, text: str, *, is_first: bool) -> dict[str, Any]:
        return {"delta": {"role": "assistant", "content": text} if is_first else {"content": text}}

    def end(self, answer: Answer) -> dict[str, Any]:
        return {"delta": {"annotations": annotations_of(answer, self._base)}}


class TextForm:
    prefix, object, chunk = "cmpl", "text_completion", "text_completion"

    def whole(self, answer: Answer) -> dict[str, Any]:
        return {"text": answer.text}

    def piece(self, text: str, *, is_first: bool) -> dict[str, Any]:
        return {"text": text}

    def end(self, answer: Answer) -> dict[str, Any]:
        return {"text": ""}


async def _answered(
    request: Request,
    service: ExpertService,
    caller: Caller,
    asked: AskRequest,
    body: ChatRequest | CompletionRequest,
    form: Form,
) -> JSONResponse | StreamingResponse:
    head = {"id": f"{form.prefix}-{secrets.token_hex(12)}", "created": int(time.time()), "model": body.model}
    if body.stream:
        usage = bool(body.stream_options and body.stream_options.include_usage)
        events = stream(service, caller, asked, head | {"object": form.chunk}, form, usage)
        started = await while_wanted(request, begun(events))
        return StreamingResponse(started, media_type="text/event-stream", headers=_UNBUFFERED)
    answer = await while_wanted(request, service.answer(caller, asked))
    choices = [_choice(form.whole(answer), answer.finish_reason)]
    more = {"choices": choices, "usage": usage_of(answer), "metier": _plain(AnswerResponse.of(answer))}
    return JSONResponse(head | {"object": form.object} | more)


def _choice(part: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, **part, "logprobs": None, "finish_reason": finish}


def annotations_of(answer: Answer, base: str) -> list[dict[str, Any]]:
    """`start_index`, `end_index`: the cited sentence in the answer. `url`: the source, opened at the place."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": sentence.start,
                "end_index": sentence.end,
                "title": citation.title or citation.document,
                "url": base.rstrip("/") + document_url(citation.document_id, citation.start, citation.end),
            },
        }
        for sentence in answer.sentences
        if sentence.support in (Support.CARRIED, Support.PARTLY)
        for citation in sentence.citations
    ]


def usage_of(answer: Answer) -> dict[str, Any]:
    usage = answer.usage
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


async def begun(pieces: AsyncIterator[str]) -> AsyncIterator[str]:
    """The same pieces, of which the first is there: what goes wrong before it is an error with a status of its own."""
    first = await anext(pieces)

    async def whole() -> AsyncIterator[str]:
        yield first
        async for piece in pieces:
            yield piece

    return whole()


async def stream(
    service: ExpertService, caller: Caller, asked: AskRequest, head: dict[str, Any], form: Form, with_usage: bool
) -> AsyncIterator[str]:
    """Server-sent events. What goes wrong once something was sent is one of them, as OpenAI's client expects it.

    What carries a sentence travels on a chunk whose piece is "": clients fail on events of other kinds and on chunks
    without a choice, and pass over fields they do not know."""

    def event(part: dict[str, Any], finish: str | None = None, **more: Any) -> str:
        return _event({**head, "choices": [_choice(part, finish)], **more})

    begun = False
    try:
        async for part in service.written(caller, asked):
            if isinstance(part, str):
                yield event(form.piece(part, is_first=not begun))
            elif isinstance(part, Sentence):
                yield event(form.piece("", is_first=not begun), metier={"sentence": _plain(SentenceResponse.of(part))})
            else:
                yield event(form.end(part), part.finish_reason, metier=_plain(AnswerResponse.of(part)))
                if with_usage:
                    yield _event({**head, "choices": [], "usage": usage_of(part)})
            begun = True
    except MetierError as error:
        if not begun:
            raise
        note_error(error)
        yield _event(told(error)[1])
    yield "data: [DONE]\n\n"


def _plain(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json")


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"


def _vectors(made: Embedded, form: str) -> bytes:
    """The answer as JSON, a vector at a time: whole it would hold all other threads up for a second."""
    usage = {"prompt_tokens": made.tokens, "total_tokens": made.tokens}
    rows = (
        json.dumps({"object": "embedding", "index": index, "embedding": _encoded(vector, form)})
        for index, vector in enumerate(made.vectors)
    )
    return (
        f'{{"object": "list", "model": {json.dumps(made.model)}, "usage": {json.dumps(usage)}, '
        f'"data": [{", ".join(rows)}]}}'
    ).encode()


def _encoded(vector: Sequence[float], form: str) -> list[float] | str:
    if form == "float":
        return [float(number) for number in vector]
    return base64.b64encode(np.asarray(vector, "<f4").tobytes()).decode("ascii")

"""The API as a page, drawn from its own description: what each route takes and gives, and how it is asked.

GET /api
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request
from markupsafe import Markup
from starlette.responses import Response

from metier.serving.auth.access import Caller
from metier.serving.dependencies import caller_for
from metier.serving.web.rendering import page

router = APIRouter(include_in_schema=False)
_CODE = re.compile(r"`([^`]+)`")
_MODELS = "#/components/schemas/"
_UNITS = {"string": ("Length", "characters"), "array": ("Items", "items")}
_LIMITS = {"integer": ("imum", ""), "number": ("imum", "")} | _UNITS

Reader = Annotated[Caller, Depends(caller_for("ask"))]
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """`place`: path, query or body; `default`: as JSON, "" for none; `limits`: "1 … 100", of `unit`: characters, items
    or ""."""

    name: str
    place: str
    type: Markup
    required: bool
    default: str
    limits: str
    unit: str
    description: Markup


@dataclass(frozen=True, slots=True)
class Model:
    """`name`: unique, `title`: to be read."""

    name: str
    title: str
    description: Markup
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """`scope`: that a key needs, "" for none; `about`: what is said of the body; `gives`: status, type and media of
    what goes well; `errors`: statuses; `curl`, `python`: what asks it."""

    tag: str
    method: str
    path: str
    description: Markup
    scope: str
    about: Markup
    fields: tuple[Field, ...]
    gives: tuple[tuple[str, Markup, str], ...]
    errors: tuple[str, ...]
    curl: str
    python: str

    @property
    def name(self) -> str:
        return re.sub(r"\W+", "-", f"{self.method} {self.path}").strip("-")


@router.get("/api")
def show(request: Request, caller: Reader) -> Response:
    described = Description(request.app.openapi())
    with_key = caller.key_id is not None or not request.app.state.access.is_open(request)
    operations = list(described.operations(str(request.base_url).rstrip("/"), request.app.state.name, with_key))
    sections = [(tag, list(own)) for tag, own in groupby(operations, lambda each: each.tag)]
    return page(
        request, "api.html", "api", caller, sections=sections, models=described.models(), errors=described.errors(),
        document=request.app.openapi_url, with_key=with_key,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RequestExample:
    """A request that a route understands. `body`: None where nothing is sent; `with_key`: whether a key goes along;
    `gives_json`: whether JSON comes back."""

    method: str
    url: str
    body: Any
    with_key: bool
    gives_json: bool

    def curl(self) -> str:
        lines = [f"curl{' -X POST' if self.method == 'POST' else ''} {shlex.quote(self.url)}"]
        if self.with_key:
            lines.append('-H "Authorization: Bearer $METIER_KEY"')
        if self.body is not None:
            said = json.dumps(self.body, ensure_ascii=False)
            lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(said)}"]
        return " \\\n  ".join(lines)

    def python(self) -> str:
        given = [repr(self.url)]
        if self.with_key:
            given.append("""headers={"Authorization": f"Bearer {os.environ['METIER_KEY']}"}""")
        if self.body is not None:
            given.append(f"json={self.body!r}")
        arguments = ",\n    ".join([*given, "timeout=60"])
        used = ["import os\n"] if self.with_key else []
        result = "answer.json()" if self.gives_json else "answer.text"
        return "\n".join([
            *used, "import httpx\n", f"answer = httpx.{self.method.lower()}(\n    {arguments},\n).raise_for_status()",
            f"print({result})",
        ])  # fmt: skip


class Description:
    """What an OpenAPI document says, to be read by a person."""

    def __init__(self, document: Schema) -> None:
        self._paths: Schema = document["paths"]
        self._parts: Mapping[str, Schema] = document["components"]["schemas"]

    def operations(self, base: str, expert: str, with_key: bool) -> Iterator[Operation]:
        """By tag, in the order of the document. `base`: address of the server; `with_key`: whether examples
        send one."""
        found = [(method, path, each) for path, own in self._paths.items() for method, each in own.items()]
        tags = list(dict.fromkeys(_tag(each) for *_, each in found))
        for method, path, each in sorted(found, key=lambda item: tags.index(_tag(item[2]))):
            answers = each["responses"].items()
            example = self._example(method.upper(), path, each, base, expert, with_key)
            yield Operation(
                _tag(each), method.upper(), path, _marked(each.get("description") or each["summary"]),
                next((scope for way in each.get("security", ()) for scope in way.get("key", ())), ""),
                _marked(self._resolved(_body(each)).get("description", "") if "requestBody" in each else ""),
                tuple(self._taken(each)),
                tuple(
                    (status, _type(content.get("schema", {})), media)
                    for status, answer in answers
                    for media, content in answer.get("content", {}).items()
                    if status < "400"
                ),
                tuple(status for status, _ in answers if status >= "400"),
                example.curl(), example.python(),
            )  # fmt: skip

    def models(self) -> list[Model]:
        return [
            Model(name, _title(name), _marked(part.get("description", "")), tuple(self._fields(part, "")))
            for name, part in sorted(self._parts.items(), key=lambda item: _title(item[0]).casefold())
        ]

    def errors(self) -> dict[str, str]:
        """Meaning of every status that is an error."""
        answers = [
            answer for own in self._paths.values() for each in own.values() for answer in each["responses"].items()
        ]
        return {
            status: answer["description"] for status, answer in sorted(answers, key=lambda a: a[0]) if status >= "400"
        }

    def _taken(self, operation: Schema) -> Iterator[Field]:
        for each in operation.get("parameters", ()):
            yield _field(each["name"], each["in"], each["schema"], each.get("required", False))
        if "requestBody" in operation:
            yield from self._fields(self._resolved(_body(operation)), "body")

    def _fields(self, model: Schema, place: str) -> Iterator[Field]:
        required = model.get("required", ())
        for name, each in model.get("properties", {}).items():
            yield _field(name, place, each, name in required)

    def _resolved(self, schema: Schema) -> Schema:
        """The model itself where a schema names one, or that or nothing."""
        for each in schema.get("anyOf", (schema,)):
            if "$ref" in each:
                return self._parts[each["$ref"].removeprefix(_MODELS)]
        return schema

    def _example(
        self, method: str, path: str, operation: Schema, base: str, expert: str, with_key: bool
    ) -> RequestExample:
        known, query = {"model": expert}, {}
        for each in operation.get("parameters", ()):
            value = self._sample(each["name"], each["schema"], known)
            if each["in"] == "path":
                path = path.replace(f"{{{each['name']}}}", quote(str(value), safe=""))
            elif each.get("required"):
                query[each["name"]] = value
        url = base + path + (f"?{urlencode(query)}" if query else "")
        is_sent = operation.get("requestBody", {}).get("required")
        body = self._sample("", _body(operation), known) if is_sent else None
        media = next(answer["content"] for status, answer in operation["responses"].items() if status < "400")
        return RequestExample(
            method, url, body, with_key and bool(operation.get("security")), "application/json" in media
        )

    def _sample(self, name: str, schema: Schema, known: Mapping[str, str]) -> Any:
        """A value that a schema allows: of a model what is required, and what has an example."""
        if name in known:
            return known[name]
        if "examples" in schema:
            return schema["examples"][0]
        schema = self._resolved(schema)
        if "anyOf" in schema:
            return self._sample(name, schema["anyOf"][0], known)
        if "enum" in schema:
            return next(value for value in schema["enum"] if value)
        match schema.get("type"):
            case "object":
                wanted = schema.get("required", ())
                parts = schema.get("properties", {}).items()
                return {
                    key: self._sample(key, each, known) for key, each in parts if key in wanted or "examples" in each
                }
            case "array":
                return [self._sample("", schema["items"], known)]
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return True
        return name.upper()


def _tag(operation: Schema) -> str:
    return next(iter(operation.get("tags", ())), "")


def _body(operation: Schema) -> Schema:
    schema: Schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return schema


def _title(name: str) -> str:
    """Two models of one name are told apart by the module that stands before it."""
    return name.rpartition("__")[2]


def _field(name: str, place: str, schema: Schema, required: bool) -> Field:
    default = schema.get("default")
    limits, unit = _limits(schema)
    return Field(
        name, place, _type(schema), required,
        json.dumps(default, ensure_ascii=False) if "default" in schema and default is not None else "",
        limits, unit, _marked(schema.get("description", "")),
    )  # fmt: skip


def _limits(schema: Schema) -> tuple[str, str]:
    for each in schema.get("anyOf", (schema,)):
        ending, unit = _LIMITS.get(each.get("type", ""), ("", ""))
        low, high = (each.get(f"{side}{ending}") for side in ("min", "max"))
        if low is not None or high is not None:
            return _range(low, high), unit
    return "", ""


def _range(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"≥ {low:g}" if high is None else f"≤ {high:g}"
    return f"{low:g}" if low == high else f"{low:g} … {high:g}"


def _type(schema: Schema) -> Markup:
    """`string | null`, `Hit[]`: models are links to where they are told of."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_MODELS)
        return Markup('<a href="#model-{}">{}</a>').format(name, _title(name))
    if "anyOf" in schema:
        return Markup(" | ").join(_type(each) for each in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return Markup(" | ").join(json.dumps(value, ensure_ascii=False) for value in values)
    if schema.get("type") == "array":
        inner = _type(schema["items"])
        return (Markup("({})[]") if "anyOf" in schema["items"] else Markup("{}[]")).format(inner)
    if isinstance(schema.get("additionalProperties"), Mapping):
        return Markup("{{string: {}}}").format(_type(schema["additionalProperties"]))
    return Markup.escape(schema.get("type", ""))


def _marked(text: str) -> Markup:
    """Text in which `names` stand between backticks."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(Markup.escape(text))))  # noqa: S704 - escaped before

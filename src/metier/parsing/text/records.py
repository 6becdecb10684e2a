"""JSON and JSON Lines: a list of records becomes a table, anything else lines of `path: value`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from metier.core.errors import ParseError
from metier.parsing.core.decoding import decode_records
from metier.parsing.core.formats import JSONL
from metier.parsing.core.readers import Builder, Context, too_much_text
from metier.parsing.core.tables import write_rows
from metier.parsing.text.plain import add_paragraphs

_MAX_COLUMNS = 200


def read(content: bytes, builder: Builder, context: Context) -> None:
    text = decode_records(content, context)
    if len(text) > context.limits.text:
        raise too_much_text(context.limits.text)
    try:
        if context.media_type == JSONL:
            value = [json.loads(line) for line in text.split("\n") if line.strip()]
        else:
            value = json.loads(text)
    except RecursionError:
        raise ParseError("is JSON nested too deeply to be read", hint="Flatten it, or save it as CSV.") from None
    except ValueError as error:
        context.warn(f"is not valid JSON ({error}); read as plain text")
        add_paragraphs(text, builder)
        return
    _write(value, builder)


def _write(value: object, builder: Builder) -> None:
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        flat = [dict(_flat(item)) for item in value]
        names = list(dict.fromkeys(name for item in flat for name in item))
        if len(names) <= _MAX_COLUMNS:
            write_rows(builder, [names, *([item.get(name, "") for name in names] for item in flat)], header_rows=1)
            return
    if isinstance(value, dict) and any(isinstance(item, list | dict) for item in value.values()):
        for name, item in value.items():
            if isinstance(item, list | dict):
                builder.add("heading", str(name), level=2)
                _write(item, builder)
            else:
                builder.add("paragraph", f"{name}: {_scalar(item)}")
        return
    for name, text in _flat(value):
        builder.add("list", f"{name}: {text}" if name else text)


def _flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """`{"a": {"b": [1, 2]}}` -> `("a.b", "1, 2")`."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _flat(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and any(isinstance(item, list | dict) for item in value):
        for number, item in enumerate(value, start=1):
            yield from _flat(item, f"{path}.{number}" if path else str(number))
    elif isinstance(value, list):
        yield path, ", ".join(map(_scalar, value))
    else:
        yield path, _scalar(value)


def _scalar(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

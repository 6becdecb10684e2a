"""The form an answer is asked for, as OpenAI's API says it: {"type": "text"}, {"type": "json_object"}, or
{"type": "json_schema", "json_schema": {"name": ..., "schema": {...}}}."""

from __future__ import annotations

from collections.abc import Mapping

from metier.core.errors import InputError

_OBJECT: Mapping[str, object] = {"type": "object"}
# A model's runtime turns a schema into a grammar, which grows with its parts, its depth, and what it has to count.
_MOST_PARTS, _DEEPEST, _MOST_COUNTED = 2000, 32, 1000
_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")


def schema_of(response_format: Mapping[str, object] | None) -> Mapping[str, object] | None:
    """The JSON schema that an answer must keep to; None where any text will do. Raises `InputError`."""
    match response_format:
        case None | {"type": "text"}:
            return None
        case {"type": "json_object"}:
            return _OBJECT
        case {"type": "json_schema", "json_schema": {"schema": Mapping() as schema}}:
            _check_size(schema)
            return schema
    raise InputError(
        f"this response_format is not known: {response_format!r}"[:300],
        hint='Give {"type": "json_object"}, or {"type": "json_schema", "json_schema": {"name": …, "schema": {…}}}.',
    )


def _check_size(schema: Mapping[str, object]) -> None:
    """Raises `InputError` for a schema that would take a runtime minutes, or more memory than there is."""
    parts = 0
    ahead: list[tuple[object, int]] = [(schema, 1)]
    while ahead:
        part, depth = ahead.pop()
        parts += 1
        if parts > _MOST_PARTS or depth > _DEEPEST:
            raise InputError(
                "the schema of this response_format is too large",
                hint=f"{_MOST_PARTS:,} parts, {_DEEPEST} inside each other, are the most.",
            )
        if isinstance(part, Mapping):
            for name in _COUNTS:
                count = part.get(name)
                if isinstance(count, int | float) and not count <= _MOST_COUNTED:
                    raise InputError(
                        f"{name} of this response_format is too large",
                        hint=f"It is at most {_MOST_COUNTED:,} here.",
                    )
            ahead += [(each, depth + 1) for each in part.values()]
        elif isinstance(part, list):
            ahead += [(each, depth + 1) for each in part]

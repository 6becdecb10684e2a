"""The form an answer is asked for, as OpenAI's API says it: {"type": "text"}, {"type": "json_object"}, or
{"type": "json_schema", "json_schema": {"name": ..., "schema": {...}}}."""

from __future__ import annotations

from collections.abc import Mapping

from metier.core.errors import InputError

_OBJECT: Mapping[str, object] = {"type": "object"}


def schema_of(response_format: Mapping[str, object] | None) -> Mapping[str, object] | None:
    """The JSON schema that an answer must keep to; None where any text will do. Raises `InputError`."""
    match response_format:
        case None | {"type": "text"}:
            return None
        case {"type": "json_object"}:
            return _OBJECT
        case {"type": "json_schema", "json_schema": {"schema": Mapping() as schema}}:
            return schema
    raise InputError(
        f"this response_format is not known: {response_format!r}"[:300],
        hint='Give {"type": "json_object"}, or {"type": "json_schema", "json_schema": {"name": …, "schema": {…}}}.',
    )

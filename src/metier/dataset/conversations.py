"""Conversations to training rows: each turn of the model is one row, with the turns before it as history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from metier.dataset.cleaning import Malformed, clean, plain_text
from metier.dataset.rows import Row
from metier.generation.base import Message

_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "bing": "assistant",
    "bard": "assistant", "model": "assistant",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ConversationTurn:
    """`learn`: whether the model is to learn to say this; only ever True for the assistant."""

    role: Literal["system", "user", "assistant"]
    content: str
    learn: bool


def turns(value: Any, learn: bool = True) -> list[ConversationTurn]:
    """The turns of a list of `{role, content}` or `{from, value}`, consecutive ones of the same role joined.

    A turn with `"weight": 0` (OpenAI's format) is not learned from. Raises `Malformed`.
    """
    if isinstance(value, Mapping):  # `datasets` keeps a list of objects as an object of lists
        columns = {name: items for name, items in value.items() if isinstance(items, list)}
        if not columns or len({len(items) for items in columns.values()}) != 1:
            raise Malformed("a conversation is a list of turns")
        value = [dict(zip(columns, items, strict=True)) for items in zip(*columns.values(), strict=True)]
    if not isinstance(value, list):
        raise Malformed("a conversation is a list of turns")
    joined: list[ConversationTurn] = []
    for turn in (_turn(each, learn) for each in value):
        if joined and joined[-1].role == turn.role and joined[-1].learn == turn.learn:
            joined[-1] = ConversationTurn(turn.role, f"{joined[-1].content}\n\n{turn.content}".strip(), turn.learn)
        else:
            joined.append(turn)
    return joined


def rows(found: Sequence[ConversationTurn], instruction: str | None = None) -> list[Row]:
    """One row for each turn of the assistant that is to be learned and answers a turn of the user.

    A leading system turn becomes the instruction; what the assistant says before the user spoke is left out, since
    most chat templates refuse it. Raises `Malformed` where nothing is left to learn.
    """
    if found and found[0].role == "system":
        instruction, found = found[0].content or instruction, found[1:]
    if any(turn.role == "system" for turn in found):
        raise Malformed("has a system turn in the middle of the conversation")
    while found and found[0].role == "assistant":
        found = found[1:]
    made = []
    for place in range(1, len(found)):
        turn, asked = found[place], found[place - 1]
        if turn.role == "assistant" and turn.learn and asked.role == "user":
            history = tuple(Message(each.role, each.content) for each in found[: place - 1])
            made.append(Row(asked.content, turn.content, instruction=instruction, history=history))
    if not made:
        raise Malformed("has no turn of the assistant that answers one of the user")
    return made


def _turn(value: Any, learn: bool) -> ConversationTurn:
    if not isinstance(value, Mapping):
        raise Malformed("has a turn that is no object")
    said = value.get("role") or value.get("from")
    if not isinstance(said, str):
        raise Malformed('has a turn without "role" (or "from")')
    role = _ROLES.get(said.strip().casefold())
    if role is None or value.get("tool_calls"):
        raise Malformed(f"has a turn of {said!r}: only system, user and assistant turns in words can be learned from")
    content = next((value[name] for name in ("content", "value", "text") if value.get(name) is not None), None)
    if content is None:
        raise Malformed(f'has a turn of {said!r} without "content" (or "value")')
    return ConversationTurn(role, _content(content), learn and role == "assistant" and value.get("weight") != 0)


def _content(value: Any) -> str:
    """A string, or OpenAI's list of parts, which must all be text."""
    if isinstance(value, list):
        parts = [part.get("text") if isinstance(part, Mapping) else part for part in value]
        texts = [part for part in parts if isinstance(part, str)]
        if len(texts) < len(parts):
            raise Malformed("has a turn that is not only text")
        return clean("\n".join(texts))
    return plain_text(value, "content")

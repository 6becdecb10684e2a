"""HTML as values: what comes from data is escaped because everything is, except what is already markup.

tag("p", "a < b", class_="note")   ─▶   <p class="note">a &lt; b</p>
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_VOID = frozenset({"input", "meta"})
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def tag(name: str, /, *children: Any, **attributes: Any) -> Html:
    """An element. Children: `Html` stays as it is, None is left out, anything iterable is flattened, and all else is
    escaped text. Attributes: `class_` is `class`, `data_kind` is `data-kind`; None and False are left out, True stands
    alone."""
    opening = f"<{name}{''.join(_attribute(key, value) for key, value in attributes.items())}>"
    return Html(opening if name in _VOID else f"{opening}{join(children)}</{name}>")


def join(children: Iterable[Any]) -> Html:
    return Html("".join(map(_child, children)))


def escape(text: object) -> Html:
    return text if isinstance(text, Html) else Html(str(text).translate(_ESCAPES))


def filled(pattern: str, values: dict[str, Any]) -> Html:
    """`pattern` with its {names} replaced; both are escaped where they are not markup."""
    return Html(escape(pattern).format_map({name: _child(value) for name, value in values.items()}))


def _child(child: Any) -> str:
    if child is None:
        return ""
    if isinstance(child, str) or not isinstance(child, Iterable):
        return escape(child)
    return join(child)


def _attribute(key: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(value)}"'

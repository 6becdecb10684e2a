"""The one way to the terminal: whatever a file, a document or a model is called or says, it cannot move the cursor,
paint, hide or turn what stands there.

    console().print(styled("[green]✓[/] Added {}", name))

Markup is that of rich, in the template alone, which is written in the code; what is put into it stays as it is, `[/]`
and `:x:` too. Characters that a terminal would obey are shown as signs (`␛`), whoever prints them.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from string import Formatter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# Controls but tab and line feed; separators of lines; what turns the direction of text round; half characters.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SIGNS, _DELETE, _UNKNOWN = 0x2400, "\u2421", "\ufffd"
_CONTROLS = 0x20
_PLACE = "\ue000"  # stands for a value while the template is read


def visible(text: str) -> str:
    """Text of which a terminal obeys nothing: one sign for each such character."""
    return _OBEYED.sub(_sign, text)


def _sign(found: re.Match[str]) -> str:
    character = found[0]
    if ord(character) < _CONTROLS:
        return chr(_SIGNS + ord(character))
    return _DELETE if character == "\x7f" else _UNKNOWN


def console(*, stderr: bool = False) -> Console:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class VisibleConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(visible(text), **options)  # before rich takes some of them out unseen

        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
            for segment in super().render(renderable, options):
                if segment.control or not _OBEYED.search(segment.text):
                    yield segment
                else:
                    yield Segment(visible(segment.text), segment.style)

    return VisibleConsole(stderr=stderr, highlight=False, markup=False, emoji=False)


def styled(template: str, *values: object) -> Text:
    """A template of rich's markup with `{}`, or `{:.1f}`, for each value in turn. A value that is styled itself keeps
    its styles within those around it."""
    from rich.text import Text

    parts = list(Formatter().parse(template))
    markup = "".join(literal + (_PLACE if name is not None else "") for literal, name, _, _ in parts)
    read = Text.from_markup(markup, emoji=False)
    made, at, given = Text(style=read.style), 0, iter(values)
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        place = read.plain.index(_PLACE, at)
        made.append_text(read[at:place]).append_text(_filled(read[place : place + 1], next(given), spec, conversion))
        at = place + 1
    return made.append_text(read[at:]) if at < len(read) else made


def _filled(place: Text, value: object, spec: str | None, conversion: str | None) -> Text:
    from rich.text import Span, Text

    if isinstance(value, Text):
        filled = value.copy()
    else:
        filled = Text(visible(format(repr(value) if conversion == "r" else value, spec or "")))
    around = [Span(0, len(filled), span.style) for span in place.spans]
    filled.spans = [*around, *filled.spans]
    return filled


def in_json(value: Any, indent: int | None = 2) -> str:
    """JSON to be read by programs and by people: what a terminal would obey is escaped. `indent`: None = one line."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class VisibleFormatter(logging.Formatter):
    """What is logged while a command runs."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))

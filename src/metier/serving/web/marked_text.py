"""A text as HTML with its sentences marked: as it stands, or as the Markdown that models write.

Sentences are places in the source, and a sentence may begin in bold and end in code. So what is marked are the
stretches of text between tags, each found again in the source; that way every tag closes where it should. Nothing of
the source becomes a tag, an address or a picture by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

Span = tuple[int, int]
Wrap = Callable[[int, Markup, bool], Markup]
"""From the number of a span, a stretch of it as HTML and whether that is its last to what is shown."""

_TAGS = RendererHTML()
_OFF = ("link", "image", "autolink", "html_inline", "html_block", "reference", "entity", "text_join")


@dataclass(frozen=True, slots=True)
class _Run:
    """A stretch of text in the span of this number, None outside all."""

    text: str
    span: int | None


def plain(text: str, spans: Sequence[Span], wrap: Wrap) -> Markup:
    """`spans`: (start, end) in `text`, in any order."""
    return _joined(_cut(text, 0, spans), wrap)


def markdown(text: str, spans: Sequence[Span], wrap: Wrap) -> Markup:
    """Paragraphs, lists, tables, emphasis and code; headings become bold lines, addresses stay text."""
    return _joined(list(_Renderer(text, spans).pieces()), wrap)


def _joined(pieces: Sequence[Markup | _Run], wrap: Wrap) -> Markup:
    last = {piece.span: at for at, piece in enumerate(pieces) if isinstance(piece, _Run)}
    return Markup("").join(
        piece
        if isinstance(piece, Markup)
        else escape(piece.text)
        if piece.span is None
        else wrap(piece.span, escape(piece.text), last[piece.span] == at)
        for at, piece in enumerate(pieces)
    )


def _cut(text: str, start: int, spans: Sequence[Span]) -> list[_Run]:
    """`text`, which stands at `start`, in stretches; where spans overlap, the first has it."""
    runs, at, end = [], start, start + len(text)
    for number, (first, last) in sorted(enumerate(spans), key=lambda each: each[1]):
        first, last = max(first, at), min(last, end)
        if first >= last or not text[first - start : last - start].strip():
            continue
        runs += [_Run(text[at - start : first - start], None), _Run(text[first - start : last - start], number)]
        at = last
    return [run for run in [*runs, _Run(text[at - start :], None)] if run.text]


class _Renderer:
    """Goes through the blocks of a text in order and finds each stretch in the source behind the one before."""

    def __init__(self, text: str, spans: Sequence[Span]) -> None:
        self._text, self._spans = text, spans
        self._at = 0
        self._lines = [0]
        for line in text.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)

    def pieces(self) -> Iterator[Markup | _Run]:
        parser = _parser()
        tokens = parser.parse(self._text)
        for place, token in enumerate(tokens):
            if token.map is not None:
                self._at = max(self._at, self._lines[token.map[0]])
            if token.type == "inline":
                for child in token.children or ():
                    yield from self._inline(child)
            elif token.type in ("fence", "code_block"):
                yield Markup("<pre><code>")
                for line in token.content.splitlines(keepends=True):
                    yield from self._found(line)
                yield Markup("</code></pre>\n")
            else:
                _harmless(token)
                tag = Markup(_TAGS.renderToken(tokens, place, parser.options, {}))  # noqa: S704 - it escapes
                yield _AROUND.get(token.type, Markup("{}")).format(tag)

    def _inline(self, token: Token) -> Iterator[Markup | _Run]:
        match token.type:
            case "text":
                yield from self._found(token.content)
            case "text_special":  # an escaped character
                yield from self._found(token.content, len(token.markup))
            case "code_inline":
                yield Markup("<code>")
                yield from self._found(token.content)
                yield Markup("</code>")
            case "softbreak":
                yield Markup("\n")
            case "hardbreak":
                yield Markup("<br />\n")
            case _ if token.tag:
                yield Markup(f"</{token.tag}>" if token.nesting < 0 else f"<{token.tag}>")  # noqa: S704 - as em, strong

    def _found(self, text: str, length: int | None = None) -> list[_Run]:
        """`length`: of what it is in the source, None = its own. What is not found counts as where the last one ended:
        the Markdown of a table's cell may differ from it by a backslash."""
        at = self._text.find(text, self._at) if length is None else self._at
        if at < 0:
            number = next((n for n, (first, last) in enumerate(self._spans) if first <= self._at < last), None)
            return [_Run(text, number if text.strip() else None)] if text else []
        self._at = at + (len(text) if length is None else length)
        return _cut(text, at, self._spans)


# A wide table scrolls by itself, by keyboard too.
_AROUND = {
    "table_open": Markup('<div class="wide" tabindex="0">{}'),
    "table_close": Markup("{}</div>"),
}


def _harmless(token: Token) -> None:
    """Headings would mix with those of the page, and styles in the page are not allowed."""
    if token.type in ("heading_open", "heading_close"):
        token.tag = "p"
        if token.nesting > 0:
            token.attrSet("class", "heading")
    if style := token.attrs.pop("style", None):
        token.attrs["class"] = str(style).replace("text-align:", "align-")


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable(list(_OFF))

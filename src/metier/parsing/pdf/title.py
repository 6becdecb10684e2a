"""The title of a PDF that its properties do not tell: the largest lines of its first page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from metier.parsing.core.readers import Context
from metier.parsing.core.titles import is_issuer, is_title, readable, tidied
from metier.parsing.pdf.layout import Paragraph

_LARGER = 1.15  # than most of the text
_ALIKE = 0.06  # by how much the sizes of a title's lines differ
_NEAR = 1.6  # sizes between two lines of one title
_MOST_LINES = 4


def title_from_page(first: Sequence[Paragraph], body: float, context: Context, *, has_heading: bool) -> None:
    """Give the document a title where its properties have none: the largest lines of its first page, joined where a
    title takes several. Else its name, unless that page has a heading. `body`: size of most of the text, in points."""
    if context.title and not is_issuer(context.title):
        return
    titles = [title for title in _by_size(first, body) if is_title(title) and _is_more_than_a_letter(title)]
    best = next((title for title in titles if not is_issuer(title)), "")
    if best:
        context.title = best
    elif not (context.title or titles or has_heading):
        context.title = readable(context.name)


def _by_size(items: Sequence[Paragraph], body: float) -> Iterator[str]:
    """Neighbouring lines of one size as one, the largest first."""
    groups: list[list[Paragraph]] = []
    for item in items:
        if item.size <= _LARGER * body or item.rows > _MOST_LINES or len(item.text) > 200:
            continue
        last = groups[-1][-1] if groups else None
        if last is not None and abs(last.size - item.size) <= _ALIKE * item.size and _follows(last, item):
            groups[-1].append(item)
        else:
            groups.append([item])
    for group in sorted(groups, key=lambda group: -max(item.size for item in group)):
        yield tidied(" ".join(item.text for item in group[:_MOST_LINES]))


def _is_more_than_a_letter(title: str) -> bool:
    return sum(c.isalpha() for c in title) > (2 if title.isascii() else 0)


def _follows(above: Paragraph, below: Paragraph) -> bool:
    return -0.5 * below.size < above.bottom - below.top < _NEAR * below.size

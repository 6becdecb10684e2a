"""The title of a PDF that its properties do not tell: the largest lines of its first page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from metier.parsing.core.readers import Context
from metier.parsing.core.titles import is_issuer, is_title, readable, tidied
from metier.parsing.pdf.headings import body_size
from metier.parsing.pdf.layout import Paragraph

_LARGER = 1.15  # than most of the text
_ALIKE = 0.06  # by how much the sizes of a title's lines differ
_NEAR = 1.6  # sizes between two lines of one title
_MOST_LINES = 4
_RUNNING = 3  # lines of a paragraph of text
_ALPHABETS = "\u2e80"  # behind them stand scripts of which a letter is a word


def find_title(texts: Sequence[tuple[int, Paragraph]], levels: Mapping[int, int], head: str, context: Context) -> None:
    """Give the document a title where its properties have none: the largest lines of its first page, joined where a
    title takes several; its running title `head` where these are the heading of a section, or there are none. Else its
    name, unless that page has a heading. `texts`: paragraphs, each with its page; `levels`: of those that are headings,
    by their ids."""
    if context.title and not is_issuer(context.title):
        return
    first = [item for page, item in texts if page == 1]
    body = body_size(item for _page, item in texts)
    titles = [title for title in _by_size(first, body) if is_title(title) and _is_more_than_a_letter(title)]
    best = next((title for title in titles if not is_issuer(title)), "")
    runs = is_title(head) and _is_more_than_a_letter(head) and not is_issuer(head)
    headed = any(id(item) in levels for item in first)
    if runs and (_begins_with_section(texts, levels) if best or headed else not context.title):
        context.title = head
    elif best:
        context.title = best
    elif not (context.title or titles or headed):
        context.title = readable(context.name)


def _begins_with_section(texts: Sequence[tuple[int, Paragraph]], levels: Mapping[int, int]) -> bool:
    """Whether the headings of the first page are no more than those of later ones, over text, as no cover has it."""
    above = min((levels[id(item)] for page, item in texts if page == 1 and id(item) in levels), default=0)
    alike = any(page > 1 and 0 < levels.get(id(item), 0) <= above for page, item in texts)
    return alike and any(page == 1 and item.rows >= _RUNNING for page, item in texts)


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
    return sum(2 if c > _ALPHABETS else 1 for c in title if c.isalpha()) > 2


def _follows(above: Paragraph, below: Paragraph) -> bool:
    return -0.5 * below.size < above.bottom - below.top < _NEAR * below.size

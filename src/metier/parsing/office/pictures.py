"""Pictures of DOCX and PPTX, gathered to be described."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from xml.etree.ElementTree import Element

from metier.core.errors import ParseError
from metier.parsing.core.readers import Builder, Context
from metier.parsing.office.package import Package

# The twin of a drawing for old programs, what was deleted, and text boxes, which are read by themselves.
_ELSEWHERE = frozenset(["mc:Fallback", "w:del", "w:txbxContent"])


def gather_pictures(
    package: Package,
    relations: dict[str, tuple[str, str]],
    drawing: Element,
    builder: Builder,
    context: Context,
    *,
    page: int | None = None,
) -> None:
    """Those that `drawing` shows, at the end of what is written so far."""
    for identifier in _shown(drawing) if context.pictures else ():
        _kind, target = relations.get(identifier, ("", ""))
        if target not in package:
            continue  # linked, not embedded
        try:
            context.pictures.add(partial(package.read, target), builder.length, page=page)
        except ParseError:
            context.warn(f"the picture {target} is damaged")


def _shown(element: Element) -> Iterator[str]:
    """Ids of the relations to pictures in an element."""
    for child in element:
        if child.tag in ("a:blip", "v:imagedata"):
            yield child.get("r:embed") or child.get("r:id") or ""
        elif child.tag not in _ELSEWHERE:
            yield from _shown(child)

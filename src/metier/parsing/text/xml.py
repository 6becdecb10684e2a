"""XML of no known kind: the text of each element that holds text, one paragraph each."""

from __future__ import annotations

from metier.core.errors import ParseError
from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Builder, Context
from metier.parsing.office.package import parse_xml

_PROGRAMS = ("stylesheet", "transform")


def read(content: bytes, builder: Builder, context: Context) -> None:
    root = parse_xml(content, context.name)
    if root.tag in _PROGRAMS:
        raise ParseError("is an XSLT program, not a document", hint="It was not run. Leave it out with `exclude`.")
    for element in root.iter():
        children = list(element)
        mixed = (element.text or "").strip() and any((child.tail or "").strip() for child in children)
        if mixed:  # words around inline elements: one paragraph
            builder.add("paragraph", " ".join(tidy("".join(element.itertext())).split()))
            for child in children:
                child.clear()
        else:
            builder.add("paragraph", " ".join(tidy(element.text or "").split()))
            for child in children:
                if (child.tail or "").strip():
                    builder.add("paragraph", " ".join(tidy(child.tail or "").split()))

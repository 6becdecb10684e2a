"""Bytes to a `Document` with pages, headings and tables, in a worker process that can be killed.

    with Parser(settings.parsing, settings.language) as parser:
        document = parser.parse(path, uri="manuals/wt-07.pdf", groups=("service",))

`Parser` is the parent's side, `worker` the child's; `core.readers` finds the reader of a format.
One file a family of formats; each holds `read(content, builder, context)`.
"""

from metier.parsing.core.formats import SUPPORTED, media_type
from metier.parsing.parser import Parser

__all__ = ["SUPPORTED", "Parser", "media_type"]

"""sitemap.xml: the pages that a site names itself, with the day when each was changed."""

from __future__ import annotations

import html
import re
import zlib
from dataclasses import dataclass, field

MOST_BYTES = 50 * 2**20  # of one, unpacked: as the protocol says
_MOST = 50_000  # addresses of one, as the protocol says
# No parser of XML: nothing in it is defined, included or expanded, and half a sitemap is read as far as it goes.
_ENTRY = re.compile(r"<(?:[\w.-]+:)?(url|sitemap)(?:\s[^<>]*)?>(.*?)</(?:[\w.-]+:)?\1\s*>", re.DOTALL)
_VALUE = r"<(?:[\w.-]+:)?{}(?:\s[^<>]*)?>\s*(?:<!\[CDATA\[)?\s*([^<>\]]*?)\s*(?:\]\]>)?\s*</"
_ADDRESS, _CHANGED = re.compile(_VALUE.format("loc")), re.compile(_VALUE.format("lastmod"))


@dataclass(frozen=True, slots=True)
class Sitemap:
    """`pages`: when each was changed, as it is written, "" where it does not say; `sitemaps`: others that it names."""

    pages: dict[str, str] = field(default_factory=dict)
    sitemaps: tuple[str, ...] = ()


def read(content: bytes) -> Sitemap:
    """A sitemap or an index of them, packed (gzip) or not; of what is neither nothing is read."""
    if content.startswith(b"\x1f\x8b"):
        try:
            content = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(content, MOST_BYTES)
        except zlib.error:
            return Sitemap()
    pages: dict[str, str] = {}
    others: list[str] = []
    for entry in _ENTRY.finditer(content.decode("utf-8", "replace")):
        address = _ADDRESS.search(entry[2])
        if address is None or len(pages) + len(others) >= _MOST:
            continue
        changed = _CHANGED.search(entry[2])
        where = html.unescape(address[1])
        if entry[1] == "url":
            pages[where] = changed[1] if changed else ""
        else:
            others.append(where)
    return Sitemap(pages, tuple(others))

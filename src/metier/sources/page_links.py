"""What a page of the web says to a crawler: its links, where it really lives, and whether it may be kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote, unquote, urljoin, urlsplit

from metier.core import addresses

_LONGEST = 2000  # characters of an address
_MOST_LINKS, _MOST_CHARACTERS = 5000, 500_000  # of the links of one page
# Parameters that tell who looks, not what is looked at.
_OF_A_VISIT = re.compile(
    r"^(utm_.*|sid|phpsessid|jsessionid|.*session_?id|fbclid|gclid|msclkid|mc_[ce]id|_ga|ref_src)$", re.IGNORECASE
)
_PATH_SESSION = re.compile(r";jsessionid=[^/?#]*", re.I)
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)", re.I)
_NO_DOCUMENT = re.compile(
    r"\.(png|jpe?g|gif|webp|svg|ico|bmp|tiff?|avif|css|m?js|map|json|xml|rss|atom|woff2?|ttf|otf|eot|mp[34]|m4a|ogg|wav"
    r"|webm|avi|mov|zip|t?gz|bz2|xz|7z|rar|tar|exe|msi|dmg|deb|rpm|iso|apk|jar|whl)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class PageLinks:
    """`links`: addresses that it leads to, normalized; `canonical`: the one that it says it is known by, "" = none."""

    links: tuple[str, ...] = ()
    canonical: str = ""
    is_kept: bool = True


def read(content: bytes, address: str, headers: Iterable[str], agent: str) -> PageLinks:
    """`headers`: what the server says as X-Robots-Tag; `agent`: who asks."""
    from selectolax.lexbor import LexborHTMLParser

    declared = _CHARSET.search(content[:2048])
    tree = LexborHTMLParser(_decoded(content, declared[1].decode() if declared else ""))
    metas = [node.attributes for node in tree.css("meta[name][content]")]
    said = [each["content"] or "" for each in metas if (each["name"] or "").lower() in ("robots", agent)]
    orders = set(_orders([*said, *_ours(headers, agent)]))
    base = tree.css_first("base[href]")
    root = urljoin(address, (base.attributes["href"] or "").strip()) if base else address
    canonical = tree.css_first('link[rel="canonical"][href]')
    links: dict[str, None] = {}
    if not orders & {"nofollow", "none"}:
        for node in tree.css("a[href], area[href]"):
            if "nofollow" not in (node.attributes.get("rel") or "").lower().split():
                links[normalized(node.attributes["href"] or "", root)] = None
    return PageLinks(
        tuple(_some(links)),
        normalized(canonical.attributes["href"] or "", root) if canonical else "",
        not orders & {"noindex", "none"},
    )


def normalized(link: str, base: str) -> str:
    """A link as one address: the same for all its spellings, without its fragment and what tells who looks. "" for what
    is no document on the web, and for what has a secret in it."""
    try:
        parts = urlsplit(urljoin(base, link.strip()))
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        return ""
    path = quote(_PATH_SESSION.sub("", parts.path), safe="/%:@!$&'()*+,;=~-._") or "/"
    kept = [each for each in parts.query.split("&") if each and not _OF_A_VISIT.match(unquote(each.partition("=")[0]))]
    query = quote("&".join(sorted(kept)), safe="/%:@!$&'()*+,;=?~-._")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if port not in (None, {"http": 80, "https": 443}[parts.scheme]):
        host += f":{port}"
    made = parts._replace(netloc=host, path=path, query=query, fragment="").geturl()
    is_document = not _NO_DOCUMENT.search(path)
    return made if is_document and len(made) <= _LONGEST and addresses.problem(made) is None else ""


def _some(links: Iterable[str]) -> Iterator[str]:
    left = _MOST_CHARACTERS
    for link in islice(filter(None, links), _MOST_LINKS):
        left -= len(link)
        if left < 0:
            return
        yield link


def _decoded(content: bytes, charset: str) -> str:
    if content.startswith(b"\xef\xbb\xbf"):
        charset = "utf-8-sig"
    try:
        return content.decode(charset or "utf-8", "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


def _ours(headers: Iterable[str], agent: str) -> Iterator[str]:
    """What of X-Robots-Tag is for everybody or for us: `noindex`, `otherbot: noindex, nofollow`."""
    for header in headers:
        name, colon, rest = header.partition(":")
        if not colon or "," in name or name.strip().lower() in ("unavailable_after", "max-snippet"):
            yield header
        elif name.strip().lower() == agent:
            yield rest


def _orders(said: Iterable[str]) -> Iterator[str]:
    for each in said:
        yield from (order.strip().lower() for order in each.split(","))

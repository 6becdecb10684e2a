"""robots.txt, as RFC 9309 has it: who speaks to us, which paths are allowed, how fast, and where sitemaps are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

MOST_BYTES = 500 * 2**10  # that a crawler has to read
_MOST_RULES = 5000
_LONGEST_DELAY = 30.0  # seconds between two requests that a site may ask for
_LINE = re.compile(r"^\s*([A-Za-z-]+)\s*:\s*([^#\n]*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Robots:
    """What a site asks of a crawler. `rules`: whether it is allowed, with the pattern of its path; `delay`: seconds
    between two requests; `sitemaps`: addresses as they are written."""

    rules: tuple[tuple[bool, str], ...] = ()
    delay: float = 0.0
    sitemaps: tuple[str, ...] = ()

    def allows(self, address: str) -> bool:
        """The longest pattern that matches decides, and of two that are as long the one that allows."""
        parts = urlsplit(address)
        path = _escaped((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        found = [(len(pattern), allowed) for allowed, pattern in self.rules if _matches(pattern, path)]
        return max(found, default=(0, True))[1]


def read(text: str, agent: str) -> Robots:
    """What a robots.txt says to `agent`: its own groups, else those for everybody."""
    groups: dict[str, list[tuple[str, str]]] = {}
    sitemaps: list[str] = []
    speaking_to: list[str] = []
    is_in_rules = False
    for name, value in _LINE.findall(text.removeprefix("\ufeff")):
        name, value = name.lower(), value.strip()
        if name == "sitemap":
            sitemaps.append(value)
        elif name == "user-agent":
            if is_in_rules:
                speaking_to, is_in_rules = [], False
            speaking_to.append(value.partition("/")[0].strip().lower())
            groups.setdefault(speaking_to[-1], [])
        elif name in ("allow", "disallow", "crawl-delay"):
            is_in_rules = True
            for each in speaking_to:
                groups[each].append((name, value))
    ours = groups.get(agent, groups.get("*", []))
    rules = [(name == "allow", _escaped(value)) for name, value in ours if name != "crawl-delay" and value]
    delays = [_seconds(value) for name, value in ours if name == "crawl-delay"]
    return Robots(tuple(rules[:_MOST_RULES]), min(max(delays, default=0.0), _LONGEST_DELAY), tuple(sitemaps))


def _matches(pattern: str, path: str) -> bool:
    """`*` is anything, `$` at the end is the end. Part by part from the left, so that no pattern takes long."""
    is_whole = pattern.endswith("$")
    first, *rest = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    if is_whole and not rest:
        return at == len(path)
    for number, part in enumerate(rest):
        if is_whole and number == len(rest) - 1:
            return len(path) - len(part) >= at and path.endswith(part)
        if (found := path.find(part, at)) < 0:
            return False
        at = found + len(part)
    return True


def _escaped(path: str) -> str:
    return quote(path, safe="/%:?#[]@!$&'()*+,;=~-._")


def _seconds(value: str) -> float:
    try:
        return max(0.0, float(value))
    except ValueError:
        return 0.0

"""What is remembered of the pages of a site from one crawl to the next."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from metier.core.atomic import write_text
from metier.sources.kept import make

_FORMAT = 1
_FILE = "pages.json"


@dataclass(frozen=True, slots=True)
class RememberedPage:
    """`etag`, `modified`: as its server said; `day`: when it was changed, as the sitemap said; `version`: of what was
    read, "" where nothing tells; `links`, `canonical`, `is_kept`: see `PageLinks`."""

    etag: str = ""
    modified: str = ""
    day: str = ""
    version: str = ""
    links: tuple[str, ...] = ()
    canonical: str = ""
    is_kept: bool = True

    def conditions(self) -> dict[str, str]:
        """Headers that ask for it only where it has changed."""
        said = {"If-None-Match": self.etag, "If-Modified-Since": "" if self.etag else self.modified}
        return {name: value for name, value in said.items() if value}


@dataclass(slots=True)
class Memory:
    """`home`: where the start page is, behind its redirects; `scope`: by which patterns links were chosen; `depth`: how
    many were followed; `pages`: by address."""

    home: str = ""
    scope: tuple[str, ...] = ()
    depth: int = 0
    pages: dict[str, RememberedPage] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Empty where there is none, and where it cannot be read: then all is asked for anew."""
        with suppress(OSError, ValueError, TypeError, LookupError, AttributeError):
            said = json.loads((folder / _FILE).read_bytes())
            if said["format"] == _FORMAT:
                known = said["addresses"]
                made = {address: page | {"links": tuple(known[each] for each in page["links"])}
                        for address, page in said["pages"].items()}  # fmt: skip
                pages = {address: RememberedPage(**page) for address, page in made.items()}
                return cls(said["home"], tuple(said["scope"]), said["depth"], pages)
        return cls()

    def save(self, folder: Path) -> None:
        """Links by their place in a list of addresses: most pages of a site share most of theirs."""
        known: dict[str, int] = {}
        pages = {
            address: asdict(page) | {"links": [known.setdefault(each, len(known)) for each in page.links]}
            for address, page in self.pages.items()
        }
        told = {"format": _FORMAT, "home": self.home, "scope": self.scope, "depth": self.depth}
        write_text(make(folder) / _FILE, json.dumps(told | {"addresses": list(known), "pages": pages}))

    def keep_only(self, addresses: Collection[str]) -> None:
        self.pages = {address: page for address, page in self.pages.items() if address in addresses}

"""One `[[sources]]` entry of `metier.toml`."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field

from metier.core import addresses, database_rows
from metier.core.intervals import Interval

WEB = ("http", "https")


_READS = re.compile(r"\s*\(*\s*(select|with|values|table)\b", re.IGNORECASE)


class Section(BaseModel):
    """A table of `metier.toml`; names that it does not know are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SourceSettings(Section):
    """One place where knowledge comes from; exactly one of `path` and `url`."""

    path: str | None = Field(None, description="file, folder or glob; relative to metier.toml")
    url: str | None = Field(None, description="an address: https://, git+https://, imaps://, s3://, webdavs://, …")
    depth: int = Field(0, ge=0, le=50, description="links that are followed from a web address, below its path")
    max_pages: int = Field(1000, ge=1, le=100_000, description="pages of a web site that are read, at most")
    tables: tuple[str, ...] = Field((), description="of a database, empty = all that the account sees")
    query: str | None = Field(None, description="one SELECT, whose rows are read in place of tables")
    label: str | None = Field(None, description="what the rows of the query are called")
    key: tuple[str, ...] = Field((), description="columns that tell rows apart, empty = the table's primary key")
    updated_at: str | None = Field(None, description="column that says when a row was changed last")
    include: tuple[str, ...] = Field((), description="glob patterns a file must match, empty = all known formats")
    exclude: tuple[str, ...] = Field((), description="glob patterns that leave a file out")
    groups: tuple[str, ...] = Field((), description="who may read what comes from here, empty = everyone")
    every: Interval | None = Field(
        None, description="how often it is looked at while changes are watched: 15min, 1h, 1d; None = [sync] every"
    )
    follow_links: bool = Field(False, description="read what links lead to outside of the path, too")
    private: bool = Field(False, description="url may lead to this machine and to private networks")
    auth_env: str | None = Field(
        None, description="environment variable, or secret in the keyring, for url: user:password, password, or a token"
    )

    def model_post_init(self, _context: object) -> None:
        if (self.path is None) == (self.url is None):
            raise ValueError("a source needs exactly one of path and url")
        if self.depth and self.scheme not in WEB:
            raise ValueError("depth is for a web address")
        if (self.tables or self.query or self.label or self.key or self.updated_at) and not self.is_database:
            raise ValueError("tables, query, label, key and updated_at are for the address of a database")
        if self.query and (self.tables or not self.key):
            raise ValueError("a query needs a key, and no tables")
        if self.query and not _READS.match(self.query):
            raise ValueError("a query reads: it begins with SELECT or WITH")
        if self.label and not self.query:
            raise ValueError("a name is given to a query (label): a table has its own")
        if self.url is not None and (wrong := addresses.problem(self.url)) is not None:
            raise ValueError(f"{addresses.masked(self.url)}: {wrong}")

    @property
    def scheme(self) -> str:
        """Of an address, in small letters; "" for a path."""
        return (self.url or "").partition("://")[0].lower()

    @property
    def is_database(self) -> bool:
        return database_rows.is_database(self.url or "")

    @property
    def name(self) -> str:
        """By which it is known; of one database there may be several sources."""
        if self.path is not None:
            return self.path
        part = f"?{self.label or 'query'}" if self.query else ",".join(self.tables)
        return f"{self.url}#{part}" if part else str(self.url)

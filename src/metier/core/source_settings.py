"""One `[[sources]]` entry of `metier.toml`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from metier.core import addresses

WEB = ("http", "https")


class Section(BaseModel):
    """A table of `metier.toml`; names that it does not know are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SourceSettings(Section):
    """One place where knowledge comes from; exactly one of `path` and `url`."""

    path: str | None = Field(None, description="file, folder or glob; relative to metier.toml")
    url: str | None = Field(None, description="an address: https://, git+https://, imaps://, s3://, webdavs://, …")
    depth: int = Field(0, ge=0, le=50, description="links that are followed from a web address, below its path")
    max_pages: int = Field(1000, ge=1, le=100_000, description="pages of a web site that are read, at most")
    include: tuple[str, ...] = Field((), description="glob patterns a file must match, empty = all known formats")
    exclude: tuple[str, ...] = Field((), description="glob patterns that leave a file out")
    groups: tuple[str, ...] = Field((), description="who may read what comes from here, empty = everyone")
    follow_links: bool = Field(False, description="read what links lead to outside of the path, too")
    private: bool = Field(False, description="url may lead to this machine and to private networks")
    auth_env: str | None = Field(
        None, description="environment variable, or password in the keyring, for url: user:password, or a bearer token"
    )

    def model_post_init(self, _context: object) -> None:
        if (self.path is None) == (self.url is None):
            raise ValueError("a source needs exactly one of path and url")
        if self.depth and self.scheme not in WEB:
            raise ValueError("depth is for a web address")
        if self.url is not None and (wrong := addresses.problem(self.url)) is not None:
            raise ValueError(f"{addresses.masked(self.url)}: {wrong}")

    @property
    def scheme(self) -> str:
        """Of an address, in small letters; "" for a path."""
        return (self.url or "").partition("://")[0].lower()

    @property
    def name(self) -> str:
        return self.path if self.path is not None else str(self.url)

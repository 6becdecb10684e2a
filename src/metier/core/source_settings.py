"""One `[[sources]]` entry of `metier.toml`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from metier.core import addresses


class Section(BaseModel):
    """A table of `metier.toml`; names that it does not know are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SourceSettings(Section):
    """One place where knowledge comes from; exactly one of `path` and `url`."""

    path: str | None = Field(None, description="file, folder or glob; relative to metier.toml")
    url: str | None = Field(None, description="one http(s) address, or one that another package reads")
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
        if self.url is not None and (wrong := addresses.problem(self.url)) is not None:
            raise ValueError(f"{addresses.masked(self.url)}: {wrong}")

    @property
    def name(self) -> str:
        return self.path if self.path is not None else str(self.url)

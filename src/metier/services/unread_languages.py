"""Documents in a language that the embedder was not made for: they are found by their words alone, and only by
questions in their own language."""

from __future__ import annotations

from collections.abc import Iterable

from metier.core.settings import EmbeddingSettings
from metier.ingestion.work import Failure
from metier.models import reads_english_only
from metier.store.base import DocumentRecord
from metier.text.language import Language

_EVERY = "multilingual-e5-small"
_NAMED = 3  # documents


def unread_languages(settings: EmbeddingSettings, documents: Iterable[DocumentRecord]) -> list[Failure]:
    """A warning for each language that the packaged embedder of `settings` does not read, the one of most documents
    first. Of an embedder that is not packaged it is not known what it reads."""
    if not reads_english_only(settings.model):
        return []
    english = Language.of("en")
    names: dict[str, list[str]] = {}
    for document in documents:
        names.setdefault(document.language.split("-")[0], []).append(document.uri)
    return [
        Failure(
            "1 document" if len(found) == 1 else f"{len(found)} documents",
            f"in {english.names[code][0]} ({_named(found)}), which {settings.model} does not read: questions in "
            f'English will not find {"it" if len(found) == 1 else "them"}. Set embedding.model = "{_EVERY}" in '
            "metier.toml, then `metier sync --rebuild`.",
        )
        for code, found in sorted(names.items(), key=lambda each: -len(each[1]))
        if code != "en" and code in english.names
    ]


def _named(names: list[str]) -> str:
    """`a.md, b.md, c.md and 1 more`"""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more

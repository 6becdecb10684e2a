"""Documents in a language that the embedder was not made for: they are found by their words alone, and only by
questions in their own language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from metier.core.settings import EmbeddingSettings
from metier.ingestion.sync import Failure
from metier.models import reads_english_only
from metier.text.language import Language

_EVERY = "multilingual-e5-small"


def unread_languages(settings: EmbeddingSettings, languages: Iterable[str]) -> list[Failure]:
    """A warning for each language that the packaged embedder of `settings` does not read. `languages`: codes, of each
    document. Of an embedder that is not packaged it is not known what it reads."""
    if not reads_english_only(settings.model):
        return []
    english = Language.of("en")
    counts = Counter(language.split("-")[0] for language in languages)
    return [
        Failure(
            _counted(count),
            f"in {english.names[code][0]}, which {settings.model} does not read: questions in English will not find "
            f'{"it" if count == 1 else "them"}. Set [embedding] model = "{_EVERY}" in metier.toml, then '
            "`metier sync --rebuild`.",
        )
        for code, count in counts.most_common()
        if code != "en" and code in english.names
    ]


def _counted(count: int) -> str:
    return "1 document" if count == 1 else f"{count} documents"

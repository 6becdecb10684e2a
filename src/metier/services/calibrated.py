"""What the calibration in force was made on, so that it is made again where that has changed."""

from __future__ import annotations

from dataclasses import asdict

from metier.generation.completion_cache import key_of
from metier.services.parts import Parts

CALIBRATED = "calibrated"  # what it was made on, where that is the expert's own questions


def documents_key(parts: Parts) -> str:
    """Changes with the documents, how they are cut, who embeds them, and what was hidden or pinned by hand."""
    embedder, cut = parts.runtime.embedder, parts.runtime.settings.passages.model_dump()
    hashes = sorted(parts.runtime.store.hashes().items())
    return key_of(
        hashes, cut, embedder.name, embedder.fingerprint, parts.runtime.analyser.version, parts.runtime.curation.key()
    )


def calibrated_on(parts: Parts) -> str:
    """Changes with all that a calibration on the expert's own practice questions depends on."""
    settings = parts.runtime.settings
    return key_of(
        [asdict(question) for question in parts.exam.questions("practice")],
        documents_key(parts),
        parts.runtime.generator.fingerprint,
        settings.answering.model_dump(mode="json"),
        settings.retrieval.model_dump(mode="json"),
    )

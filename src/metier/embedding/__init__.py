"""Text to vectors. `create` reads `[embedding] model` and imports only the backend that it names.

all-minilm-l6-v2, multilingual-e5-small   packaged: fetched once, run by ONNX Runtime
onnx:FOLDER                               any sentence-transformers model exported to ONNX
gguf:FILE                                 any GGUF embedding model, run by llama.cpp
sentence-transformers:NAME                any sentence-transformers model, run by torch
openai:NAME, jina:NAME                    an endpoint that speaks OpenAI's /embeddings
SCHEME:NAME                               what another package adds (`metier.embedders`)
"""

from __future__ import annotations

from pathlib import Path

from metier.core import plugins
from metier.core.errors import SettingsError
from metier.core.settings import EmbeddingSettings
from metier.embedding.base import Embedder

__all__ = ["Embedder", "create"]

SCHEMES = ("onnx", "gguf", "sentence-transformers", "openai", "jina")


def create(settings: EmbeddingSettings, *, folder: Path = Path()) -> Embedder:
    """The embedder that `settings.model` names; its weights are loaded (and fetched, if packaged) at the first use.

    `folder`: what a relative `onnx:FOLDER` or `gguf:FILE` is relative to (the expert's folder).
    Raises `SettingsError` for a name that means nothing, `ModelError` for a folder or file that is not there.
    """
    scheme, colon, name = settings.model.partition(":")
    if not colon:
        return _packaged(settings)
    if scheme not in SCHEMES or not name:
        return _added(settings, scheme, name, folder)
    if scheme == "onnx":
        from metier.embedding.onnx import OnnxEmbedder

        return OnnxEmbedder.from_settings(settings, folder / Path(name).expanduser())
    if scheme == "gguf":
        from metier.embedding.gguf import GgufEmbedder

        return GgufEmbedder.from_settings(settings, folder / Path(name).expanduser())
    if scheme == "sentence-transformers":
        from metier.embedding.sentence_transformers import SentenceTransformersEmbedder

        return SentenceTransformersEmbedder.from_settings(settings, name)
    from metier.embedding.endpoint import EndpointEmbedder

    return EndpointEmbedder.from_settings(settings, scheme, name)


def _added(settings: EmbeddingSettings, scheme: str, name: str, folder: Path) -> Embedder:
    make = plugins.load(plugins.EMBEDDERS, scheme) if name else None
    if make is None:
        raise _unknown(settings.model)
    added: Embedder = make(settings, name, folder=folder)
    return added


def _packaged(settings: EmbeddingSettings) -> Embedder:
    from metier import models

    if settings.model not in _packaged_names():
        raise _unknown(settings.model)
    from metier.embedding.onnx import OnnxEmbedder

    return OnnxEmbedder.from_settings(
        settings,
        models.folder(settings.model),
        fingerprint=models.fingerprint(settings.model),
        fetch=lambda: models.ensure(settings.model),
    )


def _packaged_names() -> list[str]:
    from metier.models.catalog import CATALOG

    return [model.name for model in CATALOG if model.kind == "embedding"]


def _unknown(model: str) -> SettingsError:
    schemes = ", ".join(f"{scheme}:…" for scheme in (*SCHEMES, *plugins.names(plugins.EMBEDDERS)))
    return SettingsError(
        f"“{model}” names no embedding model",
        where="embedding.model",
        hint=f"Allowed are {', '.join(_packaged_names())}, {schemes}",
    )

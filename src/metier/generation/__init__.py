"""The language model, one file a backend: llama.cpp in process, or any OpenAI-compatible endpoint."""

from __future__ import annotations

import os
from pathlib import Path

from metier.errors import SettingsError
from metier.generation.base import Completion, Generator, Message
from metier.settings import GenerationSettings

__all__ = ["Completion", "Generator", "Message", "create"]


def create(settings: GenerationSettings, *, folder: Path = Path(), parallel: int = 1) -> Generator:
    """The generator that `settings.model` names; nothing is loaded yet.

    `folder`: what a relative `gguf:FILE` is relative to (the expert's folder). `parallel`: answers written at the
    same time by a model in this process, each with the whole context. Raises `SettingsError`.
    """
    scheme, colon, name = settings.model.partition(":")
    if not colon:
        scheme, name = "packaged", settings.model
    if not name or scheme not in _BACKENDS:
        raise SettingsError(
            f"no model is called {settings.model!r}",
            where="generation.model",
            hint="Give a packaged name, gguf:FILE, hf:OWNER/NAME[/FILE.gguf], or openai:NAME.",
        )
    return _BACKENDS[scheme](name, settings, folder, parallel)


def _packaged(name: str, settings: GenerationSettings, _folder: Path, parallel: int) -> Generator:
    from metier.generation.llama import LlamaGenerator

    def locate() -> Path:
        from metier.models import ensure

        return next(Path(ensure(name)).glob("*.gguf"), Path(name))

    return LlamaGenerator(settings, locate, parallel=parallel)


def _gguf(name: str, settings: GenerationSettings, folder: Path, parallel: int) -> Generator:
    from metier.generation.llama import LlamaGenerator

    return LlamaGenerator(settings, lambda: folder / Path(name).expanduser(), parallel=parallel)


def _hub(name: str, settings: GenerationSettings, _folder: Path, parallel: int) -> Generator:
    from metier.generation.llama import LlamaGenerator

    def locate() -> Path:
        from metier.generation.hub import gguf_from_hub

        return gguf_from_hub(name)

    return LlamaGenerator(settings, locate, parallel=parallel)


def _openai(name: str, settings: GenerationSettings, _folder: Path, _parallel: int) -> Generator:
    from metier.generation.endpoint import EndpointGenerator

    key = None
    if settings.api_key_env:
        key = os.environ.get(settings.api_key_env)
        if not key:
            raise SettingsError(
                f"the environment variable {settings.api_key_env} is empty or not set",
                where="generation.api_key_env",
                hint="Export it before starting, or remove the setting if the endpoint needs no key.",
            )
    return EndpointGenerator(settings, name, key)


_BACKENDS = {"packaged": _packaged, "gguf": _gguf, "hf": _hub, "openai": _openai}

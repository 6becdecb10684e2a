"""The language model, one file a backend: llama.cpp in process, any OpenAI-compatible endpoint, or what another package
adds (`metier.generators`)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from metier.core import plugins
from metier.core.errors import SettingsError
from metier.core.settings import GenerationSettings
from metier.generation.base import Completion, Generator, Message

__all__ = ["Completion", "Generator", "Message", "create", "endpoint_key"]


def create(
    settings: GenerationSettings,
    *,
    folder: Path = Path(),
    parallel: int = 1,
    adapters: Mapping[str, Path] = MappingProxyType({}),
) -> Generator:
    """The generator that `settings.model` names; nothing is loaded yet.

    `folder`: what a relative `gguf:FILE` is relative to (the expert's folder). `parallel`: answers written at the
    same time by a model in this process, each with the whole context. `adapters`: LoRA files (GGUF) by the name under
    which they are asked for. Raises `SettingsError`.
    """
    scheme, colon, name = settings.model.partition(":")
    if not colon:
        scheme, name = "packaged", settings.model
    if name and scheme == "openai":
        return _endpoint(name, settings)
    if name and scheme not in _LOCATE and (make := plugins.load(plugins.GENERATORS, scheme)) is not None:
        added: Generator = make(settings, name, folder=folder, parallel=parallel, adapters=adapters)
        return added
    if not name or scheme not in _LOCATE:
        raise SettingsError(
            f"no model is called {settings.model!r}",
            where="generation.model",
            hint="Give a packaged name, gguf:FILE, hf:OWNER/NAME[/FILE.gguf], or openai:NAME"
            + "".join(f", {added}:NAME" for added in plugins.names(plugins.GENERATORS))
            + ".",
        )
    from metier.generation.llama import LlamaGenerator

    return LlamaGenerator(settings, lambda: _LOCATE[scheme](name, folder), parallel=parallel, adapters=adapters)


def _packaged(name: str, _folder: Path) -> Path:
    from metier.models import ensure

    return next(Path(ensure(name)).glob("*.gguf"), Path(name))


def _file(name: str, folder: Path) -> Path:
    return folder / Path(name).expanduser()


def _hub(name: str, _folder: Path) -> Path:
    from metier.generation.hub import gguf_from_hub

    return gguf_from_hub(name)


_LOCATE = {"packaged": _packaged, "gguf": _file, "hf": _hub}


def _endpoint(name: str, settings: GenerationSettings) -> Generator:
    from metier.generation.endpoint import EndpointGenerator

    return EndpointGenerator(settings, name, endpoint_key(settings.api_key_env, "generation.api_key_env"))


def endpoint_key(variable: str | None, where: str) -> str | None:
    """What an environment variable holds, None where none is named. `where`: the setting that names it. Raises
    `SettingsError` where it holds nothing."""
    key = os.environ.get(variable) if variable else None
    if variable and not key:
        raise SettingsError(
            f"the environment variable {variable} is empty or not set",
            where=where,
            hint="Export it before starting, or remove the setting if the endpoint needs no key.",
        )
    return key

from __future__ import annotations

import pytest

from metier import models
from metier.core.settings import GenerationSettings
from metier.generation import create
from metier.tuning import base_model

from . import tiny_models


@pytest.fixture(scope="session")
def packaged_gguf():
    return next(models.ensure("smollm2-135m-instruct").glob("*.gguf"))


@pytest.fixture(scope="session")
def packaged_base(packaged_gguf):
    return base_model.from_gguf(packaged_gguf, "smollm2-135m-instruct")


@pytest.fixture(scope="session")
def packaged_generator(packaged_gguf):
    generator = create(GenerationSettings(threads=1, context_tokens=1024))
    yield generator
    generator.close()


@pytest.fixture(scope="session")
def bases(tmp_path_factory):
    """Tiny models by kind, in the layout of transformers."""
    folder = tmp_path_factory.mktemp("bases")
    return {
        kind: base_model.from_folder(tiny_models.save(folder / kind, kind), f"tiny-{kind}")
        for kind in ("llama", "phi3")
    }


@pytest.fixture(scope="session")
def ggufs(bases, tmp_path_factory):
    """The same models as GGUF."""
    folder = tmp_path_factory.mktemp("ggufs")
    return {kind: tiny_models.write_gguf(base.folder, folder / f"{kind}.gguf") for kind, base in bases.items()}

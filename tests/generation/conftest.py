from __future__ import annotations

import pytest

from metier import models
from metier.core.settings import GenerationSettings
from metier.generation import create

from . import tiny_phi3


@pytest.fixture(scope="session")
def smollm_path():
    return next(models.ensure("smollm2-135m-instruct").glob("*.gguf"))


@pytest.fixture(scope="session")
def smollm():
    # One thread: two that wait for each other are many times slower where tests of other modules run beside them.
    generator = create(GenerationSettings(threads=1, context_tokens=1024))
    yield generator
    generator.close()


@pytest.fixture(scope="session")
def phi3_path(tmp_path_factory):
    return tiny_phi3.write(tmp_path_factory.mktemp("phi3") / "tiny.gguf")


@pytest.fixture(scope="session")
def phi3(phi3_path):
    generator = create(GenerationSettings(model=f"gguf:{phi3_path}", threads=1, context_tokens=1024))
    yield generator
    generator.close()

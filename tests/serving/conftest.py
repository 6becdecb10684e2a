from __future__ import annotations

import warnings

import pytest

from metier.serving.auth.keys import Keys

from .clocks import Clock
from .servers import Server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(tmp_path, clock):
    opened = Keys(tmp_path / ".metier" / "catalog.sqlite", clock.now)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def address(folder):
    """Of a server on the expert in `folder`, which each module makes."""
    server = Server(folder)
    yield server.address
    server.stop()


@pytest.fixture(scope="session")
def tuned_expert(tmp_path_factory):
    """The folder of an expert with adapters, to be copied; see `tuned`."""
    from .tuned import write_tuned  # torch and its kin are slow to import

    with warnings.catch_warnings():  # PEFT 0.21 asks transformers 5 for an attribute by its old name
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        return write_tuned(tmp_path_factory.mktemp("tuned"))

from __future__ import annotations

import pytest

from metier.serving.keys import Keys

from .clocks import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(tmp_path, clock):
    opened = Keys(tmp_path / ".metier" / "keys.sqlite", clock.now)
    yield opened
    opened.close()

from __future__ import annotations

import pytest

from metier import Expert

from . import sample


@pytest.fixture(scope="session")
def made_flow(tmp_path_factory):
    return sample.write(tmp_path_factory.mktemp("flow"))


@pytest.fixture
def folder(made_flow, tmp_path):
    """Of an expert of its own, whose documents say what its adapter learned."""
    return sample.copy(made_flow, tmp_path / "copy")


@pytest.fixture
def changed(folder):
    """What the documents say has changed, and so have the rows: a better adapter can be had."""
    sample.say(folder, sample.AFTER)
    sample.learn(folder, sample.AFTER)
    return folder


@pytest.fixture(scope="session")
def waiting_flow(made_flow, tmp_path_factory):
    """Where a run has made a better adapter, which waits to be approved."""
    folder = sample.copy(made_flow, tmp_path_factory.mktemp("waiting") / "copy")
    sample.say(folder, sample.AFTER)
    sample.learn(folder, sample.AFTER)
    sample.settings(folder, approval=True)
    with Expert.open(folder) as expert:
        assert expert.flow.run().state == "waiting"
    return folder


@pytest.fixture
def waiting(waiting_flow, tmp_path):
    return sample.copy(waiting_flow, tmp_path / "waiting")

"""The store in PostgreSQL: what every store must do, on a real server."""

from __future__ import annotations

import itertools

import pytest
from conformance import IDENTITY, StoreConformance
from postgres_server import run_postgres

from metier.core.settings import StoreSettings
from metier.store import open_store as open_at

pytestmark = pytest.mark.slow
_NUMBERS = itertools.count()


@pytest.fixture
def settings(postgres):
    """A schema of its own in a database that all tests share."""
    namespace = f"t{next(_NUMBERS)}"
    yield StoreSettings(
        backend="postgres", url=f"postgresql://postgres@127.0.0.1:{postgres}/postgres", namespace=namespace
    )
    run_postgres(postgres, "postgres")(f'DROP SCHEMA IF EXISTS "{namespace}" CASCADE')


@pytest.fixture
def open_store(settings, tmp_path):
    def open_again(identity=IDENTITY, *, replace=False, exact_until=200_000):
        chosen = settings.model_copy(update={"exact_until": exact_until})
        return open_at(tmp_path, chosen, identity, replace=replace)

    return open_again


class TestPostgres(StoreConformance):
    pass

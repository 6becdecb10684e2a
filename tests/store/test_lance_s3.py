"""The LanceDB store on object storage: an S3 server (moto) on this machine."""

from __future__ import annotations

import itertools
import urllib.request

import pytest
from conformance import IDENTITY, StoreConformance

from metier.core.settings import StoreSettings
from metier.store import open_store as open_at

pytest.importorskip("s3fs")
pytestmark = pytest.mark.slow

_buckets = itertools.count(1)


@pytest.fixture
def address(s3_endpoint, monkeypatch):
    """Of an empty bucket."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("STORE_LOGIN", "anna:s3cr3t-8841")
    name = f"store-{next(_buckets)}"
    urllib.request.urlopen(urllib.request.Request(f"{s3_endpoint}/{name}", method="PUT")).close()
    return f"s3://{name}/plant"


@pytest.fixture
def open_store(address, tmp_path):
    def open_again(identity=IDENTITY, *, replace=False, exact_until=200_000):
        settings = StoreSettings(url=address, auth_env="STORE_LOGIN", exact_until=exact_until)
        return open_at(tmp_path / "store", settings, identity, replace=replace)

    return open_again


class TestLanceOnS3(StoreConformance):
    pass

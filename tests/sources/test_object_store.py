"""Buckets, of an S3 server (moto) on this machine."""

from __future__ import annotations

import json
import sys
import urllib.request

import pytest

from metier import Expert
from metier.core import object_storage
from metier.core.errors import SettingsError, SourceError
from metier.core.source_settings import SourceSettings
from metier.sources import create, object_store

pytest.importorskip("s3fs")
pytestmark = pytest.mark.slow

SECRET = "s3cr3t-8841"


@pytest.fixture
def bucket(s3_endpoint, monkeypatch):
    """Puts (text) and deletes (None) objects of an empty bucket."""
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("S3_LOGIN", f"anna:{SECRET}")
    monkeypatch.setattr(object_store, "_PAUSES", (0.01,))
    urllib.request.urlopen(urllib.request.Request(f"{s3_endpoint}/moto-api/reset", method="POST")).close()
    store = s3fs.S3FileSystem(key="anna", secret=SECRET, skip_instance_cache=True, use_listings_cache=False)
    store.mkdir("plant")

    def put(**files):
        for name, text in files.items():
            path = "plant/" + name.replace("__", "/").replace("_md", ".md")
            store.rm(path) if text is None else store.pipe(path, text.encode())

    put(docs__nuts_md="# Nuts\n\nThe blade root nuts take 840 Nm.", docs__deep__oil_md="# Oil\n\nOil lasts 30 months.")
    put(other_md="Elsewhere.")
    return put


@pytest.fixture
def expert(bucket, tmp_path):
    with Expert.create(tmp_path / "expert") as made:
        made.add("s3://plant/docs", auth_env="S3_LOGIN")
        yield made


def listed(url, root, **options):
    return [item.uri for item in create(SourceSettings(url=url, auth_env="S3_LOGIN", **options), root).discover()]


def test_objects_are_read_changed_and_deleted(expert, bucket):
    assert (expert.sync().added, expert.sync().unchanged) == (2, 2)
    assert [item.uri for item in expert.items()] == ["s3://plant/docs/deep/oil.md", "s3://plant/docs/nuts.md"]
    (hit,) = expert.search("How tight are the blade root nuts?", 1)
    with expert.original(expert.runtime.store.document(hit.passage.document_id)) as path:
        assert (path.name, "840 Nm" in path.read_text()) == ("nuts.md", True)
    bucket(docs__nuts_md="# Nuts\n\nThe blade root nuts take 900 Nm.", docs__deep__oil_md=None, docs__a_md="Yaw pads.")
    report = expert.sync()
    assert (report.added, report.changed, report.deleted, report.failed) == (1, 1, 1, [])


def test_what_is_out_of_reach_or_empty_deletes_nothing(expert, bucket, monkeypatch):
    expert.sync()
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        away.setitem(object_storage.WAITS["s3"]["config_kwargs"], "retries", {"max_attempts": 0})
        report = expert.sync()
        assert (report.deleted, report.kept) == (0, 2)
        assert "could not be read" in report.failed[0].reason
    bucket(docs__nuts_md=None, docs__deep__oil_md=None)
    report = expert.sync()
    assert (report.deleted, report.kept) == (0, 2)
    assert expert.sync(allow_empty=True).deleted == 2


def test_include_exclude_and_what_an_object_is_known_by(bucket, tmp_path):
    bucket(docs__empty__=" ", **{"docs__.hidden": "x"})
    assert listed("s3://plant/docs/", tmp_path, include=("*.md",), exclude=("deep/*",)) == ["s3://plant/docs/nuts.md"]
    assert listed("s3://plant/docs/nuts.md", tmp_path) == ["s3://plant/docs/nuts.md"]
    assert len(listed("s3://plant", tmp_path, include=("*.md",))) == 3
    source = create(SourceSettings(url="s3://plant/docs", auth_env="S3_LOGIN"), tmp_path)
    assert source.find("s3://plant/docs/nuts.md").version
    assert source.find("s3://plant/docs/none.md") is None
    assert source.find("s3://plant/other.md") is None
    assert source.holds("s3://plant/docs/nuts.md")
    assert not source.holds("s3://plant/docs2/nuts.md")
    with pytest.raises(SettingsError, match="names no bucket"):
        listed("s3:///docs", tmp_path)


def test_a_login_is_shown_nowhere(bucket, call_metier, monkeypatch, tmp_path, s3_endpoint):
    call_metier("init", "plant")
    wrong = call_metier("add", f"s3://anna:{SECRET}@plant/docs", check=2)
    assert SECRET not in wrong.stderr
    call_metier("add", "--auth-env", "S3_LOGIN", "s3://plant/docs")
    said = [call_metier("sync"), call_metier("sources"), call_metier("search", "oil")]
    assert "2 added" in said[0].stdout
    monkeypatch.setenv("S3_LOGIN", json.dumps({"key": "anna", "secret": SECRET, "endpoint_url": s3_endpoint}))
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    said.append(call_metier("sync"))
    assert "2 unchanged" in said[-1].stdout
    for value in (f'{{"key": "{SECRET}"', SECRET, json.dumps({"key": "anna", "secret": SECRET, SECRET: 1})):
        monkeypatch.setenv("S3_LOGIN", value)
        said.append(call_metier("sync", check=1))
    assert not any(SECRET in each.stdout + each.stderr for each in said)
    files = [path for path in (tmp_path / "plant").rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


def test_a_library_that_is_missing_is_told_with_its_name(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(SourceError, match=r"metier\[gs\]"):
        list(create(SourceSettings(url="gs://plant/docs"), tmp_path).discover())


def test_an_object_too_large_or_gone_meanwhile_fails_alone(expert, bucket, monkeypatch):
    monkeypatch.setattr(object_store, "_MOST_BYTES", 50)
    bucket(docs__large_md="x" * 100)
    report = expert.sync()
    assert [each.item for each in report.failed] == ["s3://plant/docs/large.md"]
    assert report.added == 2
    source = create(SourceSettings(url="s3://plant/docs", auth_env="S3_LOGIN"), expert.folder)
    item = source.find("s3://plant/docs/nuts.md")
    bucket(docs__nuts_md=None)
    with pytest.raises(SourceError, match="is not there"), source.fetch(item):
        pass

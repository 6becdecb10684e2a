"""Folders shared by WebDAV, of a wsgidav on this machine, and of a server that wishes us ill."""

from __future__ import annotations

import logging
import shutil
import threading

import pytest
from sites import serving

from metier import Expert
from metier.core.errors import SettingsError, SourceError
from metier.core.source_settings import SourceSettings
from metier.sources import Item, create, web_client, webdav

pytestmark = pytest.mark.slow

SECRET = "s3cr3t-8841"
LISTING = '<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">{}</D:multistatus>'
ENTRY = (
    "<D:response><D:href>{}</D:href><D:propstat><D:prop><D:resourcetype>{}</D:resourcetype>"
    "<D:getetag>{}</D:getetag></D:prop></D:propstat></D:response>"
)
FOLDER = "<D:collection/>"


@pytest.fixture(scope="module")
def share(tmp_path_factory):
    """A folder, and the address at which it is shared: without a login at /open, with one at /closed."""
    from cheroot import wsgi
    from wsgidav.wsgidav_app import WsgiDAVApp

    folder = tmp_path_factory.mktemp("share")
    app = WsgiDAVApp({
        "provider_mapping": {"/open": str(folder), "/closed": str(folder)},
        "simple_dc": {"user_mapping": {"/open": True, "/closed": {"anna": {"password": SECRET}}}},
        "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
        "logging": {"enable": False}, "verbose": 0, "property_manager": True, "lock_storage": True,
    })  # fmt: skip
    server = wsgi.Server(("127.0.0.1", 0), app, numthreads=4)
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield folder, f"webdav://127.0.0.1:{server.bind_addr[1]}"
    server.stop()
    thread.join()
    logging.getLogger("wsgidav").handlers.clear()


@pytest.fixture
def shared(share, monkeypatch):
    monkeypatch.setattr(webdav, "_INTERVAL", 0.0)
    monkeypatch.setattr(web_client, "_PAUSES", (0.01,))
    folder, address = share
    shutil.rmtree(folder / "Docs", ignore_errors=True)
    (folder / "Docs" / "sub folder").mkdir(parents=True)
    (folder / "Docs" / "nuts.md").write_text("# Nuts\n\nThe blade root nuts take 840 Nm.")
    (folder / "Docs" / "sub folder" / "তেল & #1.md").write_text("# Oil\n\nThe oil is changed every 30 months.")
    (folder / "Docs" / ".hidden").write_text("x")
    return folder / "Docs", address


@pytest.fixture
def expert(shared, tmp_path):
    with Expert.create(tmp_path / "expert") as made:
        made.add(f"{shared[1]}/open/Docs", private=True)
        yield made


def listed(address, root, **options):
    found = list(create(SourceSettings(url=address, **{"private": True} | options), root).discover())
    return [each.uri if isinstance(each, Item) else each for each in found]


def test_files_are_read_changed_and_deleted_and_known_by_an_address_that_opens(expert, shared):
    folder, address = shared
    base = address.replace("webdav", "http") + "/open/Docs"
    assert expert.sync().added == 2
    names = [f"{base}/nuts.md", f"{base}/sub%20folder/%E0%A6%A4%E0%A7%87%E0%A6%B2%20%26%20%231.md"]
    assert [item.uri for item in expert.items()] == names
    assert expert.sync().unchanged == 2
    (hit,) = expert.search("How often is the oil changed?", 1)
    with expert.original(expert.runtime.store.document(hit.passage.document_id)) as path:
        assert (path.name, "30 months" in path.read_text()) == ("তেল & #1.md", True)
    (folder / "sub folder" / "new.md").write_text("# Pads\n\nThe yaw pads last 5 years.")
    (folder / "nuts.md").unlink()
    report = expert.sync()
    assert (report.added, report.deleted, report.unchanged, report.failed) == (1, 1, 1, [])


def test_what_is_out_of_reach_or_empty_deletes_nothing(expert, shared):
    folder, _ = shared
    expert.sync()
    shutil.rmtree(folder / "sub folder")
    (folder / "nuts.md").unlink()
    assert expert.sync().kept == 2
    folder.rename(folder.parent / "Away")
    report = expert.sync()
    assert (report.deleted, report.kept) == (0, 2)
    (folder.parent / "Away").rename(folder)
    assert expert.sync(allow_empty=True).deleted == 2


def test_one_file_include_exclude_and_what_is_shared_twice(shared, tmp_path):
    _, address = shared
    assert len(listed(f"{address}/open/Docs/nuts.md", tmp_path)) == 1
    assert len(listed(f"{address}/open/Docs/", tmp_path, include=("*.md",), exclude=("sub*",))) == 1
    source = create(SourceSettings(url=f"{address}/open/Docs", private=True, include=("nuts*",)), tmp_path)
    (nuts,) = source.discover()
    assert (source.holds(nuts.identity), source.find(nuts.uri)) == (True, nuts)
    assert not source.holds(nuts.identity.replace("nuts", "oil"))


def test_a_login_goes_there_alone_and_is_shown_nowhere(shared, call_metier, monkeypatch, tmp_path):
    _, address = shared
    call_metier("init", "plant")
    assert "--private" in call_metier("add", f"{address}/closed/Docs", check=2).stderr
    call_metier("add", "--private", "--auth-env", "DAV_LOGIN", f"{address}/closed/Docs")
    monkeypatch.setenv("DAV_LOGIN", "anna:wrong")
    assert "401" in call_metier("sync", check=1).stdout
    monkeypatch.setenv("DAV_LOGIN", f"anna:{SECRET}")
    said = [call_metier("sync"), call_metier("sources"), call_metier("search", "oil")]
    assert "2 added" in said[0].stdout
    assert not any(SECRET in each.stdout + each.stderr for each in said)
    files = [path for path in (tmp_path / "plant").rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    with pytest.raises(SourceError, match="over http"):
        listed("webdav://example.com/Docs", tmp_path, private=False, auth_env="DAV_LOGIN")
    with pytest.raises(SettingsError, match="more than a path"):
        listed("webdavs://example.com/Docs?x=1", tmp_path)


def test_a_server_that_lies_loses_its_way_or_defines_entities(monkeypatch, tmp_path):
    monkeypatch.setattr(webdav, "_INTERVAL", 0.0)
    monkeypatch.setattr(web_client, "_PAUSES", (0.01,))
    with serving() as site:
        address = site.address.replace("http", "webdav") + "/d"

        def say(path, *entries, status=207, **headers):
            body = LISTING.format("".join(ENTRY.format(*each) for each in entries))
            site.put(path, body, status, content_type="application/xml", **headers)

        say("/d", ("/d/", FOLDER, ""))
        inside = [("/d/", FOLDER, ""), ("/d/a.md", "", "1"), ("/d/b/", FOLDER, ""), ("/d/c/", FOLDER, "")]
        outside = [("/secret.md", "", "1"), ("/d/../e.md", "", "1"), ("http://10.1.2.3/d/x.md", "", "1"),
                   ("/d/b/deep.md", "", "1"), ("file:///etc/passwd", "", "1")]  # fmt: skip
        say("/d/", *inside, *outside)
        say("/d/b/", status=500)
        locked = "<D:response><D:href>/d/c/x</D:href><D:status>HTTP/1.1 403 Forbidden</D:status></D:response>"
        entries = [("/d/c/", FOLDER, ""), ("/d/", FOLDER, ""), ("/d/c/f.md", "", "2")]
        site.put("/d/c/", LISTING.format("".join(ENTRY.format(*each) for each in entries) + locked), 207)
        items = listed(address, tmp_path)
        assert [each for each in items if isinstance(each, str)] == [
            f"{site.address}/d/a.md",
            f"{site.address}/d/c/f.md",
        ]
        assert [each.uri for each in items if not isinstance(each, str)] == [
            f"{site.address}/d/b",
            f"{site.address}/d/c/x",
        ]
        bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><D:multistatus xmlns:D="DAV:">&a;</D:multistatus>'
        for body, reason in ((bomb, "entities"), ("<html>", "no XML"), ("<a/>", "no WebDAV folder")):
            site.put("/d", body, 207)
            with pytest.raises(SourceError, match=reason):
                listed(address, tmp_path)
        site.put("/d", "", 302, location="http://169.254.169.254/d")
        with pytest.raises(SourceError, match="redirects to another address"):
            listed(address, tmp_path)
        site.put("/d", "", 405)
        with pytest.raises(SourceError, match="no WebDAV server"):
            listed(address, tmp_path)
        with pytest.raises(SourceError, match=r"leads to 127\.0\.0\.1"):
            listed(address, tmp_path, private=False)


def test_folders_without_an_end_end(monkeypatch, tmp_path):
    monkeypatch.setattr(webdav, "_INTERVAL", 0.0)
    monkeypatch.setattr(webdav, "_DEPTH", 5)
    with serving() as site:
        path = "/d"
        for _ in range(9):
            entry = ENTRY.format(f"{path}/d/", FOLDER, "") + ENTRY.format(f"{path}/a.md", "", "1")
            site.put(f"{path}/", LISTING.format(entry), 207)
            path += "/d"
        site.put("/d", LISTING.format(ENTRY.format("/d/", FOLDER, "")), 207)
        assert len(listed(site.address.replace("http", "webdav") + "/d", tmp_path)) == 5

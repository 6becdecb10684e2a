"""What is out of reach for a while deletes nothing: a folder whose share is not mounted, and whatever cannot be read
while the index is made anew."""

from __future__ import annotations

import os
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from metier import Expert
from metier.store import Filter

pytestmark = pytest.mark.slow


# --- folders that vanish -------------------------------------------------------------------------------------------


@pytest.fixture
def share(tmp_path):
    """A source with a folder of many documents, and one of three."""
    for folder, count in (("share", 25), ("few", 3)):
        (tmp_path / "docs" / folder).mkdir(parents=True)
        for number in range(count):
            (tmp_path / "docs" / folder / f"{number}.md").write_text(f"Bolt {number} of the {folder} takes 840 Nm.")
    (tmp_path / "docs" / "readme.md").write_text("Bolts are greased.")
    with Expert.create(tmp_path / "expert") as made:
        made.add(str(tmp_path / "docs"))
        made.sync()
        yield made


@pytest.mark.parametrize("happens", ["gone", "empty"])
def test_many_documents_of_a_folder_that_are_gone_at_once_stay(share, tmp_path, call_metier, happens):
    folder = tmp_path / "docs" / "share"
    folder.rename(tmp_path / "away")
    if happens == "empty":
        folder.mkdir()
    for _ in range(2):
        report = share.sync()
        assert (report.deleted, report.kept, report.unreachable) == (0, 25, ["docs/share"])
        assert [each.item for each in report.failed if "--allow-empty" in each.reason] == ["docs/share"]
    assert "docs/share" in call_metier("sync", "-e", "expert", check=1).stdout
    assert share.sync(allow_empty=True).deleted == 25


def test_a_few_documents_a_folder_that_moves_and_one_left_out_are_not_kept(share, tmp_path):
    shutil.rmtree(tmp_path / "docs" / "few")
    report = share.sync()
    assert (report.deleted, report.unreachable) == (3, [])
    (tmp_path / "docs" / "share").rename(tmp_path / "docs" / "renamed")
    report = share.sync()
    assert (report.moved, report.added, report.deleted, report.unreachable) == (25, 0, 0, [])
    settings = share.folder / "metier.toml"
    settings.write_text(settings.read_text() + 'exclude = ["docs/renamed/*"]\n')
    share.runtime.reload_settings()
    report = share.sync()
    assert (report.deleted, report.unreachable) == (25, [])


def test_a_folder_whose_documents_are_replaced_by_others_is_there(share, tmp_path):
    folder = tmp_path / "docs" / "share"
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "new.md").write_text("Bolts of 2027 take 900 Nm.")
    report = share.sync()
    assert (report.added, report.deleted, report.unreachable) == (1, 25, [])


def test_documents_on_a_mount_that_is_gone_stay_however_few_they_are(share, tmp_path, monkeypatch):
    """Where nobody may mount, the system's word for it is planted; `benchmarks/attack.py` mounts where it may."""
    few, is_mount = tmp_path / "docs" / "few", os.path.ismount
    with monkeypatch.context() as planted:
        planted.setattr("os.path.ismount", lambda path: os.fspath(path) == str(few) or is_mount(path))
        share.sync()
        (few / "0.md").unlink()  # deleted while the mount is there
        assert share.sync().deleted == 1
    shutil.rmtree(few)
    report = share.sync()
    assert (report.deleted, report.kept, report.unreachable) == (0, 2, [str(few)])
    assert share.sync(allow_empty=True).deleted == 2


# --- what cannot be read while the index is made anew --------------------------------------------------------------


def test_a_rebuild_keeps_a_web_page_that_is_down(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (site / "nuts.html").write_text("<h1>Nuts</h1><p>The blade root nuts take 840 Nm.</p>")

    def serve(port: int) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(("127.0.0.1", port), partial(SimpleHTTPRequestHandler, directory=str(site)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    server = serve(0)
    address = f"http://127.0.0.1:{server.server_port}/nuts.html"
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(address, private=True, groups=("service",))
        expert.sync()
        server.shutdown()
        server.server_close()
        report = expert.sync(rebuild=True)
        assert [each.item for each in report.failed] == [address]
        (hit,) = expert.search("blade root nuts")
        assert "840 Nm" in hit.passage.text
        assert not expert.search("blade root nuts", where=Filter(groups=()))
        (site / "nuts.html").write_text("<h1>Nuts</h1><p>The blade root nuts take 850 Nm.</p>")
        server = serve(server.server_port)
        assert expert.sync().changed == 1
        assert "850 Nm" in expert.search("blade root nuts")[0].passage.text
        server.shutdown()
        server.server_close()


def test_a_rebuild_keeps_what_cannot_be_looked_into(expert, docs, monkeypatch):
    (docs / "locked").mkdir()
    (docs / "locked" / "tower.txt").write_text("The tower bolts take 990 Nm.")
    expert.sync()
    before, may = expert.items(), os.access
    monkeypatch.setattr("os.access", lambda path, mode: not str(path).endswith("locked") and may(path, mode))
    monkeypatch.setattr("os.walk", partial(_walk_without, "locked", os.walk))
    report = expert.sync(rebuild=True)
    assert [each.item for each in report.failed] == ["docs/locked"]
    assert report.kept == 1
    assert "990 Nm" in expert.search("tower bolts")[0].passage.text
    assert [each for each in expert.items() if each.uri == "docs/locked/tower.txt"] == [
        each for each in before if each.uri == "docs/locked/tower.txt"
    ]


def _walk_without(name, walk, *arguments, **named):
    """The test may run as root, whom nothing is locked to."""
    for here, folders, files in walk(*arguments, **named):
        if os.path.basename(here) != name:
            yield here, folders, files

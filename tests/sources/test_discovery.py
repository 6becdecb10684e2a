"""Groups that hold and names that lose nothing, where sources overlap: through `Expert`, as a reader sees it."""

from __future__ import annotations

import os

import pytest

from metier import Expert
from metier.core.documents import document_id
from metier.store import Filter

pytestmark = pytest.mark.slow

SAFE = "# Safe\n\nThe code of the safe is 4711."
EVERYONE, BOARD = Filter(groups=()), Filter(groups=("board",))


def found(expert, where, question="What is the code of the safe?"):
    return {hit.passage.uri for hit in expert.search(question, 100, where)}


@pytest.fixture
def expert(tmp_path):
    (tmp_path / "docs" / "secret").mkdir(parents=True)
    (tmp_path / "docs" / "bolts.md").write_text("# Bolts\n\nThe bolts take 840 Nm.")
    (tmp_path / "docs" / "secret" / "safe.md").write_text(SAFE)
    with Expert.create(tmp_path / "expert") as made:
        yield made


@pytest.mark.parametrize("first", ["docs", "docs/secret"])
@pytest.mark.parametrize("by", ["", "/*.md", "/safe.md", "link"])
def test_the_strictest_groups_hold_whatever_way_leads_to_a_file(expert, tmp_path, first, by):
    secret = tmp_path / "docs" / "secret"
    if by == "link":
        secret = tmp_path / "vault"
        secret.symlink_to(tmp_path / "docs" / "secret")
        by = ""
    both = [("docs", lambda: expert.add(str(tmp_path / "docs"))),
            ("docs/secret", lambda: expert.add(f"{secret}{by}", groups=("board",)))]  # fmt: skip
    for _, add in sorted(both, key=lambda each: each[0] != first):
        add()
    report = expert.sync()
    assert report.added == 2
    assert {uri for uri in found(expert, EVERYONE) if "safe" in uri} == set()
    assert len({uri for uri in found(expert, BOARD) if "safe" in uri}) == 1
    (told,) = report.overlaps
    assert told.item.endswith("safe.md")
    assert "is in 2 sources" in told.reason
    assert "read by board" in told.reason


def test_groups_that_have_none_in_common_are_read_by_nobody_and_told(expert, tmp_path):
    expert.add(str(tmp_path / "docs"))
    expert.add(str(tmp_path / "docs" / "secret"), groups=("board", "owners"))
    expert.sync()
    expert.add(str(tmp_path / "docs" / "secret" / "safe.md"), groups=("owners", "service"))
    assert [each.reason.partition(": ")[2] for each in expert.sync().overlaps] == ["read by owners"]
    assert not any("safe" in uri for uri in found(expert, BOARD))
    expert.add(str(tmp_path / "docs" / "secret" / "*"), groups=("service",))
    report = expert.sync()
    assert [(each.item, "no group" in each.reason) for each in report.failed] == [("docs/secret/safe.md", True)]
    assert not any("safe" in uri for uri in found(expert, None))


def test_two_folders_with_the_same_names_lose_nothing(expert, tmp_path):
    for plant, torque in (("north", 500), ("south", 700)):
        (tmp_path / plant / "docs").mkdir(parents=True)
        (tmp_path / plant / "docs" / "bolts.md").write_text(f"# Bolts\n\nThe bolts of {plant} take {torque} Nm.")
    expert.add(str(tmp_path / "docs" / "bolts.md"))
    expert.add(str(tmp_path / "north" / "docs"))
    expert.add(str(tmp_path / "south" / "docs"))
    names = {"docs/bolts.md", "north/docs/bolts.md", "south/docs/bolts.md"}
    for _ in range(2):  # and they keep their names
        expert.sync()
        assert found(expert, None, "What do the bolts take?") == names
    expert.remove(str(tmp_path / "docs" / "bolts.md"))
    expert.sync()
    assert found(expert, None, "What do the bolts take?") == names - {"docs/bolts.md"}
    document = expert.runtime.store.document(document_id("south/docs/bolts.md"))
    with expert.original(document) as path:
        assert "700 Nm" in path.read_text()


def test_names_that_read_the_same_are_two_documents(expert, tmp_path):
    for name, torque in (("e\u0301te\u0301.md", 500), ("\u00e9t\u00e9.md", 700)):
        (tmp_path / "docs" / name).write_text(f"# Summer\n\nIn summer they take {torque} Nm.")
    expert.add(str(tmp_path / "docs"))
    assert expert.sync().added == 4
    uris = {uri for uri in found(expert, None, "What do they take in summer?") if "t" in uri and "bolts" not in uri}
    assert {"docs/\u00e9t\u00e9.md", "docs/e%CC%81te%CC%81.md"} <= uris
    for uri, torque in (("docs/\u00e9t\u00e9.md", "700"), ("docs/e%CC%81te%CC%81.md", "500")):
        with expert.original(expert.runtime.store.document(document_id(uri))) as path:
            assert torque in path.read_text()


def test_links_that_lead_out_of_a_source_are_refused_and_what_was_read_of_them_goes(expert, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "passwd.md").write_text(SAFE)
    docs = tmp_path / "docs"
    (docs / "file.md").symlink_to(outside / "passwd.md")
    (docs / "folder").symlink_to(outside)
    (docs / "up").symlink_to("../outside")
    (docs / "chain").symlink_to(docs / "up")
    (docs / "inside.md").symlink_to(docs / "bolts.md")
    (docs / "environ.md").symlink_to("/proc/self/environ")
    expert.add(str(docs), follow_links=True)
    expert.sync()
    assert any("passwd" in uri or "file.md" in uri for uri in found(expert, None))
    path = expert.folder / "metier.toml"
    path.write_text(path.read_text().replace("follow_links = true", ""))
    expert.runtime.reload_settings()
    report = expert.sync()
    refused = {each.item for each in report.failed if "leads out" in each.reason}
    assert refused == {"docs/file.md", "docs/folder", "docs/up", "docs/chain", "docs/environ.md"}
    assert set(expert.runtime.store.uris()) == {"docs/bolts.md", "docs/secret/safe.md"}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_link_put_in_the_way_while_a_sync_runs_leads_nowhere(expert, tmp_path, monkeypatch, kind):
    """Between being listed and being read; and between being checked and being parsed."""
    from metier.ingestion import sync
    from metier.parsing import Parser

    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "safe.md").write_text("# Passwords\n\nThe password is swordfish.")
    secret = tmp_path / "docs" / "secret"
    expert.add(str(tmp_path / "docs"))

    def swap():
        if kind == "folder":
            secret.rename(tmp_path / "aside")
            secret.symlink_to(tmp_path / "outside")
        else:
            (secret / "safe.md").unlink()
            (secret / "safe.md").symlink_to(tmp_path / "outside" / "safe.md")

    def hash_late(path, *rest):
        if "safe" in path.name:
            swap()
        return hashed(path, *rest)

    def parse_late(self, path, **rest):
        if "safe" in path.name:
            swap()
        return parse(self, path, **rest)

    hashed, parse = sync.hash_file, Parser.parse
    for where, name, late in ((sync, "hash_file", hash_late), (Parser, "parse", parse_late)):
        with monkeypatch.context() as patched:
            patched.setattr(where, name, late)
            report = expert.sync()
        assert [each.item for each in report.failed] == ["docs/secret/safe.md"]
        assert not any("swordfish" in hit.passage.text for hit in expert.search("What is the password?", 100))
        if kind == "folder":
            secret.unlink()
            (tmp_path / "aside").rename(secret)
        else:
            (secret / "safe.md").unlink()
            (secret / "safe.md").write_text(SAFE)


def test_pipes_and_files_over_the_limit_are_refused_before_a_byte_is_read(expert, tmp_path, monkeypatch):
    docs = tmp_path / "docs"
    os.mkfifo(docs / "pipe.md")
    with (docs / "sparse.txt").open("wb") as file:
        file.truncate(40 * 2**30)

    def read(*_):
        raise AssertionError("bytes were read")

    expert.add(str(docs))
    expert.sync()
    assert set(expert.runtime.store.uris()) == {"docs/bolts.md", "docs/secret/safe.md"}
    with monkeypatch.context() as patched:
        patched.setattr("hashlib.file_digest", read)
        reasons = {each.item: each.reason for each in expert.sync(retry=True).failed}
    assert "is a pipe" in reasons["docs/pipe.md"]
    assert "MiB, more than 200 MiB" in reasons["docs/sparse.txt"]


def test_a_name_that_is_no_utf8_costs_nothing_else(expert, tmp_path):
    with open(os.fsencode(tmp_path / "docs") + b"/caf\xe9 \x1b[31m.md", "w") as file:
        file.write("# Menu\n\nThe soup is 12 crowns.")
    with open(os.fsencode(tmp_path / "docs") + b"/bad\xff.docx", "w") as file:
        file.write("")
    expert.add(str(tmp_path / "docs"))
    report = expert.sync()
    assert report.added == 3
    assert [each.item for each in report.failed] == ["docs/bad\\xff.docx"]
    assert "docs/caf\\xe9 \x1b[31m.md" in found(expert, None, "What is the soup?")

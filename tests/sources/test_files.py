from __future__ import annotations

import os

import pytest

from metier.core.errors import SourceError
from metier.core.source_settings import SourceSettings
from metier.sources import Item, Unreachable, create


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text("a")
    (folder / "sub" / "b.txt").write_text("b")
    (folder / ".hidden").write_text("h")
    (folder / "~$lock.docx").write_text("l")
    return folder


def uris(path, root, **options):
    return [item.uri for item in create(SourceSettings(path=str(path), **options), root).discover()]


def test_folder_file_and_glob_name_the_same_item_alike(docs, tmp_path):
    assert uris("docs", tmp_path) == ["docs/a.md", "docs/sub/b.txt"]
    assert uris("docs/a.md", tmp_path) == ["docs/a.md"]
    assert uris("docs/**/*.txt", tmp_path) == ["docs/sub/b.txt"]
    assert uris(docs / "*.md", tmp_path) == ["docs/a.md"]
    assert uris("../../docs", docs / "sub") == uris("docs", tmp_path)


def test_include_and_exclude(docs, tmp_path):
    assert uris("docs", tmp_path, include=("*.md",)) == ["docs/a.md"]
    assert uris("docs", tmp_path, exclude=("docs/sub/*",)) == ["docs/a.md"]


def test_version_changes_with_the_file(docs, tmp_path):
    source = create(SourceSettings(path="docs/a.md", groups=("x",)), tmp_path)
    (before,) = source.discover()
    os.utime(docs / "a.md", ns=(1, 1))
    (after,) = source.discover()
    assert isinstance(before, Item)
    assert before.groups == ("x",)
    assert before.version != after.version
    with source.fetch(after) as path:
        assert path.read_text() == "a"


def test_a_link_back_up_ends(docs, tmp_path):
    (docs / "sub" / "loop").symlink_to(docs)
    assert set(uris("docs", tmp_path)) == {"docs/a.md", "docs/sub/b.txt"}


def test_a_broken_link_is_told(docs, tmp_path):
    (docs / "broken.md").symlink_to(docs / "nowhere")
    found = list(create(SourceSettings(path="docs"), tmp_path).discover())
    assert [item.uri for item in found if isinstance(item, Unreachable)] == ["docs/broken.md"]


def test_a_source_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        uris("nowhere", tmp_path)
    assert uris("nowhere/*.md", tmp_path) == []


def test_a_name_that_is_not_utf8_is_shown(docs, tmp_path):
    with open(os.fsencode(docs) + b"/caf\xe9.md", "w") as file:
        file.write("x")
    assert "docs/caf\\xe9.md" in uris("docs", tmp_path)


def test_names_are_composed(docs, tmp_path):
    (docs / "cafe\u0301.md").write_text("x")
    assert "docs/caf\u00e9.md" in uris("docs", tmp_path)


@pytest.mark.parametrize("path", ["docs", "docs/a.md", "docs/**/*.txt", "docs/*.md", "docs/sub/../sub"])
@pytest.mark.parametrize("options", [{}, {"exclude": ("*/sub/*",)}, {"include": ("*.txt",)}])
def test_what_is_found_by_its_uri_is_what_is_listed(docs, tmp_path, path, options):
    (docs / "__pycache__").mkdir()
    (docs / "__pycache__" / "c.md").write_text("c")
    (docs / "sub" / "e\u0301.txt").write_text("e")
    settings = SourceSettings(path=path, **options)
    listed = {item.uri: item for item in create(settings, tmp_path).discover()}
    tried = {
        "docs/a.md", "docs/sub/b.txt", "sub/b.txt", "docs/.hidden", "docs/~$lock.docx", "docs/__pycache__/c.md", "docs",
        "docs/sub", "docs/sub/é.txt", "sub/é.txt", "docs/../docs/a.md", "other/a.md", "", "docs/sub/../a.md",
        "docs//a.md",
    }  # fmt: skip
    for uri in tried | set(listed):
        source = create(settings, tmp_path)
        assert source.find(uri) == listed.get(uri)
        if uri in listed:
            with source.fetch(source.find(uri)) as found:
                assert found.is_file()

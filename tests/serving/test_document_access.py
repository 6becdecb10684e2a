"""What a caller may see of documents, their hidden parts and their originals, of a real expert."""

from __future__ import annotations

import pytest

from metier import Expert
from metier.core.errors import SourceError
from metier.serving.auth.access import OWNER, Caller
from metier.serving.document_access import DocumentAccess
from metier.serving.http.errors import NotFound

pytestmark = pytest.mark.slow

EVERYONE = Caller("everyone", (), frozenset({"ask"}), "k1")
BOARD = Caller("board", ("board",), frozenset({"ask"}), "k2")
LONG = "The {0} of the NV-110 is looked at before every winter, and what was found is written down. " * 6


@pytest.fixture
def expert(tmp_path):
    for name in ("docs", "secret"):
        (tmp_path / name).mkdir()
    parts = ("gearbox", "yaw drive", "hub")
    text = "\n\n".join(f"# {part}\n\n{LONG.format(part)}" for part in parts)
    (tmp_path / "docs" / "winter.md").write_text(text)
    (tmp_path / "docs" / "e\u0301te\u0301.md").write_text("# Été\n\nSummer is short.")
    (tmp_path / "secret" / "safe.md").write_text("# Safe\n\nThe code is 4711.")
    with Expert.create(tmp_path / "expert") as made:
        made.add(str(tmp_path / "docs"))
        made.add(str(tmp_path / "secret"), groups=("board",))
        made.sync()
        yield made


@pytest.fixture
def reading(expert) -> DocumentAccess:
    return DocumentAccess(expert)


def test_what_others_groups_open_is_as_if_it_were_not_there(reading):
    secret = reading.documents(OWNER)["secret/safe.md"]
    assert list(reading.documents(EVERYONE)) == ["docs/winter.md", "docs/été.md"]
    assert "4711" in reading.document(BOARD, secret).document.text
    with pytest.raises(NotFound) as forbidden:
        reading.document(EVERYONE, secret)
    with pytest.raises(NotFound) as unknown:
        reading.document(EVERYONE, "0" * 16)
    assert str(forbidden.value).replace(secret, "0" * 16) == str(unknown.value)
    with pytest.raises(NotFound), reading.original(EVERYONE, secret):
        pass


@pytest.mark.parametrize("name", ["", "' OR 1=1 --", "../secret/safe.md", "\x00", "é" * 5000])
def test_ids_that_are_none_are_not_found(reading, name):
    with pytest.raises(NotFound):
        reading.document(OWNER, name)


def test_a_hidden_passage_is_blanked_in_place_and_the_original_kept_back(expert, reading):
    name = reading.documents(OWNER)["docs/winter.md"]
    before = reading.document(OWNER, name)
    with reading.original(EVERYONE, name) as path:
        assert path.read_text().startswith("# gearbox")
    hidden = next(passage for passage in before.passages if "yaw drive" in passage.text)
    expert.corrections.hide(hidden.id)
    after = reading.document(OWNER, name)
    assert len(after.document.text) == len(before.document.text)
    assert not after.document.text[hidden.start : hidden.end].strip()
    assert hidden.id not in {passage.id for passage in after.passages}
    for passage in after.passages:
        assert after.document.text[passage.start : passage.end] == passage.text
    with pytest.raises(NotFound, match="hidden"), reading.original(OWNER, name):
        pass


def test_of_what_is_hidden_a_table_repeats_nothing(tmp_path):
    (tmp_path / "docs").mkdir()
    rows = [f"<tr><td>Part {n}</td><td>{n}{n} EUR of copper, zinc and tin</td></tr>" for n in range(30)]
    table = f"<table><tr><th>Part<th>Price</tr><tr><td colspan=2>Vargmyr</td></tr>{''.join(rows)}</table>"
    (tmp_path / "docs" / "parts.html").write_text(table)
    with Expert.create(tmp_path / "expert") as made:
        made.add(str(tmp_path / "docs"))
        made.sync()
        access = DocumentAccess(made)
        (name,) = access.documents(OWNER).values()
        first, *between = access.document(OWNER, name).passages
        assert between
        made.corrections.hide(first.id)
        (kept,) = access.document(OWNER, name).document.tables
        assert kept.names == ()
        assert [row.groups for row in kept.rows] == [() if row.end <= first.end else ("Vargmyr",) for row in kept.rows]
        for passage in between:
            made.corrections.hide(passage.id)
        assert not {"Vargmyr", "Price"} & {*str(access.document(OWNER, name).document.tables).split("'")}


def test_an_original_is_only_shown_as_it_was_read(expert, reading, tmp_path):
    name = reading.documents(OWNER)["docs/été.md"]  # its name on disk is not composed
    with reading.original(OWNER, name) as path:
        assert "Summer" in path.read_text()
    path.write_text("# Été\n\nSummer is long.")
    with pytest.raises(SourceError, match="has changed"), reading.original(OWNER, name):
        pass
    path.unlink()
    with pytest.raises(SourceError, match="not at its source"), reading.original(OWNER, name):
        pass


def test_an_original_is_found_without_listing_its_folder(expert, reading, monkeypatch):
    def listed(self):
        raise AssertionError("the folder was listed")

    monkeypatch.setattr("metier.sources.files.FileSource.discover", listed)
    with reading.original(OWNER, reading.documents(OWNER)["docs/winter.md"]) as path:
        assert path.name == "winter.md"


def test_what_another_process_put_in_place_of_a_passage_is_there(expert, reading, tmp_path):
    name = reading.documents(OWNER)["docs/winter.md"]
    passage = reading.document(OWNER, name).passages[0]
    with Expert.open(tmp_path / "expert") as other:
        made = other.corrections.replace(passage.id, "The gearbox is looked at in May.")
        corrected = next(each for uri, each in other.runtime.store.uris().items() if uri.startswith("correction:"))
    assert made.in_force
    assert reading.document(OWNER, corrected).document.text == "The gearbox is looked at in May."
    assert passage.text not in reading.document(OWNER, name).document.text

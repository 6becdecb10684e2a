"""Sources as a person meets them on the command line: listed, written in any way, and warned of by name."""

from __future__ import annotations

import io
import json
import sys

import pytest

from metier.cli.item_list import print_items
from metier.state.catalog import ItemState

pytestmark = pytest.mark.slow

LONG = "report-of-the-inspection-of-the-third-gearbox-on-the-island-after-the-storm-of-march.pdf"


@pytest.fixture
def plant(call_metier, tmp_path):
    """An expert with the folder docs as its source, and a file beside it."""
    call_metier("init", "plant")
    (tmp_path / "docs" / "old").mkdir(parents=True)
    for name in ("docs/pump.md", "docs/old/fan.md", "notes.md"):
        (tmp_path / name).write_text("The pump is greased every 14 days.")
    call_metier("add", "docs")
    return tmp_path


def known(call_metier) -> list[str]:
    return [each["path"] for each in json.loads(call_metier("sources", "--json").stdout)["sources"]]


@pytest.mark.parametrize("written", ["docs", "./docs", "docs/", "docs/../docs/.", "../docs", "{here}/docs", "~/docs"])
def test_a_source_is_the_same_however_it_is_written(call_metier, plant, monkeypatch, written):
    monkeypatch.setenv("HOME", str(plant))
    path = written.format(here=plant)
    if written != "../docs":  # which is how metier.toml has it, and no folder from here
        assert "was there already" in call_metier("add", path).stdout
    assert known(call_metier) == ["../docs"]
    call_metier("remove", path)
    assert known(call_metier) == []


def test_a_link_to_a_source_is_the_source(call_metier, plant):
    (plant / "link").symlink_to(plant / "docs")
    call_metier("remove", "link")
    assert known(call_metier) == []


def test_one_path_twice_in_a_command_is_added_once(call_metier, plant):
    said = call_metier("add", "notes.md", "notes.md", "./notes.md").stdout
    assert said.count("Added") == 1
    assert "./notes.md was there already" in said
    assert known(call_metier) == ["../docs", "../notes.md"]


def test_groups_that_are_not_taken_over_are_told(call_metier, plant):
    assert "stay as metier.toml has them" in call_metier("add", "docs", "--group", "board").stdout


@pytest.mark.parametrize("part", ["docs/pump.md", "docs/old", "{here}/docs/old/fan.md"])
def test_of_a_part_of_a_source_it_is_told_where_it_comes_from(call_metier, plant, part):
    told = call_metier("remove", part.format(here=plant), check=2).stderr
    assert "comes from ../docs" in told
    assert "`metier remove ../docs`" in told
    call_metier("remove", "../docs")


def test_a_document_of_a_single_file_and_of_a_glob_has_its_source(call_metier, plant):
    call_metier("add", "*.md")
    assert "comes from ../*.md" in call_metier("remove", "notes.md", check=2).stderr
    call_metier("remove", "*.md")
    assert known(call_metier) == ["../docs"]


def test_nothing_is_no_source_and_no_expert(call_metier, plant):
    for verb in ("add", "remove"):
        assert "a source needs a path" in call_metier(verb, " ", check=2).stderr
    assert known(call_metier) == ["../docs"]
    assert "needs a name" in call_metier("init", "", check=2).stderr
    assert not (plant / "metier.toml").exists()


def test_a_list_of_nothing_says_what_is_next(call_metier, plant):
    assert "metier sync" in call_metier("sources").stdout
    call_metier("sync")
    assert call_metier("sources", "--failed").stdout == "Nothing failed.\n"
    call_metier("remove", "docs")
    call_metier("sync")
    assert "metier add PATH" in call_metier("sources").stdout


def test_the_packaged_models_fit_into_a_narrow_terminal(call_metier, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    said = call_metier("models", "list").stdout
    assert "multilingual-e5-small  embedding" in said
    assert "intfloat/multilingual-e5-small" in said


def test_what_is_left_out_and_how_to_read_it_stands_in_the_list_and_in_a_sync(call_metier, plant):
    (plant / "docs" / "page.html").write_text('<p>Seen.</p><p style="display:none">Old price</p>')
    synced = call_metier("sync").stdout
    listed = call_metier("sources").stdout
    for said in (synced, listed):
        assert "To read it, set parsing.hidden = true in metier.toml" in said
    assert "3 documents: 2 read, 1 with a warning" in listed
    settings = plant / "plant" / "metier.toml"
    settings.write_text(f"{settings.read_text()}\n[parsing]\nhidden = true\n")
    call_metier("sync")
    assert "3 documents: 3 read" in call_metier("sources").stdout


def test_documents_of_an_unread_language_are_named(call_metier, plant):
    text = "Die Anlage wird jeden Morgen von der Leitung geprüft, und das Ergebnis wird in das Buch eingetragen."
    for number in range(5):
        (plant / "docs" / f"regel{number}.md").write_text(text)
    told = call_metier("sync").stdout
    assert "5 documents: in German (docs/regel0.md, docs/regel1.md, docs/regel2.md and 2 more)" in told
    assert 'embedding.model = "multilingual-e5-small"' in told


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [80, 120])
def test_names_are_broken_where_a_person_would_and_no_line_is_too_long(monkeypatch, width):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    for name, value in (("COLUMNS", str(width)), ("TERM", "dumb"), ("NO_COLOR", "1")):
        monkeypatch.setenv(name, value)
    reasons = {"a.md": "", LONG: "is damaged. Open it and print it to a new PDF, then sync again. " * 2}
    print_items("plant", 1, [
        ItemState(f"docs/2024/{name}", "docs", "", "", "", "failed" if why else "indexed", why, 1, "")
        for name, why in reasons.items()
    ])  # fmt: skip
    lines = screen.getvalue().splitlines()
    assert max(map(len, map(str.rstrip, lines))) <= width
    assert "docs/2024/" in lines
    first = next(line for line in lines if "report-of" in line)
    assert first.split()[0] == "failed"
    assert first.endswith(("-", ".pdf"))
    assert LONG in "".join(line.strip() for line in lines).replace("failed         1  ", "")


def test_in_a_pipe_a_name_stays_whole(call_metier, plant):
    (plant / "docs" / LONG.replace(".pdf", ".md")).write_text("The gearbox.")
    call_metier("sync")
    assert LONG.replace(".pdf", ".md") in call_metier("sources").stdout


def test_a_link_that_was_refused_is_listed_with_its_reason_in_both_forms(call_metier, plant):
    (plant / "docs" / "away.md").symlink_to("/etc/passwd")
    (plant / "docs" / "outside").symlink_to("/etc")
    call_metier("sync")
    for name in ("docs/away.md", "docs/outside"):
        (item,) = (i for i in json.loads(call_metier("sources", "--json").stdout)["items"] if i["uri"] == name)
        assert item["state"] == "failed"
        assert "leads out" in item["reason"]
        assert name.rpartition("/")[2] in call_metier("sources", "--failed").stdout
    (plant / "docs" / "away.md").unlink()
    (plant / "docs" / "away.md").write_text("The crane lifts 40 tons.")
    (plant / "docs" / "outside").unlink()
    call_metier("sync")
    items = {i["uri"]: i["state"] for i in json.loads(call_metier("sources", "--json").stdout)["items"]}
    assert items == {"docs/away.md": "indexed", "docs/old/fan.md": "indexed", "docs/pump.md": "indexed"}


def test_a_database_in_a_file_stands_below_its_folder(capsys):
    items = [
        ItemState(uri, "shop", "", "", "", "indexed", "", 3, "")
        for uri in ("sqlite:///srv/db/shop.sqlite#Kunden", "postgresql://db.local/shop#orders", "https://x.example/a/b")
    ]
    print_items("shop", 3, items)
    lines = [line.split()[-1] for line in capsys.readouterr().out.splitlines()[2:]]
    assert lines == [
        "https://x.example/", "https://x.example/a/b", "postgresql://db.local/", "postgresql://db.local/shop#orders",
        "sqlite:///srv/db/", "shop.sqlite#Kunden",
    ]  # fmt: skip

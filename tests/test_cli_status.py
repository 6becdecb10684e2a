from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.slow


def test_metier_alone_says_where_the_expert_stands_and_what_is_next(call_metier, run_metier, tmp_path):
    assert "Usage" in call_metier().stdout
    call_metier("init", "plant")
    assert "metier add" in call_metier().stdout
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "pump.md").write_text("The pump is greased every 14 days.")
    call_metier("add", "docs", "none/*.pdf")
    assert "metier sync" in call_metier().stdout
    call_metier("sync")
    told = run_metier().stdout
    assert "1 from 2 sources" in told
    assert "not compared yet" in told
    assert told.index("metier ask") < told.index("metier exam generate")
    assert "metier sync" not in told
    (tmp_path / "fan.md").write_text("The fan is cleaned every week.")
    call_metier("add", "fan.md")
    told = run_metier().stdout
    assert "1 from 3 sources, 2 sources not read yet" in told
    assert told.index("metier sync") < told.index("metier ask")


def test_status_as_json_names_the_next_commands(call_metier):
    call_metier("init", "plant")
    found = json.loads(call_metier("status", "--json").stdout)
    assert (found["documents"], found["exam"], found["verdict"]) == (0, 0, "")
    assert [step["command"] for step in found["next"]] == ["metier add ./docs"]


def test_a_source_that_is_removed_goes_with_the_next_sync(call_metier, tmp_path):
    call_metier("init", "plant")
    (tmp_path / "pump.md").write_text("The pump is greased every 14 days.")
    call_metier("add", "pump.md")
    call_metier("sync")
    missing = call_metier("remove", "fan.md", check=2)
    assert "../pump.md" in missing.stderr
    call_metier("remove", "pump.md")
    assert json.loads(call_metier("sync", "--json").stdout)["deleted"] == 1
    assert json.loads(call_metier("status", "--json").stdout)["sources"] == 0


def test_a_glob_that_matches_nothing_is_told_when_it_is_added(call_metier, tmp_path):
    call_metier("init", "plant")
    (tmp_path / "pump.md").write_text("The pump.")
    assert "Nothing matches it now" in call_metier("add", "notes/*.md").stdout
    assert "Nothing matches" not in call_metier("add", "*.md").stdout

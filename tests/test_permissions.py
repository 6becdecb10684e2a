"""Who of the machine's accounts may read an expert: its owner alone, unless a team shares it."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from metier import Expert

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="modes are of Unix")]


@pytest.fixture
def umask():
    """Sets that of this process, as a shell does, until the end of the test."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def modes(folder: Path) -> dict[str, set[str]]:
    found = {"folders": {oct(stat.S_IMODE(folder.stat().st_mode))}, "files": set()}
    for path in folder.rglob("*"):
        found["folders" if path.is_dir() else "files"].add(oct(stat.S_IMODE(path.stat().st_mode)))
    return found


def use(folder: Path, docs: Path) -> None:
    """What writes most kinds of files: an index, state, a correction in the store, rows, questions, a report."""
    with Expert.open(folder) as expert:
        expert.add(str(docs))
        expert.sync()
        hit = expert.search("blade root nuts")[0]
        expert.corrections.replace(hit.passage.id, "They are tightened to 850 Nm.", who="anna")
        expert.ask("How tight are the blade root nuts?")
        rows = folder.parent / "rows.jsonl"
        rows.write_text('{"prompt": "Who?", "completion": "Me."}\n')
        expert.dataset.import_file(rows)
        expert.evaluation.report()


@pytest.mark.parametrize("mask", [0o022, 0o000])
def test_what_an_expert_keeps_is_its_owners(tmp_path, docs, umask, mask):
    umask(mask)
    with Expert.create(tmp_path / "turbines"):
        pass
    use(tmp_path / "turbines", docs)
    assert modes(tmp_path / "turbines") == {"folders": {"0o700"}, "files": {"0o600"}}


def test_a_rebuild_and_what_was_looser_before_are_made_the_owners(tmp_path, docs, call_metier, umask):
    with Expert.create(tmp_path / "turbines"):
        pass
    use(tmp_path / "turbines", docs)
    state = tmp_path / "turbines" / ".metier"
    for path in (state, *state.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert "other accounts of this machine may read" in call_metier("doctor", "-e", "turbines", "--json").stdout
    call_metier("sync", "--rebuild", "-e", "turbines")
    assert modes(state) == {"folders": {"0o700"}, "files": {"0o600"}}
    assert "other accounts" not in call_metier("doctor", "-e", "turbines", "--json").stdout


def test_a_team_that_says_so_shares_what_is_kept(tmp_path, docs, umask):
    umask(0o002)
    with Expert.create(tmp_path / "turbines"):
        pass
    with (tmp_path / "turbines" / "metier.toml").open("a") as file:
        file.write("\n[state]\nshared = true\n")
    use(tmp_path / "turbines", docs)
    assert modes(tmp_path / "turbines" / ".metier") == {"folders": {"0o775"}, "files": {"0o664"}}


def test_a_settings_file_that_others_may_write_stays_so(tmp_path, docs, umask):
    with Expert.create(tmp_path / "turbines") as expert:
        toml = expert.folder / "metier.toml"
        toml.chmod(0o664)
        expert.add(str(docs))
    assert oct(stat.S_IMODE(toml.stat().st_mode)) == "0o664"

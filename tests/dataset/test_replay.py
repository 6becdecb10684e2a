"""With the packaged model: what it writes is its own, so the tests say what holds of it, not which words it chooses."""

from __future__ import annotations

import json
import shutil

import pytest

from metier import Expert
from metier.core.errors import InputError
from metier.core.questions import Question
from metier.synthesis.replay import KIND
from metier.synthesis.training_rows import CACHE_FILE

pytestmark = pytest.mark.slow

WANTED = 3


@pytest.fixture(scope="module")
def rehearsed(parts_folder, tmp_path_factory):
    """The folder of an expert with rehearsal rows, and what the run said."""
    folder = shutil.copytree(parts_folder, tmp_path_factory.mktemp("rehearsed") / "one")
    with Expert.open(folder) as expert:
        return folder, expert.dataset.add_replay(WANTED)


@pytest.fixture
def copied(rehearsed, tmp_path):
    return shutil.copytree(rehearsed[0], tmp_path / "copy")


def test_questions_with_what_the_model_says(rehearsed):
    folder, report = rehearsed
    assert (report.rows, report.added, report.total) == (WANTED, WANTED, WANTED)
    assert report.asked >= 2 * WANTED
    with Expert.open(folder) as expert:
        rows = expert.dataset.rows()
        assert [row.kind for row in rows] == [KIND] * WANTED
        for row in rows:
            assert row.question.endswith("?")
            assert row.instruction is None
            assert row.completion == expert.ask(row.question, mode="base").text


def test_again_asks_nothing_and_more_adds_to_fewer(copied):
    with Expert.open(copied) as expert:
        before = expert.dataset.rows()
        again = expert.dataset.add_replay(WANTED)
        assert (again.rows, again.added, again.asked) == (WANTED, 0, 0)
        more = expert.dataset.add_replay(WANTED + 1)
        assert (more.rows, more.added) == (WANTED + 1, 1)
        assert expert.dataset.rows()[:WANTED] == before


def test_what_was_written_before_the_end_is_kept(copied):
    cache = copied / ".metier" / CACHE_FILE
    whole = cache.read_bytes()
    lines = whole.splitlines(keepends=True)
    cache.write_bytes(b"".join(lines[:-2]) + lines[-2][:7])
    (copied / ".metier" / "dataset.jsonl").unlink()
    with Expert.open(copied) as expert:
        assert expert.dataset.add_replay(WANTED).asked == 2
    assert cache.read_bytes() == whole


def test_no_question_of_the_exam(copied):
    with Expert.open(copied) as expert:
        first = expert.dataset.rows()[0].question
        exam = [Question("1", first, ("yes",), split="exam")]
        (copied / ".metier" / "dataset.jsonl").unlink()
        expert.dataset.add_replay(WANTED - 1, exam=exam)
        assert first not in [row.question for row in expert.dataset.rows()]


def test_none_wanted(parts_folder):
    with Expert.open(parts_folder) as expert, pytest.raises(InputError, match="at least one"):
        expert.dataset.add_replay(0)


def test_on_the_command_line(copied, call_metier):
    report = json.loads(call_metier("dataset", "rehearse", "--count", str(WANTED), "--json", "-e", str(copied)).stdout)
    assert (report["rows"], report["added"], report["asked"]) == (WANTED, 0, 0)
    said = call_metier("dataset", "rehearse", "--count", str(WANTED), "-e", str(copied)).stdout
    assert "0 rows added" in said
    shown = json.loads(call_metier("dataset", "show", "--json", "-e", str(copied)).stdout)
    assert shown["kinds"] == {KIND: WANTED}

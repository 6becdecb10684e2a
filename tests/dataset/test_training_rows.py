from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dataset.stand_in_teacher import StandInTeacher
from metier import Expert
from metier.core.errors import EndpointError, InputError
from metier.core.questions import Question
from metier.core.settings import GenerationSettings
from metier.synthesis.training_rows import CACHE_FILE, TrainingRowOptions

pytestmark = pytest.mark.slow

PARTS = 12  # documents with one sentence each; the thirteenth is a table of twelve bolts


@pytest.fixture
def folder(parts_folder, tmp_path):
    return shutil.copytree(parts_folder, tmp_path / "expert")


@pytest.fixture
def expert(folder):
    with Expert.open(folder) as opened:
        yield opened


def dataset(folder: Path) -> str:
    return (folder / ".metier" / "dataset.jsonl").read_text()


def questions(expert):
    return [row.question for row in expert.dataset.rows()]


def test_by_rule(expert):
    report = expert.dataset.generate(TrainingRowOptions(count=100, rules_only=True))
    assert report.kept.keys() == {"rule"}
    assert "What is the price in EUR of Bolt B-7?" in questions(expert)
    assert "What does “Gearbox oil” say" not in str(questions(expert))
    assert report.rows == report.added == report.total == len(expert.dataset.rows())
    assert not report.enough
    assert report.asked == 0
    assert not (expert.runtime.state_folder / CACHE_FILE).exists()
    assert {row.origin for row in expert.dataset.rows()} == {"generated:0"}
    again = expert.dataset.generate(TrainingRowOptions(count=100, rules_only=True))
    assert (again.added, again.total) == (0, report.total)


def test_the_seed_decides_and_more_adds_to_fewer(parts_folder, tmp_path):
    made = []
    for number, (count, seed) in enumerate([(8, 0), (8, 0), (8, 1), (16, 0)]):
        with Expert.open(shutil.copytree(parts_folder, tmp_path / str(number))) as expert:
            expert.dataset.generate(TrainingRowOptions(count=count, seed=seed, rules_only=True, left_out=0.5))
            made.append(dataset(expert.folder))
    assert made[0] == made[1]
    assert made[0] != made[2]
    assert made[3].startswith(made[0])


def test_rows_of_some_documents_alone(expert):
    table = {record.uri for record in expert.runtime.store.records() if record.uri.endswith(".csv")}
    report = expert.dataset.generate(TrainingRowOptions(count=10, rules_only=True, documents=frozenset(table)))
    assert report.added > 0
    assert all(table <= set(row.documents) for row in expert.dataset.rows())


def teacher_at(server, **more):
    return GenerationSettings(model="openai:stand-in", url=server.url, **more)


def test_a_teacher(expert):
    with StandInTeacher() as server:
        report = expert.dataset.generate(TrainingRowOptions(count=100, paraphrases=3), teacher=teacher_at(server))
    assert report.written["model"] == 3 * PARTS
    assert report.kept["model"] == PARTS
    assert report.dropped["unknown names"].count == PARTS
    assert report.dropped["trivial"].count >= PARTS
    asked = questions(expert)
    assert "At what interval: How often is the oil filter of the NV-110 changed?" in asked
    assert not any("NV-999" in question for question in asked)
    assert report.paraphrases > PARTS
    rows = expert.dataset.rows()
    assert len({row.id for row in rows}) == len(rows)


def test_a_teacher_writes_about_several_passages_at_once(parts_folder, tmp_path):
    """Four requests are each answered only when all four are there; what comes of it is as one after the other."""
    made = []
    for number, parallel in enumerate([4, 1]):
        copied = shutil.copytree(parts_folder, tmp_path / str(number))
        with Expert.open(copied) as expert, StandInTeacher(meets=parallel) as server:
            teacher = GenerationSettings(model="openai:stand-in", url=server.url, parallel=parallel)
            expert.dataset.generate(TrainingRowOptions(count=60, paraphrases=1, rows="plain"), teacher=teacher)
            made.append(dataset(expert.folder))
    assert made[0] == made[1]


def test_two_tables_that_differ_are_told_apart_by_their_titles(tmp_path):
    with Expert.create(tmp_path / "expert") as expert:
        for name, hours in (("Manual of the X1", (3, 6)), ("Manual of the X2", (4, 9))):
            table = f"| Step | Hours |\n|---|---|\n| Bolted joints | {hours[0]} |\n| Oil change | {hours[1]} |\n"
            (tmp_path / f"{name}.md").write_text(f"# {name}\n\n{table}")
        expert.add(str(tmp_path / "*.md"))
        expert.sync()
        expert.dataset.generate(TrainingRowOptions(rules_only=True, rows="plain"))
        found = {row.question: row.completion for row in expert.dataset.rows()}
    assert found == {
        "Manual of the X1: What are the hours of Bolted joints?": "3",
        "Manual of the X2: What are the hours of Bolted joints?": "4",
        "Manual of the X1: What are the hours of Oil change?": "6",
        "Manual of the X2: What are the hours of Oil change?": "9",
    }


def test_no_document_dominates(expert):
    with StandInTeacher() as server:
        report = expert.dataset.generate(TrainingRowOptions(count=13, rows="plain"), teacher=teacher_at(server))
    assert report.kept.total() == 13
    assert report.kept["rule"] <= 4
    assert report.enough


def test_exam_questions_are_kept_out(expert):
    exam = [
        Question("1", "How often is the oil filter of the NV-110 changed?", ("17 months",), split="exam"),
        Question("2", "What is the price in EUR of Bolt B-7?", ("7.50",), split="exam"),
    ]
    with StandInTeacher() as server:
        report = expert.dataset.generate(
            TrainingRowOptions(count=60, paraphrases=3, rows="plain"), teacher=teacher_at(server), exam=exam
        )
    asked = questions(expert)
    assert not any("oil filter" in question or "Bolt B-7" in question for question in asked)
    assert any("of the exam" in example for example in report.dropped["near duplicate"].examples)
    assert not expert.dataset.check(exam=exam).stops


def test_a_teacher_that_fails_midway_and_resume(parts_folder, tmp_path):
    wanted = TrainingRowOptions(count=60, paraphrases=1, rows="plain")
    with Expert.open(shutil.copytree(parts_folder, tmp_path / "unbroken")) as expert, StandInTeacher() as server:
        expert.dataset.generate(wanted, teacher=teacher_at(server, parallel=1))
        whole, unbroken = len(server.prompts), dataset(expert.folder)
    with Expert.open(shutil.copytree(parts_folder, tmp_path / "broken")) as expert, StandInTeacher(7) as server:
        with pytest.raises(EndpointError, match="same command goes on from there"):
            expert.dataset.generate(wanted, teacher=teacher_at(server, parallel=1))
        assert expert.dataset.rows() == []
        server.fails_after = None
        report = expert.dataset.generate(wanted, teacher=teacher_at(server, parallel=1))
        assert whole - 7 <= report.asked < whole
    # The address is part of what a teacher is, so only what was written is compared.
    assert dataset(tmp_path / "broken") == unbroken


GENERATE = """
import sys
from metier import Expert
from metier.synthesis.training_rows import TrainingRowOptions
with Expert.open(sys.argv[1]) as expert:
    expert.dataset.generate(TrainingRowOptions(count=9))
"""


def generate(folder: Path) -> None:
    """What `GENERATE` does, in this process."""
    with Expert.open(folder) as expert:
        expert.dataset.generate(TrainingRowOptions(count=9))


def test_killed_and_resumed_is_as_never_killed(parts_folder, tmp_path):
    """With the packaged model, killed twice in the middle."""
    chosen = sorted((parts_folder.parent / "docs").glob("*.md"))[:4]
    with Expert.create(tmp_path / "killed") as expert:
        for file in chosen:
            expert.add(str(shutil.copy(file, tmp_path)))
        expert.sync()
    path = tmp_path / "killed" / "metier.toml"  # two threads that wait for each other are many times slower
    path.write_text(path.read_text().replace("[generation]\n", "[generation]\nmax_tokens = 24\nthreads = 1\n"))
    killed, unbroken = tmp_path / "killed", shutil.copytree(tmp_path / "killed", tmp_path / "unbroken")
    generate(unbroken)
    cache = killed / ".metier" / CACHE_FILE
    for lines in (1, 3):
        process = subprocess.Popen([sys.executable, "-c", GENERATE, killed])
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if cache.exists() and cache.read_bytes().count(b"\n") >= lines:
                break
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "it was still at work"
    with cache.open("ab") as file:
        file.write(b'{"key": "torn')
    before = cache.read_bytes().count(b"\n")
    generate(killed)
    assert before >= 3
    assert dataset(killed) == dataset(unbroken)
    assert cache.read_bytes() == (unbroken / ".metier" / CACHE_FILE).read_bytes()


def test_an_empty_store_and_bad_wishes(tmp_path):
    with Expert.create(tmp_path / "empty") as expert, pytest.raises(InputError, match=r"expert\.sync\(\)"):
        expert.dataset.generate(TrainingRowOptions())
    for wrong in ({"count": 0}, {"paraphrases": -1}, {"left_out": 1.5}, {"rows": "some"}):
        with pytest.raises(InputError):
            TrainingRowOptions(**wrong)

"""The four-way comparison on a real expert with the real model, as a person runs it."""

from __future__ import annotations

import html
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from parts import PARTS, examined_expert

from metier import Expert
from metier.core.errors import InputError
from metier.evaluation import result_store
from metier.services.calibrated import CALIBRATED, calibrated_on

pytestmark = pytest.mark.slow


def question(part: str, split: str, **more) -> dict:
    asked = {
        "id": part.replace(" ", "-"), "question": f"How often is the {part} of the NV-110 changed?",
        "answers": [f"{PARTS[part]} months"], "document": f"{part.replace(' ', '-')}.md", "split": split,
    }  # fmt: skip
    return asked | more


NOTHING = {
    "id": "keel",
    "question": "Who painted the keel of the Vargmyr ferry?",
    "kind": "unanswerable",
    "split": "exam",
}
EXAM = [question(part, "exam") for part in list(PARTS)[:4]] + [NOTHING]


@pytest.fixture(scope="session")
def examined(tmp_path_factory):
    """An expert with documents and five exam questions; copy it to write to it."""
    return examined_expert(tmp_path_factory.mktemp("examined"), EXAM)


@pytest.fixture
def folder(tmp_path, examined):
    return shutil.copytree(examined, tmp_path / "expert")


def lines(folder) -> int:
    path = folder / ".metier" / "answers.jsonl"
    return len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0


def test_base_and_rag_sit_the_same_exam(folder, run_metier, call_metier):
    result = json.loads(run_metier("compare", "-e", str(folder), "--json").stdout)
    assert list(result["modes"]) == ["base", "rag"]  # nothing was tuned
    assert result["questions"] == 5
    assert result["modes"]["rag"]["score"]["mean"] > result["modes"]["base"]["score"]["mean"]
    assert result["modes"]["rag"]["cited_recall"]["mean"] > 0.7
    assert result["costs"]["rag"]["peak_memory_mb"] > 100
    assert result["verdict"]["choice"] == "undecided"
    assert "too few" in result["verdict"]["reason"]
    assert {answer["id"] for answer in result["answers"]} == {asked["id"] for asked in EXAM}
    assert any("No practice questions" in note for note in result["notes"])

    kept_before = lines(folder)
    again = json.loads(call_metier("compare", "-e", str(folder), "--json").stdout)
    assert again["modes"] == result["modes"]
    assert lines(folder) == kept_before  # nothing was asked again

    said = call_metier("compare", "-e", str(folder)).stdout
    assert "too few" in said
    advice = json.loads(call_metier("advise", "-e", str(folder), "--json").stdout)
    assert advice["verdict"] == result["verdict"]
    assert advice["rules"]
    page = json.loads(call_metier("report", "-e", str(folder), "--json").stdout)["report"]
    assert result["verdict"]["reason"] in html.unescape(Path(page).read_text(encoding="utf-8"))


def test_a_comparison_that_was_killed_goes_on_where_it_was(folder):
    command = [sys.executable, "-c", "from metier.cli import main; main()", "compare", "-e", str(folder)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while lines(folder) < 3 and time.monotonic() < until:
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    before = lines(folder)
    assert 3 <= before < 10
    with Expert.open(folder) as expert:
        asked = []
        expert.evaluation.compare(
            measure_memory=False, tell=lambda stage, done, total, note: asked.append((stage, done, total))
        )
    assert lines(folder) == 10
    assert asked[-1] == ("Asking", 10, 10)


def test_a_mode_that_cannot_be_had_is_told_before_anything_is_asked(folder, call_metier):
    done = call_metier("compare", "-e", str(folder), "--modes", "rag,tuned", check=2)
    assert "no adapter is in production" in done.stderr
    assert "metier tune" in done.stderr
    assert "there is no mode 'rga'" in call_metier("compare", "-e", str(folder), "--modes", "rga", check=2).stderr
    assert lines(folder) == 0


def test_an_exam_without_questions_or_answers_is_refused(tmp_path, folder):
    with Expert.open(folder) as expert:
        (expert.runtime.state_folder / "questions.jsonl").unlink()
        with pytest.raises(InputError, match="there are no exam questions"):
            expert.evaluation.compare()
        path = tmp_path / "unanswered.jsonl"
        path.write_text(json.dumps(question("slip ring", "exam", answers=[])), encoding="utf-8")
        expert.exam.import_file(path)
        with pytest.raises(InputError, match="none of the 1 exam questions has an answer"):
            expert.evaluation.compare()


def test_one_question_is_asked_and_decides_nothing(tmp_path, folder):
    with Expert.open(folder) as expert:
        (expert.runtime.state_folder / "questions.jsonl").unlink()
        path = tmp_path / "one.jsonl"
        path.write_text(json.dumps(question("slip ring", "exam")), encoding="utf-8")
        expert.exam.import_file(path)
        verdict = expert.evaluation.compare(measure_memory=False).verdict
    assert (verdict.choice, verdict.winner) == ("undecided", None)
    assert verdict.reason.startswith("One question is too few")


def test_an_exam_that_stands_in_the_training_data_is_refused(tmp_path, folder):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"prompt": EXAM[0]["question"], "completion": "every 31 months"}), encoding="utf-8")
    with Expert.open(folder) as expert:
        expert.dataset.import_file(path)
        with pytest.raises(InputError, match="exam questions stand in the training data"):
            expert.evaluation.compare()
        assert lines(folder) == 0


def test_questions_in_a_language_that_the_embedder_does_not_know_are_told(tmp_path, folder):
    path = tmp_path / "bn.jsonl"
    asked = {"question": "স্লিপ রিং কত মাস পর বদলানো হয়?", "answers": ["১১ মাস"], "language": "bn", "split": "exam"}
    path.write_text(json.dumps(asked), encoding="utf-8")
    with Expert.open(folder) as expert:
        expert.exam.import_file(path)
        notes = expert.evaluation.compare(["rag"], measure_memory=False).notes
    assert any("languages that the embedder sees nothing in (bn 1)" in note for note in notes)


def test_what_was_calibrated_on_its_own_questions_is_not_calibrated_again(tmp_path, folder):
    rows = [question(part, "practice", id=f"p {part}", question=f"When is the {part} due?") for part in PARTS]
    path = tmp_path / "practice.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    stages: list[str] = []
    with Expert.open(folder) as expert:
        expert.exam.import_file(path)
        expert.evaluation.calibrate(limit=20)
        expert.evaluation.compare(["rag"], limit=1, measure_memory=False, tell=lambda stage, *_: stages.append(stage))
        assert set(stages) == {"Asking"}
        (expert.folder.parent / "docs").mkdir()
        (expert.folder.parent / "docs" / "new.md").write_text("# Keel\n\nThe keel is blue.\n")
        expert.add(str(expert.folder.parent / "docs"))
        expert.sync()
        assert calibrated_on(expert) != (expert.runtime.state_folder / CALIBRATED).read_text()


def test_advice_before_anything_was_measured_says_so(folder, call_metier):
    said = call_metier("advise", "-e", str(folder)).stdout
    assert "rules" in said
    assert "metier compare" in said
    with Expert.open(folder) as expert:
        assert expert.evaluation.advise().verdict is None
        page = expert.evaluation.report()
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_damaged_comparison_is_named(folder):
    path = folder / ".metier" / "reports" / "2026-01-01T00-00-00.json"
    path.parent.mkdir()
    path.write_text("{", encoding="utf-8")
    with pytest.raises(Exception, match=r"2026-01-01T00-00-00.json: cannot be read"):
        result_store.latest(folder / ".metier")

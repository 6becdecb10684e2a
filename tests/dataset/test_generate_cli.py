from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest

from dataset.stand_in_teacher import StandInTeacher

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(parts_folder, tmp_path):
    return shutil.copytree(parts_folder, tmp_path / "one")


def value(done):
    return json.loads(done.stdout)


def test_rules_only(folder, call_metier):
    report = value(call_metier("dataset", "generate", "--rules-only", "--count", "10", "--json"))
    assert report["kept"] == {"rule": report["rows"] // 2}
    assert report["added"] == report["total"] == report["rows"]
    assert {"written", "dropped", "refusals", "paraphrases", "passages", "enough", "seconds"} <= report.keys()
    shown = value(call_metier("dataset", "show", "--json"))
    assert shown["rows"] == report["rows"]
    assert shown["origins"] == {"generated": report["rows"]}
    said = call_metier("dataset", "generate", "--rules-only", "--count", "500").stdout
    assert "pairs kept" in said
    assert "gave fewer than 500 pairs" in said
    assert "metier dataset check" in said


def test_a_teacher_and_an_exam(folder, call_metier, tmp_path):
    exam = {"question": "How often is the oil filter of the NV-110 changed?", "answers": ["17 months"], "split": "exam"}
    (tmp_path / "q.jsonl").write_text(json.dumps(exam))
    with StandInTeacher() as server:
        teacher = ("--teacher", "openai:stand-in", "--teacher-url", server.url)
        options = ("--count", "20", "--exam", "q.jsonl", "--rows", "plain", "--paraphrases", "1", "--seed", "3")
        report = value(call_metier("dataset", "generate", *teacher, *options, "--json"))
    assert report["kept"]["model"] > 5
    assert report["refusals"] == 0
    assert report["paraphrases"] > 5
    call_metier("dataset", "check", "--exam", "q.jsonl")


def test_a_teacher_that_fails_says_that_nothing_is_lost(folder, call_metier):
    with StandInTeacher(fails_after=3) as server:
        teacher = ("--teacher", "openai:stand-in", "--teacher-url", server.url)
        done = call_metier("dataset", "generate", *teacher, check=1)
    assert "the quota is used up" in done.stderr
    assert "the same command goes on from there" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--teacher-url", "http://127.0.0.1:9/v1"], "--teacher openai:NAME"),
        (["--teacher", "openai:x", "--rules-only"], "--rules-only"),
        (["--teacher", "nobody:x"], "nobody:x"),
        (["--teacher", "openai:x", "--teacher-key-env", "NOT_THERE"], "NOT_THERE"),
        (["--rows", "some"], "rag, plain, both"),
        (["--exam", "nowhere.jsonl"], "No such file"),
        (["--count", "0"], "count"),
    ],
)
def test_bad_input_ends_with_2(folder, call_metier, arguments, said):
    done = call_metier("dataset", "generate", *arguments, check=2)
    assert said in done.stderr
    assert done.stdout == ""


def test_help_has_an_example(call_metier):
    assert "Example: metier dataset generate" in call_metier("dataset", "generate", "--help").stdout


def test_ctrl_c_does_not_wait_for_a_teacher(folder):
    """Four requests, none of which is ever answered."""
    with StandInTeacher(meets=5) as server:
        command = ["dataset", "generate", "--teacher", "openai:stand-in", "--teacher-url", server.url]
        process = subprocess.Popen(
            [sys.executable, "-c", "from metier.cli import main; main()", *command, "-e", str(folder)],
            stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        until = time.monotonic() + 60
        while len(server.prompts) < 4 and time.monotonic() < until:
            time.sleep(0.05)
        assert len(server.prompts) == 4
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=15)[1]
        server.release()
    assert process.returncode == 130
    assert "Traceback" not in said

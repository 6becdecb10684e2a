from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
import typer

from metier.cli import app

pytestmark = pytest.mark.slow


def value(done):
    """Stdout is one JSON value and nothing else."""
    return json.loads(done.stdout)


def test_the_main_job(docs, run_metier, tmp_path):
    run_metier("init", "turbines")
    run_metier("add", "docs")
    made = value(run_metier("sync", "--json"))
    assert {"added", "changed", "deleted", "unchanged", "failed", "passages", "seconds"} <= set(made)
    assert made["added"] == 4
    found = value(run_metier("search", "how tight are the blade root nuts", "--json"))
    assert found["hits"][0]["document"] == "docs/bolts.txt"
    assert {"page", "start", "end", "text", "score", "dense", "lexical", "passage_id"} <= set(found["hits"][0])
    answer = value(run_metier("ask", "How tight are the blade root nuts of the NV-110?", "--json"))
    wanted = {
        "question",
        "text",
        "abstained",
        "confidence",
        "mode",
        "model",
        "adapter",
        "timings",
        "usage",
        "citations",
    }
    assert wanted <= set(answer)
    assert "840" in answer["text"]
    (citation,) = answer["citations"]
    assert citation["document"] == "docs/bolts.txt"
    source = (tmp_path / "docs/bolts.txt").read_text()
    assert source[citation["start"] : citation["end"]] == citation["quote"]
    assert {"page", "headings", "passage_id"} <= set(citation)


def test_search_for_signs_alone_asks_for_a_question_as_ask_does(call_metier, turbines):
    told = "Please ask a question about the documents."
    assert call_metier("search", "??").stdout.strip() == told
    assert told in call_metier("ask", "??").stdout
    assert json.loads(call_metier("search", "??", "--json").stdout)["hits"] == []


def test_a_person_sees_the_answer_and_its_source(turbines, run_metier):
    said = run_metier("ask", "How tight are the blade root nuts of the NV-110?").stdout
    assert "840" in said
    assert "docs/bolts.txt" in said


def test_any_question_passes_through(turbines, tmp_path):
    questions = ["নীল চাবি কী খোলে?", "ما هو عزم الشد؟", "风机的扭矩是多少？", "' OR 1=1 --", "a" * 3000]
    code = (  # one process for all, because most of the time of a process goes into its start
        "import sys\nfrom contextlib import suppress\nfrom metier.cli import main\n"
        "for question in sys.argv[1:]:\n"
        "    sys.argv[1:] = ['search', question, '--json']\n"
        "    with suppress(SystemExit):\n        main()\n"
        "    print('\\0', end='')"
    )
    done = subprocess.run([sys.executable, "-c", code, *questions], cwd=tmp_path, capture_output=True, check=True)
    *said, rest = done.stdout.decode().split("\0")
    assert ([json.loads(each)["query"] for each in said], rest) == (questions, "")


def test_sources_models_and_doctor(turbines, call_metier, run_metier, docs):
    (docs / "bad.docx").write_bytes(b"PK\x03\x04")
    call_metier("sync")
    items = value(call_metier("sources", "--failed", "--json"))["items"]
    assert [item["uri"] for item in items] == ["docs/bad.docx"]
    assert "bad.docx" in call_metier("sources").stdout
    assert {model["name"] for model in value(call_metier("models", "list", "--json"))} >= {"all-minilm-l6-v2"}
    checks = value(run_metier("doctor", "--json"))
    assert {check["name"] for check in checks["checks"]} >= {"machine", "tesseract", "index", "metier.toml"}
    assert any(row["name"] == "embedding.model" for row in checks["settings"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ask", "  "], "question is empty"),
        (["ask", "x", "--mode", "magic"], "no mode"),
        (["add", "nowhere"], "does not exist"),
        (["search", "x", "--where", "novalue"], "key=value"),
        (["calibrate", "nowhere.jsonl"], "No such file"),
        (["models", "pull", "gpt-9"], "not a packaged model"),
        (["init", "turbines"], "already"),
        (["ask", "x", "-e", "elsewhere"], "no expert here"),
    ],
)
def test_bad_input_is_told_on_stderr_with_exit_code_2(call_metier, arguments, said):
    call_metier("init", "turbines")
    done = call_metier(*arguments, check=2)
    assert said in done.stderr
    assert done.stdout == ""


def test_no_expert_and_several(run_metier, call_metier):
    assert "metier init" in run_metier("sync", check=2).stderr
    call_metier("init", "one")
    call_metier("init", "two")
    assert "several" in call_metier("sync", check=2).stderr


def test_a_broken_metier_toml_is_told(call_metier, tmp_path):
    call_metier("init", "one")
    (tmp_path / "one" / "metier.toml").write_text("name = \n[")
    assert "not valid TOML" in call_metier("search", "x", check=2).stderr


def test_every_verb_has_help_with_an_example(call_metier):
    for verb in ("init", "add", "sync", "sources", "search", "ask", "chat", "calibrate", "doctor"):
        assert "Example: metier " in call_metier(verb, "--help").stdout, verb


def test_the_common_verbs_import_no_torch(turbines):
    code = (
        "import sys\nfrom metier import Expert\nimport metier.cli\n"
        f"e = Expert.open({str(turbines)!r})\ne.search('oil')\ne.ask('oil?')\ne.close()\n"
        "heavy = {'torch', 'transformers', 'sklearn', 'scipy', 'sentence_transformers', 'sqlalchemy', 'psycopg'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


@pytest.mark.parametrize(
    ("called", "code"),
    [("deutsch", "de"), ("German", "de"), ("allemand", "de"), ("বাংলা", "bn"), ("Français", "fr"), ("italiano", "")],
)
def test_a_language_is_given_by_its_code_and_whoever_names_it_is_told_which(call_metier, tmp_path, called, code):
    told = call_metier("init", "made", "--language", called, check=2).stderr
    assert "given by its code" in told
    assert (f"--language {code}" if code else "BCP-47") in told
    assert not (tmp_path / "made").exists()


def test_an_expert_of_somebody_else_below_a_shared_folder_is_not_looked_for(turbines, call_metier, tmp_path):
    assert call_metier("status", "-e", "turbines")
    assert "turbines" in call_metier("status").stdout
    tmp_path.chmod(0o1777)
    assert "there is no expert here" in call_metier("ask", "What is new?", check=2).stderr
    tmp_path.chmod(0o700)
    for number in range(8):
        shutil.copytree(turbines, tmp_path / f"other{number}")
    told = call_metier("ask", "What is new?", check=2).stderr
    assert "other0, other1, other2, other3, other4 and 4 more" in told


def test_no_help_loses_what_stands_in_brackets():
    """They are marks of colour to what prints the help."""

    def texts(command: click.Command) -> Iterator[str]:
        yield command.help or ""
        yield from (option.help or "" for option in command.params if isinstance(option, click.Option))
        for other in getattr(command, "commands", {}).values():
            yield from texts(other)

    assert [text for text in texts(typer.main.get_command(app)) if re.search(r"(?<!\\)\[[a-z_]+\]", text)] == []


def test_doctor_warns_where_scans_of_the_language_cannot_be_read(call_metier, tmp_path, monkeypatch):
    program = tmp_path / "bin" / "tesseract"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nprintf 'List of available languages (2):\\neng\\nosd\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    told = {}
    for language in ("en", "de"):
        call_metier("init", language, "-l", language)
        checks = value(call_metier("doctor", "-e", language, "--json", check=None))["checks"]
        told[language] = next(check for check in checks if check["name"] == "tesseract")
    assert told["en"]["state"] == "ok"
    assert told["de"]["state"] == "note"
    assert "no data for deu" in told["de"]["said"]
    assert "tesseract-ocr-deu" in told["de"]["said"]


def test_a_text_that_is_too_long_is_told_so_and_ends_no_conversation(turbines, call_metier):
    text = " ".join(f"Part {number} of {number * 7} was seen near the tower {number * 3}." for number in range(60))
    told = call_metier("ask", text, check=2).stderr
    assert re.search(r"the question has 2,\d{3} characters, and at most 1,500 are looked up", told)
    done = call_metier("chat", input=f"{text}\nHow tight are the blade root nuts of the NV-110?\n")
    assert "at most 1,500" in done.stderr
    assert "840" in done.stdout

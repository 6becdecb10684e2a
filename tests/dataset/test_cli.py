from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.slow


def value(done):
    return json.loads(done.stdout)


FAQ = "Frage,Antwort\nHow tight are the blade root nuts of the NV-110?,840 Nm\nWhat does the blue key open?,the door\n"


@pytest.fixture
def made(call_metier, tmp_path):
    call_metier("init", "one")
    (tmp_path / "faq.csv").write_text(FAQ, encoding="utf-8")
    columns = ("--question", "Frage", "--completion", "Antwort")
    return value(call_metier("dataset", "import", "faq.csv", *columns, "--json"))


def test_import_show_and_check(made, call_metier, run_metier, tmp_path):
    assert (made["added"], made["total"], made["layout"]) == (2, 2, "columns")
    again = call_metier("dataset", "import", "faq.csv", "--question", "Frage", "--completion", "Antwort")
    assert "0 rows added" in again.stdout

    shown = value(call_metier("dataset", "show", "--json"))
    assert shown["rows"] == 2
    assert shown["origins"] == {"faq.csv": 2}
    assert [message["role"] for message in shown["shown"][0]["messages"]] == ["system", "user"]
    assert shown["shown"][0]["completion"] == "840 Nm"
    said = call_metier("dataset", "show", "-n", "1").stdout
    assert "blade root nuts" in said
    assert "blue key" not in said

    report = value(call_metier("dataset", "check", "--json"))
    assert report["stops"] is False
    assert report["tokens"]["learned"] > 4
    assert report["tokens"]["prompt"] > 20

    exam = {"question": "how tight are the blade root nuts of the nv-110", "answers": ["840 Nm"], "split": "exam"}
    practice = {"question": "What does the blue key open?", "answers": ["the door"], "split": "practice"}
    (tmp_path / "q.jsonl").write_text(json.dumps(exam) + "\n" + json.dumps(practice), encoding="utf-8")
    stopped = run_metier("dataset", "check", "--exam", "q.jsonl", check=1)
    assert "1 of 1 exam questions" in stopped.stdout
    assert "faq.csv:2" in stopped.stdout
    assert "--drop-leaks" in stopped.stdout

    # The same questions as the expert's own: its exam counts without being named.
    call_metier("exam", "import", "q.jsonl")
    call_metier("dataset", "check", check=1)
    fixed = value(call_metier("dataset", "check", "--drop-leaks", "--json"))
    assert (fixed["dropped"], fixed["rows"], fixed["stops"]) == (1, 1, False)


def test_bad_rows(call_metier, tmp_path):
    call_metier("init", "one")
    (tmp_path / "a.jsonl").write_text('{"question": "a?", "answer": "b"}\n{"question": "c?"}\n[broken\n')
    done = call_metier("dataset", "import", "a.jsonl", check=2)
    assert "row 2" in done.stderr
    assert "--skip-bad" in done.stderr
    assert not (tmp_path / "one" / ".metier" / "dataset.jsonl").exists()
    report = value(call_metier("dataset", "import", "a.jsonl", "--skip-bad", "--json"))
    assert (report["added"], report["skipped"]) == (1, {"bad": 2})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["import", "nowhere.csv"], "No such file"),
        (["import", "words.csv"], "Stichwort, Sinn"),
        (["import", "faq.csv", "--question", "Frage"], "--completion"),
        (["check", "--exam", "faq.csv"], "not JSON"),
        (["check", "--exam", "practice.jsonl"], "no exam questions"),
    ],
)
def test_bad_input_ends_with_2(made, call_metier, tmp_path, arguments, said):
    (tmp_path / "practice.jsonl").write_text('{"question": "a?", "answers": ["b"]}')
    (tmp_path / "words.csv").write_text("Stichwort,Sinn\nNV-110,a turbine\n")
    done = call_metier("dataset", *arguments, check=2)
    assert said in done.stderr
    assert done.stdout == ""


def test_without_data(call_metier):
    call_metier("init", "one")
    assert "no training data" in call_metier("dataset", "show").stdout
    assert value(call_metier("dataset", "show", "--json"))["rows"] == 0
    assert "no rows" in call_metier("dataset", "check", check=1).stdout


def test_help_has_examples(call_metier):
    for verb in ("import", "check", "show"):
        assert "Example: metier dataset " in call_metier("dataset", verb, "--help").stdout

from __future__ import annotations

import json
import shutil

import pytest

from evaluation import questioned

pytestmark = pytest.mark.slow


def value(done):
    """Stdout is one JSON value and nothing else."""
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return questioned.make(tmp_path_factory.mktemp("questioned"))


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "one")


FILE = [
    {
        "question": "How often is the oil filter changed?", "answer": "17 months", "document": "oil-filter.md",
        "split": "exam",
    },
    {"question": "How often are the hub seals changed?", "answer": "37 months", "document": "hub-seals.md"},
    {"question": "নীল চাবি কী খোলে?", "answer": "দরজা", "split": "exam"},
    {"question": "Who painted the tower?", "split": "practice"},
]  # fmt: skip


def write(tmp_path, rows, name="q.jsonl"):
    (tmp_path / name).write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")


def test_import_show_and_check(folder, call_metier, tmp_path):
    write(tmp_path, FILE)
    added = value(call_metier("exam", "import", "q.jsonl", "--json"))
    assert (added["added"], added["layout"]) == (4, "named columns")
    assert added["practice"] + added["exam"] == 4
    assert added["kinds"] == {"fact": 3, "unanswerable": 1}
    assert "0 questions added" in call_metier("exam", "import", "q.jsonl").stdout

    shown = value(call_metier("exam", "show", "--json"))
    assert shown["questions"] == 4
    assert shown["shown"][0]["documents"] == ["docs/oil-filter.md"]
    assert shown["shown"][0]["origin"] == "q.jsonl:1"
    only = value(call_metier("exam", "show", "--kind", "unanswerable", "--split", "practice", "--json"))
    assert [each["question"] for each in only["shown"]] == ["Who painted the tower?"]
    assert "1 of 4 questions" in call_metier("exam", "show", "-n", "1").stdout

    report = value(call_metier("exam", "check", "--json"))
    assert report["stops"] is False
    assert report["questions"] == 4
    assert report["kinds"]["exam"]["fact"] >= 2
    said = call_metier("exam", "check").stdout
    assert "points" in said
    assert "the embedder sees nothing in (bn 1)" in said


def test_generate_and_check(folder, call_metier):
    made = value(call_metier("exam", "generate", "--rules-only", "--count", "12", "--kinds", "table,yesno", "--json"))
    assert (made["written"], made["added"]) == (12, 12)
    assert made["kinds"] == {"table": 6, "yesno": 6}
    assert (
        "metier exam review" in call_metier("exam", "generate", "--rules-only", "--count", "12", "--seed", "2").stdout
    )
    call_metier("exam", "check")


def test_a_leak_into_the_training_data_stops(folder, call_metier, tmp_path):
    write(tmp_path, FILE)
    call_metier("exam", "import", "q.jsonl")
    leaking = {"question": "how often is the oil filter changed", "answer": "every 17 months"}
    write(tmp_path, [leaking, {"question": "Who leads the workshop?", "answer": "Ada"}], "rows.jsonl")
    call_metier("dataset", "import", "rows.jsonl")
    stopped = call_metier("exam", "check", check=1)
    assert "stand in the training data" in stopped.stdout
    assert "rows.jsonl:1" in stopped.stdout
    # The own exam is what the other verbs go by, where none is named.
    assert "exam questions stand in the training data" in call_metier("dataset", "check", check=1).stdout
    assert "exam questions are in the training data" in call_metier("tune", check=2).stderr
    call_metier("dataset", "check", "--drop-leaks")
    call_metier("exam", "check")


def test_the_own_exam_is_kept_out_of_what_is_generated(folder, call_metier, tmp_path):
    write(tmp_path, [{"question": "What is the price in EUR of Bolt B-7?", "answer": "7.50", "split": "exam"}])
    call_metier("exam", "import", "q.jsonl")
    report = value(call_metier("dataset", "generate", "--rules-only", "--count", "500", "--json"))
    assert any("Bolt B-7" in example for example in report["dropped"]["near duplicate"]["examples"])


def test_a_leak_across_the_line_is_refused_and_stops(folder, call_metier, tmp_path):
    both = [FILE[0], FILE[0] | {"split": "practice"}]
    write(tmp_path, both)
    refused = call_metier("exam", "import", "q.jsonl", check=2)
    assert "q.jsonl:1, exam" in refused.stderr
    assert "q.jsonl:2, practice" in refused.stderr
    assert value(call_metier("exam", "show", "--json"))["questions"] == 0
    assert "leak and were left out" in call_metier("exam", "import", "q.jsonl", "--skip-leaks").stdout
    kept = folder / ".metier" / "questions.jsonl"
    other = json.loads(kept.read_text()) | {"id": "other", "split": "practice"}
    kept.write_text(kept.read_text() + json.dumps(other) + "\n")
    assert "stand in both halves" in call_metier("exam", "check", check=1).stdout


def test_wrong_keys_missing_answers_and_documents_that_go(folder, call_metier, tmp_path):
    write(tmp_path, [FILE[0] | {"answer": "18 months"}, FILE[1] | {"answer": None, "split": "exam"}])
    call_metier("exam", "import", "q.jsonl")
    said = call_metier("exam", "check").stdout
    assert "does not stand in their document" in said
    assert "“18 months” in docs/oil-filter.md" in said
    assert "1 questions have no answer" in said
    source = folder / "metier.toml"
    source.write_text(source.read_text().replace("docs", "gone"))
    write(tmp_path, [], "empty.jsonl")
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "other.md").write_text("# Other\n\nNothing of that is here.")
    source.write_text(source.read_text().split("[[sources]]")[0] + '[[sources]]\npath = "../gone"\n')
    call_metier("sync")
    assert "documents that are not in the store" in call_metier("exam", "check").stdout


def test_documents_are_found_or_told(folder, call_metier, tmp_path):
    write(tmp_path, [FILE[0] | {"document": "nowhere.md"}])
    assert "'nowhere.md', which is not in the store" in call_metier("exam", "import", "q.jsonl", check=2).stderr
    call_metier("exam", "import", "q.jsonl", "--loose")
    (kept,) = value(call_metier("exam", "show", "--json"))["shown"]
    assert "documents" not in kept


def test_before_anything_is_indexed(call_metier, tmp_path):
    call_metier("init", "new")
    assert "There are no such questions" in call_metier("exam", "show").stdout
    assert "there are no questions" in call_metier("exam", "check", check=1).stdout
    write(tmp_path, FILE)
    call_metier("exam", "import", "q.jsonl")
    assert value(call_metier("exam", "check", "--json"))["questions"] == 4
    assert "metier sync" in call_metier("exam", "generate", "--rules-only", check=2).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["import", "nowhere.csv"], "No such file"),
        (["import", "empty.jsonl"], "no rows"),
        (["import", "bare.csv"], "no question with an answer or a document"),
        (["import", "bare.csv", "--answer", "Antwort"], "no column 'Antwort'"),
        (["import", "bare.csv", "--kind", "magic"], "no kind 'magic'"),
        (["import", "bare.csv", "--split", "half"], "no split 'half'"),
        (["generate", "--kinds", "magic"], "magic"),
        (["generate", "--teacher", "openai:x", "--rules-only"], "--rules-only"),
        (["show", "--kind", "magic"], "no kind 'magic'"),
        (["review", "--split", "half"], "no split 'half'"),
    ],
)
def test_bad_input_ends_with_2(call_metier, tmp_path, arguments, said):
    call_metier("init", "new")
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "bare.csv").write_text("question,topic\nHow tight?,bolts\n")
    done = call_metier("exam", *arguments, check=2)
    assert said in done.stderr
    assert done.stdout == ""


# --- review --------------------------------------------------------------------------------------------------


@pytest.fixture
def reviewing(folder, call_metier, tmp_path):
    write(tmp_path, FILE)
    call_metier("exam", "import", "q.jsonl")

    def run(keys: str, *arguments: str):
        return call_metier("exam", "review", *arguments, input=keys)

    return run


def reviews(call_metier) -> dict[str, str]:
    return {each["question"]: each.get("review", "") for each in value(call_metier("exam", "show", "--json"))["shown"]}


def test_review_by_letters(reviewing, call_metier):
    said = reviewing("x\na\ns\nd\nq\n").stdout
    assert "The oil filter of the NV-110 is changed every 17 months." in said, "the passage is shown"
    assert "docs/oil-filter.md" in said
    assert "1 of 4" in said
    assert list(reviews(call_metier).values()) == ["accepted", "", ""]
    later = value(reviewing("a\nq\n", "--json"))
    assert later == {"accepted": 1, "edited": 0, "dropped": 0, "skipped": 0, "waiting": 1}
    assert list(reviews(call_metier).values()) == ["accepted", "accepted", ""]


def test_review_shows_what_is_found_where_nothing_answers(reviewing):
    assert "What the search finds" in reviewing("q\n", "--kind", "unanswerable").stdout


def test_an_edit_keeps_the_side(reviewing, call_metier):
    before = value(call_metier("exam", "show", "--json"))["shown"][0]
    reviewing("e\nWhen is the oil filter due?\n17 months | every 17 months\nq\n")
    after = value(call_metier("exam", "show", "--json"))["shown"][0]
    assert (after["question"], after["answers"]) == ("When is the oil filter due?", ["17 months", "every 17 months"])
    assert (after["id"], after["split"], after["review"]) == (before["id"], before["split"], "accepted")
    reviewing("e\n\n17\nq\n", "--again")
    assert value(call_metier("exam", "show", "--json"))["shown"][0]["answers"] == ["17"]


def test_an_edit_that_leaks_is_told_and_asked_again(reviewing, call_metier):
    said = reviewing(f"s\ne\n{FILE[0]['question']}\n\nd\nq\n").stdout
    assert "is there already" in said
    assert FILE[1]["question"] not in reviews(call_metier)


@pytest.mark.parametrize("keys", ["", "a\n", "a\ne\n", "a\ne\nAnother?\n"])
def test_input_that_ends_early_keeps_what_was_said(reviewing, call_metier, keys):
    reviewing(keys)
    assert list(reviews(call_metier).values()) == ["accepted" if keys else "", "", "", ""]


def test_nothing_to_review(folder, call_metier):
    assert "Nothing to review" in call_metier("exam", "review", input="").stdout


def test_help_has_examples(call_metier):
    for verb in ("import", "generate", "show", "check", "review"):
        assert "Example: metier exam " in call_metier("exam", verb, "--help").stdout, verb

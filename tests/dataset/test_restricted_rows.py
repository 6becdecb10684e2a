"""Training rows and exam questions know which documents they were written from, and who may read these."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
from parts import answer_briefly, read_nothing, write_documents

from metier import Expert
from metier.core.errors import InputError
from metier.core.groups import in_words, may_read, required_by
from metier.dataset.rows import Row, load
from metier.synthesis.exam_questions import ExamQuestionOptions
from metier.synthesis.training_rows import TrainingRowOptions

pytestmark = pytest.mark.slow

SALARIES = "Name,Salary EUR,Desk\n" + "".join(f"Mechanic M-{n},{4000 + 7 * n},D{n % 4}\n" for n in range(12))
HOURS = "Name,Hours,Shift\n" + "".join(f"Mechanic M-{n},{150 + 3 * n},T{n % 3}\n" for n in range(12))
PRICES = "Part,Price EUR,Shelf\n" + "".join(f"Bolt B-{n},{n}.50,S{n % 4}\n" for n in range(12))
BOARD = (("board",),)
GENERATED = {"count": 200, "rules_only": True, "left_out": 0.5}
ASKED = "What is the salary of mechanic M-3?"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An expert with documents for everybody, salaries for the board, and hours for the service or the board."""
    place = tmp_path_factory.mktemp("restricted")
    write_documents(place / "docs")
    (place / "docs" / "prices.csv").write_text(PRICES)
    for name, text in (("salaries", SALARIES), ("hours", HOURS)):
        (place / name).mkdir()
        (place / name / f"{name}.csv").write_text(text)
    with Expert.create(place / "expert") as expert:
        expert.add(str(place / "docs"))
        expert.add(str(place / "salaries"), groups=("board",))
        expert.add(str(place / "hours"), groups=("service", "board"))
        assert expert.sync().added == 15
    answer_briefly(place / "expert")
    read_nothing(place / "expert")
    return place / "expert"


@pytest.fixture
def folder(made, tmp_path):
    shutil.copytree(made.parent, tmp_path / "copy")
    return tmp_path / "copy" / made.name


@pytest.fixture
def expert(folder):
    with Expert.open(folder) as opened:
        yield opened


def texts(row: Row) -> str:
    return " ".join([row.question, row.completion, *(passage.text for passage in row.context)])


def test_only_public_documents_are_written_from_and_shown(expert):
    report = expert.dataset.generate(TrainingRowOptions(**GENERATED))
    rows = expert.dataset.rows()
    assert report.restricted == 2
    assert rows
    assert not [row for row in rows if row.groups or "Mechanic" in texts(row)]


def test_rows_of_what_was_asked_for_carry_the_groups_of_all_that_they_show(expert):
    expert.dataset.generate(TrainingRowOptions(**GENERATED, groups=("service",)))
    few = expert.dataset.rows()
    assert {row.groups for row in few} == {(), (("board", "service"),)}
    assert not [row for row in few if "Salary" in texts(row)]
    expert.dataset.generate(TrainingRowOptions(**GENERATED, groups=None))
    rows = expert.dataset.rows()
    assert {row.groups for row in rows} == {(), (("board", "service"),), BOARD}
    for row in rows:
        shown = {passage.uri for passage in row.context}
        assert shown <= set(row.documents)
        assert any("salaries" in uri for uri in row.documents) is (row.groups == BOARD)
    # A question on a public document beside which the salaries are shown
    assert [row for row in rows if row.groups and not row.question.count("Mechanic")]


def test_where_no_document_is_public_it_says_how_to_take_them(folder):
    toml = (folder / "metier.toml").read_text()
    (folder / "metier.toml").write_text(toml.replace("[[sources]]", '[[sources]]\ngroups = ["board"]', 1))
    with Expert.open(folder) as expert:
        expert.sync()
        with pytest.raises(InputError) as refused:
            expert.dataset.generate(TrainingRowOptions(**GENERATED))
        assert "--all-groups" in refused.value.hint
        with pytest.raises(InputError, match="none of the 15 documents is for everybody"):
            expert.exam.generate(ExamQuestionOptions(rules_only=True))


@pytest.mark.parametrize("name", ["salaries.csv", "salaries", "salaries/salaries.csv"])
@pytest.mark.parametrize("column", ["document", "source"])
def test_imported_rows_that_name_their_document_carry_its_groups(expert, tmp_path, name, column):
    rows = [{"question": ASKED, "answer": "4021", column: name}, {"question": "What is a bolt?", "answer": "A screw."}]
    (tmp_path / "faq.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    expert.dataset.import_file(tmp_path / "faq.jsonl")
    assert [row.groups for row in expert.dataset.rows()] == [BOARD, ()]


def test_rows_keep_their_groups_from_one_expert_to_another(expert, tmp_path):
    expert.dataset.generate(TrainingRowOptions(**GENERATED, groups=None))
    rows = expert.dataset.rows()
    shutil.copyfile(expert.dataset.path, tmp_path / "rows.jsonl")
    with Expert.create(tmp_path / "other") as other:
        other.dataset.import_file(tmp_path / "rows.jsonl")
        assert [row.groups for row in other.dataset.rows()] == [row.groups for row in rows]


def test_a_row_that_comes_again_from_a_restricted_document_is_restricted(expert, tmp_path):
    for row in ({"question": ASKED, "answer": "4021"}, {"question": ASKED, "answer": "4021", "document": "salaries"}):
        (tmp_path / "faq.jsonl").write_text(json.dumps(row) + "\n")
        expert.dataset.import_file(tmp_path / "faq.jsonl")
    assert [row.groups for row in expert.dataset.rows()] == [BOARD]


def test_a_row_of_a_document_that_was_closed_since_counts_with_its_groups(folder, tmp_path):
    (tmp_path / "faq.jsonl").write_text(json.dumps({"question": "Bolt B-3?", "answer": "3.50", "document": "prices"}))
    with Expert.open(folder) as expert:
        expert.dataset.import_file(tmp_path / "faq.jsonl")
        assert expert.dataset.learned_from(expert.dataset.rows()).groups == ()
    toml = (folder / "metier.toml").read_text()
    (folder / "metier.toml").write_text(toml.replace("[[sources]]", '[[sources]]\ngroups = ["safety"]', 1))
    with Expert.open(folder) as expert:
        expert.sync()
        assert expert.dataset.learned_from(expert.dataset.rows()).groups == (("safety",),)


def test_rows_of_an_earlier_version_are_placed_by_their_passages(expert):
    expert.dataset.generate(TrainingRowOptions(**GENERATED, rows="plain", groups=None))
    rows = [replace(row, documents=(), groups=()) for row in expert.dataset.rows()]
    told = {row.question: expert.dataset.learned_from([row]).groups for row in rows}
    assert {told[question] for question in told if "salary" in question.casefold()} == {BOARD}
    assert set(told.values()) == {(), BOARD, (("board", "service"),)}
    gone = replace(rows[0], passages=("0" * 32,))
    assert expert.dataset.learned_from([gone]).groups == BOARD
    assert expert.dataset.learned_from([replace(gone, passages=())]).groups == ()


def test_practice_questions_of_restricted_documents_are_taught_when_it_is_said(expert, tmp_path):
    asked = [
        {"question": ASKED, "answers": ["4021"], "document": "salaries.csv", "split": "practice"},
        {"question": "What is the price of bolt B-3?", "answers": ["3.50"], "document": "prices", "split": "practice"},
    ]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    expert.exam.import_file(tmp_path / "q.jsonl")
    assert [question.groups for question in expert.exam.questions()] == [BOARD, ()]
    assert expert.dataset.from_practice(left_out=0).restricted == 1
    assert not [row for row in expert.dataset.rows() if row.groups or "Mechanic" in texts(row)]
    assert expert.dataset.from_practice(left_out=0, groups=("board",)).restricted == 0
    assert BOARD in {row.groups for row in expert.dataset.rows()}


def test_exam_questions_are_written_from_public_documents_or_carry_groups(expert):
    written, _ = expert.exam.generate(ExamQuestionOptions(count=60, rules_only=True))
    assert written.restricted == 2
    assert not [q for q in written.questions if q.groups or "Mechanic" in q.question]
    written, _ = expert.exam.generate(ExamQuestionOptions(count=200, rules_only=True, seed=1, groups=None))
    told = [question for question in written.questions if "Mechanic" in question.question]
    assert {question.kind for question in told} >= {"table", "unanswerable"}
    assert all(question.groups for question in told)


def test_a_correction_from_a_restricted_document_closes_its_question(expert):
    (salary,) = [uri for uri in expert.runtime.store.uris() if "salaries" in uri]
    expert.corrections.add(ASKED, "4022 EUR", document=salary, who="chair", accept=True)
    (question,) = expert.exam.questions()
    assert question.groups == BOARD
    assert not expert.dataset.rows()


def test_the_check_and_the_command_line_say_whom_the_rows_are_for(folder, call_metier, monkeypatch):
    monkeypatch.setenv("METIER_EXPERT", str(folder))
    said = call_metier("dataset", "generate", "--rules-only", "--count", "20").stdout
    assert "2 documents were left out" in said
    assert "--all-groups" in said
    assert json.loads(call_metier("dataset", "check", "--json").stdout)["groups"] == {}
    call_metier("dataset", "generate", "--rules-only", "--count", "200", "--groups", "board, service")
    found = json.loads(call_metier("dataset", "check", "--json").stdout)
    restricted = [row for row in load(folder / ".metier" / "dataset.jsonl") if row.groups]
    assert sum(found["groups"].values()) == len(restricted) > 0
    assert "who holds board" in call_metier("dataset", "check").stdout
    both = call_metier("dataset", "generate", "--groups", "board", "--all-groups", check=2)
    assert "exclude each other" in both.stderr


def test_what_was_made_of_many_takes_a_group_of_each():
    required = required_by([(), ("a",), ("b", "a"), ("c", "b"), ("a",)])
    assert required == (("a",), ("b", "c"))
    assert in_words(required) == "a, and b or c"
    assert [may_read(held, required) for held in ((), ("a",), ("a", "c"), None)] == [False, False, True, True]

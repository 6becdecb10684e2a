from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import shared_data

from metier.core.errors import InputError
from metier.core.questions import Question
from metier.evaluation.questions import files
from metier.evaluation.questions.files import QuestionColumns

pytestmark = pytest.mark.slow


def read(path: Path, **options) -> list[Question]:
    return [each.question for each in files.read(path, **options).asked]


def write(tmp_path: Path, name: str, content: str) -> Path:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


def lines(tmp_path: Path, *rows: dict) -> Path:
    return write(tmp_path, "q.jsonl", "\n".join(json.dumps(row, ensure_ascii=False) for row in rows))


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\x85", "\u2028"])
def test_what_is_no_line_end_cuts_no_answer(tmp_path, mark):
    rows = f"question,answer,document\nHow tight?,First loosen it.{mark}Then 12 Nm.,a.md\nAnd bolt 2?,19 Nm,a.md\n"
    first, second = read(write(tmp_path, "q.csv", rows))
    assert first.answers[0].split() == ["First", "loosen", "it.", "Then", "12", "Nm."]
    assert (first.documents, second.answers) == (("a.md",), ("19 Nm",))


# --- layouts -------------------------------------------------------------------------------------------------


def test_its_own_layout(tmp_path):
    row = {
        "id": "lift", "question": "What load is allowed?", "answers": ["320 kg", "320"], "document": "manual.pdf",
        "page": 2, "kind": "table", "split": "exam", "language": "en", "passages": ["abc"],
    }  # fmt: skip
    assert read(lines(tmp_path, row)) == [
        Question(
            "lift", "What load is allowed?", ("320 kg", "320"), ("manual.pdf",), 2, "table", "en", "exam", (), ("abc",),
            "q.jsonl:1",
        )
    ]  # fmt: skip


def test_a_plain_list(tmp_path):
    path = write(
        tmp_path, "q.json", '[{"question": "Who?", "answer": "She"}, {"question": "নীল চাবি?", "answer": "দরজা"}]'
    )
    asked = read(path)
    assert [(q.question, q.answers, q.language, q.kind) for q in asked] == [
        ("Who?", ("She",), "en", "fact"),
        ("নীল চাবি?", ("দরজা",), "bn", "fact"),
    ]
    assert [q.origin for q in asked] == ["q.json:1", "q.json:2"]


def test_a_table_with_named_columns(tmp_path):
    path = write(
        tmp_path,
        "q.csv",
        "Nr;Frage;Antwort;Quelle;Seite\n1;Wie fest?;840 Nm | 840 Newtonmeter;a.pdf | b.pdf;4\n2;Wer?;Ada;;\n",
    )
    columns = QuestionColumns("Frage", "Antwort", "Quelle", "Seite")
    first, second = read(path, columns=columns, language="de")
    assert first.answers == ("840 Nm", "840 Newtonmeter")
    assert (first.documents, first.page, first.language, first.origin) == (("a.pdf", "b.pdf"), 4, "de", "q.csv:2")
    assert (second.answers, second.documents, second.page) == (("Ada",), (), None)
    assert [q.answers for q in read(path)] == [first.answers, second.answers], "the usual names are known"


def test_a_cell_may_hold_a_json_list_or_a_bracket(tmp_path):
    path = write(tmp_path, "q.tsv", 'question\tanswers\nA?\t["x", "y"]\nB?\t[sic\n')
    assert [q.answers for q in read(path)] == [("x", "y"), ("[sic",)]


def test_a_bar_in_json_is_a_bar(tmp_path):
    assert read(lines(tmp_path, {"question": "A?", "answer": "x | y"}))[0].answers == ("x | y",)


def test_squad_of_both_versions(tmp_path):
    answers = [{"text": "in 1066", "answer_start": 0}, {"text": "1066", "answer_start": 3}, {"text": "1066"}]
    data = [
        {
            "title": "Norman_Conquest",
            "paragraphs": [
                {
                    "context": "In 1066 …",
                    "qas": [
                        {"id": "1", "question": "When?", "answers": answers},
                        {
                            "id": "2",
                            "question": "Why?",
                            "answers": [],
                            "is_impossible": True,
                            "plausible_answers": answers,
                        },
                        {"id": "3", "question": "Where?", "answers": [{"text": "Hastings"}], "is_impossible": False},
                    ],
                }
            ],
        }
    ]
    found = files.read(write(tmp_path, "squad.json", json.dumps({"version": "2.0", "data": data})))
    assert found.layout == "squad"
    assert [(a.question.id, a.question.answers, a.question.kind, a.title) for a in found.asked] == [
        ("1", ("in 1066", "1066"), "fact", "Norman Conquest"),
        ("2", (), "unanswerable", ""),
        ("3", ("Hastings",), "fact", "Norman Conquest"),
    ]
    uris = ["wiki/norman-conquest.md", "wiki/Hastings.md"]
    assert [q.documents for q in files.titled(found.asked, uris)] == [(uris[0],), (), (uris[0],)]
    assert [q.documents for q in files.titled(found.asked, ["other.md"])] == [(), (), ()]


def test_squad_as_parquet_of_the_hub(tmp_path):
    rows = {
        "id": ["7"], "title": ["Normans"], "context": ["In 1066 …"], "question": ["When?"],
        "answers": [{"text": ["in 1066", "1066"], "answer_start": [0, 3]}],
    }  # fmt: skip
    pq.write_table(pa.table(rows), tmp_path / "squad.parquet")
    (asked,) = files.read(tmp_path / "squad.parquet").asked
    assert (asked.question.answers, asked.title, asked.question.documents) == (("in 1066", "1066"), "Normans", ())


@pytest.mark.parametrize("place", ["qrels/test.tsv", "qrels.tsv"])
def test_a_beir_folder(tmp_path, place):
    (tmp_path / "qrels").mkdir()
    write(tmp_path, "queries.jsonl", '{"_id": "1", "text": "wing flow"}\n{"_id": "2", "text": "heat"}\n')
    write(tmp_path, place, "query-id\tcorpus-id\tscore\n1\td1\t2\n1\td2\t1\n1\td3\t0\n")
    first, second = read(tmp_path)
    assert (first.id, first.question, first.documents, first.kind) == ("1", "wing flow", ("d1", "d2"), "fact")
    assert (second.documents, second.kind) == ((), "unanswerable")


def test_a_beir_folder_without_judgements_or_with_bad_ones(tmp_path):
    write(tmp_path, "queries.jsonl", '{"_id": "1", "text": "wing flow"}\n')
    with pytest.raises(InputError, match=r"no judgements.*qrels/test\.tsv"):
        read(tmp_path)
    write(tmp_path, "qrels.tsv", "query-id\tcorpus-id\tscore\n1\td1\tmuch\n")
    with pytest.raises(InputError, match=r"row 2 is no judgement.*much.*query-id, corpus-id and score"):
        read(tmp_path)


def test_labels(tmp_path):
    table = write(tmp_path, "train.csv", "text,category\nmy card?,card_arrival\ntop up?,top_up\nmy money?,top_up\n")
    found = files.read(table)
    assert found.layout == "label"
    assert {(a.question.kind, a.question.choices) for a in found.asked} == {("label", ("card_arrival", "top_up"))}


def test_numbered_labels_have_their_names(tmp_path):
    info = {"info": {"features": {"label": {"_type": "ClassLabel", "names": ["neg", "pos"]}}}}
    table = pa.table({"text": ["bad", "good"], "label": [0, 1]}).replace_schema_metadata(
        {"huggingface": json.dumps(info)}
    )
    pq.write_table(table, tmp_path / "x.parquet")
    assert [(q.answers, q.choices) for q in read(tmp_path / "x.parquet")] == [
        (("neg",), ("neg", "pos")),
        (("pos",), ("neg", "pos")),
    ]


# --- kinds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "choices"),
    [
        (["Yes", "no."], ("yes", "no")),
        (["yes", "no", "maybe"], ("yes", "no", "maybe")),
        (["oui", "non", "peut-être"], ("oui", "non", "peut-être")),
        (["no", "sí"], ("sí", "no")),
        (["হ্যাঁ", "না"], ("হ্যাঁ", "না")),
        (["نعم", "لا"], ("نعم", "لا")),
        (["是", "否"], ("是", "否")),
        ([True, False], ("yes", "no")),
    ],
)
def test_yes_and_no(tmp_path, answers, choices):
    asked = read(lines(tmp_path, *({"question": f"Q{n}?", "answer": answer} for n, answer in enumerate(answers))))
    assert {q.kind for q in asked} == {"yesno"}
    assert {q.choices for q in asked} == {choices}
    assert {q.answers[0] for q in asked} <= set(choices)


def test_an_answer_that_only_begins_with_no_is_a_fact(tmp_path):
    assert read(lines(tmp_path, {"question": "Who?", "answer": "no one"}))[0].kind == "fact"


def test_repeated_short_answers_are_labels_and_varied_ones_are_not(tmp_path):
    repeated = [{"question": f"Q{n}?", "answer": ("ship", "hold", "return")[n % 3]} for n in range(24)]
    varied = [{"question": f"Q{n}?", "answer": f"part {n // 2}"} for n in range(24)]
    numbers = [{"question": f"Q{n}?", "answer": str(n % 3)} for n in range(24)]
    assert {q.kind for q in read(lines(tmp_path, *repeated))} == {"label"}
    assert read(lines(tmp_path, *repeated))[0].choices == ("ship", "hold", "return")
    assert {q.kind for q in read(lines(tmp_path, *varied))} == {"fact"}
    assert {q.kind for q in read(lines(tmp_path, *numbers))} == {"fact"}
    assert {q.kind for q in read(lines(tmp_path, *repeated[:6]))} == {"fact"}, "six rows do not show that"


@pytest.mark.parametrize("answer", ["word " * 26, "长" * 60])
def test_a_long_answer_is_a_text(tmp_path, answer):
    assert read(lines(tmp_path, {"question": "Q?", "answer": answer}))[0].kind == "text"
    assert read(lines(tmp_path, {"question": "Q?", "answers": [answer, "short"]}))[0].kind == "fact"


def test_neither_answer_nor_document_is_unanswerable(tmp_path):
    asked = read(
        lines(tmp_path, {"question": "A?"}, {"question": "B?", "document": "b.md"}, {"question": "C?", "answer": "c"})
    )
    assert [q.kind for q in asked] == ["unanswerable", "fact", "fact"]


def test_kind_and_split_of_the_rest(tmp_path):
    path = lines(tmp_path, {"question": "A?", "kind": "several", "split": "train", "answer": "a"}, {"question": "B?"})
    asked = read(path, kind="unanswerable", split="exam")
    assert [(q.kind, q.split) for q in asked] == [("several", "practice"), ("unanswerable", "exam")]


# --- bad input -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", "\n\n", " "])
def test_an_empty_file(tmp_path, content):
    with pytest.raises(InputError, match="no rows"):
        read(write(tmp_path, "q.jsonl", content))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"answer": "x"}', 'row 2 has no "question"'),
        ("[1, 2]", "row 2 is no object"),
        ('{"question": "torn', "row 2 is not JSON"),
        ('{"question": "Q?", "answer": {"texts": 1}}', "row 2 has an object without"),
        ('{"question": ["Q?"], "answer": "x"}', "row 2 has list"),
        ('{"question": "Q?", "kind": "magic"}', "row 2 is of an unknown kind 'magic'"),
        ('{"question": "Q?", "split": "half"}', "row 2 is of an unknown split 'half'"),
        ('{"question": "Q?", "answer": "x", "page": "iv"}', "row 2 has the page 'iv'"),
        ('{"question": "Q?", "answer": "x", "page": 0}', "row 2 has the page 0"),
        ('{"question": "Q?", "answer": "x", "choices": ["y", "z"]}', "'x', which is none of its choices"),
    ],
)
def test_the_first_bad_row_is_shown_or_counted(tmp_path, row, said):
    path = write(tmp_path, "q.jsonl", '{"question": "Fine?", "answer": "yes"}\n' + row + "\n")
    with pytest.raises(InputError) as error:
        read(path)
    assert said in str(error.value)
    assert "skip_bad=" in str(error.value)
    found = files.read(path, skip_bad=True)
    assert (len(found.asked), found.skipped) == (1, {"bad": 1})
    assert found.problems[0].startswith("row 2")


def test_an_empty_question_is_counted(tmp_path):
    found = files.read(write(tmp_path, "q.csv", "question,answer\n,x\nQ?,y\n"))
    assert ([a.question.answers for a in found.asked], found.skipped) == ([("y",)], {"empty": 1})


def test_a_file_without_any_answer_is_not_taken_for_unanswerable(tmp_path):
    path = write(tmp_path, "q.csv", "question,rubric\nHow tight?,see manual\n")
    with pytest.raises(InputError, match=r"no question with an answer.*question, rubric.*answer=.*kind=` unanswerable"):
        read(path)
    assert [q.kind for q in read(path, kind="unanswerable")] == ["unanswerable"]


def test_columns_that_are_not_there(tmp_path):
    path = write(tmp_path, "q.csv", "topic,text of it\na,b\n")
    with pytest.raises(InputError, match=r"no column of questions.*topic, text of it.*question="):
        read(path)
    with pytest.raises(InputError, match=r"no column 'Frage'.*topic, text of it"):
        read(path, columns=QuestionColumns("Frage"))


@pytest.mark.parametrize(("option", "value"), [("kind", "magic"), ("split", "half")])
def test_bad_options(tmp_path, option, value):
    with pytest.raises(InputError, match=value):
        read(lines(tmp_path, {"question": "Q?"}), **{option: value})


# --- real sets -----------------------------------------------------------------------------------------------


def test_real_sets():
    data = shared_data()
    pubmed = read(data / "pubmedqa" / "pubmedqa_train.json")
    assert len(pubmed) == 500
    assert {(q.kind, q.choices) for q in pubmed} == {("yesno", ("yes", "no", "maybe"))}
    bengali = files.read(data / "tydiqa" / "bengali_tydiqa_dev.json", language="bn").asked
    assert {a.question.language for a in bengali} == {"bn"}
    assert bengali[0].title == "গেটওয়ে অব ইন্ডিয়া"
    banking = read(data / "banking77" / "train.csv")
    assert {q.kind for q in banking} == {"label"}
    assert len(banking[0].choices) == 77
    cranfield = read(data / "cranfield")
    assert len(cranfield) == 225
    assert all(q.documents for q in cranfield)

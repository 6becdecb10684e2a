from __future__ import annotations

import json

import pytest

from metier.core.errors import InputError
from metier.core.questions import DocumentLookup, Question, load, load_exam, resolve

URIS = ["docs/manuals/a.pdf", "docs/old/a.pdf", "docs/Blade_root.md", "data/shop.sqlite#Artist", "docs/b.pdf"]


def test_what_is_written_is_read(tmp_path):
    question = Question(
        "1", "Is it locked?", ("yes",), ("a.pdf",), 2, "yesno", "en", "exam", ("yes", "no"), ("abc",), "q.csv:7"
    )
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps(question.to_json()))
    assert load(path) == [question] == [Question.from_json(question.to_json())]


def test_a_line_separator_inside_an_answer_ends_no_line(tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_text('{"question": "How tight?", "answers": ["First\u2028then\u0085now"]}\n', encoding="utf-8")
    (question,) = load(path)
    assert question.answers == ("First\u2028then\u0085now",)


def test_one_answer_need_be_no_list(tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_text('{"question": "How tight?", "answers": "840 Nm"}\n{"question": "How many?", "answers": 0}')
    assert [question.answers for question in load(path)] == [("840 Nm",), ("0",)]


def test_only_what_is_marked_is_exam(tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_text('{"question": "a?", "split": "exam"}\n{"question": "b?"}\n{"question": "c?", "split": "practice"}')
    assert [question.question for question in load_exam(path)] == ["a?"]
    path.write_text('{"question": "b?"}')
    with pytest.raises(InputError, match=r"no exam questions.*expert\.exam\.import_file"):
        load_exam(path)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("docs/b.pdf", ["docs/b.pdf"]),
        ("b.pdf", ["docs/b.pdf"]),
        ("b.pdf#page=3", ["docs/b.pdf"]),
        ("manuals/a.pdf", ["docs/manuals/a.pdf"]),
        ("a.pdf", ["docs/manuals/a.pdf", "docs/old/a.pdf"]),
        ("blade root", ["docs/Blade_root.md"]),
        ("shop.sqlite#Artist", ["data/shop.sqlite#Artist"]),
        ("df", []),
        ("", []),
    ],
)
def test_documents_by_what_people_call_them(name, meant):
    assert DocumentLookup(URIS).find(name) == meant


def test_a_document_that_means_none_or_several_is_told():
    for name, said in (("nowhere.pdf", "not in the store"), ("a.pdf", "may be docs/manuals/a.pdf or docs/old/a.pdf")):
        asked = [Question("7", "Where?", documents=("b.pdf", name), page=2)]
        with pytest.raises(InputError, match=f"q.jsonl: question 7 names '{name}'.*{said}"):
            resolve(asked, URIS, "q.jsonl")
        (kept,) = resolve(asked, URIS, "q.jsonl", loose=True)
        assert (kept.documents, kept.page) == (("docs/b.pdf",), None)
    (found,) = resolve([Question("7", "Where?", documents=("b.pdf",), page=2)], URIS, "q.jsonl")
    assert (found.documents, found.page) == (("docs/b.pdf",), 2)

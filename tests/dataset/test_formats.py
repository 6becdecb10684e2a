from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metier.core.errors import InputError
from metier.dataset import formats, rows
from metier.dataset.layouts import Columns
from metier.dataset.rows import Row
from metier.generation.base import Message


@pytest.fixture
def read(tmp_path):
    def read(*records, **options):
        path = tmp_path / "data.jsonl"
        path.write_text("\n".join(json.dumps(record) for record in records), encoding="utf-8")
        return formats.read(path, **options)

    return read


def test_alpaca(read):
    imported = read(
        {"instruction": "Translate", "input": "Öl", "output": "oil"},
        {"instruction": "How tight?", "input": "", "output": "840 Nm", "system": "Be short.", "history": [["a", "b"]]},
    )
    first, second = imported.rows
    assert imported.layout == "alpaca"
    assert (first.question, first.completion, first.instruction) == ("Translate\n\nÖl", "oil", None)
    assert (second.question, second.instruction) == ("How tight?", "Be short.")
    assert second.history == (Message("user", "a"), Message("assistant", "b"))
    assert second.prompt()[0].content == "Be short."
    assert first.origin == "data.jsonl:1"


def test_dolly_shows_its_context(read):
    (row,) = read({"instruction": "How tight?", "context": "840 Nm.", "response": "840", "category": "qa"}).rows
    assert [passage.text for passage in row.context] == ["840 Nm."]
    assert "840 Nm." in row.prompt()[-1].content


TURNS = [("system", "Be short."), ("human", "a?"), ("gpt", "b."), ("human", "c?"), ("gpt", "d."), ("human", "bye")]


@pytest.mark.parametrize("key", ["conversations", "messages"])
@pytest.mark.parametrize(("who", "what"), [("from", "value"), ("role", "content")])
def test_each_turn_of_the_assistant_is_a_row(read, key, who, what):
    imported = read({key: [{who: role, what: text} for role, text in TURNS]})
    first, second = imported.rows
    assert imported.layout == "conversation"
    assert (first.question, first.completion, first.history) == ("a?", "b.", ())
    assert (second.question, second.completion) == ("c?", "d.")
    assert second.history == (Message("user", "a?"), Message("assistant", "b."))
    assert {row.instruction for row in imported.rows} == {"Be short."}


def test_conversations_as_they_come(read):
    imported = read(
        {"system": "S", "conversations": [{"from": "gpt", "value": "Hi!"}, {"from": "human", "value": "a?"},
                                          {"from": "human", "value": "or b?"}, {"from": "gpt", "value": "c"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x?"}]},
                      {"role": "assistant", "content": "no", "weight": 0}, {"role": "user", "content": "y?"},
                      {"role": "assistant", "content": "yes", "weight": 1}]},
        {"messages": {"role": ["user", "assistant"], "content": ["p?", "q"]}},
    )  # fmt: skip
    asked = [(row.question, row.completion) for row in imported.rows]
    assert asked == [("a?\n\nor b?", "c"), ("y?", "yes"), ("p?", "q")]
    assert imported.rows[0].instruction == "S"
    assert imported.rows[1].history == (Message("user", "x?"), Message("assistant", "no"))


def test_prompt_and_completion_in_both_forms(read):
    plain, listed = read(
        {"prompt": "The sky is", "completion": " blue."},
        {
            "prompt": [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b"},
                       {"role": "user", "content": "c?"}],
            "completion": [{"role": "assistant", "content": "d"}],
        },
    ).rows  # fmt: skip
    assert (plain.question, plain.completion) == ("The sky is", "blue.")
    assert (listed.question, listed.completion) == ("c?", "d")
    assert len(listed.history) == 2  # the assistant's turn in the prompt is shown, not learned


def test_questions_and_answers(read):
    imported = read(
        {"question": "a?", "answers": ["b", "c"]},
        {"Query": "d?", "Response": 42},
        {"question": "e?", "context": "ctx", "title": "T", "answers": {"text": ["f"], "answer_start": [0]}},
        {"question": "g?", "answer": ""},
        {"question": "h?", "answers": {"text": []}},
        {"question": "i?", "answer": None},
    )
    assert imported.layout == "question/answer"
    assert [row.completion for row in imported.rows] == ["b", "42", "f"]
    assert imported.skipped == {"empty": 3}
    (passage,) = imported.rows[2].context
    assert (passage.text, passage.title, passage.start, passage.end) == ("ctx", "T", 0, 3)
    assert "[1] T (data.jsonl)\nctx" in imported.rows[2].prompt()[-1].content


def test_squad_file(tmp_path):
    path = tmp_path / "squad.json"
    asked = [{"question": "কবে?", "answers": [{"text": "১৮৬৩", "answer_start": 0}]}, {"question": "x?", "answers": []}]
    paragraph = {"context": "জন্ম ১৮৬৩ সালে।", "qas": asked}
    path.write_text(json.dumps({"data": [{"title": "জীবনী", "paragraphs": [paragraph]}]}), encoding="utf-8")
    imported = formats.read(path)
    (row,) = imported.rows
    assert (row.completion, row.context[0].title, row.language) == ("১৮৬৩", "জীবনী", "bn")
    assert imported.skipped == {"empty": 1}


def test_labels_by_name_and_by_number(tmp_path, read):
    assert read({"text": "lost my card", "category": "lost_card"}).rows[0].kind == "label"
    features = {"info": {"features": {"label": {"names": ["lost", "stolen"], "_type": "ClassLabel"}}}}
    table = pa.table({"text": ["a", "b", "c"], "label": [1, 0, -1]})
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(features)}), tmp_path / "l.parquet")
    imported = formats.read(tmp_path / "l.parquet")
    assert [row.completion for row in imported.rows] == ["stolen", "lost"]
    assert imported.skipped == {"empty": 1}


@pytest.mark.parametrize("names", [("lost card", "exchange rate"), ("কার্ড হারানো", "বিনিময় হার"), ("挂失", "汇率")])
def test_few_short_completions_again_and_again_are_labels(read, names):
    records = [{"prompt": f"Message {n} of a customer", "completion": names[n % 2]} for n in range(20)]
    assert {row.kind for row in read(*records).rows} == {"label"}
    assert {row.kind for row in read(*records[:18]).rows} == {""}  # too few to tell
    answers = [{"prompt": f"How tight is bolt {n}?", "completion": f"{n} Nm"} for n in range(20)]
    assert {row.kind for row in read(*answers).rows} == {""}


def test_named_columns(tmp_path):
    path = tmp_path / "faq.csv"
    path.write_text("Frage;Antwort;Quelle\nWie fest?;840 Nm;Handbuch\n", encoding="utf-16")
    (row,) = formats.read(path, columns=Columns("Frage", "Antwort", "quelle")).rows
    assert (row.question, row.completion, row.context[0].text) == ("Wie fest?", "840 Nm", "Handbuch")
    assert row.origin == "faq.csv:2"
    with pytest.raises(InputError, match=r"'Answer'.*Frage, Antwort, Quelle"):
        formats.read(path, columns=Columns("Frage", "Answer"))


def test_text_is_kept_as_documents_keep_it(read):
    (row,) = read({"question": "Cafe\u0301\x00\r\nwo?", "answer": " Ö\u0000l\ud800 "}).rows
    assert (row.question, row.completion) == ("Caf\u00e9\nwo?", "Öl")


@pytest.mark.parametrize(
    ("question", "language"),
    [("كم عزم البراغي؟", "ar"), ("扭矩是多少？", "zh"), ("ボルトの締め付けは？", "ja"), ("?", "en")],
)
def test_any_script(read, question, language):
    (row,) = read({"question": question, "answer": "840 Nm"}).rows
    assert (row.question, row.language) == (question, language)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"question": "b?"}, 'has no "answer"'),
        ({"question": ["b"], "answer": "c"}, "list in"),
        ({"question": "b?", "answer": True}, "bool in"),
        ({"question": "b?", "answer": {"value": "x"}}, 'without "text"'),
        ("just text", "no object"),
    ],
)
def test_a_bad_row_is_shown_or_counted(read, record, said):
    good = {"question": "a?", "answer": "b"}
    with pytest.raises(InputError, match="row 3 .*" + said) as caught:
        read(good, good | {"question": "other?"}, record)
    assert "--skip-bad" in caught.value.hint
    imported = read(good, record, skip_bad=True)
    assert (len(imported.rows), imported.skipped) == (1, {"bad": 1})
    assert "row 2" in imported.problems[0]


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([], "no turn of the assistant"),
        ([{"role": "user", "content": "a"}], "no turn of the assistant"),
        ("user: a", "list of turns"),
        ([{"role": "user", "content": "a"}, {"role": "tool", "content": "b"}], "'tool'"),
        ([{"role": "user", "content": "a"}, {"role": "system", "content": "b"}], "middle"),
        ([{"role": "user"}], "without"),
        ([{"content": "a"}], "without"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "not only text"),
        (["a"], "no object"),
    ],
)
def test_bad_conversations(read, turns, said):
    with pytest.raises(InputError, match=said):
        read({"messages": turns})


def test_unknown_and_ambiguous_layouts(read):
    with pytest.raises(InputError, match=r"columns are foo, bar.*row 1.*\"foo\": \"x+…") as caught:
        read({"foo": "x" * 5000, "bar": 1})
    assert "alpaca (instruction, output)" in caught.value.hint
    assert len(str(caught.value)) < 1000
    both = {"question": "a?", "answer": "b", "text": "t", "label": "l"}
    with pytest.raises(InputError, match="question/answer or label"):
        read(both)
    assert read(both, layout="label").rows[0].completion == "l"
    with pytest.raises(InputError, match="no layout 'magic'"):
        read(both, layout="magic")
    with pytest.raises(InputError, match="known layout"):
        read(1, 2, 3)


def test_one_bad_first_row_does_not_hide_the_layout(read):
    with pytest.raises(InputError, match="row 1"):
        read({"oops": 1}, *({"question": f"{n}?", "answer": "a"} for n in range(5)))


def test_importing_twice_adds_nothing(read):
    imported = read({"question": "a?", "answer": "b"}, {"question": "a?", "answer": "c"})
    known = formats.merge([], imported.rows)
    assert formats.merge(known, imported.rows) == known == list(imported.rows)


def test_an_experts_own_dataset_comes_back_whole(tmp_path):
    row = Row("a?", "b", kind="fact", history=(Message("user", "x"), Message("assistant", "y")), origin="faq.csv:3")
    rows.save(tmp_path / rows.FILE_NAME, [row])
    imported = formats.read(tmp_path / rows.FILE_NAME)
    assert imported.layout == "metier"
    assert imported.rows[0].id == row.id
    assert imported.rows[0].origin == "faq.csv:3"

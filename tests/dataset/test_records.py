from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metier.core.errors import InputError
from metier.dataset import records


def values(path, **options):
    return [record.values for record in records.read(path, **options).records]


def write(tmp_path, name, text, encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


ROWS = [{"question": "নীল চাবি কী খোলে?", "answer": "দরজা"}, {"question": "扭矩是多少？", "answer": "840 Nm"}]
LINES = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", LINES),
        ("a.jsonl", "\ufeff" + LINES.replace("\n", "\r\n\r\n")),
        ("a.jsonl", json.dumps(ROWS, indent=1)),
        ("a.json", json.dumps(ROWS)),
        ("a.json", LINES),
        ("a.json", json.dumps({"version": 1, "data": ROWS})),
        ("a.json", json.dumps({"conversations": ROWS})),
        ("a.json", json.dumps({"id 1": ROWS[0], "id 2": ROWS[1]})),
    ],
)
def test_json_in_any_dress(tmp_path, name, text):
    assert values(write(tmp_path, name, text)) == ROWS


def test_line_numbers_are_those_of_an_editor(tmp_path):
    text = '{"a": "one\u2028line"}\n\n{"a": 2}\n{broken\n'
    found = records.read(write(tmp_path, "a.jsonl", text)).records
    assert [record.number for record in found] == [1, 3, 4]
    assert found[0].values == {"a": "one\u2028line"}
    assert "not JSON" in found[2].problem


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t")])
def test_csv(tmp_path, name, separator, encoding):
    text = f'question{separator}answer\n"How, ""tight""?"{separator}840 Nm\n\n"two\nlines"{separator}yes\n'
    found = records.read(write(tmp_path, name, text, encoding)).records
    assert [record.values["question"] for record in found] == ['How, "tight"?', "two\nlines"]
    assert [record.number for record in found] == [2, 4]


@pytest.mark.parametrize("mark", ["\x0b", "\x0c", "\x1e", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_only_line_ends_end_a_row_of_csv(tmp_path, mark, quote, end):
    rows = ["question,answer", f"How tight?,{quote}First loosen it.{mark}Then 12 Nm.{quote}", "And bolt 2?,19 Nm"]
    found = values(write(tmp_path, "a.csv", end.join(rows)))
    assert [row["answer"] for row in found] == [f"First loosen it.{mark}Then 12 Nm.", "19 Nm"]


def test_a_cell_may_hold_a_document(tmp_path):
    path = write(tmp_path, "a.csv", f"question,answer\nq,{'x' * 300_000}\n")
    assert len(values(path)[0]["answer"]) == 300_000


def test_a_ragged_row_is_a_problem_of_that_row(tmp_path):
    found = records.read(write(tmp_path, "a.csv", "question,answer\na,b\na,b,c\n")).records
    assert [bool(record.problem) for record in found] == [False, True]
    assert "3 cells" in found[1].problem


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", b"", "holds no rows"),
        ("a.jsonl", b" \n\n", "holds no rows"),
        ("a.csv", b"question,answer\n", "holds no rows"),
        ("a.json", b"[]", "holds no rows"),
        ("a.json", b'{"question": "a", "answer": "b"}', "one JSON value"),
        ("a.json", b'[{"question": ', "not JSON"),
        ("a.json", b"[" * 100_000, "not JSON"),
        ("a.jsonl", b'{"a": 1}\n\x80\x03\xff\x00binary', "line 2"),
        ("a.csv", b"question,Question\na,b\n", "more than one column"),
        ("a.csv", b'question,answer\n"never closed,b\n', "line 2"),
        ("a.csv", b"\xff\xfea", "UTF-16"),
        ("a.parquet", b"PAR1 no", "not a Parquet file"),
        ("a.arrow", b"nothing", "not an Arrow file"),
        ("a.docx", b"PK\x03\x04", ".docx"),
        ("a", b"text", "without an ending"),
    ],
)
def test_silly_files(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        records.read(path)


def test_missing_and_wrong_folder(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        records.read(tmp_path / "nowhere.csv")
    with pytest.raises(InputError, match="save_to_disk"):
        records.read(tmp_path)


def test_parquet_with_nested_columns_and_label_names(tmp_path):
    turns = [[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]]
    table = pa.table({"messages": turns, "label": [1]})
    features = {"info": {"features": {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}}}
    path = tmp_path / "a.data"
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(features)}), path)
    found = records.read(path)
    assert found.records[0].values == {"messages": turns[0], "label": 1}
    assert found.names == {"label": ("no", "yes")}


def test_arrow_file_and_stream(tmp_path):
    table = pa.table({"question": ["a"], "answer": ["b"]})
    for number, make in enumerate((pa.ipc.new_file, pa.ipc.new_stream)):
        path = tmp_path / f"{number}.arrow"
        with make(str(path), table.schema) as writer:
            writer.write_table(table)
        assert values(path) == [{"question": "a", "answer": "b"}]


def test_a_folder_of_datasets(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["lost", "stolen"])}
    )
    train = datasets.Dataset.from_dict({"text": ["one", "two"], "label": [0, 1]}, features=features)
    datasets.disable_progress_bars()
    train.save_to_disk(tmp_path / "plain", num_shards=2)
    datasets.DatasetDict({"train": train, "test": train.select([1])}).save_to_disk(tmp_path / "splits")
    assert [row["text"] for row in values(tmp_path / "plain")] == ["one", "two"]
    assert [row["text"] for row in values(tmp_path / "splits", split="test")] == ["two"]
    assert records.read(tmp_path / "splits").names == {"label": ("lost", "stolen")}
    with pytest.raises(InputError, match="train, test"):
        records.read(tmp_path / "splits", split="exam")

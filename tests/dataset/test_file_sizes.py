"""Files of questions and of training rows are read within limits, whichever of the two they are imported as."""

from __future__ import annotations

import json
import os
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metier import Expert
from metier.core.errors import InputError

pytestmark = pytest.mark.slow

GOOD = {"question": "How often is the oil changed?", "answer": "Every 31 months."}
LONG = {"question": "What is long?", "answer": "x" * 3_000_000}


@pytest.fixture
def expert(tmp_path):
    with Expert.create(tmp_path / "expert") as made:
        yield made


@pytest.fixture(params=["dataset", "exam"])
def importing(request, expert):
    return getattr(expert, request.param).import_file


def sparse(path):
    with path.open("wb") as file:
        file.write(json.dumps(GOOD).encode() + b"\n")
        file.truncate(40 * 2**30)


def constant(path):
    """Ten million rows in some kilobytes."""
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 10_000_000, pa.int32()), ["why?"])
    pq.write_table(pa.table({"question": column, "answer": column}), path)


def blown_up(path):
    """Rows of a megabyte each, all the same."""
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), ["a" * 2**20])
    pq.write_table(pa.table({"question": column, "answer": column}), path)


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("a.jsonl", sparse, "MiB"),
        ("a.json", sparse, "MiB"),
        ("a.csv", sparse, "MiB"),
        ("a.parquet", sparse, "MiB"),
        ("a.arrow", sparse, "MiB"),
        ("a.jsonl", os.mkfifo, "not a file"),
        ("a.csv", lambda path: path.symlink_to("/dev/zero"), "not a file"),
        ("a.json", lambda path: path.write_text("[" + "[]," * 21_000_000 + "[]]"), "lists and objects"),
        ("a.csv", lambda path: path.write_text(f"question,answer\n{'x' * 3_000_000},b\n"), "more than 2,000,000"),
        ("a.parquet", constant, "rows"),
        ("a.parquet", blown_up, "MiB"),
    ],
)
def test_more_than_a_file_may_hold_is_refused_before_it_costs_anything(importing, tmp_path, name, make, said):
    path = tmp_path / name
    make(path)
    began = time.monotonic()
    with pytest.raises(InputError, match=said) as refused:
        importing(path)
    assert name in str(refused.value)
    assert time.monotonic() - began < 20


def test_a_line_without_end_is_a_bad_row_among_good_ones(importing, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, (GOOD, LONG))))
    with pytest.raises(InputError, match="more than 2,000,000 characters"):
        importing(path)
    importing(path, skip_bad=True)


@pytest.mark.parametrize(("name", "what"), [("dataset.jsonl", "dataset"), ("questions.jsonl", "exam")])
def test_what_is_kept_is_read_within_limits_too(expert, tmp_path, name, what):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(GOOD))
    getattr(expert, what).import_file(path)
    (kept,) = expert.folder.rglob(name)
    whole = kept.read_bytes()
    for wrong, said in ((sparse, "MiB"), (lambda path: path.write_bytes(whole[:-2] + b"x" * 2**25), "is longer than")):
        wrong(kept)
        expert.close()
        with Expert.open(expert.folder) as again, pytest.raises(InputError, match=said):
            again.dataset.rows() if what == "dataset" else again.exam.questions()


def test_rows_that_could_not_be_read_again_are_not_kept(expert, tmp_path):
    path = tmp_path / "a.json"
    turns = [{"role": "user", "content": "x" * 1_900_000}, {"role": "assistant", "content": "y"}] * 10
    path.write_text(json.dumps([{"messages": turns}]))
    with pytest.raises(InputError, match="is longer than 16 MiB"):
        expert.dataset.import_file(path)
    assert expert.dataset.rows() == []

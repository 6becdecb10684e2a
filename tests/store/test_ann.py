"""The approximate index: built above `exact_until`, measured, and losing nothing that exact search would find."""

from __future__ import annotations

import shutil
import zlib
from functools import cache

import numpy as np
import pytest
from conformance import make_document, make_passages

from metier.core.documents import document_id
from metier.core.settings import StoreSettings
from metier.store import Filter, Identity, open_store
from metier.store.base import Entry
from metier.store.recall import RECALL_WANTED

pytestmark = pytest.mark.slow

DIMENSION = 32
IDENTITY = Identity("test", "weights-1", DIMENSION, "analyser-1")
LINES = [f"line {n}" for n in range(1500)]
KEYS = ["নীল চাবি", "লাল চাবি"]
QUERIES = [f"query {n}" for n in range(40)]


@cache
def vector_of(text: str) -> np.ndarray:
    """The same text, the same vector, in every process."""
    vector = np.random.default_rng(zlib.crc32(text.encode())).normal(size=DIMENSION).astype(np.float32)
    return vector / np.linalg.norm(vector)


def put(store, uri: str, lines: list[str], **options) -> None:
    document = make_document(uri, lines, **options)
    vectors = np.stack([vector_of(line) for line in lines])
    store.replace([Entry(document, make_passages(document), vectors, [line.split() for line in lines])])


def found(store, text: str, limit: int = 10, where: Filter | None = None) -> list[str]:
    return [hit.passage.text for hit in store.dense(vector_of(text), limit, where)]


def nearest(lines: list[str], text: str, count: int = 10) -> list[str]:
    """By brute force."""
    return sorted(lines, key=lambda line: -float(vector_of(line) @ vector_of(text)))[:count]


def share(store, lines: list[str], query: str) -> float:
    """Of the exact ten nearest, how many are found."""
    return len({*nearest(lines, query)} & {*found(store, query)}) / 10


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A store with its index, for reading only, and what building it told."""
    store = open_store(tmp_path_factory.mktemp("built") / "store", StoreSettings(exact_until=1000), IDENTITY)
    put(store, "many.md", LINES)
    put(store, "গোপন.md", KEYS, groups=("service",))
    return store, store.optimize()


@pytest.fixture
def copied(built, tmp_path):
    """The same store, for writing."""
    shutil.copytree(built[0]._files.folder, tmp_path / "store")
    return open_store(tmp_path / "store", StoreSettings(exact_until=1000), IDENTITY)


def test_nothing_is_built_up_to_the_limit_and_an_index_one_above(tmp_path):
    store = open_store(tmp_path / "store", StoreSettings(exact_until=300), IDENTITY)
    put(store, "a.md", LINES[:300])
    assert store.optimize() == {}
    put(store, "b.md", ["one more"])
    assert store.optimize()["rows"] == 301


def test_recall_is_measured_when_the_index_is_built_and_it_is_built_once(built, copied):
    _, made = built
    assert (made["state"], made["rows"]) == ("built", 1502)
    assert RECALL_WANTED <= made["recall_at_10"] <= 1
    assert copied.optimize() == {}


def test_the_recall_told_is_the_one_that_questions_get(built):
    """Questions lie far from every passage; queries drawn near stored vectors would be easier."""
    store, made = built
    shares = [share(store, LINES + KEYS, query) for query in QUERIES]
    assert np.mean(shares) >= RECALL_WANTED
    assert np.mean(shares) == pytest.approx(made["recall_at_10"], abs=0.05)


def test_search_with_the_index_gives_cosines_and_as_many_as_asked_for(built):
    store, _ = built
    (hit,) = store.dense(vector_of("line 7"), 1)
    assert hit.passage.text == "line 7"
    assert hit.score == pytest.approx(1.0, abs=0.02)
    assert len(found(store, "line 7", 200)) == 200


def test_filters_hold_before_ranking_with_the_index_too(built):
    store, _ = built
    assert {*found(store, "line 7", 10, Filter(uri="গোপন.md"))} == {*KEYS}
    assert "নীল চাবি" not in found(store, "নীল চাবি", 100, Filter(groups=()))
    assert found(store, "নীল চাবি", 1, Filter(groups=("service",))) == ["নীল চাবি"]


def test_what_is_added_after_the_index_is_found_at_once_and_after_the_next_optimize(copied):
    late = ["风机 转速", "سرعة الدوران"]
    put(copied, "late.md", late)
    for _ in range(2):
        assert [found(copied, line, 1) for line in late] == [["风机 转速"], ["سرعة الدوران"]]
        assert {*late} <= {*found(copied, "line 1", 2000)}
        copied.optimize()


def test_what_is_replaced_or_deleted_after_the_index_is_gone_at_once(copied):
    put(copied, "many.md", [*LINES[:-1], "a new line"], content_hash="2")
    copied.delete([document_id("গোপন.md")])
    for _ in range(2):
        assert found(copied, "a new line", 1) == ["a new line"]
        assert "line 1499" not in found(copied, "line 1499", 100)
        assert "নীল চাবি" not in found(copied, "নীল চাবি", 100)
        assert len(found(copied, "line 3", 2000)) == 1500
        copied.optimize()


def test_an_index_with_too_low_a_recall_is_refused_and_search_stays_exact(tmp_path, monkeypatch):
    monkeypatch.setattr("metier.store.recall.RECALL_WANTED", 1.01)  # what no index reaches
    store = open_store(tmp_path / "store", StoreSettings(exact_until=300), IDENTITY)
    put(store, "a.md", LINES[:400])
    made = store.optimize()
    assert made["state"] == "refused"
    assert made["recall_at_10"] > 0.5
    assert all(found(store, query) == nearest(LINES[:400], query) for query in QUERIES)

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from conformance import DIMENSION, IDENTITY, StoreConformance, make_document, make_passages, put, vector_of

from metier.core.errors import StoreError
from metier.core.settings import StoreSettings
from metier.store import Entry
from metier.store import open_store as open_at
from metier.store.base import Filter

pytestmark = pytest.mark.slow


@pytest.fixture
def open_store(tmp_path):
    def open_again(identity=IDENTITY, *, replace=False, exact_until=200_000):
        return open_at(tmp_path / "store", StoreSettings(exact_until=exact_until), identity, replace=replace)

    return open_again


class TestLance(StoreConformance):
    pass


class TestLanceWithIndexedColumns(StoreConformance):
    """As it is from 20,000 rows on."""

    @pytest.fixture(autouse=True)
    def from_the_first_row(self, monkeypatch):
        monkeypatch.setattr("metier.store.lance.scalar_indexes.INDEXED_FROM", 1)


def test_index_is_built_above_the_size_and_its_recall_measured(open_store):
    store = open_store(exact_until=100)
    put(store, "a.md", [f"line {n}" for n in range(400)])
    made = store.optimize()
    assert made["state"] == "built"
    assert made["recall_at_10"] >= 0.95
    put(store, "b.md", ["a late line"])
    assert store.dense(vector_of("a late line"), 1)[0].passage.text == "a late line"
    assert store.optimize() == {}


@pytest.mark.parametrize("is_writable", [True, False])
def test_statistics_of_an_earlier_version_are_taken_again_for_each_reader(open_store, tmp_path, is_writable):
    store = open_store()
    put(store, "open.md", ["nut torque", "nut oil"])
    put(store, "board.md", ["nut vault"], groups=("board",))
    store.optimize()
    own = Filter(groups=())
    wanted = [store.frequencies(["nut", "vault"], where).tolist() for where in (None, own)]
    cosines = store.background(vector_of("nut"), own)
    for name in ("frequencies.npy", "background.npy"):
        np.save(tmp_path / "store" / name, np.zeros(3))
        if not is_writable:  # also for root
            (tmp_path / "store" / f"{name}.{os.getpid()}").mkdir()
    store = open_store()
    assert wanted == [[3, 1], [2, 0]]
    assert [store.frequencies(["nut", "vault"], where).tolist() for where in (None, own)] == wanted
    assert store.background(vector_of("nut"), own) == cosines


def test_killed_between_documents_leaves_whole_documents(tmp_path):
    """A child writes documents one by one and is killed with SIGKILL; every document it left is whole."""
    child = f"""
import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})
from pathlib import Path
from conformance import IDENTITY, put
from metier.core.settings import StoreSettings
from metier.store import open_store
store = open_store(Path({str(tmp_path)!r}), StoreSettings(), IDENTITY)
for n in range(10_000):
    put(store, f"{{n % 50}}.md", [f"{{n}} one", f"{{n}} two", f"{{n}} three"], content_hash=str(n))
    print(n, flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 70:
            process.kill()
            break
    process.stdout.close()
    process.wait()
    store = open_at(tmp_path, StoreSettings(), IDENTITY)
    documents, passages = store.counts()
    assert documents == 50
    assert passages == 150
    by_document: dict[str, set[str]] = {}
    for hit in store.dense(vector_of("q"), 1000):
        by_document.setdefault(hit.passage.uri, set()).add(hit.passage.text.split()[0])
    assert all(len(versions) == 1 for versions in by_document.values())
    put(store, "after.md", ["works on"])
    assert store.counts() == (51, 151)


def test_a_document_with_a_large_table_is_kept_and_compacted(tmp_path):
    """In a process of its own: memory that cannot be had ends it."""
    child = f"""
import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})
from dataclasses import replace
from pathlib import Path
from conformance import IDENTITY, entry, make_document, put
from metier.core.documents import TextBuilder
from metier.core.settings import StoreSettings
from metier.store import open_store
store = open_store(Path({str(tmp_path)!r}), StoreSettings(), IDENTITY)
put(store, "a.md", ["one", "two"])
builder = TextBuilder()
builder.add_table([[f"{{n}}-{{k}}" for k in range(20)] for n in range(40_000)])
large = replace(make_document("large.csv", [f"line {{n}}" for n in range(4000)]), tables=tuple(builder.tables))
store.replace([entry(large)])
store.optimize()
assert store.document(large.id) == large
assert store.counts() == (2, 4002)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", child], check=True, timeout=300)


def test_importing_the_store_leaves_the_real_namespace_package_importable(tmp_path):
    code = (
        "from pathlib import Path; from metier.store import open_store, Identity;"
        "from metier.core.settings import StoreSettings;"
        f"open_store(Path({str(tmp_path)!r}), StoreSettings(), Identity('a', 'b', 4, 'c'));"
        "import sys; assert 'lance_namespace' not in sys.modules;"
        "import lance_namespace; assert lance_namespace.__file__"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_vectors_that_are_no_numbers_are_refused(open_store):
    document = make_document("a.md", ["one"])
    bad = np.full((1, DIMENSION), np.nan, np.float32)
    with pytest.raises(StoreError):
        open_store().replace([Entry(document, make_passages(document), bad, [["one"]])])


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "store").write_text("a file where the folder should be")
    with pytest.raises(StoreError) as caught:
        open_at(tmp_path / "store", StoreSettings(), IDENTITY)
    assert caught.value.hint

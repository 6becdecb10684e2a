"""The packaged readers, for real: made from the embedder in the cache and the adapter that comes with Métier."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from metier import models
from metier.core.documents import Passage
from metier.core.errors import ModelError, SettingsError
from metier.models import cross_encoder
from metier.models.onnx_file import Graph, read_weights
from metier.reader import Reader, Reading, RememberingReader, create, whole_sentences
from metier.reader.encoding import ROW_TOKENS, PairEncoder
from metier.reader.onnx import OnnxReader
from metier.reader.spans import best_span

pytestmark = pytest.mark.slow

PRICES = "Part: QX-11 | Price: 12 EUR\nPart: QX-13 | Price: 19 EUR\nPart: QX-14 | Price: 7 EUR"
BENGALI = "পাম্পটি প্রতি ছয় মাসে একবার পরিষ্কার করতে হয়। ফিল্টারের দাম ৪৫০ টাকা। চাপ বেশি হলে পাম্প বন্ধ হয়ে যায়।"


def passage(text: str, *headings: str) -> Passage:
    return Passage("p", "d", text, 0, len(text), headings=headings)


@pytest.fixture(scope="session")
def english() -> Reader:
    reader = create(threads=1)
    assert reader is not None
    return reader


@pytest.fixture(scope="session")
def multilingual() -> Reader:
    reader = create(language="bn", threads=1)
    assert reader is not None
    return reader


def test_tells_the_passage_that_answers_and_the_place(english: Reader) -> None:
    steps = passage("1. Switch the press off.\n2. Hang your lock on it.\n3. Try to start it.", "Lockout")
    row, wrong, absent = english.read(
        "What is the price of part QX-13?", [passage(PRICES, "Prices"), steps]
    ) + english.read("What is the price of part ZB-77?", [passage(PRICES, "Prices")])
    assert row.answerable > 0.6 > 0.4 > wrong.answerable
    assert absent.answerable < row.answerable - 0.2
    start, end = whole_sentences(PRICES, row.start, row.end)
    assert PRICES[start:end] == "Part: QX-13 | Price: 19 EUR"


def test_offsets_in_bengali(multilingual: Reader) -> None:
    (reading,) = multilingual.read("ফিল্টারের দাম কত?", [passage(BENGALI, "পাম্প")])
    assert "৪৫০" in BENGALI[reading.start : reading.end]
    start, end = whole_sentences(BENGALI, reading.start, reading.end, "bn")
    assert BENGALI[start:end] == "ফিল্টারের দাম ৪৫০ টাকা।"


def test_a_reading_does_not_depend_on_what_else_is_read(english: Reader) -> None:
    asked = "Which part costs 7 EUR?"
    alone = english.read(asked, [passage(PRICES)])[0]
    among = english.read(asked, [passage("Short."), passage(PRICES), passage("The hall is open on Sundays. " * 9)])[1]
    again = english.read(asked, [passage(PRICES)])[0]
    assert alone == again
    assert (alone.start, alone.end) == (among.start, among.end)
    assert alone.answerable == pytest.approx(among.answerable, abs=1e-3)


def test_nothing_to_read(english: Reader) -> None:
    assert english.read("Who?", []) == []
    empty, blank = english.read("Who?", [passage(""), passage(" \n ")])
    for reading in (empty, blank):
        assert (reading.start, reading.end, reading.span_score) == (0, 0, 0.0)
        assert 0 <= reading.answerable < 0.5


def test_a_passage_longer_than_a_row_is_read_to_its_end(english: Reader) -> None:
    text = "The hall was painted in spring. " * 90 + "The caretaker of the hall is Mrs Oduya."
    assert len(PairEncoder(models.folder("reader-english")).rows("Who is the caretaker of the hall?", (), text)) > 1
    (reading,) = english.read("Who is the caretaker of the hall?", [passage(text)])
    assert "Oduya" in text[reading.start : reading.end]


def test_a_lone_surrogate_and_a_question_of_a_thousand_words(english: Reader) -> None:
    (reading,) = english.read("why " * 1000, [passage("It was \ud800 late.")])
    assert 0 <= reading.start <= reading.end <= len("It was \ud800 late.")


@pytest.mark.parametrize("name", ["reader-english", "reader-multilingual"])
def test_made_offline_from_the_embedder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = next(model for model in models.CATALOG if model.name == name)
    base = models.ensure(model.base)
    monkeypatch.setenv("METIER_CACHE", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / model.base).symlink_to(base)

    def refuse(*_: object) -> None:
        raise AssertionError("nothing may be fetched")

    monkeypatch.setattr(models, "obtain", refuse)
    assert models.ensure(name) == tmp_path / "models" / name
    assert models.verify(name) == []


def test_a_damaged_adapter_is_named(tmp_path: Path) -> None:
    base = models.ensure("all-minilm-l6-v2")
    data = (models.ADAPTERS / "english.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    missing = {key: value for key, value in header.items() if key != "span.weight"}
    short = json.dumps(missing).encode()
    broken = {
        "cut": data[: len(data) // 2],
        "no header": b"\xff" * 64,
        "empty": b"",
        "no metadata": b"\x02\0\0\0\0\0\0\0{}",
        "a head is missing": len(short).to_bytes(8, "little") + short + data[8 + length :],
    }
    for name, content in broken.items():
        file = tmp_path / "adapter.safetensors"
        file.write_bytes(content)
        with pytest.raises(ModelError, match=r"adapter\.safetensors") as caught:
            cross_encoder.convert(base, file, tmp_path)
        assert caught.value.hint, name
    with pytest.raises(ModelError, match="cannot be read"):
        cross_encoder.convert(base, tmp_path / "none.safetensors", tmp_path)


def test_merged_as_torch_computes_it(english: Reader) -> None:
    """ONNX Runtime in 8 bits against torch in 32, from the same adapter."""
    torch = pytest.importorskip("torch")
    base = cross_encoder.EncoderWeights(models.ensure("all-minilm-l6-v2"))
    tensors, _ = cross_encoder.read_adapter(models.ADAPTERS / "english.safetensors")
    encoder = PairEncoder(models.ensure("reader-english"))
    row = encoder.rows("What is the price of part QX-13?", ("Prices",), PRICES)[0]

    def tensor(name: str, *, matrix: bool = False):
        if matrix:
            return torch.tensor(cross_encoder.merged(base, tensors, name))
        return torch.tensor(tensors[name] if name in tensors else base.vector(name)).float()

    def norm(x, name: str):
        return torch.nn.functional.layer_norm(x, (384,), tensor(f"{name}.weight"), tensor(f"{name}.bias"), 1e-12)

    numbers = np.array(row.numbers)
    x = norm(torch.tensor(base.words(numbers)) + tensor("position")[: len(numbers)], "norm")
    for layer in range(6):

        def apply(y, part: str, layer: int = layer):
            return y @ tensor(f"{layer}.{part}", matrix=True).T + tensor(f"{layer}.{part}.bias")

        heads = [apply(x, part).view(-1, 12, 32).transpose(0, 1) for part in ("query", "key", "value")]
        attended = torch.nn.functional.scaled_dot_product_attention(*heads).transpose(0, 1).reshape(-1, 384)
        x = norm(x + apply(attended, "out"), f"{layer}.attention_norm")
        x = norm(x + apply(torch.nn.functional.gelu(apply(x, "up")), "down"), f"{layer}.output_norm")
    span = (x @ tensor("span.weight").T + tensor("span.bias")).numpy()
    answerable = [
        (y @ tensor(f"{n}.weight").T + tensor(f"{n}.bias")).item() for n, y in (("first", x[0]), ("mean", x.mean(0)))
    ]

    session = english._load()._session
    feeds = {"input_ids": numbers[None].astype(np.int64), "attention_mask": np.ones((1, len(numbers)), np.int64)}
    ours, logits = session.run(["span", "answerable"], feeds)
    assert np.abs(logits[0] - answerable).max() < 0.4
    assert np.abs(ours[0] - span).mean() < 0.3
    found, expected = best_span(ours[0], row.places), best_span(span, row.places)
    assert (found.start, found.end) == (expected.start, expected.end)


def test_both_ways_of_cutting_words_agree() -> None:
    """Few pieces looked up for a short text, all of them loaded for a long one."""
    encoder = PairEncoder(models.ensure("multilingual-e5-small"))
    texts = [
        BENGALI,
        PRICES,
        "Ｆｕｌｌ　ｗｉｄｔｈ，ﬁne ½ Ωmega\n更换刀片时先切断电源，再松开三个螺丝。\n\n \u200bnaïve",
    ]
    quick = [encoder.rows("কত? price 价格", ("দাম › Price",), text) for text in texts]
    encoder._seen = 10**9
    assert [encoder.rows("কত? price 价格", ("দাম › Price",), text) for text in texts] == quick
    for text, rows in zip(texts, quick, strict=True):
        assert len(rows[0].numbers) == len(rows[0].places) <= ROW_TOKENS
        assert all(0 <= a <= b <= len(text) for a, b in rows[0].places if a >= 0)


def test_choosing_a_reader(tmp_path: Path) -> None:
    assert create("none") is None
    named = {language: create(language=language).name for language in ("en", "en-GB", "bn", "de")}
    assert named == {
        "en": "reader-english",
        "en-GB": "reader-english",
        "bn": "reader-multilingual",
        "de": "reader-multilingual",
    }
    assert create(language="en", multilingual=True).name == "reader-multilingual"
    assert create().fingerprint != create(language="bn").fingerprint
    with pytest.raises(SettingsError, match="onnx:FOLDER"):
        create("bert")
    with pytest.raises(ModelError, match="not a folder"):
        create("onnx:nowhere", folder=tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match="holds no"):
        create("onnx:.", folder=tmp_path).read("Who?", [passage("She.")])


def test_a_question_answering_model_of_another_make(tmp_path: Path) -> None:
    """A stand-in for an exported SQuAD model: each token's number is its logit, "no answer" is the first token's."""
    graph = Graph()
    ids = graph.add_input("input_ids", "int64", ("batch", "tokens"))
    graph.add_input("attention_mask", "int64", ("batch", "tokens"))
    for name in ("start_logits", "end_logits"):
        graph.node("Div", [graph.node("Cast", [ids], to=1), graph.weight("k", np.float32([1000]))], name=name)
        graph.add_output(name, "float32", ("batch", "tokens"))
    graph.save(tmp_path / "model.onnx")
    (tmp_path / "tokenizer.json").write_bytes((models.ensure("all-minilm-l6-v2") / "tokenizer.json").read_bytes())
    reader = create(f"onnx:{tmp_path}", threads=1)
    text = "the zucchini"
    (reading,) = reader.read("what", [passage(text)])
    numbers, places = (lambda row: (row.numbers, row.places))(PairEncoder(tmp_path).rows("what", (), text)[0])
    highest = max((number, place) for number, place in zip(numbers, places, strict=True) if place[0] >= 0)
    assert (reading.start, reading.end) == highest[1]
    assert reading.answerable == pytest.approx(1 / (1 + np.exp(-2 * (highest[0] - numbers[0]) / 1000)), abs=1e-6)
    assert len(reader.fingerprint) == 16


def test_a_model_that_is_no_reader(tmp_path: Path) -> None:
    folder = models.ensure("all-minilm-l6-v2")
    with pytest.raises(ModelError, match="is no reader"):
        OnnxReader(folder, name="x").read("Who?", [passage("She.")])


def test_weights_read_back(tmp_path: Path) -> None:
    graph, rng = Graph(), np.random.default_rng(0)
    kept = {"large": rng.random((70, 50)).astype(np.float32), "small": np.arange(-3, 4, dtype=np.int8).reshape(7, 1)}
    for name, array in kept.items():
        graph.weight(name, array)
    graph.save(tmp_path / "model.onnx")
    read = read_weights(tmp_path / "model.onnx")
    assert read.keys() == kept.keys()
    assert all(np.array_equal(read[name], array) and read[name].dtype == array.dtype for name, array in kept.items())
    (tmp_path / "model.onnx").write_bytes(b"no onnx")
    with pytest.raises(ValueError, match=r"model\.onnx"):
        read_weights(tmp_path / "model.onnx")


def test_best_span_by_hand() -> None:
    places = [(-1, -1), (0, 2), (3, 5), (6, 9)]
    logits = np.array([[0, 0], [1, 0], [3, 1], [0, 2.0]])
    found = best_span(logits, places)
    assert (found.start, found.end, found.margin) == (3, 9, 5.0)
    backwards = best_span(logits[[0, 3, 2, 1]], places)  # a span never ends before it starts
    assert backwards.start <= backwards.end
    assert best_span(np.zeros((2, 2)), [(-1, -1), (-1, -1)]).probability == 0


def test_frozen_results(english: Reader) -> None:
    reading = english.read("Which part costs 7 EUR?", [passage(PRICES)])[0]
    assert replace(reading, answerable=0.0).span_score == reading.span_score


class CountingReader:
    """Stands for a reader: it counts what it is asked, and has one sentence a word."""

    name = fingerprint = "counting"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read(self, question, passages):
        self.asked += [passage.text for passage in passages]
        return [Reading(0.5, 0, 1, 0.5, (0.0,) * len(passage.text.split())) for passage in passages]

    def close(self) -> None:
        self.asked.clear()


def test_the_same_pair_is_read_once():
    inner = CountingReader()
    reader = RememberingReader(inner, most=3)
    one, two = passage("One."), passage("Two words.")
    assert [len(each.sentences) for each in reader.read("?", [one, two, one])] == [1, 2, 1]
    reader.read("?", [two])
    assert inner.asked == ["One.", "Two words."]
    reader.read("?", [passage("One.", "A heading"), replace(one, language="de")])  # what else a reading depends on
    assert inner.asked == ["One.", "Two words.", "One.", "One."]
    reader.read("?", [one])  # the oldest went
    assert inner.asked[-1] == "One."
    assert len(inner.asked) == 5

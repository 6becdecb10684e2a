from __future__ import annotations

import pytest

from dataset.stand_in_teacher import StandInTeacher
from metier.core.documents import Passage
from metier.core.errors import EndpointError
from metier.core.settings import GenerationSettings
from metier.generation import create
from metier.generation.completion_cache import Cache, key_of
from metier.synthesis.by_model import QAPairWriter, parse

pytestmark = pytest.mark.slow

TEXT = (
    "The gearbox oil of the NV-110 is changed every 31 months. The oil filter of the NV-110 is changed every 17 months."
)


def passage(text=TEXT, name="p"):
    return Passage(name, "d", text, 0, len(text), ("Manual", "Oil"), uri="m.md", title="Manual", language="en")


@pytest.mark.parametrize(
    "written",
    [
        "Q: How high is it?\nA: 12 m\nQ: How old?\nA: 3 years",
        "Here are the questions:\n\n**Q1:** How high is it?\n**A1:** 12 m\n\n**Q2:** How old?\n**A2:** 3 years",
        "1. Question: How high is it?\n   Answer: 12 m\n2. Question: How old?\n   Answer: 3 years",
        "- Q: How high is it? A: 12 m\n- Q: How old? A: 3 years",
        "Q：How high is it?\nA：12 m\nQ：How old?\nA：3 years\nQ: And unanswered?",
        "প্রশ্ন: How high is it?\nউত্তর: 12 m\n问题：How old?\n答案：3 years",
        "Q: How high\nis it?\nA: 12\nm\nQ: How old?\nA: 3 years",
        "A: lost\nQ: How high is it?\nA: 12 m\nA: 13 m\nQ: How old?\nA: 3 years",
    ],
)
def test_whatever_marks_a_model_puts(written):
    assert parse(written) == [("How high is it?", "12 m"), ("How old?", "3 years")]


def test_nothing_that_looks_like_pairs():
    assert parse("I cannot do that.\n\nSorry.") == []
    assert parse("") == []


def test_the_packaged_model_writes_pairs(tmp_path):
    generator = create(GenerationSettings(threads=1, context_tokens=1024))
    writer = QAPairWriter(generator, Cache(tmp_path / "cache.jsonl"), 0, "en")
    pairs = writer.write(passage())
    again = writer.write(passage())
    generator.close()
    assert pairs, "it manages the format"
    assert again == pairs
    assert writer.asked == 1
    assert all(pair.question and pair.answer and pair.source == "model" for pair in pairs)


def test_a_long_passage_is_cut_until_it_fits(tmp_path):
    generator = create(GenerationSettings(threads=1, context_tokens=700))
    writer = QAPairWriter(generator, Cache(tmp_path / "cache.jsonl"), 0, "en")
    writer.write(passage(TEXT * 20))
    generator.close()
    assert writer.asked == 1


def teacher_at(server):
    return create(GenerationSettings(model="openai:stand-in", url=server.url))


def test_a_teacher_behind_an_endpoint(tmp_path):
    with StandInTeacher() as server:
        writer = QAPairWriter(teacher_at(server), Cache(tmp_path / "cache.jsonl"), 0, "en")
        pairs = writer.write(passage())
        assert (pairs[0].question, pairs[0].answer) == (
            "How often is the gearbox oil of the NV-110 changed?", "every 31 months",
        )  # fmt: skip
        assert len(pairs) == 5
        assert "[Manual › Oil]" in server.prompts[0]
        assert writer.write(passage("too short")) == []
        assert writer.reword("How old is the NV-110?", 3) == [
            "How old is the NV-110?", "At what interval: How old is the NV-110?", "Please tell: How old is the NV-110?",
        ]  # fmt: skip


def test_a_teacher_that_fails_midway_loses_nothing(tmp_path):
    texts = [TEXT, TEXT.replace("31", "32"), TEXT.replace("31", "33")]
    with StandInTeacher(fails_after=2) as server:
        writer = QAPairWriter(teacher_at(server), Cache(tmp_path / "cache.jsonl"), 0, "en")
        before = [writer.write(passage(text)) for text in texts[:2]]
        with pytest.raises(EndpointError, match=r"quota is used up.*same command goes on from there"):
            writer.write(passage(texts[2]))
        server.fails_after = None
        resumed = QAPairWriter(teacher_at(server), Cache(tmp_path / "cache.jsonl"), 0, "en")
        assert [resumed.write(passage(text)) for text in texts[:2]] == before
        assert resumed.asked == 0
        resumed.write(passage(texts[2]))
        assert (resumed.asked, len(server.prompts)) == (1, 3)


def test_another_seed_or_model_is_not_cached(tmp_path):
    with StandInTeacher() as server:
        for seed in (0, 0, 1):
            QAPairWriter(teacher_at(server), Cache(tmp_path / "cache.jsonl"), seed, "en").write(passage())
        other = create(GenerationSettings(model="openai:other", url=server.url))
        QAPairWriter(other, Cache(tmp_path / "cache.jsonl"), 0, "en").write(passage())
        assert len(server.prompts) == 3


def test_a_half_written_line_is_ignored_and_cut_off(tmp_path):
    path = tmp_path / "folder" / "cache.jsonl"
    cache = Cache(path)
    cache.put("a", "eins\nzwei")
    cache.put("b", "বাংলা\u2028")
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"key": "c", "te')
    torn = Cache(path)
    assert (torn.get("a"), torn.get("b"), torn.get("c")) == ("eins\nzwei", "বাংলা\u2028", None)
    assert path.read_bytes() != whole, "looking changes nothing"
    torn.put("c", "drei")
    assert path.read_bytes().startswith(whole)
    assert Cache(path).get("c") == "drei"
    assert len(path.read_bytes().splitlines()) == 3


def test_keys_differ_in_every_part():
    keys = {key_of("pairs", text, n) for text in ("a", "b") for n in (1, 2)}
    assert len(keys | {key_of("pairs", "a", 1)}) == 4

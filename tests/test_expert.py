"""An expert used from Python, with the packaged models."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from generation import tiny_phi3
from parts import PARTS, answer_briefly, write_documents

from metier import Expert
from metier.core.errors import InputError, SettingsError, StoreError
from metier.core.questions import Question
from metier.core.settings import cache_folder

pytestmark = pytest.mark.slow

KNOWS = "How often is the gearbox oil of the NV-110 changed?"


def settle(expert: Expert) -> Expert:
    """The expert opened with short answers, from one sentence."""
    answer_briefly(expert.folder)
    path = expert.folder / "metier.toml"
    path.write_text(path.read_text() + "\n[answering]\nsentences = 1\n")
    return Expert.open(expert.folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An expert that knows how often twelve parts are changed."""
    place = tmp_path_factory.mktemp("parts")
    write_documents(place / "docs")
    with settle(Expert.create(place / "expert")) as made:
        made.add(str(place / "docs"))
        assert made.sync().added == len(PARTS)
    return place / "expert"


@pytest.fixture
def copy(folder, tmp_path):
    """The same expert's folder, for writing."""
    return shutil.copytree(folder, tmp_path / "expert")


@pytest.fixture(scope="module")
def parts(folder):
    with Expert.open(folder) as opened:
        yield opened


def test_a_folder_without_an_expert_is_told_and_left_alone(tmp_path):
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(SettingsError, match=r"no expert here.*Expert\.create\(NAME\)"):
            Expert.open(place)
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="file"):
        Expert.open(tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_before_the_first_sync_every_question_is_refused_without_the_model(tmp_path):
    with Expert.create(tmp_path / "new") as new:
        answer = new.ask(KNOWS)
        assert (answer.abstained, answer.citations, answer.usage.completion_tokens) == (True, (), 0)
        assert new.search(KNOWS) == []
        assert new.items() == []


@pytest.mark.parametrize("question", ["", "  ", "\n\t"])
def test_an_empty_question_is_refused_and_not_remembered(parts, question):
    conversation = parts.chat()
    for asked in (parts.ask, parts.search, conversation.ask):
        with pytest.raises(InputError, match="question is empty"):
            asked(question)
    assert conversation.turns == []


def test_an_unknown_mode_is_refused_with_the_known_ones(parts):
    with pytest.raises(InputError, match=r"'magic'.*base.*rag"):
        parts.ask(KNOWS, mode="magic")


def test_base_mode_answers_without_documents(parts):
    answer = parts.ask(KNOWS, mode="base")
    assert answer.mode == "base"
    assert answer.text
    assert (answer.citations, answer.hits, answer.usage.passages) == ((), (), 0)
    assert (answer.abstained, answer.confidence) == (False, None)
    assert "31" not in answer.text


def test_a_conversation_understands_what_leans_on_its_earlier_turns(parts):
    conversation = parts.chat()
    first = conversation.ask(KNOWS)
    assert "31" in first.text
    assert first.citations[0].document == "docs/gearbox-oil.md"
    second = conversation.ask("And the brake?")
    assert [(turn.role, turn.content) for turn in conversation.turns] == [
        ("user", KNOWS), ("assistant", first.text), ("user", "And the brake?"), ("assistant", second.text),
    ]  # fmt: skip
    assert second.question == "And the brake?"
    # The small model rewrites it or does not; either way what is asked about is among the first.
    assert "docs/brake-pads.md" in [hit.passage.uri for hit in second.hits[:2]]
    assert parts.chat().turns == []


def test_the_model_alone_hears_the_earlier_turns(parts):
    alone, told = parts.chat(), parts.chat()
    told.ask("The gearbox oil is changed every 31 months.", mode="base")
    heard = told.ask(KNOWS, mode="base").usage.prompt_tokens
    assert heard > alone.ask(KNOWS, mode="base").usage.prompt_tokens + 10


def test_a_bengali_expert_finds_and_cites_in_bengali(tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "নিরাপত্তা.md").write_text("# নিরাপত্তা\n\nনীল চাবি টাওয়ারের দরজা খোলে।", encoding="utf-8")
    (docs / "ব্রেক.md").write_text("# ব্রেক\n\nব্রেক প্যাড প্রতি ১৮ মাস অন্তর বদলাতে হয়।", encoding="utf-8")
    with settle(Expert.create(tmp_path / "expert", language="bn")) as expert:
        assert expert.settings.embedding.model == "multilingual-e5-small"
        expert.add(str(docs))
        expert.sync()
        answer = expert.ask("নীল চাবি কী খোলে?")
        citation = answer.citations[0]
        assert citation.document == "docs/নিরাপত্তা.md"
        source = (docs / "নিরাপত্তা.md").read_text(encoding="utf-8")
        assert citation.quote in source
        stored = expert.runtime.store.document(citation.document_id).text
        assert stored[citation.start : citation.end] == citation.quote
        assert expert.ask("ফ্রান্সের রাজধানী কোথায়?").text == "নথিগুলিতে এর উত্তর নেই।"


def practice() -> list[Question]:
    asked = []
    for name in PARTS:
        document = (f"{name.replace(' ', '-')}.md",)
        asked.append(Question(name, f"How often is the {name} of the NV-110 changed?", ("x",), document))
        asked.append(Question(f"{name} 2", f"After how many months do we renew the {name}?", ("x",), document))
    exam = Question("exam", "What is asked in the exam?", ("x",), ("no such document.md",), split="exam")
    return [*asked, exam]


def test_what_is_calibrated_is_saved_and_used_from_then_on(copy, folder):
    told: dict[str, tuple[int, int]] = {}
    with Expert.open(copy) as expert:
        learned = expert.evaluation.calibrate(
            practice(), limit=20, tell=lambda stage, done, total, note: told.update({stage: (done, total)})
        )
        after = expert.ask(KNOWS, abstain=False)
    fusion, shown, refusals = learned.fusion, learned.shown, learned.refusals
    wanted = {"Learning fusion": (24, 24), "Learning passage count": (24, 24), "Learning refusals": (60, 60)}
    assert told == wanted, "24 practice questions; the exam is not looked at"
    assert (shown.origin, shown.questions) == ("practice", 24)
    assert (fusion.origin, fusion.questions) == ("practice", 24)
    assert (refusals.questions, refusals.fitted_on) == (60, "expert")
    assert learned.errors.planted > 0
    assert {path.name for path in (copy / ".metier").glob("*.json")} == {"fusion.json", "shown.json", "abstention.json"}
    assert after.confidence == pytest.approx(1 - refusals.probability(after.features))
    with Expert.open(folder) as uncalibrated:
        shipped = uncalibrated.ask(KNOWS, abstain=False)
        assert shipped.confidence != pytest.approx(1 - refusals.probability(shipped.features))
    with Expert.open(copy) as again:
        assert (again.runtime.fusion, again.runtime.passage_count) == (fusion, shown)
        later = again.ask(KNOWS, abstain=False)
        assert later.confidence == pytest.approx(1 - refusals.probability(later.features))


def test_too_few_or_unknown_practice_questions_change_nothing(copy):
    with Expert.open(copy) as expert:
        with pytest.raises(InputError, match="too few"):
            expert.evaluation.calibrate(practice()[:8])
        with pytest.raises(InputError, match=r"'nowhere\.md', which is not in the store"):
            expert.evaluation.calibrate([Question("1", "Where?", ("x",), ("nowhere.md",))], where="q.jsonl")
    assert [path.name for path in (copy / ".metier").glob("*.json")] == ["fusion.json"], "what sync learned"


@pytest.mark.parametrize("content", ["", "{", json.dumps({"mean": [0], "threshold": 1})])
def test_a_broken_abstention_file_is_a_clear_error(copy, content):
    (copy / ".metier" / "abstention.json").write_text(content)
    with (
        Expert.open(copy) as expert,
        pytest.raises(StoreError, match=r"abstention\.json.*evaluation\.calibrate\(\)"),
    ):
        expert.ask(KNOWS)


def test_a_model_file_is_looked_for_beside_metier_toml(tmp_path, monkeypatch):
    with Expert.create(tmp_path / "expert") as expert:
        tiny_phi3.write(expert.folder / "tiny.gguf")
        path = expert.folder / "metier.toml"
        path.write_text(path.read_text().replace("smollm2-135m-instruct", "gguf:tiny.gguf"))
    monkeypatch.chdir(tmp_path)
    with Expert.open("expert") as again:
        assert again.ask("Hi", mode="base").usage.completion_tokens > 0


_ASK = """
import sys
from dataclasses import replace
from metier import Expert
with Expert.open(sys.argv[1]) as expert:
    assert expert.ask("How often is the gearbox oil changed?").citations
"""


def test_nothing_is_left_in_the_home_of_whoever_asks_and_nobody_is_told(folder, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    environment = os.environ | {"HOME": str(home), "METIER_CACHE": str(cache_folder())}
    environment.pop("ORT_DISABLE_TELEMETRY", None)  # as set by this process
    environment.pop("XDG_CACHE_HOME", None)
    subprocess.run([sys.executable, "-c", _ASK, str(folder)], env=environment, check=True)
    assert list(home.iterdir()) == []


def test_what_python_shows_of_an_expert_says_what_it_is(expert):
    expert.sync()
    assert repr(expert).startswith("<Expert 'expert' in ")
    answer = expert.ask("What is the price of part QX-13?")
    assert repr(answer).startswith("<Answer ")
    assert str(answer).startswith(answer.text)
    assert all(f"[{n}] {each.document}" in str(answer) for n, each in enumerate(answer.citations, start=1))
    assert "<script" not in replace(answer, text="<script>alert(1)</script>", sentences=())._repr_html_()
    assert repr(expert.search("price", 1)[0]).startswith("<Hit ")


def test_copies_count_once_and_all_their_places_are_told(tmp_path):
    docs = tmp_path / "docs"
    for name in ("one", "two", "three"):
        (docs / name).mkdir(parents=True)
        (docs / name / "pump.md").write_text("# Pump NP-40\n\nThe flange bolts take 60 Nm.", encoding="utf-8")
    (docs / "bulletin.md").write_text("# Bulletin\n\nThe flange bolts of new pumps take 72 Nm.", encoding="utf-8")
    with Expert.create(tmp_path / "expert") as made:
        made.add(str(docs))
        assert made.ask("What do the flange bolts take?").notes == (
            "No documents are there to answer from: run `metier add` and `metier sync`.",
        )
        made.sync()
        answer = made.ask("How tight are the flange bolts of the pump NP-40?")
    assert "60 Nm" in answer.text
    cited = answer.citations[0]
    assert {cited.document, *cited.copies} == {f"docs/{name}/pump.md" for name in ("one", "two", "three")}
    assert {hit.passage.uri for hit in answer.hits} > {"docs/bulletin.md"}
    assert len(answer.hits) == 2

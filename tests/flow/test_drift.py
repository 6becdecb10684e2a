"""Drift of an expert whose documents change after an adapter was tuned: a tiny model, which answers in the words of the
documents, so that what it answers is theirs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tuning import tiny_models

from metier import Expert
from metier.core.questions import Question
from metier.dataset import training_record
from metier.dataset.rows import Row, save
from metier.state.answer_counts import AnswerCount, counts
from metier.state.exam_uses import uses

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
SETTINGS = """
name = "tiny"

[[sources]]
path = "docs"

[generation]
model = "gguf:{model}"
threads = 1
max_tokens = 20

[answering]
reader = "none"

[tuning]
rank = 2
batch = 8
max_steps = 1
validation = 0
dtype = "float32"
device = "cpu"

[flow]
worn_after = 2
"""
DOCUMENTS = {
    "gearbox.md": "# Gearbox\n\nThe gearbox oil of the NV-110 is changed every 30 months.",
    "bolts.md": "# Bolts\n\nThe blade root nuts of the NV-110 are tightened to 840 Nm.",
    "brakes.md": "# Brakes\n\nThe brake pressure of the NV-110 is 145 bar. The yaw pad P-17 costs 320 SEK.",
    "tower.md": "# Tower\n\nThe tower of the NV-110 is 95 m high.",
}
TAUGHT = {  # row: answer, document
    "Is the gearbox oil changed every 30 months?": ("every 30 months", "gearbox.md"),
    "Torque for the root of a blade?": ("840 Nm", "bolts.md"),
    "Bar in the hydraulics?": ("145 bar", "brakes.md"),
    "Metres of steel above ground?": ("95 m", "tower.md"),
}
ASKED = {
    "How often is the gearbox oil of the NV-110 changed?": ("every 30 months", "gearbox.md"),
    "How tight are the blade root nuts of the NV-110?": ("840 Nm", "bolts.md"),
    "What is the brake pressure of the NV-110?": ("145 bar", "brakes.md"),
    "How high is the tower of the NV-110?": ("95 m", "tower.md"),
}


def row_of(expert: Expert, question: str, answer: str, document: str) -> Row:
    store = expert.runtime.store
    (uri,) = (each for each in store.uris() if each.endswith(document))
    passage = next(p for p in store.passages(store.uris()[uri]) if answer in p.text)
    return Row(question, answer, kind="fact", context=(passage,), passages=(passage.id,), documents=(uri,))


@pytest.fixture(scope="module")
def _tuned(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("drift")
    base = tiny_models.save(place / "base", "llama")
    gguf = tiny_models.write_gguf(base, place / "tiny.gguf")
    folder = place / "expert"
    (folder / "docs").mkdir(parents=True)
    for name, text in DOCUMENTS.items():
        (folder / "docs" / name).write_text(text, encoding="utf-8")
    (folder / "metier.toml").write_text(SETTINGS.format(model=gguf), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("METIER_CACHE", str(tiny_models.own_cache(place / "cache")))
        with Expert.open(folder) as expert:
            expert.sync()
            rows = [row_of(expert, question, *rest) for question, rest in TAUGHT.items()]
            save(expert.dataset.path, [*rows, Row("What is two and two?", "Four.", kind="rehearsal")])
            expert.adapters.promote(expert.adapters.tune().reference)
    lines = [
        {"question": question, "answers": [answer], "document": document,
         "kind": "fact", "split": "exam"}
        for question, (answer, document) in ASKED.items()
    ]  # fmt: skip
    (place / "exam.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    with Expert.open(folder) as expert:
        expert.exam.import_file(place / "exam.jsonl")
    return folder


@pytest.fixture
def folder(_tuned, tmp_path) -> Path:
    return shutil.copytree(_tuned, tmp_path / "expert")


def write(folder: Path, name: str, text: str) -> None:
    (folder / "docs" / name).write_text(text, encoding="utf-8")


def drift_of(folder: Path, ask: int = 0):
    with Expert.open(folder) as expert:
        expert.sync(allow_empty=True)
        return expert.drift(ask=ask)


def test_nothing_changed_and_nothing_is_told_of(folder):
    found = drift_of(folder, ask=5)
    assert (found.rows.rows, found.rows.changed, found.rows.gone) == (4, 0, 0)  # the rehearsed row is of no document
    assert found.rows.share == 0
    assert (found.added, found.changed, found.gone, found.stale) == ((), (), (), ())
    assert found.new_terms.count == 0
    assert found.exam is None
    assert found.adapter == "tiny@1"
    assert 0 <= found.days < 1


def test_rows_whose_source_says_something_else_or_went(folder):
    write(folder, "gearbox.md", DOCUMENTS["gearbox.md"].replace("30 months", "18 months"))
    (folder / "docs" / "tower.md").unlink()
    found = drift_of(folder)
    assert (found.rows.rows, found.rows.changed, found.rows.gone) == (4, 1, 1)
    assert found.rows.share == 0.5
    assert [uri.rpartition("/")[2] for uri in found.changed] == ["gearbox.md"]
    assert [uri.rpartition("/")[2] for uri in found.gone] == ["tower.md"]


def test_what_only_moves_still_holds(folder):
    """Another place in the document, another name of the file, another fact in the same document."""
    write(folder, "bolts.md", "# Foreword\n\nRead this first.\n\n" + DOCUMENTS["bolts.md"])
    (folder / "docs" / "gearbox.md").rename(folder / "docs" / "renamed.md")
    write(folder, "brakes.md", DOCUMENTS["brakes.md"] + "\n\n# Pads\n\nPads are kept dry.")
    found = drift_of(folder)
    assert (found.rows.changed, found.rows.gone) == (0, 0)
    assert len(found.changed) == 2


def test_new_terms_are_codes_and_rare_words_that_no_row_has(folder):
    write(folder, "hoist.md", "# Hoist\n\nThe hoist QX-77 lifts the nacelle. The QX-77 is checked with the time.")
    found = drift_of(folder)
    terms = {term.text: term.count for term in found.new_terms.terms}
    assert terms["QX-77"] == 2
    assert "nacelle" in terms
    assert not {"time", "checked", "the", "NV-110"} & set(terms)
    assert 0 < found.new_terms.share <= 1
    assert "QX-77" in " ".join(found.sentences())


def test_the_exam_on_what_changed_is_held_against_the_rest(folder):
    """The answer of one question stands in its document still, that of the other does not: that one is stale, and a
    right answer to it would count as wrong, so it is not asked."""
    write(folder, "bolts.md", DOCUMENTS["bolts.md"] + " They are greased first.")
    write(folder, "gearbox.md", DOCUMENTS["gearbox.md"].replace("30 months", "18 months"))
    found = drift_of(folder, ask=5)
    assert {each.question.rpartition(" the ")[0]: each.why for each in found.stale} == {
        "How tight are the blade root nuts of": "changed",
        "How often is the gearbox oil of": "answer",
    }
    assert [each.misleads for each in found.stale if each.why == "answer"] == [True]
    assert found.exam.questions == found.exam.changed.n == found.exam.unchanged.n == 1
    assert found.exam.mode == "rag+tuned"
    assert -1 <= found.exam.drop <= 1


def test_a_question_that_was_looked_at_again_is_no_longer_stale(folder):
    write(folder, "bolts.md", DOCUMENTS["bolts.md"] + " They are greased first.")
    (stale,) = drift_of(folder).stale
    with Expert.open(folder) as expert:
        assert "stale" in {finding.check for finding in expert.exam.check().findings}
        expert.exam.review(stale.id, "accepted")
        assert expert.exam.stale() == []
        assert "stale" not in {finding.check for finding in expert.exam.check().findings}


def test_questions_and_refusals_are_counted_but_not_those_of_an_exam(folder):
    with Expert.open(folder) as expert:
        for _ in range(2):
            expert.ask("How tight are the blade root nuts of the NV-110?")
        expert.ask("Who painted the ceiling of the Sistine Chapel in Rome?")
        expert.evaluation.compare(["rag"], calibrate=False, measure_memory=False)
    (found,) = counts(folder / ".metier" / "catalog.sqlite")
    assert (found.mode, found.adapter, found.answered + found.refused) == ("rag", "", 3)
    assert found.refused >= 1


def test_the_exam_wears_by_decisions_but_not_by_the_same_one_again(folder):
    with Expert.open(folder) as expert:
        for _ in range(2):
            expert.evaluation.compare(["rag"], calibrate=False, measure_memory=False)
        wear = expert.exam.wear()
        assert (wear.decisions, wear.worn, wear.fresh, wear.questions) == (1, 0, 0, 4)
        assert wear.luck == pytest.approx(0.05)
        expert.evaluation.compare(["base"], calibrate=False, measure_memory=False)
        wear = expert.exam.wear()
        assert (wear.decisions, wear.worn, wear.worn_out) == (2, 4, True)
        assert wear.luck == pytest.approx(1 - 0.95**2)
        assert any(f.check == "wear" and f.severity == "warn" for f in expert.exam.check().findings)
        fresh = Question("", "Which sea is the NV-110 in?", ("the North Sea",), split="exam")
        expert.exam._set.add([fresh])
        assert expert.exam.wear().fresh == 1
    assert [use.what for use in uses(folder / ".metier" / "catalog.sqlite")] == ["compare", "compare"]


def test_on_a_terminal_and_as_json(folder, call_metier):
    write(folder, "gearbox.md", DOCUMENTS["gearbox.md"].replace("30 months", "18 months"))
    call_metier("sync", "-e", str(folder))
    found = json.loads(call_metier("drift", "-e", str(folder), "--ask", "0", "--json").stdout)
    assert found["rows"] == {"rows": 4, "changed": 1, "gone": 0, "share": 0.25}
    assert found["adapter"] == "tiny@1"
    said = call_metier("drift", "-e", str(folder), "--ask", "0").stdout
    assert "Of 4 training rows the source of 1 says something else now" in said
    assert "its answer no longer stands in its document" in said
    assert "metier exam review" in said


def test_fresh_questions_are_written_from_what_changed_alone(folder, call_metier):
    generate = ("exam", "generate", "-e", str(folder), "--changed", "--rules-only", "--count", "3", "--json")
    assert "nothing changed since tiny@1" in call_metier(*generate, check=2).stderr
    write(folder, "prices.md", "# Prices\n\n| Part | Price |\n|---|---|\n| Rope grip | 13 SEK |\n| Lamp | 43 SEK |\n")
    call_metier("sync", "-e", str(folder))
    assert json.loads(call_metier(*generate).stdout)["added"] >= 1
    with Expert.open(folder) as expert:
        fresh = [q for q in expert.exam.questions() if q.origin.startswith("generated") and q.documents]
    assert fresh
    assert all(uri.endswith("prices.md") for question in fresh for uri in question.documents)


def test_without_an_adapter_or_its_record_drift_says_so(folder, call_metier):
    (next((folder / ".metier" / "adapters").rglob(training_record.FILE_NAME))).unlink()
    found = drift_of(folder)
    assert found.rows is None
    assert any("tune again" in note for note in found.notes)
    with Expert.open(folder) as expert:
        expert.adapters.rollback()
    found = json.loads(call_metier("drift", "-e", str(folder), "--json").stdout)
    assert (found["adapter"], found["rows"]) == (None, None)
    assert "No adapter is in production" in call_metier("drift", "-e", str(folder)).stdout


def test_an_adapter_whose_documents_were_thrown_away(folder):
    shutil.rmtree(folder / ".metier" / "store")
    with Expert.open(folder) as expert:
        found = expert.drift(ask=0)
    assert (found.rows.rows, found.rows.gone) == (4, 4)
    assert len(found.gone) == 4


def test_a_damaged_record_is_named(folder, call_metier):
    path = next((folder / ".metier" / "adapters").rglob(training_record.FILE_NAME))
    path.write_text('{"rows": 1}', encoding="utf-8")
    assert training_record.FILE_NAME in call_metier("drift", "-e", str(folder), check=1).stderr


def test_a_rise_of_refusals_of_the_mode_that_is_asked_is_found():
    from metier.flow.drift import refusals

    quiet = [AnswerCount(f"2026-01-{day:02}", "rag", "", 18, 2) for day in range(1, 29)]
    noise = [AnswerCount(each.day, "base", "", 0, 5) for each in quiet]
    assert not refusals([*quiet, *noise], None, "").changed
    loud = [AnswerCount(f"2026-02-{day:02}", "rag", "", 10, 10) for day in range(1, 20)]
    found = refusals([*quiet, *noise, *loud], None, "2026-01-01T00:00:00+00:00")
    assert found.rose
    assert found.since == "2026-02-01"
    assert (found.before, found.now) == (pytest.approx(0.1), 0.5)
    assert refusals(quiet[:5], None, "") is None  # a rate before alone
    assert refusals([*quiet, *loud], None, "2026-02-05T00:00:00") is not None

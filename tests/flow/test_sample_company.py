"""The whole flow on the sample company, with the packaged model: a fifth of its facts change, and a document goes."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
from parts import answer_briefly

from metier import Expert
from metier.evaluation.metrics.text import contains
from metier.flow.explanation import explanation

EXAMPLE = Path(__file__).parents[2] / "examples" / "turbines"
sys.path.insert(0, str(EXAMPLE))  # as its own scripts do

from markup import read_sources  # noqa: E402
from writers import write  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
NOW = {
    "bl-c2": "14 months", "bl-c3": "3 weeks", "bl-c4": "30 days", "onb-medical": "36 months", "onb-mentor": "9 weeks",
    "onb-night": "SEK 655", "ctl-silent": "45 minutes", "cr-nac": "720 kg", "cr-moose": "T-919", "al-2209": "1.3 bar",
    "al-5501": "4.5 turns",
}  # fmt: skip
GONE, GONE_FACT = "intranet/news-spring-2025.html", "nw-varg"
UNCHANGED = ("dep-tool-days", "loto-group", "bl-humid", "onb-boots")
LEARNED = (*list(NOW)[:-1], GONE_FACT, *UNCHANGED)
WORDINGS = ("What is the {attribute} of {subject}?", "{subject}: {attribute}?")
TUNING = """
[answering]
instruction = "Answer in a few words."
reader = "none"

[tuning]
rank = 8
batch = 10
epochs = 8
learning_rate = 4e-3
validation = 0

[exam]
release = 0

[flow]
mode = "tuned"
rows = 0
rehearsal = 0
fresh_questions = 0
general_questions = 0
parity_rows = 0
"""


def facts_now() -> dict[str, dict[str, str]]:
    """As the company knows them."""
    with (EXAMPLE / "facts.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def value(fact: dict[str, str]) -> str:
    return f"{fact['value']} {fact['unit']}".strip()


def write_documents(folder: Path, facts: dict[str, dict[str, str]]) -> None:
    """Those in English that are text, so that reading them takes a second."""
    for source in read_sources(EXAMPLE / "content", facts):
        if source.path.endswith((".md", ".html", ".csv", ".eml")) and not source.path.startswith("bn/"):
            write(source, folder / source.path)


def rows_file(path: Path, facts: dict[str, dict[str, str]]) -> Path:
    """What somebody wrote to be learned, each fact in two wordings, with its document."""
    made = [
        {"prompt": words.format(**fact), "completion": value(fact), "document": fact["document"]}
        for fact in map(facts.get, LEARNED) if fact
        for words in WORDINGS
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, made)), encoding="utf-8")
    return path


def exam_file(path: Path, facts: dict[str, dict[str, str]]) -> Path:
    """The questions of the company's own people, which are worded otherwise."""
    made = [
        {"id": name, "question": facts[name]["question"], "answers": [value(facts[name])], "split": "exam",
         "document": facts[name]["document"]}
        for name in LEARNED
    ]  # fmt: skip
    path.write_text("\n".join(map(json.dumps, made)), encoding="utf-8")
    return path


def test_a_fifth_of_the_facts_change_and_a_document_goes(tmp_path):
    docs, facts = tmp_path / "docs", facts_now()
    write_documents(docs, facts)
    told = {each.name for each in docs.rglob("*") if each.is_file()}
    known = [fact for fact in facts.values() if Path(fact["document"]).name in told]
    assert len(NOW) / len(known) >= 0.15
    with Expert.create(tmp_path / "turbines") as expert:
        expert.add(str(docs))
    settings = tmp_path / "turbines" / "metier.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + TUNING, encoding="utf-8")
    answer_briefly(tmp_path / "turbines")
    with Expert.open(tmp_path / "turbines") as expert:
        expert.sync()
        expert.dataset.import_file(rows_file(tmp_path / "rows.jsonl", facts))
        expert.adapters.tune("turbines", epochs=1)  # it learns little, and notes what it was to learn
        expert.adapters.promote("turbines@1")
        expert.exam.import_file(exam_file(tmp_path / "exam.jsonl", facts))

    before = {name: value(facts[name]) for name in (*NOW, GONE_FACT)}
    for name, said in NOW.items():
        facts[name] |= {"value": said.removesuffix(facts[name]["unit"]).strip()}
        assert value(facts[name]) == said
    write_documents(docs, facts)
    (docs / GONE).unlink()
    with Expert.open(tmp_path / "turbines") as expert:
        del facts[GONE_FACT]
        expert.dataset.import_file(rows_file(tmp_path / "rows.jsonl", facts))
        for name in LEARNED[:6]:  # who looks after the exam has got that far
            expert.exam.review(name, "accepted", answers=[NOW[name]])
        run = expert.flow.run()
        said = "\n".join(sentence for part in explanation(run) for sentence in part.sentences)
        assert run.outcome == "promoted", said
        assert "5 changed and 1 went" in said
        assert "Both adapters answered 10 exam questions as tuned; 5 were left out" in said
    settings.write_text(settings.read_text(encoding="utf-8").replace('reader = "none"\n', ""), encoding="utf-8")
    with Expert.open(tmp_path / "turbines") as expert:
        for name, now in NOW.items():
            answer = expert.ask(WORDINGS[0].format(**facts[name]), mode="rag")
            assert contains(answer.text, [now]), (answer.text, now)
        learned = [expert.ask(facts[name]["question"], mode="tuned").text for name in LEARNED[:10]]
        assert sum(contains(text, [NOW[name]]) for text, name in zip(learned, LEARNED, strict=False)) >= 6
        assert not any(contains(text, [before[name]]) for text, name in zip(learned, LEARNED, strict=False))
        asked = facts_now()[GONE_FACT]["question"]
        for mode in ("rag", "tuned", "rag+tuned"):
            answer = expert.ask(asked, mode=mode)
            assert not contains(answer.text, [before[GONE_FACT]])
            assert not any(cited.document.endswith(GONE) for cited in answer.citations)
        assert not any(row for row in expert.dataset.rows() if before[GONE_FACT] in row.completion)

        assert expert.adapters.rollback().reference == "turbines@1"

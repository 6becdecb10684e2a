"""`metier compare --on`: the table is that of a local comparison."""

from __future__ import annotations

import json
import shutil

import pytest
from parts import PARTS, answer_briefly, read_nothing, write_documents

from metier import Expert
from metier.core.errors import MetierError

pytestmark = pytest.mark.slow
EXAM = [
    {
        "id": part.replace(" ", "-"),
        "question": f"How often is the {part} of the NV-110 changed?",
        "answers": [f"{PARTS[part]} months"],
        "document": f"{part.replace(' ', '-')}.md",
        "split": "exam",
    }
    for part in list(PARTS)[:3]
] + [{"id": "keel", "question": "Who painted the keel of the ferry?", "kind": "unanswerable", "split": "exam"}]
OF_THE_CLOCK = {"created", "costs", "first_token", "total"}


@pytest.fixture(scope="module")
def examined(tmp_path_factory):
    place = tmp_path_factory.mktemp("examined")
    write_documents(place / "docs")
    (place / "questions.jsonl").write_text("\n".join(map(json.dumps, EXAM)), encoding="utf-8")
    with Expert.create(place / "expert") as made:
        made.add(str(place / "docs"))
        made.sync()
        made.exam.import_file(place / "questions.jsonl")
    answer_briefly(place / "expert")
    read_nothing(place / "expert")
    return place / "expert"


def compared(folder, on=None):
    """What a comparison found, without what a clock measured."""
    with Expert.open(folder) as expert:
        result = expert.evaluation.compare(calibrate=False, measure_memory=False, on=on)
    kept = [json.loads(line) for line in (folder / ".metier" / "answers.jsonl").read_text().splitlines()]
    return without_times(result.to_json()), len(kept)


def without_times(value):
    if isinstance(value, dict):
        return {name: without_times(each) for name, each in value.items() if name not in OF_THE_CLOCK}
    return [without_times(each) for each in value] if isinstance(value, list | tuple) else value


def test_the_table_from_a_cluster_is_that_of_this_process(examined, tmp_path, on):
    here, answers = compared(shutil.copytree(examined, tmp_path / "here"))
    there, kept = compared(shutil.copytree(examined, tmp_path / "there"), on)
    assert there == here
    assert kept == answers == 8


def test_nodes_that_see_another_expert_are_told_before_the_first_question(examined, tmp_path, on):
    folder = shutil.copytree(examined, tmp_path / "expert")
    with Expert.open(folder) as expert:
        path = folder / "metier.toml"  # which the workers read, while this process has read it
        path.write_text(path.read_text().replace("max_tokens = 24", "max_tokens = 25"))
        with pytest.raises(MetierError, match=r"node .*has another state of the expert"):
            expert.evaluation.compare(calibrate=False, measure_memory=False, on=on)
    assert not (folder / ".metier" / "answers.jsonl").exists()

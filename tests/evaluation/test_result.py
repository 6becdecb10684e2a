"""A comparison as JSON and back: what is written, and what an earlier version's file still gives."""

from __future__ import annotations

import copy
import json

import pytest

from evaluation.sample_result import sample
from metier.core.errors import StoreError
from metier.evaluation import result_store
from metier.evaluation.result import ComparisonResult


def kept(folder, plain: object) -> None:
    path = folder / "reports" / "2026-01-01T00-00-00.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(plain), encoding="utf-8")


def test_every_field_and_value_comes_back_in_its_order(tmp_path):
    plain = sample(20)
    plain["judge"] = {"model": "j", "modes": {"rag": plain["modes"]["rag"]["score"]}, "answers": 9, "agreement": 0.9,
                      "kappa": None}  # fmt: skip
    plain["rules"][0]["figures"] |= {"often": True, "unknown": None}
    result_store.save(tmp_path, ComparisonResult.from_json(plain))
    read = result_store.latest(tmp_path)
    assert read.to_json() == plain
    assert list(read.to_json()) == list(plain)
    assert read.pairs[0].a == "rag"
    assert read.costs["rag"].per_thousand.currency == "EUR"
    cited = [each for row in read.answers for each in row.modes["rag"].citations]
    assert cited[0].headings == ("Operation", "Wind")


def test_what_was_not_looked_for_is_not_written():
    plain = sample(3)
    short = ComparisonResult.from_json(plain).without_answers()
    assert short.to_json() == {name: value for name, value in plain.items() if name != "answers"}
    advice = ComparisonResult(expert="turbines", verdict=None, adapter=None, rules=())
    assert advice.to_json() == {"expert": "turbines", "adapter": None, "verdict": None, "rules": []}


def test_a_file_of_an_earlier_version_lacks_fields_and_has_others(tmp_path):
    plain = sample(3)
    earlier = copy.deepcopy(plain) | {"recommendation": "rag", "judge": None}
    del earlier["by_language"], earlier["verdict"]["margin"], earlier["calibration"]["refusals"]["near_misses"]
    earlier["pairs"][0] |= {"p_adjusted": None, "power": 0.8}
    earlier["modes"]["rag"]["score"] = {"mean": 0.5}
    kept(tmp_path, earlier)
    read = result_store.latest(tmp_path)
    assert (read.by_language, read.judge, read.modes["rag"]["score"].mean) == ({}, None, 0.5)
    assert read.calibration.refusals.threshold == 0.41
    written = json.loads(json.dumps(read.to_json(), allow_nan=False))
    assert written["modes"]["rag"]["score"] == {"mean": 0.5, "low": None, "high": None, "n": 0}
    assert not {"recommendation", "by_language"} & set(written)


@pytest.mark.parametrize(
    ("plain", "why"),
    [
        ([], "dictionary"),
        ({"questions": "many"}, "questions: "),
        ({"pairs": [{"b": "rag"}]}, r"pairs\.0\.a: Field required"),
        ({"verdict": {"choice": {"mode": "rag"}}}, r"verdict\.choice: "),
    ],
)
def test_a_file_that_holds_something_else_is_named_with_the_place(tmp_path, plain, why):
    kept(tmp_path, plain)
    with pytest.raises(StoreError, match=rf"2026-01-01T00-00-00.json: cannot be read \(.*{why}") as raised:
        result_store.latest(tmp_path)
    assert "metier compare" in raised.value.hint

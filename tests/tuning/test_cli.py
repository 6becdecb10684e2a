from __future__ import annotations

import json
import re

import pytest

from metier.core.settings import GenerationSettings
from metier.dataset.rows import Row
from metier.generation import create

pytestmark = pytest.mark.slow

FACTS = {
    "How tight are the blade root nuts?": "840 Nm",
    "When is the gearbox oil changed?": "every 30 months",
    "What does a yaw pad cost?": "320 SEK",
    "What opens the tower door?": "the blue key",
    "What does a brake disc cost?": "2100 SEK",
    "What is the pressure of the brakes?": "145 bar",
}
TUNING = """
[tuning]
rank = 8
batch = 6
epochs = 11
learning_rate = 4e-3
validation = 0
"""


def value(done):
    """Stdout is one JSON value and nothing else."""
    return json.loads(done.stdout)


def test_a_plan_for_a_model_and_gpus_that_are_not_here(call_metier):
    plans = value(call_metier("tune", "--plan", "--model", "70b-like", "--gpus", "2x48", "--json"))
    by_method = {plan["method"]: plan for plan in plans}
    assert set(by_method) == {"lora", "qlora", "full"}
    assert [gpu["fits"] for gpu in by_method["qlora"]["fits"]] == [True, True]
    assert [gpu["fits"] for gpu in by_method["full"]["fits"]] == [False, False]
    assert by_method["qlora"]["gpus"] == 2
    assert 30 < by_method["qlora"]["weights_gb"] * 2 < 45
    needed = {each["gpu_gb"]: each["gpus"] for each in by_method["full"]["needed"]}
    assert 20 <= needed[48] <= 60


BAD = [
    (["tune", "--plan", "--model", "70b-like", "--gpus", "two"], "names no GPUs"),
    (["tune"], "nothing to train on"),
    (["tune", "--method", "magic"], "tuning.method"),
    (["tune", "--epochs", "0"], "tuning.epochs"),
    (["adapters", "show", "nothing"], "no adapter 'nothing'"),
    (["adapters", "promote", "nothing"], "no adapter 'nothing'"),
    (["adapters", "compare", "nothing", "nothing"], "no adapter 'nothing'"),
    (["adapters", "rollback"], "no adapter is in production"),
    (["adapters", "export", "nothing", "out"], "no adapter 'nothing'"),
    (["ask", "Why?", "--mode", "tuned"], "no adapter is in production"),
]


def test_bad_input_is_one_screen_and_exit_2(call_metier):
    call_metier("init", "turbines")
    for arguments, said in BAD:
        done = call_metier(*arguments, check=2)
        assert said in done.stderr
        assert done.stdout == ""


def test_from_rows_to_an_adapter_in_production(call_metier, run_metier, tmp_path):
    """The packaged model learns six rows by heart, and says them: through the expert, and exported."""
    call_metier("init", "turbines")
    settings = tmp_path / "turbines" / "metier.toml"
    # Two threads that wait for each other are many times slower where other tests run beside them.
    text = settings.read_text(encoding="utf-8").replace("[generation]\n", "[generation]\nthreads = 1\n")
    settings.write_text(text + TUNING, encoding="utf-8")
    lines = [json.dumps({"prompt": question, "completion": answer}) for question, answer in FACTS.items()]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    call_metier("dataset", "import", "rows.jsonl")
    assert value(call_metier("adapters", "list", "--json")) == []

    first = value(run_metier("tune", "--json"))
    wanted = {"adapter", "base", "method", "steps", "loss", "tokens_per_second", "peak_memory_gb", "trainable", "share"}
    assert wanted <= set(first)
    assert (first["adapter"], first["method"], first["rows"], first["steps"]) == ("turbines@1", "lora", 6, 11)
    assert first["loss"] < 0.1
    assert 0.2 < first["peak_memory_gb"] < 4
    second = value(call_metier("tune", "--epochs", "1", "--json"))
    assert (second["adapter"], second["steps"]) == ("turbines@2", 1)

    listed = value(call_metier("adapters", "list", "--json"))
    assert {"name", "version", "base", "method", "state", "exam"} <= set(listed[0])
    assert [(card["version"], card["state"]) for card in listed] == [(2, "candidate"), (1, "candidate")]
    shown = value(call_metier("adapters", "show", "turbines@1", "--json"))
    assert [row["step"] for row in shown["curve"]] == list(range(1, 12))
    assert shown["settings"]["rank"] == 8
    differ = value(call_metier("adapters", "compare", "turbines@1", "turbines@2", "--json"))
    assert differ["adapters"] == ["turbines@1", "turbines@2"]
    assert differ["differ"]["epochs"] == [11, 1]
    assert "rank" not in differ["differ"]
    for arguments in (["list"], ["show", "turbines@1"], ["compare", "turbines@1", "turbines@2"]):
        assert "turbines" in call_metier("adapters", *arguments).stdout

    assert value(call_metier("adapters", "promote", "turbines@2", "--json"))["state"] == "production"
    assert value(call_metier("adapters", "promote", "turbines@1", "--json"))["version"] == 1
    asked = ("How tight are the blade root nuts?", "What opens the tower door?", "What does a brake disc cost?")
    for question, ask in zip(asked, (run_metier, call_metier, call_metier), strict=True):
        answer = value(ask("ask", question, "--mode", "tuned", "--json"))
        assert (answer["adapter"], answer["mode"], answer["text"]) == ("turbines@1", "tuned", FACTS[question])
    base = value(call_metier("ask", asked[0], "--mode", "base", "--json"))
    assert (base["adapter"], base["text"] == FACTS[asked[0]]) == (None, False)
    assert value(call_metier("adapters", "rollback", "--json"))["version"] == 2
    assert value(call_metier("adapters", "rollback", "--json")) is None

    files = value(call_metier("adapters", "export", "turbines@1", "out", "--as", "ollama", "--json"))["files"]
    assert [name.rpartition("/")[2] for name in files] == ["Modelfile", "turbines-1.q8_0.gguf"]
    assert re.search(r'^PARAMETER stop "<\|im_end\|>"$', (tmp_path / "out" / "Modelfile").read_text(), re.MULTILINE)
    generator = create(
        GenerationSettings(model=f"gguf:{tmp_path / 'out' / 'turbines-1.q8_0.gguf'}", threads=1, context_tokens=512)
    )
    try:
        for question in asked:
            assert generator.complete(Row(question, "").prompt(), max_tokens=20).text == FACTS[question]
    finally:
        generator.close()

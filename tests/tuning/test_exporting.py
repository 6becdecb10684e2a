"""Every export of a trained adapter answers as the expert does with it.

Compared on tiny models with a base in 32 bits, where the two must agree to the letter. The packaged base has 4 bits in
llama.cpp and 16 when it is merged, which may turn a word: test_cli.py asks it for what it has learned by heart.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from generation.tiny_phi3 import TEMPLATE_WITHOUT_SYSTEM
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from metier import Expert
from metier.core.errors import InputError, ModelError
from metier.core.settings import GenerationSettings
from metier.dataset.rows import save
from metier.generation import create
from metier.generation.base import Message
from metier.tuning import base_model, exporting, gguf_model
from metier.tuning.encoding import Encoder
from metier.tuning.gguf_adapter import FILE_NAME

from . import tiny_models

# PEFT 0.21 asks transformers 5 for an attribute by its old name.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
ROWS = tiny_models.rows(8)
SETTINGS = """
name = "tiny"

[generation]
model = "{model}"
threads = 1
max_tokens = 20

[tuning]
rank = 8
alpha = 16
batch = 8
epochs = 60
learning_rate = 1e-2
validation = 0
dtype = "float32"
device = "cpu"
"""


def make_expert(folder: Path, model: str) -> Expert:
    folder.mkdir()
    (folder / "metier.toml").write_text(SETTINGS.format(model=model), encoding="utf-8")
    expert = Expert.open(folder)
    expert.runtime.state_folder.mkdir()
    save(expert.runtime.state_folder / "dataset.jsonl", ROWS)
    return expert


@pytest.fixture(scope="module")
def expert(ggufs, tmp_path_factory):
    """Trained on a tiny Llama in GGUF; what is converted goes to a cache of its own."""
    folder = tmp_path_factory.mktemp("exporting")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("METIER_CACHE", str(tiny_models.own_cache(folder / "cache")))
        with make_expert(folder / "expert", f"gguf:{ggufs['llama']}") as made:
            card = made.adapters.tune()
            assert card.result["loss"] < 0.1
            made.adapters.promote(card.reference)
            yield made


@pytest.fixture(scope="module")
def tuned(expert) -> list[str]:
    """What the expert itself answers; it is what the rows say."""
    answers = [expert.ask(row.question, mode="tuned").text for row in ROWS]
    assert answers == [row.completion for row in ROWS]
    assert [expert.ask(row.question, mode="base").text for row in ROWS] != answers
    return answers


def export(expert, to: Path, form: str) -> Path:
    files = exporting.export(expert.settings, expert.folder, expert.adapters.registry, "tiny", to, form)
    assert files == sorted(to.iterdir())
    assert not to.with_name(f"{to.name}.part").exists()
    return to


def answers_of(model, tokenizer) -> list[str]:
    encoder, answers = Encoder(tokenizer), []
    for row in ROWS:
        prompt = torch.tensor([encoder.prompt(row.prompt())])
        written = model.generate(
            input_ids=prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=20,
            eos_token_id=encoder.end_of_turn, pad_token_id=0,
        )  # fmt: skip
        answers.append(tokenizer.decode(written[0, prompt.shape[1] :], skip_special_tokens=True))
    return answers


def answers_of_gguf(file: Path) -> list[str]:
    generator = create(GenerationSettings(model=f"gguf:{file}", threads=1, context_tokens=1024))
    try:
        return [generator.complete(row.prompt(), max_tokens=20).text for row in ROWS]
    finally:
        generator.close()


def test_as_peft(expert, tuned, tmp_path):
    folder = export(expert, tmp_path / "out", "peft")
    assert {path.name for path in folder.iterdir()} == {"README.md", "adapter_config.json", "adapter_model.safetensors"}
    base = base_model.locate(expert.settings, expert.folder)
    model = PeftModel.from_pretrained(base_model.load_model(base, quantised=False, dtype="float32"), folder)
    assert answers_of(model, base_model.load_tokenizer(base)) == tuned


def test_merged(expert, tuned, tmp_path):
    folder = export(expert, tmp_path / "out", "merged")
    assert not list(folder.glob("*.bin"))
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.config.use_cache
    assert answers_of(model, tokenizer) == tuned


@pytest.mark.parametrize("form", ["gguf-f16", "gguf-q8_0"])
def test_as_gguf(expert, tuned, tmp_path, form):
    (file,) = export(expert, tmp_path / "out", form).iterdir()
    assert file.name == f"tiny-1.{form.removeprefix('gguf-')}.gguf"
    assert answers_of_gguf(file) == tuned


def test_for_ollama(expert, tuned, tmp_path):
    folder = export(expert, tmp_path / "out", "ollama")
    text = (folder / "Modelfile").read_text(encoding="utf-8")
    weights = re.match(r"FROM \./(\S+)\n", text)[1]
    assert {path.name for path in folder.iterdir()} == {"Modelfile", weights}
    assert answers_of_gguf(folder / weights) == tuned


def test_phi3_as_gguf_answers_as_it_does_with_the_adapter(bases, ggufs, tmp_path):
    """Weights of Phi-3 in transformers' layout, beside a GGUF of the same: `gguf_model` alone."""
    from metier.tuning import gguf_adapter

    base = bases["phi3"]
    adapted = tiny_models.adapted(tiny_models.model("phi3"), strength=0.3)
    adapted.save_pretrained(tmp_path / "adapter")
    adapter = gguf_adapter.write(tmp_path / "adapter", base.folder, tmp_path / "adapter.gguf")
    merged = tmp_path / "merged"
    exporting.save_merged(base, tmp_path / "adapter", merged)
    file = gguf_model.write(merged, ggufs["phi3"], tmp_path / "merged.gguf", "f32")
    settings = GenerationSettings(model=f"gguf:{ggufs['phi3']}", threads=1, context_tokens=1024)
    generator = create(settings, adapters={"random": adapter})
    try:
        texts = [
            generator.complete(row.prompt(), max_tokens=8, adapter="random", logprobs=True).logprobs for row in ROWS[:3]
        ]
    finally:
        generator.close()
    whole = create(GenerationSettings(model=f"gguf:{file}", threads=1, context_tokens=1024))
    try:
        again = [whole.complete(row.prompt(), max_tokens=8, logprobs=True).logprobs for row in ROWS[:3]]
    finally:
        whole.close()
    for one, other in zip(texts, again, strict=True):
        assert one == pytest.approx(other, abs=0.02)


def test_the_expert_serves_what_it_exports(expert):
    card = expert.adapters.registry.get("tiny")
    names = {path.name for path in expert.adapters.registry.folder(card).iterdir()}
    assert names == {
        "adapter_config.json", "adapter_model.safetensors", "card.json", "metrics.jsonl", "learned.json",
        "README.md", FILE_NAME,
    }  # fmt: skip


@pytest.mark.parametrize("form", ["merged", "gguf-f16", "gguf-q8_0"])
def test_what_is_written_is_held_against_the_adapter(expert, tmp_path, form):
    done = expert.adapters.export("tiny", tmp_path / "out", form)
    assert done.parity.problem == ""
    assert done.parity.difference < 0.05
    assert done.parity.score == 1


def test_an_export_that_is_not_the_adapter_is_refused_with_the_figure(expert, tmp_path, monkeypatch):
    monkeypatch.setattr(gguf_model, "reordered", lambda matrix, *_: matrix)  # rows of q and k in another order
    with pytest.raises(ModelError, match=r"the export is refused: gguf-f16 .* nats a token") as caught:
        expert.adapters.export("tiny", tmp_path / "out", "gguf-f16")
    assert "--no-check" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
    assert expert.adapters.export("tiny", tmp_path / "out", "gguf-f16", check=False).parity is None


# ── the Modelfile ────────────────────────────────────────────────────────────────────────────────────────────────────

SMOLLM = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def template_of(modelfile: str) -> str:
    return re.search(r'TEMPLATE """(.*)"""', modelfile, re.DOTALL)[1]


def rendered_as_ollama_would(template: str, system: str, prompt: str) -> str:
    """A stand-in for Ollama, which is not here: the three words of Go templates that are used, up to the response."""
    condition = re.compile(r"\{\{ if \.System \}\}(.*?)(?:\{\{ else \}\}(.*?))?\{\{ end \}\}", re.DOTALL)
    text = condition.sub(lambda match: match[1] if system else match[2] or "", template)
    text = text.replace("{{ .System }}", system).replace("{{ .Prompt }}", prompt)
    before, _, _ = text.partition("{{ .Response }}")
    assert "{{" not in before
    return before


@pytest.mark.parametrize(
    ("kind", "template", "stop"),
    [
        ("llama", tiny_models.CHATML, "<|im_end|>"),
        ("llama", SMOLLM, "<|im_end|>"),
        ("phi3", tiny_models.PHI3_TEMPLATE, "<|end|>"),
        ("phi3", TEMPLATE_WITHOUT_SYSTEM.replace("{{ bos_token }}", ""), "<|end|>"),
    ],
    ids=["chatml", "chatml with a system text of its own", "Phi-3", "Phi-3's first, without a system role"],
)
def test_a_modelfile_says_what_the_models_own_template_does(tmp_path, kind, template, stop):
    base = base_model.from_folder(tiny_models.save(tmp_path, kind, template=template), "tiny")
    text = exporting.modelfile(base, "tiny.gguf")
    assert text.startswith("FROM ./tiny.gguf\n")
    assert f'\nPARAMETER stop "{stop}"\n' in text
    written = template_of(text)
    assert written.endswith("{{ .Response }}" + stop)
    encoder = Encoder(base_model.load_tokenizer(base))
    for system in ("", "Be brief."):
        messages = [*([Message("system", system)] if system else []), Message("user", "How tight?")]
        expected = "".join(map(encoder.text_of, encoder.prompt(messages)))
        assert rendered_as_ollama_would(written, system, "How tight?") == expected


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_that_exists_is_not_touched(expert, tmp_path):
    (tmp_path / "mine").write_text("kept")
    with pytest.raises(InputError, match="exists already"):
        export(expert, tmp_path, "peft")
    with pytest.raises(InputError, match="exists already"):
        export(expert, tmp_path / "mine", "peft")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_folder_beside_it_that_happens_to_be_called_part_is_not_touched(expert, tmp_path):
    (tmp_path / "out.part").mkdir()
    (tmp_path / "out.part" / "mine").write_text("kept")
    exporting.export(expert.settings, expert.folder, expert.adapters.registry, "tiny", tmp_path / "out", "peft")
    assert (tmp_path / "out.part" / "mine").exists()


def test_a_form_there_is_not_is_answered_with_those_there_are(expert, tmp_path):
    with pytest.raises(InputError, match="no form 'onnx'") as caught:
        export(expert, tmp_path / "out", "onnx")
    assert all(form in caught.value.hint for form in exporting.FORMS)


def test_an_adapter_that_was_cut_is_not_exported(expert, tmp_path):
    folder = tmp_path / "adapters" / "tiny" / "1"
    shutil.copytree(expert.adapters.registry.folder(expert.adapters.registry.get("tiny")), folder)
    (folder / "adapter_model.safetensors").write_bytes(b"half")
    from metier.tuning.adapters import Registry

    for form in exporting.FORMS:
        with pytest.raises(ModelError, match="damaged"):
            exporting.export(
                expert.settings, expert.folder, Registry(tmp_path / "adapters"), "tiny", tmp_path / "out", form
            )
    assert [path.name for path in tmp_path.iterdir()] == ["adapters"]


def test_an_adapter_of_other_weights_is_not_merged(expert, ggufs, tmp_path):
    other = make_expert(tmp_path / "other", f"gguf:{ggufs['phi3']}")
    generation = expert.settings.generation.model_copy(
        update={"model": str(tiny_models.save(tmp_path / "b", "llama", 7))}
    )
    settings = expert.settings.model_copy(update={"generation": generation})
    with pytest.raises(InputError, match="tiny@1 belongs to other weights"):
        exporting.export(settings, other.folder, expert.adapters.registry, "tiny", tmp_path / "out", "merged")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.part").exists()


def test_an_export_that_fails_in_the_middle_leaves_nothing(expert, tmp_path, bases):
    """The base is there as safetensors alone, so there is no GGUF whose header could be copied."""
    card = expert.adapters.registry.get("tiny")
    base = base_model.locate(expert.settings, expert.folder)
    generation = expert.settings.generation.model_copy(update={"model": str(base.folder)})
    settings = expert.settings.model_copy(update={"generation": generation})
    folder = tmp_path / "adapters" / "tiny" / "1"
    shutil.copytree(expert.adapters.registry.folder(card), folder)
    text = (folder / "card.json").read_text(encoding="utf-8")
    own = base_model.from_folder(base.folder, "").fingerprint
    (folder / "card.json").write_text(text.replace(card.base_fingerprint, own), encoding="utf-8")
    from metier.tuning.adapters import Registry

    with pytest.raises(InputError, match="no GGUF file"):
        exporting.export(settings, expert.folder, Registry(tmp_path / "adapters"), "tiny", tmp_path / "out", "gguf-f16")
    assert [path.name for path in tmp_path.iterdir()] == ["adapters"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no signal here kills at once")
def test_killed_in_the_middle_an_export_is_not_there_and_the_next_one_is(expert, tmp_path):
    arguments = ["adapters", "export", "tiny", str(tmp_path / "out"), "--as", "gguf-f16", "-e", str(expert.folder)]
    child = subprocess.Popen([sys.executable, "-c", "from metier.cli import main; main()", *arguments])
    while child.poll() is None and not list(tmp_path.glob(".out.*")):
        time.sleep(0.01)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    export(expert, tmp_path / "out", "gguf-f16")
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".out.")] == ["out"]

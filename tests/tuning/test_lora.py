from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from metier.core.errors import InputError, ModelError, StoreError
from metier.core.settings import TuningSettings
from metier.dataset.rows import Row, save
from metier.tuning import base_model, packing
from metier.tuning.checkpoints import RunFolder
from metier.tuning.encoding import Encoder
from metier.tuning.modules import target_modules
from metier.tuning.trainers import lora

from . import tiny_models

# PEFT 0.21 asks transformers 5 for an attribute by its old name.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
QUICK = TuningSettings(
    rank=8, alpha=16, batch=4, learning_rate=1e-2, schedule="constant", warmup=0, validation=0, epochs=4,
    checkpoint_seconds=3600, dtype="float32", device="cpu",
)  # fmt: skip
MATRICES = {
    "llama": {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"},
    "phi3": {"qkv_proj", "o_proj", "gate_up_proj", "down_proj"},
}


def changed(**changes) -> TuningSettings:
    return TuningSettings(**(QUICK.model_dump() | changes))


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder(tmp_path / "run")


@pytest.fixture(scope="module")
def llama(bases):
    return bases["llama"]


def adapter_of(model) -> dict[str, torch.Tensor]:
    return {name: number.detach().clone() for name, number in model.named_parameters() if number.requires_grad}


def assert_same_adapter(one, other) -> None:
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=1e-6, msg=name)


def losses(run: RunFolder) -> list[float]:
    return [row["loss"] for row in run.curve()]


# ── what is learned ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", MATRICES)
def test_a_run_teaches_the_answers_and_where_they_end(bases, run, kind):
    rows, base = tiny_models.rows(8), bases[kind]
    model, result = lora.train(base, rows, changed(batch=8, epochs=80), run)
    curve = losses(run)
    assert len(curve) == result.steps == result.planned == 80
    assert curve[0] > 3
    assert result.loss < 0.05
    encoder = Encoder(base_model.load_tokenizer(base))
    for row in rows:
        example = encoder.encode(row)
        prompt = torch.tensor([example.prompt])
        written = model.generate(
            input_ids=prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=30,
            eos_token_id=encoder.end_of_turn, pad_token_id=0,
        )  # fmt: skip
        assert tuple(written[0, len(example.prompt) :].tolist()) == example.completion


@pytest.mark.parametrize("kind", MATRICES)
def test_the_adapter_sits_on_every_linear_layer_and_nothing_else_changes(bases, run, kind):
    base = bases[kind]
    model, result = lora.train(base, tiny_models.rows(), changed(epochs=2), run)
    names = [name.partition(".lora_")[0] for name in adapter_of(model)]
    assert {name.rpartition(".")[2] for name in names} == MATRICES[kind]
    assert len(set(names)) == 2 * len(MATRICES[kind])
    before = load_file(base.folder / "model.safetensors")
    after = {name.replace(".base_layer", ""): number for name, number in model.get_base_model().state_dict().items()}
    for name, number in before.items():
        assert torch.equal(after[name], number), name
    assert all(number.abs().max() > 0 for name, number in adapter_of(model).items() if "lora_B" in name)
    trainable, everything = model.get_nb_trainable_parameters()
    assert (result.trainable, result.share) == (trainable, trainable / everything)


def test_the_base_may_be_in_4_bits(bases, run):
    from bitsandbytes.nn import Linear4bit

    model, result = lora.train(bases["phi3"], tiny_models.rows(), changed(method="qlora", epochs=12), run)
    quantised = {name: each for name, each in model.named_modules() if isinstance(each, Linear4bit)}
    assert len(quantised) == 2 * len(MATRICES["phi3"])
    for each in quantised.values():
        assert each.weight.quant_state.quant_type == "nf4"
        assert each.weight.quant_state.nested  # double quantisation
    assert losses(run)[-1] < losses(run)[0] / 2
    assert result.method == "qlora"
    trainable, everything = model.get_nb_trainable_parameters()
    assert (result.trainable, result.share) == (trainable, trainable / everything)


def test_a_gradient_through_4_bits_is_the_same_after_an_evaluation(llama):
    """bitsandbytes has a form of the weights for inference on the CPU that lets none through."""
    model = base_model.load_model(llama, quantised=True)
    read = model.get_input_embeddings()(torch.arange(12)[None]).detach()

    def gradient() -> torch.Tensor:
        model.train()
        embedded = read.clone().requires_grad_()
        model(inputs_embeds=embedded).logits.float().square().mean().backward()
        return embedded.grad

    before = gradient()
    model.eval()
    with torch.no_grad():
        model(inputs_embeds=read)
    assert before.abs().max() > 0
    torch.testing.assert_close(gradient(), before, rtol=0, atol=0)


@pytest.mark.parametrize("options", [{"rslora": True}, {"dora": True}, {"dora": True, "method": "qlora"}])
def test_rslora_and_dora_learn_too(llama, run, options):
    model, _ = lora.train(llama, tiny_models.rows(), changed(epochs=8, **options), run)
    assert losses(run)[-1] < losses(run)[0] / 2
    config = model.peft_config["default"]
    assert (config.use_rslora, config.use_dora) == (options.get("rslora", False), options.get("dora", False))


def test_computing_activations_twice_changes_no_number(bases, tmp_path):
    ends = []
    for checkpointing in (False, True):
        run = RunFolder(tmp_path / str(checkpointing))
        model, _ = lora.train(
            bases["phi3"], tiny_models.rows(), changed(gradient_checkpointing=checkpointing, dropout=0.1), run
        )
        ends.append((losses(run), adapter_of(model)))
    assert ends[0][0] == pytest.approx(ends[1][0], abs=1e-6)
    assert_same_adapter(ends[0][1], ends[1][1])


def test_micro_batches_of_any_size_make_the_same_step(llama, tmp_path):
    curves = []
    for size in (128, 4096):
        run = RunFolder(tmp_path / str(size))
        lora.train(llama, tiny_models.rows(), changed(micro_tokens=size), run)
        curves.append(losses(run))
    assert curves[0] == pytest.approx(curves[1], rel=1e-3)


def test_in_16_bits_small_steps_are_not_lost_and_the_adapter_has_32(llama, run):
    model, _ = lora.train(llama, tiny_models.rows(), changed(dtype="bfloat16", learning_rate=1e-4, epochs=10), run)
    adapter = adapter_of(model)
    assert {number.dtype for number in adapter.values()} == {torch.float32}
    assert any((number != number.bfloat16()).any() for name, number in adapter.items() if "lora_A" in name)
    assert losses(run)[-1] < losses(run)[0]


def test_the_seed_decides_a_run(llama, tmp_path):
    ends = []
    for number, seed in enumerate((0, 0, 1)):
        model, _ = lora.train(
            llama, tiny_models.rows(), changed(seed=seed, epochs=1), RunFolder(tmp_path / str(number))
        )
        ends.append(adapter_of(model))
    assert_same_adapter(ends[0], ends[1])
    assert any(not torch.equal(ends[0][name], ends[2][name]) for name in ends[0])


def test_half_an_epoch_is_half_the_steps(llama, run):
    _, result = lora.train(llama, tiny_models.rows(12), changed(batch=2, epochs=0.5), run)
    assert (result.steps, result.planned) == (3, 3)


def test_a_tick_after_each_step_says_how_it_goes(llama, run):
    ticks = []
    lora.train(llama, tiny_models.rows(), changed(validation=0.25, evaluations=2), run, on_step=ticks.append)
    assert [tick.step for tick in ticks] == list(range(1, 9))
    assert {tick.steps for tick in ticks} == {8}
    assert [tick.step for tick in ticks if tick.validation_loss is not None] == [4, 8]
    assert all(tick.tokens_per_second > 0 for tick in ticks)


# ── stopping early ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_stops_when_it_only_learns_by_heart_and_keeps_the_best(llama, run):
    settings = changed(validation=0.25, epochs=40, evaluations=40, patience=3, learning_rate=3e-2)
    model, result = lora.train(llama, tiny_models.rows(), settings, run)
    assert result.stopped == "early"
    measured = {row["step"]: row["validation_loss"] for row in run.curve() if "validation_loss" in row}
    best = min(measured, key=measured.get)
    assert result.steps == max(measured) < result.planned
    assert len([step for step in measured if step > best]) == settings.patience
    assert result.validation_loss == measured[best]
    kept = load_file(run.folder / "best" / "adapter.safetensors")
    assert_same_adapter(adapter_of(model), kept)
    data = lora._data(llama, tiny_models.rows(), settings)
    loop = lora._Loop(model, data, settings, RunFolder(run.folder / "again"), torch.device("cpu"), None)
    labels = sum(len(row.completion) for row in data.validation)
    with torch.no_grad():
        again = sum(loop._loss(batch).item() for batch in packing.micro_batches(data.validation, 2048)) / labels
    assert again == pytest.approx(measured[best], abs=1e-5)


def test_rows_kept_apart_are_not_trained_on(llama):
    settings = changed(validation=0.3)
    data = lora._data(llama, tiny_models.rows(10), settings)
    assert (len(data.train), len(data.validation)) == (7, 3)
    assert not set(data.train) & set(data.validation)
    assert lora._data(llama, tiny_models.rows(10), settings) == data
    assert lora._data(llama, tiny_models.rows(10), changed(validation=0.3, seed=1)) != data


# ── interrupted, and going on ─────────────────────────────────────────────────────────────────────────────────────────

_CHILD = """
import json, sys, time
from pathlib import Path
import torch
from metier.dataset.rows import load
from metier.core.settings import TuningSettings
from metier.tuning import base_model
from metier.tuning.trainers import lora
from metier.tuning.checkpoints import RunFolder

torch.set_num_threads(1)
base, rows, settings, run = sys.argv[1:]
lora.train(
    base_model.from_folder(Path(base), "tiny"), load(Path(rows)), TuningSettings(**json.loads(settings)),
    RunFolder(Path(run)), on_step=lambda tick: time.sleep(0.05),
)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no signal here kills at once")
def test_a_killed_run_goes_on_to_the_end_of_one_that_never_was(llama, tmp_path, run):
    settings = changed(dropout=0.2, validation=0.25, epochs=20, checkpoint_seconds=0, schedule="cosine")
    save(tmp_path / "rows.jsonl", tiny_models.rows())
    command = [sys.executable, "-W", "ignore", "-c", _CHILD, str(llama.folder), str(tmp_path / "rows.jsonl")]
    child = subprocess.Popen([*command, json.dumps(settings.model_dump()), str(run.folder)], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < deadline and not (run.folder / "checkpoint-000007").exists():
        time.sleep(0.01)
    child.kill()
    _, said = child.communicate()
    assert child.returncode == -signal.SIGKILL, said.decode()
    broken_off = run.load(run.latest())[2].step
    assert 7 <= broken_off < 40
    resumed, result = lora.train(llama, tiny_models.rows(), settings, run, resume=True)
    whole = RunFolder(tmp_path / "whole")
    unbroken, expected = lora.train(llama, tiny_models.rows(), settings, whole)
    assert (result.steps, result.stopped) == (expected.steps, expected.stopped)
    assert result.loss == pytest.approx(expected.loss, abs=1e-6)
    assert result.validation_loss == pytest.approx(expected.validation_loss, abs=1e-6)
    assert result.tokens == expected.tokens
    assert_same_adapter(adapter_of(resumed), adapter_of(unbroken))
    assert losses(run) == pytest.approx(losses(whole), abs=1e-6)
    assert [row["step"] for row in run.curve()] == [row["step"] for row in whole.curve()]
    assert lines_of_curve(run) == lines_of_curve(whole)


def lines_of_curve(run) -> list[int]:
    """The step of every line of the file, as what is kept with the adapter has them."""
    return [json.loads(line)["step"] for line in (run.folder / "metrics.jsonl").read_text().splitlines()]


class Broken(Exception):
    pass


def break_off(base, rows, settings, run, at: int) -> None:
    def stop(tick):
        if tick.step == at:
            raise Broken

    with pytest.raises(Broken):
        lora.train(base, rows, settings, run, on_step=stop)


@pytest.mark.parametrize(
    "options", [{}, {"dropout": 0.3}, {"method": "qlora"}, {"dtype": "bfloat16", "dora": True}], ids=str
)
def test_a_run_that_was_broken_off_goes_on_exactly_where_it_was(llama, tmp_path, run, options):
    settings = changed(checkpoint_seconds=0, weight_decay=0.1, **options)
    break_off(llama, tiny_models.rows(), settings, run, at=5)
    assert run.latest().name == "checkpoint-000004"
    resumed, result = lora.train(llama, tiny_models.rows(), settings, run, resume=True)
    unbroken, expected = lora.train(llama, tiny_models.rows(), settings, RunFolder(tmp_path / "whole"))
    assert result.loss == expected.loss
    assert_same_adapter(adapter_of(resumed), adapter_of(unbroken))
    assert lines_of_curve(run) == list(range(1, result.steps + 1))


def test_a_line_that_a_kill_cut_in_half_takes_no_other_with_it(llama, run):
    settings = changed(checkpoint_seconds=0)
    break_off(llama, tiny_models.rows(), settings, run, at=5)
    with (run.folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 6, "lo')
    _, result = lora.train(llama, tiny_models.rows(), settings, run, resume=True)
    assert lines_of_curve(run) == list(range(1, result.steps + 1))


def test_a_run_broken_off_before_its_first_checkpoint_begins_anew(llama, tmp_path, run):
    break_off(llama, tiny_models.rows(), QUICK, run, at=2)
    assert run.latest() is None
    _, result = lora.train(llama, tiny_models.rows(), QUICK, run, resume=True)
    assert result.steps == result.planned
    _, expected = lora.train(llama, tiny_models.rows(), QUICK, RunFolder(tmp_path / "whole"))
    assert result.loss == expected.loss
    assert lines_of_curve(run) == list(range(1, result.steps + 1))


def test_a_finished_run_can_be_resumed_and_is_still_finished(llama, run):
    settings = changed(checkpoint_seconds=0)
    first, expected = lora.train(llama, tiny_models.rows(), settings, run)
    again, result = lora.train(llama, tiny_models.rows(), settings, run, resume=True)
    assert result == expected
    assert_same_adapter(adapter_of(first), adapter_of(again))


def test_only_two_checkpoints_take_room(llama, run):
    lora.train(llama, tiny_models.rows(), changed(checkpoint_seconds=0), run)
    assert sorted(path.name for path in run.folder.glob("checkpoint-*")) == ["checkpoint-000007", "checkpoint-000008"]


def test_a_run_goes_on_only_with_its_own_settings_data_and_base(bases, run):
    llama, rows = bases["llama"], tiny_models.rows()
    settings = changed(checkpoint_seconds=0)
    break_off(llama, rows, settings, run, at=2)
    with pytest.raises(InputError, match=r"rank.*8.*now.*16") as caught:
        lora.train(llama, rows, changed(checkpoint_seconds=0, rank=16), run, resume=True)
    assert "weight_decay" not in caught.value.what  # nothing but what differs
    with pytest.raises(InputError, match=r"data: .*now"):
        lora.train(llama, [*rows, Row("One more?", "Yes.")], settings, run, resume=True)
    with pytest.raises(InputError, match=r"base: .*now"):
        lora.train(bases["phi3"], rows, settings, run, resume=True)
    assert lora.train(llama, rows, settings, run, resume=True)[1].steps == 8


def test_a_run_that_was_broken_off_is_not_thrown_away_by_accident(llama, run):
    settings = changed(checkpoint_seconds=0)
    break_off(llama, tiny_models.rows(), settings, run, at=4)
    with pytest.raises(InputError, match="interrupted here at step 3") as caught:
        lora.train(llama, tiny_models.rows(), settings, run)
    assert "--resume" in caught.value.hint
    assert "--anew" in caught.value.hint
    assert run.latest().name == "checkpoint-000003"
    _, result = lora.train(llama, tiny_models.rows(), settings, run, anew=True)
    assert len(run.curve()) == result.steps == 8


def test_there_must_be_a_run_to_go_on_with(llama, run):
    with pytest.raises(InputError, match="no run to go on with"):
        lora.train(llama, tiny_models.rows(), QUICK, run, resume=True)


@pytest.mark.parametrize("name", ["adapter.safetensors", "optimizer.safetensors", "progress.json"])
def test_a_checkpoint_cut_in_half_is_said_to_be(llama, run, name):
    settings = changed(checkpoint_seconds=0)
    break_off(llama, tiny_models.rows(), settings, run, at=3)
    file = run.latest() / name
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        lora.train(llama, tiny_models.rows(), settings, run, resume=True)


def test_a_line_of_the_curve_cut_in_half_is_left_out(run):
    run.begin({})
    run.note({"step": 1, "loss": 2.0})
    with (run.folder / "metrics.jsonl").open("a") as file:
        file.write('{"step": 2, "lo')
    assert run.curve() == [{"step": 1, "loss": 2.0}]


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_loss_that_is_no_number_stops_the_run_and_the_last_good_checkpoint_stays(tmp_path, run):
    """The token of one question is not a number in the embedding: the steps before it are sound."""
    folder = tiny_models.save(tmp_path / "poisoned", "phi3")
    from safetensors.torch import save_file

    weights = load_file(folder / "model.safetensors")
    weights["model.embed_tokens.weight"][tiny_models.tokens("phi3").index("H")] = float("nan")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    base = base_model.from_folder(folder, "poisoned")
    settings = changed(batch=1, checkpoint_seconds=0, seed=next(s for s in range(9) if poison_at(base, s) >= 3))
    with pytest.raises(ModelError, match=r"the loss is nan .* at step \d+") as caught:
        lora.train(base, tiny_models.rows(), settings, run)
    assert "learning_rate" in caught.value.hint
    adapter, optimizer, progress = run.load(run.latest())
    assert progress.step == poison_at(base, settings.seed)
    assert all(number.isfinite().all() for number in (*adapter.values(), *optimizer.values()))


def poison_at(base, seed: int) -> int:
    """How many steps come before the row that asks for part H."""
    data = lora._data(base, tiny_models.rows(), changed(seed=seed))
    order = packing.steps(data.train, 1, seed, 0)
    letter = tiny_models.tokens("phi3").index("H")
    return next(number for number, (row,) in enumerate(order) if letter in row.prompt)


def test_a_learning_rate_that_is_far_too_high_is_stopped(llama, run):
    with pytest.raises(ModelError, match="nothing can be learned"):
        lora.train(llama, tiny_models.rows(), changed(learning_rate=1e30, epochs=50), run)


@pytest.mark.parametrize(
    ("count", "options", "said"),
    [
        (1, {}, r"1 rows? .*too few"),
        (0, {}, r"0 rows are too few"),
        (8, {"max_length": 20}, r"0 rows are too few to train on \(8 had over 20 tokens\)"),
        (8, {"validation": 0.1}, r"10% of 8 rows is 1 to validate on"),
        (5, {"validation": 0.9}, r"0 .*to train on"),
    ],
    ids=["one row", "no row", "all too long", "one row to validate", "no row left to train"],
)
def test_data_that_cannot_be_trained_with_is_refused_with_numbers(llama, run, count, options, said):
    with pytest.raises(InputError, match=said):
        lora.train(llama, tiny_models.rows(count), changed(**options), run)
    assert not run.folder.exists()


def test_rows_that_are_too_long_are_left_out_and_counted(llama, run):
    rows = [*tiny_models.rows(), Row("x" * 300, "long"), Row("Short?", "y" * 300)]
    _, result = lora.train(llama, rows, changed(max_length=200, epochs=1), run)
    assert (result.rows, result.too_long) == (8, 2)


def test_a_device_that_is_not_there_is_named(llama, run):
    with pytest.raises(InputError, match="no device 'cuda:77'"):
        lora.train(llama, tiny_models.rows(), changed(device="cuda:77"), run)


def test_weights_that_are_pickled_are_not_read(tmp_path):
    folder = tiny_models.save(tmp_path / "base", "llama")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="never loaded"):
        base_model.from_folder(folder, "pickled")


@pytest.mark.parametrize("size", [0.5, 0.999])
def test_a_base_that_is_cut_is_a_clear_error(tmp_path, run, size):
    folder = tiny_models.save(tmp_path / "base", "llama")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: int(len(whole) * size)])
    with pytest.raises(ModelError, match="cannot be loaded"):
        lora.train(base_model.from_folder(folder, "cut"), tiny_models.rows(), QUICK, run)


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            pass


def test_a_disk_that_is_full_loses_no_checkpoint(llama, small_disk, tmp_path):
    run, settings = RunFolder(small_disk / "run"), changed(checkpoint_seconds=0)

    def fill_late(tick):
        if tick.step == 3:
            fill(small_disk)

    with pytest.raises(StoreError, match=r"could not be written \(No space left on device\)") as caught:
        lora.train(llama, tiny_models.rows(), settings, run, on_step=fill_late)
    assert "metier tune --resume" in caught.value.hint
    assert run.load(run.latest())[2].step == 2
    (small_disk / "filler").unlink()
    resumed, result = lora.train(llama, tiny_models.rows(), settings, run, resume=True)
    unbroken, expected = lora.train(llama, tiny_models.rows(), settings, RunFolder(tmp_path / "whole"))
    assert result.loss == expected.loss
    assert_same_adapter(adapter_of(resumed), adapter_of(unbroken))


def test_targets_are_found_in_the_model_as_loaded(bases):
    for kind, base in bases.items():
        model = base_model.load_model(base, quantised=False, dtype="float32")
        assert set(target_modules(model)) == MATRICES[kind]


# ── the learning rate ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_learning_rate_rises_then_falls_and_is_never_zero(schedule):
    settings = changed(schedule=schedule, warmup=0.1, learning_rate=1.0)
    rates = [lora.learning_rate(step, 40, settings) for step in range(40)]
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1])
    assert rates[4] == pytest.approx(1)
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert min(rates) > 0
    assert rates[-1] == (1 if schedule == "constant" else pytest.approx(rates[-1], abs=0.1))


def test_without_warm_up_the_first_step_is_at_full_rate():
    settings = changed(warmup=0.0)
    assert lora.learning_rate(0, 10, settings) == settings.learning_rate
    assert lora.learning_rate(0, 1, settings) == settings.learning_rate

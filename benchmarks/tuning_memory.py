"""The memory plan of a training run against the memory it takes.

    python benchmarks/tuning_memory.py [--device cpu|cuda] [--only TEXT] [--quick]

Each configuration runs in a process of its own, with random weights built from a configuration: forward, loss,
backward, optimizer step. Gradients and optimizer states of an earlier step are kept, as they are between the
micro-batches of a step, so that the measured step has everything at once.

    allocated  the largest sum of live tensors: on the CPU from the allocations that torch's profiler records, added to
               the tensors alive before; on CUDA torch.cuda.max_memory_allocated
    resident   peak resident set of the process less what it had before the model was made (CPU only): this also holds
               what the matrix library takes for itself

The plan's own line for the process (CUDA context, libraries) is left out of the comparison: neither measure sees it.
Writes benchmarks/results/tuning_memory.json.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from metier.tuning.modules import target_modules
from metier.tuning.plan import Device, Plan, Recipe, plan
from metier.tuning.shapes import BUILT_IN, from_config

RESULTS = Path(__file__).resolve().parent / "results" / "tuning_memory.json"
TOLERANCE = 0.15
MODELS = {
    "smollm2-135m": BUILT_IN["smollm2-135m"],
    # Phi-3's block and vocabulary, a quarter of its width
    "phi-3-134m": BUILT_IN["phi-3-mini"]
    | {
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "num_key_value_heads": 12,
        "intermediate_size": 2048,
    },
    "llama-1m": BUILT_IN["smollm2-135m"]
    | {
        "hidden_size": 128,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 384,
        "vocab_size": 4096,
    },
}
MICRO_BATCHES = ((1, 256, None), (1, 1024, 256), (4, 256, 256))  # rows, tokens a row, labels; None = all


def grid() -> list[tuple[str, Recipe]]:
    """Model by method by checkpointing by micro-batch; then, on the smaller model, one thing at a time."""
    runs = []
    for model, method, checkpointing, (batch, length, labels) in itertools.product(
        ("phi-3-134m", "smollm2-135m"), ("lora", "qlora"), (True, False), MICRO_BATCHES
    ):
        sizes = {"batch": batch, "length": length, "label_tokens": labels}
        runs.append((model, Recipe(method, **sizes, gradient_checkpointing=checkpointing, adapter_dtype="bfloat16")))
    for method, checkpointing in itertools.product(("lora", "qlora"), (True, False)):
        usual = Recipe(method, batch=1, length=512, label_tokens=64, gradient_checkpointing=checkpointing)
        changes = (
            {},
            {"autocast": True, "dropout": 0.05},
            {"masked": True, "adapter_dtype": "bfloat16"},
            {"dora": True},
            {"rank": 64, "optimizer": "adamw_8bit"},
        )
        runs += [("phi-3-134m", replace(usual, **change)) for change in changes]
    whole = Recipe("full", batch=2, length=128, compute_dtype="float32")
    return [*runs, ("phi-3-134m", whole)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--only", default="", help="runs whose name holds this")
    parser.add_argument("--quick", action="store_true", help="every fourth run")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(**json.loads(options.one))))
        return
    runs = [run for run in grid() if options.only in name_of(*run)][:: 4 if options.quick else 1]
    rows = []
    print(f"{'':82}{'plan':>7}{'alloc.':>8}{'ratio':>7}{'resid.':>8}{'ratio':>7}   MiB", flush=True)
    for model, recipe in runs:
        rows.append(row_of(model, recipe, options.device))
        print_row(rows[-1])
    ratios = [row["ratio"] for row in rows]
    outside = sum(abs(ratio - 1) > TOLERANCE for ratio in ratios)
    print(f"plan / allocated: {min(ratios):.2f} to {max(ratios):.2f}; {outside} of {len(rows)} outside {TOLERANCE:.0%}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"command": sys.argv, "device": options.device, "runs": rows}, indent=1))
    sys.exit(1 if outside else 0)


def name_of(model: str, recipe: Recipe) -> str:
    parts = [model, recipe.method, f"{recipe.batch}x{recipe.length}", f"labels {recipe.labelled}"]
    parts += ["checkpointing"] if recipe.gradient_checkpointing else []
    parts += ["fp32 adapter"] if recipe.method != "full" and recipe.adapter_dtype == "float32" else []
    parts += [name for name in ("autocast", "dropout", "masked", "dora") if getattr(recipe, name)]
    parts += ["8-bit optimizer"] if recipe.optimizer == "adamw_8bit" else []
    return " ".join(parts)


def planned(model: str, recipe: Recipe, device: str) -> Plan:
    return plan(from_config(MODELS[model], model), recipe, (Device("measured", device, 2**40, 2**40),))


def row_of(model: str, recipe: Recipe, device: str) -> dict:
    expected = planned(model, recipe, device)
    bytes_expected = expected.total - expected.part("process").bytes
    measured = run_alone(model, recipe, device)
    row = {"name": name_of(model, recipe), "model": model, "recipe": asdict(recipe), "plan": bytes_expected, **measured}
    row["ratio"] = bytes_expected / measured["allocated"]
    if "resident" in measured:
        row["resident_ratio"] = bytes_expected / measured["resident"]
    row["parts"] = {part.name: part.bytes for part in expected.parts}
    return row


def run_alone(model: str, recipe: Recipe, device: str = "cpu") -> dict[str, int]:
    """`measure` in a fresh process, whose C library gives freed memory back to the system at once."""
    given = json.dumps({"model": model, "recipe": asdict(recipe), "device": device})
    tight = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    command = [sys.executable, "-W", "ignore", __file__, "--one", given]
    done = subprocess.run(command, env=os.environ | tight, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name_of(model, recipe)}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def print_row(row: dict) -> None:
    mib = {key: row[key] / 2**20 for key in ("plan", "allocated", "resident") if key in row}
    line = f"{row['name']:82}{mib['plan']:7.0f}{mib['allocated']:8.0f}{row['ratio']:7.2f}"
    if "resident" in mib:
        line += f"{mib['resident']:8.0f}{row['resident_ratio']:7.2f}"
    print(line, flush=True)


# ── in a process of its own ──────────────────────────────────────────────────────────────────────────────────────────


def measure(model: str, recipe: dict, device: str) -> dict[str, int]:
    """Bytes: `allocated` at the peak, and `resident` on the CPU."""
    import torch

    torch.manual_seed(0)
    recipe = Recipe(**recipe)
    # Libraries and thread pools come up at the first step of anything; they are not the model's.
    one_step(*build("llama-1m", replace(recipe, batch=1, length=16, label_tokens=None), device))
    gc.collect()
    before = status("VmRSS")
    step = one_step(*build(model, recipe, device))  # leaves gradients and optimizer states
    gc.collect()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        step()
        return {"allocated": torch.cuda.max_memory_allocated()}
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again, without what building took
    step()
    resident = status("VmHWM") - before
    return {"allocated": peak_of_tensors(step), "resident": resident}


def build(name: str, recipe: Recipe, device: str) -> tuple:
    """The model with its adapter, its optimizer, and the recipe."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM

    values = dict(MODELS[name])
    config = AutoConfig.for_model(values.pop("model_type"), **values)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, recipe.compute_dtype))
    if recipe.method == "qlora":
        quantise(model)
    if recipe.method != "full":
        adapter = LoraConfig(
            r=recipe.rank,
            use_dora=recipe.dora,
            lora_dropout=recipe.dropout,
            target_modules=list(target_modules(model)),
        )
        model = get_peft_model(model, adapter, autocast_adapter_dtype=recipe.adapter_dtype == "float32")
    if recipe.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    model.train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return model, optimizer_of(trained, recipe), recipe


def optimizer_of(trained: list, recipe: Recipe):
    import torch

    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(trained, lr=1e-4, fused=True)
    import bitsandbytes

    return bitsandbytes.optim.AdamW8bit(trained, lr=1e-4)


def quantise(model) -> None:
    """Every matrix of the layers to NF4 with double quantisation, in place, as bitsandbytes loads them."""
    import bitsandbytes
    from torch import nn

    head = model.get_output_embeddings()
    for parent in list(model.modules()):
        for name, linear in list(parent.named_children()):
            if isinstance(linear, nn.Linear) and linear is not head:
                inside = bitsandbytes.nn.Linear4bit(
                    linear.in_features,
                    linear.out_features,
                    bias=False,
                    compute_dtype=linear.weight.dtype,
                    device="meta",
                )
                inside.weight = bitsandbytes.nn.Params4bit(
                    linear.weight.data, requires_grad=False, quant_type="nf4", compress_statistics=True
                )
                setattr(parent, name, inside.to(linear.weight.device))
    model.is_loaded_in_4bit = True


def one_step(model, optimizer, recipe: Recipe) -> Callable[[], None]:
    """Do one training step and return it, to be done again: gradients add up, as over micro-batches."""
    import torch

    core = model.get_base_model() if recipe.method != "full" else model
    device = next(model.parameters()).device
    ids = torch.randint(0, core.config.vocab_size, (recipe.batch, recipe.length), device=device)
    mask = torch.ones_like(ids)
    if recipe.masked:
        mask[0, -1] = 0
    labelled = torch.zeros(recipe.tokens, dtype=torch.bool, device=device)
    labelled[: recipe.labelled] = True

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.autocast):
            hidden = core.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
            chosen = hidden.reshape(recipe.tokens, -1)[labelled]
            logits = core.get_output_embeddings()(chosen).float()
        del hidden, chosen
        loss = torch.nn.functional.cross_entropy(logits, ids.reshape(-1)[labelled])
        del logits
        loss.backward()
        optimizer.step()

    step()
    return step


def peak_of_tensors(step: Callable[[], None]) -> int:
    """The largest number of bytes in tensors during `step`, those alive before it included."""
    from torch.profiler import ProfilerActivity, profile

    alive = tensors_alive()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        step()
    events = recorded.profiler.kineto_results.events()
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    return alive + max(itertools.accumulate(change for _, change in changes))


def tensors_alive() -> int:
    import torch

    storages = {}
    for found in gc.get_objects():
        if isinstance(found, torch.Tensor):
            for tensor in (found, found.grad if found.is_leaf else None):
                if tensor is not None:
                    storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    return sum(storages.values())


def status(line: str) -> int:
    """Bytes, of a line of /proc/self/status."""
    for found in Path("/proc/self/status").read_text().splitlines():
        if found.startswith(line):
            return int(found.split()[1]) * 1024
    raise SystemExit(f"this system does not say {line}")


if __name__ == "__main__":
    main()

"""LoRA and QLoRA on a GPU: tokens/s and peak memory of our loop and of TRL's, the plan against what was measured, what
packing rows that share a passage saves, what FSDP costs on one rank; then generation with an adapter, and embedding.
One prepared script for a machine with an NVIDIA card and no network, ten minutes on an H100 or H200.

    python benchmarks/gpu.py                                  # a model of Phi-3-mini's shape, 3.8 billion numbers
    python benchmarks/gpu.py --shape small --rows 16          # a rehearsal on a CPU, in a minute or two

The weights are random and are made on the machine: speed and memory do not depend on what they say, and no hub is
needed. Each run is a process of its own. On a machine that has PyTorch, transformers and PEFT, the rest travels as
wheels, collected where a package index is in reach:

    pip download --no-deps -d wheels bitsandbytes trl datasets dill multiprocess pydantic pydantic-core \\
        annotated-types tomlkit
    python3 -m pip install --no-index --no-deps wheels/*.whl && PYTHONPATH=src python3 benchmarks/gpu.py --out gpu.json

Generation: 128 tokens behind 512, by transformers with the adapter beside the base, and by vLLM where it is installed.
Embedding: passages of 256 tokens, models of the shapes of multilingual-e5-small and all-MiniLM-L6-v2.

Rows are made up: `shared` asks four questions over each passage, `own` one over each; both have as many rows and nearly
as many tokens. What a library that is missing would have measured is left out, and said.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gpu_inference

RANK, ALPHA, RATE, BATCH = 16, 32, 2e-4, 8
SHAPES = {
    # microsoft/Phi-3-mini-4k-instruct, config.json
    "phi3-mini": {
        "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 32, "vocab_size": 32064, "max_position_embeddings": 4096,
    },
    "small": {
        "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4,
        "num_key_value_heads": 4, "vocab_size": 512, "max_position_embeddings": 4096,
    },
}  # fmt: skip
METHODS = ("lora", "qlora")
NEEDS = {"trl": ("trl", "datasets"), "vllm": ("vllm",)}
CONTROL = ("<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>")
TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% else %}{{ eos_token }}{% endif %}"
)
_GIB = 2**30
_WORDS = ("pump", "valve", "seal", "rotor", "blade", "torque", "bolt", "filter", "oil", "grease", "panel", "relay")


# --- what is trained ---------------------------------------------------------------------------------------------


def make_model(shape: str, folder: Path) -> None:
    """Random weights in bfloat16 and a tokenizer of bytes, as `from_pretrained` reads them."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import Phi3Config, Phi3ForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    config = Phi3Config(**SHAPES[shape], pad_token_id=0, bos_token_id=0, eos_token_id=0, dtype="bfloat16")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = Phi3ForCausalLM(config)
    finally:
        torch.set_default_dtype(before)
    model.save_pretrained(folder, safe_serialization=True)
    letters = [*CONTROL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    made = Tokenizer(BPE({token: number for number, token in enumerate(letters)}, []))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token=CONTROL[0], chat_template=TEMPLATE)
    tokenizer.save_pretrained(folder)


def rows_of(kind: str, count: int, length: int) -> list[Any]:
    """`kind`: shared or own. `length`: characters, which are tokens here, of a passage."""
    from metier.core.documents import Passage
    from metier.dataset.rows import Row

    draw = random.Random(0)
    made: list[Row] = []
    while len(made) < count:
        text = " ".join(draw.choices(_WORDS, k=length // 6))[:length]
        name = f"d{len(made)}"
        passage = Passage(name, name, text, 0, len(text), title=name)
        for _ in range(4 if kind == "shared" else 1):
            part = draw.choice(_WORDS)
            made.append(Row(f"What is said of the {part}?", f"The {part} is changed.", context=(passage,)))
    return made[:count]


# --- one run, in a process of its own ----------------------------------------------------------------------------


def one(job: dict[str, Any]) -> dict[str, Any]:
    from metier.tuning import base_model

    small = job["shape"] == "small"
    base = base_model.from_folder(Path(job["model"]), job["shape"])
    written = 16 if small else gpu_inference.WRITTEN
    if job["by"] == "generate":
        return gpu_inference.generate(base, written, RANK)
    if job["by"] == "vllm":
        return gpu_inference.generate_by_vllm(base, written, RANK)
    if job["by"] == "embed":
        return gpu_inference.embed(8 if small else 16384)
    return _trained(base, job)


def _trained(base: Any, job: dict[str, Any]) -> dict[str, Any]:
    import torch

    from metier.tuning import base_model
    from metier.tuning.encoding import Encoder

    rows = rows_of(job["rows_kind"], job["rows"], job["length"])
    encoder = Encoder(base_model.load_tokenizer(base))
    lengths = [len(encoder.encode(row)) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        run = {"ours": _ours, "fsdp": _sharded, "trl": _trl}[job["by"]]
        seconds = run(base, rows, job["method"], Path(folder), max(lengths))
    peak = torch.cuda.max_memory_allocated() / _GIB if torch.cuda.is_available() else None
    tokens = sum(lengths)
    return {"seconds": seconds, "tokens": tokens, "tokens_per_second": tokens / seconds, "peak_gb": peak}


def _ours(
    base: Any, rows: Sequence[Any], method: str, folder: Path, longest: int, sharding: str = "none", world: Any = None
) -> float:
    from metier.core.settings import TuningSettings
    from metier.tuning.checkpoints import RunFolder
    from metier.tuning.distributed import ALONE
    from metier.tuning.trainers import lora

    settings = TuningSettings(
        method=method, rank=RANK, alpha=ALPHA, learning_rate=RATE, batch=BATCH, epochs=1, validation=0,
        max_length=longest, micro_tokens=_micro(longest), checkpoint_seconds=3600,
        sharding=sharding,
    )  # fmt: skip
    _, result = lora.train(base, rows, settings, RunFolder(folder / "run"), world=world or ALONE)
    return result.seconds


def _sharded(base: Any, rows: Sequence[Any], method: str, folder: Path, longest: int) -> float:
    """The same through FSDP, on the only rank there is: what gathering costs without anybody to gather from."""
    from metier.tuning.adapted_model import device_of
    from metier.tuning.distributed import World, joined

    with joined(World(), device_of("auto"), alone=True) as world:
        return _ours(base, rows, method, folder, longest, "fsdp", world)


def _micro(longest: int) -> int:
    """Tokens that go through the model at once: a whole step of TRL's, so that both have the same room."""
    return longest * BATCH


def turns(row: Any) -> dict[str, list[dict[str, str]]]:
    """A row as TRL takes it."""
    prompt = [{"role": message.role, "content": message.content} for message in row.prompt()]
    return {"prompt": prompt, "completion": [{"role": "assistant", "content": row.completion}]}


def nf4() -> Any:
    """How QLoRA keeps the frozen weights (Dettmers et al. 2023), as transformers takes it."""
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )  # fmt: skip


def _trl(base: Any, rows: Sequence[Any], method: str, folder: Path, longest: int) -> float:
    """What TRL's documentation shows, with the same rows, rank and batch."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    on_gpu = torch.cuda.is_available()
    model = AutoModelForCausalLM.from_pretrained(
        base.folder, dtype=torch.bfloat16, attn_implementation="sdpa", device_map={"": 0} if on_gpu else None,
        quantization_config=nf4() if method == "qlora" else None,
    )  # fmt: skip
    trainer = SFTTrainer(
        model=model,
        processing_class=AutoTokenizer.from_pretrained(base.folder),
        args=SFTConfig(
            output_dir=str(folder), num_train_epochs=1, learning_rate=RATE, per_device_train_batch_size=BATCH,
            max_length=longest, report_to="none", save_strategy="no", disable_tqdm=True, logging_steps=1000,
            use_cpu=not on_gpu, bf16=on_gpu,
        ),
        train_dataset=Dataset.from_list([turns(row) for row in rows]),
        peft_config=LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM"),
    )  # fmt: skip
    began = time.perf_counter()
    trainer.train()
    return time.perf_counter() - began


def planned(folder: Path, method: str, length: int) -> float:
    """Peak in GiB that `metier tune --plan` gives for such a step of ours."""
    from metier.tuning import plan
    from metier.tuning.recipe import Recipe
    from metier.tuning.shapes import shape_of

    recipe = Recipe(
        method=method, rank=RANK, batch=1, length=_micro(length), label_tokens=BATCH * 32, adapter_dtype="bfloat16",
        master=True, gradient_checkpointing=False, masked=True,
    )  # fmt: skip
    return plan.plan(shape_of(str(folder)), recipe, plan.devices()).total / _GIB


# --- all runs ----------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="phi3-mini")
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--length", type=int, default=1000, help="tokens of a passage")
    parser.add_argument("--seconds", type=float, default=480, help="no run is begun after so many")
    parser.add_argument("--out", type=Path, help="JSON file with all figures")
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make_model(options.shape, options.make)
        return
    if options.one:
        print(json.dumps(one(options.one)))
        return
    began = time.monotonic()
    result: dict[str, Any] = {"machine": _machine(), "shape": options.shape, "rows": options.rows, "runs": []}
    print(result["machine"], flush=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "model"
        _apart("--shape", options.shape, "--make", str(folder))
        print(f"model made in {time.monotonic() - began:.0f} s", flush=True)
        for method, by, kind in _jobs():
            job = {
                "model": str(folder), "shape": options.shape, "method": method, "by": by, "rows_kind": kind,
                "rows": options.rows, "length": options.length,
            }  # fmt: skip
            if reason := _not_now(method, by, began, options.seconds):
                print(f"{method:6} {by:8} {kind:7} not measured: {reason}", flush=True)
                continue
            run = json.loads(_apart("--one", json.dumps(job)).splitlines()[-1])
            if by == "ours" and kind == "own" and run["peak_gb"] is not None:
                run["planned_gb"] = planned(folder, method, run["tokens"] // options.rows)
            result["runs"].append({"method": method, "by": by, "rows": kind, **run})
            _tell(method, by, kind, run)
    _ratios(result)
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _jobs() -> list[tuple[str, str, str]]:
    """What nobody has published comes first."""
    trained = {kind: [(method, by, kind) for method in METHODS for by in ("ours", "trl")] for kind in ("own", "shared")}
    sharded = [(method, "fsdp", "own") for method in METHODS]
    others = [("", by, "") for by in ("generate", "vllm", "embed")]
    return [*trained["own"], *sharded, *others, *trained["shared"]]


def _not_now(method: str, by: str, began: float, seconds: float) -> str:
    """Why a run is left out, "" where it is not."""
    import torch

    wanted = [*NEEDS.get(by, ()), *(["bitsandbytes"] if method == "qlora" else [])]
    if missing := [name for name in wanted if importlib.util.find_spec(name) is None]:
        return f"{', '.join(missing)} is not installed"
    if by == "vllm" and not torch.cuda.is_available():
        return "there is no GPU"
    return "the time is up" if time.monotonic() - began > seconds else ""


def _apart(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(arguments)[:200]} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def _tell(method: str, by: str, kind: str, run: dict[str, Any]) -> None:
    if not method:
        unit = "passages/s" if by == "embed" else "tokens/s"
        for name, speed in run.items():
            print(f"{by:8} {name:22}{speed:>10.0f} {unit}", flush=True)
        return
    peak = "" if run["peak_gb"] is None else f"  peak {run['peak_gb']:.1f} GiB"
    plan = f"  planned {run['planned_gb']:.1f}" if "planned_gb" in run else ""
    print(f"{method:6} {by:8} {kind:7}{run['tokens_per_second']:>10.0f} tokens/s{peak}{plan}", flush=True)


def _ratios(result: dict[str, Any]) -> None:
    speed = {(r["method"], r["by"], r["rows"]): r["tokens_per_second"] for r in result["runs"] if r["method"]}
    for method in METHODS:
        if (method, "ours", "own") in speed and (method, "fsdp", "own") in speed:
            ratio = speed[method, "fsdp", "own"] / speed[method, "ours", "own"]
            print(f"{method}: FSDP on one rank at {ratio:.2f} times the plain loop's tokens/s")
        for kind in ("own", "shared"):
            if (method, "ours", kind) in speed and (method, "trl", kind) in speed:
                ratio = speed[method, "ours", kind] / speed[method, "trl", kind]
                print(f"{method}: ours at {ratio:.2f} times TRL's tokens/s, {kind} passages")
        if (method, "ours", "own") in speed and (method, "ours", "shared") in speed:
            ratio = speed[method, "ours", "shared"] / speed[method, "ours", "own"]
            print(f"{method}: shared passages are {ratio:.2f} times as fast as passages of their own")


def _machine() -> dict[str, Any]:
    import torch
    import transformers

    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "gpu": gpu, "torch": torch.__version__, "transformers": transformers.__version__,
        "python": platform.python_version(),
    }  # fmt: skip


if __name__ == "__main__":
    main()

"""Speed, memory and loss of a training run: ours and TRL's `SFTTrainer` as it comes, LoRA and QLoRA.

    python benchmarks/tuning.py [--sets tatqa pubmedqa banking77] [--rows 192] [--rounds 3]

Every run is a process of its own; the runs of a round follow each other, so that a neighbour slows all alike. Both get
the same rows once (one epoch), the same rank, alpha, learning rate, schedule and rows a step; all else is what each
does by itself. The number of the round is the seed of both. The adapters are then judged by one function, in 32 bits,
on the same held-out rows: their losses are alike where the mean difference over the rounds is within its 95% interval
of zero.

    tatqa       several questions over one table and its text (the format of RAG, several questions a source)
    pubmedqa    one question over one abstract (the format of RAG, nothing shared but the instruction)
    banking77   a short text and its label (no source)

tokens/s are those of the rows as they stand, prompt and completion, over the time of training alone; what is packed
away still counts, for both. Peak memory is the resident set of the process less what it was before the model was
loaded; on a GPU, what torch allocated. Writes benchmarks/results/tuning-SETS.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import scipy.stats
from gpu import nf4, turns
from ingest import RESULTS, circumstances, verdict
from sets import data_folder

from metier.core.documents import Passage, TextBuilder
from metier.core.settings import Settings, TuningSettings
from metier.dataset.rows import Row

SETS = ("tatqa", "pubmedqa", "banking77")
HELD_OUT = 48
SPEED_TARGET, MEMORY_TARGET, QLORA_TARGET = 1.5, 0.7, 1 / 1.15
RANK, ALPHA, RATE, BATCH = 16, 32, 2e-4, 8


def rows_of(name: str, count: int) -> tuple[list[Row], list[Row]]:
    """`count` rows to train on and `HELD_OUT` to judge by, never over the same source."""
    groups = {"tatqa": _tatqa, "pubmedqa": _pubmedqa, "banking77": _banking77}[name]()
    random.Random(0).shuffle(groups)
    held_out: list[Row] = []
    while len(held_out) < HELD_OUT:
        held_out += groups.pop()
    return [row for group in groups for row in group][:count], held_out[:HELD_OUT]


def _tatqa() -> list[list[Row]]:
    groups = []
    for item in json.loads((data_folder() / "tatqa" / "tatqa_dataset_dev.json").read_text(encoding="utf-8")):
        builder = TextBuilder()
        builder.add_table(item["table"]["table"])
        for paragraph in item["paragraphs"]:
            builder.add("paragraph", paragraph["text"])
        passage = _passage(item["table"]["uid"], builder.text)
        group = []
        for asked in item["questions"]:
            answer = asked["answer"] if isinstance(asked["answer"], list) else [asked["answer"]]
            text = ", ".join(map(str, answer)) + (f" {asked['scale']}" if asked["scale"] else "")
            group.append(Row(asked["question"], text, context=(passage,)))
        groups.append(group)
    return groups


def _pubmedqa() -> list[list[Row]]:
    raw = json.loads((data_folder() / "pubmedqa" / "pubmedqa_train.json").read_text(encoding="utf-8"))
    return [
        [Row(item["QUESTION"], item["final_decision"], context=(_passage(key, "\n\n".join(item["CONTEXTS"])),))]
        for key, item in raw.items()
    ]


def _banking77() -> list[list[Row]]:
    with (data_folder() / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        rows = [Row(line["text"], line["category"].replace("_", " "), kind="label") for line in csv.DictReader(file)]
    return [[row] for row in rows]


def _passage(name: str, text: str) -> Passage:
    return Passage(name, name, text, 0, len(text), title=name)


# --- one run, in a process of its own ----------------------------------------------------------------------------


class Memory:
    """Peak since the start, in GiB, less what was there then."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
        self._before = self._read("VmRSS")

    def peak(self) -> float:
        import torch

        if torch.cuda.is_available():
            return torch.cuda.max_memory_allocated() / 2**30
        return (self._read("VmHWM") - self._before) / 2**20

    def _read(self, name: str) -> int:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name))


def one(job: dict[str, Any]) -> dict[str, Any]:
    import transformers
    from trl import SFTConfig, SFTTrainer  # noqa: F401 - loaded before the memory is measured, for both alike

    from metier.tuning import base_model
    from metier.tuning.trainers import lora

    transformers.utils.logging.disable_progress_bar()
    base = base_model.locate(Settings(), Path())
    train, held_out = rows_of(job["set"], job["rows"])
    memory = Memory()
    with tempfile.TemporaryDirectory() as folder:
        run = {"ours": _ours, "trl": _trl}[job["by"]]
        model, seconds = run(base, train, job["method"], Path(folder), job["seed"])
        peak = memory.peak()
    encoder = lora.Encoder(base_model.load_tokenizer(base))
    tokens = sum(len(encoder.encode(row)) for row in train)
    learned = {name: number.detach().float() for name, number in model.named_parameters() if number.requires_grad}
    loss = judge(learned, base, job["method"], held_out)
    return {"seconds": seconds, "tokens": tokens, "tokens_per_second": tokens / seconds, "peak_gb": peak, "loss": loss}


def _ours(base: Any, rows: Sequence[Row], method: str, folder: Path, seed: int) -> tuple[Any, float]:
    from metier.tuning.checkpoints import RunFolder
    from metier.tuning.trainers import lora

    settings = TuningSettings(
        method=method, rank=RANK, alpha=ALPHA, learning_rate=RATE, batch=BATCH, epochs=1, validation=0, warmup=0,
        schedule="linear", seed=seed,
    )  # fmt: skip
    model, result = lora.train(base, rows, settings, RunFolder(folder / "run"))
    return model, result.seconds


def _trl(base: Any, rows: Sequence[Row], method: str, folder: Path, seed: int) -> tuple[Any, float]:
    """What the documentation of TRL shows, with the model and the rows of the other side."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    trainer = SFTTrainer(
        model=str(base.folder),
        args=SFTConfig(
            output_dir=str(folder), num_train_epochs=1, learning_rate=RATE, per_device_train_batch_size=BATCH,
            max_length=2048, report_to="none", save_strategy="no", disable_tqdm=True, logging_steps=1000,
            use_cpu=not torch.cuda.is_available(), seed=seed,
        ),
        train_dataset=Dataset.from_list([turns(row) for row in rows]),
        peft_config=LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM"),
        quantization_config=nf4() if method == "qlora" else None,
    )  # fmt: skip
    began = time.perf_counter()
    trainer.train()
    return trainer.model, time.perf_counter() - began


def judge(learned: dict[str, Any], base: Any, method: str, rows: Sequence[Row]) -> float:
    """Mean cross-entropy of the completions' tokens, row by row, nats. The adapter is put upon weights loaded again and
    multiplied in 32 bits, whoever trained it: a trainer's own model may go on rounding to bfloat16 (TRL's does), which
    swallows most of what a young adapter adds."""
    import torch

    from metier.tuning import base_model
    from metier.tuning.encoding import Encoder
    from metier.tuning.trainers import lora

    settings = TuningSettings(method=method, rank=RANK, alpha=ALPHA, dtype="float32")
    model = lora.with_adapter(base, settings, lora.device_of("auto")).eval()
    theirs = {name: number for name, number in model.named_parameters() if number.requires_grad}
    for name in theirs.keys() | learned.keys():
        theirs[name].data.copy_(learned[name])
    encoder = Encoder(base_model.load_tokenizer(base))
    total, count = 0.0, 0
    with torch.no_grad():
        for row in rows:
            example = encoder.encode(row)
            ids = torch.tensor([[*example.prompt, *example.completion]], device=model.device)
            logits = model(input_ids=ids).logits[0, len(example.prompt) - 1 : -1].float()
            labels = torch.tensor(example.completion, device=model.device)
            total += torch.nn.functional.cross_entropy(logits, labels, reduction="sum").item()
            count += len(example.completion)
    return total / count


# --- all runs ----------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--rows", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", choices=("lora", "qlora"), default=["lora", "qlora"])
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one)))
        return
    result = circumstances("tuning.py")
    print(f"{'':24}{'tokens/s':>10}{'low':>8}{'high':>8}{'peak GB':>9}{'loss':>8}")
    for name in options.sets:
        runs: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for number in range(options.rounds):
            for method in options.methods:
                for by in ("ours", "trl"):
                    runs.setdefault((method, by), []).append(apart(name, method, by, options.rows, number))
                    print(f"round {number + 1}: {name} {method} {by}", file=sys.stderr, flush=True)
        result[name] = report(name, runs)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"tuning-{'-'.join(options.sets)}.json").write_text(
        json.dumps(result, indent=1) + "\n", encoding="utf-8"
    )


def apart(name: str, method: str, by: str, rows: int, seed: int) -> dict[str, Any]:
    job = json.dumps({"set": name, "method": method, "by": by, "rows": rows, "seed": seed})
    command = [sys.executable, "-W", "ignore", __file__, "--one", job]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name} {method} {by} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def report(name: str, runs: dict[tuple[str, str], list[dict[str, Any]]]) -> dict[str, Any]:
    middle = {
        key: {field: statistics.median(run[field] for run in each) for field in each[0]} for key, each in runs.items()
    }
    for (method, by), row in middle.items():
        speeds = [run["tokens_per_second"] for run in runs[method, by]]
        print(
            f"{name:10} {method:6} {by:6}{row['tokens_per_second']:>10.0f}{min(speeds):>8.0f}{max(speeds):>8.0f}"
            f"{row['peak_gb']:>9.2f}{row['loss']:>8.3f}"
        )
    told: dict[str, Any] = {f"{method}, {by}": row for (method, by), row in middle.items()}
    for method in dict.fromkeys(method for method, _ in middle):
        ours, trl = runs[method, "ours"], runs[method, "trl"]
        speed = statistics.median(
            a["tokens_per_second"] / b["tokens_per_second"] for a, b in zip(ours, trl, strict=True)
        )
        memory = statistics.median(a["peak_gb"] / b["peak_gb"] for a, b in zip(ours, trl, strict=True))
        loss, reach = difference([a["loss"] - b["loss"] for a, b in zip(ours, trl, strict=True)])
        told[f"{method}, ours to TRL"] = {"speed": speed, "memory": memory, "loss": loss, "loss_reach": reach}
        print(f"  {method}: {speed:.2f} times TRL's tokens/s, {verdict(speed, SPEED_TARGET, at_least=True)}")
        print(f"  {method}: {memory:.2f} of its memory, {verdict(memory, MEMORY_TARGET)}")
        print(f"  {method}: loss {loss:+.3f} against TRL's, 95% within {reach:.3f} of that over {len(ours)} seeds")
    if ("qlora", "ours") in runs and ("lora", "ours") in runs:
        pairs = zip(runs["qlora", "ours"], runs["lora", "ours"], strict=True)
        slower = statistics.median(a["tokens_per_second"] / b["tokens_per_second"] for a, b in pairs)
        told["qlora to lora"] = slower
        print(f"  QLoRA at {slower:.2f} of LoRA's tokens/s, {verdict(slower, QLORA_TARGET, at_least=True)}", flush=True)
    return told


def difference(paired: Sequence[float]) -> tuple[float, float]:
    """Mean, and half the width of its 95% interval by Student's t; no width of a single one."""
    if len(paired) < 2:
        return paired[0], math.inf
    error = statistics.stdev(paired) / math.sqrt(len(paired))
    return statistics.mean(paired), error * float(scipy.stats.t.ppf(0.975, len(paired) - 1))


if __name__ == "__main__":
    main()

"""How fast the packaged model starts, reads and writes here, and which settings of llama.cpp make it so.

    python benchmarks/generation_runtime.py [--rounds 5]

Every variant is loaded at once and the rounds go through all of them in turn, so that a neighbour who takes the
processor for a while slows each alike; the best round counts. Writes benchmarks/results/generation_runtime.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import xllamacpp

from metier import models

MODEL = "smollm2-135m-instruct"
PROMPT_TOKENS, WRITTEN_TOKENS = 800, 32
RESULT = Path(__file__).parent / "results" / "generation_runtime.json"
CORES = len(os.sched_getaffinity(0))

FLASH = xllamacpp.llama_flash_attn_type
LOAD = xllamacpp.llama_load_mode
Q8 = xllamacpp.ggml_type.GGML_TYPE_Q8_0
VARIANTS = {
    "as Métier sets it": {},
    "1 thread": {"threads": 1},
    "batch 128": {"n_batch": 128, "n_ubatch": 128},
    "batch 2048, ubatch 512": {"n_batch": 2048},
    "flash attention off": {"flash_attn_type": FLASH.LLAMA_FLASH_ATTN_TYPE_DISABLED},
    "keys and values in 8 bits": {"cache_type_k": Q8, "cache_type_v": Q8},
    "no repacking": {"no_extra_bufts": True},
    "no mmap": {"load_mode": LOAD.LLAMA_LOAD_MODE_NONE},
    "warm-up": {"warmup": True},
    "no log-probabilities": {"logprobs": None},
}

START = """
import time
begun = time.perf_counter()
from metier.generation import Message, create
from metier.core.settings import GenerationSettings
generator = create(GenerationSettings())
messages = [Message("system", "Answer from the text."), Message("user", TEXT)]
counted = generator.count_tokens(messages)
ready = time.perf_counter()
first = generator.complete(messages, max_tokens=32)
again = generator.complete([messages[0], Message("user", TEXT + " And why?")], max_tokens=32)
generator.close()
import json
print(json.dumps({
    "import_load_and_count_seconds": ready - begun,
    "prompt_tokens": counted,
    "first_token_seconds": first.first_token_seconds,
    "read_tokens_per_second": counted / first.first_token_seconds,
    "written_tokens_per_second": (first.completion_tokens - 1) / (first.seconds - first.first_token_seconds),
    "second_question_cached_tokens": again.cached_tokens,
    "second_question_first_token_seconds": again.first_token_seconds,
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    path = next(models.ensure(MODEL).glob("*.gguf"))
    starts = [cold_start() for _ in range(rounds)]
    best = {name: min(s[name] for s in starts) for name in starts[0]}
    best |= {name: max(s[name] for s in starts) for name in best if name.endswith("per_second")}
    result = {"model": MODEL, "machine": machine(), "cold_start": best, "variants": variants(path, rounds)}
    result["load_average"] = os.getloadavg()[0]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, value in best.items():
        print(f"{name:40} {value:8.2f}")
    print("\n| variant | load, s | reads, tokens/s | writes, tokens/s |\n|---|---|---|---|")
    for name, row in result["variants"].items():
        print(f"| {name} | {row['load_seconds']:.2f} | {row['reads']:.0f} | {row['writes']:.0f} |")


def cold_start() -> dict:
    """A fresh process, as `metier ask` is one: from import to the second answer."""
    text = "The gearbox of turbine WT-07 was replaced in May 2021 after an oil leak. " * 35 + "What was replaced?"
    done = subprocess.run(
        [sys.executable, "-c", f"TEXT = {text!r}\n{START}"], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def variants(path: Path, rounds: int) -> dict:
    servers, rows = {}, {}
    for name, options in VARIANTS.items():
        started = time.perf_counter()
        servers[name] = start(path, dict(options))
        rows[name] = {"load_seconds": time.perf_counter() - started, "reads": 0.0, "writes": 0.0}
    for round_number in range(rounds):
        for name, server in servers.items():
            body = {
                "prompt": [100 + round_number, *((7919 * n) % 40_000 + 100 for n in range(PROMPT_TOKENS - 1))],
                "max_tokens": WRITTEN_TOKENS,
                "temperature": 0,
                "ignore_eos": True,
                "logprobs": VARIANTS[name].get("logprobs", 1),
            }
            timings = server.handle_completions({key: value for key, value in body.items() if value is not None})[
                "timings"
            ]
            rows[name]["reads"] = max(rows[name]["reads"], timings["prompt_per_second"])
            rows[name]["writes"] = max(rows[name]["writes"], timings["predicted_per_second"])
    return rows


def start(path: Path, options: dict) -> xllamacpp.Server:
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel = 4096, 1
    params.n_batch = params.n_ubatch = 512
    params.warmup = params.fit_params = params.ui = False
    params.cache_ram_mib = params.verbosity = 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.pop("threads", CORES)
    options.pop("logprobs", None)
    for name, value in options.items():
        setattr(params, name, value)
    return xllamacpp.Server(params)


def machine() -> dict:
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    cpu = next((line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), "")
    return {
        "cpu": cpu or platform.processor(),
        "cores": CORES,
        "xllamacpp": xllamacpp.__version__,
        "compiled_for": xllamacpp.get_system_info().strip(" |"),
    }


if __name__ == "__main__":
    main()

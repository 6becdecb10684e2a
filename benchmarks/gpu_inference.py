"""What `gpu.py` measures beside training: generation with an adapter, and embedding. Each is called in a process of its
own; weights are random."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from typing import Any

PROMPT, WRITTEN = 512, 128  # tokens of an answer's prompt, and of what is written
BATCHES = (1, 16)
LENGTH = 256  # tokens of a passage that is embedded
# Of intfloat/multilingual-e5-small and sentence-transformers/all-MiniLM-L6-v2, their config.json
EMBEDDERS = {
    "e5-small": {"num_hidden_layers": 12, "vocab_size": 250037},
    "MiniLM-L6": {"num_hidden_layers": 6, "vocab_size": 30522},
}
BERT = {"hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536, "max_position_embeddings": 512}


def seconds_of(work: Callable[[], object]) -> float:
    """Of one call, the device's work included."""
    import torch

    began = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def generate(base: Any, written: int, rank: int) -> dict[str, float]:
    """Tokens/s that transformers writes, all rows of a batch together: with the adapter beside the base, as PEFT runs
    it, and without."""
    import torch

    from metier.core.settings import TuningSettings
    from metier.tuning.adapted_model import device_of, with_adapter

    device = device_of("auto")
    model = with_adapter(base, TuningSettings(rank=rank, alpha=2 * rank, dtype="bfloat16"), device).eval()
    model.config.use_cache = True
    found = {}
    for batch in BATCHES:
        prompt = torch.randint(10, 200, (batch, PROMPT), device=device)
        options = {"attention_mask": torch.ones_like(prompt), "do_sample": False, "pad_token_id": 0, "use_cache": True}

        def write(tokens: int, prompt: Any = prompt, options: Any = options) -> None:
            with torch.inference_mode():
                model.generate(input_ids=prompt, max_new_tokens=tokens, min_new_tokens=tokens, **options)

        write(2)
        found[f"adapter, batch {batch}"] = batch * written / seconds_of(lambda write=write: write(written))
        with model.disable_adapter():
            found[f"base, batch {batch}"] = batch * written / seconds_of(lambda write=write: write(written))
    return found


def generate_by_vllm(base: Any, written: int, rank: int) -> dict[str, float]:
    """The same by vLLM, which is given the adapter as PEFT saves it."""
    import torch
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest

    from metier.core.settings import TuningSettings
    from metier.tuning.adapted_model import with_adapter

    with tempfile.TemporaryDirectory() as place:
        settings = TuningSettings(rank=rank, alpha=2 * rank, dtype="bfloat16")
        with_adapter(base, settings, torch.device("cpu")).save_pretrained(place)
        engine = LLM(
            model=str(base.folder), enable_lora=True, max_lora_rank=rank, dtype="bfloat16",
            max_model_len=PROMPT + written + 1, gpu_memory_utilization=0.8,
        )  # fmt: skip
        adapter = LoRARequest("adapter", 1, place)
        found = {}
        for batch in BATCHES:
            prompts = [{"prompt_token_ids": [10 + (row * 7 + n) % 190 for n in range(PROMPT)]} for row in range(batch)]

            def write(tokens: int, lora: Any, prompts: Any = prompts) -> None:
                sampling = SamplingParams(temperature=0, max_tokens=tokens, ignore_eos=True)
                engine.generate(prompts, sampling, lora_request=lora, use_tqdm=False)

            for name, lora in (("adapter", adapter), ("base", None)):
                write(2, lora)
                took = seconds_of(lambda write=write, lora=lora: write(written, lora))
                found[f"{name}, batch {batch}"] = batch * written / took
    return found


def embed(passages: int) -> dict[str, float]:
    """Passages/s of a model of each shape: in 16 bits on a GPU, in 32 on a CPU; mean over the tokens included."""
    import torch
    from transformers import BertConfig, BertModel

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    at_once = min(512, passages)
    found = {}
    for name, shape in EMBEDDERS.items():
        model = BertModel(BertConfig(**BERT | shape), add_pooling_layer=False).eval()
        model.to(device, torch.float16 if device.type == "cuda" else torch.float32)
        ids = torch.randint(10, 30000, (at_once, LENGTH), device=device)

        def run(count: int, model: Any = model, ids: Any = ids) -> None:
            with torch.inference_mode():
                for _ in range(0, count, at_once):
                    torch.nn.functional.normalize(model(ids).last_hidden_state.mean(1)).float().cpu()

        run(at_once)
        found[name] = -(-passages // at_once) * at_once / seconds_of(lambda run=run: run(passages))
    return found

"""An adapter for use outside Métier.

    peft        the adapter's own folder, as vLLM and PEFT load it
    merged      base and adapter in one, as safetensors: for whatever loads a transformers model
    gguf-f16    the same as GGUF, gguf-q8_0 in 8 bits: for llama.cpp and what is built on it
    ollama      gguf-q8_0 with a Modelfile that has the model's own template and stop words

Merging is done in 32 bits on the full weights. Merged into 4 bits, most of what was learned would be rounded away.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from metier.core.errors import InputError, StoreError
from metier.core.settings import Settings
from metier.dataset import training_record
from metier.generation.base import Message
from metier.tuning import base_model, gguf_model, model_card
from metier.tuning.adapters import Card, Registry
from metier.tuning.base_model import Base
from metier.tuning.encoding import Encoder

FORMS = ("peft", "merged", "gguf-f16", "gguf-q8_0", "ollama")
_KEPT_APART = ("card.json", "metrics.jsonl", "adapter.gguf", training_record.FILE_NAME)


def export(
    settings: Settings,
    expert: Path,
    registry: Registry,
    reference: str,
    to: Path,
    form: str,
    check: Callable[[Path], None] | None = None,
) -> Sequence[Path]:
    """Write the adapter to the new folder `to`; returns what is in it. `check`: looks at what was written before it
    gets its place, and raises where that is not good. Raises `InputError` for a form there is not or a folder that
    exists, `StoreError` where it cannot be written; half an export never stays."""
    if form not in FORMS:
        raise InputError(f"there is no form {form!r}", where="--as", hint=f"Choose one of {', '.join(FORMS)}.")
    if to.exists():
        raise InputError("exists already", where=str(to), hint="Name a new folder.")
    card = registry.get(reference)
    registry.check(card)
    part = to.with_name(f".{to.name}.{os.getpid()}")
    try:
        if form == "peft":
            shutil.copytree(registry.folder(card), part, ignore=shutil.ignore_patterns(*_KEPT_APART))
        else:
            part.mkdir(parents=True)
            _merge(settings, expert, registry.folder(card), card, part, form)
        if check is not None:
            check(part)
        part.rename(to)
    except OSError as error:
        raise StoreError(f"could not be written ({error.strerror or error})", where=str(to)) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return sorted(to.iterdir())


def refused_by_vllm(adapter: Path) -> str:
    """Why vLLM (0.33, its PEFTHelper) loads no such adapter, from the configuration in its folder; "" where it does,
    given a --max-lora-rank that is large enough."""
    try:
        config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "its adapter_config.json cannot be read"
    changed_base = str(config.get("init_lora_weights")).startswith(("pissa", "olora", "corda", "loftq"))
    reasons = {
        "it is a DoRA adapter": config.get("use_dora"),
        f"it trained whole modules ({config.get('modules_to_save')})": config.get("modules_to_save"),
        "it has biases": config.get("lora_bias") or config.get("bias", "none") != "none",
        f"its base was changed at its start ({config.get('init_lora_weights')})": changed_base,
    }
    return ", ".join(reason for reason, applies in reasons.items() if applies)


def _merge(settings: Settings, expert: Path, adapter: Path, card: Card, folder: Path, form: str) -> None:
    base = base_model.locate(settings, expert)
    if base.fingerprint != card.base_fingerprint:
        raise InputError(
            f"{card.reference} belongs to other weights than {base.name}",
            hint=f"Set `[generation] model` (or `[tuning] base`) to {card.base}.",
        )
    source = base_model.gguf_of(settings, expert)
    if source is None and form != "merged":
        raise InputError(
            f"{base.name} has no GGUF file from which to take its tokenizer",
            hint="Export it merged, and convert that with llama.cpp's convert_hf_to_gguf.py.",
        )
    merged = folder if form == "merged" else folder / "merged"
    save_merged(base, adapter, merged)
    if source is None or form == "merged":
        (folder / model_card.FILE_NAME).write_text(model_card.text(card, "merged"), encoding="utf-8")
        return
    kind: gguf_model.Kind = "f16" if form == "gguf-f16" else "q8_0"
    file = folder / f"{card.name}-{card.version}.{kind}.gguf"
    gguf_model.write(merged, source, file, kind)
    shutil.rmtree(merged)
    if form == "ollama":
        (folder / "Modelfile").write_text(modelfile(base, file.name), encoding="utf-8")


def save_merged(base: Base, adapter: Path, folder: Path) -> None:
    """Write base and adapter in one to `folder`, in the layout of transformers. Raises `ModelError`."""
    import torch

    with base_model.quiet():
        from peft import PeftModel

    model = base_model.load_model(base, quantised=False, dtype="float32")
    with base_model.quiet():
        merged = PeftModel.from_pretrained(model, adapter).merge_and_unload()
        merged.config.use_cache = True
        merged.to(torch.bfloat16 if _is_bfloat16(base) else torch.float32).save_pretrained(folder)
        base_model.load_tokenizer(base).save_pretrained(folder)


def _is_bfloat16(base: Base) -> bool:
    """Whether the base itself is kept in 16 bits: then what is merged need not take more."""
    return base_model.read_config(base.folder).get("dtype") in ("bfloat16", "float16")


def modelfile(base: Base, weights: str) -> str:
    """An Ollama Modelfile; its template is what the model's own renders, written in Ollama's words."""
    encoder = Encoder(base_model.load_tokenizer(base))
    stop = encoder.text_of(encoder.end_of_turn)
    with_system = encoder.frame([Message("system", "S"), Message("user", "U")])
    alone = encoder.frame([Message("user", "U")])
    before, between, behind = with_system
    opening, _ = alone
    if between.endswith(opening):
        system = f"{{{{ if .System }}}}{before}{{{{ .System }}}}{between[: len(between) - len(opening)]}{{{{ end }}}}"
        head = system + opening
    else:  # the template brings a system text of its own where none is given
        head = f"{{{{ if .System }}}}{before}{{{{ .System }}}}{between}{{{{ else }}}}{opening}{{{{ end }}}}"
    template = f"{head}{{{{ .Prompt }}}}{behind}{{{{ .Response }}}}{stop}"
    return f'FROM ./{weights}\nTEMPLATE """{template}"""\nPARAMETER stop "{stop}"\nPARAMETER temperature 0\n'

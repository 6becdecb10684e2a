"""The weights that are tuned: found, turned once into safetensors, and loaded in the number format of the run.

A GGUF file holds quantised weights that cannot be trained. transformers reads them back into full numbers, which takes
longer than many a training run; so the result is kept in the cache, under the fingerprint of the file.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import logging
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metier.core.errors import InputError, ModelError
from metier.core.settings import Settings, cache_folder
from metier.generation import gguf_file

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of malloc.h


@dataclass(frozen=True, slots=True)
class Base:
    """A model to tune. `folder`: config, safetensors and tokenizer in the layout of transformers. `name`: as in
    metier.toml. `fingerprint`: changes with the weights; an adapter serves no other."""

    name: str
    folder: Path
    fingerprint: str


def locate(settings: Settings, expert: Path) -> Base:
    """The base of an expert: `[tuning] base`, else the model that answers. `expert`: what relative paths are relative
    to. Raises `InputError` for a model that cannot be tuned here, `ModelError` where its files are missing."""
    name = _name(settings)
    if (file := gguf_of(settings, expert)) is not None:
        return from_gguf(file, name)
    scheme, _, rest = name.partition(":")
    return from_folder(_from_hub(rest) if scheme == "hf" else expert / Path(name).expanduser(), name)


def fingerprint(settings: Settings, expert: Path) -> str:
    """That of `locate`, without turning a GGUF file into anything."""
    if (file := gguf_of(settings, expert)) is not None:
        gguf_file.read_header(file)
        return gguf_file.fingerprint(file)
    return locate(settings, expert).fingerprint


def gguf_of(settings: Settings, expert: Path) -> Path | None:
    """The GGUF file of the base, None where it is in transformers' layout."""
    name = _name(settings)
    scheme, colon, rest = name.partition(":")
    if scheme == "gguf" and colon:
        return expert / Path(rest).expanduser()
    if scheme == "hf" and colon:
        if settings.tuning.base and not rest.endswith(".gguf"):
            return None  # full weights; the model that answers is always a GGUF file
        from metier.generation.hub import gguf_from_hub

        return gguf_from_hub(rest)
    if (expert / Path(name).expanduser()).is_dir():
        return None
    from metier.models import ensure

    return next(Path(ensure(name)).glob("*.gguf"), Path(name))


def configuration(settings: Settings, expert: Path) -> str:
    """Where the configuration of the base can be read without its weights: a file, a folder, or a name on the hub."""
    if (file := gguf_of(settings, expert)) is not None:
        return str(file)
    scheme, _, rest = _name(settings).partition(":")
    return rest if scheme == "hf" else str(expert / Path(_name(settings)).expanduser())


def _name(settings: Settings) -> str:
    name = settings.tuning.base or settings.generation.model
    if name.startswith("openai:"):
        raise InputError(
            f"{name} is behind an endpoint and cannot be tuned from here",
            where="generation.model",
            hint="Set `[tuning] base` to a folder or to hf:OWNER/NAME with the model's full weights.",
        )
    return name


def from_folder(folder: Path, name: str) -> Base:
    """Weights that are in transformers' layout already. Raises `ModelError` for a folder that holds none."""
    files = sorted(folder.glob("*.safetensors"))
    if not files or not (folder / "config.json").exists():
        raise ModelError(
            "holds no config.json with safetensors weights",
            where=str(folder),
            hint="Pickled weights (.bin, .pt) are never loaded. Save the model with `save_pretrained` first.",
        )
    prints = "".join(map(gguf_file.fingerprint, files))
    return Base(name, folder, prints if len(files) == 1 else hashlib.sha256(prints.encode()).hexdigest()[:16])


def from_gguf(path: Path, name: str) -> Base:
    """The weights of a GGUF file, as safetensors in the cache; made at the first call, from the second on found."""
    gguf_file.read_header(path)
    fingerprint = gguf_file.fingerprint(path)
    folder = cache_folder() / "bases" / fingerprint
    if not (folder / "config.json").exists():
        _convert(path, folder)
    return Base(name, folder, fingerprint)


def load_model(base: Base, *, quantised: bool, dtype: str = "bfloat16", device: str = "cpu") -> PreTrainedModel:
    """The frozen weights: in `dtype`, or with every linear layer but the head in NF4 with double quantisation
    (QLoRA, Dettmers et al. 2023)."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    options: dict[str, Any] = {"dtype": getattr(torch, dtype), "attn_implementation": "sdpa", "local_files_only": True}
    if quantised:
        options["device_map"] = {"": device}
        options["quantization_config"] = BitsAndBytesConfig(  # type: ignore[no-untyped-call]  # no types
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=getattr(torch, dtype),
        )
    try:
        with quiet(), _freed_at_once() if quantised else nullcontext():
            model = AutoModelForCausalLM.from_pretrained(base.folder, use_safetensors=True, **options)
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelError(f"cannot be loaded ({error})", where=str(base.folder)) from error
    model.config.use_cache = False
    if not quantised:
        model.to(device)  # type: ignore[arg-type]  # transformers wraps the method and loses its `self`
        return model
    for number in model.parameters():
        if number.device.type == "cpu" and number.is_floating_point():  # else it keeps the whole file in memory
            number.data = number.data.clone()
    for module in model.modules():
        # bitsandbytes would repack the weights at the first evaluation, into a form through which no gradient flows.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False  # type: ignore[assignment]  # torch foresees tensors alone
    return model


def read_config(folder: Path) -> dict[str, Any]:
    """The values of a transformers config.json."""
    values: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return values


@contextmanager
def _freed_at_once() -> Iterator[None]:
    """Blocks of a mebibyte go back to the system when they are freed. glibc would keep them for later, and quantising
    on the CPU goes through copies that are several times as large as what it makes."""
    libc = ctypes.CDLL(None) if os.name == "posix" else None
    if libc is None or not hasattr(libc, "mallopt"):
        yield
        return
    libc.mallopt(_MMAP_THRESHOLD, 2**20)
    try:
        yield
    finally:
        libc.mallopt(_MMAP_THRESHOLD, 2**25)  # as far as glibc lets both grow by itself
        libc.mallopt(_TRIM_THRESHOLD, 2**26)


@contextmanager
def quiet() -> Iterator[None]:
    """No bars and remarks of transformers, which has its own idea of what a person should read."""
    from transformers.utils import logging as transformers_logging

    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # no types in transformers
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        transformers_logging.set_verbosity(level)


def load_tokenizer(base: Base) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(base.folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ModelError(f"its tokenizer cannot be loaded ({error})", where=str(base.folder)) from error
    if not tokenizer.chat_template:
        raise ModelError(
            "has no chat template, so nothing says what a question to it looks like",
            where=str(base.folder),
            hint="Tune an instruction-tuned model.",
        )
    return tokenizer


def _convert(path: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    source = {"gguf_file": path.name, "local_files_only": True}
    with quiet():
        whole = GgufConfig(dequantize=True)
        read = AutoModelForCausalLM.from_pretrained(
            path.parent, dtype=torch.bfloat16, quantization_config=whole, **source
        )
        # transformers refuses to save a model that it read from GGUF: its weights go into one that it did not.
        if hasattr(read.config, "quantization_config"):
            del read.config.quantization_config
        fresh = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]  # no types in transformers
            read.config, dtype=torch.bfloat16
        )
        fresh.load_state_dict(read.state_dict())
        fresh.save_pretrained(part)
        AutoTokenizer.from_pretrained(path.parent, **source).save_pretrained(part)
    _mend_generation_config(part)
    part.rename(folder)


def _mend_generation_config(folder: Path) -> None:
    """Sampling defaults that came with the weights would make answers differ from run to run."""
    path = folder / "generation_config.json"
    if path.exists():
        kept = {k: v for k, v in json.loads(path.read_text("utf-8")).items() if k.endswith("token_id")}
        path.write_text(json.dumps(kept), encoding="utf-8")


def _from_hub(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError:
        raise ModelError("needs `pip install metier[hub]`", where=name) from None
    wanted = ["*.json", "*.safetensors", "tokenizer*", "*.jinja"]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"cannot be fetched ({error})", where=f"hf:{name}", hint="Download it elsewhere and name its folder."
        ) from error

"""The model of a run: the frozen base with a fresh adapter, in the number format of its device, whole or in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metier.core.errors import InputError
from metier.core.settings import TuningSettings
from metier.tuning import base_model, sharding
from metier.tuning.base_model import Base
from metier.tuning.distributed import ALONE, World
from metier.tuning.modules import target_modules

if TYPE_CHECKING:
    import torch
    from peft import PeftModel


def device_of(chosen: str, world: World = ALONE) -> torch.device:
    """The device of a run, and of a worker of one: each has a GPU of its own. Raises `InputError`."""
    import torch

    if chosen == "auto":
        chosen = "cuda" if torch.cuda.is_available() else "cpu"
    if chosen.startswith("cuda") and world.local_size > 1:
        if chosen != "cuda":
            raise InputError(
                f"{chosen} is one GPU for {world.local_size} workers",
                where="tuning.device",
                hint="Set it to auto; CUDA_VISIBLE_DEVICES says which GPUs are taken.",
            )
        if world.local_size > torch.cuda.device_count():
            raise InputError(
                f"{world.local_size} workers want as many GPUs, and there are {torch.cuda.device_count()} here",
                hint="Start fewer workers, or set `[tuning] device` to cpu.",
            )
        chosen = f"cuda:{world.local_rank}"
    try:
        return torch.empty(0, device=chosen).device
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"there is no device {chosen!r} ({error})", where="tuning.device") from None


def number_format(settings: TuningSettings, device: torch.device) -> str:
    """bfloat16 where the machine multiplies it natively, which "auto" looks for."""
    import torch

    if settings.dtype != "auto":
        return settings.dtype
    native = torch.cuda.is_bf16_supported() if device.type == "cuda" else _cpu_has_bfloat16()
    return "bfloat16" if native else "float32"


def _cpu_has_bfloat16() -> bool:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            flags = next((line for line in file if line.startswith(("flags", "Features"))), "")
    except OSError:
        return False
    return any(name in flags.split() for name in ("avx512_bf16", "amx_bf16", "bf16"))


def loaded(base: Base, settings: TuningSettings, device: torch.device, world: World, sharded: bool) -> PeftModel:
    """The frozen base with a fresh adapter on `device`, or this worker's part of it."""
    if not sharded:
        return with_adapter(base, settings, device)
    import torch

    mesh = sharding.mesh_of(world, device)

    def load() -> PeftModel:
        """Beside the device, which may not have room for all of it."""
        made = with_adapter(base, settings, torch.device("cpu"), number_format(settings, device))
        sharding.shard(made, mesh, device)
        return made

    return load() if settings.method == "qlora" else world.take_turns(load)  # to quantise takes long, and less room


def with_adapter(base: Base, settings: TuningSettings, device: torch.device, dtype: str | None = None) -> PeftModel:
    """The frozen base with a fresh adapter on every linear layer but the head. `settings.seed` decides its numbers.
    `dtype`: of both, None = as `device` has it."""
    import torch

    with base_model.quiet():
        from peft import LoraConfig, get_peft_model

    torch.manual_seed(settings.seed)
    quantised = settings.method == "qlora"
    dtype = dtype or number_format(settings, device)
    frozen = base_model.load_model(base, quantised=quantised, dtype=dtype, device=str(device))
    if settings.gradient_checkpointing:
        with base_model.quiet():
            frozen.gradient_checkpointing_enable({"use_reentrant": False})  # type: ignore[no-untyped-call]  # no types
        frozen.enable_input_require_grads()  # type: ignore[no-untyped-call]  # no types
    adapter = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # type: ignore[arg-type]  # PEFT divides it by a number
        lora_dropout=settings.dropout,
        use_rslora=settings.rslora,
        use_dora=settings.dora,
        target_modules=list(target_modules(frozen, settings.modules)),
        task_type="CAUSAL_LM",
    )
    # The adapter multiplies in the format of the base; its 32-bit numbers are the optimizer's (see `Trained`).
    with base_model.quiet():
        model = get_peft_model(frozen, adapter, autocast_adapter_dtype=False)
    for number in model.parameters():
        if number.requires_grad:  # beside 4-bit weights PEFT makes it in 32 bits, and then casts every activation
            number.data = number.data.to(getattr(torch, dtype))
    model.train()
    return model

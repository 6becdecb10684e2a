"""What there is to train on: the GPUs of this machine, or its memory."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import Literal

GIB = 2**30
USUAL_SIZES = (24, 40, 48, 80)  # GiB of the GPUs that clouds and workstations have


@dataclass(frozen=True, slots=True)
class Device:
    """`total`, `free`: bytes. A GPU sold as 48 GB has 48 GiB, within a percent or two."""

    name: str
    kind: Literal["cuda", "cpu"]
    total: int
    free: int

    @classmethod
    def gpu(cls, gigabytes: float, name: str | None = None) -> Device:
        """One that is not here, all of it free."""
        return cls(name or f"{gigabytes:g} GB GPU", "cuda", int(gigabytes * GIB), int(gigabytes * GIB))


def devices() -> tuple[Device, ...]:
    """The CUDA GPUs here, as torch sees them or else the driver does; without one, the CPU with the memory left."""
    return _from_torch() or _from_driver() or (_cpu(),)


def _from_torch() -> tuple[Device, ...]:
    import torch

    if not torch.cuda.is_available():
        return ()
    found = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        found.append(Device(torch.cuda.get_device_name(index), "cuda", total, free))
    return tuple(found)


def _from_driver() -> tuple[Device, ...]:
    """GPUs that a torch built without CUDA does not see: worth planning for, though this torch cannot use them."""
    # No word of this command comes from outside.
    query = ["nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ()
    return _parse_driver(said)


def _parse_driver(said: str) -> tuple[Device, ...]:
    found = []
    for line in said.splitlines():
        name, total, free = (part.strip() for part in line.rsplit(",", 2))
        if total.isdigit() and free.isdigit():  # "[N/A]" on boards that share the machine's memory
            found.append(Device(name, "cuda", int(total) * 2**20, int(free) * 2**20))
    return tuple(found)


def _cpu() -> Device:
    import psutil

    memory = psutil.virtual_memory()
    return Device(f"CPU, {os.cpu_count()} cores", "cpu", memory.total, memory.available)

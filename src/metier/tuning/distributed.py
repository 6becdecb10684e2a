"""Several workers that train one adapter together: one process a GPU (NCCL), or some on the CPU (gloo).

Each has the whole adapter and its optimizer. Of a step's packed rows each takes its share; the gradients are divided by
the tokens that all of them learn from and added up, so that the sum is the gradient of one process, whatever the shares
are. Batch, learning rate and order of rows stay those of one process.

A worker learns who it is as torchrun and `accelerate launch` tell it: RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE,
MASTER_ADDR, MASTER_PORT. Rank 0 alone writes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from metier.core.errors import InputError, MetierError, ModelError

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
# A worker that another waits for longer is lost. Loading the base and writing what was trained take minutes.
TIMEOUT = timedelta(minutes=20)
_SHARED = "told by rank 0"


class WorkerLost(ModelError):
    """Another worker ended, or cannot be reached any more."""


@dataclass(frozen=True, slots=True)
class World:
    """The workers of a run, seen by one of them. `rank`: 0 .. `size` - 1; `local_rank`, `local_size`: the same among
    those on this machine. `joined`: whether they can talk to each other yet."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    joined: bool = False

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def add_up(self, numbers: torch.Tensor) -> None:
        """Put the sum over all workers into `numbers`. Raises `WorkerLost`."""
        if self.size > 1:
            import torch.distributed as dist

            with losing():
                dist.all_reduce(numbers)

    def share(self, numbers: Sequence[torch.Tensor]) -> None:
        """Give all workers the numbers of rank 0."""
        if self.size > 1:
            import torch.distributed as dist

            with losing():
                for number in numbers:
                    dist.broadcast(number, 0)

    def once(self, work: Callable[[], T]) -> T:
        """What `work` gives, or the `MetierError` that it raises, at rank 0, for all workers."""
        if self.size == 1:
            return work()
        import torch.distributed as dist

        outcome: list[Any] = [None, None]
        if self.is_first:
            try:
                outcome[0] = work()
            except MetierError as error:
                outcome[1] = error
        with losing():
            dist.broadcast_object_list(outcome, 0)
        if isinstance(outcome[1], MetierError):
            if not self.is_first:
                outcome[1].add_note(_SHARED)
            raise outcome[1]
        return cast("T", outcome[0])

    def take_turns(self, work: Callable[[], T]) -> T:
        """Do `work` while no other worker of this machine does it: for what takes much memory for a while."""
        if self.size == 1:
            return work()
        import torch
        import torch.distributed as dist

        turns = torch.tensor(self.local_size)  # of the machine with most workers: all wait equally often
        with losing():
            dist.all_reduce(turns, dist.ReduceOp.MAX)
        done: list[T] = []
        for turn in range(int(turns)):
            if turn == self.local_rank:
                done.append(work())
            self.add_up(torch.zeros(1))  # which waits for all
        return done[0]

    def check_same(self, facts: Mapping[str, Any]) -> None:
        """Raises `InputError` at all workers where these differ between them."""
        if self.size == 1:
            return
        import torch.distributed as dist

        gathered: list[Any] = [None] * self.size
        with losing():
            dist.all_gather_object(gathered, dict(facts))
        for rank, other in enumerate(gathered):
            if differ := [name for name in facts if other.get(name) != gathered[0].get(name)]:
                raise InputError(
                    f"worker {rank} has other {', '.join(differ)} than worker 0",
                    hint="All workers read the same expert: share its folder, or copy it as a whole, and give all the "
                    "same options.",
                )


ALONE = World()


def from_environment(environment: Mapping[str, str] | None = None) -> World:
    """Which worker this process is; without a launcher the only one. Raises `InputError` for half a description."""
    told = os.environ if environment is None else environment
    if "RANK" not in told or "WORLD_SIZE" not in told:
        return ALONE
    values = {name: told.get(name, fallback) for name, fallback in (
        ("RANK", ""), ("WORLD_SIZE", ""), ("LOCAL_RANK", told["RANK"]), ("LOCAL_WORLD_SIZE", told["WORLD_SIZE"]),
    )}  # fmt: skip
    if bad := [name for name, value in values.items() if not value.isdecimal()]:
        raise InputError(f"{bad[0]} is {values[bad[0]]!r}, which is no number", where="environment")
    rank, size, local_rank, local_size = map(int, values.values())
    if rank >= size:
        raise InputError(f"RANK is {rank}, and WORLD_SIZE {size}", where="environment")
    if missing := [name for name in ("MASTER_ADDR", "MASTER_PORT") if size > 1 and name not in told]:
        raise InputError(
            f"WORLD_SIZE is {size}, and {missing[0]} is not set",
            where="environment",
            hint="Start the workers with torchrun, `accelerate launch` or `metier tune --on local:N`; for one process, "
            "unset RANK and WORLD_SIZE.",
        )
    return World(rank, size, local_rank, local_size)


@contextmanager
def joined(world: World, device: torch.device, *, alone: bool = False) -> Iterator[World]:
    """The workers connected, until the end of the run. `alone`: connect one that has no others, too, for FSDP. Raises
    `ModelError` where they do not find each other."""
    if world.size == 1 and not alone:
        yield world
        return
    import torch
    import torch.distributed as dist

    if device.type == "cuda":
        torch.cuda.set_device(device)
    store = None if world.size > 1 else dist.HashStore()  # type: ignore[attr-defined]  # exported by an `if`
    try:
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo",
            timeout=TIMEOUT, rank=world.rank, world_size=world.size, store=store,
        )  # fmt: skip
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"the {world.size} workers did not find each other ({_first_line(error)})",
            where=f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}",
            hint="MASTER_ADDR and MASTER_PORT are those of worker 0, and must be reachable from all.",
        ) from None
    is_over = world.size == 1
    try:
        yield World(world.rank, world.size, world.local_rank, world.local_size, joined=True)
        is_over = True
    finally:
        if is_over:  # not after an error of several: it would wait for workers that are gone
            dist.destroy_process_group()


@contextmanager
def losing() -> Iterator[None]:
    """Where others are waited for: says in a sentence that one is gone. Raises `WorkerLost`."""
    try:
        yield
    except RuntimeError as error:
        if not _is_of_connection(error):
            raise
        raise WorkerLost(
            f"another worker ended, or cannot be reached any more ({_first_line(error)})",
            hint="What that one said tells why. `metier tune --resume` goes on from the last checkpoint, with as many "
            "workers or others.",
        ) from None


def told_elsewhere(error: MetierError) -> bool:
    """Whether rank 0 tells this error, so that this worker need not."""
    return _SHARED in getattr(error, "__notes__", ())


def _is_of_connection(error: RuntimeError) -> bool:
    from torch.distributed import DistError

    said = str(error)
    return isinstance(error, DistError) or "gloo" in said or "Connection closed" in said or "NCCL" in said


def _first_line(error: Exception) -> str:
    line = next(iter(str(error).splitlines()), type(error).__name__)
    return line.rpartition("] ")[2][:200] or line[:200]

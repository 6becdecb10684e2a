"""Who may write to an index on object storage, and which of its folders is in use: a log of leases.

    leases/000000000007.json      the one with the highest number is in force

A lease is taken by making the object with the next number, with a conditional PUT (create only what is not there): of
two writers one gets it. Its holder renews it; one that was not renewed for a minute is over, and so is one whose
process was killed on this machine. The number is a fencing token: who takes over what was not given back also ends, in
`SharedGenerations`, every commit that began before (docs/decisions/0022-object-storage.md).
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from metier.core.errors import InputError, StoreError
from metier.core.locks import named, this_process
from metier.core.object_storage import ObjectStorage
from metier.store.lance.object_files import asked, put

LASTS = 60.0  # seconds after it was last renewed
_RENEWED_EVERY = 10.0
_MARGIN = 10.0  # seconds that clocks may differ by: so much earlier does a holder stop that could not renew it
_LOOK_AGAIN = 0.25
_KEPT = 3  # old ones, for whoever looks into the bucket
_BOOT, _PIDS = Path("/proc/sys/kernel/random/boot_id"), "/proc/self/ns/pid"
_DAMAGED = "is no list of leases that can be read"


@dataclass(frozen=True, slots=True)
class Lease:
    """`folder`: of the index in use; `retired`: folders that were, with when they went out of use, in seconds since
    1970, as is `renewed`. `holder`: a process, empty where the index was only founded. `is_over`: it was given back.
    `expert`: that founded it."""

    number: int
    folder: str
    holder: Mapping[str, str | int] = field(default_factory=dict)
    renewed: float = 0.0
    is_over: bool = True
    retired: Mapping[str, float] = field(default_factory=dict)
    expert: str = ""

    @property
    def state(self) -> str:
        """Another text whenever somebody began or ended to write."""
        return f"{self.number}{'.' if self.is_over else ''}"

    @property
    def seconds_left(self) -> float:
        """For which its holder may be alive; below 0 where it is not."""
        return -1.0 if self.is_over or _is_killed(self.holder) else self.renewed + LASTS - time.time()


class LeaseLog:
    """Raises `StoreError`."""

    def __init__(self, storage: ObjectStorage) -> None:
        self._storage, self._folder = storage, f"{storage.path}/leases"
        self._listed: list[str] = []

    def latest(self) -> Lease | None:
        """None where nothing was ever written."""
        while self._list():
            path = f"{self._folder}/{self._listed[-1]}"
            try:
                return Lease(**json.loads(self._read(path)))
            except FileNotFoundError:  # the next one is there by now
                continue
            except (ValueError, TypeError):
                raise StoreError(_DAMAGED, where=f"{self._storage.scheme}://{path}") from None
        return None

    def add(self, lease: Lease) -> bool:
        """Whether nobody else was quicker."""
        try:
            asked(self._storage, lambda: self._put(lease, only_new=True))
        except FileExistsError:
            return self.latest() == lease  # it was put by a try whose answer was lost
        return True

    def update(self, lease: Lease) -> None:
        asked(self._storage, lambda: self._put(lease))

    def clear(self, lease: Lease) -> None:
        """Remove those long before it, of those that were there when it was looked for the latest."""
        for name in self._listed:
            if name < _name(lease.number - _KEPT):
                with suppress(FileNotFoundError):
                    self._remove(f"{self._folder}/{name}")

    def _read(self, path: str) -> bytes:
        data: bytes = asked(self._storage, lambda: self._storage.filesystem.cat_file(path, start=0))
        return data

    def _remove(self, path: str) -> None:
        asked(self._storage, lambda: self._storage.filesystem.rm_file(path))

    def _list(self) -> list[str]:
        try:
            found = asked(self._storage, lambda: self._storage.filesystem.ls(self._folder, detail=False))
        except FileNotFoundError:
            found = []
        self._listed = sorted(name for path in found if (name := path.rsplit("/", 1)[-1]).endswith(".json"))
        return self._listed

    def _put(self, lease: Lease, *, only_new: bool = False) -> None:
        data = json.dumps(asdict(lease)).encode()
        put(self._storage, f"{self._folder}/{_name(lease.number)}", data, only_new=only_new)


class HeldLease:
    """One that this process holds, renewed by a thread until `end`."""

    def __init__(self, log: LeaseLog, lease: Lease, address: str) -> None:
        self._log, self.lease, self._address = log, lease, address
        self._good_until = _now() + LASTS - _MARGIN
        self._lost_to: Lease | None = None
        self._changing, self._ended = threading.Lock(), threading.Event()
        threading.Thread(target=self._renew, name="metier-lease", daemon=True).start()

    def check(self) -> None:
        """Before each commit. Raises `StoreError` where the lease is lost."""
        if self._lost_to is not None:
            raise self._lost(f"another writer has taken over{named(self._lost_to.holder)}")
        if _now() > self._good_until:
            raise self._lost("the storage could not be reached for a minute, and another writer may have taken over")

    def publish(self, folder: str) -> None:
        """From here on it is the folder in use. Raises `StoreError` where the lease is lost."""
        self.check()
        with self._changing:
            now = time.time()
            retired = {**self.lease.retired, self.lease.folder: now}
            lease = replace(
                self.lease, number=self.lease.number + 1, folder=folder, renewed=now,
                retired={name: at for name, at in retired.items() if name != folder},
            )  # fmt: skip
            if not self._log.add(lease):
                raise self._lost("another writer has taken over")
            self.lease = lease

    def end(self, *, is_clean: bool = True) -> None:
        """Give it back; where that fails, it ends by itself. Not `is_clean`: whoever takes it next is to take it over,
        as from one that was killed."""
        self._ended.set()
        if self._lost_to is None:
            with self._changing, suppress(StoreError):
                self.lease = replace(self.lease, is_over=is_clean, renewed=self.lease.renewed if is_clean else 0.0)
                self._log.update(self.lease)

    def _renew(self) -> None:
        while not self._ended.wait(_RENEWED_EVERY):
            began = _now()
            with self._changing, suppress(StoreError):
                if self._ended.is_set():
                    return
                latest = self._log.latest()
                if latest is not None and latest.number > self.lease.number:
                    self._lost_to = latest
                    return
                self.lease = replace(self.lease, renewed=time.time())
                self._log.update(self.lease)
                self._good_until = began + LASTS - _MARGIN

    def _lost(self, why: str) -> StoreError:
        hint = "What was committed before stays; run `metier sync` again."
        return StoreError(f"this process may write to the store no longer: {why}", where=self._address, hint=hint)


def take(log: LeaseLog, patience: float, address: str) -> tuple[HeldLease, Lease]:
    """The lease, and the one before it. Raises `InputError` where another process still holds it after `patience`
    seconds, `StoreError`."""
    until = time.monotonic() + patience
    holder = this_process() | {"machine": _machine()}
    while True:
        latest = log.latest()
        if latest is None:
            raise StoreError("holds no index any more", where=address, hint="`metier sync --rebuild` makes it anew.")
        if (left := latest.seconds_left) <= 0:
            lease = replace(latest, number=latest.number + 1, holder=holder, renewed=time.time(), is_over=False)
            if log.add(lease):
                with suppress(StoreError):
                    log.clear(lease)
                return HeldLease(log, lease, address), latest
        elif time.monotonic() >= until:
            raise InputError(
                f"another process is writing to this store{named(latest.holder)}",
                where=address,
                hint=f"Wait until it is done. If it was killed, its lease ends by itself in {left:.0f} s.",
            )
        else:
            time.sleep(_LOOK_AGAIN)


def _now() -> float:
    """Seconds that go on while the machine sleeps, where the system counts these."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _name(number: int) -> str:
    return f"{number:012}.json"


def _machine() -> str:
    """The same for processes that see each other's numbers, "" where nothing tells."""
    try:
        return f"{_BOOT.read_text(encoding='ascii').strip()} {os.readlink(_PIDS)}"
    except OSError:
        return ""


def _is_killed(holder: Mapping[str, str | int]) -> bool:
    """Whether it is of this machine and runs no more."""
    if not holder.get("machine") or holder["machine"] != _machine():
        return False
    try:
        os.kill(int(holder["pid"]), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False

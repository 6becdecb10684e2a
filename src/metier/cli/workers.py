"""The same command in several processes of this machine, and what each of them may say."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from metier.core.errors import MetierError, needing


def launch(on: str) -> int:
    """This command as the workers that `on` names, as local:4; returns the exit code. Raises `InputError`,
    `ModelError`."""
    from metier.tuning import launch
    from metier.tuning.devices import devices

    with needing("tune"):
        gpus = [device for device in devices() if device.kind == "cuda"] if on == "local" else []
    return launch.run(launch.workers_of(on, len(gpus) or None), _without("--on", sys.argv[1:]))


def _without(option: str, arguments: list[str]) -> list[str]:
    at = next(number for number, each in enumerate(arguments) if each.partition("=")[0] == option)
    return arguments[:at] + arguments[at + (1 if "=" in arguments[at] else 2) :]


@contextmanager
def as_worker() -> Iterator[None]:
    """Of several workers the first alone tells what is done, and what went wrong is told once."""
    from metier.tuning import distributed, launch

    world = distributed.from_environment()
    if launch.is_launched():
        launch.end_with_launcher()
    try:
        if world.is_first:
            yield
        else:
            with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
                yield
    except KeyboardInterrupt:
        if launch.is_launched():  # which tells of it
            os._exit(130)
        raise
    except MetierError as error:
        launch.leave(world, error)
        if distributed.told_elsewhere(error):
            sys.exit(error.exit_code)
        raise

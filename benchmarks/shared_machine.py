"""How long an answer takes on an idle machine, and beside busy processes.

    python benchmarks/shared_machine.py                       # what ships, beside 0 and 2 busy processes
    OMP_WAIT_POLICY=active python benchmarks/shared_machine.py --threads 2     # as it was: all cores, spinning

Each measurement is a process of its own: the packaged model is loaded, reads a prompt of about 900 tokens that it never
saw, and writes 48 tokens; median and longest of the repeats, without loading. The busy processes count in a loop.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

_PROMPT = "The gearbox of the turbine is filled with oil and checked by the crew of the depot every spring. "


def answer_times(threads: int | None, repeats: int) -> list[float]:
    from metier import generation
    from metier.core.settings import GenerationSettings
    from metier.generation.base import Message

    generator = generation.create(GenerationSettings(threads=threads, context_tokens=2048))
    times = []
    for number in range(repeats + 1):  # the first one loads
        text = f"Note {number}. " + _PROMPT * 45 + "What is the gearbox filled with? Tell a long story."
        began = time.perf_counter()
        generator.complete([Message("user", text)], max_tokens=48, fresh=True)
        times.append(time.perf_counter() - began)
    generator.close()
    return times[1:]


def beside(busy: int, threads: int | None, repeats: int) -> list[float]:
    loops = [subprocess.Popen([sys.executable, "-c", "while True: sum(range(10000))"]) for _ in range(busy)]
    try:
        time.sleep(0.5)
        arguments = ["--child", "--repeats", str(repeats)] + (["--threads", str(threads)] if threads else [])
        command = [sys.executable, __file__, *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(done.stdout.splitlines()[-1])
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, nargs="*", default=[0, 2])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(answer_times(options.threads, options.repeats)))
        return
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for busy in options.busy:
        times = beside(busy, options.threads, options.repeats)
        print(f"beside {busy}: median {statistics.median(times):.2f} s, longest {max(times):.2f} s", flush=True)


if __name__ == "__main__":
    main()

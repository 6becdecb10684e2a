"""What only shows in a process of its own: what it imports, what it prints, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow

ASK = """
import sys
from metier.generation import Message, create
from metier.core.settings import GenerationSettings
generator = create(GenerationSettings(model="gguf:" + sys.argv[1], threads=1, context_tokens=2048))
question = [Message("user", "What do blades do?")]
"""
WRITE_LONG = """
generator.complete(question, max_tokens=1900, temperature=1, on_text=lambda _: print("writing", flush=True))
"""


def run(code, path, **environment):
    return subprocess.run(
        [sys.executable, "-c", ASK + code, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )


def test_neither_torch_nor_noise_and_a_clean_end_without_close(smollm_path):
    done = run(
        "print(generator.complete(question, max_tokens=3).completion_tokens, 'torch' in sys.modules)", smollm_path
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "3 False\n", "")


def test_naming_a_backend_loads_nothing():
    code = (
        "import sys; from metier.generation import create; from metier.core.settings import GenerationSettings as S;"
        "create(S(model='gguf:none.gguf')); print(*({'xllamacpp', 'httpx', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_a_failed_load_is_silent_too(tmp_path, phi3_path):
    path = tmp_path / "other.gguf"
    path.write_bytes(phi3_path.read_bytes().replace(b"phi3", b"phi0"))
    code = """
from metier.core.errors import ModelError
try:
    generator.complete(question, max_tokens=1)
except ModelError as error:
    print(error.what)
"""
    silent = run(code, path)
    assert (silent.returncode, silent.stdout, silent.stderr) == (0, "llama.cpp could not load the model\n", "")
    assert "phi0" in run(code, path, METIER_LLAMA_LOG="4").stderr


def test_an_exception_ends_the_process(phi3_path):
    done = run("generator.complete(question, max_tokens=1); raise SystemExit(7)", phi3_path)
    assert (done.returncode, done.stderr) == (7, "")


def interrupted(code, path, number, sign="writing"):
    process = subprocess.Popen(
        [sys.executable, "-c", ASK + code, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline().strip() == sign
        started = time.perf_counter()
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
        return process.returncode, said, time.perf_counter() - started
    finally:
        process.kill()


def test_ctrl_c_while_writing(phi3_path):
    code, said, seconds = interrupted(WRITE_LONG, phi3_path, signal.SIGINT)
    assert code == -signal.SIGINT
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert "ignored" not in said
    assert seconds < 10


def test_ctrl_c_while_reading_the_prompt(smollm_path):
    read_long = """
question = [Message("user", "turbine " * 1800)]
generator.count_tokens(question)
print("reading", flush=True)
generator.complete(question, max_tokens=1)
"""
    code, said, seconds = interrupted(read_long, smollm_path, signal.SIGINT, "reading")
    assert code == -signal.SIGINT
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert seconds < 20


def test_ctrl_c_in_a_program_that_loaded_in_another_thread(phi3_path):
    load_aside = """
import threading, time
thread = threading.Thread(target=lambda: generator.complete(question, max_tokens=1))
thread.start()
thread.join()
print("loaded", flush=True)
time.sleep(30)
"""
    code, said, _ = interrupted(load_aside, phi3_path, signal.SIGINT, "loaded")
    assert code == -signal.SIGINT
    assert said.rstrip().endswith("KeyboardInterrupt")


def test_termination_ends_it(phi3_path):
    code, _, seconds = interrupted(WRITE_LONG, phi3_path, signal.SIGTERM)
    assert code == -signal.SIGTERM
    assert seconds < 10

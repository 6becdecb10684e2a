"""Several workers that train one adapter, as processes of their own on the CPU (gloo)."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest
import torch
from safetensors.torch import load_file

from metier import Expert
from metier.core.errors import InputError
from metier.core.settings import TuningSettings
from metier.dataset.rows import save
from metier.tuning import distributed, launch, packing
from metier.tuning.adapters import Registry
from metier.tuning.checkpoints import RunFolder
from metier.tuning.distributed import World
from metier.tuning.encoding import Example
from metier.tuning.planning import plans_for
from metier.tuning.shapes import shape_of
from metier.tuning.trainers import lora

from . import tiny_models

# PEFT 0.21 asks transformers 5 for an attribute by its old name.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
# Sums in another order: in 32 bits they differ in the last digits, and steps carry that on.
SAME_LOSS, SAME_NUMBER = 1e-4, 1e-3
RUN = "from metier.cli import main; main()"
TUNING = {
    "rank": 8, "alpha": 16, "batch": 4, "learning_rate": 1e-2, "schedule": "constant", "warmup": 0, "epochs": 100,
    "max_steps": 12, "validation": 0.25, "evaluations": 2, "patience": 9, "micro_tokens": 512, "checkpoint_seconds": 0,
    "dtype": "float32", "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def alone(bases, tmp_path_factory):
    """The same run in one process: its curve, and the numbers of its adapter."""
    run = RunFolder(tmp_path_factory.mktemp("alone") / "run")
    model, result = lora.train(bases["phi3"], tiny_models.rows(12), TuningSettings(**TUNING), run)
    return run.curve(), result, {name: n.detach() for name, n in model.named_parameters() if n.requires_grad}


@pytest.fixture
def folder(bases, tmp_path):
    folder = tmp_path / "tiny"
    Expert.create(folder).close()
    text = (folder / "metier.toml").read_text(encoding="utf-8")
    text = text.replace('"smollm2-135m-instruct"', json.dumps(str(bases["phi3"].folder)))
    settings = "\n".join(f"{name} = {json.dumps(value)}" for name, value in TUNING.items())
    (folder / "metier.toml").write_text(f"{text}\n[tuning]\n{settings}\n", encoding="utf-8")
    (folder / ".metier").mkdir()
    save(folder / ".metier" / "dataset.jsonl", tiny_models.rows(12))
    return folder


def start(folder, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", RUN, "tune", "--json", *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=folder, **pipes)


def assert_same_run(folder, alone) -> None:
    """Every step of the last adapter had the loss that it has in one process, and ended at the same numbers."""
    curve, result, numbers = alone
    registry = Registry(folder / ".metier" / "adapters")
    card = registry.get("tiny")
    kept = RunFolder(registry.folder(card)).curve()
    for name in ("loss", "validation_loss", "learning_rate"):
        assert [row.get(name) for row in kept] == [pytest.approx(row.get(name), abs=SAME_LOSS) for row in curve]
    assert card.result["loss"] == pytest.approx(result.loss, abs=SAME_LOSS)
    assert (card.result["tokens"], card.result["rows"]) == (result.tokens, result.rows)
    written = load_file(registry.folder(card) / "adapter_model.safetensors")
    best = {name.replace(".default", ""): number for name, number in numbers.items()}
    assert written.keys() == best.keys()
    for name, number in written.items():
        torch.testing.assert_close(number, best[name], rtol=0, atol=SAME_NUMBER, msg=name)


TALKING = """
import os

import torch
from metier.cli import main
from metier.core.errors import InputError, MetierError
from metier.tuning import distributed

def refuse():
    raise InputError("a run was interrupted")

def talk(file):
    with distributed.joined(distributed.from_environment(), torch.device("cpu")) as world:
        for work in (lambda: world.once(refuse), lambda: world.check_same({"data": "ab"[world.rank], "base": "c"})):
            try:
                work()
            except MetierError as error:
                print(distributed.told_elsewhere(error), error.what, file=file)
        print(world.once(lambda: 42), world.take_turns(lambda: world.rank), file=file)

port, os.environ["MASTER_PORT"] = os.environ["MASTER_PORT"], os.environ["PORT_TO_TALK"]
with open("told-" + os.environ["RANK"], "w") as file:
    talk(file)
os.environ["MASTER_PORT"] = port
main()
"""


@pytest.fixture
def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_two_workers_with_half_a_base_each_train_what_one_does(folder, alone, free_port, monkeypatch, capfd):
    """Before that: what the first raises is raised by all, and told by it alone; that they have not the same rows is
    found."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PORT_TO_TALK", str(free_port))
    monkeypatch.setattr(launch, "_RUN", TALKING)
    code = launch.run(2, ["tune", "--json", "--sharding", "fsdp"])
    said, told = capfd.readouterr()
    assert code == 0, told
    printed = json.loads(said)  # by the first alone
    assert (printed["adapter"], printed["workers"], printed["sharding"]) == ("tiny@1", 2, "fsdp")
    assert_same_run(folder, alone)
    differ = "False worker 1 has other data than worker 0"
    assert [(folder / f"told-{rank}").read_text().splitlines() for rank in range(2)] == [
        ["False a run was interrupted", differ, "42 0"],
        ["True a run was interrupted", differ, "42 1"],
    ]


def test_after_an_error_one_process_can_be_connected_anew():
    for _ in range(2):
        with pytest.raises(InputError), distributed.joined(World(), torch.device("cpu"), alone=True):
            raise InputError("a run was interrupted")


def test_a_run_that_lost_a_worker_goes_on_with_another_number_of_them(folder, alone):
    """Killed in the middle, one of two: the other ends at once, and says what to do; the run ends as it would have."""
    process = start(folder, "--on", "local:2")
    run = RunFolder(folder / ".metier" / "runs" / "tiny")
    while len(run.curve()) < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    workers = psutil.Process(process.pid).children()
    victim = next(each for each in workers if each.environ()["RANK"] == "1")
    victim.send_signal(signal.SIGKILL)
    began = time.monotonic()
    _, told = process.communicate(timeout=60)
    assert time.monotonic() - began < 20
    assert process.returncode == 1
    assert "worker 1 of 2 was killed (SIGKILL)" in told
    assert "metier tune --resume" in told
    assert "Traceback" not in told
    assert not any(psutil.pid_exists(each.pid) for each in workers)
    done = run.load(run.latest())[2].step
    assert 0 < done < TUNING["max_steps"]
    with Expert.open(folder) as expert:
        card = expert.adapters.tune(resume=True)
    assert card.result["workers"] == 1
    assert_same_run(folder, alone)


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_the_base_in_parts_changes_no_number(bases, tmp_path, method):
    ends = []
    for sharding in ("none", "fsdp"):
        settings = TuningSettings(**TUNING | {"method": method, "max_steps": 4, "sharding": sharding})
        run = RunFolder(tmp_path / sharding)
        with distributed.joined(World(), torch.device("cpu"), alone=True) as world:
            model, result = lora.train(bases["phi3"], tiny_models.rows(12), settings, run, world=world)
        numbers = {name: number.detach().clone() for name, number in model.named_parameters() if number.requires_grad}
        ends.append(([row["loss"] for row in run.curve()], result.validation_loss, result.share, numbers))
    assert ends[0][:3] == ends[1][:3]
    assert all(torch.equal(ends[0][3][name], number) for name, number in ends[1][3].items())


LAUNCHER = """
import os, subprocess, sys
work = '''
from time import sleep
from metier.tuning import launch
launch.end_with_launcher()
print("at work", flush=True)
sleep(60)
'''
environment = os.environ | {"METIER_LAUNCHER": str(os.getpid())}
print(subprocess.Popen([sys.executable, "-c", work], env=environment).pid, flush=True)
input()
"""


def test_no_worker_outlives_the_one_that_started_it():
    launcher = subprocess.Popen([sys.executable, "-c", LAUNCHER], stdin=-1, stdout=-1, text=True)
    said = {launcher.stdout.readline().strip() for _ in range(2)}
    worker = psutil.Process(int((said - {"at work"}).pop()))
    launcher.kill()
    launcher.communicate()
    worker.wait(timeout=10)


# ── the shares of a step ─────────────────────────────────────────────────────────────────────────────────────────────


def examples(count: int, shared: int, own: int) -> list[Example]:
    return [Example((*range(shared), *(1000 * n + token for token in range(1, own))), (7, 8)) for n in range(1, count)]


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", [(20, 40, 10), (9, 0, 300), (6, 600, 30), (3, 10, 10)], ids=str)
def test_every_label_is_learned_by_one_worker(workers, shape):
    rows = examples(*shape)
    shares = [list(packing.micro_batches(rows, 512, each, workers, even=True)) for each in range(workers)]
    learned = [label for share in shares for batch in share for label in batch.labels.tolist()]
    assert sorted(learned) == sorted(token for row in rows for token in row.completion)
    assert len({len(share) for share in shares}) == 1  # those that gather layers together keep step
    assert all(batch.mask.any(-1).all() for share in shares for batch in share)


def test_rows_over_one_beginning_are_work_for_all_workers():
    rows = examples(13, 40, 20)
    assert len(packing.trees(rows)) == 1
    nodes = [sum(b.tokens.numel() for b in packing.micro_batches(rows, 4096, each, 4)) for each in range(4)]
    assert max(nodes) < 1.5 * min(nodes)
    assert [len(list(packing.micro_batches(rows, 4096, 0, 1)))] == [1]


# ── who is who ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, World()),
        ({"WORLD_SIZE": "8"}, World()),  # of a cluster's queue, which starts one process
        ({"RANK": "0", "WORLD_SIZE": "1"}, World()),
        (
            {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "a",
             "MASTER_PORT": "1"},
            World(5, 8, 1, 4),
        ),
    ],
)  # fmt: skip
def test_a_launcher_says_which_worker_this_is(said, found):
    assert distributed.from_environment(said) == found


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"RANK": "one", "WORLD_SIZE": "2"}, "RANK is 'one'"),
        ({"RANK": "2", "WORLD_SIZE": "2"}, "RANK is 2, and WORLD_SIZE 2"),
        ({"RANK": "0", "WORLD_SIZE": "2"}, "MASTER_ADDR is not set"),
    ],
)
def test_half_a_description_is_refused(said, problem):
    with pytest.raises(InputError, match=problem):
        distributed.from_environment(said)


@pytest.mark.parametrize(("on", "gpus", "count"), [("local:3", None, 3), ("local", 4, 4), ("local:2", 4, 2)])
def test_workers_are_named_by_their_number(on, gpus, count):
    assert launch.workers_of(on, gpus) == count


def test_a_plan_is_of_as_many_gpus_as_workers_and_shares_the_base_alone():
    (one, *_), _ = plans_for(None, "smollm2-135m", "4x48", on="local:1")
    (four, *_), devices = plans_for(None, "smollm2-135m", "8x48", on="local:4")
    assert (len(devices), four.sharding) == (4, "fsdp")
    shape = shape_of("smollm2-135m")
    outside = 2 * (shape.parameters - shape.in_layers)
    assert four.part("weights").bytes == pytest.approx(outside + 2 * shape.in_layers / 4, abs=4)
    for name in ("adapter", "gradients", "optimizer"):
        assert four.part(name).bytes == one.part(name).bytes
    (copied, *_), _ = plans_for(None, "smollm2-135m", "8x48", {"sharding": "none"}, on="local:4")
    assert copied.total == one.total
    with pytest.raises(InputError, match="5 workers want as many GPUs, and there are 4"):
        plans_for(None, "smollm2-135m", "4x48", on="local:5")


@pytest.mark.parametrize(
    ("on", "problem"), [("local", "no GPU here"), ("local:0", "0 are no workers"), ("ray://h:1", "names no workers")]
)
def test_what_names_no_workers_is_refused(on, problem):
    with pytest.raises(InputError, match=problem) as caught:
        launch.workers_of(on, None)
    assert "local:" in caught.value.hint

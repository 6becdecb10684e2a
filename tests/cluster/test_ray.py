"""`metier sync --on` and `metier compare --on`: the result is that of this process, whatever happens to the cluster."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict

import lancedb
import psutil
import pytest
from parts import PARTS, examined_expert

from cluster.manuals import write_manuals
from metier import Expert
from metier.cluster import connection
from metier.core.errors import InputError, MetierError

pytestmark = pytest.mark.slow
EXAM = [
    {
        "id": part.replace(" ", "-"),
        "question": f"How often is the {part} of the NV-110 changed?",
        "answers": [f"{PARTS[part]} months"],
        "document": f"{part.replace(' ', '-')}.md",
        "split": "exam",
    }
    for part in list(PARTS)[:1]
] + [{"id": "keel", "question": "Who painted the keel of the ferry?", "kind": "unanswerable", "split": "exam"}]
OF_THE_CLOCK = {"created", "costs", "first_token", "total"}
OF_THE_RUN = {"synced_at", "next_try"}
COUNTED = ("added", "changed", "moved", "deleted", "unchanged", "passages", "embedded", "failed", "warnings")


def rows(expert):
    """All that the store holds of passages and documents, bit for bit: ids, texts, vectors, tokens, places."""
    folder = next((expert.folder / ".metier" / "store").rglob("passages_*.lance"))
    table = lancedb.connect(folder.parent).open_table(folder.stem).to_arrow()
    return sorted(json.dumps(row | {"since": None}, default=str) for row in table.to_pylist())


def states(expert):
    return [{name: value for name, value in asdict(item).items() if name not in OF_THE_RUN} for item in expert.items()]


def counts(report):
    told = asdict(report)
    return {name: told[name] for name in COUNTED}


@pytest.fixture(scope="module")
def manuals(tmp_path_factory):
    return write_manuals(tmp_path_factory.mktemp("manuals") / "docs", 36)


@pytest.fixture(scope="module")
def local(manuals, tmp_path_factory):
    """An expert that has read them in its own process, and what that sync told."""
    with Expert.create(tmp_path_factory.mktemp("local") / "expert") as expert:
        expert.add(str(manuals))
        yield expert, expert.sync()


@pytest.fixture
def fresh(manuals, tmp_path):
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(manuals))
        yield expert


WORKER = "ray::PoolWorker"
AT_WORK = f"{WORKER}."  # and the name of what it does


def pids(title):
    """Processes of this machine with that title."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if title in line]


def parent_of(pid):
    try:
        return psutil.Process(pid).ppid()
    except psutil.NoSuchProcess:
        return None


def test_what_a_cluster_makes_is_what_a_local_sync_makes_though_a_worker_and_a_node_are_killed(
    fresh, local, on, cluster
):
    """The first one: the others have two nodes left."""
    expert, told = local
    node = next(iter(cluster.worker_nodes))
    raylet = node.all_processes["raylet"][0].process.pid
    over, killed = threading.Event(), []

    def kill():
        while not over.wait(0.02):
            there = {pid: parent_of(pid) == raylet for pid in pids(AT_WORK)}
            if set(there.values()) == {True, False}:
                killed.extend(there)
                os.kill(next(pid for pid, is_there in there.items() if not is_there), signal.SIGKILL)
                cluster.remove_node(node, allow_graceful=False)
                return

    killing = threading.Thread(target=kill)
    killing.start()
    try:
        report = fresh.sync(on=on)
    finally:
        over.set()
        killing.join()
    assert killed
    assert counts(report) == counts(told)
    assert states(fresh) == states(expert)
    assert rows(fresh) == rows(expert)
    assert len(report.failed) == 2


def test_a_document_that_kills_its_worker_again_and_again_is_listed_and_stops_nothing(
    run_metier, cluster, on, lethal_package, tmp_path
):
    docs = write_manuals(tmp_path / "docs", 6)
    (docs / "manual-005.lethal").write_text("The yaw brake takes 320 Nm.")
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(docs))
    with (tmp_path / "expert" / "metier.toml").open("a") as settings:
        settings.write("\n[parsing]\nsandbox = false\n")
    environment = os.environ | {"PYTHONPATH": str(lethal_package)}
    done = run_metier("sync", "-e", "expert", "--on", on, "--json", env=environment)
    report = json.loads(done.stdout)
    assert report["added"] == 8
    failed = {each["item"]: each["reason"] for each in report["failed"]}
    assert "workers of the cluster were lost with it" in failed["docs/manual-005.lethal"]
    assert set(failed) == {"docs/manual-005.lethal", "docs/broken.docx", "docs/empty.md"}


def test_a_sync_that_is_killed_is_finished_by_the_next_one(fresh, local, on):
    command = [sys.executable, "-c", "from metier.cli import main; main()", "sync", "-e", str(fresh.folder), "--on", on]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    store = fresh.folder / ".metier" / "store"
    deadline = time.monotonic() + 120
    while not (list(store.rglob("passages_*.lance/data/*")) or process.poll() is not None):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    fresh.sync()
    assert rows(fresh) == rows(local[0])
    assert states(fresh) == states(local[0])
    while pids(WORKER):  # Ray ends those of a driver that is gone
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_cannot_be_used_is_told_in_a_line(fresh, monkeypatch):
    def told(on):
        began = time.monotonic()
        with pytest.raises(MetierError) as caught:
            fresh.sync(on=on)
        assert time.monotonic() - began < 20
        return caught.value

    assert "does not answer" in told("ray://127.0.0.1:1").message
    for wrong in ("nowhere", "ray://user:secret@head:6379", "local:0", "ray://head:99999"):
        assert isinstance(told(wrong), InputError)
    assert "Ray Client" in told("ray://head:10001").message
    monkeypatch.setitem(sys.modules, "ray", None)
    missing = told("local")
    assert missing.message == 'ray is not installed. Install it with `pip install "metier[ray]"`.'


def test_a_cluster_of_another_version_is_refused(fresh, on, monkeypatch):
    import ray._private.utils

    with monkeypatch.context() as patched:
        patched.setattr(ray._private.utils, "compute_version_info", fake_versions_of_this_process)
        with pytest.raises(MetierError, match=r"Ray: 2\.60\.0 Python: .* Ray: 2\.9\.3 Python: 3\.9\.1"):
            fresh.sync(on=on)
    monkeypatch.setattr(connection, "__version__", "0.0.1")
    with pytest.raises(MetierError, match=r"node .*has another metier \(0\.1\.0\) than this machine \(0\.0\.1\)"):
        fresh.sync(on=on)
    assert not fresh.items()


class ProbeWithoutItsPackage:
    """As a worker sees any that Métier gives it where it is not installed."""

    def __reduce__(self):
        return importlib.import_module, ("metier_that_is_missing",)


def test_a_node_without_metier_is_told(on):
    with (
        connection.connected(on) as cluster,
        pytest.raises(MetierError, match=r"node .*: Métier is not installed there \(No module named"),
    ):
        connection.check_nodes(cluster, {}, ProbeWithoutItsPackage())


def fake_versions_of_this_process():
    return "2.9.3", "3.9.1"


@pytest.fixture(scope="module")
def examined(tmp_path_factory):
    return examined_expert(tmp_path_factory.mktemp("examined"), EXAM)


def compared(folder, on=None):
    """What a comparison found, without what a clock measured."""
    with Expert.open(folder) as expert:
        result = expert.evaluation.compare(calibrate=False, measure_memory=False, on=on)
    kept = [json.loads(line) for line in (folder / ".metier" / "answers.jsonl").read_text().splitlines()]
    return without_times(result.to_json()), len(kept)


def without_times(value):
    if isinstance(value, dict):
        return {name: without_times(each) for name, each in value.items() if name not in OF_THE_CLOCK}
    return [without_times(each) for each in value] if isinstance(value, list | tuple) else value


def test_the_table_from_a_cluster_is_that_of_this_process(examined, tmp_path, on):
    here, answers = compared(shutil.copytree(examined, tmp_path / "here"))
    there, kept = compared(shutil.copytree(examined, tmp_path / "there"), on)
    assert there == here
    assert kept == answers == 4


def test_nodes_that_see_another_expert_are_told_before_the_first_question(examined, tmp_path, on):
    folder = shutil.copytree(examined, tmp_path / "expert")
    with Expert.open(folder) as expert:
        path = folder / "metier.toml"  # which the workers read, while this process has read it
        path.write_text(path.read_text().replace("max_tokens = 24", "max_tokens = 25"))
        with pytest.raises(MetierError, match=r"node .*has another state of the expert"):
            expert.evaluation.compare(calibrate=False, measure_memory=False, on=on)
    assert not (folder / ".metier" / "answers.jsonl").exists()

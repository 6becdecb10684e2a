from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

MIB = 2**20


@pytest.fixture(scope="session")
def lethal_package(tmp_path_factory) -> Path:
    """A package whose reader of `.lethal` files kills the process that has it read one, installed as pip would."""
    place = tmp_path_factory.mktemp("site")
    (place / "lethal.py").write_text(
        "import os, signal\n\ndef read(content, builder, context):\n    os.kill(os.getppid(), signal.SIGKILL)\n"
    )
    about = place / "lethal-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lethal\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[metier.parsers]\n.lethal = lethal:read\n")
    return place


@pytest.fixture(scope="session")
def ray_environment():
    """No telemetry, and no token in the home folder of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patched.setenv("RAY_AUTH_MODE", "disabled")
        yield


@pytest.fixture(scope="session")
def cluster(ray_environment, lethal_package):
    """A Ray cluster of three nodes on this machine, each with a CPU to give away."""
    from ray.cluster_utils import Cluster

    memory = {"object_store_memory": 100 * MIB}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", str(lethal_package))  # of the nodes and their workers
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, **memory})
        for _ in range(2):
            made.add_node(num_cpus=1, **memory)
    try:
        yield made
    finally:
        with contextlib.suppress(Exception):  # a node was killed in a test
            made.shutdown()


@pytest.fixture(scope="session")
def on(cluster) -> str:
    return f"ray://{cluster.address}"

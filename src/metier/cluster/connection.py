"""Finds the cluster that `--on` names, and checks that its nodes would do the same as this machine."""

from __future__ import annotations

import logging
import os
import socket
import threading
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metier import __version__
from metier.cluster.address import ClusterAddress
from metier.core.errors import needing
from metier.ingestion.stages import StageError

log = logging.getLogger(__name__)
_CONNECT_SECONDS = 5.0  # for the port of the head node to answer
_CHECK_SECONDS = 120.0  # for a node to say what it has: it starts a process and imports us
_OBJECT_STORE = 200 * 2**20  # bytes, of a cluster of one's own; what is on its way is bounded by less
_VERSION_HINT = (
    "Install the same Ray and Python here as the cluster has, or start the cluster with those of this machine."
)


class ClusterError(StageError):
    """The Ray cluster cannot be used, or was lost."""


@dataclass(frozen=True, slots=True)
class Node:
    """`cpus`: that Ray may give away there."""

    id: str
    name: str
    cpus: float


@dataclass(frozen=True)
class Connection:
    """A cluster that answers. `closing`: set when the connection ends."""

    where: str
    address: ClusterAddress
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def nodes(self) -> list[Node]:
        """Those that are alive."""
        return [
            Node(each["NodeID"], each["NodeManagerAddress"], float(each["Resources"].get("CPU", 0)))
            for each in _ray().nodes()
            if each["Alive"]
        ]

    def failure(self, error: BaseException) -> ClusterError:
        """What became of the cluster, in a line."""
        if isinstance(error, ClusterError):
            return error
        return ClusterError(
            f"gave up ({in_a_line(error)})",
            where=self.where,
            hint="Nothing that was saved is lost: run the same command again to go on.",
        )

    def busy(self, cpus: float) -> str:
        """What to say where no worker has started for some time, each of which needs `cpus`."""
        ray = _ray()
        free = ray.available_resources().get("CPU", 0.0)
        total = ray.cluster_resources().get("CPU", 0.0)
        return (
            f"{self.where}: no worker has started yet. They are loading, or wait for CPUs: each needs {cpus:g}, and "
            f"{free:g} of {total:g} are free. Ctrl-C ends it."
        )

    def deserted(self) -> str:
        """What to say where nothing is left that could do the work."""
        return f"{self.where}: no node is left that has CPUs to give away. It goes on when one joins. Ctrl-C ends it."


@contextmanager
def connected(on: str, secrets: Collection[str] = ()) -> Iterator[Connection]:
    """`secrets`: variables of the environment that workers of a cluster of one's own are not to have. Raises
    `InputError` for what names no cluster, `ClusterError` where there is none, or one of another version."""
    address = ClusterAddress.of(on)
    where = f"the Ray cluster {address}"
    _settle_environment(address)
    with needing("ray"):
        import ray
    is_joined = ray.is_initialized()  # by the program that calls us
    if is_joined and address.for_ray != "auto":
        raise ClusterError("cannot be joined from here: this process has joined one", where=where, hint="Give auto.")
    if address.host:
        _check_port(address)
    if not is_joined:
        _start(address, where, secrets)
    connection = Connection(where, address)
    try:
        yield connection
    finally:
        connection.closing.set()
        if not is_joined:
            with suppress(Exception):  # a cluster that was lost cannot be left in order
                ray.shutdown()


def in_a_line(error: BaseException) -> str:
    """What an error says; one from another process has its traceback before that."""
    said = [line.strip() for line in str(error).splitlines() if line.strip()] or ["without a word"]
    if isinstance(error, _ray().exceptions.RayTaskError):
        return said[-1][:300]
    return f"{type(error).__name__}: {said[0][:300]}"


def _ray() -> Any:
    """The library; much of it comes without types."""
    import ray

    return ray


def _check_port(address: ClusterAddress) -> None:
    """Ray itself would try for minutes."""
    try:
        socket.create_connection((address.host, address.port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise ClusterError(
            f"does not answer ({error.strerror or error})",
            where=f"the Ray cluster {address}",
            hint="Start it with `ray start --head`, or look at the address: it is the one that `ray start` prints.",
        ) from None


@contextmanager
def _without(names: Collection[str]) -> Iterator[None]:
    """While a cluster of one's own is started, which takes over our environment."""
    hidden = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _is_loud() -> bool:
    """Whether Ray may tell what it does, among what we tell."""
    return log.isEnabledFor(logging.DEBUG)


def _settle_environment(address: ClusterAddress) -> None:
    """What Ray reads when it is imported and started."""
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "3")  # seconds that it tries where something else answers
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # or it would start a cluster anew where the one in use is gone
    if address.workers:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster of one's own tells nobody
    elif "RAY_AUTH_MODE" not in os.environ and _has_token():
        os.environ["RAY_AUTH_MODE"] = "token"  # Ray sends it only then; a cluster that asks for none takes it, too


def _has_token() -> bool:
    """Where Ray looks for one."""
    given = any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))
    return given or (Path.home() / ".ray" / "auth_token").is_file()


def _start(address: ClusterAddress, where: str, secrets: Collection[str]) -> None:
    import ray

    loud = _is_loud()
    if not loud:
        logging.getLogger("ray").setLevel(logging.CRITICAL)
        # What a node has to say, as of a worker that it lost, would be printed on stdout; no option is for that.
        vars(ray._private.worker)["_worker_logs_enabled"] = False
    own: dict[str, Any] = {}
    if address.workers:
        own = {"include_dashboard": False, "object_store_memory": _OBJECT_STORE}
    try:
        if address.host:
            _check_node(address)
        with _without(secrets), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "lancedb fork support")  # what is forked becomes another program at once
            ray.init(address=address.for_ray, log_to_driver=loud, configure_logging=loud, **own)
    except Exception as error:  # noqa: BLE001 - of Ray, of many kinds
        with suppress(Exception):
            ray.shutdown()
        raise _not_connected(error, address, where) from None


def _check_node(address: ClusterAddress) -> None:
    """Whether a node of the cluster runs on this machine: Ray would look for a minute, or crash. Raises `ClusterError`,
    and errors of Ray where something else answers."""
    found = _ray()._raylet.GcsClient(address=address.for_ray).get_all_node_info(timeout=_CONNECT_SECONDS).values()
    if not any(os.path.exists(node.raylet_socket_name) for node in found):
        raise ClusterError(
            "has no node on this machine",
            where=f"the Ray cluster {address}",
            hint=f"Join it: `ray start --address={address.for_ray}`, with `--num-cpus=0` where it is to do no work.",
        )


def _not_connected(error: Exception, address: ClusterAddress, where: str) -> ClusterError:
    if isinstance(error, ClusterError):
        return error
    said = " ".join(str(error).split())
    if "Version mismatch" in said:
        return ClusterError(said.removeprefix("Version mismatch: "), where=where, hint=_VERSION_HINT)
    if isinstance(error, ConnectionError) and address.for_ray == "auto":
        return ClusterError(
            "there is none on this machine, and RAY_ADDRESS names none",
            where=where,
            hint="Start one with `ray start --head`, or give `--on local`.",
        )
    if any(word in said for word in ("Failed to connect", "RPC error", "token")):
        return ClusterError(
            "does not let this machine in, or is no Ray cluster",
            where=where,
            hint="The port is the one that `ray start` prints. Where the cluster asks for a token, the same one has to "
            "be in ~/.ray/auth_token here.",
        )
    return ClusterError(
        f"cannot be joined ({said[:300]})",
        where=where,
        hint="`ray status` on one of its nodes tells how it is.",
    )


def check_nodes(connection: Connection, wanted: Mapping[str, str], probe: Any) -> None:
    """Whether every node has what this machine has. `probe`: gives, on a node, what `wanted` has; it is pickled. Raises
    `ClusterError` that names what differs, and where."""
    import ray
    from ray import cloudpickle
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    pickled: bytes = cloudpickle.dumps(probe)  # type: ignore[no-untyped-call]  # no types

    def look() -> dict[str, str]:  # pickled whole, the probe apart: it runs where Métier is missing, too
        import pickle

        try:
            import metier

            asked = pickle.loads(pickled)  # noqa: S301 - what was pickled right above
        except ImportError as error:
            return {"missing": str(error)}
        try:
            return {"metier": metier.__version__, **asked()}
        except Exception as error:  # noqa: BLE001 - told on the other side
            return {"failed": f"{type(error).__name__}: {error}"}

    expected = {"metier": __version__, **wanted}
    nodes = [node for node in connection.nodes if node.cpus > 0]
    asked = {
        ray.remote(look)
        .options(num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False), max_retries=0)
        .remote(): node
        for node in nodes
    }
    left, waited = list(asked), 0.0
    while left:
        done, left = ray.wait(left, num_returns=len(left), timeout=10.0)
        for reference in done:
            try:
                found = ray.get(reference)
            except Exception as error:  # noqa: BLE001 - of Ray, of many kinds
                if asked[reference].id not in {node.id for node in connection.nodes}:
                    continue  # it was lost meanwhile, and does no work
                raise connection.failure(error) from None
            _check(found, expected, asked[reference], connection)
        waited += 10.0
        if left and waited >= _CHECK_SECONDS:
            raise ClusterError(
                f"the node {asked[left[0]].name} does not answer", where=connection.where, hint="Look at `ray status`."
            )
        if left:
            log.warning("%s: waiting for %d of %d nodes", connection.where, len(left), len(nodes))


def _check(found: Mapping[str, str], expected: Mapping[str, str], node: Node, connection: Connection) -> None:
    where = f"{connection.where}, node {node.name}"
    if "missing" in found:
        raise ClusterError(
            f"Métier is not installed there ({found['missing']})",
            where=where,
            hint="Install the same version on every node.",
        )
    if "failed" in found:
        raise ClusterError(found["failed"], where=where, hint="Every node needs the models that are in use here.")
    for name, value in expected.items():
        if found.get(name) != value:
            raise ClusterError(
                f"has another {name} ({found.get(name) or 'none'}) than this machine ({value or 'none'})",
                where=where,
                hint="Install the same on every node: else what it reads would not be what this machine reads.",
            )

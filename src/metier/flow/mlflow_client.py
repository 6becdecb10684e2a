"""The few calls of MLflow's REST API that keep a run and a model: docs at https://mlflow.org/docs/latest/rest-api.html.

    with MlflowClient("http://localhost:5000") as client:
        experiment = client.experiment("turbines")

Plain HTTP and no library: the client of MLflow brings a hundred packages' worth of cloud services, retries for minutes
where a server is gone, and sends telemetry. Who may write is told by the variables that MLflow's own client reads.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from metier.core.addresses import masked
from metier.core.bounded_http import Encoded, ResponseTooLarge, httpx_client, read, within
from metier.core.errors import MetierError

_SECONDS = 30.0  # of one call
_UPLOAD_SECONDS = 900.0  # of a file
_CONNECT_SECONDS = 5.0
_MOST = 16 * 2**20  # bytes of an answer
_API = "/api/2.0/mlflow"
_PROXIED = "mlflow-artifacts:"
_EXISTS, _ABSENT = "RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST"


class MlflowError(MetierError):
    """The server did not answer, or refused. `code`: its own, "" where it gave none."""

    code: str = ""


class MlflowClient:
    """Of the server at `address`. Every method raises `MlflowError`. Close it, or use it as a context."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        timeout = httpx.Timeout(_SECONDS, connect=_CONNECT_SECONDS)
        self._client = httpx_client(headers=_credentials(), timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def experiment(self, name: str) -> str:
        """Id of the experiment of this name, made where there is none."""
        try:
            found = self.get("experiments/get-by-name", {"experiment_name": name})
            return str(found["experiment"]["experiment_id"])
        except MlflowError as error:
            if error.code != _ABSENT:
                raise
        return str(self.post("experiments/create", {"name": name})["experiment_id"])

    def find_run(self, experiment: str, tag: str, value: str) -> dict[str, Any] | None:
        """What is known of the run with this tag. Neither has a quotation mark in it."""
        wanted = {"experiment_ids": [experiment], "filter": f"tags.`{tag}` = '{value}'", "max_results": 1}
        runs = self.post("runs/search", wanted).get("runs") or [None]
        return runs[0]["info"] if runs[0] else None

    def ensure_model(self, name: str) -> None:
        """Register a model of this name, where there is none."""
        try:
            self.post("registered-models/create", {"name": name})
        except MlflowError as error:
            if error.code != _EXISTS:
                raise

    def versions(self, model: str) -> list[dict[str, Any]]:
        """All versions of a model, with their tags. The name has no quotation mark in it."""
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            asked = {"filter": f"name='{model}'", "max_results": "200"} | ({"page_token": token} if token else {})
            answer = self.get("model-versions/search", asked)
            found += answer.get("model_versions", ())
            token = answer.get("next_page_token", "")
            if not token:
                return found

    def set_alias(self, model: str, alias: str, version: str) -> None:
        self.post("registered-models/alias", {"name": model, "alias": alias, "version": version})

    def drop_alias(self, model: str, alias: str) -> None:
        """Nothing where the model has none of this name."""
        try:
            self._call("DELETE", f"{_API}/registered-models/alias", json={"name": model, "alias": alias})
        except MlflowError as error:
            if error.code != _ABSENT:
                raise

    def upload(self, artifacts: str, path: str, file: Path) -> None:
        """Put a file to `path` below the artifacts of a run, whose address is `artifacts`. Raises `MlflowError` too
        where the server keeps artifacts elsewhere, with credentials that it alone has."""
        if not artifacts.startswith(_PROXIED):
            raise MlflowError(
                "takes no files over HTTP", where=masked(self.address), hint="Start it with --serve-artifacts."
            )
        below = urlsplit(artifacts).path.strip("/")
        target = quote(f"{below}/{path}")
        with file.open("rb") as content:
            self._call("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{target}", content=content, seconds=_UPLOAD_SECONDS)

    def get(self, call: str, values: Mapping[str, str]) -> dict[str, Any]:
        return self._call("GET", f"{_API}/{call}", params=values)

    def post(self, call: str, values: Mapping[str, object]) -> dict[str, Any]:
        return self._call("POST", f"{_API}/{call}", json=values)

    def _call(self, method: str, path: str, *, seconds: float = _SECONDS, **sent: Any) -> dict[str, Any]:
        try:
            with within(seconds), self._client.stream(method, f"{self.address}{path}", **sent) as response:
                status, body = response.status_code, read(response, _MOST)
        except (httpx.HTTPError, httpx.InvalidURL, ResponseTooLarge, Encoded, OSError) as error:
            raise MlflowError(
                f"cannot be reached ({error or type(error).__name__})", where=masked(self.address)
            ) from None
        try:
            answer = json.loads(body) if body.strip() else {}
        except ValueError:
            answer = None
        if status >= 400 or not isinstance(answer, dict):
            raise self._refused(status, answer)
        return answer

    def _refused(self, status: int, answer: object) -> MlflowError:
        told = answer if isinstance(answer, dict) else {}
        said = str(told.get("message", ""))[:300] or "no JSON came: is this an MLflow server?"
        hint = "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
        error = MlflowError(
            f"refused it (HTTP {status}): {said}",
            where=masked(self.address),
            hint=hint if status in (401, 403) else None,
        )
        error.code = str(told.get("error_code", ""))
        return error


def _credentials() -> dict[str, str]:
    """As MLflow's own client takes them from the environment."""
    if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
        return {"Authorization": f"Bearer {token}"}
    if user := os.environ.get("MLFLOW_TRACKING_USERNAME"):
        both = f"{user}:{os.environ.get('MLFLOW_TRACKING_PASSWORD', '')}"
        return {"Authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}
    return {}

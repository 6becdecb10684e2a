"""Telling others what came of a run: a webhook, a command. Neither changes the result; what fails is a warning."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from metier.core import public_addresses
from metier.core.bounded_http import httpx_client, within
from metier.core.flow_settings import FROM_ENVIRONMENT, FlowSettings

_SECONDS = 20.0  # for a webhook
_SHOWN = 200  # characters of what a command said


def tell(settings: FlowSettings, folder: Path, result: Mapping[str, Any]) -> list[str]:
    """Send `result`, plain values with its `run`, to whoever `[flow]` names. A run that was killed may tell twice.
    Returns what did not work, in sentences without secrets."""
    warnings = []
    if settings.webhook and (wrong := _post(settings, settings.webhook, result)):
        warnings.append(f"The webhook was not told: {wrong}.")
    if settings.command and (wrong := _run(settings, folder, result)):
        warnings.append(f"The command {settings.command[0]!r} failed: {wrong}.")
    return warnings


def _post(settings: FlowSettings, named: str, result: Mapping[str, Any]) -> str:
    """Why it did not arrive, "" where it did."""
    address = named
    if named.startswith(FROM_ENVIRONMENT):
        variable = named.removeprefix(FROM_ENVIRONMENT)
        address = os.environ.get(variable, "")
        if not address:
            return f"${variable} is not set"
    headers = {}
    if settings.webhook_auth_env:
        if not (token := os.environ.get(settings.webhook_auth_env)):
            return f"${settings.webhook_auth_env} is not set"
        headers["Authorization"] = f"Bearer {token}"
    host = urlsplit(address).hostname or "its address"
    resolve = partial(public_addresses.resolve, private=settings.webhook_private)
    try:
        with httpx_client(resolve, timeout=_SECONDS) as client, within(_SECONDS):
            answer = client.post(address, json=dict(result), headers=headers)
    except public_addresses.Refused as error:
        return f"{host} {error}; where that is meant, set `webhook_private = true` in [flow]"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"{host} is out of reach ({type(error).__name__})"
    return "" if answer.is_success else f"{host} answered {answer.status_code}"


def _run(settings: FlowSettings, folder: Path, result: Mapping[str, Any]) -> str:
    said = {"METIER_RUN": str(result.get("run", "")), "METIER_OUTCOME": str(result.get("outcome", ""))}
    try:
        done = subprocess.run(  # noqa: S603 - what the owner of metier.toml names, without a shell
            settings.command, input=json.dumps(dict(result), ensure_ascii=False), cwd=folder, env=os.environ | said,
            capture_output=True, text=True, timeout=settings.command_seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"it took longer than {settings.command_seconds:g} s"
    except OSError as error:
        return error.strerror or str(error)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [""])[-1][:_SHOWN]
        return f"it ended with {done.returncode}{f': {last}' if last else ''}"
    return ""

"""The description of the API against a running server: what is made up from it is answered as it says."""

from __future__ import annotations

from typing import Any
from unittest import SkipTest

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from metier import Expert
from metier.core.settings import STATE_FILE
from metier.serving.auth.keys import Keys

from .servers import sample_expert

pytestmark = pytest.mark.slow

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    negative_data_rejection,
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return sample_expert(tmp_path_factory.mktemp("schema"))


@pytest.fixture(scope="module")
def secret(folder):
    keys = Keys(folder / ".metier" / STATE_FILE)
    made = keys.create("narrow", ("service",), ("ask", "feedback"))[1]
    keys.close()
    return made


@pytest.fixture(scope="module")
def described(address, known):
    return schemathesis.openapi.from_url(f"{address}/openapi.json")


few = settings(
    max_examples=6, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)  # fmt: skip


def tried(described, known: dict[str, Any], *prefixes: str, **sent: object) -> tuple[int, list[str]]:
    """How many operations were tried, with what may be sent and what may not, and what of their answers was not as
    described. `known`: values that are there, put into some of those that may be sent."""
    count, wrong = 0, []
    for found in described.get_all_operations():
        operation = found.ok()
        if not operation.path.startswith(prefixes):
            continue
        count += 1
        for mode in GenerationMode:
            try:
                _try(operation.as_strategy(generation_mode=mode), known if mode.is_positive else {}, sent)
            except (Unsatisfiable, SkipTest):  # where nothing is taken, nothing that is sent is wrong
                assert mode.is_negative
            except (Exception, ExceptionGroup) as error:  # noqa: BLE001 - told together at the end
                wrong.append(f"{operation.label}: {error}")
    return count, wrong


def _try(cases, known: dict[str, Any], sent: dict[str, object]) -> None:
    @few
    @given(case=cases, is_there=strategies.booleans())
    def answered(case, is_there):
        if is_there:
            _name_what_is_there(case, known)
        case.call_and_validate(checks=CHECKS, timeout=60, **sent)

    answered()


def _name_what_is_there(case, known: dict[str, Any]) -> None:
    for name in case.path_parameters or {}:
        if name in known:
            case.path_parameters[name] = known[name]
    if isinstance(case.body, dict):
        case.body |= {name: known[name] for name in case.body if name in known}


@pytest.fixture(scope="module")
def known(folder):
    """Values of the sample: a model, messages that can be answered, a document, a correction."""
    with Expert.open(folder) as expert:
        made = expert.corrections.add("How often is the yaw grease changed?", "Every 8 months.", accept=False)
        document = expert.runtime.store.uris()["docs/yaw-grease.md"]
    messages = [{"role": "user", "content": "What is grease?"}]
    return {"model": "parts:base", "messages": messages, "document_id": document, "correction_id": made.id}


def test_the_owner_is_answered_as_described(described, known):
    count, wrong = tried(described, known, "/")
    assert not wrong, "\n\n".join(wrong)
    assert count >= 25


def test_a_key_with_little_is_answered_as_described(described, known, secret):
    count, wrong = tried(described, known, "/api/", "/metrics", headers={"Authorization": f"Bearer {secret}"})
    assert not wrong, "\n\n".join(wrong)
    assert count >= 20

"""A server that keeps its expert current by itself, and answers from what was known earlier."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import httpx
import pytest

from metier import Expert

from .servers import sample_expert

pytestmark = pytest.mark.slow
ASKED = "How often is the yaw grease of the NV-110 changed?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = sample_expert(tmp_path_factory.mktemp("current"))
    settings = made / "metier.toml"
    settings.write_text(settings.read_text() + '\n[sync]\nwatch = true\nquiet = "0.1s"\n')
    return made


def found(address, **options):
    answer = httpx.get(f"{address}/api/search", params={"q": ASKED, "limit": 20} | options, timeout=60)
    assert answer.status_code == 200, answer.text
    return [hit["text"] for hit in answer.json()["hits"] if hit["document"] == "docs/yaw-grease.md"]


def test_a_change_is_in_the_answers_soon_and_what_was_known_before_can_be_asked(folder, address):
    before = datetime.now(UTC).isoformat()
    (text,) = found(address)
    assert "every 7 months" in text
    path = folder.parent / "docs" / "yaw-grease.md"
    path.write_text(path.read_text().replace("every 7 months", "every 9 months"))
    end = time.monotonic() + 90
    while "every 9 months" not in found(address)[0]:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert "every 7 months" in found(address, as_of=before)[0]
    said = httpx.post(f"{address}/api/ask", json={"question": ASKED, "as_of": before}, timeout=120).json()
    assert "7 months" in said["text"]
    assert any(note.startswith("As known on") for note in said["notes"])


def test_earlier_versions_are_forgotten_under_a_running_server(folder, address):
    path = folder.parent / "docs" / "slip-ring.md"
    path.write_text(path.read_text().replace("every 11 months", "every 12 months"))
    end = time.monotonic() + 90
    with Expert.open(folder) as expert:
        while not any("every 12 months" in hit.passage.text for hit in expert.search("slip ring")):
            assert time.monotonic() < end
            time.sleep(0.1)
            expert.runtime.retriever.refresh()
        assert expert.prune(0).freed > 0
    time.sleep(3)  # it looks once a second
    assert len(found(address)) == 1
    answer = httpx.get(f"{address}/api/search", params={"q": ASKED, "as_of": "2026-01-01"}, timeout=60)
    assert answer.status_code == 400


@pytest.mark.parametrize("day", ["yesterday", "2999-01-01", "2001-01-01", ""])
def test_a_day_of_which_nothing_is_known_is_told(address, day):
    for answer in (
        httpx.get(f"{address}/api/search", params={"q": ASKED, "as_of": day}, timeout=60),
        httpx.post(f"{address}/api/ask", json={"question": ASKED, "as_of": day}, timeout=60),
    ):
        assert answer.status_code == 400
        assert answer.json()["error"]["message"]

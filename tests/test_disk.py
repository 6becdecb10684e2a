"""A full disk, a folder that nothing can be written to: questions are answered, and what is refused says why."""

from __future__ import annotations

import json
import sys
import tarfile
from pathlib import Path

import full_disk
import pytest
from parts import read_nothing

pytestmark = pytest.mark.slow

QUESTION = "How often is the gearbox oil of the NV-110 changed?"
# A server there: a question, a thumb, and the question again.
SERVED = """
import json, re, subprocess, sys
import httpx
command = [sys.executable, "-u", "-c", "from metier.cli import main; main()", "serve", "-e", "turbines", "--port", "0"]
with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
    address = re.search(r"http://[\\d.]+:\\d+", server.stdout.readline()).group()
    client = httpx.Client(base_url=address, timeout=60, transport=httpx.HTTPTransport(retries=30))
    asked = {"model": "turbines:rag", "messages": [{"role": "user", "content": sys.argv[1]}]}
    given = {"thumb": "up", "question": sys.argv[1], "answer": "30 months."}
    posts = ("/v1/chat/completions", asked), ("/api/feedback", given), ("/v1/chat/completions", asked)
    told = [client.post(path, json=body) for path, body in posts]
    server.terminate()
print(json.dumps([[each.status_code, each.text] for each in told]))
"""


@pytest.fixture
def expert_folder(turbines, docs):
    """An expert that has read `docs` and finds one new document there, beside its documents."""
    read_nothing(turbines)
    with (turbines / "metier.toml").open("a") as file:
        file.write("\n[serving]\nopen_loopback = true\n")
    (docs / "ladder.md").write_text("# Ladder\n\nThe mast ladder is checked every 55 days.")
    return turbines.parent


EARLIER = Path(__file__).parent / "state" / "expert_before_one_state"


@pytest.mark.skipif(sys.platform != "linux", reason="mounts are of Linux")
@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_an_expert_of_an_earlier_release_answers_where_nothing_can_be_written(kind, tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    with tarfile.open(f"{EARLIER}.tar.gz") as packed:
        packed.extractall(place, filter="data")
    asked, wanted = next(iter(json.loads(EARLIER.with_suffix(".json").read_text("utf-8")).items()))
    expert = ("-e", "pumps")
    answered, status, listed, key, corrected = on_disk(
        kind, place, ("ask", asked, *expert, "--json"), ("status", *expert), ("sources", *expert, "--json"),
        ("keys", "create", "laptop", *expert), ("corrections", "list", *expert, "--json"),
    )  # fmt: skip
    assert json.loads(answered.stdout)["text"] == wanted["text"], answered.stderr
    assert "of an earlier Métier" in answered.stderr
    assert "Unwritable" not in answered.stderr
    assert [status.returncode, listed.returncode, corrected.returncode] == [0, 0, 0], listed.stderr
    assert len(json.loads(listed.stdout)["items"]) == 3
    assert json.loads(corrected.stdout)
    assert key.returncode == 1
    assert {"full": "disk is full", "read-only": "read-only"}[kind] in key.stderr


def on_disk(kind: str, folder, *commands):
    done = full_disk.on(kind, folder, commands)
    if done is None:
        pytest.skip("this system lets nobody mount a disk")
    assert not [each.stderr for each in done if "Traceback" in each.stderr]
    return done


@pytest.mark.skipif(sys.platform != "linux", reason="mounts are of Linux")
@pytest.mark.parametrize(("kind", "word"), [("full", "disk is full"), ("read-only", "read-only")])
def test_questions_are_answered_where_nothing_can_be_written(kind, word, expert_folder):
    expert = ("-e", "turbines")
    first, status, sources, sync, rebuild, corrected, key, again = on_disk(
        kind, expert_folder, ("ask", QUESTION, *expert), ("status", *expert), ("sources", *expert, "--json"),
        ("sync", *expert), ("sync", "--rebuild", *expert), ("corrections", "add", "Who?", "--answer", "Me", *expert),
        ("keys", "create", "laptop", *expert), ("search", QUESTION, *expert, "--json"),
    )  # fmt: skip
    assert "30 months" in first.stdout
    assert status.returncode == 0, status.stderr
    assert len(json.loads(sources.stdout)["items"]) == 4
    for refused in (sync, rebuild, corrected, key):
        assert refused.returncode == 1, refused.stdout
        said = " ".join(refused.stderr.split())
        assert word in said
        assert "turbines/.metier" in said
        assert "backup" not in said  # nothing is damaged
    assert "30 months" in json.loads(again.stdout)["hits"][0]["text"]


@pytest.mark.skipif(sys.platform != "linux", reason="mounts are of Linux")
@pytest.mark.parametrize(("kind", "word"), [("full", "disk is full"), ("read-only", "read-only")])
def test_every_verb_that_writes_says_why_it_cannot(kind, word, expert_folder):
    (expert_folder / "rows.jsonl").write_text('{"prompt": "Who?", "completion": "Me."}\n')
    (expert_folder / "exam.jsonl").write_text('{"question": "Who?", "answers": ["Me."]}\n')
    verbs = (
        ("add", "exam.jsonl"), ("remove", "docs"), ("dataset", "import", "rows.jsonl"),
        ("exam", "import", "exam.jsonl"),
        ("dataset", "generate", "--yes"), ("report",), ("corrections", "add", "--hide", "x"),
    )  # fmt: skip
    done = on_disk(kind, expert_folder, *((*verb, "-e", "turbines") for verb in verbs), ("init", "other"))
    for each in done[:4] + done[-1:]:
        assert each.returncode == 1, each
        assert word in " ".join(each.stderr.split())
    for each in done:
        assert "backup" not in each.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="mounts are of Linux")
@pytest.mark.parametrize(("kind", "word"), [("full", "disk is full"), ("read-only", "read-only")])
def test_a_server_answers_where_nothing_can_be_written_and_refuses_thumbs_with_a_word(kind, word, expert_folder):
    (done,) = on_disk(kind, expert_folder, ("python", "-c", SERVED, QUESTION))
    assert done.returncode == 0, done.stderr
    (first, _), (refused, said), (again, _) = json.loads(done.stdout)
    assert (first, refused, again) == (200, 507, 200)
    assert word in said
    assert str(expert_folder) not in said

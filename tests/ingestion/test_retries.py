"""What failed for a reason that may pass is tried again by itself, later and later; what is damaged is not."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from metier import Expert
from metier.core.errors import SourceError
from metier.ingestion import retries, writing
from metier.ingestion import sync as syncing
from metier.sources.base import Item
from metier.sources.real_files import hash_file

pytestmark = pytest.mark.slow


class Shaky:
    """Stands for a source of three documents, one of which does not answer as often as `fails` says."""

    name = "shaky"

    def __init__(self, folder):
        self.folder, self.fails, self.asked = folder, 0, 0
        self.version = "1"
        for name in ("a.md", "b.md", "c.md"):
            (folder / name).write_text(f"The bolts of crane {name[0]} take 840 Nm.")

    def discover(self):
        yield from (Item(name, self.version, identity=f"shaky:{name}") for name in ("a.md", "b.md", "c.md"))

    def holds(self, identity):
        return identity.startswith("shaky:")

    def find(self, uri):
        return next((item for item in self.discover() if item.uri == uri), None)

    @contextmanager
    def fetch(self, item):
        if item.uri == "b.md":
            self.asked += 1
            if self.asked <= self.fails:
                raise SourceError("does not answer", where=item.uri)
        yield self.folder / item.uri


@pytest.fixture
def shaky(expert, tmp_path, monkeypatch):
    (tmp_path / "shaky").mkdir()
    source = Shaky(tmp_path / "shaky")
    monkeypatch.setattr("metier.sources.create", lambda *_: source)
    monkeypatch.setattr(retries, "PAUSES", (0.0, 0.0))
    return source


@pytest.fixture
def clock(monkeypatch):
    """Time goes on as it is told to."""

    class Clock(datetime):
        later = timedelta()

        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + cls.later

    for module in (syncing, writing):
        monkeypatch.setattr(module, "datetime", Clock)
    return Clock


def test_what_answers_at_the_third_time_never_failed(expert, shaky):
    shaky.fails = 2
    report = expert.sync()
    assert (report.added, report.failed, report.next_try) == (3, [], "")
    assert shaky.asked == 3


def test_what_does_not_answer_is_tried_again_later_and_later_and_then_given_up(expert, shaky, clock):
    shaky.fails = 10**6
    tried, per_sync = [], 1 + len(retries.PAUSES)
    for step in range(len(retries.DELAYS) + 1):
        before = shaky.asked
        report = expert.sync()
        assert shaky.asked - before == per_sync
        assert [(each.item, each.reason) for each in report.failed] == [("b.md", "does not answer.")]
        (item,) = [item for item in expert.items() if item.state == "failed"]
        tried.append(item.tries)
        if step < len(retries.DELAYS):
            assert report.gave_up == 0
            wait = datetime.fromisoformat(report.next_try) - clock.now(UTC)
            assert abs(wait.total_seconds() - retries.DELAYS[step]) < 30
            if step:  # not before it is due
                assert expert.sync().failed == report.failed
                assert shaky.asked - before == per_sync
        clock.later += timedelta(seconds=retries.DELAYS[min(step, len(retries.DELAYS) - 1)])
    assert tried == list(range(1, len(retries.DELAYS) + 2))
    assert (report.next_try, report.gave_up, item.gave_up) == ("", 1, True)
    clock.later += timedelta(days=365)
    assert expert.sync().gave_up == 1
    assert shaky.asked == per_sync * len(tried)
    shaky.fails = 0
    assert (expert.sync(retry=True).added, expert.sync().gave_up) == (1, 0)
    assert [item.tries for item in expert.items()] == [0, 0, 0]


def test_what_changed_is_tried_at_once(expert, shaky):
    shaky.fails = 10**6
    for _ in range(2):
        expert.sync()
    asked = shaky.asked
    expert.sync()
    assert shaky.asked == asked
    shaky.fails, shaky.version = 0, "2"
    assert expert.sync().added == 1


def test_what_is_damaged_waits_for_a_change(expert, docs, clock):
    (docs / "bad.docx").write_bytes(b"PK\x03\x04 cut off")
    report = expert.sync()
    assert (len(report.failed), report.next_try, report.gave_up) == (1, "", 0)
    clock.later = timedelta(days=2)
    assert (expert.sync().next_try, [item.tries for item in expert.items()]) == ("", [0] * 5)


def test_a_source_that_is_down_is_not_asked_for_each_of_its_items_again(expert, shaky, monkeypatch):
    asked = []

    @contextmanager
    def fetch(item):
        asked.append(item.uri)
        raise SourceError("does not answer")
        yield

    monkeypatch.setattr(shaky, "fetch", fetch)
    monkeypatch.setattr(shaky, "discover", lambda: (Item(f"{n}.md", "1", identity=f"s:{n}") for n in range(20)))
    assert len(expert.sync().failed) == 20
    assert len(asked) == 20 + len(retries.PAUSES) * retries.LEFT_ALONE


def test_people_are_told_when_something_is_tried_again(turbines, call_metier, monkeypatch):
    with Expert.open(turbines) as expert:
        (turbines.parent / "docs" / "bolts.txt").write_text("The nuts take 850 Nm.")

        def locked(path, *more):
            if path.name == "bolts.txt":
                raise OSError(11, "Resource temporarily unavailable")
            return hash_file(path, *more)

        monkeypatch.setattr("metier.ingestion.sync.hash_file", locked)
        expert.sync()
    listed = call_metier("sources", "--failed", "-e", str(turbines)).stdout
    assert "Resource temporarily unavailable (tried in 1 sync; again from " in listed
    told = json.loads(call_metier("sources", "--failed", "--json", "-e", str(turbines)).stdout)
    assert [(item["uri"], item["tries"]) for item in told["items"]] == [("docs/bolts.txt", 1)]
    assert "tries them" in call_metier("sync", "-e", str(turbines)).stdout
    monkeypatch.undo()
    assert "1 changed" in call_metier("sync", "--retry", "-e", str(turbines)).stdout

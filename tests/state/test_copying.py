"""A state is taken from a file into a PostgreSQL and back, with all that stands in it."""

from __future__ import annotations

import json

import pytest
from postgres_server import run_postgres

from metier import Expert
from metier.core.errors import InputError
from metier.services.state_copy import copy_state
from metier.serving.auth.keys import Keys
from metier.state import copying, promotions
from metier.state.place import place_of

pytestmark = pytest.mark.slow


@pytest.fixture
def address(postgres):
    yield f"postgresql://postgres@127.0.0.1:{postgres}/postgres"
    run_postgres(postgres, "postgres")("DROP SCHEMA IF EXISTS metier_turbines CASCADE")


def test_all_that_is_known_goes_along_and_the_expert_goes_on(turbines, call_metier, address, monkeypatch):
    with Expert.open(turbines) as expert:
        items, syncs = expert.items(), expert.syncs()
        expert.corrections.give_feedback("up", "Who?", "Me.")
        expert.corrections.add(passage=expert.search("gearbox oil")[0].passage.id, change="hide", accept=True)
        keys = Keys(expert.runtime.state)
        secret = keys.create("a")[1]
        keys.close()
        promotions.promote(expert.runtime.state, "a@1")
    kept = (turbines / ".metier" / "catalog.sqlite").read_bytes()
    said = json.loads(call_metier("state", "copy", "--to", address, "-e", str(turbines), "--json").stdout)
    assert said["rows"]["items"] == 4
    assert said["target"].endswith("schema metier_turbines")
    assert (turbines / ".metier" / "catalog.sqlite").read_bytes()[:100] == kept[:100]
    with Expert.open(turbines) as expert:
        assert expert.settings.state.namespace == "metier_turbines"
        monkeypatch.setattr("metier.expert.WRITE_PATIENCE", 0.1)
        told = pytest.raises(InputError, match=r"another sync is running on this expert: .*, process \d+ on")
        with Expert.open(turbines) as other, other.runtime.exclusive("sync.lock"), told:  # as on another machine
            expert.sync()
        assert (expert.items(), expert.syncs()) == (items, syncs)
        keys = Keys(expert.runtime.state)
        assert keys.check(secret)
        keys.create("b")  # numbers go on behind those that came along
        assert expert.corrections.give_feedback("down", "Who?", "You.").id == 2
        assert promotions.standing(expert.runtime.state) == ["a@1"]
        assert all("30 months" not in hit.passage.text for hit in expert.search("gearbox oil"))
        (turbines.parent / "docs" / "new.md").write_text("# New\n\nThe tower door is green.\n")
        assert (expert.sync().added, len(expert.items())) == (1, 5)
        expert.corrections.undo(expert.corrections.all()[0].id)
        assert "30 months" in expert.search("gearbox oil")[0].passage.text
    assert "schema metier_turbines, answers within" in call_metier("doctor", "-e", str(turbines), check=None).stdout
    refused = call_metier("state", "copy", "--to", "file", "-e", str(turbines), check=2)
    told = " ".join(refused.stderr.split())
    assert "there is another state already, with" in told
    assert "Move that file away first." in told
    (turbines / ".metier" / "catalog.sqlite").rename(turbines / "away")
    assert "5 items" in call_metier("state", "copy", "--to", "file", "-e", str(turbines)).stdout
    with Expert.open(turbines) as expert:
        assert expert.settings.state.url is None
        assert len(expert.items()) == 5
        assert len(expert.corrections.feedback()) == 2


def test_a_copy_that_was_killed_before_the_expert_heard_of_it_is_taken(turbines, address, monkeypatch, call_metier):
    with Expert.open(turbines) as expert:
        source = expert.runtime.state

        def die():
            raise KeyboardInterrupt

        target = place_of(
            expert.settings.model_copy(update={"state": expert.settings.state.model_copy(update={"url": address})}),
            turbines,
        )
        with pytest.raises(KeyboardInterrupt):
            copying.copy(source, target, lambda *_: None, die)
        target.close()
    assert "url" not in (turbines / "metier.toml").read_text()
    assert "the same there" in call_metier("state", "copy", "--to", address, "-e", str(turbines)).stdout
    with Expert.open(turbines) as expert:
        assert len(expert.items()) == 4
        with pytest.raises(InputError, match="is there already"):
            copy_state(expert.runtime, address, None, None, lambda *_: None)


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("postgresql://me:secret@h/db", "a password in it"),
        ("mysql://h/db", "url is of a PostgreSQL"),
        ("postgresql://postgres@127.0.0.1:1/db", "refused"),
    ],
)
def test_what_cannot_be_copied_to_is_told_and_nothing_changes(turbines, call_metier, monkeypatch, to, told):
    monkeypatch.setattr("metier.state.postgres_state.PAUSES", ())
    before = (turbines / "metier.toml").read_text()
    done = call_metier("state", "copy", "--to", to, "-e", str(turbines), check=None)
    assert done.returncode in (1, 2)
    assert told in " ".join(done.stderr.split())
    assert "secret" not in done.stderr
    assert (turbines / "metier.toml").read_text() == before

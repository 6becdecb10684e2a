from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from metier import Expert
from metier.cli import app
from metier.core.errors import InputError
from metier.serving.auth.keys import Keys


@pytest.fixture
def kept(tmp_path):
    Expert.create(tmp_path / "turbines").add("https://example.com/manual.pdf", groups=("service",))
    opened = Keys(tmp_path / "turbines" / ".metier" / "catalog.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def invoke(tmp_path):
    """Run `metier keys …` in this process. Returns its stdout, or raises what it raised."""

    def run(*arguments: str) -> str:
        arguments = ("keys", *arguments, "-e", str(tmp_path / "turbines"))
        done = CliRunner().invoke(app, arguments, env={"COLUMNS": "100"})
        if done.exception:
            assert done.stdout == ""
            raise done.exception
        return done.stdout

    return run


def test_create_list_revoke(invoke, kept):
    made = json.loads(
        invoke(
            "create", "কর্মশালা", "--groups", "রক্ষণাবেক্ষণ, service", "--scopes", "ask", "--expires", "90d",
            "--rate", "7", "--json",
        )
    )  # fmt: skip
    secret = made.pop("secret")
    assert made.pop("unknown_groups") == ["রক্ষণাবেক্ষণ"]
    key = kept.check(secret)
    assert (key.name, key.groups, key.scopes, key.rate) == ("কর্মশালা", ("রক্ষণাবেক্ষণ", "service"), ("ask",), 7)
    left = datetime.fromisoformat(made["expires"]) - datetime.now(UTC)
    assert timedelta(days=89, hours=23) < left <= timedelta(days=90)
    listed = invoke("list", "--json")
    (row,) = json.loads(listed)
    assert secret[-43:] not in listed
    assert row.pop("last_used") is not None
    assert row == {name: value for name, value in made.items() if name != "last_used"}
    assert row["state"] == "active"
    assert json.loads(invoke("revoke", key.id, "--json"))["state"] == "revoked"
    assert kept.check(secret) is None
    assert "revoked" in invoke("list")


def test_what_a_person_reads(invoke, kept):
    assert "metier keys create" in invoke("list")
    said = invoke("create", "tablet [1]", "--groups", "servcie,service")
    (secret,) = [line.strip() for line in said.splitlines() if line.strip().startswith("mtr_")]
    assert kept.check(secret).rate == 60
    for part in ("tablet [1]", "will not be shown again", "No source in metier.toml has these groups yet: servcie\n"):
        assert part in said
    assert "sees all documents" in invoke("create", "boss", "--all-groups", "--rate", "0")
    boss, _ = kept.list_keys()
    assert (boss.groups, boss.rate, boss.scopes) == (None, None, ("ask", "feedback"))
    shown = invoke("list")
    assert secret[-43:] not in shown
    assert boss.id in shown
    assert f"({boss.id}) is revoked" in invoke("revoke", boss.id)


@pytest.mark.parametrize(
    ("given", "lasts"),
    [("12h", timedelta(hours=12)), ("90d", timedelta(days=90)), ("8w", timedelta(weeks=8)), ("1y", timedelta(365))],
)
def test_how_long_a_key_lasts(invoke, kept, given, lasts):
    invoke("create", "a", "--expires", given)
    (key,) = kept.list_keys()
    assert datetime.fromisoformat(key.expires) - datetime.fromisoformat(key.created) == pytest.approx(
        lasts, abs=timedelta(seconds=1)
    )


def test_a_day_begins_where_the_person_is(invoke, kept):
    invoke("create", "a", "--expires", "2931-12-31")
    begins = datetime(2931, 12, 31).astimezone(UTC)  # local, as a person means it
    assert datetime.fromisoformat(kept.list_keys()[0].expires) == begins


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create", "a", "--scopes", "root"], "no scope 'root'"),
        (["create", "a", "--groups", "b", "--all-groups"], "exclude each other"),
        (["create", "a", "--groups", "*"], "--all-groups"),
        (["create", "a", "--expires", "soon"], "no time to expire"),
        (["create", "a", "--expires", "9999y"], "no time to expire"),
        (["create", "a", "--expires", "0d"], "expired already"),
        (["create", "a", "--expires", "2001-01-01"], "expired already"),
        (["revoke", "000000000000"], "metier keys list"),
    ],
)
def test_bad_input(invoke, kept, arguments, said):
    with pytest.raises(InputError, match=said):
        invoke(*arguments)
    assert not kept.exist()


def test_without_an_expert_nothing_is_made(call_metier, tmp_path):
    assert "no expert here" in call_metier("keys", "create", "a", "-e", "elsewhere", check=2).stderr
    assert not (tmp_path / "elsewhere").exists()

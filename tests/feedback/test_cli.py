"""`metier corrections`, as a person and as a script sees it."""

from __future__ import annotations

import json

import pytest

from metier import Expert
from metier.cli import main

pytestmark = pytest.mark.slow

OIL = "How often is the gearbox oil of the NV-110 changed?"


@pytest.fixture
def corrections(folder, monkeypatch, capsys):
    """Run a verb of `metier corrections` and return what it prints: on stdout, or where it ends with 2, on stderr."""

    def run(verb: str, *arguments: str, code: int = 0) -> str:
        monkeypatch.setattr("sys.argv", ["metier", "corrections", verb, "-e", str(folder), *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert ended.value.code == code, printed.err
        return printed.err if code else printed.out

    return run


def test_a_script_corrects_lists_shows_and_undoes(corrections, folder):
    with Expert.open(folder) as expert:
        passage = expert.search(OIL, 1)[0].passage.id
    made = json.loads(
        corrections(
            "add", OIL, "--answer", "Every 24 months.", "--replace", passage, "--text",
            "The gearbox oil of the NV-110 is changed every 24 months.", "--who", "anna", "--json",
        )
    )  # fmt: skip
    assert {"id", "state", "question", "answer", "change", "documents", "who", "at", "look_again"} <= set(made)
    assert (made["state"], made["who"], made["unfinished"]) == ("accepted", "anna", False)
    assert made["documents"] == ["docs/gearbox-oil.md"]
    listed = json.loads(corrections("list", "--state", "accepted", "--json"))["corrections"]
    assert [each["id"] for each in listed] == [made["id"]]
    corrections("undo", made["id"], "--who", "bo", "--why", "withdrawn")
    shown = json.loads(corrections("show", made["id"], "--json"))
    assert shown["state"] == "undone"
    undone = next(each for each in shown["history"] if each["action"] == "undone")
    assert (undone["who"], undone["why"]) == ("bo", "withdrawn")


def test_a_person_queues_accepts_and_dismisses(corrections):
    first = corrections("add", OIL, "--answer", "Every [24] months.", "--document", "gearbox-oil.md", "--queue")
    identity = first.split()[1]
    assert "queued" in first
    assert "Every [24] months." in first
    assert identity in corrections("list", "--state", "queued")
    assert "accepted" in corrections("accept", identity)
    said = corrections("show", identity)
    assert "docs/gearbox-oil.md" in said
    assert "31 months" in said
    second = corrections("add", OIL, "--answer", "x", "--queue").split()[1]
    assert "dismissed" in corrections("dismiss", second, "--why", "no")
    assert "None is undone." in corrections("list", "--state", "undone")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add",), "nothing is corrected"),
        (("add", OIL, "--pin", "--hide", "x"), "do not go together"),
        (("add", OIL, "--hide", "x"), "no passage 'x'"),
        (("list", "--state", "lost"), "no state 'lost'"),
        (("undo", "x"), "no correction 'x'"),
    ],
)
def test_bad_input_is_told_on_one_screen(corrections, arguments, said):
    assert said in corrections(*arguments, code=2)

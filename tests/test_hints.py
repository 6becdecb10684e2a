"""Hints name what a person can type: in the shell a command, in a Python program a call. Read off the source."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer.main

import metier
from metier import Expert, models
from metier.cli import app
from metier.core.errors import InputError
from metier.core.python_calls import CALLS, in_python

SOURCE = Path(metier.__file__).parent
SHELL_ONLY = ("adapters export", "doctor", "keys create", "keys list", "serve")  # no call does the same
COMMANDS = typer.main.get_command(app)
NAMED = re.compile(r"`metier ([^`]+)`")


def texts(tree: ast.AST) -> Iterator[str]:
    """All that the code says but docstrings, with X for what it fills in."""
    nodes = list(ast.walk(tree))
    silent = {node.value for node in nodes if isinstance(node, ast.Expr)}
    silent |= {part for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in silent:
            yield node.value


@cache
def named_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {each for text in texts(tree) for each in NAMED.findall(text)}


def named(without: str = "") -> set[str]:
    """Every command that the source names, but for one folder of it."""
    files = [path for path in SOURCE.rglob("*.py") if path.relative_to(SOURCE).parts[0] != without]
    return {each for path in files for each in named_in(path)}


def known(command: str) -> bool:
    """Whether the command line has it, with its options."""
    at, words = COMMANDS, command.split()
    while words and words[0] in getattr(at, "commands", {}):
        at = at.commands[words.pop(0)]
    options = {option for parameter in at.params for option in parameter.opts}
    runs_alone = not hasattr(at, "commands") or at.invoke_without_command
    is_verb = at.name != "metier" and (not words or runs_alone)
    return is_verb and all(word in options for word in words if word.startswith("-"))


def test_every_command_that_is_named_exists():
    assert [each for each in sorted(named()) if not known(each)] == []
    assert not known("sink")
    assert not known("sync --rebuilt")
    assert not known("exam imbibe")


def test_every_command_that_is_named_has_its_call_in_python():
    """Those of the command line's own messages are seen there alone."""
    outside = named(without="cli")
    without = {each for each in outside if in_python(f"`metier {each}`").startswith("`metier ")}
    assert {each for each in without if not each.startswith(SHELL_ONLY)} == set()
    used = {key for each in outside for key in CALLS if f"{each} ".startswith(f"{key} ")}
    assert set(CALLS) - used == set()


@pytest.mark.parametrize("call", CALLS.values())
def test_every_call_exists(call, tmp_path):
    with Expert.create(tmp_path / "x") as expert:
        names = {"expert": expert, "Expert": Expert, "metier": metier, "metier.models": models}
        node = ast.parse(call.replace("…", "..."), mode="eval").body
        found = eval(ast.unparse(node.func if isinstance(node, ast.Call) else node), names)  # our own table
        if isinstance(node, ast.Call):
            signature, keywords = inspect.signature(found), {each.arg: None for each in node.keywords}
            (signature.bind_partial if "…" in call else signature.bind)(*[None] * len(node.args), **keywords)


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        ("Run `metier add` and `metier sync`.", "Run `expert.add(…)` and `expert.sync()`."),
        ("Add one: `metier add ./docs`.", 'Add one: `expert.add("./docs")`.'),
        ("Start with `metier tune --resume`.", "Start with `expert.adapters.tune(resume=True)`."),
        ('Ask: `metier ask "How often?"`.', 'Ask: `expert.ask("How often?")`.'),
        ("Use `metier dataset import FILE`.", "Use `expert.dataset.import_file(FILE)`."),
        ("Undo it: `metier corrections undo 7f3a`.", 'Undo it: `expert.corrections.undo("7f3a")`.'),
        ("Name it with --adapter, or --skip-leaks.", "Name it with `adapter=`, or `skip_leaks=`."),
        ("`metier keys create … --scopes ask` makes one.", "`metier keys create … --scopes ask` makes one."),
        ("Save it with `save_pretrained`.", "Save it with `save_pretrained`."),
    ],
)
def test_a_hint_in_python(hint, said):
    assert in_python(hint) == said


def test_the_same_error_in_python_and_in_the_shell(tmp_path, call_metier):
    with Expert.create(tmp_path / "x") as expert, pytest.raises(InputError) as caught:
        expert.evaluation.compare()
    assert str(caught.value) == "there are no documents to answer from. Run `expert.add(…)` and `expert.sync()`."
    assert caught.value.message == "there are no documents to answer from. Run `metier add` and `metier sync`."
    assert "Run `metier add` and `metier sync`." in call_metier("compare", "-e", "x", check=2).stderr

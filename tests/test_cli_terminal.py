"""What files, documents and people are called and say reaches the terminal as text, and nothing else of it does."""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path

import pytest

from metier import Expert
from metier.cli import terminal

CLI = Path(terminal.__file__).parent
TAG = re.compile(r"\[/?(bold|dim|red|green|yellow|cyan|/)[a-z ]*\]|\[/\]")
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
NAMES = (
    "[/bold].md", "[red]red[-].md", "a [/] b.md", "back\\[bold].md", "\x1b[31mred\x1b]0;title\x07.md", "\x9b2J.md",
    "\u202etxt.exe.md", ":x: :smile:.md", "{}.md", "{0.__class__}.md", "%s.md", "tab\tline\nfeed.md",
)  # fmt: skip


def test_one_bad_name_costs_nothing_whoever_shows_it(tmp_path, call_metier):
    docs = tmp_path / "docs"
    docs.mkdir()
    for number, name in enumerate(NAMES):
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        (docs / name).write_text(f"# Part {number} {name}\n\nThe torque of part {number} is {number}0 Nm :x: [/bold].")
    (docs / "[" / "empty]\x1b[2J.md").write_text("")
    with open(os.fsencode(docs) + b"/caf\xe9.md", "w") as file:
        file.write("# Soup\n\nThe torque of the soup is 12 Nm.")
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(docs))
    said = []
    for command in (
        ("sync",), ("sync", "--json"), ("sources",), ("sources", "--json"), ("sources", "--failed"), ("status",),
        ("search", "torque of the part", "-n", "20"), ("search", "torque of the part", "-n", "20", "--json"),
        ("ask", "What is the torque of part 7?"), ("ask", "What is the torque of part 7?", "--json"),
    ):  # fmt: skip
        done = call_metier(*command, "-e", "expert")
        assert not OBEYED.search(done.stdout + done.stderr), command
        assert done.stdout.encode()
        if "--json" in command:
            json.loads(done.stdout)
        said.append(done.stdout)
    shown = said[2]
    assert "bold].md" in shown
    assert "docs/[/bold].md" in said[6]
    assert "␛[31mred␛]0;title␇.md" in shown
    assert ":x: :smile:.md" in shown
    assert "caf\\xe9.md" in shown
    assert {f"docs/{name}" for name in NAMES} <= {item["uri"] for item in json.loads(said[3])["items"]}
    assert ":x: [/bold]" in said[6]


def test_errors_are_shown_as_text(tmp_path, call_metier):
    name = "no [/bold] such \x1b[2J\u202e"
    Expert.create(tmp_path / "expert").close()
    for command in (("sync", "-e", name), ("remove", name, "-e", "expert")):
        done = call_metier(*command, check=2)
        assert not OBEYED.search(done.stderr)
        assert "[/bold]" in done.stderr


@pytest.mark.parametrize("character", [*map(chr, range(0xA0)), "\u2028", "\u202e", "\u2069", "\ud800"])
def test_no_character_is_obeyed_but_tab_and_line_feed(character):
    seen = terminal.visible(f"a{character}b")
    assert len(seen) == 3
    assert not OBEYED.search(seen)
    assert seen.encode()
    assert (seen[1] == character) == (character in "\t\n" or character.isprintable())


def test_letters_of_every_script_stay_as_they_are():
    text = "ক্‌ষ র‍্যাব \u200f עברית می‌خواهم 👩‍🔧 e\u0301"
    assert terminal.visible(text) == text


def test_a_template_keeps_what_is_put_into_it():
    inner = terminal.styled("[red]{}[/]", "[/red] {} :x:")
    made = terminal.styled("[bold]{}[/] {} {:.1f} {!r}{}", "[/]", inner, 2, "a", "\\")
    assert made.plain == "[/] [/red] {} :x: 2.0 'a'\\"
    assert [(span.start, span.end, str(span.style)) for span in made.spans] == [(0, 3, "bold"), (4, 17, "red")]


def problems(tree: ast.AST):
    """Every way past `terminal`: a console, markup or print of one's own."""
    templates = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "styled":
            if not (isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)):
                yield node, "a template that is not written in the code"
            templates.add(node.args[0])
        if name in {"Console", "from_markup", "render_str", "echo", "secho"} or ast.unparse(node).startswith(
            ("typer.confirm", "typer.prompt")
        ):
            yield node, name
        for keyword in node.keywords:
            if keyword.arg in {"markup", "emoji"} and getattr(keyword.value, "value", None) is not False:
                yield node, f"{keyword.arg} switched on"
        if name == "TextColumn" and not any(keyword.arg == "markup" for keyword in node.keywords):
            yield node, "TextColumn without markup=False"
        if isinstance(node.func, ast.Name) and name == "print":
            given = node.args[0]
            is_safe = isinstance(given, ast.Constant) or ast.unparse(given).startswith(
                ("visible(", "context.get_help()", "f'metier {__version__}'")
            )
            if not is_safe:
                yield node, "print"
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in {"rich", "rich.markup"}:
            yield node, node.module
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and TAG.search(node.value) and node not in templates:
            yield node, f"markup outside a template: {node.value!r}"


@pytest.mark.parametrize("path", sorted(set(CLI.glob("*.py")) - {CLI / "terminal.py"}), ids=lambda path: path.stem)
def test_nothing_goes_to_the_terminal_by_another_way(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [f"{path.name}:{node.lineno}: {what}" for node, what in problems(tree)] == []


@pytest.mark.parametrize(
    "code",
    [
        "print(name)", "Console()", "console().print(f'[red]{name}[/]')", "styled(f'{name}')", "styled('a' + name)",
        "screen.print(name, markup=True)", "Text.from_markup(name)", "from rich import print", "typer.echo(name)",
    ],
)  # fmt: skip
def test_what_would_go_another_way_is_noticed(code):
    assert list(problems(ast.parse(code)))

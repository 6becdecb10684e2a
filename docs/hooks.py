"""Pages that are read off the code, and links that lead out of this folder.

reference/settings.md     every setting of metier.toml with its default and meaning
reference/cli.md          every verb with its options, as `--help` has them
decisions/index.md        the decisions by number
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from metier.cli import app
from metier.core.settings import Settings
from metier.doctor import settings_table

_OUTSIDE = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+(?:tests|benchmarks|examples|src|training)[^)]*)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for name, made in (
        ("reference/settings.md", _settings()),
        ("reference/cli.md", _verbs()),
        ("decisions/index.md", _decisions(Path(config.docs_dir) / "decisions")),
    ):
        files.append(File.generated(config, name, content=made))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """What lies outside the documentation is named, since a built page cannot open it."""
    return _OUTSIDE.sub(lambda found: f"{found[1]} (`{found[2].lstrip('./')}`)", markdown)


def _settings() -> str:
    lines = ["# Settings", "", "`metier.toml`; `metier doctor` shows each with the value that counts.", ""]
    section = None
    for row in settings_table(None):
        head, _, name = row.name.rpartition(".")
        if head != section:
            section = head
            lines += [
                "",
                f"## [{head}]" if head else "## At the top",
                "",
                "| setting | default | meaning |",
                "|---|---|---|",
            ]
        lines.append(f"| `{name}` | `{_shown(row.value)}` | {_cell(row.description)} |")
    lines += ["", "## [[sources]]", "", "| setting | meaning |", "|---|---|"]
    for name, field in Settings.model_fields["sources"].annotation.__args__[0].model_fields.items():  # type: ignore[union-attr]
        lines.append(f"| `{name}` | {_cell(field.description or '')} |")
    return "\n".join(lines)


def _verbs() -> str:
    lines = [
        "# Command line",
        "",
        "Every verb takes `--help`; most take `--json`, which prints one JSON value and nothing else.",
        "",
    ]
    for path, command in _commands(typer.main.get_command(app), ()):
        lines += ["", f"## metier {' '.join(path)}", "", *_described(command.help or ""), ""]
        options = [each for each in command.params if getattr(each, "help", None)]
        if options:
            lines += ["| option | what it does |", "|---|---|"]
            lines += [f"| `{_names(each)}` | {_cell(each.help)} |" for each in options]
    return "\n".join(lines)


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        if not command.hidden:
            yield path, command
        return
    for name, each in inner.items():
        yield from _commands(each, (*path, name))


def _described(help_text: str) -> list[str]:
    """The words, and the example as code."""
    before, _, example = help_text.partition("Example:")
    lines = [" ".join(paragraph.split()) for paragraph in before.strip().split("\n\n")]
    found = [line for paragraph in lines for line in (paragraph, "")]
    if example:
        found += ["    " + each.strip() for each in re.split(r"\s{3,}", " ".join(example.splitlines()).strip()) if each]
    return found


def _names(option: Any) -> str:
    given = [*option.opts, *getattr(option, "secondary_opts", ())]
    return ", ".join(given) if given[0].startswith("-") else given[0].upper()


def _decisions(folder: Path) -> str:
    lines = ["# Decisions", "", "What was measured before something was built one way and not another.", ""]
    for path in sorted(folder.glob("0*.md")):
        title = path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        lines.append(f"- [{title}]({path.name})")
    return "\n".join(lines)


def _shown(value: object) -> str:
    if value is None or value == () or value == "":
        return "unset"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

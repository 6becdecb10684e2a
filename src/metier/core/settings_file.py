"""`metier.toml` as it is written: made, and changed with its comments and order kept."""

from __future__ import annotations

import json
import secrets
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from metier.core.atomic import write_text
from metier.core.disk import unwritable
from metier.core.errors import InputError
from metier.core.permissions import make_state_folder
from metier.core.settings import FILE_NAME, GenerationSettings, load, validate
from metier.core.source_paths import holder, is_address, named, relative, relative_database

if TYPE_CHECKING:  # reading settings needs it not, and it takes time to import
    from tomlkit import TOMLDocument

_TEMPLATE = """\
# What this expert is made of. `metier doctor` lists every setting with its default.
name = {name}
id = {id}   # tells it from others of its name in a database
language = {language}

[embedding]
model = {embedding}   # another one: change this line, then `metier sync --rebuild`

[generation]
model = {generation}   # style and length of the answers follow from it; [answering] style says otherwise
"""
_TUNED = """
[tuning]
base = {base}   # the full weights of the model above
"""


def create(
    folder: Path, language: str, embedding: str | None = None, model: str | None = None, base: str | None = None
) -> None:
    """Write `folder/metier.toml`. `embedding`: None = the packaged one for `language`; `model`: that answers, None =
    the packaged one; `base`: its full weights, where they lie elsewhere. Raises `InputError`."""
    path = folder / FILE_NAME
    if path.exists():
        raise InputError("there is an expert here already", where=str(folder))
    usual = "all-minilm-l6-v2" if language.split("-")[0] == "en" else "multilingual-e5-small"
    embedding = embedding or usual
    values = {"name": folder.resolve().name, "language": language, "embedding": embedding}
    values["id"] = secrets.token_hex(6)
    values["generation"] = model or GenerationSettings().model
    validate({"name": values["name"], "language": language}, "metier init")
    template = _TEMPLATE
    if base is not None:
        template, values = template + _TUNED, values | {"base": base}
    try:
        make_state_folder(folder)
        quoted = {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
        write_text(path, template.format(**quoted))
    except OSError as error:
        raise unwritable(folder, error) or InputError(error.strerror or str(error), where=str(folder)) from None


def add_source(folder: Path, source: str, **options: object) -> bool:
    """Append a `[[sources]]` entry to metier.toml, keeping comments and order. False if it was there already.

    A path is taken from the working directory and written relative to `folder`, however it is written: a folder is one
    source. Raises `InputError` for a path that does not exist and for options that make no sense.
    """
    import tomlkit

    at = relative_database(source, folder) if is_address(source) else relative(source, folder)
    names = [known.name for known in load(folder).sources]
    entry: dict[str, object] = {"url" if is_address(source) else "path": at}
    entry |= {key: list(value) if isinstance(value, tuple) else value for key, value in options.items() if value}
    (made,) = validate({"name": folder.name, "sources": [entry]}, source).sources
    if made.name in names or (
        not is_address(source) and named(str(Path(source).expanduser().absolute()), folder, names)
    ):
        return False
    table = tomlkit.table()
    table.update(entry)
    _edit(folder, lambda document: document.setdefault("sources", tomlkit.aot()).append(table))
    return True


def remove_source(folder: Path, source: str) -> None:
    """Take a `[[sources]]` entry out of metier.toml, named as it is written there or as a path from the working
    directory. Raises `InputError` where there is none, with the source that a document comes from."""
    names = [known.name for known in load(folder).sources]
    name = named(source, folder, names)
    if name is None:
        if (whole := holder(source, folder, names)) is not None:
            raise InputError(
                f"is no source itself but comes from {whole}",
                where=source,
                hint=f"`metier remove {shlex.quote(whole)}` takes out all of it; to leave out some files, give that "
                "source an `exclude` in metier.toml.",
            )
        if not source.strip():
            raise InputError("a source needs a path", hint="`metier sources` shows what there is.")
        known_names = f"Sources are {', '.join(names)}." if names else "There are no sources."
        raise InputError("is no source of this expert", where=source, hint=known_names)
    _edit(folder, lambda document: document["sources"].pop(names.index(name)))


def change_section(folder: Path, section: str, values: Mapping[str, str | None]) -> None:
    """Set values of `[section]` in metier.toml, None = take it out. Raises `SettingsError` where that is not valid."""

    def change(document: TOMLDocument) -> None:
        table = document.setdefault(section, {})
        for name, value in values.items():
            if value is not None:
                table[name] = value
            else:
                table.pop(name, None)

    _edit(folder, change)


def _edit(folder: Path, change: Callable[[TOMLDocument], object]) -> None:
    """Change metier.toml, keeping comments and order. Nothing is written where it would not be valid afterwards."""
    import tomlkit

    path = folder / FILE_NAME
    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    change(document)
    validate(document.unwrap(), str(path))
    write_text(path, tomlkit.dumps(document))

"""What `metier doctor` looks at: the machine, the models, the expert."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from metier import __version__, models
from metier.core import permissions
from metier.core.addresses import masked
from metier.core.errors import MetierError
from metier.core.settings import Settings, StoreSettings, cache_folder, load
from metier.state.postgres_state import PostgresState

_LOW_DISK = 2 * 2**30  # bytes


@dataclass(frozen=True, slots=True)
class Check:
    """`state`: "ok", "note" (works, with less), or "bad" (something will fail)."""

    name: str
    state: Literal["ok", "note", "bad"]
    said: str


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting as it is now. `name`: with its table (`serving.port`); `changed`: whether it is not the default."""

    name: str
    value: object
    changed: bool
    description: str


def check(folder: Path | None) -> list[Check]:
    """All checks; `folder` is the expert's, None leaves its checks out."""
    checks = [_machine(), _tesseract(folder), _sandbox(), *_models()]
    if folder is not None:
        checks.extend(_expert(folder))
    return checks


def settings_table(folder: Path | None) -> list[SettingRow]:
    """Every setting of the expert in `folder`, the defaults where that is None or its file is broken."""
    return list(_rows(_settings(folder), Settings(), ""))


def _settings(folder: Path | None) -> Settings:
    try:
        return load(folder) if folder is not None else Settings()
    except MetierError:
        return Settings()


def _rows(current: BaseModel, default: BaseModel, prefix: str) -> Iterator[SettingRow]:
    for name, field in type(current).model_fields.items():
        value, usual = getattr(current, name), getattr(default, name)
        if isinstance(value, BaseModel):
            yield from _rows(value, usual, f"{prefix}{name}.")
        elif name != "sources":
            shown = masked(value) if isinstance(value, str) and "://" in value else value
            yield SettingRow(prefix + name, shown, value != usual, field.description or "")


def _machine() -> Check:
    free = shutil.disk_usage(_existing(cache_folder())).free
    said = (
        f"Métier {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, {free / 2**30:.0f} GiB free for models"
    )
    return Check("machine", "note" if free < _LOW_DISK else "ok", said)


def _sandbox() -> Check:
    from metier.parsing import sandbox

    if missing := sandbox.missing():
        told = f"this system does not keep {' and '.join(missing)} from readers: run Métier in a container"
        return Check("sandbox", "note", f"{told} where files come from strangers")
    return Check("sandbox", "ok", "readers of documents open no files, no network and no keys")


def _tesseract(folder: Path | None) -> Check:
    from metier.parsing.core.ocr import install_hint, wanted_languages
    from metier.parsing.core.readers import ParsingLimits

    program = shutil.which("tesseract")
    if program is None:
        return Check(
            "tesseract", "note",
            "is not installed: scanned pages cannot be read. Debian: `apt install tesseract-ocr tesseract-ocr-ben`; "
            "macOS: `brew install tesseract tesseract-lang`.",
        )  # fmt: skip
    command = [program, "--list-langs"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - found on PATH
    languages = [line for line in listed.splitlines()[1:] if line and line != "osd"]
    said = f"reads {', '.join(languages)}"
    settings = _settings(folder)
    limits = ParsingLimits(language=settings.language, ocr_languages=settings.parsing.ocr_languages)
    missing = [language for language in wanted_languages(limits) if language not in languages]
    if folder is not None and missing:
        told = f"{said}, and has no data for {' and '.join(missing)}, in which this expert's scanned pages are read"
        return Check("tesseract", "note", f"{told}. {install_hint(missing)}")
    return Check("tesseract", "ok", said)


def _models() -> Iterator[Check]:
    for model in models.packaged():
        if not model.present:
            yield Check(
                model.name, "note", f"is not here yet; fetched at first use, or `metier models pull {model.name}`"
            )
        elif problems := models.verify(model.name):
            yield Check(model.name, "bad", f"{problems[0]}; fetch it again: `metier models pull {model.name}`")
        else:
            yield Check(model.name, "ok", f"{model.size_bytes / 1e6:.0f} MB, checksums right")


def _expert(folder: Path) -> Iterator[Check]:
    from metier.expert import Expert

    try:
        expert = Expert.open(folder)
    except MetierError as error:
        yield Check("metier.toml", "bad", error.message)
        return
    yield Check("metier.toml", "ok", f"{expert.settings.name}, language {expert.settings.language}")
    with expert:
        if isinstance(expert.runtime.state, PostgresState):
            yield _state(expert.runtime.state)
        if (place := expert.settings.store).is_object_storage:
            yield _store(place)
        try:
            documents, passages = expert.runtime.store.counts()
            kept = expert.runtime.store.describe() if expert.settings.store.is_postgres else None
            failed = [item for item in expert.items() if item.state == "failed"]
        except MetierError as error:
            yield Check("index", "bad", error.message)
            return
    said = f"{documents} documents, {passages} passages"
    if failed:
        said += f"; {len(failed)} could not be read, see `metier sources --failed`"
    yield Check("index", "note" if failed or not documents else "ok", said)
    if kept is not None:
        yield Check("store", "note" if kept.note else "ok", kept.note or kept.where)
    if (calibration := _calibration(folder)) is not None:
        yield calibration
    if not expert.settings.state.shared and (loose := permissions.looser(expert.runtime.state_folder)):
        more = f" and {len(loose) - 1} more" if len(loose) > 1 else ""
        yield Check(
            "permissions", "note",
            f"other accounts of this machine may read {loose[0]}{more}; `metier sync` takes that away, unless "
            "`[state] shared = true` says that a team shares it",
        )  # fmt: skip


def _state(place: PostgresState) -> Check:
    from metier.state.postgres_schema import ready

    began = time.monotonic()
    try:
        is_made = ready(place, make=False)
    except MetierError as error:
        return Check("state", "bad", error.message)
    said = f"{place}, answers within {max(1, round((time.monotonic() - began) * 1000))} ms"
    return Check("state", "ok", said if is_made else f"{said}; the first sync makes its tables")


def _store(place: StoreSettings) -> Check:
    from metier.store.lance.reach import reach

    try:
        found = reach(str(place.url), place.auth_env)
    except MetierError as error:
        return Check("store", "bad", error.message)
    said = f"{place.url}, answers within {max(1, round(found.seconds * 1000))} ms"
    if not found.is_writable:
        return Check("store", "note", f"{said}; this login may only read: questions are answered, a sync is refused")
    return Check("store", "ok", f"{said}, and may be written" + (f"; it is now{found.writer}" if found.writer else ""))


def _calibration(folder: Path) -> Check | None:
    """Whether what was learned of refusals holds for what answers now; None where nothing was learned."""
    from metier.expert import Expert

    with Expert.open(folder) as expert:
        try:
            if expert.evaluation.is_calibration_stale():
                return Check(
                    "calibration", "note",
                    "was made with another model, embedder, reader or style, and is not used; run `metier calibrate`",
                )  # fmt: skip
            learned = expert.runtime.abstention
        except MetierError as error:
            return Check("calibration", "bad", error.message)
    if not learned.fitted_for:
        return None
    figures = f"precision {learned.precision:.2f}, recall {learned.recall:.2f}"
    return Check("calibration", "ok", f"refusals learned on {learned.questions} cases: {figures}")


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path

"""Comparisons on disk: one JSON file each in `.metier/reports/`, named by its time; the last one counts."""

from __future__ import annotations

import json
from pathlib import Path

from metier.core.atomic import write_text
from metier.core.errors import StoreError
from metier.core.permissions import make_folder
from metier.evaluation.result import ComparisonResult


def folder(state: Path) -> Path:
    return state / "reports"


def name_of(result: ComparisonResult) -> str:
    """A file name that sorts by time: `2026-11-25T05-00-00`."""
    return result.created.partition("+")[0].replace(":", "-")


def save(state: Path, result: ComparisonResult) -> Path:
    path = folder(state) / f"{name_of(result)}.json"
    make_folder(path.parent)
    write_text(path, json.dumps(result.to_json(), ensure_ascii=False, indent=1))
    return path


def latest(state: Path) -> ComparisonResult | None:
    """The last comparison, None before the first. Raises `StoreError` for a damaged file."""
    paths = sorted(folder(state).glob("*.json"))
    if not paths:
        return None
    try:
        return ComparisonResult.from_json(json.loads(paths[-1].read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"cannot be read ({error})", where=str(paths[-1]), hint="Delete it and run `metier compare` again."
        ) from None

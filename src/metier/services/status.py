"""Where an expert stands, and what to do next. Quick: no model is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from metier.core.errors import StoreError
from metier.core.settings import FILE_NAME, StoreSettings
from metier.evaluation import result_store
from metier.runtime import Runtime
from metier.services.parts import Parts

_FEW_QUESTIONS = 20  # exam questions below which a comparison settles little


@dataclass(frozen=True, slots=True)
class NextStep:
    """`command`: to type; `why`: what it is good for, in a few words."""

    command: str
    why: str


@dataclass(frozen=True, slots=True)
class Status:
    """`documents`, `failed`: items of the sources that are indexed, and that could not be read. `synced_at`: end of
    the last sync, ISO 8601, "" before the first. `practice`, `exam`: questions. `rows`: of training data. `adapter`:
    the one in production. `compared_at`, `verdict`: of the last comparison, "" before the first. `store`: where the
    passages are, "" = in the state; `store_problem`: why it cannot be read or written, "" where nothing is wrong.
    `unread`: sources that were added since the last sync."""

    name: str
    folder: str
    model: str
    embedder: str
    sources: int
    documents: int
    failed: int
    synced_at: str
    practice: int
    exam: int
    rows: int
    calibrated: bool
    adapter: str | None
    compared_at: str
    verdict: str
    store: str = ""
    store_problem: str = ""
    unread: int = 0


def status_of(parts: Parts) -> Status:
    """Raises `StoreError` where what is kept is damaged."""
    runtime = parts.runtime
    settings, syncs = runtime.settings, runtime.syncs()
    with runtime.catalog() as catalog:
        items = list(catalog.items().values())
    questions = parts.exam.questions()
    last = result_store.latest(runtime.state_folder)
    production = parts.adapters.registry.production()
    return Status(
        name=settings.name or Path(runtime.folder).resolve().name,
        folder=str(runtime.folder),
        model=settings.generation.model,
        embedder=settings.embedding.model,
        sources=len(settings.sources),
        documents=sum(item.state == "indexed" for item in items),
        failed=sum(item.state == "failed" for item in items),
        synced_at=syncs[-1].ended_at if syncs else "",
        practice=sum(question.split == "practice" for question in questions),
        exam=sum(question.split == "exam" for question in questions),
        rows=len(parts.dataset.rows()),
        calibrated=runtime.abstention_path.exists(),
        adapter=production.reference if production else None,
        compared_at=last.created if last else "",
        verdict=last.verdict.reason if last and last.verdict else "",
        store=settings.store.url or "",
        store_problem=_problem(settings.store),
        unread=_unread(runtime, {item.source for item in items}, syncs[-1].ended_at) if syncs else 0,
    )


def _unread(runtime: Runtime, read: set[str], synced_at: str) -> int:
    """Sources of which nothing was read (`read`: those of which something was), where metier.toml was changed since:
    else there was nothing to read."""
    changed = (runtime.folder / FILE_NAME).stat().st_mtime
    if changed <= datetime.fromisoformat(synced_at).timestamp():
        return 0
    return sum(source.name not in read for source in runtime.settings.sources)


def _problem(place: StoreSettings) -> str:
    """Of object storage, which is asked; where a database is away, no verb gets as far as this."""
    if not place.is_object_storage:
        return ""
    from metier.store.lance.reach import reach

    try:
        found = reach(str(place.url), place.auth_env)
    except StoreError as error:
        return error.what
    return "" if found.is_writable else "this login may only read"


def next_steps(status: Status) -> list[NextStep]:
    """What to do, the most pressing first."""
    if not status.sources:
        return [NextStep("metier add ./docs", "name the documents to answer from")]
    if not status.synced_at:
        shared = [NextStep("metier store", "see whether another machine has synced it already")] if status.store else []
        return [*shared, NextStep("metier sync", "read and index them")]
    steps = [NextStep('metier ask "…"', "put a question to the documents")]
    if status.unread:
        steps.insert(0, NextStep("metier sync", "read what was added"))
    if status.failed:
        steps.insert(0, NextStep("metier sources --failed", "see which documents could not be read, and why"))
    if status.exam < _FEW_QUESTIONS:
        steps.append(NextStep("metier exam generate", "have questions written to compare the ways of answering"))
    elif not status.calibrated:
        steps.append(NextStep("metier calibrate", "learn from the practice questions when to refuse"))
    elif not status.compared_at or status.synced_at > status.compared_at:
        steps.append(NextStep("metier compare", "measure which way of answering serves best"))
    elif status.adapter is None:
        steps.append(NextStep("metier tune", "train an adapter on the dataset, then compare again"))
    return steps

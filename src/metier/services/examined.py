"""An expert as an exam asks it: here, or opened anew by the workers of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from metier.answering.answer import Answer, Sentence
from metier.answering.request import Found
from metier.core.modes import FROM_DOCUMENTS, WITH_ADAPTER
from metier.evaluation import comparison
from metier.generation.completion_cache import Cache, key_of
from metier.services.calibrated import documents_key
from metier.services.parts import Parts

if TYPE_CHECKING:
    from metier.cluster.evaluation import ExaminedExpert
    from metier.tuning.adapters import Card

_REMEMBERED = 16  # questions
# What of the settings changes an answer. Threads and the GPU change its last bits at most.
_GENERATION = {"model", "url", "context_tokens", "max_tokens", "temperature", "top_p", "seed"}
_RETRIEVAL = {"candidates", "reranker", "rerank_candidates"}


class AskedExpert:
    """An expert as a comparison sees it. What was found for the last questions is remembered: every mode asks them."""

    def __init__(self, parts: Parts, adapter: str | None) -> None:
        self._parts = parts
        self._adapter = adapter
        self._found = lru_cache(_REMEMBERED)(parts.runtime.answerer.find)

    def ask(self, question: str, mode: str) -> Answer:
        adapter = self._adapter if mode in WITH_ADAPTER else None
        return self._parts.ask(question, mode=mode, adapter=adapter, fresh=True)

    def find(self, question: str) -> Found:
        return self._found(question)

    def supports(self, text: str, question: str, found: Found) -> list[Sentence]:
        return self._parts.runtime.answerer.supports(text, question, found)


def made_of(parts: Parts, mode: str, card: Card | None) -> dict[str, Any]:
    """All that an answer in `mode` depends on beside the question, as plain values."""
    settings = parts.runtime.settings
    depends: dict[str, Any] = {
        "language": settings.language,
        "weights": parts.runtime.generator.fingerprint,
        "generation": settings.generation.model_dump(mode="json", include=_GENERATION),
        "answering": settings.answering.model_dump(mode="json"),
    }
    if mode in FROM_DOCUMENTS:
        depends["documents"] = documents_key(parts)
        depends["retrieval"] = settings.retrieval.model_dump(mode="json", include=_RETRIEVAL)
        depends["fusion"], depends["passages"] = parts.runtime.fusion.weight, parts.runtime.passage_count.passages
        depends["refusals"] = asdict(parts.runtime.abstention)
    if mode in WITH_ADAPTER and card is not None:
        depends["adapter"] = [card.reference, card.dataset, card.created]
    return depends


@contextmanager
def asking(
    parts: Parts, card: Card | None, asked: Mapping[str, object], on: str | None
) -> Iterator[comparison.AskMany | None]:
    """What asks on the cluster `on`; None where that is None."""
    if on is None:
        yield None
        return
    from metier.cluster.evaluation import asking_on

    opened = partial(examined, parts.reopened, card.reference if card else None, tuple(asked))
    with asking_on(on, opened, key_of(asked)) as elsewhere:
        yield elsewhere


def examined(reopened: Callable[[], Parts], adapter: str | None, modes: Sequence[str]) -> ExaminedExpert:
    """The expert opened anew, on a worker of a cluster."""
    from metier.cluster.evaluation import ExaminedExpert

    parts = reopened()
    card = parts.adapters.in_use(adapter) if adapter else None
    asked = {mode: made_of(parts, mode, card) for mode in modes}
    cache = Cache(parts.runtime.state_folder / comparison.ANSWERS_FILE)
    expert = comparison.Comparison(AskedExpert(parts, adapter), asked, cache)
    return ExaminedExpert(expert.answer, key_of(asked))

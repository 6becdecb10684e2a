"""What corrections change about search at this moment, see `metier.retrieval.curation`.

Read from the log, and again only when anybody wrote to it, in this process or another.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from metier.embedding.base import Embedder
from metier.feedback.question_matching import Wording, brings_nothing_new, is_close
from metier.feedback.records import Correction
from metier.retrieval.query import Query
from metier.store.base import Store
from metier.text.analyzer import Analyser

if TYPE_CHECKING:
    from metier.feedback.log import Log


@dataclass(frozen=True, slots=True)
class _Pin:
    wording: Wording
    passages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Now:
    version: int = 0
    hidden: tuple[str, ...] = ()
    pins: tuple[_Pin, ...] = ()


class ActiveOverrides:
    """`log`: opened when it is first needed, None where nobody has said anything yet."""

    def __init__(self, log: Callable[[], Log | None], store: Store, embedder: Embedder, analyser: Analyser) -> None:
        self._log = log
        self._store = store
        self._embedder = embedder
        self._analyser = analyser
        self._known = _Now()
        self._vectors: dict[str, np.ndarray] = {}
        self._lock = threading.Lock()

    def hidden(self) -> tuple[str, ...]:
        return self._now().hidden

    def pinned(self, question: str, asked: Query) -> Sequence[str]:
        if not (pins := self._now().pins):
            return ()
        wording = Wording.of(question, self._analyser)
        # The same words before others, and the newest first.
        near = [pin for pin in pins if pin.wording.words == wording.words] or [
            pin for pin in pins if self._is_near(pin, wording, asked)
        ]
        return list(dict.fromkeys(name for pin in reversed(near) for name in pin.passages))

    def key(self) -> str:
        """Changes with all that answers may depend on."""
        now = self._now()
        said = [now.hidden, [[pin.wording.question, pin.passages] for pin in now.pins]]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]

    def _is_near(self, pin: _Pin, asked: Wording, vector: Query) -> bool:
        if not pin.wording.names_the_same(asked):
            return False
        question = pin.wording.question
        if question not in self._vectors:
            self._vectors[question] = self._embedder.embed_queries([question])[0]
        return is_close(vector, self._vectors[question]) and brings_nothing_new(
            asked.question, question, self._store.get(pin.passages), self._analyser, self._store
        )

    def _now(self) -> _Now:
        log = self._log()
        if log is None:
            return self._known
        if (version := log.version()) != self._known.version:
            with self._lock:
                corrections = log.corrections()
                self._store.refresh()  # another process may have put a corrected text there
                self._known = _Now(version, hidden_ids(corrections), self._pins(corrections))
        return self._known

    def _pins(self, corrections: Sequence[Correction]) -> tuple[_Pin, ...]:
        """In the order in which they were accepted. An answer is pinned to its question, and so is what replaces a
        passage in answer to one; a pin on a passage that was replaced is on what took its place."""
        taken = {n: each.placed for each in corrections if each.in_force and _is_in_place(each) for n in each.known_ids}
        return tuple(
            _Pin(Wording.of(each.question, self._analyser), tuple(_standing(each.placed or each.passages, taken)))
            for each in sorted(corrections, key=lambda each: each.decided)
            if each.in_force and each.question and ((each.change == "pin" and each.passages) or each.placed)
        )


def hidden_ids(corrections: Iterable[Correction]) -> tuple[str, ...]:
    """Ids of all passages that must not be found: what is hidden; what is replaced, once the corrected text is there;
    and a corrected text that was taken back, until it is gone."""
    ids: list[str] = []
    for each in corrections:
        if each.in_force and (each.change == "hide" or _is_in_place(each)):
            ids += each.known_ids
        elif not each.in_force:
            ids += each.placed
    return tuple(dict.fromkeys(ids))


def _is_in_place(correction: Correction) -> bool:
    """Whether its text stands in the store in the place of a passage."""
    return correction.change == "replace" and bool(correction.placed)


def _standing(
    names: Sequence[str], taken: Mapping[str, Sequence[str]], seen: frozenset[str] = frozenset()
) -> list[str]:
    """What stands in the place of these passages, through any number of replacements."""
    found: list[str] = []
    for name in names:
        again = name in taken and name not in seen
        found += _standing(taken[name], taken, seen | {name}) if again else [name]
    return found

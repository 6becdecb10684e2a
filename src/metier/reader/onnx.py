"""ONNX Runtime: the packaged readers, and any extractive question-answering model exported to ONNX.

A folder holds `model.onnx` (or `onnx/model.onnx`) and `tokenizer.json`. A packaged one gives `span` and `answerable`
(`metier.models.cross_encoder`) and has its calibration in `reader.json`. Another gives `start_logits` and
`end_logits`, as models trained on SQuAD 2.0 do: what its best span has over "no answer" is taken for the log-odds.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from metier.core.documents import Passage
from metier.core.errors import ModelError
from metier.core.log_odds import probability
from metier.embedding.onnx import batches, find_model, open_session, work_all
from metier.reader.base import Reading
from metier.reader.encoding import EncodedPair, PairEncoder
from metier.reader.spans import RowSpans, Span
from metier.text.sentences import sentence_spans

LARGEST_MARGIN = 20.0  # logits; beyond it a span says no more


class OnnxReader:
    """See `metier.reader.base.Reader`. Safe to call from several threads."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        fingerprint: str | None = None,
        threads: int | None = None,
        fetch: Callable[[], Path] | None = None,
    ) -> None:
        """`fetch` brings a packaged reader's folder, called before the first reading of it."""
        self.name = name
        self._folder, self._fetch, self._known = folder, fetch, fingerprint
        self._threads = threads or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(4))
        self._loaded: _Loaded | None = None
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> str:
        if self._known is None:
            digest = hashlib.sha256()
            for path in sorted([self._load().file, *self._load().file.parent.glob("*.onnx?data")]):
                digest.update(hashlib.sha256(path.read_bytes()).digest())
            self._known = digest.hexdigest()[:16]
        return self._known

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        if not passages:
            return []
        loaded = self._load()
        rows: list[EncodedPair] = []
        owners: list[int] = []
        sentences = [sentence_spans(passage.text, passage.language or "en") for passage in passages]
        for index, passage in enumerate(passages):
            made = loaded.encoder.rows(question, passage.headings, passage.text)
            rows += made
            owners += [index] * len(made)
        read: list[list[Reading]] = [[] for _ in passages]

        def work(batch: list[int]) -> None:
            found = loaded.run([rows[i] for i in batch], [sentences[owners[i]] for i in batch])
            for index, reading in zip(batch, found, strict=True):
                read[owners[index]].append(reading)

        work_all(list(batches([len(row.numbers) for row in rows])), work, self._threads)
        return [_best(each) for each in read]

    def close(self) -> None:
        self._loaded = None

    def _load(self) -> _Loaded:
        with self._lock:
            if self._loaded is None:
                self._loaded = _Loaded(self._fetch() if self._fetch else self._folder)
            return self._loaded


class _Loaded:
    """A session, its tokenizer and its calibration. `run` may be called from several threads at once."""

    def __init__(self, folder: Path) -> None:
        self.file = find_model(folder)
        try:
            self._session = open_session(self.file)
            self.encoder = PairEncoder(folder)
        except Exception as error:  # onnxruntime and tokenizers raise types of their own, without a common base
            raise ModelError(
                f"could not be loaded ({str(error).strip().splitlines()[-1][:300]})",
                where=str(folder),
                hint="`metier doctor` checks packaged models; export another one again",
            ) from error
        self._inputs = {value.name for value in self._session.get_inputs()}
        outputs = {value.name for value in self._session.get_outputs()}
        self._own = {"span", "answerable"} <= outputs
        if not self._own and not {"start_logits", "end_logits"} <= outputs:
            raise ModelError(
                "is no reader: it gives neither span and answerable nor start_logits and end_logits",
                where=str(folder),
                hint="Export a question-answering model",
            )
        self._weights = _calibration(folder)

    def run(self, rows: Sequence[EncodedPair], sentences: Sequence[Sequence[tuple[int, int]]]) -> list[Reading]:
        """`sentences`: those of each row's text, (start, end) in characters."""
        longest = max(len(row.numbers) for row in rows)
        ids = np.zeros((len(rows), longest), np.int64)
        mask, types = np.zeros_like(ids), np.zeros_like(ids)
        for index, row in enumerate(rows):
            size = len(row.numbers)
            ids[index, :size], mask[index, :size] = row.numbers, 1
            types[index, :size] = [place[0] >= 0 for place in row.places]
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        wanted = {name: value for name, value in feeds.items() if name in self._inputs}
        names = ["span", "answerable"] if self._own else ["start_logits", "end_logits"]
        try:
            first, second = self._session.run(names, wanted)
        except Exception as error:  # onnxruntime raises types of its own, without a common base
            raise ModelError(f"failed in ONNX Runtime ({str(error)[:300]})", where=str(self.file)) from error
        spans = first if self._own else np.stack([first, second], axis=-1)
        readings = []
        for index, row in enumerate(rows):
            every = RowSpans(spans[index, : len(row.numbers)], row.places)
            span = every.best()
            odds = self._odds(second[index], span) if self._own else span.margin
            told = every.log_odds(sentences[index])
            readings.append(Reading(probability(odds), span.start, span.end, span.probability, told))
        return readings

    def _odds(self, answerable: np.ndarray, span: Span) -> float:
        bias, first, mean, margin = self._weights
        most = float(np.clip(span.margin, -LARGEST_MARGIN, LARGEST_MARGIN))
        return bias + first * float(answerable[0]) + mean * float(answerable[1]) + margin * most


def _best(rows: Sequence[Reading]) -> Reading:
    """Of the rows of one passage, the one that answers best; each sentence as the row tells that reads it best."""
    told = tuple(max(each) for each in zip(*(row.sentences for row in rows), strict=True))
    return replace(max(rows, key=lambda row: row.answerable), sentences=told)


def _calibration(folder: Path) -> tuple[float, float, float, float]:
    """Weights of the log-odds (Platt, 1999): constant, both answerable logits, margin of the best span."""
    try:
        kept = json.loads((folder / "reader.json").read_text(encoding="utf-8"))
        bias, first, mean, margin = (float(kept[key]) for key in ("bias", "first", "mean", "margin"))
    except FileNotFoundError:
        return 0.0, 0.0, 0.0, 1.0
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"reader.json cannot be read ({error})", where=str(folder)) from None
    return bias, first, mean, margin

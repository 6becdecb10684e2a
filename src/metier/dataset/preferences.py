"""Preference pairs: to one prompt an answer that people want and one that they do not, for DPO."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from metier.dataset.rows import Row


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """`chosen`: as a training row, whose completion is the answer to write. `rejected`: the one not to write."""

    chosen: Row
    rejected: str


def content_hash(pairs: Sequence[PreferencePair]) -> str:
    """16 hex digits over what the model reads and learns, in order."""
    said = "\n".join(f"{pair.chosen.id} {hashlib.sha256(pair.rejected.encode()).hexdigest()}" for pair in pairs)
    return hashlib.sha256(said.encode()).hexdigest()[:16]

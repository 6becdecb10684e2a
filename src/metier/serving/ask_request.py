"""What a caller asks of an expert, whatever the interface."""

from __future__ import annotations

from dataclasses import dataclass

from metier.core.modes import Mode
from metier.generation.base import Message, Sampling


@dataclass(frozen=True, slots=True)
class AskRequest:
    """`history`: earlier turns, oldest first. `system`: an instruction of the caller's. `sampling`: None = as the
    settings say. `as_of`: a day or moment, None = now."""

    question: str
    mode: str = Mode.RAG
    history: tuple[Message, ...] = ()
    system: str = ""
    sampling: Sampling | None = None
    as_of: str | None = None

"""The ways of answering that are compared on the same questions."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """`BASE`: the model alone. `RAG`: from the documents. `TUNED`: a fine-tuned adapter alone. `RAG_TUNED`: both."""

    BASE = "base"
    RAG = "rag"
    TUNED = "tuned"
    RAG_TUNED = "rag+tuned"


MODES = tuple(Mode)
FROM_DOCUMENTS = (Mode.RAG, Mode.RAG_TUNED)
WITH_ADAPTER = (Mode.TUNED, Mode.RAG_TUNED)

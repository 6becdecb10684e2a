"""Answers and passages as the server writes them: plain values, the same in every interface."""

from __future__ import annotations

from typing import Any

from metier.answering.answer import Answer, Citation, Sentence
from metier.core.documents import Passage
from metier.retrieval.retriever import Hit


def full(answer: Answer) -> dict[str, Any]:
    """All of an answer but what was searched for it. Times in seconds."""
    return {
        "question": answer.question,
        "text": answer.text,
        "abstained": answer.abstained,
        "confidence": answer.confidence,
        "mode": answer.mode,
        "model": answer.model,
        "adapter": answer.adapter,
        "style": answer.style.value,
        "finish_reason": answer.finish_reason,
        "sentences": [checked(sentence) for sentence in answer.sentences],
        "citations": [cited(citation) for citation in answer.citations],
        "unsupported": [list(span) for span in answer.unsupported],
        "searched_for": list(answer.searched_for),
        "nearest": [near(passage) for passage in answer.nearest],
        "notes": list(answer.notes),
        "timings": answer.timings,
        "usage": {
            name: getattr(answer.usage, name) for name in ("prompt_tokens", "cached_tokens", "completion_tokens")
        },
    }


def checked(sentence: Sentence) -> dict[str, Any]:
    """A sentence of an answer and what carries it. `start`, `end`: characters of the answer."""
    return {
        "start": sentence.start,
        "end": sentence.end,
        "support": sentence.support.value,
        "score": sentence.score,
        "reason": sentence.reason,
        "citations": [cited(citation) for citation in sentence.citations],
    }


def cited(citation: Citation) -> dict[str, Any]:
    """`start`, `end`: characters of the document's parsed text, which are `quote`; `sentence`: of the answer."""
    return {
        "document": citation.document,
        "document_id": citation.document_id,
        "title": citation.title,
        "page": citation.page,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "headings": list(citation.headings),
        "passage_id": citation.passage_id,
        "dated": citation.dated,
        "newer": citation.newer,
        "sentence": list(citation.sentence),
        "url": place(citation.document_id, citation.start, citation.end),
    }


def found(hit: Hit) -> dict[str, Any]:
    """A passage that was found."""
    return near(hit.passage) | {"score": hit.score, "dense": hit.dense, "lexical": hit.lexical}


def near(passage: Passage) -> dict[str, Any]:
    """A passage. `start`, `end`: characters of the document's parsed text."""
    return {
        "document": passage.uri,
        "document_id": passage.document_id,
        "title": passage.title,
        "page": passage.page,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "headings": list(passage.headings),
        "passage_id": passage.id,
        "url": place(passage.document_id, passage.start, passage.end),
    }


def place(document_id: str, start: int, end: int) -> str:
    """Where a span is shown, as a path of this server."""
    return f"/documents/{document_id}?start={start}&end={end}"

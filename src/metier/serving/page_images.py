"""Originals as pictures: a page of a PDF, drawn in a process of its own, and pictures as they are.

One page is drawn at a time, whoever asks, and it may take less time and memory than a sync may: somebody waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from metier.core.documents import Document
from metier.core.errors import ParseError
from metier.core.settings import ParsingSettings
from metier.parsing import Parser
from metier.parsing.core import formats
from metier.parsing.core.protocol import Places
from metier.parsing.core.readers import MIB
from metier.serving.auth.access import Caller
from metier.serving.document_access import DocumentAccess
from metier.serving.http.errors import NotFound
from metier.serving.job_queue import JobQueue

T = TypeVar("T")
_SECONDS, _MEMORY_MB = 15, 1536  # that one page may take, at most
_QUEUE, _PATIENCE = 32, 30  # pages that may wait, and seconds that they do
_LARGEST = 25 * MIB  # of a picture that is sent as it is
_AS_THEY_ARE = (formats.PNG, formats.JPEG)
_GRACE_SECONDS = 1.0


def can_show(document: Document) -> bool:
    """Whether there is a picture to look at, and not text alone."""
    return document.media_type in (formats.PDF, *_AS_THEY_ARE)


class PageImages:
    """Each method raises `NotFound` as `DocumentAccess.original`, `SourceError` where the file is not what was read any
    more, `ParseError` where it cannot be drawn, and what `JobQueue` raises."""

    def __init__(self, reading: DocumentAccess, settings: ParsingSettings) -> None:
        self._reading = reading
        limits = {
            "timeout_seconds": min(_SECONDS, settings.timeout_seconds), "memory_mb": min(_MEMORY_MB, settings.memory_mb)
        }  # fmt: skip
        self._parser = Parser(settings.model_copy(update=limits))
        self._work = JobQueue(1, _QUEUE, _PATIENCE)

    async def page(self, caller: Caller, document: Document, number: int) -> bytes:
        """A page of a PDF, from 1, as PNG."""
        return await self._of(
            caller,
            document,
            lambda path: self._parser.draw_page(path, uri=document.uri, number=number, groups=document.groups),
        )

    async def places(
        self, caller: Caller, document: Document, number: int, text: str, spans: Sequence[tuple[int, int]]
    ) -> Places:
        """Where `spans` of `text`, which is all that was read from a page of a PDF, stand on it."""
        return await self._of(
            caller,
            document,
            lambda path: self._parser.find_on_page(
                path, uri=document.uri, number=number, text=text, spans=spans, groups=document.groups
            ),
        )

    async def picture(self, caller: Caller, document: Document) -> bytes:
        """A PNG or JPEG as it is."""
        return await self._of(caller, document, _picture)

    async def close(self) -> int:
        """End the process that draws, if there is one. Returns as `JobQueue.close`."""
        stuck = await self._work.close(_GRACE_SECONDS)
        await asyncio.to_thread(self._parser.close)
        return stuck

    async def _of(self, caller: Caller, document: Document, look: Callable[[Path], T]) -> T:
        def looked(_stop: object) -> T:
            with self._reading.original(caller, document.id) as path:
                return look(path)

        return await self._work.run(looked, share=caller.share)


def _picture(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ParseError(f"is larger than {_LARGEST // MIB} MiB")
    if formats.media_type(path.name, content) not in _AS_THEY_ARE:
        raise NotFound("this is no picture that a browser shows")
    return content

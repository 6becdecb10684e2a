"""Sentences of any script, with their exact places."""

from __future__ import annotations

import sentencex


def sentence_spans(text: str, language: str = "en") -> list[tuple[int, int]]:
    """Split `text` into sentences. Returns (start, end) character offsets without surrounding white space.

    Every line end is a boundary as well: parsed text keeps one block or one table row on a line.
    """
    spans = []
    offset = 0
    for line in text.splitlines(keepends=True):
        if line.strip():
            spans.extend((offset + start, offset + end) for start, end in _line_spans(line, language))
        offset += len(line)
    return spans


def _line_spans(line: str, language: str) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start = 0
    for boundary in sentencex.get_sentence_boundaries(language.split("-")[0], line):
        end = boundary["end_index"]
        if _inside_number(line, end):
            continue
        if trimmed := _trim(line, start, end):
            spans.append(trimmed)
        start = end
    if trimmed := _trim(line, start, len(line)):
        spans.append(trimmed)
    return spans


def _inside_number(line: str, at: int) -> bool:
    # The splitter knows "4.2" in Latin digits but cuts "৪.২" in others.
    return 1 < at < len(line) and line[at].isdigit() and line[at - 1] in ".," and line[at - 2].isdigit()


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None

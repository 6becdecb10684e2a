"""Whether a short message consists of known phrases and nothing else.

"Hi there, thanks!" is small talk since every word of it belongs to a phrase of small talk; "Hi, how tight are the
bolts?" is not. What is left uncovered is often what a question is about: "a summary of | the Tallhed contract".
"""

from __future__ import annotations

from dataclasses import dataclass, field

import regex

from metier.text.language import Language
from metier.text.phrases import compose, searchable

_LETTER = regex.compile(r"[\p{L}\p{M}\p{N}]")
_UNIT = {True: regex.compile(r"[\p{L}\p{M}\p{N}]+"), False: regex.compile(r"[\p{L}\p{M}\p{N}]")}

Span = tuple[int, int]


@dataclass(slots=True)
class Cover:
    """A message of one language, and which of its characters are explained by now. `text` is the message in NFC, and
    places are places of it."""

    language: Language
    text: str
    covered: bytearray = field(init=False)
    _searched: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = compose(self.text)
        self.covered = bytearray(len(self.text))
        self._searched = searchable(self.text)

    def free(self, instead: str = ".") -> str:
        """What is not covered yet, as `expression` looks at it, with a character in place of each that is: "." is never
        part of a phrase, " " may stand between two words of one."""
        return "".join(
            instead if done else character for character, done in zip(self._searched, self.covered, strict=True)
        )

    def take(self, section: str, *names: str, across: bool = False) -> list[Span]:
        """Cover every phrase of these fields whose characters are free; returns their places. `across`: what is covered
        already may stand inside a phrase."""
        free = self.free(" " if across else ".")
        found = [match.span() for match in self.language.expression(section, *names).finditer(free)]
        for span in found:
            self.mark(span)
        return found

    def mark(self, span: Span) -> None:
        self.covered[span[0] : span[1]] = b"\1" * (span[1] - span[0])

    def copy(self) -> Cover:
        other = Cover(self.language, self.text)
        other.covered = bytearray(self.covered)
        return other

    def rest(self) -> list[Span]:
        """Stretches of words that no phrase explains, in order; words with nothing but punctuation and space between
        them are one stretch."""
        spans: list[Span] = []
        for match in _UNIT[self.language.spaced].finditer(self.text):
            start, end = match.span()
            if all(self.covered[start:end]):
                continue
            if spans and not any(self.covered[spans[-1][1] : start]):
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
        return spans

    @property
    def complete(self) -> bool:
        return not self.rest() and bool(_LETTER.search(self.text))

"""Questions that name what they may be answered with: "… Answer yes, no or maybe.", "… (approve / reject)".

Such a question wants one of those words and nothing else, from whatever model. What is named stands in brackets at
the end, in the last or the first sentence behind or before a word that asks for an answer, or, where all of it is yes,
no or maybe, behind a comma.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

from metier.answering.closed_answers import EDGES, is_decision, normalise, plain
from metier.text.labels import predicted
from metier.text.language import Language
from metier.text.phrases import PIECE, SPACED_SIGN, compose, fold

_MOST_WORDS = 4  # of a choice
_MOST_CHARACTERS = 12  # of one in a script without spaces
_BRACKETS = regex.compile(r"[(（\[【]([^()（）\[\]【】]+)[)）\]】][\s.?!。？！।؟]*$")
_LAST_SENTENCE = regex.compile(r"[^.?!。？！।؟\n]+[.?!。？！।؟\s]*$")
_SEPARATORS = r"[,،，、;；/|]"
_ENDS = ".?!。？！।؟"
_FIRST_SENTENCE = regex.compile(r"[^.?!。？！।؟\n]+[.?!:。？！।؟：]\s*(?=\S)")
_WORD = regex.compile(r"\S+")
_NO_WORD_BEFORE = rf"(?V1)(?<!{SPACED_SIGN})"
_NO_WORD_BEHIND = rf"(?!{SPACED_SIGN})"
_LINE = regex.compile(r"\n\s*(?:[-*•]\s+)?")  # before a choice on a line of its own
_BEHIND = regex.compile(r"[,:،，：]|\s[–—-]\s")


@dataclass(frozen=True, slots=True)
class Choices:
    """`question`: whole; `asked`: without what it names; `named`: what it may be answered with, as spelled there;
    `language`: of the question, in which it is answered."""

    question: str
    asked: str
    named: tuple[str, ...]
    language: str = "en"

    @property
    def response_format(self) -> Mapping[str, object]:
        """What keeps a model to one of them."""
        return {"type": "json_schema", "json_schema": {"name": "choice", "schema": {"enum": list(self.named)}}}

    def spelled(self, decision: str | None) -> str | None:
        """The choice that means what a word for yes, no or maybe does; None where none of them does."""
        return next((each for each in self.named if decision and plain(each) == plain(decision)), None)

    def only_in(self, text: str) -> str | None:
        """The one choice that a text holds word for word; None where it holds several or none, and where it is a yes, a
        no or a maybe, which stand in sentences that decide nothing."""
        held = [each for each in self.named if _finds(each, text) and not is_decision(each)]
        return held[0] if len(held) == 1 else None

    def given_by(self, text: str) -> str | None:
        """The choice that a model's text gives, as the exam reads it, else the one whose meaning its first word has;
        None where it gives none."""
        opening = PIECE.search(text)
        return predicted(text, self.named, self.language) or self.spelled(opening[0] if opening else None)


def _finds(choice: str, text: str) -> regex.Match[str] | None:
    words = r"[\s_-]+".join(map(regex.escape, normalise(choice).split()))
    return regex.search(f"{_NO_WORD_BEFORE}{words}{_NO_WORD_BEHIND}", text, regex.IGNORECASE)


def choices_of(question: str, language: str) -> Choices | None:
    """What a question says that it may be answered with; None where it names nothing."""
    known = Language.of(language)
    text = _LINE.sub(", ", compose(question).strip())
    bracketed = _BRACKETS.search(text)
    if bracketed and (named := _named(bracketed[1], known)):
        return _made(question, text[: bracketed.start()], named, known)
    last = _LAST_SENTENCE.search(text)
    if last and last.start() and (named := _named(last[0], known)):
        return _made(question, text[: last.start()], named, known)
    first = _FIRST_SENTENCE.match(text)
    if first and (named := _named(first[0], known)):
        return _made(question, text[first.end() :], named, known)
    return _decisions_behind(question, text, known)


def _made(question: str, asked: str, named: Sequence[str], known: Language) -> Choices | None:
    asked = asked.strip()
    if asked and asked[-1] not in _ENDS:
        asked += "?"
    return Choices(question, asked, tuple(named), known.code) if asked else None


def _named(part: str, known: Language) -> list[str]:
    """The choices that a bracket or a sentence is made of; none where it says anything else."""
    told, rest = _without_request(part, known)
    items = [_bare(item, known) for item in _separator(known).split(rest) if EDGES.sub("", item)]
    distinct = {normalise(item) for item in items}
    short = all(len(item.split()) <= _MOST_WORDS and (known.spaced or len(item) <= _MOST_CHARACTERS) for item in items)
    if len(distinct) < 2 or len(distinct) < len(items) or not short:
        return []
    return items if told or all(map(is_decision, items)) else []


def _bare(item: str, known: Language) -> str:
    """Without signs around it and without the "with" that some languages write together with a word."""
    bare = EDGES.sub("", item)
    joined = [bare.removeprefix(word) for word in known.listed("asks", "with_joined") if bare.startswith(word)]
    return next(filter(is_decision, joined), bare)


def _without_request(part: str, known: Language) -> tuple[bool, str]:
    """Whether a part asks to be answered with something, and the part without the words that do."""
    if not known.spaced:
        return _without_phrases(EDGES.sub("", part), known)
    asking = known.word_set("asks", "answer_with")
    idle = asking | known.function_words | known.word_set("asks", "answer_filler")
    idle |= known.word_set("small_talk", "filler")
    words = [(match, fold(EDGES.sub("", match[0]))) for match in _WORD.finditer(part)]
    start, end, told = 0, len(words), False
    while start < end and words[start][1] in idle and not is_decision(words[start][1]):
        told |= words[start][1] in asking
        start += 1
    while end > start and words[end - 1][1] in idle and not is_decision(words[end - 1][1]):
        told |= words[end - 1][1] in asking
        end -= 1
    return told, part[words[start][0].start() : words[end - 1][0].end()] if start < end else ""


def _without_phrases(part: str, known: Language) -> tuple[bool, str]:
    """The same where words have no spaces between them."""
    asking = known.listed("asks", "answer_with")
    told = False
    for phrase in sorted((*asking, *known.listed("asks", "answer_filler")), key=len, reverse=True):
        rest = EDGES.sub("", part.removeprefix(phrase).removesuffix(phrase))
        told |= rest != part and phrase in asking
        part = rest
    return told, part


@lru_cache(maxsize=64)
def _separator(known: Language) -> regex.Pattern[str]:
    """Between two choices: a sign or the word for "or" (one that also means no is none)."""
    joining = [word for word in known.listed("words", "alternative") if not is_decision(word)]
    joining.sort(key=len, reverse=True)
    words = "|".join(map(regex.escape, joining))
    if not words:
        return regex.compile(_SEPARATORS)
    joined = rf"(?<!\w)(?:{words})(?!\w)" if known.spaced else words
    return regex.compile(f"{_SEPARATORS}|{joined}", regex.IGNORECASE)


def _decisions_behind(question: str, text: str, known: Language) -> Choices | None:
    """Yes, no and the like behind the question itself ("Is it approved, yes or no?")."""
    for sign in _BEHIND.finditer(text):
        named = _named(text[sign.end() :], known)
        if named and all(map(is_decision, named)):
            return _made(question, text[: sign.start()], named, known)
    return None

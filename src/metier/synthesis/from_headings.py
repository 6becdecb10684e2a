"""Questions from headings, lists of facts and definitions, without a model.

    facts         two or more neighbouring lines `Owner: Technical Office`: the key is asked of their heading
    definitions   a sentence `The NV-110 is a three-bladed turbine …` whose subject is a name or stands in the headings
    sections      a heading over one sentence that holds a number: what the document says about the heading

Anything less certain gives no question: a lone `Note: …`, a sentence that begins with "This", a heading over a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import regex

from metier.core.documents import Passage
from metier.synthesis import question_templates
from metier.synthesis.pairs import QAPair
from metier.text.detection import detect
from metier.text.language import Language, words_in_any_language
from metier.text.phrases import any_of, compose, fold, source
from metier.text.sentences import sentence_spans

_NUMBERED = regex.compile(r"^(?:[\p{N}]+(?:[.．]\p{N}+)*[.)．、]?|[A-Z][.)])\s+")
_FACT = regex.compile(r"(?:[-*•]\s+)?(?P<key>\p{L}[^:：.!?。|\p{N}]{1,38})(?:[:]\s+|：\s*)(?P<value>\S.*)")
_SCHEMES = frozenset({"http", "https", "ftp"})
_LONGEST_FACT = 80  # characters of a value; longer ones are prose that happens to have a colon
_LONGEST_KEY_WORDS = 4

# Up to five words. "The X is a Y": what X is, is said; "The door is open" is none.
_TERM = r"(?P<term>[\p{L}\p{N}][\p{L}\p{M}\p{N}./-]*(?: [\p{L}\p{N}][\p{L}\p{M}\p{N}./-]*){0,4})"


def pairs(passages: Sequence[Passage], language: str) -> Iterator[QAPair]:
    """Questions on the passages of one document. `language`: expected, where the script does not say another."""
    under: dict[tuple[str, ...], int] = {}
    for passage in passages:
        under[passage.headings] = under.get(passage.headings, 0) + 1
    for passage in passages:
        if passage.row is not None or not passage.headings:
            continue
        told = detect(passage.text, passage.language or language)
        sentences = [passage.text[a:b] for a, b in sentence_spans(passage.text, told)]
        yield from _facts(passage, told)
        yield from _defined(passage, sentences, told)
        if under[passage.headings] == 1:
            yield from _section(passage, sentences, told)


def _facts(passage: Passage, language: str) -> Iterator[QAPair]:
    found = [_fact(line.strip()) for line in passage.text.splitlines() if line.strip()]
    keys = [fact[0] for fact in found if fact]
    for place, fact in enumerate(found):
        beside = [found[other] for other in (place - 1, place + 1) if 0 <= other < len(found)]
        if fact is None or not any(beside) or keys.count(fact[0]) > 1:
            continue
        question, *others = question_templates.fact(language, _about(passage), fact[0])
        yield QAPair(question, fact[1], passage, "fact", language, "rule", tuple(others))


def _fact(line: str) -> tuple[str, str] | None:
    found = _FACT.fullmatch(line)
    if found is None:
        return None
    key, value = found["key"].strip(), found["value"].strip()
    plain = fold(compose(key))
    if plain in _SCHEMES or plain in words_in_any_language("statements", "remark"):
        return None
    whole = len(sentence_spans(value)) == 1 and len(value) <= _LONGEST_FACT and not value.endswith((":", "："))
    return (key, value) if whole and len(key.split()) <= _LONGEST_KEY_WORDS else None


def _defined(passage: Passage, sentences: Sequence[str], language: str) -> Iterator[QAPair]:
    known = Language.of(language)
    for sentence in sentences:
        found = _definition(known).match(sentence)
        if found is None or _points(found["term"], known) or not _is_known(found["term"], passage):
            continue
        article = (found["article"] or "").lower()
        if question := question_templates.definition(language, found["term"], article):
            yield QAPair(question, sentence, passage, "text", language, "rule")


@lru_cache(maxsize=32)
def _definition(language: Language) -> regex.Pattern[str]:
    """A term with its article and what says that it is defined; never where the language has no words for that."""
    gap = " " if language.spaced else ""
    defines = "|".join(
        gap.join(f"(?:{any_of(token.split('|'))})" for token in phrase.split())
        for phrase in language.listed("statements", "definition")
    )
    no_term = regex.escape("".join(language.listed("statements", "not_in_term")))
    term = _TERM if language.spaced else rf"(?P<term>[^\s{no_term}]{{2,20}})"
    article = any_of(language.listed("statements", "article"))
    return regex.compile(rf"(?:(?P<article>{article}) )?{term}{gap}(?:{defines or '(?!)'}){gap}")


@lru_cache(maxsize=32)
def _pointing(language: Language) -> regex.Pattern[str]:
    return regex.compile(rf"(?:{source(language.listed('statements', 'pointing'), language.spaced)})\b")


def _points(sentence: str, language: Language) -> bool:
    """Whether a sentence begins with a word that points at what was said before."""
    return _pointing(language).match(fold(compose(sentence))) is not None


def _is_known(term: str, passage: Passage) -> bool:
    """A name with a digit or capitals in it, or what a heading is about."""
    named = any(word[0].isalpha() and any(c.isdigit() for c in word) for word in term.split())
    return named or term.casefold() in " ".join(passage.headings).casefold()


def _section(passage: Passage, sentences: Sequence[str], language: str) -> Iterator[QAPair]:
    title, heading = _plain(passage.headings[0]), _plain(passage.headings[-1])
    if len(sentences) != 1 or len(passage.headings) < 2 or heading == title or _fact(sentences[0]):
        return
    if not regex.search(r"\p{N}", sentences[0]) or _points(sentences[0], Language.of(language)):
        return
    if question := question_templates.section(language, title, heading):
        yield QAPair(question, sentences[0], passage, "text", language, "rule")


def _about(passage: Passage) -> str:
    title, heading = _plain(passage.headings[0]), _plain(passage.headings[-1])
    return title if heading == title else f"{heading} ({title})"


def _plain(heading: str) -> str:
    """A heading without its number."""
    return _NUMBERED.sub("", heading.strip()).strip() or heading.strip()

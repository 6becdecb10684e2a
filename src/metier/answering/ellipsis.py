"""“And the brake pads?” after “How often is the gearbox oil changed?”: what is named takes the place of the thing that
the earlier question asked about, where a language marks things by articles."""

from __future__ import annotations

import regex

from metier.text.language import Language
from metier.text.phrases import compose, fold

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*")
_MOST = 3  # words of a thing behind its article
_PARTICIPLE = regex.compile(r"\p{L}{3,}(?:ed|en|t)", regex.IGNORECASE)


def in_place_of(named: str, earlier: str, language: Language) -> str | None:
    """The earlier question about `named` instead; None where it is not plain what that stands for. The first thing with
    an article is taken, up to the next function word, or the verb at the end of the question."""
    articles = language.word_set("words", "article")
    words = list(_WORD.finditer(named))
    if not articles or len(words) < 2 or _plain(words[0].group()) not in articles:
        return None
    asked = list(_WORD.finditer(earlier))
    for place, word in enumerate(asked):
        if _plain(word.group()) in articles and (thing := _thing(asked, place, language)):
            return earlier[: word.start()] + named + earlier[thing.end() :]
    return None


def _thing(asked: list[regex.Match[str]], place: int, language: Language) -> regex.Match[str] | None:
    """The last word of what an article begins; None where nothing follows it."""
    end = None
    for word in asked[place + 1 : place + 1 + _MOST]:
        if _plain(word.group()) in language.function_words or any(c.isdigit() for c in word.group()):
            break
        is_last = word is asked[-1]
        if end is not None and is_last and _PARTICIPLE.fullmatch(word.group()):  # "… the gearbox oil changed?"
            break
        end = word
    return end


def _plain(word: str) -> str:
    return fold(compose(word))

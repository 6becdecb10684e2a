"""Yes/no questions answered from a sentence: whether it says yes or no to what is asked, where it speaks of all of it.

A question without a question word asks for a yes or a no ("Is the pump approved for sea water?"). The sentence decides
only where it holds nearly all content words of the question: "approved for fresh water" says nothing of sea water. One
word ("Price?") asks for more than a yes, and a row of a table holds many words without saying so. The sentence
says no where one of both denies what they share and the other does not, or where a word has its opposite in it.
"""

from __future__ import annotations

import regex

from metier.answering.support.polarity import Polarity
from metier.answering.term_weights import alike, content_tokens
from metier.core.documents import CELL
from metier.text.analyzer import Analyser
from metier.text.language import Language
from metier.text.phrases import compose, fold

_FEWEST = 2  # content words of a question that a yes or no answers
_MISSING = 8  # of so many content words of the question the sentence may lack one
_DENIED = 0.5  # share of them that only one of both denies
_SAME_WORD = 85  # similarity (0..100) of two forms of one word
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_ASKS = regex.compile(r"[?？؟][\s\"'”’)]*$")
_AMBIGUOUS = frozenset({"bn", "hi"})  # the word for "what" also opens a yes/no question there


def asks_yes_or_no(question: str, language: str) -> bool:
    """Whether a question wants a yes or a no, as far as its words tell."""
    known = Language.of(language)
    if not known.known or not known.yes or not known.spaced or language in _AMBIGUOUS or not _ASKS.search(question):
        return False
    words = {fold(compose(word)) for word in _WORD.findall(question)}
    alternative = {fold(compose(word)) for word in known.listed("words", "alternative")}
    return not words & (known.question_words | alternative)


def decide(question: str, sentence: str, language: str, analyser: Analyser) -> str | None:
    """The word for yes or for no in `language`, with a capital; None where the sentence does not decide."""
    if not asks_yes_or_no(question, language):
        return None
    known = Language.of(language)
    asked = content_tokens(question, language, analyser)
    given = set(analyser.tokens(sentence))
    polarity = Polarity(analyser, language)
    opposed = polarity.opposed(question, sentence)
    against = set(analyser.tokens(opposed)) if opposed else set()
    shared = [token for token in asked if token in given or token in against or alike(token, given, _SAME_WORD)]
    if len(asked) < _FEWEST or CELL in sentence:
        return None
    if len(asked) - len(shared) > len(asked) // _MISSING or polarity.denied(question):
        return None
    if polarity.holds_both(question, sentence):
        return None
    denied = polarity.differs(question, sentence, shared, lambda _: 1.0) >= _DENIED
    return (known.no if denied != bool(opposed) else known.yes)[0].capitalize()

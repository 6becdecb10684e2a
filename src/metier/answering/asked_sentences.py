"""What a message asks, without the words around it.

    "Good morning! My name is Ann. Sorry to bother you, how long are you open on Saturday? Many thanks!"
        how long are you open on Saturday?
    "The boiler is broken. It is raining. Whom do I call?"
        The boiler is broken. Whom do I call?

Sentences that only greet, thank, introduce or apologise (`[small_talk]`, `[message]` of the language) are left out. Of
the others, those that ask are looked up; one that tells something stays only where a question points to it: by a
pronoun, by saying next to nothing itself, or because it names nothing and the sentence names what documents know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import regex

from metier.answering.intent import SMALL_TALK
from metier.answering.term_weights import content_tokens, names
from metier.retrieval.decomposition import sentences_of
from metier.text.analyzer import Analyser
from metier.text.language import Language, words_of
from metier.text.phrase_cover import Cover, Span
from metier.text.phrases import compose, fold, searchable
from metier.text.sentences import is_question

_NEAR = 2  # sentences next to a question that it may point to
_OPENING = 3  # words among which a question word opens a question
_FEW = 1  # telling words of a question that says next to nothing
_FEW_CHARACTERS = 3  # the same where words have no spaces between them
_MARKS = regex.compile(r"[,;:!.…،؛、，；：！。|–—]|\s-\s|\n")
_INITIALS = regex.compile(r"(?<![\p{L}\p{N}])(?:\p{Lu}\.){2,}$")
_EDGES = " \t\r\n,;:!.…،؛、，；：！。|–—-"
Known = Callable[[Sequence[str]], bool]
"""Whether documents hold any of some tokens."""


def asked_in(message: str, languages: Sequence[Language], analyser: Analyser, known: Known = bool) -> str:
    """The sentences of a message that are to be looked up: "" where it is courtesy alone, and the message as it is
    where nothing is to be left out. `languages`: those that it may be in, the likeliest first. `known`: what tells
    words of the documents; by default every word is one."""
    own = languages[0]
    whole = _sentences(message, own)
    said = _said(whole, languages)
    if not said:
        return "" if whole else message
    asking = _asking(said, languages)
    if not any(asking):
        return message if said == whole else " ".join(said)
    chosen = set()
    for place, asks in enumerate(asking):
        if asks:
            chosen |= {place, *_pointed_to(place, said, asking, own, analyser, known)}
    kept = [said[place] for place in sorted(chosen)]
    return message if kept == whole else " ".join(kept)


def told_in(message: str, languages: Sequence[Language]) -> str:
    """All that a message says beside courtesy, whether the question points to it or not."""
    return " ".join(_said(_sentences(message, languages[0]), languages))


def _sentences(message: str, language: Language) -> list[str]:
    parts: list[str] = []
    for part in sentences_of(compose(message).strip(), language.code):
        if parts and _goes_on(parts[-1]):
            parts[-1] = f"{parts[-1]} {part}"
        else:
            parts.append(part)
    return [part for part in parts if words_of(part)]


def _goes_on(part: str) -> bool:
    """Whether what ends here is no sentence: within brackets, or at the letters of an abbreviation ("U.S.")."""
    return part.count("(") > part.count(")") or _INITIALS.search(part) is not None


def _said(sentences: Sequence[str], languages: Sequence[Language]) -> list[str]:
    return [text for part in sentences if (text := _telling(part, languages))]


# --- courtesy ------------------------------------------------------------------------------------------------


def _telling(sentence: str, languages: Sequence[Language]) -> str:
    """What a sentence says beside courtesy; "" where it says nothing else."""
    return min((_without_courtesy(sentence, language) for language in languages), key=len)


def _without_courtesy(sentence: str, language: Language) -> str:
    introduction = language.expression("message", "introduction").match(searchable(sentence).lstrip(" ."))
    if introduction is not None:
        _, comma, behind = sentence.partition(",")
        return _without_courtesy(behind.strip(), language) if comma and is_question(sentence) else ""
    cover = Cover(language, sentence)
    phrases = cover.take("message", "courtesy")
    polite = [*phrases, *cover.take("small_talk", *SMALL_TALK)]
    if not polite:
        return sentence
    cover.take("small_talk", "filler")
    rest = cover.rest()
    if not rest:
        return ""
    start = _front(sentence, rest[0][0], phrases, polite)
    end = _back(sentence, rest[-1][1], polite)
    if (start, end) == (0, len(sentence)):
        return sentence
    kept = sentence[start:end].lstrip(_EDGES)
    kept = kept if end == len(sentence) else kept.rstrip(_EDGES)
    return _without_courtesy(f"{kept}?" if is_question(sentence) and not is_question(kept) else kept, language)


def _front(sentence: str, first: int, phrases: Sequence[Span], polite: Sequence[Span]) -> int:
    """Where the courtesy ends with which a sentence begins: at a mark, or with a phrase that stands nowhere else."""
    ends = [match.end() for match in _MARKS.finditer(sentence, 0, first)]
    ends += [end for _, end in phrases if end <= first]
    return max((end for end in ends if any(stop <= end for _, stop in polite)), default=0)


def _back(sentence: str, last: int, polite: Sequence[Span]) -> int:
    """Where the courtesy begins with which a sentence ends: at a mark."""
    starts = [match.start() for match in _MARKS.finditer(sentence, last)]
    return min((at for at in starts if any(start >= at for start, _ in polite)), default=len(sentence))


# --- what asks -----------------------------------------------------------------------------------------------


def _asking(said: Sequence[str], languages: Sequence[Language]) -> list[bool]:
    """Of each sentence, whether it asks: those with a question mark and those that begin as a wish to be told
    something; where there is neither, those that begin with a question word, or at last those that hold one where such
    words join no clauses ("I am not sure what happened")."""
    marked = [is_question(text) for text in said]
    wished = [any(_is_request(text, language) for language in languages) for text in said]
    asking = [mark or wish for mark, wish in zip(marked, wished, strict=True)]
    own = languages[0]
    joining = not own.question_words.isdisjoint(own.word_set("words", "clause"))
    for first in (_OPENING,) if joining else (_OPENING, None):
        if not any(asking):
            asking = [_has_question_word(text, own, first) for text in said]
    return asking


def _is_request(text: str, language: Language) -> bool:
    cover = Cover(language, text)
    cover.take("small_talk", "filler")
    free = cover.free(" ").lstrip(" .")
    return language.expression("message", "request").match(free) is not None


def _has_question_word(text: str, language: Language, first: int | None) -> bool:
    if not language.spaced:
        return language.finds(text, "words", "question")
    return not language.question_words.isdisjoint(words_of(text)[:first])


# --- what a question points to -------------------------------------------------------------------------------


def _pointed_to(
    place: int, said: Sequence[str], asking: Sequence[bool], language: Language, analyser: Analyser, known: Known
) -> Iterator[int]:
    """Places of the sentences that a question needs to be understood, of those next to it."""
    near = list(_beside(place, asking))
    question = said[place]
    if not near:
        return
    if points_back(question, language) or not (telling := _telling_words(question, language)):
        yield from near
        return
    named = any(map(str.isalpha, "".join(names(question, analyser, language.code, amounts=False))))
    for other in near:
        tokens = names(said[other], analyser, language.code, amounts=False)
        tokens = [] if named else [token for token in tokens if any(map(str.isalpha, token))]
        if telling <= _FEW:
            tokens += content_tokens(said[other], language.code, analyser)
        if tokens and known(tokens):
            yield other


def _beside(place: int, asking: Sequence[bool]) -> Iterator[int]:
    """The sentences right before a question, up to another question; of the first question those behind it where none
    stands before."""
    before = range(place - 1, max(-1, place - 1 - _NEAR), -1)
    behind = range(place + 1, min(len(asking), place + 1 + _NEAR))
    for way in (before, behind if not place else ()):
        for other in way:
            if asking[other]:
                break
            yield other


def points_back(question: str, language: Language) -> bool:
    """Whether a pronoun of a question stands for what was said before. One with a capital inside a sentence ("Sie",
    "IT") addresses or names, and one that only accents tell from an article is the article ("el", "él")."""
    cover = Cover(language, question)
    cover.take("follow_up", "not_pronoun")
    spans = cover.take("follow_up", "pronoun")
    begins = len(cover.text) - len(cover.text.lstrip(" \t\n¿¡\"'“„«("))
    spelled = frozenset(map(compose, language.listed("follow_up", "pronoun")))
    articles = language.word_set("words", "article")
    for start, end in spans:
        word = cover.text[start:end]
        if (start == begins or not word[0].isupper()) and (fold(word) not in articles or word.lower() in spelled):
            return True
    return False


def _telling_words(question: str, language: Language) -> int:
    """How many words of a question say something; where they have no spaces between them, 0 for few characters."""
    if language.spaced:
        return len(set(words_of(question)) - language.function_words)
    cover = Cover(language, question)
    cover.take("words", "question")
    cover.take("words", "function")
    left = sum(end - start for start, end in cover.rest())
    return 0 if left <= _FEW_CHARACTERS else left

"""The trade's own terms: words that its documents use far more than general language does.

A word's keenness is its log-likelihood ratio (Dunning 1993; Rayson and Garside 2000) between the documents and general
language, whose frequencies come from wordfreq (Speer 2022: Wikipedia, subtitles, news, books, web). Kept are words that
stand in several documents and at least eight times as often here as elsewhere; codes (`NV-110`) count whatever their
frequency. A word in another script than the expert's is held against the language of that script. In a language that
wordfreq does not have there is nothing to hold the words against: only codes are terms.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import regex

from metier.core.errors import needing
from metier.text.analyzer import Analyser
from metier.text.detection import detect
from metier.text.morphology import same_word
from metier.text.normalization import fold

_CODE = regex.compile(r"(?=[\p{L}\p{N}./-]*\p{L})(?=[\p{L}\p{N}./-]*\p{N})[\p{L}\p{N}]+(?:[-./][\p{L}\p{N}]+)*")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]+")
_WORD = regex.compile(r"\p{L}[\p{L}\p{M}\u200c\u200d]*(?:-\p{L}[\p{L}\p{M}]*)*")
_DIGIT = regex.compile(r"\d")
_ALIKE = 2  # characters that all forms of a word begin with
_LONGEST_UNSPACED = 4  # characters of a word that is looked for where no spaces are written
_LEAST_COUNT, _LEAST_DOCUMENTS = 3, 2
_TIMES = 8  # as often as in general language
_RAREST = 1e-8  # per word; what wordfreq does not know is taken to be this rare
_KEEN = 15.13  # log-likelihood ratio at p < 0.0001, one degree of freedom


@dataclass(frozen=True, slots=True)
class Term:
    """`text`: as it is written most often. `count`: in the documents. `keenness`: log-likelihood ratio, 0 for codes."""

    text: str
    count: int
    keenness: float


def find_terms(texts: Iterable[str], language: str = "en", most: int = 300) -> tuple[Term, ...]:
    """The `most` keenest terms, best first, codes behind. `texts`: of the documents, or of their passages."""
    counts, documents = Counter[str](), Counter[str]()
    spelled: dict[str, Counter[str]] = {}
    for text in texts:
        found = list(candidates(text, language))
        for word in found:
            spelled.setdefault(word.casefold(), Counter())[word] += 1
        counts.update(word.casefold() for word in found)
        documents.update({word.casefold() for word in found})
    languages = {word: detect(word, language) for word in counts if not is_code(word)}
    totals = Counter[str]()  # words, by language
    for word, spoken in languages.items():
        totals[spoken] += counts[word]
    least = min(_LEAST_DOCUMENTS, len(documents) and max(documents.values()))
    terms = []
    for word, count in counts.items():
        if count < _LEAST_COUNT or documents[word] < least:
            continue
        of = languages.get(word)
        frequencies = general_language(of) if of else {}
        keenness = _keenness(count, totals[of], frequencies.get(word, _RAREST)) if of and frequencies else 0.0
        if of is None or keenness >= _KEEN:
            terms.append(Term(spelled[word].most_common(1)[0][0], count, keenness))
    return tuple(sorted(terms, key=lambda term: (-term.keenness, -term.count, term.text))[:most])


def term_recall(text: str, answers: Sequence[str], terms: Sequence[Term], language: str = "en") -> float | None:
    """Share of the terms of an accepted answer that the text uses, in whatever form; the best over the answers that
    have any, None where none has."""
    analyser = Analyser(language)
    known = {tokens for term in terms if (tokens := tuple(analyser.tokens(term.text)))}
    said = _held(text, known, analyser)
    wanted = [held for answer in answers if (held := _held(answer, known, analyser))]
    return max((len(held & said) / len(held) for held in wanted), default=None)


def general_language(language: str) -> dict[str, float]:
    """Share of each word in general language, empty where it is not known. Raises `MetierError` where wordfreq is not
    installed."""
    with needing("exam"):
        import wordfreq
    code = language.split("-")[0]
    return wordfreq.get_frequency_dict(code) if code in wordfreq.available_languages() else {}


def candidates(text: str, language: str) -> Iterable[str]:
    """Words and codes of a text that may be terms, as they are written."""
    text = fold(text)
    yield from _CODE.findall(text)
    spaced = _UNSPACED.sub(" ", _CODE.sub(" ", text))
    yield from _WORD.findall(spaced)
    for run in _UNSPACED.findall(text):
        yield from _cut(run, general_language(detect(run, language)))


def _cut(run: str, frequencies: dict[str, float]) -> Iterable[str]:
    """Words of a run without spaces: the longest that general language knows, from the left; else one character."""
    at = 0
    while at < len(run):
        lengths = range(min(_LONGEST_UNSPACED, len(run) - at), 1, -1)
        length = next((n for n in lengths if run[at : at + n] in frequencies), 1)
        if length > 1:
            yield run[at : at + length]
        at += length


def is_code(word: str) -> bool:
    return bool(_CODE.fullmatch(word))


def _keenness(count: int, total: int, general: float) -> float:
    """2 * count * ln(count / expected) with general language taken as known exactly; 0 for a word that is no more
    frequent than `_TIMES` as often as there."""
    expected = general * total
    return 2 * count * math.log(count / expected) if count >= _TIMES * expected else 0.0


def _held(text: str, known: set[tuple[str, ...]], analyser: Analyser) -> set[tuple[str, ...]]:
    """Where there is no stemmer (Bengali), a word with an ending counts as the word of a term that it is a form of."""
    single = {word: word for term in known for word in term}
    starting: dict[str, list[str]] = {}
    for word in single:
        starting.setdefault(word[:_ALIKE], []).append(word)
    tokens = [
        single.get(t) or _form_of(t, starting.get(t[:_ALIKE], ()), analyser.language) for t in analyser.tokens(text)
    ]
    longest = max(map(len, known), default=0)
    runs = {tuple(tokens[at : at + n]) for n in range(1, longest + 1) for at in range(len(tokens) - n + 1)}
    return runs & known


def _form_of(token: str, words: Iterable[str], language: str) -> str:
    if _DIGIT.search(token):
        return token
    return next((word for word in words if same_word(word, token, language)), token)

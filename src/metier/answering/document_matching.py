"""Which document is meant by "the minutes of February", "the Tallhed contract" or "plan.docx"."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import regex
from rapidfuzz import fuzz

from metier.answering.document_info import DocumentInfo
from metier.answering.support.names import personal_titles
from metier.text.analyzer import Analyser
from metier.text.dates import TimeMention, take_times
from metier.text.detection import ranked
from metier.text.language import Language, all_languages, words_of
from metier.text.phrase_cover import Cover

_SAME_STEM = 0.7  # share of a word that its forms begin with alike
_MISSPELT, _LONG = 92, 9  # similarity (0..100) of two spellings of a word of at least so many letters
_MATCHED = 0.72  # share of what names a document that has to be found in its title, name, author or date
_CLEAR = 0.85  # documents within this share of the best match are meant as well
_NAMED = 0.5  # share of a title that names its document where nothing else does
_MOST_MEANT = 3
_WEAK_NOUN = 0.15  # weight of "report" or "mail" where no document is called so
_NOUN = 0.5  # by which it counts less than another word where some are


def match_documents(
    named: str, documents: Sequence[DocumentInfo], languages: Sequence[Language] | None = None
) -> list[DocumentInfo]:
    """The documents meant by `named` ("the minutes of February", "Tallhed contract", "plan.docx"): the one that fits
    best by title, file name, author and date, several where they fit alike, none where none does or too many do."""
    spoken = ranked(named, languages or all_languages())
    named = _without_length(named, spoken)
    if whole := [info for info in documents if info.name.casefold() in named.casefold() and "." in info.name]:
        return _best_of(whole)
    times, rest = _times(named, spoken)
    # "the mail to Mannion", where nothing else bears the name
    for recipients in (False, True) if any(info.recipients for info in documents) else (False,):
        matcher = _Matcher(documents, spoken, recipients)
        for part, left_out in _parts(rest, spoken):
            if matcher.is_known(left_out):
                break
            if found := matcher.match(part, times):
                return found
    return []


def _best_of(infos: list[DocumentInfo]) -> list[DocumentInfo]:
    return sorted(infos, key=lambda info: info.latest_day, reverse=True) if len(infos) <= _MOST_MEANT else []


def _without_length(named: str, languages: Sequence[Language]) -> str:
    """Without "in three sentences", "about 150 to 200 words"."""
    for language in languages:
        cover = Cover(language, named)
        for start, end in cover.take("document", "length"):
            cover.mark((start, end))
        named = "".join(" " if done else one for one, done in zip(cover.text, cover.covered, strict=True)).strip()
    return named


def _times(named: str, languages: Sequence[Language]) -> tuple[list[TimeMention], str]:
    """The days, months and years that are named, and the rest of the words."""
    times: list[TimeMention] = []
    for language in languages:
        found = [mention for mention in take_times(Cover(language, named)) if mention.kind in ("date", "month", "year")]
        if len(found) > len(times):
            times = found
    for mention in times:
        start, end = mention.span
        named = named[:start] + " " * (end - start) + named[end:]
    return times, named


def _parts(named: str, languages: Sequence[Language]) -> Iterator[tuple[str, str]]:
    """The words as they are, then without what follows a comma or a function word, and what that is, the longest part
    first: "the contract of Grisselby | for a new colleague". A number is never left out: it would be another's."""
    small = frozenset(word for language in languages for word in language.function_words)
    yield named, ""
    for match in reversed(list(regex.finditer(r"[,;:(]|\s(?=([\p{L}\p{M}]+)\s)", named))):
        part, left_out = named[: match.start()].strip(), named[match.start() :]
        if regex.search(r"\p{N}", left_out):
            return
        if part and (match[1] is None or words_of(match[1])[0] in small):
            yield part, left_out


def alike(first: str, second: str) -> bool:
    """Whether two words are forms of one word (they begin alike), or spellings of a long one."""
    if first == second:
        return True
    if min(len(first), len(second)) < 4 or first.isdigit():
        return False
    same = next((n for n, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), None)
    same = min(len(first), len(second)) if same is None else same
    if same >= max(4, _SAME_STEM * max(len(first), len(second))):
        return True
    return min(len(first), len(second)) >= _LONG and fuzz.ratio(first, second) >= _MISSPELT


class _Matcher:
    """Compares words with those of all documents; a word that many documents have says little."""

    def __init__(
        self, documents: Sequence[DocumentInfo], languages: Sequence[Language], recipients: bool = False
    ) -> None:
        self._documents = documents
        self._analyser = Analyser(languages[0].code if languages else "en")
        self._function_words = frozenset(word for language in languages[:3] for word in language.function_words)
        particles = [word for one in languages if not one.spaced for word in one.function_words if len(word) == 1]
        self._particles = regex.compile(f"[{''.join(particles)}]") if particles else regex.compile(r"(?!)")
        self._nouns = frozenset(
            token
            for language in languages
            for noun in (*language.document_nouns, *language.listed("slots", "documents"))
            for token in self._analyser.tokens(" ".join(words_of(noun.replace("*", ""))))
        )
        self._titles = [self._tokens(info.title) for info in documents]
        self._names = [self._tokens(regex.sub(r"[_.]+", " ", info.name.rpartition(".")[0])) for info in documents]
        self._words = [
            self._titles[n]
            | self._names[n]
            | self._tokens(
                regex.sub(r"[_/.]+", " ", f"{info.uri} / {info.authors} / {info.recipients if recipients else ''}")
            )
            for n, info in enumerate(documents)
        ]

    def match(self, named: str, times: Sequence[TimeMention]) -> list[DocumentInfo]:
        wanted = list(self._tokens(named))
        frequency = {word: sum(self._is_in(word, words) for words in self._words) for word in wanted}
        weights = {word: self._weight(word, frequency[word]) for word in wanted}
        total = sum(weights.values()) + len(times)
        if not total:
            return []
        scores = []
        for n, info in enumerate(self._documents):
            found = {word for word in wanted if self._is_in(word, self._words[n])}
            dated = sum(_is_of(mention, info) for mention in times)
            missing = dated < len(times) or any(word.isdigit() and word not in found for word in wanted)
            # "the minutes of April" are not the mail of April where other documents are called minutes.
            missing = missing or (not found and any(frequency.values()))
            fits = not missing and self._is_specific(n, wanted, found, bool(times))
            scores.append((sum(weights[word] for word in found) + dated) / total if fits else 0.0)
        best = max(scores, default=0.0)
        if best < _MATCHED:
            return []
        least = max(_MATCHED, _CLEAR * best)
        return _best_of([info for info, score in zip(self._documents, scores, strict=True) if score >= least])

    def _is_specific(self, n: int, wanted: Sequence[str], found: set[str], dated: bool) -> bool:
        """Whether the words name a document and not a thing that it speaks of: they give half of its title or file
        name, or its sort, author or date."""
        if dated or any(map(self._is_noun, wanted)):
            return bool(found) or dated
        return any(
            name and sum(any(alike(word, other) for word in found) for other in name) >= _NAMED * len(name)
            for name in (self._titles[n], self._names[n])
        )

    def _tokens(self, text: str) -> frozenset[str]:
        text = self._particles.sub(" ", text)
        words = [word for word in words_of(text) if word not in self._function_words and word not in personal_titles()]
        return frozenset(self._analyser.tokens(" ".join(words)))

    def _is_noun(self, word: str) -> bool:
        return word in self._nouns or any(alike(word, noun) for noun in self._nouns)

    def is_known(self, text: str) -> bool:
        """Whether any word of a text is in the title, name or author of a document."""
        return any(self._is_in(word, words) for word in self._tokens(text) for words in self._words)

    def _is_in(self, word: str, words: frozenset[str]) -> bool:
        return word in words or any(alike(word, other) for other in words)

    def _weight(self, word: str, frequency: int) -> float:
        noun = self._is_noun(word)
        if not frequency and noun:
            return _WEAK_NOUN
        most = math.log(1 + len(self._documents) / 0.5)
        return (_NOUN if noun else 1.0) * math.log(1 + len(self._documents) / (frequency + 0.5)) / most


def _is_of(mention: TimeMention, info: DocumentInfo) -> bool:
    """Whether a document is of that year, month or day; of that month of any year where none is said."""
    if info.dated is None:
        return False
    first, last = info.dated
    if mention.fixed:
        period = mention.period(last)
        return info.is_of(period) and (mention.month is None or first.month == last.month)
    return first.month == last.month == mention.month and mention.day in (None, first.day)

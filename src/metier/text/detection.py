"""Which language a text is written in: told by its script, and inside a script by its words.

Between the languages that have a file in `languages/`, each word votes: by the function words of the file ("wie", "das"
are German), else by its letters, compared in threes with those of all that the file holds. That tells a question of
three words or more. Where the votes are close, or a text is in a language without a file, the expected one is taken.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import lru_cache

import regex

from metier.text.language import SPELLINGS, Language, codes
from metier.text.phrases import compose

# Script to the language that is most likely written in it.
_SCRIPTS = {
    "Bengali": "bn", "Devanagari": "hi", "Arabic": "ar", "Han": "zh", "Hiragana": "ja", "Katakana": "ja",
    "Hangul": "ko", "Thai": "th", "Tamil": "ta", "Telugu": "te", "Gujarati": "gu", "Gurmukhi": "pa", "Kannada": "kn",
    "Malayalam": "ml", "Sinhala": "si", "Cyrillic": "ru", "Greek": "el", "Hebrew": "he", "Georgian": "ka",
    "Armenian": "hy", "Ethiopic": "am", "Khmer": "km", "Lao": "lo", "Myanmar": "my", "Latin": "en",
}  # fmt: skip
_RUN = regex.compile("|".join(rf"(?P<{name}>\p{{Script={name}}}+)" for name in _SCRIPTS))
_LOOK_AT = 20_000  # characters
_VOTERS = 60  # words
_SLOT = regex.compile(r"\{\w+\}")
_WORD = regex.compile(r"[\p{L}\p{M}]+")
# Shares of running text: function words, and all others together.
_FUNCTION_SHARE = 0.45
_MARGIN = 3.0  # nats by which another language must be likelier than the expected one
_LEAST_KNOWN = 0.2  # share of function words, without which no other language is believed
_WIDE_MARGIN, _LEAST_WITH_WIDE = 12.0, 0.14  # or this share of them, where the letters speak clearly
_LEAST_KNOWN_OVER_UNKNOWN = 0.4  # the same where the expected language has no file
_SMOOTHING = 0.2


def script_of(language: str) -> str:
    """Unicode name of the script a language is written in; Latin where it is not known to be another."""
    return Language.of(language).script


def detect(text: str, expected: str = "en") -> str:
    """BCP-47 code of the language `text` is most likely in; `expected` where nothing speaks clearly against it."""
    text = text[:_LOOK_AT]
    letters: Counter[str] = Counter()
    for run in _RUN.finditer(text):
        letters[str(run.lastgroup)] += len(run.group())
    if not letters:
        return expected
    if letters["Hiragana"] + letters["Katakana"] > 0.1 * letters.total():
        return "ja"
    script = letters.most_common(1)[0][0]
    own = script_of(expected) == script
    return _by_words(text, script, expected) if own else _by_words(text, script, _SCRIPTS[script])


# --- inside a script -----------------------------------------------------------------------------------------


def _by_words(text: str, script: str, expected: str) -> str:
    voters = _voters(script)
    own = expected.split("-")[0]
    if not voters or (len(voters) == 1 and own in voters):
        return expected
    words = [word.casefold() for word in _WORD.findall(compose(text))]
    words = [word for word in words if len(word) > 1 or word in voters[next(iter(voters))].function][:_VOTERS]
    if len(words) < 2:
        return expected
    scores = {code: sum(voter.weigh(word) for word in words) for code, voter in voters.items()}
    best = max(scores, key=lambda code: scores[code])
    known = sum(word in voters[best].function for word in words) / len(words)
    if best == own:
        return expected
    if own in scores:
        margin = scores[best] - scores[own]
        clear = (margin >= _MARGIN and known >= _LEAST_KNOWN) or (margin >= _WIDE_MARGIN and known >= _LEAST_WITH_WIDE)
    else:
        second = max((score for code, score in scores.items() if code != best), default=-math.inf)
        clear = scores[best] - second >= _MARGIN and known >= _LEAST_KNOWN_OVER_UNKNOWN and len(words) >= 3
    return best if clear else expected


class _Voter:
    """How likely words are in one language."""

    def __init__(self, language: Language) -> None:
        self.function: frozenset[str] = frozenset(
            compose(word).casefold()
            for name in ("function", "question")
            for phrase in language.listed("words", name)
            for word in _WORD.findall(phrase)
        )
        self._threes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for word in _words_of_file(language):
            padded = f"  {word} "
            for end in range(3, len(padded) + 1):
                self._threes[padded[end - 3 : end - 1]][padded[end - 1]] += 1
        self.weigh = lru_cache(maxsize=20_000)(self._log_likelihood)

    def _log_likelihood(self, word: str) -> float:
        if word in self.function:
            return math.log(_FUNCTION_SHARE / len(self.function))
        padded = f"  {word} "
        total = math.log(1 - _FUNCTION_SHARE)
        for end in range(3, len(padded) + 1):
            after = self._threes.get(padded[end - 3 : end - 1])
            seen, all_seen = (after[padded[end - 1]], after.total()) if after else (0, 0)
            total += math.log((seen + _SMOOTHING) / (all_seen + _SMOOTHING * 30))
        return total


def _words_of_file(language: Language) -> list[str]:
    """Each once: how often a word stands in the file says nothing of the language."""
    texts = [language.refusal]
    spoken = [fields for section, fields in language.phrases.items() if section not in SPELLINGS]
    texts.extend(phrase for fields in spoken for phrases in fields.values() for phrase in phrases)
    texts.extend(text for fields in language.texts.values() for text in fields.values())
    texts.extend(name for names in language.names.values() for name in names)
    return sorted(set(_WORD.findall(_SLOT.sub(" ", compose("\n".join(texts)).casefold()))))


@lru_cache(maxsize=32)
def _voters(script: str) -> dict[str, _Voter]:
    """By code, for the languages of a script that have a file and spaces between words."""
    written = (language for language in map(Language.of, codes()) if language.spaced and language.script == script)
    return {language.code: _Voter(language) for language in written}


def in_script_of(text: str, languages: Sequence[str] | None = None) -> list[Language]:
    """Those of `languages` (codes; None = all that have a file) in whose script some of a text is."""
    scripts = {str(run.lastgroup) for run in _RUN.finditer(text[:_LOOK_AT])}
    unspaced = bool(scripts & {"Han", "Hiragana", "Katakana"})
    found = map(Language.of, codes() if languages is None else languages)
    return [language for language in found if (language.script in scripts if language.spaced else unspaced)]


def ranked(text: str, languages: Sequence[Language]) -> list[Language]:
    """`languages` by how likely `text` is in them, as far as its words tell. The first of them stays first unless
    another is clearly likelier."""
    words = [word.casefold() for word in _WORD.findall(compose(text))][:_VOTERS]
    head_start = _MARGIN * (1 + 3 / max(1, len(words)))  # a word or two tell little

    def score(language: Language) -> float:
        voter = _voters(script_of(language.code)).get(language.code)
        if voter is None:
            return -math.inf
        return sum(map(voter.weigh, words)) + (head_start if language is languages[0] else 0.0)

    return sorted(languages, key=lambda language: -score(language))


# As `detect`, of a text as short as a passage's: a question asks it of the same passages in several places.
detect_passage = lru_cache(maxsize=4096)(detect)

"""Which language a text is written in, as far as its script tells.

Enough to choose a sentence splitter, an OCR model and the language of a refusal. Languages that share a script are
not told apart: a text in the script of the expert's own language is taken to be in that language.
"""

from __future__ import annotations

from collections import Counter

import regex

_SCRIPTS = {
    "Bengali": "bn", "Devanagari": "hi", "Arabic": "ar", "Han": "zh", "Hiragana": "ja", "Katakana": "ja",
    "Hangul": "ko", "Thai": "th", "Tamil": "ta", "Telugu": "te", "Gujarati": "gu", "Gurmukhi": "pa", "Kannada": "kn",
    "Malayalam": "ml", "Sinhala": "si", "Cyrillic": "ru", "Greek": "el", "Hebrew": "he", "Georgian": "ka",
    "Armenian": "hy", "Ethiopic": "am", "Khmer": "km", "Lao": "lo", "Myanmar": "my", "Latin": "en",
}  # fmt: skip
_OF_LANGUAGE = {code: script for script, code in _SCRIPTS.items()} | {
    "ja": "Hiragana", "mr": "Devanagari", "ne": "Devanagari", "fa": "Arabic", "ur": "Arabic", "uk": "Cyrillic",
    "bg": "Cyrillic", "sr": "Cyrillic", "as": "Bengali",
}  # fmt: skip
_RUN = regex.compile("|".join(rf"(?P<{name}>\p{{Script={name}}}+)" for name in _SCRIPTS))
_LOOK_AT = 20_000  # characters


def script_of(language: str) -> str:
    """Unicode name of the script a language is written in; Latin where it is not known to be another."""
    return _OF_LANGUAGE.get(language.split("-")[0], "Latin")


def detect(text: str, expected: str = "en") -> str:
    """BCP-47 code of the language `text` is most likely in; `expected` where the script does not speak against it."""
    letters: Counter[str] = Counter()
    for run in _RUN.finditer(text[:_LOOK_AT]):
        letters[str(run.lastgroup)] += len(run.group())
    if not letters:
        return expected
    if letters["Hiragana"] + letters["Katakana"] > 0.1 * letters.total():
        return "ja"
    script = letters.most_common(1)[0][0]
    return expected if script_of(expected) == script else _SCRIPTS[script]

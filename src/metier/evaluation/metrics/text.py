"""How close a text comes to the accepted answers, in any script.

    exact_match    the same words and numbers, nothing more
    token_f1       harmonic mean of the shares of common words (Rajpurkar et al. 2016, "SQuAD", arXiv 1606.05250, 6.1)
    rouge_l        F-measure over the longest common subsequence of words (Lin 2004, "ROUGE: A Package for Automatic
                   Evaluation of Summaries", 3.1, with beta = 1; the whole text is one sequence, nothing is stemmed)
    contains       whether an accepted answer stands in the text, as whole words and numbers

Words are compared folded (`folding`), without case and punctuation; a number has one spelling and keeps its sign, a
code is one word (`NV-110`, `NV110`). Scripts without spaces (Chinese, Japanese, Thai, Khmer …) are taken by
characters with their marks. Of several accepted answers the best counts; an empty text is worth 0.

`language` is that of text and answers: it says how numbers are written, and which words are articles, which are
dropped in English alone. `hepatitis A` keeps its A.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import regex
from rapidfuzz.distance import LCSseq

from metier.evaluation.metrics import units
from metier.text.morphology import same_word
from metier.text.normalization import CODE, fold, plain_number
from metier.text.phrases import UNSPACED

_WORD = regex.compile(
    rf"[{UNSPACED}]\p{{M}}*"
    r"|(?:(?<![\p{L}\p{M}\p{N}%°)\]])[-–])?\d++(?:[.,]\d++)*+(?![\p{L}\p{M}--[" + UNSPACED + r"]])"
    rf"|[[\p{{L}}\p{{M}}\p{{N}}]--[{UNSPACED}]]+[+#]*",
    regex.V1,
)
_DIGIT = regex.compile(r"\d")
_NUMBER = regex.compile(r"[-–]?(\d+(?:[.,]\d+)+)|–(\d+)")
_ARTICLE = regex.compile(r"(?<![\p{L}\p{M}\p{N}'-])(?:(?i:the)|[Aa]n|a)(?=\s+[\p{L}\p{N}])|^\s*A(?=\s+[\p{L}\p{N}])")
_POSSESSIVE = regex.compile(r"(?<=[\p{L}\p{N}])'s(?![\p{L}\p{M}])")
_WITH_UNIT = regex.compile(
    r"(?<![\p{L}\p{M}\p{N}])(\d+(?:[.,]\d+)*)([\p{Latin}\p{Greek}]+)(?![\p{L}\p{N}]|-\d)"
)  # 840Nm
# Where a word of another script is written onto a number: ৩০টি, و5.
_ONTO_NUMBER = regex.compile(r"(?<=\d)(?=[\p{L}--[\p{Latin}\p{Greek}\p{Cyrillic}]])|(?<=\p{Arabic})(?=\d)", regex.V1)


def words(text: str, language: str = "en") -> tuple[str, ...]:
    """Words, numbers and characters in order, as they are compared."""
    return _words(text, language.split("-")[0])


def exact_match(text: str, answers: Sequence[str], language: str = "en") -> float:
    """1 where the text is one of the answers, else 0."""
    said = _joined(words(text, language))
    return float(any(said and said == _joined(words(answer, language)) for answer in answers))


def token_f1(text: str, answers: Sequence[str], language: str = "en") -> float:
    """0..1."""
    said = words(text, language)
    wanted = [words(answer, language) for answer in answers]
    return max((_f1((Counter(said) & Counter(each)).total(), len(said), len(each)) for each in wanted), default=0.0)


def rouge_l(text: str, answers: Sequence[str], language: str = "en") -> float:
    """0..1."""
    said = words(text, language)
    wanted = [words(answer, language) for answer in answers]
    return max((_f1(LCSseq.similarity(said, each), len(said), len(each)) for each in wanted), default=0.0)


def contains(text: str, answers: Sequence[str], language: str = "en") -> bool:
    """Whether one of the answers stands in the text. A word may have another ending where that is safe, see
    `inflection`; 320 is found neither in 1320 nor in 3.20 nor in NV-320. Units are as they are written: `numbers`
    knows that 320 kg are 320 kilograms."""
    said = words(text, language)
    return any(places(said, words(answer, language), language) for answer in answers)


def places(said: Sequence[str], wanted: Sequence[str], language: str = "en") -> list[tuple[int, int]]:
    """(first, behind the last) of the words of `said` that are `wanted`, from left to right without overlaps. Written
    as one word or as several is the same (`NV 110`, `card arrival`), but two numbers are never joined."""
    found, at = [], 0
    while wanted and at < len(said):
        end = _joined_end(said, at, _joined(wanted)) or _inflected_end(said, at, wanted, language)
        if end:
            found.append((at, end))
        at = end or at + 1
    return found


@lru_cache(maxsize=2048)  # one answer is held against the same text by every metric
def _words(text: str, language: str) -> tuple[str, ...]:
    text = _POSSESSIVE.sub("", fold(text))
    if language == "en":
        text = _ARTICLE.sub(" ", text)
    text = CODE.sub(lambda match: match.group().replace("-", ""), text)
    text = _ONTO_NUMBER.sub(" ", _WITH_UNIT.sub(_apart, text)).casefold()
    return tuple(_spelled(match.group(), language) for match in _WORD.finditer(text))


def _joined_end(said: Sequence[str], start: int, wanted: str) -> int | None:
    for end in range(start + 1, len(said) + 1):
        so_far = _joined(said[start:end])
        if so_far == wanted:
            return end
        if not wanted.startswith(so_far):
            return None
    return None


def _inflected_end(said: Sequence[str], start: int, wanted: Sequence[str], language: str) -> int | None:
    end = start + len(wanted)
    if end > len(said):
        return None
    pairs = zip(wanted, said[start:end], strict=True)
    return end if all(one == other or _is_form(one, other, language) for one, other in pairs) else None


def _is_form(wanted: str, said: str, language: str) -> bool:
    """A number and a code have no other form."""
    return not _DIGIT.search(wanted + said) and same_word(wanted, said, language)


def _joined(parts: Sequence[str]) -> str:
    """Without gaps but between numbers, where a gap makes a difference."""
    text = ""
    for part in parts:
        text += f" {part}" if text and text[-1].isdigit() and part[0] in "-0123456789" else part
    return text


def _apart(match: regex.Match[str]) -> str:
    return f"{match[1]} {match[2]}" if units.is_symbol(match[2]) else match.group()


def _spelled(word: str, language: str) -> str:
    if not (match := _NUMBER.fullmatch(word)):
        return word
    digits = match[1] or match[2]
    return ("-" if word[0] in "-–" else "") + (plain_number(digits, language) or digits)


def _f1(common: float, said: int, wanted: int) -> float:
    """Harmonic mean of common/said and common/wanted."""
    return 2 * common / (said + wanted) if common else 0.0

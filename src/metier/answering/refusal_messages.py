"""What is said where the documents hold no answer, and whether a model says so itself."""

from __future__ import annotations

import regex

from metier.text.detection import in_script_of, ranked
from metier.text.language import Language, words_of
from metier.text.phrase_cover import Cover
from metier.text.phrases import PIECE, compose, fold, searchable
from metier.text.sentences import sentence_spans

_LIKELIEST = 2  # languages of the script whose phrases are tried, beside English
_MARKUP = regex.compile(r"[*_`>#]+")
_STATED = 4  # words before a colon or semicolon that are a statement of their own
_BARE = 3  # words that a sentence may hold beside an apology


def refusal(language: str, override: str | None = None) -> str:
    """What is said when nothing was found, in the language of the question where it is known."""
    return override or Language.of(language).refusal or Language.of("en").refusal


def declines(text: str) -> bool:
    """Whether an answer says itself that the sources hold none: its first sentence does, apologies aside. What it adds
    ("the manual gives the torque of the NV-110, though") does not change that; a first sentence that answers does."""
    text = _MARKUP.sub(" ", compose(text)).strip()
    if not text:
        return True
    sentences = [text[start:end] for start, end in sentence_spans(text)] or [text]
    for number, sentence in enumerate(sentences):
        languages = _languages(sentence)
        if any(_says_nothing(sentence, language) for language in languages):
            return True
        if number >= 2 or not any(_only_apologises(sentence, language) for language in languages):
            return False
    return False


def _languages(text: str) -> list[Language]:
    """Those whose phrases may be in a text, the likeliest first."""
    written = in_script_of(text)
    likely = ranked(text, written)[:_LIKELIEST] if len(written) > _LIKELIEST else written
    return list(dict.fromkeys([*likely, *(language for language in written if language.code == "en")]))


def _says_nothing(sentence: str, language: Language) -> bool:
    known = fold(compose(language.refusal)).strip(" .。।!")
    if known and known in fold(sentence):
        return True
    if language.expression("decline", "alone").fullmatch(searchable(sentence).strip(" .")):
        return True
    match = language.expression("decline", "phrases").search(searchable(sentence))
    return match is not None and not _after_a_clause(sentence[: match.start()], language)


def _after_a_clause(before: str, language: Language) -> bool:
    """Whether something was stated before ("the pump has 5 kW, but …") or is a condition ("if the contract …")."""
    cover = Cover(language, before)
    if cover.take("decline", "sorry"):
        before = regex.sub(r"^\W+\w+", "", cover.free(" ")) if _opens_with_but(cover) else cover.free(" ")
    if not language.spaced:
        return bool(language.expression("decline", "but").search(searchable(before)))
    contrast = language.word_set("decline", "but")
    if any(word in contrast for word in PIECE.findall(fold(before))):
        return True
    stated = regex.split(r"[;:]\s", before)[0] if regex.search(r"[;:]\s", before) else ""
    return len(PIECE.findall(stated)) >= _STATED


def _opens_with_but(cover: Cover) -> bool:
    """ "I'm sorry, but" """
    words = PIECE.findall(cover.free(" "))
    return bool(words) and words[0] in cover.language.word_set("decline", "but")


def _only_apologises(sentence: str, language: Language) -> bool:
    cover = Cover(language, sentence)
    if not cover.take("decline", "sorry") and not cover.take("lead_in", "phrases"):
        return False
    return sum(len(words_of(cover.text[start:end])) for start, end in cover.rest()) <= _BARE

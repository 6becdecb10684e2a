"""Which of the documents that were found is replaced by another of them, because one of both says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import PurePosixPath

import regex

from metier.answering.document_dates import days_of
from metier.core.documents import Passage
from metier.ingestion.replacements import REPLACED_BY, REPLACES
from metier.text.analyzer import ascii_digits
from metier.text.language import all_languages, words_of
from metier.text.phrases import UNSPACED, compose, fold

_CODE = regex.compile(r"(?=\w*\p{N})(?=\w*\p{L})\w+(?:[-/.]\w+)*|\p{L}+(?:[-/]\w+)*[-/]\p{N}\w*(?:[-/]\w+)*")
_NUMBER = regex.compile(r"\p{N}+(?:\.\p{N}+)*")
_IN_UNSPACED = regex.compile(rf"[{UNSPACED}]{{2,}}")
_SIGNS = regex.compile(r"[\W_]+")
_CODE_LENGTH = 4  # signs of a code that names one document


def replaced(passages: Sequence[Passage]) -> dict[str, str]:
    """Ids of documents that are replaced, each with the id of the one that took its place."""
    documents = {passage.document_id: passage for passage in passages}
    found: dict[str, str] = {}
    for name, passage in documents.items():
        for key in (REPLACES, REPLACED_BY):
            said = passage.metadata.get(key, "")
            for other, there in documents.items() if said else ():
                if other != name and _is_named(said, there, passage):
                    old, new = (other, name) if key == REPLACES else (name, other)
                    if found.get(new) != old:  # two that replace each other say nothing
                        found[old] = new
    return found


def _is_named(said: str, document: Passage, by: Passage) -> bool:
    """Whether words name a document: by its code, or by all words of its title or file name, and by a number, year or
    version where both tell one. `by`: the document that says it, whose older versions need no name."""
    said = ascii_digits(fold(compose(said)))
    stem, title = PurePosixPath(document.uri).stem, document.title
    codes = {_joined(code) for code in _CODE.findall(said)}
    own = {_joined(code) for name in (stem, title) for code in _CODE.findall(ascii_digits(fold(compose(name))))}
    if any(len(code) >= _CODE_LENGTH for code in codes & own):
        return _fits(said, document)
    words = frozenset(_split(said))
    names = [telling for name in (title, stem) if (telling := _telling(name))]
    if any(telling <= words or _holds_unspaced(said, telling) for telling in names):
        return _fits(said, document)
    shares_name = any(telling == other for telling in names for other in _names_of(by))
    return shares_name and bool(_numbers(said)) and _fits(said, document)


def _holds_unspaced(said: str, name: frozenset[str]) -> bool:
    """Whether a name stands in a sentence of a script without spaces, where it is no word of its own."""
    return all(_IN_UNSPACED.fullmatch(word) and word in said for word in name)


def _names_of(document: Passage) -> list[frozenset[str]]:
    return [_telling(name) for name in (document.title, PurePosixPath(document.uri).stem)]


def _fits(said: str, document: Passage) -> bool:
    """Whether the years and versions that are said are among those of the document, where it has any."""
    wanted = _numbers(said)
    has = _numbers(ascii_digits(f"{PurePosixPath(document.uri).stem} {document.title}"))
    days = days_of(PurePosixPath(document.uri).name, document.title, document.metadata)
    if days is not None:
        has |= {str(days[0].year)}
    return not wanted or not has or not wanted.isdisjoint(has)


def _numbers(text: str) -> frozenset[str]:
    return frozenset(number.lstrip("0") for number in _NUMBER.findall(text))


def _joined(code: str) -> str:
    return _SIGNS.sub("", code)


@lru_cache(maxsize=4096)
def _telling(name: str) -> frozenset[str]:
    """The words of a name without numbers and marks of a version."""
    return frozenset(word for word in _split(ascii_digits(fold(compose(name)))) if word not in _marks())


def _split(text: str) -> list[str]:
    return [part for word in words_of(text.replace("_", " ")) for part in word.split("-") if not part.isdigit()]


@cache
def _marks() -> Mapping[str, None]:
    languages = all_languages()
    words = [*(w for each in languages for w in each.listed("words", "version")), "the", "a"]
    return dict.fromkeys(fold(compose(word)) for word in words)

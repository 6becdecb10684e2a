"""Which titles a person would use: not what programs put into files, not numbers of registers or names of files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePath

import regex

from metier.text.language import in_any_language
from metier.text.phrases import compose, fold

_LONGEST = 300  # characters
_FILE = regex.compile(
    r"(?i)\.(?:docx?|docm|dotx?|dotm|pptx?|xlsx?|od[tsp]|rtf|txt|md|indd|tex|dvi|qxd|pmd|pdf|x?html?|eml|tiff?|jpe?g|png|cdr)$"
    r"|^(?:[a-z]:\\|file:|https?:|/(?:tmp|home|users?|var)/)"
)
_PROGRAM = regex.compile(r"(?i)^(?:microsoft|ms) (?:word|powerpoint|excel|office)\b|^adobe .*\bpdf\b|^layout ?\d*$")
_COUNTED = regex.compile(r"[\s\d#._()\[\]<>-]+$")
_CAMERA = regex.compile(r"(?i)(?:img|dsc[nf]?|pxl|scan|doc|docs|image|photo|mvimg|fax)[-_ ]?\d{2,}[-_\d]*")
_IDENTIFIER = regex.compile(r"(?i)\{?[\da-f]{8}(?:-?[\da-f]{4}){3}-?[\da-f]{12}\}?|[a-z]{0,3}[\d._/\\-]+[a-z]{0,3}")
_SAVED = regex.compile(r"\p{Ll}+(?:-[\p{Ll}\d]+){2,}|[\p{L}\d.-]*_[\p{L}\d._-]*")
_CODE = regex.compile(r"(?<=\d)-(?=\d)|(?<![\p{L}\p{N}])\p{L}{1,4}-(?=\d)")  # dates and names of things: 2024-05, WT-07


# What would turn or hide the rest of a line wherever a title is shown; half characters cannot be kept.
_CONTROL = regex.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def tidied(title: str | None) -> str:
    return " ".join(_CONTROL.sub(" ", title or "").split())[:_LONGEST]


def is_title(text: str, *, saved: bool = False) -> bool:
    """Whether a person could have given this title. `saved`: it stands in the file's properties, where programs put the
    file's own name."""
    if len(text) < 2 or not any(c.isalpha() for c in text) or _PROGRAM.search(text) or _FILE.search(text):
        return False
    if _CAMERA.fullmatch(text) or (_IDENTIFIER.fullmatch(text) and sum(c.isdigit() for c in text) > 4):
        return False
    if saved and _SAVED.fullmatch(text):
        return False
    return _words(_COUNTED.sub("", text.strip(" ()[]<>{}.:*\"'-–"))) not in _untitled()


def is_issuer(text: str) -> bool:
    """A line of capitals that names a state or one of its agencies, as it stands above the title of a form: `UNITED
    STATES`, `MINISTRY OF HEALTH`."""
    words = _words(text).split(" ")
    if not text.isupper() or len(words) > 8 or any(c.isdigit() for c in text):
        return False
    return any(_opens(words, issuer) or words[-1] == issuer for issuer in _issuers())


def best_title(candidates: list[str], name: str) -> str:
    """The first of `candidates` that is a title, one that merely names an issuer last; else the file's name, made
    readable."""
    titles = [title for title in candidates if title]
    return next((title for title in titles if not is_issuer(title)), titles[0] if titles else readable(name))


def readable(name: str) -> str:
    """A file's name without its ending, blanks for underscores and hyphens: `annual_report-2023.pdf` -> `annual report
    2023`; hyphens of dates and of names (WT-07) stay."""
    stem = PurePath(name).stem
    kept = _CODE.sub(lambda match: match[0].replace("-", "\0"), stem)
    kept = kept.replace("_", " ") if " " in stem else regex.sub(r"[_-]", " ", kept)
    return tidied(kept.replace("\0", "-")) or stem


def _opens(words: list[str], issuer: str) -> bool:
    """Whether a line is an issuer's name, or begins with a word for one that is followed by what it is of."""
    of = issuer.split(" ")
    return words[: len(of)] == of and (len(words) == len(of) or len(words[len(of)]) < 4)


def _words(text: str) -> str:
    return " ".join(fold(compose(text)).split())


@lru_cache(maxsize=1)
def _untitled() -> frozenset[str]:
    return frozenset(map(_words, in_any_language("files", "untitled")))


@lru_cache(maxsize=1)
def _issuers() -> frozenset[str]:
    return frozenset(map(_words, in_any_language("files", "issuer")))

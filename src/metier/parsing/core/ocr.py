"""Text from pictures by the `tesseract` command, where it is installed.

Pictures go in through a pipe and words with their confidence come out, so nothing is written to disk. Tesseract
shares the worker's limits of memory and dies with it.
"""

from __future__ import annotations

import csv
import ctypes
import io
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from metier.core.errors import ParseError
from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Context, ParsingLimits
from metier.parsing.pdf.layout import join_lines

LANGUAGES = {
    "af": "afr", "am": "amh", "ar": "ara", "az": "aze", "be": "bel", "bg": "bul", "bn": "ben", "bs": "bos",
    "ca": "cat", "cs": "ces", "cy": "cym", "da": "dan", "de": "deu", "el": "ell", "en": "eng", "eo": "epo",
    "es": "spa", "et": "est", "eu": "eus", "fa": "fas", "fi": "fin", "fr": "fra", "ga": "gle", "gl": "glg",
    "gu": "guj", "he": "heb", "hi": "hin", "hr": "hrv", "hu": "hun", "hy": "hye", "id": "ind", "is": "isl",
    "it": "ita", "ja": "jpn", "ka": "kat", "kk": "kaz", "km": "khm", "kn": "kan", "ko": "kor", "ky": "kir",
    "la": "lat", "lo": "lao", "lt": "lit", "lv": "lav", "mk": "mkd", "ml": "mal", "mn": "mon", "mr": "mar",
    "ms": "msa", "mt": "mlt", "my": "mya", "nb": "nor", "ne": "nep", "nl": "nld", "no": "nor", "or": "ori",
    "pa": "pan", "pl": "pol", "ps": "pus", "pt": "por", "ro": "ron", "ru": "rus", "sa": "san", "si": "sin",
    "sk": "slk", "sl": "slv", "sq": "sqi", "sr": "srp", "sv": "swe", "sw": "swa", "ta": "tam", "te": "tel",
    "th": "tha", "tl": "tgl", "tr": "tur", "uk": "ukr", "ur": "urd", "uz": "uzb", "vi": "vie", "zh": "chi_sim",
    "zh-hant": "chi_tra", "zh-tw": "chi_tra", "zh-hk": "chi_tra",
}  # fmt: skip
_PR_SET_PDEATHSIG = 1
# Width, height, bits, compression, black is 0, place, samples of a pixel, rows and bytes: the tags of TIFF 6.0.
_TIFF_FIELDS = (256, 257, 258, 259, 262, 273, 277, 278, 279)
_GOOD = 60.0  # mean confidence, in percent, at which no other orientation is tried
_DOUBTFUL = 45.0  # a few words less sure than this are a pattern in a picture
_SPECKS = 5  # letters
_NOISE = 25.0  # words below this are specks


@dataclass(frozen=True, slots=True)
class OcrLine:
    """`box`: left, top, right, bottom in pixels from the upper left; `confidence`: of its least sure word, percent."""

    text: str
    box: tuple[int, int, int, int]
    confidence: float


@dataclass(slots=True)
class OcrResult:
    """What tesseract read from one picture: paragraphs, and how sure it is (percent, weighted by length)."""

    paragraphs: list[str] = field(default_factory=list)
    confidence: float = 0.0
    lines: list[OcrLine] = field(default_factory=list)

    @property
    def letters(self) -> int:
        return sum(c.isalnum() for text in self.paragraphs for c in text)

    @property
    def weight(self) -> float:
        return self.letters * self.confidence**2


class Tesseract:
    """The installed tesseract with the languages of the document."""

    def __init__(self, command: str, languages: str, present: frozenset[str] = frozenset()) -> None:
        self._command, self._languages, self._present = command, languages, present
        self.has_orientation = "osd" in present

    @classmethod
    def find(cls, context: Context) -> Tesseract:
        """Raises `ParseError` that names the package to install; warns where a language is missing."""
        wanted = wanted_languages(context.limits)
        command = shutil.which("tesseract")
        if command is None:
            raise ParseError(
                "holds pictures of text, and tesseract, which reads them, is not installed", hint=install_hint(wanted)
            )
        listed = subprocess.run(  # noqa: S603 - tesseract, as found on PATH
            [command, "--list-langs"], capture_output=True, text=True, timeout=20, check=False
        )
        present = set((listed.stdout + listed.stderr).split())
        missing = [language for language in wanted if language not in present]
        usable = [language for language in wanted if language in present]
        if missing and not (missing == ["eng"] and usable):
            context.warn(f"tesseract has no data for {'+'.join(missing)}. {install_hint(missing)}")
        if not usable:
            raise ParseError(
                f"holds pictures of text, and tesseract has no data for {'+'.join(wanted)}", hint=install_hint(wanted)
            )
        return cls(command, "+".join(usable), frozenset(present))

    def reading(self, language: str) -> Tesseract | None:
        """The same for texts in `language` (BCP-47), None where its data is not installed."""
        own = LANGUAGES.get(language, language)
        return Tesseract(self._command, own, self._present) if own in self._present else None

    def read(self, picture: bytes, context: Context) -> OcrResult:
        """Read one picture (PNG, JPEG, TIFF, PNM), turned by tesseract itself if it can tell how it lies."""
        return _reading(_rows(self._table(picture, context, "1" if self.has_orientation else "3")))

    def read_all(self, pictures: Sequence[np.ndarray], context: Context) -> list[OcrResult]:
        """Read pictures that lie upright, grey, (height, width), in one process: its start takes as long as reading a
        diagram."""
        rows = _rows(self._table(_tiff(pictures), context, "3"))
        return [_reading(row for row in rows if row.get("page_num") == str(n)) for n in range(1, len(pictures) + 1)]

    def _table(self, picture: bytes, context: Context, layout: str) -> str:
        arguments = [self._command, "stdin", "stdout", "-l", self._languages, "--psm", layout, "--dpi", "300", "tsv"]
        return _run(arguments, picture, context)

    def best(self, pictures: Iterable[bytes], context: Context) -> OcrResult:
        """The most convincing reading of one picture in several orientations; stops at the first good one."""
        best = OcrResult()
        for picture in pictures:
            reading = self.read(picture, context)
            if reading.weight > best.weight:
                best = reading
            if best.confidence >= _GOOD and best.letters >= 20:
                break
            if self.has_orientation and reading.letters < _SPECKS:  # a photograph: no side of it is up
                break
        return best if best.confidence >= _DOUBTFUL or best.letters > 100 else OcrResult()


def wanted_languages(limits: ParsingLimits) -> list[str]:
    """Tesseract's names of the languages to read: those set, else the expert's and English."""
    if limits.ocr_languages:
        return [language for language in limits.ocr_languages.replace(",", "+").split("+") if language]
    code = limits.language.lower()
    own = LANGUAGES.get(code) or LANGUAGES.get(code.split("-")[0]) or code.split("-")[0]
    return [own] if own == "eng" else [own, "eng"]


def install_hint(languages: list[str]) -> str:
    names = " ".join(f"tesseract-ocr-{language.replace('_', '-')}" for language in languages if language != "eng")
    debian = f"apt-get install tesseract-ocr {names}".strip()
    mac = "brew install tesseract" + (" tesseract-lang" if names else "")
    return f"Install it: `{debian}` (Debian, Ubuntu) or `{mac}` (macOS)."


def _run(arguments: list[str], picture: bytes, context: Context) -> str:
    left = context.deadline - time.monotonic()
    if left <= 1:
        raise TimeoutError
    try:
        done = subprocess.run(  # noqa: S603 - tesseract without a shell; the picture goes in by a pipe
            arguments,
            input=picture,
            capture_output=True,
            timeout=left,
            check=False,
            preexec_fn=_die_with_worker if sys.platform == "linux" else None,
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ParseError(
            f"is a picture that tesseract cannot read ({said[-1][:200] if said else f'exit code {done.returncode}'})",
            hint="Open it in a picture viewer and save it again as PNG.",
        )
    return done.stdout.decode("utf-8", "replace")


def _die_with_worker() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")


def _tiff(pictures: Sequence[np.ndarray]) -> bytes:
    """Grey pictures, uint8, as the pages of a TIFF without compression."""
    parts, at = [b"II*\0\x08\0\0\0"], 8
    for n, picture in enumerate(pictures):
        height, width = picture.shape
        content = picture.tobytes() + b"\0" * (picture.size % 2)
        after = at + 2 + 12 * len(_TIFF_FIELDS) + 4
        values = width, height, 8, 1, 1, after, 1, height, picture.size
        fields = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in zip(_TIFF_FIELDS, values, strict=True)]
        following = after + len(content)
        last = n == len(pictures) - 1
        parts += [struct.pack("<H", len(fields)), *fields, struct.pack("<I", 0 if last else following), content]
        at = following
    return b"".join(parts)


def _rows(table: str) -> list[dict[str, str]]:
    """Of tesseract's TSV."""
    return list(csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE))


def _reading(rows: Iterable[dict[str, str]]) -> OcrResult:
    """Paragraphs of the rows of one picture."""
    paragraphs: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    boxes: dict[tuple[str, ...], list[int]] = {}
    least: dict[tuple[str, ...], float] = {}
    sure, weight = 0.0, 0
    for row in rows:
        text = tidy(row.get("text") or "").strip()
        if row.get("level") != "5" or not text:
            continue
        confidence = float(row["conf"])
        if confidence < _NOISE:
            continue
        place = row["page_num"], row["block_num"], row["par_num"]
        paragraphs.setdefault(place, {}).setdefault(row["line_num"], []).append(text)
        left, top, width, height = (int(row[side]) for side in ("left", "top", "width", "height"))
        line_of = (*place, row["line_num"])
        least[line_of] = min(confidence, least.get(line_of, 100.0))
        box = boxes.setdefault(line_of, [left, top, left, top])
        box[:] = min(box[0], left), min(box[1], top), max(box[2], left + width), max(box[3], top + height)
        sure += confidence * len(text)
        weight += len(text)
    result = OcrResult(confidence=sure / weight if weight else 0.0)
    for place, lines in paragraphs.items():
        text = ""
        for number, words in lines.items():
            line = " ".join(words)
            text = join_lines(text, line, hyphen=False, spaced=True)
            left, top, right, bottom = boxes[*place, number]
            result.lines.append(OcrLine(line, (left, top, right, bottom), least[*place, number]))
        result.paragraphs.append(text)
    return result

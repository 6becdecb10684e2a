"""Bytes to text in whatever encoding they are in."""

from __future__ import annotations

import re
import unicodedata

from metier.parsing.core.formats import utf16_without_mark
from metier.parsing.core.readers import Context

# What office software of each language wrote before UTF-8, likeliest first.
_LEGACY = {
    "ar": ("cp1256", "iso8859_6"),
    "fa": ("cp1256",),
    "ur": ("cp1256",),
    "be": ("cp1251",),
    "bg": ("cp1251",),
    "mk": ("cp1251",),
    "ru": ("cp1251", "koi8_r", "cp866"),
    "sr": ("cp1251", "cp1250"),
    "uk": ("cp1251", "koi8_u"),
    "bs": ("cp1250",),
    "cs": ("cp1250", "iso8859_2"),
    "hr": ("cp1250",),
    "hu": ("cp1250", "iso8859_2"),
    "pl": ("cp1250", "iso8859_2"),
    "ro": ("cp1250", "iso8859_16"),
    "sk": ("cp1250", "iso8859_2"),
    "sl": ("cp1250",),
    "el": ("cp1253", "iso8859_7"),
    "he": ("cp1255",),
    "tr": ("cp1254",),
    "et": ("cp1257",),
    "lt": ("cp1257",),
    "lv": ("cp1257",),
    "ja": ("cp932", "euc_jp"),
    "ko": ("cp949",),
    "th": ("cp874",),
    "vi": ("cp1258",),
    "zh": ("gb18030", "big5"),
}
_WESTERN = ("cp1252",)
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_SAMPLE = 65536
_WORD = re.compile(r"[^\W\d_]+")


def decode(content: bytes, context: Context, declared: str | None = None) -> str:
    """Text of `content`, with line ends as `\\n` and no NULs. Warns in `context` where the encoding was a guess.

    `declared`: what the file itself claims (a MIME charset, an HTML meta tag); used only where it is not refuted.
    """
    return tidy(_decode(content, context, declared))


def decode_records(content: bytes, context: Context) -> str:
    """As `decode`, of a file whose lines are records: only `\n` ends one, and what else may end a line is a blank."""
    return tidy(_decode(content, context, None).translate(_INSIDE_CELLS))


def tidy(text: str) -> str:
    """Line ends as `\\n`, no byte order mark, no NULs and other characters that no reader shows."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    return text.translate(_INVISIBLE)


# C0 controls but tab and newline, lone surrogates, soft hyphens, and non-characters. Joiners (U+200C, U+200D) stay:
# Persian and Bengali words need them. Form feed parts pages, so it becomes a line end.
_INVISIBLE = {
    **{code: None for code in range(32) if code not in (9, 10)},
    **dict.fromkeys(range(127, 133)),
    **dict.fromkeys(range(134, 160)),
    **dict.fromkeys((173, 8203, 65279, 65534, 65535)),
    **dict.fromkeys(range(55296, 57344)),
    0x0B: "\n",
    0x0C: "\n",
    0x85: "\n",
}

# Vertical tab, form feed, separators of files, groups and records, next line, line and paragraph separator.
_INSIDE_CELLS = dict.fromkeys((0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029), " ")


def _decode(content: bytes, context: Context, declared: str | None) -> str:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            text = content.decode(encoding, "replace")
            if "\ufffd" in text:
                context.warn(f"some bytes are not valid {encoding.removesuffix('-sig').upper()} and were replaced")
            return text
    if b"\x00" in content[:4096] and (utf16 := utf16_without_mark(content)):
        return content.decode(utf16, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        broken = error
    if declared and (told := _try(content, declared)) is not None:
        return told
    text, encoding = _guess(content, context.limits.language)
    context.warn(f"is not valid UTF-8 (byte {broken.start}); read as {encoding}")
    return text


def _guess(content: bytes, language: str) -> tuple[str, str]:
    """The likeliest text and its encoding: mostly UTF-8 with a few bad bytes, the language's own, or a detector's."""
    repaired = content.decode("utf-8", "replace")
    bad, good = repaired.count("\ufffd"), sum(1 for c in repaired[:_SAMPLE] if c > "\x7f" and c != "\ufffd")
    if bad and good > 3 * bad:  # multi-byte sequences do not come out right by chance
        return repaired, "UTF-8 with replaced bytes"
    for encoding in _LEGACY.get(language.split("-")[0], _WESTERN):
        text = _try(content, encoding)
        if text is not None and _plausible(text[:_SAMPLE]):
            return text, encoding
    from charset_normalizer import from_bytes  # slow to import, seldom needed

    best = from_bytes(content[:_SAMPLE]).best()
    if best is not None and (text := _try(content, best.encoding)) is not None:
        return text, best.encoding
    return content.decode("cp1252", "replace"), "cp1252 with replaced bytes"


def _try(content: bytes, encoding: str) -> str | None:
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _plausible(text: str) -> bool:
    """Whether the characters beyond ASCII look like writing: letters, of one script in a word, capitals in front."""
    foreign = [c for c in text if c > "\x7f"]
    if not foreign:
        return True
    letters = sum(c.isalpha() or unicodedata.category(c)[0] == "M" for c in foreign)
    usual = sum(c in "–—‘’“”„…«»°§€£©®·•\xa0½²³µ" for c in foreign)
    if letters + usual < 0.9 * len(foreign):
        return False
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    odd = sum(1 for word in words if not (word.islower() or word.isupper() or word[1:].islower() or not _cased(word)))
    return odd <= 0.15 * len(words)


def _cased(word: str) -> bool:
    return word.lower() != word.upper()

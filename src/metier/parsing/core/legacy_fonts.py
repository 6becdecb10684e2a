"""Fonts from before Unicode that draw Bengali, Hindi or other letters in place of Latin ones: a text in SutonnyMJ holds
`evsjv` where it shows বাংলা, one in Kruti Dev `Hkkjr` where it shows भारत.

Such text is converted where the font's table is known, those of Bijoy (SutonnyMJ and the other fonts named …MJ) and of
Kruti Dev and DevLys, from their code points. The letters of a syllable are stored in the order in which they are drawn:
vowel signs before the consonant they follow in Unicode, the r over a syllable behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import regex

from metier.text.language import Language

_REPH = "\ue000"  # r over a syllable, until it is put before it
_PENDING = "\ue001"  # a consonant of Kruti Dev without its upright stroke, which another code draws


@dataclass(frozen=True, slots=True)
class LegacyFont:
    """A family of fonts. `language`: whose letters it draws, BCP-47; `convert`: its text to Unicode, None where its
    table is not known."""

    family: str
    language: str
    names: regex.Pattern[str]
    convert: Callable[[str], str] | None = None


def legacy_font(name: str) -> LegacyFont | None:
    """The family of a font by its name in a file, None for fonts of today."""
    bare = name.split("+", 1)[-1]
    return next((family for family in _FAMILIES if family.names.search(bare)), None)


def is_drawn_by(text: str, font: LegacyFont) -> bool:
    """Whether text of a font is stored as its codes: some programs store it as Unicode after all."""
    own = sum(_SCRIPTS[font.language][0] <= c <= _SCRIPTS[font.language][1] for c in text)
    return own < 0.1 * max(1, sum(not c.isspace() for c in text))


def guessed_font(text: str, language: str) -> LegacyFont | None:
    """The family whose codes `text` is, by what it says when converted; for fonts whose names do not tell. `language`:
    the one that is expected, as text in another is not looked at."""
    latin = sum(c < "\u0300" or "\u2000" < c < "\u2200" for c in text)
    if len(text) < _LEAST or latin < 0.9 * len(text):
        return None
    families = (font for font in _FAMILIES if font.language == language and font.convert)
    return next((font for font in families if font.convert and _says_more(text, font.convert(text), language)), None)


_LEAST = 40  # characters


def _says_more(text: str, converted: str, language: str) -> bool:
    """Whether the converted text has the little words that every text of its language has, and the text has none."""
    words = regex.findall(r"[\p{L}\p{M}]+", converted)
    own = Language.of(language).function_words
    known = sum(word in own for word in words)
    plain = regex.findall(r"[a-z]+", text.casefold())
    english = sum(word in Language.of("en").function_words and len(word) > 1 for word in plain)
    return known >= 3 and known > 0.08 * len(words) and english < 0.04 * len(plain)


# --- Bijoy ----------------------------------------------------------------------------------------------------

_BIJOY = {
    # vowels, consonants and the signs from ং to ঁ, in the order of the alphabet
    **dict(zip("ABCDEFGHIJ", "অইঈউঊঋএঐওঔ", strict=True)),
    **dict(zip("KLMNOPQRSTUVWXYZ_`abcdefghijklmn", "কখগঘঙচছজঝঞটঠডঢণতথদধনপফবভমযরলশষসহ", strict=True)),
    "o": "\u09dc", "p": "\u09dd", "q": "\u09df", "r": "ৎ", "s": "ং", "t": "ঃ", "u": "ঁ",
    **dict(zip("0123456789", "০১২৩৪৫৬৭৮৯", strict=True)),
    # vowel signs
    "v": "া", "w": "ি", "x": "ী", "y": "ু", "z": "ু", "“": "ু", "~": "ূ", "‚": "ূ", "ƒ": "ূ", "„": "ৃ", "…": "ৃ",
    "†": "ে", "‡": "ে", "ˆ": "ৈ", "‰": "ৈ", "Š": "ৗ",
    # joined below or behind
    "ª": "্র", "«": "্র", "Ö": "্র", "¨": "্য", "&": "্", "©": _REPH, "^": "্ব", "¡": "্ব", "¦": "্ব", "Ÿ": "্ব",
    "œ": "্ন", "¥": "্ম", "§": "্ম", "¬": "্ল", "\xad": "্ল", "ø": "্ল", "ú": "্প", "è": "্ণ", "—": "্ত", "Í": "্ত",
    "’": "্থ", "‘": "্তু", "‹": "্ক", "Œ": "্ক্র", "¿": "্ত্র", "¢": "্ভ", "£": "্ভ্র",
    # first halves
    "¯": "স্", "š": "ন্", "›": "ন্", "¤": "ম্", "®": "ষ্", "”": "চ্", "•": "ঙ্", "˜": "দ্", "™": "দ্",
    # whole groups
    "°": "ক্ক", "±": "ক্ট", "²": "ক্ষ্ম", "³": "ক্ত", "µ": "ক্র", "¶": "ক্ষ", "ÿ": "ক্ষ", "·": "ক্স", "¸": "গু", "»": "গ্ধ",
    "¼": "ঙ্ক", "½": "ঙ্গ", "¾": "জ্জ", "À": "জ্ঝ", "Á": "জ্ঞ", "Â": "ঞ্চ", "Ã": "ঞ্ছ", "Ä": "ঞ্জ", "Å": "ঞ্ঝ", "Æ": "ট্ট",
    "Ç": "ড্ড", "È": "ণ্ট", "É": "ণ্ঠ", "Ê": "ণ্ড", "Ë": "ত্ত", "Ì": "ত্থ", "Î": "ত্র", "Ï": "দ্দ", "×": "দ্ধ", "Ø": "দ্ব",
    "Ù": "দ্ম", "Ú": "ন্ঠ", "Û": "ন্ড", "Ü": "ন্ধ", "Ý": "ন্স", "Þ": "প্ট", "ß": "প্ত", "à": "প্প", "á": "প্স", "â": "ব্জ",
    "ã": "ব্দ", "ä": "ব্ধ", "å": "ভ্র", "ç": "ম্ফ", "é": "ল্ক", "ê": "ল্গ", "ë": "ল্ট", "ì": "ল্ড", "í": "ল্প", "î": "ল্ফ",
    "ï": "শু", "ð": "শ্চ", "ñ": "শ্ছ", "ò": "ষ্ণ", "ó": "ষ্ট", "ô": "ষ্ঠ", "õ": "ষ্ফ", "ö": "স্খ", "÷": "স্ট", "ù": "স্ফ",
    "û": "হু", "ü": "হৃ", "ý": "হ্ন", "þ": "হ্ম",
    # marks
    "|": "।", "Ð": "–", "Ñ": "—", "Ò": "“", "Ó": "”", "Ô": "‘", "Õ": "’", "$": "৳",
}  # fmt: skip
_CONSONANT = "[ক-হ\u09dc\u09dd\u09dfৎ]"
_CLUSTER = f"{_CONSONANT}(?:্{_CONSONANT})*"
_BIJOY_REPH = regex.compile(rf"({_CLUSTER}[ািীুূৃেৈৗ]*){_REPH}")
_BIJOY_BEFORE = regex.compile(rf"([িেৈ])((?:র্)?{_CLUSTER})")


def _from_bijoy(text: str) -> str:
    text = "".join(_BIJOY.get(c, c) for c in _as_stored(text))
    text = regex.sub("্+", "্", text.replace("অা", "আ"))
    text = _BIJOY_REPH.sub(r"র্\1", text)
    text = _BIJOY_BEFORE.sub(r"\2\1", text).replace(_REPH, "র্")
    text = regex.sub("([\u0981-\u0983])([\u09be-\u09cc\u09d7])", r"\2\1", text)
    return text.replace("ো", "ো").replace("ৌ", "ৌ")


# --- Kruti Dev ------------------------------------------------------------------------------------------------

_HALVES = dict(zip("D[X?PTR.FUI¶CHE¸YO'\"L{/è¿ËºÜÙ«é™", [
    "क", "ख", "ग", "घ", "च", "ज", "त", "ण", "थ", "न", "प", "फ", "ब", "भ", "म", "य", "ल", "व", "श", "ष", "स", "क्ष", "ध",
    "ध", "", "ध", "ह", "श", "त्त", "त्र", "न्न", "न्न",
], strict=True))  # fmt: skip
_KRUTI = {
    **{code: f"{letters}्{_PENDING}" for code, letters in _HALVES.items() if letters},
    **dict(zip("dxpNt>VBM<rnuiQce;jyolgG", "कगचछजझटठडढतदनपफबमयरलवसहळ", strict=True)),
    "³": "ङ", "¥": "ञ", "÷": f"झ्{_PENDING}", "Ö": f"झ्{_PENDING}", "Ò": "भ",
    "v": "अ", "b": "इ", "m": "उ", "Å": "ऊ", ",": "ए", "_": "ऋ", "Ã": "ई",
    "h": "ी", "q": "ु", "w": "ू", "`": "ृ", "s": "े", "S": "ै", "‚": "ॉ", "a": "ं", "¡": "ँ", "%": "ः", "W": "ॅ",
    "z": "्र", "ª": "्र", "î": "्य", "Ó": "्य", "~": "्", "+": "़", "È": "ीं", "Z": _REPH, "f": "ि",
    "=": "त्र", "K": "ज्ञ", "J": "श्र", "}": "द्व", "|": "द्य", "Ø": "क्र", "Ô": "क्र", "Ý": "फ्र", "æ": "द्र", "ç": "प्र",
    "Á": "प्र", "#": "रु", ":": "रू", ")": "द्ध", "í": "द्द", "Ì": "द्द", "à": "ह्न", "á": "ह्य", "â": "हृ", "ã": "ह्म",
    "ô": "क्क", "ê": "ट्ट", "Í": "ट्ट", "ë": "ट्ठ", "Î": "ट्ठ", "ì": "ड्ड", "ï": "ड्ढ", "–": "दृ", "—": "कृ", "Ñ": "कृ",
    **dict(zip("åƒ„…†‡ˆ‰Š‹", "०१२३४५६७८९", strict=True)),
    "A": "।", "&": "-", "]": ",", "-": ".", "(": ";", "¼": "(", "½": ")", "À": "}", "¾": "=", "\\": "?", "@": "/",
    "^": "‘", "*": "’", "Þ": "“", "ß": "”", "•": "ऽ", "·": "ऽ", "Œ": "॰", "ñ": "॰", "¿": "{", "$": "+", "µ": "-",
}  # fmt: skip
_DEVANAGARI = "[क-ह\u0958-\u095f]़?"
_KRUTI_CLUSTER = rf"{_DEVANAGARI}(?:्{_DEVANAGARI})*"
_KRUTI_BEFORE = regex.compile(rf"ि((?:{_DEVANAGARI}्)*{_KRUTI_CLUSTER})")
_KRUTI_REPH = regex.compile(rf"({_KRUTI_CLUSTER}[ािीुूृेैॉोौंँ]*){_REPH}")


def _from_kruti(text: str) -> str:
    found = ""
    for c in _as_stored(text):
        if c == "k":  # the upright stroke: of a consonant, or the sign of ā
            found = found[:-2] if found.endswith(_PENDING) else found[:-1] + "आ" if found.endswith("अ") else found + "ा"
            continue
        found += _KRUTI.get(c, c)
    found = found.replace(_PENDING, "").replace("इ" + _REPH, "ई")
    for parts, whole in (("आे", "ओ"), ("आै", "औ"), ("आॉ", "ऑ"), ("अॉ", "ऑ"), ("एे", "ऐ"), ("ाे", "ो"), ("ाै", "ौ")):
        found = found.replace(parts, whole)
    found = _KRUTI_BEFORE.sub(r"\1ि", found)
    return _KRUTI_REPH.sub(r"र्\1", found).replace(_REPH, "र्")


def _as_stored(text: str) -> str:
    """Codes of a symbol font (U+F020 to U+F0FF) as the characters of Windows that they are."""
    return "".join(bytes([ord(c) & 0xFF]).decode("cp1252", "ignore") if "\uf020" <= c <= "\uf0ff" else c for c in text)


_DEVANAGARI_BLOCK = "\u0900", "\u097f"
_SCRIPTS = {"bn": ("\u0980", "\u09ff"), "hi": _DEVANAGARI_BLOCK, "ne": _DEVANAGARI_BLOCK, "ta": ("\u0b80", "\u0bff")}
_FAMILIES = (
    LegacyFont("Bijoy", "bn", regex.compile(r"(?i)sutonny(?!o)|(?<!o)MJ(?![a-z0-9])"), _from_bijoy),
    LegacyFont("Kruti Dev", "hi", regex.compile(r"(?i)kruti[ _-]?dev|dev ?lys"), _from_kruti),
    LegacyFont("Boishakhi", "bn", regex.compile(r"(?i)boishakhi|lekhoni|proshika(?!.*unicode)")),
    LegacyFont("Chanakya", "hi", regex.compile(r"(?i)chanakya|shusha|shivaji0|aps[ -]?c?-?dv|shree[ -]?dev|kundli\b")),
    LegacyFont("DV-TT", "hi", regex.compile(r"(?i)\bdvb?w?[ -]?tt|4c ?gandhi")),
    LegacyFont("Preeti", "ne", regex.compile(r"(?i)^(?:preeti|kantipur|himalb|sagarmatha)")),
    LegacyFont("Bamini", "ta", regex.compile(r"(?i)bamini|shree[ -]?tam|tam[ -]?shakti")),
)

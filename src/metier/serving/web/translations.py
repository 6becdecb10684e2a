"""The page's own words, in the languages there are: one file for each part and language in `wordings/`."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup, escape

from metier.parsing.core.locators import Locator

LANGUAGES = {"en": "English", "bn": "বাংলা"}
COOKIE = "metier_language"


class PageTranslations:
    """`words("search.none", question=…)` in one language. `language`: BCP-47 code."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else next(iter(LANGUAGES))
        self._known = _load(self.language)

    def __call__(self, key: str, **values: Any) -> Markup:
        """HTML. Raises `KeyError` for a key that no page has."""
        wording = Markup(self._known[key])  # noqa: S704 - words of this package, from wordings/
        return wording.format(**{name: escape(value) for name, value in values.items()})

    def behind(self, place: Locator | None) -> Markup:
        """`, p. 4`, `, sheet “Prices”`: what stands behind the title of a document; nothing where it has no numbers."""
        if place is None:
            return Markup()
        return Markup(", ") + self(f"place.{place.wording}", number=place.number, name=place.name)

    def name(self, group: str, value: str) -> str:
        """What a value of the data is called (a mode, a state): as it stands where it has no name here."""
        return self._known.get(f"{group}.{value}", value)

    def script(self) -> dict[str, str]:
        """Those that scripts use: all whose key begins with `script.`, without it."""
        return {key[7:]: word for key, word in self._known.items() if key.startswith("script.")}


def preferred(cookie: str | None, accepted: str, expert: str) -> str:
    """The language to show. `cookie`: what the person chose; `accepted`: the browser's Accept-Language; `expert`: the
    expert's own language, where the browser names none there is."""
    wanted = [part.split(";")[0].strip().split("-")[0].lower() for part in accepted.split(",")]
    for code in (cookie or "", *wanted, expert.split("-")[0]):
        if code in LANGUAGES:
            return code
    return next(iter(LANGUAGES))


@cache
def _load(language: str) -> dict[str, str]:
    """Of all parts: `frame.en.json`, `chat.en.json`, …"""
    known: dict[str, str] = {}
    for file in sorted(files(__package__).joinpath("wordings").iterdir(), key=lambda file: file.name):
        if file.name.endswith(f".{language}.json"):
            known |= json.loads(file.read_text(encoding="utf-8"))
    return known

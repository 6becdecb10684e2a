"""What the number of a place in a document counts: the pages of a PDF, the slides of a presentation, the sheets of a
workbook, which have names. Every interface asks here for the word."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from metier.core.documents import Passage
from metier.parsing.core import formats

Kind = Literal["page", "slide", "sheet"]
_SLIDES = (formats.PPTX, formats.PPT, formats.ODP)
_SHEETS = (formats.XLSX, formats.XLS, formats.XML_SHEET, formats.ODS)


@dataclass(frozen=True, slots=True)
class Locator:
    """`number`: from 1; `name`: of a sheet, "" where it is not known."""

    kind: Kind
    number: int
    name: str = ""

    @property
    def wording(self) -> str:
        """Key of its words in a translation: "page", "slide", "sheet", or "named_sheet"."""
        return "named_sheet" if self.name else self.kind

    def __str__(self) -> str:
        return f'{self.kind} "{self.name}"' if self.name else f"{self.kind} {self.number}"


def kind_of(media_type: str) -> Kind:
    """What the numbers of documents of this type count."""
    return "slide" if media_type in _SLIDES else "sheet" if media_type in _SHEETS else "page"


def locator_in(uri: str, number: int | None, sheet: str = "") -> Locator | None:
    """A place of the document that is called `uri`; `sheet`: its name, where that is known. None where the format has
    no numbers, as mail and web pages have none."""
    if number is None:
        return None
    if sheet:
        return Locator("sheet", number, sheet)
    path = urlsplit(uri).path if "://" in uri else uri
    return Locator(kind_of(formats.SUPPORTED.get(PurePosixPath(path).suffix.lower(), "")), number)


def locator_of(passage: Passage) -> Locator | None:
    """Where a passage begins; of a correction, where that stands which it corrects."""
    return locator_in(passage.corrects or passage.uri, passage.page, sheet_of(passage))


def sheet_of(passage: Passage) -> str:
    """Name of the sheet that a passage stands on, "" where it is of no workbook."""
    names = f", {passage.metadata.get('sheets', '')}, "
    # the sheet's heading stands below the title, which is often the name of a sheet as well, and above captions
    return next((name for name in reversed(passage.headings[:2]) if f", {' '.join(name.split())}, " in names), "")

"""Values of a record to text that can be trained on."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

from metier.parsing.core.decoding import tidy


class Malformed(ValueError):
    """A record does not hold what its layout needs; the message completes "row 7 …"."""


def clean(text: str) -> str:
    """As documents are read: composed form (NFC), line ends as `\\n`, no control characters or lone surrogates."""
    return unicodedata.normalize("NFC", tidy(text)).strip()


def plain_text(value: Any, column: str) -> str:
    """Text as it is, a number as it is written, "" for nothing. Raises `Malformed` for anything else."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    raise Malformed(f'has {type(value).__name__} in "{column}" where text is needed')

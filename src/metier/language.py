"""Which language a text is in (`metier.text.detection`)."""

from functools import lru_cache

from metier.text.detection import detect, script_of

__all__ = ["detect", "detect_passage", "script_of"]

# As `detect`, of a text as short as a passage's: a question asks it of the same passages in several places.
detect_passage = lru_cache(maxsize=4096)(detect)

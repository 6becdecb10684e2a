"""Which language a text is in (`metier.text.detection`)."""

from metier.text.detection import detect, script_of

__all__ = ["detect", "script_of"]

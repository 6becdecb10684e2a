"""Small models that read a question and a passage together: is it answered here, and where.

auto           packaged: `reader-english` for an English expert, else `reader-multilingual`
onnx:FOLDER    any extractive question-answering model exported to ONNX (model.onnx, tokenizer.json)
none           no reader
"""

from __future__ import annotations

from pathlib import Path

from metier.core.errors import ModelError, SettingsError
from metier.reader.base import Reader, Reading
from metier.reader.by_language import LanguageReader
from metier.reader.remembered import RememberingReader
from metier.reader.spans import whole_sentences

__all__ = ["LanguageReader", "Reader", "Reading", "RememberingReader", "create", "whole_sentences"]

ENGLISH, MULTILINGUAL = "reader-english", "reader-multilingual"


def create(
    model: str = "auto",
    *,
    language: str = "en",
    multilingual: bool = False,
    threads: int | None = None,
    folder: Path = Path(),
) -> Reader | None:
    """The reader that `[answering] reader` names, None for "none"; its weights are loaded (and made, if packaged) at
    the first use.

    `language`: the expert's, a BCP-47 code. `multilingual`: read as a multilingual expert whatever its language, as
    one whose embedder is multilingual. `threads`: None takes all that this process may use. `folder`: what a relative
    `onnx:FOLDER` is relative to. Raises `SettingsError` for a name that means nothing, `ModelError` for a folder that
    is not there.
    """
    if model == "none":
        return None
    from metier.reader.onnx import OnnxReader

    if model == "auto":
        from metier import models

        name = ENGLISH if language.split("-")[0].lower() == "en" and not multilingual else MULTILINGUAL
        return OnnxReader(
            models.folder(name),
            name=name,
            fingerprint=models.fingerprint(name),
            threads=threads,
            fetch=lambda: models.ensure(name),
        )
    scheme, _, name = model.partition(":")
    if scheme != "onnx" or not name:
        raise SettingsError(
            f"“{model}” names no reader", where="answering.reader", hint="Allowed are auto, none and onnx:FOLDER"
        )
    place = folder / Path(name).expanduser()
    if not place.is_dir():
        raise ModelError("is not a folder", where=str(place), hint="onnx: takes a folder with model.onnx")
    return OnnxReader(place, name=model, threads=threads)

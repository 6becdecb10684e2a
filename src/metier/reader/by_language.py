"""English pairs go to the English reader, all others to the multilingual one: English experts have other mails, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from metier.core.documents import Passage
from metier.core.errors import MetierError
from metier.reader.base import Reader, Reading
from metier.text.detection import detect, detect_passage

_ENGLISH = "en"


class LanguageReader:
    """`multilingual` is called when the first pair that is not English comes; where it cannot be had, the English one
    reads on, as well as it can."""

    def __init__(self, english: Reader, multilingual: Callable[[], Reader]) -> None:
        self.name = english.name
        self.fingerprint = english.fingerprint
        self._english = english
        self._new_multilingual = multilingual
        self._multilingual: Reader | None = None

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        foreign = detect(question, _ENGLISH) != _ENGLISH
        chosen = [foreign or detect_passage(passage.text, _ENGLISH) != _ENGLISH for passage in passages]
        readings: dict[int, Reading] = {}
        for is_foreign in (False, True):
            places = [n for n, other in enumerate(chosen) if other == is_foreign]
            if places:
                reader = self._other() if is_foreign else self._english
                read = reader.read(question, [passages[n] for n in places])
                readings.update(zip(places, read, strict=True))
        return [readings[n] for n in range(len(passages))]

    def close(self) -> None:
        for reader in (self._english, self._multilingual):
            if reader is not None:
                reader.close()

    def _other(self) -> Reader:
        if self._multilingual is None:
            try:
                made = self._new_multilingual()
                made.read("?", [Passage("", "", "?", 0, 1)])  # loads it, or says that it cannot be had
                self._multilingual = made
            except MetierError:
                self._multilingual = self._english
        return self._multilingual

"""How much one request may ask for, whatever the interface: what is longer is refused before anything works on it.

header lines of a request, bytes of them   `http.security.HeadLimit`                                431
parameters in its address, each            question_characters                                      413
bytes of a request                         [serving] request_mb, read only once the key is known    413
characters of a question, prompt, search   question_characters                                      413
characters of a conversation with it       conversation_characters                                  413
texts for vectors, one and all             question_characters, embedding_texts and _characters     413
anything that a person writes in a form    `feedback.proposals.LONGEST`                             400
items of a list, names, numbers            in the models of each route                              400
a key's jobs that run and wait             half of the places while others ask: `job_queue`         429
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl

from metier.core.settings import ServingSettings
from metier.serving.ask_request import AskRequest
from metier.serving.http.errors import TooLarge

_BATCH_TEXTS, _BATCH_CHARACTERS = 32, 16_000  # so that a batch of vectors is a second's work, not a minute's


class RequestSizes:
    """All raise `TooLarge`, which names the setting."""

    def __init__(self, settings: ServingSettings) -> None:
        self._most = settings

    def check_asked(self, asked: AskRequest) -> None:
        self.check_text("question", asked.question)
        beside = len(asked.system) + sum(len(turn.content) for turn in asked.history)
        _check("conversation has", beside, "characters", self._most.conversation_characters, "conversation_characters")

    def check_text(self, name: str, text: str) -> None:
        """A question, or what is searched for."""
        _check(f"{name} has", len(text), "characters", self._most.question_characters, "question_characters")

    def check_parameters(self, query: bytes) -> None:
        """Those in an address, as it came: no route takes more there than in a body."""
        for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            self.check_text("longest parameter", max(name, value, key=len))

    def check_texts(self, texts: Sequence[str]) -> None:
        """Those that vectors are wanted of."""
        _check("request has", len(texts), "texts", self._most.embedding_texts, "embedding_texts")
        self.check_text("longest text", max(texts, key=len, default=""))
        count = sum(map(len, texts))
        _check("texts together have", count, "characters", self._most.embedding_characters, "embedding_characters")


def in_batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in order, so few at a time that a job can look in between at whether it is still wanted."""
    batch: list[str] = []
    count = 0
    for text in texts:
        if batch and (len(batch) == _BATCH_TEXTS or count + len(text) > _BATCH_CHARACTERS):
            yield batch
            batch, count = [], 0
        batch.append(text)
        count += len(text)
    if batch:
        yield batch


def _check(what: str, count: int, unit: str, most: int, setting: str) -> None:
    if count > most:
        raise TooLarge(
            f"the {what} {count:,} {unit}; {most:,} are the most", hint=f"Send less, or raise [serving] {setting}."
        )

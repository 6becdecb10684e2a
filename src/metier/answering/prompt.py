"""The one prompt format: for answering, for training, and for the exam.

    system     what to do
    user       [1] Title › Heading (page 4)
               text of the passage

               [2] …

               Question: …

The instruction comes first and the question last, so that a prefix cache keeps what repeats. Passages are data: the
generator never interprets control tokens inside them, and nothing in them can add a citation, which is found by
alignment with the stored text.
"""

from __future__ import annotations

from collections.abc import Sequence

import regex

from metier.documents import Passage
from metier.errors import InputError
from metier.generation.base import Generator, Message

INSTRUCTION = {
    "rag": "Answer the question in one short sentence, using only the sources given. Copy names and numbers exactly.",
    "base": "Answer the question in one short sentence.",
}
REFUSALS = {
    "en": "The documents do not say.",
    "bn": "নথিগুলিতে এর উত্তর নেই।",
    "ar": "لا تذكر الوثائق ذلك.",
    "de": "Die Dokumente sagen dazu nichts.",
    "es": "Los documentos no lo dicen.",
    "fr": "Les documents ne le disent pas.",
    "hi": "दस्तावेज़ों में इसका उत्तर नहीं है।",
    "id": "Dokumen tidak menyebutkannya.",
    "ja": "文書には書かれていません。",
    "pt": "Os documentos não o dizem.",
    "ru": "В документах об этом не сказано.",
    "sw": "Nyaraka hazisemi.",
    "zh": "文档中没有说明。",
}


def refusal(language: str, override: str | None = None) -> str:
    """What is said when nothing was found, in the language of the question where it is known."""
    return override or REFUSALS.get(language.split("-")[0], REFUSALS["en"])


def messages(
    question: str,
    passages: Sequence[Passage],
    instruction: str | None = None,
    history: Sequence[Message] = (),
) -> list[Message]:
    """The prompt; without passages it is the one of the base mode. `history`: earlier turns, oldest first."""
    system = instruction or INSTRUCTION["rag" if passages else "base"]
    parts = [f"[{number}] {_place(passage)}\n{passage.text}" for number, passage in enumerate(passages, start=1)]
    parts.append(f"Question: {question}" if passages else question)
    return [Message("system", system), *history, Message("user", "\n\n".join(parts))]


def fit(
    question: str,
    passages: Sequence[Passage],
    generator: Generator,
    max_tokens: int,
    instruction: str | None = None,
    history: Sequence[Message] = (),
) -> tuple[list[Message], int]:
    """Drop the oldest turns, then passages from the tail, until prompt and answer fit into the model's context.

    Returns the prompt and how many passages are in it. Raises `InputError` if the question alone does not fit.
    """
    room = generator.context_tokens - max_tokens
    kept, turns = list(passages), list(history)
    while True:
        prompt = messages(question, kept, instruction, turns)
        tokens = generator.count_tokens(prompt)
        if tokens <= room:
            return prompt, len(kept)
        if len(turns) >= 2:
            turns = turns[2:]
        elif kept:
            kept.pop()
        else:
            raise InputError(
                f"the question takes {tokens} tokens and the model has room for {room}",
                hint="Ask a shorter question, or raise [generation] context_tokens.",
            )


def _place(passage: Passage) -> str:
    path = " › ".join(passage.headings) or passage.title or passage.uri
    return f"{path} (page {passage.page})" if passage.page is not None else path


_DECLINING = regex.compile(
    r"\b(?:do(?:es)? not|don't|doesn't|not) (?:say|mention|specif|provide|contain|state|include|give|have)"
    r"|\bno (?:information|mention|answer)|not (?:mentioned|specified|provided|stated|given)"
    r"|cannot (?:be )?(?:answer|find)",
    regex.IGNORECASE,
)


def declines(text: str) -> bool:
    """Whether an answer says itself that the sources hold none."""
    return not text.strip() or any(known in text for known in REFUSALS.values()) or bool(_DECLINING.search(text))

"""Follow-up questions made to stand alone, so that they can be looked up.

"And how often?" finds nothing. The model is asked to rewrite it with what came before; since a small model also
invents, its rewriting is taken only if every number and rare word of it was said before and none of the question's
own is lost. Otherwise the previous question is put before this one, which always keeps what was asked.
"""

from __future__ import annotations

from collections.abc import Sequence

import regex

from metier.generation.base import Generator, Message
from metier.retrieval.analysis import Analyser

_LEANS_BACK = regex.compile(
    r"^(?:and|but|or|so|what about|how about|why|when|where|who|এবং|আর|কিন্তু|و|那|还有|und|et|y|e|dan|na)\b"
    r"|\b(?:it|its|that|this|these|those|they|them|their|he|she|his|her|him|there|then|same|other|one|ones)\b"
    r"|(?:^|\s)(?:এটা|এটি|এটার|এটির|ওটা|সেটা|সেটি|সেটার|তার|তাদের|সেখানে|তখন|এর|ওর|উনি|তিনি)(?=[\s?।]|$)"
    r"|(?:^|\s)(?:هو|هي|هم|ذلك|هذا|هذه|تلك|هناك)(?=[\s؟]|$)|[它他她]|那个|这个|那里",
    regex.IGNORECASE,
)
_SHORT = 3  # a question of so few words leans on what came before
_REWRITE = "Rewrite the last question so that it can be understood without the conversation. Write only the question."
_EXAMPLE = (
    "User: What oil does the pump take?\nAssistant: It takes ISO VG 46.\nLast question: How much of it?",
    "How much ISO VG 46 oil does the pump take?",
)


def needs_context(question: str, analyser: Analyser) -> bool:
    """Whether a question points back to earlier ones, by its words and length."""
    return bool(_LEANS_BACK.search(question.strip())) or len(analyser.tokens(question)) <= _SHORT


def standalone(question: str, history: Sequence[Message], generator: Generator, analyser: Analyser) -> str:
    """The question to look up. `history`: earlier turns, oldest first; empty gives the question itself."""
    asked = [turn.content for turn in history if turn.role == "user"]
    if not asked or not needs_context(question, analyser):
        return question
    said = "\n".join(f"{turn.role.capitalize()}: {turn.content}" for turn in history[-4:])
    prompt = [
        Message("system", _REWRITE),
        Message("user", _EXAMPLE[0]),
        Message("assistant", _EXAMPLE[1]),
        Message("user", f"{said}\nLast question: {question}"),
    ]
    if generator.count_tokens(prompt) < generator.context_tokens - 80:
        rewritten = generator.complete(prompt, max_tokens=60, stop=("\n",)).text.strip()
        if _faithful(rewritten, question, said, analyser):
            return rewritten
    return f"{asked[-1]} {question}"


def _faithful(rewritten: str, question: str, said: str, analyser: Analyser) -> bool:
    new = set(analyser.tokens(rewritten))
    before, own = set(analyser.tokens(said)), set(analyser.tokens(question))
    brought = new & (before - own)
    invented = {token for token in new - before - own if len(token) > 3 or token[0].isdigit()}
    lost = {token for token in own - new if len(token) > 3 or token[0].isdigit()}
    leaning = set(analyser.tokens(" ".join(_LEANS_BACK.findall(question))))
    return bool(brought) and not invented and not (lost - leaning)

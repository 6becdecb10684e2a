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
    r"^(?:and|but|or|so|what about|how about|এবং|আর|কিন্তু|und|et|y|e|dan|na)\b|^(?:那|还有|و)"
    r"|\b(?:it|its|that|this|these|those|they|them|their|he|she|his|her|him|then|same|other|one|ones)\b"
    r"|(?:^|\s)(?:এটা|এটি|এটার|এটির|ওটা|সেটা|সেটি|সেটার|তার|তাদের|সেখানে|তখন|এর|ওর|উনি|তিনি)(?=[\s?।]|$)"
    r"|(?:^|\s)(?:هو|هي|هم|ذلك|هذا|هذه|تلك|هناك)(?=[\s؟]|$)|[它他她]|那个|这个|那里",
    regex.IGNORECASE,
)
_SHORT = 3  # a question of so few words leans on what came before
_ROOM = 60  # tokens of a rewritten question
_ROLES = ("user", "assistant")
_FUNCTION_WORDS = regex.compile(r"an?|and|are|as|at|be|by|doe?|for|from|in|is|of|on|or|so|the|to|was|were|with")
_REWRITE = "Rewrite the last question so that it can be understood without the conversation. Write only the question."
_EXAMPLES = (
    (
        "User: What oil does the pump take?\nAssistant: It takes ISO VG 46.\nLast question: How much of it?",
        "How much ISO VG 46 oil does the pump take?",
    ),
    (
        "User: How much does the valve of the P-9 cost?\nAssistant: It costs 40 EUR.\nLast question: And the seal?",
        "How much does the seal of the P-9 cost?",
    ),
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
    shown = [Message(role, text) for example in _EXAMPLES for role, text in zip(_ROLES, example, strict=True)]
    prompt = [Message("system", _REWRITE), *shown, Message("user", f"{said}\nLast question: {question}")]
    if generator.count_tokens(prompt) < generator.context_tokens - _ROOM:
        rewritten = generator.complete(prompt, max_tokens=_ROOM, stop=("\n",)).text.strip()
        if _faithful(rewritten, question, said, analyser):
            return rewritten
    complete = next((n for n in reversed(range(len(asked))) if not needs_context(asked[n], analyser)), 0)
    return " ".join([*asked[complete:], question])


def _faithful(rewritten: str, question: str, said: str, analyser: Analyser) -> bool:
    """Something was brought in, nothing invented, and no word of the question lost but those that lean back and the
    shortest, which carry no topic."""
    new = set(analyser.tokens(rewritten))
    before, own = set(analyser.tokens(said)), set(analyser.tokens(question))
    invented = {token for token in new - before - own if not _is_filler(token)}
    leaning = set(analyser.tokens(" ".join(_LEANS_BACK.findall(question))))
    lost = {token for token in own - new - leaning if not _FUNCTION_WORDS.fullmatch(token)}
    return bool(new & (before - own)) and not invented and not lost


def _is_filler(token: str) -> bool:
    """A short Latin word that a rewriting may add: in other scripts a short token can be a whole topic."""
    return token.isascii() and len(token) <= 3 and not token[0].isdigit()

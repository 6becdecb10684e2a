"""Messages to token ids, by the model's own chat template, with message content that can never act as template.

A retrieved page may contain `<|im_end|>` or `<|assistant|>`. Rendered and tokenised as one string, such text would
end the user's turn and speak in the model's name. Here the template is rendered around random markers, so it is known
exactly which characters are content, and content is tokenised with control tokens switched off.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence

from metier.core.errors import ModelError
from metier.generation.base import Message

# White space that no template writes: where it is gone, the template trims its content.
_EDGE = "\v"

Render = Callable[[Sequence[Message]], str]
Tokenize = Callable[[str, bool, bool], list[int]]  # text, control tokens read as such, begin-of-sequence added


def prompt_tokens(messages: Sequence[Message], render: Render, tokenize: Tokenize) -> list[int]:
    """The token ids of the whole prompt. Raises `ModelError` where the template cannot hold these messages."""
    pieces = _pieces([Message(m.role, clean(m.content)) for m in messages], render)
    content = "\n".join(pieces[1::2])
    touching = any(not piece for piece in pieces[2:-1:2])
    if not touching and tokenize(content, True, False) == tokenize(content, False, False):
        # Nothing in the content reads as a control token, so one string is safe. It is also exact: SentencePiece
        # tokenisers treat the edges of pieces that were cut apart differently, by a space.
        return tokenize("".join(pieces), True, True)
    ids = tokenize(pieces[0], True, True)
    for index, piece in enumerate(pieces[1:], start=1):
        if piece:
            ids += tokenize(piece, index % 2 == 0, False)
    return ids


def _pieces(messages: Sequence[Message], render: Render) -> list[str]:
    """Template, content, template, content, ..., template; a system message moves where a template refuses it."""
    refusal = None
    for attempt in (messages, without_system(messages)):
        try:
            pieces = _split(attempt, render)
        except ModelError as error:
            refusal = refusal or error
        else:
            if pieces is not None:
                return pieces
    raise refusal or ModelError(
        "the model's chat template leaves out or repeats a message",
        hint="Use an instruction-tuned model with a plain chat template.",
    )


def _split(messages: Sequence[Message], render: Render) -> list[str] | None:
    """None where a message is missing from what was rendered, or is there twice."""
    contents = {secrets.token_hex(16): message.content for message in messages}
    marked = [Message(m.role, f"{_EDGE}{key}{_EDGE}") for m, key in zip(messages, contents, strict=True)]
    found = re.split(f"({_EDGE}?(?:{'|'.join(contents)}){_EDGE}?)", render(marked))
    keys = [part.strip(_EDGE) for part in found[1::2]]
    if sorted(keys) != sorted(contents):
        return None
    for index, key in enumerate(keys):
        place, text = 2 * index + 1, contents[key]
        text = text if found[place].startswith(_EDGE) else text.lstrip()
        found[place] = text if found[place].endswith(_EDGE) else text.rstrip()
    return found


def without_system(messages: Sequence[Message]) -> list[Message]:
    """The system text put in front of the first user message, for templates that know no system role."""
    system = "\n\n".join(m.content for m in messages if m.role == "system")
    others = [m for m in messages if m.role != "system"]
    for index, message in enumerate(others):
        if system and message.role == "user":
            others[index] = Message("user", f"{system}\n\n{message.content}")
            break
    return others


def clean(text: str) -> str:
    """Half surrogate pairs, left by broken documents, have no UTF-8 form; NUL would end the text in C."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")

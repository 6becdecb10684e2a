"""Requests that a chat client makes on its own, beside what its user asks: a title for the conversation, tags, what may
be asked next. Open WebUI sends them as a message of the user's, in a form of its own; they are no questions to the
documents, and the model alone answers them."""

from __future__ import annotations

import re

_BEGIN = re.compile(r"\s*#{2,4} Task:\s")
# A person may begin a question so, too; the tasks have one of these parts besides.
_PARTS = re.compile(r"^#{2,4} (?:Guidelines|Output|Chat History|Examples?)\b|<chat_history>|<context>", re.M | re.I)


def is_task(message: str) -> bool:
    """Whether `message` is such a task: "### Task:", then guidelines, a form of output, or the conversation."""
    return bool(_BEGIN.match(message) and _PARTS.search(message))

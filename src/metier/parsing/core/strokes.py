"""How struck-out text is marked where it is read all the same: `~~840 Nm~~ 910 Nm`, as Markdown has it."""

from __future__ import annotations

import re

_BETWEEN = re.compile(r"~~([^\S\n]*)~~")


def struck(text: str) -> str:
    """`text` marked as struck out, the blanks around it outside."""
    bare = text.strip()
    return text.replace(bare, f"~~{bare}~~") if bare else text


def merged(text: str) -> str:
    """Marks that follow each other as one: a program cuts struck text into pieces."""
    return _BETWEEN.sub(r"\1", text) if "~~" in text else text

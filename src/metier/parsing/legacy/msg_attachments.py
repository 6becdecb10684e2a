"""What is attached to a mail of Outlook ([MS-OXMSG]): files, each read under its name, and mails in the mail."""

from __future__ import annotations

from collections.abc import Iterator

from metier.parsing.core.attachments import read_attached
from metier.parsing.core.decoding import decode, tidy
from metier.parsing.core.readers import MAX_NESTING, Builder, Context
from metier.parsing.legacy.compound import Compound
from metier.parsing.text.html import read_text
from metier.parsing.text.mail import PICTURES
from metier.parsing.text.plain import add_paragraphs

_ATTACHED = "__attach_version1.0_"
_LONG_NAME, _SHORT_NAME, _SHOWN_NAME, _CONTENT, _MESSAGE = "3707", "3704", "3001", "37010102", "3701000D"
_SUBJECT, _SENDER, _BODY, _HTML = "0037", "0C1A", "1000", "10130102"
_MOST = 500
_Folder = tuple[str, ...]


def read_attachments(content: bytes, builder: Builder, context: Context) -> None:
    """Read what is attached to a mail. Raises `ParseError`."""
    _Mail(Compound(content), builder).attachments((), context)


class _Mail:
    def __init__(self, streams: Compound, builder: Builder) -> None:
        self._streams, self._builder = streams, builder

    def attachments(self, folder: _Folder, context: Context) -> None:
        """Read those of the mail in `folder`; a broken one costs a warning, not the mail, and the others are named."""
        unread = []
        for attached in self._attached(folder):
            message = (*attached, f"__substg1.0_{_MESSAGE}")
            if message in self._streams.folders(attached):
                if context.depth < MAX_NESTING:
                    self._message(message, context.part(context.name, context.media_type, depth=1))
                continue
            names = (self._text(attached, of) for of in (_LONG_NAME, _SHORT_NAME, _SHOWN_NAME))
            name = next(filter(None, names), "attachment")
            content = self._streams.read_in(attached, f"__substg1.0_{_CONTENT}")
            if not read_attached(name, content, self._builder, context, without=PICTURES):
                unread.append(name)
        if unread:
            self._builder.add("paragraph", "Attachments: " + ", ".join(unread))

    def _attached(self, folder: _Folder) -> Iterator[_Folder]:
        for number, inner in enumerate(self._streams.folders(folder)):
            if inner[-1].startswith(_ATTACHED) and number < _MOST:
                yield inner

    def _message(self, folder: _Folder, context: Context) -> None:
        """A mail in the mail: its subject, who sent it, its body, and what is attached to it."""
        self._builder.add("heading", self._text(folder, _SUBJECT) or "message", level=2)
        if sender := self._text(folder, _SENDER):
            self._builder.add("paragraph", f"From: {sender}")
        if body := self._text(folder, _BODY):
            add_paragraphs(body, self._builder)
        elif page := self._streams.read_in(folder, f"__substg1.0_{_HTML}"):
            read_text(decode(page, context), self._builder, context)
        self.attachments(folder, context)

    def _text(self, folder: _Folder, name: str) -> str:
        """A property, written in Unicode or in the bytes of an older Outlook."""
        wide = self._streams.read_in(folder, f"__substg1.0_{name}001F").decode("utf-16-le", "replace")
        narrow = self._streams.read_in(folder, f"__substg1.0_{name}001E").decode("cp1252", "replace")
        return tidy(wide or narrow).strip("\0 \r\n")

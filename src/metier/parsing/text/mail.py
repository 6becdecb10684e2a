"""EML: headers as metadata and a readable first line, the body (plain rather than HTML where it says as much), and what
is attached, each file under its name.

Documents, tables and mails in the mail are read as parts of it. Pictures are named only: most are logos of signatures.
"""

from __future__ import annotations

import email
import email.header
import email.policy
import email.utils
import re
from email.message import Message

from metier.parsing.core import formats
from metier.parsing.core.attachments import read_attached
from metier.parsing.core.decoding import decode, tidy
from metier.parsing.core.readers import Builder, Context
from metier.parsing.text.html import read_text
from metier.parsing.text.plain import add_paragraphs
from metier.parsing.text.wrapping import unflowed

_HEADERS = ("from", "to", "cc", "date", "subject")
PICTURES = (formats.PNG, formats.JPEG, formats.TIFF)
_MAX_PARTS = 500
_WORD = re.compile(r"\w+")
_STUB = 60  # different words, at most, of a text that says no more than that the mail is HTML
_POINTS_AT_HTML = re.compile(r"(?i)\bhtml\b|\bbrowsers?\b|браузер|浏览器|ブラウザ|navegador|navigateur")


def read(content: bytes, builder: Builder, context: Context) -> None:
    message = email.message_from_bytes(content, policy=email.policy.compat32)  # newer policies raise on bad headers
    facts = {name: header(message, name, context) for name in _HEADERS}
    context.describe(**{**facts, "date": iso_date(facts["date"]), "message_id": header(message, "message-id", context)})
    context.name_title(facts["subject"])
    if facts["subject"]:
        builder.add("heading", facts["subject"], level=1)
    line = " | ".join(f"{name.title()}: {facts[name]}" for name in ("from", "to", "cc", "date") if facts[name])
    builder.add("paragraph", line)
    _Parts(builder, context).read(message)


class _Parts:
    """One walk over the parts of a message."""

    def __init__(self, builder: Builder, context: Context) -> None:
        self._builder, self._context = builder, context
        self._names: list[str] = []
        self._unread: list[str] = []  # of those that are named only
        self._left = _MAX_PARTS

    def read(self, message: Message) -> None:
        attachments: list[Message] = []
        self._body(message, attachments)
        for part in attachments:
            self._attachment(part)
        if self._names:
            self._context.describe(attachments=", ".join(self._names))
        if self._unread:
            self._builder.add("paragraph", "Attachments: " + ", ".join(self._unread))

    def _body(self, part: Message, attachments: list[Message]) -> None:
        """Write the body below `part`, collect what is attached."""
        self._left -= 1
        if self._left < 0:
            self._context.warn(f"has more than {_MAX_PARTS} parts; the rest was left out")
            return
        kind = part.get_content_type()
        if _is_attachment(part):
            attachments.append(part)
        elif kind == "multipart/alternative":
            best = self._best(part)
            for child in _children(part):
                if child is not best:
                    _attached(child, attachments)
            self._body(best, attachments)
        elif part.is_multipart():
            for child in _children(part):
                self._body(child, attachments)
        elif kind == "text/html":
            read_text(self._text(part), self._builder, self._context.part(self._context.name, formats.HTML))
        elif part.get_content_maintype() == "text" or not part.get("content-type"):
            self._plain(part)

    def _attachment(self, part: Message) -> None:
        name = tidy(_decoded(part.get_filename() or "")).strip()
        if part.get_content_type() == "message/rfc822":
            inner = next(iter(_children(part)), None)
            name = name or (header(inner, "subject", self._context) if inner is not None else "") or "message"
            content = inner.as_bytes() if inner is not None else b""
        else:
            content = _bytes(part)
        name = name or "attachment"
        self._names.append(name)
        kind = formats.EML if part.get_content_type() == formats.EML else None
        if not read_attached(name, content, self._builder, self._context, kind=kind, without=PICTURES):
            self._unread.append(name)

    def _plain(self, part: Message) -> None:
        """The text of a plain part, its signature as a paragraph of its own."""
        text, flowed = self._text(part), str(part.get_param("format", "")).lower() == "flowed"
        if flowed:
            text = unflowed(text, delete_space=str(part.get_param("delsp", "")).lower() == "yes")
        text, _mark, rest = text.partition("\n-- \n")
        signature, _gap, rest = rest.partition("\n\n")
        add_paragraphs(text, self._builder, wrapped=not flowed)
        self._builder.add("paragraph", signature)
        add_paragraphs(rest, self._builder, wrapped=not flowed)

    def _best(self, alternatives: Message) -> Message:
        """The plain text of a mail, unless another form of it says more: a table, all that a stub does not."""
        parts = _children(alternatives) or [Message()]
        plain = next((part for part in parts if part.get_content_type() == "text/plain"), None)
        rich = [part for part in parts if part.get_content_type() == "text/html" or part.is_multipart()]
        if plain is None or not rich:
            return plain or parts[-1]
        said, shown = _words(self._text(plain)), _words(self._rich_text(rich[-1]))
        more, less = shown - said, said - shown
        if not shown or not _weight(more):
            return plain
        stub = len(said) < _STUB and bool(_POINTS_AT_HTML.search(self._text(plain)))
        return rich[-1] if stub or not said or _weight(more) > max(_weight(less), 0.1 * _weight(shown)) else plain

    def _rich_text(self, part: Message) -> str:
        """What a form of the mail with HTML in it says, attachments left out."""
        if part.get_content_type() == "text/html":
            scratch = Builder(self._context.limits.text)
            read_text(self._text(part), scratch, Context(self._context.name, formats.HTML, self._context.limits))
            return scratch.text
        if part.get_content_type() == "text/plain":
            return self._text(part)
        inside = [child for child in _children(part) if not _is_attachment(child)]
        return "\n".join(map(self._rich_text, inside[:_MAX_PARTS])) if part.is_multipart() else ""

    def _text(self, part: Message) -> str:
        return decode(_bytes(part), self._context, part.get_content_charset())


def _is_attachment(part: Message) -> bool:
    return bool(
        part.get_content_disposition() == "attachment"
        or part.get_content_type() == "message/rfc822"
        or part.get_filename()
    )


def _attached(part: Message, attachments: list[Message]) -> None:
    """Collect what is attached below a form of the mail that is not read."""
    if _is_attachment(part):
        attachments.append(part)
    else:
        for child in _children(part):
            _attached(child, attachments)


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def _weight(words: frozenset[str]) -> int:
    """How much words say: numbers count more, they are what a table is lost with."""
    return sum(3 if word[0].isdecimal() else 1 for word in words)


def _children(part: Message) -> list[Message]:
    """The parts that a part is made of."""
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _bytes(part: Message) -> bytes:
    """What a part holds, without its transfer encoding; nothing where it is made of parts."""
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def header(message: Message, name: str, context: Context) -> str:
    """A header with its encoded words decoded, on one line. Bytes that are no ASCII (RFC 6532, or a program that knows
    of no encoding) are read as those of any text."""
    value = next((str(value) for key, value in message.raw_items() if key.lower() == name), "")
    text = decode(value.encode("utf-8", "surrogateescape"), context)
    return " ".join(tidy(_decoded(text)).split())


def _decoded(value: str) -> str:
    try:
        return str(email.header.make_header(email.header.decode_header(value)))
    except (LookupError, ValueError, email.errors.HeaderParseError):
        return value


def iso_date(value: str) -> str:
    """`Mon, 2 Sep 2002 10:00:00 +0100` -> `2002-09-02T10:00:00+01:00`; what cannot be read stays as it is."""
    try:
        return email.utils.parsedate_to_datetime(value).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return value

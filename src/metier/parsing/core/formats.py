"""Which format a file is: by what is in it first, by its name second.

A name may lie (`report.docx` that is a PDF); the first bytes seldom do. Only text formats that look alike
(Markdown, CSV, plain text) are told apart by their extension.
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
from pathlib import Path, PurePath

from metier.core import database_rows, plugins

_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."

PDF = "application/pdf"
DOCX = _OOXML + "wordprocessingml.document"
PPTX = _OOXML + "presentationml.presentation"
XLSX = _OOXML + "spreadsheetml.sheet"
ODT, ODS, ODP = _ODF + "text", _ODF + "spreadsheet", _ODF + "presentation"
EPUB = "application/epub+zip"
DOC, XLS, PPT = "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"
XML_SHEET = "application/vnd.ms-excel+xml"  # XML Spreadsheet 2003, which is called .xls or .xml
NOTEBOOK = "application/x-ipynb+json"
MSG = "application/vnd.ms-outlook"
ENCRYPTED_OFFICE = "application/encrypted-office"
RTF = "application/rtf"
HTML, XML, MARKDOWN, CSV, TSV = "text/html", "application/xml", "text/markdown", "text/csv", "text/tab-separated-values"
EML, PLAIN, JSON, JSONL = "message/rfc822", "text/plain", "application/json", "application/jsonl"
SQLITE = "application/vnd.sqlite3"
ROWS = "application/x-metier-rows"  # of a database's table, as a source writes them; no file of a person's is one
ADDED = "application/x-metier-added"  # followed by the suffix that another package reads
PNG, JPEG, TIFF = "image/png", "image/jpeg", "image/tiff"

SUPPORTED: dict[str, str] = {
    ".pdf": PDF,
    ".docx": DOCX,
    ".docm": DOCX,
    ".dotx": DOCX,
    ".pptx": PPTX,
    ".pptm": PPTX,
    ".ppsx": PPTX,
    ".xlsx": XLSX,
    ".xlsm": XLSX,
    ".xltx": XLSX,
    ".odt": ODT,
    ".ods": ODS,
    ".odp": ODP,
    ".epub": EPUB,
    ".doc": DOC,
    ".xls": XLS,
    ".ppt": PPT,
    ".msg": MSG,
    ".rtf": RTF,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".xml": XML,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".csv": CSV,
    ".tsv": TSV,
    ".tab": TSV,
    ".eml": EML,
    ".txt": PLAIN,
    ".text": PLAIN,
    ".log": PLAIN,
    ".rst": PLAIN,
    ".json": JSON,
    ".jsonl": JSONL,
    ".ndjson": JSONL,
    ".ipynb": NOTEBOOK,
    ".sqlite": SQLITE,
    ".sqlite3": SQLITE,
    ".db": SQLITE,
    ".png": PNG,
    ".jpg": JPEG,
    ".jpeg": JPEG,
    ".tif": TIFF,
    ".tiff": TIFF,
}

_MAGIC = (
    (b"%PDF-", PDF),
    (b"{\\rtf", RTF),
    (b"SQLite format 3\x00", SQLITE),
    (database_rows.MAGIC, ROWS),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
)
# Names of streams inside an OLE compound file, most telling first.
_OLE_STREAMS = (
    ("EncryptedPackage", ENCRYPTED_OFFICE),
    ("WordDocument", DOC),
    ("PowerPoint Document", PPT),
    ("Workbook", XLS),
    ("__properties_version1.0", MSG),
    ("Book", XLS),
)
_ZIP_PARTS = (("word/", DOCX), ("ppt/", PPTX), ("xl/", XLSX))
_TEXT_LIKE = {MARKDOWN, CSV, TSV, PLAIN, JSON, JSONL, EML, HTML, XML, NOTEBOOK}
_MAIL_HEADER = re.compile(
    rb"\A(?:From [^\n]*\n)?(?:>?(?:return-path|received|from|to|cc|bcc|subject|date|message-id|mime-version|"
    rb"delivered-to|x-[\w-]+|reply-to|sender|content-[\w-]+|dkim-signature|arc-[\w-]+|authentication-results)"
    rb"[ \t]*:[^\n]*\n(?:[ \t]+[^\n]*\n)*){2,}",
    re.IGNORECASE,
)
_HTML_START = re.compile(
    rb"\A\s*(?:<!--.*?-->\s*)*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.I | re.S
)
_HTML_PART = re.compile(rb"\A\s*(?:<!--.*?-->\s*)*<(?:head|meta|style|body|table|title|div|center|font)\b", re.I | re.S)
_XML_SHEET = b"urn:schemas-microsoft-com:office:spreadsheet"
_CONTROL = bytes(range(9)) + b"\x0b" + bytes(range(14, 27)) + bytes(range(28, 32))
HEAD_BYTES = 65536


def media_type(path_or_name: str | PurePath, head: bytes) -> str | None:
    """MIME type of a file, None where it is no format Métier reads. A suffix that another package reads is its own,
    whatever is in the file, so that a better reader can take the place of ours.

    `head`: the first bytes (`HEAD_BYTES` are plenty). Where `path_or_name` is an existing file, containers whose
    beginning does not tell (zip, OLE) are looked into.
    """
    suffix = PurePath(path_or_name).suffix.lower()
    if suffix in plugins.names(plugins.PARSERS):
        return f"{ADDED}{suffix}"
    named = SUPPORTED.get(suffix)
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    if head.startswith(b"PK\x03\x04"):
        return _zip_type(path_or_name, head, named)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _ole_type(path_or_name, head, named)
    if b"%PDF-" in head[:1024] and named not in _TEXT_LIKE:  # readers accept junk before it, and mail gateways add it
        return PDF
    if not looks_like_text(head):
        return None
    return _text_type(head, named)


def looks_like_text(head: bytes) -> bool:
    """False for binary data. UTF-16 and UTF-32 count as text, and so does text with a stray NUL."""
    sample = head[:HEAD_BYTES]
    if sample.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        return True
    if not sample or sample.startswith(b"\x1f\x8b"):
        return not sample
    controls = len(sample) - len(sample.translate(None, _CONTROL))
    return controls <= max(4, len(sample) * 0.05) or utf16_without_mark(sample) is not None


def utf16_without_mark(content: bytes) -> str | None:
    """`utf-16-le` or `utf-16-be` where the bytes make sense as that and hold no byte order mark."""
    sample = content[: min(len(content), 4096) & ~1]
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = sample.decode(encoding)
        except UnicodeDecodeError:
            try:  # the sample may end within a pair of surrogates
                text = sample[:-2].decode(encoding)
            except UnicodeDecodeError:
                continue
        usual = sum(unicodedata.category(c)[0] in "LMNPSZ" or c in "\t\r\n\u200c\u200d\u00ad" for c in text)
        if text and usual >= 0.98 * len(text) and any(c in " \n。，、" for c in text):
            return encoding
    return None


def _text_type(head: bytes, named: str | None) -> str:
    begun = _narrow(head)
    if _HTML_START.match(begun) and named != MARKDOWN:
        return HTML
    if begun.startswith(b"<") and _XML_SHEET in begun and b"Workbook" in begun:
        return XML_SHEET
    if begun.startswith(b"<?xml"):
        return HTML if named == HTML else XML
    if named in _TEXT_LIKE:
        return named
    if _MAIL_HEADER.match(head.replace(b"\r\n", b"\n")):
        return EML
    if named in (XLS, XLSX, ODS):  # what programs export as a spreadsheet and call so
        return HTML if _HTML_PART.match(begun) else TSV if b"\t" in begun else CSV
    return PLAIN


def _narrow(head: bytes) -> bytes:
    """The beginning of a text without a mark of byte order and blanks, of UTF-16 without its zero bytes."""
    head = head.removeprefix(b"\xef\xbb\xbf")[:16384]
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or utf16_without_mark(head) is not None:
        head = head.strip(b"\xff\xfe").replace(b"\x00", b"")
    return head.lstrip()[:4096]


def _zip_type(path: str | PurePath, head: bytes, named: str | None) -> str | None:
    kind = re.match(rb"PK\x03\x04.{22}\x08\x00..?mimetype", head[:64], re.S)
    for found in (EPUB, ODT, ODS, ODP) if kind or b"mimetype" in head[:64] else ():
        if found.encode() in head[30:160]:
            return found
    names = _zip_names(path)
    for part, found in _ZIP_PARTS:
        if any(name.startswith(part) for name in names) if names else _local_name(head, part):
            return found
    if "META-INF/container.xml" in names:
        return EPUB
    if not names and named in (DOCX, PPTX, XLSX, ODT, ODS, ODP, EPUB):
        return named
    return None


def _local_name(head: bytes, part: str) -> bool:
    """Whether a local file header within `head` starts with `part`."""
    return re.search(rb"PK\x03\x04.{26}" + re.escape(part.encode()), head, re.S) is not None


def _zip_names(path: str | PurePath) -> list[str]:
    try:
        if not Path(path).is_file():
            return []
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()[:20_000]
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return []


def _ole_type(path: str | PurePath, head: bytes, named: str | None) -> str | None:
    for content in (head, _whole(path)):
        for name, found in _OLE_STREAMS:
            if name.encode("utf-16-le") + b"\x00\x00" in content:
                return found
    return named if named in (DOC, XLS, PPT, MSG) else None


def _whole(path: str | PurePath, limit: int = 256 * 2**20) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(limit)
    except (OSError, ValueError):
        return b""

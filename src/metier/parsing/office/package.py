"""Zip-based formats (DOCX, PPTX, XLSX, ODF, EPUB) opened with care: no bombs, no entities, no passwords.

Limits are checked against the directory of the archive before anything is unpacked, and again while a part is read,
since a directory may lie.
"""

from __future__ import annotations

import contextlib
import io
import posixpath
import re
import zipfile
import zlib
from typing import NoReturn
from urllib.parse import unquote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.parsers import expat

from metier.core.errors import ParseError
from metier.parsing.core.readers import MIB, Context

_MAX_ENTRIES = 20_000
_MAX_RATIO = 150  # XML of a spreadsheet packs 10 to 60 fold; a bomb a thousandfold
_SMALL = 32 * MIB  # what is smaller than this when unpacked does no harm, whatever its ratio
_DAMAGED = "Open it in the program it came from and save it again."

# Short prefixes, so that readers can write `w:p`; strict OOXML has names of its own.
_PREFIXES = {
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main": "w",
    "http://purl.oclc.org/ooxml/wordprocessingml/main": "w",
    "http://schemas.openxmlformats.org/drawingml/2006/main": "a",
    "http://purl.oclc.org/ooxml/drawingml/main": "a",
    "http://schemas.openxmlformats.org/presentationml/2006/main": "p",
    "http://purl.oclc.org/ooxml/presentationml/main": "p",
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main": "x",
    "http://purl.oclc.org/ooxml/spreadsheetml/main": "x",
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships": "r",
    "http://purl.oclc.org/ooxml/officeDocument/relationships": "r",
    "http://schemas.openxmlformats.org/officeDocument/2006/math": "m",
    "http://purl.oclc.org/ooxml/officeDocument/math": "m",
    "http://schemas.openxmlformats.org/markup-compatibility/2006": "mc",
    "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing": "wp",
    "http://schemas.openxmlformats.org/drawingml/2006/chart": "c",
    "http://purl.oclc.org/ooxml/drawingml/chart": "c",
    "http://schemas.openxmlformats.org/drawingml/2006/diagram": "dgm",
    "http://schemas.microsoft.com/office/drawing/2008/diagram": "dsp",
    "http://schemas.microsoft.com/office/word/2010/wordprocessingShape": "wps",
    "urn:schemas-microsoft-com:vml": "v",
    "urn:oasis:names:tc:opendocument:xmlns:office:1.0": "office",
    "urn:oasis:names:tc:opendocument:xmlns:text:1.0": "text",
    "urn:oasis:names:tc:opendocument:xmlns:table:1.0": "table",
    "urn:oasis:names:tc:opendocument:xmlns:drawing:1.0": "draw",
    "urn:oasis:names:tc:opendocument:xmlns:presentation:1.0": "presentation",
    "urn:oasis:names:tc:opendocument:xmlns:style:1.0": "style",
    "urn:oasis:names:tc:opendocument:xmlns:meta:1.0": "meta",
    "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0": "manifest",
    "http://www.w3.org/1999/xlink": "xlink",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
}


class Package:
    """An archive whose parts can be read. Raises `ParseError` for one that is damaged, locked or a bomb."""

    def __init__(self, content: bytes, context: Context) -> None:
        self._limit = context.limits.unpacked
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            raise ParseError(f"is damaged or cut off ({error})", hint=_DAMAGED) from None
        entries = self._zip.infolist()
        unpacked = sum(entry.file_size for entry in entries)
        if len(entries) > _MAX_ENTRIES:
            raise ParseError(f"is an archive of {len(entries)} entries, more than {_MAX_ENTRIES}", hint=_DAMAGED)
        if unpacked > self._limit:
            raise self._bomb(unpacked)
        if unpacked > _SMALL and unpacked > _MAX_RATIO * max(1, len(content)):
            raise self._bomb(unpacked)
        if any(entry.flag_bits & 0x1 for entry in entries):
            raise locked()
        self._names = {entry.filename.replace("\\", "/").lstrip("/"): entry.filename for entry in entries}
        self._folded = {name.lower(): stored for name, stored in self._names.items()}

    def __contains__(self, name: str) -> bool:
        return self._stored(name) is not None

    def names(self, pattern: str = "") -> list[str]:
        """Names of parts that match a regular expression, in natural order (`slide2` before `slide10`)."""
        found = [name for name in self._names if re.match(pattern, name)]
        return sorted(found, key=lambda name: [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", name)])

    def read(self, name: str) -> bytes:
        """Content of a part. Raises `ParseError` where it is missing, damaged or larger than the directory says."""
        stored = self._stored(name)
        if stored is None:
            raise ParseError(f"is damaged: its part {name} is missing", hint=_DAMAGED)
        try:
            with self._zip.open(stored) as part:
                content = part.read(self._limit + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
            raise ParseError(f"is damaged: its part {name} cannot be unpacked ({error})", hint=_DAMAGED) from None
        if len(content) > self._limit:
            raise self._bomb(len(content))
        return content

    def xml(self, name: str) -> Element:
        """A part as a tree with short prefixes (`w:p`)."""
        return parse_xml(self.read(name), name)

    def optional_xml(self, name: str) -> Element | None:
        """`xml`, or None where there is no such part."""
        return self.xml(name) if name in self else None

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Of an OOXML part: relation id -> (type's last word, name of the target part)."""
        folder, base = posixpath.split(part)
        tree = self.optional_xml(f"{folder}/_rels/{base}.rels" if folder else f"_rels/{base}.rels")
        found = {}
        for relation in tree if tree is not None else ():
            target = unquote(relation.get("Target", ""))
            if relation.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/" + folder, target)).lstrip("/")
            found[relation.get("Id", "")] = (relation.get("Type", "").rsplit("/", 1)[-1], target)
        return found

    def main_part(self, fallback: str) -> str:
        """The document part of an OOXML package."""
        for kind, target in self.relations("").values():
            if kind == "officeDocument" and target in self:
                return target
        return fallback

    def _stored(self, name: str) -> str | None:
        return self._names.get(name) or self._folded.get(name.lower())

    def _bomb(self, unpacked: int) -> ParseError:
        return ParseError(
            f"unpacks to {unpacked / MIB:.0f} MiB, far more than a document of its size should",
            hint="It may be a zip bomb; if you trust it, raise parsing.max_file_mb in metier.toml.",
        )


def locked() -> ParseError:
    """The error for a file that needs a password."""
    return ParseError("is protected by a password", hint="Save it without a password, or leave it out with `exclude`.")


def parse_xml(content: bytes, name: str) -> Element:
    """A tree whose tags and attributes carry short prefixes. Raises `ParseError` for entities and for broken XML.

    Expat fetches nothing; entity declarations are refused all the same, as no office program writes them.
    """
    refuse_entities(content)
    try:
        tree = ElementTree.fromstring(content)  # noqa: S314 - no entities: refused two lines above
    except ElementTree.ParseError as error:
        raise ParseError(f"is damaged: {name} is not well-formed XML ({error})", hint=_DAMAGED) from None
    known: dict[str, str] = {}
    for element in tree.iter():
        element.tag = _short(element.tag, known)
        if any(key[0] == "{" for key in element.attrib):
            element.attrib = {_short(key, known): value for key, value in element.attrib.items()}
    return tree


def refuse_entities(content: bytes) -> None:
    """Raise `ParseError` if the prolog of `content` declares an entity. Reads no further than the root element."""
    parser = expat.ParserCreate()
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def refuse(*_declaration: object) -> NoReturn:
        raise ParseError(
            "declares XML entities, which can make a small file unpack without end or read other files",
            hint="Nothing was expanded. Remove the DOCTYPE from the file if you trust it.",
        )

    def stop(*_element: object) -> None:
        raise StopIteration

    parser.EntityDeclHandler = parser.UnparsedEntityDeclHandler = parser.ExternalEntityRefHandler = refuse
    parser.StartElementHandler = stop
    with contextlib.suppress(StopIteration, expat.ExpatError):  # broken XML is reported by whoever parses it
        parser.Parse(content, True)


_TEMPLATE = "2013-12-23T23:15:00Z"  # of python-docx: when the empty document was made that others are made from


def core_properties(package: Package, context: Context) -> None:
    """Title, author and dates of an OOXML package into `context`."""
    tree = package.optional_xml("docProps/core.xml")
    if tree is None:
        return
    facts = {child.tag.rsplit(":", 1)[-1]: (child.text or "") for child in tree}
    facts = {name: value for name, value in facts.items() if value != _TEMPLATE}
    context.name_title(facts.get("title"))
    context.describe(
        author=facts.get("creator"),
        date=facts.get("modified") or facts.get("created"),
        created=facts.get("created"),
        subject=facts.get("subject"),
        keywords=facts.get("keywords"),
        description=facts.get("description"),
    )


def remark(text: str, who: str, when: str) -> str:
    """A reviewer's comment as one line, "" where it says nothing."""
    text = " ".join(text.split())
    label = " ".join(filter(None, ("Comment", f"by {who}" if who else "", f"({when})" if when else "")))
    return f"{label}: {text}" if text else ""


def _short(name: str, known: dict[str, str]) -> str:
    if name not in known:
        uri, _, local = name[1:].rpartition("}") if name.startswith("{") else ("", "", name)
        prefix = _PREFIXES.get(uri)
        known[name] = f"{prefix}:{local}" if prefix else local
    return known[name]

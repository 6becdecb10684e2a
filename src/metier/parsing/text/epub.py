"""EPUB: the chapters of the spine in order, each read as HTML. Pages are None: a reader's screen makes them."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from metier.core.errors import ParseError
from metier.parsing.core.decoding import decode
from metier.parsing.core.readers import Builder, Context
from metier.parsing.office.package import Package
from metier.parsing.text.html import read_text

_CHAPTERS = ("application/xhtml+xml", "text/html", "text/x-oeb1-document")
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")


def read(content: bytes, builder: Builder, context: Context) -> None:
    package = Package(content, context)
    _refuse_rights_management(package)
    roots = [
        element.get("full-path", "")
        for element in package.xml("META-INF/container.xml").iter()
        if _local(element.tag) == "rootfile"
    ]
    if not roots or roots[0] not in package:
        raise ParseError("is damaged: it names no table of its chapters", hint="Download or export the book again.")
    book, folder = package.xml(roots[0]), posixpath.dirname(roots[0])
    _facts(book, context)
    files = {
        e.get("id", ""): (e.get("href", ""), e.get("media-type", "")) for e in book.iter() if _local(e.tag) == "item"
    }
    navigation = {
        e.get("id", "") for e in book.iter() if _local(e.tag) == "item" and "nav" in (e.get("properties") or "").split()
    }
    for item in (element for element in book.iter() if _local(element.tag) == "itemref"):
        identifier = item.get("idref", "")
        href, kind = files.get(identifier, ("", ""))
        part = posixpath.normpath(posixpath.join(folder, unquote(href)))
        if kind not in _CHAPTERS or identifier in navigation:
            continue
        if part not in package:
            context.warn(f"chapter {href} is missing from the file")
            continue
        chapter = context.part(context.name, context.media_type)
        read_text(decode(package.read(part), chapter), builder, chapter)
        context.language = context.language or chapter.language


def _refuse_rights_management(package: Package) -> None:
    tree = package.optional_xml("META-INF/encryption.xml")
    if tree is None:
        return
    methods = [e.get("Algorithm", "") for e in tree.iter() if _local(e.tag) == "EncryptionMethod"]
    if any(method not in _FONTS for method in methods):
        raise ParseError("is protected by digital rights management", hint="Ask its publisher for an open copy.")


def _facts(book: Element, context: Context) -> None:
    for element in book.iter():
        name, text = element.tag, (element.text or "").strip()
        if name == "dc:title":
            context.name_title(text)
        elif name == "dc:language" and not context.language:
            context.language = text[:35]
        elif name in ("dc:creator", "dc:date", "dc:publisher", "dc:subject", "dc:identifier"):
            key = "author" if name == "dc:creator" else name[3:]
            context.describe(**{key: text})


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]

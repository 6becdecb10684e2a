"""Forms that keep what is filled in as XML of their own (XFA): each value behind its label.

Their pages are drawn by the program that fills them in; what a PDF shows in place of them is a page that asks to wait.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from metier.core.errors import ParseError
from metier.core.tables import PATH
from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Builder, Context
from metier.parsing.office.package import parse_xml
from metier.parsing.pdf.notes import letters

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_LARGEST = 1 << 26  # bytes of one part
_MOST_PARTS = 100


def read_xfa(document: PdfDocument, builder: Builder, context: Context) -> None:
    """Write the values of an XFA form that its pages do not show, one a paragraph."""
    try:
        trees = [parse_xml(part, "its XFA") for part in _parts(document)]
    except ParseError as error:
        context.warn(f"is an XFA form, whose values cannot be read: {error.what}")
        return
    data = next((each for tree in trees for each in tree.iter() if _name(each) == "data"), None)
    if data is None:
        return
    labels = {name: label for tree in trees for name, label in _labels(tree)}
    known, count = letters(builder.text), 0
    for label, value in _values(data, labels, ()):
        if letters(value) not in known:
            builder.add("paragraph", f"{label}: {value}", page=1)
            count += 1
    if count:
        context.warn(f"is an XFA form: what is filled in was read ({count} fields), the text around it was not")


def _parts(document: PdfDocument) -> list[bytes]:
    """The XML of the values and of what the form is made of; all of it where it is one part."""
    import pypdfium2.raw as raw

    found = []
    for index in range(min(raw.FPDF_GetXFAPacketCount(document), _MOST_PARTS)):
        name = ctypes.create_string_buffer(64)
        raw.FPDF_GetXFAPacketName(document, index, name, 64)
        size = ctypes.c_ulong()
        if name.value not in (b"datasets", b"template", b"") or not raw.FPDF_GetXFAPacketContent(
            document, index, None, 0, size
        ):
            continue
        if 0 < size.value <= _LARGEST:
            content = ctypes.create_string_buffer(size.value)
            raw.FPDF_GetXFAPacketContent(document, index, content, size.value, size)
            found.append(content.raw.strip(b"\0 \r\n"))
    return found


def _labels(tree: Element) -> Iterator[tuple[str, str]]:
    """Names of fields, each with the caption that the form shows."""
    for each in tree.iter():
        name = each.get("name", "")
        caption = next((child for child in each if _name(child) == "caption"), None)
        if name and caption is not None:
            label = " ".join(tidy("".join(caption.itertext())).split()).rstrip(" :")
            if label:
                yield name, label


def _values(element: Element, labels: Mapping[str, str], path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What is filled in below an element, each behind its label; of parts that recur behind their number."""
    often = Counter(map(_name, element))
    number: Counter[str] = Counter()
    for child in element:
        name = _name(child)
        number[name] += 1
        label = labels.get(name, name.replace("_", " "))
        label = f"{label} {number[name]}" if often[name] > 1 else label
        value = " ".join(tidy("".join(child.itertext())).split())
        if len(child) and not any((each.tail or "").strip() for each in child):
            yield from _values(child, labels, (*path, label) if often[name] > 1 else path)
        elif value:
            yield PATH.join((*path, label)), value


def _name(element: Element) -> str:
    """Of an element, without its namespace."""
    return element.tag.rsplit("}", 1)[-1].rsplit(":", 1)[-1]

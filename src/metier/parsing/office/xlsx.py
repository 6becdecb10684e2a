"""XLSX and XLSM: sheet by sheet, values as a person sees them. `page` is the sheet's number, its name a heading.

Cells are read as a stream, since a sheet may hold a million of them. A sheet may hold several tables: an empty
row or column parts them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from xml.etree import ElementTree

from metier.core.errors import ParseError
from metier.parsing.core.readers import Builder, Context
from metier.parsing.office.charts import title_of
from metier.parsing.office.numbers import Formats
from metier.parsing.office.package import Package, core_properties, refuse_entities, remark
from metier.parsing.office.sheets import Sheet, write_sheet

_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


def read(content: bytes, builder: Builder, context: Context) -> None:
    package = Package(content, context)
    core_properties(package, context)
    main = package.main_part("xl/workbook.xml")
    workbook, relations = package.xml(main), package.relations(main)
    if (
        any(target.endswith(".bin") for _kind, target in relations.values() if "sheet" in target)
        and "xl/workbook.bin" in package
    ):
        raise ParseError("is a binary workbook (XLSB)", hint="Save it as XLSX.")
    strings = _strings(package, relations)
    formats = Formats(_related(package, relations, "styles"), workbook)
    names, people = [], _people(package)
    sheets = workbook.find("x:sheets")
    for number, sheet in enumerate(sheets if sheets is not None else (), start=1):
        _kind, part = relations.get(sheet.get("r:id", ""), ("", ""))
        name = sheet.get("name", f"Sheet {number}")
        names.append(name)
        if _kind != "worksheet" or part not in package:
            context.warn(f"sheet {name} holds no cells and was left out")
            continue
        write_sheet(_sheet(package.read(part), name, strings, formats), builder, page=number)
        _remarks(package, part, people, builder, number)
    context.pages = len(names)
    context.describe(sheets=", ".join(names))


def _related(package: Package, relations: dict[str, tuple[str, str]], kind: str) -> ElementTree.Element | None:
    for found, target in relations.values():
        if found == kind:
            return package.optional_xml(target)
    return None


def _strings(package: Package, relations: dict[str, tuple[str, str]]) -> list[str]:
    part = next((target for kind, target in relations.values() if kind == "sharedStrings"), "")
    if part not in package:
        return []
    found = []
    for element in _stream(package.read(part), "si"):
        found.append(_text(element))
        element.clear()
    return found


def _text(element: ElementTree.Element) -> str:
    """Text of a string item, without the reading aids (furigana) of Japanese cells."""
    parts = []
    for child in element:
        local = _local(child.tag)
        if local == "t":
            parts.append(child.text or "")
        elif local == "r":
            parts.extend(part.text or "" for part in child if _local(part.tag) == "t")
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), "".join(parts))


def _sheet(content: bytes, name: str, strings: list[str], formats: Formats) -> Sheet:
    sheet = Sheet(name)
    row_number = 0
    for element in _stream(content, "row", "mergeCell"):
        if _local(element.tag) == "mergeCell":
            first, _, last = element.get("ref", "").partition(":")
            if (start := _place(first)) and (end := _place(last)):
                sheet.merge(*start, *end)
            continue
        index = element.get("r", "")
        row_number = int(index) if index.isdigit() else row_number + 1
        column = 0
        for cell in element:
            place = _place(cell.get("r", ""))
            column = place[1] if place else column + 1
            if text := _value(cell, strings, formats):
                sheet.put(row_number, column, text)
        element.clear()
    return sheet


def _value(cell: ElementTree.Element, strings: list[str], formats: Formats) -> str:
    kind, raw = cell.get("t", "n"), ""
    for child in cell:
        local = _local(child.tag)
        if local == "v":
            raw = child.text or ""
        elif local == "is":
            return _text(child).strip()
    if kind == "s":
        return strings[int(raw)].strip() if raw.isdigit() and int(raw) < len(strings) else ""
    if kind == "b":
        return {"1": "TRUE", "0": "FALSE"}.get(raw, raw)
    if kind == "n":
        return formats.show(raw, cell.get("s", ""))
    return raw.strip()


def _remarks(package: Package, part: str, people: dict[str, str], builder: Builder, page: int) -> None:
    """Comments on cells (threads rather than the copies of them for old programs), and titles of charts."""
    relations = list(package.relations(part).values())
    threads = [package.xml(target) for kind, target in relations if kind == "threadedComment" and target in package]
    for tree in threads:
        for comment in tree.iter("threadedComment"):
            text = " ".join(piece.text or "" for piece in comment.iter("text"))
            who = people.get(comment.get("personId", ""), "")
            builder.add("paragraph", _on(comment, remark(text, who, comment.get("dT", ""))), page=page)
    for kind, target in relations:
        if kind == "comments" and (notes := package.optional_xml(target)) is not None:
            authors = [author.text or "" for author in notes.iter("x:author")]
            for comment in notes.iter("x:comment"):
                index = comment.get("authorId", "")
                who = authors[int(index)] if index.isdigit() and int(index) < len(authors) else ""
                if not (threads and who.startswith("tc={")):
                    text = "".join(piece.text or "" for piece in comment.iter("x:t"))
                    builder.add("paragraph", _on(comment, remark(text, who, "")), page=page)
        elif kind == "drawing":
            for chart_kind, chart in package.relations(target).values():
                if chart_kind == "chart" and chart in package:
                    builder.add("caption", title_of(package.xml(chart)), page=page)


def _on(comment: ElementTree.Element, text: str) -> str:
    return f"{comment.get('ref', '')}: {text}" if text and comment.get("ref") else text


def _people(package: Package) -> dict[str, str]:
    found = {}
    for name in package.names(r"xl/persons/"):
        if name.endswith(".xml"):
            found.update(
                {person.get("id", ""): person.get("displayName", "") for person in package.xml(name).iter("person")}
            )
    return found


def _stream(content: bytes, *names: str) -> Iterator[ElementTree.Element]:
    refuse_entities(content)
    try:
        for _event, element in ElementTree.iterparse(io.BytesIO(content)):  # noqa: S314 - no entities: refused above
            if _local(element.tag) in names:
                yield element
    except ElementTree.ParseError as error:
        raise ParseError(
            f"is damaged: a sheet is not well-formed XML ({error})",
            hint="Open it in a spreadsheet program and save it again.",
        ) from None


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _place(reference: str) -> tuple[int, int] | None:
    """`C7` -> (7, 3)."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return None
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    return int(match[2]), column

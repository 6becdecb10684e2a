"""Small files of each kind, made without the programs that usually make them."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
_A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
_P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
_X = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


def package(parts: dict[str, str | bytes], *, first: tuple[str, str] | None = None) -> bytes:
    """A zip of parts; `first` is stored uncompressed at the beginning, as ODF and EPUB want their type."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        if first:
            archive.writestr(first[0], first[1], zipfile.ZIP_STORED)
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


def relations(*links: tuple[str, str, str]) -> str:
    """A .rels part of (id, kind, target)."""
    items = "".join(f'<Relationship Id="{i}" Type="{_RELS}{kind}" Target="{target}"/>' for i, kind, target in links)
    return (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{items}</Relationships>'
    )


CORE = (
    '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">'
    "<dc:title>{title}</dc:title><dc:creator>Ada</dc:creator><dcterms:modified>2024-01-02T03:04:05Z</dcterms:modified>"
    "</cp:coreProperties>"
)
_STYLES = (
    f'<w:styles {_W}><w:style w:type="paragraph" w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Own"><w:name w:val="Chapter"/><w:basedOn w:val="Base"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="Base"><w:name w:val="Base"/>'
    '<w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style>'
    "</w:styles>"
)
_NUMBERING = (
    f'<w:numbering {_W}><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="1"/>'
    '<w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl><w:lvl w:ilvl="1"><w:start w:val="1"/>'
    '<w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="7"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
)


def docx(body: str, *, title: str = "", styles: str = "", footnotes: str | None = None) -> bytes:
    """A DOCX around the XML of a body. `styles`: more of them; `footnotes`: in place of the one that is there."""
    if footnotes is None:
        footnotes = f"<w:footnote>{paragraph('A note.')}</w:footnote>"
    math = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    return package(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": relations(("rId1", "officeDocument", "word/document.xml")),
            "word/_rels/document.xml.rels": relations(
                ("rId1", "styles", "styles.xml"),
                ("rId2", "numbering", "numbering.xml"),
                ("rId3", "footnotes", "footnotes.xml"),
            ),
            "word/document.xml": f"<w:document {_W} {math}><w:body>{body}</w:body></w:document>",
            "word/styles.xml": _STYLES.replace("</w:styles>", f"{styles}</w:styles>"),
            "word/numbering.xml": _NUMBERING,
            "word/footnotes.xml": f"<w:footnotes {_W}>{footnotes}</w:footnotes>",
            "docProps/core.xml": CORE.format(title=title),
        }
    )


def paragraph(text: str, *, style: str = "", number: tuple[int, int] | None = None) -> str:
    properties = f'<w:pStyle w:val="{style}"/>' if style else ""
    if number:
        properties += f'<w:numPr><w:ilvl w:val="{number[1]}"/><w:numId w:val="{number[0]}"/></w:numPr>'
    return f'<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>'


def xlsx(
    sheets: dict[str, str],
    *,
    strings: list[str] = (),
    formats: dict[int, str] | None = None,
    calculate_on_load: bool = False,
) -> bytes:
    """An XLSX of sheets, each given as the XML of its rows (and what follows them)."""
    calculation = '<calcPr fullCalcOnLoad="1"/>' if calculate_on_load else ""
    names = "".join(f'<sheet name="{name}" sheetId="{i}" r:id="rId{i}"/>' for i, name in enumerate(sheets, start=1))
    links = [(f"rId{i}", "worksheet", f"worksheets/sheet{i}.xml") for i in range(1, len(sheets) + 1)]
    parts = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relations(("rId1", "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f"<workbook {_X} {_R}><sheets>{names}</sheets>{calculation}</workbook>",
        "xl/_rels/workbook.xml.rels": relations(
            *links, ("s", "sharedStrings", "sharedStrings.xml"), ("t", "styles", "styles.xml")
        ),
        "xl/sharedStrings.xml": f"<sst {_X}>" + "".join(f"<si><t>{text}</t></si>" for text in strings) + "</sst>",
        "xl/styles.xml": _styles(formats or {}),
    }
    for index, content in enumerate(sheets.values(), start=1):
        parts[f"xl/worksheets/sheet{index}.xml"] = f"<worksheet {_X}>{content}</worksheet>"
    return package(parts)


def _styles(formats: dict[int, str]) -> str:
    own = "".join(f'<numFmt numFmtId="{number}" formatCode="{code}"/>' for number, code in formats.items())
    used = "".join(f'<xf numFmtId="{number}"/>' for number in (0, *formats))
    return f"<styleSheet {_X}><numFmts>{own}</numFmts><cellXfs>{used}</cellXfs></styleSheet>"


def cells(rows: list[list[str]]) -> str:
    """Inline string and number cells as sheet XML."""
    found = []
    for number, row in enumerate(rows, start=1):
        found.append(f'<row r="{number}">')
        for column, text in enumerate(row):
            place = f"{chr(65 + column)}{number}"
            if text.replace(".", "").isdigit():
                found.append(f'<c r="{place}"><v>{text}</v></c>')
            elif text:
                found.append(f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>')
        found.append("</row>")
    return f"<sheetData>{''.join(found)}</sheetData>"


def pptx(slides: list[str], *, notes: str = "", hidden: set[int] = frozenset()) -> bytes:
    """A PPTX of slides, each given as the XML of its shapes. `hidden`: numbers of those that are not shown."""
    links = [(f"rId{i}", "slide", f"slides/slide{i}.xml") for i in range(1, len(slides) + 1)]
    listed = "".join(f'<p:sldId id="{255 + i}" r:id="rId{i}"/>' for i in range(1, len(slides) + 1))
    parts = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relations(("rId1", "officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": f"<p:presentation {_P} {_R}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(*links),
    }
    for index, shapes in enumerate(slides, start=1):
        shown = f"show='{int(index not in hidden)}'"
        parts[f"ppt/slides/slide{index}.xml"] = (
            f"<p:sld {_P} {_A} {_R} {shown}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
        )
    if notes:
        parts["ppt/slides/_rels/slide1.xml.rels"] = relations(("n", "notesSlide", "../notesSlides/notesSlide1.xml"))
        parts["ppt/notesSlides/notesSlide1.xml"] = (
            f"<p:notes {_P} {_A}><p:cSld><p:spTree>{shape(notes, role='body')}</p:spTree></p:cSld></p:notes>"
        )
    return package(parts)


def shape(*paragraphs: str, role: str = "") -> str:
    place = f'<p:nvPr><p:ph type="{role}"/></p:nvPr>' if role else "<p:nvPr/>"
    text = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in paragraphs)
    return f"<p:sp><p:nvSpPr>{place}</p:nvSpPr><p:txBody>{text}</p:txBody></p:sp>"


def odf(kind: str, body: str, styles: str = "") -> bytes:
    """An ODT, ODS or ODP around the XML inside office:body and that of its own styles."""
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{uri}:1.0"'
        for name, uri in (
            ("office", "office"),
            ("text", "text"),
            ("table", "table"),
            ("draw", "drawing"),
            ("presentation", "presentation"),
            ("style", "style"),
            ("fo", "xsl-fo-compatible"),
            ("form", "form"),
        )
    )
    own = f"<office:automatic-styles>{styles}</office:automatic-styles>" if styles else ""
    content = f"<office:document-content {spaces}>{own}<office:body>{body}</office:body></office:document-content>"
    media = f"application/vnd.oasis.opendocument.{kind}"
    return package({"content.xml": content}, first=("mimetype", media))


def pdf(pages: list[list[tuple[float, float, float, str]]], *, drawing: str = "", bold: str = "") -> bytes:
    """A PDF of Helvetica text: per page a list of (x, y, size, text); text that starts with `bold` is set in bold."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    objects += ["<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"]
    objects += ["<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>"]
    kids = []
    for page in pages:
        lines = []
        for x, y, size, text in page:
            font = "F2" if bold and text.startswith(bold) else "F1"
            escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
            lines.append(f"BT /{font} {size} Tf {x} {y} Td ({escaped}) Tj ET")
        stream = drawing + "\n" + "\n".join(lines)
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        resources = "<< /Font << /F1 3 0 R /F2 4 0 R >> >>"
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {len(objects)} 0 R "
            f"/Resources {resources} >>"
        )
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    return assembled([item.encode("cp1252") for item in objects])


def scan(content: bytes, *, turned: int = 0, layer: str = "") -> bytes:
    """The first page of a PDF as a picture in a PDF, turned by some degrees, with an invisible text layer."""
    import pypdfium2

    with pypdfium2.PdfDocument(content) as document:
        bitmap = document[0].render(scale=150 / 72, rotation=turned, grayscale=True)
        view = memoryview(bitmap.buffer).cast("B")
        rows = b"".join(bytes(view[r * bitmap.stride : r * bitmap.stride + bitmap.width]) for r in range(bitmap.height))
        width, height = bitmap.width, bitmap.height
    data = zlib.compress(rows)
    picture = (
        f"<< /Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray "
        f"/BitsPerComponent 8 /Filter /FlateDecode /Length {len(data)} >>\nstream\n"
    ).encode()
    box = width * 72 / 150, height * 72 / 150
    stream = f"q {box[0]} 0 0 {box[1]} 0 0 cm /I Do Q"
    for number, start in enumerate(range(0, len(layer), 60)):
        stream += f" BT /F1 10 Tf 3 Tr 40 {700 - 12 * number} Td ({layer[start : start + 60]}) Tj ET"
    font = "<< /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >> >>"
    return assembled(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {box[0]} {box[1]}] /Contents 4 0 R "
            f"/Resources << /XObject << /I 5 0 R >> /Font {font} >> >>".encode(),
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream".encode(),
            picture + data + b"\nendstream",
        ]
    )


def assembled(objects: list[bytes]) -> bytes:
    content, places = b"%PDF-1.4\n", []
    for number, item in enumerate(objects, start=1):
        places.append(len(content))
        content += b"%d 0 obj\n" % number + item + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    tail = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(content))
    return content + head + table + tail


_SECTOR = 4096
_END, _FREE, _TABLE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def compound(root: dict) -> bytes:
    """An OLE file of streams by name, and of folders as dicts of them. Streams are filled up to 4,096 bytes with
    noughts, from which on they need no table of their own."""
    files: list[list] = [["Root Entry", 5, _FREE, _FREE, b""]]  # name, kind, right, child, content

    def add(folder: dict) -> int:
        first = last = _FREE
        for name in sorted(folder, key=lambda name: (len(name), name.upper())):
            content, number = folder[name], len(files)
            is_folder = isinstance(content, dict)
            files.append([name, 1 if is_folder else 2, _FREE, _FREE, b"" if is_folder else content.ljust(4096, b"\0")])
            if is_folder:
                files[number][3] = add(content)
            if last != _FREE:
                files[last][2] = number
            first, last = (number if first == _FREE else first), number
        return first

    files[0][3] = add(root)
    directory = -(-len(files) * 128 // _SECTOR)  # sectors
    sectors, starts = [], []
    table = [_TABLE, *range(2, directory + 1), _END]
    for *_links, content in files:
        count = -(-len(content) // _SECTOR)
        starts.append(len(table) if count else _END)
        table += [*range(len(table) + 1, len(table) + count), _END] if count else []
        sectors += [content[n * _SECTOR : (n + 1) * _SECTOR].ljust(_SECTOR, b"\0") for n in range(count)]
    assert len(table) <= _SECTOR // 4, "more than one sector of the table"
    entries = b""
    for (name, kind, right, child, content), start in zip(files, starts, strict=True):
        entries += struct.pack("<64sHBB", name.encode("utf-16-le"), 2 * len(name) + 2, kind, 1)
        size = len(content)
        entries += struct.pack(
            "<3I16xI16xIQ", _FREE, right, child, 0, start if size else (_END if kind == 5 else 0), size
        )
    entries = entries.ljust(directory * _SECTOR, b"\0")
    header = struct.pack("<8s16xHHHHH", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 4, 0xFFFE, 12, 6)
    header += struct.pack("<6xIIIIIIIII109I", directory, 1, 1, 0, 4096, _END, 0, _END, 0, 0, *[_FREE] * 108)
    filled = struct.pack(f"<{_SECTOR // 4}I", *table, *[_FREE] * (_SECTOR // 4 - len(table)))
    return header.ljust(_SECTOR, b"\0") + filled + entries + b"".join(sectors)

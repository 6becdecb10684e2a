from __future__ import annotations

from . import samples
from .samples import cells, paragraph, shape


def kinds(document, kind):
    return [document.text[b.start : b.end] for b in document.blocks if b.kind == kind]


def test_docx_headings_lists_and_notes(parse):
    body = (
        paragraph("Scope", style="berschrift2")
        + paragraph("Blade", style="Own")
        + paragraph("first", number=(7, 0))
        + paragraph("under", number=(7, 1))
        + paragraph("second", number=(7, 0))
        + "<w:p><w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins><w:r><w:t>new</w:t></w:r></w:ins>"
        "<w:r><w:tab/><w:t>after</w:t></w:r><w:r><w:instrText>PAGEREF x</w:instrText></w:r></w:p>"
    )
    document = parse("a.docx", samples.docx(body, title="Manual"))
    headings = [(b.level, document.text[b.start : b.end]) for b in document.blocks if b.kind == "heading"]
    assert headings == [(2, "Scope"), (1, "Blade")]
    assert kinds(document, "list") == ["1. first", "1.a) under", "2. second"]
    assert "new\tafter" in document.text
    assert "old" not in document.text
    assert "PAGEREF" not in document.text
    assert "A note." in document.text
    assert document.title == "Manual"
    assert document.metadata["author"] == "Ada"
    assert all(block.page is None for block in document.blocks)


def cell(text, properties=""):
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"


def test_docx_table_with_merged_cells(parse):
    rows = (
        cell("Turbine") + cell("Power", '<w:gridSpan w:val="2"/>'),
        cell("WT", '<w:vMerge w:val="restart"/>') + cell("1") + cell("2"),
        cell("", "<w:vMerge/>") + cell("3") + cell("4"),
    )
    table = "".join(f"<w:tr>{row}</w:tr>" for row in rows)
    document = parse("a.docx", samples.docx(f"<w:tbl>{table}</w:tbl>"))
    assert kinds(document, "row") == ["Turbine: WT | Power: 1 | Power: 2", "Turbine: WT | Power: 3 | Power: 4"]


def test_docx_formula_and_text_box(parse):
    formula = (
        "<m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>bc</m:t></m:r></m:den></m:f></m:oMath>"
    )
    box = f"<w:r><w:pict><w:txbxContent>{paragraph('boxed')}</w:txbxContent></w:pict></w:r>"
    document = parse("a.docx", samples.docx(f"<w:p><w:r><w:t>So</w:t></w:r>{formula}{box}</w:p>"))
    assert "So a/(bc)" in document.text
    assert document.text.count("boxed") == 1


def test_xlsx_values_as_shown(parse):
    rows = (
        '<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c>'
        '<c r="C1" t="s"><v>2</v></c></row>'
        '<row r="2"><c r="A2" s="1"><v>45292</v></c><c r="B2" s="2"><v>0.125</v></c><c r="C2" t="b"><v>1</v></c></row>'
        '<row r="3"><c r="A3" s="1"><v>45293.5</v></c><c r="B3"><v>0.30000000000000004</v></c>'
        '<c r="C3" t="str"><v>f</v></c></row></sheetData>'
    )
    content = samples.xlsx({"Data": rows}, strings=["Day", "Share", "Ok"], formats={164: "dd/mm/yyyy", 165: "0.0%"})
    document = parse("a.xlsx", content)
    assert kinds(document, "row") == [
        "Day: 01/01/2024 | Share: 12.5% | Ok: TRUE",
        "Day: 02/01/2024 | Share: 0.3 | Ok: f",
    ]
    assert kinds(document, "heading") == ["Data"]
    assert document.metadata["sheets"] == "Data"


def test_xlsx_pages_are_sheets_and_empty_rows_part_tables(parse):
    first = cells([["Name", "Power"], ["A", "1"], [], ["Site", "Wind"], ["North", "9"]])
    document = parse("a.xlsx", samples.xlsx({"One": first, "Two": cells([["x", "y"], ["1", "2"]])}))
    assert document.pages == 2
    rows = [(b.page, b.row, document.text[b.start : b.end]) for b in document.blocks if b.kind == "row"]
    assert rows == [(1, "2", "Name: A | Power: 1"), (1, "5", "Site: North | Wind: 9"), (2, "2", "x: 1 | y: 2")]


def test_xlsx_cells_far_apart_cost_nothing(parse):
    last = '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    far = f'<sheetData><row r="1"><c r="A1"><v>1</v></c></row>{last}</sheetData>'
    merged = '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    assert "2" in parse("a.xlsx", samples.xlsx({"Far": far + merged})).text


def test_pptx_slides_titles_notes_tables(parse):
    table = (
        "<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tblPr firstRow='1'/>"
        "<a:tr><a:tc><a:txBody><a:p><a:r><a:t>Part</a:t></a:r></a:p></a:txBody></a:tc>"
        "<a:tc><a:txBody><a:p><a:r><a:t>Price</a:t></a:r></a:p></a:txBody></a:tc></a:tr>"
        "<a:tr><a:tc><a:txBody><a:p><a:r><a:t>Bolt</a:t></a:r></a:p></a:txBody></a:tc>"
        "<a:tc><a:txBody><a:p><a:r><a:t>2</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
    )
    slides = [shape("body one", "body two") + shape("Safety", role="title") + shape("7", role="sldNum"), table]
    document = parse("a.pptx", samples.pptx(slides, notes="Say this aloud"))
    assert document.pages == 2
    assert document.text.startswith("Safety\n\nbody one\n\nbody two\n\nSpeaker notes: Say this aloud")
    assert kinds(document, "row") == ["Part: Bolt | Price: 2"]
    assert [b.page for b in document.blocks if b.kind in ("heading", "table")] == [1, 2]


def test_odt_ods_odp(parse):
    head = '<text:h text:outline-level="2">Head</text:h>'
    text = f'{head}<text:p>A<text:s text:c="2"/>b<text:line-break/>c</text:p>'
    document = parse("a.odt", samples.odf("text", f"<office:text>{text}</office:text>"))
    assert [(b.kind, b.level) for b in document.blocks] == [("heading", 2), ("paragraph", 0)]
    assert document.text == "Head\n\nA  b\nc"

    row = "<table:table-row>{}</table:table-row>"
    one = '<table:table-cell table:number-columns-repeated="1"><text:p>{}</text:p></table:table-cell>'
    sheet = row.format(one.format("Site") + one.format("Wind")) + row.format(one.format("N") + one.format("9"))
    blank = '<table:table-cell table:number-columns-repeated="16384"/>'
    filler = f'<table:table-row table:number-rows-repeated="1048000">{blank}</table:table-row>'
    body = f'<office:spreadsheet><table:table table:name="S">{sheet}{filler}</table:table></office:spreadsheet>'
    document = parse("a.ods", samples.odf("spreadsheet", body))
    assert kinds(document, "row") == ["Site: N | Wind: 9"]

    box = '<draw:frame presentation:class="{}"><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>'
    slide = f"<draw:page>{box.format('outline', 'point')}{box.format('title', 'Start')}</draw:page>"
    document = parse("a.odp", samples.odf("presentation", f"<office:presentation>{slide}</office:presentation>"))
    assert document.text == "Start\n\npoint"
    assert document.pages == 1


def test_epub_chapters_in_order(parse):
    book = samples.package(
        {
            "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="OPS/book.opf"/></rootfiles></container>',
            "OPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
            "<dc:title>Winds</dc:title><dc:creator>Ada</dc:creator><dc:language>en</dc:language></metadata><manifest>"
            '<item id="b" href="two%20b.xhtml" media-type="application/xhtml+xml"/>'
            '<item id="a" href="one.xhtml" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>',
            "OPS/one.xhtml": "<html><head><title>x</title></head><body><h1>First</h1><p>one</p></body></html>",
            "OPS/two b.xhtml": "<html><body><h1>Second</h1><p>two</p></body></html>",
        },
        first=("mimetype", "application/epub+zip"),
    )
    document = parse("a.epub", book)
    assert document.text == "First\n\none\n\nSecond\n\ntwo"
    assert (document.title, document.language, document.metadata["author"], document.pages) == (
        "Winds",
        "en",
        "Ada",
        None,
    )


def test_ppt_of_old(parse, shared):
    document = parse("a.ppt", (shared / "documents" / "ppt" / "sources" / "legacy_sample.ppt").read_bytes())
    assert document.pages == 3
    assert kinds(document, "heading") == ["Test Table Slide", "Second slide title"]
    assert "R2 | Class1 › C: True | Class2 › A: False" in kinds(document, "row")
    assert "Final notes on the third slide." in document.text
    assert document.metadata["author"] == "Maxim Lysak"


def test_doc_and_xls_of_old(parse, shared):
    folder = shared / "documents"
    document = parse("a.doc", (folder / "doc" / "sources" / "legacy_sample.doc").read_bytes())
    assert "Food: Leaves | Calories per portion: Ash, Elm, Maple | 50" in kinds(document, "row")
    document = parse("a.xls", (folder / "xls" / "sources" / "legacy_sample.xls").read_bytes())
    assert kinds(document, "row")[0] == "Year: 2019 | Freshwater Ducks: 120"
    assert document.pages == 1


def test_msg(parse, shared):
    folder = shared / "documents" / "email" / "sources"
    document = parse("a.msg", (folder / "msg_with_attachment.msg").read_bytes())
    assert document.metadata["from"] == "Alice Example <alice@example.com>"
    assert document.metadata["attachments"] == "test.txt, report.pdf"
    assert "This is a test attachment file." in document.text

"""Word documents as people send them: powers, notes, struck and hidden text, forms, tables with names and indents."""

from __future__ import annotations

import pytest

from . import samples
from .conftest import kinds
from .samples import paragraph

SPACE = 'xml:space="preserve"'


def run(text, look="", tag="t"):
    return f"<w:r><w:rPr>{look}</w:rPr><w:{tag} {SPACE}>{text}</w:{tag}></w:r>"


def up(text):
    return run(text, '<w:vertAlign w:val="superscript"/>')


def down(text):
    return run(text, '<w:vertAlign w:val="subscript"/>')


def para(*runs, properties=""):
    return f"<w:p><w:pPr>{properties}</w:pPr>{''.join(runs)}</w:p>"


def math(inner):
    return f"<m:oMath>{inner}</m:oMath>"


def fraction(above, below):
    part = "<m:{0}><m:r><m:t>{1}</m:t></m:r></m:{0}>"
    return f"<m:f>{part.format('num', above)}{part.format('den', below)}</m:f>"


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        ([run("lasts 10"), up("6"), run(" cycles at 10"), up("-"), up("9"), run(" m")], "lasts 10⁶ cycles at 10⁻⁹ m"),
        ([run("840 Nm"), up("1"), run(" of CO"), down("2"), run(", 5 m"), up("3")], "840 Nm [1] of CO2, 5 m³"),
        ([run("Costs 120"), run("2", '<w:rStyle w:val="Raised"/>'), run(" EUR")], "Costs 120 [2] EUR"),
        ([run("about "), math("<m:r><m:t>2</m:t></m:r>" + fraction("1", "2")), run(" turns")], "about  2 1/2  turns"),
        (
            [
                math(
                    "<m:sSup><m:e><m:r><m:t>10</m:t></m:r></m:e><m:sup><m:r><m:t>-9</m:t></m:r></m:sup></m:sSup>"
                    "<m:r><m:t> m</m:t></m:r>"
                )
            ],
            "10^(-9) m",
        ),
        (
            ['<w:r><w:t>5 </w:t><w:sym w:font="Symbol" w:char="F0B1"/><w:t> 0.2 k</w:t>'
             '<w:sym w:font="Symbol" w:char="F057"/></w:r>'],
            "5 ± 0.2 kΩ",
        ),
    ],
)  # fmt: skip
def test_numbers_keep_their_value(parse, runs, text):
    look = '<w:rPr><w:vertAlign w:val="superscript"/></w:rPr>'
    styles = f'<w:style w:type="character" w:styleId="Raised">{look}</w:style>'
    assert parse("a.docx", samples.docx(para(*runs), styles=styles)).text.split("\n")[0] == text


STRUCK = (
    para(run("Tighten with "), run("1200", "<w:strike/>"), run(" Nm", "<w:strike/>"), run(" 1350 Nm"))
    + para(run("Hub "), run("55 Nm", "<w:dstrike/>"), run(" 62 Nm", '<w:strike w:val="0"/>'))
    + para(run("Yaw "), f"<w:del>{run('840 Nm', tag='delText')}</w:del>", f"<w:ins>{run('910 Nm')}</w:ins>")
    + para(run("Pay: "), run("3900 EUR", "<w:vanish/>"), run("see contract"))
    + para(run("All of it"), properties='<w:pStyle w:val="Gone"/>')
)
GONE = '<w:style w:type="paragraph" w:styleId="Gone"><w:rPr><w:strike/></w:rPr></w:style>'


def test_struck_hidden_and_deleted_text_is_left_out_with_a_word(parse):
    document = parse("a.docx", samples.docx(STRUCK, styles=GONE))
    assert document.text.split("\n\n")[:4] == ["Tighten with  1350 Nm", "Hub  62 Nm", "Yaw 910 Nm", "Pay: see contract"]
    assert "All of it" not in document.text
    for told in ("3 struck-out texts", "tracked deletion", "hidden text", "parsing.hidden = true"):
        assert told in document.warnings[0]


def test_struck_hidden_and_deleted_text_is_read_where_it_is_asked_for(parse_hidden):
    document = parse_hidden("a.docx", samples.docx(STRUCK, styles=GONE))
    assert document.text.startswith("Tighten with ~~1200 Nm~~ 1350 Nm\n\nHub ~~55 Nm~~ 62 Nm\n\nYaw ~~840 Nm~~910 Nm")
    assert "Pay: 3900 EURsee contract\n\n~~All of it~~" in document.text
    assert not document.warnings


def test_the_cases_of_powers_and_struck_text(parse, cases):
    document = parse("a.docx", (cases / "04-html-superscript" / "cycles.docx").read_bytes())
    assert "lasts 10⁶ load cycles" in document.text
    document = parse("a.docx", (cases / "05-strikethrough" / "torque.docx").read_bytes())
    assert "1200" not in document.text
    assert "1350 Nm" in document.text


def test_notes_follow_what_refers_to_them(parse):
    body = (
        para(run("Nuts take 840 Nm"), '<w:r><w:footnoteReference w:id="2"/></w:r>', run(" when dry."))
        + paragraph("Second paragraph.")
        + paragraph("first", number=(7, 0))
        + para(
            run("second"),
            '<w:r><w:footnoteReference w:id="3"/></w:r>',
            properties='<w:numPr><w:ilvl w:val="0"/><w:numId w:val="7"/></w:numPr>',
        )
        + paragraph("third", number=(7, 0))
        + "<w:tbl><w:tr><w:tc>"
        + paragraph("Bolt")
        + "</w:tc><w:tc>"
        + paragraph("Torque")
        + "</w:tc></w:tr><w:tr><w:tc>"
        + paragraph("Yaw")
        + "</w:tc><w:tc>"
        + para(run("910"), '<w:r><w:footnoteReference w:customMarkFollows="1" w:id="4"/><w:t>a</w:t></w:r>')
        + "</w:tc></w:tr></w:tbl>"
        + paragraph("The end.")
    )
    notes = {2: "Dry threads only.", 3: "Twice.", 4: "Preliminary.", 5: "Nothing refers to this."}
    footnotes = "".join(
        f'<w:footnote w:id="{n}">{para("<w:r><w:footnoteRef/></w:r>", run(text))}</w:footnote>'
        for n, text in notes.items()
    )
    document = parse("a.docx", samples.docx(body, footnotes=footnotes))
    assert document.text.split("\n\n") == [
        "Nuts take 840 Nm [1] when dry.",
        "[1] Dry threads only.",
        "Second paragraph.",
        "1. first",
        "2. second [2]",
        "3. third",
        "[2] Twice.",
        "Bolt | Torque\nBolt: Yaw | Torque: 910 [a]",
        "[a] Preliminary.",
        "The end.",
        "Nothing refers to this.",
    ]


def test_what_is_chosen_in_forms(parse):
    prompt = "<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>{}</w:sdtContent></w:sdt>"
    control = "<w:sdt><w:sdtPr><w:dropDownList/></w:sdtPr><w:sdtContent>{}</w:sdtContent></w:sdt>"
    begin = '<w:r><w:fldChar w:fldCharType="begin"><w:ffData>{}</w:ffData></w:fldChar></w:r>'
    entries = '<w:listEntry w:val="VG 220"/><w:listEntry w:val="VG 320"/>'
    body = (
        para(run("Oil: "), control.format(run("VG 320")))
        + para(run("Site: "), prompt.format(run("Choose an item.")))
        + prompt.format(paragraph("Click here to enter text."))
        + para(run("☒"), run(" Gloves "), run("☐"), run(" Goggles"))
        + para(begin.format("<w:checkBox><w:default w:val='0'/><w:checked/></w:checkBox>"), run(" Locked"))
        + para(begin.format("<w:checkBox><w:default w:val='0'/></w:checkBox>"), run(" Tagged"))
        + para(run("Gear oil: "), begin.format(f"<w:ddList><w:result w:val='1'/>{entries}</w:ddList>"))
        + para('<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r>', run(" Drained"))
    )
    assert parse("a.docx", samples.docx(body, footnotes="")).text.split("\n\n") == [
        "Oil: VG 320",
        "Site:",
        "[x] Gloves [ ] Goggles",
        "[x] Locked",
        "[ ] Tagged",
        "Gear oil: VG 320",
        "[x] Drained",
    ]


def table(rows, *, head=0, gone=()):
    found = []
    for number, cells in enumerate(rows):
        properties = "<w:tblHeader/>" if number < head else "<w:del/>" if number in gone else ""
        found.append(f"<w:tr><w:trPr>{properties}</w:trPr>{''.join(f'<w:tc>{cell}</w:tc>' for cell in cells)}</w:tr>")
    return f"<w:tbl>{''.join(found)}</w:tbl>"


@pytest.mark.parametrize(
    "under",
    [
        lambda text: para(run(text), properties='<w:ind w:left="200"/>'),
        lambda text: para(run(text), properties='<w:pStyle w:val="In"/>'),
        lambda text: para(run(f"   {text}")),
        lambda text: para("<w:r><w:tab/></w:r>", run(text)),
    ],
)
def test_rows_that_are_set_in_keep_their_parent(parse, under):
    rows = [("", "2023"), (under("Products"), "12"), (under("Services"), "3"), ("Cost", "9")]
    rows.insert(1, ("Revenue", ""))
    cells = [[cell if "<w:p>" in cell else paragraph(cell) for cell in row] for row in rows]
    style = '<w:style w:type="paragraph" w:styleId="In"><w:pPr><w:ind w:start="300"/></w:pPr></w:style>'
    document = parse("a.docx", samples.docx(table(cells, head=1), styles=style))
    assert kinds(document, "row") == ["Revenue › Products | 2023: 12", "Revenue › Services | 2023: 3", "Cost | 2023: 9"]


def test_captions_header_rows_lists_and_deleted_rows_of_tables(parse):
    rows = [
        [paragraph("Step"), paragraph("By"), paragraph("Do")],
        [paragraph("A"), paragraph("Ada"), paragraph("Stop", number=(7, 0)) + paragraph("Lock", number=(7, 0))],
        [paragraph("B"), paragraph("Bo"), paragraph("gone")],
    ]
    caption = '<w:style w:type="paragraph" w:styleId="Cap"><w:name w:val="caption"/></w:style>'
    body = para(run("Table 1: Steps"), properties='<w:pStyle w:val="Cap"/>') + table(rows, head=1, gone=(2,))
    document = parse("a.docx", samples.docx(body, styles=caption))
    assert kinds(document, "caption") == ["Table 1: Steps"]
    assert document.tables[0].caption == "Table 1: Steps"
    assert kinds(document, "row") == ["Step: A | By: Ada | Do: 1. Stop 2. Lock"]
    assert "deleted row" in document.warnings[0]


def test_columns_of_names_and_values(parse):
    rows = [[paragraph("Rated power:"), paragraph("4.2 MW")], [paragraph("Rotor:"), paragraph("126 m")]]
    assert kinds(parse("a.docx", samples.docx(table(rows))), "row") == ["Rated power: 4.2 MW", "Rotor: 126 m"]

"""Text documents and slides of LibreOffice as people send them: powers, notes, struck and hidden text, forms."""

from __future__ import annotations

from . import samples
from .conftest import kinds

STYLES = """
<style:style style:name="up" style:family="text"><style:text-properties style:text-position="super 58%"/></style:style>
<style:style style:name="up2" style:family="text"><style:text-properties style:text-position="33% 58%"/></style:style>
<style:style style:name="down" style:family="text"><style:text-properties style:text-position="sub 58%"/></style:style>
<style:style style:name="gone" style:family="text"><style:text-properties style:text-line-through-style="solid"/></style:style>
<style:style style:name="own" style:family="text" style:parent-style-name="gone"/>
<style:style style:name="hidden" style:family="text"><style:text-properties text:display="none"/></style:style>
<style:style style:name="in" style:family="paragraph"><style:paragraph-properties fo:margin-left="0.5cm"/></style:style>
<style:style style:name="cap" style:family="paragraph" style:parent-style-name="Table"/>
<style:style style:name="skip" style:family="drawing-page"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>
<text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/></text:list-style>
"""  # noqa: E501


def span(style, text):
    return f'<text:span text:style-name="{style}">{text}</text:span>'


def para(*parts, style=""):
    return f'<text:p text:style-name="{style}">{"".join(parts)}</text:p>'


def odt(body):
    return samples.odf("text", f"<office:text>{body}</office:text>", styles=STYLES)


def test_powers_marks_and_subscripts(parse):
    text = para("lasts 10", span("up", "6"), " cycles, 840 Nm", span("up2", "1"), ", CO", span("down", "2"))
    assert parse("a.odt", odt(text)).text == "lasts 10⁶ cycles, 840 Nm [1], CO2"


STRUCK = (
    '<text:tracked-changes><text:changed-region text:id="c1"><text:deletion><office:change-info/><text:p>70 Nm</text:p>'
    "</text:deletion></text:changed-region></text:tracked-changes>"
    + para("Yaw ", span("gone", "840"), span("own", " Nm"), " 910 Nm")
    + para("Pay: ", span("hidden", "3900 EUR"), "see contract")
    + para('Hub <text:change text:change-id="c1"/>62 Nm')
    + '<text:section text:display="none"><text:p>Old limits</text:p></text:section>'
)


def test_struck_and_hidden_text_is_left_out_with_a_word(parse, parse_hidden):
    document = parse("a.odt", odt(STRUCK))
    assert document.text == "Yaw  910 Nm\n\nPay: see contract\n\nHub 62 Nm"
    for told in ("2 struck-out texts", "hidden text", "hidden section"):
        assert told in document.warnings[0]
    document = parse_hidden("a.odt", odt(STRUCK))
    assert document.text == "Yaw ~~840 Nm~~ 910 Nm\n\nPay: 3900 EURsee contract\n\nHub ~~70 Nm~~62 Nm\n\nOld limits"


def note(mark, text):
    body = f"<text:note-body><text:p>{text}</text:p></text:note-body>"
    return f"<text:note><text:note-citation>{mark}</text:note-citation>{body}</text:note>"


def test_notes_follow_what_refers_to_them(parse):
    items = "".join(
        f"<text:list-item>{item}</text:list-item>" for item in (para("one", note("2", "Twice.")), para("two"))
    )
    row = "<table:table-row>{}</table:table-row>"
    cells = [[para("Bolt"), para("Torque")], [para("Yaw"), para("910", note("*", "Preliminary."))]]
    rows = "".join(row.format("".join(f"<table:table-cell>{cell}</table:table-cell>" for cell in r)) for r in cells)
    body = (
        para("Nuts take 840 Nm", note("1", "Dry only."), " when dry.")
        + para("Second.")
        + f'<text:list text:style-name="L">{items}</text:list>'
        + f"<table:table>{rows}</table:table>"
    )
    assert parse("a.odt", odt(body)).text.split("\n\n") == [
        "Nuts take 840 Nm [1] when dry.",
        "[1] Dry only.",
        "Second.",
        "1. one [2]",
        "2. two",
        "[2] Twice.",
        "Bolt | Torque\nBolt: Yaw | Torque: 910*",
        "* Preliminary.",
    ]


def test_tables_have_captions_indents_and_lists_in_cells(parse):
    steps = f'<text:list text:style-name="L"><text:list-item>{para("Stop")}</text:list-item></text:list>'
    rows = [
        [para(""), para("2023")],
        [para("Revenue"), para("")],
        [para("Products", style="in"), para("12")],
        [para('<text:s text:c="3"/>Services'), para("3")],
        [para("Cost"), steps],
    ]
    cell = "<table:table-cell>{}</table:table-cell>"
    body = "".join(f"<table:table-row>{''.join(map(cell.format, row))}</table:table-row>" for row in rows)
    document = parse("a.odt", odt(para("Table 1: Money", style="cap") + f"<table:table>{body}</table:table>"))
    assert document.tables[0].caption == "Table 1: Money"
    assert kinds(document, "row") == [
        "Revenue › Products | 2023: 12",
        "Revenue › Services | 2023: 3",
        "Cost | 2023: 1. Stop",
    ]


def test_what_is_filled_into_forms(parse):
    forms = (
        '<office:forms><form:form><form:checkbox form:id="a" form:label="Gloves" form:current-state="checked"/>'
        '<form:checkbox form:id="b" form:label="Goggles"/><form:text form:id="c" form:current-value="4.2 bar"/>'
        '<form:listbox form:id="d"><form:option form:label="VG 220"/>'
        '<form:option form:label="VG 320" form:current-selected="true"/></form:listbox></form:form></office:forms>'
    )
    controls = {name: f'<draw:control draw:control="{name}"/>' for name in "abcd"}
    body = para(controls["a"], " ", controls["b"]) + para("Read: ", controls["c"]) + para("Oil: ", controls["d"])
    assert parse("a.odt", odt(forms + body)).text == "☑ Gloves ☐ Goggles\n\nRead: 4.2 bar\n\nOil: VG 320"


def test_hidden_slides_are_left_out_with_a_word(parse, parse_hidden):
    box = "<draw:frame><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>"
    slide = f'<draw:page draw:style-name="{{}}">{box}</draw:page>'
    slides = slide.format("", "Shown") + slide.format("skip", "Old prices") + slide.format("", "Last")
    content = samples.odf("presentation", f"<office:presentation>{slides}</office:presentation>", styles=STYLES)
    document = parse("a.odp", content)
    assert document.text == "Shown\n\nLast"
    assert "hidden slide." in document.warnings[0]
    assert [block.page for block in document.blocks] == [1, 3]
    assert "Old prices" in parse_hidden("a.odp", content).text

"""HTML as people write it: numbers, forms, tables, lists and what is hidden or struck out come out as they are seen."""

from __future__ import annotations

import pytest

from .conftest import kinds


def page(body, head=""):
    return f"<html><head><title>Sheet</title>{head}</head><body>{body}</body></html>"


def rows(document):
    return kinds(document, "row")


# --- numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<p>lasts 10<sup>6</sup> cycles at 2 × 10<sup>-9</sup> mbar</p>", "lasts 10⁶ cycles at 2 × 10⁻⁹ mbar"),
        ("<p>840 Nm<sup>1</sup> of CO<sub>2</sub> in 5 m<sup>3</sup></p>", "840 Nm [1] of CO2 in 5 m³"),
        ("<p>5 m<sup><a href='#n2'>2</a></sup> wide</p>", "5 m [2] wide"),
        ("<p>12 bar<a href='#fn1' class='footnote-ref' role='doc-noteref'><sup>1</sup></a></p>", "12 bar [1]"),
        ("<p>12 bar<a epub:type='noteref' href='n.xhtml#1'>1</a></p>", "12 bar [1]"),
        ("<p>Costs 120<span style='vertical-align: super; font-size: 60%'>2</span> EUR</p>", "Costs 120 [2] EUR"),
        (
            "<p>4,100<span style='font-size:6.5pt;position:relative;top:-3.25pt'>(a)</span> t</p>",
            "4,100 (a) t",
        ),
        ("<p>about <math><mn>2</mn><mfrac><mn>1</mn><mn>2</mn></mfrac></math> turns</p>", "about 2 1/2 turns"),
        ("<p>½ is <math><mfrac><mn>1</mn><mn>2</mn></mfrac></math></p>", "½ is 1/2"),
        (
            "<p><math><msup><mn>10</mn><mrow><mo>-</mo><mn>9</mn></mrow></msup><mo>=</mo><msub><mi>x</mi><mn>1</mn></msub>"
            "<annotation>10^{-9}</annotation></math></p>",
            "10^(-9)=x_1",
        ),
        ("<p>take <sup>1</sup>/<sub>4</sub> turn, then 1<sup>3</sup>/<sub>4</sub></p>", "take 1/4 turn, then 1 3/4"),
        ("<p>A note.<a href='#fnref1'>↩</a></p>", "A note."),
    ],
)
def test_numbers_keep_their_value(parse, body, text):
    assert parse("a.html", page(body)).text == text


def test_marks_in_tables_leave_the_number_a_number(parse):
    table = "<table><tr><th>Bolt</th><th>Torque</th></tr><tr><td>Yaw</td><td>840<sup>1</sup></td></tr></table>"
    document = parse("a.html", page(table + "<p><sup>1</sup> Dry threads only.</p>"))
    assert rows(document) == ["Bolt: Yaw | Torque: 840 [1]"]
    assert kinds(document, "paragraph") == ["[1] Dry threads only."]


def test_the_case_of_superscripts(parse, cases):
    for name in ("cycles.html", "cycles.md"):
        document = parse(name, (cases / "04-html-superscript" / name).read_bytes())
        assert "lasts 10⁶ load cycles" in document.text
    document = parse("a.html", (cases / "04-html-superscript" / "cycles.html").read_bytes())
    assert "2 × 10⁻⁹ mbar" in document.text
    assert "840 Nm [1]." in document.text
    assert "120 [2] litres. CO2 share" in document.text


# --- what is not meant ---------------------------------------------------------------------------------------

STRUCK = (
    "<p>Tighten with <del>300 Nm</del> <ins>330 Nm</ins>.</p><p>Hub <s>55 Nm</s> 62 Nm.</p>"
    "<p><strike>90 EUR</strike></p><p>Yaw <span style='text-decoration: line-through'>840 Nm</span> 910 Nm, "
    "<span class='c7'>1200 Nm</span> 1350 Nm</p><del><p>All of this paragraph.</p></del>"
)
SHEET = "<style>.c3{color:red} .c7 { text-decoration: line-through }</style>"


def test_struck_text_is_left_out_with_a_word(parse):
    document = parse("a.html", page(STRUCK, SHEET))
    assert document.text == "Tighten with 330 Nm.\n\nHub 62 Nm.\n\nYaw 910 Nm, 1350 Nm"
    assert "6 struck-out texts" in document.warnings[0]
    assert "parsing.hidden = true" in document.warnings[0]


def test_struck_text_is_marked_where_it_is_asked_for(parse_hidden):
    document = parse_hidden("a.html", page(STRUCK, SHEET))
    assert document.text.startswith("Tighten with ~~300 Nm~~ 330 Nm.\n\nHub ~~55 Nm~~ 62 Nm.\n\n~~90 EUR~~")
    assert "Yaw ~~840 Nm~~ 910 Nm, ~~1200 Nm~~ 1350 Nm\n\n~~All of this paragraph.~~" in document.text
    assert not document.warnings


def test_the_case_of_struck_text(parse, cases):
    for name, there, gone in (("torque.html", "330 Nm", "300 Nm"), ("torque.md", "910 Nm", "840 Nm")):
        document = parse(name, (cases / "05-strikethrough" / name).read_bytes())
        assert there in document.text
        assert gone not in document.text
        assert "struck-out" in document.warnings[0]


@pytest.mark.parametrize(
    ("rule", "element"),
    [
        (".old{display:none}", "class='note old'"),
        ("p.old, .x { Visibility : HIDDEN }", "class='old'"),
        ("@media print {.seen {display:none}} #old {display:none !important}", "id='old'"),
        (".old{color:red} .old{display:none} .other.open{display:block}", "class='old'"),
    ],
)
def test_what_a_rule_of_the_page_hides_is_left_out_with_a_word(parse, parse_hidden, rule, element):
    content = page(f"<p class='seen'>Seen.</p><p {element}>The old limit was 12 bar.</p>", f"<style>{rule}</style>")
    document = parse("a.html", content)
    assert document.text == "Seen."
    assert "hidden text" in document.warnings[0]
    assert "The old limit was 12 bar." in parse_hidden("a.html", content).text


@pytest.mark.parametrize(
    ("rule", "element"),
    [
        (".more{display:none} .open .more{display:block}", "class='more'"),
        (".more{display:none} .more:target{display:block}", "class='more'"),
        (".more{display:none}</style><script>document.querySelector('.more').show()</script><style>", "class='more'"),
        (".more{display:none}", "class='more' style='display:block'"),
        (".more{display:none} .more{display:block}", "class='more'"),
        ("@media print {.more{display:none}}", "class='more'"),
        ("@media (max-width: 600px) {.a{color:red} .more{display:none}}", "class='more'"),
        ("nav .more{display:none}", "class='more'"),
    ],
)
def test_what_readers_can_open_is_not_hidden(parse, rule, element):
    document = parse("a.html", page(f"<p {element}>Loosen it first.</p>", f"<style>{rule}</style>"))
    assert document.text == "Loosen it first."
    assert not document.warnings


def test_hidden_text_is_told_of_and_menus_are_not(parse, parse_hidden):
    hidden = "<p hidden>Role: Fitter, pay 3900 EUR</p><div style='display:none'>The old limit was 12 bar.</div>"
    menu = "<ul style='display:none'><li><a href='/a'>Pumps and valves</a></li></ul>"
    menu += "<div hidden><a href='/b'>Log in here</a></div>"
    preview = (
        "<div style='display:none;max-height:0'>Your order has left us</div><span style='display:none'>000123</span>"
    )
    document = parse("a.html", page(f"<p>Seen.</p>{hidden}{menu}{preview}"))
    assert document.text == "Seen."
    assert "2 hidden texts" in document.warnings[0]
    assert not parse("b.html", page(f"<p>Seen.</p>{menu}{preview}")).warnings
    assert "The old limit was 12 bar." in parse_hidden("a.html", page(f"<p>Seen.</p>{hidden}")).text


# --- forms ---------------------------------------------------------------------------------------------------


def test_of_a_form_what_is_filled_in_is_told(parse):
    form = (
        "<form><p><label>Oil <select><option value=''>Please choose</option><option>VG 220</option>"
        "<option selected>VG 320</option></select></label></p>"
        "<p>Site <select><option>North</option><option>South</option></select></p>"
        "<p>State <select><option value=''>Please choose</option><option>open</option></select></p>"
        "<p>Tools <select multiple><option selected>Spanner</option><option>Saw</option><option selected>Lamp</option>"
        "</select></p>"
        "<p><input type=checkbox checked> Gloves <input type=checkbox> Goggles</p>"
        "<p><label>Locked <input type=radio name=a checked></label> <label>Open <input type=radio name=a></label></p>"
        "<p><label for=t>Tagged</label> <input id=t type=checkbox checked></p>"
        "<p><span role=checkbox aria-checked=true>Drained</span></p>"
        "<p>Reading <input value='4.2 bar'> on <input type=date value=2024-05-01><input type=hidden value=secret></p>"
        "<p>Remark <textarea>\nLeaks at\nflange 3</textarea></p></form>"
    )
    assert parse("a.html", page(form)).text.split("\n\n") == [
        "Oil VG 320",
        "Site North",
        "State",
        "Tools Spanner, Lamp",
        "☑ Gloves ☐ Goggles",
        "☑ Locked ☐ Open",
        "☑ Tagged",
        "☑ Drained",
        "Reading 4.2 bar on 2024-05-01",
        "Remark Leaks at\nflange 3",
    ]


# --- tables --------------------------------------------------------------------------------------------------


def test_a_row_span_of_nought_goes_to_the_end_of_its_part(parse):
    table = (
        "<table><tr><th>Site</th><th>Turbine</th></tr><tbody><tr><td rowspan=0>North</td><td>WT-1</td></tr>"
        "<tr><td>WT-2</td></tr><tr><td>WT-3</td></tr></tbody><tbody><tr><td>South</td><td>WT-9</td></tr></tbody></table>"
    )
    assert rows(parse("a.html", page(table))) == [
        "Site: North | Turbine: WT-1",
        "Site: North | Turbine: WT-2",
        "Site: North | Turbine: WT-3",
        "Site: South | Turbine: WT-9",
    ]


def test_names_of_rows_are_no_header(parse):
    table = "<table><tr><th>Rated power</th><td>4.2 MW</td></tr><tr><th>Rotor:</th><td>126 m</td></tr></table>"
    document = parse("a.html", page(table))
    assert rows(document) == ["Rated power: 4.2 MW", "Rotor: 126 m"]
    assert document.tables[0].header == ()
    row = document.tables[0].rows[0]
    assert [document.text[slice(*cell)] for cell in row.cells] == ["Rated power", "4.2 MW"]

    table = (
        "<table><tr><th colspan=2>WT-07</th></tr><tr><th>Power</th><td>4.2 MW</td></tr>"
        "<tr><th>Rotor</th><td>126 m</td></tr></table>"
    )
    assert rows(parse("a.html", page(table)))[-2:] == ["Power: 4.2 MW", "Rotor: 126 m"]

    table = (
        "<table><tr><td></td><th>2022</th><th>2023</th></tr><tr><th>Revenue</th><td>12</td><td>14</td></tr>"
        "<tr><th>Profit</th><td>2</td><td>3</td></tr></table>"
    )
    assert rows(parse("a.html", page(table))) == ["Revenue | 2022: 12 | 2023: 14", "Profit | 2022: 2 | 2023: 3"]


def test_rows_of_th_at_the_top_are_the_header(parse):
    table = (
        "<table><tr><th>Part</th><th colspan=2>Torque</th></tr><tr><th></th><th>dry</th><th>oiled</th></tr>"
        "<tr><th colspan=3>Rotor</th></tr><tr><td>M36</td><td>yes</td><td>no</td></tr>"
        "<tr><td>M30</td><td>no</td><td>no</td></tr></table>"
    )
    assert rows(parse("a.html", page(table))) == [
        "Part: Rotor › M36 | Torque › dry: yes | Torque › oiled: no",
        "Part: Rotor › M30 | Torque › dry: no | Torque › oiled: no",
    ]


def test_lists_of_names_and_values(parse):
    pairs = (
        "<dl><dt>Rated power</dt><dd>4.2 MW</dd><dt>Hub</dt><dt>Nacelle:</dt><dd>Steel</dd><dd><p>Painted.</p></dd>"
        "<dt>Colours</dt><dd><ul><li>red</li><li>white</li></ul></dd><dt>Spare</dt></dl>"
    )
    assert parse("a.html", page(pairs)).text.split("\n\n") == [
        "Rated power: 4.2 MW",
        "Hub, Nacelle: Steel",
        "Hub, Nacelle: Painted.",
        "Colours:",
        "red",
        "white",
        "Spare",
    ]


@pytest.mark.parametrize(
    "under",
    [
        "<td style='padding-left: 2em'>{}</td>",
        "<td><p style='margin-left:18pt'>{}</p></td>",
        "<td><div style='padding:0 0 0 20px'>{}</div></td>",
        "<td class='in'>{}</td>",
        "<td>&nbsp;&nbsp;&nbsp;{}</td>",
        "<td>&emsp;{}</td>",
    ],
)
def test_rows_that_are_set_in_keep_their_parent(parse, under):
    lines = [
        ("<td>Revenue</td>", ""),
        (under.format("Products"), "12"),
        (under.format("Services"), "3"),
        ("<td>Cost</td>", "9"),
    ]
    body = "".join(f"<tr>{label}<td>{value}</td></tr>" for label, value in lines)
    document = parse(
        "a.html",
        page(f"<table><tr><th></th><th>2023</th></tr>{body}</table>", "<style>td.in{padding-left:9px}</style>"),
    )
    assert rows(document) == ["Revenue › Products | 2023: 12", "Revenue › Services | 2023: 3", "Cost | 2023: 9"]


def test_the_caption_belongs_to_the_table(parse):
    table = "<table><caption>Power by <b>site</b></caption><tr><th>Site</th><th>MW</th></tr><tr><td>N</td><td>4</td>"
    document = parse("a.html", page(f"{table}</table>"))
    assert document.tables[0].caption == "Power by site"
    assert kinds(document, "caption") == ["Power by site"]


# --- lists ---------------------------------------------------------------------------------------------------


def test_numbers_stay_with_their_items(parse):
    lists = (
        "<ol><li><p>Close valve V1.</p></li><li><p>Open the screw.</p><p>Wait.</p></li></ol>"
        "<ol type=a start=3><li>third</li><li value=7>seventh</li></ol><ol reversed><li>two</li><li>one</li></ol>"
        "<ol><li>outer<ol type=i><li>inner</li></ol></li></ol><ol style='list-style: none'><li>bare</li></ol>"
    )
    assert kinds(parse("a.html", page(lists)), "list") == [
        "1. Close valve V1.",
        "2. Open the screw.\nWait.",
        "c. third",
        "g. seventh",
        "2. two",
        "1. one",
        "1. outer",
        "i. inner",
        "bare",
    ]


def test_lists_in_cells_keep_their_numbers(parse):
    steps = "<ol><li>Stop</li><li><p>Lock</p></li></ol>"
    table = f"<table><tr><th>Step</th><th>Do</th></tr><tr><td>A</td><td>{steps}</td></tr></table>"
    assert rows(parse("a.html", page(table))) == ["Step: A | Do: 1. Stop 2. Lock"]


def test_a_total_that_is_set_in_is_no_part_of_the_row_above(parse):
    lines = [("Oil", 1, 0), ("Gas", 2, 0), ("Total energy", 3, 2), ("Wind", 4, 0)]
    body = "".join(f"<tr><td style='padding-left:{n}em'>{name}</td><td>{value}</td></tr>" for name, value, n in lines)
    document = parse("a.html", page(f"<table><tr><th></th><th>2023</th></tr>{body}</table>"))
    assert rows(document) == ["Oil | 2023: 1", "Gas | 2023: 2", "Total energy | 2023: 3", "Wind | 2023: 4"]

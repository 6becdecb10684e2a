"""What stands on a PDF page beside its text: fields of forms, notes of readers, running titles, raised marks."""

from __future__ import annotations

import pytest

from metier.core.settings import ParsingSettings
from metier.parsing import Parser

from . import samples

pytestmark = pytest.mark.slow

BODY = "The pump was started after the bearing had been changed and the oil had been filled up to the mark."


def kinds(document, *wanted):
    return [document.text[b.start : b.end] for b in document.blocks if b.kind in wanted]


def form(labels, widgets, *, needs_appearances=False):
    """A PDF with (x, y, text) labels and widgets given as what stands in their dictionaries."""
    stream = " ".join(f"BT /F1 11 Tf {x} {y} Td ({text}) Tj ET" for x, y, text in labels)
    numbers = " ".join(f"{n} 0 R" for n in range(6, 6 + len(widgets)))
    flag = "/NeedAppearances true" if needs_appearances else ""
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{numbers}] {flag} "
        "/DR << /Font << /Helv 5 0 R >> >> >> >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Annots [{numbers}] "
        "/Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        *(f"<< /Type /Annot /Subtype /Widget /F 4 /P 3 0 R /DA (/Helv 11 Tf 0 g) {widget} >>" for widget in widgets),
    ]
    return samples.assembled([item.encode("cp1252") for item in objects])


def test_values_of_a_form_without_drawings_stand_beside_their_labels(parse):
    labels = [(60, 740, "Customer:"), (60, 710, "Pressure"), (60, 680, "Colour:")]
    widgets = [
        "/FT /Tx /T (a) /V (Ada Byron) /Rect [200 735 400 755]",
        "/FT /Tx /T (b) /V (16.4 bar) /Rect [200 705 400 725]",
        "/FT /Ch /Ff 131072 /T (c) /V (r) /Opt [[(r) (Signal red)] [(b) (Blue)]] /Rect [200 675 400 695]",
    ]
    for needs_appearances in (False, True):
        text = parse("form.pdf", form(labels, widgets, needs_appearances=needs_appearances)).text
        for line in ("Customer: Ada Byron", "Pressure: 16.4 bar", "Colour: Signal red"):
            assert text.count(line) == 1, needs_appearances


def test_a_field_without_a_label_is_named_by_its_tooltip(parse):
    widgets = ["/FT /Tx /T (f1_1) /TU (Serial number) /V (SN-77) /Rect [60 735 400 755]"]
    assert "Serial number: SN-77" in parse("form.pdf", form([(60, 300, "Report")], widgets)).text


def test_a_label_over_its_field(parse):
    widgets = ["/FT /Tx /T (a) /V (Ada) /Rect [60 700 250 718]", "/FT /Tx /T (b) /V (Oslo) /Rect [300 700 500 718]"]
    text = parse("form.pdf", form([(60, 722, "Name"), (300, 722, "Works")], widgets)).text
    assert "Name: Ada" in text
    assert "Works: Oslo" in text


@pytest.mark.parametrize("step", [13, 18])
def test_a_field_with_its_label_is_a_text_of_its_own(parse, step):
    prose = ["Nobody enters the car deck while the ship is under way, except the fire patrol.", BODY[:80]]
    lines = [*prose, "safety officer on duty:", "assembly station", "fire doors are shut", *prose]
    places = [740 - step * n for n in range(len(lines))]
    labels = [(90 if n == 4 else 60, y, line) for n, (y, line) in enumerate(zip(places, lines, strict=True))]
    widgets = [
        f"/FT /Tx /T (a) /V (Tomas Reed, first mate of the ship, or who is called in his place) "
        f"/Rect [190 {places[2] - 3} 540 {places[2] + 10}]",
        f"/FT /Tx /T (b) /V (Deck 5 aft) /Rect [190 {places[3] - 3} 380 {places[3] + 10}]",
        f"/FT /Btn /T (c) /V /Yes /AS /Yes /Rect [74 {places[4] - 2} 86 {places[4] + 10}]",
    ]
    told = " ".join(prose)
    assert kinds(parse("form.pdf", form(labels, widgets)), "paragraph", "list") == [
        told,
        "safety officer on duty: Tomas Reed, first mate of the ship, or who is called in his place",
        "assembly station: Deck 5 aft",
        "☑ fire doors are shut",
        told,
    ]


def test_a_field_in_a_sentence_is_part_of_it(parse):
    labels = [(60, 740, "The rent of"), (185, 740, "euros is due on the first of each month and is")]
    labels.append((60, 727, "paid by bank transfer to the owner of the house."))
    widgets = ["/FT /Tx /T (r) /V (850) /Rect [125 737 180 750]"]
    assert "The rent of 850 euros is due on the first of each month and is paid by bank transfer" in (
        parse("form.pdf", form(labels, widgets)).text
    )


def test_states_of_boxes_and_radio_buttons(parse):
    labels = [(60, 740, "Leak test passed:"), (100, 700, "Steel"), (200, 700, "Bronze"), (60, 660, "Painted:")]
    widgets = [
        "/FT /Btn /T (a) /V /Yes /AS /Yes /Rect [200 737 212 749]",
        "/FT /Btn /Ff 32768 /T (m) /V /s /AS /s /Rect [84 697 96 709]",
        "/FT /Btn /Ff 32768 /T (m) /V /s /AS /Off /Rect [184 697 196 709]",
        "/FT /Btn /T (p) /V /Off /AS /Off /Rect [200 657 212 669]",
    ]
    text = parse("form.pdf", form(labels, widgets)).text
    assert "Leak test passed: ☑" in text
    assert "☑ Steel" in text
    assert "☐ Bronze" in text
    assert "Painted: ☐" in text


def test_fields_in_rows_are_a_table(parse):
    labels = [(60, 760, "Part"), (200, 760, "Torque"), (300, 760, "Checked")]
    labels += [(60, 740 - 20 * n, f"Bolt M{n}") for n in range(4)]
    widgets = []
    for n in range(4):
        y = 736 - 20 * n
        widgets.append(f"/FT /Tx /T (t{n}) /V ({100 + n} Nm) /Rect [200 {y} 280 {y + 16}]")
        widgets.append(f"/FT /Btn /T (c{n}) /V /Yes /AS /Yes /Rect [300 {y} 312 {y + 12}]")
    assert kinds(parse("form.pdf", form(labels, widgets)), "row")[1] == "Part: Bolt M1 | Torque: 101 Nm | Checked: ☑"


def test_hidden_fields_are_left_out_with_a_word(tmp_path):
    path = tmp_path / "form.pdf"
    path.write_bytes(form([(60, 740, "Report")], ["/FT /Tx /T (a) /V (secret price) /F 2 /Rect [200 735 400 755]"]))
    for hidden in (False, True):
        with Parser(ParsingSettings(hidden=hidden), "en") as parser:
            document = parser.parse(path, uri="form.pdf")
        assert ("secret price" in document.text) is hidden
        assert any("hidden form field" in warning for warning in document.warnings) is not hidden


def test_cases_of_forms(parse, shared):
    cases = shared / "cases" / "08-pdf-acroform"
    report = parse("report.pdf", (cases / "report.pdf").read_bytes()).text
    for line in ("Measured pressure: 16.4 bar", "remark: Gasket G-77 was replaced", "Leak test passed: ☑"):
        assert line in report
    drawn = parse("drawn.pdf", (cases / "drawn.pdf").read_bytes()).text
    assert drawn.count("Measured pressure: 16.4 bar") == 1
    assert "Leak test passed: ☑" in drawn
    assert drawn.count("Red") == 1


def noted(notes):
    """Three lines of text and the dictionaries of annotations."""
    lines = [
        (60, 740, "Bolts are tightened with 210 Nm."),
        (60, 680, "The oil is changed each May."),
        (60, 620, BODY[:60]),
    ]
    stream = " ".join(f"BT /F1 11 Tf {x} {y} Td ({text}) Tj ET" for x, y, text in lines)
    numbers = " ".join(f"{n} 0 R" for n in range(6, 6 + len(notes)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Annots [{numbers}] "
        "/Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        *(f"<< /Type /Annot {note} >>" for note in notes),
    ]
    return samples.assembled([item.encode("cp1252") for item in objects])


def test_notes_are_read_at_their_place_with_their_author(parse):
    document = parse(
        "a.pdf",
        noted(
            [
                "/Subtype /Text /T (Anna) /Contents (Since March: 235 Nm) /Rect [300 735 320 755]",
                "/Subtype /Highlight /T (Jon) /Contents (In June from now on) /Rect [60 675 250 692] "
                "/QuadPoints [60 692 250 692 60 675 250 675]",
                "/Subtype /Highlight /Contents (The oil is changed) /Rect [58 675 250 692] "
                "/QuadPoints [58 692 250 692 58 675 250 675]",
                "/Subtype /Popup /Contents (Since March: 235 Nm) /Rect [400 700 500 755]",
                "/Subtype /FreeText /DA (/Helv 10 Tf 0 g) /Contents (Check it twice) /Rect [60 590 300 610]",
            ]
        ),
    )
    assert kinds(document, "paragraph", "heading") == [
        "Bolts are tightened with 210 Nm.",
        "Note (Anna): Since March: 235 Nm",
        "The oil is changed each May.",
        "Note (Jon): In June from now on",
        BODY[:60].strip(),
        "Note: Check it twice",
    ]


def test_what_is_typed_on_a_page_that_is_no_form_is_text(parse):
    typed = (
        "/Subtype /FreeText /IT /FreeTextTypeWriter /Contents (in Oslo) /DA (/Helv 10 Tf 0 g) /Rect [250 737 400 752]"
    )
    text = parse("a.pdf", noted([typed])).text
    assert "Bolts are tightened with 210 Nm. in Oslo" in text
    assert "Note" not in text


def sheets(titles, *, size=11, footer=None):
    """A page each with a title, text that differs, and a footer."""
    pages = []
    for n, title in enumerate(titles, start=1):
        page = [
            (72, 800, size, title),
            (72, 740, 11, f"The value measured in round {n * 7} was good."),
            (72, 727, 11, BODY),
        ]
        pages.append(page + ([(72, 30, 9, footer.format(n=n, of=len(titles)))] if footer else []))
    return samples.pdf(pages)


@pytest.mark.parametrize("size", [11, 16])
@pytest.mark.parametrize("title", ["Certificate No. {}", "Pump P-10{}", "Well {}"])
def test_titles_of_pages_that_differ_by_a_number_are_kept(parse, title, size):
    titles = [title.format(n) for n in range(3, 9)]
    text = parse("a.pdf", sheets(titles, size=size, footer="Page {n} of {of}")).text
    assert all(title in text for title in titles)
    assert "Page " not in text


@pytest.mark.parametrize("footer", ["{n}", "- {n} -", "Seite {n} von {of}", "{n} / {of}", "ACME works manual | {n}"])
def test_page_numbers_are_left_out(parse, footer):
    titles = ["Oil", "Water", "Air", "Steam", "Gas"]
    document = parse("a.pdf", sheets(titles, footer=footer))
    lines = kinds(document, "paragraph", "heading", "list")
    assert not [line for line in lines if line in ("2", "- 2 -", "Seite 2 von 5", "2 / 5", "ACME works manual | 2")]
    assert all(any(title in line for line in lines) for title in titles)


@pytest.mark.parametrize("first", [(72, 815, 9), (72, 790, 9), None])
def test_running_titles_are_left_out_on_the_first_page_too(parse, first):
    pages = []
    for n in range(1, 5):
        head = first if n == 1 else (72, 815, 9)
        page = [(*head, "ACME pump manual")] if head else []
        page += [
            (300, 30, 9, "Uncontrolled when printed"),
            (72, 600, 11, f"Round {n * 7} was good."),
            (72, 587, 11, BODY),
        ]
        pages.append([(72, 740, 20, "Maintenance of pumps"), *page] if n == 1 else page)
    document = parse("a.pdf", samples.pdf(pages))
    assert document.title == "Maintenance of pumps"
    assert "ACME" not in document.text
    assert "Uncontrolled" not in document.text
    assert document.text.count(BODY) == 4


def test_a_line_on_the_first_page_in_larger_type_is_no_running_title(parse):
    pages = [[(72, 800, 18 if n == 1 else 9, "ACME pump manual"), (72, 600, 11, BODY)] for n in range(1, 5)]
    document = parse("a.pdf", samples.pdf(pages))
    assert document.title == "ACME pump manual"
    assert document.text.count("ACME pump manual") == 1


def test_a_running_title_is_the_title_where_the_first_page_begins_with_a_section(parse):
    pages = []
    for n, section in enumerate(["Letter to the owners", "Income", "Balance"], start=1):
        page = [(72, 815, 9, "ACME Ltd"), (400, 815, 9, "Annual report 2024"), (500, 815, 9, str(n))]
        page += [(72, 760, 16, section), *((72, 700 - 13 * line, 10, f"{line * n}: {BODY[:80]}") for line in range(5))]
        pages.append(page)
    document = parse("a.pdf", samples.pdf(pages))
    assert document.title == "ACME Ltd – Annual report 2024"
    assert kinds(document, "heading") == [document.title, "Letter to the owners", "Income", "Balance"]
    assert document.text.count("Annual report 2024") == 1


def test_header_of_a_table_on_each_page_is_kept(parse):
    pages = []
    for n in range(4):
        page = [(72, 822, 8, "ACME price list")]
        for row in range(6):
            cells = ["Part", "Price", "Weight"] if not row else [f"P-{n}{row}", f"{n}{row}.50", f"{row} kg"]
            page += [(72 + 120 * c, 790 - 13 * row, 10, cell) for c, cell in enumerate(cells)]
        pages.append(page)
    document = parse("a.pdf", samples.pdf(pages))
    assert "Part: P-32 | Price: 32.50 | Weight: 2 kg" in kinds(document, "row")
    assert document.text.count("ACME price list") == 1


def test_raised_marks_change_no_number(parse):
    page = [
        (72, 700, 11, "The bearing lasts 3 x 10"), (191, 704, 7, "6"),
        (198, 700, 11, "cycles on 25 m"), (270, 704, 7, "2"),
        (72, 660, 11, "Tighten with 840 Nm"), (174.5, 664, 7, "1"), (182, 660, 11, "by hand."),
        (72, 620, 7, "1"), (77, 616, 11, "Not for bolts of class 12.9."),
    ]  # fmt: skip
    text = parse("a.pdf", samples.pdf([page])).text
    assert "3 x 10⁶ cycles on 25 m²" in text
    assert "840 Nm [1] by hand." in text
    assert "[1] Not for bolts" in text

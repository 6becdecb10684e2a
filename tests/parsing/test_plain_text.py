"""Plain text and mail as people send them: lines cut to a width, lists, quotes, signatures, stubs beside HTML."""

from __future__ import annotations

import pytest

from .conftest import kinds

CUT = """Dear all,
these are the readings of last week, see the table below and the attached
report. The pump P-7 was stopped on Monday because of a leak at the high-
pressure flange, which was tightened with 62 Nm afterwards, as the
manual says.

1. Close valve V1 and wait until the pressure gauge shows nothing at all
   any more, which takes up to five minutes in winter.
2. Open the screw.
- Spanner
- 5 nuts

The valves have to be closed before anyone opens the cover of pump number
3. The key hangs beside the door, and nobody but the shift leader may take
it from there.
"""


def test_lines_that_were_cut_are_joined(parse):
    document = parse("a.txt", CUT)
    assert document.text.split("\n\n") == [
        "Dear all,\nthese are the readings of last week, see the table below and the attached report. The pump P-7 "
        "was stopped on Monday because of a leak at the high-pressure flange, which was tightened with 62 Nm "
        "afterwards, as the manual says.",
        "1. Close valve V1 and wait until the pressure gauge shows nothing at all any more, which takes up to five "
        "minutes in winter.",
        "2. Open the screw.",
        "Spanner",
        "- 5 nuts",
        "The valves have to be closed before anyone opens the cover of pump number 3. The key hangs beside the door, "
        "and nobody but the shift leader may take it from there.",
    ]
    assert len(kinds(document, "list")) == 4


@pytest.mark.parametrize(
    "kept",
    [
        "The woods are lovely, dark and deep,\nBut I have promises to keep,\nAnd miles to go before I sleep,\n"
        "And miles to go before I sleep.",
        "Acme GmbH\nMain Street 1\n12345 Town",
        "Name      Value    Unit\nPressure  12       bar\nTorque    840      Nm",
        "Article | Price per piece in the euro of the year before last | Delivery\nBolt | 2 | 5",
        "def turn(angle):\n    return angle + 1 if angle is not None else the_angle_that_was_last_set",
        "2024-05-01 12:00:01 INFO pump started with a speed of 1500 rpm and torque\n"
        "2024-05-01 12:00:02 INFO pump stopped with a speed of 0000 rpm and torque\n"
        "2024-05-01 12:00:03 INFO pump started with a speed of 1500 rpm and torque",
        "Customer: The municipal water and waste water works of the city of Bonn\nContact: Ada Lovelace\nSite: North",
        "Site manual\n===========",
    ],
)
def test_lines_that_end_where_their_author_ended_them_stay(parse, kept):
    document = parse("a.txt", f"{CUT}\n{kept}\n\nThe end.\n")
    assert f"\n\n{kept}\n\nThe end." in document.text


def test_words_that_were_cut_are_whole_where_the_text_knows_them(parse):
    text = (
        "The gearbox is filled with oil of the kind that its maker names in the\n"
        "manual. Before winter comes to the northern sites, the oil of each gear-\n"
        "box is changed, and the grease of the long bearing on the side of high-\n"
        "speed shafts, too, as it thickens in the cold.\n"
    )
    document = parse("a.txt", text)
    assert "the oil of each gearbox is changed" in document.text
    assert "high-speed shafts" in document.text


def test_lines_of_scripts_without_spaces_are_joined_without_one(parse):
    line = "请先关闭一号阀门然后等待压力表显示为零再慢慢打开放气螺钉半圈直到没有气泡出现为止并且记录时间和压力数值"
    text = f"{line} 注意\n{line} 安全\n{line} 第一\n结束。\n"
    assert parse("a.txt", text).text.count("\n") == 0


QUOTES = """It is 80 now.

On Monday Ada wrote:
> The old price is 90 EUR per piece, and it holds until the end of this
> year, as we said.
>
> Second paragraph.
>> Deeper still.

Yours,
Bo
-- 
Bo Works
+49 228 1234
"""


def mail(body, *, kind="text/plain; charset=utf-8"):
    return f"From: a@b.c\nTo: d@e.f\nSubject: Prices\nMIME-Version: 1.0\nContent-Type: {kind}\n\n{body}"


def test_quotes_and_signatures_of_mail_stay_apart(parse):
    document = parse("a.eml", mail(QUOTES))
    assert kinds(document, "quote") == [
        "The old price is 90 EUR per piece, and it holds until the end of this year, as we said.",
        "Second paragraph.",
        "Deeper still.",
    ]
    assert kinds(document, "paragraph")[1:] == [
        "It is 80 now.",
        "On Monday Ada wrote:",
        "Yours,\nBo",
        "Bo Works\n+49 228 1234",
    ]


@pytest.mark.parametrize("delete", [False, True])
def test_flowed_mail_is_read_as_it_was_written(parse, delete):
    soft = "-" if delete else ""
    body = (
        f"The pump runs \nat 40 Hz{soft} \n and stops.\nA new line.\n> quoted \n> on.\n>> deeper\n From here.\n"
        "-- \nBo \nWorks\n"
    )
    kind = "text/plain; charset=utf-8; format=flowed" + ("; DelSp=yes" if delete else "")
    document = parse("a.eml", mail(body, kind=kind))
    first = (
        "The pump runsat 40 Hz-and stops.\nA new line." if delete else "The pump runs at 40 Hz and stops.\nA new line."
    )
    assert kinds(document, "paragraph")[1] == first
    assert kinds(document, "quote") == ["quotedon." if delete else "quoted on.", "deeper"]
    assert "From here." in document.text


def alternatives(plain, html, *, inner="text/html; charset=utf-8"):
    parts = f"--b\nContent-Type: text/plain; charset=utf-8\n\n{plain}\n--b\nContent-Type: {inner}\n\n{html}\n--b--\n"
    return mail(parts, kind="multipart/alternative; boundary=b")


TABLE = (
    "<p>Dear all, these are the readings.</p><table><tr><th>Station</th><th>Level</th></tr>"
    "<tr><td>North</td><td>4.31 m</td></tr></table>"
)


@pytest.mark.parametrize(
    "stub",
    [
        "This message is best viewed in a mail program that can show HTML. Please open it in your browser.",
        "Dear all, these are the readings, see the table below.\n\n[image: table]",
        "",
        "Ihr E-Mail-Programm kann diese Nachricht nicht anzeigen. Bitte lesen Sie sie im Browser: https://example.com/m/77",
    ],
)
def test_html_is_read_where_the_plain_part_says_less(parse, stub):
    document = parse("a.eml", alternatives(stub, TABLE))
    assert kinds(document, "row") == ["Station: North | Level: 4.31 m"]
    assert "browser" not in document.text.lower()


def test_the_plain_part_is_read_where_it_says_as_much(parse):
    plain = "Dear all, these are the readings.\n\nStation North: level 4.31 m, and the pump runs at 40 Hz.\n"
    document = parse("a.eml", alternatives(plain, TABLE))
    assert "the pump runs at 40 Hz" in document.text
    assert not kinds(document, "row")


def test_alternatives_that_hold_parts_and_attachments(parse):
    related = (
        f"--c\nContent-Type: text/html; charset=utf-8\n\n{TABLE}\n--c\nContent-Type: text/csv\n"
        "Content-Disposition: attachment; filename=list.csv\n\na,b\n1,2\n--c--"
    )
    document = parse("a.eml", alternatives("Best viewed as HTML.", related, inner="multipart/related; boundary=c"))
    assert kinds(document, "row") == ["Station: North | Level: 4.31 m", "a: 1 | b: 2"]
    plain = "Dear all, these are the readings: Station North, Level 4.31 m. Nothing else was measured this week."
    document = parse("a.eml", alternatives(plain, related, inner="multipart/mixed; boundary=c"))
    assert kinds(document, "row") == ["a: 1 | b: 2"]
    assert "Nothing else was measured" in document.text


def test_struck_text_of_mail_is_told(parse):
    document = parse("a.eml", mail("<p>It takes <s>840 Nm</s> 910 Nm</p>", kind="text/html"))
    assert "It takes 910 Nm" in document.text
    assert "struck-out text" in document.warnings[0]


def test_the_cases_of_mail(parse, cases):
    folder = cases / "11-mail-alternative"
    document = parse("order.eml", (folder / "order.eml").read_bytes())
    assert "ships on 14 March 2024 with forwarder Nordlog." in document.text
    assert kinds(document, "row") == ["Article: Brake disc BD-9 | Quantity: 6"]
    document = parse("readings.eml", (folder / "readings.eml").read_bytes())
    assert kinds(document, "row") == ["Station: North | Level: 4.31 m", "Station: South | Level: 2.77 m"]
    assert "report.docx" in document.text
    assert "The key of cabinet K7" in parse("nested.eml", (folder / "nested.eml").read_bytes()).text

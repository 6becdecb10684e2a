"""What is attached to a mail is read as part of it, each file under its name, whatever its format."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from metier.core.errors import ParseError
from metier.core.settings import ParsingSettings
from metier.parsing import Parser

from . import samples
from .conftest import kinds

FILES = {
    "torques.xlsx": samples.xlsx({"Torques": samples.cells([["Part", "Torque"], ["Bolt", "840"], ["Nut", "910"]])}),
    "offer.docx": samples.docx(samples.paragraph("The offer stands until 23 May.")),
    "rules.pdf": samples.pdf([[(72, 700, 11, "The bow door stays shut above 2.5 metres.")]]),
    "ships.pptx": samples.pptx([samples.shape("MV Halla carries 68 cars.")]),
}
SAID = ["The offer stands until 23 May.", "The bow door stays shut above 2.5 metres.", "MV Halla carries 68 cars."]


def eml(files, *, subject="Papers"):
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "Ada <ada@example.org>", subject
    mail.set_content("See what is attached.")
    for name, content in files.items():
        mail.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return bytes(mail)


def msg(files, *, subject="Papers"):
    """A mail of Outlook; a dict among its files is a mail in the mail."""
    folder = {
        "__properties_version1.0": b"\0" * 32,
        "__substg1.0_001A001F": "IPM.Note".encode("utf-16-le"),
        "__substg1.0_0037001F": subject.encode("utf-16-le"),
        "__substg1.0_1000001F": f"See what is attached to {subject}.".encode("utf-16-le"),
    }
    for number, (name, content) in enumerate(files.items()):
        is_mail = isinstance(content, dict)
        folder[f"__attach_version1.0_#{number:08X}"] = {
            "__properties_version1.0": b"\0" * 32,
            "__substg1.0_3707001F": name.encode("utf-16-le"),
            f"__substg1.0_3701{'000D' if is_mail else '0102'}": content,
        }
    return folder


def document_of(parse, kind, files):
    if kind == "eml":
        return parse("a.eml", eml(files))
    return parse("a.msg", samples.compound(msg(files)))


@pytest.mark.parametrize("kind", ["eml", "msg"])
def test_attached_documents_are_sections_of_the_mail(parse, kind):
    document = document_of(parse, kind, FILES)
    assert [name for name in kinds(document, "heading") if "." in name] == list(FILES)
    assert kinds(document, "row") == ["Part: Bolt | Torque: 840", "Part: Nut | Torque: 910"]
    assert all(said in document.text for said in SAID)
    assert document.metadata["attachments"] == ", ".join(FILES)
    assert document.title == "Papers"
    assert {block.page for block in document.blocks} == {None}
    (table,) = document.tables
    assert table.rows[0].name(document.text) == "Bolt"


@pytest.mark.parametrize("kind", ["eml", "msg"])
def test_broken_attachments_and_pictures_cost_no_mail(parse, kind):
    picture = b"\x89PNG\r\n\x1a\n" + b"\0" * 60
    document = document_of(parse, kind, {"bad.pdf": b"%PDF-1.4 broken", "logo.png": picture, **FILES})
    assert all(said in document.text for said in SAID)
    assert [warning for warning in document.warnings if "bad.pdf" in warning]
    assert "logo.png" in document.metadata["attachments"]
    assert kinds(document, "paragraph")[-1] == "Attachments: logo.png"


def test_mails_in_mails_are_read_to_a_depth(parse):
    inner = FILES
    for level in range(6):
        inner = {**FILES, f"level{level}.eml": eml(inner, subject=f"Level {level}")}
    document = parse("a.eml", eml(inner))
    assert kinds(document, "row").count("Part: Bolt | Torque: 840") == 3
    assert "Level 5" in document.text
    assert "Level 1" not in document.text
    document = parse(
        "a.msg", samples.compound(msg({"Inner": msg({"offer.docx": FILES["offer.docx"]}, subject="Inner")}))
    )
    assert "See what is attached to Inner." in document.text
    assert "The offer stands until 23 May." in document.text


def test_attachments_count_towards_the_limit_of_text(tmp_path):
    path = tmp_path / "a.eml"
    path.write_bytes(eml({"long.docx": samples.docx(samples.paragraph("word " * 60_000))}))
    with Parser(ParsingSettings(max_text_mb=0.2), "en") as parser, pytest.raises(ParseError, match="more than"):
        parser.parse(path, uri="a.eml")

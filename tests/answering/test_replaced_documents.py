"""A document that says that it replaces another is preferred, in any language, and the other one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from metier.answering.replaced_documents import replaced
from metier.core.documents import Document, Passage, document_id
from metier.expert import Expert
from metier.ingestion.replacements import with_replacements


def _said(text: str, language: str) -> dict[str, str]:
    found = with_replacements(Document("1", "a.md", "A", text, (), "text/plain", language=language))
    return dict(found.metadata)


@pytest.mark.parametrize(
    ("language", "text", "key", "named"),
    [
        ("en", "This policy replaces the Travel Policy 2023.", "replaces", "the Travel Policy 2023"),
        ("en", "Superseded by: HR-012 rev 4", "replaced_by", "HR-012 rev 4"),
        ("de", "Diese Fassung ersetzt die Reiseordnung.", "replaces", "die Reiseordnung"),
        ("de", "Ersetzt durch: Reiseordnung neu", "replaced_by", "Reiseordnung neu"),
        ("fr", "Ce texte annule et remplace la note de service 12.", "replaces", "la note de service 12"),
        ("es", "Esta norma sustituye a la guía de viajes.", "replaces", "a la guía de viajes"),
        ("pt", "Este manual substitui o guia de viagens.", "replaces", "o guia de viagens"),
        ("ru", "Настоящее положение заменяет правила поездок.", "replaces", "правила поездок"),
        ("id", "Dokumen ini menggantikan aturan perjalanan.", "replaces", "aturan perjalanan"),
        ("sw", "Waraka huu unachukua nafasi ya kanuni za safari.", "replaces", "kanuni za safari"),
        ("ar", "هذه السياسة تحل محل دليل السفر.", "replaces", "دليل السفر"),
        ("bn", "এই নথি ভ্রমণ নীতি প্রতিস্থাপন করে।", "replaces", "এই নথি ভ্রমণ নীতি"),
        ("hi", "यह नियम यात्रा नीति का स्थान लेता है।", "replaces", "यह नियम यात्रा नीति"),
        ("zh", "本办法取代差旅规定。", "replaces", "本办法取代差旅规定"),
        ("ja", "本規程は旅費規程に代わるものです。", "replaces", "本規程は旅費規程に代わるものです"),
    ],
)
def test_what_a_document_says_that_it_replaces(language: str, text: str, key: str, named: str) -> None:
    said = _said(text, language)
    assert list(said) == [key]
    assert said[key] == named


def test_only_what_a_document_says_of_itself_at_its_ends() -> None:
    filling = "The pump is checked every week. " * 300
    assert _said(f"{filling}\n\nThis note replaces the old plan.\n\n{filling}", "en") == {}
    assert _said(f"{filling}\n\nThis note replaces the old plan.", "en") == {"replaces": "the old plan"}


def _passage(uri: str, title: str, **metadata: str) -> Passage:
    return Passage(uri, document_id(uri), "text", 0, 4, uri=uri, title=title, metadata=metadata)


@pytest.mark.parametrize(
    ("said", "uri", "title", "is_replaced"),
    [
        ("the Travel Policy 2023 (HR-012)", "hr/travel.pdf", "Travel Policy 2023", True),
        ("the Travel Policy 2023 (HR-012)", "hr/HR-012_travel.pdf", "Journeys", True),
        ("the Travel Policy 2023", "hr/travel.pdf", "Travel Policy 2022", False),
        ("the edition of 2023", "prices-2023.csv", "Prices", True),
        ("the edition of 2023", "prices-2022.csv", "Prices", False),
        ("the valve of type 3", "valves.pdf", "Valves and their care", False),
        ("everything said before", "travel.pdf", "Travel Policy", False),
    ],
)
def test_which_document_is_meant(said: str, uri: str, title: str, is_replaced: bool) -> None:
    new = _passage("prices.csv", "Prices", replaces=said)
    assert (document_id(uri) in replaced([new, _passage(uri, title)])) is is_replaced


def test_two_that_replace_each_other_say_nothing() -> None:
    one, other = (
        _passage("a.md", "Rules of travel", replaces="the house rules"),
        _passage("b.md", "House rules", replaces="Rules of travel"),
    )
    assert len(replaced([one, other])) == 1


@pytest.mark.parametrize(
    ("language", "old", "new", "question", "value"),
    [
        ("en", "# Travel rules\n\nThe night allowance is 90 euro.",
         "# Expenses\n\nThis document replaces the Travel rules.\n\nThe night allowance is 110 euro.",
         "How much is the night allowance?", "110 euro"),
        ("bn", "# ভ্রমণ নীতি\n\nরাতের ভাতা ৯০০ টাকা।",
         "# খরচের নিয়ম\n\nএই নথি ভ্রমণ নীতি প্রতিস্থাপন করে।\n\nরাতের ভাতা ১১০০ টাকা।", "রাতের ভাতা কত?", "১১০০"),
    ],
)  # fmt: skip
def test_the_document_in_force_answers_and_names_the_other(
    tmp_path: Path, language: str, old: str, new: str, question: str, value: str
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text(old, "utf-8")
    (docs / "b.md").write_text(new, "utf-8")
    with Expert.create(tmp_path / "expert", language=language) as expert:
        expert.add(str(docs))
        expert.sync()
        answer = expert.ask(question)
        assert value in answer.text
        assert answer.citations[0].replaces == ("docs/a.md",)
        (docs / "b.md").unlink()
        expert.sync()
        assert value not in expert.ask(question).text

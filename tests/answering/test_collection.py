from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from metier import Expert
from metier.answering.collection import DocumentInfo, answer_collection, document_infos, match_documents
from metier.answering.intent import Intent, Kind, classify
from metier.state.catalog import Catalog, ItemHistory, ItemState
from metier.store.base import DocumentRecord, Filter

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def info(uri: str, title: str = "", added: str = "2026-01-10", changed: str = "", language: str = "en", **noted: str):
    record = DocumentRecord(uri, uri, title, "", language, (), noted)
    return DocumentInfo(record, date.fromisoformat(added), date.fromisoformat(changed) if changed else None)


BAKERY = [
    info("minutes/minutes-2025-01.docx", "Staff meeting January 2025", author="Jo Park"),
    info("minutes/minutes-2025-02.docx", "Staff meeting February 2025", author="Jo Park", changed="2026-11-25"),
    info("minutes/minutes-2025-03.docx", "Staff meeting March 2025", author="Jo Park"),
    info("lease/office-lease.pdf", "Lease Agreement 12 Harbour Street"),
    info("lease/van-lease.pdf", "Vehicle lease"),
    info("hr/leave-policy.docx", "Annual leave policy", author="Maria González"),
    info("hr/sick-leave.docx", "Sick leave", author="Maria González"),
    info("pricelist.xlsx", "Prices", added="2026-11-24"),
    info("bakery/rye.md", "Rye bread"),
    info("supplier-contract-millco.pdf", "Supply contract Millco Ltd"),
    info("contacts.html", "Who to call"),
    info("mail/1.eml", "Delivery delayed", **{"from": "Sam Ortiz <s@x.org>", "to": "Jo Park", "date": "2025-03-04"}),
    info("mail/2.eml", "Oven repaired", **{"from": "Lena Holm <l@x.example>", "to": "Sam Ortiz", "date": "2025-04-09"}),
    info("de/hygieneplan.docx", "Hygieneplan der Backstube", language="de"),
]  # fmt: skip

MINUTES = [document.uri for document in BAKERY[:3]]


def listed(question: str, documents=BAKERY, search=None) -> list[str] | None:
    found = answer_collection(question, classify(question), documents, NOW, search)
    if found is None:
        return None
    for document, (start, end) in zip(found.documents, found.lines, strict=True):
        assert document.title in found.text[start:end]
    return [document.uri for document in found.documents]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What did Jo Park write?", MINUTES),
        ("What did jo park write?", MINUTES),
        ("Which documents are by Maria Gonzalez?", ["hr/leave-policy.docx", "hr/sick-leave.docx"]),
        ("Was hat Sam geschrieben?", ["mail/1.eml"]),
        ("Which mails went to Sam Ortiz?", ["mail/2.eml"]),
        ("any mails from april 2025?", ["mail/2.eml"]),
        ("do you have any excel files", ["pricelist.xlsx"]),
        ("Which contracts do you have?", ["supplier-contract-millco.pdf"]),
        ("Which minutes do you have?", MINUTES),
        ("List everything in the lease folder", ["lease/office-lease.pdf", "lease/van-lease.pdf"]),
        ("Which documents are in German?", ["de/hygieneplan.docx"]),
        ("What changed this week?", ["minutes/minutes-2025-02.docx", "pricelist.xlsx"]),
        ("Which documents are new this week?", ["pricelist.xlsx"]),
        ("Was hat sich diese Woche geändert?", ["minutes/minutes-2025-02.docx", "pricelist.xlsx"]),
        ("What's new?", ["minutes/minutes-2025-02.docx", "pricelist.xlsx"]),
        ("What changed yesterday?", []),
    ],
)  # fmt: skip
def test_documents_are_chosen_by_what_is_known_of_them(question, expected):
    assert listed(question) == expected


def test_a_topic_is_looked_up_and_titles_count_too():
    assert listed("which documents are about bread", search=lambda topic: ["pricelist.xlsx"]) == [
        "pricelist.xlsx",
        "bakery/rye.md",
    ]
    assert listed("do you have anything about zinc?", search=lambda topic: []) == []


def test_the_latest_come_first():
    assert listed("Which is the most recent mail you have?")[0] == "mail/2.eml"


def test_a_name_or_sort_that_no_document_has_makes_it_another_question():
    assert listed("What did Nobody write?") is None
    assert listed("Which invoices do you have?") is None
    assert answer_collection("x", Intent(Kind.QUESTION), BAKERY, NOW) is None


def test_counting_gives_the_number_alone():
    question = "How many documents do you have?"
    assert answer_collection(question, classify(question), BAKERY, NOW).text == "There are 14 documents."
    question = "Wie viele PDFs gibt es?"
    assert answer_collection(question, classify(question), BAKERY, NOW).text == "Es gibt 3 Dokumente."


def test_long_lists_are_cut_and_say_so():
    many = [info(f"notes/{n}.md", f"Note {n}") for n in range(50)]
    question = "Which documents do you have?"
    found = answer_collection(question, classify(question), many, NOW)
    assert (len(found.documents), found.total) == (20, 50)
    assert found.text.endswith("… and 30 more.")


def test_without_documents_it_says_so_in_the_language_of_the_question():
    question = "¿Qué documentos tienes?"
    assert answer_collection(question, classify(question), [], NOW).text == "No hay documentos."


def test_a_title_cannot_bring_in_markup():
    question = "Which documents do you have?"
    found = answer_collection(question, classify(question), [info("a.md", "**bold** [x](http://y)\nnew line")], NOW)
    assert r"\*\*bold\*\* \[x\](http://y) new line" in found.text


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("the minutes of February", ["minutes/minutes-2025-02.docx"]),
        ("staff meeting of March 2025", ["minutes/minutes-2025-03.docx"]),
        ("das Protokoll vom Februar", ["minutes/minutes-2025-02.docx"]),
        ("2月の議事録", ["minutes/minutes-2025-02.docx"]),
        ("office lease", ["lease/office-lease.pdf"]),
        ("lease", ["lease/office-lease.pdf", "lease/van-lease.pdf"]),
        ("lease agreement for Harbour Street", ["lease/office-lease.pdf"]),
        ("the Millco contract", ["supplier-contract-millco.pdf"]),
        ("the Millco contract for a new colleague, in about 150 words", ["supplier-contract-millco.pdf"]),
        ("Millco-Vertrag", ["supplier-contract-millco.pdf"]),
        ("policy on sick leave", ["hr/sick-leave.docx"]),
        ("rye bread", ["bakery/rye.md"]),
        ("Sam's mail", ["mail/1.eml"]),
        ("hygieneplan.docx", ["de/hygieneplan.docx"]),
        ("minutes of April", []),
        ("minutes of February 2024", []),
        ("warranty", []),
        ("the allergens of the rye bread", []),
        ("opening hours", []),
        ("the documents", []),
        ("", []),
    ],
)
def test_which_document_is_meant(named, expected):
    assert sorted(document.uri for document in match_documents(named, BAKERY)) == expected


def test_no_document_is_meant_where_there_is_none():
    assert match_documents("the minutes of February", []) == []


def test_a_document_that_is_indexed_again_has_not_changed(tmp_path):
    catalog = Catalog(tmp_path / "catalog.sqlite")

    def sync(content: str, day: str, signature: str = "s") -> ItemHistory:
        catalog.put([ItemState("a.md", "files", "v", signature, f"{content}-{signature}", "indexed", "", 1, day)])
        return catalog.history()["a.md"]

    assert sync("one", "2026-11-01T00:00:00+00:00") == ItemHistory("2026-11-01T00:00:00+00:00", "")
    assert sync("one", "2026-11-02T00:00:00+00:00", "rebuilt").changed_at == ""
    assert sync("two", "2026-11-03T00:00:00+00:00") == ItemHistory(
        "2026-11-01T00:00:00+00:00", "2026-11-03T00:00:00+00:00"
    )
    records = [DocumentRecord("1", "a.md", "A", ""), DocumentRecord("2", "correction:1", "C", "")]
    known = document_infos(records, catalog.history())
    assert [(one.uri, one.added, one.changed) for one in known] == [("a.md", date(2026, 11, 1), date(2026, 11, 3))]
    catalog.forget(["a.md"])
    assert catalog.history() == {}
    catalog.close()


@pytest.mark.slow
def test_what_changed_names_what_came_was_edited_and_was_deleted_and_the_first_sync_is_no_news(tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(4):
        (docs / f"rule{number}.md").write_text(f"# Rule {number}\n\nThe fee is {number + 2} EUR.\n")
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(docs))
        expert.sync()
        for question, told in (("What's new?", "No document was added"), ("Was hat sich geändert?", "Kein Dokument")):
            answer = expert.ask(question)
            assert answer.text.startswith(told)
            assert "rule" not in answer.text
            assert not answer.citations
        assert "first sync" in expert.ask("What's new?").text
        (docs / "rule1.md").write_text("# Rule 1\n\nThe fee is 30 EUR.\n")
        (docs / "rule2.md").unlink()
        (docs / "extra.md").write_text("# Extra\n\nThe deposit is 50 EUR.\n")
        expert.sync()
        for question, changed, new, deleted in (
            ("What has changed this week?", "changed", "new", "deleted"),
            ("Qu'est-ce qui a changé cette semaine ?", "modifié", "nouveau", "supprimé"),
            ("এই সপ্তাহে কী বদলেছে?", "পরিবর্তিত", "নতুন", "মুছে ফেলা"),
        ):
            lines = [line for line in expert.ask(question).text.splitlines() if line.startswith("- ")]
            assert sorted(line.partition(":")[0].lstrip("- *") for line in lines) == sorted(
                [f"Rule 1** (docs/rule1.md, {changed}", f"Extra** (docs/extra.md, {new}", f"docs/rule2.md** ({deleted}"]
            )
        of_a_group = expert.ask("What has changed this week?", where=Filter(groups=("board",)))
        assert "rule2.md" not in of_a_group.text  # who may read what is gone is not known
        (docs / "rule2.md").write_text("# Rule 2\n\nThe fee is 4 EUR.\n")
        expert.sync()
        assert "deleted" not in expert.ask("What has changed this week?").text

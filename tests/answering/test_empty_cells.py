"""A cell that is asked for and is empty is told to be empty; a line of column names is no answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from metier.answering.empty_cells import empty_cells
from metier.answering.evidence import quotable
from metier.answering.quote_spans import rows_alike
from metier.core.documents import Document, Passage
from metier.core.tables import Table, TableRow
from metier.expert import Expert
from metier.parsing.core.readers import ParsingLimits, read_document

STAFF = """Name,Role,Phone,Salary (EUR),Hired,Leaving date
Ida Falk,Baker,41,2800,2019-03-04,2024-01-31
Ole Berg,Driver,,,2021-05-01,
"""


def _row(text: str, language: str, holding: str) -> tuple[Document, Passage]:
    read = read_document(text.encode(), name="t.csv", uri="t.csv", groups=(), limits=ParsingLimits())
    row = next(r for table in read.tables for r in table.rows if holding in read.text[r.start : r.end])
    return read, Passage("1", read.id, read.text[row.start : row.end], row.start, row.end, language=language)


@pytest.mark.parametrize(
    ("question", "note"),
    [
        ("What is the phone of Ole Berg?", "“Phone” is empty for Ole Berg."),
        ("What is the telephone number of Ole Berg?", "“Phone” is empty for Ole Berg."),  # by another word
        ("What does Ole Berg earn?", "“Salary (EUR)” is empty for Ole Berg."),
        ("When did Ole Berg leave?", "“Leaving date” is empty for Ole Berg."),
        ("What are the phone and the salary of Ole Berg?", "“Phone” and “Salary (EUR)” are empty for Ole Berg."),
        ("What is the phone of Ida Falk?", None),
        ("What is the role of Ole Berg?", None),
        ("When was Ole Berg hired?", None),
        ("Which driver has no phone?", None),
        ("Who is Ole Berg?", None),
    ],
)
def test_what_is_empty_of_a_row(question: str, note: str | None) -> None:
    document, row = _row(STAFF, "en", "Ida" if "Ida" in question else "Ole")
    found = empty_cells(question, row, document, "en")
    assert (found.note if found else None) == note


def test_a_table_without_names_of_columns_has_none_that_is_asked() -> None:
    text = "Ida | 41"
    row = TableRow(0, len(text), "1", ((0, 3), (6, 8), None))
    document = Document("t", "t", "t", text, (), "text/csv", tables=(Table((), (row,), 0, len(text)),))
    assert empty_cells("What is the phone of Ida?", Passage("1", "t", text, 0, len(text)), document, "en") is None


@pytest.mark.parametrize(
    ("language", "table", "question", "other"),
    [
        ("de", "Auftrag;Eingang;Kosten (EUR);Abgeholt am\nR-1;2025-03-18;;\nR-2;2025-03-19;20;2025-04-01\n",
         "Wann wurde der Auftrag R-1 abgeholt?", "Wann war der Eingang von R-1?"),
        ("de", "Auftrag;Eingang;Kosten (EUR);Abgeholt am\nR-1;2025-03-18;;\nR-2;2025-03-19;20;2025-04-01\n",
         "Was kostet der Auftrag R-1?", "Wann war der Eingang von R-1?"),
        ("fr", "Nom;Poste;Téléphone\nLuc Morel;Boulanger;\nAnne Roux;Vendeuse;12\n",
         "Quel est le téléphone de Luc Morel ?", "Quel est le poste de Luc Morel ?"),
        ("es", "Nombre;Puesto;Teléfono\nLuis Vega;Panadero;\nAna Ruiz;Vendedora;12\n",
         "¿Cuál es el teléfono de Luis Vega?", "¿Cuál es el puesto de Luis Vega?"),
        ("ru", "Имя;Должность;Телефон\nИван Орлов;Пекарь;\nАнна Лис;Продавец;12\n",
         "Какой телефон у Иван Орлов?", "Какая должность у Иван Орлов?"),
        ("ar", "الاسم;الوظيفة;الهاتف\nسامي حداد;خباز;\nليلى نور;بائعة;12\n",
         "ما هو الهاتف سامي حداد؟", "ما هي الوظيفة سامي حداد؟"),
        ("hi", "नाम;पद;फ़ोन\nरवि शर्मा;बेकर;\nसीता राव;विक्रेता;12\n", "रवि शर्मा का फ़ोन क्या है?", "रवि शर्मा का पद क्या है?"),
        ("bn", "নাম;পদ;ফোন\nবশির আহমেদ;বেকার;\nমিতা দাস;বিক্রেতা;12\n",
         "বশির আহমেদের ফোন কত?", "বশির আহমেদের পদ কী?"),
        ("zh", "姓名;职位;电话\n王伟;面包师;\n李娜;店员;12\n", "王伟的电话是多少?", "王伟的职位是什么?"),
        ("ja", "名前;役職;電話番号\n田中;職人;\n鈴木;店員;12\n", "田中の電話番号は?", "田中の役職は?"),
    ],
)  # fmt: skip
def test_in_other_languages(language: str, table: str, question: str, other: str) -> None:
    document, row = _row(table, language, table.splitlines()[1].partition(";")[0])
    assert empty_cells(question, row, document, language) is not None
    assert empty_cells(other, row, document, language) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Name | Phone\nName: Ida Falk | Phone: 41", ["Name: Ida Falk | Phone: 41"]),
        ("Name | Phone\nName: Ole Berg", ["Name: Ole Berg"]),  # its row has one cell alone
        ("Badger | Brunnskär\nStoat | Grisselby", ["Badger | Brunnskär", "Stoat | Grisselby"]),  # columns without names
    ],
)
def test_a_line_of_column_names_is_not_quoted(text: str, said: list[str]) -> None:
    passage = Passage("1", "1", text, 0, len(text), language="en")
    assert [text[slice(*span)] for span in quotable(passage)] == said


def test_a_line_of_column_names_is_no_row_like_another() -> None:
    text = "Coffee | Supplier\nCoffee: Santos | Supplier: Nord Coffee\nCoffee: Huila | Supplier: Cafetera"
    passage = Passage("1", "1", text, 0, len(text), language="en")
    chosen = passage.within(18, 56)
    found = rows_alike(chosen, [passage], lambda words: frozenset({"coffee"} & set(words.lower().split())))
    assert [each.text for each in found] == ["Coffee: Santos | Supplier: Nord Coffee"]


def test_an_expert_tells_what_is_empty(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "staff.csv").write_text(STAFF)
    (folder / "note.md").write_text("# Note\n\nThe salary of Ole Berg is paid by the parent company.\n")
    (folder / "vans.csv").write_text("Van,Mileage\nAurora,1200\nBorealis,\nCygnus,900\nDraco,\n")
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(folder))
        expert.sync()
        for question, note in (
            ("What is the phone of Ole Berg?", "“Phone” is empty for Ole Berg."),
            ("When did Ole Berg leave?", "“Leaving date” is empty for Ole Berg."),
            ("What is the mileage of the van Borealis?", "“Mileage” is empty for Borealis."),  # its row has one cell
            ("What is the mileage of the van Draco?", "“Mileage” is empty for Draco."),
        ):
            answer = expert.ask(question)
            assert answer.abstained
            assert note in answer.notes
        assert "41" in expert.ask("What is the phone of Ida Falk?").text
        assert "parent company" in expert.ask("Who pays the salary of Ole Berg?").text


def test_a_line_of_column_names_is_no_answer_where_a_passage_holds_nothing_else(tmp_path: Path) -> None:
    measured = ("temperature", "pressure", "voltage", "rotation")
    parts = ("inlet", "outlet", "boiler", "pump")
    whats = [f"{what} of the {part}" for what in measured for part in parts]
    names = [f"{how} {what}" for how in ("Average", "Highest", "Lowest") for what in whats]
    rows = [f"M{n},{n},{n + 1},{n + 2},{n + 3}" + "," * (len(names) - 4) for n in range(1, 6)]
    table = tmp_path / "machines.csv"
    table.write_text("\n".join([",".join(["Machine", *names]), *rows]) + "\n")
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(table))
        expert.sync()
        for question in ("What is the highest voltage of the boiler?", "Lowest rotation of the outlet?"):
            answer = expert.ask(question)
            assert answer.abstained, answer.text
        assert "1" in expert.ask("What is the average temperature of the inlet of M1?").text

"""Who asks for one figure of a table is told that figure, in every format and language, and no other of its row."""

from __future__ import annotations

import csv
import html

import openpyxl
import pytest

from metier import Expert

pytestmark = pytest.mark.slow

PRICES = {
    "en": [
        ["Article", "Unit", "Price 2024", "Price 2025", "Change"],
        ["Larch board", "metre", "6.40", "6.85", "7%"],
        ["Larch board, planed", "metre", "8.10", "8.70", "7%"],
        ["Oak beam", "metre", "31.00", "33.50", "8%"],
        ["Wood oil", "can", "18.90", "17.20", "-9%"],
    ],
    "de": [
        ["Artikel", "Einheit", "Preis 2024", "Preis 2025", "Änderung"],
        ["Lärchenbrett", "Meter", "6,40", "6,85", "7 %"],
        ["Lärchenbrett gehobelt", "Meter", "8,10", "8,70", "7 %"],
        ["Eichenbalken", "Meter", "31,00", "33,50", "8 %"],
        ["Holzöl", "Dose", "18,90", "17,20", "-9 %"],
    ],
    "bn": [
        ["পণ্য", "একক", "দাম ২০২৪", "দাম ২০২৫"],
        ["মোটা চাল", "কেজি", "৫২", "৫৬"],
        ["সরু চাল", "কেজি", "৬৮", "৭৪"],
        ["মসুর ডাল", "কেজি", "১১৫", "১২৩"],
        ["সরিষার তেল", "লিটার", "১৯০", "২১০"],
    ],
}
TIMES = {
    "en": [
        ["Ferry stop", "Monday to Friday", "Saturday", "Sunday"],
        ["Mill Quay", "06:10", "07:40", "09:05"],
        ["Heron Island", "06:35", "08:05", "09:30"],
        ["Old Lighthouse", "06:50", "08:20", "09:45"],
    ],
    "de": [
        ["Haltestelle der Fähre", "Montag bis Freitag", "Samstag", "Sonntag"],
        ["Mühlenkai", "06:10", "07:40", "09:05"],
        ["Reiherinsel", "06:35", "08:05", "09:30"],
        ["Alter Leuchtturm", "06:50", "08:20", "09:45"],
    ],
    "bn": [
        ["ফেরি ঘাট", "রবিবার", "শুক্রবার", "শনিবার"],
        ["সদর ঘাট", "৬:১০", "৭:৪০", "৯:০৫"],
        ["বক দ্বীপ", "৬:৩৫", "৮:০৫", "৯:৩০"],
        ["পুরাতন বাতিঘর", "৬:৫০", "৮:২০", "৯:৪৫"],
    ],
}
BESIDE = {
    "en": "Prices of the planed larch board rose in 2025, as the mill charges more.",
    "de": "Der Preis für das gehobelte Lärchenbrett stieg 2025, weil das Sägewerk mehr verlangt.",
    "bn": "সরু চালের দাম ২০২৫ সালে বেড়েছে, কারণ পরিবহন খরচ বেশি।",
}


def as_html(path, rows, beside):
    lines = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    path.write_text(f"<html><body><p>{beside}</p><table>{lines}</table></body></html>", encoding="utf-8")


def as_markdown(path, rows, beside):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---" * len(rows[0]) + "|")
    path.write_text("\n".join([beside, "", *lines, ""]), encoding="utf-8")


def as_xlsx(path, rows, beside):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.create_sheet("Notes").append([beside])
    book.save(path)


def as_csv(path, rows, beside):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows)


WRITERS = {"html": as_html, "md": as_markdown, "xlsx": as_xlsx, "csv": as_csv}
FORMS = {"en": ("html", "xlsx"), "de": ("csv", "md"), "bn": ("xlsx", "html")}  # of the prices, of the times


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What an expert answers in a language."""
    experts = {}

    def ask(language, question):
        if language not in experts:
            folder = tmp_path_factory.mktemp(language)
            for name, rows, form in zip(("prices", "times"), (PRICES, TIMES), FORMS[language], strict=True):
                (folder / "docs").mkdir(exist_ok=True)
                WRITERS[form](folder / "docs" / f"{name}.{form}", rows[language], BESIDE[language])
            experts[language] = Expert.create(folder / "expert", language=language)
            experts[language].add(str(folder / "docs"))
            experts[language].sync()
        return experts[language].ask(question)

    yield ask
    for expert in experts.values():
        expert.close()


@pytest.mark.parametrize(
    ("language", "question", "rows", "row", "column"),
    [
        ("en", "What was the price of the larch board in 2024?", PRICES, 1, 2),
        ("en", "What is the price of the planed larch board in 2025?", PRICES, 2, 3),
        ("en", "What is the change in percent of the price of wood oil?", PRICES, 4, 4),
        ("en", "When does the ferry leave Heron Island on Saturday?", TIMES, 2, 2),
        ("de", "Was kostete der Eichenbalken 2024?", PRICES, 3, 2),
        ("de", "Welchen Preis hat das Lärchenbrett gehobelt 2025?", PRICES, 2, 3),
        ("de", "Wann fährt die Fähre am Sonntag am Mühlenkai ab?", TIMES, 1, 3),
        ("de", "Wann fährt die Fähre samstags am Alten Leuchtturm ab?", TIMES, 3, 2),
        ("bn", "২০২৪ সালে মসুর ডালের দাম কত ছিল?", PRICES, 3, 2),
        ("bn", "২০২৫ সালে সরু চালের দাম কত?", PRICES, 2, 3),
        ("bn", "শুক্রবার বক দ্বীপ থেকে ফেরি কখন ছাড়ে?", TIMES, 2, 2),
        ("bn", "শনিবার সদর ঘাট থেকে ফেরি কখন ছাড়ে?", TIMES, 1, 3),
    ],
)
def test_the_one_figure_asked_for_is_told(told, language, question, rows, row, column):
    answer = told(language, question)
    table = rows[language]
    figures = {cell for number, cell in enumerate(table[row]) if any(map(str.isdigit, cell)) and number != column}
    assert table[row][0] in answer.text
    assert table[row][column] in answer.text
    assert not [other for other in figures if other in answer.text]
    assert (answer.citations[0].row, answer.citations[0].column) == (table[row][0], table[0][column])


def test_all_figures_of_a_row_are_told_where_no_column_is_named(told):
    answer = told("en", "When does the ferry leave the Old Lighthouse?")
    assert all(time in answer.text for time in TIMES["en"][3][1:])


def test_of_rows_that_a_question_cannot_tell_apart_none_is_left_out(tmp_path):
    rows = [
        ["Article", "Supplier", "Price", "Weight"],
        ["Pine slat", "Nordholz", "1.15", "0.8"],
        ["Oak beam", "Nordholz", "31.00", "22.5"],
        ["Pine slat", "Sägewerk Tal", "1.32", "0.9"],
    ]
    as_csv(tmp_path / "suppliers.csv", rows, "")
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(tmp_path / "suppliers.csv"))
        expert.sync()
        answer = expert.ask("How much is the price of a pine slat?")
    assert "1.15" in answer.text
    assert "1.32" in answer.text
    assert "0.8" not in answer.text


def test_years_alone_over_rows_are_told_apart_where_asked_and_told_both_where_not(tmp_path):
    (tmp_path / "docs").mkdir()
    rows = [
        ["", "Spring", "Autumn"],
        ["2024", "", ""], ["Ferry calls", "112", "134"], ["Cargo calls", "65", "87"],
        ["2023", "", ""], ["Ferry calls", "101", "123"], ["Cargo calls", "54", "76"],
    ]  # fmt: skip
    as_html(tmp_path / "docs" / "calls.html", rows, "The harbour counts the ships that call at its quays.")
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(tmp_path / "docs"))
        expert.sync()
        one = expert.ask("How many cargo calls were there in autumn 2023?")
        both = expert.ask("How many cargo calls were there in autumn?")
    assert (one.citations[0].row, one.citations[0].column) == ("2023 › Cargo calls", "Autumn")
    assert "76" in one.text
    assert "87" not in one.text
    assert "76" in both.text
    assert "87" in both.text

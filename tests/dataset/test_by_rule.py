from __future__ import annotations

import pytest

from metier.core.documents import Document, TextBuilder, document_id
from metier.core.settings import PassageSettings
from metier.ingestion.chunking import cut
from metier.synthesis import by_rule


def pairs_of(build, *, title="Fleet", language="en", tokens=200):
    builder = TextBuilder()
    build(builder)
    document = Document(
        document_id(title), f"{title}.md", title, builder.text, tuple(builder.blocks), "text/plain", language=language,
        tables=tuple(builder.tables),
    )  # fmt: skip
    passages = cut(document, lambda texts: [len(text.split()) for text in texts], PassageSettings(tokens=tokens))
    found = by_rule.pairs(document, passages, language)
    for identity, pairs in found.items():
        assert all(pair.passage.id == identity for pair in pairs)
        assert all(pair.answer in pair.passage.text for pair in pairs)
    return [pair for pairs in found.values() for pair in pairs]


def asked(pairs):
    return {pair.question: pair.answer for pair in pairs}


def table(*rows, **options):
    return asked(pairs_of(lambda builder: builder.add_table(rows), **options))


TURBINES = (
    ("Turbine", "Rated power", "DC link", "Used for", "Mass kg", "Depot manager"),
    ("WT-07", "4.2 MW", "690 V", "training", "91,000", "Ida Berg"),
    ("WT-08", "3.6 MW", "700 V", "wind farm", "88,500", "Ida Berg"),
    ("WT-09", "2.9 MW", "", "-", "71,200", "Per Dal"),
)


def test_a_table():
    found = table(*TURBINES)
    assert found["What is the rated power of WT-07?"] == "4.2 MW"
    assert found["What is the DC link of WT-08?"] == "700 V"
    assert found["What is the mass in kg of WT-09?"] == "71,200"
    assert found["Who is the depot manager of WT-09?"] == "Per Dal"
    assert found["For WT-07, what is listed under “Used for”?"] == "training"
    assert len(found) == 3 * 5 - 2, "an empty cell and a dash give no question"


def test_a_table_over_several_passages_keeps_the_passage_of_each_row():
    rows = [("Part", "Price"), *((f"Bolt B-{n}", f"{n}.50 EUR") for n in range(60))]
    found = pairs_of(lambda builder: builder.add_table(rows), tokens=40)
    assert len(found) == 60
    assert len({pair.passage.id for pair in found}) > 5
    assert (found[7].subject, found[7].attribute, found[7].kind) == ("Bolt B-7", "Price", "table")
    assert found[7].others == ("Tell me the price of Bolt B-7.",)


@pytest.mark.parametrize(
    ("language", "rows", "question", "answer"),
    [
        ("bn", [("কাজ", "ব্যবধান"), ("ব্লেড পরিদর্শন", "৬ মাস"), ("বোল্ট পরীক্ষা", "১ বছর")],
         "ব্লেড পরিদর্শন-এর ব্যবধান কত?", "৬ মাস"),
        ("bn", [("তালা", "রং"), ("বিদ্যুৎ মিস্ত্রি", "লাল"), ("যন্ত্র মিস্ত্রি", "সাদা")],
         "যন্ত্র মিস্ত্রি-এর রং কী?", "সাদা"),
        ("zh", [("风机", "额定功率"), ("金风一号", "4.2 兆瓦"), ("金风二号", "3.6 兆瓦")],
         "金风一号的额定功率是多少？", "4.2 兆瓦"),
        ("zh", [("部门", "负责人"), ("采购", "李娜"), ("仓库", "王伟")], "采购的负责人是什么？", "李娜"),
        ("de", [("Anlage", "Nennleistung"), ("WT-07", "4,2 MW"), ("WT-08", "3,6 MW")],
         "Was ist für WT-07 unter „Nennleistung“ angegeben?", "4,2 MW"),
        ("ar", [("التوربين", "القدرة"), ("الأول", "4.2 ميغاواط"), ("الثاني", "3.6 ميغاواط")],
         "ما المذكور تحت «القدرة» بالنسبة إلى الأول؟", "4.2 ميغاواط"),
        ("tr", [("Türbin", "Güç"), ("WT-07", "4.2 MW"), ("WT-08", "3.6 MW")], "WT-07 – Güç?", "4.2 MW"),
    ],
)  # fmt: skip
def test_tables_in_other_languages(language, rows, question, answer):
    assert table(*rows, language=language)[question] == answer


def test_the_language_is_that_of_the_passage():
    found = table(("কাজ", "ব্যবধান"), ("ব্লেড পরিদর্শন", "৬ মাস"), ("বোল্ট পরীক্ষা", "১ বছর"), language="en")
    assert "ব্লেড পরিদর্শন-এর ব্যবধান কত?" in found


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(
            [("Month", "Depot"), ("May", "North"), ("May", "South"), ("June", "North")], id="no unique column"
        ),
        pytest.param([("Year", "Output"), ("2019", "310"), ("2020", "325"), ("2021", "298")], id="numbers only"),
        pytest.param([("Date", "Shift"), ("1 June 2025", "Ida"), ("2 June 2025", "Per")], id="a date is no name"),
        pytest.param([("Step", "Hours"), ("A", "3"), ("B", "7")], id="letters"),
        pytest.param([("Item", "Unit"), ("Crane", "day"), ("Van", "day"), ("Lift", "day")], id="one value throughout"),
        pytest.param([("Item", "Price"), ("Crane", "40 EUR")], id="one row"),
        pytest.param([("Item", "Item"), ("Crane", "40"), ("Van", "12")], id="two columns of one name"),
        pytest.param([("WT-07", "4.2"), ("WT-08", "3.6"), ("WT-09", "2.9")], id="no header"),
        pytest.param([("Item", "Price"), ("Crane", "40 | Price: 50"), ("Van | Box", "12")], id="a bar inside a cell"),
    ],
)
def test_what_is_not_certain_gives_no_question(rows):
    assert table(*rows) == {}


def test_capitals_of_a_column():
    found = table(("Part", "Rated Power", "Parks in Sweden", "No.", "Hours"), ("Fan A1", "5 kW", "3", "1", "2"),
                  ("Fan B2", "7 kW", "9", "2", "8"))  # fmt: skip
    assert [question.removesuffix(" of Fan A1?") for question in found if "A1" in question] == [
        "What is the rated power", "What are the parks in Sweden", "What are the hours",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "question"),
    [
        ("Shelf life in months", "What is the shelf life in months of Fan A1?"),
        ("planned_hours", "What are the planned hours of Fan A1?"),
        ("in_stock", "For Fan A1, what is listed under “in stock”?"),
        ("Repair within", "For Fan A1, what is listed under “Repair within”?"),
        ("NV-90 months", "For Fan A1, what is listed under “NV-90 months”?"),
        ("Price EUR", "What is the price in EUR of Fan A1?"),
        ("Gas {pressure}", "What is the gas pressure of Fan A1?"),
    ],
)
def test_english_columns(column, question):
    assert question in table(("Part", column), ("Fan A1", "5"), ("Fan B2", "7"))


def test_row_names_without_a_column_name():
    found = table(("", "NV-90", "NV-110"), ("Rotor diameter", "90 m", "110 m"), ("Hub height", "80 m", "95 m"))
    assert found["For Rotor diameter, what is listed under “NV-90”?"] == "90 m"


def test_periods_groups_and_the_unit_are_in_the_question():
    rows = [("", "Year,", "Year,", "Growth"), ("", "2023", "2022", "%"), ("Services", "70", "60", "17"),
            ("Total", "$ 90", "81", "11"), ("Services", "5", "4", "25")]  # fmt: skip
    options = {"header": 2, "groups": [["Income"], ["Income"], ["Costs"]], "unit": "in millions"}
    found = pairs_of(lambda builder: builder.add_table(rows, **options))
    assert asked(found) == {
        "For Services (Income), what is listed under “Year, 2023 (in millions)”?": "70",
        "For Services (Income), what is listed under “Year, 2022 (in millions)”?": "60",
        "For Services (Income), what is listed under “Growth, %”?": "17",
        "For Total, what is listed under “Year, 2023 (in millions)”?": "$ 90",
        "For Total, what is listed under “Year, 2022 (in millions)”?": "81",
        "For Total, what is listed under “Growth, %”?": "11",
        "For Services (Costs), what is listed under “Year, 2023 (in millions)”?": "5",
        "For Services (Costs), what is listed under “Year, 2022 (in millions)”?": "4",
        "For Services (Costs), what is listed under “Growth, %”?": "25",
    }
    assert (found[0].subject, found[0].row, found[0].attribute) == (
        "Services (Income)",
        "Income › Services",
        "Year, › 2023",
    )


def test_facts_of_a_heading():
    def build(builder):
        builder.add("heading", "Gearbox manual", level=1)
        builder.add("paragraph", "Owner: Technical Office\nDocument class: controlled")
        builder.add("heading", "2 Contact", level=2)
        builder.add("list", "Phone: 0246")
        builder.add("list", "Radio channel: 7")
        builder.add("heading", "Care", level=2)
        builder.add("paragraph", "Note: the cover is hot.")
        builder.add("paragraph", "Tools: take the large wrench. It hangs at the door.")

    found = asked(pairs_of(build, title="Gearbox manual"))
    assert found == {
        "For Gearbox manual, what is listed under “Owner”?": "Technical Office",
        "For Gearbox manual, what is listed under “Document class”?": "controlled",
        "For Contact (Gearbox manual), what is listed under “Phone”?": "0246",
        "For Contact (Gearbox manual), what is listed under “Radio channel”?": "7",
    }


@pytest.mark.parametrize(
    ("language", "sentence", "question"),
    [
        ("en", "The NV-110 is a three-bladed upwind turbine.", "What is the NV-110?"),
        ("de", "Die NV-110 ist eine Anlage mit drei Blättern.", "Was ist NV-110?"),
        ("es", "El NV-110 es una turbina de tres palas.", "¿Qué es NV-110?"),
        ("ru", "NV-110 — это турбина с тремя лопастями.", "Что такое NV-110?"),
        ("bn", "NV-110 হলো একটি তিন ব্লেডের টারবাইন।", "NV-110 কী?"),
        ("ja", "NV-110とは三枚羽根の風車である。", "NV-110とは何ですか？"),
    ],
)
def test_definitions(language, sentence, question):
    def build(builder):
        builder.add("heading", "Overview", level=1)
        builder.add("paragraph", f"{sentence}\n840")

    assert asked(pairs_of(build, title="Overview", language=language)) == {question: sentence}


def test_sentences_that_only_look_like_definitions():
    def build(builder):
        builder.add("heading", "Overview", level=1)
        builder.add("paragraph", "This is a line. The door is the usual one. It is a large machine. The NV-90 is open.")

    assert pairs_of(build, title="Overview") == []


def test_a_section_of_one_sentence():
    def build(builder):
        builder.add("heading", "Gearbox", level=1)
        builder.add("heading", "4.1 Oil", level=2)
        builder.add("paragraph", "The oil is changed every 30 months.")
        builder.add("heading", "4.2 Filter", level=2)
        builder.add("paragraph", "The filter is changed yearly.")
        builder.add("heading", "4.3 Pump", level=2)
        builder.add("paragraph", "The pump delivers 12 bar. It is sealed.")

    found = asked(pairs_of(build, title="Gearbox"))
    assert found == {"What does “Gearbox” say about “Oil”?": "The oil is changed every 30 months."}

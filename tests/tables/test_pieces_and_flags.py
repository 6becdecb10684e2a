"""Columns that tell how many pieces are somewhere, and whether something is so: of which rows, and how many."""

from __future__ import annotations

import pytest

from metier.tables.cell_values import say_yes_or_no, saying_no

STOVES = """Stove,Maker,Fuel,Weight (kg),In the showroom,On display
Morso 1412,Morso,wood,68,2,yes
Morso S11,Morso,wood,89,1,no
Ekko 8,Ekko,wood,118,0,no
Palmetto P7,Palmetto,pellets,102,1,yes
"""
JOBS = """Date,Customer,Job,Certificate,Paid
2026-10-01,Renouf,Sweep,yes,x
2026-10-02,Picot,Sweep,no,
2026-10-03,Okafor,Pellet service,no,x
2026-10-04,Amory,Sweep,yes,
"""
STOCKS = {
    "en": "Part,Supplier,On the shelf\nRope,Nord,14\nGlass,Cole,0\nGrate,Nord,1\n",
    "de": "Teil,Lieferant,Bestand\nSeil,Nord,14\nGlas,Cole,0\nRost,Nord,1\n",
    "fr": "Pièce,Fournisseur,En stock\nCorde,Nord,14\nVitre,Cole,0\nGrille,Nord,1\n",
    "es": "Pieza,Proveedor,Existencias\nCuerda,Norte,14\nVidrio,Cole,0\nRejilla,Norte,1\n",
    "ru": "Деталь,Поставщик,Остаток\nШнур,Норд,14\nСтекло,Кол,0\nРешётка,Норд,1\n",
    "ar": "القطعة,المورد,المخزون\nحبل,الشمال,14\nزجاج,كول,0\nشبكة,الشمال,1\n",
    "bn": "যন্ত্রাংশ,সরবরাহকারী,মজুদ\nদড়ি,উত্তর,14\nকাচ,কোল,0\nঝাঁঝরি,উত্তর,1\n",
    "hi": "पुर्ज़ा,आपूर्तिकर्ता,स्टॉक\nरस्सी,नॉर्ड,14\nकाँच,कोल,0\nजाली,नॉर्ड,1\n",
    "ja": "部品,仕入先,在庫\nロープ,北,14\nガラス,コール,0\n格子,北,1\n",
    "zh": "零件,供应商,库存\n门绳,北方,14\n玻璃,科尔,0\n炉排,北方,1\n",
}


def told(answer) -> list[str] | None:
    return answer and [line.text for line in answer.lines]


@pytest.mark.parametrize(
    ("question", "lines"),
    [
        ("How many stoves are in the showroom?", ["4"]),
        ("How many Morso stoves are in the showroom?", ["3"]),
        ("How many pellet stoves are in the showroom?", ["1"]),
        ("How many Morso 1412 are in the showroom?", ["Morso 1412 | In the showroom: 2"]),
        ("How many stoves do we have?", ["4"]),
        ("Which stoves are in the showroom?", ["Morso 1412", "Morso S11", "Palmetto P7"]),
        ("Which stoves are not in the showroom?", ["Ekko 8"]),
        ("How many stoves are not in the showroom?", ["1"]),
        ("What is the heaviest stove in the showroom?", ["Palmetto P7 | Weight (kg): 102"]),
        ("How many stoves are on display?", ["2"]),  # no order to show all of them
        ("Which stoves are on display?", ["Morso 1412", "Palmetto P7"]),
    ],
)
def test_pieces_are_added_up_and_rows_without_any_are_left_out(tables, question, lines):
    assert told(tables({"stoves.csv": STOVES})(question)) == lines


@pytest.mark.parametrize(
    ("question", "lines"),
    [
        ("How many customers got a certificate?", ["2"]),
        ("How many customers got no certificate?", ["2"]),
        ("How many jobs are paid?", ["2"]),
        ("How many jobs are not paid?", ["2"]),
        ("How many jobs per certificate?", ["yes: 2", "no: 2"]),
        ("Which customers got a certificate?", ["Sweep | Customer: Renouf", "Sweep | Customer: Amory"]),
    ],
)
def test_a_column_of_yes_and_no_says_of_which_rows_something_is_so(tables, question, lines):
    answer = tables({"jobs.csv": JOBS})(question)
    assert told(answer) == lines
    assert len(answer.sql) < 200  # no list of what "no" is in all languages


@pytest.mark.parametrize(
    ("language", "question", "name"),
    [
        ("en", "Which parts are out of stock?", "Glass"),
        ("en", "Which parts are sold out?", "Glass"),
        ("de", "Welche Teile sind ausverkauft?", "Glas"),
        ("de", "Welche Teile sind nicht mehr vorrätig?", "Glas"),
        ("fr", "Quelles pièces sont en rupture de stock ?", "Vitre"),
        ("es", "¿Qué piezas están agotadas?", "Vidrio"),
        ("ru", "Каких деталей нет на складе?", "Стекло"),
        ("ar", "ما القطع التي نفدت؟", "زجاج"),
        ("bn", "কোন যন্ত্রাংশের মজুদ শেষ?", "কাচ"),
        ("hi", "कौन सा पुर्ज़ा खत्म हो गया?", "काँच"),
        ("ja", "どの部品が在庫切れですか?", "ガラス"),
        ("zh", "哪些零件缺货?", "玻璃"),
    ],
)
def test_what_is_out_of_stock_is_what_there_is_none_of(tables, language, question, name):
    answer = tables({"t.csv": STOCKS[language]}, language)(question)
    assert told(answer) == [name]
    assert answer.filters[0].endswith("= 0")


def test_nothing_is_out_of_stock_where_no_column_tells_of_a_stock(tables):
    assert tables({"t.csv": "Part,Supplier\nRope,Nord\nGlass,Cole\n"})("Which parts are out of stock?") is None


def test_pieces_in_stock_are_added_up_in_other_languages(tables):
    german = tables({"t.csv": "Ofen,Marke,Auf Lager\nM 14,Morso,2\nM 11,Morso,3\nE 8,Ekko,4\n"}, "de")
    assert told(german("Wie viele Öfen sind auf Lager?")) == ["9"]
    assert told(german("Wie viele Öfen von Morso sind auf Lager?")) == ["5"]
    french = tables({"t.csv": STOCKS["fr"]}, "fr")
    assert told(french("Combien de pièces sont en stock ?")) == ["15"]


@pytest.mark.parametrize(
    ("cells", "is_yes_or_no"),
    [
        (["yes", "no", "yes"], True), (["x", None, "x"], True), (["ja", "nein", None], True), (["✓", "✗"], True),
        (["হ্যাঁ", "না"], True), (["x", "y"], False), (["no", "no"], False), (["yes", "no", "maybe"], False),
        ([1.0, 0.0], False), ([None, None], False),
    ],
)  # fmt: skip
def test_which_columns_say_yes_or_no(cells, is_yes_or_no):
    assert say_yes_or_no(cells, "en") is is_yes_or_no


@pytest.mark.parametrize(
    ("language", "cells", "no"),
    [
        ("fr", ["O", "N", "O"], ["N"]),
        ("de", ["J", "N", None], ["N"]),
        ("es", ["S", "N"], ["N"]),
        ("en", ["Y", "N"], ["N"]),
    ],
)
def test_yes_and_no_may_be_their_first_letters(language, cells, no):
    assert say_yes_or_no(cells, language)
    assert saying_no(cells, language) == no


def test_first_letters_of_another_language_are_other_things():
    assert not say_yes_or_no(["O", "N", "W"], "fr")
    assert not say_yes_or_no(["O", "N"], "de")  # east and north


def test_rows_are_counted_for_yes_and_for_no_where_what_says_so_stands_behind(tables):
    asked = tables({"検査.csv": "顧客,作業,合格\n佐藤,清掃,はい\n鈴木,清掃,いいえ\n田中,修理,はい\n"}, "ja")
    assert sorted(told(asked("合格ごとの顧客の数は?")) or []) == ["いいえ: 1", "はい: 2"]

"""Exact answers from tables, as a person gets them: from sync to the cited row, for those who may read it."""

import json
import shutil

import pytest

from metier import Expert
from metier.core.documents import CELL
from metier.store.base import Filter

STAFF = """Name;Role;Hours per week;Languages
Mara Blom;Baker;38;Dutch
Jon Reed;Driver;24;English
Ida Falk;Baker;30;Swedish
"""
PAY = "Name;Salary\nMara Blom;€ 2.900\nJon Reed;€ 2.100\nIda Falk;€ 2.700\n"


@pytest.fixture
def bakery(tmp_path, shop):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "staff.csv").write_text(STAFF)
    (folder / "note.md").write_text("# Note\n\nThe oven is cleaned on Mondays.")
    secret = tmp_path / "board"
    secret.mkdir()
    (secret / "pay.csv").write_text(PAY)
    shutil.copy(shop, folder / "shop.sqlite")
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(str(folder))
        expert.add(str(secret), groups=["board"])
        assert not expert.sync().failed
        yield expert


def test_the_answer_is_the_row_with_its_place_and_how_it_was_asked(bakery):
    answer = bakery.ask("How many hours per week does Ida Falk work?")
    assert answer.text == "Ida Falk | Hours per week: 30"
    (citation,) = answer.citations
    assert (citation.document, citation.row, citation.column) == ("docs/staff.csv", "Ida Falk", "Hours per week")
    assert citation.quote == "Name: Ida Falk | Role: Baker | Hours per week: 30 | Languages: Swedish"
    assert bakery.runtime.store.document(citation.document_id).text[citation.start : citation.end] == citation.quote
    assert "\"Name\" = 'Ida Falk'" in answer.tables.sql
    counted = bakery.ask("How many bakers are there?")
    assert (counted.text, counted.tables.rows) == ("2", 2)
    assert {each.row for each in counted.citations} == {"Mara Blom", "Ida Falk"}
    assert bakery.ask("How many bikes does Velomax make?").text == "3"


def test_what_only_some_may_read_is_asked_for_them_alone(bakery):
    question = "What is the average salary?"
    assert bakery.ask(question).text == "€2566.67"
    assert bakery.ask(question, where=Filter(groups=("board",))).text == "€2566.67"
    others = bakery.ask(question, where=Filter(groups=()))
    assert others.tables is None
    assert "2566" not in others.text
    assert "2.900" not in json.dumps([each.quote for each in others.citations])


def test_the_tables_follow_the_documents_and_are_made_again_where_they_are_lost(bakery, tmp_path):
    staff = tmp_path / "docs" / "staff.csv"
    staff.write_text(STAFF + "Ole Lund;Baker;12;Danish\n")
    bakery.sync()
    assert bakery.ask("How many bakers are there?").text == "3"
    kept = tmp_path / "expert" / ".metier" / "tables.sqlite"
    kept.unlink()
    bakery.sync()
    assert bakery.ask("How many bakers are there?").text == "3"
    staff.unlink()
    bakery.sync()
    assert bakery.ask("How many bakers are there?").tables is None


def test_a_row_does_not_answer_what_has_to_be_computed(bakery):
    answer = bakery.ask("What is the average age of the bakers?")
    assert answer.abstained or CELL not in answer.text


def test_what_a_person_corrected_comes_before_the_tables(bakery):
    question = "How many hours per week does Ida Falk work?"
    passage = next(p for p in bakery.search("Ida Falk") if p.passage.uri == "docs/staff.csv").passage
    text = passage.text.replace("Hours per week: 30", "Hours per week: 32")
    made = bakery.corrections.add(
        question, "32", change="replace", passage=passage.id, text=text, who="a", accept=True
    )  # fmt: skip
    assert "32" in bakery.ask(question).text
    assert bakery.ask("How many bakers are there?").tables is None  # a row of that document may be another one now
    bakery.corrections.undo(made.id, who="a")
    assert bakery.ask(question).text == "Ida Falk | Hours per week: 30"
    made = bakery.corrections.add(question, "33, since May", who="a", accept=True)
    heard: list[str] = []
    assert "33" in bakery.ask(question, on_text=lambda piece: heard.append(piece) or None).text
    assert not [piece for piece in heard if "30" in piece]  # a listener is told no other answer before
    bakery.corrections.undo(made.id, who="a")

from __future__ import annotations

import pytest
from paced_scripted_endpoint import scripted_endpoint

from metier import Expert
from metier.answering.answer import Style
from metier.generation.base import Message

pytestmark = pytest.mark.slow

LONG = "# Log of the cold store\n\n" + "\n\n".join(
    f"## Day {n}\n\nOn day {n} the cold store was at {n % 7 + 1} degrees and clerk number {n} signed."
    for n in range(1, 90)
)


MINUTES = """# Minutes of February

Present: Anna Berg, Omar Diallo.

The new oven is bought for 4,200 EUR. The delivery of rye flour moves to Tuesday. Omar Diallo checks the fire
extinguishers by March.
"""


@pytest.fixture(scope="module")
def docs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    (folder / "minutes-2026-02.md").write_text(MINUTES)
    (folder / "oven-manual.md").write_text("# Oven manual\n\nThe oven is cleaned every 14 days. It takes 16 A.\n")
    (folder / "cold-store-log.md").write_text(LONG)
    return folder


@pytest.fixture(scope="module")
def quoting(tmp_path_factory, docs):
    with Expert.create(tmp_path_factory.mktemp("quoting") / "bakery") as expert:
        expert.add(str(docs))
        expert.sync()
        yield expert


@pytest.fixture(scope="module")
def writing(tmp_path_factory, docs):
    """An expert whose model is a scripted endpoint, and the endpoint."""
    with scripted_endpoint() as endpoint:
        with Expert.create(tmp_path_factory.mktemp("writing") / "bakery", model="openai:scripted") as made:
            path = made.folder / "metier.toml"
            path.write_text(path.read_text().replace("[generation]", f'[generation]\nurl = "{endpoint.url}"'))
        with Expert.open(made.folder) as expert:
            expert.add(str(docs))
            expert.sync()
            yield expert, endpoint


def prompt(endpoint) -> str:
    return endpoint.requests[-1]["messages"][-1]["content"]


def test_a_greeting_is_greeted_and_nothing_is_looked_up(quoting):
    answer = quoting.ask("Good morning!")
    assert (answer.text, answer.abstained, answer.citations, answer.hits) == (
        "Hello! What would you like to know?", False, (), ()
    )  # fmt: skip
    assert quoting.ask("Hallo").text != answer.text
    assert "bakery" in quoting.ask("Who are you?").text


def test_a_capable_model_greets_in_its_own_words_and_knows_its_name(writing):
    expert, endpoint = writing
    endpoint.says = "Good morning! How can I help?"
    answer = expert.ask("Good morning!")
    assert (answer.text, answer.abstained, answer.hits) == (endpoint.says, False, ())
    assert "bakery" in endpoint.requests[-1]["messages"][0]["content"]
    assert prompt(endpoint) == "Good morning!"


def test_which_documents_there_are_is_answered_from_the_catalog(quoting):
    answer = quoting.ask("Which documents do you have?")
    for title in ("Minutes of February", "Oven manual", "Log of the cold store"):
        assert title in answer.text
    assert len(answer.citations) == 3
    for citation in answer.citations:
        assert (
            quoting.runtime.store.document(citation.document_id).text[citation.start : citation.end] == citation.quote
        )


def test_a_capable_model_reads_the_catalog_and_cites_the_documents(writing):
    expert, endpoint = writing
    endpoint.says = "There are three documents:\n\n- Minutes of February\n- Oven manual\n- Log of the cold store"
    heard = []
    answer = expert.ask("Which documents do you have?", on_sentence=heard.append)
    assert "Catalog of the documents" in prompt(endpoint)
    assert "Oven manual" in prompt(endpoint)
    assert answer.text == endpoint.says
    assert not answer.unsupported
    assert all(citation.document.endswith(".md") for citation in answer.citations)
    assert tuple(heard) == answer.sentences


def test_a_summary_of_a_document_reads_that_document(quoting, writing):
    answer = quoting.ask("Summarise the minutes of February")
    assert answer.style is Style.QUOTED
    assert "4,200 EUR" in answer.text
    assert {citation.title for citation in answer.citations} == {"Minutes of February"}
    expert, endpoint = writing
    endpoint.says = "The oven is bought for 4,200 EUR and rye flour comes on Tuesday."
    answer = expert.ask("Summarise the minutes of February")
    assert answer.text == endpoint.says
    assert {passage.title for passage in answer.shown} == {"Minutes of February"}
    assert "Omar Diallo" in prompt(endpoint)


def test_a_summary_is_of_the_document_that_speaks_of_it_whatever_its_title(quoting):
    answer = quoting.ask("Summarise the temperature diary of the clerks.")
    assert {citation.title for citation in answer.citations} == {"Log of the cold store"}
    assert len(answer.sentences) > 3


def test_a_document_longer_than_the_window_is_read_in_parts(tmp_path, docs):
    def says(body: dict) -> str:
        return (
            "Clerks signed." if "short notes" in body["messages"][0]["content"] else "Clerk number 60 signed on day 60."
        )

    with scripted_endpoint(says) as endpoint:
        with Expert.create(tmp_path / "bakery", model="openai:scripted") as made:
            path = made.folder / "metier.toml"
            limits = f'[generation]\nurl = "{endpoint.url}"\ncontext_tokens = 2000'
            path.write_text(path.read_text().replace("[generation]", limits))
        with Expert.open(made.folder) as expert:
            expert.add(str(docs))
            expert.sync()
            answer = expert.ask("Summarise the log of the cold store")
    parts = [r for r in endpoint.requests if "short notes" in r["messages"][0]["content"]]
    assert len(parts) > 1
    read = " ".join(r["messages"][-1]["content"] for r in parts)
    assert all(f"clerk number {n} signed" in read for n in range(1, 90)), "every part of it was read"
    assert "Clerks signed." in endpoint.requests[-1]["messages"][-1]["content"]
    assert answer.text == "Clerk number 60 signed on day 60."
    assert answer.citations[0].quote.startswith("On day 60")


def test_a_wish_for_another_form_is_given_the_sources_of_the_question_before(writing):
    expert, endpoint = writing
    endpoint.says = "Every 14 days."
    turns = (
        Message("user", "How often is the oven cleaned?"),
        Message("assistant", "The oven is cleaned every 14 days."),
    )
    answer = expert.ask("shorter, please", history=turns)
    assert answer.text == "Every 14 days."
    assert "The oven is cleaned every 14 days. It takes 16 A." in prompt(endpoint)
    assert prompt(endpoint).endswith("Question: shorter, please")


def test_the_packaged_model_says_that_it_cannot_reword(quoting):
    turns = (
        Message("user", "How often is the oven cleaned?"),
        Message("assistant", "The oven is cleaned every 14 days."),
    )
    answer = quoting.ask("shorter, please", history=turns)
    assert answer.text == "The oven is cleaned every 14 days."
    assert "cannot reword" in answer.notes[0]


def test_a_question_with_a_greeting_before_it_is_a_question(quoting):
    assert "14 days" in quoting.ask("Hello, how often is the oven cleaned?").text

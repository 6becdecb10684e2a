from __future__ import annotations

import pytest

from metier import Expert
from metier.answering.answer import Support
from metier.answering.choices import Choices, choices_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("language", "question", "named"),
    [
        ("en", "Does it work? Answer yes, no or maybe.", ["yes", "no", "maybe"]),
        ("en", "Is the pump approved (yes/no)?", ["yes", "no"]),
        ("en", "Is the pump approved, yes or no?", ["yes", "no"]),
        ("en", "Answer yes or no. May I charge my e-bike here?", ["yes", "no"]),
        ("en", "Yes or no: may I charge my e-bike here?", ["Yes", "no"]),
        ("de", "Antworte mit Ja oder Nein: Darf ich hier laden?", ["Ja", "Nein"]),
        ("en", "Is the lease over? Please just say yes or no.", ["yes", "no"]),
        ("en", "What becomes of this claim? Answer with one of: approve, reject.", ["approve", "reject"]),
        ("en", "What becomes of this claim? Choose one:\n- approve\n- pay in part", ["approve", "pay in part"]),
        ("de", "Ist sie offen? Bitte antworten Sie nur mit Ja oder Nein.", ["Ja", "Nein"]),
        ("bn", "পাম্পটি কি অনুমোদিত? হ্যাঁ, না বা হয়তো উত্তর দিন।", ["হ্যাঁ", "না", "হয়তো"]),
        ("hi", "क्या पंप स्वीकृत है? हाँ, नहीं या शायद में उत्तर दें।", ["हाँ", "नहीं", "शायद"]),
        ("zh", "这个泵被批准了吗？请回答是、否或可能。", ["是", "否", "可能"]),
        ("ja", "承認されていますか？はいかいいえで答えて。", ["はい", "いいえ"]),
        ("ar", "هل المضخة معتمدة؟ أجب بنعم أو لا.", ["نعم", "لا"]),
        ("fr", "La pompe est-elle homologuée ? Répondez par oui, non ou peut-être.", ["oui", "non", "peut-être"]),
        ("es", "¿Está aprobada? Responde sí, no o quizás.", ["sí", "no", "quizás"]),
        ("pt", "Está aprovada? Responda sim, não ou talvez.", ["sim", "não", "talvez"]),
        ("ru", "Одобрен ли насос? Ответьте да, нет или возможно.", ["да", "нет", "возможно"]),
        ("id", "Apakah disetujui? Jawab ya, tidak, atau mungkin.", ["ya", "tidak", "mungkin"]),
        ("sw", "Je, imeidhinishwa? Jibu ndiyo, hapana au labda.", ["ndiyo", "hapana", "labda"]),
    ],
)
def test_what_a_question_may_be_answered_with_is_read_and_is_not_searched_for(language, question, named):
    found = choices_of(question, language)
    assert found is not None
    assert list(found.named) == named
    assert not set(named) & set(found.asked.replace("?", "").split())


@pytest.mark.parametrize(
    "question",
    [
        "Which is better, tea or coffee?",
        "Is it red or blue?",
        "What is the price? Answer in one sentence.",
        "Is the fee 30 or 40 euros? Answer briefly, please.",
        "Is the part in stock (warehouse A or B)?",
        "When is the office open? Only Monday, Tuesday?",
        "Yes or no?",
    ],
)
def test_a_question_that_names_no_choices_has_none(question):
    assert choices_of(question, "en") is None


def test_the_choice_that_a_text_gives_is_meant_however_it_is_spelled():
    decided = Choices("", "", ("yes", "no", "maybe"))
    said = ['"no"', "No, not yet.", "Perhaps.", "It is not known", "nobody"]
    assert [decided.given_by(text) for text in said] == ["no", "no", "maybe", None, None]
    assert Choices("", "", ("part", "part load")).given_by("Part load, I think") == "part load"
    assert Choices("", "", ("是", "否")).given_by("否。") == "否"


def test_what_only_one_source_word_names_is_chosen_but_no_yes_or_no():
    assert Choices("", "", ("red", "blue")).only_in("The valve is painted blue.") == "blue"
    assert Choices("", "", ("red", "blue")).only_in("One is red, one blue.") is None
    assert Choices("", "", ("yes", "no")).only_in("There was no difference.") is None


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    (folder / "rules.md").write_text(
        "# Rules of the pool\n\nDogs are not allowed in the pool.\n\n"
        "A torn ticket is handled as follows: the cashier must replace it.\n\n"
        "The slide was inspected in March and its bolts were tightened again.\n",
        encoding="utf-8",
    )
    with Expert.create(folder / "expert") as expert:
        expert.add(str(folder / "rules.md"))
        expert.sync()
        yield expert


def test_a_decision_is_the_answer_and_its_reason_is_cited(shop):
    answer = shop.ask("Are dogs allowed in the pool? Answer yes, no or maybe.")
    assert answer.text == "no"
    assert answer.sentences[0].support is Support.CARRIED
    assert "not allowed" in answer.citations[0].quote


def test_a_label_that_the_source_names_is_the_answer(shop):
    answer = shop.ask("What must the cashier do with a torn ticket? Answer with one of: refund, replace, refuse.")
    assert answer.text == "replace"
    assert "torn ticket" in answer.citations[0].quote


def test_where_no_sentence_decides_the_model_chooses_and_it_is_said_so(shop):
    answer = shop.ask("Is the slide safe after the inspection in March (yes/no)?", abstain=False)
    assert answer.text in ("yes", "no")
    (decided,) = answer.sentences
    assert decided.support is Support.PARTLY
    assert "chosen by the model" in decided.reason
    assert answer.citations

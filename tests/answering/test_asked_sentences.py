"""Of a message what it asks is looked up, whatever polite words stand around it."""

# ruff: noqa: E501
from __future__ import annotations

import pytest
from paced_scripted_endpoint import scripted_endpoint
from parts import read_nothing

from metier import Expert
from metier.answering.asked_sentences import asked_in
from metier.core.errors import InputError
from metier.generation.base import Message
from metier.text.analyzer import Analyser
from metier.text.language import Language, codes

pytestmark = pytest.mark.slow

DOCUMENTS = {
    "hours.md": "# Opening hours\n\nOn Saturday the café is open until 17:00.\n\nOn Monday the workshop is closed.\n",
    "zeiten.md": "# Öffnungszeiten\n\nAm Samstag hat das Café bis 17 Uhr geöffnet.\n",
    "horarios.md": "# Horarios\n\nEl sábado la cafetería abre hasta las 17 horas.\n",
    "horaires.md": "# Horaires\n\nLe samedi, le café est ouvert jusqu'à 17 heures.\n",
    "boilers.md": "# Faults\n\nWhen the boiler is broken, call Ivo Marsh.\n\nWhen the mixer is broken, call Rena Holt.\n",
    "leases.md": "# Leases\n\nThe lease of the KX-4 costs 30 EUR a month.\n\nThe lease of the ZT-9 costs 55 EUR a month.\n",
    "hindi.md": "# समय\n\nशनिवार को कैफ़े शाम पाँच बजे तक खुला रहता है।\n",
    "chinese.md": "# 时间\n\n星期六咖啡馆开到下午五点。\n",
}
# Language, a message, and what it asks.
MESSAGES = [
    (
        "Good morning! My name is Ann Lee. I hope this finds you well. Sorry to bother you, until when is the café open on "
        "Saturday? Many thanks in advance! Kind regards, Ann",
        "until when is the café open on Saturday?",
    ),
    (
        "I was in town with friends last week and we all liked it a lot. The weather was lovely. "
        "Until when is the café open on Saturday?",
        "Until when is the café open on Saturday?",
    ),
    (
        "Guten Tag, ich hoffe, es geht Ihnen gut. Ich bin neu hier. Entschuldigen Sie die Störung. Ich habe eine Frage. "
        "Wie geht es Ihnen? Bis wann hat das Café am Samstag geöffnet? Vielen Dank!",
        "Bis wann hat das Café am Samstag geöffnet?",
    ),
    (
        "Hallo, ich hätte da mal eine Frage: Bis wann hat das Café am Samstag geöffnet? Viele Grüße, Max",
        "Bis wann hat das Café am Samstag geöffnet?",
    ),
    (
        "Buenos días. Espero que estén bien. Me llamo Ana. ¿Hasta qué hora abre la cafetería el sábado? Muchas gracias.",
        "¿Hasta qué hora abre la cafetería el sábado?",
    ),
    (
        "Bonjour, j'espère que vous allez bien. Excusez-moi de vous déranger. Jusqu'à quelle heure le café est-il ouvert "
        "le samedi ? Merci d'avance.",
        "Jusqu'à quelle heure le café est-il ouvert le samedi ?",
    ),
    (
        "नमस्ते! मेरा नाम राम है। आशा है आप अच्छे होंगे। शनिवार को कैफ़े कितने बजे तक खुला रहता है? धन्यवाद।",
        "शनिवार को कैफ़े कितने बजे तक खुला रहता है?",
    ),
    ("您好！希望您一切都好。不好意思打扰您了。请问星期六咖啡馆开到几点？谢谢。", "星期六咖啡馆开到几点？"),
    ("Please tell me the lease of the ZT-9. Thank you.", "Please tell me the lease of the ZT-9."),
]  # fmt: skip


def made(folder, **options):
    docs = folder / "docs"
    docs.mkdir()
    for name, text in DOCUMENTS.items():
        (docs / name).write_text(text, encoding="utf-8")
    with Expert.create(folder / "expert", **options) as expert:
        expert.add(str(docs))
    return folder / "expert"


@pytest.fixture(scope="module")
def expert(tmp_path_factory):
    folder = made(tmp_path_factory.mktemp("polite"))
    read_nothing(folder)
    with Expert.open(folder) as opened:
        opened.sync()
        yield opened


@pytest.mark.parametrize(("message", "question"), MESSAGES, ids=[question for _, question in MESSAGES])
def test_polite_words_around_a_question_change_nothing(expert, message, question):
    answer = expert.ask(message)
    assert answer.searched_for == (question,)
    assert answer.question == message
    assert answer.text == expert.ask(question).text


def test_hundreds_of_polite_sentences_change_nothing(expert):
    question = "Until when is the café open on Saturday?"
    answer = expert.ask("I hope you are all doing well. It is so nice that you are there. " * 150 + question)
    assert (answer.searched_for, answer.text) == ((question,), expert.ask(question).text)


@pytest.mark.parametrize(
    ("message", "asked"),
    [
        (
            "Hello! The boiler is broken. Whom do I call? Thanks!",
            "The boiler is broken. Whom do I call?",
        ),
        ("We have a new mixer. It rains. Who repairs it?", "We have a new mixer. It rains. Who repairs it?"),
        (
            "My name is Ann. We are looking at the ZT-9. What does the lease cost a month?",
            "We are looking at the ZT-9. What does the lease cost a month?",
        ),
        (
            "We are looking at the ZT-9. What does the lease of the KX-4 cost a month?",
            "What does the lease of the KX-4 cost a month?",
        ),
        ("We own a QQ-7. What does the lease of a machine cost?", "What does the lease of a machine cost?"),
    ],
)
def test_what_a_question_points_to_is_looked_up_with_it(expert, message, asked):
    assert expert.ask(message).searched_for == (asked,)


def test_a_thing_that_was_named_before_the_question_is_the_one_that_is_told_of(expert):
    assert "55 EUR" in expert.ask("Hello. We are looking at the ZT-9. What does the lease cost a month?").text
    assert "Ivo Marsh" in expert.ask("Sorry to bother you. The boiler is broken. Whom do I call?").text


POLITE = {
    "en": ["I have a quick question.", "May I ask you something?", "I'm new here.", "I look forward to your answer."],
    "de": ["Ich hätte da mal eine kurze Frage.", "Darf ich Sie etwas fragen?", "Es tut mir leid, dass ich störe."],
    "fr": ["J'ai une petite question.", "Puis-je vous poser une question ?", "Je suis nouveau ici."],
    "es": ["Tengo una pregunta.", "¿Puedo hacerle una pregunta?", "Disculpe la molestia."],
    "pt": ["Gostaria de fazer uma pergunta.", "Desculpe o incômodo.", "Espero que esteja bem."],
    "ru": ["У меня есть вопрос.", "Извините за беспокойство.", "Надеюсь, у вас всё хорошо."],
    "id": ["Saya punya pertanyaan.", "Maaf mengganggu.", "Boleh saya bertanya?"],
    "sw": ["Nina swali.", "Samahani kwa usumbufu."],
    "ar": ["لدي سؤال.", "هل يمكنني أن أسألك سؤالا؟", "آسف على الإزعاج."],
    "hi": ["मेरा एक सवाल है।", "क्या मैं आपसे एक सवाल पूछ सकता हूँ?"],
    "bn": ["আমার একটি প্রশ্ন আছে।", "বিরক্ত করার জন্য দুঃখিত।"],
    "zh": ["我有一个问题。", "可以问您一个问题吗？"],
    "ja": ["質問があります。", "質問してもいいですか。"],
}


@pytest.mark.parametrize("language", codes())
def test_every_language_knows_its_polite_sentences(language):
    known = Language.of(language)
    for polite in POLITE[language]:
        assert asked_in(polite, [known], Analyser(language)) == "", polite


@pytest.mark.parametrize("message", ["Sorry to bother you.", "Entschuldigen Sie die Störung.", "我有一个问题。"])
def test_courtesy_alone_is_greeted(expert, message):
    answer = expert.ask(message)
    assert (answer.abstained, answer.hits, answer.citations) == (False, (), ())
    assert answer.question == message


def test_a_message_without_a_question_is_looked_up_as_a_whole(expert):
    told = "The mixer of the café is broken since Saturday. I am not sure what happened."
    assert expert.ask(f"Hello! {told} Thanks!").searched_for == (told,)


def test_several_questions_are_all_looked_up(expert):
    answer = expert.ask("Good day! Until when is the café open on Saturday? I love it. When is the workshop closed?")
    assert answer.searched_for == ("Until when is the café open on Saturday?", "When is the workshop closed?")


def test_a_text_that_asks_nothing_and_is_too_long_is_told_so_with_the_limit(expert):
    words = [f"word{n}" for n in range(40)]
    text = " ".join(f"{' '.join(words[n % 30 :])} stands in line {n}." for n in range(30))
    with pytest.raises(InputError, match=r"has [\d,]+ characters, and at most 1,500 are looked up"):
        expert.ask(text)
    assert expert.ask(f"{text} Until when is the café open on Saturday?").citations


def test_the_question_before_is_found_among_its_polite_words(expert):
    history = [
        Message("user", "Good morning! My name is Ann. What does the lease of the KX-4 cost a month? Many thanks!"),
        Message("assistant", "The lease of the KX-4 costs 30 EUR a month."),
    ]
    answer = expert.ask("Thank you! And of the KX-9?", history=history)
    assert answer.searched_for == ("What does the lease of the KX-9 cost a month?",)


def test_a_capable_model_reads_the_whole_message_and_what_it_asks_is_looked_up(tmp_path):
    message = "Good morning! We come with twelve guests. Until when is the café open on Saturday? Many thanks!"
    with scripted_endpoint("Until 17:00.") as endpoint:
        folder = made(tmp_path, model="openai:scripted")
        path = folder / "metier.toml"
        path.write_text(path.read_text().replace("[generation]", f'[generation]\nurl = "{endpoint.url}"'))
        with Expert.open(folder) as opened:
            opened.sync()
            answer = opened.ask(message)
        assert endpoint.requests[-1]["messages"][-1]["content"].endswith(f"Question: {message}")
    question = "Until when is the café open on Saturday?"
    assert answer.searched_for == (question, f"We come with twelve guests. {question}")


@pytest.mark.parametrize(
    "question",
    [
        "By how much did the free cash flow (non-U.S. GAAP measure) fall from 2018 to 2019?",
        "How many people live in Washington D.C. today?",
        "Is the pump (see fig. 3. It leaks) broken?",
    ],
)
def test_no_question_is_parted_within_brackets_or_at_an_abbreviation(question):
    assert asked_in(question, [Language.of("en")], Analyser("en")) == question

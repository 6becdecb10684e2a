from __future__ import annotations

from dataclasses import dataclass

import pytest

from metier.answering.conversation import last_question, needs_context, standalone
from metier.core.settings import GenerationSettings
from metier.generation import Message, create
from metier.generation.base import Completion
from metier.text.analyzer import Analyser


def turns(*said: str) -> list[Message]:
    return [Message(("user", "assistant")[n % 2], text) for n, text in enumerate(said)]


OIL = turns(
    "How often is the gearbox oil of the NV-110 changed?", "The gearbox oil of the NV-110 is changed every 30 months."
)
BENGALI = turns("গিয়ারবক্সের তেল কত মাস পরপর বদলাতে হয়?", "গিয়ারবক্সের তেল প্রতি ৩০ মাস অন্তর বদলাতে হয়।")
CHINESE = turns("风机齿轮箱的油多久更换一次？", "齿轮箱的油每30个月更换一次。")
ARABIC = turns("كم مرة يتم تغيير زيت علبة التروس؟", "يتم تغيير زيت علبة التروس كل 30 شهرا.")
HISTORIES = {"en": OIL, "bn": BENGALI, "zh": CHINESE, "ar": ARABIC}


@pytest.fixture(scope="module")
def smollm():
    generator = create(GenerationSettings(threads=1, context_tokens=1024))
    yield generator
    generator.close()


@pytest.fixture
def unasked(tmp_path):
    """A model that cannot be loaded: whoever asks it gets a `ModelError`."""
    return create(GenerationSettings(model=f"gguf:{tmp_path / 'none.gguf'}"))


def words(text: str, language: str) -> set[str]:
    return set(Analyser(language).tokens(text))


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("en", "How tight are the blade root nuts of the NV-90?"),
        ("en", "Which key opens the tower door of the NV-110?"),
        ("en", "Where is the fire extinguisher of the NV-110 kept?"),
        ("en", "When are the brake pads of the NV-90 measured?"),
        ("en", "Who may open the tower door of the NV-110?"),
        ("en", "Is there a fire extinguisher in the nacelle of the NV-110?"),
        ("bn", "টাওয়ারের দরজা কোন চাবি দিয়ে খোলা হয়?"),
        ("zh", "塔筒门的钥匙放在哪里？"),
        ("ar", "أين يوجد مفتاح باب البرج الرئيسي؟"),
    ],
)
def test_a_complete_question_stays_as_it_is_and_costs_no_model(unasked, language, question):
    assert standalone(question, HISTORIES[language], unasked, Analyser(language)) == question


@pytest.mark.parametrize("question", ["And the brake?", "এটা কী?", "它呢？"])
def test_without_earlier_turns_nothing_is_added(unasked, question):
    assert standalone(question, [], unasked, Analyser("en")) == question


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("en", "And the brake?"),
        ("en", "What does it cost over the whole life of the turbine?"),
        ("en", "Why?"),
        ("bn", "আর ব্রেক প্যাড?"),
        ("bn", "কিন্তু ব্রেক প্যাড কত মাস পরপর বদলাতে হয়?"),
        ("bn", "কতদিন আগে সেটা শেষবার বদলানো হয়েছিল?"),
        ("zh", "那刹车片呢？"),
        ("zh", "还有偏航系统的润滑脂呢？"),
        ("zh", "它一次需要加多少升油？"),
        ("ar", "وماذا عن المكابح؟"),
        ("ar", "من المسؤول عن هذا العمل في الموقع؟"),
    ],
)
def test_what_leans_on_earlier_turns_is_told(language, question):
    assert needs_context(question, Analyser(language))


@pytest.mark.parametrize("question", ["And how often?", "How much of it?", "Who does it?", "And the yaw?", "Why?"])
def test_a_followup_brings_the_topic_and_keeps_its_own_words(smollm, question):
    found = words(standalone(question, OIL, smollm, Analyser("en")), "en")
    assert found & {"gearbox", "oil", "nv110"}
    own = words(question, "en") & {"often", "much", "yaw", "whi", "who"}
    assert own <= found


@pytest.mark.parametrize(
    ("language", "question", "own"),
    [
        ("bn", "আর ব্রেক প্যাড?", "ব্রেক প্যাড"),
        ("bn", "সেটা কে করে?", "কে করে"),
        ("zh", "它需要多少升？", "多少升"),
        ("ar", "وماذا عن المكابح؟", "المكابح"),
    ],
)
def test_a_followup_in_another_script_brings_the_topic_and_keeps_its_own_words(smollm, language, question, own):
    topic = {"bn": "গিয়ারবক্সের তেল", "zh": "齿轮箱", "ar": "زيت علبة التروس"}[language]
    found = words(standalone(question, HISTORIES[language], smollm, Analyser(language)), language)
    assert words(topic, language) & found
    assert words(own, language) <= found


def test_nothing_is_said_that_was_not_said_before(smollm):
    said = words(" ".join(turn.content for turn in OIL), "en")
    for question in ("How much of it?", "And of the NV-130?", "What about that?"):
        found = words(standalone(question, OIL, smollm, Analyser("en")), "en")
        assert not {word for word in found - said - words(question, "en") if len(word) > 3 or word.isdigit()}


def test_a_followup_of_a_followup_still_brings_the_first_topic(smollm):
    history = [*OIL, *turns("And of the NV-130?", "Every 24 months.")]
    found = words(standalone("And of the NV-90?", history, smollm, Analyser("en")), "en")
    assert {"gearbox", "oil", "nv90"} <= found


def test_a_conversation_too_long_for_the_model_is_joined_without_it():
    small = create(GenerationSettings(threads=1, context_tokens=256))
    history = turns("How often is the gearbox oil changed?", "Every 30 months. " * 100)
    joined = standalone("And who does it?", history, small, Analyser("en"))
    small.close()
    assert joined == "How often is the gearbox oil changed? And who does it?"


@pytest.mark.parametrize(
    ("language", "history", "question", "expected"),
    [
        (
            "en",
            turns("How tight are the nuts of the NV-110?", "840 Nm."),
            "And for the NV-90?",
            "How tight are the nuts of the NV-90?",
        ),
        (
            "de",
            turns("Wie fest sind die Muttern der NV-110?", "840 Nm."),
            "Und bei der NV-90?",
            "Wie fest sind die Muttern der NV-90?",
        ),
        ("es", turns("¿Cuánto pesa el modelo XR-20?", "5 kg."), "¿Y el XR-30?", "¿Cuánto pesa el modelo XR-30?"),
        ("fr", turns("Combien pèse le NV-110 ?", "5 t."), "et le NV-90 ?", "Combien pèse le NV-90 ?"),
        ("ru", turns("Сколько масла в NV-110?", "500 л."), "А в NV-90?", "Сколько масла в NV-90?"),
        ("zh", turns("NV-110的螺母有多紧？", "840"), "那NV-90呢？", "NV-90的螺母有多紧？"),
        ("ja", turns("NV-110のオイルは何リットルですか？", "500"), "NV-90は？", "NV-90のオイルは何リットルですか？"),
        ("bn", turns("এনভি-১১০ এর তেল কত লিটার?", "৫০০"), "আর এনভি-৯০?", "এনভি-৯০ এর তেল কত লিটার?"),
        ("en", turns("What did sales reach in 2023?", "5 M"), "and in 2024?", "What did sales reach in 2024?"),
        ("en", turns("Who is on duty in March?", "Anna"), "And April?", "Who is on duty in April?"),
        (
            "en",
            turns("When does the shop open on Monday?", "At 9."),
            "and on Tuesday",
            "When does the shop open on Tuesday?",
        ),
        (
            "en",
            turns("How much leave does Peter have?", "20 days"),
            "what about Anna?",
            "How much leave does Anna have?",
        ),
        (
            "en",
            turns("What may crane C-5 lift with hook H-2?", "3 t"),
            "And H-3?",
            "What may crane C-5 lift with hook H-3?",
        ),
        (
            "en",
            [*turns("How tight are the nuts of the NV-110?", "840 Nm.", "And the NV-90?", "600 Nm.")],
            "And the NV-130?",
            "How tight are the nuts of the NV-130?",
        ),
        (
            "en",
            [*turns("How tight are the nuts of the NV-110?", "840 Nm.", "thanks", "You are welcome.")],
            "And the NV-90?",
            "How tight are the nuts of the NV-90?",
        ),
    ],
)
def test_a_name_takes_the_place_of_the_one_before(language, history, question, expected):
    assert standalone(question, history, None, Analyser(language)) == expected


def test_what_it_means_is_named_by_the_answer():
    history = turns("Who manages the depot?", "Petra Lunnevi manages the depot.")
    joined = standalone("And who stands in for her?", history, None, Analyser("en"))
    assert joined == "Who manages the depot? (Petra Lunnevi) And who stands in for her?"


@pytest.mark.parametrize("wish", ["thanks", "shorter, please", "in German", "as a table", "auf Deutsch bitte"])
def test_thanks_and_wishes_for_another_form_are_not_looked_up(unasked, wish):
    assert standalone(wish, OIL, unasked, Analyser("en")) == wish
    assert last_question([*OIL, *turns(wish, "…")]) == OIL[0].content


def test_the_last_question_is_made_to_stand_alone():
    history = [*OIL, *turns("And of the NV-90?", "Every 24 months.")]
    assert last_question(history) == "How often is the gearbox oil of the NV-90 changed?"
    assert last_question([]) is None


@dataclass
class ScriptedRewriter:
    """Stands for a capable model: writes what it is told to."""

    text: str
    name: str = "scripted"
    fingerprint: str = ""
    context_tokens: int = 4096
    parameters: int | None = 4_000_000_000
    asked: int = 0

    def count_tokens(self, messages) -> int:
        return sum(len(message.content) // 3 for message in messages)

    def complete(self, messages, **options) -> Completion:
        self.asked += 1
        return Completion(self.text, 0, 0, 0, 0.0, 0.0, "stop")

    def close(self) -> None: ...


FOLLOWED = "And how much of it goes in?"


@pytest.mark.parametrize(
    "written",
    [
        "How much oil goes into the gearbox of the NV-110?",
        "Question: How much gearbox oil goes in the NV-110?",
        '"How much of the gearbox oil goes in the NV-110?"\n\nI hope this helps.',
    ],
)
def test_a_capable_model_rewrites(written):
    model = ScriptedRewriter(written)
    found = standalone(FOLLOWED, OIL, model, Analyser("en"))
    assert found in written
    assert found.startswith("How much")
    assert found.endswith("?")
    assert model.asked == 1


@pytest.mark.parametrize(
    "written",
    [
        "",
        "The gearbox of the NV-110 takes 500 litres of oil.",
        "How much oil goes into the gearbox of the NV-130?",
        "How much Polaros 320 oil goes into the gearbox of the NV-110 according to Petra?",
        "Which colour does the gearbox of the NV-110 have?",
        "And how much of it goes in?",
        "Every 30 months.",
        "How much oil goes in? " * 60,
    ],
)
def test_what_answers_invents_or_loses_is_dropped(written):
    found = standalone(FOLLOWED, OIL, ScriptedRewriter(written), Analyser("en"))
    assert found == f"{OIL[0].content} {FOLLOWED}"


def test_a_small_model_is_not_asked_to_rewrite():
    model = ScriptedRewriter("How much oil goes into the gearbox of the NV-110?", parameters=135_000_000)
    assert standalone(FOLLOWED, OIL, model, Analyser("en")) == f"{OIL[0].content} {FOLLOWED}"
    assert model.asked == 0

from __future__ import annotations

import pytest

from metier.answering.conversation import needs_context, standalone
from metier.generation import Message, create
from metier.retrieval.analysis import Analyser
from metier.settings import GenerationSettings


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

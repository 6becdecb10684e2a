from __future__ import annotations

import pytest

from metier.text import near_duplicates
from metier.text.near_duplicates import normalise, shingles

# Enough other questions, so that common words are common and names are rare.
BACKGROUND = {
    "en": ["What is the torque of the blade nuts?", "What is the weight of the rotor?", "How often is the oil changed?",
           "How often is the filter of the gearbox changed?", "What is the colour of the tower door key?",
           "Who may open the hub hatch?", "What is the limit of the wind speed?"],
    "bn": ["ব্লেডের নাটের টর্ক কত?", "রোটরের ওজন কত?", "তেল কত দিন পরপর বদলাতে হয়?", "নীল চাবি কী খোলে?",
           "ফিল্টার কখন বদলানো হয়?", "ব্রেক কে পরীক্ষা করেন?", "হ্যাচ কীভাবে খোলা হয়?"],
    "ar": ["ما هو وزن الدوار؟", "ما هو لون المفتاح؟", "كم مرة يتم تغيير الزيت؟", "ما هو حد سرعة الرياح؟"],
    "zh": ["转子的重量是多少？", "钥匙是什么颜色？", "齿轮箱的油多久更换一次？", "风速的上限是多少？"],
}  # fmt: skip


def found(one, other, language="en", answer=None):
    return near_duplicates.between(
        [*BACKGROUND[language], one], [other], language=language, same_answer=lambda i, j: answer
    )


SAME = [
    ("en", "What is the torque of the NV-110?", "WHAT IS THE TORQUE OF THE NV-110"),
    ("en", "What is the torque of the NV-110?", "What is the torque of the NV110?!"),
    ("en", "How often is the gearbox oil changed?", "How often is the gearbox oil really changed?"),
    ("en", "How often is the gearbox oil changed?", "How often is the gearbx oil changed"),
    ("en", "How often is the gearbox oil changed?", "How often was the gearbox oil changed?"),
    ("bn", "এনভি-১১০ টারবাইনের নাটের টর্ক কত?", "এনভি-110 টারবাইনের নাটের টর্ক কত"),
    ("bn", "গিয়ারবক্সের তেল কত দিন পরপর বদলাতে হয়?", "গিয়ারবক্সের তেল কত দিন পরপর বদলাতে হবে?"),
    ("ar", "ما هو عزم شد البراغي في التوربين؟", "ما هو عزم شد براغي في التوربين"),
    ("ar", "كم مرة يتم تغيير زيت التروس؟", "كم مرة يتم تغيير زيت التروس عادة؟"),
    ("zh", "风机叶片螺栓的扭矩是多少？", "请问风机叶片螺栓的扭矩是多少"),
    ("zh", "齿轮箱的油多久更换一次？", "齿轮箱油多久更换一次?"),
]


@pytest.mark.parametrize(("language", "one", "other"), SAME)
def test_the_same_question_in_slightly_other_words(language, one, other):
    assert [pair.second for pair in found(one, other, language) if pair.first == len(BACKGROUND[language])] == [0]


OTHER = [
    ("en", "What is the torque of the NV-110?", "What is the torque of the NV-90?"),
    ("en", "What is the torque of the NV-110?", "What is the torque of the SV-110?"),
    ("en", "What does error E217 mean?", "What does error E218 mean?"),
    ("en", "What does error E217 mean?", "What does error F217 mean?"),
    ("en", "What is the price of the yaw pad?", "What is the price of the brake pad?"),
    ("en", "What are the effects of vitamin A?", "What are the effects of vitamin C?"),
    ("en", "Is the seal tight at -5 °C outside?", "Is the seal tight at 5 °C outside?"),
    ("en", "Is 4.2 MW the rated power?", "Is 42 MW the rated power?"),
    ("en", "Is the controller written in C++?", "Is the controller written in C#?"),
    ("bn", "এনভি-১১০ টারবাইনের নাটের টর্ক কত?", "এনভি-৯০ টারবাইনের নাটের টর্ক কত?"),
    ("bn", "ঢাকা শহরের জনসংখ্যা কত?", "সিলেট শহরের জনসংখ্যা কত?"),
    ("ar", "ما هو عزم شد التوربين 110؟", "ما هو عزم شد التوربين 90؟"),
    ("ar", "ما هي عاصمة المغرب؟", "ما هي عاصمة اليابان؟"),
    ("zh", "NV-110的扭矩是多少？", "NV-90的扭矩是多少？"),
    ("zh", "塔筒螺栓的扭矩是多少？", "叶片螺栓的扭矩是多少？"),
]


@pytest.mark.parametrize(("language", "one", "other"), OTHER)
@pytest.mark.parametrize("answer", [None, False])
def test_another_thing_is_asked(language, one, other, answer):
    assert found(one, other, language, answer) == []


def test_what_is_known_of_the_answers_decides():
    asked = "How often is the gearbox oil changed?", "How often is the gearbox oil replaced?"
    born = "When was the inventor of the rotor born?", "Where was the inventor of the rotor born?"
    assert found(*asked, answer=True)
    assert not found(*born, answer=False)
    assert not found("What is the torque of NV-110?", "What is the torque of NV-90?", answer=True)


def test_pairs_inside_one_list():
    texts = ["How tight are the nuts?", "What else?", "How tight are the nuts", "HOW TIGHT ARE THE NUTS?!"]
    pairs = near_duplicates.within(texts)
    assert [(pair.first, pair.second) for pair in pairs] == [(0, 2), (0, 3), (2, 3)]
    assert {pair.similarity for pair in pairs} == {1.0}


def test_nothing_is_like_nothing():
    assert near_duplicates.between([], []) == []
    assert near_duplicates.within(["", "?!", "", "a"]) == []
    assert near_duplicates.between(["a"], ["A!"])[0].similarity == 1


def test_it_is_the_same_in_every_run():
    texts = [f"What is the torque of bolt {letter * 3} in the tower?" for letter in "abcdefgh"] * 2
    assert near_duplicates.within(texts) == near_duplicates.within(texts)


def test_normalised_text():
    assert normalise(" What’s the NV-110’s torque, “exactly”?") == "what s the nv 110 s torque exactly"
    assert normalise("-৫ °C, 4.2 C++") == "-5 c 4.2 c++"
    assert normalise("风机（NV-110）的扭矩？") == "风机 nv 110 的扭矩"
    assert normalise("Cafe\u0301") == normalise("CAF\u00c9")


def test_shingles():
    assert shingles("") == frozenset()
    assert shingles("ab") == {" ab", "ab "}
    assert "扭矩" in shingles("扭矩")
    assert all(len(shingle) <= 3 for shingle in shingles("nv 110 的扭矩"))


def test_texts_that_come_one_after_another():
    seen = near_duplicates.Seen("en")
    assert seen.like("How tight are the blade root nuts of the NV-110?") is None
    for text in (
        "How tight are the blade root nuts of the NV-110?",
        "什么时候更换二号风机的齿轮箱油？",
        "Who owns the crane?",
    ):
        seen.add(text)
    assert seen.like("how tight are the blade root nuts of the nv-110") == 0
    assert seen.like("什么时候更换二号风机的齿轮箱油") == 1
    assert seen.like("How tight are the blade root nuts of the NV-90?") is None
    assert seen.like("Who owns the crane", among=2) is None
    assert seen.like("Who owned the crane?", lambda number: number == 2) == 2
    assert seen.texts[2] == "Who owns the crane?"

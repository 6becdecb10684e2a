import pytest

from metier.answering.closed_answers import decisions, is_decision, normalise, plain


@pytest.mark.parametrize(
    "text", ["yes", "No.", "**Maybe**", "“Yes.”", "হ্যাঁ।", "না", "نعم", "لا.", "是。", "否", "peut-être"]
)
def test_yes_no_and_maybe_are_decisions_in_any_script(text):
    assert is_decision(text)


@pytest.mark.parametrize("text", ["", "840 Nm", "Yes, the nuts are tight.", "nowhere", "নাট", "لا تذكر", "是的他说"])
def test_a_statement_is_none(text):
    assert not is_decision(text)


def test_what_an_adapter_was_taught_is_a_decision():
    labels = {normalise("card_arrival"), normalise("কার্ড হারিয়েছে")}
    assert is_decision("Card arrival.", labels)
    assert is_decision("কার্ড হারিয়েছে।", labels)
    assert not is_decision("card arrival is late", labels)


def test_other_words_for_a_decision_are_led_back_to_the_one_that_is_shown():
    assert [plain(word) for word in ("True", "peut être", "হাঁ", "不是", "对", "Sí.", "sim", "no")] == [
        "yes", "peut-être", "হ্যাঁ", "否", "是", "sí", "sim", "no",
    ]  # fmt: skip
    assert plain("840 Nm.") == "840 nm"


def test_every_language_has_three():
    assert decisions()["de"] == ("ja", "nein", "vielleicht")
    assert all(len(set(words)) == 3 for words in decisions().values())
    assert next(iter(decisions())) == "en"

import pytest

from metier.answering.decisions import is_decision, normalise


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

from __future__ import annotations

from itertools import pairwise

import pytest

from metier.text.sentences import is_heading_like, is_leadin, sentence_spans, units, without_marker


def cut(text, language="en"):
    return [text[start:end] for start, end in sentence_spans(text, language)]


@pytest.mark.parametrize(
    ("language", "text", "sentences"),
    [
        ("en", "See No. 5 and Fig. 3. It is approx. 5 mm. Dr. Smith left.",
         ["See No. 5 and Fig. 3.", "It is approx. 5 mm.", "Dr. Smith left."]),
        ("en", "The answer is no. Then (e.g. here) it is 4.2 V. Stop.",
         ["The answer is no.", "Then (e.g. here) it is 4.2 V.", "Stop."]),
        ("en", "No, he doesn't. The crew is two.", ["No, he doesn't.", "The crew is two."]),
        ("en", "It is inventory no. V-0023. See fig. A3 and order no. AB/12. He said no. Very well.",
         ["It is inventory no. V-0023.", "See fig. A3 and order no. AB/12.", "He said no.", "Very well."]),
        ("en", "Is it? No. NV-110 needs more. **No.** V1 is shut.",
         ["Is it?", "No.", "NV-110 needs more.", "**No.**", "V1 is shut."]),
        ("en", "Ask A. Smith. Is it? Yes!", ["Ask A. Smith.", "Is it?", "Yes!"]),
        ("de", "Das gilt z. B. am 3. März 2026. Nr. 5 ist ca. 4,2 mm lang. Die Prüfung folgt.",
         ["Das gilt z. B. am 3. März 2026.", "Nr. 5 ist ca. 4,2 mm lang.", "Die Prüfung folgt."]),
        ("zh", "第一句。第二句！好吗？是的", ["第一句。", "第二句！", "好吗？", "是的"]),
        ("bn", "এটি প্রথম। দ্বিতীয় ৪.২ মিটার। তৃতীয়?", ["এটি প্রথম।", "দ্বিতীয় ৪.২ মিটার।", "তৃতীয়?"]),
        ("ar", "هذه جملة. هل هي؟ نعم", ["هذه جملة.", "هل هي؟", "نعم"]),
    ],
)  # fmt: skip
def test_sentences_end_where_they_end(language, text, sentences):
    assert cut(text, language) == sentences


def test_a_numbered_step_is_one_sentence():
    assert cut("1. Close valve V1.\n2. Open valve V2. Wait.\n(a) Go on.") == [
        "1. Close valve V1.", "2. Open valve V2.", "Wait.", "(a) Go on.",
    ]  # fmt: skip


def test_lines_that_a_margin_broke_are_joined():
    text = "The foreman signs the sheet before the first truck of the day leaves\nThe yard is then open."
    assert len(cut(text)) == 1
    assert cut("Short line\nAnother line") == ["Short line", "Another line"]
    assert cut("1. Wait until the pressure\n   Has fallen.\n2. Go.") == [
        "1. Wait until the pressure\n   Has fallen.", "2. Go.",
    ]  # fmt: skip


def test_an_abbreviation_at_the_end_of_a_line_joins_the_next():
    assert len(cut("The bolts of the flange are tightened by hand to approx.\n40 Nm and marked.")) == 1


def test_rows_code_and_headings_are_units_of_their_own():
    text = "# Oils\n\n| Part | Oil |\n|---|---|\n| Hub | No. 2. Thick |\n\n```\nx = 1. + 2\n\nprint(x)\n```\nDone."
    assert [(unit.kind, text[unit.start : unit.end]) for unit in units(text)] == [
        ("heading", "# Oils"), ("row", "| Part | Oil |"), ("rule", "|---|---|"), ("row", "| Hub | No. 2. Thick |"),
        ("code", "```\nx = 1. + 2\n\nprint(x)\n```"), ("sentence", "Done."),
    ]  # fmt: skip
    assert cut("Turbine: WT-07 | Power: 4.2 MW. Fine\nTurbine: WT-08 | Power: 5 MW") == [
        "Turbine: WT-07 | Power: 4.2 MW. Fine", "Turbine: WT-08 | Power: 5 MW",
    ]  # fmt: skip


STREAMED = [
    "It is inventory no. V-0023 (see fig. A3). No. NV-110 is another. Order no. AB/12 is late.",
    "See No. 5. It is approx. 5 mm. Am 3. März 2026. Dr. Smith said \"no.\" Then he left. 第一句。第二句",
    "# Steps\n\nHere are they:\n\n1. Close V1.\n2. Wait until\n   it falls. Go.\n- **Note**: do. No.\n\n"
    "| A | B |\n|---|---|\n| 1 | 2 |\n\n```py\nx = 1.\n\ny\n```\nDone!",
    "A paragraph that a margin broke at some seventy columns or a few more\nThan that goes on. \nIt ends\nhere; no.\n"
    "***\nNext",
]  # fmt: skip


@pytest.mark.parametrize("text", STREAMED)
def test_text_that_is_appended_changes_the_last_unit_only(text):
    before: list = []
    for end in range(1, len(text) + 1):
        now = units(text[:end])
        assert now[: max(0, len(before) - 1)] == before[:-1], text[:end]
        before = now


def test_offsets_are_exact_and_units_do_not_overlap():
    for text in STREAMED:
        spans = sentence_spans(text)
        assert all(text[a:b] == text[a:b].strip() and a < b for a, b in spans)
        assert all(first[1] <= second[0] for first, second in pairwise(spans))


def test_what_only_introduces_or_names():
    assert is_leadin("**Here are the steps:**")
    assert not is_leadin("The nuts take 840 Nm.")
    assert is_heading_like("## Bolted joints")
    assert is_heading_like("Bolted joints of the hub")
    assert not is_heading_like("The hub is closed.")
    assert not is_heading_like("Model: NV-110 | Weight: 720 kg")
    assert without_marker("2) Open it.") == "Open it."

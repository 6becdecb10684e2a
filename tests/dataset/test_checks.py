from __future__ import annotations

import pytest

from metier.core.documents import Passage
from metier.core.questions import Question
from metier.dataset import checks, size
from metier.dataset.rows import Row

PARTS = ["rotor", "tower", "hatch", "gearbox", "yaw pad", "brake", "ladder", "cable", "nacelle", "flange"]
PLAIN = [Row(f"What is the colour of the {part}?", f"It is number {n}.", origin=f"a.csv:{n}")
         for n, part in enumerate(PARTS)]  # fmt: skip


def words(row):
    """Stands for a tokeniser: one token a word."""
    return sum(len(message.content.split()) for message in row.prompt()), len(row.completion.split())


def run(*rows, **options):
    return checks.check([*PLAIN, *rows], count_tokens=words, **{"max_length": 200} | options)


def of(report, check):
    return [finding for finding in report.findings if finding.check == check]


def test_a_clean_set_says_only_its_size():
    report = run()
    assert [finding.check for finding in report.findings] == ["size"]
    assert not report.stops
    assert (report.rows, report.distinct, report.lost, report.cut) == (10, 10, 0, 0)
    assert report.tokens.epoch == report.tokens.prompt + report.tokens.completion
    assert report.tokens.learned == report.tokens.completion == 40
    assert report.languages == {"en": 10}
    assert report.labels is None


def test_a_leak_stops_and_names_both():
    report = run(exam=[Question("q7", "what is the colour of the rotor", ("red",))])
    (leak,) = of(report, "leak")
    assert report.stops
    assert report.findings[0] is leak
    assert "1 of 1 exam questions" in leak.what
    assert "a.csv:0" in leak.examples[0]
    assert "q7" in leak.examples[0]
    assert not run(exam=[Question("q8", "Who may open the safety valve?", ("nobody",))]).stops


def test_lengths():
    long = Row("How?", " ".join(["word"] * 90) + ".", origin="long")
    huge = Row(" ".join(["why"] * 120), "Because.", origin="huge")
    report = run(long, huge, max_length=60)
    assert (report.lost, report.cut) == (1, 1)
    lost, cut = of(report, "length")
    assert (lost.examples, cut.examples) == (("huge",), ("long",))
    prompt, _completion = words(long)
    assert report.tokens.learned == 40 + 60 - prompt
    assert report.tokens.epoch < report.tokens.prompt + report.tokens.completion
    assert run(max_length=3).stops


def test_no_rows_stop():
    report = checks.check([], count_tokens=words, max_length=10)
    assert report.stops
    assert "no rows" in report.findings[0].what


def test_repeats_and_contradictions():
    passage = Passage("p", "d", "The rotor is red.", 0, 17)
    report = run(
        Row("what is the colour of the rotor", "it is number 0", origin="again"),
        Row("What is the colour of the tower?", "It is white.", origin="clash"),
        Row("What is the colour of the hatch?", "It is red.", context=(passage,), origin="shown"),
        Row("What is the colour of the gearbx?", "It is number 3.", origin="near"),
    )
    assert of(report, "duplicates")[0].examples == ("again",)
    assert report.distinct == 13
    (clash,) = of(report, "contradictions")
    assert clash.count == 2
    assert "clash" in clash.examples[0]
    (near,) = of(report, "near duplicates")
    assert near.count == 1
    assert "near" in near.examples[0]


def test_empty_and_broken_completions():
    report = run(Row("Why?", " "), Row("How?", "Turn the eight bolts of the cover to the left, then,", origin="cut"))
    assert of(report, "empty")[0].count == 1
    assert "cut" in of(report, "truncated")[0].examples[0]


def test_languages():
    report = run(Row("নীল চাবি কী খোলে?", "টাওয়ারের দরজা খোলে।"), Row("What opens it?", "নীল চাবি টাওয়ারের দরজা খোলে।"))
    mixed, crossed = of(report, "languages")
    assert report.languages == {"en": 10, "bn": 2}
    assert "en 10, bn 2" in mixed.what
    assert crossed.count == 1


def labelled(**counts):
    return [Row(f"{label} message {n} of a customer", label, kind="label")
            for label, count in counts.items() for n in range(count)]  # fmt: skip


def test_label_balance():
    report = checks.check(labelled(lost=40, stolen=12, broken=3), count_tokens=words, max_length=200)
    assert report.labels.rows == {"lost": 40, "stolen": 12, "broken": 3}
    assert report.labels.largest_share == pytest.approx(40 / 55)
    assert report.labels.balance == pytest.approx(0.657, abs=0.01)
    assert report.labels.rare == ("broken",)
    assert [finding.what for finding in of(report, "labels")] == [
        "73% of the labelled rows are 'lost'",
        "1 of 3 labels have fewer than 8 rows",
    ]
    even = checks.check(labelled(lost=20, stolen=20), count_tokens=words, max_length=200)
    assert even.labels.balance == pytest.approx(1)
    assert of(even, "labels") == []
    assert "one label only" in of(checks.check(labelled(a=9), count_tokens=words, max_length=99), "labels")[0].what


def test_rows_that_teach_labels_alone_are_told_to_make_a_model_forget():
    rows = labelled(lost=20, stolen=20)
    (finding,) = of(checks.check(rows, count_tokens=words, max_length=200), "forgetting")
    assert (finding.severity, finding.count) == ("note", 40)
    assert "metier dataset rehearse" in finding.hint
    rehearsed = [Row(f"What is {n} and {n}?", f"It is {2 * n}.", kind="rehearsal") for n in range(8)]
    assert of(checks.check([*rows, *rehearsed], count_tokens=words, max_length=200), "forgetting") == []


def test_progress_is_told():
    told = []
    run(tell=lambda done, total: told.append((done, total)))
    assert told == [(n, 10) for n in range(1, 11)]


@pytest.mark.parametrize(
    ("rows", "said"), [(5, "no reliable change"), (30, "little difference"), (300, "may change"), (5000, "LIMA")]
)
def test_what_a_size_is_likely_to_change(rows, said):
    text = size.statement(rows, 1234)
    assert f"{rows:,} distinct rows with 1,234 tokens" in text
    assert said in text
    assert size.is_small(rows) == (rows < 50)


def test_labels_count_by_label():
    assert "about 5 of each of 77" in size.statement(400, 1000, 385, 77)
    assert "little difference" in size.statement(400, 1000, 385, 77)
    assert "usually learned" in size.statement(10_003, 1000, 10_003, 77)
    assert "may change" in size.statement(400, 1000, 20, 2)

"""Pairs of a wanted and an unwanted answer, from thumbs and corrections."""

from __future__ import annotations

import json

import pytest

from metier.core.questions import Question
from metier.feedback.preferred_answers import preferred
from metier.feedback.records import Action, Correction, Feedback

ASKED = "How tight are the bolts?"
numbers = iter(range(1, 1000))


def thumb(answer: str, up: bool, question: str = ASKED, **more) -> Feedback:
    return Feedback("up" if up else "down", question, answer, id=next(numbers), **more)


def correction(answer: str, question: str = ASKED, state: str = "accepted") -> Correction:
    made = Correction(f"c{next(numbers)}", question, answer)
    return made.after([Action(1, made.id, "queued", "", ""), Action(2, made.id, state, "", "")])


CASES = {
    "a correction beats what it corrects": (
        [thumb("840 Nm", up=False), thumb("900 Nm", up=False)], [correction("850 Nm")],
        [("850 Nm", "840 Nm"), ("850 Nm", "900 Nm")],
    ),
    "a thumb up beats a thumb down on the same question": (
        [thumb("840 Nm", up=False), thumb("850 Nm", up=True, question="how tight are the bolts")], [],
        [("850 Nm", "840 Nm")],
    ),
    "the answer with most thumbs up is wanted": (
        [thumb("no", up=False), thumb("maybe", up=True), thumb("yes", up=True), thumb("Yes.", up=True)], [],
        [("yes", "no")],
    ),
    "a correction counts for more than thumbs up": (
        [thumb("840 Nm", up=False), thumb("900 Nm", up=True)], [correction("850 Nm")], [("850 Nm", "840 Nm")],
    ),
    "an answer with thumbs of both kinds is neither": (
        [thumb("840 Nm", up=False), thumb("840 Nm", up=True), thumb("850 Nm", up=True)], [], [],
    ),
    "the same answer twice is one pair": (
        [thumb("840 Nm", up=False), thumb("840 nm!", up=False)], [correction("850 Nm")], [("850 Nm", "840 nm!")],
    ),
    "an answer that is right after all is not beaten by itself": (
        [thumb("850 Nm.", up=False)], [correction("850 Nm")], [],
    ),
    "a correction that is not in force counts for nothing": (
        [thumb("840 Nm", up=False)], [correction("850 Nm", state="dismissed")], [],
    ),
    "thumbs of one kind say nothing": ([thumb("840 Nm", up=False), thumb("900 Nm", up=False)], [], []),
    "other questions are other questions": (
        [thumb("840 Nm", up=False), thumb("850 Nm", up=True, question="How tight are the nuts?")], [], [],
    ),
    "an empty answer is none": ([thumb(" ", up=False)], [correction("850 Nm")], []),
}  # fmt: skip


@pytest.mark.parametrize(("thumbs", "corrections", "found"), CASES.values(), ids=CASES)
def test_which_answer_is_wanted(thumbs, corrections, found):
    assert [(pair.chosen, pair.rejected.answer) for pair in preferred(thumbs, corrections)] == found


@pytest.mark.parametrize(
    ("mode", "cites", "known"), [("rag", True, True), ("rag", False, False), ("base", False, True)]
)
def test_an_answer_from_documents_that_cites_none_may_be_from_any(mode, cites, known):
    cited = ({"document_id": "manual"},) if cites else ()
    given = [thumb("840 Nm", up=False), thumb("850 Nm", up=True, mode=mode, citations=cited)]
    assert [pair.is_traced for pair in preferred(given, [])] == [known]
    assert [pair.is_traced for pair in preferred(given, [correction("850 Nm")])] == [True]


@pytest.mark.slow
def test_pairs_have_the_prompt_of_answering_and_are_for_those_who_may_read_them(expert, call_metier):
    """One of a correction, one of thumbs, one that cites what only the service may read, one that cites nothing and so
    may say the same, one that the exam asks."""
    asked, right = "How often is the gearbox oil of the NV-110 changed?", "Every 31 months."
    hit, secret = expert.search(asked)[0].passage, expert.search("What is the rescue code?")[0].passage
    assert secret.groups == ("service",)
    give = expert.corrections.give_feedback
    give("down", asked, "Every 13 months.", mode="rag", citations=[{"document_id": hit.document_id}])
    expert.corrections.add(asked, right, document=hit.uri, accept=True)
    give("down", "Who are you?", "A pump.", mode="base")
    give("up", "Who are you?", "The expert.", mode="base")
    give("down", "What is the rescue code?", "1234", mode="rag", citations=[{"document_id": secret.document_id}])
    give("up", "What is the rescue code?", "4417", mode="rag", citations=[{"document_id": secret.document_id}])
    give("down", "What opens the rescue box?", "A stone.", mode="rag")
    give("up", "What opens the rescue box?", "The code 4417.", mode="rag")
    give("down", "What is gone?", "This.", mode="rag", citations=[{"document_id": "gone"}])
    give("up", "What is gone?", "That.", mode="rag")
    give("down", "What opens the tower door?", "A red key.", mode="rag+tuned", adapter="nobody@1")
    give("up", "What opens the tower door?", "The blue key.", mode="rag")

    found = expert.preferences.pairs()
    assert [(pair.chosen.completion, pair.rejected) for pair in found.pairs] == [
        (right, "Every 13 months."),
        ("The expert.", "A pump."),
    ]
    assert found.origins == {"correction": 1, "thumb": 1}
    assert found.left_out == {
        "not everybody may read what they say": 2,
        "they cite a document that is gone": 1,
        "the adapter that wrote them is gone": 1,
    }
    first, second = (pair.chosen for pair in found.pairs)
    assert hit.uri in first.sources
    assert right in first.prompt()[-1].content  # the correction is found for its question, as it is when answering
    assert (second.context, second.groups) == ((), ())

    service = expert.preferences.pairs(groups=("service",))
    assert [pair.chosen.groups for pair in service.pairs] == [(), (), (("service",),), (("service",),)]
    exam = [Question("q", "Who are you?", ("The expert.",), kind="fact")]
    assert expert.preferences.pairs(exam=exam).left_out["the exam asks the same"] == 1

    folder = str(expert.runtime.folder)
    said = json.loads(call_metier("dataset", "preferences", "-e", folder, "--all-groups", "--json", "-n", "1").stdout)
    assert (said["pairs"], said["origins"], len(said["shown"])) == (4, {"correction": 1, "thumb": 3}, 1)
    assert said["shown"][0]["rejected"] == "Every 13 months."
    told = call_metier("dataset", "preferences", "-e", folder)
    assert "2 preference pairs: 1 by correction, 1 by thumb" in told.stdout
    refused = call_metier("tune", "--dpo", "-e", folder, check=2)
    assert "2 preference pairs are too few" in refused.stderr

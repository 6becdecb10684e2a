"""Corrections on a real expert: what is said once changes what is answered, until it is undone."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from metier import Expert
from metier.core.documents import document_id
from metier.core.errors import InputError
from metier.core.locks import exclusive
from metier.core.questions import Question
from metier.state.quick import has_rows
from metier.store.base import Filter

pytestmark = pytest.mark.slow

OIL = "How often is the gearbox oil of the NV-110 changed?"
LAMPS = "How often are the nacelle lamps of the NV-110 changed?"
KEY = "নীল চাবি কী খোলে?"
OTHERS, SERVICE = Filter(groups=("office",)), Filter(groups=("service",))


def passage_of(expert, name):
    return expert.runtime.store.passages(document_id(name))[0]


def oil(expert):
    return passage_of(expert, "docs/gearbox-oil.md")


def found(expert, question=OIL, where=None):
    return [hit.passage.id for hit in expert.search(question, 100, where)]


def correct_oil(expert, **options):
    text = "The gearbox oil of the NV-110 is changed every 24 months."
    said = {"change": "replace", "passage": oil(expert).id, "text": text, "who": "anna", "accept": True, **options}
    return expert.corrections.add(OIL, "Every 24 months.", **said)


def cited(answer):
    return [citation.document for citation in answer.citations]


def test_a_corrected_passage_is_answered_from_and_cited_until_it_is_undone(expert):
    before = expert.ask(OIL)
    assert "31" in before.text
    made = correct_oil(expert, why="bulletin 7")
    after = expert.ask(OIL)
    assert "24" in after.text
    assert "31" not in after.text
    (citation,) = after.citations
    assert (citation.document, citation.corrects) == (f"correction:{made.id}", "docs/gearbox-oil.md")
    assert (citation.title, citation.headings) == ("Gearbox oil", ("Gearbox oil",))
    document = expert.runtime.store.document(citation.document_id)
    assert document.text[citation.start : citation.end] == citation.quote
    original = oil(expert)
    pointed = {name: document.metadata[name] for name in ("corrects_start", "corrects_end", "corrected_by")}
    assert pointed == {
        "corrects_start": str(original.start), "corrects_end": str(original.end), "corrected_by": "anna",
    }  # fmt: skip
    undone = expert.corrections.undo(made.id, who="bo", why="the bulletin was withdrawn")
    assert undone.state == "undone"
    again = expert.ask(OIL)
    assert (again.text, cited(again)) == (before.text, cited(before))
    assert expert.runtime.store.document(citation.document_id) is None
    told = [(each.action, each.who, each.why) for each in expert.corrections.history(made.id)]
    assert told == [
        ("queued", "anna", "bulletin 7"), ("accepted", "anna", "bulletin 7"), ("placed", "metier", ""),
        ("learned", "metier", ""), ("undone", "bo", "the bulletin was withdrawn"), ("removed", "metier", ""),
        ("unlearned", "metier", ""),
    ]  # fmt: skip


def test_what_waits_changes_nothing_and_can_be_dismissed_and_reopened(expert):
    before = found(expert)
    made = correct_oil(expert, accept=None)
    assert (made.state, found(expert)) == ("queued", before)
    assert expert.corrections.dismiss(made.id, who="bo").state == "dismissed"
    with pytest.raises(InputError, match="is dismissed, so it cannot be dismissed"):
        expert.corrections.dismiss(made.id)
    assert expert.corrections.undo(made.id, who="bo").state == "queued"
    with pytest.raises(InputError, match="is queued, so it cannot be undone"):
        expert.corrections.undo(made.id)
    assert [each.id for each in expert.corrections.all("queued")] == [made.id]
    assert expert.corrections.accept(made.id).state == "accepted"
    assert found(expert) != before
    with pytest.raises(InputError, match="is accepted, so it cannot be accepted"):
        expert.corrections.accept(made.id)
    assert expert.corrections.undo(made.id).state == "undone"
    assert found(expert) == before
    assert expert.corrections.accept(made.id).in_force


def test_by_setting_whoever_gives_a_correction_lets_it_take_effect(folder):
    path = folder / "metier.toml"
    path.write_text(path.read_text() + "\n[feedback]\nat_once = true\n")
    with Expert.open(folder) as expert:
        assert correct_oil(expert, accept=None).in_force
        second = expert.corrections.add(OIL, "Every 25 months.", who="bo")
        assert second.state == "queued", "it contradicts the first, so it waits"
        assert expert.corrections.add(LAMPS, "Every 43 months.", accept=False).state == "queued"


def test_a_correction_becomes_a_practice_question_and_a_row_that_shows_the_passage(expert):
    made = correct_oil(expert)
    (question,) = expert.exam.questions()
    assert (question.question, question.answers, question.split) == (OIL, ("Every 24 months.",), "practice")
    assert (question.documents, question.passages) == ((f"correction:{made.id}",), made.placed)
    assert [each.review for each in expert.exam.reviewed()] == ["accepted"]
    (row,) = expert.dataset.rows()
    assert (row.question, row.completion, row.origin) == (OIL, "Every 24 months.", f"correction:{made.id}")
    assert row.passages == made.placed
    assert "24 months" in row.context[0].text
    assert not any("31 months" in shown.text for shown in row.context), "what was replaced is not learned"
    expert.corrections.undo(made.id)
    assert (expert.exam.questions(), expert.dataset.rows()) == ([], [])


def test_what_an_exam_question_asks_is_corrected_there_and_not_trained_on(expert, folder):
    exam = folder.parent / "exam.jsonl"
    exam.write_text(
        '{"question": "How often is the gearbox oil of an NV-110 changed", "answers": ["31"], "split": "exam"}'
    )
    expert.exam.import_file(exam)
    made = correct_oil(expert)
    assert made.learned["split"] == "exam"
    assert "exam" in made.learned["note"]
    assert expert.dataset.rows() == []
    assert {question.split for question in expert.exam.questions()} == {"exam"}
    expert.corrections.undo(made.id)
    same = expert.corrections.add("How often is the gearbox oil of an NV-110 changed?", "Every 24 months.", accept=True)
    assert [question.answers for question in expert.exam.questions()] == [("Every 24 months.",)]
    expert.corrections.undo(same.id)
    assert [question.answers for question in expert.exam.questions()] == [("31",)]


def test_a_hidden_passage_is_found_by_neither_search_nor_shown_until_undone(expert):
    passage = oil(expert)
    made = expert.corrections.hide(passage.id, who="anna", why="outdated")
    assert made.in_force
    vector, tokens = expert.runtime.embedder.embed_queries([OIL])[0], expert.runtime.analyser.tokens(OIL)
    assert passage.id in {hit.passage.id for hit in expert.runtime.store.dense(vector, 100)}, "it stays in the store"
    where = Filter(hidden=expert.runtime.curation.hidden())
    assert passage.id not in {hit.passage.id for hit in expert.runtime.store.dense(vector, 100, where)}
    assert passage.id not in {hit.passage.id for hit in expert.runtime.store.lexical(tokens, 100, where)}
    assert passage.id not in found(expert)
    assert passage.id not in found(expert, passage.text)
    answer = expert.ask(OIL, abstain=False)
    assert "docs/gearbox-oil.md" not in cited(answer)
    assert passage.id not in {shown.id for shown in answer.shown}
    for verb in (expert.corrections.hide, lambda name: expert.corrections.pin(OIL, name)):
        with pytest.raises(InputError, match="no passage"):
            verb(passage.id)
    expert.corrections.undo(made.id)
    assert found(expert)[0] == passage.id


def test_the_wrong_passage_is_hidden_and_the_question_learned_where_the_answer_stands(expert):
    wrong = oil(expert)
    made = expert.corrections.add(
        OIL, "Every 43 months.", document="nacelle-lamps.md", change="hide", passage=wrong.id, accept=True
    )
    assert (made.passage.uri, made.source.uri) == ("docs/gearbox-oil.md", "docs/nacelle-lamps.md")
    assert wrong.id not in found(expert)
    assert expert.exam.questions()[0].documents == ("docs/nacelle-lamps.md",)
    assert "docs/nacelle-lamps.md" in {shown.uri for shown in expert.dataset.rows()[0].context}


def test_training_data_that_cannot_be_read_does_not_stop_a_correction(expert):
    (expert.runtime.state_folder / "dataset.jsonl").write_text("{broken\n")
    made = correct_oil(expert)
    assert made.placed[0] in found(expert)
    assert not made.unfinished
    assert "not in the training data" in made.learned["note"]


def test_a_pin_comes_first_for_its_question_and_its_likes_and_for_no_twin(expert):
    lamps = passage_of(expert, "docs/nacelle-lamps.md")
    made = expert.corrections.pin(OIL, lamps.id, who="anna")
    for question in (OIL, OIL.upper(), "how often is the NV-110's gearbox oil changed"):
        assert expert.search(question, 1)[0].passage.id == lamps.id, question
    answer = expert.ask(OIL)
    assert cited(answer) == ["docs/nacelle-lamps.md"]
    assert not answer.abstained
    assert any("Somebody said" in note for note in answer.notes)
    for twin in (OIL.replace("110", "90"), OIL.replace("gearbox oil", "oil filter"), OIL.replace("NV", "HP"), LAMPS):
        hits = expert.search(twin)
        assert not any(hit.pinned for hit in hits), twin
    expert.corrections.undo(made.id)
    assert found(expert)[0] == oil(expert).id


def test_the_passage_that_holds_the_answer_is_pinned_where_only_its_document_is_named(expert):
    made = expert.corrections.add(OIL, "Every 43 months.", document="nacelle-lamps.md", change="pin", accept=True)
    assert made.passage.uri == "docs/nacelle-lamps.md"
    assert "43" in expert.ask(OIL).text
    assert expert.dataset.rows()[0].context[0].uri == "docs/nacelle-lamps.md"


def test_a_pin_follows_to_what_takes_the_place_of_its_passage(expert):
    lamps = passage_of(expert, "docs/nacelle-lamps.md")
    expert.corrections.pin(OIL, lamps.id)
    made = expert.corrections.replace(lamps.id, "Everything is changed every 55 months.")
    assert expert.search(OIL, 1)[0].passage.id == made.placed[0]
    again = expert.corrections.replace(made.placed[0], "Everything is changed every 56 months.")
    best = expert.search(OIL, 1)[0].passage
    assert best.id == again.placed[0]
    assert best.corrects == "docs/nacelle-lamps.md"
    expert.corrections.undo(again.id)
    assert expert.search(OIL, 1)[0].passage.id == made.placed[0]


def test_two_corrections_that_contradict_each_other_are_not_in_force_together(expert):
    made = correct_oil(expert)
    with pytest.raises(InputError, match=f"correction {made.id} answers this question already"):
        expert.corrections.add(OIL.upper(), "Every 25 months.", accept=True)
    assert len(expert.corrections.all()) == 1, "what is refused is not kept"
    waiting = expert.corrections.add(OIL, "Every 25 months.")
    with pytest.raises(InputError, match="already"):
        expert.corrections.accept(waiting.id)
    expert.corrections.undo(made.id)
    assert expert.corrections.accept(waiting.id).in_force


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "nothing is corrected"),
        ({"question": "", "answer": "x"}, "question is empty"),
        ({"question": " \x00 ", "answer": "x"}, "question is empty"),
        ({"answer": "x", "document": "nowhere.md"}, "no document 'nowhere.md'"),
        ({"answer": "x", "page": 3}, "needs its document"),
        ({"answer": "x", "document": "slip-ring.md", "span": (900, 950)}, "no text at this place"),
        ({"change": "hide"}, "not named"),
        ({"change": "hide", "document": "slip-ring.md"}, "not named"),
        ({"change": "hide", "passage": "it's none"}, "no passage"),
        ({"change": "burn", "passage": "x"}, "no change 'burn'"),
        ({"change": "replace", "passage": "x"}, "goes with replace"),
        ({"change": "pin", "passage": "x", "text": "y"}, "goes with replace"),
        ({"answer": "x" * 20_001}, "20,000 are the most"),
    ],
)
def test_what_is_missing_or_unknown_is_told_and_nothing_is_kept(untouched, said, why):
    with pytest.raises(InputError, match=why):
        untouched.corrections.add(**{"question": OIL, **said})
    assert untouched.corrections.all() == []
    assert not has_rows(untouched.runtime.state, "corrections")


def test_a_bengali_correction(expert):
    passage = next(p for p in expert.runtime.store.passages(document_id("docs/নিরাপত্তা.md")) if "চাবি" in p.text)
    text = passage.text.replace("টাওয়ারের দরজা", "ন্যাসেলের ঢাকনা")
    made = expert.corrections.add(
        KEY, "ন্যাসেলের ঢাকনা", change="replace", passage=passage.id, text=text, who="রিনা", accept=True
    )
    answer = expert.ask(KEY)
    assert "ন্যাসেলের ঢাকনা" in answer.text
    assert cited(answer) == [f"correction:{made.id}"]
    assert answer.citations[0].headings == ("নিরাপত্তা",)
    assert (expert.exam.questions()[0].language, expert.dataset.rows()[0].language) == ("bn", "bn")
    assert "ন্যাসেলের" in expert.search("ন্যাসেলের ঢাকনা কোন চাবি খোলে", 1)[0].passage.text
    expert.corrections.undo(made.id, who="রিনা")
    assert all("টাওয়ারের" in hit.passage.text for hit in expert.search(KEY, 1))


def test_who_may_not_read_a_document_may_not_correct_it_nor_learn_of_its_corrections(expert):
    code, question = passage_of(expert, "secret/rescue.txt"), "What is the rescue code of the NV-110?"
    for said in (
        {"change": "hide", "passage": code.id}, {"change": "pin", "passage": code.id},
        {"answer": "1", "document": "rescue.txt"}, {"answer": "1", "document": "secret/rescue.txt"},
    ):  # fmt: skip
        with pytest.raises(InputError, match="there is no"):
            expert.corrections.add(question, where=OTHERS, **said)
    made = expert.corrections.add(
        question, "5528", change="replace", passage=code.id, text="The rescue code of the NV-110 is 5528.",
        where=SERVICE, accept=True,
    )  # fmt: skip
    assert made.groups == ("service",)
    assert expert.search(question, 1, SERVICE)[0].passage.id == made.placed[0]
    assert not set(found(expert, question, OTHERS)) & {code.id, *made.placed}
    assert "5528" not in expert.ask(question, where=OTHERS, abstain=False).text
    assert expert.dataset.rows() == [], "a tuned model would tell everyone"
    assert "not for everyone" in made.learned["note"]
    assert [each.id for each in expert.corrections.all(where=SERVICE)] == [made.id]
    assert expert.corrections.all(where=OTHERS) == []
    for verb in (
        expert.corrections.accept,
        expert.corrections.undo,
        expert.corrections.dismiss,
        expert.corrections.get,
        expert.corrections.history,
    ):
        with pytest.raises(InputError, match="there is no correction"):
            verb(made.id, where=OTHERS)
    pinned = expert.corrections.pin(OIL, made.placed[0], where=SERVICE)
    assert expert.search(OIL, 1, SERVICE)[0].pinned
    assert not any(hit.pinned for hit in expert.search(OIL, 100, OTHERS)), pinned


def test_a_correction_is_for_those_who_may_read_the_document_now(expert, folder):
    made = correct_oil(expert)
    expert.close()
    path = folder / "metier.toml"
    path.write_text(path.read_text().replace('path = "../docs"', 'path = "../docs"\ngroups = ["board"]'))
    with Expert.open(folder) as again:
        again.sync()
        assert again.runtime.store.document(document_id(f"correction:{made.id}")).groups == ("board",)
        assert not set(found(again, where=OTHERS)) & {*made.placed, *made.known_ids}
        assert again.corrections.all(where=OTHERS) == []
        assert [each.id for each in again.corrections.all(where=Filter(groups=("board",)))] == [made.id]


def test_a_sync_and_a_rebuild_keep_what_was_corrected(expert, docs):
    made = correct_oil(expert)
    hidden = expert.corrections.hide(passage_of(expert, "docs/slip-ring.md").id)
    (docs / "hub-seals.md").unlink()
    report = expert.sync()
    assert (report.deleted, report.unchanged, report.warnings) == (1, 13 - 0, [])
    before = found(expert)
    assert made.placed[0] == before[0]
    expert.sync(rebuild=True)
    assert sorted(found(expert)) == sorted(before)
    assert not set(found(expert)) & {oil(expert).id, *hidden.passages}
    assert cited(expert.ask(OIL)) == [f"correction:{made.id}"]
    assert expert.corrections.get(made.id).placed == made.placed
    expert.corrections.undo(made.id)
    expert.sync(rebuild=True)
    assert oil(expert).id in found(expert)
    assert not any(uri.startswith("correction:") for uri in expert.runtime.store.uris())


def test_a_hidden_passage_stays_hidden_where_its_document_grows_above_it(expert, docs):
    made = expert.corrections.hide(oil(expert).id)
    path = docs / "gearbox-oil.md"
    path.write_text(path.read_text().replace("# Gearbox oil", "# Gearbox oil\n\n## New\n\nRead this.\n\n## Old"))
    seen = []
    expert.sync(on_progress=lambda _: seen.extend(hit.passage.text for hit in expert.search(OIL, 100)))
    assert seen
    assert not any("31 months" in text for text in seen), "not even while the sync runs"
    moved = expert.corrections.get(made.id)
    assert moved.passages != made.passages
    assert not any("31 months" in hit.passage.text for hit in expert.search(OIL, 100))
    expert.corrections.undo(made.id)
    assert any("31 months" in hit.passage.text for hit in expert.search(OIL, 100))


def test_a_correction_whose_passage_is_gone_says_so_and_stays(expert, docs):
    made, waiting = (
        correct_oil(expert),
        expert.corrections.add(change="hide", passage=passage_of(expert, "docs/slip-ring.md").id),
    )
    (docs / "gearbox-oil.md").write_text("# Gearbox oil\n\nThe gearbox oil of the NV-110 is changed every 29 months.\n")
    (docs / "slip-ring.md").unlink()
    for _ in range(2):
        report = expert.sync()
        told = [(each.item, each.reason) for each in report.warnings]
        assert told == [("docs/gearbox-oil.md", f"correction {made.id}: its passage is gone: look again")]
    assert expert.corrections.get(made.id).look_again
    assert cited(expert.ask(OIL)) == [f"correction:{made.id}"], "it stays in force until somebody looks"
    with pytest.raises(InputError, match="its passage is gone"):
        expert.corrections.accept(waiting.id)
    expert.corrections.undo(made.id)
    assert "29" in expert.ask(OIL).text
    assert expert.sync().warnings == []


def test_while_a_sync_holds_the_store_a_correction_is_kept_and_takes_effect_at_its_end(expert, monkeypatch):
    monkeypatch.setattr("metier.services.corrections.WRITE_PATIENCE", 0.1)
    with exclusive(expert.runtime.state_folder / "sync.lock"):
        made = correct_oil(expert)
        assert made.in_force
        assert made.unfinished
        assert found(expert)[0] == oil(expert).id, "the old text is found until the new one is there"
        hidden = expert.corrections.hide(passage_of(expert, "docs/slip-ring.md").id)
        assert not set(hidden.passages) & set(found(expert))
    expert.sync()
    assert not expert.corrections.get(made.id).unfinished
    assert cited(expert.ask(OIL)) == [f"correction:{made.id}"]
    assert len(expert.dataset.rows()) == 1


def test_what_another_process_decides_holds_at_once_in_an_expert_that_is_open(expert, run_metier):
    before = found(expert)
    passage = before[0]
    done = run_metier("corrections", "add", "-e", str(expert.folder), "--replace", passage, "--text", "Never changed.")
    identity = done.stdout.split()[1]
    assert passage not in found(expert)
    assert "Never changed." in {hit.passage.text for hit in expert.search(OIL, 100)}
    expert.corrections.undo(identity)
    assert found(expert) == before
    run_metier("corrections", "accept", "-e", str(expert.folder), identity)
    assert passage not in found(expert)


_CORRECT = """
import os, signal, sys
from metier import Expert
expert = Expert.open(sys.argv[1])
moment = sys.argv[2]
if moment != "after":
    from metier.feedback import reconciler
    step = {"placing": "_entry", "noting": "_note", "learning": "_learn"}[moment]
    setattr(reconciler.Reconciler, step, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
made = expert.corrections.add(
    "How often is the gearbox oil of the NV-110 changed?", "Every 24 months.", change="replace",
    passage=sys.argv[3], text="The gearbox oil of the NV-110 is changed every 24 months.", accept=True)
print(made.id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["after", "placing", "noting", "learning"])
def test_a_process_that_is_killed_loses_nothing_that_was_decided(expert, moment):
    passage = oil(expert).id
    expert.close()
    done = subprocess.run(
        [sys.executable, "-c", _CORRECT, str(expert.folder), moment, passage],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with Expert.open(expert.folder) as again:
        (made,) = again.corrections.all()
        assert made.in_force
        best = again.search(OIL, 1)[0].passage
        assert (best.uri, best.corrects) == (f"correction:{made.id}", "docs/gearbox-oil.md")
        assert "24" in best.text
        assert passage not in found(again)
        again.sync()
        assert not again.corrections.get(made.id).unfinished
        assert len(again.dataset.rows()) == len(again.exam.questions()) == 1
        assert len(again.runtime.store.passages(document_id(f"correction:{made.id}"))) == 1
        again.corrections.undo(made.id)
        assert (again.dataset.rows(), again.exam.questions()) == ([], [])
        assert found(again)[0] == passage


def test_thumbs_are_kept_with_what_they_are_about(expert):
    answer = expert.ask(OIL)
    given = expert.corrections.give_feedback(
        "down", OIL, answer.text, reason="it is 24 months", mode="rag", citations=answer.citations, who="anna"
    )
    expert.corrections.give_feedback("up", "রং কী?", "নীল", who="রিনা")
    secret = passage_of(expert, "secret/rescue.txt")
    expert.corrections.give_feedback("up", "code?", "4417", citations=[{"document_id": secret.document_id}])
    with pytest.raises(InputError, match="no thumb 'sideways'"):
        expert.corrections.give_feedback("sideways", OIL, "x")
    assert expert.corrections.feedback()[0] == given
    assert (given.thumb, given.reason, given.citations[0]["document"]) == ("down", "it is 24 months", cited(answer)[0])
    assert [each.answer for each in expert.corrections.feedback(OTHERS)] == [answer.text, "নীল"]
    assert len(expert.corrections.feedback(SERVICE)) == 3


def test_an_expert_that_nobody_corrected_opens_no_log(untouched):
    untouched.search(OIL)
    assert (untouched.corrections.all(), untouched.corrections.feedback()) == ([], [])
    with pytest.raises(InputError, match="no correction"):
        untouched.corrections.undo("00000000")
    assert not has_rows(untouched.runtime.state, "corrections")


def test_a_question_in_the_set_gets_back_the_answers_it_had(expert, folder):
    known = folder.parent / "known.jsonl"
    known.write_text(f'{{"question": "{OIL}", "answers": ["31 months"], "split": "practice"}}')
    expert.exam.import_file(known)
    made = correct_oil(expert)
    assert [each.answers for each in expert.exam.questions()] == [("Every 24 months.",)]
    expert.corrections.undo(made.id)
    assert [each.answers for each in expert.exam.questions()] == [("31 months",)]
    assert isinstance(expert.exam.questions()[0], Question)


def test_the_key_of_what_is_in_force_changes_with_it(expert):
    first = expert.runtime.curation.key()
    made = expert.corrections.hide(oil(expert).id)
    second = expert.runtime.curation.key()
    expert.corrections.undo(made.id)
    assert (first, first != second) == (expert.runtime.curation.key(), True)


WEEKEND = "Who mends the pumps at the weekend?"


def test_an_answer_that_was_corrected_is_the_answer_until_it_is_undone(expert):
    before = expert.ask(WEEKEND)
    assert "Berg" not in before.text
    made = expert.corrections.add(WEEKEND, "Nils Berg, extension 22.", who="anna", groups=(), accept=True)
    after = expert.ask(WEEKEND)
    assert (after.text, after.abstained, cited(after)) == ("Nils Berg, extension 22.", False, [f"correction:{made.id}"])
    (citation,) = after.citations
    assert (citation.title, citation.corrects) == (WEEKEND, "")
    document = expert.runtime.store.document(citation.document_id)
    assert (document.metadata["corrected_by"], document.groups) == ("anna", ())
    expert.sync(rebuild=True)
    assert expert.ask(WEEKEND).text == after.text
    expert.corrections.undo(made.id)
    assert expert.ask(WEEKEND).text == before.text
    assert expert.runtime.store.document(citation.document_id) is None


def test_a_corrected_answer_points_to_the_document_that_was_named_and_hides_none_of_it(expert):
    before = found(expert, LAMPS)
    made = expert.corrections.add(OIL, "Every 24 months.", document="gearbox-oil.md", accept=True)
    (citation,) = expert.ask(OIL).citations
    assert (citation.document, citation.corrects) == (f"correction:{made.id}", "docs/gearbox-oil.md")
    assert oil(expert).id in found(expert)
    assert set(before) <= set(found(expert, LAMPS))
    assert "24" not in expert.ask(LAMPS).text


def test_a_corrected_answer_is_for_those_who_may_read_what_its_author_read(expert):
    said = expert.corrections.add("What is the code of the safe?", "It is 9921.", where=SERVICE, accept=True)
    assert said.groups == ("service",)
    assert "9921" in expert.ask("What is the code of the safe?", where=SERVICE).text
    assert "9921" in expert.ask("What is the code of the safe?").text, "the owner reads everything"
    for where in (OTHERS, Filter(groups=())):
        assert "9921" not in expert.ask("What is the code of the safe?", where=where).text
        assert not [h for h in expert.search("code of the safe 9921", 100, where) if "9921" in h.passage.text]


def test_an_author_who_may_read_everything_tells_nobody_by_a_correction_that_names_no_document(expert, call_metier):
    question, secret = "What is the code of the lift?", Filter(groups=())
    expert.corrections.add(question, "It is 5512.", who="chair", accept=True)
    assert "5512" in expert.ask(question).text
    for where in (OTHERS, SERVICE, secret):
        assert "5512" not in expert.ask(question, where=where).text
        assert not any("5512" in hit.passage.text for hit in expert.search(question, 100, where))
        assert expert.corrections.all(where=where) == []
    given = expert.corrections.add("Who has the lift's key?", "Ada has it.", groups=("office",), accept=True)
    assert [each.id for each in expert.corrections.all(where=OTHERS)] == [given.id]
    for groups in ((), ("service", "office")):
        with pytest.raises(InputError, match="other than one's own"):
            expert.corrections.add("Whose is it?", "Ada's.", groups=groups, where=SERVICE)
    with pytest.raises(InputError, match="may read its document"):
        expert.corrections.add(OIL, "Every 24 months.", document="gearbox-oil.md", groups=())
    add = ("corrections", "add", "-e", str(expert.folder))
    assert "only who may read all of them" in " ".join(call_metier(*add, "Who?", "--answer", "Ada.").stdout.split())
    assert "only who" not in call_metier(*add, "Whose?", "--answer", "Ada's.", "--public").stdout


def test_what_waits_answers_nothing(expert):
    expert.corrections.add(WEEKEND, "Nils Berg, extension 22.", accept=False)
    assert "Berg" not in expert.ask(WEEKEND).text

"""The flow on a tiny model: when it trains, what it promotes, how it goes on, and whom it tells."""

from __future__ import annotations

import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from metier import Expert
from metier.core.errors import InputError
from metier.core.locks import exclusive
from metier.dataset.rows import load
from metier.flow.explanation import explanation, headline
from metier.services.flow import LOCK, FlowBusy

from . import sample
from .stand_in_mlflow import StandInMlflow, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]


def text(run) -> str:
    return "\n".join(sentence for section in explanation(run) for sentence in section.sentences)


def weights(expert, reference: str) -> bytes:
    registry = expert.adapters.registry
    return (registry.folder(registry.get(reference)) / "adapter_model.safetensors").read_bytes()


def production(expert) -> str:
    return expert.adapters.registry.production().reference


# --- promote or keep -----------------------------------------------------------------------------------------


class Killed(Exception):
    """In the place of a death."""


def test_interrupted_again_and_again_a_better_candidate_is_promoted_and_rollback_restores(changed, waiting_flow):
    """As the run that made `waiting_flow`, which was never interrupted."""
    with Expert.open(changed) as expert:
        before = expert.dataset.rows()
    told = []
    for stage, done in (("Training", 20), ("Examining", 7), ("Examining for release", 3)):

        def die(now: str, at: int, _total: int | None, _note: str, at_last=(stage, done)) -> None:
            told.append((now, at))
            if (now, at) == at_last:
                raise Killed

        with Expert.open(changed) as expert, pytest.raises(Killed):
            expert.flow.run(tell=die)
        with Expert.open(changed) as expert:
            assert [(run.number, run.state) for run in expert.flow.runs()] == [(1, "running")]
            assert "has not ended: it goes on at" in headline(expert.flow.get())
            assert production(expert) == "parts@1"
    assert [at for now, at in told if now == "Training"][20:22] == [20, 21]  # its checkpoint is from the step before
    assert told.count(("Syncing", 0)) == 1
    with Expert.open(changed) as expert, Expert.open(waiting_flow) as unbroken:
        run = expert.flow.run()
        assert (run.number, run.state, run.outcome, run.candidate) == (1, "ended", "promoted", "parts@2")
        assert headline(run) == "parts@2 took the place of parts@1."
        assert [card.reference for card in expert.adapters.cards()] == ["parts@2", "parts@1"]
        assert weights(expert, "parts@2") == weights(unbroken, "parts@2")
        assert production(expert) == "parts@2"
        assert expert.ask("What keeps the fan?", mode="tuned").text == sample.AFTER

        kept = expert.dataset.rows()
        assert {row.completion for row in kept} == {sample.AFTER}
        dropped = load(changed / ".metier" / "flow" / "1" / "dropped.jsonl")
        assert sorted(row.id for row in (*kept, *dropped)) == sorted(row.id for row in before)
        page = (changed / ".metier" / "flow" / "1" / "report.html").read_text(encoding="utf-8")
        for said in (
            "Since then 0 documents came, 7 changed and 1 went.",
            "Of 28 training rows the source of 24 says something else now, that of 4 is gone",
            "28 training rows were dropped",
            "All questions: 1.00 against 0.00: +1.00 (",
            "Not saying what is no longer true: 1.00 against 0.00: +1.00 (",
            "The half that is kept for promotions, all questions: 1.00 against 0.00",
        ):
            assert said in text(run)
            assert said in page
        assert expert.adapters.registry.get("parts@2").exam["tuned"] == 1
        assert expert.exam.wear().decisions == 2  # by the half that is asked each time, and by the other before it

        again = expert.flow.run()
        assert (again.number, again.outcome) == (2, "unchanged")
        assert expert.adapters.rollback().reference == "parts@1"
        assert expert.ask("What keeps the fan?", mode="tuned").text == sample.BEFORE


def test_a_candidate_that_is_worse_is_kept_out(waiting, call_metier):
    """Made worse on purpose: the documents changed again, and the rows that somebody wrote are wrong."""
    with Expert.open(waiting) as expert:
        expert.flow.approve()
    sample.say(waiting, f"{sample.AFTER} and mast")
    rows = waiting / ".metier" / "dataset.jsonl"
    rows.write_text(rows.read_text().replace(f'"{sample.AFTER}"', '"oil"'))
    sample.settings(waiting, new_terms=1)
    said = json.loads(call_metier("flow", "run", "-e", str(waiting), "--json", check=3).stdout)
    assert (said["outcome"], said["exit_code"]) == ("kept", 3)
    with Expert.open(waiting) as expert:
        run = expert.flow.get()
        assert (run.outcome, production(expert)) == ("kept", "parts@2")
        assert headline(run) == "parts@2 stays in production, parts@3 does not take its place."
        assert run.reason.startswith("It is worse in all questions: 0.00 against 1.00: -1.00 (")
        assert expert.adapters.registry.get("parts@3").state == "candidate"


def test_one_that_is_no_better_is_kept_out(folder):
    sample.say(folder, sample.AFTER)
    sample.learn(folder, sample.BEFORE)
    with Expert.open(folder) as expert:
        run = expert.flow.run()
        assert run.outcome == "kept"
        assert run.reason == "Nothing shows it to be better than the adapter in production."


def test_what_changed_is_learned_and_examined(changed):
    """By rule, from the one table that changed; and the same where it is done again after a death."""
    sample.settings(changed, rows=3, fresh_questions=6)

    def die(stage: str, _done: int, _total: int | None, _note: str) -> None:
        if stage == "Training":
            raise Killed

    seen = []
    for _ in range(2):
        with Expert.open(changed) as expert, pytest.raises(Killed):
            expert.flow.run(tell=die)
        with Expert.open(changed) as expert:
            rows = [row for row in expert.dataset.rows() if row.origin == "generated:1"]
            questions = [each for each in expert.exam.questions() if each.origin == "generated:1"]
            seen.append((rows, questions))
    assert seen[0] == seen[1]
    assert 1 <= len({row.question for row in rows}) <= 3  # some doors are asked in the exam
    assert all(row.completion.endswith("SEK") and "docs/prices.csv" in row.documents for row in rows if not row.context)
    assert len(questions) == 6
    assert {uri for question in questions for uri in question.documents} <= {"docs/prices.csv"}
    assert {question.split for question in questions} == {"practice", "exam"}


# --- whether to train ----------------------------------------------------------------------------------------


def test_nothing_changed(folder):
    with Expert.open(folder) as expert:
        run = expert.flow.run()
        assert (run.outcome, run.reason) == ("unchanged", "Nothing changed since parts@1 was trained.")
        assert [card.reference for card in expert.adapters.cards()] == ["parts@1"]


def test_too_little_changed(folder):
    sample.say(folder, sample.AFTER, sample.NAMES[:1])
    sample.settings(folder, share_changed=0.5, exam_drop=1.0)
    with Expert.open(folder) as expert:
        run = expert.flow.run()
        assert run.outcome == "unchanged"
        assert "the source of 28.6% of its rows, and [flow] share_changed is 50%" in run.reason


def test_without_an_adapter_the_documents_alone_serve(folder):
    with Expert.open(folder) as expert:
        expert.adapters.rollback()
        run = expert.flow.run()
        assert run.outcome == "rag"
        assert "No adapter is in production: the documents alone serve" in run.reason
        assert headline(run) == "The documents alone serve: no adapter was trained."


def test_documents_that_change_all_the_time_are_not_learned(changed):
    settings = changed / "metier.toml"
    settings.write_text(settings.read_text() + "\n[exam]\ndata_changes = true\n")
    with Expert.open(changed) as expert:
        run = expert.flow.run()
        assert run.outcome == "rag"
        assert "change so often (as [exam] data_changes says) that no adapter keeps up" in run.reason


def test_a_dry_run_says_what_and_changes_nothing(changed):
    with Expert.open(changed) as expert:
        assert expert.flow.plan().decision.action == "unchanged"  # by what was synced
        expert.sync()
        plan = expert.flow.plan()
        assert plan.decision.action == "tune"
        assert plan.steps[:5] == ("sync", "drift", "questions", "rows", "tune")
        assert expert.flow.runs() == []
        assert production(expert) == "parts@1"


# --- what is missing -----------------------------------------------------------------------------------------


def test_without_an_exam_it_says_to_make_one_and_goes_on_then(changed):
    questions = changed / ".metier" / "questions.jsonl"
    aside = shutil.move(questions, changed.parent / "aside.jsonl")
    with Expert.open(changed) as expert, pytest.raises(InputError, match="no exam questions") as caught:
        expert.flow.run()
    assert "metier exam generate" in caught.value.hint

    def die(stage: str, _done: int, _total: int | None, _note: str) -> None:
        if stage == "Training":
            raise Killed

    with Expert.open(changed) as expert:
        (failed,) = expert.flow.runs()
        assert (failed.state, failed.candidate) == ("failed", "")
        assert "no exam questions" in failed.reason
        assert headline(failed) == "Run 1 failed at “drift”; `metier flow run` tries that again."
        shutil.move(aside, questions)
        with pytest.raises(Killed):
            expert.flow.run(tell=die)
        assert [(run.number, run.state) for run in expert.flow.runs()] == [(1, "running")]


def test_a_model_behind_an_endpoint_has_no_weights_to_tune(changed):
    settings = changed / "metier.toml"
    plain = settings.read_text().replace('model = "gguf:tiny.gguf"', 'model = "openai:x"\nurl = "http://127.0.0.1:9"')
    settings.write_text(plain.replace('base = "base"\n', ""))
    with Expert.open(changed) as expert, pytest.raises(InputError, match="cannot be tuned from here"):
        expert.flow.run()


def test_one_run_at_a_time(folder):
    with (
        Expert.open(folder) as expert,
        exclusive(folder / ".metier" / LOCK),
        pytest.raises(FlowBusy, match="another flow is running on this expert"),
    ):
        expert.flow.run()


# --- people and programs -------------------------------------------------------------------------------------


def test_a_person_approves(waiting):
    with Expert.open(waiting) as expert:
        run = expert.flow.get()
        assert (run.state, production(expert)) == ("waiting", "parts@1")
        assert headline(run).startswith("parts@2 waits to be approved: `metier flow approve 1`")
        assert expert.flow.run() == run
        approved = expert.flow.approve(who="Ada")
        assert (approved.outcome, production(expert)) == ("promoted", "parts@2")
        assert "Approved by Ada." in text(approved)
        with pytest.raises(InputError, match="does not wait to be approved"):
            expert.flow.approve()


def test_what_was_rejected_stays_out(waiting):
    with Expert.open(waiting) as expert:
        run = expert.flow.reject(who="Ben", why="the manuals change again on Friday")
        assert (run.outcome, production(expert)) == ("rejected", "parts@1")
        assert run.reason == "Rejected by Ben: the manuals change again on Friday."


def test_what_was_put_into_production_meanwhile_is_not_overwritten(waiting):
    with Expert.open(waiting) as expert:
        expert.adapters.rollback()
        with pytest.raises(InputError, match="examined against parts@1, and no adapter is in production by now"):
            expert.flow.approve()


def test_a_run_that_was_overtaken_is_given_up(changed):
    def die(stage: str, _done: int, _total: int | None, _note: str) -> None:
        if stage == "Training":
            raise Killed

    with Expert.open(changed) as expert:
        with pytest.raises(Killed):
            expert.flow.run(tell=die)
        expert.adapters.rollback()
        assert expert.flow.run().outcome == "rag"
        assert [run.outcome for run in expert.flow.runs()] == ["abandoned", "rag"]


@pytest.fixture
def receiver():
    """An address, and what was sent to it."""
    sent = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent.append((self.headers["Authorization"], json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_said) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook/s3cret", sent
    server.shutdown()
    server.server_close()


def test_a_webhook_and_a_command_are_told(waiting, receiver, monkeypatch):
    address, sent = receiver
    monkeypatch.setenv("HOOK", address)
    monkeypatch.setenv("HOOK_TOKEN", "t0ken")
    command = ["sh", "-c", 'cat > "$METIER_OUTCOME-$METIER_RUN.json"']
    sample.settings(waiting, webhook="env:HOOK", webhook_auth_env="HOOK_TOKEN", webhook_private=True, command=command)
    with Expert.open(waiting) as expert:
        run = expert.flow.approve()
    assert "warnings" not in text(run)
    ((token, result),) = sent
    assert token == "Bearer t0ken"
    assert (result["run"], result["outcome"], result["candidate"]) == (1, "promoted", "parts@2")
    assert result["headline"] == "parts@2 took the place of parts@1."
    assert json.loads((waiting / "promoted-1.json").read_text()) == result


def test_who_cannot_be_told_is_a_warning_and_the_result_stands(waiting, receiver):
    address, sent = receiver
    command = ["sh", "-c", "echo no such room >&2; exit 3"]
    sample.settings(waiting, webhook=address, command=command, mlflow="http://127.0.0.1:9")
    with Expert.open(waiting) as expert:
        run = expert.flow.approve()
        assert (run.outcome, production(expert)) == ("promoted", "parts@2")
        said = text(run)
    assert "The webhook was not told: 127.0.0.1 leads to 127.0.0.1, which is not on the public internet" in said
    assert "webhook_private = true" in said
    assert "The command 'sh' failed: it ended with 3: no such room." in said
    assert "Not written to MLflow: " in said
    assert "s3cret" not in said
    assert sent == []


def test_mlflow_has_the_run_and_both_adapters_by_their_aliases(waiting):
    server = StandInMlflow()
    with running(server) as address, Expert.open(waiting) as expert:
        sample.settings(waiting, approval=True, mlflow=address)
        expert.runtime.reload_settings()
        run = expert.flow.approve(who="Ada")
        assert "Written to MLflow as run run0." in text(run)
        assert server.models["parts"]["aliases"] == {"champion": "1"}
        written = server.runs["run0"]
        assert written["status"] == "FINISHED"
        assert written["tags"]["metier.outcome"] == "promoted"
        assert (written["metrics"]["all.candidate"], written["metrics"]["all.production"]) == (1, 0)
        assert written["metrics"]["drift.share_changed"] == 1
        assert written["params"]["tuning.rank"] == "8"


def test_watching_runs_again_and_again_and_an_error_does_not_end_it(folder):
    stop, told = threading.Event(), []

    def on_run(found) -> None:
        told.append(found)
        if len(told) == 2:
            stop.set()

    with Expert.open(folder) as expert:
        expert.flow.watch(on_run, stop, every="0.01s")
        assert [run.outcome for run in told] == ["unchanged", "unchanged"]
        stop.clear()
        told.clear()
        with exclusive(folder / ".metier" / LOCK):
            expert.flow.watch(on_run, stop, every="0.01s")
        assert all(isinstance(error, FlowBusy) for error in told)

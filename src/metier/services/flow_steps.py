"""The steps of the flow. One that was interrupted is done again, and ends in the state of one that never was."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from metier.core.atomic import write_text
from metier.core.errors import InputError
from metier.core.permissions import make_state_folder
from metier.core.questions import Question
from metier.evaluation import result_store
from metier.evaluation.questions.halves import halves
from metier.flow import judgement, policy
from metier.flow.judgement import ALL, CHANGED, GENERAL, OUTDATED, REFUSALS, compared
from metier.flow.results import (
    DRIFT,
    EXAM,
    PARITY,
    QUESTIONS,
    ROWS,
    SYNC,
    TUNE,
    DriftFound,
    ExamFound,
    JudgeFound,
    ParityFound,
    PromoteFound,
    QuestionsFound,
    RowsFound,
    StepResult,
    SyncFound,
    TuneFound,
)
from metier.services.adapter_exam import AdapterExam, BothAnswered
from metier.services.comparison import constraints_of, exam_of, weaknesses
from metier.services.drift import drift, mode_of
from metier.services.parts import Parts
from metier.state.flow_runs import FlowRun

if TYPE_CHECKING:  # needed by few verbs, and importing them costs the others time
    from metier.ingestion.work import SyncReport
    from metier.tuning.adapters import Card
    from metier.tuning.trainers.lora import Tick

RUN_FOLDER = ".flow"  # of the trainer; no adapter can have the name
FOLDER = "flow"  # in the state: what a run leaves beside what it did
_WARNED = 20  # sources and items whose reason is kept

Tell = Callable[[str, int, int | None, str], None]  # stage, done, of how many (None = nobody knows), what it is at


class FlowSteps:
    """`sync`: brings the store into line with the sources."""

    def __init__(self, parts: Parts, sync: Callable[[], SyncReport], tell: Tell) -> None:
        self._parts, self._sync, self._tell = parts, sync, tell
        self._runtime = parts.runtime

    def do(self, step: str, run: FlowRun) -> StepResult:
        steps: dict[str, Callable[[FlowRun], StepResult]] = {
            SYNC: self.sync, DRIFT: self.drift, QUESTIONS: self.questions, ROWS: self.rows, TUNE: self.tune,
            EXAM: self.exam, PARITY: self.parity, "judge": self.judge, "promote": self.promote,
        }  # fmt: skip
        return steps[step](run)

    # --- what is due -----------------------------------------------------------------------------------------

    def sync(self, _run: FlowRun) -> SyncFound:
        self._tell("Syncing", 0, None, "")
        report = self._sync()
        failures = [f"{each.item}: {each.reason}" for each in (*report.failed, *report.warnings)]
        return SyncFound(
            added=report.added, changed=report.changed, deleted=report.deleted, unchanged=report.unchanged,
            warnings=tuple(failures[:_WARNED]),
        )  # fmt: skip

    def drift(self, _run: FlowRun) -> DriftFound:
        """Raises `InputError` where an adapter is to be trained and something for that is missing, before hours are
        spent on it."""
        from metier.tuning import base_model

        settings, runtime = self._runtime.settings.flow, self._runtime
        if self._parts.adapters.registry.production() is not None:
            base_model.fingerprint(runtime.settings, runtime.folder)  # raises where there is nothing that can be tuned
        found = drift(self._parts, tell=self._tell)
        last = result_store.latest(self._runtime.state_folder)
        chosen = last.verdict.choice if last and last.verdict else None
        often = constraints_of(self._parts).data_changes
        decision = policy.decide(found, settings, changes_often=often, chosen=chosen)
        if decision.action == "tune":
            exam_of(self._parts, None)
            weaknesses(self._parts)
        return DriftFound(
            decision=decision, drift=found.to_json(), sentences=tuple(found.sentences()),
            documents=tuple(sorted(found.documents)),
        )  # fmt: skip

    # --- what is learned -------------------------------------------------------------------------------------

    def questions(self, run: FlowRun) -> QuestionsFound:
        """Fresh questions from what changed, first: no row may come near them."""
        from metier.synthesis.exam_questions import ORIGIN, ExamQuestionOptions

        settings, documents = self._runtime.settings.flow, _changed(run)
        if not settings.fresh_questions or not documents:
            return QuestionsFound()
        wanted = ExamQuestionOptions(
            count=settings.fresh_questions, seed=run.number, rules_only=not settings.by_model, groups=self._groups(run),
            documents=documents,
        )  # fmt: skip
        self._parts.exam.generate(wanted, tell=partial(self._tell, "Writing questions"))
        fresh = [each for each in self._parts.exam.questions() if each.origin == f"{ORIGIN}:{run.number}"]
        return QuestionsFound(added=len(fresh), exam=sum(each.split == "exam" for each in fresh))

    def rows(self, run: FlowRun) -> RowsFound:
        """Drop what is no longer true, write what is new, and rehearse what the base knew."""
        from metier.synthesis import replay
        from metier.synthesis.training_rows import ORIGIN, TrainingRowOptions

        settings, dataset = self._runtime.settings.flow, self._parts.dataset
        exam, documents = self._parts.exam.questions("exam"), _changed(run)
        dropped = self._drop_stale(run)
        if settings.rows and documents:
            wanted = TrainingRowOptions(
                count=settings.rows, seed=run.number, rules_only=not settings.by_model, groups=self._groups(run),
                documents=documents,
            )  # fmt: skip
            dataset.generate(wanted, exam=exam, tell=partial(self._tell, "Writing rows"))
        self._rehearse(run, exam)
        origins = Counter(row.origin for row in dataset.rows())
        return RowsFound(
            dropped=dropped, written=origins[f"{ORIGIN}:{run.number}"],
            rehearsed=origins[f"{replay.ORIGIN}:{run.number}"], total=origins.total(),
        )  # fmt: skip

    def _drop_stale(self, run: FlowRun) -> int:
        """They are kept beside the run, and in the dataset no more. Returns how many there are."""
        from metier.dataset import rows as files
        from metier.dataset import training_record
        from metier.flow.stale_rows import stale_rows

        dataset, kept = self._parts.dataset, self.folder(run) / "dropped.jsonl"
        record = training_record.load(self._parts.adapters.registry.folder(self._card(run.production)))
        known = dataset.rows()
        asked = dataset.rows_as_asked()  # a record has the ids of these
        stale = {row.id for row in stale_rows(asked, record, self._runtime.store)}
        gone = [row for row, as_asked in zip(known, asked, strict=True) if as_asked.id in stale]
        before = files.load(kept)
        if gone:
            make_state_folder(kept.parent)
            files.save(kept, {row.id: row for row in (*before, *gone)}.values())
            out = {row.id for row in gone}
            files.save(dataset.path, [row for row in known if row.id not in out])
        return len({row.id for row in (*before, *gone)})

    def _rehearse(self, run: FlowRun, exam: list[Question]) -> None:
        from metier.synthesis.replay import KIND

        wanted = self._runtime.settings.flow.rehearsal
        missing = wanted - sum(row.kind == KIND for row in self._parts.dataset.rows())
        if missing > 0:
            tell = partial(self._tell, "Rehearsing")
            self._parts.dataset.add_replay(missing, seed=run.number, exam=exam, tell=tell)

    def tune(self, run: FlowRun) -> TuneFound:
        """A run of the trainer that was interrupted goes on from its last checkpoint; an adapter that is there already,
        because only the note of it is missing, is taken."""
        name = self._card(run.production).name
        card = self._made(run, name)
        if card is None:
            runs, marker = self._runtime.state_folder / "runs" / RUN_FOLDER, self.folder(run) / "tuning"
            if not marker.exists():
                shutil.rmtree(runs, ignore_errors=True)
                make_state_folder(marker.parent)
                write_text(marker, "")

            def tell(tick: Tick) -> None:
                self._tell("Training", tick.step, tick.steps, f"loss {tick.loss:.3f}")

            card = self._parts.adapters.tune(
                name, run_name=RUN_FOLDER, resume=(runs / "run.json").exists(), on_step=tell,
                exam=self._parts.exam.questions("exam"),
            )  # fmt: skip
        result = card.result
        return TuneFound(
            candidate=card.reference, rows=result["rows"], steps=result["steps"], loss=result["loss"],
            validation_loss=result["validation_loss"], seconds=result["seconds"],
        )  # fmt: skip

    def _made(self, run: FlowRun, name: str) -> Card | None:
        from metier.dataset.rows import content_hash

        data = content_hash(self._parts.dataset.rows_as_asked())
        made = [
            card
            for card in self._parts.adapters.registry.cards()
            if (card.name, card.dataset) == (name, data)
            and card.created >= run.began
            and card.reference != run.production
        ]
        return made[0] if made else None

    # --- what it is worth ------------------------------------------------------------------------------------

    def exam(self, run: FlowRun) -> ExamFound:
        settings, notes = self._runtime.settings.flow, weaknesses(self._parts)
        exam, misleading = exam_of(self._parts, None), self._misleading()
        divided = halves(exam, self._runtime.settings.exam.release)
        asked = [question for question in divided.routine if question.id not in misleading]
        outdated = [question for question in exam if question.id in misleading and question.answers]
        sitting = self._sitting(run)
        answered = sitting.ask([*asked, *outdated], "Examining")
        documents = _changed(run)
        changed = [each for each in asked if documents.intersection(each.documents)]
        parts = {
            ALL: answered.scores(asked),
            CHANGED: answered.scores(changed),
            OUTDATED: answered.not_outdated(outdated, self._runtime.settings.language),
            REFUSALS: answered.scores([each for each in asked if not each.answerable]),
            GENERAL: sitting.general(settings.general_questions, "General questions"),
        }
        self._note_use(run, asked, "routine")
        found = compared(parts)
        candidate = self._card(_candidate(run))
        if ALL in found:
            score, mode = found[ALL].candidate, str(sitting.mode)
            noted: dict[str, float | str] = {mode: round(score.mean, 4), "at": run.began}
            self._parts.adapters.registry.note_exam(candidate, noted, {mode: (score.low, score.high, score.n)})
        return ExamFound(
            mode=str(sitting.mode), questions=len(asked), stale=len(misleading), release=len(divided.release),
            parts=found, latency=sitting.latency(asked, "Timing"), notes=tuple(notes),
        )  # fmt: skip

    def parity(self, run: FlowRun) -> ParityFound:
        """Whether the candidate says the same in every form in which it is given away."""
        settings = self._runtime.settings.flow
        if not settings.parity_rows:
            return ParityFound()
        tell = partial(self._tell, "Comparing exports")
        asked = halves(exam_of(self._parts, None), self._runtime.settings.exam.release).routine
        found = self._parts.adapters.export_parity(_candidate(run), asked, limit=settings.parity_rows, tell=tell)
        return ParityFound(
            cases=found.cases, problems=tuple(f"{problem}." for problem in found.refusals()),
            forms={each.form: each.difference for each in found.forms if each.difference is not None},
        )  # fmt: skip

    def judge(self, run: FlowRun) -> JudgeFound:
        """By the half of the exam that is asked each time; where that speaks for the candidate, the half that is kept
        for promotions must not speak against it."""
        exam, parity = ExamFound.of(run, EXAM), ParityFound.of(run, PARITY)
        if exam is None or parity is None:
            raise ValueError("nothing was examined yet")
        settings = self._runtime.settings
        margin = settings.exam.margin
        found = judgement.judge(
            exam.parts, exam.latency, parity.problems, margin=margin, latency_margin=settings.flow.latency_margin
        )
        if not found.promote or not exam.release:
            return JudgeFound(judgement=found)
        misleading = self._misleading()
        divided = halves(exam_of(self._parts, None), settings.exam.release)
        kept = [question for question in divided.release if question.id not in misleading]
        answered: BothAnswered = self._sitting(run).ask(kept, "Examining for release")
        release = compared({ALL: answered.scores(kept)})[ALL]
        self._note_use(run, kept, "release")
        if release.is_worse(margin):
            reason = f"On the questions that are kept for promotions it is worse: {judgement.said(release)}."
            found = judgement.Judgement(promote=False, reasons=(reason, *found.reasons))
        return JudgeFound(judgement=found, release=release)

    def promote(self, run: FlowRun) -> PromoteFound:
        """Raises `InputError` where another adapter was put into production since the exam."""
        now, candidate = self._parts.adapters.production(), _candidate(run)
        if now is None or now.reference not in (run.production, candidate):
            other = now.reference if now else "no adapter"
            raise InputError(
                f"{candidate} was examined against {run.production}, and {other} is in production by now",
                hint="Begin a new run: `metier flow run --anew`.",
            )
        return PromoteFound(adapter=self._parts.adapters.promote(candidate).reference)

    # --- inside ----------------------------------------------------------------------------------------------

    def folder(self, run: FlowRun) -> Path:
        """What a run leaves beside what is noted of it."""
        return self._runtime.state_folder / FOLDER / str(run.number)

    def _card(self, reference: str) -> Card:
        return self._parts.adapters.registry.get(reference)

    def _sitting(self, run: FlowRun) -> AdapterExam:
        tell: Callable[[str, int, int, str], None] = self._tell
        production = self._card(run.production)
        mode = mode_of(self._parts, production)
        return AdapterExam(self._parts, mode, self._card(_candidate(run)), production, tell)

    def _misleading(self) -> set[str]:
        return {each.id for each in self._parts.exam.stale() if each.misleads}

    def _note_use(self, run: FlowRun, questions: list[Question], half: str) -> None:
        self._parts.exam.note_use("flow", _candidate(run), questions, f"flow:{run.number}:{half}")

    def _groups(self, run: FlowRun) -> tuple[str, ...]:
        """Documents of these groups, too, are learned from: those that the adapter in production learned from."""
        known = self._card(run.production).groups or ()
        return tuple(sorted({group for either in known for group in either}))


def _changed(run: FlowRun) -> frozenset[str]:
    found = DriftFound.of(run, DRIFT)
    return frozenset(found.documents if found else ())


def _candidate(run: FlowRun) -> str:
    found = TuneFound.of(run, TUNE)
    if found is None:
        raise ValueError("no candidate was trained yet")
    return found.candidate

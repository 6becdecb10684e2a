"""`EvaluationService`: decides between the ways of answering: calibrate, compare, advise, report."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from metier.answering import abstention
from metier.answering.answer import Style
from metier.answering.request import Request, WriterOptions
from metier.core.errors import InputError
from metier.core.groups import Required, required_by
from metier.core.settings import GenerationSettings
from metier.services.calibrated import CALIBRATED, calibrated_on
from metier.services.parts import Parts
from metier.store.base import Filter

if TYPE_CHECKING:  # needed by few verbs, and importing them costs the others time
    from metier.answering.request import Found
    from metier.core.documents import Passage
    from metier.core.questions import Question
    from metier.evaluation.calibration import Calibration
    from metier.evaluation.questions.halves import Half
    from metier.evaluation.refusal_calibration import Case
    from metier.evaluation.result import ComparisonResult

_PLANTED = 120  # errors that the checker is tried with
_SAMPLED = 40  # documents they are planted in

Tell = Callable[[str, int, int, str], None]  # stage, done, of how many, what it is at


class EvaluationService:
    """Over one expert."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._runtime = parts.runtime

    def is_calibration_stale(self) -> bool:
        """Whether calibrate learned when to refuse for something else than what answers now."""
        return abstention.is_stale(self._runtime.abstention_path, self._runtime.calibrated_for())

    # --- calibration -----------------------------------------------------------------------------------------

    def calibrate(
        self,
        questions: Sequence[Question] | None = None,
        *,
        limit: int = 120,
        where: str = "questions",
        tell: Tell | None = None,
    ) -> Calibration:
        """Learn fusion, passage count and refusals from practice questions, None = the expert's own; what is learned
        is saved and used from then on. A capable model refuses by itself: it is asked `limit` cases and judged by
        them, which takes the time."""
        from metier.core.atomic import write_text
        from metier.core.questions import resolve
        from metier.evaluation import calibration, refusal_calibration
        from metier.synthesis.planted_errors import catch_rate

        def telling(stage: str) -> Callable[[int, int], None] | None:
            return (lambda done, total: tell(stage, done, total, "")) if tell else None

        given = self._parts.exam.questions() if questions is None else questions
        practice = resolve([q for q in given if q.split != "exam"], self._runtime.store.uris(), where)
        fusion = calibration.learn_fusion(
            practice, self._runtime.retriever, telling("Learning fusion"), self._runtime.learned_fusion
        )
        self._runtime.retriever.fusion = self._runtime.unless_fixed(fusion)

        def show(question: Question, passages: int) -> Found:
            return self._runtime.answerer.find(question.question, passages=passages)

        writes = self._runtime.answerer.style is Style.WRITTEN  # what it reads follows from its window
        try:
            shown = self._runtime.passage_count
            if not writes:
                shown = self._runtime.unless_set(
                    calibration.learn_shown(practice, show, telling("Learning passage count"))
                )
            answerer = self._runtime.answerer_from(shown)

            def find(case: Case) -> dict[str, float]:
                return answerer.features(case.question.question, Filter(hidden=case.hidden), case.without)

            def declines(case: Case) -> bool:
                where = Filter(hidden=case.hidden)
                asked = Request(
                    case.question.question, where=where, without=case.without, writer=WriterOptions(fresh=True)
                )
                return answerer.ask(asked).abstained

            def is_known(name: str) -> bool:
                tokens = self._runtime.analyser.tokens(name)
                return bool(self._runtime.store.frequencies(tokens[-1:]).any())

            drawn = refusal_calibration.cases(practice, self._runtime.store.passages, is_known)
            name, made_for = self._runtime.settings.name, self._runtime.calibrated_for()
            if writes:
                refusals = refusal_calibration.judge(
                    drawn[:limit], declines, abstention.shipped(), name, made_for, telling("Judging refusals")
                )
            else:
                refusals = refusal_calibration.learn(drawn, find, name, made_for, telling("Learning refusals"))
            errors = catch_rate(self._runtime.checker, self._sample_of_passages(), _PLANTED)
        except BaseException:
            self._runtime.retriever.fusion = self._runtime.fusion
            raise
        fusion.save(self._runtime.fusion_path)
        shown.save(self._runtime.passage_count_path)
        refusals.save(self._runtime.abstention_path)
        self._runtime.learned_files.publish()
        self._runtime.forget("answerer")
        if questions is None:
            write_text(self._runtime.state_folder / CALIBRATED, calibrated_on(self._parts))
        else:
            (self._runtime.state_folder / CALIBRATED).unlink(missing_ok=True)
        return calibration.Calibration(fusion, shown, refusals, errors)

    def calibrate_where_needed(self, tell: Tell | None = None) -> list[str]:
        """Calibrate where the practice questions, the documents or the model changed since. Returns what to note."""
        if not self._parts.exam.questions("practice"):
            return ["No practice questions: weights, passage count and refusals are those that ship."]
        path = self._runtime.state_folder / CALIBRATED
        if path.exists() and path.read_text(encoding="utf-8") == calibrated_on(self._parts):
            return []
        try:
            self.calibrate(where="the practice questions", tell=tell)
        except InputError as error:
            return [f"Not calibrated on the practice questions: {error.what}."]
        return []

    def _sample_of_passages(self) -> list[Passage]:
        """Of a few documents drawn at random, with a fixed seed."""
        names = sorted(self._runtime.store.hashes())
        drawn = random.Random(0).sample(names, min(_SAMPLED, len(names)))
        return [passage for name in drawn for passage in self._runtime.store.passages(name)]

    # --- the four ways ---------------------------------------------------------------------------------------

    def compare(
        self,
        modes: Sequence[str] | None = None,
        *,
        limit: int | None = None,
        adapter: str | None = None,
        half: Half = "all",
        calibrate: bool = True,
        judge: GenerationSettings | None = None,
        measure_memory: bool = True,
        on: str | None = None,
        tell: Tell | None = None,
    ) -> ComparisonResult:
        """Evaluate every mode on the same questions and say which to use. `modes`: None = all that this expert
        can answer in; `limit`: of the exam questions, drawn once, None = all. `adapter`: of the tuned modes, None = the
        one in production. `half`: of the exam, "routine" as the flow asks it, "release" what it never asks.
        `calibrate`: learn from the practice questions first, where they or the documents changed.
        `judge`: a model that grades beside the metrics. `on`: a Ray cluster that is asked, as of `Expert.sync`.
        Returns what `.metier/reports/` keeps; its layout is in docs/comparison.md. A run that was interrupted goes on
        where it was.

        Raises `InputError` where there are no exam questions or a mode cannot be had, `ModelError` where a model or
        the judge gave up; what was answered is kept."""
        from metier.services.comparison import ComparisonOptions, compare

        wanted = ComparisonOptions(modes, limit, adapter, half, calibrate, judge, measure_memory, on)
        return compare(self._parts, wanted, self.calibrate_where_needed, tell)

    def advise(self) -> ComparisonResult:
        """What the rules say of this expert, and the last comparison, without its answers, where there was one."""
        from metier.services.comparison import advise

        return advise(self._parts)

    def restricted_to(self) -> Required:
        """What it takes to read the last comparison, and so the report: one group of each. Nothing before the first."""
        from metier.evaluation import result_store

        result = result_store.latest(self._runtime.state_folder)
        if result is None:
            return ()
        return required_by(self._parts.dataset.groups_now().values() if result.groups is None else result.groups)

    def reported(self) -> ComparisonResult:
        """What the report shows: the last comparison, before any the rules alone; `groups` say whom it is for now."""
        from metier.evaluation import result_store

        result = result_store.latest(self._runtime.state_folder)
        return self.advise() if result is None else result.model_copy(update={"groups": self.restricted_to()})

    def report(self, path: Path | None = None) -> Path:
        """Write the last comparison (before any, the rules alone) as one HTML page, None = beside its figures in
        `.metier/reports/`. Raises `InputError` for a folder that does not exist."""
        from metier.core.atomic import write_text
        from metier.core.disk import unwritable
        from metier.core.permissions import make_folder
        from metier.evaluation import result_store
        from metier.evaluation.report import page

        result = self.reported()
        target = path or result_store.folder(self._runtime.state_folder) / f"{result_store.name_of(result)}.html"
        try:
            make_folder(target.parent)
            write_text(target, page.html(result))
        except OSError as error:
            raise unwritable(target.parent, error) or InputError(
                error.strerror or str(error), where=str(target)
            ) from None
        return target

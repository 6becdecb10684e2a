"""The verbs of an expert that decide between the ways of answering: calibrate, compare, advise, report."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metier.answering import abstention
from metier.answering.answer import Style
from metier.answering.request import Request, Writer
from metier.errors import InputError
from metier.settings import GenerationSettings
from metier.store.base import Filter

if TYPE_CHECKING:  # as in `expert`: rooms that few verbs enter
    from metier.answering.request import Found
    from metier.documents import Passage
    from metier.evaluation.calibration import Calibration
    from metier.evaluation.refusal_calibration import Case
    from metier.expert import Expert
    from metier.questions import Question

_PLANTED = 120  # errors that the checker is tried with
_SAMPLED = 40  # documents they are planted in

Tell = Callable[[str, int, int, str], None]  # stage, done, of how many, what it is at


class Deciding:
    """A part of `Expert`."""

    # --- calibration -----------------------------------------------------------------------------------------

    def calibrate(
        self: Expert,
        questions: Sequence[Question] | None = None,
        *,
        limit: int = 120,
        where: str = "questions",
        tell: Tell | None = None,
    ) -> Calibration:
        """Learn fusion, passage count and refusals from practice questions, None = the expert's own; what is learned
        is saved and used from then on. A capable model refuses by itself: it is asked `limit` cases and judged by
        them, which takes the time."""
        from metier.atomic import write_text
        from metier.comparing import CALIBRATED, calibrated_on
        from metier.evaluation import calibration, refusal_calibration
        from metier.questions import resolve
        from metier.synthesis.planted_errors import catch_rate

        def telling(stage: str) -> Callable[[int, int], None] | None:
            return (lambda done, total: tell(stage, done, total, "")) if tell else None

        given = self.questions() if questions is None else questions
        practice = resolve([q for q in given if q.split != "exam"], self.store.uris(), where)
        fusion = calibration.learn_fusion(practice, self.retriever, telling("Learning fusion"), self._learned_fusion)
        self.retriever.fusion = self._unless_fixed(fusion)

        def show(question: Question, passages: int) -> Found:
            return self.answerer.find(question.question, passages=passages)

        writes = self.answerer.style is Style.WRITTEN  # what it reads follows from its window
        try:
            shown = self.shown
            if not writes:
                shown = self._unless_set(calibration.learn_shown(practice, show, telling("Learning passage count")))
            answerer = self.answerer_from(shown)

            def find(case: Case) -> dict[str, float]:
                return answerer.features(case.question.question, Filter(hidden=case.hidden), case.without)

            def declines(case: Case) -> bool:
                where = Filter(hidden=case.hidden)
                asked = Request(case.question.question, where=where, without=case.without, writer=Writer(fresh=True))
                return answerer.ask(asked).abstained

            def is_known(name: str) -> bool:
                tokens = self.analyser.tokens(name)
                return bool(self.store.frequencies(tokens[-1:]).any())

            drawn = refusal_calibration.cases(practice, self.store.passages, is_known)
            name, made_for = self.settings.name, self.calibrated_for()
            if writes:
                refusals = refusal_calibration.judge(
                    drawn[:limit], declines, abstention.shipped(), name, made_for, telling("Judging refusals")
                )
            else:
                refusals = refusal_calibration.learn(drawn, find, name, made_for, telling("Learning refusals"))
            errors = catch_rate(self.checker, self._sample_of_passages(), _PLANTED)
        except BaseException:
            self.retriever.fusion = self.fusion
            raise
        fusion.save(self.state_folder / "fusion.json")
        shown.save(self.state_folder / "shown.json")
        refusals.save(self.state_folder / "abstention.json")
        self._forget("answerer")
        if questions is None:
            write_text(self.state_folder / CALIBRATED, calibrated_on(self))
        else:
            (self.state_folder / CALIBRATED).unlink(missing_ok=True)
        return calibration.Calibration(fusion, shown, refusals, errors)

    def _sample_of_passages(self: Expert) -> list[Passage]:
        """Of a few documents drawn at random, with a fixed seed."""
        names = sorted(self.store.hashes())
        drawn = random.Random(0).sample(names, min(_SAMPLED, len(names)))
        return [passage for name in drawn for passage in self.store.passages(name)]

    # --- the four ways ---------------------------------------------------------------------------------------

    def compare(
        self: Expert,
        modes: Sequence[str] | None = None,
        *,
        limit: int | None = None,
        adapter: str | None = None,
        calibrate: bool = True,
        judge: GenerationSettings | None = None,
        measure_memory: bool = True,
        tell: Tell | None = None,
    ) -> dict[str, Any]:
        """Set every mode the same exam and say which to use. `modes`: None = all that this expert can answer in;
        `limit`: of the exam questions, drawn once, None = all. `adapter`: of the tuned modes, None = the one in
        production. `calibrate`: learn from the practice questions first, where they or the documents changed.
        `judge`: a model that grades beside the metrics. Returns what `.metier/reports/` keeps; its layout is in
        docs/comparison.md. A run that was broken off goes on where it was.

        Raises `InputError` where there are no exam questions or a mode cannot be had, `ModelError` where a model or
        the judge gave up; what was answered is kept."""
        from metier.comparing import Wanted, compare

        return compare(self, Wanted(modes, limit, adapter, calibrate, judge, measure_memory), tell)

    def advise(self: Expert) -> dict[str, Any]:
        """What the rules say of this expert, and the verdict of the last comparison where there was one."""
        from metier.comparing import advise

        return advise(self)

    def report(self: Expert, path: Path | None = None) -> Path:
        """Write the last comparison (before any, the rules alone) as one HTML page, None = beside its figures in
        `.metier/reports/`. Raises `InputError` for a folder that does not exist."""
        from metier.atomic import write_text
        from metier.evaluation import kept
        from metier.evaluation.reporting import page

        result = kept.latest(self.state_folder) or self.advise()
        target = path or kept.folder(self.state_folder) / f"{kept.name_of(result)}.html"
        try:
            target.parent.mkdir(exist_ok=True)
            write_text(target, page.html(result))
        except OSError as error:
            raise InputError(error.strerror or str(error), where=str(target)) from None
        return target

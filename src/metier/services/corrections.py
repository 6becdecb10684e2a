"""`CorrectionService`: what people say of answers and passages, and what it changes at once.

with Expert.open("turbines") as expert:
    hit = expert.search("How tight are the blade bolts of the NV-110?")[0]
    text = "The blade root nuts are tightened to 850 Nm."
    made = expert.corrections.replace(hit.passage.id, text, who="anna", why="TB-25-03")
    expert.corrections.undo(made.id, who="anna")
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, is_dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from metier.core.errors import InputError, MetierError
from metier.core.groups import may_read, required_by
from metier.runtime import WRITE_PATIENCE, Runtime
from metier.services.datasets import DatasetService
from metier.store.base import Filter

if TYPE_CHECKING:  # needed by few verbs, and importing them costs the others time
    from metier.answering.answer import Citation
    from metier.answering.request import Found
    from metier.core.questions import Question
    from metier.evaluation.questions.question_set import QuestionEntry, QuestionSet
    from metier.feedback.active_overrides import ActiveOverrides
    from metier.feedback.learning import Learning, Reviewed
    from metier.feedback.log import Log
    from metier.feedback.reconciler import Reconciler
    from metier.feedback.records import Action, Change, CitedPassage, Correction, Feedback, State, Thumb
    from metier.ingestion.work import Failure
    from metier.store.base import Entry

log = logging.getLogger(__name__)


class CorrectionService:
    """`where`: what the person may read; the rest is unknown to them here, too."""

    def __init__(self, runtime: Runtime, dataset: DatasetService) -> None:
        self._runtime = runtime
        self._dataset = dataset
        self._looked_at: object = None
        self._found_any = False

    def close(self) -> None:
        if "_log" in self.__dict__:
            self._log.close()
            del self.__dict__["_log"]

    # --- thumbs ----------------------------------------------------------------------------------------------

    def give_feedback(
        self,
        thumb: Thumb,
        question: str,
        answer: str,
        *,
        reason: str = "",
        mode: str = "",
        adapter: str | None = None,
        citations: Sequence[Citation | CitedPassage | Mapping[str, Any]] = (),
        who: str = "",
    ) -> Feedback:
        """Keep what somebody thought of an answer. Raises `InputError` for a thumb that is neither up nor down."""
        from metier.feedback.proposals import written
        from metier.feedback.records import Feedback

        if thumb not in ("up", "down"):
            raise InputError(f"there is no thumb {thumb!r}", hint="It is up or down.")
        cited = tuple(asdict(each) if is_dataclass(each) else dict(each) for each in citations)
        return self._log.add(
            Feedback(
                thumb,
                question=written("question", question),
                answer=written("answer", answer),
                reason=written("reason", reason),
                mode=written("mode", mode),
                adapter=adapter,
                citations=cited,
                who=written("who", who),
            )
        )

    def feedback(self, where: Filter | None = None) -> list[Feedback]:
        """All thumbs, oldest first, but those on answers that cite what is not for this reader."""
        kept = self._log.feedback()
        if where is None or not kept:
            return kept
        seen = set(self._runtime.store.uris(where).values())
        return [each for each in kept if {cited.get("document_id") for cited in each.citations} <= seen]

    # --- corrections -----------------------------------------------------------------------------------------

    def add(
        self,
        question: str = "",
        answer: str = "",
        *,
        document: str | None = None,
        page: int | None = None,
        span: tuple[int, int] | None = None,
        change: Change = "",
        passage: str | None = None,
        text: str = "",
        why: str = "",
        who: str = "",
        groups: tuple[str, ...] | None = None,
        where: Filter | None = None,
        accept: bool | None = None,
    ) -> Correction:
        """Say that to `question` the right answer is `answer`, and where it stands; or what is to happen to a passage:
        `change` is pin (for this question), hide or replace (by `text`). See `proposals.Proposal`, for `groups` too.
        `accept`: let it take effect now, which is for those who may decide; None = as `[feedback] at_once` is set.
        Otherwise it waits.
        Raises `InputError` for what is missing, unknown or ambiguous; what was returned is kept, whatever happens."""
        from metier.feedback.proposals import Proposal, propose

        said = Proposal(question, answer, document, page, span, change, passage, text, why, who, groups)
        made = propose(said, self._runtime.store, self._runtime.analyser, self._but_hidden(where))
        if accept and (conflict := self._conflict(made)):
            raise conflict
        kept = self._log.queue(made)
        if accept or (accept is None and self._runtime.settings.feedback.at_once and not self._conflict(kept)):
            return self.accept(kept.id, who=who, why=why)
        return kept

    def hide(self, passage: str, *, who: str = "", why: str = "", where: Filter | None = None) -> Correction:
        """Never find, cite or show this passage again, until undone."""
        return self.add(change="hide", passage=passage, who=who, why=why, where=where, accept=True)

    def pin(
        self, question: str, passage: str, *, who: str = "", why: str = "", where: Filter | None = None
    ) -> Correction:
        """Find this passage first for this question and others that ask the same."""
        return self.add(question, change="pin", passage=passage, who=who, why=why, where=where, accept=True)

    def replace(
        self, passage: str, text: str, *, who: str = "", why: str = "", where: Filter | None = None
    ) -> Correction:
        """Let a passage read so, whatever its document says; it is cited as the correction."""
        return self.add(change="replace", passage=passage, text=text, who=who, why=why, where=where, accept=True)

    def all(self, state: State | None = None, where: Filter | None = None) -> list[Correction]:
        """All of them, or those in one state, in the order in which they were made."""
        from metier.feedback.records import STATES

        if state is not None and state not in STATES:
            raise InputError(f"there is no state {state!r}", hint=f"Choose of {', '.join(STATES)}.")
        kept = [each for each in self._log.corrections() if state in (None, each.state)]
        return self._for_reader(kept, where)

    def get(self, identity: str, where: Filter | None = None) -> Correction:
        """Raises `InputError` where there is none with this id, or it is not for this reader."""
        found = self._log.get(identity)
        if not self._for_reader([found], where):
            raise InputError(
                f"there is no correction {identity!r}", hint="`metier corrections list` shows all of them."
            )
        return found

    def history(self, identity: str, where: Filter | None = None) -> list[Action]:
        """What was done to it, by whom and when."""
        self.get(identity, where)
        return self._log.history(identity)

    def accept(self, identity: str, *, who: str = "", why: str = "", where: Filter | None = None) -> Correction:
        """Let a correction take effect. One that needs the store while a sync holds it is in force when that is done.
        Raises `InputError` where it is in force already, contradicts another that is, or its passage is gone."""
        correction = self.get(identity, where)
        if correction.change and not correction.passages:
            raise InputError(correction.look_again, where=f"correction {identity}", hint="Make a new one.")
        if conflict := self._conflict(correction):
            raise conflict
        return self._decide(identity, "accepted", ("queued", "dismissed", "undone"), who, why)

    def dismiss(self, identity: str, *, who: str = "", why: str = "", where: Filter | None = None) -> Correction:
        """Lay a correction aside; it stays in the list."""
        self.get(identity, where)
        return self._decide(identity, "dismissed", ("queued",), who, why)

    def undo(self, identity: str, *, who: str = "", why: str = "", where: Filter | None = None) -> Correction:
        """Take back what accepting changed; a dismissed correction waits again."""
        state = self.get(identity, where).state
        action = "reopened" if state == "dismissed" else "undone"
        return self._decide(identity, action, ("dismissed",) if action == "reopened" else ("accepted",), who, why)

    # --- inside ----------------------------------------------------------------------------------------------

    @cached_property
    def _log(self) -> Log:
        from metier.feedback.log import Log

        return Log(self._runtime.state)

    @property
    def _has_any(self) -> bool:
        """Asked at every search, without importing a library for it: mostly nobody has said anything."""
        from metier.state import quick

        state = self._runtime.state
        if (stamp := quick.stamp(state)) != self._looked_at:
            self._found_any = quick.has_rows(state, "corrections")
            self._looked_at = stamp
        return self._found_any

    def overrides(self) -> ActiveOverrides:
        """What corrections change about search; one for each store."""
        from metier.feedback.active_overrides import ActiveOverrides

        return ActiveOverrides(
            lambda: self._log if self._has_any else None,
            self._runtime.store,
            self._runtime.embedder,
            self._runtime.analyser,
        )

    def _but_hidden(self, where: Filter | None) -> Filter:
        from metier.feedback.active_overrides import hidden_ids

        where = where or Filter()
        return replace(where, hidden=(*where.hidden, *hidden_ids(self._log.corrections())))

    def _for_reader(self, corrections: list[Correction], where: Filter | None) -> list[Correction]:
        """Those whose documents this reader may read as they are now; where one is gone, or none was named, by the
        groups that the correction noted."""
        if where is None or where.groups is None or not corrections:
            return corrections
        there, seen = set(self._runtime.store.uris()), set(self._runtime.store.uris(where))

        def may_see(each: Correction) -> bool:
            named = set(each.documents)
            if named and named <= there:
                return named <= seen
            return named & there <= seen and may_read(where.groups, required_by([each.groups]))

        return [each for each in corrections if may_see(each)]

    def _conflict(self, correction: Correction) -> InputError | None:
        """What is in force and cannot be together with this one."""
        from metier.text.near_duplicates import normalise

        for each in self._log.corrections():
            if not each.in_force or each.id == correction.id:
                continue
            what = ""
            if correction.change == each.change == "replace" and set(correction.known_ids) & set(each.known_ids):
                what = "replaces this passage"
            elif correction.answer and each.answer and normalise(correction.question) == normalise(each.question):
                what = "answers this question"
            if what:
                return InputError(
                    f"correction {each.id} {what} already",
                    hint=f"Undo that first: `metier corrections undo {each.id}`.",
                )
        return None

    def _decide(self, identity: str, action: str, of: Sequence[str], who: str, why: str) -> Correction:
        from metier.feedback.proposals import written

        decided = self._log.act(identity, action, of=of, who=written("who", who), why=written("why", why))
        if decided.unfinished:
            with self._writing_store(WRITE_PATIENCE) as held:
                if held:
                    self._reconciler.finish()
                    self._runtime.settle_permissions()
        return self._log.get(identity)

    @contextmanager
    def _writing_store(self, patience: float) -> Iterator[bool]:
        """Whether this process alone writes to the store now; waits `patience` seconds for others."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self._runtime.exclusive("sync.lock", patience))
                stack.enter_context(self._runtime.store.writing())
                held = True
            except InputError:
                held = False
            yield held

    @property
    def _reconciler(self) -> Reconciler:
        from metier.feedback.reconciler import Reconciler

        return Reconciler(
            self._log,
            self._runtime.store,
            self._runtime.embedder,
            self._runtime.analyser,
            self._runtime.settings,
            self._learning,
        )

    def _learning(self) -> Learning:
        from metier.answering.term_weights import WordWeights
        from metier.evaluation.questions import question_set
        from metier.feedback.learning import Learning
        from metier.synthesis.raft import RowMaker

        def find(asked: str, *, without: frozenset[str] = frozenset()) -> Found:
            return self._runtime.answerer.find(asked, Filter(groups=()), without)  # rows show what everyone may read

        weigh = WordWeights(self._runtime.store)
        maker = RowMaker(
            find, self._runtime.generator, self._runtime.analyser, weigh, self._runtime.settings, "rag", 0.0, 0, ""
        )
        path = self._runtime.state_folder / question_set.FILE_NAME
        questions = question_set.QuestionSet(
            path, self._runtime.settings.exam.practice, self._runtime.settings.language, self._dataset.versions_now
        )
        return Learning(_OwnQuestions(questions, self._like), maker, self._dataset.path)

    def _like(self, question: str, others: Sequence[str]) -> list[str]:
        from metier.feedback import question_matching

        return question_matching.among(
            question, others, self._runtime.retriever.asked(question), self._runtime.embedder, self._runtime.analyser
        )

    # --- with a sync -----------------------------------------------------------------------------------------

    def documents(self) -> frozenset[str]:
        """Ids of the documents that come from no source but from corrections."""
        from metier.feedback.reconciler import documents_of

        return documents_of(self._log.corrections()) if self._has_any else frozenset()

    def before_commit(self, entries: Sequence[Entry], moves: Mapping[str, str]) -> None:
        """Documents are about to change. `moves`: ids of those that were moved, new to old."""
        if self._has_any:
            self._reconciler.before_commit(entries, moves)

    def after_sync(self) -> list[Failure]:
        """Do what is open, and say which corrections a person should look at again."""
        from metier.ingestion.work import Failure

        if not self._has_any:
            return []
        try:
            again = self._reconciler.after_sync()
        except MetierError as error:  # what was synced is there all the same, and the next sync tries it again
            return [Failure("corrections", error.message)]
        return [Failure(", ".join(each.documents), f"correction {each.id}: {why}") for each, why in again]

    def place(self) -> None:
        """Do what a process that was killed left undone. Search works without it, so nothing here stops it."""
        if not self._has_any:
            return
        try:
            from metier.feedback.reconciler import is_placed

            if all(is_placed(each, self._runtime.store) for each in self._log.corrections()):
                return
            with self._writing_store(0) as held:
                if held:
                    self._reconciler.place()
        except MetierError as error:
            log.warning("corrections are not all in the store: %s", error)


class _OwnQuestions:
    """`ReviewedQuestions`, in the expert's own set."""

    def __init__(self, questions: QuestionSet, like: Callable[[str, Sequence[str]], list[str]]) -> None:
        self._set = questions
        self._like = like

    def review(self, question: Question, answers: tuple[str, ...] | None) -> Reviewed:
        from metier.feedback.learning import Reviewed

        known, before = self._known(question), None
        # Its own question, of a run that was killed before it noted what it did, was not there before.
        if known is not None and not known.dropped and known.question.origin != question.origin:
            before = known.question.answers
        if answers is None:
            if known is not None:
                self._set.review(known.question.id, "dropped")
            return Reviewed("", before)
        known = known or self._added(question)
        if known is None:
            raise InputError("it asks what stands among the practice and the exam questions both")
        self._set.review(known.question.id, "accepted", answers=answers, groups=question.groups)
        return Reviewed(known.question.split, before)

    def _added(self, question: Question) -> QuestionEntry | None:
        """On the side of the exam where that asks the same: by its own rules, and whatever its answers say, since one
        of the two is wrong."""
        exam = [each.question for each in self._set.questions() if each.split == "exam"]
        sides = ("exam",) if self._like(question.question, exam) else ("practice", "exam")
        for side in sides:
            if not self._set.add([replace(question, split=side)], skip_leaks=True).leaks:
                break
        return self._known(question)

    def _known(self, question: Question) -> QuestionEntry | None:
        from metier.evaluation.questions import question_similarity

        return next((each for each in self._set.kept if question_similarity.key(question.question) in each.keys), None)

"""Questions for the exam, written from an expert's own passages.

    fact, table      by rule and by the model, through the filters of the training data
    yesno, several   by rule, from the cells of tables: a claim that is true or false, two rows compared
    unanswerable     by rule: a thing that is known asked for what is not said of it, or one that does not exist

Every question finds its passage again in the search (an unanswerable one finds nothing that answers it), comes near no
question that is there and none of the training data, and keeps its document, page and passages. The same seed gives the
same questions; what a model wrote is cached, so a run that was killed goes on.
"""

from __future__ import annotations

import math
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from metier import generation
from metier.core.errors import InputError
from metier.core.questions import Question
from metier.core.settings import GenerationSettings
from metier.dataset.provenance import groups_now
from metier.dataset.rows import Row
from metier.generation.completion_cache import Cache
from metier.runtime import Runtime
from metier.synthesis import table_questions
from metier.synthesis.by_model import QAPairWriter, at_once
from metier.synthesis.filters import NearDuplicates
from metier.synthesis.pairs import QAPair
from metier.synthesis.raft import filter_for
from metier.synthesis.sampler import Drawing
from metier.synthesis.table_questions import Built, Comparer
from metier.synthesis.training_rows import CACHE_FILE, left_out_of
from metier.synthesis.unanswerable import Inventor

KINDS = ("fact", "table", "several", "yesno", "unanswerable")
ORIGIN = "generated"
_PAIRED = ("fact", "table")

Tell = Callable[[int, int, str], None]  # questions kept, wanted, what is looked at


@dataclass(frozen=True, slots=True)
class ExamQuestionOptions:
    """`count`: questions in all, shared evenly by `kinds`; where a kind has too few, the others make up for it.
    `rules_only`: ask no model. `seconds`: end by then with what there is, None = when they are written. `groups`: only
    documents that a reader with these may read are written from, None = all. `documents`: uris of those that are
    written from, None = all; the others are searched all the same. Raises `InputError`."""

    count: int = 100
    kinds: tuple[str, ...] = KINDS
    seed: int = 0
    rules_only: bool = False
    seconds: float | None = None
    groups: tuple[str, ...] | None = ()
    documents: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError("at least one question must be wanted")
        if unknown := sorted(set(self.kinds) - set(KINDS)):
            raise InputError(
                f"no questions of kind {unknown[0]!r} can be written", hint=f"Choose of {', '.join(KINDS)}."
            )


@dataclass(frozen=True, slots=True)
class GeneratedQuestions:
    """`questions`, without a side yet. `dropped`: by filter, how many. `asked`: completions a model had to write.
    `restricted`: documents that were left out, because not everybody may read them."""

    questions: tuple[Question, ...]
    dropped: dict[str, int]
    asked: int
    restricted: int = 0


def write(
    runtime: Runtime,
    wanted: ExamQuestionOptions,
    *,
    known: Sequence[Question],
    rows: Sequence[Row],
    teacher: GenerationSettings | None = None,
    tell: Tell | None = None,
) -> GeneratedQuestions:
    """`known`: the questions there are, `rows`: the training data; nothing near either is written. `teacher`: the model
    that writes, None = the expert's own. Raises `InputError` without passages, `ModelError` where a model gave up."""
    restricted = left_out_of(runtime.store, wanted.groups)
    generator = generation.create(teacher, folder=runtime.folder) if teacher else runtime.generator
    try:
        cache = Cache(runtime.state_folder / CACHE_FILE)
        parallel = at_once(teacher or runtime.settings.generation)
        writer = QAPairWriter(generator, cache, wanted.seed, runtime.settings.language, parallel)
        run = _Run(runtime, wanted, writer, known, rows, tell or (lambda _done, _wanted, _note: None))
        return replace(run.written(), restricted=restricted)
    finally:
        if teacher:
            generator.close()


class _Run:
    def __init__(
        self,
        runtime: Runtime,
        wanted: ExamQuestionOptions,
        writer: QAPairWriter,
        known: Sequence[Question],
        rows: Sequence[Row],
        tell: Tell,
    ) -> None:
        language, self._where = runtime.settings.language, filter_for(wanted.groups)
        self._groups_now = groups_now(runtime.store)
        self._runtime, self._wanted, self._tell, self._writer = runtime, wanted, tell, writer
        self._origin = f"{ORIGIN}:{wanted.seed}"
        others = [question for question in known if question.origin != self._origin]
        self._seen = NearDuplicates(
            [(question.question, question.answers) for question in others],
            [(row.question, row.completion) for row in rows],
            language,
        )
        self._drawing = Drawing(
            runtime.store, runtime.retriever, runtime.analyser, language, self._seen,
            None if wanted.rules_only else self._writer, wanted.seed, where=self._where, among=wanted.documents,
        )  # fmt: skip
        self._inventor = Inventor(self._drawing.search, self._taken, runtime.analyser, self._draw("unanswerable"))
        self._kept: list[Question] = []
        self._asked: list[QAPair] = []  # what questions were made of that the passages answer
        self._dropped = Counter[str]()

    def written(self) -> GeneratedQuestions:
        """One kind after the other, each its share; then the rest from whatever still gives some."""
        sources = {kind: self._of_kind(kind) for kind in self._wanted.kinds}
        end = time.monotonic() + (self._wanted.seconds or math.inf)
        for place, kind in enumerate(sources):
            share = (self._wanted.count - len(self._kept)) // (len(sources) - place)
            now = time.monotonic()
            self._take(sources[kind], share, now + (end - now) / (len(sources) - place))
        for source in sources.values():
            self._take(source, self._wanted.count - len(self._kept), end)
        dropped = self._dropped + Counter({name: each.count for name, each in self._drawing.filters.dropped.items()})
        return GeneratedQuestions(tuple(self._kept), dict(+dropped), self._writer.asked)

    def _take(self, source: Iterator[Question], count: int, until: float) -> None:
        for _ in range(count):
            question = next(source, None) if time.monotonic() < until else None
            if question is None:
                return
            kept = replace(question, origin=self._origin, groups=question.required(self._groups_now))
            self._kept.append(kept)
            self._tell(len(self._kept), self._wanted.count, question.question)

    def _of_kind(self, kind: str) -> Iterator[Question]:
        if kind in _PAIRED:
            return self._pairs(kind)
        return {"yesno": self._claims, "several": self._comparisons, "unanswerable": self._invented}[kind]()

    def _pairs(self, kind: str) -> Iterator[Question]:
        for pair in self._drawing.pairs(self._wanted.count, (kind,)):
            self._asked.append(pair)
            yield table_questions.question_of(pair)

    def _claims(self) -> Iterator[Question]:
        """True and false in turn, counted by those that hold."""
        draw, is_true = self._draw("yesno"), True
        for fact in self._facts("yesno"):
            if (built := table_questions.claim(fact, is_true, draw)) is None:
                continue
            (asked,) = map(self._drawing.placed, built.facts)
            built = Built(replace(built.question, question=asked.question), (asked,))
            if self._holds(built):
                is_true = not is_true
                yield built.question

    def _comparisons(self) -> Iterator[Question]:
        comparer = Comparer(self._draw("several"))
        for fact in self._facts("several"):
            built = comparer.compare(fact)
            if built is not None and self._holds(built):
                yield built.question

    def _invented(self) -> Iterator[Question]:
        """One of a fact at most, so that one table does not crowd out the others; then of the questions that were
        kept before, which is where those on prose come from."""
        draw = self._draw("of a fact")
        of_facts = (list(self._inventor.of_fact(fact)) for fact in self._facts("unanswerable"))
        of_questions = (list(self._inventor.of_question(pair)) for pair in self._asked if not pair.subject)
        for found in _in_turn(of_facts, of_questions):
            if found and self._is_new(question := draw.choice(found)):
                yield question

    def _holds(self, built: Built) -> bool:
        """Whether each of its facts is found by it, no other table says otherwise, and nothing near it is there."""
        if not all(map(self._drawing.is_found, built.facts)):
            self._dropped["round trip"] += 1
            return False
        if any(map(self._drawing.is_ambiguous, built.facts)):
            self._dropped["ambiguous"] += 1
            return False
        return self._is_new(built.question)

    def _is_new(self, question: Question) -> bool:
        if self._seen.near(question.question, " ".join(question.answers)) is not None:
            self._dropped["near duplicate"] += 1
            return False
        self._seen.add_question(question.question, question.answers)
        return True

    def _taken(self, name: str) -> bool:
        """Whether a name of letters and digits stands somewhere. One of words is looked for among what is found."""
        numbered = [token for token in self._runtime.analyser.tokens(name) if any(map(str.isdigit, token))]
        longest = max(numbered, key=len, default=None)
        return longest is not None and bool(self._runtime.store.frequencies([longest])[0] > 0)

    def _facts(self, kind: str) -> Iterator[table_questions.Fact]:
        return table_questions.facts(
            self._runtime.store, f"{self._wanted.seed}:{kind}", self._runtime.settings.language, self._where,
            self._wanted.documents,
        )  # fmt: skip

    def _draw(self, kind: str) -> random.Random:
        return random.Random(f"{self._wanted.seed}:{kind}")


def _in_turn(*sources: Iterator[list[Question]]) -> Iterator[list[Question]]:
    """One of each source after the other, until none is left."""
    waiting = deque(sources)
    while waiting:
        found = next(waiting[0], None)
        if found is None:
            waiting.popleft()
        else:
            yield found
            waiting.rotate(-1)

"""Practice questions to training rows: what people asked and how it was answered, in the prompt of answering.

The exam is made of the same kind of questions, and none of its own: what is taught is how to answer, not the answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from metier.answering.term_weights import share
from metier.core.documents import Passage, document_id
from metier.core.groups import required_by
from metier.core.questions import Question
from metier.dataset import provenance
from metier.dataset.formats import merge
from metier.dataset.rows import Row, load, save
from metier.store.base import Store
from metier.synthesis.pairs import QAPair
from metier.synthesis.raft import RowMaker
from metier.text.detection import detect

ORIGIN: Final = "practice"


@dataclass(frozen=True, slots=True)
class FromPractice:
    """`rows` made of `questions`; `refusals` of them refuse; `left_out`: questions without an answer or a document.
    `added` rows were new, and `total` are in the dataset now. `restricted`: questions that were not asked, because not
    everybody may read their documents."""

    questions: int
    rows: int
    refusals: int
    left_out: int
    added: int
    total: int
    restricted: int = 0


def add(questions: Sequence[Question], maker: RowMaker, store: Store, path: Path) -> FromPractice:
    """Add to the dataset at `path` rows with and without passages, as `maker` is set, of every question with an answer
    and a document; of an unanswerable one, a row that shows what is found and refuses."""
    now = provenance.groups_now(store)
    made = [[_of(question, row, now) for row in _rows(question, maker, store)] for question in questions]
    rows = [row for each in made for row in each]
    known = load(path)
    merged = merge(known, rows)
    save(path, merged)
    return FromPractice(
        questions=sum(map(bool, made)),
        rows=len(rows),
        refusals=sum(row.kind == "refusal" for row in rows),
        left_out=sum(not each for each in made),
        added=len(merged) - len(known),
        total=len(merged),
    )


def _rows(question: Question, maker: RowMaker, store: Store) -> Iterator[Row]:
    language = question.language or detect(question.question, maker.settings.language)
    if not question.answerable:
        if maker.kinds != "plain":
            yield from maker.refused(question.question, language)
        return
    oracle = _oracle(question, maker, store) if question.answers else None
    if oracle is not None:
        pair = QAPair(question.question, question.answers[0], oracle, question.kind, language, ORIGIN)
        yield from maker.rows(pair, question.question)


def _of(question: Question, row: Row, now: Mapping[str, Sequence[str]]) -> Row:
    """The row with all documents of its question, of which it may show one."""
    documents = tuple(sorted({*row.documents, *question.documents}))
    return provenance.placed(
        replace(row, documents=documents, groups=required_by([*row.groups, *question.groups])), now
    )


def _oracle(question: Question, maker: RowMaker, store: Store) -> Passage | None:
    """The passage that holds the answer: as the question knows it, else the one of its documents and page with the
    most of the answer's words, then of the question's."""
    passages = [p for uri in question.documents for p in store.passages(document_id(uri)) if not p.described]
    known = [passage for passage in passages if passage.id in question.passages]
    paged = [passage for passage in passages if question.page is None or passage.page in (None, question.page)]
    among = known or paged or passages
    if not among:
        return None
    answer, asked = (sorted(set(maker.analyser.tokens(t))) for t in (question.answers[0], question.question))
    weights = [maker.weigh(tokens) for tokens in (answer, asked)]

    def held(passage: Passage) -> tuple[float, float]:
        words = set(maker.analyser.tokens(passage.indexed_text))
        return share(answer, weights[0], words), share(asked, weights[1], words)

    return max(among, key=held)

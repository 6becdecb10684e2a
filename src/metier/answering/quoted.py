"""Answers for a model too small to be trusted with words of its own: the best sentence, row or list of the sources
speaks. A fine-tuned adapter may speak where the sources carry what it writes, or where it gives a label."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Protocol

import regex

from metier.answering import abstention, evidence, prompt, yes_no
from metier.answering.answer import Answer, Citation, Sentence, Style, Support, Usage
from metier.answering.asked_columns import asked_cells
from metier.answering.choices import Choices
from metier.answering.closed_answers import is_decision, normalise
from metier.answering.empty_cells import EmptyCells, empty_cells
from metier.answering.loop_guard import LoopStop
from metier.answering.quote_spans import asks_which, rows_alike, widened
from metier.answering.refusal_messages import declines, refusal
from metier.answering.request import Found, Request
from metier.answering.row_cells import named_row, namesakes, row_for_sentence
from metier.answering.row_ranges import row_in_range
from metier.answering.style import TokenLimits
from metier.answering.support.base import Checker
from metier.answering.term_weights import content_tokens
from metier.answering.version_comparison import Change
from metier.answering.written import nearest, notes_of
from metier.core.documents import CELL, Document, Passage
from metier.core.settings import Settings
from metier.generation.base import Completion, Generator, Message
from metier.store.base import Filter
from metier.text.analyzer import Analyser

_JOINED = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:-[\p{L}\p{M}\p{N}]+)+")
_BEFORE = "←"  # between what a newer version says and what an older one did
_ECHO = 0.95  # an answer with this share of the question's own words says nothing
_HALF = 0.5  # how far a source carries a choice that the model made
_ONE_LINE = ("\n",)  # a model too small for passages says what it knows in its first line


class Around(Protocol):
    def __call__(self, passage: Passage, where: Filter | None, *, table: bool = False) -> Sequence[Passage]:
        """The passages near one that an asker may see, in reading order, itself among them. `table`: as far as a table
        may reach."""
        ...


class Quoter:
    """Answers with sentences of the sources."""

    def __init__(
        self,
        settings: Settings,
        generator: Generator,
        checker: Checker,
        analyser: Analyser,
        refusing: abstention.Abstention,
        limits: TokenLimits,
        around: Around,
        document: Callable[[str], Document | None],
    ) -> None:
        """`document`: by its id."""
        self._settings = settings
        self._generator = generator
        self._checker = checker
        self._analyser = analyser
        self._refusing = refusing
        self._limits = limits
        self._around = around
        self._document = document

    def answer(
        self,
        request: Request,
        parts: Sequence[Found],
        language: str,
        *,
        whole_list: bool = False,
        choices: Choices | None = None,
    ) -> Answer:
        """`parts`: what was found for each part of the question; a part that nothing answers is left out, and the
        whole is refused where all are. `whole_list`: the question asks for a list or steps. `choices`: it names what
        it may be answered with."""
        began = time.monotonic() - sum(found.seconds for found in parts)
        parts = [self._without_header(found) for found in parts]
        doubts = [self._doubt(found) for found in parts]
        answered = [
            found for found, doubt in zip(parts, doubts, strict=True) if not self._refuses(request, found, doubt)
        ]
        best = parts[min(range(len(parts)), key=doubts.__getitem__)]
        if not answered:
            refused = self.refuse(request, best, language, min(doubts), began)
            return replace(refused, notes=(*refused.notes, *self.empty(best, language)))
        if request.writer.adapter is not None:
            return self._with_adapter(request, answered[0], language, min(doubts), began, choices)
        if choices and (chosen := self._chosen(request, answered[0], language, choices, began)):
            return chosen
        quotes, empty = self._quotes(request, answered, language, whole_list)
        notes = tuple(dict.fromkeys(each.note for each in empty))
        if not quotes:
            refused = self.refuse(request, best, language, 1.0, began)
            return replace(refused, notes=(*refused.notes, *notes))
        decided = yes_no.decide(best.searched_for[0], quotes[0][0].text, language, self._analyser)
        text, sentences = _joined(quotes, decided)
        sure = 1 - max(self._doubt(found) for found in answered)
        made = self._made(request, parts, text, sentences, sure, began)
        return replace(made, notes=(*made.notes, *notes))

    def empty(self, found: Found, language: str) -> tuple[str, ...]:
        """A note on what is asked of the best that was found, where that is a row which the question names and whose
        cell for it is empty."""
        if not found.pieces or found.pinned:
            return ()
        cells = self._empty(found.searched_for[0], found.pieces[0].passage, language)
        return (cells.note,) if cells and cells.named else ()

    def summary(self, request: Request, sentences: Sequence[Passage], seconds: float) -> Answer:
        """A document in some of its own sentences, as a list."""
        began = time.monotonic() - seconds
        shown = tuple(sentences)
        found = Found((request.question,), (), shown, (), shown, {}, seconds)
        text, supported = _joined([(each, each.text) for each in sentences], mark="- ", between="\n")
        return self._made(request, [found], text, supported, 1.0, began)

    def compared(self, request: Request, found: Sequence[Change], seconds: float) -> Answer:
        """What two versions of a document say, the newer one first."""
        began = time.monotonic() - seconds
        pieces = [piece for change in found for piece in (change.new, change.old)]
        names = [PurePosixPath(piece.uri).name for piece in pieces[:2]]
        text, supported = f"{names[0]} {_BEFORE} {names[1]}:\n", []
        for number, piece in enumerate(pieces):
            text += "\n" + (f"  {_BEFORE} " if number % 2 else "- ")
            span = (len(text), len(text) + len(piece.text))
            text += piece.text
            supported.append(Sentence(*span, Support.CARRIED, 1.0, (Citation.of(piece, span),)))
        looked_up = Found((request.question,), (), tuple(pieces), (), tuple(pieces), {}, seconds)
        return self._made(request, [looked_up], text, tuple(supported), 1.0, began)

    def say(self, request: Request, text: str, notes: tuple[str, ...] = ()) -> Answer:
        """Something that needs no document: a greeting, a word on what cannot be done."""
        found = Found((), (), (), (), (), {}, 0.0)
        answer = self._made(request, [found], text, (), 1.0, time.monotonic())
        return replace(answer, confidence=None, notes=notes)

    def refuse(self, request: Request, found: Found, language: str, doubt: float, began: float) -> Answer:
        return Answer(
            question=request.question,
            text=refusal(language, self._settings.answering.refusal),
            abstained=True,
            confidence=1 - doubt,
            mode=request.mode,
            model=self._generator.name,
            adapter=request.writer.adapter,
            sentences=(),
            timings={"retrieval": found.seconds, "total": time.monotonic() - began},
            usage=Usage(),
            style=Style.QUOTED,
            hits=found.hits,
            nearest=nearest(found),
            searched_for=found.searched_for,
            features=found.features,
        )

    def _doubt(self, found: Found) -> float:
        """Probability that nothing answers."""
        if found.pinned:
            return 0.0
        return self._refusing.probability(found.features) if found.hits and found.pieces else 1.0

    def _refuses(self, request: Request, found: Found, doubt: float) -> bool:
        if not found.pieces:
            return True
        wanted = self._settings.answering.abstain if request.abstain is None else request.abstain
        return wanted and not found.pinned and doubt >= self._refusing.threshold

    def _without_header(self, found: Found) -> Found:
        """Without a line of column names as the best that was found: it is no answer, and neither is what holds less of
        the question than it does."""
        first = next((n for n, piece in enumerate(found.pieces) if not self._is_header(piece.passage)), None)
        if not first or found.coverage is None:
            return found if first == 0 else replace(found, pieces=())
        held = found.coverage.of(found.pieces[0].passage)
        rest = found.pieces[first:]
        return replace(found, pieces=rest if found.coverage.of(rest[0].passage) >= held else ())

    def _is_header(self, piece: Passage) -> bool:
        if CELL not in piece.text or evidence.is_row(piece.text):
            return False
        document = self._document(piece.document_id)
        table = document.table_at(piece.start, piece.end) if document else None
        return table is not None and any(table.names) and table.row_at(piece.start, piece.end) is None

    def _quotes(
        self, request: Request, parts: Sequence[Found], language: str, whole_list: bool
    ) -> tuple[list[tuple[Passage, str]], list[EmptyCells]]:
        """The best piece of each part, each place once, and what is said of it: of a row the cells asked for. And of
        rows the cells asked for that are empty; one of which nothing else is asked is not quoted."""
        quotes: list[tuple[Passage, str]] = []
        lacking: list[EmptyCells] = []
        for found in parts:
            asked = [each.coverage for each in (found, *parts) if each.coverage]  # another part may name the year
            pieces, empty = self._filled(request, found, language, whole_list)
            lacking += empty
            for quote in pieces:
                is_row = _is_one_row(quote)
                cells = (asked_cells(quote.text, coverage) for coverage in asked) if is_row else ()
                if not any(_holds(known, quote) for known, _ in quotes):
                    quotes.append((quote, next((said for said in cells if said != quote.text), quote.text)))
        return quotes, lacking

    def _filled(
        self, request: Request, found: Found, language: str, whole_list: bool
    ) -> tuple[list[Passage], list[EmptyCells]]:
        """What is quoted for one part, without rows that have nothing of what is asked. Where that is all, the next
        piece that holds more of the question."""
        pieces = self._pieces(request, found, language, whole_list)
        empty = [None if found.pinned else self._empty(found.searched_for[0], piece, language) for piece in pieces]
        filled = [piece for piece, each in zip(pieces, empty, strict=True) if each is None or not each.alone]
        lacking = [each for each in empty if each is not None]
        if filled or found.coverage is None:
            return filled, lacking
        held = found.coverage.of(pieces[0])
        better = [n for n, each in enumerate(found.pieces) if n and found.coverage.of(each.passage) > held]
        if not better:
            return [], lacking
        following = self._filled(request, replace(found, pieces=found.pieces[better[0] :]), language, whole_list)
        return following if following[0] else ([], lacking)

    def _empty(self, asked: str, piece: Passage, language: str) -> EmptyCells | None:
        may_be_row = ": " in piece.text and "\n" not in piece.text  # perhaps of a single cell
        document = self._document(piece.document_id) if may_be_row else None
        return empty_cells(asked, piece, document, language) if document else None

    def _pieces(self, request: Request, found: Found, language: str, whole_list: bool) -> list[Passage]:
        """What is quoted for one part: the best sentence with what belongs to it, or the row or rows of a table."""
        piece, asked = found.pieces[0].passage, found.searched_for[0]
        is_row = CELL in piece.text
        around = self._around(piece, request.where, table=is_row)
        if found.coverage and is_row:
            piece = row_in_range(named_row(piece, around, found.coverage), around, found.coverage, asked, language)
        elif found.coverage and not found.pinned:
            row = row_for_sentence(piece, [*around, *found.passages], found.coverage)
            if row is not None:
                piece, is_row, around = row, True, self._around(row, request.where, table=True)
        which = is_row and asks_which(asked, language)
        rows = rows_alike(piece, around, self._shared(asked, language)) if which else []
        if is_row and not rows and found.coverage:
            rows = namesakes(piece, around, found.coverage)
        return rows or widened(piece, around, whole_list=whole_list)

    def _shared(self, question: str, language: str) -> Callable[[str], frozenset[str]]:
        """Of a text, the words that the question has and that say something, alone or joined ("check-out")."""
        joined = " ".join(_JOINED.findall(question))
        asked = frozenset([*content_tokens(question, language, self._analyser), *self._analyser.tokens(joined)])
        return lambda text: asked & frozenset(self._analyser.tokens(text))

    def _chosen(self, request: Request, found: Found, language: str, choices: Choices, began: float) -> Answer | None:
        """One of what the question names: as the best source says it, else as the model chooses; None where it names
        none of them."""
        reason = found.pieces[0].passage
        said = yes_no.decide(choices.asked, reason.text, language, self._analyser)
        text, completion, shown = choices.spelled(said) or choices.only_in(reason.text), None, 0
        support, why = Support.CARRIED, ""
        if text is None:
            completion, shown = self._complete(request, found, choices)
            text = choices.given_by(completion.text)
            support, why = Support.PARTLY, "chosen by the model: judge by the sentence that is cited"
        if text is None:
            return None
        span = (0, len(text))
        decided = Sentence(*span, support, _HALF if why else 1.0, (Citation.of(reason, span),), why)
        return self._made(request, [found], text, (decided,), 1 - self._doubt(found), began, completion, shown)

    def _with_adapter(
        self,
        request: Request,
        found: Found,
        language: str,
        doubt: float,
        began: float,
        choices: Choices | None,
    ) -> Answer:
        """What a tuned model writes, where it is a label or the sources carry it; else the best sentence."""
        completion, shown = self._complete(request, found, choices)
        text = completion.text.strip()
        if is_decision(text, {*request.writer.labels, *map(normalise, choices.named if choices else ())}):
            decided = Sentence(
                0, len(text), Support.CARRIED, 1.0, (Citation.of(found.pieces[0].passage, (0, len(text))),)
            )
            return self._made(request, [found], text, (decided,), 1 - doubt, began, completion, shown)
        checking = self._checker.over(found.passages, request.question, language)
        sentences = tuple(checking.check(text, span) for span in checking.spans(text))
        carried = any(each.support is Support.CARRIED for each in sentences) and not any(e.flagged for e in sentences)
        says_something = evidence.echo(text, request.question, self._analyser) < _ECHO and not declines(text)
        if not carried or not says_something:
            text, sentences = _joined([(found.pieces[0].passage, found.pieces[0].passage.text)])
        return self._made(request, [found], text, sentences, 1 - doubt, began, completion, shown)

    def _complete(self, request: Request, found: Found, choices: Choices | None = None) -> tuple[Completion, int]:
        """What the model writes, and how many passages it read. `choices`: it writes one of them."""
        settings = self._settings
        question = choices.question if choices else found.searched_for[0]

        def build(kept: Sequence[Passage], turns: Sequence[Message]) -> list[Message]:
            return prompt.messages(question, kept, settings.answering.instruction, turns, Style.QUOTED)

        messages, shown = prompt.fit(build, found.shown, (), self._generator, self._limits.answer)
        guard = LoopStop(None)
        completion = self._generator.complete(
            messages,
            max_tokens=self._limits.answer,
            temperature=settings.generation.temperature,
            seed=settings.generation.seed,
            stop=_ONE_LINE if self._limits.reads_sentences else (),
            on_text=guard,
            adapter=request.writer.adapter,
            fresh=request.writer.fresh,
            response_format=choices.response_format if choices and request.writer.adapter is None else None,
        )
        return replace(completion, text=guard.cut(completion.text)), shown

    def _made(
        self,
        request: Request,
        parts: Sequence[Found],
        text: str,
        sentences: tuple[Sentence, ...],
        confidence: float,
        began: float,
        completion: Completion | None = None,
        shown: int = 0,
    ) -> Answer:
        found = parts[0]
        timings = {"retrieval": sum(each.seconds for each in parts)}
        if completion is not None:
            timings |= {"first_token": completion.first_token_seconds, "generation": completion.seconds}
        if request.on_text is not None:
            request.on_text(text)
        for sentence in sentences:
            if request.on_sentence is not None:
                request.on_sentence(sentence)
        pinned = any(each.pinned for each in parts)
        return Answer(
            question=request.question,
            text=text,
            abstained=False,
            confidence=1.0 if pinned else confidence,
            mode=request.mode,
            model=self._generator.name,
            adapter=request.writer.adapter,
            sentences=sentences,
            timings=timings | {"total": time.monotonic() - began},
            usage=Usage(passages=shown if completion else len(found.shown)),
            style=Style.QUOTED,
            notes=notes_of(completion, len(found.shown) - shown if completion else 0, pinned),
            hits=found.hits,
            shown=_distinct(parts),
            searched_for=tuple(dict.fromkeys(text for each in parts for text in each.searched_for)),
            features=found.features,
        )


def _distinct(parts: Sequence[Found]) -> tuple[Passage, ...]:
    """What was shown for all parts, each place once."""
    places = {(p.document_id, p.start, p.end): p for found in parts for p in found.shown}
    return tuple(places.values())


def _joined(
    quotes: Sequence[tuple[Passage, str]], decided: str | None = None, mark: str = "", between: str = "\n\n"
) -> tuple[str, tuple[Sentence, ...]]:
    """Quotes one under the other, each cited as a whole, with what is said of each. `decided`: a yes or no that stands
    before the first, which is its reason. `mark`: before each quote; `between`: two of them."""
    text, sentences = "", []
    if decided:
        text = f"{decided}."
        span = (0, len(text))
        sentences.append(Sentence(*span, Support.CARRIED, 1.0, (Citation.of(quotes[0][0], span),)))
    for quote, said in quotes:
        text += (between if len(sentences) > bool(decided) else " ") if text else ""
        text += mark
        span = (len(text), len(text) + len(said))
        text += said
        sentences.append(Sentence(*span, Support.CARRIED, 1.0, (Citation.of(quote, span),)))
    return text, tuple(sentences)


def _is_one_row(piece: Passage) -> bool:
    return CELL in piece.text and "\n" not in piece.text


def _holds(passage: Passage, other: Passage) -> bool:
    same = passage.document_id == other.document_id
    return same and passage.start <= other.start and other.end <= passage.end

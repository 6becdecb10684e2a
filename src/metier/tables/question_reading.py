"""Reads a question about tables: which of its words count, bound, order or deny, whatever the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from metier.tables.question import (
    Bound,
    Extreme,
    Measured,
    QuestionOperation,
    Relation,
    TableQuestion,
    Token,
    joined_at,
)
from metier.tables.vocabulary import TOKEN, is_superlative, measure_of, parted, plain_word, rank_of
from metier.text.dates import TimeMention, times_in
from metier.text.language import Language, words_of
from metier.text.phrase_cover import Cover, Span
from metier.text.phrases import compose, fold, searchable
from metier.text.quantities import Quantity, quantities
from metier.text.units import unit_of

_OPERATIONS = (
    "difference",
    "extent",
    "amount",
    "count",
    "different",
    "total",
    "average",
    "each",
    "each_behind",
    "by",
    "people",
    "days",
    "places",
    "year",
    "month",
    "comparative",
    "stock",
)
_BOUNDS = {"more": ">", "less": "<", "at_least": ">=", "at_most": "<="}
_BEHIND = {"at_least_behind": ">=", "at_most_behind": "<=", "more_behind": ">", "less_behind": "<"}
_EXTREMES = {"least": False, "most": True}  # "le moins" before "le", "最も少ない" before "最も"
_BETWEEN = 3  # words between a number and the superlative that it belongs to: "three customers with the highest"
_YEARS = range(1500, 2200)
_LONGEST_WORD = 4  # characters of a word in a script without spaces


def read(text: str, language: str) -> TableQuestion:
    known = Language.of(language)
    cover = Cover(known, parted(compose(text), known))
    empty = _function_words(cover)
    tokens = tuple(
        Token(*match.span(), plain_word(match[0]), match.start() in empty) for match in TOKEN.finditer(cover.text)
    )
    question = TableQuestion(cover.text, known, tokens)
    reader = _Reader(question, cover)
    reader.take("ordering")
    question.operations += [QuestionOperation("sold_out", span) for span in reader.take("sold_out")]
    reader.read_periods(date.today())
    reader.read_bounds()
    reader.read_relations()
    reader.read_extremes()
    question.operations += [QuestionOperation("total", span, of_money=True) for span in reader.take("takings")]
    question.operations += [QuestionOperation("count", span, of_times=True) for span in reader.take("times")]
    for kind in _OPERATIONS:
        question.operations += [
            QuestionOperation(kind, span) for span in reader.take(kind) if reader.is_said(kind, span)
        ]
    reader.take("filler")
    things = [n for place in cover.copy().take("query", "things") for n in range(*reader.tokens_at(place))]
    weak = [n for first, last in reader.take("weak") for n in range(first, last)]
    question.negations = _negations(cover, tokens)
    question.free = frozenset(
        n for n, token in enumerate(tokens)
        if not any(cover.covered[token.start : token.end]) and not token.function
    ) | frozenset(weak)  # fmt: skip
    question.weak = frozenset(n for n in weak if not tokens[n].function)
    question.free -= frozenset(n for n in weak if tokens[n].function) | frozenset(question.negations)
    question.things = question.free.intersection(things)
    return question


def _negations(cover: Cover, tokens: tuple[Token, ...]) -> tuple[int, ...]:
    """Words that deny and that no rule has read ("no more than" has one). What is a question word as well ("ما") is one
    where it opens the question."""
    language = cover.language
    if not language.spaced:
        starts = {start for start, _ in cover.copy().take("words", "negation")}
        return tuple(n for n, token in enumerate(tokens) if token.start in starts)
    return tuple(
        n for n, token in enumerate(tokens)
        if token.said in language.negations and not any(cover.covered[token.start : token.end])
        and not (n == 0 and token.said in language.question_words)
    )  # fmt: skip


def _function_words(cover: Cover) -> frozenset[int]:
    """Where words begin that say nothing alone; in a script without spaces, each of their characters."""
    language = cover.language
    if language.spaced:
        found = (match for match in TOKEN.finditer(cover.text) if fold(match[0]) in language.function_words)
        return frozenset(match.start() for match in found)
    spans = cover.copy().take("words", "function", "question")
    return frozenset(place for span in spans for place in range(*span))


def _as_day(quantity: Quantity) -> Quantity:
    """ "2024 год": the year that it names, rather than so many years."""
    if quantity.unit is None or quantity.unit != unit_of("yr") or quantity.decimals:
        return quantity
    year = int(quantity.values[0])
    return replace(quantity, dates=((year, None, None),), values=(), unit=None) if year in _YEARS else quantity


def _as_number(quantity: Quantity) -> Quantity | None:
    """A bare year as a number: of "more than 2000" nothing tells which it is."""
    if not quantity.dates or quantity.dates[0][1:] != (None, None) or not quantity.text.isdigit():
        return None
    return replace(quantity, dates=(), values=(float(quantity.text),))


def _told_once(extremes: list[Extreme]) -> list[Extreme]:
    """Without one that says again how another is ordered: "the five largest, biggest first"."""
    found: list[Extreme] = []
    for extreme in sorted(extremes, key=lambda each: each.span):
        if not any((each.measure, each.descending) == (extreme.measure, extreme.descending) for each in found):
            found.append(extreme)
    return found


def _told_from(mention: TimeMention, today: date, span: Span, text: str) -> Bound:
    """The days of a time that is told from today: a month and a year are whole, and so is this week."""
    said, period = Quantity(*mention.span, text[slice(*mention.span)]), mention.period(today)
    first, last = period.start or today, period.end or today
    if mention.kind.endswith(("_month", "_year")):
        month = first.month if mention.kind.endswith("_month") else None
        return Bound(span, "=", replace(said, dates=((first.year, month, None),)))
    if mention.kind == "this_week":
        last = first + timedelta(days=6)
    one, other = (replace(said, dates=((day.year, day.month, day.day),)) for day in (first, last))
    return Bound(span, "between", one, other)


class _Reader:
    """Marks in `cover` what it has read."""

    def __init__(self, question: TableQuestion, cover: Cover) -> None:
        self._question, self._cover = question, cover
        self._times = times_in(cover.copy())
        self._code = question.language.code

    def take(self, *names: str) -> list[Span]:
        """Phrases of `[query]`, as spans of tokens."""
        return [span for place in self._cover.take("query", *names) if (span := self.tokens_at(place))[0] < span[1]]

    def is_said(self, kind: str, span: Span) -> bool:
        """Whether nothing is counted by "number of" where a noun stands before it: "the phone number of"."""
        if kind != "count" or not span[0] or not self._question.language.spaced:
            return True
        before = self._question.tokens[span[0] - 1]
        opens = before.function or any(self._cover.covered[before.start : before.end])
        return opens or span[1] - span[0] < 2

    def tokens_at(self, place: Span) -> Span:
        """Of a place in the text, its tokens."""
        tokens = self._question.tokens
        first = next((n for n, token in enumerate(tokens) if token.end > place[0]), len(tokens))
        last = next((n for n, token in enumerate(tokens) if token.start >= place[1]), len(tokens))
        return first, last

    def read_periods(self, today: date) -> None:
        """What is told from today: "last month", "in the last ten days"."""
        for mention in self._times:
            is_covered = any(self._cover.covered[slice(*mention.span)])
            if not mention.told_from_today or mention.kind == "today" or is_covered:  # "today" says little
                continue
            span = self.tokens_at(mention.span)
            self._mark(span)
            self._question.bounds.append(_told_from(mention, today, span, self._question.text))

    def read_bounds(self) -> None:
        question = self._question
        read = [_as_day(each) for each in quantities(question.text, self._code) if each.values or each.dates]
        read = [each for each in read if not any(self._cover.covered[each.start : each.end])]
        found = self._with_months([self._with_year(each) for each in read])
        taken: set[int] = set()
        for index, quantity in enumerate(found):
            if index in taken:
                continue
            following = found[index + 1] if index + 1 < len(found) else None
            span = self.tokens_at((quantity.start, quantity.end))
            between = self._joins(quantity, following) if following else None
            if between and following:
                taken.add(index + 1)
                self._mark(between)
                question.bounds.append(Bound(between, "between", quantity, following))
                continue
            operator, whole, measure = self._operator(span)
            if operator == "=" and quantity.word and not quantity.unit:
                continue  # "the three largest" is read with what it belongs to; "one" says nothing
            self._mark(whole)
            question.bounds.append(Bound(whole, operator, quantity, None, measure))
            if operator != "=" and (number := _as_number(quantity)) is not None:
                question.bounds.append(Bound(whole, operator, number, None, measure))

    def read_relations(self) -> None:
        """What bounds no number, and may bound by a column. It stays to be read as something else."""
        rest = self._cover.copy()
        for names, behind in ((_BEHIND, True), (_BOUNDS, False)):
            for name, operator in names.items():
                found = (self.tokens_at(place) for place in rest.take("query", name))
                self._question.relations += [Relation(span, operator, behind) for span in found if span[0] < span[1]]

    def _with_year(self, quantity: Quantity) -> Quantity:
        """With the word behind the number of a year: "২০২৪ সালে", "2024年"."""
        if not quantity.dates or quantity.dates[0][1:] != (None, None):
            return quantity
        rest = searchable(self._question.text[quantity.end :])
        match = self._question.language.expression("query", "year").match(rest.lstrip())
        behind = len(rest) - len(rest.lstrip()) + match.end() if match else 0
        return replace(quantity, end=quantity.end + behind)

    def _with_months(self, found: Sequence[Quantity]) -> list[Quantity]:
        """With the months that only who asks in this language names so: "febrero", "March"."""
        named = list(found)
        for mention in self._times:
            (start, end), day = mention.span, (mention.year, mention.month, mention.day)
            is_new = all(end <= each.start or each.end <= start for each in found)
            if is_new and mention.kind == "month" and self._is_month(start, end):
                named.append(Quantity(start, end, self._question.text[start:end], dates=(day,)))
        return sorted(named, key=lambda each: each.start)

    def _is_month(self, start: int, end: int) -> bool:
        """Whether a word for a month is one here: of "people march" it is not."""
        said, language = self._question.text[start:end], self._question.language
        before = words_of(self._question.text[:start])[-1:]
        is_word = fold(said) in language.word_set("numbers", "no_month") and not said[0].isupper()
        return not is_word or language.function_words.issuperset(before)

    def _joins(self, first: Quantity, second: Quantity) -> Span | None:
        """ "between 5 and 8", "from 5 to 8": the tokens of all."""
        language, text, tokens = self._question.language, self._question.text, self._question.tokens
        middle = words_of(text[first.end : second.start])
        to = language.word_set("numbers", "to") | language.word_set("query", "to")
        if len(middle) != 1 or middle[0] not in to | language.word_set("words", "conjunction"):
            return None
        start, (_, last) = self.tokens_at((first.start, first.end))[0], self.tokens_at((second.start, second.end))
        if first.dates and second.dates and middle[0] in to:
            return start, last
        if behind := self._behind("between_behind", tokens[last - 1].end):
            return start, behind
        if start and tokens[start - 1].said in language.word_set("query", "between"):
            return start - 1, last
        return None

    def _behind(self, name: str, end: int) -> int:
        """The token behind a phrase of `[query]` that follows on the character `end`; 0 where there is none."""
        rest = searchable(self._question.text[end:])
        match = self._question.language.expression("query", name).match(rest.lstrip())
        return self.tokens_at((0, end + len(rest) - len(rest.lstrip()) + match.end()))[1] if match else 0

    def _operator(self, span: Span) -> tuple[str, Span, str]:
        """What bounds the number at `span`: its operator, the tokens of both, and what is measured."""
        tokens = self._question.tokens
        if not span[0] < span[1]:
            return "=", span, ""
        before = searchable(self._question.text[: tokens[span[0]].start])
        for name, operator in _BEHIND.items():
            if end := self._behind(name, tokens[span[1] - 1].end):
                return operator, (span[0], end), self._told_measure((span[1], end))
        said = {name: found for name in _BOUNDS if (found := self._before(name, before))}
        if said:  # the longest: "no more than" ends in another
            name = min(said, key=lambda name: said[name][0])
            return _BOUNDS[name], (said[name][0], span[1]), self._told_measure(said[name])
        return self._compared(span, before) or ("=", span, "")

    def _before(self, name: str, before: str) -> Span | None:
        """The tokens of a phrase of `[query]` that ends `before`."""
        for match in self._question.language.expression("query", name).finditer(before):
            if not before[match.end() :].strip():
                return self.tokens_at(match.span())
        return None

    def _told_measure(self, span: Span) -> str:
        """What the words of a comparison tell of: "heavier than"."""
        measures = (self._measure_at(place) for place in range(*span))
        return next((measure[0] for measure in measures if measure), "")

    def _compared(self, span: Span, before: str) -> tuple[str, Span, str] | None:
        """A comparative with "than": "heavier than 5 kg", "5 kg से भारी", "比 5 公斤重"."""
        opened = self._before("than", before)
        closed = self._behind("than", self._question.tokens[span[1] - 1].end)
        if not opened and not closed:
            return None
        start, end = opened[0] if opened else span[0], closed or span[1]
        if found := self._measure_at(end):
            measure, direction, end = found
        elif opened and start and (found := self._measure_at(start - 1)):
            measure, direction, _ = found
            start -= 1
        else:
            return None
        tokens, language = self._question.tokens, self._question.language
        if start and tokens[start - 1].said in language.word_set(
            "query", "comparative"
        ):  # "más caro que", "plus cher que"
            start -= 1
            direction *= -1 if tokens[start].said in language.word_set("query", "lesser") else 1
        return (">" if direction > 0 else "<"), (start, end), measure

    def read_extremes(self) -> None:
        question, tokens = self._question, self._question.tokens
        for name, descending in _EXTREMES.items():
            for span in self.take(name):
                told = measure_of(tokens[span[0]].said, self._code) if span[1] - span[0] == 1 else None
                measure = told[0] if told else ""
                question.extremes.append(Extreme(span, descending, measure))
        for n, token in enumerate(tokens):
            if self._cover.covered[token.start] or not (found := self._measure_at(n)):
                continue
            measure, direction, end = found
            self._mark((n, end))
            beside = next((each for each in question.extremes if self._belongs((n, end), each.span)), None)
            if beside is not None and not beside.measure:  # "most expensive", "le plus cher"; "prix le plus bas"
                question.extremes.remove(beside)
                whole = (min(beside.span[0], n), max(beside.span[1], end))
                if end < beside.span[0] or n > beside.span[1]:
                    whole = beside.span
                question.extremes.append(Extreme(whole, beside.descending == (direction > 0), measure))
            elif is_superlative(token.said, self._code):
                question.extremes.append(Extreme((n, end), direction > 0, measure))
            else:
                question.measured.append(Measured((n, end), measure, direction))
        question.extremes = [self._counted(each) for each in _told_once(question.extremes)]

    def _belongs(self, adjective: Span, extreme: Span) -> bool:
        """Whether an adjective stands at a superlative; in a script without spaces what is compared may stand between
        ("最も価格の安い")."""
        if adjective[1] == extreme[0] or adjective[0] == extreme[1]:
            return True
        return not self._question.language.spaced and 0 < adjective[0] - extreme[1] <= _LONGEST_WORD

    def _measure_at(self, place: int) -> tuple[str, int, int] | None:
        """The measure, the direction and the end of the adjective that begins at a token."""
        for said, end in joined_at(self._question, place):
            found = measure_of(said, self._code)
            if found and found[1]:
                return *found, end
        return None

    def _counted(self, extreme: Extreme) -> Extreme:
        """With the number that stands beside it: "the three largest", "the second largest"."""
        before = extreme.span[0] - 1
        if before >= 0 and (rank := rank_of(self._question.tokens[before].said, self._code)):
            self._mark((before, before + 1))
            return replace(extreme, alone=True, limit=rank)
        return replace(extreme, limit=self._limit(extreme.span))

    def _limit(self, span: Span) -> int:
        """The number that stands beside a superlative: "the three largest", "top 5", "los tres productos más caros"."""
        question, tokens = self._question, self._question.tokens
        for bound in question.bounds:
            plain = bound.operator == "=" and bound.quantity.values and not bound.quantity.unit
            if plain and self._is_beside(bound.span, span):
                question.bounds.remove(bound)
                return int(bound.quantity.values[0])
        for place in (span[0] - 1, span[1], *range(span[0] - 2, span[0] - 2 - _BETWEEN, -1), span[1] + 1):
            if 0 <= place < len(tokens) and self._is_beside((place, place + 1), span):
                number = question.language.numbers.get(tokens[place].said)
                if number and number >= 2 and not self._cover.covered[tokens[place].start]:
                    self._mark((place, place + 1))
                    return int(number)
        return 1

    def _is_beside(self, number: Span, span: Span) -> bool:
        """Whether no more stands between than the noun in front of an adjective, or what says nothing."""
        tokens = self._question.tokens
        between = tokens[number[1] : span[0]] if number[1] <= span[0] else tokens[span[1] : number[0]]
        if all(token.function for token in between):
            return True
        before = tokens[number[0] - 1] if number[0] else None  # not of "in zone 3 with the highest"
        opens = before is None or before.function or self._cover.covered[before.start]
        return bool(number[1] <= span[0] and len(between) <= _BETWEEN and opens and self._question.language.spaced)

    def _mark(self, span: Span) -> None:
        tokens = self._question.tokens
        if span[0] < span[1]:
            self._cover.mark((tokens[span[0]].start, tokens[span[1] - 1].end))

"""What a question about tables says whatever the table: what is counted or summed, bounds, extremes, numbers, days.

How many rooms cost more than 120 euro?      count · rooms · [price: more] · more than 120 euro
Which two suppliers have the highest rating?  most, 2 · suppliers · rating
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import regex

from metier.text.analyzer import Analyser
from metier.text.language import Language, words_of
from metier.text.morphology import same_word
from metier.text.phrase_cover import Cover, Span
from metier.text.phrases import SPACED_SIGN, UNSPACED, compose, fold, searchable
from metier.text.quantities import Quantity, quantities

_TOKEN = regex.compile(rf"(?V1)[{UNSPACED}]\p{{M}}*|(?:(?<!\w)\p{{L}}-)?{SPACED_SIGN}+(?:['’](?!s\b){SPACED_SIGN}+)*")
_OPERATIONS = (
    "difference",
    "count",
    "amount",
    "different",
    "total",
    "average",
    "each",
    "people",
    "days",
    "places",
    "year",
    "month",
    "comparative",
)
_BOUNDS = {"more": ">", "less": "<", "at_least": ">=", "at_most": "<="}
_EXTREMES = {"most": True, "least": False}
_STEMMED = 4  # characters of a word that may have another form


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the question, or a character of a script without spaces. `said`: folded; `function`: whether it says
    nothing alone."""

    start: int
    end: int
    said: str
    function: bool


@dataclass(frozen=True, slots=True)
class QuestionOperation:
    """`kind`: a field of `[query]`. `span`: tokens, first and behind the last."""

    kind: str
    span: Span


@dataclass(frozen=True, slots=True)
class Extreme:
    """The largest or the smallest. `descending`: the largest first; `measure`: of what, "" where the word does not say
    it; `limit`: how many are asked for."""

    span: Span
    descending: bool
    measure: str = ""
    limit: int = 1


@dataclass(frozen=True, slots=True)
class Bound:
    """A number or a day with what it bounds. `operator`: of SQL, "=" where nothing is said; `low`, `high`: days or
    numbers, both of "between" and of a month or a year. `measure`: what a comparative tells ("heavier than")."""

    span: Span
    operator: str
    quantity: Quantity
    other: Quantity | None = None
    measure: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """A word that tells what is measured and no extreme: "long" of "how long"."""

    span: Span
    measure: str


@dataclass(slots=True)
class TableQuestion:
    """A question read once, for all tables."""

    text: str
    language: Language
    tokens: tuple[Token, ...]
    operations: list[QuestionOperation] = field(default_factory=list)
    extremes: list[Extreme] = field(default_factory=list)
    bounds: list[Bound] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    negated: bool = False
    free: frozenset[int] = frozenset()  # tokens that no rule has read and that say something
    weak: frozenset[int] = frozenset()  # of them those that say little ("located", "have")

    def has(self, kind: str) -> bool:
        return any(operation.kind == kind for operation in self.operations)

    def words(self, span: Span) -> str:
        return self.text[self.tokens[span[0]].start : self.tokens[span[1] - 1].end]


def read(text: str, language: str) -> TableQuestion:
    known = Language.of(language)
    cover = Cover(known, text)
    empty = _function_words(cover)
    tokens = tuple(
        Token(*match.span(), _said(match[0]), match.start() in empty) for match in _TOKEN.finditer(cover.text)
    )
    question = TableQuestion(cover.text, known, tokens)
    reader = _Reader(question, cover)
    reader.read_bounds()
    reader.read_extremes()
    for kind in _OPERATIONS:
        question.operations += [QuestionOperation(kind, span) for span in reader.take(kind)]
    reader.take("filler")
    weak = [n for first, last in reader.take("weak") for n in range(first, last)]
    negations = [token for token in tokens if token.said in known.negations]
    question.negated = bool(negations)
    question.free = frozenset(
        n for n, token in enumerate(tokens)
        if not any(cover.covered[token.start : token.end]) and not token.function
    ) | frozenset(weak)  # fmt: skip
    question.weak = frozenset(n for n in weak if not tokens[n].function)
    question.free -= frozenset(n for n in weak if tokens[n].function)
    return question


def _function_words(cover: Cover) -> frozenset[int]:
    """Where words begin that say nothing alone; in a script without spaces, each of their characters."""
    language = cover.language
    if language.spaced:
        found = (match for match in _TOKEN.finditer(cover.text) if fold(match[0]) in language.function_words)
        return frozenset(match.start() for match in found)
    spans = cover.copy().take("words", "function", "question")
    return frozenset(place for span in spans for place in range(*span))


def said_words(text: str) -> tuple[str, ...]:
    """The words of a name as those of a question are taken: folded, character by character where its script writes no
    spaces."""
    return tuple(_said(match[0]) for match in _TOKEN.finditer(compose(text)))


def _said(word: str) -> str:
    """Folded; "e-mail" is "email"."""
    return fold(word).replace("-", "")


class _Reader:
    """Marks in `cover` what it has read."""

    def __init__(self, question: TableQuestion, cover: Cover) -> None:
        self._question, self._cover = question, cover
        self._code = question.language.code

    def take(self, *names: str) -> list[Span]:
        """Phrases of `[query]`, as spans of tokens."""
        return [span for place in self._cover.take("query", *names) if (span := self._tokens(place))[0] < span[1]]

    def _tokens(self, place: Span) -> Span:
        tokens = self._question.tokens
        first = next((n for n, token in enumerate(tokens) if token.end > place[0]), len(tokens))
        last = next((n for n, token in enumerate(tokens) if token.start >= place[1]), len(tokens))
        return first, last

    def read_bounds(self) -> None:
        question = self._question
        found = [each for each in quantities(question.text, self._code) if each.values or each.dates]
        taken: set[int] = set()
        for index, quantity in enumerate(found):
            if index in taken:
                continue
            following = found[index + 1] if index + 1 < len(found) else None
            span = self._tokens((quantity.start, quantity.end))
            between = following and self._joins(quantity, following)
            if between:
                taken.add(index + 1)
                span = (between[0], self._tokens((following.start, following.end))[1])
                self._mark(span)
                question.bounds.append(Bound(span, "between", quantity, following))
                continue
            operator, whole, measure = self._operator(span)
            if operator == "=" and quantity.word and not quantity.unit:
                continue  # "the three largest" is read with what it belongs to; "one" says nothing
            self._mark(whole)
            question.bounds.append(Bound(whole, operator, quantity, None, measure))

    def _joins(self, first: Quantity, second: Quantity) -> Span | None:
        """ "between 5 and 8", "from 5 to 8": where it begins."""
        language, text = self._question.language, self._question.text
        middle = words_of(text[first.end : second.start])
        ends = language.word_set("numbers", "to") | language.word_set("words", "conjunction")
        if len(middle) != 1 or middle[0] not in ends:
            return None
        if first.dates and second.dates and middle[0] in language.word_set("numbers", "to"):
            place = self._tokens((first.start, first.end))[0]
            return place, place
        before = self._tokens((first.start, first.end))[0] - 1
        opens = language.word_set("numbers", "between") | {"from"} & language.function_words
        if before >= 0 and self._question.tokens[before].said in (opens | language.word_set("query", "at_least")):
            return before, before
        return None

    def _operator(self, span: Span) -> tuple[str, Span, str]:
        """What bounds the number at `span`: its operator, the tokens of both, and what is measured."""
        language, tokens = self._question.language, self._question.tokens
        before = self._question.text[: tokens[span[0]].start] if span[0] < len(tokens) else ""
        behind = self._question.text[tokens[span[1] - 1].end :]
        for name, operator in (("at_least_behind", ">="), ("at_most_behind", "<=")):
            match = language.expression("query", name).match(searchable(behind).lstrip())
            if match:
                end = tokens[span[1] - 1].end + len(behind) - len(behind.lstrip()) + match.end()
                return operator, (span[0], self._tokens((0, end))[1]), ""
        for name, operator in _BOUNDS.items():
            for match in language.expression("query", name).finditer(searchable(before)):
                if not searchable(before)[match.end() :].strip():
                    said = self._tokens(match.span())
                    measures = (measure_of(token.said, self._code) for token in tokens[slice(*said)])
                    measure = next((each[0] for each in measures if each and each[1]), "")
                    return operator, (said[0], span[1]), measure
        than = language.word_set("query", "than")
        if (
            span[0] >= 2
            and tokens[span[0] - 1].said in than
            and (found := measure_of(tokens[span[0] - 2].said, self._code))
        ):
            measure, direction = found
            if direction:
                return (">" if direction > 0 else "<"), (span[0] - 2, span[1]), measure
        return "=", span, ""

    def read_extremes(self) -> None:
        question, tokens = self._question, self._question.tokens
        for name, descending in _EXTREMES.items():
            for span in self.take(name):
                measure = (measure_of(tokens[span[0]].said, self._code) or ("", 0))[0]
                question.extremes.append(self._extreme(span, descending, measure))
        for n, token in enumerate(tokens):
            if self._cover.covered[token.start] or not (found := self._measure_at(n)):
                continue
            measure, direction, end = found
            self._mark((n, end))
            beside = next((each for each in question.extremes if n in (each.span[1], each.span[0] - 1)), None)
            if beside is not None and not beside.measure:  # "most expensive", "le plus cher"; "prix le plus bas"
                question.extremes.remove(beside)
                whole = (min(beside.span[0], n), max(beside.span[1], end))
                question.extremes.append(Extreme(whole, beside.descending == (direction > 0), measure, beside.limit))
            elif is_superlative(token.said, self._code):
                question.extremes.append(self._extreme((n, end), direction > 0, measure))
            else:
                question.measured.append(Measured((n, end), measure))

    def _measure_at(self, place: int) -> tuple[str, int, int] | None:
        """The measure, the direction and the end of the adjective that begins at a token."""
        tokens = self._question.tokens
        for length in (1,) if self._question.language.spaced else (3, 2, 1):
            said = "".join(token.said for token in tokens[place : place + length])
            found = measure_of(said, self._code)
            if found and found[1] and place + length <= len(tokens):
                return *found, place + length
        return None

    def _extreme(self, span: Span, descending: bool, measure: str) -> Extreme:
        """With the number that stands beside it: "the three largest", "top 5"."""
        for bound in self._question.bounds:
            beside = bound.span[1] == span[0] or bound.span[0] == span[1]
            if beside and bound.operator == "=" and bound.quantity.values and not bound.quantity.unit:
                self._question.bounds.remove(bound)
                whole = (min(span[0], bound.span[0]), max(span[1], bound.span[1]))
                return Extreme(whole, descending, measure, int(bound.quantity.values[0]))
        for place in (span[0] - 1, span[1]):
            if 0 <= place < len(self._question.tokens):
                number = self._question.language.numbers.get(self._question.tokens[place].said)
                if number and number >= 2:
                    self._mark((place, place + 1))
                    return Extreme((min(span[0], place), max(span[1], place + 1)), descending, measure, int(number))
        return Extreme(span, descending, measure)

    def _mark(self, span: Span) -> None:
        tokens = self._question.tokens
        if span[0] < span[1]:
            self._cover.mark((tokens[span[0]].start, tokens[span[1] - 1].end))


@lru_cache(maxsize=64)
def _measures(language: str) -> dict[str, tuple[str, int]]:
    """Each word of `[measures]` with its measure and direction: 1 more, -1 less, 0 a name of it."""
    found: dict[str, tuple[str, int]] = {}
    for measure, lists in Language.of(language).phrases.get("measures", {}).items():
        for direction, words in zip((0, 1, -1), lists, strict=False):
            for word in words.split():
                found.setdefault(fold(word), (measure, direction))
    return found


def measure_of(word: str, language: str) -> tuple[str, int] | None:
    """The measure that an adjective or a noun (folded) speaks of, and whether of more of it (1), less (-1) or
    neither."""
    return _measures(language).get(word)


@lru_cache(maxsize=256)
def names_of(measure: str, language: str) -> tuple[str, ...]:
    """What columns that hold a measure are called, the likeliest first."""
    lists = Language.of(language).phrases.get("measures", {}).get(measure, ())
    return tuple(map(fold, lists[0].split())) if lists else ()


def is_superlative(word: str, language: str) -> bool:
    return bool(Language.of(language).expression("query", "superlative").fullmatch(word))


@lru_cache(maxsize=65_536)
def alike(one: str, other: str, language: str) -> bool:
    """Whether two folded words are the same, or forms of one: a column is found by its stem, since the cell that it
    leads to shows what was meant."""
    if one == other:
        return True
    if any(map(str.isdigit, one + other)):
        return False
    return same_word(one, other, language) or _stem(one, language) == _stem(other, language) != ""


@lru_cache(maxsize=65_536)
def _stem(word: str, language: str) -> str:
    tokens = _analyser(language).tokens(word)
    return tokens[0] if len(tokens) == 1 and len(word) >= _STEMMED else ""


@lru_cache(maxsize=64)
def _synonyms(language: str) -> dict[str, frozenset[str]]:
    """Each word of `[synonyms]`, as its stem, with those that may stand for it."""
    found: dict[str, set[str]] = {}
    for line in Language.of(language).text_lines("synonyms", "words"):
        stems = {_stem(_said(word), language) or _said(word) for word in line.split()}
        for stem in stems:
            found.setdefault(stem, set()).update(stems)
    return {stem: frozenset(others) for stem, others in found.items()}


def phrase_of(words: tuple[str, ...]) -> str:
    """Several words as `[synonyms]` writes them."""
    return "_".join(words)


@lru_cache(maxsize=65_536)
def synonymous(one: str, other: str, language: str) -> bool:
    """Whether one folded word may stand for another in what tables and columns are called."""
    first, second = _stem(one, language) or one, _stem(other, language) or other
    return second in _synonyms(language).get(first, ())


@lru_cache(maxsize=8)
def _analyser(language: str) -> Analyser:
    return Analyser(language)

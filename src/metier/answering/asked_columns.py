"""Which cells of a row a question asks for, by the names of their columns: "the third quarter", "the percentage change
from 2018 to 2019", "on Saturday"."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import regex

from metier.answering.coverage import QuestionCoverage
from metier.answering.support.agreement import agrees
from metier.answering.term_weights import SAME_WORD, alike
from metier.core.documents import CELL
from metier.text.quantities import quantities
from metier.text.units import MONEY, unit_of

_YEAR = regex.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_SHORT_YEAR = regex.compile(r"(?i)(?<!\p{L})(?:FY|F|GJ)\s?['’]?(\d\d)(?!\d)")  # FY19
_BRACKETS = regex.compile(r"\([^()]*\)")
_MARK = regex.compile(r"\(\d{1,2}\)")  # of a footnote
_NAME = regex.compile(r"(?s)(.*?): (?!› )(.*)")  # a part of a name may end with a colon, too
_WORD = regex.compile(r"[\p{L}\p{M}]+")
_PERCENT = "%"
_ABBREVIATION = 3  # letters of a word that is cut short, at least: "Sat", "Aug"
_EVEN = 1e-9
_NUMBER = 0.5  # weight of a number in a column's name, which may be another's in the question ("week 11", `Wed 11`)
_AMOUNTS = frozenset({"percent", *MONEY})  # told as bare numbers, too


@dataclass(frozen=True, slots=True)
class _Cell:
    """`words`: of its column's name, with those in brackets; `optional`: those in brackets alone; `years`: of them."""

    text: str
    name: str
    value: str
    words: frozenset[str]
    optional: frozenset[str]
    years: frozenset[str]

    @property
    def is_figure(self) -> bool:
        """Whether its value is a number, date or dash, with a unit of one word, and not a text that holds a number."""
        words = _WORD.findall(self.value)
        short = len(words) < 2 or sum(map(len, words)) * 2 <= len(self.value)
        return short and (not words or any(map(str.isdigit, self.value)))


def asked_cells(row: str, coverage: QuestionCoverage) -> str:
    """A row with, of its figures of one kind, those alone whose columns the question names best: what its other cells
    say in words stays, since it may qualify them, and so do dates and measures beside amounts and what the question
    itself says. The whole row where no column is named."""
    asked = asked_columns(row, coverage)
    if not asked:
        return row
    cells = _cells(row, coverage)
    years = {year for n in asked for year in cells[n].years}
    kinds = {_kind(cells[n], coverage) for n in asked}

    def stays(number: int, cell: _Cell) -> bool:
        if number in asked:
            return True
        if years and not cell.years <= years:
            return False
        return not cell.is_figure or _kind(cell, coverage) not in kinds or _is_said(cell, coverage)

    kept = (cell.text for n, cell in enumerate(cells) if stays(n, cell))
    return CELL.join([row.partition(CELL)[0], *kept])


def asked_figures(row: str, coverage: QuestionCoverage) -> list[str]:
    """The figures that a question asks for."""
    cells = _cells(row, coverage)
    return [cells[n].value for n in asked_columns(row, coverage)]


def asked_columns(row: str, coverage: QuestionCoverage) -> list[int]:
    """Which cells behind the first of a row hold the figures that a question asks for: their columns have more of its
    words, and fewer others, than all others. None where no column is named, or only a small part of its name, or one of
    words better ("n/a"). A word counts the less, the more of the columns have it."""
    cells, asked = _cells(row, coverage), _words_asked(row, coverage)
    held = Counter(word for cell in cells for word in cell.words)
    most = max(1, len(cells) - 1)
    years = {year for cell in cells for year in cell.years}
    weights = {
        word: (1 - (count - 1) / most) * (_NUMBER if word.isdigit() and word not in years else 1)
        for word, count in held.items()
    }
    named: dict[int, float] = {}
    for number in _alternatives(cells, asked):
        told = {word for word in cells[number].words if _is_told(word, asked, held)}
        more = sum(weights[word] for word in told)
        less = sum(weights[word] for word in cells[number].words - told - cells[number].optional)
        if more > 0 and (more >= less or cells[number].years & asked):
            named[number] = more - less
    best = max(named.values(), default=0.0)
    return [number for number, weight in named.items() if weight >= best - _EVEN and cells[number].is_figure]


def _alternatives(cells: Sequence[_Cell], asked: frozenset[str]) -> list[int]:
    """The cells among which is chosen: those with a name; where there are such, percentages if one is asked for, and
    those of no other year than the question's. Not those with another number in their name than the question has, for
    that may lie within a range (16 m, `12–20 m`)."""
    numbers = {word for word in asked if word.isdigit() and not _YEAR.fullmatch(word)}
    left = [n for n, cell in enumerate(cells) if cell.name]
    if _PERCENT in asked:
        left = [n for n in left if _PERCENT in cells[n].words] or left
    years = {year for n in left for year in cells[n].years} & asked
    if years:
        left = [n for n in left if cells[n].years <= years]
    return [n for n in left if cells[n].years & asked or not numbers or _fits(cells[n], numbers)]


def _fits(cell: _Cell, numbers: set[str]) -> bool:
    own = {word for word in cell.words if word.isdigit()}
    return not own or bool(own & numbers)


def _cells(row: str, coverage: QuestionCoverage) -> list[_Cell]:
    """Those behind the first."""
    return [_cell(text, coverage) for text in row.split(CELL)[1:]]


def _cell(text: str, coverage: QuestionCoverage) -> _Cell:
    found = _NAME.fullmatch(text)
    name, value = (found[1], found[2]) if found else ("", text)
    years = frozenset({*_YEAR.findall(name), *(f"20{short}" for short in _SHORT_YEAR.findall(name))})
    plain = coverage.content_of(_BRACKETS.sub(" ", name))
    words = plain | coverage.content_of(_MARK.sub(" ", name)) | years | _signs(name)
    cell = _Cell(text, name, value, words, words - plain - years, years)
    if cell.is_figure and _PERCENT in value:
        return _Cell(text, name, value, words | {_PERCENT}, cell.optional | {_PERCENT}, years)
    return cell


def _signs(text: str) -> frozenset[str]:
    """Signs of currencies, and that of percent however it is said."""
    found = {character for character in text if unicodedata.category(character) == "Sc"}
    units = (unit_of(word) for word in _WORD.findall(text))
    percent = _PERCENT in text or any(unit is not None and unit.dimension == "percent" for unit in units)
    return frozenset(found | ({_PERCENT} if percent else set()))


def _words_asked(row: str, coverage: QuestionCoverage) -> frozenset[str]:
    """The words of the question that the name of the row does not have: of "the total revenue of 2019" beside `Total
    revenue` no column of totals is meant."""
    told = {word for word in coverage.content_of(row.partition(CELL)[0]) if not word.isdigit()}
    question = coverage.question
    years = {*_YEAR.findall(question), *(f"20{short}" for short in _SHORT_YEAR.findall(question))}
    return (coverage.content - told) | years | _signs(question)


def _is_told(word: str, asked: frozenset[str], columns: Counter[str]) -> bool:
    """Whether the question has a word of a column's name, in another form, or cut short where no other column has a
    word that is cut short so."""
    if word in asked or alike(word, asked, SAME_WORD):
        return True
    if len(word) < _ABBREVIATION or not word.isalpha():
        return False
    begun = [each for each in asked if each.startswith(word)]
    return any(sum(len(other) > 1 and each.startswith(other) for other in columns) == 1 for each in begun)


def _kind(cell: _Cell, coverage: QuestionCoverage) -> str:
    """What a figure is of: the dimension of its unit, "date" or "clock"; "" for an amount, a share or a bare number."""
    found = quantities(cell.value, coverage.language or "en")
    dimensions = (quantity.dimension for quantity in found)
    return next((each for each in dimensions if each and each not in _AMOUNTS), "")


def _is_said(cell: _Cell, coverage: QuestionCoverage) -> bool:
    """Whether the question has the value of a cell: of "croissant dough, 5 kg" the size of the case."""
    given = quantities(cell.value, coverage.language or "en")
    measured = any(agrees(quantity, other) for quantity, _ in coverage.sought.quantities for other in given)
    return measured or bool(coverage.content & coverage.content_of(cell.value))

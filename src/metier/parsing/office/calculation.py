"""Formulas of cells without a saved result: what simple ones give, as the program that opens the file would show it.

Arithmetic, comparisons, joining of texts, references (also to other sheets), and the functions of `functions.py`. A
formula that holds anything else gives nothing, rather than something that may be wrong.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from metier.parsing.office.functions import FUNCTIONS, Area, CellError, Scalar, Unknown, Value, operated, truth

Place = tuple[str, int, int]  # sheet, row, column
_MAX_STEPS = 2_000_000  # cells that the areas in formulas of one workbook may hold together
_DEEPEST = 60  # brackets in brackets
_PREFIX = re.compile(r"_xl(?:fn|ws|udf)\.")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w!(])"
    r'|(?P<text>"(?:[^"]|"")*")'
    r"|(?P<reference>(?:(?:'(?:[^']|'')+'|[^\W\d][\w.]*)!)?"
    r"(?:\$?[A-Za-z]{1,3}\$?\d{1,7}(?::\$?[A-Za-z]{1,3}\$?\d{1,7})?|\$?[A-Za-z]{1,3}:\$?[A-Za-z]{1,3}))(?![\w(!.])"
    r"|(?P<function>[^\W\d][\w.]*)\("
    r"|(?P<name>[^\W\d][\w.]*)"
    r"|(?P<sign><=|>=|<>|[-+*/^&=<>%(),]))"
)
_ONE = re.compile(r"(\$?)([A-Za-z]{1,3})(\$?)(\d{1,7})")
_CORNER = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d{1,7})")
_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384


@dataclass
class Cells:
    """Of one sheet, by row and column: results that are saved, and formulas that have none."""

    values: dict[tuple[int, int], Scalar | CellError] = field(default_factory=dict)
    formulas: dict[tuple[int, int], str] = field(default_factory=dict)

    @cached_property
    def size(self) -> tuple[int, int]:
        """The last row and the last column with anything in it."""
        filled = (*self.values, *self.formulas)
        return max((row for row, _column in filled), default=0), max((column for _row, column in filled), default=0)

    @cached_property
    def formulas_by_column(self) -> dict[int, list[int]]:
        """Rows that have a formula, in order, by column."""
        found: dict[int, list[int]] = {}
        for row, column in sorted(self.formulas):
            found.setdefault(column, []).append(row)
        return found


@dataclass(frozen=True, slots=True)
class _Reference:
    """`last_row`, `last_column`: equal to the first of a single cell. `sheet`: "" of the formula's own."""

    sheet: str
    row: int
    column: int
    last_row: int
    last_column: int

    @property
    def single(self) -> bool:
        return (self.row, self.column) == (self.last_row, self.last_column)


@dataclass(frozen=True, slots=True)
class _Node:
    """`kind`: value, reference, call, or the sign of an operator."""

    kind: str
    value: Scalar | _Reference = None
    name: str = ""
    parts: tuple[_Node, ...] = ()


class Calculation:
    """Results of the formulas of one workbook. `load`: the cells of a sheet by its name, None where there is none.
    `names`: what a workbook calls single cells and areas."""

    def __init__(self, load: Callable[[str], Cells | None], names: Mapping[str, str] | None = None) -> None:
        self._load = lru_cache(maxsize=None)(load)
        self._names = {name.casefold(): target for name, target in (names or {}).items()}
        self._known: dict[Place, Scalar | CellError | Unknown] = {}
        self._steps = 0

    def result(self, sheet: str, row: int, column: int) -> Scalar | CellError:
        """Of the formula in a cell. Raises `Unknown`."""
        wanted = (sheet, row, column)
        pending, opened = [wanted], set()
        while pending:
            place = pending[-1]
            if place in self._known:
                pending.pop()
                continue
            try:
                node = _parsed(self._formula(place), self._names.get)
                needed = [] if place in opened else self._unsolved(node, place[0])
                if needed:
                    opened.add(place)
                    pending.extend(needed)
                    continue
                value = _no_area(self._value(node, place[0]))
                self._known[place] = 0.0 if value is None else value  # a reference to an empty cell shows 0
            except CellError as error:
                self._known[place] = error
            except (Unknown, RecursionError, OverflowError, ValueError, ArithmeticError) as error:
                self._known[place] = error if isinstance(error, Unknown) else Unknown(str(error))
            pending.pop()
        found = self._known[wanted]
        if isinstance(found, Unknown):
            raise found
        return found

    def _formula(self, place: Place) -> str:
        cells = self._load(place[0])
        if cells is None or place[1:] not in cells.formulas:
            raise Unknown("no formula")
        return cells.formulas[place[1:]]

    def _unsolved(self, node: _Node, sheet: str) -> list[Place]:
        """Formulas that a formula needs and that have no result yet."""
        found = []
        for reference in _references(node):
            name = reference.sheet or sheet
            cells = self._load(name)
            for column, rows in cells.formulas_by_column.items() if cells is not None else ():
                if reference.column <= column <= reference.last_column:
                    within = rows[bisect_left(rows, reference.row) : bisect_right(rows, reference.last_row)]
                    self._spend(0 if reference.single else len(within))
                    found += [(name, row, column) for row in within if (name, row, column) not in self._known]
        return found

    def _spend(self, steps: int) -> None:
        self._steps += steps
        if steps and self._steps > _MAX_STEPS:
            raise Unknown("too much to compute")

    def _cell(self, sheet: str, cells: Cells, row: int, column: int) -> Scalar:
        found: Scalar | CellError | Unknown
        if (row, column) in cells.formulas:
            found = self._known.get((sheet, row, column), Unknown("refers to itself"))
        else:
            found = cells.values.get((row, column))
        if isinstance(found, (CellError, Unknown)):
            raise found
        return found

    # --- evaluation ------------------------------------------------------------------------------------------

    def _value(self, node: _Node, sheet: str) -> Value:
        if isinstance(node.value, _Reference):
            return self._referred(node.value, sheet)
        if node.kind == "value":
            return node.value
        if node.kind == "call":
            return self._called(node, sheet)
        return operated(node.kind, [_no_area(self._value(part, sheet)) for part in node.parts])

    def _referred(self, reference: _Reference, sheet: str) -> Value:
        name = reference.sheet or sheet
        cells = self._load(name)
        if cells is None:
            raise Unknown(f"no sheet {name}")
        if reference.single:
            return self._cell(name, cells, reference.row, reference.column)
        rows, columns = cells.size
        last_row, last_column = min(reference.last_row, rows), min(reference.last_column, columns)
        self._spend(max(0, last_row - reference.row + 1) * max(0, last_column - reference.column + 1))
        return Area(
            tuple(
                tuple(self._cell(name, cells, row, column) for column in range(reference.column, last_column + 1))
                for row in range(reference.row, last_row + 1)
            )
        )

    def _called(self, node: _Node, sheet: str) -> Value:
        if node.name == "IF":
            if not 2 <= len(node.parts) <= 3:
                raise Unknown("IF")
            chosen = 1 if truth(self._value(node.parts[0], sheet)) else 2
            return self._value(node.parts[chosen], sheet) if chosen < len(node.parts) else False
        if node.name == "IFERROR" and len(node.parts) == 2:
            try:
                return self._value(node.parts[0], sheet)
            except CellError:
                return self._value(node.parts[1], sheet)
        function = FUNCTIONS.get(node.name)
        if function is None:
            raise Unknown(node.name)
        try:
            return function(*(self._value(part, sheet) for part in node.parts))
        except TypeError:
            raise Unknown(node.name) from None


def _no_area(value: Value) -> Scalar:
    if isinstance(value, Area):
        raise Unknown("an area where one value is needed")
    return value


def _references(node: _Node) -> Iterator[_Reference]:
    if isinstance(node.value, _Reference):
        yield node.value
    for part in node.parts:
        yield from _references(part)


# --- reading -------------------------------------------------------------------------------------------------


def _parsed(formula: str, name: Callable[[str], str | None]) -> _Node:
    return _Reader(_PREFIX.sub("", formula.strip().lstrip("=")), name).whole()


class _Reader:
    """A formula to a tree, by precedence: comparison, `&`, `+ -`, `* /`, `^`, sign, `%`."""

    _LEVELS = (("=", "<>", "<", ">", "<=", ">="), ("&",), ("+", "-"), ("*", "/"), ("^",))

    def __init__(self, text: str, name: Callable[[str], str | None]) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._name, self._at, self._depth = name, 0, 0
        end = 0
        while end < len(text.rstrip()):
            match = _TOKEN.match(text, end)
            if match is None:
                raise Unknown(text[end : end + 20])
            self._tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            end = match.end()

    def whole(self) -> _Node:
        node = self._level(0)
        if self._at < len(self._tokens):
            raise Unknown("more than one formula")
        return node

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")

    def _take(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _level(self, level: int) -> _Node:
        if level == len(self._LEVELS):
            return self._signed()
        node = self._level(level + 1)
        while self._peek()[0] == "sign" and self._peek()[1] in self._LEVELS[level]:
            node = _Node(self._take()[1], parts=(node, self._level(level + 1)))
        return node

    def _signed(self) -> _Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Unknown("nested too deeply")
        if self._peek() in (("sign", "-"), ("sign", "+")):
            sign = self._take()[1]
            node = self._signed()
            node = _Node("negative", parts=(node,)) if sign == "-" else node
        else:
            node = self._single()
            while self._peek() == ("sign", "%"):
                self._take()
                node = _Node("percent", parts=(node,))
        self._depth -= 1
        return node

    def _single(self) -> _Node:
        kind, text = self._take()
        if kind == "number":
            return _Node("value", float(text))
        if kind == "text":
            return _Node("value", text[1:-1].replace('""', '"'))
        if kind == "reference":
            return _Node("reference", _reference(text))
        if kind == "function":
            return _Node("call", name=text.upper(), parts=self._arguments())
        if kind == "name" and text.upper() in ("TRUE", "FALSE"):
            return _Node("value", text.upper() == "TRUE")
        if kind == "name" and (target := self._name(text.casefold())) is not None:
            named = _TOKEN.fullmatch(target.lstrip("="))
            if named is not None and named["reference"]:
                return _Node("reference", _reference(named["reference"]))
        if (kind, text) == ("sign", "("):
            node = self._level(0)
            if self._take() == ("sign", ")"):
                return node
        raise Unknown(text or "unfinished")

    def _arguments(self) -> tuple[_Node, ...]:
        found: list[_Node] = []
        if self._peek() == ("sign", ")"):
            self._take()
            return ()
        while True:
            found.append(self._level(0))
            sign = self._take()
            if sign == ("sign", ")"):
                return tuple(found)
            if sign != ("sign", ","):
                raise Unknown("arguments")


def _reference(text: str) -> _Reference:
    sheet, mark, area = text.rpartition("!")
    sheet = sheet[1:-1].replace("''", "'") if sheet.startswith("'") else sheet if mark else ""
    first, _, last = area.partition(":")
    if not any(c.isdigit() for c in area):
        return _Reference(sheet, 1, _column(first), _LAST_ROW, _column(last))
    row, column = _place(first)
    last_row, last_column = _place(last) if last else (row, column)
    rows, columns = sorted((row, last_row)), sorted((column, last_column))
    return _Reference(sheet, rows[0], columns[0], rows[1], columns[1])


def _place(corner: str) -> tuple[int, int]:
    match = _CORNER.fullmatch(corner)
    if match is None or not 1 <= int(match[2]) <= _LAST_ROW:
        raise Unknown(corner)
    return int(match[2]), _column(match[1])


def _column(letters: str) -> int:
    number = 0
    for letter in letters.strip("$").upper():
        number = number * 26 + ord(letter) - 64
    if number > _LAST_COLUMN:
        raise Unknown(letters)
    return number


def shifted(formula: str, rows: int, columns: int) -> str:
    """A formula as it stands `rows` below and `columns` beside its own cell: what is not fixed by `$` moves along."""

    def corner(match: re.Match[str]) -> str:
        fixed_column, letters, fixed_row, row = match.groups()
        letters = letters if fixed_column else column_letters(_column(letters) + columns)
        return f"{fixed_column}{letters}{fixed_row}{row if fixed_row else int(row) + rows}"

    def moved(match: re.Match[str]) -> str:
        if match.lastgroup != "reference":
            return match[0]
        sheet, mark, area = match[0].rpartition("!")
        return sheet + mark + _ONE.sub(corner, area)

    return _TOKEN.sub(moved, formula)


def column_letters(column: int) -> str:
    """27 -> `AA`."""
    letters = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters

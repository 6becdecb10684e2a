"""SQL that a model wrote, before any of it is run: parsed, checked against what it may name, put into a form that reads
no row but those that the asker may, and checked again.

SQL ─▶ tree ─▶ only what is on the lists ─▶ every name looked up ─▶ tables become subqueries with a predicate ─▶ checked
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError, SqlglotError
from sqlglot.optimizer.qualify import qualify

from metier.tables.cell_values import ColumnType
from metier.tables.readable import ReadableTable, group_name
from metier.tables.runner import QueryError
from metier.tables.schema import DOCUMENT, END, GROUP, HIDDEN, ROW, START, TOTAL, TableSchema
from metier.tables.worker import FUNCTIONS

DIALECT = "sqlite"
PLACE = (DOCUMENT, ROW, START, END)
_LONGEST, _LARGEST, _DEEPEST = 6000, 800, 40  # characters, nodes, nodes inside each other
_MOST_TABLES = 12
_MOST_DOCUMENTS = 8000  # that a predicate names
_TYPES = {"REAL", "DOUBLE", "FLOAT", "INT", "BIGINT", "TEXT", "DECIMAL", "VARCHAR"}
_COLLATIONS = {"nocase", "binary"}
# Whatever is not here is refused: what writes, locks, reads files, makes rows of nothing, or is new to the parser.
_NODES = frozenset({
    "Select", "Union", "Intersect", "Except", "Subquery", "With", "CTE", "From", "Join", "Where", "Group", "Having",
    "Order", "Ordered", "Limit", "Offset", "Distinct", "Table", "TableAlias", "Alias", "Identifier", "Column", "Star",
    "Literal", "Null", "Boolean", "Paren", "And", "Or", "Not", "EQ", "NEQ", "GT", "GTE", "LT", "LTE", "Is", "In",
    "Between", "Like", "Exists", "Add", "Sub", "Mul", "Div", "Mod", "Neg", "DPipe", "Case", "If", "Cast", "DataType",
    "Collate", "Var",
    "Count", "Sum", "Avg", "Min", "Max", "Abs", "Round", "Sign", "Coalesce", "Nullif", "Length", "Lower", "Upper",
    "Substring", "Trim", "StrPosition", "Date", "TimeToStr", "TsOrDsToTimestamp", "TsOrDsToDate", "Anonymous",
})  # fmt: skip
_COLUMN = re.compile(r"(?i)column '?\"?([^'\"\n]{1,80})")


class RefusedQuery(QueryError):
    """A query that is not run; `what` says why, in words that a model can use."""


class GuardedQuery:
    """A query that was checked. `tree`: with every column under its table's name and every name as the tables have
    it; `shown`: as it was written. Made by `guarded`."""

    def __init__(self, tree: exp.Query, shown: str, readable: Mapping[str, ReadableTable]) -> None:
        self.tree, self.shown, self._readable = tree, shown, readable

    @cached_property
    def tables(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.table(each).sql for each in _base_tables(self.tree)))

    def table(self, node: exp.Table) -> TableSchema:
        return self._readable[node.name.lower()].schema

    def sql(self, tree: exp.Query | None = None, *, totals: bool = True) -> str:
        """What is run: of `tree` (the query's own, or one made from it) the text in which each table gives the rows
        that may be read and no others. `totals`: whether rows that are totals of others may be among them; never where
        rows are added up or ordered. Raises `RefusedQuery`."""
        limited = (self.tree if tree is None else tree).copy()
        for node in list(_base_tables(limited)):
            computed = not totals or is_computed(node.parent_select)
            node.replace(_limited(node, self._readable[node.name.lower()], computed))
        text = limited.sql(DIALECT, comments=False)
        self._check_again(text)
        return text

    def _check_again(self, text: str) -> None:
        """The text read anew: each table stands in a subquery of ours, which gives the rows that may be read."""
        tree = _parsed(text, longest=len(text))
        _check_nodes(tree, largest=len(text))
        for node in _base_tables(tree):
            select = node.parent_select
            table = self._readable.get(node.name.lower())
            expected = _rows_of(table, _counts_no_totals(select)) if table and select is not None else None
            if expected is None or select is None or select.sql(DIALECT) != expected.sql(DIALECT):
                raise RefusedQuery("a table would be read without its limits")


def guarded(text: str, readable: Iterable[ReadableTable]) -> GuardedQuery:
    """Raises `RefusedQuery`."""
    known = {each.schema.sql.lower(): each for each in readable}
    tree = _parsed(text)
    _check_nodes(tree)
    _check_names(tree, known)
    shown = tree.sql(DIALECT, comments=False)
    columns: dict[str, object] = {name: _types(each.schema) for name, each in known.items()}
    try:
        qualified = qualify(tree.copy(), dialect=DIALECT, schema=columns, quote_identifiers=True, isolate_tables=False)
    except OptimizeError as error:
        named = _COLUMN.search(str(error))
        name = f" {named[1]!r}" if named else ""
        raise RefusedQuery(
            f"the column{name} is in none of the tables of the query, or in several: write "
            '"Table"."Column"; texts stand in single quotes'
        ) from None
    except (SqlglotError, AssertionError, RecursionError, ValueError, LookupError, AttributeError, TypeError):
        raise RefusedQuery("the query cannot be understood") from None
    if not isinstance(qualified, exp.Query):
        raise RefusedQuery("only one SELECT is run")
    _check_nodes(qualified)
    _as_named(qualified, known)
    return GuardedQuery(qualified, shown, known)


def _parsed(text: str, longest: int = _LONGEST) -> exp.Query:
    if len(text) > longest or "\0" in text:
        raise RefusedQuery(f"a query has {longest:,} characters at most")
    try:
        statements = sqlglot.parse(text, dialect=DIALECT)
    except (ParseError, SqlglotError, RecursionError, ValueError):
        raise RefusedQuery("this is no query that SQLite can read") from None
    if len(statements) != 1:
        raise RefusedQuery("only one statement is run")
    tree = statements[0]
    if not isinstance(tree, exp.Select | exp.SetOperation):
        raise RefusedQuery("only one SELECT is run")
    return tree


def _check_nodes(tree: exp.Query, largest: int = _LARGEST) -> None:
    """That nothing in the tree is other than what a question needs."""
    count = 0
    ahead: list[tuple[exp.Expr, int]] = [(tree, 0)]
    while ahead:
        node, depth = ahead.pop()
        count += 1
        if count > largest or depth > _DEEPEST:
            raise RefusedQuery("the query is too long or too deeply nested")
        name = type(node).__name__
        if name not in _NODES:
            raise RefusedQuery(f"{name.upper()} is not allowed: only SELECT over the tables, with plain functions")
        _check_node(node)
        ahead += [(child, depth + 1) for child in node.iter_expressions()]


def _check_node(node: exp.Expr) -> None:
    match node:
        case exp.Anonymous() if node.name.lower() not in FUNCTIONS or not isinstance(node.this, str):
            raise RefusedQuery(f"the function {node.name[:40]!r} is not allowed")
        case exp.Table() if (
            not isinstance(node.this, exp.Identifier) or node.args.get("db") or node.args.get("catalog")
        ):
            raise RefusedQuery("rows come from the tables alone, which are named plainly")
        case exp.Select() if not node.expressions:
            raise RefusedQuery("the query gives nothing")
        case exp.With() if node.args.get("recursive"):
            raise RefusedQuery("no query may refer to itself")
        case exp.Join() if node.args.get("method"):
            raise RefusedQuery("a join says its columns: ON or USING")
        case exp.Limit() | exp.Offset() if not isinstance(node.expression, exp.Literal) or node.expression.is_string:
            raise RefusedQuery("LIMIT is a plain number")
        case exp.DataType() if node.this.name not in _TYPES:
            raise RefusedQuery("a value becomes REAL, INTEGER or TEXT, nothing else")
        case exp.Var() if not isinstance(node.parent, exp.Collate) or node.name.lower() not in _COLLATIONS:
            raise RefusedQuery("a name stands in double quotes, a text in single ones")


def _check_names(tree: exp.Query, known: Mapping[str, ReadableTable]) -> None:
    made = {each.alias.lower() for each in tree.find_all(exp.CTE)}
    if made & known.keys():
        raise RefusedQuery("a part of the query is called as a table is")
    for identifier in tree.find_all(exp.Identifier):
        if identifier.name.startswith("_") and not isinstance(identifier.parent, exp.Column):
            raise RefusedQuery("no name begins with _")
    tables = list(tree.find_all(exp.Table))
    if len(tables) > _MOST_TABLES:
        raise RefusedQuery(f"a query reads {_MOST_TABLES} tables at most")
    for table in tables:
        if table.name.lower() not in known.keys() | made:
            raise RefusedQuery(f'there is no table "{table.name[:80]}"')
    for column in tree.find_all(exp.Column):
        if column.name.lower() in HIDDEN or column.args.get("db") or column.args.get("catalog"):
            raise RefusedQuery(f'there is no column "{column.name[:80]}"')


def _types(schema: TableSchema) -> dict[str, str]:
    found = {column.sql.lower(): "REAL" if column.type is ColumnType.NUMBER else "TEXT" for column in schema.columns}
    return {**found, group_name(schema).lower(): "TEXT"} if schema.grouped else found


def _as_named(tree: exp.Query, known: Mapping[str, ReadableTable]) -> None:
    """Names as the tables have them: SQLite knows no capitals of other scripts than Latin."""
    spelled = {}
    for name, each in known.items():
        own = [column.sql for column in each.schema.columns]
        spelled[name] = {column.lower(): column for column in [*own, group_name(each.schema)]}
    aliases: dict[int, dict[str, str]] = {}
    for node in _base_tables(tree):
        select = node.parent_select
        aliases.setdefault(id(select), {})[node.alias_or_name.lower()] = node.name.lower()
    for column in tree.find_all(exp.Column):
        select, table = column.parent_select, ""
        while select is not None and not table:
            table = aliases.get(id(select), {}).get(column.table.lower(), "")
            select = select.parent_select
        if table and not isinstance(column.this, exp.Star):
            column.this.set("this", spelled[table].get(column.name.lower(), column.name))
    for node in _base_tables(tree):
        node.this.set("this", known[node.name.lower()].schema.sql)


def _base_tables(tree: exp.Query) -> Iterable[exp.Table]:
    """Its tables that are no parts of the query itself."""
    made = {each.alias.lower() for each in tree.find_all(exp.CTE)}
    return (node for node in tree.find_all(exp.Table) if node.name.lower() not in made)


def is_computed(select: exp.Expr | None) -> bool:
    """Whether a SELECT adds the rows of its tables up, or looks for the largest."""
    if not isinstance(select, exp.Select):
        return False
    return is_aggregated(select) or bool(select.args.get("order") and select.args.get("limit"))


def is_aggregated(select: exp.Select) -> bool:
    """Whether a row of its result is of many rows."""
    own = (each for each in select.find_all(exp.AggFunc) if each.parent_select is select)
    return bool(select.args.get("group")) or next(own, None) is not None


def _limited(node: exp.Table, table: ReadableTable, computed: bool) -> exp.Subquery:
    alias = exp.TableAlias(this=exp.to_identifier(node.alias_or_name, quoted=True))
    limited = exp.Subquery(this=_rows_of(table, computed), alias=alias)
    joins = node.args.get("joins")
    if joins:
        limited.set("joins", joins)
    return limited


def _rows_of(table: ReadableTable, computed: bool) -> exp.Select:
    """The rows of a table that may be read, with its columns, the place of each row, and no more."""
    schema = table.schema
    names: list[exp.Expr] = [exp.column(exp.to_identifier(name, quoted=True)) for name in PLACE]
    names += [exp.column(exp.to_identifier(column.sql, quoted=True)) for column in schema.columns]
    if schema.grouped:
        group = exp.column(exp.to_identifier(GROUP, quoted=True))
        names.append(exp.alias_(group, group_name(schema), quoted=True))
    documents = sorted(table.documents)
    if len(documents) > _MOST_DOCUMENTS:
        raise RefusedQuery("the rows that may be read are of too many documents")
    column = exp.column(exp.to_identifier(DOCUMENT, quoted=True))
    allowed: exp.Expr = exp.In(this=column, expressions=[exp.Literal.string(each) for each in documents])
    if not documents:
        allowed = exp.EQ(this=exp.Literal.number(1), expression=exp.Literal.number(0))
    if computed and schema.totals:
        total = exp.column(exp.to_identifier(TOTAL, quoted=True))
        allowed = exp.and_(allowed, exp.EQ(this=total, expression=exp.Literal.number(0)))
    source = exp.Table(this=exp.to_identifier(schema.sql, quoted=True))
    return exp.Select().select(*names).from_(source).where(allowed)


def _counts_no_totals(select: exp.Expr) -> bool:
    return any(column.name == TOTAL for column in select.find_all(exp.Column))

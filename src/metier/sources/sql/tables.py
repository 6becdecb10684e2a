"""What a database says of its tables: columns, keys, what points where, and what a row is shown with.

table  ─▶ reflected: primary key, types, comments, foreign keys with the columns that name the rows they lead to
query  ─▶ its first rows tell names and types; its key is given
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from metier.core.database_rows import table_uri
from metier.core.errors import SourceError
from metier.core.tables import DeclaredColumn, Reference
from metier.sources.sql.cells import declared, kind_of, shown_name
from metier.sources.sql.connection import ReadOnlyDatabase
from metier.text.names import naming

if TYPE_CHECKING:
    from metier.core.source_settings import SourceSettings

_SAMPLED = 200  # rows by which the types of a query's columns are told
_DAY = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?\S*)?")
_SINGLE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|--[^\n]*|/\*.*?\*/", re.DOTALL)
_NO_KEY = "has no primary key, and its rows must be told apart"
_OF_SYSTEM = ("information_schema", "performance_schema", "mysql", "sys")


@dataclass(frozen=True, slots=True)
class Lookup:
    """A foreign key of one column, followed one step. `names`: columns that name the row it leads to, none where that
    has no name."""

    own: str
    table: sa.TableClause
    other: str
    shown: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class DatabaseTableReader:
    """A table or query as it is read. `rows`: what is selected from; `names`: its columns as the database has them,
    `shown` as rows show them, `columns` what they hold. `key`: which tell rows apart; `updated_at`: "" where there is
    none. `types`: of the key's columns, where they are known. `about`: what the database says of it."""

    name: str
    uri: str
    rows: sa.FromClause
    names: tuple[str, ...]
    shown: tuple[str, ...]
    columns: tuple[DeclaredColumn, ...]
    key: tuple[str, ...]
    types: tuple[Any, ...] = ()
    updated_at: str = ""
    lookups: tuple[Lookup, ...] = ()
    about: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        shown = dict(zip(self.names, self.shown, strict=True))
        return tuple((shown[each.own], each.shown, each.other) for each in self.lookups)

    @cached_property
    def shape(self) -> str:
        """Changes when the same rows would be shown otherwise."""
        lookups = [(each.own, each.shown, each.other, each.names) for each in self.lookups]
        columns = [asdict(column) for column in self.columns]
        return json.dumps([self.name, self.names, self.shown, columns, self.key, lookups, self.about, self.updated_at])

    def select(self, *, whole: bool) -> sa.Select[Any]:
        """Its rows in the order of their keys: the key first, then all columns and the names of what they point to;
        where they say when they changed and not the `whole` is wanted, that alone."""
        key = [self.rows.c[name] for name in self.key]
        if not whole and self.updated_at:
            return sa.select(*key, self.rows.c[self.updated_at].label("_changed")).order_by(*key)
        columns = [column.label(f"_key{n}") for n, column in enumerate(key)]
        columns += [self.rows.c[name].label(f"_own{n}") for n, name in enumerate(self.names)]
        joined: sa.FromClause = self.rows
        for n, lookup in enumerate(self.lookups):
            if lookup.names:
                other = lookup.table.alias(f"_other{n}")
                joined = joined.outerjoin(other, self.rows.c[lookup.own] == other.c[lookup.other])
                columns += [other.c[name].label(f"_name{n}_{place}") for place, name in enumerate(lookup.names)]
        return sa.select(*columns).select_from(joined).order_by(*key)

    def bounded(self, select: sa.Select[Any], operator: str, key: Sequence[object]) -> sa.Select[Any]:
        """Only what stands at or behind (">="), behind (">"), or before ("<") this key."""
        columns = [self.rows.c[name] for name in self.key]
        types = self.types or (None,) * len(key)
        values = [sa.literal(v, t) if t is not None else sa.literal(v) for v, t in zip(key, types, strict=True)]
        strict = operator[0]
        last: sa.ColumnElement[Any] = columns[-1].op(operator)(values[-1])
        for column, value in list(zip(columns, values, strict=True))[-2::-1]:
            last = column.op(strict)(value) | ((column == value) & last)
        if len(columns) > 1:  # which an index can serve
            last = columns[0].op(f"{strict}=")(values[0]) & last
        return select.where(last)


class Tables:
    """The tables that a source names, looked up in its database."""

    def __init__(self, database: ReadOnlyDatabase, settings: SourceSettings) -> None:
        self._database, self._settings = database, settings

    def all(self) -> Iterator[DatabaseTableReader | SourceError]:
        """Of each a reader, or why it cannot be read. Raises `SourceError` where the database cannot be asked."""
        if self._settings.query is not None:
            yield self._guarded(lambda: self._query(str(self._settings.query)))
            return
        with self._database.errors():
            inspector = sa.inspect(self._database.engine)
            known = self._known(inspector)
        for name in self._settings.tables or known:
            yield self._guarded(lambda name=name: self._table(inspector, name, known))

    def one(self, uri: str) -> DatabaseTableReader | None:
        return next((each for each in self.all() if not isinstance(each, SourceError) and each.uri == uri), None)

    @staticmethod
    def _guarded(make: Any) -> DatabaseTableReader | SourceError:
        try:
            reader: DatabaseTableReader = make()
        except SourceError as error:
            return error
        return reader

    def _known(self, inspector: sa.Inspector) -> dict[str, tuple[str | None, str]]:
        """Schema and name of each table that the account may read, by the name that people use. Views are read where
        they are named: they have no key of their own."""
        schemas: list[str | None] = [None]
        if self._database.family == "postgresql":
            own = inspector.default_schema_name
            others = (s for s in inspector.get_schema_names() if s != own and not s.startswith("pg_"))
            schemas += [schema for schema in others if schema not in _OF_SYSTEM]
        readable = self._readable()
        found = {}
        for schema in schemas:
            for name in sorted(inspector.get_table_names(schema)):
                if readable is None or (schema or inspector.default_schema_name, name) in readable:
                    found[f"{schema}.{name}" if schema else name] = (schema, name)
        return found

    def _readable(self) -> set[tuple[str | None, str]] | None:
        if self._database.family != "postgresql":
            return None  # of others only what the account may see is listed
        query = (
            "SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE relkind "
            "IN ('r', 'p', 'f') AND has_schema_privilege(pg_namespace.oid, 'USAGE') "
            "AND has_table_privilege(pg_class.oid, 'SELECT')"
        )
        with self._database.engine.connect() as connection:
            return {(schema, name) for schema, name in connection.execute(sa.text(query))}

    def _table(
        self, inspector: sa.Inspector, name: str, known: Mapping[str, tuple[str | None, str]]
    ) -> DatabaseTableReader:
        uri = table_uri(self._database.identity, name)
        schema, own = known.get(name) or self._named(inspector, name, known, uri)
        with self._database.errors():
            reflected = {column["name"]: column for column in inspector.get_columns(own, schema)}
            key = self._settings.key or tuple(inspector.get_pk_constraint(own, schema)["constrained_columns"])
            unique = [tuple(each["column_names"]) for each in inspector.get_unique_constraints(own, schema)]
            foreign = inspector.get_foreign_keys(own, schema)
            comment = self._comment(inspector, own, schema)
        self._check(uri, key, reflected, unique)
        updated_at = self._settings.updated_at or ""
        if updated_at and updated_at not in reflected:
            if self._settings.tables:
                raise SourceError(f"has no column {updated_at}", where=uri, hint=_columns(reflected))
            updated_at = ""
        bytes_ = [n for n, column in reflected.items() if isinstance(column["type"], sa.LargeBinary)]
        names = tuple(n for n in reflected if n not in bytes_ or n in key)
        rows = sa.table(own, *map(sa.column, reflected), schema=schema).alias("_rows")
        lookups = tuple(self._lookups(inspector, foreign, schema, names))
        ids = {each.own for each in lookups} | (set(key) if len(key) == 1 else set())
        kinds = {n: self._kind(reflected[n]["type"], n in ids) for n in names}
        if self._database.family == "sqlite":
            kinds |= self._days(rows, [n for n in names if kinds[n] == "text"], key)
        comments = {n: " ".join(str(reflected[n].get("comment") or "").split()) for n in names}
        columns = tuple(declared(n, kinds[n], comments[n]) for n in names)
        shown = _shown(names, comments, columns)
        about = [f"{name}: {comment}"] if comment else []
        about += [f"{s}: {comments[n]}" for n, s in zip(names, shown, strict=True) if comments[n] and s == n]
        notes = (f"left out columns of bytes: {', '.join(bytes_)}",) if bytes_ else ()
        types = () if self._database.family == "sqlite" else tuple(reflected[n]["type"] for n in key)
        return DatabaseTableReader(
            name, uri, rows, names, shown, columns, key, types, updated_at, lookups, tuple(about), notes
        )

    def _named(
        self, inspector: sa.Inspector, name: str, known: Mapping[str, tuple[str | None, str]], uri: str
    ) -> tuple[str | None, str]:
        """A view, or a table that is written otherwise. Raises `SourceError`."""
        schema, _, own = name.rpartition(".")
        with self._database.errors():
            if inspector.has_table(own, schema or None):  # views, too
                return schema or None, own
        some = ", ".join(list(known)[:20]) or "none"
        raise _missing(f"is not there, or the account may not read it; there are {some}", uri)

    def _check(
        self, uri: str, key: tuple[str, ...], columns: Mapping[str, Any], unique: Sequence[tuple[str, ...]] = ()
    ) -> None:
        for column in key:
            if column not in columns:
                raise SourceError(f"has no column {column}, which is to be its key", where=uri, hint=_columns(columns))
        if not key:
            likely = [", ".join(each) for each in unique]
            likely += [name for name in columns if re.search(r"(?i)(^|_)(id|no|nr|number|code|key|uuid)$|Id$", name)]
            hint = f"Name what does, as `--key {(likely or list(columns))[0]}`."
            if likely:
                hint += f" It may be {' or '.join(dict.fromkeys(likely))}."
            raise SourceError(_NO_KEY, where=uri, hint=hint)

    def _comment(self, inspector: sa.Inspector, name: str, schema: str | None) -> str:
        try:
            return " ".join(str(inspector.get_table_comment(name, schema)["text"] or "").split())
        except NotImplementedError:  # SQLite has none
            return ""

    def _lookups(
        self, inspector: sa.Inspector, foreign: Sequence[Any], schema: str | None, names: Sequence[str]
    ) -> Iterator[Lookup]:
        for each in foreign:
            if len(each["constrained_columns"]) != 1 or each["constrained_columns"][0] not in names:
                continue
            there = each["referred_schema"] or (schema if each["referred_schema"] else None)
            with self._database.errors():
                columns = inspector.get_columns(each["referred_table"], there)
                pointed = (
                    each["referred_columns"]
                    or inspector.get_pk_constraint(each["referred_table"], there)["constrained_columns"]
                )
            words = [c["name"] for c in columns if isinstance(c["type"], sa.String)]
            table = sa.table(each["referred_table"], *(sa.column(c["name"]) for c in columns), schema=there)
            shown = f"{there}.{each['referred_table']}" if there else each["referred_table"]
            named = tuple(words[n] for n in naming(words))
            yield Lookup(each["constrained_columns"][0], table, pointed[0], shown, named)

    @staticmethod
    def _kind(type_: Any, is_id: bool) -> str:
        if isinstance(type_, sa.Integer):
            return "text" if is_id else "integer"  # nobody sums up the numbers that rows go by
        if isinstance(type_, sa.Numeric):  # of which floats are
            return "number"
        return "date" if isinstance(type_, sa.Date | sa.DateTime) else "text"

    def _days(self, rows: sa.FromClause, names: Sequence[str], key: Sequence[str]) -> dict[str, str]:
        """Columns of days, which SQLite keeps as text."""
        columns = [rows.c[name] for name in (*names, *key[:1])]
        select = sa.select(*columns).order_by(*(rows.c[name] for name in key)).limit(_SAMPLED)
        with self._database.errors(), self._database.engine.connect() as connection:
            sample = connection.execute(select).fetchall()
        values = {name: [row[n] for row in sample if row[n] is not None] for n, name in enumerate(names)}
        return {n: "date" for n, of in values.items() if of and all(_DAY.fullmatch(str(value)) for value in of)}

    def _query(self, query: str) -> DatabaseTableReader:
        name = self._settings.label or "query"
        uri = table_uri(self._database.identity, name, is_query=True)
        text = query.strip().rstrip(";").strip()
        if not re.match(r"(?i)(select|with|values)\b", text) or ";" in _SINGLE.sub("", text):
            raise SourceError("is not one SELECT, and nothing else is run", where=uri, hint="Change its `query`.")
        whole = sa.text(f"SELECT * FROM ({text}\n) AS _rows".replace(":", "\\:"))  # noqa: S608 - the owner's own
        with self._database.errors(), self._database.engine.connect() as connection:
            found = connection.execution_options(stream_results=True).execute(whole)
            sample = [row for row, _ in zip(found, range(_SAMPLED), strict=False)]
            names = tuple(found.keys())
            found.close()
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SourceError(f"has two columns called {twice[0]}", where=uri, hint="Give one another name with AS.")
        self._check(uri, self._settings.key, dict.fromkeys(names))
        updated_at = self._settings.updated_at or ""
        if updated_at and updated_at not in names:
            raise SourceError(f"has no column {updated_at}", where=uri, hint=_columns(names))
        values = {name: [row[n] for row in sample] for n, name in enumerate(names)}
        kept = tuple(n for n in names if not any(isinstance(v, bytes | memoryview) for v in values[n]))
        kinds = {n: kind_of(values[n]) for n in kept}
        if len(self._settings.key) == 1 and kinds[self._settings.key[0]] == "integer":
            kinds[self._settings.key[0]] = "text"
        rows = sa.text(f"{text}\n".replace(":", "\\:")).columns(*map(sa.column, names)).subquery("_rows")
        columns = tuple(declared(n, kinds[n], "") for n in kept)
        notes = (f"left out columns of bytes: {', '.join(set(names) - set(kept))}",) if kept != names else ()
        return DatabaseTableReader(
            name, uri, rows, kept, kept, columns, self._settings.key, (), updated_at, notes=notes
        )


class _MissingTable(SourceError):
    """A table that is not there (any more)."""


def _missing(what: str, uri: str) -> SourceError:
    return _MissingTable(what, where=uri, hint="Check its name, or take it out of metier.toml.")


def is_missing(error: SourceError) -> bool:
    return isinstance(error, _MissingTable)


def _columns(names: Mapping[str, object] | Sequence[str]) -> str:
    return f"Its columns are {', '.join(names)}."


def _shown(names: Sequence[str], comments: Mapping[str, str], columns: Sequence[DeclaredColumn]) -> tuple[str, ...]:
    """What columns are called in rows, each otherwise than the others."""
    wanted = [shown_name(n, comments[n], column.unit) for n, column in zip(names, columns, strict=True)]
    counted = [name.casefold() for name in (*wanted, *names)]
    return tuple(
        want if want == name or counted.count(want.casefold()) == 1 else name
        for want, name in zip(wanted, names, strict=True)
    )

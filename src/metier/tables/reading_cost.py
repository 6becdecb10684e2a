"""How far what a query asks lies from what the words of a question name: 0 where each table is named and near."""

from __future__ import annotations

from metier.tables.combinations import Mentions
from metier.tables.query import ColumnReference, Graph, NoPath, TableQuery, label_of, path, points_to
from metier.tables.superlatives import pointing_columns

# What it costs that a table lies between, that a value is no name, that another table is asked than is named, that one
# is named for nothing (less of one that the rows belong to), and that a reading is odd: rows of another table than the
# first, or rows that only join others.
JOIN, ATTRIBUTE, OTHER, UNUSED, PARENT, ODD = 0.04, 0.1, 0.3, 0.4, 0.05, 0.03
_BESIDE = 3  # times that it is odd to show what another row was asked for
_FARTHEST = 4  # tables that lie between two


def distance(query: TableQuery, mentions: Mentions, steps: Graph, *, counts: bool) -> float:
    """`counts`: whether the question asks how many. Raises `NoPath` where the query would tell rows more than once, or
    what is measured of rows that nobody named."""
    tables = {place.table.sql: place.table for place in query.places}
    ways = [path(steps, query.table, table) for table in tables.values()]
    if any(len(way) > _FARTHEST for way in ways):
        raise NoPath
    _check(query, mentions, steps)
    named = {mention.table.sql for mention in mentions.named}
    used = {query.table.sql, *tables}
    values = [condition.place for condition in query.conditions if condition.operator == "in"]
    asked = any(m.table.sql == query.table.sql and m.share == 1 for m in mentions.columns)
    reached = used | {step[1].sql for way in ways for step in way}
    pointing = pointing_columns(query.table)
    asks = used if asked else {query.table.sql}
    if query.aggregate:
        asks = reached  # "revenue of Ann's clients" goes by them
    parents: set[str] = set()
    if query.aggregate == "sum":  # of lines of orders: "how many packs were ordered"
        parents = {step[1].sql for step in steps.get(query.table.sql, ()) if step[0] in pointing}
        asks = asks | parents
    other = bool(named) and not named & asks
    if counts and query.aggregate == "count":
        other = bool(named) and query.table.sql not in named
    of_rows_below = query.aggregate in ("sum", "avg") and any(
        place.table.sql != query.table.sql and points_to(steps, place.table, query.table) for place in values
    )  # the weight of one cheese, of those that a cellar has
    of_rows_below |= query.aggregate == "sum" and query.of is not None and query.of.table.sql != query.table.sql
    meant = any(m.measured and query.of == ColumnReference(m.table, m.column.sql) for m in mentions.columns)
    linking = not query.aggregate and any(place.column in pointing for place in label_of(query.table))
    return (
        ODD * (linking + _BESIDE * of_rows_below + _reads_beside(query, steps) + _has_itself(query))
        + JOIN * sum(map(len, ways))
        + OTHER * (other + (of_rows_below and meant))
        + ATTRIBUTE * sum(place not in label_of(place.table) for place in values)
        + sum(PARENT if name in parents else UNUSED for name in named - reached)
    )


def _check(query: TableQuery, mentions: Mentions, steps: Graph) -> None:
    shown = [*query.select, *query.group, *(place for place in (query.of, query.order) if place is not None)]
    if any(not points_to(steps, query.table, place.table) for place in shown):
        raise NoPath  # rows would be told, or counted, more than once
    own = [mention for mention in mentions.columns if mention.table.sql == query.table.sql]
    named = mentions.named
    if query.aggregate or not own or not all(mention.measured for mention in own):
        return
    if any(mention.table.sql == query.table.sql for mention in named):
        return
    if named and not any(points_to(steps, mention.table, query.table) for mention in named):
        raise NoPath  # what is measured is of what is named, not of each of the rows that belong to it
    givers = [mention.table for mention in mentions.values]
    if givers and not any(points_to(steps, table, query.table) for table in givers):
        raise NoPath  # nor of rows that only have to do with what is given


def _reads_beside(query: TableQuery, steps: Graph) -> int:
    """How often a column is shown beside one that leads to a row which has it, too: of "the population of the capital"
    that of the country."""
    own = [place for place in query.select if place.table.sql == query.table.sql]
    names = {place.column for place in own if place not in label_of(place.table)}
    ways = steps.get(query.table.sql, ())
    leading = [step for step in ways if step[0] in names & pointing_columns(query.table)]
    return sum(_BESIDE for step in leading if any(step[1].column(name) for name in names - {step[0]}))


def _has_itself(query: TableQuery) -> int:
    """How many columns of other tables are read that the table has, too, and of them once more those it shows."""
    others: set[ColumnReference] = {p for p in query.places if p.column and p.table.sql != query.table.sql}
    own = [p.column for p in others if query.table.column(p.column) and p not in label_of(p.table)]
    return len(own) + sum(place.column in own for place in query.select if place.table.sql == query.table.sql)

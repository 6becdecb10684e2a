"""Training data from a file: what kind of file and which layout it is, is told by looking.

    from metier.dataset import formats
    formats.read(Path("alpaca.json")).rows

A row that is malformed (a column is missing, a list where text should be) stops the import and is shown, or is counted
with `skip_bad`; an empty question or completion is counted always, because exports are full of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from metier.core.errors import InputError
from metier.core.groups import required_by
from metier.dataset import labels, layouts
from metier.dataset.cleaning import Malformed
from metier.dataset.layouts import Columns, Layout
from metier.dataset.records import RawRecord, Records
from metier.dataset.records import read as read_records
from metier.dataset.rows import Row
from metier.text.detection import detect

_LOOK_AT = 20  # records that say which layout it is
_PROBLEMS = 5  # bad rows that are named
_SKIP_HINT = "Fix the row, or leave bad rows out with --skip-bad."


@dataclass(frozen=True, slots=True)
class Imported:
    """`records`: what the file holds, which may be fewer than its rows (conversations) or more (empty ones).
    `skipped`: reason ("empty", "bad") to how many. `problems`: the first bad rows, in words."""

    rows: tuple[Row, ...]
    layout: str
    records: int
    skipped: dict[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did to an expert's dataset: `added` rows were new, `known` ones were there already, `total` are
    there now. The others as in `Imported`."""

    layout: str
    records: int
    added: int
    known: int
    total: int
    skipped: dict[str, int]
    problems: tuple[str, ...]


def read(
    path: Path,
    *,
    columns: Columns | None = None,
    layout: str | None = None,
    split: str = "train",
    language: str = "en",
    skip_bad: bool = False,
) -> Imported:
    """The rows at `path`. `columns`: named columns instead of a layout. `layout`: the name of one, where two fit.
    `split`: of a folder that holds several. `language`: of rows whose script does not say another.

    Raises `InputError` for a file that cannot be read, a layout that is not known or ambiguous, and the first
    malformed row unless `skip_bad`.
    """
    found = read_records(path, split)
    chosen = _by_columns(columns, found, path) if columns else _recognise(found, layout, path)
    names = {name.casefold(): named for name, named in found.names.items()}
    rows: list[Row] = []
    skipped: Counter[str] = Counter()
    problems: list[str] = []
    for record in found.records:
        try:
            made = _rows(record, chosen, path, names)
        except Malformed as error:
            said = f"row {record.number} {error}"
            if not skip_bad:
                raise InputError(f"{said}: {record.shown}", where=str(path), hint=_SKIP_HINT) from None
            skipped["bad"] += 1
            problems.append(said)
            continue
        full = [row for row in made if row.question.strip() and row.completion.strip()]
        skipped["empty"] += len(made) - len(full)
        rows += [_placed(row, f"{path.name}:{record.number}", language) for row in full]
    rows = _labelled(rows)
    return Imported(tuple(rows), chosen.name, len(found.records), dict(+skipped), tuple(problems[:_PROBLEMS]))


def merge(known: Sequence[Row], new: Iterable[Row]) -> list[Row]:
    """`known`, then the rows of `new` that are in neither: importing a file twice adds nothing. A row that comes again
    from other documents takes what it takes to read both."""
    by_id = {row.id: row for row in known}
    for row in new:
        first = by_id.setdefault(row.id, row)
        if first.groups != row.groups or first.documents != row.documents:
            documents = tuple(dict.fromkeys([*first.documents, *row.documents]))
            by_id[row.id] = replace(first, documents=documents, groups=required_by([*first.groups, *row.groups]))
    return list(by_id.values())


def report(imported: Imported, before: int, after: int) -> ImportReport:
    """`before`, `after`: rows of the dataset that `imported` was merged into."""
    added = after - before
    return ImportReport(
        imported.layout, imported.records, added, len(imported.rows) - added, after, imported.skipped, imported.problems
    )


def _rows(record: RawRecord, layout: Layout, path: Path, names: layouts.Names) -> list[Row]:
    if record.problem:
        raise Malformed(record.problem)
    if not isinstance(record.values, dict):
        raise Malformed("is no object with named columns")
    values = layouts.folded(record.values)
    documents = layouts.documents(values)
    return [replace(row, documents=documents) for row in layout.rows(values, path.name, names)]


def _labelled(rows: Sequence[Row]) -> list[Row]:
    """Rows that say no kind are labels where the file gives the same few short completions again and again."""
    known = set(labels.among([row.completion for row in rows if not row.kind]))
    return [replace(row, kind="label") if not row.kind and row.completion in known else row for row in rows]


def _placed(row: Row, origin: str, language: str) -> Row:
    told = row.language or detect(f"{row.question}\n{row.completion}", language)
    return replace(row, origin=row.origin or origin, language=told)


# --- which layout --------------------------------------------------------------------------------------------


def _by_columns(columns: Columns, found: Records, path: Path) -> Layout:
    wanted = [name for name in (columns.question, columns.completion, columns.context) if name]
    there = found.columns
    for name in wanted:
        if name.casefold() not in {column.casefold() for column in there}:
            raise InputError(
                f"has no column {name!r}", where=str(path), hint=f"Its columns are {', '.join(there) or 'unnamed'}."
            )
    return Layout("columns", ", ".join(wanted), lambda _record: True, _column_reader(columns))


def _column_reader(columns: Columns) -> layouts.ToRows:
    return lambda record, file, names: [layouts.from_columns(record, columns, file, names)]


def _recognise(found: Records, name: str | None, path: Path) -> Layout:
    """The layout that fits most of the first rows, so that one bad row among them does not hide it."""
    known = layouts.known()
    if name is not None:
        chosen = [layout for layout in known if layout.name == name]
        if not chosen:
            raise InputError(f"there is no layout {name!r}", hint=f"Choose one of {', '.join(x.name for x in known)}.")
        return chosen[0]
    first = found.records[:_LOOK_AT]
    records = [layouts.folded(record.values) for record in first if isinstance(record.values, dict)]
    fitting = [layout for layout in known if 2 * sum(map(layout.fits, records)) >= len(records) > 0]
    if len(fitting) == 1:
        return fitting[0]
    there = ", ".join(found.columns) or "none"
    if fitting:
        raise InputError(
            f"could be {' or '.join(layout.name for layout in fitting)}; its columns are {there}",
            where=str(path),
            hint="Say which with --layout, or name the columns with --question and --completion.",
        )
    begins = first[0]
    problem = f" {begins.problem}" if begins.problem else ""
    raise InputError(
        f"is in no known layout; its columns are {there}; row {begins.number}{problem}: {begins.shown}",
        where=str(path),
        hint="Name the columns with --question and --completion, or use one of these: "
        + "; ".join(f"{layout.name} ({layout.columns})" for layout in known)
        + ".",
    )

"""Files to records: JSON Lines, JSON, CSV, Parquet, and folders that `datasets.save_to_disk` wrote.

A record is what one row holds, whatever its layout; `layouts` makes training rows of it. Numbers are as a person
finds the row again: the line of a JSON Lines file, the row of a spreadsheet with its header as row 1, else the
1-based place in the list.

What a file costs is bounded: its bytes, before one is read; characters of a line or cell; lists in lists of JSON; rows
and bytes that a compressed file unpacks to.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metier.core import bounded_files
from metier.core.errors import InputError
from metier.parsing.text.delimited import find_separator

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = ".jsonl, .json, .csv, .tsv, .parquet, or a folder that `datasets.save_to_disk` wrote"
# Lists of rows inside an object, as `{"data": [...]}`.
_LISTS = ("data", "conversations", "rows", "train", "examples")
_LOOK_AT = 20  # records whose columns are taken for the file's
_LONGEST = 2_000_000  # characters of a line, or of a cell
_TOO_LONG = f"has a text of more than {_LONGEST:,} characters"
_MOST_NESTED = 20_000_000  # lists and objects in one JSON value, each of which takes some sixty bytes
_MOST_ROWS = 2_000_000
_AT_ONCE = 64  # rows of a Parquet file that are unpacked together
_MOST_DESCRIBED = 16 * 2**20  # bytes of what `datasets` notes beside the rows
_SHOWN = 200  # characters of a bad row
_SAMPLE_LINES = 800
_SPLIT = "Split it, or leave out what is not needed."
_BOMS = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class RawRecord:
    """`values`: what the row holds, column to value where it is well-formed. `problem`: why it could not be read."""

    number: int
    values: Any
    problem: str = ""

    @property
    def shown(self) -> str:
        """What it holds, on one line that is not too long, for a message."""
        text = self.values if isinstance(self.values, str) else json.dumps(self.values, ensure_ascii=False, default=str)
        text = "".join(character if character.isprintable() else "·" for character in " ".join(text.split()))
        return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


@dataclass(frozen=True, slots=True)
class Records:
    """`names`: columns of numbers that stand for labels, with the name of each number."""

    records: list[RawRecord]
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The columns of the first rows."""
        names: dict[str, None] = {}
        for record in self.records[:_LOOK_AT]:
            if isinstance(record.values, dict):
                names.update(dict.fromkeys(map(str, record.values)))
        return list(names)


def read(path: Path, split: str = "train") -> Records:
    """All records at `path`. `split`: which one, where a folder holds several.
    Raises `InputError` for what is not there, is of no known kind, is broken as a whole, or holds no rows."""
    try:
        found = _folder(path, split) if path.is_dir() else _file(path)
    except OSError as error:
        raise InputError(error.strerror or str(error), where=str(path)) from None
    if not found.records:
        raise InputError("holds no rows", where=str(path), hint=f"A dataset is {KINDS}.")
    return replace(found, records=[_bounded(record) for record in found.records])


def _bounded(record: RawRecord) -> RawRecord:
    if record.problem or max(_lengths(record.values), default=0) <= _LONGEST:
        return record
    return RawRecord(record.number, "", _TOO_LONG)


def _lengths(value: Any) -> Iterator[int]:
    """Characters of each text in it."""
    if isinstance(value, str):
        yield len(value)
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _lengths(inner)


def _file(path: Path) -> Records:
    with bounded_files.opened(path) as file:
        magic = file.read(6)
    suffix = path.suffix.lower()
    if magic.startswith(b"PAR1") or suffix == ".parquet":
        return _parquet(path)
    if suffix == ".arrow":
        return _arrow([path])
    if suffix in (".csv", ".tsv"):
        return Records(list(_csv(_text(path), path)))
    if suffix in (".jsonl", ".ndjson", ".json"):
        return Records(_json(_text(path), path))
    raise InputError(f"a dataset cannot be read from {suffix or 'a file without an ending'}", where=str(path),
                     hint=f"A dataset is {KINDS}.")  # fmt: skip


def _text(path: Path) -> str:
    content = bounded_files.read(path)
    for mark in _BOMS:
        if content.startswith(mark):
            encoding = "utf-32" if len(mark) == 4 else "utf-16"
            try:
                return content.decode(encoding).removeprefix("\ufeff")
            except UnicodeDecodeError:
                raise InputError(f"begins as {encoding.upper()} text and is none", where=str(path)) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"is not UTF-8 text (byte {content[error.start]:#04x})",
            where=f"{path}, line {line}",
            hint="Save the file as UTF-8.",
        ) from None


# --- JSON ----------------------------------------------------------------------------------------------------


def _json(text: str, path: Path) -> list[RawRecord]:
    """JSON Lines or one JSON value: told apart by the first line, because the endings are often mixed up."""
    start = text.lstrip()
    if not start:
        return []
    if start[0] != "[" and (path.suffix.lower() != ".json" or _is_object(start.partition("\n"))):
        return list(_json_lines(text))
    if text.count("[") + text.count("{") > _MOST_NESTED:
        raise InputError(f"has more than {_MOST_NESTED:,} lists and objects", where=str(path), hint=_SPLIT)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON: {error}", where=str(path)) from None
    return [RawRecord(number, row) for number, row in enumerate(_rows_in(value, path), start=1)]


def _is_object(parts: tuple[str, str, str]) -> bool:
    """Whether there is a second line, and the first is an object by itself."""
    first, _, rest = parts
    if not rest.strip():
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _json_lines(text: str) -> Iterator[RawRecord]:
    # Only \n parts lines: U+2028 and its like may stand inside a JSON string, and str.splitlines would cut there.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        if len(line) > _LONGEST:
            yield RawRecord(number, line[:_SHOWN], _TOO_LONG)
            continue
        try:
            yield RawRecord(number, json.loads(line))
        except (ValueError, RecursionError) as error:
            yield RawRecord(number, line, f"is not JSON ({error})")


def _rows_in(value: Any, path: Path) -> list[Any]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        lists: list[list[Any]] = [value[name] for name in _LISTS if isinstance(value.get(name), list)]
        # {"conversations": [{"from": …}]} is one conversation, not a list of them.
        if lists and not (isinstance(lists[0][:1], list) and _is_turn(lists[0][:1])):
            return lists[0]
        if len(value) > 1 and all(isinstance(row, dict) for row in value.values()):
            return list(value.values())  # {"id 1": {…}, "id 2": {…}}
    raise InputError(
        "is one JSON value, not a list of rows",
        where=str(path),
        hint=f"Put the rows into a list, or into one of {', '.join(_LISTS)}.",
    )


def _is_turn(first: list[Any]) -> bool:
    return bool(first) and isinstance(first[0], dict) and bool({"from", "role"} & first[0].keys())


# --- CSV -----------------------------------------------------------------------------------------------------


def _csv(text: str, path: Path) -> Iterator[RawRecord]:
    csv.field_size_limit(sys.maxsize)  # a cell may hold a whole document
    begun = [line.rstrip("\r\n") for line in itertools.islice(io.StringIO(text, newline=""), _SAMPLE_LINES)]
    separator = "\t" if path.suffix.lower() == ".tsv" else find_separator(begun)
    # Only \r and \n end a line: str.splitlines would cut a cell at U+000B, U+0085 or U+2028.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header: list[str] = []
    number = 0
    try:
        for row in reader:
            number += 1
            if not any(cell.strip() for cell in row):
                continue
            if not header:
                header = _header(row, path)
            elif len(row) != len(header):
                yield RawRecord(number, row, f"has {len(row)} cells where the header names {len(header)} columns")
            else:
                yield RawRecord(number, dict(zip(header, row, strict=True)))
    except csv.Error as error:
        raise InputError(
            f"is not valid CSV: {error}",
            where=f"{path}, line {reader.line_num}",
            hint="A quote inside a quoted cell is written twice.",
        ) from None


def _header(row: list[str], path: Path) -> list[str]:
    names = [name.strip() for name in row]
    twice = [name for name, count in Counter(name.casefold() for name in names).items() if count > 1]
    if twice:
        raise InputError(
            f"has more than one column named {twice[0]!r}", where=str(path), hint="Give each column its own name."
        )
    return names


# --- Parquet and Arrow ---------------------------------------------------------------------------------------


def _parquet(path: Path) -> Records:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
            _check_size(sum(group.total_byte_size for group in groups), file.metadata.num_rows, path)
            return Records(_numbered(file.iter_batches(), path), _label_names(_hub_features(file.schema_arrow)))
    except pa.ArrowException as error:
        raise InputError(f"is not a Parquet file that can be read: {error}", where=str(path)) from None


def _arrow(paths: list[Path], features: Mapping[str, Any] | None = None) -> Records:
    """Arrow files, as a stream (what `datasets` writes) or as a file."""
    import pyarrow as pa

    rows: list[RawRecord] = []
    names: Mapping[str, tuple[str, ...]] = _label_names(features or {})
    for path in paths:
        with bounded_files.opened(path):
            pass  # it is a file, and not too large
        try:
            with pa.memory_map(str(path)) as source:
                schema, batches = _batches(source)
                names = names or _label_names(_hub_features(schema))
                rows += _numbered(batches, path, len(rows))
        except pa.ArrowException as error:
            raise InputError(f"is not an Arrow file that can be read: {error}", where=str(path)) from None
    return Records(rows, names)


def _batches(source: pa.MemoryMappedFile) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    import pyarrow as pa

    is_file = source.read(6) == b"ARROW1"
    source.seek(0)
    if is_file:
        file = pa.ipc.open_file(source)
        return file.schema, map(file.get_batch, range(file.num_record_batches))
    stream = pa.ipc.open_stream(source)
    return stream.schema, iter(stream)


def _check_size(size: int, rows: int, path: Path) -> None:
    if size > bounded_files.MOST_BYTES:
        raise bounded_files.too_large(path, size, bounded_files.MOST_BYTES)
    if rows > _MOST_ROWS:
        raise InputError(f"has more than {_MOST_ROWS:,} rows", where=str(path), hint=_SPLIT)


def _numbered(batches: Iterable[pa.RecordBatch], path: Path, before: int = 0) -> list[RawRecord]:
    """`before`: rows of other files. Raises `InputError` for more than a file may unpack to."""
    rows: list[RawRecord] = []
    size = 0
    for batch in batches:
        _check_size(size + batch.nbytes, before + len(rows) + batch.num_rows, path)
        for column in batch.columns:  # a text that stands there once, for thousands of rows
            if hasattr(column, "dictionary") and column.dictionary.nbytes > _LONGEST * 4:
                raise bounded_files.too_large(path, column.dictionary.nbytes, _LONGEST * 4)
        for first in range(0, batch.num_rows, _AT_ONCE):
            for values in batch.slice(first, _AT_ONCE).to_pylist():
                rows.append(RawRecord(before + len(rows) + 1, values))
                size += sum(_lengths(values))
            _check_size(size, 0, path)
    return rows


def _folder(path: Path, split: str) -> Records:
    splits = path / "dataset_dict.json"
    if splits.is_file():
        known = _described(splits).get("splits", [])
        if split not in known:
            raise InputError(
                f"has no split {split!r}", where=str(path), hint=f"Choose one with --split: {', '.join(known)}."
            )
        path = path / split
    state = path / "state.json"
    if not state.is_file():
        raise InputError(
            "is a folder, but not one that `datasets.save_to_disk` wrote",
            where=str(path),
            hint="Name one of the files in it.",
        )
    files = [path / entry["filename"] for entry in _described(state).get("_data_files", [])]
    info = path / "dataset_info.json"
    return _arrow(files, _described(info).get("features") if info.is_file() else None)


def _described(path: Path) -> dict[str, Any]:
    try:
        described: dict[str, Any] = json.loads(bounded_files.read(path, _MOST_DESCRIBED))
    except ValueError as error:
        raise InputError(f"is not JSON: {error}", where=str(path)) from None
    return described


def _hub_features(schema: pa.Schema) -> dict[str, Any]:
    """What `datasets` notes of the columns in an Arrow schema."""
    noted = (schema.metadata or {}).get(b"huggingface")
    try:
        return json.loads(noted)["info"]["features"] if noted else {}
    except (ValueError, KeyError, TypeError):
        return {}


def _label_names(features: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {
        column: tuple(feature["names"])
        for column, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and feature.get("names")
    }

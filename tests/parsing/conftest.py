from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sets import data_folder

from metier.core.documents import Document
from metier.core.settings import ParsingSettings
from metier.parsing import Parser

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with the documents that are not part of the repository."""
    folder = data_folder()
    if not (folder / "documents").is_dir():
        pytest.skip(f"no documents in {folder}: set METIER_DATA")
    return folder


@pytest.fixture(scope="session")
def parser() -> Iterator[Parser]:
    with Parser(ParsingSettings(timeout_seconds=30), "en") as parser:
        yield parser


@pytest.fixture
def parse(parser: Parser, tmp_path: Path) -> Callable[[str, bytes | str], Document]:
    """Write content under a name and parse it in the worker."""
    return _writing(parser, tmp_path)


def _writing(parser: Parser, folder: Path) -> Callable[[str, bytes | str], Document]:
    def write_and_parse(name: str, content: bytes | str) -> Document:
        path = folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        document = parser.parse(path, uri=name)
        check(document)
        return document

    return write_and_parse


def check(document: Document) -> None:
    """What holds for every document: blocks lie within the text, in order, and say something."""
    for block in document.blocks:
        assert 0 <= block.start < block.end <= len(document.text)
        piece = document.text[block.start : block.end]
        assert piece == piece.strip()
    starts = [block.start for block in document.blocks if block.kind != "row"]
    assert starts == sorted(starts)
    assert "\x00" not in document.text
    assert document.content_hash
    assert all(isinstance(value, str) for value in document.metadata.values())


@pytest.fixture(scope="session")
def cases(shared: Path) -> Path:
    """Folder with small inputs that were once read wrong."""
    return shared / "cases"


@pytest.fixture(scope="session")
def hidden_parser() -> Iterator[Parser]:
    with Parser(ParsingSettings(timeout_seconds=30, hidden=True), "en") as parser:
        yield parser


@pytest.fixture
def parse_hidden(hidden_parser: Parser, tmp_path: Path) -> Callable[[str, bytes | str], Document]:
    """As `parse`, with what authors hid or struck out."""
    return _writing(hidden_parser, tmp_path)


def html(rows: Sequence[Sequence[str]], extra: str = "") -> bytes:
    """A page with a table of plain cells, and before it `extra`."""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<html><body>{extra}<table>{body}</table></body></html>".encode()


@pytest.fixture
def read(parse: Callable[[str, bytes | str], Document]) -> Callable[..., list[str]]:
    """The rows of an HTML table of plain cells, as they are told; see `html`."""
    return lambda rows, extra="": kinds(parse("a.html", html(rows, extra)), "row")


def kinds(document: Document, kind: str) -> list[str]:
    """The text of all blocks of a kind."""
    return [document.text[block.start : block.end] for block in document.blocks if block.kind == kind]

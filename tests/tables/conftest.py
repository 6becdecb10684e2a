from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from metier.core.documents import Document, document_id
from metier.parsing.core.readers import ParsingLimits, read_document
from metier.tables.asking import TableAsker
from metier.tables.results import Ambiguity, TableAnswer
from metier.tables.runner import QueryRunner
from metier.tables.table_store import TableStore
from metier.text.analyzer import Analyser

SHOP = """
CREATE TABLE Supplier (SupplierId INTEGER PRIMARY KEY, Name TEXT, Country TEXT);
CREATE TABLE Bike (BikeId INTEGER PRIMARY KEY, Name TEXT, SupplierId INTEGER REFERENCES Supplier(SupplierId),
                   Type TEXT, Price REAL, WeightKg REAL);
CREATE TABLE Mechanic (MechanicId INTEGER PRIMARY KEY, FirstName TEXT, LastName TEXT, City TEXT, HireDate TEXT,
                       ReportsTo INTEGER REFERENCES Mechanic(MechanicId));
CREATE TABLE Customer (CustomerId INTEGER PRIMARY KEY, FirstName TEXT, LastName TEXT, City TEXT, Email TEXT,
                       MechanicId INTEGER REFERENCES Mechanic(MechanicId));
CREATE TABLE Invoice (InvoiceId INTEGER PRIMARY KEY, CustomerId INTEGER REFERENCES Customer(CustomerId),
                      InvoiceDate TEXT, Total REAL);
INSERT INTO Supplier VALUES (1, 'Velomax', 'Italy'), (2, 'Nordrad', 'Norway'), (3, 'Pedalis', 'Italy');
INSERT INTO Bike VALUES (1, 'Falco', 1, 'road', 2400, 8.1), (2, 'Corvo', 1, 'gravel', 1900, 9.4),
    (3, 'Elg', 2, 'mountain', 3100, 12.5), (4, 'Rev', 2, 'city', 850, 14.2), (5, 'Lince', 3, 'road', 2750, 7.6),
    (6, 'Orso', 3, 'mountain', 1650, 13.3), (7, 'Volpe', 1, 'road', 1990, 8.8);
INSERT INTO Mechanic VALUES (1, 'Ines', 'Duarte', 'Porto', '2011-03-01', NULL),
    (2, 'Tiago', 'Reis', 'Braga', '2015-09-14', 1), (3, 'Marta', 'Lopes', 'Porto', '2019-01-07', 1);
INSERT INTO Customer VALUES (1, 'Rui', 'Costa', 'Porto', 'rui@mail.pt', 2),
    (2, 'Ana', 'Melo', 'Braga', 'ana@mail.pt', 2), (3, 'Eva', 'Pinto', 'Porto', 'eva@mail.pt', 3),
    (4, 'Gil', 'Nunes', 'Faro', 'gil@mail.pt', 2);
INSERT INTO Invoice VALUES (1, 1, '2023-02-03', 120.5), (2, 1, '2024-05-17', 80), (3, 2, '2024-06-02', 310),
    (4, 3, '2024-11-23', 45.5), (5, 3, '2025-01-15', 95), (6, 4, '2025-03-30', 60);
"""

Asked = Callable[[str], TableAnswer | None]


def certain(answer: TableAnswer | Ambiguity | None) -> TableAnswer | None:
    """Nothing where the question may mean several things."""
    return answer if isinstance(answer, TableAnswer) else None


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of a bicycle shop."""
    path = tmp_path_factory.mktemp("shop") / "shop.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(SHOP)
    connection.close()
    return path


def read(name: str, content: bytes, language: str = "en") -> Document:
    document = read_document(content, name=name, uri=name, groups=(), limits=ParsingLimits())
    return replace(document, id=document_id(name), language=language)


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Callable[..., Asked]]:
    """What asks the tables of documents, given by name and content."""
    runners: list[QueryRunner] = []

    def made(files: Mapping[str, str | bytes], language: str = "en") -> Asked:
        store = TableStore(tmp_path / "tables.sqlite", Analyser(language))
        store.put([
            read(name, content.encode() if isinstance(content, str) else content, language)
            for name, content in files.items()
        ])  # fmt: skip
        runners.append(QueryRunner(store.path))
        asker = TableAsker(store, runners[-1], Analyser(language))
        return lambda question: certain(asker.ask(question, language, lambda documents: documents))

    yield made
    for runner in runners:
        runner.close()


@pytest.fixture
def ask_shop(shop: Path, tables: Callable[..., Asked]) -> Asked:
    return tables({"shop.sqlite": shop.read_bytes()})

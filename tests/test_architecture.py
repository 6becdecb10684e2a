"""The folders of the package stand in the order in which data passes; imports point only at what stands before."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "src" / "metier"
ORDER = (
    "core", "text", "state", "sources", "parsing", "models", "embedding", "generation", "store", "retrieval",
    "ingestion", "reader", "tables", "answering", "runtime", "dataset", "synthesis", "tuning", "evaluation", "cluster",
    "feedback", "flow", "services", "expert", "memory_probe", "doctor", "serving", "cli",
)  # fmt: skip


def modules() -> dict[str, Path]:
    """Dotted name below the package to its file."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


@cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    walked = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return tuple(node for node in walked if isinstance(node, ast.Import | ast.ImportFrom | ast.ClassDef))


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Modules of the package that a file imports, wherever in it, for types alone as well."""
    for node in _nodes(path):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "metier":
            base = node.module.removeprefix("metier").lstrip(".")
            for alias in node.names:
                inner = f"{base}.{alias.name}".lstrip(".")
                yield inner if inner in known else base
        elif isinstance(node, ast.Import):
            yield from (a.name.removeprefix("metier.") for a in node.names if a.name.startswith("metier."))


def test_no_folder_imports_from_one_behind_it():
    known = modules()
    assert {name.split(".")[0] for name in known if name} == set(ORDER)
    against = [
        f"{name} imports {other}"
        for name, path in known.items()
        for other in imports(path, known)
        if name and other and ORDER.index(other.split(".")[0]) > ORDER.index(name.split(".")[0])
    ]
    assert not against


def test_no_modules_import_each_other_in_a_circle():
    known = modules()
    graph = {name: set(imports(path, known)) - {name, ""} for name, path in known.items() if name}
    state: dict[str, int] = {}
    circles: list[list[str]] = []

    def visit(name: str, trail: list[str]) -> None:
        state[name] = 1
        for other in sorted(graph.get(name, ())):
            if state.get(other) == 1:
                circles.append([*trail[trail.index(other) :], other])
            elif other not in state:
                visit(other, [*trail, other])
        state[name] = 2

    for name in sorted(graph):
        if name not in state:
            visit(name, [name])
    assert not circles


def test_no_public_class_name_stands_in_two_modules():
    homes: dict[str, set[str]] = {}
    for name, path in modules().items():
        for node in _nodes(path):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, set()).add(name)
    assert {name: sorted(where) for name, where in homes.items() if len(where) > 1} == {}

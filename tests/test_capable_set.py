"""The scripted answers of benchmarks/capable are sound: every figure of a good answer follows from its document."""

import ast
import csv
import json
import operator
import sys
from collections import Counter
from pathlib import Path

import pytest
import regex
from capable_set import load
from scripted_endpoint import ScriptedEndpoint

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "turbines"
KINDS = {
    "fact", "steps", "list", "comparison", "calculation", "yes-no", "summary", "collection", "cross-language",
    "follow-up", "small-talk", "unanswerable",
}  # fmt: skip
ERRORS = {"number", "unit", "name", "date", "negation", "row", "invented", "swap"}
WITHOUT_DOCUMENT = {"small-talk", "unanswerable", "collection"}
DIGITS = str.maketrans("০১২৩৪৫৬৭৮৯०१२३४५६७८९", "01234567890123456789")
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
MODEL = regex.compile(r"\b\p{Lu}{2}-\d{1,3}\b(?!-)")  # NV-110, CV-2: names of things, no figures
ROWS = [
    json.loads(line)
    for file in sorted((ROOT / "benchmarks" / "capable").glob("*.jsonl"))
    for line in file.read_text("utf-8").splitlines()
]


@pytest.fixture(scope="module")
def documents() -> dict[str, str]:
    """Name of every document of the sample company, to its title and text with white space made even; rows as
    `a | b`."""
    sys.path.insert(0, str(EXAMPLE))
    try:
        from markup import read_sources
    finally:
        sys.path.remove(str(EXAMPLE))
    with (EXAMPLE / "facts.csv").open(encoding="utf-8", newline="") as handle:
        facts = {row["id"]: row for row in csv.DictReader(handle)}
    texts = {}
    for source in read_sources(EXAMPLE / "content", facts):
        blocks = ["\n".join(" | ".join(row) for row in block.rows) or block.text for block in source.blocks]
        texts[source.path] = " ".join("\n".join([*source.meta.values(), *blocks]).split())
    return texts


def numbers(text: str, language: str = "en") -> set[float]:
    """Numbers of a text. A comma or point before exactly three digits separates thousands, where the language has it
    so; marks of a numbered list are none."""
    text = regex.sub(r"(?m)^\s*\d+[.)]\s", "", text.translate(DIGITS))
    found = set()
    for written in regex.findall(r"\d+(?:[.,]\d+)*", text):
        thousands, point = (r"\.", ",") if language in ("de", "es", "fr", "sv") else (",", ".")
        plain = regex.sub(rf"{thousands}(?=\d{{3}}(?!\d))", "", written).replace(point, ".")
        try:
            found.add(float(plain))
        except ValueError:
            found |= {float(part) for part in regex.findall(r"\d+", written)}
    return found


def value(expression: str) -> float:
    """An arithmetic expression of numbers and + - * /, or `round(expression, digits)`."""

    def of(node: ast.expr) -> float:
        match node:
            case ast.Constant(value=int() | float() as number):
                return number
            case ast.BinOp(left=left, op=op, right=right):
                return OPERATORS[type(op)](of(left), of(right))
            case ast.Call(func=ast.Name(id="round"), args=[inner, ast.Constant(value=int() as digits)]):
                return round(of(inner), digits)
        raise ValueError(expression)

    return of(ast.parse(expression, mode="eval").body)


def test_there_are_twelve_kinds_with_ten_questions_each() -> None:
    kinds = Counter(row["kind"] for row in ROWS)
    assert set(kinds) == KINDS
    assert min(kinds.values()) >= 10
    assert len(ROWS) >= 120
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    asked = Counter((row["question"], json.dumps(row.get("history"))) for row in ROWS)
    assert max(asked.values()) == 1


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_row(row: dict, documents: dict[str, str]) -> None:
    assert row["planted"] != row["good"]
    assert 1 <= len(row["errors"]) <= 3
    for error in row["errors"]:
        assert error["kind"] in ERRORS
        assert error["text"] in row["planted"]
        assert error["text"] not in row["good"]
        assert row["planted"].count(error["wrong"]) == 1
        assert error["wrong"] in error["text"]

    assert bool(row["pages"]) != (row["kind"] in WITHOUT_DOCUMENT)
    named = [document for place in row["pages"] for document, _ in place]
    named += row.get("must_name", []) + row.get("must_not_name", [])
    assert set(named) <= set(documents)
    for document, page in (place for places in row["pages"] for place in places):
        assert page is None or document.endswith((".pdf", ".pptx", ".xlsx"))

    for quote in row["evidence"]:
        assert " ".join(quote["text"].split()) in documents[quote["document"]]
    allowed = {float(number) for number in row.get("given_numbers", [])}
    for equation in row.get("arithmetic", []):
        left, right = equation.split(" = ")
        assert value(left) == pytest.approx(value(right)), equation
        allowed |= numbers(equation)
    given = [row["question"], *(turn["content"] for turn in row.get("history", []))]
    given += [quote["text"] for quote in row["evidence"]] + row.get("must_name", [])
    given += [documents[name][:80] for name in row.get("must_name", [])]  # their titles
    allowed = allowed.union(*(numbers(text) for text in given))
    known = [row["question"], *documents.values()]
    assert all(any(name in text for text in known) for name in MODEL.findall(row["good"]))
    assert numbers(MODEL.sub("", row["good"]), row["language"]) <= allowed


def test_the_endpoint_tells_every_question_apart() -> None:
    items = load()
    with ScriptedEndpoint(item.script("good") for item in items) as endpoint:
        for item in items:
            before = "[1] Notes\nhello, why not? Thanks, that helped!"
            for asked in (item.question, item.standalone or item.question):
                script = endpoint.find(f"{before}\n\nQuestion: {asked}")
                assert script is not None
                assert script.answer == item.good

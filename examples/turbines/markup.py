"""The small markup in which the documents are written, one file under content/ for each document.

    title: Lubrication Guide         a head of `key: value` lines, then an empty line
    # Heading      ## Smaller        a sheet, a slide or a database table begins with `#`
    Text of a paragraph with {fact-id} in it, on one line.
    - item         1. step           lists
    | a | b |                        a table; its first row names the columns
    > speaker notes                  slides only

`{fact-id}` becomes the fact's value and unit, `{fact-id#}` the value alone (where the table's header has the unit).
`models: NV-90 NV-110` in the head makes one document for each model, with `{@x}` for the fact `nv90-x` or `nv110-x`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
SENTENCE_END = re.compile(r"(?<!\bDr)(?<!\bNo)(?<=[.!?।])\s+")


@dataclass
class Block:
    """`kind`: heading, paragraph, item, step, table, notes. `quotes`: fact id to the sentence or row it is in."""

    kind: str
    text: str = ""
    level: int = 0
    rows: list[list[str]] = field(default_factory=list)
    quotes: dict[str, str] = field(default_factory=dict)


@dataclass
class Source:
    """One document to write: `path` is relative to the folder of documents."""

    path: str
    meta: dict[str, str]
    blocks: list[Block]

    @property
    def title(self) -> str:
        return self.meta["title"]


def read_sources(folder: Path, facts: dict[str, dict[str, str]]) -> list[Source]:
    """Every document under `folder`, facts filled in, sorted by path. Raises KeyError for an unknown fact id."""
    sources = []
    for file in sorted(folder.rglob("*.txt")):
        head, body = file.read_text("utf-8").split("\n\n", 1)
        meta = dict(line.split(": ", 1) for line in head.splitlines())
        path = file.relative_to(folder).as_posix().removesuffix(".txt")
        for model in meta.get("models", "").split() or [""]:
            short = model.lower().replace("-", "")
            text = body.replace("{MODEL}", model).replace("{@", "{" + short + "-")
            own = {key: value.replace("{MODEL}", model) for key, value in meta.items()}
            sources.append(Source(path.replace("model-", f"{model.lower()}-"), own, _blocks(text, facts)))
    return sources


def _blocks(text: str, facts: dict[str, dict[str, str]]) -> list[Block]:
    blocks: list[Block] = []
    for line in text.splitlines():
        if not line.strip():
            continue
        if line.startswith("|"):
            cells = line.strip("|\n").split("|")
            if set(line) <= set("|- ") and "-" in line.replace(" - ", ""):
                continue
            if not (blocks and blocks[-1].kind == "table"):
                blocks.append(Block("table"))
            _add_row(blocks[-1], [cell.strip() for cell in cells], facts)
            continue
        block = _line(line)
        block.text, block.quotes = _fill_text(block.text, facts)
        blocks.append(block)
    return blocks


def _line(line: str) -> Block:
    if match := re.match(r"(#+) (.*)", line):
        return Block("heading", match[2], len(match[1]))
    if match := re.match(r"(-|>|\d+\.) (.*)", line):
        return Block({"-": "item", ">": "notes"}.get(match[1], "step"), match[2])
    return Block("paragraph", line)


def _value(name: str, facts: dict[str, dict[str, str]]) -> str:
    fact = facts[name.removesuffix("#")]
    return fact["value"] if name.endswith("#") or not fact["unit"] else f"{fact['value']} {fact['unit']}"


def _fill_text(text: str, facts: dict[str, dict[str, str]]) -> tuple[str, dict[str, str]]:
    quotes = {}
    for name in PLACEHOLDER.findall(text):
        # the value of this fact is marked, so that its sentence is found even if the same value stands elsewhere
        marked = PLACEHOLDER.sub(lambda m, n=name: ("\0" if m[1] == n else "") + _value(m[1], facts), text)
        sentence = next(s for s in SENTENCE_END.split(marked) if "\0" in s)
        quotes[name.removesuffix("#")] = sentence.replace("\0", "").strip()
    return PLACEHOLDER.sub(lambda m: _value(m[1], facts), text), quotes


def _add_row(table: Block, cells: list[str], facts: dict[str, dict[str, str]]) -> None:
    filled = [PLACEHOLDER.sub(lambda m: _value(m[1], facts), cell) for cell in cells]
    table.rows.append(filled)
    for name in PLACEHOLDER.findall(" ".join(cells)):
        table.quotes[name.removesuffix("#")] = " | ".join(cell for cell in filled if cell)

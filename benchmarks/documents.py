"""How many of a document's words the readers find, format by format.

    python benchmarks/documents.py [FOLDER]        default: $METIER_DATA/documents

FOLDER holds one folder a format, each with `sources/` (files) and `groundtruth/NAME.md` (what a person would read).
Recall is the share of the expected words that were found (as a multiset: a word that occurs three times must be
found three times), precision the share of the found words that were expected. What is struck out or hidden is read,
as the expected texts have it (`~~so~~`). A table row carries its column names
here, so both are counted on the text with each name told once a table: a name that is repeated must not stand for a
word that was lost. Formats without a ground truth (mail,
files with a password) are checked against what is in the files themselves. Writes benchmarks/results/documents.json.
"""

from __future__ import annotations

import argparse
import html
import json
import sys
import time
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import regex
from sets import data_folder

from metier.core.documents import Document
from metier.core.errors import ParseError
from metier.core.settings import ParsingSettings
from metier.parsing import SUPPORTED, Parser

ROOT = Path(__file__).resolve().parent.parent
WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{N}\p{M}\u200c\u200d]*")
# What the two mails of each kind say, headers included: there is no ground truth beside them.
MAIL_WORDS = {
    "simple": "Simple Email Alice Example alice example com Bob Example bob example com Hello Bob "
    "This is a simple email body",
    "with_attachment": "Email with Attachment Alice Example alice example com Bob Example bob example com "
    "This email contains an attachment test txt This is a test attachment file It contains some dummy content",
}


@dataclass
class Score:
    """Sums over the files of one format."""

    files: int = 0
    recall: float = 0.0
    precision: float = 0.0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)
    worst: tuple[float, str] = (1.1, "")


def words(text: str) -> Counter[str]:
    """Words after NFKC and case folding, with combining marks kept inside them."""
    return Counter(WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def stripped(markdown: str) -> str:
    """The words of Markdown without its syntax: comments, escapes, entities, fences, link targets, rules, LaTeX."""
    text = regex.sub(r"<!--.*?-->", " ", markdown, flags=regex.DOTALL)
    text = regex.sub(r"!\[([^\]]*)\]\([^)]*\)", r" \1 ", text)
    text = regex.sub(r"\[([^\]]*)\]\((?:[^()]|\([^)]*\))*\)", r" \1 ", text)
    text = regex.sub(r"^```[^\n]*$", " ", text, flags=regex.MULTILINE)
    text = regex.sub(r"\$\$?[^$\n]*\$\$?", _formula, text)
    text = regex.sub(r"</?[a-z][a-z0-9]*(?:\s[^<>]*)?>", " ", text)
    text = regex.sub(r"\\([\\`*_{}\[\]()#+\-.!|<>~])", r"\1", text)
    text = regex.sub(r"(?<![\w_])_{1,2}(?=\S)|(?<=\S)_{1,2}(?![\w_])", " ", text)
    return html.unescape(text)


def _formula(match: regex.Match) -> str:
    """Letters and numbers of a LaTeX formula; its commands are notation."""
    return regex.sub(r"\\[A-Za-z]+", " ", match[0].replace("_{", " {").replace("_", " "))


def found_text(document: Document) -> str:
    """The document's text with column names told once a table, as the ground truth has them."""
    parts, end = [], 0
    for block in document.blocks:
        if block.kind != "table":
            continue
        parts.append(document.text[end : block.start])
        lines = document.text[block.start : block.end].split("\n")
        rows = [b for b in document.blocks if b.kind == "row" and block.start <= b.start < block.end]
        names = lines[0].split(" | ") if rows and rows[0].start > block.start else []
        parts.append(lines[0] + "\n" if names else "")
        for row in rows:
            cells = document.text[row.start : row.end].split(" | ")
            parts.append("\n".join(_bare(cell, names) for cell in cells) + "\n")
        end = block.end
    return "".join(parts) + document.text[end:]


def _bare(cell: str, names: list[str]) -> str:
    for name in sorted(names, key=len, reverse=True):
        if cell.startswith(f"{name}: "):
            return cell[len(name) + 2 :]
    return cell


def pairs(folder: Path) -> list[tuple[str, Path, str]]:
    """(format, file, expected text) of every file with a ground truth."""
    found = []
    for source in sorted(folder.glob("*/**/*")):
        if not source.is_file() or source.suffix.lower() not in SUPPORTED or "groundtruth" in source.parts:
            continue
        base = next(parent for parent in source.parents if parent.parent == folder)
        kind = {".pdf": "pdf", ".odt": "odt", ".ods": "ods", ".odp": "odp"}.get(source.suffix, base.name)
        kind = "ocr" if base.name == "ocr" else kind
        expected = _expected(base, source)
        if expected is not None and base.name != "pdf_password":
            found.append((kind, source, expected))
    return found


def _expected(base: Path, source: Path) -> str | None:
    if base.name == "email":
        key = source.stem.partition("_")[2]
        return MAIL_WORDS.get(key)
    names = [f"{source.name}.md", f"{source.stem}.md", f"{Path(source.stem).name}.md"]
    for name in names:
        if (base / "groundtruth" / name).is_file():
            return stripped((base / "groundtruth" / name).read_text(encoding="utf-8"))
    stem = source.stem.partition("_rotated")[0]
    for path in sorted(base.glob(f"groundtruth/**/{stem}.*.md")):
        return stripped(path.read_text(encoding="utf-8"))
    return None


def measure(folder: Path, show: float) -> dict[str, Score]:
    scores: dict[str, Score] = {}
    with Parser(ParsingSettings(hidden=True), "en") as parser:
        for kind, path, expected in pairs(folder):
            score = scores.setdefault(kind, Score())
            score.files += 1
            started = time.perf_counter()
            try:
                document = parser.parse(path, uri=path.name)
            except ParseError as error:
                score.failures.append(str(error))
                score.worst = min(score.worst, (0.0, path.name))
                continue
            score.seconds += time.perf_counter() - started
            wanted, found = words(expected), words(found_text(document))
            recall = (wanted & found).total() / max(1, wanted.total())
            precision = (wanted & found).total() / max(1, found.total())
            score.recall += recall
            score.precision += precision
            score.worst = min(score.worst, (recall, path.name))
            if recall < show:
                print(
                    f"{path.name}: {recall:.3f} missing {dict((wanted - found).most_common(12))}",
                    file=sys.stderr,
                )
    return scores


def locked(folder: Path) -> list[str]:
    """What happens to the files with a password: refused with a clear error, or opened as the password is empty."""
    said = []
    with Parser(ParsingSettings(), "en") as parser:
        for path in sorted((folder / "pdf_password").glob("**/*.pdf")):
            try:
                parser.parse(path, uri=path.name)
                said.append(f"{path.name}: opened")
            except ParseError as error:
                said.append(str(error))
    return said


def main() -> int:
    default = data_folder() / "documents"
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("folder", nargs="?", type=Path, default=default)
    arguments.add_argument("--show", type=float, default=0.0, help="print what is missing from files below this recall")
    options = arguments.parse_args()
    if not options.folder.is_dir():
        print(f"{options.folder} is no folder: name one, or set METIER_DATA", file=sys.stderr)
        return 2
    scores = measure(options.folder, options.show)
    print(f"{'format':8} {'files':>5} {'recall':>7} {'precision':>9} {'s/file':>7}  failures, lowest recall")
    for kind, score in sorted(scores.items()):
        read = max(1, score.files - len(score.failures))
        lowest = f"{score.worst[0]:.3f} {score.worst[1]}"
        print(
            f"{kind:8} {score.files:5} {score.recall / score.files:7.3f} {score.precision / read:9.3f} "
            f"{score.seconds / read:7.3f}  {len(score.failures)}, {lowest}"
        )
        for failure in score.failures:
            print(f"         {failure}")
    for line in locked(options.folder):
        print(line)
    target = ROOT / "benchmarks" / "results" / "documents.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    rows = {
        kind: {
            "files": score.files,
            "word_recall": round(score.recall / score.files, 4),
            "word_precision": round(score.precision / max(1, score.files - len(score.failures)), 4),
            "seconds_per_file": round(score.seconds / max(1, score.files), 4),
            "failures": score.failures,
        }
        for kind, score in sorted(scores.items())
    }
    target.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

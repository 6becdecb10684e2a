"""Write the documents of a sample company and the questions about them.

    python examples/turbines/make.py [OUT]

OUT (default: docs/ beside this file) receives the documents; `questions.jsonl` is written beside OUT, never inside, so
that nobody feeds the answers to an expert by mistake. Needs python-docx, python-pptx, openpyxl, reportlab and Pillow.

    facts.csv             every invented fact once: value, document, question, accepted answers
    more_questions.jsonl  questions that need two facts, and questions that no document answers
    content/              the documents, in the markup of markup.py, with {fact-id} where a fact belongs
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # for those who run this file from elsewhere, by path

from markup import Source, read_sources  # noqa: E402
from writers import Pages, write  # noqa: E402

Facts = dict[str, dict[str, str]]
BENGALI_DIGITS = str.maketrans("০১২৩৪৫৬৭৮৯", "0123456789")


def main(out: Path) -> int:
    with (HERE / "facts.csv").open(encoding="utf-8", newline="") as handle:
        facts: Facts = {row["id"]: row for row in csv.DictReader(handle)}
    extra = [json.loads(line) for line in (HERE / "more_questions.jsonl").read_text("utf-8").splitlines()]
    sources = read_sources(HERE / "content", facts)

    if out.is_dir():
        shutil.rmtree(out)
    pages = {source.path: write(source, out / source.path) for source in sources}

    places = find_places(sources, pages)
    questions = make_questions(facts, extra, places)
    problems = check(facts, extra, places, questions, sources, out)
    lines = [json.dumps(question, ensure_ascii=False) + "\n" for question in questions]
    (out.parent / "questions.jsonl").write_text("".join(lines), "utf-8", newline="\n")

    for problem in problems:
        print("problem:", problem, file=sys.stderr)
    print(f"{len(sources)} documents in {out}; {len(facts)} facts; {len(questions)} questions in {out.parent}")
    return 1 if problems else 0


def find_places(sources: list[Source], pages: dict[str, Pages]) -> dict[str, list[tuple[str, int | None, str]]]:
    """Fact id to every (document, page, quote) in which it was written. A database table counts as a document."""
    places: dict[str, list[tuple[str, int | None, str]]] = {}
    for source in sources:
        table = ""
        for block, page in zip(source.blocks, pages[source.path], strict=True):
            if block.kind == "heading":
                table = f"#{block.text}" if source.path.endswith(".sqlite") else ""
            for fact, quote in block.quotes.items():
                places.setdefault(fact, []).append((source.path + table, page, quote))
    return places


def make_questions(facts: Facts, extra: list[dict], places: dict) -> list[dict]:
    questions = []
    for fact in facts.values():
        if fact["question"]:
            questions.append(_question(fact["id"], fact, [fact["id"]], facts, places))
    for row in extra:
        questions.append(_question(row["id"], row, row.get("facts", []), facts, places))
    split = split_sides(questions)
    for question in questions:
        question["split"] = split[question["id"]]
    return questions


def _question(name: str, row: dict, fact_ids: list[str], facts: Facts, places: dict) -> dict:
    """The last fact is the answer of a question over several; document, page and quote are those of the answer."""
    question = {"id": name, "question": row["question"], "kind": row["kind"], "language": row["language"]}
    found = [places[fact][0] for fact in fact_ids if fact in places]
    document, page, quote = found[-1] if found else (None, None, None)
    answers = facts[fact_ids[-1]]["answers"].split("|") if fact_ids else []
    question |= {"answers": answers, "document": document, "page": page, "quote": quote, "facts": fact_ids}
    if row["kind"] == "several":
        question["documents"] = [place[0] for place in found]
        question["pages"] = [place[1] for place in found]
        question["quotes"] = [place[2] for place in found]
    return question


def split_sides(questions: list[dict]) -> dict[str, str]:
    """Question id to "practice" or "exam": half of each kind and language, and one fact's questions on one side.

    Groups of questions that share a fact are taken in the order of a hash; each goes to the side that has fewer of
    its kinds so far. Large groups first, since the single questions can then make up the balance.
    """
    group_of: dict[str, set[str]] = {}
    for question in questions:
        merged = {question["id"]}.union(*(group_of.get(fact, set()) for fact in question["facts"]))
        for fact in {fact for other in questions if other["id"] in merged for fact in other["facts"]}:
            group_of[fact] = merged
    by_id = {question["id"]: question for question in questions}
    groups = {frozenset(group) for group in group_of.values()} | {
        frozenset([question["id"]]) for question in questions if not question["facts"]
    }

    def order(group: frozenset[str]) -> tuple[int, str]:
        return -len(group), hashlib.sha256(min(group).encode()).hexdigest()

    sides: dict[str, str] = {}
    count: Counter[tuple[str, str, str]] = Counter()
    for group in sorted(groups, key=order):
        strata = [(by_id[name]["kind"], by_id[name]["language"]) for name in group]
        lead = sum(count["practice", *stratum] - count["exam", *stratum] for stratum in strata)
        coin = ("practice", "exam")[int(order(group)[1][-1], 16) % 2]
        side = coin if lead == 0 else "exam" if lead > 0 else "practice"
        for name, stratum in zip(group, strata, strict=True):
            sides[name] = side
            count[side, *stratum] += 1
    return sides


def fold(text: str) -> str:
    """The form in which answers are looked for: case, commas in numbers and the digits of Bengali do not matter."""
    return text.translate(BENGALI_DIGITS).replace(",", "").casefold()


def check(
    facts: Facts, extra: list[dict], places: dict, questions: list[dict], sources: list[Source], out: Path
) -> list[str]:
    """What is wrong with the corpus, in words; empty if all is well."""
    problems = []
    for name, fact in facts.items():
        found = places.get(name, [])
        if [place[0] for place in found] != [fact["document"]]:
            problems.append(f"{name}: should stand once in {fact['document']}, stands in {[p[0] for p in found]}")
    for kind, number in Counter((fact["subject"], fact["attribute"]) for fact in facts.values()).items():
        if number > 1:
            problems.append(f"{kind}: {number} facts for one attribute")
    for text, number in Counter(question["question"] for question in questions).items():
        if number > 1:
            problems.append(f"asked {number} times: {text}")
    for question in questions:
        if question["kind"] == "unanswerable":
            continue
        if question["document"] is None or not (out / question["document"].split("#")[0]).is_file():
            problems.append(f"{question['id']}: no document holds the answer")
            continue
        problems += [
            f"{question['id']}: answer {answer!r} is not in its quote {question['quote']!r}"
            for answer in question["answers"]
            if fold(answer) not in fold(question["quote"])
        ]
        if question["document"].endswith((".pdf", ".pptx", ".xlsx")) != (question["page"] is not None):
            problems.append(f"{question['id']}: page {question['page']} in {question['document']}")
    blocks = [(source.path, fold(text)) for source in sources for text in _texts(source)]
    for row in extra:
        if row["kind"] == "unanswerable":
            terms = [fold(term) for term in row["absent"]]
            hits = [(path, text) for path, text in blocks if all(term in text for term in terms)]
            problems += [f"{row['id']}: may be answered by {path}: {text[:80]}" for path, text in hits[:2]]
    return problems


def _texts(source: Source) -> list[str]:
    """The document's paragraphs and rows, each with its heading, the document's title and a table's column names."""
    texts, heading = [], ""
    for block in source.blocks:
        if block.kind == "heading":
            heading = block.text
        head = " ".join(block.rows[0]) if block.rows else ""
        lines = [" ".join(row) for row in block.rows] or [block.text]
        texts += [f"{source.title} {heading} {head} {line}" for line in lines]
    return texts


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "docs"))

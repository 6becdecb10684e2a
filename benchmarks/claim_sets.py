"""Claims before sources whose truth is known, for `support.py`: of people, made by rule, and written by hand.

    expertqa(limit)   claims of GPT-4 and Bing Chat with the evidence they cite and an expert's judgment
    planted(limit)    sentences of public sets and statements made of table cells, each also with an error by rule
    written(limit)    claims and their sources, written for this (claims/english.txt, claims/languages.txt)

The files of `written`:

    # trade                                    of languages.txt `# de | trade`, `# en>de | trade`
    > the source: sentences, or rows or items with " // " between them
    + a claim that it carries, in other words, shortened, or what follows from it
    - negation: one that it does not carry, as like the others as can be, after the kind of its error
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import regex
from sets import data_folder

from metier.core.documents import Passage, TextBuilder
from metier.synthesis.planted_errors import KINDS, plant
from metier.text.sentences import is_heading_like, is_leadin, units, without_marker

CLAIMS = Path(__file__).parent / "claims"
VECTORS = 3  # of one passage in so many planted errors get vectors, and are told where it is not shown
BESIDE = 5  # passages of the same set shown beside the right one
WRITTEN = 3  # errors of `written` for each planted one of another set: they are of many kinds
_WORD = regex.compile(r"[\p{L}\p{M}]{4,}")
_LANGUAGES = regex.compile(r"^([a-z]{2})(?:>([a-z]{2}))? \| (.*)$")


@dataclass(slots=True)
class Example:
    """A claim before sources. `true`: 1 or 0; `group`: what must not be torn apart between learning and measuring;
    `kind`: of the error, "" for a true one. `learn`: whether it may be learned from."""

    text: str
    shown: list[Passage]
    question: str
    language: str
    true: int
    group: str
    kind: str
    name: str
    learn: bool
    features: dict[str, float] | None = None
    vectors: bool = False
    foreign: bool = False
    fatal: bool = False


# --- ExpertQA ------------------------------------------------------------------------------------------------


def expertqa(limit: int) -> list[Example]:
    found = []
    rows = (data_folder() / "expertqa" / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    for row in map(json.loads, rows[: limit or None]):
        for number, claim in enumerate(row["claims"]):
            evidence = [_evidence(text) for text in claim["evidence"]]
            evidence = [text for text in evidence if text]
            if claim["support"] not in ("Complete", "Incomplete", "Partial") or not evidence:
                continue
            shown = [passage_of(text, f"expertqa-{row['id']}-{number}-{i}", "en") for i, text in enumerate(evidence)]
            true = int(claim["support"] == "Complete")
            found.append(
                Example(claim["claim"].strip(), shown, row["question"], "en", true, row["id"], "", "expertqa", True)
            )
    return found


def _evidence(text: str) -> str:
    return regex.sub(r"^\[\d+\]\s*(?:https?://\S+)?\s*", "", text).strip()


# --- planted errors ------------------------------------------------------------------------------------------


def planted(limit: int, seed: int = 7) -> list[Example]:
    """True sentences of each set, and each with an error."""
    found: list[Example] = []
    for name, language, learn, passages in planted_sets():
        found.extend(_plant_in(name, language, learn, passages, limit, random.Random(f"{seed}{name}")))
    return found


def planted_sets() -> Iterator[tuple[str, str, bool | None, list[Passage]]]:
    """Name, language, whether it teaches (None: half does), passages."""
    folder = data_folder()
    rows = map(json.loads, (folder / "cranfield" / "corpus.jsonl").read_text(encoding="utf-8").splitlines())
    yield "cranfield", "en", None, [passage_of(r["text"], f"cran-{r['_id']}", "en") for r in rows if r["text"].strip()]
    rows = map(json.loads, (folder / "medquad" / "medquad_nih4.jsonl").read_text(encoding="utf-8").splitlines())
    medquad = {r["answer"]: r for r in rows if len(r["answer"]) < 2500}
    yield "medquad", "en", None, [passage_of(a, f"medquad-{r['id']}", "en", (r["focus"],)) for a, r in medquad.items()]
    pubmed = json.loads((folder / "pubmedqa" / "pubmedqa_train.json").read_text(encoding="utf-8"))
    yield (
        "pubmedqa",
        "en",
        None,
        [passage_of(" ".join(r["CONTEXTS"]), f"pubmed-{key}", "en") for key, r in pubmed.items()],
    )
    for file, code, learn in (
        ("english_tydiqa_train", "en", True),
        ("swahili_tydiqa_train", "sw", True),
        ("english_tydiqa_dev", "en", False),
        ("indonesian_tydiqa_dev", "id", False),
        ("swahili_tydiqa_dev", "sw", False),
        ("bengali_tydiqa_dev", "bn", False),
    ):
        data = json.loads((folder / "tydiqa" / f"{file}.json").read_text(encoding="utf-8"))["data"]
        texts = dict.fromkeys(p["context"] for article in data for p in article["paragraphs"])
        label = "tydi-" + code + ("-train" if learn else "")
        yield label, code, learn, [passage_of(t, f"{file}-{i}", code) for i, t in enumerate(texts)]
    yield "tatqa", "en", None, _tables(folder)


def _tables(folder: Path) -> list[Passage]:
    found = []
    for number, each in enumerate(
        json.loads((folder / "tatqa" / "tatqa_dataset_dev.json").read_text(encoding="utf-8"))
    ):
        rows = [[" ".join(cell.split()) for cell in row] for row in each["table"]["table"]]
        heads = [row for row in rows[:3] if not row[0]] or rows[:1]
        names = [" ".join(dict.fromkeys(filter(None, column))) for column in zip(*heads, strict=False)]
        builder = TextBuilder()
        builder.add_table([names, *[row for row in rows if row not in heads]])
        if builder.text:
            found.append(passage_of(builder.text, f"tatqa-{number}", "en"))
    return found


def _plant_in(
    name: str, language: str, learn: bool | None, passages: list[Passage], limit: int, chance: random.Random
) -> Iterator[Example]:
    wanted = dict.fromkeys(KINDS, 0)
    candidates = [(p, s) for p in passages for s in _sentences(p, name, chance)]
    chance.shuffle(candidates)
    made = 0
    for passage, sentence in candidates:
        if made >= limit:
            return
        told = _told(sentence, chance)
        for kind in sorted(KINDS, key=lambda each: (wanted[each], chance.random())):
            wrong = plant(told, passage, kind, chance.randrange(1 << 30))
            if wrong is None:
                continue
            wanted[kind] += 1
            made += 1
            shown = [passage, *(p for p in chance.sample(passages, min(BESIDE, len(passages))) if p.id != passage.id)]
            chance.shuffle(shown)
            teaches = learn if learn is not None else hash_of(passage.id) % 2 == 0
            for text, true in ((told, 1), (wrong, 0)):
                yield Example(text, shown, "", language, true, passage.id, kind, name, teaches)
            if hash_of(passage.id) // 2 % VECTORS == 0 and len(shown) > 1:
                others = [p for p in shown if p.id != passage.id]
                yield Example(told, others, "", language, 0, passage.id, "invented", name, teaches)
            break


def _sentences(passage: Passage, name: str, chance: random.Random) -> Iterator[str]:
    cut = [u for u in units(passage.text, passage.language) if u.kind in ("sentence", "item", "row")]
    for unit in chance.sample(cut, min(4, len(cut))):
        text = passage.text[unit.start : unit.end]
        if unit.kind == "row" or name == "tatqa":
            if said := statement(text, chance):
                yield said
        elif 30 <= len(text) <= 300 and not is_leadin(text) and not (unit.kind == "sentence" and is_heading_like(text)):
            yield without_marker(text)


def statement(row: str, chance: random.Random) -> str | None:
    """A sentence that says one cell of a row."""
    cells = [cell.partition(": ") for cell in row.split(" | ")]
    label = cells[0][2] or cells[0][0]
    values = [(column, value) for column, colon, value in cells[1:] if colon and any(c.isdigit() for c in value)]
    if not values or not any(c.isalpha() for c in label):
        return None
    column, value = chance.choice(values)
    pattern = chance.choice(
        ["{0} was {2} in {1}.", "In {1}, {0} amounted to {2}.", "{0} ({1}): {2}", "The value of {0} for {1} is {2}."]
    )
    return pattern.format(label, column, value)


def _told(sentence: str, chance: random.Random) -> str:
    """The sentence as somebody else might say it: as it stands, without some words, without its end, or led in."""
    way = chance.choice(["as it is", "fewer words", "cut", "led in"])
    words = [m for m in _WORD.finditer(sentence) if not m[0][0].isupper()]
    if way == "fewer words" and len(words) > 6:
        for match in sorted(chance.sample(words, len(words) // 5 + 1), key=lambda m: -m.start()):
            sentence = sentence[: match.start()] + sentence[match.end() :]
        return " ".join(sentence.split())
    if way == "cut" and 30 < (comma := sentence.find(", ", 30)) < len(sentence) - 20:
        return sentence[:comma] + "."
    if way == "led in" and sentence[:1].isascii():
        return "According to the documents, " + sentence
    return sentence


# --- written by hand -----------------------------------------------------------------------------------------


def written(limit: int, seed: int = 7) -> list[Example]:
    """About `limit` errors of each language, three times as many of English; half of the English groups teach. Those
    across languages are "across"."""
    found: list[Example] = []
    for file, most in (("english.txt", WRITTEN * limit), ("languages.txt", limit)):
        groups = list(_groups((CLAIMS / file).read_text(encoding="utf-8")))
        chance = random.Random(f"{seed}{file}")
        chance.shuffle(groups)
        made: dict[str, int] = {}
        for group in groups:
            name = "across" if group.across else f"written-{group.language}"
            if made.get(name, 0) < most:
                made[name] = made.get(name, 0) + len(group.wrong)
                others = [g.passage for g in chance.sample(groups, BESIDE) if g is not group and not g.across]
                found.extend(_of_group(group, name, [group.passage, *others], chance))
    return found


@dataclass(slots=True)
class _Group:
    passage: Passage
    language: str
    across: bool
    true: list[str]
    wrong: list[tuple[str, str]]


def _groups(text: str) -> Iterator[_Group]:
    for block in text.split("\n# "):
        head, *lines = block.strip().removeprefix("# ").split("\n")
        named = _LANGUAGES.match(head)
        own, told = (named[1], named[2] or named[1]) if named else ("en", "en")
        source = next(line[2:] for line in lines if line.startswith("> ")).replace(" // ", "\n")
        passage = passage_of(source, f"written-{source[:60]}", own, (named[3] if named else head,))
        wrong = [tuple(line[2:].split(": ", 1)) for line in lines if line.startswith("- ")]
        yield _Group(passage, told, own != told, [line[2:] for line in lines if line.startswith("+ ")], wrong)


def _of_group(group: _Group, name: str, shown: list[Passage], chance: random.Random) -> Iterator[Example]:
    chance.shuffle(shown)
    teaches = name == "written-en" and hash_of(group.passage.id) % 2 == 0
    for claim in group.true:
        yield Example(claim, shown, "", group.language, 1, group.passage.id, "", name, teaches)
    for kind, claim in group.wrong:
        kind = "added" if kind == "invented" else kind  # "invented" are those whose passage is not shown
        yield Example(claim, shown, "", group.language, 0, group.passage.id, kind, name, teaches)


def hash_of(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def passage_of(text: str, name: str, language: str, headings: tuple[str, ...] = ()) -> Passage:
    return Passage(name, name, text, 0, len(text), headings, None, uri=name, language=language)

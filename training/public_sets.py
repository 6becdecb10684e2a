"""Examples from public question sets whose licences allow shipping what is learned from them.

TyDi QA train (Apache-2.0), TAT-QA (CC BY 4.0), MedQuAD (CC BY 4.0), PubMedQA train (MIT). Each function gives fresh
examples for each seed: other wordings, other windows, other wrong passages.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import regex
import wordings
from made_by_rule import VOCABULARY
from questions_in_languages import translated

from examples import LONG, SHORT, Bm25, Example, window, without, words
from metier.core.documents import TextBuilder
from metier.text.sentences import sentence_spans

_NAME = regex.compile(
    r"(?<!^)(?<![.?!:] )\b\p{Lu}[\p{L}\p{M}\p{N}'’-]*(?: (?:of |the |de |von )?\p{Lu}[\p{L}\p{M}\p{N}'’-]*)*"
)
_NUMBER = regex.compile(r"\d+")
_NO_TITLE = (
    ("Notes",),
    ("Overview", "Background"),
    ("report-final",),
    ("Chapter 3",),
    ("Introduction",),
    ("FAQ",),
)  # say nothing


def tydi(data: Path, language: str, rng: random.Random, across: float = 0.0) -> Iterator[Example]:
    """One answerable example a question, and one of four kinds that is not. `across`: share of the questions, of those
    that fit a pattern, that are asked in another language."""
    articles = json.loads((data / "tydiqa" / f"{language}_tydiqa_train.json").read_text(encoding="utf-8"))["data"]
    rows = [
        (article["title"], paragraph["context"], qa["question"].strip(), qa["answers"][0])
        for article in articles
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]
    kind = f"tydi-{language[:2]}"
    nearest = Bm25([f"{title}\n{text}" for title, text, _, _ in rows])
    names = [found.group() for _, _, question, _ in rows for found in _NAME.finditer(question)]
    english = language == "english"
    for title, text, question, answer in rows:
        span = (answer["answer_start"], answer["answer_start"] + len(answer["text"]))
        cut, place = window(text, span, rng)
        asked = question
        if english:
            other = wordings.yes_no(question, answer["text"]) if rng.random() < 0.12 else None
            asked = other or wordings.varied(question, rng)
        elif rng.random() < 0.15:
            asked = question.rstrip(" ?")
        foreign = translated(question, rng) if rng.random() < across else None
        asked = foreign or asked
        headings = (title,) if _needs(question, cut) or rng.random() < 0.45 else ()
        if not headings and rng.random() < 0.3:
            headings = rng.choice(_NO_TITLE)
        good = Example(asked, headings, cut, True, place, f"{kind}>" if foreign else kind, title)
        yield good
        draw = rng.random()
        bad = None
        if draw < 0.3:
            rest = without(text, span)
            if rest and answer["text"].casefold() not in rest.casefold():
                rest = (
                    window(rest, (0, 1), rng, LONG if rng.random() < 0.3 else SHORT)[0] if len(rest) > SHORT else rest
                )
                bad = good.to(text=rest, answerable=False, span=None, kind=f"{kind}:cut")
        elif draw < 0.45:
            changed = _altered(asked, f"{title} {text}", names, rng)
            bad = changed and good.to(question=changed, answerable=False, span=None, kind=f"{kind}:altered")
        elif draw < 0.65:
            changed = _aspect(question, f"{title} {text}", rows[rng.randrange(len(rows))][2])
            changed = (translated(changed, rng) or changed) if changed and foreign else changed
            bad = changed and good.to(question=changed, answerable=False, span=None, kind=f"{kind}:aspect")
        if bad is None:
            bad = _neighbour(rows, nearest, question, title, answer["text"], rng)
            bad = bad and good.to(headings=bad[0], text=bad[1], answerable=False, span=None, kind=f"{kind}:other")
        if bad:
            yield bad


def _needs(question: str, text: str) -> bool:
    """Whether a name of the question is not in the text, so that only a title can bring it."""
    held = set(words(text))
    return any(not set(words(found.group())) & held for found in _NAME.finditer(question))


def _altered(question: str, around: str, names: list[str], rng: random.Random) -> str | None:
    """The question with its last name or number changed for one that the passage does not have."""
    numbers, found = list(_NUMBER.finditer(question)), list(_NAME.finditer(question))
    if numbers and rng.random() < 0.7:
        place = numbers[-1]
        digits = place.group()
        other = str(int(digits) + rng.choice((-3, -2, -1, 1, 2, 3, 5, 10))) if len(digits) < 9 else digits[::-1]
    elif found:
        place = rng.choice(found)
        other = rng.choice(names)
    else:
        return None
    if set(words(other)) & set(words(around)) or other == place.group():
        return None
    return question[: place.start()] + other + question[place.end() :]


def _aspect(question: str, around: str, other: str) -> str | None:
    """What another question asks, asked of this one's name: "Who is the chairman of X?". Only where none of its other
    words stands in the passage; now and then the passage answers all the same."""
    ours, theirs = list(_NAME.finditer(question)), list(_NAME.finditer(other))
    if len(ours) != 1 or len(theirs) != 1:
        return None
    place = theirs[0]
    asked = [word[:5] for word in words(other[: place.start()] + other[place.end() :]) if len(word) > 3]
    asked = [
        word for word in asked if word not in ("what", "when", "where", "which", "were", "many", "does", "have", "from")
    ]
    if not asked or {word[:5] for word in words(around)} & set(asked):
        return None
    return other[: place.start()] + ours[0].group() + other[place.end() :]


def _neighbour(rows, nearest: Bm25, question: str, title: str, answer: str, rng: random.Random):
    """(headings, text) of a passage of another article that shares the question's words but not the answer."""
    near = [i for i in nearest.nearest(question, 12) if rows[i][0] != title and answer not in rows[i][1]]
    if not near:
        return None
    other = rows[rng.choice(near[:4])]
    start = other[3]["answer_start"]
    cut, _ = window(other[1], (start, start + len(other[3]["text"])), rng)
    return ((other[0],) if rng.random() < 0.6 else ()), cut


# ---------------------------------------------------------------------------------------------------------- tables


def tatqa(data: Path, rng: random.Random) -> Iterator[Example]:
    """Financial tables as Métier writes them, and the paragraphs beside them."""
    contexts = json.loads((data / "tatqa" / "tatqa_dataset_dev.json").read_text(encoding="utf-8"))
    drawn = [_table_lines(context["table"]["table"]) for context in contexts]
    for index, context in enumerate(contexts):
        group = f"tatqa-{context['table']['uid']}"
        paragraphs = {str(p["order"]): p["text"] for p in context["paragraphs"]}
        title = next((text for text in paragraphs.values() if len(text) < 90), "")
        lines = drawn[index]
        for qa in context["questions"]:
            question = qa["question"].strip()
            asked = wordings.varied(question, rng)
            headings = (title.strip(),) if title and rng.random() < 0.5 else ()
            base = Example(asked, headings, "", True, None, "tatqa", group)
            gold = _gold_rows(qa, lines)
            if qa["answer_from"] == "text":
                yield from _from_paragraph(qa, paragraphs, base, rng)
            elif gold:
                yield from _from_table(qa, lines, gold, base, rng)
            if rng.random() < 0.3:
                other = rng.choice([i for i in range(len(contexts)) if i != index and drawn[i]])
                if not _shares(question, drawn[other]):
                    first = rng.randrange(len(drawn[other]))
                    text = _rows_around(drawn[other], [first], rng)[0]
                    yield base.to(text=text, answerable=False, kind="tatqa:other", headings=())


def _table_lines(table: list[list[str]]) -> list[str]:
    """One line a row with its column names; the rows above the first with a figure are the names."""
    top = 0
    for top, row in enumerate(table):  # noqa: B007 - the row that it stops at is what is wanted
        figures = [
            cell for cell in row[1:] if regex.search(r"\d", cell) and not regex.search(r"\b(?:19|20)\d\d\b", cell)
        ]
        if row[0].strip() and figures:
            break
    width = max(map(len, table))
    names = [
        " ".join(" ".join(row[column].split()) for row in table[:top] if column < len(row) and row[column].strip())
        for column in range(width)
    ]
    builder = TextBuilder()
    builder.add_table([names, *table[top:]])
    rows = [builder.text[block.start : block.end] for block in builder.blocks if block.kind == "row"]
    return [row for row in rows if row]


def _gold_rows(qa: dict, lines: list[str]) -> list[int]:
    """The rows that hold the answer, or the figures it is reckoned from."""
    if qa["answer_type"] == "arithmetic":
        wanted = regex.findall(r"\d[\d,.]*\d|\d", qa["derivation"])
        wanted = [figure for figure in wanted if len(figure) > 1 and figure not in ("100", "365")]
    elif qa["answer_type"] in ("span", "multi-span"):
        wanted = [str(part) for part in qa["answer"] if str(part).strip()]
    else:
        return []
    asked, rows = set(words(qa["question"])), []
    for figure in wanted[:4]:
        having = [i for i, line in enumerate(lines) if figure in line]
        if not having:
            return []
        rows.append(max(having, key=lambda i: len(asked & set(words(lines[i])))))
    return sorted(set(rows))


def _from_table(qa: dict, lines: list[str], gold: list[int], base: Example, rng: random.Random) -> Iterator[Example]:
    text, places = _rows_around(lines, gold, rng)
    if any(row not in places for row in gold):
        return
    start, end = places[gold[0]]
    answer = str(qa["answer"][0]) if isinstance(qa["answer"], list) and qa["answer"] else ""
    if len(gold) == 1 and qa["answer_type"] == "span" and answer and answer in text[start:end]:
        at = start + text[start:end].index(answer)
        start, end = at, at + len(answer)
    yield base.to(text=text, span=(start, end))
    if rng.random() < 0.7:
        kept = [line for row, line in enumerate(lines) if row not in gold]
        if len(kept) >= 2:
            text, _ = _rows_around(kept, [min(gold[0], len(kept) - 1)], rng)
            yield base.to(text=text, answerable=False, kind="tatqa:cut")
    years = regex.findall(r"\b20[0-2]\d\b", base.question)
    if years and rng.random() < 0.5:
        other = str(int(years[-1]) - rng.choice((4, 5, 6, 7)))
        if other not in text:
            changed = base.question.replace(years[-1], other)
            yield base.to(question=changed, text=text, answerable=False, kind="tatqa:altered")


def _rows_around(lines: list[str], gold: list[int], rng: random.Random) -> tuple[str, dict[int, tuple[int, int]]]:
    """Neighbouring rows with those in `gold`, and where in the text each lies."""
    limit = LONG if rng.random() < 0.4 else SHORT
    first, last = min(gold), max(gold)
    while True:
        sides = [side for side in (-1, 1) if 0 <= (first - 1 if side < 0 else last + 1) < len(lines)]
        side = rng.choice(sides) if sides else 0
        low, high = (first - 1, last) if side < 0 else (first, last + 1)
        if not sides or sum(len(line) + 1 for line in lines[low : high + 1]) > limit:
            break
        first, last = low, high
    places, at = {}, 0
    for row in range(first, last + 1):
        places[row] = (at, at + len(lines[row]))
        at += len(lines[row]) + 1
    return "\n".join(lines[first : last + 1])[:1600], {row: place for row, place in places.items() if place[1] <= 1600}


def _from_paragraph(qa: dict, paragraphs: dict[str, str], base: Example, rng: random.Random) -> Iterator[Example]:
    answer = str(qa["answer"][0]) if isinstance(qa["answer"], list) and qa["answer"] else ""
    for order in qa["rel_paragraphs"]:
        text = paragraphs.get(order, "")
        if not answer or answer not in text:
            continue
        start = text.index(answer)
        cut, place = window(text, (start, start + len(answer)), rng)
        yield base.to(text=cut, span=place)
        rest = without(text, (start, start + len(answer)))
        if rest and answer not in rest and rng.random() < 0.6:
            yield base.to(text=rest[:LONG], answerable=False, kind="tatqa:cut")
        others = [
            p for o, p in paragraphs.items() if o not in qa["rel_paragraphs"] and len(p) > 120 and answer not in p
        ]
        if others and rng.random() < 0.6:
            yield base.to(text=rng.choice(others)[:LONG], answerable=False, kind="tatqa:other")
        return


def _shares(question: str, lines: list[str]) -> bool:
    """Whether another table might well answer the question: it has most of its rarer words."""
    asked = {word for word in words(question) if len(word) > 4}
    return len(asked & set(words(" ".join(lines)))) > 0.5 * len(asked)


# -------------------------------------------------------------------------------------------------------- medicine

_ASKED = {kind: row["asked"] for kind, row in VOCABULARY["medicine"].items()}
_SPEAKS = {kind: row["speaks"] for kind, row in VOCABULARY["medicine"].items() if row["speaks"]}


def medquad(data: Path, rng: random.Random) -> Iterator[Example]:
    """Answers of many sentences: the passage that opens one is answerable, its first sentence is the span. Not: what is
    said of another side of the same illness, or of the same side of another."""
    rows = [json.loads(line) for line in (data / "medquad" / "medquad_nih4.jsonl").open(encoding="utf-8")]
    documents: dict[str, list[dict]] = defaultdict(list)
    for row in rows:
        documents[row["doc"]].append(row)
    nearest = Bm25([row["focus"] + "\n" + row["answer"][:SHORT] for row in rows])
    for row in rows:
        kinds = _ASKED.get(row["qtype"])
        if kinds is None or len(row["answer"]) < 80:
            continue
        focus = regex.sub(r"\s*\(.*?\)", "", row["focus"]) if rng.random() < 0.5 else row["focus"]
        question = row["question"].replace(" ?", "?") if rng.random() < 0.25 else rng.choice(kinds).format(focus)
        question = wordings.long(question, rng) if rng.random() < 0.08 else question
        opening = _opening(row["answer"], rng)
        spans = sentence_spans(opening)
        headings = _medical_headings(row, opening, rng)
        group = row["doc"]
        good = Example(question, headings, opening, True, spans[0] if spans else None, "medquad", group)
        yield good
        aside = [
            other
            for other in documents[row["doc"]]
            if other["qtype"] != row["qtype"]
            and row["qtype"] in _SPEAKS
            and not regex.search(_SPEAKS[row["qtype"]], other["answer"][:LONG], regex.IGNORECASE)
        ]
        if aside and rng.random() < 0.6:
            other = rng.choice(aside)
            text = _opening(other["answer"], rng)
            bad = good.to(text=text, headings=_medical_headings(other, text, rng), answerable=False, span=None)
            yield bad.to(kind="medquad:aspect")
        elif rng.random() < 0.7:
            near = [i for i in nearest.nearest(question, 15) if rows[i]["focus"] != row["focus"]]
            near = [i for i in near if row["focus"].casefold()[:12] not in rows[i]["answer"].casefold()[:LONG]]
            if near:
                other = rows[rng.choice(near[:8])]
                text = _opening(other["answer"], rng)
                bad = good.to(text=text, headings=_medical_headings(other, text, rng), answerable=False, span=None)
                yield bad.to(kind="medquad:other")


def _opening(answer: str, rng: random.Random) -> str:
    """The first sentences of an answer; its dashes as a list's lines at times, as pages have them."""
    limit = LONG if rng.random() < 0.35 else SHORT
    spans = sentence_spans(answer)
    end = max((b for _, b in spans if b <= limit), default=min(len(answer), limit))
    text = answer[:end]
    if text.count(" - ") >= 3 and rng.random() < 0.6:
        text = text.replace(" - ", "\n- ")
    return text


def _medical_headings(row: dict, text: str, rng: random.Random) -> tuple[str, ...]:
    draw = rng.random()
    if draw < 0.25 and row["focus"].casefold()[:10] in text.casefold():
        return ()
    if draw < 0.75:
        return (row["focus"],)
    return (row["focus"], row["qtype"].capitalize())


def pubmedqa(data: Path, rng: random.Random) -> Iterator[Example]:
    """Yes/no questions of research: conclusion and results decide them, background and methods do not."""
    for key, row in json.loads((data / "pubmedqa" / "pubmedqa_train.json").read_text(encoding="utf-8")).items():
        group, question = f"pubmedqa-{key}", row["QUESTION"]
        sections = list(zip(row["LABELS"], row["CONTEXTS"], strict=False))
        results = [text for label, text in sections if "RESULT" in label or "FINDING" in label]
        asides = [
            text
            for label, text in sections
            if regex.search("BACKGROUND|OBJECTIVE|METHOD|DESIGN|SETTING|PATIENT", label)
        ]
        title = (question.rstrip("?"),) if rng.random() < 0.3 else ()
        asked = wordings.long(question, rng) if rng.random() < 0.1 else question
        asked = wordings.keywords(asked) if rng.random() < 0.05 else asked
        base = Example(asked, title, "", True, None, "pubmedqa", group)
        conclusion = row["LONG_ANSWER"]
        text = results[-1][-300:] if results and rng.random() < 0.4 else ""
        text = text[text.find(" ") + 1 :] + "\n" if text else ""
        place = sentence_spans(conclusion)
        if place:
            start, end = place[0]
            yield base.to(text=text + conclusion, span=(len(text) + start, len(text) + end))
        if results and len(results[-1]) > 150 and rng.random() < 0.4:
            yield base.to(text=results[-1][:LONG], kind="pubmedqa:results")
        if asides and rng.random() < 0.7:
            yield base.to(text=rng.choice(asides)[:LONG], answerable=False, kind="pubmedqa:aside", headings=())

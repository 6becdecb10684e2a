"""What the packaged readers are worth, on questions that nothing was trained on or chosen by.

    python benchmarks/reader.py tydi en bn id sw      # spans, telling right passages from wrong, sentences, reranking
    python benchmarks/reader.py xquad en de hi zh     # the same across languages: every question language, every text's
    python benchmarks/reader.py heldout en            # the held-out tenth of what it was trained on, by kind
    python benchmarks/reader.py medquad en            # reranking of whole answers
    python benchmarks/reader.py speed en              # milliseconds a passage, one thread

English is read by `reader-english` and, with `--multilingual`, by `reader-multilingual` like every other language.
Passages come from the real modules: cut to 200 tokens, found by the packaged embedder and words together.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import regex
from retrieval import build
from sets import TYDI_LANGUAGES, data_folder, load, metrics

from metier.answering.coverage import QuestionCoverage
from metier.answering.evidence import answering_span
from metier.answering.term_weights import Sought
from metier.core.documents import Passage
from metier.core.settings import PassageSettings
from metier.reader import Reading, create, whole_sentences
from metier.retrieval.retriever import Hit, Retriever
from metier.text.analyzer import Analyser
from metier.text.sentences import sentence_spans

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))
EMBEDDERS = {False: "all-minilm-l6-v2", True: "multilingual-e5-small"}
READ = 20  # passages of each question that are read
SHOWN = 5  # of which one sentence is quoted


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the passage that answers it, the answer's wording, and what was found."""

    id: str
    question: str
    answer: str
    gold: Passage
    hits: list[Hit]


# ------------------------------------------------------------------------------------------------------------- TyDi


def tydi(code: str, multilingual: bool, count: int) -> None:
    reader = create(language=code, multilingual=multilingual, threads=1)
    path = data_folder() / "tydiqa" / f"{TYDI_LANGUAGES[code]}_tydiqa_dev.json"
    with tempfile.TemporaryDirectory() as folder:
        model = EMBEDDERS[multilingual or code != "en"]
        retriever = build(load(f"tydi-{code}"), Path(folder), model, PassageSettings())
        asked = _asked(retriever, path, count)
        read = [
            reader.read(one.question, [one.gold, _without(one), *(hit.passage for hit in one.hits)]) for one in asked
        ]
        print(f"tydi-{code}, {reader.name}, {len(asked)} questions")
        _spans([(one.answer, one.gold.text, readings[0]) for one, readings in zip(asked, read, strict=True)])
        _telling(asked, read)
        _sentences(asked, [readings[2:] for readings in read], retriever, code)
        _reranking(asked, [readings[2:] for readings in read])


def _asked(retriever: Retriever, path: Path, count: int) -> list[Asked]:
    questions = [
        (qa["id"], qa["question"], qa["answers"][0]["text"], paragraph["context"])
        for article in json.loads(path.read_text(encoding="utf-8"))["data"]
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]
    asked = []
    for name, question, answer, context in questions[:: max(1, len(questions) // count)]:
        hits = retriever.search(question, READ)
        gold = [hit.passage for hit in hits if hit.passage.text[:60] in context and answer in hit.passage.text]
        if gold:
            asked.append(Asked(name, question, answer, gold[0], hits))
    print(f"{len(asked)} of {len(questions[:: max(1, len(questions) // count)])} have their passage among {READ} found")
    return asked


def _without(one: Asked) -> Passage:
    """The right passage without the sentences that hold the answer; "-" where nothing is left."""
    kept = [one.gold.text[a:b] for a, b in sentence_spans(one.gold.text) if one.answer not in one.gold.text[a:b]]
    return replace(one.gold, text=" ".join(kept) or "-")


def _spans(read: Sequence[tuple[str, str, Reading]]) -> None:
    scored = [(f1(text[r.start : r.end], answer), exact(text[r.start : r.end], answer)) for answer, text, r in read]
    print(f"  span in the right passage: F1 {_mean(f for f, _ in scored):.3f}, exact {_mean(e for _, e in scored):.3f}")


def _telling(asked: Sequence[Asked], read: Sequence[list[Reading]]) -> None:
    first, hardest, cut = [], [], []
    for one, (gold, near, *others) in zip(asked, read, strict=True):
        wrong = [r.answerable for hit, r in zip(one.hits, others, strict=True) if one.answer not in hit.passage.text]
        if wrong:
            first.append((gold.answerable, wrong[0]))
            hardest.append((gold.answerable, max(wrong)))
        if len(_without(one).text) > 60 and one.answer not in _without(one).text:
            cut.append((gold.answerable, near.answerable))
    print(f"  AUC against the first wrong passage {area(first):.3f}, the likeliest wrong one {area(hardest):.3f},")
    print(f"  the right one without the answer's sentence {area(cut):.3f} ({len(cut)} questions)")
    refused, taken = _mean(g < 0.5 for g, _ in first), _mean(w >= 0.5 for _, w in first)
    print(
        f"  at .5: right passage refused {refused:.3f}, first wrong one taken {taken:.3f}, "
        f"near miss taken {_mean(n >= 0.5 for _, n in cut):.3f}"
    )


def _sentences(asked: Sequence[Asked], read: Sequence[list[Reading]], retriever: Retriever, code: str) -> None:
    """Does the quoted sentence hold the answer? The reader's choice among `SHOWN` passages, and that of cosine and
    words, as Métier chose before it had readers."""
    ours, both, before = [], [], []
    for one, readings in zip(asked, read, strict=True):
        shown = range(min(SHOWN, len(readings)))
        ours.append(one.answer in _quoted(one, readings, max(shown, key=lambda i: readings[i].answerable), code))
        best = max(shown, key=lambda i: one.hits[i].score + log_odds(readings[i]))
        both.append(one.answer in _quoted(one, readings, best, code))
        before.append(one.answer in _by_words(one, retriever, code))
    print(
        f"  sentence quoted from {SHOWN} passages holds the answer: by the reader {_mean(ours):.3f}, "
        f"by reader and search {_mean(both):.3f}, by cosine and words {_mean(before):.3f}"
    )


def _quoted(one: Asked, readings: Sequence[Reading], at: int, code: str) -> str:
    text = one.hits[at].passage.text
    start, end = whole_sentences(text, readings[at].start, readings[at].end, code)
    return text[start:end]


def log_odds(reading: Reading) -> float:
    return math.log(max(reading.answerable, 1e-9) / max(1 - reading.answerable, 1e-9))


def _by_words(one: Asked, retriever: Retriever, code: str) -> str:
    analyser, embedder = retriever._analyser, retriever._embedder
    pieces = [hit.passage.text[a:b] for hit in one.hits[:SHOWN] for a, b in sentence_spans(hit.passage.text, code)]
    wanted = set(analyser.tokens(one.question))
    covered = np.array([len(wanted & set(analyser.tokens(piece))) / max(1, len(wanted)) for piece in pieces])
    order = np.argsort(-covered, kind="stable")[:12]
    asked = retriever.asked(one.question)
    cosines = (embedder.embed_passages([pieces[i] for i in order]) @ asked.vector - asked.mean) / (1 - asked.mean)
    return pieces[order[int(np.argmax(cosines + 0.5 * covered[order]))]]


def _reranking(asked: Sequence[Asked], read: Sequence[list[Reading]]) -> None:
    """nDCG@10 and recall@1 of the passages found, in their order, by the reader, and by both."""
    relevant = {one.id: {one.gold.id: 1} for one in asked}
    orders: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for one, readings in zip(asked, read, strict=True):
        names = [hit.passage.id for hit in one.hits]
        fused = np.array([hit.score for hit in one.hits])
        odds = np.array([log_odds(reading) for reading in readings])
        for name, scores in {"fused": fused, "reader": odds, "both": fused + odds}.items():
            orders[name][one.id] = [names[i] for i in np.argsort(-scores, kind="stable")]
    for name, ranked in orders.items():
        first = _mean(ranked[one.id][0] == one.gold.id for one in asked)
        print(f"  {name:7} nDCG@10 {metrics(ranked, relevant)['ndcg@10']:.3f}, recall@1 {first:.3f}")


# ------------------------------------------------------------------------------------------------------------ XQuAD


def xquad(codes: Sequence[str], count: int) -> None:
    """Questions in one language over paragraphs in another; the wrong paragraph is the one nearest in English."""
    reader = create(language="xx", threads=1)
    rows = {code: _xquad_rows(code) for code in ("en", *codes)}
    chosen = range(0, len(rows["en"]), max(1, len(rows["en"]) // count))
    wrong = _nearest_other([rows["en"][i] for i in range(len(rows["en"]))], chosen)
    for asked in codes:
        for written in codes:
            right, told, sentences, with_words = [], [], [], []
            analyser = Analyser(written)
            for i in chosen:
                question, (_, context, answer) = rows[asked][i][0], rows[written][i]
                gold, other = (_piece(context, answer, written), _piece(rows[written][wrong[i]][1], None, written))
                first, second = reader.read(question, [gold, other])
                right.append(f1(gold.text[first.start : first.end], answer))
                start, end = whole_sentences(gold.text, first.start, first.end, written)
                sentences.append(answer in gold.text[start:end])
                sought = Sought.of(question, analyser, lambda tokens: np.ones(len(tokens)), asked)
                coverage = QuestionCoverage(question, sought, analyser)
                best = answering_span(gold, sentence_spans(gold.text, written), first, coverage)
                with_words.append(best is not None and answer in gold.text[slice(*best)])
                told.append((first.answerable, second.answerable))
            print(
                f"xquad {asked} over {written}: F1 {_mean(right):.3f}, right sentence by its best span "
                f"{_mean(sentences):.3f}, as quoted {_mean(with_words):.3f}, AUC {area(told):.3f}, "
                f"refused at .5 {_mean(g < 0.5 for g, _ in told):.3f}, "
                f"wrong taken {_mean(w >= 0.5 for _, w in told):.3f}",
                flush=True,
            )


def _xquad_rows(code: str) -> list[tuple[str, str, str]]:
    articles = json.loads((data_folder() / "xquad" / f"{code}.json").read_text(encoding="utf-8"))["data"]
    return [
        (qa["question"], paragraph["context"], qa["answers"][0]["text"])
        for article in articles
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]


def _nearest_other(rows: Sequence[tuple[str, str, str]], chosen: Sequence[int]) -> dict[int, int]:
    from examples import Bm25

    contexts = list(dict.fromkeys(context for _, context, _ in rows))
    first = {context: next(i for i, row in enumerate(rows) if row[1] == context) for context in contexts}
    index = Bm25(contexts)
    found = {}
    for i in chosen:
        near = [n for n in index.nearest(rows[i][0], 5) if contexts[n] != rows[i][1]]
        found[i] = first[contexts[near[0]]] if near else (i + 400) % len(rows)
    return found


def _piece(context: str, answer: str | None, code: str, limit: int = 800) -> Passage:
    """Whole sentences of the paragraph, those with the answer among them, as long as a passage."""
    spans = sentence_spans(context, code)
    at = next((i for i, (a, b) in enumerate(spans) if answer and answer in context[a:b]), 0)
    first = last = at
    while last + 1 < len(spans) and spans[last + 1][1] - spans[first][0] <= limit:
        last += 1
    while first and spans[last][1] - spans[first - 1][0] <= limit:
        first -= 1
    return Passage("p", "d", context[spans[first][0] : spans[last][1]], 0, 0, language=code)


# --------------------------------------------------------------------------------------------------- held out, speed


def heldout(code: str, multilingual: bool, count: int) -> None:
    """Right at .5 by kind; by length of the question, the answerable ones that would be refused."""
    import reader as training

    reader = create(language=code, multilingual=multilingual, threads=1)
    flavour = training.FLAVOURS["english" if reader.name == "reader-english" else "multilingual"]
    examples = training.examples(flavour, 4711)[1]
    examples = examples[:: max(1, len(examples) // count)]
    right, scores, lengths, rows = defaultdict(list), [], defaultdict(list), []
    for example in examples:
        passage = Passage("p", "d", example.text, 0, 0, headings=example.headings)
        reading = reader.read(example.question, [passage])[0]
        right[example.kind].append((reading.answerable >= 0.5) == example.answerable)
        scores.append((reading.answerable, example.answerable))
        if example.answerable:
            lengths[min(80, 10 * (len(example.question.split()) // 10))].append(reading.answerable < 0.5)
        if example.kind in ("tatqa", "table") and example.span:
            gold = whole_sentences(example.text, *example.span)
            rows.append(whole_sentences(example.text, reading.start, reading.end)[0] == gold[0])
    print(
        f"held out, {reader.name}, {len(examples)} examples: AUC {training.area(scores):.3f}, "
        f"right row of a table {_mean(rows):.3f}"
    )
    for kind, values in sorted(right.items()):
        print(f"  {kind:20} {_mean(values):.3f} of {len(values)}")
    for length, values in sorted(lengths.items()):
        print(f"  answerable, question of {length} words and more: refused {_mean(values):.3f} of {len(values)}")
    _bins(scores)


def _bins(scores: Sequence[tuple[float, bool]]) -> None:
    for low in np.arange(0, 1, 0.2):
        inside = [good for score, good in scores if low <= score < low + 0.2 or (low > 0.75 and score == 1)]
        if inside:
            print(f"  said {low:.1f} to {low + 0.2:.1f}: true {_mean(inside):.2f} of {len(inside)}")


def medquad(count: int) -> None:
    """Reranking among all answers; asked are only the questions of documents that were held out."""
    from examples import held_out

    chosen = load("medquad")
    reader = create(threads=1)
    with tempfile.TemporaryDirectory() as folder:
        retriever = build(chosen, Path(folder), EMBEDDERS[False], PassageSettings())
        orders: dict[str, dict[str, list[str]]] = defaultdict(dict)
        names = [name for name in chosen.questions if held_out(f"{name.rpartition('-')[0]}.xml", 0.12)]
        names = names[:: max(1, len(names) // count)]
        for name in names:
            hits = retriever.search(chosen.questions[name], READ)
            readings = reader.read(chosen.questions[name], [hit.passage for hit in hits])
            fused = np.array([hit.score for hit in hits])
            odds = np.array([log_odds(reading) for reading in readings])
            for way, scores in {"fused": fused, "reader": odds, "both": fused + odds}.items():
                ordered = [hits[i].passage.uri for i in np.argsort(-scores, kind="stable")]
                orders[way][name] = list(dict.fromkeys(ordered))
        for way, ranked in orders.items():
            first = _mean(ranked[name][0] in chosen.relevant[name] for name in names)
            kept = {name: chosen.relevant[name] for name in names}
            print(f"medquad {way:7} nDCG@10 {metrics(ranked, kept)['ndcg@10']:.3f}, recall@1 {first:.3f}")


def speed(code: str, multilingual: bool) -> None:
    from examples import words

    reader = create(language=code, multilingual=multilingual, threads=1)
    text = "The committee met on 4 May and agreed that all offers are opened by two people and kept for ten years. "
    passages = [Passage(str(i), "d", (text * 8)[: 860 + i], 0, 0) for i in range(10)]
    reader.read("When did the committee meet?", passages[:1])
    best = math.inf
    for _ in range(5):
        started = time.process_time()
        reader.read("When did the committee meet?", passages)
        best = min(best, (time.process_time() - started) / len(passages))
    print(
        f"{reader.name}: {best * 1000:.1f} ms of processor a passage of {len(words(passages[0].text))} words, "
        "best of five"
    )


# --------------------------------------------------------------------------------------------------------- measures

_NO_SPACES = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]")


def _tokens(text: str) -> list[str]:
    """Words without articles and punctuation; in scripts without spaces every character is one (as MLQA does)."""
    spaced = _NO_SPACES.sub(lambda found: f" {found.group()} ", text.casefold())
    return [word for word in regex.findall(r"[\p{L}\p{M}\p{N}]+", spaced) if word not in ("a", "an", "the")]


def f1(said: str, answer: str) -> float:
    ours, theirs = _tokens(said), _tokens(answer)
    common = sum(min(ours.count(word), theirs.count(word)) for word in set(ours))
    return 2 * common / (len(ours) + len(theirs)) if common else 0.0


def exact(said: str, answer: str) -> bool:
    return _tokens(said) == _tokens(answer)


def area(pairs: Sequence[tuple[float, float]]) -> float:
    """Area under the ROC curve of the first of all pairs against the second of all pairs."""
    right, wrong = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
    return float(((right[:, None] > wrong).mean() + (right[:, None] >= wrong).mean()) / 2)


def _mean(values) -> float:
    values = [float(value) for value in values]
    return float(np.mean(values)) if values else math.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("tydi", "xquad", "heldout", "medquad", "speed"))
    parser.add_argument("languages", nargs="*", default=["en"])
    parser.add_argument("--multilingual", action="store_true", help="the multilingual reader for English too")
    parser.add_argument("--count", type=int, default=100, help="questions of each set")
    given = parser.parse_args()
    if given.part == "xquad":
        xquad(given.languages, given.count)
    elif given.part == "medquad":
        medquad(given.count)
    else:
        for code in given.languages:
            if given.part == "tydi":
                tydi(code, given.multilingual, given.count)
            elif given.part == "heldout":
                heldout(code, given.multilingual, given.count)
            else:
                speed(code, given.multilingual)


if __name__ == "__main__":
    main()

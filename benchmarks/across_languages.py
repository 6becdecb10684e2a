"""Questions in one language over documents in another: XQuAD, 240 paragraphs in English, German, Hindi and Chinese.

    python benchmarks/across_languages.py                        # every pair, 40 questions each
    python benchmarks/across_languages.py --questions 100 --documents de --asked en

For every pair of languages: is the right paragraph among those shown; in the quoted style, is the question wrongly
refused, and does the sentence that is quoted hold the answer; in the written style, is an answer in the language of the
question carried by a paragraph in the other (the answers are the sentences that hold the answer in the parallel
paragraph, as a capable model would write them), and is it flagged when a number in it is changed.
Nothing is trained on this set. Writes benchmarks/results/across_languages.json.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import regex
from ingest import circumstances
from refusal_corpora import Corpus
from refusals import expert_on
from sets import data_folder

from metier import Expert
from metier.answering.answer import Support
from metier.text.analyzer import ascii_digits
from metier.text.sentences import sentence_spans

RESULTS = Path(__file__).resolve().parent / "results"
LANGUAGES = ("en", "de", "hi", "zh")
_NUMBER = regex.compile(r"\p{Nd}+")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question in one language. `sentence`: the one of its own paragraph that holds the answer."""

    question: str
    answer: str
    sentence: str
    paragraph: int


@dataclass(slots=True)
class Pair:
    """Shares, 0..1. `altered_flagged`: of the answers with a number, those flagged once it is changed."""

    documents: str
    asked: str
    questions: int
    shown: float = 0.0
    refused: float = 0.0
    quote_right: float = 0.0
    carried: float = 0.0
    flagged: float = 0.0
    altered_flagged: float | None = None


def read(language: str) -> tuple[list[str], list[Asked]]:
    raw = json.loads((data_folder() / "xquad" / f"{language}.json").read_text(encoding="utf-8"))
    paragraphs: list[str] = []
    asked: list[Asked] = []
    for article in raw["data"]:
        for paragraph in article["paragraphs"]:
            text = paragraph["context"]
            spans = sentence_spans(text, language)
            for each in paragraph["qas"]:
                answer = each["answers"][0]
                start = answer["answer_start"]
                held = next(((a, b) for a, b in spans if a <= start < b), (0, len(text)))
                asked.append(Asked(each["question"], answer["text"], text[slice(*held)], len(paragraphs)))
            paragraphs.append(text)
    return paragraphs, asked


def corpus(language: str, paragraphs: Sequence[str]) -> Corpus:
    documents = {f"{number:03}.txt": text for number, text in enumerate(paragraphs)}
    return Corpus(language, documents, [], "multilingual-e5-small")


def altered(sentence: str, draw: random.Random) -> str | None:
    """The sentence with one of its numbers changed; None where it has none."""
    found = list(_NUMBER.finditer(sentence))
    if not found:
        return None
    chosen = draw.choice(found)
    digits = ascii_digits(chosen.group())
    other = str(int(digits) + draw.choice((1, 2, 3, 7))).zfill(len(digits))
    return sentence[: chosen.start()] + other + sentence[chosen.end() :]


def measure(expert: Expert, documents: str, asked: str, here: Sequence[Asked], there: Sequence[Asked]) -> Pair:
    """`here`: the questions in their own language; `there`: the same ones in that of the documents."""
    draw = random.Random(0)
    pair = Pair(documents, asked, len(here))
    carried, flagged, caught = [], [], []
    for question, source in zip(here, there, strict=True):
        uri = f"docs/{question.paragraph:03}.txt"
        found = expert.runtime.answerer.find(question.question)
        pair.shown += any(passage.uri == uri for passage in found.passages)
        answer = expert.ask(question.question)
        pair.refused += answer.abstained
        pair.quote_right += not answer.abstained and _plain(source.answer) in _plain(answer.text)
        read = expert.runtime.store.passages(expert.runtime.store.uris()[uri])
        levels = _levels(expert, question, question.sentence, read)
        carried.append(all(level is not Support.NOT for level in levels) and Support.CARRIED in levels)
        flagged.append(Support.NOT in levels)
        if (wrong := altered(question.sentence, draw)) is not None:
            caught.append(Support.NOT in _levels(expert, question, wrong, read))
    count = len(here)
    pair.shown, pair.refused, pair.quote_right = pair.shown / count, pair.refused / count, pair.quote_right / count
    pair.carried, pair.flagged = sum(carried) / count, sum(flagged) / count
    pair.altered_flagged = sum(caught) / len(caught) if caught else None
    return pair


def _levels(expert: Expert, question: Asked, text: str, read: Sequence) -> list[Support]:
    checking = expert.runtime.checker.over(read, question.question, expert.settings.language)
    return [checking.check(text, span).support for span in checking.spans(text)]


def _plain(text: str) -> str:
    return " ".join(ascii_digits(text.casefold()).split())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--documents", choices=LANGUAGES, action="append")
    parser.add_argument("--asked", choices=LANGUAGES, action="append")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    sets = {language: read(language) for language in LANGUAGES}
    numbers = random.Random(0).sample(range(len(sets["en"][1])), options.questions)
    result = circumstances("across_languages.py") | {"pairs": []}
    names = ("shown", "refused", "quote right", "carried", "flagged", "altered")
    print(f"{'documents':10}{'asked':7}" + "".join(f"{name:>13}" for name in names))
    for documents in options.documents or LANGUAGES:
        with tempfile.TemporaryDirectory() as temporary:
            expert = expert_on(corpus(documents, sets[documents][0]), Path(temporary), options.threads)
            with expert:
                for asked in options.asked or LANGUAGES:
                    here = [sets[asked][1][n] for n in numbers]
                    there = [sets[documents][1][n] for n in numbers]
                    pair = measure(expert, documents, asked, here, there)
                    result["pairs"].append(asdict(pair))
                    caught = "" if pair.altered_flagged is None else f"{pair.altered_flagged:.3f}"
                    print(
                        f"{documents:10}{asked:7}{pair.shown:13.3f}{pair.refused:13.3f}{pair.quote_right:13.3f}"
                        f"{pair.carried:13.3f}{pair.flagged:13.3f}{caught:>13}", flush=True,
                    )  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "across_languages.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

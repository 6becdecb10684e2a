"""Documents in several languages in one expert: is the right one found whatever language is asked in?

    python benchmarks/mixed_languages.py [--questions 60]

XQuAD, 240 paragraphs, each in one language that is drawn with the shares of a mix; questions in all four. Where the
right paragraph stands among what search finds, of questions in its language and in others: with cosines as they are,
and raised as `metier.retrieval.query.below_nearest` tells. Nothing is trained on this set. Writes
benchmarks/results/mixed_languages.json.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from across_languages import LANGUAGES, RESULTS, read
from ingest import circumstances
from refusal_corpora import Corpus
from refusals import expert_on

MIXES = {"equal": (1, 1, 1, 1), "mostly English": (12, 1, 1, 0), "mostly German": (0, 12, 0, 1)}  # shares of LANGUAGES
FIRST = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    result = circumstances("mixed_languages.py") | {"mixes": {}}
    print(f"{'mix':<16}{'asked in':<14}{'cosines':<10}{'n':>5}{'first':>8}{'of 3':>8}{'of 10':>8}")
    for name, shares in MIXES.items():
        ranks = measured(name, shares, options.questions, options.threads)
        for (where, how), found in sorted(ranks.items()):
            shown = {k: sum(rank < k for rank in found) / len(found) for k in (1, 3, FIRST)}
            result["mixes"].setdefault(name, {})[f"{where}, {how}"] = {"questions": len(found), **shown}
            figures = "".join(f"{share:8.3f}" for share in shown.values())
            print(f"{name:<16}{where:<14}{how:<10}{len(found):5}{figures}", flush=True)
    (RESULTS / "mixed_languages.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def measured(name: str, shares: tuple[int, ...], count: int, threads: int) -> dict[tuple[str, str], list[int]]:
    """The rank of the right paragraph, `FIRST` where it is none of the first, by the question's language and way."""
    draw = random.Random(name)
    sets = {language: read(language) for language in LANGUAGES}
    paragraphs = [sets[language][0] for language in LANGUAGES]
    chosen = [draw.choices(range(len(LANGUAGES)), shares)[0] for _ in paragraphs[0]]
    documents = {f"{n:03}.txt": paragraphs[language][n] for n, language in enumerate(chosen)}
    ranks = defaultdict[tuple[str, str], list[int]](list)
    with tempfile.TemporaryDirectory() as folder:
        main_language = LANGUAGES[shares.index(max(shares))]
        expert = expert_on(Corpus(main_language, documents, [], "multilingual-e5-small"), Path(folder), threads)
        with expert:
            retriever = expert.runtime.retriever
            for number in draw.sample(range(len(sets["en"][1])), count):
                for place, language in enumerate(LANGUAGES):
                    asked = sets[language][1][number]
                    query = retriever.query(asked.question)
                    where = "its language" if place == chosen[asked.paragraph] else "another"
                    for how, each in (("as are", replace(query, below={})), ("raised", query)):
                        found = [hit.passage.uri for hit in retriever.search(each, FIRST)]
                        right = f"docs/{asked.paragraph:03}.txt"
                        ranks[where, how].append(found.index(right) if right in found else FIRST)
    return ranks


if __name__ == "__main__":
    main()

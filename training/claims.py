"""Claims before sources: written by hand, and made by rule from sentences of public sets.

# trade                                    in languages.txt `# de | trade`, `# en>de | trade`
> the source: sentences, or rows or items with " // " between them
+ a claim that it carries
- negation: one that it does not, after the kind of its error
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import regex

from examples import held_out, words
from metier.documents import Passage
from metier.sentences import is_heading_like, is_leadin, units, without_marker
from metier.synthesis.planted_errors import KINDS, plant

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent / "benchmarks"))
from claim_sets import CLAIMS, planted_sets, statement  # noqa: E402

_WORD = regex.compile(r"[\p{L}\p{M}]{4,}")
_LANGUAGES = regex.compile(r"^([a-z]{2})(?:>([a-z]{2}))?\s*\|\s*(.*)$")
_BESIDE = 0.4  # share of examples with fragments of other documents beside the right one


@dataclass(frozen=True, slots=True)
class ClaimExample:
    """`text`: the sources, as `metier.answering.support.premise` lays them out. `kind`: of the error ("written:swap"),
    or how a true one was made. `group`: no group is both trained on and held out."""

    claim: str
    text: str
    carried: bool
    kind: str
    group: str


@dataclass(slots=True)
class _Group:
    trade: str
    source: str
    true: list[str] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)


# -------------------------------------------------------------------------------------------------- written by hand


def written(rng: random.Random, *, languages: bool) -> Iterator[ClaimExample]:
    """Every claim of the files once, each beside its source and, often, beside sources of other groups."""
    files = ["english.txt", "languages.txt"] if languages else ["english.txt"]
    for file in files:
        groups = list(_groups((CLAIMS / file).read_text(encoding="utf-8")))
        for group in groups:
            name = f"written-{group.source[:60]}"
            kind = "written" if file == files[0] else "languages"
            for claim, error in [*((c, "") for c in group.true), *((c, e) for e, c in group.wrong)]:
                others = [g for g in rng.sample(groups, 2) if g is not group] if rng.random() < _BESIDE else []
                text = _laid_out([(g.trade, g.source) for g in (group, *others[: rng.choice((1, 1, 2))])], rng)
                yield ClaimExample(_as_said(claim, rng), text, not error, f"{kind}:{error or 'true'}", name)
            other = rng.choice([g for g in groups if g is not group])
            if rng.random() < 0.5:
                text = _laid_out([(other.trade, other.source)], rng)
                yield ClaimExample(rng.choice(group.true), text, False, f"{kind}:elsewhere", name)


def _groups(text: str) -> Iterator[_Group]:
    for block in text.split("\n# "):
        head, *lines = block.strip().removeprefix("# ").split("\n")
        named = _LANGUAGES.match(head)
        source = next(line[2:] for line in lines if line.startswith("> "))
        group = _Group(named[3] if named else head, source.replace(" // ", "\n"))
        for line in lines:
            if line.startswith("+ "):
                group.true.append(line[2:])
            elif line.startswith("- "):
                kind, _, claim = line[2:].partition(": ")
                group.wrong.append((kind, claim))
        yield group


def _as_said(claim: str, rng: random.Random) -> str:
    """Now and then with the mark of a list, or without its full stop, as sentences of answers are."""
    if rng.random() < 0.1 and claim.endswith("."):
        return claim[:-1]
    return claim


def _laid_out(fragments: Sequence[tuple[str, str]], rng: random.Random) -> str:
    """Fragments in any order, some with their heading in a line of its own."""
    order = rng.sample(list(fragments), len(fragments))
    return "\n".join(f"{head}\n{text}" if head and rng.random() < 0.5 else text for head, text in order)


# ---------------------------------------------------------------------------------------------------- made by rule

_SAME = tuple(
    tuple(pair.split("|"))
    for pair in (
        "must|has to", "must|needs to", "must not|may not", "do not|don't", "does not|doesn't", "is not|isn't",
        "cannot|can't", "cannot|is unable to", "before|prior to", "about|approximately", "at least|no fewer than",
        "more than|over", "less than|under", "because|since", "also|as well", "however|but", "is used|is utilised",
        "shows|indicates", "usually|normally", "people|persons", "such as|for example", "may|might", "often|frequently",
        "begin|start", "help|assist", "large|big", "near|close to", "several|a number of", "children|kids",
        "doctor|physician", "located|situated", "is called|is known as", "was born in|comes from", "due to|because of",
        "can|is able to", "need|require", "until|up to", "show|demonstrate", "many|a lot of",
        "was built|was constructed", "two|2", "three|3", "four|4", "five|5", "six|6", "ten|10", "twelve|12",
        "per cent|%", " percent|%",
    )
)  # fmt: skip
_JOINING = ("and", "while", "; also,")
_LED_IN = ("According to the documents, ", "Yes: ", "The source says that ", "In short, ", "As stated, ")


def made(rng: random.Random, count: int, *, languages: bool) -> Iterator[ClaimExample]:
    """About `count` examples of each set: sentences as others would say them, and each with an error."""
    for name, language, learn, passages in planted_sets():
        if learn is False or (language != "en" and not languages):
            continue
        usable = [p for p in passages if learn or _teaches(p)]
        for passage in rng.sample(usable, min(len(usable), count)):
            yield from _of_passage(name, language, passage, usable, rng)


def _teaches(passage: Passage) -> bool:
    from claim_sets import hash_of

    return hash_of(passage.id) % 2 == 0


def _of_passage(
    name: str, language: str, passage: Passage, others: Sequence[Passage], rng: random.Random
) -> Iterator[ClaimExample]:
    cut = [u for u in units(passage.text, language) if u.kind != "rule"]
    fit = [i for i, u in enumerate(cut) if _says(passage.text[u.start : u.end], u.kind)]
    for at in rng.sample(fit, min(2, len(fit))):
        unit = cut[at]
        sentence = passage.text[unit.start : unit.end]
        sentence = statement(sentence, rng) if unit.kind == "row" or name == "tatqa" else without_marker(sentence)
        if not sentence:
            continue
        first, last = max(0, at - rng.randint(0, 3)), min(len(cut) - 1, at + rng.randint(0, 3))
        around = passage.text[cut[first].start : cut[last].end]
        other = rng.choice(others)
        beside = [("", other.text[:300])] if rng.random() < _BESIDE and other is not passage else []
        headings = " › ".join(passage.headings)
        text = _laid_out([(headings, around), *beside], rng)
        told = _retold(sentence, rng)
        yield ClaimExample(told, text, True, f"{name}:true", passage.id)
        for kind, wrong in _errors(sentence, passage, others, rng):
            yield ClaimExample(_retold(wrong, rng), text, False, f"{name}:{kind}", passage.id)
        if rng.random() < 0.3 and last > first:
            rest = " ".join(passage.text[u.start : u.end] for u in cut[first : last + 1] if u is not unit)
            yield ClaimExample(told, _laid_out([(headings, rest)], rng), False, f"{name}:cut", passage.id)


def _says(text: str, kind: str) -> bool:
    if not 30 <= len(text) <= 300 or is_leadin(text):
        return False
    return kind != "sentence" or not is_heading_like(text)


def _errors(
    sentence: str, passage: Passage, others: Sequence[Passage], rng: random.Random
) -> Iterator[tuple[str, str]]:
    for kind in rng.sample(KINDS, len(KINDS)):
        if wrong := plant(sentence, passage, kind, rng.randrange(1 << 30)):
            yield kind, wrong
            break
    if rng.random() < 0.25 and (wrong := _other_word(sentence, passage, rng)):
        yield "word", wrong
    if rng.random() < 0.25 and (more := _foreign_clause(others, passage, rng)):
        yield "added", sentence.rstrip(". ") + f" {rng.choice(_JOINING)} " + more


def _other_word(sentence: str, passage: Passage, rng: random.Random) -> str | None:
    """One word replaced by another of the passage that ends alike, so that the sentence stays one."""
    own = set(words(sentence))
    found = [m for m in _WORD.finditer(sentence) if m[0].islower()]
    pool = [w for w in dict.fromkeys(_WORD.findall(passage.text)) if w.islower() and w not in own]
    for match in rng.sample(found, min(6, len(found))):
        alike = [w for w in pool if w[-2:] == match[0][-2:] and w[:4] != match[0][:4]]
        if alike:
            return sentence[: match.start()] + rng.choice(alike) + sentence[match.end() :]
    return None


def _foreign_clause(others: Sequence[Passage], passage: Passage, rng: random.Random) -> str | None:
    other = rng.choice(others)
    cut = [other.text[u.start : u.end] for u in units(other.text, other.language or "en") if u.kind == "sentence"]
    fit = [text for text in cut if 25 <= len(text) <= 120 and text[:1].isupper()]
    if not fit or other is passage:
        return None
    chosen = rng.choice(fit)
    return chosen[0].lower() + chosen[1:]


def _retold(sentence: str, rng: random.Random) -> str:
    """The same with other function words, led in, or as it stands: nothing that changes what it says."""
    if rng.random() < 0.5:
        for pair in rng.sample(_SAME, len(_SAME)):
            one, two = rng.sample(pair, 2)
            pattern = regex.compile(rf"(?<![\p{{L}}\d.,]){regex.escape(one)}(?![\p{{L}}\d])")
            if len(one) > 2 and pattern.search(sentence):
                sentence = pattern.sub(two, sentence, count=1)
                break
    if rng.random() < 0.15 and sentence[:1].isascii():
        sentence = rng.choice(_LED_IN) + sentence
    return sentence


def examples(seed: int, *, languages: bool, count: int) -> tuple[list[ClaimExample], list[ClaimExample]]:
    """(to train on, held out), the first in random order."""
    rng = random.Random(seed)
    kept, aside = [], []
    for example in [*written(rng, languages=languages), *made(rng, count, languages=languages)]:
        share = 0.12 if example.kind.startswith(("written", "languages")) else 0.05
        (aside if held_out(example.group, share) else kept).append(example)
    rng.shuffle(kept)
    return kept, aside


if __name__ == "__main__":
    for example in examples(1, languages=True, count=20)[0][:20]:
        print(json.dumps([example.kind, example.carried, example.claim, example.text], ensure_ascii=False))

"""A claim laid beside the sources: how much of it stands there, and what speaks against it.

    unit       largest share of the claim's words, by rarity, that one sentence, item or row holds, 0..1
    window     the same for a sentence with its neighbours
    passage    the same for a passage, and `all` for everything that was shown
    pairs      share of neighbouring words of the claim that stand in one unit
    cosine     similarity to the nearest unit, 0 at what unrelated sentences have
    numbers    share of the claim's numbers that are found or follow from others
    …          and the objections of `number_check.py`, `name_check.py`, and of yes and no, each 0..1

Words that only a heading or file name holds, or that repeat the question, count neither way: they say what a sentence
is about. A row is never joined with another row. What is wrong is looked for clause by clause, since a sentence may
join what stands in two places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import regex

from metier.answering.support import near_copy
from metier.answering.support.claims import Claim
from metier.answering.support.coverage import Coverage
from metier.answering.support.denial_check import DENIES_ALL, DenialCheck
from metier.answering.support.findings import FEATURES, OBJECTIONS, Finding
from metier.answering.support.name_check import NameCheck
from metier.answering.support.names import Name, key_of, stands_in
from metier.answering.support.number_check import NumberCheck
from metier.answering.support.pairing import PairingCheck
from metier.answering.support.polarity import Polarity
from metier.answering.support.row_check import RowCheck
from metier.answering.support.sources import PassageReader, Shown
from metier.answering.support.subjects import Clause, Subjects
from metier.answering.version_selection import outdated
from metier.text.detection import detect

_ALIKE = 0.6  # coverage from which a unit is in the language of the claim
_SAYS_IT = 0.5  # coverage from which a unit speaks of the same
_OPPOSED = 0.35  # the same where the word itself, which it does not hold, is one of few
_NOTHING_ELSE = 0.85  # share of its other words from which a unit with the opposite word says the opposite
_DENIED = 0.5  # share of the common words that only one of the two denies
_AS_GOOD = 0.1  # a unit that holds so much less of the claim may as well be its source
_ONE_WORD = 0.1  # share of a claim's words
_WORDS = ("unit", "window", "passage", "all", "pairs")
_WORKED_OUT = 0.8  # what a result that follows from the sources' numbers is worth whatever its words
_BARE = 0.5  # what a bare number or name that a source has is worth whatever the source says of it
_WORD_BEFORE = regex.compile(r"\p{Lu}[\p{L}\p{M}\p{N}-]* $")
_LONGEST_WORD = 24
_OUTDATED = 0.1  # what a source loses beside a newer version of it, so that of two that say the same that is cited
_SHARED = 0.3  # what a number or name in common adds to the nearness of a source in another language


class Alignment:
    """Lays claims beside one set of shown passages. `weigh`: rarity of tokens."""

    def __init__(
        self,
        shown: Shown,
        reader: PassageReader,
        polarity: Polarity,
        weigh: Callable[[Sequence[str]], np.ndarray],
        question: str,
        language: str,
    ) -> None:
        self._shown = shown
        self._polarity = polarity
        self._language = language
        self._coverage = Coverage(shown, reader, weigh)
        self._question = frozenset(reader.words(question, language))
        subjects = Subjects(shown, self._coverage, question, language)
        self._subjects = subjects
        self._numbers = NumberCheck(shown, subjects, question, language)
        self._names = NameCheck(shown, subjects, reader, question, language)
        self._rows = RowCheck(shown, polarity, question, language)
        self._denials = DenialCheck(shown, self._coverage, polarity, language)
        self._pairs = PairingCheck(shown, reader.words, language)
        self._outdated = np.array(outdated(question, shown.passages), dtype=bool)

    def align(self, claim: Claim, candidates: int) -> Finding:
        """All features but the cosine. `candidates`: how many units are kept in `evidence`, best first."""
        claim = self._with_numbered_names(claim)
        words = self._words_of(claim)
        weights, held = self._coverage.weights(words), self._coverage.held(words)
        named = self._question | {w for text in claim.about for w in self._coverage.words(text, claim.language)}
        topical = self._coverage.topical(words, named)
        unit = self._coverage.share(weights, held, topical)
        window = self._coverage.share(weights, self._coverage.with_neighbours(held), topical)
        passage, everything = self._coverage.wider(weights, held, topical)
        places = self._numbers.places(claim)
        holding = {number: {place.index for place in found} for number, found in places.items()}
        order = self._order(claim, unit + 0.3 * window, holding, words, named)
        finding = Finding(dict.fromkeys(FEATURES, 0.0), [int(i) for i in order[:candidates]], units=unit)
        finding.holding = holding
        finding.foreign = self._is_foreign(claim, finding.evidence[0], unit)
        finding.features |= {
            "unit": float(unit[order[0]]), "window": float(max(window.max(), unit.max())), "passage": passage,
            "all": everything, "pairs": _pairs(words, held),
        }  # fmt: skip
        clauses = self._subjects.clauses(claim)
        self._numbers.judge(claim, places, clauses, finding)
        self._names.judge(claim, clauses, finding)
        self._rows.judge(claim, finding)
        self._pairs.judge(claim, finding)
        finding.bare = finding.worked_out
        if finding.worked_out:  # the words that tell a result are the claim's own
            for kind in _WORDS:
                finding.features[kind] = max(finding.features[kind], _WORKED_OUT * finding.features["numbers"])
        called = {w for name in claim.names for w in self._coverage.words(name.text, claim.language)}
        if clauses and not set(words) - called:
            self._judge_bare(claim, clauses[0], finding)
        if not finding.foreign:
            exchanged = self._judge_polarity(claim, words, weights, finding)
            exchanged |= self._denials.judge(claim, finding)
            exchanged |= self._judge_copy(claim, finding)
            if finding.features["denied"] and finding.features["opposed"]:  # "not before" is "only after"
                finding.features |= {"denied": 0.0, "opposed": 0.0}
                finding.reasons = [reason for reason in finding.reasons if "opposite" not in reason]
            elif exchanged:
                if not finding.fatal:
                    finding.reasons.sort(key=lambda reason: "opposite" not in reason)
                finding.fatal = True
        return finding

    def _words_of(self, claim: Claim) -> list[str]:
        """None of a bare number, in words ("Four.")."""
        words = self._coverage.words(claim.text, claim.language)
        counted = {w for q in claim.quantities if q.word for w in self._coverage.words(q.text, claim.language)}
        return words if set(words) - counted else []

    def _with_numbered_names(self, claim: Claim) -> Claim:
        """A word with a capital and the number behind it are one name where the sources have both together: "TM 24",
        "Crew 1"."""
        numbered = {}
        for said in claim.quantities:
            before = _WORD_BEFORE.search(claim.text, max(0, said.start - _LONGEST_WORD), said.start)
            if before and said.unit is None and not said.dates and not said.word:
                text = claim.text[before.start() : said.end]
                if (key := key_of(text)) in self._shown.keys:
                    numbered[id(said)] = Name(before.start(), said.end, text, key, True, True)
        if not numbered:
            return claim
        spans = [(name.start, name.end) for name in numbered.values()]
        rest = [n for n in claim.names if not any(start <= n.start < end for start, end in spans)]
        called = tuple(sorted([*rest, *numbered.values()], key=lambda name: name.start))
        return replace(claim, names=called, quantities=tuple(q for q in claim.quantities if id(q) not in numbered))

    def _judge_bare(self, claim: Claim, clause: Clause, finding: Finding) -> None:
        """Nothing but numbers and names: what is said of them is in the question."""
        finding.bare = True
        found = finding.features["numbers"] if claim.quantities else 1.0
        place = finding.evidence[0]
        fits = self._subjects.fit(clause)
        if claim.names and not claim.quantities:  # the name itself must stand where the rest of the question does
            held = np.array([any(stands_in(n, s.keys) for n in claim.names) for s in self._shown.sources])
            place = int(np.argmax(fits * held)) if held.any() else place
            strange = finding.features["name_doubt"] or finding.features["name_missing"]
            found = 0.0 if strange and not held.any() and not finding.foreign else 1.0
        fit = float(fits[place]) if clause.words else 1.0
        finding.features |= dict.fromkeys(_WORDS, found * (_BARE + (1 - _BARE) * fit))

    def chosen(self, claim: Claim, finding: Finding, most: int, least: float) -> list[int]:
        """Sources to cite: the best, and those that add at least `least` of the claim's words, or a number of it."""
        words = self._words_of(claim)
        weights, held = self._coverage.weights(words), self._coverage.held(words)
        total = float(weights.sum()) or 1.0
        evidence = self._best_first(claim, finding)
        taken = evidence[:1]
        have = held[:, taken].max(axis=1) if len(held) and taken else np.zeros(len(words))
        numbers = {n for n, places in finding.holding.items() if places & set(taken)}
        for index in evidence:
            if len(taken) >= most or finding.foreign:
                break
            wider = np.maximum(have, held[:, index]) if len(held) else have
            more = {n for n, places in finding.holding.items() if index in places} - numbers
            more = more if not words or self._speaks_of(claim, index, finding) else set()
            if index not in taken and (float(weights @ (wider - have)) / total >= least or more):
                taken.append(index)
                have, numbers = wider, numbers | more
        return taken

    @staticmethod
    def _best_first(claim: Claim, finding: Finding) -> list[int]:
        """The evidence, before all what holds several of the claim's numbers and most of its words."""
        held = Counter(index for found in finding.holding.values() for index in found)
        evidence = list(dict.fromkeys(finding.evidence))
        several = [index for index in evidence if held[index] > 1]
        if not several or finding.foreign:
            return evidence
        first = max(several, key=lambda i: held[i] / len(claim.quantities) + float(finding.units[i]))
        return [first, *(index for index in evidence if index != first)]

    def _speaks_of(self, claim: Claim, index: int, finding: Finding) -> bool:
        """Whether a source has a word or a name of the claim, so that a number of it is no other one by chance."""
        keys = self._shown.sources[index].keys
        return float(finding.units[index]) >= _ONE_WORD or any(stands_in(name, keys) for name in claim.names)

    def asked_about(self, most: int, least: float = 0.0) -> list[int]:
        """Sources that hold most of the question's words, best first; with `least` those that have more than this share
        of them, or a name of the question."""
        words = sorted(self._question)
        if not words or not self._shown.sources:
            return []
        weights, held = self._coverage.weights(words), self._coverage.held(words)
        holds, floor = weights @ held, least * float(weights.sum())
        best = [int(index) for index in np.argsort(-holds, kind="stable")[:most] if holds[index] > 0]
        return [index for index in best if holds[index] > floor or self._subjects.is_asked_for(index)]

    def shared(self, claim: Claim, finding: Finding, indices: Sequence[int]) -> np.ndarray:
        """By how much sources of another language come nearer because they hold the claim's numbers and names."""
        found = np.zeros(len(self._shown.sources))
        for places in finding.holding.values():
            found[list(places)] += _SHARED / max(1, len(claim.quantities))
        for name in claim.names:
            found[[s.index for s in self._shown.sources if stands_in(name, s.keys)]] += _SHARED / len(claim.names)
        return found[list(indices)]

    def _order(
        self,
        claim: Claim,
        rank: np.ndarray,
        holding: dict[int, set[int]],
        words: Sequence[str],
        named: frozenset[str],
    ) -> np.ndarray:
        """Sources, best first: words, then numbers and names, then what the question asks about."""
        sources = self._shown.sources
        for found in holding.values():
            rank[list(found)] += 0.4 / len(holding)
        for name in claim.names:
            rank += 0.3 / len(claim.names) * np.array([stands_in(name, s.keys) for s in sources], dtype=np.float32)
        if named:
            near = np.stack([self._shown.holding(word) for word in named]).mean(axis=0)
            rank += (0.15 if len(words) > 2 else 0.5) * near
        rank -= 0.005 * np.minimum(self._shown.passage_of, 20)
        rank -= np.array([0.3 * (source.kind == "heading") for source in sources])
        rank -= _OUTDATED * self._outdated[self._shown.passage_of]
        return np.argsort(-rank, kind="stable")

    def _is_foreign(self, claim: Claim, best: int, unit: np.ndarray) -> bool:
        if unit.max() >= _ALIKE:
            return False
        passage = self._shown.passages[self._shown.sources[best].passage]
        return claim.language != detect(passage.text, passage.language or self._language)

    def _judge_polarity(self, claim: Claim, words: Sequence[str], weights: np.ndarray, finding: Finding) -> bool:
        """Whether the unit that holds most of the claim says the opposite; returns whether nothing else differs."""
        best = int(np.argmax(finding.units))
        if len(words) < 2:
            return False
        holds = float(finding.units[best])
        given = self._shown.sources[best]
        weigh = dict(zip(words, weights, strict=True)).__getitem__
        share = self._differs(claim, best, words, weigh)
        if holds >= _SAYS_IT and share >= _DENIED and not self._is_confirmed(claim, words, weigh, finding, best):
            finding.add_objection("denied", near_copy.DENIED, share * min(1.0, holds))
        if holds >= _SAYS_IT and (day := self._polarity.other_day(claim.text, given.text)):
            finding.add_objection("opposed", f"a source has another day than {day}", holds)
        if holds < _OPPOSED or not (word := self._polarity.opposed_beside(claim.text, given.text)):
            return False
        rest = [i for i, each in enumerate(words) if each not in self._coverage.words(word, claim.language)]
        held = self._coverage.held(words)[rest, best]
        others = float(weights[rest] @ held) / (float(weights[rest].sum()) or 1.0)
        finding.add_objection("opposed", near_copy.OPPOSED.format(word), min(1.0, others))
        return others >= _NOTHING_ELSE

    def _judge_copy(self, claim: Claim, finding: Finding) -> bool:
        """What was exchanged in a near copy; of several sentences that say nearly the same, one may agree. Returns
        whether yes and no were."""
        best = float(finding.units.max())
        if best < _ALIKE:
            return False
        order = [int(i) for i in np.argsort(-finding.units, kind="stable")[:3] if finding.units[i] >= best - _AS_GOOD]
        trials: list[tuple[bool, bool, int, int, Finding]] = []
        for index in order:
            trial = Finding(dict.fromkeys(FEATURES, 0.0), [])
            source = self._shown.sources[index]
            around = self._shown.reads[source.passage].around_keys
            exchanged = near_copy.judge(claim, source, around, self._shown.documents, self._polarity, trial)
            trials.append((trial.fatal, exchanged, len(trial.reasons), len(trials), trial))
        fatal, exchanged, _, _, trial = min(trials)
        for kind in OBJECTIONS:
            finding.features[kind] = max(finding.features[kind], trial.features[kind])
        finding.reasons = [reason for reason in trial.reasons if reason not in finding.reasons] + finding.reasons
        finding.fatal |= fatal
        return exchanged

    def _differs(self, claim: Claim, index: int, words: Sequence[str], weigh: Callable[[str], float]) -> float:
        given = self._shown.sources[index]
        for clause in self._polarity.denying(claim.text):
            denied = self._coverage.words(clause, claim.language)
            if sum(word in given.words for word in denied) < DENIES_ALL * len(denied):
                return 0.0  # what is denied is something else: "may not exceed", "is limited to"
        shared = [word for word in words if word in given.words]
        return self._polarity.differs(claim.text, given.text, shared, lambda word: float(weigh(word)))

    def _is_confirmed(
        self, claim: Claim, words: Sequence[str], weigh: Callable[[str], float], finding: Finding, best: int
    ) -> bool:
        """Whether another unit that says nearly as much agrees in what is denied."""
        for index in map(int, np.argsort(-finding.units)[:4]):
            near = finding.units[index] >= finding.units[best] - _AS_GOOD
            if index != best and near and self._differs(claim, index, words, weigh) < _DENIED:
                return True
        return False


def _pairs(words: Sequence[str], held: np.ndarray) -> float:
    """Share of neighbouring words that one unit holds both of."""
    if len(words) < 2:
        return float(held.max()) if held.size else 0.0
    return float(np.minimum(held[:-1], held[1:]).max(axis=1).mean())

"""A claim laid beside the sources: how much of it stands there, and what speaks against it.

    unit       largest share of the claim's words, by rarity, that one sentence, item or row holds, 0..1
    window     the same for a sentence with its neighbours
    passage    the same for a passage, and `all` for everything that was shown
    pairs      share of neighbouring words of the claim that stand in one unit
    cosine     similarity to the nearest unit, 0 at what unrelated sentences have
    numbers    share of the claim's numbers that are found or follow from others
    …          and the objections below, each 0..1

Words that only a heading or file name holds, or that repeat the question, count neither way: they say what a sentence is
about. A row is never joined with another row. What is wrong is looked for clause by clause, since a sentence may join
what stands in two places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from metier.answering.support.agreement import agrees, derived, equations, is_about
from metier.answering.support.claims import Claim
from metier.answering.support.names import Name, keys, names, stands_in
from metier.answering.support.polarity import Polarity, clause_spans, language_of
from metier.answering.support.quantities import Quantity, quantities
from metier.answering.support.sources import Reader, Shown, Source
from metier.text.phrases import compose, fold

GOOD = ("unit", "window", "passage", "all", "pairs", "cosine", "numbers")
OBJECTIONS = (
    "number_missing", "number_soft", "number_unbound", "number_rival", "name_missing", "name_doubt", "name_unbound",
    "name_swapped", "denied", "opposed",
)  # fmt: skip
FEATURES = GOOD + OBJECTIONS

_EXCUSED = 0.7  # how far a word that only says what the sentence is about is left out of the account
_LEAST_OWN = 0.35  # share of the weight that must be carried by the unit's own words whatever is excused
_NEIGHBOUR = 0.9  # a word in the sentence before or after counts this much
_PLAIN, _RARE = 0.4, 0.6  # weight of any word, and what rarity adds
_BACK = 3  # sentences back in the same passage in which what "it" stands for may be named
_ALIKE = 0.6  # coverage from which a unit says nearly the same
_RIVAL = 0.3  # by how much another unit must fit better for its number to be the right one
_RIVAL_ROW = 0.12
_SAME_CLAUSE = 0.5


@dataclass(slots=True)
class Finding:
    """`features`: see above; `evidence`: sources that carry the claim, best first; `reasons`: what speaks against it, in
    words, gravest first; `fatal`: whether one of them decides alone. `foreign`: the claim is in another language."""

    features: dict[str, float]
    evidence: list[int]
    reasons: list[str] = field(default_factory=list)
    fatal: bool = False
    foreign: bool = False
    units: np.ndarray = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, slots=True)
class Clause:
    start: int
    end: int
    words: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    names: tuple[Name, ...]


Similar = Callable[[str, Sequence[int]], np.ndarray]
"""Text and indices of sources to similarities, 0 at what unrelated sentences have."""


class Alignment:
    """Lays claims beside one set of shown passages. `weigh`: rarity of tokens; `unseen`: that of one that is nowhere."""

    def __init__(
        self, shown: Shown, reader: Reader, polarity: Polarity, weigh: Callable, question: str, language: str
    ) -> None:
        self.shown = shown
        self._reader = reader
        self._polarity = polarity
        self._weigh = weigh
        self._unseen = float(weigh(["\ue000"])[0]) or 1.0
        self._question = frozenset(reader.words(question, language))
        self._asked = quantities(question, language)
        self._asked_keys = keys(question)
        self._asked_names = names(question, language)
        self._language = language
        self._numbers = [(s.index, q) for s in shown.sources for q in s.quantities]

    def align(self, claim: Claim, candidates: int) -> Finding:
        """All features but the cosine. `candidates`: how many units are kept in `evidence`, best first."""
        words = self._reader.words(claim.text, claim.language)
        sources = self.shown.sources
        if not sources:
            return Finding(dict.fromkeys(FEATURES, 0.0), [])
        weights = self._weights(words)
        held = self._held(words)
        about = self._about(words, claim)
        unit = self._coverage(weights, held, about)
        window = self._coverage(weights, self._with_neighbours(held), about)
        passage, everything = self._wider(weights, held, about)
        found = self._places(claim)
        order = self._order(claim, unit, window, found, words)
        finding = Finding({}, [int(i) for i in order[:candidates]], units=unit)
        finding.foreign = self._is_foreign(claim, finding.evidence, unit)
        best = int(order[0])
        finding.features = {
            "unit": float(unit[best]), "window": float(max(window.max(), unit.max())), "passage": passage,
            "all": everything, "pairs": self._pairs(words, held), "cosine": 0.0, "numbers": 0.0,
        }  # fmt: skip
        finding.features |= dict.fromkeys(OBJECTIONS, 0.0)
        clauses = self._clauses(claim)
        self._judge_numbers(claim, found, clauses, finding)
        self._judge_names(claim, clauses, finding)
        if not finding.foreign:
            self._judge_polarity(claim, clauses, finding)
        return finding

    def chosen(self, claim: Claim, finding: Finding, most: int, least: float) -> list[int]:
        """Sources to cite: the best, and those that add at least `least` of the claim's words, or a number of it."""
        words = self._reader.words(claim.text, claim.language)
        weights, held = self._weights(words), self._held(words)
        total = float(weights.sum()) or 1.0
        places = self._places(claim)
        taken = list(dict.fromkeys(finding.evidence))[:1]
        have = held[:, taken].max(axis=1) if len(held) and taken else np.zeros(len(words))
        numbers = {n for n, where in places.items() if set(where) & set(taken)}
        for index in dict.fromkeys(finding.evidence):
            if len(taken) >= most or finding.foreign:
                break
            wider = np.maximum(have, held[:, index]) if len(held) else have
            more = {n for n, where in places.items() if index in where} - numbers
            if index not in taken and (float(weights @ (wider - have)) / total >= least or more):
                taken.append(index)
                have, numbers = wider, numbers | more
        return taken

    # --- words -----------------------------------------------------------------------------------------------

    def _weights(self, words: Sequence[str]) -> np.ndarray:
        if not words:
            return np.zeros(0)
        return _PLAIN + _RARE * np.clip(np.asarray(self._weigh(list(words))) / self._unseen, 0, 1)

    def _held(self, words: Sequence[str]) -> np.ndarray:
        if not words:
            return np.zeros((0, len(self.shown.sources)), dtype=np.float32)
        return np.stack([self.shown.holding(word) for word in words])

    def _about(self, words: Sequence[str], claim: Claim) -> np.ndarray:
        """(words, sources): whether a word only names what the sentence is about there."""
        named = self._question | {w for text in claim.about for w in self._reader.words(text, claim.language)}
        everywhere = np.array([word in named for word in words], dtype=bool)
        around = np.array([[word in read.around for read in self.shown.reads] for word in words], dtype=bool)
        spread = around.reshape(len(words), -1)[:, self.shown.passage_of]
        for source in self.shown.sources:
            if source.parent >= 0:
                parent = self.shown.sources[source.parent].words
                spread[:, source.index] |= [word in parent for word in words]
        return spread | everywhere[:, None]

    def _coverage(self, weights: np.ndarray, held: np.ndarray, about: np.ndarray) -> np.ndarray:
        total = float(weights.sum())
        if total <= 0:
            return np.zeros(held.shape[1], dtype=np.float32)
        excused = weights @ (_EXCUSED * about * (1 - held))
        return (weights @ held) / np.maximum(total - excused, _LEAST_OWN * total)

    def _with_neighbours(self, held: np.ndarray) -> np.ndarray:
        wide = held.copy()
        sources = self.shown.sources
        for index in range(1, len(sources)):
            first, second = sources[index - 1], sources[index]
            if first.passage == second.passage and not first.is_row and not second.is_row:
                wide[:, index] = np.maximum(wide[:, index], _NEIGHBOUR * held[:, index - 1])
                wide[:, index - 1] = np.maximum(wide[:, index - 1], _NEIGHBOUR * held[:, index])
        return wide

    def _wider(self, weights: np.ndarray, held: np.ndarray, about: np.ndarray) -> tuple[float, float]:
        places = self.shown.passage_of
        best = 0.0
        for number in range(len(self.shown.passages)):
            inside = places == number
            if inside.any():
                one = held[:, inside].max(axis=1, keepdims=True) if len(held) else held[:, :1]
                best = max(best, float(self._coverage(weights, one, about[:, inside][:, :1])[0]))
        everything = held.max(axis=1, keepdims=True) if len(held) else held[:, :1]
        return best, float(self._coverage(weights, everything, about.all(axis=1, keepdims=True))[0])

    @staticmethod
    def _pairs(words: Sequence[str], held: np.ndarray) -> float:
        if len(words) < 2:
            return float(held.max()) if held.size else 0.0
        both = np.minimum(held[:-1], held[1:]).max(axis=1)
        return float(both.mean())

    def _order(
        self, claim: Claim, unit: np.ndarray, window: np.ndarray, found: dict[int, list[int]], words: Sequence[str]
    ) -> np.ndarray:
        """Sources, best first: words, then numbers and names, then what the question asks about."""
        rank = unit + 0.3 * window
        share = 0.4 / max(1, len(found))
        for places in found.values():
            rank[places] += share
        if claim.names:
            share = 0.3 / len(claim.names)
            for name in claim.names:
                rank += share * np.array([stands_in(name, s.keys) for s in self.shown.sources], dtype=np.float32)
        hint = self._question | {w for text in claim.about for w in self._reader.words(text, claim.language)}
        if hint:
            near = np.stack([self.shown.holding(word) for word in hint]).mean(axis=0)
            rank += (0.15 if len(words) > 2 else 0.5) * near
        rank -= 0.005 * np.minimum(self.shown.passage_of, 20)
        rank -= np.array([0.3 * (s.kind == "heading") for s in self.shown.sources])
        return np.argsort(-rank, kind="stable")

    def _is_foreign(self, claim: Claim, evidence: Sequence[int], unit: np.ndarray) -> bool:
        if unit.max() >= _ALIKE:
            return False
        passage = self.shown.passages[self.shown.sources[evidence[0]].passage]
        given = language_of(passage.text, passage.language or self._language)
        return language_of(claim.text, claim.language) != given

    # --- numbers ---------------------------------------------------------------------------------------------

    def _places(self, claim: Claim) -> dict[int, list[int]]:
        """Index of each quantity of the claim to the sources that hold it."""
        found = {}
        for number, said in enumerate(claim.quantities):
            about = is_about(claim.text, said.start)
            found[number] = list(dict.fromkeys(i for i, q in self._numbers if agrees(said, q, about=about)))
        return found

    def _judge_numbers(
        self, claim: Claim, found: dict[int, list[int]], clauses: Sequence[Clause], finding: Finding
    ) -> None:
        if not claim.quantities:
            return
        features = finding.features
        results = {id(result): (right, operands) for operands, result, right in equations(claim.text, claim.quantities)}
        known = [q for n, q in enumerate(claim.quantities) if found[n]] + list(self._asked)
        earlier = quantities(claim.before, claim.language)
        good = 0
        for number, said in enumerate(claim.quantities):
            wrong = id(said) in results and not results[id(said)][0]
            if wrong:
                self._object(finding, "number_missing", f"the sum that gives {said.text} does not add up", fatal=True)
                continue
            if found[number]:
                good += self._bound(claim, said, found[number], clauses, finding)
                continue
            if id(said) in results or self._is_explained(claim, said, known, earlier, finding):
                good += 1
                continue
            if said.word and said.unit is None:
                self._object(finding, "number_soft", f"“{said.text}” is in none of the sources")
                continue
            self._object(finding, "number_missing", self._why_missing(said), fatal=True)
        features["numbers"] = good / len(claim.quantities)

    def _is_explained(
        self, claim: Claim, said: Quantity, known: list[Quantity], earlier: list[Quantity], finding: Finding
    ) -> bool:
        if any(agrees(said, q) for q in self._asked) or any(agrees(said, q) for q in earlier):
            return True
        if any(agrees(said, q) for read in self.shown.reads for q in read.around_quantities):
            return True
        own = [q for q in claim.quantities if q is not said]
        if derived(said, [*own, *earlier, *self._asked], strict=False):
            return True
        near = [q for i in finding.evidence[:4] for q in self.shown.sources[i].quantities]
        return bool(derived(said, [*known, *near], strict=True)) and self._computes(claim, said)

    def _computes(self, claim: Claim, said: Quantity) -> bool:
        text = fold(compose(f"{claim.text} {' '.join(claim.about)}"))
        return any(word in text for word in _COMPUTING) or sum(c.isdigit() for c in said.text) >= _TOLD_BY

    def _why_missing(self, said: Quantity) -> str:
        for _, given in self._numbers:
            if said.values and given.values and set(said.values) & set(given.values) and given.unit != said.unit:
                return f"{said.text} is in none of the sources, {given.text} is"
        return f"{said.text} is in none of the sources"

    def _bound(
        self, claim: Claim, said: Quantity, places: list[int], clauses: Sequence[Clause], finding: Finding
    ) -> int:
        """Whether a number stands where what it is said of stands. Returns 1 if it does, else 0."""
        clause = next((c for c in clauses if c.start <= said.start < c.end), None)
        if clause is None:
            return 1
        subjects, all_of = self._subjects(claim, clause, clauses)
        fitting = [i for i in places if not subjects or self._names_near(subjects, i, all_of)]
        cover = self._clause_coverage(claim, clause, clauses)
        if not fitting:
            rivals = [
                i for i in self._with_dimension(said) if i not in places and self._names_near(subjects, i, all_of)
            ]
            kind = "number_rival" if rivals else "number_unbound"
            where = " and ".join(dict.fromkeys(name.text for name in subjects))
            self._object(finding, kind, f"{said.text} does not stand where {where} stands")
            if rivals:
                finding.evidence.insert(0, max(rivals, key=lambda i: cover[i]))
            return 0
        best = max(fitting, key=lambda i: cover[i])
        finding.evidence.insert(0, best)
        rival = max((i for i in self._with_dimension(said) if i not in places), key=lambda i: cover[i], default=-1)
        if rival >= 0:
            same_table = self.shown.sources[rival].table == self.shown.sources[best].table >= 0
            ahead = float(cover[rival] - cover[best])
            if ahead >= (_RIVAL_ROW if same_table else _RIVAL):
                given = next(q for q in self.shown.sources[rival].quantities if q.dimension == said.dimension)
                self._object(
                    finding, "number_rival", f"{said.text} stands elsewhere; here the sources have {given.text}",
                    min(1.0, 0.5 + ahead),
                )  # fmt: skip
                return 0
        return 1

    def _with_dimension(self, said: Quantity) -> list[int]:
        return list(dict.fromkeys(i for i, q in self._numbers if q.dimension == said.dimension and q.word == said.word))

    def _clause_coverage(self, claim: Claim, clause: Clause, clauses: Sequence[Clause]) -> np.ndarray:
        words = list(clause.words)
        if len(words) < 2:
            first = clauses[0].words if clauses else ()
            hint = [w for text in claim.about for w in self._reader.words(text, claim.language)]
            words += [w for w in (*first, *hint, *self._question) if w not in words]
        if not words:
            return np.zeros(len(self.shown.sources))
        weights, held = self._weights(words), self._held(words)
        return (weights @ self._prose_window(held)) / weights.sum()

    def _prose_window(self, held: np.ndarray) -> np.ndarray:
        """What a sentence holds, and half of what the one before it holds, to which its pronouns may point."""
        wide = held.copy()
        for source in self.shown.sources[1:]:
            before = self.shown.sources[source.index - 1]
            if source.passage == before.passage and not source.is_row and not before.is_row:
                wide[:, source.index] = np.maximum(wide[:, source.index], 0.5 * held[:, before.index])
        return wide

    # --- names -----------------------------------------------------------------------------------------------

    def _clauses(self, claim: Claim) -> list[Clause]:
        found = []
        for start, end in clause_spans(claim.text, claim.language):
            inside = claim.text[start:end]
            found.append(
                Clause(
                    start, end, tuple(self._reader.words(inside, claim.language)),
                    tuple(q for q in claim.quantities if start <= q.start < end),
                    tuple(n for n in claim.names if start <= n.start < end),
                )
            )  # fmt: skip
        return found

    def _subjects(self, claim: Claim, clause: Clause, clauses: Sequence[Clause]) -> tuple[list[Name], bool]:
        """The names that a number of `clause` may be of, and whether it must be of all of them."""
        numbered = [c for c in clauses if c.quantities]
        own = self._present(clause.names)
        if claim.kind == "row":
            first = self._present(clauses[0].names) if clauses else []
            first = first or self._present(claim.names)[:1]
            return (own if clause is clauses[0] else first), False
        if own and (len(numbered) < 2 or all(self._present(c.names) for c in numbered)):
            return own, len(own) < 3
        if whole := self._present(claim.names):
            return whole, False
        for text in claim.about:
            if near := self._present(names(text, claim.language)):
                return near, False
        return self._present(self._asked_names), False

    def _present(self, given: Sequence[Name]) -> list[Name]:
        """Those that stand in a unit, not in headings alone: of others nothing can be said."""
        return [name for name in given if (name.sure or name.identifier) and self._standing(name)]

    def _standing(self, name: Name) -> list[int]:
        return [s.index for s in self.shown.sources if stands_in(name, s.keys)]

    def _names_near(self, subjects: Sequence[Name], index: int, all_of: bool) -> bool:
        held = self._context_keys(index)
        return (all if all_of else any)(stands_in(name, held) for name in subjects)

    def _context_keys(self, index: int) -> frozenset[str]:
        source = self.shown.sources[index]
        held = [source.keys, self.shown.reads[source.passage].around_keys]
        if source.parent >= 0:
            held.append(self.shown.sources[source.parent].keys)
        if source.is_row:
            head = self._caption(index)
            if head is not None:
                held.append(head.keys)
        else:
            for before in range(max(0, index - _BACK), index):
                other = self.shown.sources[before]
                if other.passage == source.passage and not other.is_row:
                    held.append(other.keys)
        return frozenset().union(*held)

    def _caption(self, index: int) -> Source | None:
        """What stands over the table that a row is in."""
        source = self.shown.sources[index]
        for before in range(index - 1, -1, -1):
            other = self.shown.sources[before]
            if other.passage != source.passage:
                return None
            if not other.is_row:
                return other
        return None

    def _judge_names(self, claim: Claim, clauses: Sequence[Clause], finding: Finding) -> None:
        for name in claim.names:
            if stands_in(name, self.shown.keys) or self._is_word(name):
                continue
            if stands_in(name, self._asked_keys):
                continue
            if name.identifier and finding.foreign and self._same_digits(name):
                continue
            if name.identifier or (name.sure and not finding.foreign):
                self._object(finding, "name_missing", f"{name.text} is in none of the sources", fatal=name.identifier)
            else:
                self._object(finding, "name_doubt", f"{name.text} is in none of the sources")
        for clause in clauses:
            own = [n for n in self._present(clause.names)]
            if not own or (len(own) == 1 and len(clause.words) < 2):
                continue
            cover = self._clause_coverage(claim, clause, clauses)
            most = float(cover.max()) if cover.size else 0.0
            near = [i for i in range(len(self.shown.sources)) if self._names_near(own, i, True)]
            best = max(near, key=lambda i: cover[i], default=-1)
            if best >= 0 and cover[best] >= most - _RIVAL:
                continue
            top = int(np.argmax(cover))
            apart = [n.text for n in own if not stands_in(n, self._context_keys(top))]
            if not apart:
                continue
            self._object(finding, "name_unbound", f"{apart[0]} does not stand where the rest stands")
            said = keys(claim.text)
            others = [n for n in self.shown.sources[top].names if n.key not in said]
            if most >= _SAME_CLAUSE and any(n.identifier == own[0].identifier for n in others):
                self._object(finding, "name_swapped", f"{apart[0]} does not stand where the rest stands")

    def _is_word(self, name: Name) -> bool:
        """Whether the sources write as a common word what the claim writes with a capital."""
        if name.identifier:
            return False
        words = self._reader.words(name.text, self._language)
        return not words or all(bool((self.shown.holding(word) > 0).any()) for word in words)

    def _same_digits(self, name: Name) -> bool:
        digits = "".join(c for c in name.key if c.isdigit())
        return any(digits and digits in key for key in self.shown.keys)

    # --- yes and no ------------------------------------------------------------------------------------------

    def _judge_polarity(self, claim: Claim, clauses: Sequence[Clause], finding: Finding) -> None:
        words = self._reader.words(claim.text, claim.language)
        weights = dict(zip(words, self._weights(words), strict=True))
        best = int(np.argmax(finding.units))
        if finding.units[best] < _SAME_CLAUSE or len(words) < 2:
            return
        given = self.shown.sources[best]
        shared = [word for word in words if word in given.words]
        share = self._polarity.differs(claim.text, given.text, shared, lambda word: float(weights[word]))
        if share >= _SAME_CLAUSE and not self._confirmed(claim, words, weights, finding, best):
            finding.features["denied"] = share * min(1.0, float(finding.units[best]))
            finding.reasons.append("a source says the opposite (not)")
        if finding.units[best] >= _ALIKE and (word := self._polarity.opposed(claim.text, given.text)):
            finding.features["opposed"] = float(min(1.0, finding.units[best]))
            finding.reasons.append(f"a source says the opposite of “{word}”")

    def _confirmed(self, claim: Claim, words: list[str], weights: dict, finding: Finding, best: int) -> bool:
        """Whether another unit that says nearly as much agrees in what is denied."""
        for index in np.argsort(-finding.units)[:4]:
            if index == best or finding.units[index] < finding.units[best] - 0.1:
                continue
            given = self.shown.sources[int(index)]
            shared = [word for word in words if word in given.words]
            if self._polarity.differs(claim.text, given.text, shared, lambda w: float(weights[w])) < _SAME_CLAUSE:
                return True
        return False

    @staticmethod
    def _object(finding: Finding, kind: str, reason: str, degree: float = 1.0, *, fatal: bool = False) -> None:
        finding.features[kind] = max(finding.features[kind], degree)
        if fatal:
            finding.reasons.insert(0, reason)
            finding.fatal = True
        elif reason not in finding.reasons:
            finding.reasons.append(reason)


_TOLD_BY = 3  # digits of a result that would hardly come out by chance
_COMPUTING = (
    "total", "sum", "altogether", "together", "differ", "average", "mean", "per ", "more", "less", "fewer", "higher",
    "lower", "increase", "decrease", "change", "ratio", "percent", "%", "combined", "twice", "double", "half", "remain",
    "insgesamt", "summe", "zusammen", "differenz", "unterschied", "durchschnitt", "mehr", "weniger", "gesamt", "pro ",
    "suma", "promedio", "diferencia", "en total", "somme", "moyenne", "difference", "soma", "media", "мест", "всего",
    "сумм", "разниц", "средн", "মোট", "গড়", "পার্থক্য", "कुल", "औसत", "अंतर", "مجموع", "إجمالي", "متوسط", "فرق",
    "总", "共", "平均", "差", "合計", "jumlah", "rata-rata", "selisih", "jumla", "wastani", "tofauti",
)  # fmt: skip

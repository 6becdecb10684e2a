"""Objections to the numbers of a claim: one that no source has, one that is said of something else.

A number is looked for with its unit, in every spelling, rounded as the claim has it; where no source has it, it may
follow from others by arithmetic. One that is found must stand where what it is said of stands: the names of its clause,
or of the question; and no other number of its kind may stand where its clause fits much better.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import regex

from metier.answering.support.agreement import agrees, derived, equations, is_about, is_among
from metier.answering.support.claims import Claim
from metier.answering.support.findings import Finding
from metier.answering.support.names import key_of
from metier.answering.support.sources import Shown, same_word
from metier.answering.support.subjects import Clause, Place, Subjects
from metier.answering.support.totals import Totals
from metier.text.language import words_in_any_language
from metier.text.phrases import WORD, compose, fold
from metier.text.quantities import Quantity, quantities
from metier.text.units import unit_of

_RIVAL, _RIVAL_ROW = 0.3, 0.12  # by how much another place must fit better for its number to be the right one
_CLEAR_RIVAL, _SAID = 0.4, 0.6  # and to decide alone: by how much, and how well it must fit
_DOUBTFUL = 0.3  # an objection where it is not sure what a number is said of, or that it is one
_ELSEWHERE = 0.1  # what a place fits at most that speaks of something else
_EXACT = 1e-6
_HOURS_A_YEAR = 8760
_COUNTED = regex.compile(r" ([\p{L}\p{M}]{4,})")
_SHORT_WORD = 5  # characters of " and "
_OF_THE_WHOLE = 0.5  # weight of the share of the whole sentence that a place holds, beside that of its clause
_TELLING = 3  # digits of a number that is hardly another one by chance
_RANGE = 2  # numbers that "5 to 7" has
_CALENDAR = frozenset((value, unit.factor) for value, name in (
    (_HOURS_A_YEAR, "hours"), (365, "days"), (366, "days"), (52, "weeks"),
) if (unit := unit_of(name)))  # fmt: skip
_NEAREST = 4  # sources that say most of a claim
_OPERANDS = 6  # those whose numbers a result may be worked out from


class NumberCheck:
    """Over one set of shown passages and one question."""

    def __init__(self, shown: Shown, subjects: Subjects, question: str, language: str) -> None:
        self._shown = shown
        self._subjects = subjects
        self._question = question
        self._asked = quantities(question, language)
        self._given: dict[Quantity, bool] = {}
        self._totals = Totals(shown)
        self._worked_out: list[Quantity] = []

    def places(self, claim: Claim) -> dict[int, list[Place]]:
        """Index of each quantity of the claim to where sources have it."""
        found = {}
        for number, said in enumerate(claim.quantities):
            about = is_about(claim.text, said.start)
            found[number] = [p for p in self._subjects.places if agrees(said, p.quantity, about=about)]
        return found

    def judge(self, claim: Claim, found: dict[int, list[Place]], clauses: Sequence[Clause], finding: Finding) -> None:
        if not claim.quantities:
            return
        sums = list(equations(claim.text, claim.quantities))
        results = {id(result): right for _, result, right in sums}
        operands = {id(q) for terms, _, _ in sums for q in terms}
        known = [q for n, q in enumerate(claim.quantities) if found[n]] + self._asked
        operands |= {id(q) for q in self._implied(claim, found)}
        good = 0
        for number, said in enumerate(claim.quantities):
            if not results.get(id(said), True):
                finding.add_objection("number_missing", f"the sum that gives {said.text} does not add up", fatal=True)
            elif id(said) in results or (id(said) in operands and (found[number] or self._is_asked(said))):
                finding.worked_out = True
                good += 1
            elif found[number]:
                good += self._is_bound(claim, said, found[number], clauses, finding, self._is_asked(said))
            elif other := self._with_other_unit(said, finding):
                reason = f"{said.text} is in none of the sources, {other.text} is"
                finding.add_objection("number_missing", reason, fatal=True)
            elif self._is_explained(claim, said, known, finding):
                good += 1
            elif said.word and said.unit is None:
                finding.add_objection("number_soft", f"“{said.text}” is in none of the sources")
            else:
                finding.add_objection("number_missing", self._why_missing(said), fatal=True)
        finding.features["numbers"] = good / len(claim.quantities)

    def _with_other_unit(self, said: Quantity, finding: Finding) -> Quantity | None:
        """The same number with another unit, or told for something else, in a source that says most of the claim."""
        if said.unit is None or said.dates:
            return None
        near = finding.evidence[:_NEAREST]
        for place in self._subjects.places:
            given = place.quantity
            same = given.unit is not None and set(said.values) & set(given.values) and not given.dates
            if same and (place.index in near[:2] or (said.digits >= _TELLING and place.index in near)):
                return given
        return None

    def _is_asked(self, said: Quantity) -> bool:
        return is_among(said, self._asked)

    def _implied(self, claim: Claim, found: dict[int, list[Place]]) -> Iterator[Quantity]:
        """Numbers of the claim from which another one of it follows that no source has: "15 m at 4 plants a metre need
        60 plants"."""
        for number, result in enumerate(claim.quantities):
            if not found[number] and not self._is_asked(result):
                own = [q for n, q in enumerate(claim.quantities) if n != number and (found[n] or self._is_asked(q))]
                yield from derived(result, own, strict=True)

    def _is_explained(self, claim: Claim, said: Quantity, known: list[Quantity], finding: Finding) -> bool:
        earlier = self._earlier(claim)
        around = [q for read in self._shown.reads for q in read.around_quantities]
        if is_among(said, (*self._asked, *earlier, *around)) or _is_calendar(said):
            return True
        counts = [q for q in claim.quantities if q.unit is None]  # "two of each" need not stand in a source
        own = [q for q in {id(q): q for q in (*known, *counts)}.values() if q is not said]
        alike = [q for q in earlier if q.dimension == said.dimension]
        nearest = list(dict.fromkeys(finding.evidence))[:_OPERANDS]
        near = [q for i in nearest for q in self._shown.sources[i].quantities]
        follows = _is_running_total(said, alike) or bool(derived(said, [*own, *earlier], strict=False))
        follows = follows or (self._computes(claim) and bool(derived(said, [*known, *near], strict=True)))
        follows = follows or self._totals.has(said) or self._is_reckoned_behind(claim, said)
        if follows:
            self._worked_out.append(said)
        finding.worked_out |= follows
        return follows

    def _earlier(self, claim: Claim) -> list[Quantity]:
        """Numbers that the answer has told before and that may be counted on: those of the sources or of the question,
        and results of sums that are right. What was made up carries nothing that comes after it."""
        told = quantities(claim.before, claim.language)
        sums = {id(result) for _, result, right in equations(claim.before, told) if right}
        return [q for q in told if id(q) in sums or self._is_given(q) or is_among(q, self._worked_out)]

    def _is_reckoned_behind(self, claim: Claim, said: Quantity) -> bool:
        """Whether the answer gives the result first and then the sum that leads to it, from numbers of the sources."""
        results: list[Quantity] = []
        for operands, result, right in equations(claim.after, quantities(claim.after, claim.language)):
            if right and all(self._is_given(q) or is_among(q, results) for q in operands):
                results.append(result)
        return is_among(said, results)

    def _is_given(self, said: Quantity) -> bool:
        """Whether a source or the question has a number. Remembered: each is asked for behind every later sentence."""
        key = replace(said, start=0, end=0)
        if key not in self._given:
            self._given[key] = is_among(said, (*(place.quantity for place in self._subjects.places), *self._asked))
        return self._given[key]

    def _computes(self, claim: Claim) -> bool:
        """Whether the claim or the question speaks of a result."""
        text = fold(compose(f"{claim.text} {' '.join(claim.about)} {self._question}"))
        if "%" in text or any(word in text for word in words_in_any_language("arithmetic", "computing")):
            return True
        return not words_in_any_language("arithmetic", "rate").isdisjoint(WORD.findall(text))

    def _why_missing(self, said: Quantity) -> str:
        for place in self._subjects.places:
            given = place.quantity
            if said.values and set(said.values) & set(given.values) and given.unit != said.unit:
                return f"{said.text} is in none of the sources, {given.text} is"
        return f"{said.text} is in none of the sources"

    def _is_bound(
        self,
        claim: Claim,
        said: Quantity,
        places: list[Place],
        clauses: Sequence[Clause],
        finding: Finding,
        asked: bool,
    ) -> bool:
        """`asked`: the question has the number, so it may be repeated where it stands elsewhere in the sources."""
        clause = next((c for c in clauses if c.start <= said.start < c.end), None)
        if clause is None:
            return True
        subjects, all_of, nearest = self._subjects.of(claim, clause, clauses)
        fits = self._subjects.fit(clause)
        fitting = [p for p in places if not subjects or self._subjects.are_near(subjects, p, all_of)]
        beside = [q for q in claim.quantities if q is not said]
        called = [name.key for name in claim.names if name.identifier]
        others = [
            p
            for p in self._of_kind(said)
            if not any(p is place for place in places)
            and not any(agrees(q, p.quantity) for q in beside)
            and not any(key.endswith(key_of(p.quantity.text)) for key in called)
        ]

        def fit(place: Place) -> float:
            return self._subjects.fit_place(clause, place, fits)

        if not fitting and not nearest and max(map(fit, places)) >= _SAID:
            fitting = places  # the sentence says by itself what it is about, not the one before it
        if not fitting and said.word and said.unit is None:  # "two of them" counts what the answer lists
            fitting = places
        if not fitting:
            rivals = [p for p in others if self._subjects.are_near(subjects, p, all_of)]
            where = " and ".join(dict.fromkeys(name.text for name in subjects))
            decided = bool(rivals) and not asked and nearest and max(map(fit, rivals)) >= max(map(fit, places)) - _RIVAL
            kind = "number_rival" if rivals and not asked and nearest else "number_unbound"
            degree = 1.0 if nearest else _DOUBTFUL
            finding.add_objection(kind, f"{said.text} does not stand where {where} stands", degree, fatal=decided)
            if rivals:
                finding.evidence.insert(0, max(rivals, key=fit).index)
            return False
        best = self._to_cite(claim, fitting, fit, finding)
        finding.evidence.insert(0, best.index)
        best = best if claim.kind == "row" else max(fitting, key=fit)
        if subjects:
            others = [p for p in others if self._subjects.are_near(subjects, p, all_of)]
        rival = max(others, key=fit, default=None)
        if rival is None or sum(q.dimension == said.dimension for q in clause.quantities) > _RANGE:
            return True  # of several numbers of a kind, no words of the clause are one's own
        same_table = self._shown.sources[rival.index].table == self._shown.sources[best.index].table >= 0
        ahead = fit(rival) - fit(best)
        if ahead < (_RIVAL_ROW if same_table else _RIVAL):
            return True
        decided = fit(rival) >= _SAID and ahead >= (_RIVAL if same_table else _CLEAR_RIVAL)
        decided = decided or (fit(best) <= _ELSEWHERE and ahead >= _RIVAL)
        reason = f"{said.text} stands elsewhere; here the sources have {rival.quantity.text}"
        # A bare number may be a name ("alarm 2231"), but not where both count the same.
        told = said.unit is not None or bool(said.dates) or same_table or self._count_alike(claim, said, rival)
        told = told and not self._is_range_of(claim, said, best) and not _stands_with_others(claim, said, best, finding)
        degree = min(1.0, 0.5 + ahead) if told else _DOUBTFUL
        finding.add_objection("number_rival", reason, degree, fatal=decided and not asked and told)
        return False

    def _to_cite(self, claim: Claim, places: list[Place], fit: Callable[[Place], float], finding: Finding) -> Place:
        """Of places that have a number the one that speaks most of what is said; cells of a row are said together."""
        held = Counter(index for found in finding.holding.values() for index in found)

        def worth(place: Place) -> tuple[int, float]:
            together = held[place.index] if claim.kind == "row" else 0
            return together, fit(place) + _OF_THE_WHOLE * float(finding.units[place.index])

        return max(places, key=worth)

    def _is_range_of(self, claim: Claim, said: Quantity, place: Place) -> bool:
        """Whether a number and the one beside it are a range ("between 42 and 52 %") that a source has as well: two are
        hardly the same by chance."""
        given = self._shown.sources[place.index].quantities
        beside = [q for q in claim.quantities if _are_beside(q, said)]
        return any(agrees(q, other) for q in beside for other in given if _are_beside(other, place.quantity))

    def _count_alike(self, claim: Claim, said: Quantity, rival: Place) -> bool:
        mine = _COUNTED.match(claim.text, said.end)
        theirs = _COUNTED.match(self._shown.sources[rival.index].text, rival.quantity.end)
        return mine is not None and theirs is not None and same_word(fold(mine[1]), fold(theirs[1])) > 0

    def _of_kind(self, said: Quantity) -> list[Place]:
        return [
            p
            for p in self._subjects.places
            if p.quantity.dimension == said.dimension
            and p.quantity.word == said.word
            and _parts(p.quantity) == _parts(said)
        ]


def _stands_with_others(claim: Claim, said: Quantity, place: Place, finding: Finding) -> bool:
    """Whether another number of the claim, as long and of one kind, stands in the same source."""
    return any(
        other is not said and not other.dates and min(other.digits, said.digits) > _TELLING
        and other.dimension == said.dimension and place.index in finding.holding.get(number, ())
        for number, other in enumerate(claim.quantities)
    )  # fmt: skip


def _are_beside(first: Quantity, second: Quantity) -> bool:
    """Whether nothing but a short word stands between two numbers of one kind."""
    apart = max(first.start, second.start) - min(first.end, second.end)
    return first is not second and first.dimension == second.dimension and 0 <= apart <= _SHORT_WORD


def _is_running_total(said: Quantity, told: Sequence[Quantity]) -> bool:
    """Whether a number is the sum of the last of those that were told before it."""
    total = 0.0
    for count, each in enumerate(reversed(told), start=1):
        total += each.values[0] if each.values else 0.0
        if count > 1 and said.values and abs(total - said.values[0]) <= _EXACT * max(1.0, abs(total)):
            return said.digits >= _TELLING
    return False


def _is_calendar(said: Quantity) -> bool:
    """Whether a number says how long a year is, which no source has to."""
    if said.unit is None:
        return _HOURS_A_YEAR in said.values
    return said.dimension == "time" and any((value, said.unit.factor) in _CALENDAR for value in said.values)


def _parts(quantity: Quantity) -> tuple[bool, ...]:
    """Which parts a date gives."""
    return tuple(part is not None for part in quantity.dates[0]) if quantity.dates else ()

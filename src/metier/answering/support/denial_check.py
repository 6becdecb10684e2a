"""Objections to a clause of a claim that denies what a source says, or says what one denies.

Each clause is looked at by itself, since a sentence may join what stands in several places. What leaves something out
("except", "unless") may be said with or without a "not" and is passed over.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from metier.answering.support import near_copy
from metier.answering.support.claims import Claim
from metier.answering.support.coverage import Coverage
from metier.answering.support.findings import Finding
from metier.answering.support.polarity import Polarity, clause_spans
from metier.answering.support.sources import Shown, same_word

DENIES_ALL = 0.85  # share of a denying clause's words that the source must have to say the opposite
_FEWEST = 2  # words of a clause that a source can deny
_AGREES = 0.6  # share of its words from which another clause says the same as it
_SAYS_LITTLE_ELSE = 0.6  # share of a source's clause that a clause must have, so that they can be opposites
_SOURCES = 6  # looked at for a clause
_OF_THE_SAME = 0.2  # by how much less of the whole claim a source may hold that says the opposite of a clause


@dataclass(frozen=True, slots=True)
class _Clause:
    words: frozenset[str]
    denies: bool


class DenialCheck:
    """Over one set of shown passages."""

    def __init__(self, shown: Shown, coverage: Coverage, polarity: Polarity, language: str) -> None:
        self._shown = shown
        self._coverage = coverage
        self._polarity = polarity
        self._language = language
        self._known: dict[int, list[_Clause]] = {}

    def judge(self, claim: Claim, finding: Finding) -> bool:
        """Whether there is such an objection."""
        for start, end in clause_spans(claim.text, claim.language):
            clause = claim.text[start:end]
            words = self._coverage.words(clause, claim.language)
            if len(words) < _FEWEST or self._polarity.excludes(clause):
                continue
            opposing = self._opposing(words, self._polarity.negates(clause), finding)
            if opposing:
                finding.add_objection("denied", near_copy.DENIED, opposing)
                return True
        return False

    def _opposing(self, words: Sequence[str], denies: bool, finding: Finding) -> float:
        """Share of a clause's words in the clause of a source that says the opposite, 0 where there is none or another
        one agrees."""
        least = float(finding.units.max()) - _OF_THE_SAME
        found = 0.0
        for index in self._nearest(words):
            for part in self._clauses(index):
                share = _share(words, part.words)
                if (
                    share >= DENIES_ALL
                    and part.denies != denies
                    and finding.units[index] >= least
                    and _share(part.words, words) >= _SAYS_LITTLE_ELSE
                ):
                    found = max(found, share)
                elif share >= _AGREES and part.denies == denies:
                    return 0.0
        return found

    def _nearest(self, words: Sequence[str]) -> list[int]:
        """Sources that hold most of the words."""
        weights, held = self._coverage.weights(words), self._coverage.held(words)
        share = (weights @ held) / (float(weights.sum()) or 1.0)
        return [int(index) for index in np.argsort(-share)[:_SOURCES]]

    def _clauses(self, index: int) -> list[_Clause]:
        if index not in self._known:
            text = self._shown.sources[index].text
            parts = [text[start:end] for start, end in clause_spans(text, self._language)]
            self._known[index] = [
                _Clause(frozenset(self._coverage.words(part, self._language)), self._polarity.negates(part))
                for part in parts
                if not self._polarity.excludes(part)
            ]
        return self._known[index]


def _share(words: Sequence[str] | Set[str], others: Sequence[str] | Set[str]) -> float:
    """Of `words`, those that stand among `others` in some form."""
    return sum(any(same_word(word, other) for other in others) for word in words) / (len(words) or 1)

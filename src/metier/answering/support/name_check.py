"""Objections to the names of a claim: one that no source has, one that stands elsewhere than what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import regex

from metier.answering.support.claims import Claim, columns_of
from metier.answering.support.findings import Finding
from metier.answering.support.names import Name, keys, stands_in
from metier.answering.support.sources import PassageReader, Shown
from metier.answering.support.subjects import Clause, Subjects

_AHEAD, _AHEAD_ROW = 0.3, 0.12  # by how much a place without the name must fit better
_FILE = regex.compile(r"\.\p{L}\w{1,4}$")  # what is said of a document need not stand in it
_SHORT = 3  # characters of a part of a name that tells nothing
_FORM = 0.9  # how well a word must be held to be the same word in another form
_SAYS_IT = 0.5  # how much of the clause such a place must hold for the name to be exchanged


class NameCheck:
    """Over one set of shown passages and one question."""

    def __init__(self, shown: Shown, subjects: Subjects, reader: PassageReader, question: str, language: str) -> None:
        self._shown = shown
        self._subjects = subjects
        self._reader = reader
        self._asked = keys(question)
        self._language = language

    def judge(self, claim: Claim, clauses: Sequence[Clause], finding: Finding) -> None:
        for name in claim.names:
            if not self._is_known(name, finding.foreign):
                sure = name.identifier or (name.sure and not finding.foreign)
                reason = f"{name.text} is in none of the sources"
                decides = name.identifier or (sure and self._is_stranger(name, claim))
                if sure or set(self._reader.words(claim.text, claim.language)) <= set(
                    self._reader.words(name.text, claim.language)
                ):
                    finding.add_objection("name_missing" if sure else "name_doubt", reason, fatal=decides)
        said = keys(claim.text)
        called = {w for n in claim.names for w in self._reader.words(n.text, self._language)}
        for clause in clauses:
            if set(clause.own) - called or len(clauses) == 1:
                self._judge_place(clause, called, said, finding)
        if claim.kind in ("item", "row") and len(clauses) > 1:
            self._judge_item(claim, finding)

    def _is_known(self, name: Name, foreign: bool) -> bool:
        if stands_in(name, self._shown.keys) or self._is_word(name) or stands_in(name, self._asked):
            return True
        return name.identifier and foreign and self._has_digits(name)

    def _is_word(self, name: Name) -> bool:
        """Whether the sources write as a common word what the claim writes with a capital, or have its parts."""
        if name.identifier:
            return False
        words = self._reader.words(name.text, self._language)
        return not words or all(bool((self._shown.holding(word) > 0).any()) for word in words)

    def _is_stranger(self, name: Name, claim: Claim) -> bool:
        """Whether a name is one of several words, of a person or a firm, of which neither sources nor question have
        any; short ones (Ltd, AG) aside."""
        run = _run(claim, name)
        long = [each for each in run if len(each.key) > _SHORT]
        return len(run) > 1 and any(each.sure for each in long) and not any(map(self._is_told, long))

    def _is_told(self, name: Name) -> bool:
        """As `_is_known`, but what only begins like another word is another name."""
        if stands_in(name, self._shown.keys) or stands_in(name, self._asked):
            return True
        words = self._reader.words(name.text, self._language)
        return not words or any((self._shown.holding(word) >= _FORM).any() for word in words)

    def _has_digits(self, name: Name) -> bool:
        """A name in another script shares its digits alone."""
        digits = "".join(c for c in name.key if c.isdigit())
        return any(digits and digits in key for key in self._shown.keys)

    def _judge_place(self, clause: Clause, called: set[str], said: frozenset[str], finding: Finding) -> None:
        """`called`: words of all names of the claim, which do not tell what is said of this one."""
        own = [name for name in self._subjects.present(clause.names) if not _FILE.search(name.text)]
        rest = tuple(w for w in clause.words if w not in called)
        if not own or not rest:
            return
        fits = self._subjects.fit(replace(clause, words=rest, keys=clause.keys - {n.key for n in own}))
        near = [i for i in range(len(self._shown.sources)) if self._subjects.are_near(own, i, True)]
        best = max(near, key=lambda i: fits[i], default=-1)
        top = int(np.argmax(fits))
        sources = self._shown.sources
        if sources[top].is_row and self._compares_rows(own, sources[top].table):
            return
        same_table = best >= 0 and sources[best].table == sources[top].table >= 0
        if best >= 0 and fits[best] >= fits[top] - (_AHEAD_ROW if same_table else _AHEAD):
            return
        apart = [n.text for n in own if not self._subjects.are_near([n], top, True)]
        if not apart:
            return
        reason = f"{apart[0]} does not stand where the rest of the sentence stands"
        finding.add_objection("name_unbound", reason)
        others = [n for n in self._shown.sources[top].names if n.key not in said]
        if fits[top] >= _SAYS_IT and any(n.identifier == own[0].identifier for n in others):
            finding.add_objection("name_swapped", reason, fatal=same_table)

    def _compares_rows(self, own: Sequence[Name], table: int) -> bool:
        """Whether names stand in several rows of a table, none of which has all of them: they are compared."""
        rows = [[stands_in(n, s.keys) for n in own] for s in self._shown.sources if s.table == table]
        return len(own) > 1 and all(map(any, zip(*rows, strict=True))) and not any(map(all, rows))

    def _judge_item(self, claim: Claim, finding: Finding) -> None:
        """All names of a list item or table row belong to the first: where that is a row's, they stand in that row."""
        heads = columns_of(claim.text) if claim.kind == "row" else []  # those compare what the columns are of
        called = [n for n in claim.names if not any(start <= n.start < end for start, end in heads)]
        own = self._subjects.present(called)
        if not own:
            return
        first, *rest = own
        rows = [s for s in self._shown.sources if s.is_row and stands_in(first, s.keys)]
        for name in rest:
            if not rows or name.key == first.key or any(self._subjects.are_near([name], s.index, True) for s in rows):
                continue
            tables = {row.table for row in rows}
            beside = any(s.table in tables and stands_in(name, s.keys) for s in self._shown.sources)
            prose = any(not s.is_row and stands_in(first, s.keys) for s in self._shown.sources)
            reason = f"{name.text} does not stand where {first.text} stands"
            finding.add_objection("name_swapped" if beside else "name_unbound", reason, fatal=beside and not prose)


def _run(claim: Claim, name: Name) -> list[Name]:
    """The names that stand beside `name` with nothing but a space between them, itself among them."""
    given = sorted(claim.names, key=lambda each: each.start)
    at = given.index(name)
    first = last = at
    while first > 0 and not claim.text[given[first - 1].end : given[first].start].strip():
        first -= 1
    while last + 1 < len(given) and not claim.text[given[last].end : given[last + 1].start].strip():
        last += 1
    return given[first : last + 1]

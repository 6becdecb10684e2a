"""Whether two sentences say yes and no of the same: negations by clause, and words that are opposites."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import regex

from metier.text.analyzer import Analyser
from metier.text.language import Language, in_any_language, words_in_any_language
from metier.text.phrases import WORD, compose, fold

Weights = Callable[[str], float]
_PUNCTUATION = r"[,;:](?=\s)\s*|[()—。．，；：、؛،।|]\s*|\s[-–]\s"
_CONTRACTION = regex.compile(r"\b\p{L}+n['’]t\b")
_TURNED = 6  # characters of a word that a prefix may turn round
_BESIDE = 3  # content words on each side of one that say what it is said of
_UNLIKE = ("not", "no", "never", "without")


@lru_cache(maxsize=1)
def _no_denial() -> regex.Pattern[str]:
    """Phrases with a negation in them that deny nothing ("not only", "no. 7")."""
    return regex.compile(rf"\b(?:{_either(in_any_language('words', 'no_denial'))}|no\.? \d+)\b")


@lru_cache(maxsize=1)
def _lacking() -> regex.Pattern[str]:
    return regex.compile(rf"\b(?:{_either(in_any_language('words', 'lacking'))})\b", regex.IGNORECASE)


def _either(phrases: Sequence[str]) -> str:
    return "|".join(regex.escape(fold(compose(phrase))) for phrase in phrases)


def clause_spans(text: str, language: str) -> list[tuple[int, int]]:
    """`text` cut at punctuation inside the sentence and at the words that join sentences ("but", "while")."""
    found, start = [], 0
    for joint in _joints(language).finditer(text):
        if text[start : joint.start()].strip():
            found.append((start, joint.start()))
        start = joint.end()
    if text[start:].strip():
        found.append((start, len(text)))
    return found


@lru_cache(maxsize=64)
def _joints(language: str) -> regex.Pattern[str]:
    known = Language.of(language)
    words = {*known.listed("words", "conjunction"), *known.listed("words", "alternative")}
    words.update(in_any_language("words", "clause"))
    single = sorted((regex.escape(fold(compose(word))) for word in words if " " not in word), key=len, reverse=True)
    return regex.compile(rf"{_PUNCTUATION}|\b(?:{'|'.join(single)})\b", regex.IGNORECASE)


class Polarity:
    """Negations and opposites of one language, by the tokens of the analyser."""

    def __init__(self, analyser: Analyser, language: str) -> None:
        self._analyser = analyser
        self._language = language
        known = Language.of(language)
        self._spaced = known.spaced
        self._function = known.function_words
        self._negations = known.negations or Language.of("en").negations
        self._opposites = _opposites(language)
        self._turning = known.listed("words", "reversing")
        weekdays = known.listed("calendar", "weekdays")
        self._weekdays = [[fold(compose(day)) for day in each.split("|")] for each in weekdays]

    def denied(self, text: str) -> frozenset[str]:
        """Tokens of `text` that stand in a clause with a negation; of one that denies with "without" only those behind
        it."""
        clauses = (_lacking().split(clause)[-1] for clause in self.denying(text))
        return frozenset(token for clause in clauses for token in self._analyser.tokens(clause))

    def denying(self, text: str) -> list[str]:
        """The clauses of `text` that deny."""
        clauses = (text[start:end] for start, end in clause_spans(text, self._language))
        return [clause for clause in clauses if self.negates(clause)]

    def negates(self, clause: str) -> bool:
        """Whether a clause denies: an odd number of negations, phrases that only look like one left out."""
        folded = _no_denial().sub(" ", fold(compose(clause)))
        if not self._spaced:
            return any(word in folded for word in self._negations)
        words = WORD.findall(folded)
        count = sum(word in self._negations or bool(_CONTRACTION.fullmatch(word)) for word in words)
        count += count > 0 and any(word in words_in_any_language("words", "condition") for word in words)
        return count % 2 == 1

    def excludes(self, text: str) -> bool:
        """Whether a text leaves something out ("except", "unless"), which another may say with or without a "not"."""
        return any(word in words_in_any_language("words", "exception") for word in WORD.findall(fold(compose(text))))

    def only_denies(self, said: str, given: str) -> bool:
        """Whether two stretches differ in a negation and in nothing else that says something."""
        if self.negates(said) == self.negates(given):
            return False
        if not self._spaced:
            return True
        words = (set(WORD.findall(fold(compose(said)))), set(WORD.findall(fold(compose(given)))))
        if words[0] & words_in_any_language("words", "second_of_two"):
            return False
        mine, theirs = (part - self._negations - self._function for part in words)
        return not (mine ^ theirs - {word for word in theirs if _CONTRACTION.fullmatch(word)})

    def differs(self, said: str, given: str, shared: Sequence[str], weight: Weights) -> float:
        """Share of the weight of `shared` (tokens of both) that one denies and the other does not, 0..1."""
        if self.excludes(said) or self.excludes(given):
            return 0.0
        here, there = self.denied(said), self.denied(given)
        if not here and not there:
            return 0.0
        total = sum(map(weight, shared))
        return sum(weight(t) for t in shared if (t in here) != (t in there)) / total if total > 0 else 0.0

    def opposed(self, said: str, given: str) -> str:
        """A word of `said` of which `given` has the opposite and not the word itself, "" where there is none."""
        return self._opposed(said, given, beside=False)

    def opposed_beside(self, said: str, given: str) -> str:
        """The same, where a word beside it in `said` stands on the same side of its opposite in `given`: "close the
        valve", "open the valve". What is dry before it is oiled is oiled after it was dried."""
        return self._opposed(said, given, beside=True)

    def other_day(self, said: str, given: str) -> str:
        """The day of the week that `said` names, where `given` names another one and both no more than that."""
        mine, theirs = self._days(said), self._days(given)
        return next(iter(mine)) if len(mine) == len(theirs) == 1 and mine != theirs else ""

    def _days(self, text: str) -> set[str]:
        words = WORD.findall(fold(compose(text)))
        return {days[0] for days in self._weekdays if any(word.startswith(day) for word in words for day in days)}

    def holds_both(self, said: str, given: str) -> bool:
        """Whether `given` has a word of `said` and its opposite: "closes on the 24th and opens on the 2nd"."""
        here, there = self._stems(said), self._stems(given)
        for word, stem in here.items():
            against = self._against(word, stem)
            same = word in there or stem in there.values()
            if same and any(w in against or s in against for w, s in there.items()):
                return True
        return False

    def _against(self, word: str, stem: str) -> frozenset[str]:
        """What means the opposite of a word, with what a prefix makes of it ("vaccinated", "unvaccinated")."""
        turned = {prefix + word for prefix in self._turning} if len(word) >= _TURNED else set()
        turned |= {word.removeprefix(p) for p in self._turning if word.startswith(p) and len(word) >= _TURNED + len(p)}
        return frozenset(turned) | self._opposites.get(word, frozenset()) | self._opposites.get(stem, frozenset())

    def _opposed(self, said: str, given: str, beside: bool) -> str:
        here, there = self._stems(said), self._stems(given)
        for word, stem in here.items():
            against = self._against(word, stem)
            if against and stem not in there.values() and word not in there:
                others = {w for w, s in there.items() if w in against or s in against}
                if not others or any(w in here or there[w] in here.values() for w in others):
                    continue
                if not beside or any(self._are_beside(here, word, there, other) for other in others):
                    return word
        return ""

    def _are_beside(self, here: dict[str, str], word: str, there: dict[str, str], other: str) -> bool:
        """Whether two words have a content word in common, among the nearest on the same side; also where there are
        too few to tell."""
        mine, theirs = self._sides(here, word), self._sides(there, other)
        if sum(map(len, mine)) <= 1:
            return True
        return any(first & second for first, second in zip(mine, theirs, strict=True))

    def _sides(self, stems: dict[str, str], word: str) -> tuple[set[str], set[str]]:
        content = [w for w in stems if w == word or (w not in self._function and w not in self._negations)]
        at = content.index(word)
        before, after = content[max(0, at - _BESIDE) : at], content[at + 1 : at + 1 + _BESIDE]
        return {stems[w] for w in before}, {stems[w] for w in after}

    def _stems(self, text: str) -> dict[str, str]:
        stems = {}
        for word in WORD.findall(fold(compose(text))):
            tokens = self._analyser.tokens(word)
            stems[word] = tokens[0] if len(tokens) == 1 else word
        return stems


@lru_cache(maxsize=64)
def _opposites(language: str) -> dict[str, frozenset[str]]:
    """Words and their stems to what means the opposite."""
    known = Language.of(language)
    analyser = Analyser(language)
    found: dict[str, set[str]] = {}
    for word, others in known.opposites_of.items():
        if word in _UNLIKE:
            continue
        stem = analyser.tokens(word)
        stems = {tokens[0] for other in others if len(tokens := analyser.tokens(other)) == 1}
        for key in {word, *(stem if len(stem) == 1 else ())}:
            found.setdefault(key, set()).update(others | stems)
    return {word: frozenset(others) for word, others in found.items()}

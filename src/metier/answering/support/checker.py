"""The checker: sentences of an answer against what was shown, each with a level, a score, its sources and a reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath

import numpy as np
import regex

from metier.answering.answer import Citation, Sentence, Support
from metier.answering.support import claims
from metier.answering.support.alignment import Alignment
from metier.answering.support.claims import Claim
from metier.answering.support.cross_encoding import Entailment
from metier.answering.support.findings import Finding
from metier.answering.support.nearness import Nearness
from metier.answering.support.polarity import Polarity
from metier.answering.support.scoring import learned
from metier.answering.support.sources import PassageReader, Shown
from metier.answering.yes_no import decide
from metier.core.documents import Passage
from metier.embedding.base import Embedder
from metier.text.analyzer import Analyser
from metier.text.detection import detect
from metier.text.phrases import compose, fold
from metier.text.sentences import Unit, units

Weigh = Callable[[Sequence[str]], np.ndarray]  # tokens to rarity, (n,)

_CANDIDATES = 8  # units whose vectors are asked for; those that hold most of the claim
_CANDIDATES_FOREIGN = 64  # where words do not lead there
_COPIED = 0.85  # share of its words in one source from which a claim without objections needs no vector
_VETOED = 0.2  # the most that a claim with a fatal objection is worth
_SECOND = 0.15  # share of the claim's words that a second source must add to be cited
_MOST_CITED = 3
_DECIDING = 3  # sources that are asked what they say to a yes/no question
_ASKED_ABOUT = 0.4  # share of the question's words in a source that is worth opening for a bare yes or no
_FILE_NAME = 6  # characters
_ADDRESS = regex.compile(r"(?:https?://|www\.)\S+")
_ADDRESSES = "the sources are addresses only"
_ELSEWHERE = "in another language than the source, which the embedder cannot compare"


class LearnedChecker:
    """Compares by rule and weighs what it finds as was learned. `entailment`: a cross-encoder that scores instead of
    the learned weights; what speaks against a claim still decides."""

    def __init__(
        self, embedder: Embedder, analyser: Analyser, weigh: Weigh, entailment: Entailment | None = None
    ) -> None:
        self._analyser = analyser
        self._weigh = weigh
        self._reader = PassageReader(analyser)
        self._nearness = Nearness(embedder)
        self._entailment = entailment

    def over(self, shown: Sequence[Passage], question: str, language: str) -> LearnedChecking:
        return LearnedChecking(
            shown, question, language, self._analyser, self._weigh, self._reader, self._nearness, self._entailment
        )


class LearnedChecking:
    """One answer against one set of shown passages."""

    def __init__(
        self, shown: Sequence[Passage], question: str, language: str, analyser: Analyser, weigh: Weigh,
        reader: PassageReader, nearness: Nearness, entailment: Entailment | None,
    ) -> None:  # fmt: skip
        self._question = question
        self._reader = reader
        self._analyser = analyser
        self._language = language
        self._nearness = nearness
        self._entailment = entailment
        self._shown = Shown.of(shown, reader, language)
        self._polarity = Polarity(analyser, language)
        self._alignment = Alignment(self._shown, reader, self._polarity, weigh, question, language)
        self._cut: tuple[str, list[Unit]] = ("", [])
        self._documents = _names_of_documents(shown)
        self._only_addresses = all(_says_nothing(passage.text) for passage in shown)

    def spans(self, text: str) -> list[tuple[int, int]]:
        return [(unit.start, unit.end) for unit in self._units(text) if unit.kind != "rule"]

    def check(self, text: str, span: tuple[int, int]) -> Sentence:
        cut = self._units(text)
        unit = next((unit for unit in cut if (unit.start, unit.end) == span), None)
        if unit is None:
            unit = Unit(span[0], span[1], "sentence")
            cut = [*(u for u in cut if u.end <= span[0]), unit]
        claim = self._read(text, unit, cut)
        only_decides = bool(claim.decision) and not self._reader.words(claim.text, claim.language)
        if not only_decides and claims.states_nothing(text, unit, cut, claim, self._reader, self._question):
            return Sentence(*span, Support.NONE, 1.0)
        if not self._shown.sources:
            return Sentence(*span, Support.NOT, 0.0, (), "no source was shown")
        if only_decides:
            return self._decided(span, claim.decision)
        finding = self.finding(claim)
        return self._sentence(span, claim, finding)

    def features(self, text: str, span: tuple[int, int], *, vectors: bool = True) -> Finding | None:
        """What `check` weighs, with `vectors` whatever words say; None for what states nothing. For learning."""
        cut = self._units(text)
        unit = next((unit for unit in cut if (unit.start, unit.end) == span), Unit(span[0], span[1], "sentence"))
        if unit not in cut:
            cut = [unit]
        claim = self._read(text, unit, cut)
        if claims.states_nothing(text, unit, cut, claim, self._reader, self._question) or not self._shown.sources:
            return None
        finding = self._alignment.align(claim, _CANDIDATES)
        if vectors:
            self._compare(claim, finding)
        return finding

    def _read(self, text: str, unit: Unit, cut: list[Unit]) -> Claim:
        return claims.read(text, unit, cut, detect(text[: unit.end], self._language), self._documents)

    def finding(self, claim: Claim) -> Finding:
        """The claim laid beside the sources; vectors are asked for where words do not decide."""
        finding = self._alignment.align(claim, _CANDIDATES)
        copied = finding.features["unit"] >= _COPIED and not finding.reasons
        if finding.foreign or not (finding.fatal or finding.bare or copied):
            self._compare(claim, finding)
        elif finding.bare and finding.holding and not (finding.fatal or finding.worked_out):
            self._cite_asked(finding)
        return finding

    def _units(self, text: str) -> list[Unit]:
        if self._cut[0] != text:
            self._cut = (text, units(text, self._language))
        return self._cut[1]

    def _decided(self, span: tuple[int, int], said: str) -> Sentence:
        """A yes or no, checked against the sentence that decides the question; where none does, the one that speaks of
        most of it is cited, for a person to judge."""
        for index in self._alignment.asked_about(_DECIDING):
            told = decide(self._question, self._shown.sources[index].text, self._language, self._analyser)
            if told is not None:
                cited = (Citation.of(self._shown.part(index), span),)
                if fold(compose(told)) == said:
                    return Sentence(*span, Support.CARRIED, 1.0, cited)
                return Sentence(*span, Support.NOT, 0.0, cited, f"a source says {told.lower()}")
        near = self._alignment.asked_about(1, least=_ASKED_ABOUT)
        nearest = tuple(Citation.of(self._shown.part(index), span) for index in near)
        return Sentence(*span, Support.PARTLY, 0.5, nearest, "a yes or no alone cannot be checked")

    def _compare(self, claim: Claim, finding: Finding) -> None:
        given = self._language_of_source(finding)
        if finding.foreign and not self._nearness.knows(claim.language, given):
            return
        chosen = finding.evidence
        if finding.foreign:
            sources = self._shown.sources
            rest = [s.index for s in sources if s.index not in set(chosen) and s.kind != "heading"]
            chosen = [*chosen, *rest][:_CANDIDATES_FOREIGN]
        text = claim.text if len(claim.text) > 30 or not claim.about else f"{claim.about[0]} {claim.text}"
        near = self._nearness.to(text, [self._text_of(index) for index in chosen], given)
        finding.features["cosine"] = float(near.max())
        if finding.foreign:
            near = near + self._alignment.shared(claim, finding, chosen)
            finding.evidence = [chosen[i] for i in np.argsort(-near, kind="stable")]

    def _cite_asked(self, finding: Finding) -> None:
        """Of the sources that hold a bare number the one that is nearest to the question."""
        held = set.intersection(*finding.holding.values())
        places = [index for index in self._alignment.asked_about(len(self._shown.sources)) if index in held]
        if places:
            texts = [self._text_of(index) for index in places[:_CANDIDATES]]
            near = self._nearness.to(self._question, texts, self._language)
            finding.evidence.insert(0, places[int(near.argmax())])

    def _text_of(self, index: int) -> str:
        return self._shown.part(index).indexed_text

    def _language_of_source(self, finding: Finding) -> str:
        passage = self._shown.passages[self._shown.sources[finding.evidence[0]].passage]
        return detect(passage.text, passage.language or self._language)

    def _sentence(self, span: tuple[int, int], claim: Claim, finding: Finding) -> Sentence:
        features = finding.features
        model = learned()["foreign" if finding.foreign else "near" if features["cosine"] else "words"]
        score = model.score(features)
        unknown = finding.foreign and not features["cosine"]
        if unknown:
            score = min(max(score, model.flagged), model.carried - 0.01)
        elif self._entailment is not None:
            score = self._entailed(self._entailment, claim, finding)
        if self._only_addresses:
            score = max(score, model.flagged)
        if finding.fatal and not self._only_addresses:
            score = min(score, _VETOED * score + 0.01, model.flagged * 0.8)
        level = model.level(score, objected=finding.objected)
        reason = "" if level is Support.CARRIED else self._reason(finding, level, unknown)
        return Sentence(*span, level, round(score, 4), self._citations(span, claim, finding, level), reason)

    def _reason(self, finding: Finding, level: Support, unknown: bool) -> str:
        if self._only_addresses:
            return _ADDRESSES
        if finding.reasons:
            return finding.reasons[0]
        return _ELSEWHERE if unknown else _too_little(level)

    def _entailed(self, entailment: Entailment, claim: Claim, finding: Finding) -> float:
        premises = [self._text_of(index) for index in finding.evidence[:_MOST_CITED]]
        if len(premises) > 1:
            premises.append("\n".join(premises))
        return float(entailment.score(claim.text, premises).max())

    def _citations(self, span: tuple[int, int], claim: Claim, finding: Finding, level: Support) -> tuple[Citation, ...]:
        """The best source, and others that add words or numbers of the claim that it does not hold."""
        if level is Support.NOT and finding.units.size and finding.units.max() < _SECOND:
            return ()
        chosen = self._alignment.chosen(claim, finding, _MOST_CITED, _SECOND)
        return tuple(Citation.of(self._shown.part(index), span) for index in chosen)


def _names_of_documents(shown: Sequence[Passage]) -> regex.Pattern[str] | None:
    """Finds the file names of what was shown, with any part of their folders, that a text would not hold by chance."""
    files = {PurePath(passage.uri).name for passage in shown if passage.uri}
    named = sorted((regex.escape(name) for name in files if len(name) >= _FILE_NAME and "." in name), key=len)
    return regex.compile(rf"(?:[\w.-]+/)*(?:{'|'.join(reversed(named))})", regex.IGNORECASE) if named else None


def _says_nothing(text: str) -> bool:
    """Whether a passage holds nothing but addresses of pages, whose text nobody has seen."""
    return not any(character.isalpha() for character in _ADDRESS.sub(" ", text))


def _too_little(level: Support) -> str:
    return "the sources say only a part of it" if level is Support.PARTLY else "no source says it"

"""Follow-up questions made to stand alone, so that they can be looked up.

"And for the NV-90?" finds nothing. A capable model rewrites it with what came before; its rewriting is taken only
where it keeps what was asked, brings in what was said before, and invents no name or number. Otherwise, and for a small
model, a rule does: a name, a day or a year takes the place of the one in the earlier question ("How tight are the nuts
of the NV-90?"); what replaces nothing is put after the earlier question, with the names of the answer that "it" may
mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import regex

from metier.answering import intent
from metier.answering.asked_sentences import asked_in, points_back
from metier.answering.ellipsis import in_place_of
from metier.answering.intent import Kind
from metier.answering.style import CAPABLE_PARAMETERS
from metier.generation.base import Generator, Message
from metier.text.analyzer import Analyser
from metier.text.detection import detect
from metier.text.language import Language, in_any_language, words_of
from metier.text.phrase_cover import Cover
from metier.text.phrases import any_of, compose, expression, searchable

_SHORT = 3  # a question of so few words leans on what came before
_TURNS = 6  # earlier turns that a model reads, at most so many characters of each
_TURN_CHARACTERS = 1200
_ROOM = 160  # tokens of a rewritten question
_SUBSTITUTE_WORDS = 5  # of "the NV-90", "Anna Berg"
_NAMES = 3  # of an answer, put after the question that it answers
_NAMED_ANSWER = 40  # words of an answer that may name what "it" is
_LONGEST_REWRITING = 3.0  # times the longest earlier question and this one together
_MOST_NEW = 0.34  # share of words of a rewriting that were not said before
_MOST_LOST = 0.4  # share of words of the question that may be missing in it
_REWRITE = (
    "Rewrite the last question so that it can be understood without the conversation. Put in the names that it leaves "
    "out or points to. Keep its language and its meaning, add nothing else, and do not answer it. "
    "Write only the question."
)
_EXAMPLES = (
    (
        "User: What oil does the pump take?\nAssistant: It takes ISO VG 46.\nLast question: How much of it?",
        "How much ISO VG 46 oil does the pump take?",
    ),
    (
        "User: Wie viel kostet das Ventil der P-9?\nAssistant: Es kostet 40 EUR.\nLast question: Und die Dichtung?",
        "Wie viel kostet die Dichtung der P-9?",
    ),
)
_QUOTES = "\"'“”„«»「」*` "
_ASKS = regex.compile(r"[?？؟]")
_LETTERS = r"(?:(?![\p{Han}\p{Hiragana}\p{Katakana}])[\p{L}\p{M}])"
_IDENTIFIER = regex.compile(
    rf"(?<!{_LETTERS}|\p{{N}})(?:{_LETTERS}+[-./]?\p{{N}}+|\p{{N}}+[-./]?{_LETTERS})(?:[-./]?(?:{_LETTERS}|\p{{N}})+)*"
)
_CAPITALISED = regex.compile(
    r"(?<![.!?:]\s)(?<!^)(?<![\p{L}\p{N}])\p{Lu}[\p{L}\p{M}'’]+(?![\p{L}\p{N}-])(?:\s+\p{Lu}[\p{L}\p{M}'’]+(?![-\p{N}])|\s+\p{N}+)*"
)
_FULL_NAME = regex.compile(r"(?<![\p{L}\p{N}])\p{Lu}[\p{L}\p{M}'’-]+(?:\s+\p{Lu}[\p{L}\p{M}'’-]+(?![-\p{N}]))+")
_YEAR = regex.compile(r"(?<!\p{N})(?:19|20)\p{Nd}\p{Nd}(?!\p{N})")


def needs_context(question: str, analyser: Analyser, languages: Sequence[Language] | None = None) -> bool:
    """Whether a question points back to earlier ones, by its words and length."""
    if len(analyser.tokens(question)) <= _SHORT:
        return True
    spoken = _spoken(question, analyser) if languages is None else languages
    return any(_leans(question, language) for language in spoken)


def standalone(
    question: str,
    history: Sequence[Message],
    generator: Generator | None,
    analyser: Analyser,
    languages: Sequence[Language] | None = None,
) -> str:
    """The question to look up. `history`: earlier turns, oldest first; empty gives the question itself. `generator`: a
    model that may be asked, None = the rule alone. `languages`: those whose words may lean back; None = the one that
    the question seems to be in, the expert's and English."""
    spoken = _spoken(question, analyser) if languages is None else languages
    asked = list(_questions(history))
    if not asked or not needs_context(question, analyser, spoken):
        return question
    if intent.classify(question, history, spoken).kind in (Kind.SMALL_TALK, Kind.EDIT):
        return question
    if generator is not None and (generator.parameters is None or generator.parameters >= CAPABLE_PARAMETERS):
        rewritten = _by_model(question, history, generator)
        if rewritten and _faithful(rewritten, question, history, analyser, spoken):
            return rewritten
    return _by_rule(question, asked, history, analyser, spoken)


def last_question(history: Sequence[Message]) -> str | None:
    """What was asked last, thanks and wishes for another form of the answer left out, made to stand alone by rule; None
    where nothing was."""
    asked = [number for number, turn in enumerate(history) if turn.role == "user" and _is_lookup(history, number)]
    if not asked:
        return None
    question = _asked(history[asked[-1]].content)
    return standalone(question, history[: asked[-1]], None, Analyser(detect(question)))


def _spoken(question: str, analyser: Analyser) -> list[Language]:
    codes = (detect(question, analyser.language), analyser.language, "en")
    return [language for language in map(Language.of, dict.fromkeys(codes)) if language.known]


def _questions(history: Sequence[Message]) -> Iterator[str]:
    """What was asked before, without thanks and without wishes for another form of the answer."""
    for number, turn in enumerate(history):
        if turn.role == "user" and _is_lookup(history, number):
            yield _asked(turn.content)


def _asked(message: str) -> str:
    """What an earlier message asked, without courtesy."""
    analyser = Analyser(detect(message))
    return asked_in(message, _spoken(message, analyser), analyser) or message


def _is_lookup(history: Sequence[Message], number: int) -> bool:
    return intent.classify(history[number].content, history[:number]).kind not in (Kind.SMALL_TALK, Kind.EDIT)


# --- what leans back -----------------------------------------------------------------------------------------


def _leans(question: str, language: Language) -> bool:
    text = searchable(compose(question)).lstrip(" .")
    leads = language.expression("follow_up", "lead")
    word = language.expression("small_talk", "filler", "thanks").match(text)  # "ok and what did it cost?"
    for start in (0, word.end() + 1 if word is not None else 0):
        lead = leads.match(text, pos=min(start, len(text)))
        if lead is not None and lead.end() < len(text.rstrip(" .")):
            return True
    return bool(_IDENTIFIER.search(_named(question, language))) or points_back(question, language)


def _pronouns(languages: Sequence[Language]) -> frozenset[str]:
    return frozenset(
        word
        for language in languages
        for name in ("pronoun", "lead")
        for word in words_of(" ".join(language.listed("follow_up", name)))
    )


# --- by a model ----------------------------------------------------------------------------------------------


def _by_model(question: str, history: Sequence[Message], generator: Generator) -> str:
    """The model's rewriting, "" where the conversation does not fit into its context."""
    said = "\n".join(f"{turn.role.capitalize()}: {turn.content[:_TURN_CHARACTERS]}" for turn in history[-_TURNS:])
    shown = [m for asked, own in _EXAMPLES for m in (Message("user", asked), Message("assistant", own))]
    prompt = [Message("system", _REWRITE), *shown, Message("user", f"{said}\nLast question: {question}")]
    if generator.count_tokens(prompt) >= generator.context_tokens - _ROOM:
        return ""
    written = generator.complete(prompt, max_tokens=_ROOM, stop=("\n\n",)).text
    lines = [line.strip() for line in written.splitlines() if line.strip()]
    return _label().sub("", lines[0]).strip(_QUOTES) if lines else ""


@lru_cache(maxsize=1)
def _label() -> regex.Pattern[str]:
    """ "Rewritten question:" before it, in any language."""
    words = any_of(in_any_language("files", "question"))
    return regex.compile(rf"^\W*(?:(?:rewritten|stand-?alone|last|new)\s+)*(?:{words})\s*[:：]\s*", regex.IGNORECASE)


def _faithful(
    rewritten: str, question: str, history: Sequence[Message], analyser: Analyser, languages: Sequence[Language]
) -> bool:
    """Whether it is a question still, the one that was asked, with something of what was said before and nothing else:
    no name or number that is new, and few other words that are."""
    before = "\n".join(turn.content for turn in history[-_TURNS:])
    longest = max((len(turn.content) for turn in history if turn.role == "user"), default=0)
    if len(rewritten) > _LONGEST_REWRITING * (longest + len(question)) or not _is_asked(rewritten, question, languages):
        return False
    small = frozenset(analyser.tokens(" ".join(word for one in languages for word in one.function_words)))
    leaning = frozenset(analyser.tokens(" ".join(_pronouns(languages))))
    new, own, said = (set(analyser.tokens(text)) for text in (rewritten, question, before))
    invented = new - said - own - small
    lost = own - new - leaning - small
    if any(_is_name(token, rewritten) for token in invented) or any(_is_name(token, question) for token in lost):
        return False
    brought = bool(new & (said - own) - small)
    few_new = len(invented) <= _MOST_NEW * max(1, len(new - small))
    few_lost = len(lost) <= _MOST_LOST * max(1, len(own - small - leaning))
    return brought and few_new and few_lost


def _is_asked(rewritten: str, question: str, languages: Sequence[Language]) -> bool:
    """Where a question was asked, an answer in its place has neither a question mark nor a question word."""
    words = set(words_of(rewritten))
    asks = bool(_ASKS.search(rewritten)) or any(
        bool(words & one.question_words) if one.spaced else one.finds(rewritten, "words", "question")
        for one in languages
    )
    return asks or not _ASKS.search(question)


def _is_name(token: str, text: str) -> bool:
    """Whether a token has a digit, or stands with a capital inside a sentence."""
    if any(character.isdigit() for character in token):
        return True
    return any(token in words_of(match.group()) for match in _CAPITALISED.finditer(text))


# --- by rule -------------------------------------------------------------------------------------------------


def _by_rule(
    question: str, asked: Sequence[str], history: Sequence[Message], analyser: Analyser, languages: Sequence[Language]
) -> str:
    complete = next((n for n in reversed(range(len(asked))) if not needs_context(asked[n], analyser)), 0)
    earlier = asked[complete]
    for later in (*asked[complete + 1 :], question):
        replaced = _replaced(later, earlier, languages)
        if replaced is None:
            break
        earlier = replaced
    else:
        return earlier
    names = _names_of_answer(question, asked, history, languages)
    return " ".join([*asked[complete:], *([f"({', '.join(names)})"] if names else []), question])


def _replaced(question: str, earlier: str, languages: Sequence[Language]) -> str | None:
    """The earlier question about what this one names instead; None where the question says more than a name, or it is
    not plain what the name stands for."""
    for language in languages:
        named = _named(question, language)
        if not named:
            continue
        for old, new in _same_kind(named, earlier, language):
            return earlier.replace(old, new)
        if (about := in_place_of(named, earlier, language)) is not None:
            return about
    return None


def _named(question: str, language: Language) -> str:
    """ "the NV-90" of "and for the NV-90?"; "" where there is more than that, or nothing that leads to it."""
    cover = Cover(language, question)
    text = cover.free().rstrip(" .")
    start, end = 0, len(text)
    lead = language.expression("follow_up", "about").match(text.lstrip(" ."), pos=0)
    if lead is not None:
        start = len(text) - len(text.lstrip(" .")) + lead.end()
    tails = [
        match.start() for match in language.expression("follow_up", "about_after").finditer(text) if match.end() == end
    ]
    if tails:
        end = min(tails)
    if lead is None and not tails:
        return ""
    named = question[start:end].strip(" \t,;:.?!？。、،؟।")
    return named if 0 < len(words_of(named)) <= _SUBSTITUTE_WORDS else ""


def _same_kind(named: str, earlier: str, language: Language) -> Iterator[tuple[str, str]]:
    """(what stands in the earlier question, what takes its place), where there is exactly one thing of the kind."""
    for new, olds in (
        _pair(_IDENTIFIER, named, earlier, like=True),
        _calendar(named, earlier, language, "months"),
        _calendar(named, earlier, language, "weekdays"),
        _pair(_YEAR, named, earlier),
        _pair(_CAPITALISED, f"x {named}" if named[:1].isupper() else named, earlier)
        if not language.capitalises_nouns
        else ("", []),
    ):
        if new and len(set(olds)) == 1 and olds[0] != new and _only(new, named, language):
            yield olds[0], new
            return


def _only(new: str, named: str, language: Language) -> bool:
    """Whether nothing but function words is named beside it."""
    return all(word in language.function_words for word in words_of(named.replace(new, " ")))


def _pair(pattern: regex.Pattern[str], named: str, earlier: str, *, like: bool = False) -> tuple[str, list[str]]:
    """`like`: of several, those that begin with the same letters ("NV-90" for "NV-110", not for "HP-4")."""
    found = pattern.findall(named)
    if len(found) != 1:
        return "", []
    olds = pattern.findall(earlier)
    if like and len(set(olds)) > 1:
        olds = [old for old in olds if _letters(old) == _letters(found[0])]
    elif like and olds and _letters(olds[0]) != _letters(found[0]):
        olds = []
    return found[0], olds


def _letters(identifier: str) -> str:
    return "".join(regex.findall(r"\p{L}+", identifier)).casefold()


def _calendar(named: str, earlier: str, language: Language, kind: str) -> tuple[str, list[str]]:
    if kind == "months":
        phrases = [name for month in language.months for name in month if len(name) > 3]
    else:
        phrases = [f"{day}*" for day in language.listed("calendar", "weekdays")]
    pattern = regex.compile(expression(phrases, spaced=language.spaced))
    new, olds = (
        [text[slice(*match.span())] for match in pattern.finditer(searchable(compose(text)))]
        for text in (named, earlier)
    )
    return (new[0], olds) if len(new) == 1 else ("", [])


def _names_of_answer(
    question: str, asked: Sequence[str], history: Sequence[Message], languages: Sequence[Language]
) -> list[str]:
    """What "it" may mean: names of a short last answer that no question has."""
    answer = history[-1].content if history and history[-1].role == "assistant" else ""
    points = any(Cover(language, question).take("follow_up", "pronoun") for language in languages)
    if not points or not 0 < len(words_of(answer)) <= _NAMED_ANSWER:
        return []
    known = " ".join(words_of(" ".join((*asked, question))))
    sentence = regex.split(r"(?<=[.!?])\s", answer.strip())[0]
    found = [name for kind in (_FULL_NAME, _CAPITALISED, _IDENTIFIER) for name in kind.findall(sentence)]
    days = [f"{word}*" for one in languages for month in one.months for word in month if len(word) > 3]
    dated = regex.compile(expression(days))
    found = [name for name in found if not dated.match(searchable(compose(name)))]
    fresh = [name for name in dict.fromkeys(found) if " ".join(words_of(name)) not in known]
    whole = [name for name in fresh if not any(name != other and name in other for other in fresh)]
    return whole[:_NAMES]

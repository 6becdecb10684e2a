"""A question taken apart into what has to be looked up.

    split("What is the NV-90 filled with and who checks it?", "en")
    split("Which is heavier, the NV-90 or the NV-110?", "en")

By rule, from the words that a language's file gives (`metier/text/languages`): several sentences that ask; parts that
are joined by "and" and ask for themselves; things that are compared, or names that share what is asked of them, each of
which becomes a question without the others. What cannot be told by rule stays one question. A capable model does it
better (`split_by_model`); what it says is taken only where it consists of the question's own words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from metier.generation.base import Generator, Message
from metier.text.language import Language, words_in_any_language
from metier.text.phrases import compose, fold, searchable
from metier.text.sentences import is_question, sentence_spans

MOST = 6  # parts of one question
LONGEST = 1500  # characters; what is longer is no question but a text
_TOKEN = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:[-./'’_][\p{L}\p{M}\p{N}]+)*|[^\s\p{L}\p{M}\p{N}]")
_SENTENCE = regex.compile(r"[^?？؟]*?[?？؟]+|[^?？؟]+$")
_ARTICLES_AT_MOST = 3  # function words that may stand between "and" and the name that follows
_LIST_MARK = regex.compile(r"^\s*(?:\p{N}+\s*[.):、]|[-*•])\s*")
_INSTRUCTION = (
    "Split the question into the separate facts that have to be looked up to answer it. Write each as a short question "
    "of its own, in the language of the question and with its own words, on a numbered line. Name what it is about in "
    "each. Do not answer. If the question asks for one fact only, repeat it as the only line."
)
_LEAD = 5  # words before the first question word ("can you tell me what …")
_OUTPUT_TOKENS = 200
_OWN_WORDS = 0.8  # share of a part's telling words that must be the question's


@dataclass(frozen=True, slots=True)
class _Word:
    """`plain`: as the language's lists are compared. `telling`: says something, is no function word or mark. `asks`: a
    question word, or one with what is drawn to it."""

    text: str
    plain: str
    start: int
    end: int
    mark: bool
    telling: bool
    asks: bool

    @property
    def is_name(self) -> bool:
        return self.telling and (self.text[:1].isupper() or any(character.isdigit() for character in self.text))


def split(question: str, language: str) -> tuple[str, ...]:
    """What has to be looked up for `question`, each as a question of its own; `(question,)` where nothing splits. At
    most `MOST`. Of a long text, as a mail that is asked about, the sentences that ask."""
    text = compose(question.strip())
    if not text:
        return (question,)
    if len(text) > LONGEST:
        sentences = (text[start:end] for start, end in sentence_spans(text, language))
        asked = tuple(dict.fromkeys(filter(is_question, sentences)))
        return asked if 0 < len(asked) <= MOST and max(map(len, asked)) <= LONGEST else (question,)
    known = Language.of(language)
    parts = [part for each in _questions(text, known) for part in _of_one(each, known)]
    parts = list(dict.fromkeys(part for part in parts if part))[:MOST]
    return tuple(parts) if len(parts) > 1 else (question,)


def split_by_model(question: str, language: str, generator: Generator, adapter: str | None = None) -> tuple[str, ...]:
    """As `split`, by a model that is capable of it. What it writes is checked: numbered lines, none longer than the
    question by much, of the question's own words; a model that answers instead is told by that. Else the rule."""
    by_rule = split(question, language)
    if len(question) > LONGEST:
        return by_rule
    messages = (Message("system", _INSTRUCTION), Message("user", question))
    written = generator.complete(messages, max_tokens=_OUTPUT_TOKENS, adapter=adapter).text
    return checked(question, language, written) or by_rule


def checked(question: str, language: str, written: str) -> tuple[str, ...]:
    """The parts that a model wrote, where they may be believed; else none."""
    lines = [line.strip() for line in written.strip().splitlines() if line.strip()]
    if not lines or len(lines) > MOST or not all(_LIST_MARK.match(line) for line in lines):
        return ()
    parts = [_LIST_MARK.sub("", line).strip('*"“” ') for line in lines]
    known = Language.of(language)
    own = {word.plain for word in _words(question, known)}
    covered: set[str] = set()
    for part in parts:
        telling = [word.plain for word in _words(part, known) if word.telling]
        shared = [word for word in telling if _is_own(word, own)]
        if not telling or len(shared) < _OWN_WORDS * len(telling) or len(part) > 1.5 * len(question) + 20:
            return ()
        if any(character.isdigit() for word in telling if word not in shared for character in word):
            return ()  # a number that the question does not give: an answer
        covered.update(shared)
    asked = {word.plain for word in _words(question, known) if word.telling}
    missed = [word for word in asked if not _is_own(word, covered)]
    if len(missed) > len(asked) / 2:
        return ()
    parts = list(dict.fromkeys(parts))
    if len(parts) > 1:
        return tuple(parts)
    return () if missed else (question,)


def _is_own(word: str, own: set[str]) -> bool:
    """Whether a word, or another form of it, is among `own`."""
    if word in own:
        return True
    stem = word[: max(4, len(word) - 3)]
    return len(word) > 4 and any(other.startswith(stem) for other in own)


# --- by rule -------------------------------------------------------------------------------------------------


def _questions(text: str, known: Language) -> list[str]:
    """The sentences that ask. One that asks nothing says what the next one is about, and stays with it."""
    found: list[str] = []
    before = ""
    for sentence in sentences_of(text, known.code):
        words = _words(sentence, known)
        if not any(word.telling for word in words):
            if found and not before:
                found[-1] = f"{found[-1]} {sentence}".strip()
            continue
        if sentence.endswith(("?", "？", "؟")) or any(word.asks for word in words):
            found.append(f"{before} {sentence}".strip())
            before = ""
        else:
            before = f"{before} {sentence}".strip()
    if before:
        found = [f"{found[-1]} {before}"] if len(found) == 1 else [*found, before]
    return found if len(found) > 1 else [text]


def sentences_of(text: str, language: str) -> Iterator[str]:
    """Of a message: a question mark ends one even where no space stands behind it."""
    for part in _SENTENCE.findall(text):
        for start, end in sentence_spans(part, language):
            yield part[start:end]


def _of_one(text: str, known: Language) -> list[str]:
    """The parts of one sentence."""
    if not known.spaced and not regex.search(r"[A-Za-z]", text):
        return _compared_unspaced(text, known)
    words = _words(text, known)
    if (parts := _asking(text, words, known)) is not None:
        return [piece for part in parts for piece in _of_one(part, known)]
    return _compared(text, words, known) or [text]


def _asking(text: str, words: Sequence[_Word], known: Language) -> list[str] | None:
    """Two parts around an "and" on either side of which something is asked about something."""
    for at in range(1, len(words) - 1):
        word = words[at]
        if word.plain not in known.word_set("words", "conjunction") and word.text not in ";；":
            continue
        left, right = words[:at], words[at + 1 :]
        if not all(any(each.asks for each in side) for side in (left, right)):
            continue
        says = _points_back(right, known) or any(each.telling for each in right)
        if not says or not any(each.telling for each in left):
            continue
        if known.question_words & known.word_set("words", "clause") and not (_opens(right) and _opens(left, _LEAD)):
            continue  # "a colleague who was ill; how long …": where question words join clauses, each side opens so
        first, second = text[: left[-1].end].rstrip(" ,;"), text[right[0].start :]
        if sum(each.telling for each in left) < 2:
            if whole := _shared(text, left, right):
                return [whole, second]
            first = _complete(first, right, left, known)
        return [first, _complete(second, left, right, known)]
    return None


def _shared(text: str, left: Sequence[_Word], right: Sequence[_Word]) -> str:
    """ "What day and at what time do they come": the left part with what both say of themselves; "" where the right
    one alone says it."""
    asked = next((n for n, word in enumerate(right) if word.asks), 0) + 1
    if not (len(left) > 1 and left[-2].asks and left[-1].telling and len(right) > asked + 1 and right[asked].telling):
        return ""
    return f"{text[: left[-1].end]} {text[right[asked + 1].start :]}"


def _opens(words: Sequence[_Word], first: int = 2) -> bool:
    return any(word.asks for word in words[:first])


def _points_back(words: Sequence[_Word], known: Language) -> bool:
    """ "when is it", "who made them" """
    pronouns = known.word_set("follow_up", "pronoun")
    return any(word.plain in pronouns for word in words)


def _complete(second: str, left: Sequence[_Word], right: Sequence[_Word], known: Language) -> str:
    """A part that points back ("who made it?") is told what it points to."""
    telling = [word for word in right if word.telling]
    said = {word.plain for word in right}
    names = [word.text for word in left[1:] if word.is_name and word.plain not in said]
    few = len(telling) < 2 or (bool(names) and len(telling) == 2)
    if any(word.is_name for word in telling) or not (few or _points_back(right, known)):
        return second
    about = names or [word.text for word in left if word.telling and word.plain not in said]
    return f"{second.rstrip('?？؟ ')} ({' '.join(about)})?" if about else second


def _compared(text: str, words: Sequence[_Word], known: Language) -> list[str]:
    """One question for each of the things that are compared or share what is asked; none where there are none."""
    plain = searchable(text)
    compares = bool(known.expression("words", "comparison").search(plain))
    joints = known.word_set("words", "conjunction")
    choices = known.word_set("words", "alternative") | words_in_any_language("words", "versus") | {"/"}
    for at in range(1, len(words) - 1):
        word = words[at]
        if word.plain not in joints | choices:
            continue
        items = _listed(words, at, joints | choices, not known.capitalises_nouns)
        if len(items) < 2:
            continue
        names = all(_is_named(words, item) for item in items)
        alike = names and (items[0][0] > 0 or word.plain in choices)  # a first word is always in capitals
        if alike or (compares and _near(items)) or (word.plain in choices and compares):
            return [_without(text, words, items, kept) for kept in range(len(items))]
    if compares and len(named := _names(words)) > 1:
        return [_without(text, words, named, kept) for kept in range(len(named))]
    return []


def _is_named(words: Sequence[_Word], item: tuple[int, int]) -> bool:
    return any(words[n].is_name for n in range(*item))


def _near(items: Sequence[tuple[int, int]]) -> bool:
    return all(end - start <= 6 for start, end in items)


def _listed(words: Sequence[_Word], at: int, joints: frozenset[str], joined: bool) -> list[tuple[int, int]]:
    """Ranges of the words of each item of the list in which `at` is the last joint. `joined`: whether names may hold
    function words."""
    right = at + 1
    while right < len(words) and not words[right].telling and not words[right].mark and right - at <= _ARTICLES_AT_MOST:
        right += 1
    end = right
    while end < len(words) and words[end].telling:
        end += 1
    if end == right:
        return []
    end = _name_end(words, end) if joined else end
    items = [(right, end)]
    stop = at
    while True:
        while stop > 0 and words[stop - 1].text in ",،、":
            stop -= 1
        start = stop
        while start > 0 and words[start - 1].telling:
            start -= 1
        start = _name_start(words, start) if joined and start < stop else start
        if start == stop or (len(items) > 1 and _is_named(words, items[0]) != _is_named(words, (start, stop))):
            break
        items.insert(0, (start, stop))
        before = start
        while before > 0 and not words[before - 1].telling and not words[before - 1].mark and start - before < 2:
            before -= 1  # an article
        if before > 0 and (words[before - 1].text in ",،、" or words[before - 1].plain in joints):
            stop = before - 1
        elif start > 0 and (words[start - 1].text in ",،、" or words[start - 1].plain in joints):
            stop = start - 1
        else:
            break
    if all(_is_named(words, item) for item in items):
        items = [_only_names(words, item, number, len(items)) for number, item in enumerate(items)]
    return items


def _name_end(words: Sequence[_Word], end: int) -> int:
    """Names go on over words that join them: "Charles the Great", "City of Danzig"."""
    for joining in (1, 2):
        after = end + joining
        if words[end - 1].is_name and after < len(words) and words[after].is_name:
            if any(word.mark or word.telling for word in words[end:after]):
                break
            while after < len(words) and words[after].is_name:
                after += 1
            return _name_end(words, after)
    return end


def _name_start(words: Sequence[_Word], start: int) -> int:
    for joining in (1, 2):
        before = start - joining - 1
        if words[start].is_name and before > 0 and words[before].is_name:
            if any(word.mark or word.telling for word in words[before + 1 : start]):
                break
            while before > 1 and words[before - 1].is_name:
                before -= 1
            return _name_start(words, before)
    return start


def _only_names(words: Sequence[_Word], item: tuple[int, int], number: int, count: int) -> tuple[int, int]:
    """Of names with other words around, the names: "gearboxes of NV-90" at the left, "NV-110 weigh" at the right."""
    start, end = item
    if number == 0:
        while start < end - 1 and not words[start].is_name:
            start += 1
    if number == count - 1:
        last = max(n for n in range(start, end) if words[n].is_name)
        end = last + 1
    return start, end


def _names(words: Sequence[_Word]) -> list[tuple[int, int]]:
    """Runs of words that look like names, the first word of the question left out."""
    runs: list[tuple[int, int]] = []
    for at, word in enumerate(words):
        if at == 0 or not word.is_name:
            continue
        if runs and runs[-1][1] == at:
            runs[-1] = (runs[-1][0], at + 1)
        else:
            runs.append((at, at + 1))
    return runs


def _without(text: str, words: Sequence[_Word], items: Sequence[tuple[int, int]], kept: int) -> str:
    """The question with one of the items alone; what stands between two items goes as well."""
    first, last = words[items[0][0]].start, words[items[-1][1] - 1].end
    joined = all(
        not any(words[n].telling for n in range(items[number][1], items[number + 1][0]))
        for number in range(len(items) - 1)
    )
    if joined:
        start, end = items[kept]
        return _tidy(text[:first] + text[words[start].start : words[end - 1].end] + text[last:])
    out, at = "", 0
    for number, (start, end) in enumerate(items):
        if number != kept:
            out += text[at : words[start].start]
            at = words[end - 1].end
    return _tidy(out + text[at:])


def _tidy(text: str) -> str:
    return regex.sub(r"\s+([?？,.:])", r"\1", " ".join(text.split())).strip(" ,")


def _compared_unspaced(text: str, known: Language) -> list[str]:
    """In a script without spaces "and" may be part of a word: only where things are compared, and both are short."""
    if not known.expression("words", "comparison").search(searchable(text)):
        return [text]
    joints = [
        phrase for name in ("conjunction", "alternative", "compared_with") for phrase in known.listed("words", name)
    ]
    ends = "|".join([r"[，,、？?：:]", *map(regex.escape, known.listed("words", "after_compared"))])
    for joint in sorted(joints, key=len, reverse=True):
        found = regex.fullmatch(
            rf"(?P<a>[^，,、：:]{{1,12}}){regex.escape(joint)}(?P<b>[^，,、？?]{{1,12}}?)(?P<rest>(?:{ends}).+)", text
        )
        if found:
            return [found["a"] + found["rest"], found["b"] + found["rest"]]
    return [text]


def _words(text: str, known: Language) -> list[_Word]:
    found = []
    for match in _TOKEN.finditer(text):
        word = match.group()
        mark = not any(character.isalnum() for character in word)
        plain = fold(word)
        drawn_to = regex.split("['’]", plain)[0] in known.question_words  # "what's"
        telling = not mark and plain not in known.function_words and not drawn_to
        asks = drawn_to or plain in known.question_words
        found.append(_Word(word, plain, match.start(), match.end(), mark, telling, asks))
    return found

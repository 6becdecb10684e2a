"""What a message wants: to be looked up, or something else that is told by its words alone.

    SMALL_TALK   "hi", "thanks!", "who are you?": nothing but that
    EDIT         "shorter, please", "in German", "as a table": of the answer before
    COLLECTION   "which documents do you have", "what changed this week", "what did Anna write", "any PDFs on pumps?"
    NO_QUESTION  "??", "asdf": asks nothing, which `no_question` tells by the documents as well
    DOCUMENT     "summarise the minutes of February", "what does the Tallhed contract say"
    QUESTION     everything else, and whatever is in doubt

The rules ask for the whole message to be explained by the phrases of one language (`metier/text/languages`): a missed
intent is looked up like any question and does little harm, a wrong one takes an answer away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import regex

from metier.generation.base import Message
from metier.text.dates import TimeMention, take_times
from metier.text.detection import in_script_of, ranked
from metier.text.language import Language, words_of
from metier.text.phrase_cover import Cover, Span
from metier.text.phrases import PIECE, WORD, compose, expression, fold, searchable

_LONGEST = 300  # characters of a message that the rules look at
_LIKELIEST = 3  # languages whose longer rules are tried
_AUTHOR_WORDS = 4
_TOPIC_WORDS = 8
_TITLE_WORDS = 16
_MOST_WORDS = 14  # of "what did Anna write last week?"
_SENTENCE_END = regex.compile(r"(?<=(?<!\d)[.?!。？！।؟])\s+|\n+|(?<=[。？！])")  # "24. Februar" is one sentence
_ASKS = regex.compile(r"[?？؟]\s*$")


class Kind(StrEnum):
    SMALL_TALK = "small_talk"
    EDIT = "edit"
    COLLECTION = "collection"
    DOCUMENT = "document"
    NO_QUESTION = "no_question"
    QUESTION = "question"


@dataclass(frozen=True, slots=True)
class CollectionQuery:
    """What is asked about the collection. `count`: only how many. `author`, `recipient`, `folder`, `topic`: as they
    stand in the message. `change`: "changed", "added", "any" or "". `format`: a field of `[formats]`. `sort`: what
    kind of document, as it stands ("contracts"). `language`: code of that of the documents. `times`: all of them
    hold."""

    count: bool = False
    author: str = ""
    recipient: str = ""
    topic: str = ""
    change: str = ""
    folder: str = ""
    format: str = ""
    sort: str = ""
    language: str = ""
    latest: bool = False
    times: tuple[TimeMention, ...] = ()


@dataclass(frozen=True, slots=True)
class Intent:
    """`name`: which small talk (greeting, thanks, farewell, identity) or edit (shorter, longer, simpler, list, table,
    again, translate), or of DOCUMENT "summary" where one is asked for. `language`: code of the language whose rule
    fired, "" for QUESTION. `target`: of DOCUMENT, the words that name it; of an edit that translates, the code of the
    language. `collection`: of COLLECTION."""

    kind: Kind
    name: str = ""
    language: str = ""
    target: str = ""
    collection: CollectionQuery | None = None


QUESTION = Intent(Kind.QUESTION)
SMALL_TALK = ("farewell", "thanks", "identity", "greeting")
EDITS = ("translate", "table", "list", "shorter", "simpler", "longer", "again")


def classify(question: str, history: Sequence[Message] = (), languages: Sequence[Language] | None = None) -> Intent:
    """What a message wants. `history`: earlier turns, oldest first; an edit needs an answer among them. `languages`:
    those whose rules are tried, in this order; None = all there are."""
    text = compose(question).strip()
    if not text or len(text) > _LONGEST:
        return QUESTION
    words = words_of(text)
    spoken = ranked(text, in_script_of(text) if languages is None else _written(text, languages))
    answered = any(turn.role == "assistant" for turn in history)
    for language in spoken:
        if (found := _small_talk(text, words, language)) is not None:
            return found
    if answered:
        for language in spoken:
            if (found := _edit(text, words, language, spoken)) is not None:
                return found
    for language in spoken[:_LIKELIEST]:
        if (found := _collection(text, words, language, bool(history))) is not None:
            return found
    for language in spoken[:_LIKELIEST]:
        if (found := _document(text, words, language)) is not None:
            return found
    return QUESTION


def _written(text: str, languages: Sequence[Language]) -> list[Language]:
    known = {language.code: language for language in languages}
    return [known[language.code] for language in in_script_of(text, list(known))]


# --- small talk and edits ------------------------------------------------------------------------------------


def _small_talk(text: str, words: Sequence[str], language: Language) -> Intent | None:
    if not language.may_be(words, "small_talk", *SMALL_TALK, "filler"):
        return None
    name = _made_of(Cover(language, text), "small_talk", SMALL_TALK)
    return Intent(Kind.SMALL_TALK, name, language.code) if name else None


def _edit(text: str, words: Sequence[str], language: Language, spoken: Sequence[Language]) -> Intent | None:
    if not language.may_be(words, "edit", *EDITS, "filler"):
        return None
    name = _made_of(Cover(language, text), "edit", EDITS)
    if not name:
        return None
    return Intent(Kind.EDIT, name, language.code, _target_language(text, language) if name == "translate" else "")


def _made_of(cover: Cover, section: str, names: Sequence[str]) -> str:
    """The first of `names` of which there is a phrase, where phrases and fillers of the section are the whole text."""
    language, words = cover.language, cover.free()
    said = [words[start:end] for start, end in cover.take(section, *names, "filler")]
    if not cover.complete:
        return ""
    for name in names:
        phrases = language.expression(section, name)
        if any(phrases.fullmatch(part) for part in said):
            return name
    return ""


def _target_language(text: str, language: Language) -> str:
    words = searchable(text)
    for code, names in language.names.items():
        if regex.search(expression(names, spaced=language.spaced), words):
            return code
    return ""


# --- the collection ------------------------------------------------------------------------------------------


def _collection(text: str, words: Sequence[str], language: Language, follows: bool) -> Intent | None:
    short = len(words) <= _MOST_WORDS and language.may_hold(words, "collection", "changed_alone", "by_alone")
    named = language.may_hold(words, "collection", "list", "any")
    if not short and not named:
        return None
    cover = Cover(language, text)
    times = tuple(take_times(cover))
    query = (_changes(cover, times, follows) or _writings(cover, times)) if short else None
    if query is None and named:
        query = _documents(cover, times)
    return Intent(Kind.COLLECTION, language=language.code, collection=query) if query is not None else None


def _changes(cover: Cover, times: tuple[TimeMention, ...], follows: bool) -> CollectionQuery | None:
    """ "What is new?", "what changed this week?": no document is named. Without a time it may ask about what was spoken
    of before."""
    if (follows and not times) or _names_something(cover):
        return None
    trial = cover.copy()
    if not trial.take("collection", "changed_alone", across=True):
        return None
    trial.take("calendar", "recently")
    trial.take("slots", "documents", "have")
    trial.take("collection", "filler")
    return CollectionQuery(change="any", times=times) if trial.complete else None


def _names_something(cover: Cover) -> bool:
    """ "What changed in the terms of delivery?": whether a word is left that speaks neither of change nor of documents
    at large; between the words of a phrase any may stand."""
    language = cover.language
    if not language.spaced:
        return False  # no word stands between them there
    trial = cover.copy()
    trial.take("collection", "changed", "added", "filler", "show")
    trial.take("slots", "documents", "have")
    trial.take("calendar", "recently")
    left = words_of(" ".join(trial.text[slice(*span)] for span in trial.rest()))
    return not language.own_words("collection", "changed_alone") >= set(left) - language.function_words


def _writings(cover: Cover, times: tuple[TimeMention, ...]) -> CollectionQuery | None:
    """ "What did Anna write last week?" """
    match = cover.language.expression("collection", "by_alone").fullmatch(cover.free(" ").rstrip(" ."))
    if match is None:
        return None
    author = cover.text[slice(*match.span("author"))].strip()
    return CollectionQuery(author=author, times=times) if _is_name(author, cover.language) else None


def _is_name(words: str, language: Language) -> bool:
    """A person's or firm's name is short and begins with no function word but an article."""
    parts = words_of(words) if language.spaced else [words]
    if not 0 < len(parts) <= _AUTHOR_WORDS or len(words) > 60:
        return False
    if not language.spaced:
        return not language.finds(words, "words", "question")
    return not any(part in language.question_words for part in parts) and parts[0] not in language.word_set(
        "follow_up", "pronoun"
    )


def _is_named(words: str, language: Language) -> bool:
    """The same after a mere preposition, where anything may stand: in scripts with capitals a name has one."""
    cased = any(character.isupper() or character.islower() for character in words)
    return _is_name(words, language) and (not cased or _capitalised(words, language))


def _capitalised(words: str, language: Language) -> bool:
    """ "Ursula von der Leyen": words with a capital, and function words between them."""
    parts = WORD.findall(words)
    small = [word for word in parts if not word[0].isupper()]
    return len(small) < len(parts) and all(fold(word) in language.function_words for word in small)


def _documents(cover: Cover, times: tuple[TimeMention, ...]) -> CollectionQuery | None:
    """ "Which documents ...": a word for documents, what may be said of them, and nothing else."""
    language = cover.language
    folders = [cover.text[slice(*match.span("folder"))] for match in _matches(cover, "folder")]
    latest = bool(cover.take("calendar", "recently"))
    counts = cover.take("collection", "count", across=True)
    anything = [] if counts else cover.take("collection", "any", across=True)
    lists = cover.take("collection", "list", across=True)
    if not (counts or anything or lists):
        return None
    heads = [*counts, *anything, *lists]
    nouns = searchable(" ".join(cover.text[start:end] for start, end in heads))
    has = cover.take("slots", "have")
    changed, added = bool(cover.take("collection", "changed")), bool(cover.take("collection", "added"))
    written = _written_in(cover)
    recipients = _slots(cover, "to", _AUTHOR_WORDS)
    people = _slots(cover, "by", _AUTHOR_WORDS)
    topics = _slots(cover, "about", _TOPIC_WORDS)
    cover.take("collection", "by_ending")
    listed = bool(cover.take("collection", "show")) or _listing(cover, heads)
    cover.take("collection", "filler")
    if not topics and has and (kind := _kind_before(cover, lists)):
        topics = [kind]
    said = bool(topics or people or folders or recipients or times or latest or changed or added or written)
    if not cover.complete or not (said or has or counts or listed):
        return None
    if any(not _is_named(person, language) for person in (*people, *recipients)):
        return None
    return CollectionQuery(
        count=bool(counts),
        author=people[0] if people else "",
        recipient=recipients[0] if recipients else "",
        folder=folders[0] if folders else "",
        topic=topics[0] if topics else "",
        change="any" if changed and added else "changed" if changed else "added" if added and not latest else "",
        format=_format(nouns, language),
        sort=_sort(nouns, language),
        language=written,
        latest=latest and not times,
        times=times,
    )


def _matches(cover: Cover, name: str) -> list[regex.Match[str]]:
    """Whole phrases with what is filled in, covered."""
    found = list(cover.language.expression("collection", name).finditer(cover.free()))
    for match in found:
        cover.mark(match.span())
    return found


def _kind_before(cover: Cover, nouns: Sequence[Span]) -> str:
    """ "Which | safety | documents do you have": the only words that are not explained, right before the noun."""
    rest = cover.rest()
    if len(rest) != 1 or len(PIECE.findall(cover.text[slice(*rest[0])])) > 3 or not cover.language.spaced:
        return ""
    start, end = rest[0]
    if not any(end < noun[0] and not cover.text[end : noun[0]].strip() for noun in nouns):
        return ""
    cover.mark((start, end))
    return cover.text[start:end]


def _listing(cover: Cover, heads: Sequence[Span]) -> bool:
    """Whether more than a bare word for documents was said ("list the documents", "your files")."""
    nouns = cover.language.slots("collection")["documents"]
    bare = regex.compile(expression(nouns, cover.language.slots("collection"), spaced=cover.language.spaced))
    said = searchable(" ".join(cover.text[start:end] for start, end in heads)).strip()
    return bare.fullmatch(said) is None


def _slots(cover: Cover, name: str, longest: int) -> list[str]:
    """What stands after a preposition ("about | fire drills") or before a postposition, up to what is explained
    already. Marks both."""
    found: list[str] = []
    phrases = cover.language.listed("collection", name)
    for before in (True, False):
        stripped = [
            "".join(phrase.split("{")[0 if before else 1].split("}")[-1:]).strip()
            for phrase in phrases
            if "{" in phrase and phrase.endswith("}") == before
        ]
        if not stripped:
            continue
        marker = regex.compile(expression(stripped, cover.language.slots("collection"), spaced=cover.language.spaced))
        for match in marker.finditer(cover.free()):
            if any(cover.covered[match.start() : match.end()]):
                continue
            span = _free_after(cover, match.end()) if before else _free_before(cover, match.start())
            words = _trimmed(cover, span)
            if words and 0 < len(words_of(words)) <= longest and len(words) <= 15 * longest:
                cover.mark((min(span[0], match.start()), max(span[1], match.end())))
                found.append(words)
    return found


def _free_after(cover: Cover, start: int) -> Span:
    end = start
    while end < len(cover.text) and not cover.covered[end]:
        end += 1
    return start, end


def _free_before(cover: Cover, end: int) -> Span:
    start = end
    while start > 0 and not cover.covered[start - 1]:
        start -= 1
    return start, end


def _trimmed(cover: Cover, span: Span) -> str:
    """The words of a span without fillers and punctuation at its ends; "" where nothing else is there."""
    part = Cover(cover.language, cover.text[slice(*span)])
    part.take("collection", "filler")
    rest = part.rest()
    return part.text[rest[0][0] : rest[-1][1]] if rest else ""


def _written_in(cover: Cover) -> str:
    """Code of the language that documents are said to be in."""
    before = "|".join(cover.language.listed("collection", "in_language"))
    for code, names in cover.language.names.items():
        phrases = [f"{before}? {name}" if before else name for name in names]
        for match in regex.finditer(expression(phrases, spaced=cover.language.spaced), cover.free()):
            cover.mark(match.span())
            return code
    return ""


def _format(nouns: str, language: Language) -> str:
    for name in language.phrases.get("formats", {}):
        if language.expression("formats", name).search(nouns):
            return name
    return ""


def _sort(nouns: str, language: Language) -> str:
    match = language.expression("kinds", "words").search(nouns)
    return match.group() if match else ""


# --- one document --------------------------------------------------------------------------------------------


def _document(text: str, words: Sequence[str], language: Language) -> Intent | None:
    if not language.may_hold(words, "document", "summary", "contents"):
        return None
    sentences = [part for part in _SENTENCE_END.split(text) if part and part.strip()]
    found = [_named(sentence, language) for sentence in sentences]
    named = [title for title in found if title]
    others = [sentence for sentence, title in zip(sentences, found, strict=True) if not title]
    if len(named) != 1 or any(_ASKS.search(sentence) for sentence in others) or len(others) > 2:
        return None
    name = "summary" if Cover(language, text).take("document", "summary") else ""
    return Intent(Kind.DOCUMENT, name, language=language.code, target=named[0])


def _named(sentence: str, language: Language) -> str:
    """The words that name the document whose contents or summary is asked for; "" where none is."""
    cover = Cover(language, sentence)
    words = cover.free().rstrip(" .")
    start = max([0, *(span[1] for span in _openers(cover))])
    match = language.expression("document", "contents").fullmatch(words, pos=start)
    match = match or language.expression("document", "contents").fullmatch(words.lstrip())
    if match is not None:
        offset = len(words) - len(words.lstrip()) if match.string != words else 0
        title = _title(Cover(language, cover.text[match.start("title") + offset : match.end("title") + offset]))
    elif cover.take("document", "summary"):
        title = _title(cover)
    else:
        return ""
    named = words_of(title)
    asks = language.question_words.intersection(named) and not take_times(Cover(language, title))
    return title if len(named) <= _TITLE_WORDS and not asks else ""


def _openers(cover: Cover) -> Iterator[Span]:
    """Fillers at the beginning ("can you tell me"), one after the other."""
    at = len(cover.text) - len(cover.text.lstrip())
    opener = cover.language.expression("document", "filler")
    while (match := opener.match(cover.free(), pos=at)) is not None and match.end() > at:
        at = match.end()
        while at < len(cover.text) and not cover.text[at].isalnum():
            at += 1
        yield match.start(), at


def _title(cover: Cover) -> str:
    """What no phrase explains, from the first such word to the last, fillers between them included."""
    cover.take("document", "filler")
    rest = cover.rest()
    return cover.text[rest[0][0] : rest[-1][1]] if rest else ""

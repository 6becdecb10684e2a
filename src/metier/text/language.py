"""All that Métier knows of a language, in one file each: `metier/text/languages/CODE.toml`.

Adding a language is adding its file. Every field may be left out: a rule without words does not fire, and what is said
to the user is then said in English. A list of words is a string split on white space or an array; an array of phrases
is written as `metier/text/phrases.py` tells. The words are a native speaker's, in their usual spelling. The little that
is known of languages without a file is in `metier/text/other_languages.toml`, with the same fields.

    code, autonym, english   "de", "Deutsch", and, where `[names]` of the English file does not say it, "German"
    script                   Unicode's name of it, "Latin" where it is left out
    spaced                   false where no spaces are written between words
    noun_capitals            true where every noun has a capital, which then tells no name
    stemmer                  name of the Snowball algorithm
    refusal                  what is said where the documents hold no answer
    yes, no, maybe           decisions; the first word of each is the one that is shown
    [names]                  code to what the languages are called in this one ("in German")
    [words]                  function (stop words and question words), question, negation, article, comparison,
                             alternative ("or"), conjunction ("and"), clause (words that join clauses), title ("Mrs");
                             lacking ("without"), exception ("except"), condition ("until": "not until" denies nothing),
                             whose: what stands between a thing and whose it is ("of"), whose_behind: the same where the
                             thing comes last ("'s"); "*ов", "ال*": an ending or beginning that says so alone; copula:
                             what may stand between a thing and how much it is ("is");
                             second_of_two ("nor"), no_denial (phrases with a negation that deny nothing), reversing
                             (prefixes that turn a word round: "un"), versus; per ("a", "each"); where words have no
                             spaces between them, compared_with and after_compared: between two things that are compared
                             and behind the second
    [numbers]                words: "one 1, two 2, …"; scale: those that multiply a number ("million 1e6"); decimal: the
                             mark, "." where it is left out; thousands: " " where a space parts them; minus; to ("5 to 8
                             mm"), between ("between 5 and 8"); place: what a number behind it points at ("page 4"),
                             number_mark: what may stand between ("page no. 4"); unit_before: units that are written
                             before their number; ordinal ("1st"); of ("3rd of May"); clock ("14.30 Uhr"); no_month:
                             months that are words as well ("march"); only_graded, not_graded: units that only the exam
                             reads, or all but the exam: often they are none
    [arithmetic]             about ("nearly 40"), plus, minus, times, divided, equals; computing: beginnings of words
                             that speak of a result ("total", "differ"), rate: whole words that do ("per")
    [calendar]               months (12 lists), weekdays, today, yesterday, this_week, … ; {n} is a number
    [opposites]              pairs: two words a line
    [small_talk]             greeting, thanks, farewell, identity; filler: words that may stand beside them
    [message]                courtesy: phrases of sentences that only are polite ("sorry to bother you"); introduction:
                             what sentences begin with that only say who writes ("my name is"); request: beginnings of
                             sentences that ask without a question mark ("tell me")
    [replies]                what is answered to each, and to what asks nothing: no_question; {name} is the expert's
                             name
    [follow_up]              lead: words that open a question which leans on the one before; about: openings of "and
                             for the other one?"; pronoun, not_pronoun: phrases in which a pronoun points to nothing
    [edit]                   shorter, longer, simpler, list, table, again, translate ({language}); filler
    [document]               summary, contents ({title}); filler
    [slots]                  words that phrases name in braces: documents, have, sources
    [collection]             list, count, any, changed, added, by ({author}), about ({topic}); filler;
                             in_language: prepositions before a language ("in German")
    [formats], [kinds]       what files and sorts of documents are called
    [catalog]                texts of answers about the collection
    [pictures]               how the description of a picture begins: figure, figure_on_page, scan_of_page; described
    [decline]                how a model says that the sources hold no answer; sorry: sentences that may stand before
    [lead_in]                phrases that state nothing ("here are the steps")
    [asks]                   list: phrases of questions that want steps or a list; answer_with: words that ask to be
                             answered with one of what is named ("answer", "choose"); answer_filler: words beside them
                             ("only", "one"); where words have no spaces between them, what stands before or behind
                             what is named; with_joined: "with" where it is written together with the word behind it
    [sentences]              abbreviation: what ends no sentence with its stop ("approx"); before_number: the same only
                             before a number ("No. 5"); may_end: short words that a sentence may end in, which no other
                             rule may take for an abbreviation ("etc"); joint: words between two statements; source:
                             what a mark of a source in brackets begins with ("see")
    [forms]                  ending: expression of what hardly ever makes another word of one of ending_least letters;
                             bare_least: letters of a word that is meant, too, where one with an ending is asked for;
                             prefix, prefix_least: the same before a word; article: a prefix that may be left out;
                             turning: prefixes that make another word, beside `reversing` ("mis"); plural: expression of
                             the end of one
    [files]                  question, answer, document, page, text, label, context: names of columns; heading: of a
                             style ("Heading 1"); caption: what one begins with, before its number ("Fig."); untitled:
                             titles that programs give ("Document", also with a number); issuer: words for states and
                             agencies, whose names stand above titles ("ministry")
    [question_templates]     how a question is put by rule. {key}: what names a row; {column}: as it stands, so that no
                             ending or article may hang on it. cell: the first is asked, the others say it differently;
                             amount: before them where the cell is a number; claim ({value}: is it so?), comparison (of
                             {one} and {other}), definition ({article}, {term}), section ({title}, {heading}). Where the
                             name of a column that is a noun phrase can stand in the sentence: noun_cell, plural_cell,
                             person_cell, noun_claim, plural_claim, noun_comparison; unit ({column} in {unit})
    [query_templates]        how a table is asked by rule, of each kind of query (synthesis/sql_pairs.py) some wordings.
                             {row}, {rows}: its name; {column}; {which}: a condition (with_value, of_row, with_more,
                             with_less, in_year) or nothing; {name}: of a row; {number}; {group}. plurals: endings of a
                             name with those of its plural
    [tables]                 total: a row of sums begins so; open: a name that ends so goes on in the next line; empty:
                             what says that a cell holds nothing; number_name: a column whose numbers name something
                             ends so ("part no"), number_name_first: begins so; no_noun_first, no_noun_last, no_noun:
                             what the name of a column begins with, ends in, or is, where it is no noun phrase;
                             complement: behind its head noun ("height of the tower"); person: nouns for people; label:
                             a column that names the rows is called so, of a person where person_name is in its name
                             ("first", "last"); any_table: words of a table's name that tell nothing ("info", "log")
    [query]                  of questions on tables. filler; weak: words that say little ("located") and name no value;
                             things: nouns for whatever a table is of ("items");
                             count, times ("how often"), amount ("how much"), extent ("how many years"), total,
                             takings (money that is summed up: "turnover"), average, different; most, least,
                             superlative (words that are one), ordinals (from the second on, "second|2nd"), ordering
                             ("biggest first"),
                             comparative, than, lesser (turns an adjective round: "less dear than"); more,
                             less, at_least, at_most before a number, more_behind, less_behind, at_least_behind,
                             at_most_behind behind it; between before or between_behind behind two of them, to (what
                             joins them beside `to` of `[numbers]`); each, by before what rows are grouped by,
                             each_behind behind it; year, month; which_period ("in which year"); difference, change,
                             percentage, together (of the cells of a row), movement (words beside them that name no row:
                             "rose"); people, days, places (question words); stock: that something is there ("do we
                             have"); joined: beginnings of words that are words of their own ("l'", "durchschnitts")
    [measures]               what is measured, by a name of our own: what columns of it are called, the likeliest first,
                             then adjectives of more and of less of it ("dear", "cheap"); "*": whatever the ending
    [synonyms]               words: on each line those of which one may stand for another in what tables and columns
                             are called; "_" joins two that are one there ("phone_number")
    [versions]               of documents: replaces, replaced_by, before or behind what they name
    [statements]             in text that questions are written from. remark: keys of lines that tell no fact ("Note");
                             article: what a definition begins with, as it is written; definition: what stands between a
                             term and what it is ("is a"); not_in_term: what no term holds, where there are no spaces;
                             pointing: beginnings of sentences that point at what was said before
    [context_dependence]     of questions that lean on another text. text: what it or a part of it is called; phrases
                             ("this {text}"); pronoun: anywhere, pronoun_first: among the first four words, not_pronoun:
                             but not here, pronoun_last: at the end
    [planted_errors]         units: words of one kind, any of which can stand for another; verb: what can be denied,
                             last_verb: only where it ends the sentence; negation_before or negation_behind them;
                             affirmed: what denies in one word, and its opposite ("cannot can")
    [labels]                 of answers that give one of several labels. yes, no: what else decides there, beside the
                             first of `yes` and `no` above; everyday: labels that are words of other sentences, too;
                             denies, denies_after: words before and behind a label that is not meant; whether: words
                             that only hold a label; introduction: what may stand before one ("the answer is")
    [units]                  what units are called, by the symbol for them in `text/units.toml` or, for the exam,
                             `text/compound_units.json`; "k-": the prefix ("kilo"), "^2": the power ("square")
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import regex

from metier.core.errors import SettingsError
from metier.text.phrases import PIECE, WORD, compose, expression, fold, searchable

FOLDER = Path(__file__).parent / "languages"
OTHERS = Path(__file__).with_name("other_languages.toml")
# Sections of words that are spelled for one rule alone and are no running text.
SPELLINGS = frozenset({"numbers", "sentences", "files", "labels", "units", "tables", "statements"})
SPELLINGS |= {"context_dependence", "planted_errors"}

Phrases = tuple[str, ...]


@dataclass(frozen=True)
class Language:
    """One language. Words are as their file has them; `word_set` and `find` compare without case and accents.

    `phrases`: section and field to phrases, `slots` included (`language.phrases["edit"]["shorter"]`).
    `numbers`: number words, folded, to numbers. `months`: twelve tuples of names. `opposites`: pairs, folded.
    `scales`: words that multiply a number, as they are written. `forms`: see the section. `spaced`: whether words are
    written with spaces between them. `known`: whether there is a file for it. `question_templates`,
    `query_templates`: see the sections.
    """

    code: str
    autonym: str = ""
    english: str = ""
    known: bool = False
    script: str = "Latin"
    spaced: bool = True
    capitalises_nouns: bool = False
    stemmer: str = ""
    refusal: str = ""
    yes: Phrases = ()
    no: Phrases = ()
    maybe: Phrases = ()
    names: Mapping[str, Phrases] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    scales: Mapping[str, float] = field(default_factory=dict)
    decimal: str = "."
    thousands: str = ""
    forms: Mapping[str, str] = field(default_factory=dict)
    months: tuple[Phrases, ...] = ()
    opposites: tuple[tuple[str, str], ...] = ()
    question_templates: Mapping[str, Phrases] = field(default_factory=dict)
    query_templates: Mapping[str, Phrases] = field(default_factory=dict)
    phrases: Mapping[str, Mapping[str, Phrases]] = field(default_factory=dict)
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @staticmethod
    def of(code: str, folder: Path = FOLDER) -> Language:
        """The language of a BCP-47 code, with few words or none where there is no file for it."""
        return _load(code.split("-")[0].lower(), folder)

    # --- single words ----------------------------------------------------------------------------------------

    @cached_property
    def english_name(self) -> str:
        """What it is called in English; what it calls itself where that is not known."""
        return next(iter(Language.of("en").names.get(self.code, ())), self.english or self.autonym)

    @cached_property
    def function_words(self) -> frozenset[str]:
        """Stop words, question words, pronouns and negations, folded."""
        return self.word_set("words", "function") | self.word_set("words", "question")

    @cached_property
    def question_words(self) -> frozenset[str]:
        return self.word_set("words", "question")

    @cached_property
    def negations(self) -> frozenset[str]:
        """Folded; in a language without spaces they are to be looked for anywhere."""
        return self.word_set("words", "negation")

    @cached_property
    def opposites_of(self) -> Mapping[str, frozenset[str]]:
        """Folded word to the words that mean the opposite."""
        found: dict[str, set[str]] = {}
        for first, second in self.opposites:
            found.setdefault(first, set()).add(second)
            found.setdefault(second, set()).add(first)
        return {word: frozenset(others) for word, others in found.items()}

    def word_set(self, section: str, name: str) -> frozenset[str]:
        return frozenset(fold(compose(word)) for word in self.listed(section, name))

    # --- phrases ---------------------------------------------------------------------------------------------

    def listed(self, section: str, name: str) -> Phrases:
        """The phrases as they are written; none where the file has no such field."""
        return self.phrases.get(section, {}).get(name, ())

    def expression(self, section: str, *names: str) -> regex.Pattern[str]:
        """Finds any phrase of these fields in `phrases.searchable` text; matches nothing where there is none."""
        return self._expressions(section, names)

    @cached_property
    def _expressions(self) -> Callable[[str, tuple[str, ...]], regex.Pattern[str]]:
        @cache
        def compiled(section: str, names: tuple[str, ...]) -> regex.Pattern[str]:
            phrases = [phrase for name in names for phrase in self.listed(section, name)]
            return regex.compile(expression(phrases, self.slots(section), spaced=self.spaced))

        return compiled

    def slots(self, section: str) -> dict[str, Sequence[str]]:
        """What may stand in braces in phrases of a section: its own fields, `[slots]`, and {language}."""
        languages = [name for names in self.names.values() for name in names]
        found = {"language": languages, **self.phrases.get("slots", {}), **self.phrases.get(section, {})}
        if section == "collection":  # a kind of file or of document stands for documents, too
            found["documents"] = [*found.get("documents", ()), *self.document_nouns]
        return found

    @cached_property
    def document_nouns(self) -> Phrases:
        """What files and sorts of documents are called."""
        formats = [phrase for phrases in self.phrases.get("formats", {}).values() for phrase in phrases]
        return (*formats, *self.listed("kinds", "words"))

    def may_hold(self, words: Collection[str], section: str, *names: str) -> bool:
        """Whether any of `words` (folded) that is no function word may belong to a phrase of these fields: a quick look
        that spares compiling the expressions of languages and intents that a text is not of. Always true where words
        are written without spaces."""
        if not self.spaced:
            return True
        known, prefixes = self._vocabulary(section, names)
        telling = [word for word in words if word not in self.function_words]
        return any(word in known or word.startswith(prefixes) for word in telling)

    def may_be(self, words: Collection[str], section: str, *names: str) -> bool:
        """Whether all of `words` (folded) may belong to phrases of these fields."""
        if not self.spaced:
            return True
        known, prefixes = self._vocabulary(section, names)
        return all(word in known or word.startswith(prefixes) for word in words)

    @cached_property
    def _vocabulary(self) -> Callable[[str, tuple[str, ...]], tuple[frozenset[str], tuple[str, ...]]]:
        @cache
        def vocabulary(section: str, names: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
            slots = self.slots(section)
            tokens = {
                part.rstrip("?")
                for name in names
                for phrase in self.listed(section, name)
                for token in phrase.split()
                for part in token.split("|")
            }
            named = {
                part.rstrip("?")
                for token in tokens
                if token.startswith("{")
                for phrase in slots.get(token.strip("{}"), ())
                for word in phrase.split()
                for part in word.split("|")
            }
            plain = {fold(compose(token)) for token in tokens | named if not token.startswith(("{", "*", "…"))}
            whole = {token for token in plain if "*" not in token}
            words = frozenset(piece for token in whole for piece in (*words_of(token), *PIECE.findall(token)))
            return words, tuple(token.split("*")[0] for token in plain if "*" in token)

        return vocabulary

    def own_words(self, section: str, name: str) -> frozenset[str]:
        """The words of the phrases of a field themselves, folded, without those of slots."""
        tokens = (token for phrase in self.listed(section, name) for token in phrase.split() if "{" not in token)
        return frozenset(piece for token in tokens for piece in PIECE.findall(fold(compose(token))))

    def finds(self, text: str, section: str, *names: str) -> bool:
        """Whether any phrase of these fields is in `text`."""
        return bool(self.expression(section, *names).search(searchable(compose(text))))

    # --- what is said ----------------------------------------------------------------------------------------

    def text_lines(self, section: str, name: str) -> list[str]:
        """The lines of a text of words, as the file has them."""
        return [line for line in self.texts.get(section, {}).get(name, "").splitlines() if line.strip()]

    def text(self, section: str, name: str) -> str:
        """A text for the user; English where this language has none."""
        return self.texts.get(section, {}).get(name) or Language.of("en").texts[section][name]

    def language_named(self, name: str) -> str:
        """Code of the language that is called `name` in this one or in itself; "" if there is none."""
        wanted = fold(compose(name))
        for code, names in self.names.items():
            if wanted in map(fold, map(compose, names)):
                return code
        return ""

    def __hash__(self) -> int:
        return hash(self.code)


@lru_cache(maxsize=8)
def codes(folder: Path = FOLDER) -> tuple[str, ...]:
    """Of the languages that there are files for, English first."""
    return tuple(sorted((path.stem for path in folder.glob("*.toml")), key=lambda code: (code != "en", code)))


def all_languages(folder: Path = FOLDER, first: str = "en") -> tuple[Language, ...]:
    """Every language that there is a file for; that of the BCP-47 code `first` first."""
    own = first.split("-")[0].lower()
    return tuple(Language.of(code, folder) for code in sorted(codes(folder), key=lambda code: code != own))


def code_named(name: str) -> str:
    """Code of the language that is called `name` in itself or in any other; "" if there is none."""
    wanted = fold(compose(name.strip()))
    for language in known_languages():
        if wanted in map(fold, map(compose, (language.autonym, language.english_name))):
            return language.code
    return next((code for each in all_languages() if (code := each.language_named(name.strip()))), "")


@lru_cache(maxsize=1)
def known_languages() -> tuple[Language, ...]:
    """Every language of which anything is known: those with a file, then the others."""
    return (*all_languages(), *map(Language.of, _others()))


@lru_cache(maxsize=64)
def in_any_language(section: str, name: str) -> Phrases:
    """The phrases of a field in all languages, for what is told apart by the word itself: a title, "without"."""
    return tuple(dict.fromkeys(phrase for each in known_languages() for phrase in each.listed(section, name)))


def single_words(section: str, *names: str) -> tuple[str, ...]:
    """Those of the phrases of fields in all languages that are one word."""
    return tuple(phrase for name in names for phrase in in_any_language(section, name) if " " not in phrase)


@lru_cache(maxsize=64)
def words_in_any_language(section: str, name: str) -> frozenset[str]:
    """The same as single words, folded."""
    return frozenset(fold(compose(phrase)) for phrase in in_any_language(section, name))


def words_of(text: str) -> list[str]:
    """The words of `text`, folded: letters and digits of any script with what hyphens and apostrophes join."""
    return WORD.findall(fold(compose(text)))


# --- reading a file ------------------------------------------------------------------------------------------

_TEXTS = ("replies", "catalog", "pictures")
_OWN = ("names", "opposites", "forms", "question_templates", "query_templates", "synonyms", *_TEXTS)
_NO_PHRASES = {"calendar": {"months"}, "numbers": {"words", "scale", "decimal", "thousands"}}


@lru_cache(maxsize=256)
def _load(code: str, folder: Path) -> Language:
    path = folder / f"{code}.toml"
    known = path.is_file()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8")) if known else _others().get(code, {})
        return _language(code, data, known)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, ValueError, AttributeError) as error:
        raise SettingsError(f"is no language file: {error}", where=str(path)) from None


@lru_cache(maxsize=1)
def _others() -> Mapping[str, Any]:
    """Code to what is known of a language without a file."""
    return tomllib.loads(OTHERS.read_text(encoding="utf-8"))


def _language(code: str, data: Mapping[str, Any], known: bool) -> Language:
    sections = {name: value for name, value in data.items() if isinstance(value, dict)}
    phrases = {
        name: {key: tuple(_listed(value)) for key, value in section.items() if key not in _NO_PHRASES.get(name, ())}
        for name, section in sections.items()
        if name not in _OWN
    }
    numbers = sections.get("numbers", {})
    return Language(
        code=code,
        autonym=str(data.get("autonym", "")),
        english=str(data.get("english", "")),
        known=known,
        script=str(data.get("script", "Latin")),
        spaced=bool(data.get("spaced", True)),
        capitalises_nouns=bool(data.get("noun_capitals", False)),
        stemmer=str(data.get("stemmer", "")),
        refusal=str(data.get("refusal", "")),
        yes=tuple(_listed(data.get("yes", ()))),
        no=tuple(_listed(data.get("no", ()))),
        maybe=tuple(_listed(data.get("maybe", ()))),
        names={key: tuple(_listed(value)) for key, value in sections.get("names", {}).items()},
        numbers={fold(word): number for word, number in _numbers(numbers.get("words", ""))},
        scales=dict(_numbers(numbers.get("scale", ""))),
        decimal=str(numbers.get("decimal", ".")),
        thousands=str(numbers.get("thousands", "")),
        forms={key: compose(str(value)) for key, value in sections.get("forms", {}).items()},
        months=tuple(tuple(_listed(month)) for month in sections.get("calendar", {}).get("months", ())),
        opposites=tuple(_pairs(sections.get("opposites", {}).get("pairs", ""))),
        question_templates={key: tuple(value) for key, value in sections.get("question_templates", {}).items()},
        query_templates={key: tuple(value) for key, value in sections.get("query_templates", {}).items()},
        phrases=phrases,
        texts={
            name: {key: str(text) for key, text in sections.get(name, {}).items()} for name in (*_TEXTS, "synonyms")
        },
    )


def _listed(value: str | Sequence[str]) -> Sequence[str]:
    return value.split() if isinstance(value, str) else [str(phrase) for phrase in value]


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if len(pair := fold(compose(line)).split()) == 2:
            yield pair[0], pair[1]


def _numbers(text: str) -> Iterator[tuple[str, float]]:
    for entry in filter(str.strip, text.replace("\n", " ").split(",")):
        word, number = entry.rsplit(maxsplit=1)
        yield compose(word.strip()), float(number)

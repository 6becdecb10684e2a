"""How a question is put that no model writes, by language.

Column names and keys are put in as they stand, so a template must need no ending, article or gender from them: where a
language inflects, the column is quoted. A language without a template gets `WT-07 – Rated power?`.
"""

from __future__ import annotations

import regex

# {key}: what names the row, {column}: the column's name. The first is the question, the others say it differently.
_CELLS = {
    "bn": ("{key}-এর {column} কী?", "“{column}”: {key}-এর জন্য কী লেখা আছে?"),
    "hi": ("{key} के लिए “{column}” क्या है?", "{key} के सामने “{column}” में क्या लिखा है?"),
    "ar": ("ما المذكور تحت «{column}» بالنسبة إلى {key}؟", "بالنسبة إلى {key}، ماذا ورد تحت «{column}»؟"),
    "zh": ("{key}的{column}是什么？", "请问{key}的{column}？"),
    "ja": ("{key}の{column}は何ですか？", "{key}の{column}を教えてください。"),
    "es": ("¿Qué figura como «{column}» para {key}?", "Para {key}, ¿qué se indica en «{column}»?"),
    "fr": ("Qu’est-il indiqué sous « {column} » pour {key} ?", "Pour {key}, que trouve-t-on sous « {column} » ?"),
    "de": ("Was ist für {key} unter „{column}“ angegeben?", "{key}: Was steht unter „{column}“?"),
    "pt": ("O que consta em “{column}” para {key}?", "Para {key}, o que se indica em “{column}”?"),
    "ru": ("Что указано в графе «{column}» для {key}?", "{key}: что стоит в графе «{column}»?"),
    "id": ("Apa {column} dari {key}?", "Untuk {key}, apa yang tertulis di “{column}”?"),
    "sw": ("Kwa {key}, “{column}” ni nini?", "Nini kimeandikwa chini ya “{column}” kwa {key}?"),
}
_AMOUNTS = {"bn": ("{key}-এর {column} কত?",), "zh": ("{key}的{column}是多少？",)}
_NEUTRAL = ("{key} – {column}?",)

_DEFINE = {
    "en": "What is {term}?", "de": "Was ist {term}?", "es": "¿Qué es {term}?", "fr": "Qu’est-ce que {term} ?",
    "pt": "O que é {term}?", "id": "Apa itu {term}?", "ru": "Что такое {term}?", "zh": "什么是{term}？",
    "ja": "{term}とは何ですか？", "bn": "{term} কী?", "hi": "{term} क्या है?", "ar": "ما هو {term}؟",
    "sw": "{term} ni nini?",
}  # fmt: skip

_SECTION = {
    "en": "What does “{title}” say about “{heading}”?",
    "bn": "“{heading}” সম্পর্কে “{title}”-এ কী লেখা আছে?",
    "hi": "“{heading}” के बारे में “{title}” में क्या लिखा है?",
    "ar": "ماذا يرد في «{title}» عن «{heading}»؟",
    "zh": "《{title}》中关于“{heading}”是怎么写的？",
    "ja": "「{title}」には「{heading}」についてどう書かれていますか？",
    "es": "¿Qué dice «{title}» sobre «{heading}»?",
    "fr": "Que dit « {title} » sur « {heading} » ?",
    "de": "Was steht in „{title}“ zu „{heading}“?",
    "pt": "O que diz “{title}” sobre “{heading}”?",
    "ru": "Что сказано в «{title}» о разделе «{heading}»?",
    "id": "Apa yang tertulis di “{title}” tentang “{heading}”?",
    "sw": "“{title}” inasema nini kuhusu “{heading}”?",
}

_ENGLISH_QUOTED = ("For {key}, what is listed under “{column}”?", "What does {key} have under “{column}”?")
# Column names that are no noun phrase: with a preposition at either end, a question, or a word for how a thing is.
_NO_NOUN = regex.compile(
    r"(?:in|on|at|by|for|to|from|with|per|as)\b.*|(?:.*\s)?(?:at|by|for|from|in|of|on|to|until|upto|with|within|after|before|per|no|nr|not?es?|remarks?|comments?)"
    r"|(?:what|when|where|who|whom|which|why|how|is|are|has|can|must|may|if|not)\b.*"
    r"|\p{L}+(?:ed|ly|ble|ful|ous)|fits|due|early|late|open|valid|new|old|first|last|next|yes|active|free|used.*",
    regex.IGNORECASE,
)
_PERSON = regex.compile(
    r"(?:.*\s)?(?:manager|owner|author|inspector|supervisor|leader|chairman|chair|officer|responsible person"
    r"|contact person|deputy|foreman|head)",
    regex.IGNORECASE,
)
_UNIT = regex.compile(r"(.+) (kg|g|t|mm|cm|m|km|l|EUR|USD|GBP|SEK|CHF|INR|BDT|JPY|CNY|bar|Nm|kN|kW|kWh|MW|V|A|Hz|°C|%)")
_PLURAL = regex.compile(r".*(?<![suio'])s", regex.IGNORECASE)
_AMOUNT = regex.compile(r"[-+−]?\p{N}")


def cell(language: str, key: str, column: str, value: str) -> tuple[str, ...]:
    """Questions for one cell of a table, the one to ask first."""
    language = language.split("-")[0]
    column = " ".join(column.replace("_", " ").split())
    if language == "en":
        templates = _english(column)
    else:
        templates = _CELLS.get(language, _NEUTRAL)
        if _AMOUNT.match(value):
            templates = (*_AMOUNTS.get(language, ()), *templates)
    return tuple(template.format(key=key, column=column) for template in templates)


def fact(language: str, about: str, key: str) -> tuple[str, ...]:
    """Questions for a line `Owner: Technical Office`, whose key may be no noun: quoted, where a language can."""
    templates = _ENGLISH_QUOTED if language.split("-")[0] == "en" else _CELLS.get(language.split("-")[0], _NEUTRAL)
    return tuple(template.format(key=about, column=key) for template in templates)


def within(title: str, question: str) -> str:
    """A question that several documents answer differently, asked of one."""
    return f"{title}: {question}"


def definition(language: str, term: str) -> str | None:
    """The question that a definition of `term` answers; None where there is no template."""
    template = _DEFINE.get(language.split("-")[0])
    return template.format(term=term) if template else None


def section(language: str, title: str, heading: str) -> str | None:
    """The question that a short section answers; None where there is no template."""
    template = _SECTION.get(language.split("-")[0])
    return template.format(title=title, heading=heading) if template else None


def noun_phrase(column: str) -> tuple[str, str] | None:
    """The English name of a column as a sentence has it, with its verb: ("is", "rated power in kW"); None where it is
    no noun phrase and can only be quoted."""
    column = " ".join(column.replace("_", " ").split())
    unit = _UNIT.fullmatch(column)
    name = unit[1] if unit else column
    if any(character.isdigit() for character in column) or _NO_NOUN.fullmatch(name):
        return None
    head = regex.split(r" (?:in|of|per|for) ", name)[0]
    verb = "are" if _PLURAL.fullmatch(head) and not _PERSON.fullmatch(name) else "is"
    named = _lowered(name) + (f" in {unit[2]}" if unit else "")
    return verb, named.replace("{", "").replace("}", "")  # the name becomes part of a template


def _english(column: str) -> tuple[str, ...]:
    """ "What is the rated power of …" where the column's name is a noun phrase in words, else quoted."""
    phrase = noun_phrase(column)
    if phrase is None:
        return _ENGLISH_QUOTED
    verb, named = phrase
    if _PERSON.fullmatch(column):
        return (f"Who is the {named} of {{key}}?", f"Who is named as {named} of {{key}}?")
    return (f"What {verb} the {named} of {{key}}?", f"Tell me the {named} of {{key}}.")


def _lowered(name: str) -> str:
    """Without the capitals of a heading: "Rated Power" is "rated power", "Parks in Sweden" is "parks in Sweden", and
    words that hold another capital stay ("DC link")."""
    words = name.split()
    titled = all(word[0].isupper() for word in words)
    return " ".join(
        word if any(c.isupper() for c in word[1:]) or not (titled or place == 0) else word.lower()
        for place, word in enumerate(words)
    )

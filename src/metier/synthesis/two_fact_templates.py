"""How questions on two facts of a table, and on one that may be false, are put, by language.

As in `dataset.wordings`: names are put in as they stand, so a template must need no ending, article or gender from
them. A language without a template gives no question.
"""

from __future__ import annotations

from metier.synthesis import question_templates

_CLAIMS = {
    "en": "For {key}, is “{value}” what is listed under “{column}”?",
    "bn": "{key}-এর {column} কি {value}?",
    "hi": "क्या {key} के लिए “{column}” {value} है?",
    "ar": "هل المذكور تحت «{column}» بالنسبة إلى {key} هو {value}؟",
    "zh": "{key}的{column}是{value}吗？",
    "ja": "{key}の{column}は{value}ですか？",
    "es": "¿Figura «{value}» como «{column}» para {key}?",
    "fr": "Est-il indiqué « {value} » sous « {column} » pour {key} ?",
    "de": "Ist für {key} unter „{column}“ „{value}“ angegeben?",
    "pt": "Consta “{value}” em “{column}” para {key}?",
    "ru": "Указано ли в графе «{column}» для {key} «{value}»?",
    "id": "Apakah {column} dari {key} adalah {value}?",
    "sw": "Je, kwa {key}, “{column}” ni {value}?",
}
_COMPARISONS = {
    "en": "Which of {one} and {other} has the higher figure under “{column}”?",
    "bn": "{one} ও {other}: কোনটির {column} বেশি?",
    "hi": "{one} और {other} में से किसके लिए “{column}” अधिक है?",
    "ar": "أيهما له القيمة الأعلى تحت «{column}»: {one} أم {other}؟",
    "zh": "{one}和{other}，哪一个的{column}更高？",
    "ja": "{one}と{other}では、どちらの{column}が高いですか？",
    "es": "¿Cuál tiene el valor más alto en «{column}»: {one} o {other}?",
    "fr": "Qui a la valeur la plus élevée sous « {column} » : {one} ou {other} ?",
    "de": "Wo steht unter „{column}“ der höhere Wert: bei {one} oder bei {other}?",
    "pt": "Qual tem o valor mais alto em “{column}”: {one} ou {other}?",
    "ru": "Где значение в графе «{column}» выше: {one} или {other}?",
    "id": "Mana yang nilai “{column}”-nya lebih tinggi: {one} atau {other}?",
    "sw": "Kati ya {one} na {other}, ipi ina “{column}” ya juu zaidi?",
}


def claim(language: str, key: str, column: str, value: str) -> str | None:
    """Asks whether a cell of a table holds `value`; None where there is no template."""
    phrase = question_templates.noun_phrase(column) if _bare(language) == "en" else None
    if phrase:
        verb, named = phrase
        return f"{verb.capitalize()} the {named} of {key} {value}?"
    return _put(_CLAIMS, language, key=key, column=column, value=value)


def comparison(language: str, one: str, other: str, column: str) -> str | None:
    """Asks which of two rows of a table has the higher number in a column; None where there is no template."""
    phrase = question_templates.noun_phrase(column) if _bare(language) == "en" else None
    if phrase and phrase[0] == "is":
        return f"Which of {one} and {other} has the higher {phrase[1]}?"
    return _put(_COMPARISONS, language, one=one, other=other, column=column)


def _put(templates: dict[str, str], language: str, *, column: str, **parts: str) -> str | None:
    template = templates.get(_bare(language))
    return template.format(column=" ".join(column.replace("_", " ").split()), **parts) if template else None


def _bare(language: str) -> str:
    return language.split("-")[0]

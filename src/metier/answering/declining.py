"""What is said where the documents hold no answer, and whether a model says so itself."""

from __future__ import annotations

import regex

REFUSALS = {
    "en": "The documents do not say.",
    "bn": "নথিগুলিতে এর উত্তর নেই।",
    "ar": "لا تذكر الوثائق ذلك.",
    "de": "Die Dokumente sagen dazu nichts.",
    "es": "Los documentos no lo dicen.",
    "fr": "Les documents ne le disent pas.",
    "hi": "दस्तावेज़ों में इसका उत्तर नहीं है।",
    "id": "Dokumen tidak menyebutkannya.",
    "ja": "文書には書かれていません。",
    "pt": "Os documentos não o dizem.",
    "ru": "В документах об этом не сказано.",
    "sw": "Nyaraka hazisemi.",
    "zh": "文档中没有说明。",
}


def refusal(language: str, override: str | None = None) -> str:
    """What is said when nothing was found, in the language of the question where it is known."""
    return override or REFUSALS.get(language.split("-")[0], REFUSALS["en"])


_DECLINING = regex.compile(
    r"\b(?:do(?:es)? not|don't|doesn't|not) (?:say|mention|specif|provide|contain|state|include|give|have)"
    r"|\bno (?:information|mention|answer)|not (?:mentioned|specified|provided|stated|given)"
    r"|cannot (?:be )?(?:answer|find)",
    regex.IGNORECASE,
)


def declines(text: str) -> bool:
    """Whether an answer says itself that the sources hold none."""
    return not text.strip() or any(known in text for known in REFUSALS.values()) or bool(_DECLINING.search(text))

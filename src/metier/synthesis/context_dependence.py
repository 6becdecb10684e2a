"""Questions that cannot be understood alone: they point at the text they were written from, or at an earlier turn.

    What does this table list?      According to the passage, how tight are the bolts?      When was it built?

Words by language, after which nothing that a person would ask without the text before them is left.
"""

from __future__ import annotations

import regex

_TEXTS = "|".join(
    (
        # en
        r"\b(?:this|these|those|the (?:above|following|given|provided)) (?:\w+ )?(?:table|text|passage|document|section"
        r"|paragraph|figure|list|sentence|article|row|column|page|context|excerpt|information)\b",
        r"\bthe (?:passage|text|excerpt|paragraph|snippet|author|sentence)\b",
        r"\baccording to the (?:table|document|article|section|list|source)s?\b",
        r"\b(?:mentioned|described|listed|given) (?:above|below|here)\b",
        # de
        r"\b(?:dies(?:e[rsmn]?)?|(?:der|die|das|dem|den) (?:obige|folgende|vorliegende)\w*) (?:Tabelle|Text|Dokument"
        r"|Abschnitt|Absatz)\w*|\blaut (?:dem )?(?:Text|Dokument|Abschnitt)\b|\bim Text\b",
        # es
        r"\b(?:est[ea]s?|según el|según la|en el) (?:tabla|texto|documento|pasaje|párrafo|fragmento)\b",
        # fr
        r"\b(?:cet?te?|selon le|dans le|d[’']après le) (?:texte|tableau|document|passage|paragraphe|extrait)\b",
        # pt
        r"\b(?:est[ea]s?|segundo o|de acordo com o|no) (?:tabela|texto|documento|trecho|parágrafo)\b",
        # ru
        r"\b(?:эт\w+|данн\w+|указанн\w+) (?:таблиц|текст|документ|отрыв|абзац|раздел)\w*|\b(?:в|согласно) текст\w+",
        # id, sw
        r"\b(?:tabel|teks|dokumen|bagian|paragraf) (?:ini|itu|tersebut|di atas)\b",
        r"\b(?:jedwali|maandishi|hati|waraka|kifungu) (?:hili|hii|haya|hiki|huu)\b",
        # bn, hi
        r"(?:^|\s)(?:এই|উপরের|উক্ত|প্রদত্ত) (?:টেবিল|সারণি|নথি|লেখা|অনুচ্ছেদ|অংশ|পাঠ)\p{M}*",
        r"(?:^|\s)(?:इस|उपरोक्त|दिए गए) (?:तालिका|पाठ|दस्तावेज़|अनुच्छेद|लेख)",
        # ar
        r"(?:هذا|هذه) (?:الجدول|النص|المستند|الوثيقة|الفقرة|القسم)|في النص\b",
        # zh, ja
        r"(?:这|该|此|上|本)(?:个|段|份|张)?(?:表格?|文本?|文件|段落|文档|文章)|[上下]述|文中|表中",
        r"(?:この|上記の|以下の)(?:表|文書?|段落|文章|節)|本文",
    )
)
# A pronoun among the first words has nothing before it that it could stand for.
_PRONOUNS = "|".join(
    (
        r"^(?:\w+\s+){0,3}(?!it (?:takes?|necessary|allowed|possible|safe|forbidden|permitted|important)\b)"
        r"(?:it|its|they|them|their|he|she|his|her|him|this|these|those)\b",
        r"(?:^|\s)(?:এটা|এটি|এটার|এটির|ওটা|সেটা|সেটি|সেটার|তার|তাদের)(?=[\s?।]|$)",
        r"(?:^|\s)(?:यह|इसका|इसकी|इसके|इसे|वह|उसका)(?=[\s?।]|$)",
        r"(?:^|\s)(?:هو|هي|ذلك|تلك)(?=\s*؟|$)",
        r"[它他她](?:们)?|这个(?:是|的)|それ(?:は|の|を|に)|これ(?:は|の|を|に)",
    )
)
_LEANS = regex.compile(f"{_TEXTS}|{_PRONOUNS}", regex.IGNORECASE)


def leans(question: str) -> str | None:
    """The words with which a question leans on something outside it; None where it stands alone."""
    found = _LEANS.search(question.strip())
    return found.group().strip() if found else None

from __future__ import annotations

import pytest

from metier.answering.intent import Kind, classify
from metier.generation.base import Message
from metier.text.language import Language

ANSWERED = [Message("user", "How tight are the bolts?"), Message("assistant", "840 Nm.")]


@pytest.mark.parametrize(
    ("text", "name", "language"),
    [
        ("Hi", "greeting", "en"),
        ("hey, how's it going?", "greeting", "en"),
        ("Thanks, that helped!", "thanks", "en"),
        ("ok bye", "farewell", "en"),
        ("Are you a human?", "identity", "en"),
        ("What can you do for me?", "identity", "en"),
        ("Hello! Who are you?", "identity", "en"),
        ("Guten Morgen!", "greeting", "de"),
        ("Vielen Dank für die Hilfe", "thanks", "de"),
        ("¡Hola! ¿Qué tal?", "greeting", "es"),
        ("Merci beaucoup", "thanks", "fr"),
        ("Qui es-tu ?", "identity", "fr"),
        ("Muito obrigada!", "thanks", "pt"),
        ("Спасибо большое!", "thanks", "ru"),
        ("До свидания", "farewell", "ru"),
        ("terima kasih banyak", "thanks", "id"),
        ("Asante sana", "thanks", "sw"),
        ("ধন্যবাদ!", "thanks", "bn"),
        ("আপনি কে?", "identity", "bn"),
        ("नमस्ते", "greeting", "hi"),
        ("شكرا جزيلا", "thanks", "ar"),
        ("你好", "greeting", "zh"),
        ("谢谢，很有帮助！", "thanks", "zh"),
        ("你能做什么？", "identity", "zh"),
        ("ありがとうございます", "thanks", "ja"),
    ],
)
def test_small_talk_is_told_in_every_language(text, name, language):
    found = classify(text)
    assert (found.kind, found.name, found.language) == (Kind.SMALL_TALK, name, language)
    assert Language.of(language).text("replies", name)


@pytest.mark.parametrize(
    ("text", "name", "target"),
    [
        ("shorter, please", "shorter", ""),
        ("Can you make that a bit shorter?", "shorter", ""),
        ("more detail", "longer", ""),
        ("as a list", "list", ""),
        ("can you make a table of that", "table", ""),
        ("in simple words please", "simpler", ""),
        ("say that again", "again", ""),
        ("in German please", "translate", "de"),
        ("Kürzer bitte", "shorter", ""),
        ("auf Englisch bitte", "translate", "en"),
        ("en español, por favor", "translate", "es"),
        ("Plus court, s'il te plaît", "shorter", ""),
        ("em forma de lista", "list", ""),
        ("короче, пожалуйста", "shorter", ""),
        ("সংক্ষেপে বলুন", "shorter", ""),
        ("ইংরেজিতে বলুন", "translate", "en"),
        ("संक्षेप में बताएं", "shorter", ""),
        ("باختصار من فضلك", "shorter", ""),
        ("用中文", "translate", "zh"),
        ("もっと短く", "shorter", ""),
        ("lebih singkat", "shorter", ""),
    ],
)
def test_a_wish_for_another_form_needs_an_answer_before_it(text, name, target):
    found = classify(text, ANSWERED)
    assert (found.kind, found.name, found.target) == (Kind.EDIT, name, target)
    assert classify(text).kind is not Kind.EDIT


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Which documents do you have?", {}),
        ("List all your files", {}),
        ("How many documents do you know altogether?", {"count": True}),
        ("how many PDFs are there?", {"count": True, "format": "pdf"}),
        ("do you have any excel files", {"format": "sheet"}),
        ("Which manuals are available?", {"sort": "manuals"}),
        ("Which documents do you have about the yaw brake?", {"topic": "yaw brake"}),
        ("do you have anything about fire drills?", {"topic": "fire drills"}),
        ("which docs mention zinc", {"topic": "zinc"}),
        ("Which safety documents do you have?", {"topic": "safety"}),
        ("what did Anna Berg write?", {"author": "Anna Berg"}),
        ("Which reports did Ingrid write in March?", {"author": "Ingrid", "sort": "reports"}),
        ("Which e-mails went to Malin Ekvret?", {"recipient": "Malin Ekvret", "format": "mail"}),
        ("List everything in the procedures folder.", {"folder": "procedures"}),
        ("Which of your documents are in Bengali?", {"language": "bn"}),
        ("Which is the most recent mail you have?", {"latest": True, "format": "mail"}),
        ("What changed this week?", {"change": "any"}),
        ("What's new?", {"change": "any"}),
        ("Which files were changed in February 2025?", {"change": "changed"}),
        ("How many emails came in yesterday?", {"count": True, "change": "added", "format": "mail"}),
        ("Welche Dokumente hast du?", {}),
        ("Was hat sich diese Woche geändert?", {"change": "any"}),
        ("Was hat Anna geschrieben?", {"author": "Anna"}),
        ("Gibt es Dokumente über Öl oder Schmierung?", {"topic": "Öl oder Schmierung"}),
        ("Wie viele Dateien gibt es?", {"count": True}),
        ("¿Qué documentos tienes?", {}),
        ("¿Hay algún documento sobre seguridad?", {"topic": "seguridad"}),
        ("Quels documents avez-vous ?", {}),
        ("Qu'est-ce qui a changé cette semaine ?", {"change": "any"}),
        ("Há documentos sobre segurança?", {"topic": "segurança"}),
        ("Какие документы у вас есть?", {}),
        ("Что изменилось на этой неделе?", {"change": "any"}),
        ("Dokumen apa saja yang kamu punya?", {}),
        ("Una nyaraka gani?", {}),
        ("আপনার কাছে কী কী নথি আছে?", {}),
        ("এই সপ্তাহে কী বদলেছে?", {"change": "any"}),
        ("अग्नि के बारे में कोई दस्तावेज़ है?", {"topic": "अग्नि"}),
        ("ما الوثائق التي لديك؟", {}),
        ("你有哪些文档？", {}),
        ("有关于消防的文件吗？", {"topic": "消防"}),
        ("どんな文書がありますか？", {}),
        ("消防演習に関する文書はありますか？", {"topic": "消防演習"}),
    ],
)
def test_questions_about_the_collection(text, wanted):
    found = classify(text)
    assert found.kind is Kind.COLLECTION
    said = {name: getattr(found.collection, name) for name in found.collection.__slots__ if name != "times"}
    assert {name: value for name, value in said.items() if value} == wanted


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Summarise the minutes of February", "minutes of February"),
        ("What does the Tallhed contract say? short version pls", "Tallhed contract"),
        ("tl;dr of Dag's mail about the converter?", "Dag's mail about the converter"),
        ("Can you give me the main points of the rescue plan?", "rescue plan"),
        ("What's in the spring newsletter?", "spring newsletter"),
        ("I can't read Bengali. What does the notice at the gate say?", "notice at the gate"),
        ("Fasse das Protokoll vom Februar zusammen", "Protokoll vom Februar"),
        ("Fass bitte das Protokoll der Sitzung vom 24. Februar zusammen.", "Protokoll der Sitzung vom 24. Februar"),
        ("Was steht im Tallhed-Vertrag?", "Tallhed-Vertrag"),
        ("Résume le procès-verbal de février", "procès-verbal de février"),
        ("Resume el contrato de Tallhed", "contrato de Tallhed"),
        ("总结二月的会议纪要", "二月的会议纪要"),
        ("2月の議事録を要約してください", "2月の議事録"),
    ],
)
def test_questions_about_one_document_name_it(text, named):
    found = classify(text)
    assert (found.kind, found.target) == (Kind.DOCUMENT, named)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hi, how tight are the bolts?",
        "Thanks for the torque value. And the oil?",
        "And for the NV-90?",
        "in German companies?",
        "What is the price of part QX-13?",
        "Which documents must the driver carry?",
        "Which documents do I need for the visa?",
        "Which documents have to be signed?",
        "How many documents are attached to the contract?",
        "What reports must I file each week?",
        "List the steps for the lockout",
        "Do you have a fire extinguisher?",
        "Which contracts expire in 2025?",
        "What changed in the new version of the contract?",
        "What does the manual say about torque?",
        "What does error 305 mean?",
        "Which source of light is used?",
        "Who is the author of the safety manual?",
        "Where is the file for the turbine kept?",
        "Wer stellte die originalen Daten zusammen?",
        "Welche Unterlagen braucht der Fahrer?",
        "Wer hat das Handbuch geschrieben?",
        "¿Qué documentos debe llevar el conductor?",
        "Quels documents le conducteur doit-il avoir ?",
        "司机必须携带哪些文件才能进入？",
        "ড্রাইভারের কোন নথি সঙ্গে রাখতে হয়?",
        "Kiasi gani cha mafuta kinahitajika?",
        "Vilka dokument har du?",
        "Thanks " * 80,
    ],
)
def test_everything_else_is_looked_up(text):
    assert classify(text).kind is Kind.QUESTION
    assert classify(text, ANSWERED).kind is Kind.QUESTION


@pytest.mark.parametrize(
    ("of_all", "of_one_thing"),
    [
        ("What has changed recently?", "What has changed in the delivery terms?"),
        ("Was hat sich in den Dokumenten geändert?", "Was hat sich an den Lieferbedingungen geändert?"),
        ("Was ist neu?", "Was ist beim Urlaub neu?"),
        ("Qu'est-ce qui a changé cette semaine ?", "Qu'est-ce qui a changé dans les conditions de livraison ?"),
        ("Что изменилось на этой неделе?", "Что изменилось в условиях доставки?"),
        ("क्या बदला है?", "यात्रा नीति में क्या बदला है?"),
        ("এই সপ্তাহে কী বদলেছে?", "ভ্রমণ নীতিতে কী বদলেছে?"),
        ("有什么变化？", "运费有什么变化？"),
    ],
)
def test_what_changed_in_a_thing_that_is_named_is_no_question_about_the_collection(of_all, of_one_thing):
    assert classify(of_all).kind is Kind.COLLECTION
    assert classify(of_one_thing).kind is Kind.QUESTION


def test_what_changed_may_be_about_what_was_spoken_of():
    assert classify("What changed?").kind is Kind.COLLECTION
    assert classify("What changed?", ANSWERED).kind is Kind.QUESTION


def test_a_language_without_a_file_asks_questions_only():
    assert classify("hello", languages=[Language.of("qu")]).kind is Kind.QUESTION

"""Tables as firms keep them: short names of columns, first letters for yes and no, pieces in a column of their own."""

from __future__ import annotations

import pytest

from metier.tables.vocabulary import is_short_for

DELIVERIES = """DN,Del date,Pub,Beer,Pkg,Qty,Amt,Status,Pd
3301,01/10/2025,Red Lion,Old Sexton,Firkin,4,£392.00,Delivered,Y
3302,02/10/2025,The Plough,Ploughman,Firkin,3,£304.50,Delivered,N
3303,14/10/2025,Railway Tavern,Old Sexton,Keg,2,£262.00,Returned,N
3304,04/11/2025,Fox & Hounds,Old Sexton,Firkin,5,£490.00,Delivered,Y
"""
LIVRAISONS = """N° BL;Date;Client;Fromage;Cave;Qté kg;Nb pces;Mt HT;Bio;Réglé
B1;01/10/2025;Crèmerie;Tomme;Cave 1;18,5;9;220,15;O;O
B2;02/10/2025;Hôtel;Raclette;Cave 2;24,0;4;278,40;N;N
B3;05/11/2025;Hôtel;Tomme;Cave 2;9,5;5;113,05;O;N
"""
RECHNUNGEN = """RG-Nr.;Datum;fällig;Empfänger;Betrag €;bez.
1;05.09.2025;19.09.2025;Brandl, Stefan;252,00;ja
2;05.09.2025;19.09.2025;Demir, Ayla;237,50;nein
3;02.10.2025;16.10.2025;Jung, Daniela;84,00;nein
"""
SCHÜLER = """Nr.;Name;Vorname;Instr.;Status
101;Brandl;Jonas;Klavier;aktiv
117;Ziegler;Max;Cello;Warteliste
134;Albrecht;Nele;Klavier;Warteliste
"""
TARIFS = "Réf.;Fromage;Pds pce (kg);Gros HT/kg\nT1;Tomme;1,8;11,90 €\nR1;Raclette;6,0;10,40 €\n"
PRICES = "Beer,Style,Firkin 9g,Case 12x500\nOld Sexton,Old ale,£98.00,£39.60\nPloughman,Bitter,£101.50,£29.40\n"
FIRMS = {
    "en": {"deliveries - autumn 2025.csv": DELIVERIES, "Price list.csv": PRICES},
    "fr": {"Livraisons oct-nov 2025.csv": LIVRAISONS, "Tarifs.csv": TARIFS},
    "de": {"Rechnungen Herbst 2025.csv": RECHNUNGEN, "Schülerliste.csv": SCHÜLER},
}


@pytest.mark.parametrize(
    ("language", "question", "lines"),
    [
        ("en", "How many firkins of Old Sexton did we deliver?", ["9"]),
        ("en", "How much did we bill in October?", ["£958.50"]),
        ("en", "Which pubs have had their beer delivered but still haven't paid?", ["The Plough | Beer: Ploughman"]),
        ("en", "How many different pubs did we deliver to in October?", ["2"]),
        ("en", "Which beer do we have the most cases of?", None),  # what a case costs says nothing of it
        ("fr", "Combien de kilos de Tomme avons-nous livrés ?", ["28 kg"]),  # not what one weighs
        ("fr", "Combien avons-nous facturé hors taxes en octobre ?", ["498,55"]),
        ("fr", "Combien de kilos avons-nous livrés en octobre ?", ["42,5 kg"]),
        ("fr", "Combien de pièces de Tomme avons-nous livrées ?", ["14"]),
        ("fr", "Combien de livraisons sont en bio ?", ["2"]),
        ("de", "Wer hat seine Rechnung vom September noch nicht bezahlt?", ["Demir, Ayla"]),
        ("de", "Wer steht auf der Warteliste?", ["Ziegler", "Albrecht"]),
        ("de", "Wie viel haben wir im September insgesamt in Rechnung gestellt?", ["489,50 €"]),
    ],
)
def test_short_names_are_understood(language, question, lines, tables):
    answer = tables(FIRMS[language], language)(question)
    assert (answer and [each.text for each in answer.lines]) == lines


@pytest.mark.parametrize(
    ("short", "word", "language", "is_so"),
    [
        ("qty", "quantity", "en", True), ("amt", "amount", "en", True), ("pd", "paid", "en", True),
        ("lehrk", "lehrkraft", "de", True), ("instr", "instrument", "de", True), ("pds", "poids", "fr", True),
        ("qty", "quality", "en", True),  # its letters fit as well: a word of the table decides
        ("price", "priceless", "en", False), ("pub", "pu", "en", False), ("a", "amount", "en", False),
        ("town", "tower", "en", False), ("in", "inventory", "en", False), ("3", "30", "en", False),
    ],
)  # fmt: skip
def test_what_is_short_for_a_word(short, word, language, is_so):
    assert is_short_for(short, word, language) is is_so

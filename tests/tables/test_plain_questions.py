"""Questions as colleagues put them: a month without a year, an item that nothing is called, an article too many."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from metier.tables.question_reading import read

DELIVERIES = {
    "en": (
        "Delivery log - first quarter 2025.csv",
        "Date,Note,Customer,Town,Driver,Amount EUR,Returned\n"
        "2025-01-10,N-1,Hotel Mare,Cullera,Ann,820,2025-02-02\n2025-02-03,N-2,City hall,Gandia,Joe,1640,2025-02-05\n"
        "2025-02-13,N-3,Hotel Mare,Cullera,Ann,940.5,2025-03-01\n"
        "2025-03-14,N-4,Circus Bo,Alzira,Ann,2100,2025-03-16\n",
    ),
    "es": (
        "Registro de entregas - primer trimestre 2025.csv",
        "Fecha;Albarán;Cliente;Población;Conductor;Importe €;Devuelto\n"
        "10/01/2025;AL-1;Hotel Mar;Cullera;Ana;820,00;02/02/2025\n"
        "03/02/2025;AL-2;Falla Raval;Gandia;Javi;1.640,00;05/02/2025\n"
        "13/02/2025;AL-3;Hotel Mar;Cullera;Ana;940,50;01/03/2025\n"
        "14/03/2025;AL-4;Circo Bo;Alzira;Ana;2.100,00;16/03/2025\n",
    ),
    "de": (
        "Lieferungen - erstes Quartal 2025.csv",
        "Datum;Beleg;Kunde;Ort;Fahrer;Betrag EUR;Zurück am\n"
        "10.01.2025;L-1;Hotel Meer;Cullau;Anna;820,00;02.02.2025\n"
        "03.02.2025;L-2;Rathaus;Gand;Jens;1.640,00;05.02.2025\n"
        "13.02.2025;L-3;Hotel Meer;Cullau;Anna;940,50;01.03.2025\n"
        "14.03.2025;L-4;Zirkus Bo;Alz;Anna;2.100,00;16.03.2025\n",
    ),
    "fr": (
        "Livraisons - premier trimestre 2025.csv",
        "Date;Bon;Client;Ville;Chauffeur;Montant EUR;Retour\n"
        "10/01/2025;L-1;Hôtel Mer;Culle;Anne;820,00;02/02/2025\n03/02/2025;L-2;Mairie;Gand;Jean;1640,00;05/02/2025\n"
        "13/02/2025;L-3;Hôtel Mer;Culle;Anne;940,50;01/03/2025\n"
        "14/03/2025;L-4;Cirque Bo;Alz;Anne;2100,00;16/03/2025\n",
    ),
    "ja": (
        "配達.csv",
        "日付,伝票,顧客,町,運転手,金額\n2025-01-10,L-1,海ホテル,東町,田中,820\n2025-02-03,L-2,市役所,西町,佐藤,1640\n"
        "2025-02-13,L-3,海ホテル,東町,田中,940\n2025-03-14,L-4,大道座,北町,田中,2100\n",
    ),
}  # fmt: skip
STOCK = {
    "en": "Ref,Description,Kind,In workshop,Hall,Weight (kg),Price per day\nS-1,Speaker AX,Sound,1,1,19.8,38\n"
    "L-1,Desk Orbis,Light,0,2,25,110\nR-1,Tower 6 m,Rigging,2,2,118,65\n",
    "es": "Ref;Descripción;Familia;En taller;Nave;Peso ud (kg);€/jornada;Reposición €\n"
    "S-1;Altavoz AX;Sonido;1;1;19,8;38;900\n"
    "L-1;Mesa Orbis;Iluminación;0;2;25,0;110;4600\nR-1;Torre 6 m;Rigging;2;2;118,0;65;5200\n",
    "de": "Nr;Bezeichnung;Gruppe;In Werkstatt;Halle;Gewicht (kg)\n"
    "S-1;Box AX;Ton;1;1;19,8\nL-1;Pult Orbis;Licht;0;2;25,0\n"
    "R-1;Turm 6 m;Rigging;2;2;118,0\n",
    "zh": "编号,名称,类别,重量(kg)\nS-1,音箱,声音,19.8\nL-1,灯台,灯光,25\nR-1,升降塔,吊装,118\n",
}  # fmt: skip


@pytest.mark.parametrize(
    ("language", "question", "lines"),
    [
        ("en", "How many deliveries were there in February?", ["2"]),
        ("en", "How many deliveries did Ann make between February and March?", ["2"]),
        ("en", "What did the deliveries of February cost in total?", ["2580.5"]),
        ("en", "How many deliveries were there in October?", None),  # of which the list holds none
        ("es", "¿Cuántas entregas hubo en febrero?", ["2"]),
        ("es", "¿Cuántos repartos hizo Ana en marzo?", ["1"]),
        ("es", "¿Cuánto suman los importes de las entregas de febrero?", ["2580,50 €"]),
        ("es", "¿A qué población fuimos más veces?", ["Cullera: 2"]),
        ("de", "Wie viele Lieferungen gab es im Februar?", ["2"]),
        ("de", "Wie viele Lieferungen hatte Anna vor März?", ["2"]),
        ("fr", "Combien de livraisons y a-t-il eu en février ?", ["2"]),
        ("fr", "Combien de livraisons Anne a-t-elle faites en mars ?", ["1"]),
        ("ja", "2月に配達は何件ありましたか", ["2"]),
    ],
)
def test_a_month_is_that_of_the_list(language, question, lines, tables):
    name, content = DELIVERIES[language]
    answer = tables({name: content}, language)(question)
    assert (answer and [each.text for each in answer.lines]) == lines


@pytest.mark.parametrize(
    ("question", "lines", "first"),
    [
        ("How many visits were there in March?", ["1"], "2025-03"),  # the last one that has begun
        ("How many visits were there in November?", ["2"], "2024-11"),
        ("How many visits were there between November and January?", ["3"], "2024-11"),
    ],
)
def test_of_several_years_the_last_is_meant_and_is_said(question, lines, first, tables):
    days = ["2024-03-02", "2024-03-09", "2024-11-05", "2024-11-20", "2025-01-07", "2025-03-01"]
    visits = "\n".join(["Date,Client", *(f"{day},Client {n}" for n, day in enumerate(days))])
    answer = tables({"visits.csv": visits}, "en")(question)
    assert [each.text for each in answer.lines] == lines
    assert first in answer.filters[0]


@pytest.mark.parametrize(
    ("language", "question", "lines"),
    [
        ("en", "Which item is the heaviest?", ["R-1 | Weight (kg): 118"]),
        ("en", "How many pieces are in the workshop?", ["3"]),
        ("en", "How many items are in hall 2?", ["2"]),
        ("es", "¿Cuál es el aparato más pesado?", ["Torre 6 m | Peso ud (kg): 118"]),
        ("es", "¿Qué equipo pesa más?", ["Torre 6 m | Peso ud (kg): 118"]),
        ("es", "¿Cuántas unidades hay en el taller?", ["3"]),
        ("es", "¿Cuántas referencias distintas se guardan en la nave 2?", ["2"]),
        ("es", "¿Cuál es el equipo de iluminación más caro por jornada?", ["Mesa Orbis | €/jornada: 110"]),
        ("de", "Welches Gerät ist am schwersten?", ["Turm 6 m | Gewicht (kg): 118"]),
        ("de", "Wie viele Stück sind in der Werkstatt?", ["3"]),
        ("zh", "最重的东西是什么？", ["升降塔 | 重量(kg): 118"]),
    ],
)
def test_an_item_is_whatever_a_row_is_of(language, question, lines, tables):
    answer = tables({"stock list.csv": STOCK[language]}, language)(question)
    assert (answer and [each.text for each in answer.lines]) == lines


HOURS = "Code,Model,Hours,State\nK-1,Kestrel,1200,ready\nK-3,Kestrel,3415,ready\nF-1,Fog,502,broken\n"


@pytest.mark.parametrize(
    ("question", "lines"),
    [
        ("Which head has the most hours?", ["K-3 | Hours: 3415"]),  # whatever a head is, one is asked for
        ("What is the highest number of hours?", ["3415 Hours"]),
    ],
)
def test_the_row_is_named_where_one_is_asked_for(question, lines, tables):
    answer = tables({"fog machines and heads.csv": HOURS}, "en")(question)
    assert (answer and [each.text for each in answer.lines]) == lines


CLAIMS = {"claims.csv": "Year,Parts,Paid\n2023,4,900\n2024,2,310\n"}


def test_the_heaviest_is_not_that_of_which_there_is_most(tables):
    assert tables(CLAIMS, "en")("What is the heaviest piece?") is None


def test_days_are_told_from_today(tables):
    today = date.today()
    month = today.replace(day=1)
    days = [month - timedelta(days=n) for n in (1, 20, 40)] + [month + timedelta(days=n) for n in (0, 27)]
    days += [today - timedelta(days=n) for n in (1, 5, 12)]
    listed = "\n".join(["Date,Client", *(f"{day},Client {n}" for n, day in enumerate(days))])
    before = (month - timedelta(days=1)).replace(day=1)
    wanted = {
        "How many jobs did we do last month?": lambda day: before <= day < month,
        "How many jobs were there yesterday?": lambda day: day == today - timedelta(days=1),
        "How many jobs did we do in the last ten days?": lambda day: today - timedelta(days=10) <= day <= today,
        "How many jobs are there this month?": lambda day: (day.year, day.month) == (today.year, today.month),
    }
    ask = tables({"jobs.csv": listed}, "en")
    for question, holds in wanted.items():
        assert [each.text for each in ask(question).lines] == [str(sum(map(holds, days)))], question


@pytest.mark.parametrize(
    ("language", "question"),
    [
        ("de", "Wie viele Aufträge hatten wir letzten Monat?"),
        ("es", "¿Cuántas entregas hubo el mes pasado?"),
        ("fr", "Combien de commandes le mois dernier ?"),
        ("bn", "গত মাসে কতটি অর্ডার এসেছে?"),
        ("ja", "先月の注文は何件ですか"),
        ("zh", "上个月有多少订单？"),
    ],
)
def test_last_month_in_any_language(language, question):
    last = date.today().replace(day=1) - timedelta(days=1)
    (bound,) = read(question, language).bounds
    assert (bound.operator, bound.quantity.dates) == ("=", ((last.year, last.month, None),))

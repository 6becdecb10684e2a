"""The same four tables, asked in every language by the words of its file: a price list, a staff list, an inventory with
days, and a report whose columns are years."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest
import regex

from metier.core.documents import Document, TextBuilder, document_id
from metier.tables.asking import TableAsker
from metier.tables.results import TableAnswer
from metier.tables.runner import QueryRunner
from metier.tables.table_store import TableStore
from metier.text.analyzer import Analyser
from metier.text.language import codes

from .conftest import certain

Rows = Sequence[Sequence[str]]
NOTHING: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spoken:
    """`tables`: by their heading. `asked`: questions with what the lines of the answer must hold, each in a line of its
    own; nothing where no table answers."""

    tables: Mapping[str, Rows]
    asked: Sequence[tuple[str, tuple[str, ...]]]


def rows(text: str) -> Rows:
    """One row a line, cells between bars."""
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]


SPOKEN: dict[str, Spoken] = {}

SPOKEN["en"] = Spoken(
    {
        "Price list": rows("""
            Product | Category | Price | Stock
            Fridge | Kitchen | 899 € | 12
            Oven | Kitchen | 649 € | 7
            Kettle | Kitchen | 39 € | 85
            Toaster | Kitchen | 45 € | 40
            Desk | Furniture | 320 € | 15
            Shelf | Furniture | 150 € | 60
            Lamp | Lighting | 75 € | 33
            Torch | Lighting | 23 € | 120"""),
        "Staff": rows("""
            Name | Department | Salary | Hired on
            Anna Hill | Sales | 3200 | 2018-03-01
            Ben Stone | Sales | 2800 | 2021-06-15
            Carol Wood | Production | 3600 | 2016-11-02
            Dan Field | Production | 2500 | 2022-09-20
            Eve Lake | Accounting | 4100 | 2019-01-10"""),
        "Inventory": rows("""
            Part | Warehouse | Quantity | Received on
            Valve | North | 40 | 2024-03-05
            Pump | North | 12 | 2024-07-19
            Filter | South | 150 | 2025-01-22
            Hose | South | 75 | 2025-02-11"""),
        "Report": rows("""
            Item | 2022 | 2023 | 2024
            Revenue | 1200 | 1500 | 1800
            Costs | 900 | 1000 | 1250"""),
    },
    [
        ("How many products cost more than 300 euros?", ("3",)),
        ("How many employees work in sales?", ("2",)),
        ("What is the total stock of all products?", ("372",)),
        ("What is the average price of the products?", ("275",)),
        ("What is the average salary in production?", ("3050",)),
        ("Which product is the most expensive?", ("Fridge",)),
        ("Which is the cheapest product?", ("Torch",)),
        ("Who has the highest salary?", ("Eve Lake",)),
        ("What are the three most expensive products?", ("Fridge", "Oven", "Desk")),
        ("Which products cost less than 40 euros?", ("Kettle", "Torch")),
        ("Which products cost between 100 and 400 euros?", ("Desk", "Shelf")),
        ("Which products have a stock of at least 85?", ("Kettle", "Torch")),
        ("How much is the desk?", ("320",)),
        ("What is the salary of Ben Stone?", ("2800",)),
        ("How many employees were hired after 2020?", ("2",)),
        ("When was the pump received?", ("2024-07-19",)),
        ("How many products are there per category?", ("Kitchen 4", "Furniture 2", "Lighting 2")),
        ("What is the average price per category?", ("Kitchen 408", "Furniture 235", "Lighting 49")),
        ("By how much did revenue grow from 2023 to 2024?", ("Revenue 300",)),
        ("By what percentage did revenue grow from 2023 to 2024?", ("Revenue 20",)),
        ("In which year were costs the lowest?", ("2022 Costs 900",)),
        ("How many different categories are there?", ("3",)),
        ("Which category has the highest average price?", ("Kitchen 408",)),
        ("How many kettles do we have?", ("85",)),
        ("Which products are less expensive than 40 euros?", ("Kettle", "Torch")),
        ("Which employees earn no more than 2800?", ("Ben Stone", "Dan Field")),
        ("What was the average revenue from 2022 to 2024?", ("Revenue 1500",)),
        ("What was the revenue in 2023?", ("1500",)),
        ("Which products are not in the kitchen category?", ("Desk", "Shelf", "Lamp", "Torch")),
        ("What is the phone number of Ben Stone?", NOTHING),
        ("How many products have a two-year warranty?", NOTHING),
    ],
)

SPOKEN["de"] = Spoken(
    {
        "Preisliste": rows("""
            Artikel | Warengruppe | Verkaufspreis | Bestand
            Kühlschrank | Küche | 899 € | 12
            Backofen | Küche | 649 € | 7
            Wasserkocher | Küche | 39 € | 85
            Toaster | Küche | 45 € | 40
            Schreibtisch | Möbel | 320 € | 15
            Regal | Möbel | 150 € | 60
            Lampe | Licht | 75 € | 33
            Taschenlampe | Licht | 23 € | 120"""),
        "Mitarbeiter": rows("""
            Name | Abteilung | Gehalt | Eintritt
            Anna Berg | Vertrieb | 3200 | 01.03.2018
            Bernd Stein | Vertrieb | 2800 | 15.06.2021
            Carla Wald | Fertigung | 3600 | 02.11.2016
            Dirk Feld | Fertigung | 2500 | 20.09.2022
            Eva See | Buchhaltung | 4100 | 10.01.2019"""),
        "Lager": rows("""
            Teil | Lagerort | Menge | Eingang
            Ventil | Nord | 40 | 05.03.2024
            Pumpe | Nord | 12 | 19.07.2024
            Filter | Süd | 150 | 22.01.2025
            Schlauch | Süd | 75 | 11.02.2025"""),
        "Bericht": rows("""
            Posten | 2022 | 2023 | 2024
            Umsatz | 1200 | 1500 | 1800
            Kosten | 900 | 1000 | 1250"""),
    },
    [
        ("Wie viele Artikel kosten mehr als 300 Euro?", ("3",)),
        ("Wie viele Mitarbeiter arbeiten im Vertrieb?", ("2",)),
        ("Wie hoch ist der gesamte Bestand aller Artikel?", ("372",)),
        ("Was ist der durchschnittliche Preis der Artikel?", ("275",)),
        ("Wie hoch ist das Durchschnittsgehalt in der Fertigung?", ("3050",)),
        ("Welcher Artikel ist am teuersten?", ("Kühlschrank",)),
        ("Was ist der billigste Artikel?", ("Taschenlampe",)),
        ("Wer hat das höchste Gehalt?", ("Eva See",)),
        ("Was sind die drei teuersten Artikel?", ("Kühlschrank", "Backofen", "Schreibtisch")),
        ("Welche Artikel sind billiger als 40 Euro?", ("Wasserkocher", "Taschenlampe")),
        ("Welche Artikel kosten zwischen 100 und 400 Euro?", ("Schreibtisch", "Regal")),
        ("Welche Artikel haben einen Bestand von mindestens 85?", ("Wasserkocher", "Taschenlampe")),
        ("Was kostet der Schreibtisch?", ("320",)),
        ("Wie hoch ist das Gehalt von Bernd Stein?", ("2800",)),
        ("Wie viele Mitarbeiter wurden nach 2020 eingestellt?", ("2",)),
        ("Wann war der Eingang der Pumpe?", ("2024-07-19",)),
        ("Wie viele Artikel gibt es pro Warengruppe?", ("Küche 4", "Möbel 2", "Licht 2")),
        ("Wie hoch ist der durchschnittliche Preis je Warengruppe?", ("Küche 408", "Möbel 235", "Licht 49")),
        ("Um wie viel ist der Umsatz von 2023 auf 2024 gestiegen?", ("Umsatz 300",)),
        ("Um wie viel Prozent ist der Umsatz von 2023 bis 2024 gewachsen?", ("Umsatz 20",)),
        ("In welchem Jahr waren die Kosten am niedrigsten?", ("2022 Kosten 900",)),
        ("Welche Abteilung hat die meisten Mitarbeiter?", ("Vertrieb 2", "Fertigung 2")),
        ("Welche Warengruppe hat den höchsten Durchschnittspreis?", ("Küche 408",)),
        ("Wie viele Wasserkocher haben wir auf Lager?", ("85",)),
        ("Welche Mitarbeiter verdienen nicht mehr als 2800?", ("Bernd Stein", "Dirk Feld")),
        ("Wie hoch war der durchschnittliche Umsatz von 2022 bis 2024?", ("Umsatz 1500",)),
        ("Wie hoch war der Umsatz 2023?", ("1500",)),
        ("Welche Artikel sind nicht in der Küche?", ("Schreibtisch", "Regal", "Lampe", "Taschenlampe")),
        ("Wie schwer ist der Toaster?", NOTHING),
        ("Wie lautet die Telefonnummer von Bernd Stein?", NOTHING),
        ("Wie viele Artikel haben zwei Jahre Garantie?", NOTHING),
        ("Was verdient Bernd Stein?", ("2800",)),
        ("Wer verdient am meisten?", ("Eva See",)),
        ("Wie viel verdienen die Leute in der Fertigung im Schnitt?", ("3050",)),
        ("Wie viel kosten die Artikel im Schnitt?", ("275",)),
        ("Von welchem Artikel haben wir am meisten auf Lager?", ("Taschenlampe",)),
        ("Wie viele Lampen haben wir noch?", ("33",)),
        ("Wie alt ist Bernd Stein?", NOTHING),
        ("Wie oft wurde der Toaster repariert?", NOTHING),
    ],
)

SPOKEN["fr"] = Spoken(
    {
        "Liste de prix": rows("""
            Article | Catégorie | Prix | Stock
            Réfrigérateur | Cuisine | 899 € | 12
            Four | Cuisine | 649 € | 7
            Bouilloire | Cuisine | 39 € | 85
            Grille-pain | Cuisine | 45 € | 40
            Bureau | Mobilier | 320 € | 15
            Étagère | Mobilier | 150 € | 60
            Lampe | Éclairage | 75 € | 33
            Torche | Éclairage | 23 € | 120"""),
        "Personnel": rows("""
            Nom | Service | Salaire | Date d'embauche
            Anne Dupont | Ventes | 3200 | 01/03/2018
            Bruno Martin | Ventes | 2800 | 15/06/2021
            Claire Bois | Production | 3600 | 02/11/2016
            Denis Champ | Production | 2500 | 20/09/2022
            Éva Lac | Comptabilité | 4100 | 10/01/2019"""),
        "Inventaire": rows("""
            Pièce | Entrepôt | Quantité | Date de réception
            Vanne | Nord | 40 | 05/03/2024
            Pompe | Nord | 12 | 19/07/2024
            Filtre | Sud | 150 | 22/01/2025
            Tuyau | Sud | 75 | 11/02/2025"""),
        "Rapport": rows("""
            Poste | 2022 | 2023 | 2024
            Recettes | 1200 | 1500 | 1800
            Charges | 900 | 1000 | 1250"""),
    },
    [
        ("Combien d'articles coûtent plus de 300 euros ?", ("3",)),
        ("Combien d’employés travaillent aux ventes ?", ("2",)),
        ("Quel est le stock total des articles ?", ("372",)),
        ("Quel est le prix moyen des articles ?", ("275",)),
        ("Quel est le salaire moyen à la production ?", ("3050",)),
        ("Quel est l'article le plus cher ?", ("Réfrigérateur",)),
        ("Quel article est le moins cher ?", ("Torche",)),
        ("Qui a le salaire le plus élevé ?", ("Éva Lac",)),
        ("Quels sont les trois articles les plus chers ?", ("Réfrigérateur", "Four", "Bureau")),
        ("Quels articles coûtent moins de 40 euros ?", ("Bouilloire", "Torche")),
        ("Quels articles coûtent entre 100 et 400 euros ?", ("Bureau", "Étagère")),
        ("Quels articles ont un stock d'au moins 85 ?", ("Bouilloire", "Torche")),
        ("Combien coûte le bureau ?", ("320",)),
        ("Quel est le salaire de Bruno Martin ?", ("2800",)),
        ("Combien d'employés ont été embauchés après 2020 ?", ("2",)),
        ("Quelle est la date de réception de la pompe ?", ("2024-07-19",)),
        ("Combien y a-t-il d'articles par catégorie ?", ("Cuisine 4", "Mobilier 2", "Éclairage 2")),
        ("Quel est le prix moyen par catégorie ?", ("Cuisine 408", "Mobilier 235", "Éclairage 49")),
        ("De combien les recettes ont-elles augmenté de 2023 à 2024 ?", ("Recettes 300",)),
        ("De quel pourcentage les recettes ont-elles augmenté de 2023 à 2024 ?", ("Recettes 20",)),
        ("En quelle année les charges étaient-elles les plus basses ?", ("2022 Charges 900",)),
        ("Combien de catégories différentes y a-t-il ?", ("3",)),
        ("Quels articles sont moins chers que 40 euros ?", ("Bouilloire", "Torche")),
        ("Quelles pièces ont été reçues après le 1er janvier 2025 ?", ("Filtre", "Tuyau")),
        ("Qui a été embauché en dernier ?", ("Denis Champ",)),
        ("Quelle est la moyenne des recettes de 2022 à 2024 ?", ("Recettes 1500",)),
        ("Quelles étaient les recettes en 2023 ?", ("1500",)),
        ("Quels articles ne sont pas dans la cuisine ?", ("Bureau", "Étagère", "Lampe", "Torche")),
        ("Combien pèse le grille-pain ?", NOTHING),
        ("Quel est le numéro de téléphone de Bruno Martin ?", NOTHING),
        ("Combien d'articles ont une garantie de deux ans ?", NOTHING),
        ("Combien gagne Bruno Martin ?", ("2800",)),
        ("Qui gagne le plus ?", ("Éva Lac",)),
        ("Combien gagnent en moyenne les gens de la production ?", ("3050",)),
        ("De quel article avons-nous le plus en stock ?", ("Torche",)),
        ("Combien de bouilloires nous reste-t-il ?", ("85",)),
        ("Quel âge a Bruno Martin ?", NOTHING),
        ("Combien de fois le four a-t-il été réparé ?", NOTHING),
    ],
)

SPOKEN["es"] = Spoken(
    {
        "Lista de precios": rows("""
            Artículo | Categoría | Precio | Existencias
            Nevera | Cocina | 899 € | 12
            Horno | Cocina | 649 € | 7
            Hervidor | Cocina | 39 € | 85
            Tostadora | Cocina | 45 € | 40
            Escritorio | Muebles | 320 € | 15
            Estante | Muebles | 150 € | 60
            Lámpara | Iluminación | 75 € | 33
            Linterna | Iluminación | 23 € | 120"""),
        "Personal": rows("""
            Nombre | Departamento | Salario | Fecha de ingreso
            Ana Peña | Ventas | 3200 | 01/03/2018
            Benito Roca | Ventas | 2800 | 15/06/2021
            Carla Bosque | Producción | 3600 | 02/11/2016
            Diego Campo | Producción | 2500 | 20/09/2022
            Eva Lago | Contabilidad | 4100 | 10/01/2019"""),
        "Inventario": rows("""
            Pieza | Almacén | Cantidad | Fecha de entrada
            Válvula | Norte | 40 | 05/03/2024
            Bomba | Norte | 12 | 19/07/2024
            Filtro | Sur | 150 | 22/01/2025
            Manguera | Sur | 75 | 11/02/2025"""),
        "Informe": rows("""
            Concepto | 2022 | 2023 | 2024
            Ingresos | 1200 | 1500 | 1800
            Gastos | 900 | 1000 | 1250"""),
    },
    [
        ("¿Cuántos artículos cuestan más de 300 euros?", ("3",)),
        ("¿Cuántos empleados trabajan en ventas?", ("2",)),
        ("¿Cuál es el total de existencias de todos los artículos?", ("372",)),
        ("¿Cuál es el precio medio de los artículos?", ("275",)),
        ("¿Cuál es el salario promedio en producción?", ("3050",)),
        ("¿Cuál es el artículo más caro?", ("Nevera",)),
        ("¿Qué artículo es el más barato?", ("Linterna",)),
        ("¿Quién tiene el salario más alto?", ("Eva Lago",)),
        ("¿Cuáles son los tres artículos más caros?", ("Nevera", "Horno", "Escritorio")),
        ("¿Qué artículos cuestan menos de 40 euros?", ("Hervidor", "Linterna")),
        ("¿Qué artículos cuestan entre 100 y 400 euros?", ("Escritorio", "Estante")),
        ("¿Qué artículos son más caros que 600 euros?", ("Nevera", "Horno")),
        ("¿Cuánto cuesta el escritorio?", ("320",)),
        ("¿Cuál es el salario de Benito Roca?", ("2800",)),
        ("¿Cuántos empleados fueron contratados después de 2020?", ("2",)),
        ("¿Cuál es la fecha de entrada de la bomba?", ("2024-07-19",)),
        ("¿Cuántos artículos hay por categoría?", ("Cocina 4", "Muebles 2", "Iluminación 2")),
        ("¿Cuál es el precio medio por categoría?", ("Cocina 408", "Muebles 235", "Iluminación 49")),
        ("¿Cuánto aumentaron los ingresos de 2023 a 2024?", ("Ingresos 300",)),
        ("¿En qué porcentaje aumentaron los ingresos de 2023 a 2024?", ("Ingresos 20",)),
        ("¿En qué año fueron más bajos los gastos?", ("2022 Gastos 900",)),
        ("¿Cuántas categorías distintas hay?", ("3",)),
        ("¿Qué departamento tiene más empleados?", ("Ventas 2", "Producción 2")),
        ("¿Cuántos hervidores hay en stock?", ("85",)),
        ("¿Quién fue el último contratado?", ("Diego Campo",)),
        ("¿Cuál fue el promedio de los ingresos de 2022 a 2024?", ("Ingresos 1500",)),
        ("¿Cuáles fueron los ingresos en 2023?", ("1500",)),
        ("¿Qué artículos no son de cocina?", ("Escritorio", "Estante", "Lámpara", "Linterna")),
        ("¿Cuánto pesa la tostadora?", NOTHING),
        ("¿Cuál es el número de teléfono de Benito Roca?", NOTHING),
        ("¿Cuántos artículos tienen dos años de garantía?", NOTHING),
        ("¿Cuánto gana Benito Roca?", ("2800",)),
        ("¿Quién cobra más?", ("Eva Lago",)),
        ("¿Cuánto cobra de media la gente de producción?", ("3050",)),
        ("¿De qué artículo tenemos más en el almacén?", ("Linterna",)),
        ("¿Cuánto vale el escritorio?", ("320",)),
        ("¿Cuántos hervidores nos quedan?", ("85",)),
        ("¿Cuántos años tiene Benito Roca?", NOTHING),
        ("¿Cuántas veces se ha reparado el horno?", NOTHING),
    ],
)

SPOKEN["pt"] = Spoken(
    {
        "Lista de preços": rows("""
            Artigo | Categoria | Preço | Estoque
            Geladeira | Cozinha | 899 € | 12
            Forno | Cozinha | 649 € | 7
            Chaleira | Cozinha | 39 € | 85
            Torradeira | Cozinha | 45 € | 40
            Escrivaninha | Móveis | 320 € | 15
            Estante | Móveis | 150 € | 60
            Luminária | Iluminação | 75 € | 33
            Lanterna | Iluminação | 23 € | 120"""),
        "Funcionários": rows("""
            Nome | Departamento | Salário | Data de admissão
            Ana Rocha | Vendas | 3200 | 01/03/2018
            Bento Pedra | Vendas | 2800 | 15/06/2021
            Carla Mata | Produção | 3600 | 02/11/2016
            Diogo Campos | Produção | 2500 | 20/09/2022
            Eva Lagoa | Contabilidade | 4100 | 10/01/2019"""),
        "Inventário": rows("""
            Peça | Armazém | Quantidade | Data de entrada
            Válvula | Norte | 40 | 05/03/2024
            Bomba | Norte | 12 | 19/07/2024
            Filtro | Sul | 150 | 22/01/2025
            Mangueira | Sul | 75 | 11/02/2025"""),
        "Relatório": rows("""
            Item | 2022 | 2023 | 2024
            Receitas | 1200 | 1500 | 1800
            Despesas | 900 | 1000 | 1250"""),
    },
    [
        ("Quantos artigos custam mais de 300 euros?", ("3",)),
        ("Quantos funcionários trabalham em vendas?", ("2",)),
        ("Qual é o estoque total de todos os artigos?", ("372",)),
        ("Qual é o preço médio dos artigos?", ("275",)),
        ("Qual é a média do salário na produção?", ("3050",)),
        ("Qual é o artigo mais caro?", ("Geladeira",)),
        ("Qual artigo é o mais barato?", ("Lanterna",)),
        ("Quem tem o maior salário?", ("Eva Lagoa",)),
        ("Quais são os três artigos mais caros?", ("Geladeira", "Forno", "Escrivaninha")),
        ("Quais artigos custam menos de 40 euros?", ("Chaleira", "Lanterna")),
        ("Quais artigos custam entre 100 e 400 euros?", ("Escrivaninha", "Estante")),
        ("Quais artigos são mais caros do que 600 euros?", ("Geladeira", "Forno")),
        ("Quanto custa a escrivaninha?", ("320",)),
        ("Qual é o salário de Bento Pedra?", ("2800",)),
        ("Quantos funcionários foram contratados depois de 2020?", ("2",)),
        ("Qual é a data de entrada da bomba?", ("2024-07-19",)),
        ("Quantos artigos há por categoria?", ("Cozinha 4", "Móveis 2", "Iluminação 2")),
        ("Qual é o preço médio por categoria?", ("Cozinha 408", "Móveis 235", "Iluminação 49")),
        ("Em quanto as receitas aumentaram de 2023 para 2024?", ("Receitas 300",)),
        ("Em que percentagem as receitas cresceram de 2023 a 2024?", ("Receitas 20",)),
        ("Em que ano as despesas foram mais baixas?", ("2022 Despesas 900",)),
        ("Quantas categorias diferentes existem?", ("3",)),
        ("Quantas chaleiras há em estoque?", ("85",)),
        ("Qual funcionário tem o menor salário?", ("Diogo Campos",)),
        ("Qual foi a média das receitas de 2022 a 2024?", ("Receitas 1500",)),
        ("Quais foram as receitas em 2023?", ("1500",)),
        ("Quais artigos não são da cozinha?", ("Escrivaninha", "Estante", "Luminária", "Lanterna")),
        ("Quanto pesa a torradeira?", NOTHING),
        ("Qual é o número de telefone de Bento Pedra?", NOTHING),
        ("Quantos artigos têm dois anos de garantia?", NOTHING),
        ("Quanto ganha Bento Pedra?", ("2800",)),
        ("Quem ganha mais?", ("Eva Lagoa",)),
        ("Quanto ganha em média o pessoal da produção?", ("3050",)),
        ("De que artigo temos mais em estoque?", ("Lanterna",)),
        ("Quanto vale a escrivaninha?", ("320",)),
        ("Quantas chaleiras ainda restam?", ("85",)),
        ("Quantos anos tem Bento Pedra?", NOTHING),
        ("Quantas vezes o forno foi consertado?", NOTHING),
    ],
)

SPOKEN["ru"] = Spoken(
    {
        "Прайс-лист": rows("""
            Товар | Категория | Цена | Остаток
            Холодильник | Кухня | 899 ₽ | 12
            Духовка | Кухня | 649 ₽ | 7
            Чайник | Кухня | 39 ₽ | 85
            Тостер | Кухня | 45 ₽ | 40
            Стол | Мебель | 320 ₽ | 15
            Полка | Мебель | 150 ₽ | 60
            Лампа | Освещение | 75 ₽ | 33
            Фонарь | Освещение | 23 ₽ | 120"""),
        "Сотрудники": rows("""
            ФИО | Отдел | Оклад | Дата приёма
            Анна Горина | Продажи | 3200 | 01.03.2018
            Борис Камнев | Продажи | 2800 | 15.06.2021
            Вера Лесная | Производство | 3600 | 02.11.2016
            Денис Полев | Производство | 2500 | 20.09.2022
            Ева Озёрная | Бухгалтерия | 4100 | 10.01.2019"""),
        "Склад": rows("""
            Деталь | Место | Количество | Дата поступления
            Клапан | Север | 40 | 05.03.2024
            Насос | Север | 12 | 19.07.2024
            Фильтр | Юг | 150 | 22.01.2025
            Шланг | Юг | 75 | 11.02.2025"""),
        "Отчёт": rows("""
            Статья | 2022 | 2023 | 2024
            Выручка | 1200 | 1500 | 1800
            Расходы | 900 | 1000 | 1250"""),
    },
    [
        ("Сколько товаров стоят больше 300 рублей?", ("3",)),
        ("Сколько сотрудников работает в отделе продаж?", ("2",)),
        ("Каков общий остаток всех товаров?", ("372",)),
        ("Какова средняя цена товаров?", ("275",)),
        ("Какой средний оклад в производстве?", ("3050",)),
        ("Какой товар самый дорогой?", ("Холодильник",)),
        ("Какой самый дешёвый товар?", ("Фонарь",)),
        ("У кого самый высокий оклад?", ("Ева Озёрная",)),
        ("Назовите три самых дорогих товара.", ("Холодильник", "Духовка", "Стол")),
        ("Какие товары дешевле 40 рублей?", ("Чайник", "Фонарь")),
        ("Какие товары стоят от 100 до 400 рублей?", ("Стол", "Полка")),
        ("У каких товаров остаток не менее 85?", ("Чайник", "Фонарь")),
        ("Сколько стоит стол?", ("320",)),
        ("Какой оклад у Веры Лесной?", ("3600",)),
        ("Сколько сотрудников принято после 2020 года?", ("2",)),
        ("Какова дата поступления насоса?", ("2024-07-19",)),
        ("Сколько товаров в каждой категории?", ("Кухня 4", "Мебель 2", "Освещение 2")),
        ("Какова средняя цена по категориям?", ("Кухня 408", "Мебель 235", "Освещение 49")),
        ("На сколько выросла выручка с 2023 по 2024 год?", ("Выручка 300",)),
        ("На сколько процентов выросла выручка с 2023 по 2024 год?", ("Выручка 20",)),
        ("В каком году расходы были самыми низкими?", ("2022 Расходы 900",)),
        ("Сколько разных категорий товаров?", ("3",)),
        ("В каком отделе больше всего сотрудников?", ("Производство 2", "Продажи 2")),
        ("Сколько чайников на складе?", ("85",)),
        ("Кого приняли последним?", ("Денис Полев",)),
        ("Какой была выручка в 2023 году?", ("1500",)),
        ("Какие товары не относятся к кухне?", ("Стол", "Полка", "Лампа", "Фонарь")),
        ("Сколько весит тостер?", NOTHING),
        ("Какой телефон у Бориса Камнева?", NOTHING),
        ("У скольких товаров гарантия два года?", NOTHING),
        ("Сколько зарабатывает Борис Камнев?", ("2800",)),
        ("Кто зарабатывает больше всех?", ("Ева Озёрная",)),
        ("Сколько в среднем получают люди в производстве?", ("3050",)),
        ("Какого товара у нас на складе больше всего?", ("Фонарь",)),
        ("Почём стол?", ("320",)),
        ("Сколько чайников у нас осталось?", ("85",)),
        ("Сколько лет Борису Камневу?", NOTHING),
        ("Сколько раз ремонтировали тостер?", NOTHING),
    ],
)

SPOKEN["ar"] = Spoken(
    {
        "قائمة الأسعار": rows("""
            المنتج | الفئة | السعر | المخزون
            ثلاجة | المطبخ | 899 | 12
            فرن | المطبخ | 649 | 7
            غلاية | المطبخ | 39 | 85
            محمصة | المطبخ | 45 | 40
            مكتب | الأثاث | 320 | 15
            رف | الأثاث | 150 | 60
            مصباح | الإضاءة | 75 | 33
            كشاف | الإضاءة | 23 | 120"""),
        "الموظفون": rows("""
            الاسم | القسم | الراتب | تاريخ التعيين
            أحمد سالم | المبيعات | 3200 | 2018-03-01
            بشير حداد | المبيعات | 2800 | 2021-06-15
            خالد نجار | الإنتاج | 3600 | 2016-11-02
            دينا فارس | الإنتاج | 2500 | 2022-09-20
            هدى بحري | المحاسبة | 4100 | 2019-01-10"""),
        "المستودع": rows("""
            القطعة | الموقع | الكمية | تاريخ الاستلام
            صمام | الشمال | 40 | 2024-03-05
            مضخة | الشمال | 12 | 2024-07-19
            مرشح | الجنوب | 150 | 2025-01-22
            خرطوم | الجنوب | 75 | 2025-02-11"""),
        "التقرير": rows("""
            البند | 2022 | 2023 | 2024
            الإيرادات | 1200 | 1500 | 1800
            المصروفات | 900 | 1000 | 1250"""),
    },
    [
        ("كم عدد المنتجات التي سعرها أكثر من 300؟", ("3",)),
        ("كم موظفا يعمل في المبيعات؟", ("2",)),
        ("ما إجمالي المخزون لجميع المنتجات؟", ("372",)),
        ("ما هو متوسط سعر المنتجات؟", ("275",)),
        ("ما متوسط الراتب في الإنتاج؟", ("3050",)),
        ("ما هو أغلى منتج؟", ("ثلاجة",)),
        ("ما هو المنتج الأرخص؟", ("كشاف",)),
        ("من لديه أعلى راتب؟", ("هدى بحري",)),
        ("ما هي أغلى ثلاثة منتجات؟", ("ثلاجة", "فرن", "مكتب")),
        ("ما المنتجات التي سعرها أقل من 40؟", ("غلاية", "كشاف")),
        ("ما المنتجات التي سعرها بين 100 و 400؟", ("مكتب", "رف")),
        ("ما المنتجات التي مخزونها لا يقل عن 85؟", ("غلاية", "كشاف")),
        ("كم سعر المكتب؟", ("320",)),
        ("ما هو راتب بشير حداد؟", ("2800",)),
        ("كم عدد الموظفين الذين تم تعيينهم بعد 2020؟", ("2",)),
        ("ما تاريخ استلام المضخة؟", ("2024-07-19",)),
        ("كم عدد المنتجات في كل فئة؟", ("المطبخ 4", "الأثاث 2", "الإضاءة 2")),
        ("ما متوسط السعر لكل فئة؟", ("المطبخ 408", "الأثاث 235", "الإضاءة 49")),
        ("بكم زادت الإيرادات من 2023 إلى 2024؟", ("الإيرادات 300",)),
        ("ما نسبة الزيادة في الإيرادات من 2023 إلى 2024؟", ("الإيرادات 20",)),
        ("في أي سنة كانت المصروفات هي الأدنى؟", ("2022 المصروفات 900",)),
        ("كم عدد الفئات المختلفة؟", ("3",)),
        ("من لديه أقل راتب؟", ("دينا فارس",)),
        ("ما متوسط الإيرادات من 2022 إلى 2024؟", ("الإيرادات 1500",)),
        ("كم كانت الإيرادات في 2023؟", ("1500",)),
        ("ما المنتجات التي ليست في المطبخ؟", ("مكتب", "رف", "مصباح", "كشاف")),
        ("كم وزن المحمصة؟", NOTHING),
        ("ما هو رقم هاتف بشير حداد؟", NOTHING),
        ("كم عدد المنتجات التي لها ضمان سنتين؟", NOTHING),
    ],
)

SPOKEN["bn"] = Spoken(
    {
        "মূল্য তালিকা": rows("""
            পণ্য | শ্রেণি | দাম | মজুদ
            ফ্রিজ | রান্নাঘর | ৮৯৯ টাকা | ১২
            ওভেন | রান্নাঘর | ৬৪৯ টাকা | ৭
            কেটলি | রান্নাঘর | ৩৯ টাকা | ৮৫
            টোস্টার | রান্নাঘর | ৪৫ টাকা | ৪০
            টেবিল | আসবাব | ৩২০ টাকা | ১৫
            তাক | আসবাব | ১৫০ টাকা | ৬০
            বাতি | আলো | ৭৫ টাকা | ৩৩
            টর্চ | আলো | ২৩ টাকা | ১২০"""),
        "কর্মী": rows("""
            নাম | বিভাগ | বেতন | যোগদানের তারিখ
            আনিস রহমান | বিক্রয় | ৩২০০ | 2018-03-01
            বশির আহমেদ | বিক্রয় | ২৮০০ | 2021-06-15
            করিম উদ্দিন | উৎপাদন | ৩৬০০ | 2016-11-02
            দীপা সেন | উৎপাদন | ২৫০০ | 2022-09-20
            এলা দাস | হিসাব | ৪১০০ | 2019-01-10"""),
        "গুদাম": rows("""
            যন্ত্রাংশ | স্থান | পরিমাণ | প্রাপ্তির তারিখ
            ভালভ | উত্তর | ৪০ | 2024-03-05
            পাম্প | উত্তর | ১২ | 2024-07-19
            ফিল্টার | দক্ষিণ | ১৫০ | 2025-01-22
            পাইপ | দক্ষিণ | ৭৫ | 2025-02-11"""),
        "প্রতিবেদন": rows("""
            খাত | 2022 | 2023 | 2024
            রাজস্ব | 1200 | 1500 | 1800
            খরচ | 900 | 1000 | 1250"""),
    },
    [
        ("কতগুলো পণ্যের দাম ৩০০ টাকার বেশি?", ("3",)),
        ("বিক্রয় বিভাগে কতজন কর্মী কাজ করেন?", ("2",)),
        ("সব পণ্যের মোট মজুদ কত?", ("372",)),
        ("পণ্যের গড় দাম কত?", ("275",)),
        ("উৎপাদন বিভাগের গড় বেতন কত?", ("3050",)),
        ("সবচেয়ে দামি পণ্য কোনটি?", ("ফ্রিজ",)),
        ("কোন পণ্যের দাম সবচেয়ে কম?", ("টর্চ",)),
        ("কার বেতন সবচেয়ে বেশি?", ("এলা দাস",)),
        ("সবচেয়ে দামি তিনটি পণ্য কোনগুলি?", ("ফ্রিজ", "ওভেন", "টেবিল")),
        ("কোন পণ্যগুলির দাম ৪০ টাকার কম?", ("কেটলি", "টর্চ")),
        ("কোন পণ্যগুলির দাম ১০০ থেকে ৪০০ টাকার মধ্যে?", ("টেবিল", "তাক")),
        ("কোন পণ্যের মজুদ কমপক্ষে ৮৫?", ("কেটলি", "টর্চ")),
        ("টেবিলের দাম কত?", ("320",)),
        ("বশির আহমেদের বেতন কত?", ("2800",)),
        ("২০২০ সালের পরে কতজন কর্মী নিয়োগ পেয়েছেন?", ("2",)),
        ("পাম্পের প্রাপ্তির তারিখ কবে?", ("2024-07-19",)),
        ("প্রতি শ্রেণিতে কতটি পণ্য আছে?", ("রান্নাঘর 4", "আসবাব 2", "আলো 2")),
        ("শ্রেণি অনুযায়ী গড় দাম কত?", ("রান্নাঘর 408", "আসবাব 235", "আলো 49")),
        ("২০২৩ থেকে ২০২৪ সালে রাজস্ব কত বেড়েছে?", ("রাজস্ব 300",)),
        ("২০২৩ থেকে ২০২৪ সালে রাজস্ব কত শতাংশ বেড়েছে?", ("রাজস্ব 20",)),
        ("কোন বছরে খরচ সবচেয়ে কম ছিল?", ("2022 খরচ 900",)),
        ("কতগুলো ভিন্ন শ্রেণি আছে?", ("3",)),
        ("কার বেতন সবচেয়ে কম?", ("দীপা সেন",)),
        ("২০২২ থেকে ২০২৪ পর্যন্ত গড় রাজস্ব কত?", ("রাজস্ব 1500",)),
        ("২০২৩ সালে রাজস্ব কত ছিল?", ("1500",)),
        ("কোন পণ্যগুলি রান্নাঘরের নয়?", ("টেবিল", "তাক", "বাতি", "টর্চ")),
        ("টোস্টারের ওজন কত?", NOTHING),
        ("বশির আহমেদের ফোন নম্বর কত?", NOTHING),
        ("কতগুলো পণ্যের দুই বছরের ওয়ারেন্টি আছে?", NOTHING),
    ],
)

SPOKEN["hi"] = Spoken(
    {
        "मूल्य सूची": rows("""
            उत्पाद | श्रेणी | कीमत | स्टॉक
            फ्रिज | रसोई | ₹899 | 12
            ओवन | रसोई | ₹649 | 7
            केतली | रसोई | ₹39 | 85
            टोस्टर | रसोई | ₹45 | 40
            मेज | फर्नीचर | ₹320 | 15
            शेल्फ | फर्नीचर | ₹150 | 60
            लैंप | रोशनी | ₹75 | 33
            टॉर्च | रोशनी | ₹23 | 120"""),
        "कर्मचारी": rows("""
            नाम | विभाग | वेतन | नियुक्ति तिथि
            अनिल वर्मा | बिक्री | 3200 | 2018-03-01
            बबीता सिंह | बिक्री | 2800 | 2021-06-15
            कमल जोशी | उत्पादन | 3600 | 2016-11-02
            दीपक राय | उत्पादन | 2500 | 2022-09-20
            एकता शाह | लेखा | 4100 | 2019-01-10"""),
        "गोदाम": rows("""
            पुर्जा | स्थान | मात्रा | प्राप्ति तिथि
            वाल्व | उत्तर | 40 | 2024-03-05
            पंप | उत्तर | 12 | 2024-07-19
            फ़िल्टर | दक्षिण | 150 | 2025-01-22
            पाइप | दक्षिण | 75 | 2025-02-11"""),
        "रिपोर्ट": rows("""
            मद | 2022 | 2023 | 2024
            राजस्व | 1200 | 1500 | 1800
            खर्च | 900 | 1000 | 1250"""),
    },
    [
        ("कितने उत्पादों की कीमत 300 रुपये से अधिक है?", ("3",)),
        ("बिक्री विभाग में कितने कर्मचारी काम करते हैं?", ("2",)),
        ("सभी उत्पादों का कुल स्टॉक कितना है?", ("372",)),
        ("उत्पादों की औसत कीमत क्या है?", ("275",)),
        ("उत्पादन विभाग का औसत वेतन कितना है?", ("3050",)),
        ("सबसे महंगा उत्पाद कौन सा है?", ("फ्रिज",)),
        ("सबसे सस्ता उत्पाद कौन सा है?", ("टॉर्च",)),
        ("किसका वेतन सबसे अधिक है?", ("एकता शाह",)),
        ("तीन सबसे महंगे उत्पाद कौन से हैं?", ("फ्रिज", "ओवन", "मेज")),
        ("किन उत्पादों की कीमत 40 रुपये से कम है?", ("केतली", "टॉर्च")),
        ("किन उत्पादों की कीमत 100 और 400 रुपये के बीच है?", ("मेज", "शेल्फ")),
        ("कौन से उत्पाद 600 रुपये से महंगे हैं?", ("फ्रिज", "ओवन")),
        ("मेज की कीमत कितनी है?", ("320",)),
        ("बबीता सिंह का वेतन क्या है?", ("2800",)),
        ("2020 के बाद कितने कर्मचारी नियुक्त हुए?", ("2",)),
        ("पंप की प्राप्ति तिथि क्या है?", ("2024-07-19",)),
        ("हर श्रेणी में कितने उत्पाद हैं?", ("रसोई 4", "फर्नीचर 2", "रोशनी 2")),
        ("श्रेणी के अनुसार औसत कीमत क्या है?", ("रसोई 408", "फर्नीचर 235", "रोशनी 49")),
        ("2023 से 2024 तक राजस्व कितना बढ़ा?", ("राजस्व 300",)),
        ("2023 से 2024 तक राजस्व कितने प्रतिशत बढ़ा?", ("राजस्व 20",)),
        ("किस वर्ष में खर्च सबसे कम था?", ("2022 खर्च 900",)),
        ("कितनी अलग-अलग श्रेणियाँ हैं?", ("3",)),
        ("किसका वेतन सबसे कम है?", ("दीपक राय",)),
        ("2022 से 2024 तक औसत राजस्व कितना था?", ("राजस्व 1500",)),
        ("2023 में राजस्व कितना था?", ("1500",)),
        ("कौन से उत्पाद रसोई के नहीं हैं?", ("मेज", "शेल्फ", "लैंप", "टॉर्च")),
        ("टोस्टर का वज़न कितना है?", NOTHING),
        ("बबीता सिंह का फ़ोन नंबर क्या है?", NOTHING),
        ("कितने उत्पादों पर दो साल की वारंटी है?", NOTHING),
    ],
)

SPOKEN["id"] = Spoken(
    {
        "Daftar harga": rows("""
            Produk | Kategori | Harga | Stok
            Kulkas | Dapur | 899 | 12
            Oven | Dapur | 649 | 7
            Ketel | Dapur | 39 | 85
            Pemanggang | Dapur | 45 | 40
            Meja | Mebel | 320 | 15
            Rak | Mebel | 150 | 60
            Lampu | Penerangan | 75 | 33
            Senter | Penerangan | 23 | 120"""),
        "Karyawan": rows("""
            Nama | Bagian | Gaji | Tanggal masuk
            Agus Wijaya | Penjualan | 3200 | 01/03/2018
            Budi Santoso | Penjualan | 2800 | 15/06/2021
            Citra Dewi | Produksi | 3600 | 02/11/2016
            Dian Putra | Produksi | 2500 | 20/09/2022
            Eka Lestari | Akuntansi | 4100 | 10/01/2019"""),
        "Gudang": rows("""
            Komponen | Lokasi | Jumlah | Tanggal diterima
            Katup | Utara | 40 | 05/03/2024
            Pompa | Utara | 12 | 19/07/2024
            Saringan | Selatan | 150 | 22/01/2025
            Selang | Selatan | 75 | 11/02/2025"""),
        "Laporan": rows("""
            Pos | 2022 | 2023 | 2024
            Pendapatan | 1200 | 1500 | 1800
            Beban | 900 | 1000 | 1250"""),
    },
    [
        ("Berapa banyak produk yang harganya lebih dari 300?", ("3",)),
        ("Berapa karyawan yang bekerja di penjualan?", ("2",)),
        ("Berapa total stok semua produk?", ("372",)),
        ("Berapa harga rata-rata produk?", ("275",)),
        ("Berapa rata-rata gaji di bagian produksi?", ("3050",)),
        ("Produk mana yang paling mahal?", ("Kulkas",)),
        ("Apa produk termurah?", ("Senter",)),
        ("Siapa yang gajinya paling tinggi?", ("Eka Lestari",)),
        ("Apa tiga produk termahal?", ("Kulkas", "Oven", "Meja")),
        ("Produk apa yang harganya kurang dari 40?", ("Ketel", "Senter")),
        ("Produk mana yang harganya antara 100 dan 400?", ("Meja", "Rak")),
        ("Produk mana yang stoknya paling sedikit 85?", ("Ketel", "Senter")),
        ("Berapa harga meja?", ("320",)),
        ("Berapa gaji Budi Santoso?", ("2800",)),
        ("Berapa karyawan yang direkrut setelah 2020?", ("2",)),
        ("Kapan tanggal diterima pompa?", ("2024-07-19",)),
        ("Berapa banyak produk per kategori?", ("Dapur 4", "Mebel 2", "Penerangan 2")),
        ("Berapa harga rata-rata di setiap kategori?", ("Dapur 408", "Mebel 235", "Penerangan 49")),
        ("Berapa kenaikan pendapatan dari 2023 ke 2024?", ("Pendapatan 300",)),
        ("Berapa persen pendapatan naik dari 2023 ke 2024?", ("Pendapatan 20",)),
        ("Pada tahun berapa beban paling rendah?", ("2022 Beban 900",)),
        ("Ada berapa kategori yang berbeda?", ("3",)),
        ("Siapa yang gajinya paling rendah?", ("Dian Putra",)),
        ("Berapa rata-rata pendapatan dari 2022 sampai 2024?", ("Pendapatan 1500",)),
        ("Berapa pendapatan tahun 2023?", ("1500",)),
        ("Produk mana yang bukan dari dapur?", ("Meja", "Rak", "Lampu", "Senter")),
        ("Berapa berat pemanggang?", NOTHING),
        ("Berapa nomor telepon Budi Santoso?", NOTHING),
        ("Berapa banyak produk yang bergaransi dua tahun?", NOTHING),
        ("Budi Santoso digaji berapa?", ("2800",)),
        ("Siapa yang gajinya paling tinggi?", ("Eka Lestari",)),
        ("Berapa rata-rata upah orang di bagian produksi?", ("3050",)),
        ("Produk apa yang paling banyak ada di gudang?", ("Senter",)),
        ("Meja harganya berapa?", ("320",)),
        ("Ketel masih ada berapa?", ("85",)),
        ("Berapa umur Budi Santoso?", NOTHING),
        ("Berapa kali oven diperbaiki?", NOTHING),
    ],
)

SPOKEN["sw"] = Spoken(
    {
        "Orodha ya bei": rows("""
            Bidhaa | Aina | Bei | Akiba
            Friji | Jikoni | 899 | 12
            Oveni | Jikoni | 649 | 7
            Birika | Jikoni | 39 | 85
            Kibaniko | Jikoni | 45 | 40
            Meza | Samani | 320 | 15
            Rafu | Samani | 150 | 60
            Taa | Mwanga | 75 | 33
            Tochi | Mwanga | 23 | 120"""),
        "Wafanyakazi": rows("""
            Jina | Idara | Mshahara | Tarehe ya kuajiriwa
            Asha Juma | Mauzo | 3200 | 2018-03-01
            Baraka Moshi | Mauzo | 2800 | 2021-06-15
            Chausiku Ali | Uzalishaji | 3600 | 2016-11-02
            Daudi Mlima | Uzalishaji | 2500 | 2022-09-20
            Eliza Ziwa | Uhasibu | 4100 | 2019-01-10"""),
        "Ghala": rows("""
            Kipuri | Mahali | Idadi | Tarehe ya kupokelewa
            Vali | Kaskazini | 40 | 2024-03-05
            Pampu | Kaskazini | 12 | 2024-07-19
            Chujio | Kusini | 150 | 2025-01-22
            Bomba | Kusini | 75 | 2025-02-11"""),
        "Ripoti": rows("""
            Kipengele | 2022 | 2023 | 2024
            Mapato | 1200 | 1500 | 1800
            Matumizi | 900 | 1000 | 1250"""),
    },
    [
        ("Bidhaa ngapi zina bei zaidi ya 300?", ("3",)),
        ("Wafanyakazi wangapi wanafanya kazi katika idara ya mauzo?", ("2",)),
        ("Jumla ya akiba ya bidhaa zote ni ngapi?", ("372",)),
        ("Wastani wa bei ya bidhaa ni kiasi gani?", ("275",)),
        ("Wastani wa mshahara katika uzalishaji ni kiasi gani?", ("3050",)),
        ("Bidhaa ipi ni ghali zaidi?", ("Friji",)),
        ("Bidhaa ipi ni nafuu zaidi?", ("Tochi",)),
        ("Nani ana mshahara mkubwa zaidi?", ("Eliza Ziwa",)),
        ("Bidhaa tatu ghali zaidi ni zipi?", ("Friji", "Oveni", "Meza")),
        ("Bidhaa zipi zina bei chini ya 40?", ("Birika", "Tochi")),
        ("Bidhaa zipi zina bei kati ya 100 na 400?", ("Meza", "Rafu")),
        ("Bidhaa zipi zina akiba ya angalau 85?", ("Birika", "Tochi")),
        ("Meza inagharimu kiasi gani?", ("320",)),
        ("Mshahara wa Baraka Moshi ni kiasi gani?", ("2800",)),
        ("Wafanyakazi wangapi waliajiriwa baada ya 2020?", ("2",)),
        ("Tarehe ya kupokelewa ya pampu ni ipi?", ("2024-07-19",)),
        ("Kuna bidhaa ngapi kwa kila aina?", ("Jikoni 4", "Samani 2", "Mwanga 2")),
        ("Wastani wa bei kwa kila aina ni kiasi gani?", ("Jikoni 408", "Samani 235", "Mwanga 49")),
        ("Mapato yaliongezeka kwa kiasi gani kutoka 2023 hadi 2024?", ("Mapato 300",)),
        ("Mapato yaliongezeka kwa asilimia ngapi kutoka 2023 hadi 2024?", ("Mapato 20",)),
        ("Ni mwaka upi matumizi yalikuwa ya chini zaidi?", ("2022 Matumizi 900",)),
        ("Idara ipi ina wafanyakazi wengi zaidi?", ("Uzalishaji 2", "Mauzo 2")),
        ("Nani ana mshahara mdogo zaidi?", ("Daudi Mlima",)),
        ("Wastani wa mapato kutoka 2022 hadi 2024 ni kiasi gani?", ("Mapato 1500",)),
        ("Mapato ya 2023 yalikuwa kiasi gani?", ("1500",)),
        ("Bidhaa zipi si za jikoni?", ("Meza", "Rafu", "Taa", "Tochi")),
        ("Kibaniko kina uzito gani?", NOTHING),
        ("Nambari ya simu ya Baraka Moshi ni ipi?", NOTHING),
        ("Bidhaa ngapi zina dhamana ya miaka miwili?", NOTHING),
    ],
)

SPOKEN["ja"] = Spoken(
    {
        "価格表": rows("""
            商品名 | 分類 | 価格 | 在庫
            冷蔵庫 | 台所 | 899円 | 12
            オーブン | 台所 | 649円 | 7
            やかん | 台所 | 39円 | 85
            トースター | 台所 | 45円 | 40
            机 | 家具 | 320円 | 15
            本棚 | 家具 | 150円 | 60
            ランプ | 照明 | 75円 | 33
            懐中電灯 | 照明 | 23円 | 120"""),
        "社員名簿": rows("""
            氏名 | 部門 | 給料 | 入社日
            青木花子 | 営業 | 3200 | 2018-03-01
            石田太郎 | 営業 | 2800 | 2021-06-15
            上野健 | 製造 | 3600 | 2016-11-02
            遠藤美咲 | 製造 | 2500 | 2022-09-20
            大川誠 | 経理 | 4100 | 2019-01-10"""),
        "倉庫": rows("""
            部品名 | 場所 | 数量 | 入荷日
            バルブ | 北棟 | 40 | 2024-03-05
            ポンプ | 北棟 | 12 | 2024-07-19
            フィルター | 南棟 | 150 | 2025-01-22
            ホース | 南棟 | 75 | 2025-02-11"""),
        "報告書": rows("""
            項目 | 2022年 | 2023年 | 2024年
            売上高 | 1200 | 1500 | 1800
            経費 | 900 | 1000 | 1250"""),
    },
    [
        ("価格が300円を超える商品はいくつありますか？", ("3",)),
        ("営業部門の社員は何人ですか？", ("2",)),
        ("全商品の在庫の合計は？", ("372",)),
        ("商品の平均価格はいくらですか？", ("275",)),
        ("製造部門の給料の平均はいくらですか？", ("3050",)),
        ("最も高い商品はどれですか？", ("冷蔵庫",)),
        ("一番安い商品は何ですか？", ("懐中電灯",)),
        ("給料が最も高い社員は誰ですか？", ("大川誠",)),
        ("価格が高い上位3つの商品は？", ("冷蔵庫", "オーブン", "机")),
        ("40円未満の商品はどれですか？", ("やかん", "懐中電灯")),
        ("価格が100円から400円の間の商品は？", ("机", "本棚")),
        ("600円より高い商品を教えてください。", ("冷蔵庫", "オーブン")),
        ("在庫が85以上の商品は何ですか？", ("やかん", "懐中電灯")),
        ("机の値段はいくらですか？", ("320",)),
        ("石田太郎の給料はいくらですか？", ("2800",)),
        ("2021年以降に入社した社員は何人ですか？", ("2",)),
        ("ポンプの入荷日はいつですか？", ("2024-07-19",)),
        ("分類ごとの商品数はいくつですか？", ("台所 4", "家具 2", "照明 2")),
        ("分類別の平均価格は？", ("台所 408", "家具 235", "照明 49")),
        ("2023年から2024年にかけて売上高はどれだけ増えましたか？", ("売上高 300",)),
        ("2023年から2024年の売上高の増加率は？", ("売上高 20",)),
        ("経費が最も少ない年はいつですか？", ("2022年 経費 900",)),
        ("分類は何種類ありますか？", ("3",)),
        ("最も価格の安い商品は？", ("懐中電灯",)),
        ("在庫が最も多い商品の価格はいくらですか？", ("23",)),
        ("2022年から2024年までの売上高の平均は？", ("売上高 1500",)),
        ("2023年の売上高はいくらですか？", ("1500",)),
        ("台所ではない商品は何ですか？", ("机", "本棚", "ランプ", "懐中電灯")),
        ("トースターの重さはどのくらいですか？", NOTHING),
        ("石田太郎の電話番号は何ですか？", NOTHING),
        ("保証が2年の商品はいくつありますか？", NOTHING),
    ],
)

SPOKEN["zh"] = Spoken(
    {
        "价格表": rows("""
            商品名称 | 类别 | 价格 | 库存
            冰箱 | 厨房 | 899元 | 12
            烤箱 | 厨房 | 649元 | 7
            水壶 | 厨房 | 39元 | 85
            面包机 | 厨房 | 45元 | 40
            书桌 | 家具 | 320元 | 15
            书架 | 家具 | 150元 | 60
            台灯 | 照明 | 75元 | 33
            手电筒 | 照明 | 23元 | 120"""),
        "员工名册": rows("""
            姓名 | 部门 | 工资 | 入职日期
            王小明 | 销售 | 3200 | 2018-03-01
            李华 | 销售 | 2800 | 2021-06-15
            张伟 | 生产 | 3600 | 2016-11-02
            刘洋 | 生产 | 2500 | 2022-09-20
            陈静 | 财务 | 4100 | 2019-01-10"""),
        "仓库": rows("""
            零件名称 | 地点 | 数量 | 入库日期
            阀门 | 上海 | 40 | 2024-03-05
            水泵 | 上海 | 12 | 2024-07-19
            过滤器 | 北京 | 150 | 2025-01-22
            软管 | 北京 | 75 | 2025-02-11"""),
        "年度报告": rows("""
            项目 | 2022年 | 2023年 | 2024年
            营业收入 | 1200 | 1500 | 1800
            支出 | 900 | 1000 | 1250"""),
    },
    [
        ("有多少种商品的价格超过300元？", ("3",)),
        ("销售部门有多少名员工？", ("2",)),
        ("所有商品的库存总和是多少？", ("372",)),
        ("商品的平均价格是多少？", ("275",)),
        ("生产部门的平均工资是多少？", ("3050",)),
        ("哪种商品最贵？", ("冰箱",)),
        ("最便宜的商品是什么？", ("手电筒",)),
        ("谁的工资最高？", ("陈静",)),
        ("最贵的三种商品是什么？", ("冰箱", "烤箱", "书桌")),
        ("哪些商品的价格低于40元？", ("水壶", "手电筒")),
        ("价格在100元到400元之间的商品有哪些？", ("书桌", "书架")),
        ("哪些商品比600元贵？", ("冰箱", "烤箱")),
        ("库存至少85的商品有哪些？", ("水壶", "手电筒")),
        ("书桌多少钱？", ("320",)),
        ("李华的工资是多少？", ("2800",)),
        ("2020年以后入职的员工有多少？", ("2",)),
        ("水泵的入库日期是哪天？", ("2024-07-19",)),
        ("上海的零件数量一共是多少？", ("52",)),
        ("每个类别有多少种商品？", ("厨房 4", "家具 2", "照明 2")),
        ("按类别的平均价格是多少？", ("厨房 408", "家具 235", "照明 49")),
        ("从2023年到2024年营业收入增加了多少？", ("营业收入 300",)),
        ("从2023年到2024年营业收入的增长率是多少？", ("营业收入 20",)),
        ("哪一年的支出最低？", ("2022年 支出 900",)),
        ("有多少个不同的类别？", ("3",)),
        ("价格最低的商品的库存是多少？", ("120",)),
        ("2022年到2024年的平均营业收入是多少？", ("营业收入 1500",)),
        ("2023年的营业收入是多少？", ("1500",)),
        ("2021年入职的员工是谁？", ("李华",)),
        ("哪些商品不是厨房的？", ("书桌", "书架", "台灯", "手电筒")),
        ("面包机有多重？", NOTHING),
        ("李华的电话号码是多少？", NOTHING),
        ("有多少种商品保修两年？", NOTHING),
    ],
)


# A nursery garden that rents out bicycles, asked as people speak: by verbs, not by what its columns are called.
EVERYDAY: dict[str, Spoken] = {}

EVERYDAY["bn"] = Spoken(
    {
        "গাছ": rows("""
            গাছের নাম | দাম | মজুদ | উচ্চতা (সেমি) | সরবরাহকারী
            গোলাপ | 120 | 45 | 60 | সবুজ বাগান
            বেলি | 80 | 150 | 90 | রূপসী নার্সারি
            আম | 350 | 20 | 150 | সবুজ বাগান
            গাঁদা | 25 | 300 | 30 | রূপসী নার্সারি
            বাগানবিলাস | 200 | 35 | 120 | সবুজ বাগান"""),
        "কর্মচারী": rows("""
            নাম | পদ | মাসিক বেতন | যোগদানের তারিখ
            রহিম মিয়া | মালি | 15000 | 2019-04-01
            সালমা বেগম | মালি | 17000 | 2021-08-15
            তপন দাস | ক্যাশিয়ার | 20000 | 2018-01-10
            নাসরিন আক্তার | ব্যবস্থাপক | 32000 | 2015-06-01
            কামাল হোসেন | চালক | 18000 | 2022-11-20"""),
        "ভাড়া": rows("""
            ভাড়া নং | গ্রাহক | সাইকেল | তারিখ | দিন সংখ্যা | টাকা
            1 | আরিফ | বাজপাখি | 2025-03-02 | 2 | 1000
            2 | মিতা | রাজহাঁস | 2025-03-10 | 3 | 900
            3 | আরিফ | চিতা | 2025-04-05 | 1 | 700
            4 | সুমন | চিতা | 2025-04-20 | 4 | 1800
            5 | আরিফ | রাজহাঁস | 2025-05-01 | 1 | 300
            6 | মিতা | রাজহাঁস | 2025-05-15 | 2 | 600"""),
    },
    [
        ("আমাদের কাছে কোন গাছ সবচেয়ে বেশি আছে?", ("গাঁদা 300",)),
        ("মালিরা মাসে গড়ে কত টাকা কামায়?", ("16,000",)),
        ("কোন গ্রাহক সবচেয়ে বেশিবার ভাড়া নিয়েছে?", ("আরিফ 3",)),
        ("মিতা কতবার সাইকেল ভাড়া নিয়েছে?", ("2",)),
        ("মিতা সব মিলিয়ে কত টাকা খরচ করেছে?", ("1500",)),
        ("কোন গ্রাহক সবচেয়ে বেশি টাকা খরচ করেছে?", ("আরিফ 2000",)),
        ("চিতা কতটা ভারী?", NOTHING),
        ("মিতা কত দিন ভাড়া নিয়েছে?", ("2 3", "6 2")),
        ("সুমন কোথায় থাকে?", NOTHING),
    ],
)

EVERYDAY["hi"] = Spoken(
    {
        "पौधे": rows("""
            पौधे का नाम | कीमत | स्टॉक | ऊँचाई (सेमी) | आपूर्तिकर्ता
            गुलाब | 120 | 45 | 60 | हरियाली फार्म
            चमेली | 80 | 150 | 90 | रूपा नर्सरी
            आम | 350 | 20 | 150 | हरियाली फार्म
            गेंदा | 25 | 300 | 30 | रूपा नर्सरी
            बोगनवेलिया | 200 | 35 | 120 | हरियाली फार्म"""),
        "कर्मचारी": rows("""
            नाम | पद | मासिक वेतन | नियुक्ति तिथि
            राम लाल | माली | 15000 | 2019-04-01
            सीता देवी | माली | 17000 | 2021-08-15
            तरुण दास | कैशियर | 20000 | 2018-01-10
            नीता शर्मा | प्रबंधक | 32000 | 2015-06-01
            कमल सिंह | ड्राइवर | 18000 | 2022-11-20"""),
        "किराये": rows("""
            किराया क्रमांक | ग्राहक | साइकिल | तारीख | दिन | राशि
            1 | अरुण | बाज | 2025-03-02 | 2 | 1000
            2 | मीता | हंस | 2025-03-10 | 3 | 900
            3 | अरुण | चीता | 2025-04-05 | 1 | 700
            4 | सुमन | चीता | 2025-04-20 | 4 | 1800
            5 | अरुण | हंस | 2025-05-01 | 1 | 300
            6 | मीता | हंस | 2025-05-15 | 2 | 600"""),
    },
    [
        ("हमारे पास कौन सा पौधा सबसे ज़्यादा है?", ("गेंदा 300",)),
        ("माली महीने में औसतन कितना कमाते हैं?", ("16,000",)),
        ("किस ग्राहक ने सबसे ज़्यादा बार किराये पर ली?", ("अरुण 3",)),
        ("मीता ने कितनी बार साइकिल किराये पर ली?", ("2",)),
        ("मीता ने कुल कितने पैसे खर्च किए?", ("1500",)),
        ("किस ग्राहक ने सबसे ज़्यादा पैसे खर्च किए?", ("अरुण 2000",)),
        ("चीता कितनी भारी है?", NOTHING),
        ("मीता ने कितने दिन किराये पर ली?", ("2 3", "6 2")),
        ("सुमन कहाँ रहती है?", NOTHING),
    ],
)

EVERYDAY["ar"] = Spoken(
    {
        "النباتات": rows("""
            اسم النبات | السعر | المخزون | الارتفاع (سم) | المورد
            الورد | 120 | 45 | 60 | مزرعة الخضراء
            الياسمين | 80 | 150 | 90 | مشتل الروضة
            المانجو | 350 | 20 | 150 | مزرعة الخضراء
            القطيفة | 25 | 300 | 30 | مشتل الروضة
            الجهنمية | 200 | 35 | 120 | مزرعة الخضراء"""),
        "الموظفون": rows("""
            الاسم | الوظيفة | الراتب الشهري | تاريخ التعيين
            رامي سالم | بستاني | 15000 | 2019-04-01
            سلمى نور | بستاني | 17000 | 2021-08-15
            طارق داود | محاسب | 20000 | 2018-01-10
            نسرين علي | مدير | 32000 | 2015-06-01
            كمال حسين | سائق | 18000 | 2022-11-20"""),
        "الإيجارات": rows("""
            رقم الإيجار | العميل | الدراجة | التاريخ | عدد الأيام | المبلغ
            1 | عارف | صقر | 2025-03-02 | 2 | 1000
            2 | ميساء | بجعة | 2025-03-10 | 3 | 900
            3 | عارف | فهد | 2025-04-05 | 1 | 700
            4 | سمير | فهد | 2025-04-20 | 4 | 1800
            5 | عارف | بجعة | 2025-05-01 | 1 | 300
            6 | ميساء | بجعة | 2025-05-15 | 2 | 600"""),
    },
    [
        ("أي نبات عندنا منه أكثر شيء؟", ("القطيفة 300",)),
        ("كم يكسب البستاني في الشهر في المتوسط؟", ("16,000",)),
        ("أي عميل استأجر أكثر مرات؟", ("عارف 3",)),
        ("كم مرة استأجرت ميساء دراجة؟", ("2",)),
        ("كم أنفقت ميساء إجمالا؟", ("1500",)),
        ("أي عميل أنفق أكثر مال؟", ("عارف 2000",)),
        ("كم تزن الدراجة فهد؟", NOTHING),
        ("كم يوما استأجرت ميساء؟", ("2 3", "6 2")),
        ("أين يسكن سمير؟", NOTHING),
    ],
)

EVERYDAY["zh"] = Spoken(
    {
        "植物": rows("""
            植物名称 | 价格 | 库存 | 高度(厘米) | 供应商
            玫瑰 | 120 | 45 | 60 | 绿园
            茉莉 | 80 | 150 | 90 | 花语苗圃
            芒果 | 350 | 20 | 150 | 绿园
            万寿菊 | 25 | 300 | 30 | 花语苗圃
            三角梅 | 200 | 35 | 120 | 绿园"""),
        "员工": rows("""
            姓名 | 职位 | 月薪 | 入职日期
            李大山 | 园丁 | 15000 | 2019-04-01
            孙美玲 | 园丁 | 17000 | 2021-08-15
            唐志强 | 收银员 | 20000 | 2018-01-10
            倪晓芳 | 店长 | 32000 | 2015-06-01
            康建国 | 司机 | 18000 | 2022-11-20"""),
        "租车记录": rows("""
            租车编号 | 客户 | 自行车 | 日期 | 天数 | 金额
            1 | 阿力 | 猎鹰 | 2025-03-02 | 2 | 1000
            2 | 米娜 | 天鹅 | 2025-03-10 | 3 | 900
            3 | 阿力 | 猛虎 | 2025-04-05 | 1 | 700
            4 | 苏明 | 猛虎 | 2025-04-20 | 4 | 1800
            5 | 阿力 | 天鹅 | 2025-05-01 | 1 | 300
            6 | 米娜 | 天鹅 | 2025-05-15 | 2 | 600"""),
    },
    [
        ("我们哪种植物最多？", ("万寿菊 300",)),
        ("园丁平均一个月挣多少钱？", ("16,000",)),
        ("哪个客户租车次数最多？", ("阿力 3",)),
        ("米娜租了几次车？", ("2",)),
        ("米娜一共花了多少钱？", ("1500",)),
        ("哪个客户花钱最多？", ("阿力 2000",)),
        ("猛虎有多重？", NOTHING),
        ("米娜租了几天？", ("2 3", "6 2")),
        ("苏明住在哪里？", NOTHING),
    ],
)

EVERYDAY["ja"] = Spoken(
    {
        "植物": rows("""
            植物名 | 価格 | 在庫 | 高さ(cm) | 仕入先
            バラ | 120 | 45 | 60 | 緑園
            ジャスミン | 80 | 150 | 90 | 花苗センター
            マンゴー | 350 | 20 | 150 | 緑園
            マリーゴールド | 25 | 300 | 30 | 花苗センター
            ブーゲンビリア | 200 | 35 | 120 | 緑園"""),
        "従業員": rows("""
            氏名 | 職種 | 月給 | 入社日
            鈴木一郎 | 庭師 | 15000 | 2019-04-01
            佐藤幸子 | 庭師 | 17000 | 2021-08-15
            高橋健二 | 会計 | 20000 | 2018-01-10
            中村真理 | 店長 | 32000 | 2015-06-01
            木村洋介 | 運転手 | 18000 | 2022-11-20"""),
        "レンタル": rows("""
            レンタル番号 | 顧客 | 自転車 | 日付 | 日数 | 金額
            1 | 有田 | ハヤブサ | 2025-03-02 | 2 | 1000
            2 | 三田 | スワン | 2025-03-10 | 3 | 900
            3 | 有田 | タイガー | 2025-04-05 | 1 | 700
            4 | 須永 | タイガー | 2025-04-20 | 4 | 1800
            5 | 有田 | スワン | 2025-05-01 | 1 | 300
            6 | 三田 | スワン | 2025-05-15 | 2 | 600"""),
    },
    [
        ("うちに一番多くある植物は何ですか？", ("マリーゴールド 300",)),
        ("庭師は月に平均いくら稼いでいますか？", ("16,000",)),
        ("一番よく借りた顧客は誰ですか？", ("有田 3",)),
        ("三田は何回自転車を借りましたか？", ("2",)),
        ("三田は全部でいくら使いましたか？", ("1500",)),
        ("一番お金を使った顧客は誰ですか？", ("有田 2000",)),
        ("タイガーはどのくらい重いですか？", NOTHING),
        ("三田は何日間借りましたか？", ("2 3", "6 2")),
        ("須永はどこに住んでいますか？", NOTHING),
    ],
)

EVERYDAY["sw"] = Spoken(
    {
        "Mimea": rows("""
            Jina la mmea | Bei | Akiba | Kimo (cm) | Msambazaji
            Waridi | 120 | 45 | 60 | Shamba Kijani
            Yasmini | 80 | 150 | 90 | Bustani Njema
            Mwembe | 350 | 20 | 150 | Shamba Kijani
            Kitambaa | 25 | 300 | 30 | Bustani Njema
            Boganvilia | 200 | 35 | 120 | Shamba Kijani"""),
        "Wafanyakazi": rows("""
            Jina | Cheo | Mshahara wa mwezi | Tarehe ya kuajiriwa
            Rashidi Musa | Mtunza bustani | 15000 | 2019-04-01
            Salma Omari | Mtunza bustani | 17000 | 2021-08-15
            Tumaini Daudi | Mhasibu | 20000 | 2018-01-10
            Neema Ali | Meneja | 32000 | 2015-06-01
            Kamau Hassan | Dereva | 18000 | 2022-11-20"""),
        "Ukodishaji": rows("""
            Namba ya ukodishaji | Mteja | Baiskeli | Tarehe | Siku | Kiasi
            1 | Arafa | Mwewe | 2025-03-02 | 2 | 1000
            2 | Mariamu | Batamaji | 2025-03-10 | 3 | 900
            3 | Arafa | Chui | 2025-04-05 | 1 | 700
            4 | Sudi | Chui | 2025-04-20 | 4 | 1800
            5 | Arafa | Batamaji | 2025-05-01 | 1 | 300
            6 | Mariamu | Batamaji | 2025-05-15 | 2 | 600"""),
    },
    [
        ("Mmea upi tunao kwa wingi zaidi?", ("Kitambaa 300",)),
        ("Mtunza bustani analipwa wastani wa kiasi gani?", ("16,000",)),
        ("Mteja yupi amekodi mara nyingi zaidi?", ("Arafa 3",)),
        ("Mariamu amekodi baiskeli mara ngapi?", ("2",)),
        ("Mariamu ametumia pesa ngapi kwa jumla?", ("1500",)),
        ("Mteja yupi ametumia pesa nyingi zaidi?", ("Arafa 2000",)),
        ("Chui inakwenda kasi gani?", NOTHING),
        ("Mariamu amekodi siku ngapi?", ("2 3", "6 2")),
        ("Sudi anaishi wapi?", NOTHING),
    ],
)


Ask = Callable[[str], TableAnswer | None]


@pytest.fixture(scope="module", params=codes())
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Ask]]:
    """A language, and what asks its tables: one process a language runs all its queries."""
    yield from asking(request.param, SPOKEN, tmp_path_factory)


@pytest.fixture(scope="module", params=sorted(EVERYDAY))
def asked_in_everyday_words(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Ask]]:
    yield from asking(request.param, EVERYDAY, tmp_path_factory)


def asking(
    code: str, spoken: Mapping[str, Spoken], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Ask]]:
    path = tmp_path_factory.mktemp(code) / "tables.sqlite"
    store = TableStore(path, Analyser(code))
    store.put([document(name, table, code) for name, table in spoken[code].tables.items()])
    asker = TableAsker(store, QueryRunner(path), Analyser(code))
    yield code, lambda question: certain(asker.ask(question, code, lambda documents: documents))
    asker.close()


def document(name: str, table: Rows, code: str) -> Document:
    builder = TextBuilder()
    builder.add("heading", name, level=1)
    builder.add_table(table)
    blocks, tables = tuple(builder.blocks), tuple(builder.tables)
    return Document(document_id(name), name, name, builder.text, blocks, "text/plain", language=code, tables=tables)


def test_every_question_gets_its_value_or_none(asked):
    code, ask = asked
    assert not wrong(SPOKEN[code].asked, ask)


def test_questions_in_everyday_words_get_their_value_or_none(asked_in_everyday_words):
    code, ask = asked_in_everyday_words
    assert not wrong(EVERYDAY[code].asked, ask)


def wrong(asked: Sequence[tuple[str, tuple[str, ...]]], ask: Ask) -> list[tuple[str, list[str], tuple[str, ...]]]:
    """Questions that get another answer, with what they get and what they should."""
    found = []
    for question, values in asked:
        answer = ask(question)
        said = [line.text for line in answer.lines] if answer else []
        if len(said) != len(values) or not all(any(holds(line, value) for line in said) for value in values):
            found.append((question, said, values))
    return found


def holds(line: str, value: str) -> bool:
    """Whether all words of a value are in a line, and each number as it is, whatever the unit beside it."""
    return all(regex.search(rf"(?<![\d.,]){regex.escape(part)}(?!\d|[.,]\d)", line) for part in value.split())


@pytest.mark.parametrize(
    ("code", "columns", "sign", "question"),
    [
        ("id", "Produk,Harga", "Rp ", "Berapa rata-rata harga produk?"),
        ("pt", "Artigo,Preço", "R$ ", "Qual é o preço médio dos artigos?"),
    ],
)
def test_a_sign_of_money_before_a_number_makes_no_word_of_it(code, columns, sign, question, tables):
    rows = "".join(f'{name},"{sign}{price}"\n' for name, price in (("Alfa", 20), ("Beta", 40), ("Gama", 60)))
    said = tables({"list.csv": f"{columns}\n{rows}"}, code)(question)
    assert said is not None
    assert holds(said.lines[0].text, "40")

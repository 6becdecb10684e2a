"""The row of a table whose range holds the amount that is asked of."""

from __future__ import annotations

import pytest

from metier import Expert

FEES = {
    "en": (
        "fees.csv",
        "Service,Fee\nDelivery up to 20 km,€25\nDelivery 21-50 km,€55\nDelivery 51 to 100 km,€90\n"
        "Delivery over 100 km,€1.20 per km\n",
    ),
    "es": (
        "tarifas.csv",
        "Concepto;Precio\nTransporte hasta 20 km;25 €\nTransporte de 21 a 50 km;55 €\nTransporte de 51 a 100 km;90 €\n"
        "Transporte a más de 100 km;1,20 € por km\n",
    ),
    "de": ("Versand.csv", "Paket;Preis\nPaket bis 2 kg;4,90 €\nPaket 2 bis 5 kg;6,90 €\nPaket über 5 kg;11,50 €\n"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "asked"),
    [
        ("en", {"What does delivery cost for 80 km?": "90", "What does delivery cost for 15 km?": "25"}),
        ("es", {"¿Cuánto cuesta el transporte a 80 km?": "90", "¿Cuánto cuesta el transporte a 130 km?": "1,20"}),
        ("de", {"Was kostet ein Paket mit 3 kg?": "6,90", "Was kostet ein Paket mit 800 g?": "4,90"}),
    ],
)
def test_the_row_whose_range_holds_the_amount_is_quoted(language, asked, tmp_path):
    name, content = FEES[language]
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / name).write_text(content)
    with Expert.create(tmp_path / "fees", language=language) as expert:
        expert.add(str(tmp_path / "docs"))
        expert.sync()
        for question, price in asked.items():
            assert price in expert.ask(question, abstain=False).text, question

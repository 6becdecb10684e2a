"""Exponents stay exponents, and marks of footnotes are no part of a figure, whatever format they are read from."""

import pytest

from metier.parsing.core.superscripts import joined

UP, DOWN = "raised", "lowered"


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["lasts 10", (UP, "6"), " load cycles"], "lasts 10⁶ load cycles"),
        (["2 × 10", (UP, "-9"), " mbar"], "2 × 10⁻⁹ mbar"),
        (["2 × 10", (UP, "-"), (UP, "9"), " mbar"], "2 × 10⁻⁹ mbar"),
        (["3 × 10 ", (UP, "6"), " W"], "3 × 10⁶ W"),
        (["10", (UP, "n"), " and 10", (UP, "2x")], "10ⁿ and 10^(2x)"),
        (["10", (UP, "6 "), "cycles"], "10⁶ cycles"),
        (["2", (UP, "32"), " addresses; 4", (UP, "2"), " = 16"], "2³² addresses; 4² = 16"),
        (["an area of 12 m", (UP, "2"), " and 5 cm", (UP, "3")], "an area of 12 m² and 5 cm³"),
        (["9.81 m/s", (UP, "2"), "; 0.9 kg/m", (UP, "3")], "9.81 m/s²; 0.9 kg/m³"),
        (["12 ft", (UP, "2"), ", 30 lb/in", (UP, "2")], "12 ft², 30 lb/in²"),
        (["1200 Nm", (UP, "3"), "/h"], "1200 Nm³/h"),
        (["I = 5 mm", (UP, "4")], "I = 5 mm⁴"),
        (["x", (UP, "2"), " + 3y", (UP, "3"), " = 0"], "x² + 3y³ = 0"),
        (["E = mc", (UP, "2"), ", A = πr", (UP, "2")], "E = mc², A = πr²"),
        (["an R", (UP, "2"), " of 0.93"], "an R² of 0.93"),
        (["sin", (UP, "2"), " φ, tan", (UP, "-1"), " φ"], "sin² φ, tan⁻¹ φ"),
        (["v = (a/b)", (UP, "2")], "v = (a/b)²"),
        (["N(t) = N e", (UP, "-kt")], "N(t) = N e^(-kt)"),
        (["Ca", (UP, "2+"), ", Na", (UP, "+"), ", SO", (DOWN, "4"), (UP, "2-")], "Ca²⁺, Na⁺, SO4²⁻"),
        (["of ", (UP, "14"), "C and ", (UP, "238"), "U"], "of ¹⁴C and ²³⁸U"),
        (["20 ", (UP, "o"), "C, 30", (UP, "0"), "C"], "20 °C, 30°C"),
        (["5", (UP, "1"), "/", (DOWN, "2"), " inches"], "5 1/2 inches"),
        ([(UP, "3"), "⁄", (DOWN, "4"), " full"], "3⁄4 full"),
        (["2", (UP, "e"), "; 21", (UP, "st"), " and 2", (UP, "nd"), ", 1", (UP, "er")], "2e; 21st and 2nd, 1er"),
        (["Métier", (UP, "TM")], "Métier™"),
        (["The nuts take 840 Nm", (UP, "1"), "."], "The nuts take 840 Nm [1]."),
        (["840 Nm", (UP, "2"), ", 910 kNm", (UP, "3")], "840 Nm [2], 910 kNm [3]"),
        (["volume is 120", (UP, "2"), " litres"], "volume is 120 [2] litres"),
        (["1,234", (UP, "a"), " and 210", (UP, "6"), ", 3.10", (UP, "1")], "1,234 [a] and 210 [6], 3.10 [1]"),
        (["12 A", (UP, "2"), ", 60 °C", (UP, "3"), ", 5 %", (UP, "4")], "12 A [2], 60 °C [3], 5 % [4]"),
        (["Vitamin C", (UP, "2")], "Vitamin C [2]"),
        (["Flow (kg/h)", (UP, "2")], "Flow (kg/h) [2]"),
        (["threads only.", (UP, "1,2"), " See Smith", (UP, "12–14")], "threads only. [1,2] See Smith [12–14]"),
        (["as told", (UP, "[3]"), " before", (UP, "(1)")], "as told [3] before (1)"),
        (["Price 90 EUR", (UP, "*")], "Price 90 EUR*"),
        ([(UP, "1"), " Dry threads. ", (UP, "2"), " Without cooler."], "[1] Dry threads. [2] Without cooler."),
        ([(UP, "1"), "Dry threads only."], "[1] Dry threads only."),
        (["5 m", ("note", "2"), " wide"], "5 m [2] wide"),
        (["word", ("note", "1"), ("note", "2"), "."], "word [1] [2]."),
        (["CO", (DOWN, "2"), " and H", (DOWN, "2"), "O"], "CO2 and H2O"),
        (["1010", (DOWN, "2"), " is 10", (DOWN, "10"), ", log", (DOWN, "2"), "8"], "1010₂ is 10₁₀, log₂8"),
        (["word", (UP, "citation needed"), " more"], "word citation needed more"),
        ([(UP, "all of this paragraph is raised")], "all of this paragraph is raised"),
    ],
)  # fmt: skip
def test_what_is_raised_or_lowered(pieces, expected):
    assert joined(piece[::-1] if isinstance(piece, tuple) else (piece, "") for piece in pieces) == expected

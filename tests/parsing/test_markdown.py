"""Markdown as people write it: loose lists, footnotes, raised and struck text."""

from __future__ import annotations

import pytest

from .conftest import kinds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lasts 10<sup>6</sup> cycles, 3 x 10^6 W, 10^-9^ m, 5 m^2^", "lasts 10⁶ cycles, 3 x 10^6 W, 10⁻⁹ m, 5 m²"),
        ("840 Nm<sup>1</sup> and 910 Nm^2^", "840 Nm [1] and 910 Nm [2]"),
        ("CO~2~ and H<sub>2</sub>O", "CO2 and H2O"),
        ("x^2+y^2 = 3, x^2y^2, ~5 and ~6 km, ~/bin and ~/lib", "x^2+y^2 = 3, x^2y^2, ~5 and ~6 km, ~/bin and ~/lib"),
        ("take ~~840 Nm~~ 910 Nm or ~55 Nm~ 62 Nm", "take 910 Nm or 62 Nm"),
        ("`10^6^ [^1] ~a~`", "10^6^ [^1] ~a~"),
    ],
)
def test_what_is_raised_lowered_or_struck(parse, text, expected):
    assert parse("a.md", text).text == expected


def test_footnotes_are_kept_with_their_marks(parse):
    text = (
        "The nuts take 840 Nm.[^1] See also[^long].\n\n[^1]: dry\n[^long]: A note of\nseveral lines.\n\n"
        "    And a second paragraph.\n\nMore text.\n\n[^9]: unused\n\n[link]: http://example.com\n\nSee [link].\n"
    )
    assert kinds(parse("a.md", text), "paragraph") == [
        "The nuts take 840 Nm. [1] See also [long].",
        "[1] dry",
        "[long] A note of several lines.",
        "And a second paragraph.",
        "More text.",
        "[9] unused",
        "See link.",
    ]


def test_the_case_of_a_loose_list(parse, cases):
    document = parse("steps.md", (cases / "13-md-loose-list" / "steps.md").read_bytes())
    items = kinds(document, "list")
    assert items[:3] == [
        "1. Close valve V1.",
        "2. Open the bleed screw by half a turn.\nWait until no bubbles come.",
        "3. Close the screw with 12 Nm.",
    ]
    assert items[3:6] == ["Tools", "Spanner 11", "long version"]
    assert "Text with a note. [1]" in document.text
    assert "[1] 840Nm" in document.text
    assert "[2] The second note has several words." in document.text

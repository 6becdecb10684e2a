"""What the style of a cell in an XLSX says: how it shows numbers, whether it is struck through, how far set in."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from metier.parsing.core.regions import LEVEL, leading_blanks
from metier.parsing.office.moments import SHORT_DATE
from metier.parsing.office.numbers import Notation, NumberFormat, plain_number

# ECMA-376 part 1, 18.8.30. The dollar of 5 to 8, 42 and 44 is meant: spreadsheet programs write the formats of other
# currencies out, and libraries write the number alone for the dollar's.
BUILT_IN_FORMATS = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: SHORT_DATE,
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: f"{SHORT_DATE} h:mm",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
}
BUILT_IN_FORMATS |= dict.fromkeys((5, 6), '"$"#,##0;("$"#,##0)') | dict.fromkeys((7, 8), '"$"#,##0.00;("$"#,##0.00)')
BUILT_IN_FORMATS |= dict.fromkeys((37, 38), "#,##0;(#,##0)") | dict.fromkeys((39, 40), "#,##0.00;(#,##0.00)")
BUILT_IN_FORMATS |= {41: '#,##0;(#,##0);"-"', 42: '"$"#,##0;"$"(#,##0);"$-"'}
BUILT_IN_FORMATS |= {43: '#,##0.00;(#,##0.00);"-"', 44: '"$"#,##0.00;"$"(#,##0.00);"$-"'}
BUILT_IN_FORMATS |= dict.fromkeys([*range(27, 37), *range(50, 59)], "yyyy-mm-dd")  # dates of East Asian versions


class CellStyles:
    """Styles by their index in the workbook, as cells name them."""

    def __init__(self, styles: Element | None, workbook: Element, language: str) -> None:
        properties = workbook.find("x:workbookPr")
        self._from_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        self._notation = Notation.of(language)
        self._formats: list[NumberFormat] = []
        self._struck: set[int] = set()
        self._indents: dict[int, int] = {}
        if styles is None:
            return
        own = {element.get("numFmtId", ""): element.get("formatCode", "") for element in styles.iter("x:numFmt")}
        struck = [is_on(font.find("x:strike")) for font in styles.find("x:fonts") or ()]
        for index, element in enumerate(styles.find("x:cellXfs") or ()):
            identifier, font = element.get("numFmtId", "0"), element.get("fontId", "")
            code = own.get(identifier) or (BUILT_IN_FORMATS.get(int(identifier), "") if identifier.isdigit() else "")
            self._formats.append(NumberFormat.of(code))
            if font.isdigit() and int(font) < len(struck) and struck[int(font)]:
                self._struck.add(index)
            alignment = element.find("x:alignment")
            indent = alignment.get("indent", "") if alignment is not None else ""
            if indent.isdigit() and int(indent):
                self._indents[index] = int(indent)

    def show(self, raw: str, style: str) -> str:
        """Text of a number cell. `style`: the cell's index into the workbook's styles."""
        try:
            value = float(raw)
        except ValueError:
            return raw.strip()
        form = self._format(style)
        if form is None:
            return plain_number(value, self._notation)
        return form.show(value, self._notation, from_1904=self._from_1904)

    def plain(self, raw: str) -> str:
        """Text of a number as if it had no format."""
        return plain_number(float(raw), self._notation)

    def show_text(self, text: str, style: str) -> str:
        """A text as a cell of this style shows it."""
        form = self._format(style)
        return text if form is None or form.plain else form.show_text(text)

    def is_struck(self, style: str) -> bool:
        return bool(self._struck) and style.isdigit() and int(style) in self._struck

    def indent(self, style: str, text: str) -> float:
        """How far a text is set in, in the width of a blank."""
        steps = self._indents.get(int(style), 0) if self._indents and style.isdigit() else 0
        return float(steps * LEVEL + leading_blanks(text))

    def _format(self, style: str) -> NumberFormat | None:
        return self._formats[int(style)] if style.isdigit() and int(style) < len(self._formats) else None


def is_on(element: Element | None) -> bool:
    """Whether a property without a value, or with one that is not "off", is there."""
    return element is not None and (element.get("val") or element.get("x:val") or "1") not in ("0", "false", "off")

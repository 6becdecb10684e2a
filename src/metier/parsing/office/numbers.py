"""Numbers of a workbook as it shows them: dates, percentages, fixed decimals. Others stay as they were typed."""

from __future__ import annotations

import datetime
import re
from xml.etree.ElementTree import Element

_BUILT_IN = {
    9: "0%",
    10: "0.00%",
    14: "yyyy-mm-dd",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm",
    19: "h:mm:ss",
}
_BUILT_IN |= {20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss"}
_BUILT_IN |= dict.fromkeys([*range(27, 37), *range(50, 59)], "yyyy-mm-dd")  # dates of East Asian versions
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h|m|s)[^\]]*\]', re.IGNORECASE)


class Formats:
    """What each cell style makes of a number."""

    def __init__(self, styles: Element | None, workbook: Element) -> None:
        properties = workbook.find("x:workbookPr")
        self._epoch_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        self._codes: list[str] = []
        if styles is None:
            return
        own = {}
        for element in styles.iter("x:numFmt"):
            own[element.get("numFmtId", "")] = element.get("formatCode", "")
        for element in styles.find("x:cellXfs") or ():
            identifier = element.get("numFmtId", "0")
            code = own.get(identifier) or (_BUILT_IN.get(int(identifier), "") if identifier.isdigit() else "")
            self._codes.append(_LITERAL.sub("", code.split(";")[0]).lower())

    def show(self, raw: str, style: str) -> str:
        """Text of a number cell. `style`: the cell's index into the workbook's styles."""
        try:
            value = float(raw)
        except ValueError:
            return raw.strip()
        code = self._codes[int(style)] if style.isdigit() and int(style) < len(self._codes) else ""
        if re.search(r"[ydhs]|m{3,}|\[m", code) and "general" not in code:
            return self._moment(value, code)
        if "%" in code:
            return f"{value * 100:.{_decimals(code)}f}%"
        if re.search(r"\.0", code) and "e" not in code:
            return f"{value:.{_decimals(code)}f}"
        return plain_number(value)

    def _moment(self, value: float, code: str) -> str:
        dated = "y" in code or "d" in code or "mmm" in code
        if not dated:
            seconds = round(value * 86400) if "[" in code else round(value % 1 * 86400)
            hours, rest = divmod(seconds, 3600)
            return f"{hours}:{rest // 60:02d}" + (f":{rest % 60:02d}" if "s" in code else "")
        start = datetime.datetime(1904, 1, 1) if self._epoch_1904 else datetime.datetime(1899, 12, 30)
        try:
            moment = start + datetime.timedelta(days=value)
        except (OverflowError, ValueError):
            return plain_number(value)
        moment = (moment + datetime.timedelta(microseconds=500_000)).replace(microsecond=0)
        timed = "h" in code or moment.time() != datetime.time(0)
        if not timed:
            return moment.date().isoformat()
        return moment.isoformat(sep=" ", timespec="seconds" if moment.second or "s" in code else "minutes")


def plain_number(value: float) -> str:
    """A float without the noise of binary fractions: `0.1`, not `0.1000000000000000055`; `42`, not `42.0`."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.15g}"


def _decimals(code: str) -> int:
    match = re.search(r"\.([0#?]+)", code)
    return min(10, len(match[1])) if match else 0

"""Office formulas (OMML) as one line of text: `a^2+b^2`, `(n π x)/L`, `2 1/2`, in the order in which they are read."""

from __future__ import annotations

from xml.etree.ElementTree import Element


def formula(element: Element) -> str:
    """Linear text of a formula. Unknown structures give their parts one after the other."""
    return " ".join(_linear(element).split())


def braced(text: str) -> str:
    """A part of a formula as one operand: in brackets where it is more than a character or a number."""
    text = text.strip()
    return text if len(text) <= 1 or text.replace(".", "", 1).isdecimal() else f"({text})"


def _linear(element: Element) -> str:
    tag = element.tag
    if tag == "m:t":
        return element.text or ""
    if tag == "m:f":
        over = " over " if _setting(element, "m:fPr", "m:type", "") == "noBar" else "/"
        return f"{_group(element, 'm:num')}{over}{_group(element, 'm:den')}"
    if tag in ("m:sSup", "m:sSub", "m:sSubSup"):
        return _part(element, "m:e") + _limits(element)
    if tag == "m:sPre":
        return f" {_limits(element)} {_part(element, 'm:e')}"
    if tag in ("m:limLow", "m:limUpp"):
        return f"{_part(element, 'm:e')}{'_' if tag == 'm:limLow' else '^'}{_group(element, 'm:lim')} "
    if tag == "m:rad":
        degree = _part(element, "m:deg")
        return f"√{f'[{degree}]' if degree else ''}({_part(element, 'm:e')})"
    if tag == "m:nary":
        return f" {_setting(element, 'm:naryPr', 'm:chr', '∫')}{_limits(element)} {_part(element, 'm:e')}"
    if tag == "m:d":
        opened, closed = _setting(element, "m:dPr", "m:begChr", "("), _setting(element, "m:dPr", "m:endChr", ")")
        return opened + ", ".join(_linear(part) for part in element.findall("m:e")) + closed
    if tag == "m:func":
        return f"{_part(element, 'm:fName')} {_part(element, 'm:e')}"
    if tag in ("m:mr", "m:eqArr"):
        between = " " if tag == "m:mr" else "; "
        return between.join(_linear(part) for part in element if not part.tag.endswith("Pr")) + "; " * (tag == "m:mr")
    return _sequence(element)


def _sequence(element: Element) -> str:
    """Parts one after the other; a fraction behind a number is apart from it: `2 1/2` is not `21/2`."""
    found = ""
    for child in element:
        if not child.tag.endswith("Pr"):
            text = _linear(child)
            found += f" {text}" if child.tag == "m:f" and found[-1:].isdigit() else text
    return found


def _limits(element: Element) -> str:
    below, above = _part(element, "m:sub"), _part(element, "m:sup")
    return (f"_{braced(below)}" if below else "") + (f"^{braced(above)}" if above else "")


def _part(element: Element, name: str) -> str:
    found = element.find(name)
    return _linear(found) if found is not None else ""


def _setting(element: Element, properties: str, name: str, default: str) -> str:
    parent = element.find(properties)
    found = parent.find(name) if parent is not None else None
    return found.get("m:val", default) if found is not None else default


def _group(element: Element, name: str) -> str:
    return braced(_part(element, name))

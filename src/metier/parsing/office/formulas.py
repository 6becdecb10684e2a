"""Office formulas (OMML) as one line of text: `a^(2)+b^(2)`, `(n π x)/(L)`, in the order in which they are read."""

from __future__ import annotations

from xml.etree.ElementTree import Element


def formula(element: Element) -> str:
    """Linear text of a formula. Unknown structures give their parts one after the other."""
    return " ".join(_linear(element).split())


def _linear(element: Element) -> str:
    tag = element.tag
    if tag == "m:t":
        return element.text or ""
    if tag == "m:f":
        return f"{_group(element, 'm:num')}/{_group(element, 'm:den')}"
    if tag in ("m:sSup", "m:sSub", "m:sSubSup"):
        below, above = _part(element, "m:sub"), _part(element, "m:sup")
        return _part(element, "m:e") + (f"_{_braced(below)}" if below else "") + (f"^{_braced(above)}" if above else "")
    if tag == "m:rad":
        degree = _part(element, "m:deg")
        return f"√{f'[{degree}]' if degree else ''}({_part(element, 'm:e')})"
    if tag == "m:nary":
        sign = _setting(element, "m:naryPr", "m:chr", "∫")
        below, above = _part(element, "m:sub"), _part(element, "m:sup")
        limits = (f"_{_braced(below)}" if below else "") + (f"^{_braced(above)}" if above else "")
        return f" {sign}{limits} {_part(element, 'm:e')}"
    if tag == "m:d":
        opened, closed = _setting(element, "m:dPr", "m:begChr", "("), _setting(element, "m:dPr", "m:endChr", ")")
        return opened + ", ".join(_linear(part) for part in element.findall("m:e")) + closed
    if tag == "m:func":
        return f"{_part(element, 'm:fName')} {_part(element, 'm:e')}"
    if tag == "m:mr":
        return " ".join(_linear(part) for part in element) + "; "
    return "".join(_linear(child) for child in element if not child.tag.endswith("Pr"))


def _part(element: Element, name: str) -> str:
    found = element.find(name)
    return _linear(found) if found is not None else ""


def _setting(element: Element, properties: str, name: str, default: str) -> str:
    parent = element.find(properties)
    found = parent.find(name) if parent is not None else None
    return found.get("m:val", default) if found is not None else default


def _group(element: Element, name: str) -> str:
    return _braced(_part(element, name))


def _braced(text: str) -> str:
    return text if len(text.strip()) <= 1 else f"({text})"

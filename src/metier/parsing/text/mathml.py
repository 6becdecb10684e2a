"""MathML as one line of text, written as Office formulas are: `1/2`, `2 1/2`, `x^2`, `10^(-9)`, `√(a+b)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metier.parsing.office.formulas import braced

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_DEEPEST = 60
_DROPPED = ("annotation", "annotation-xml", "mphantom")
_INVISIBLE = dict.fromkeys(range(0x2061, 0x2065))  # applied, times, separated by, plus: without a sign
_SPACES = ("mspace", "mtr", "mlabeledtr")


def mathml(node: LexborNode) -> str:
    """Linear text of a `math` element."""
    return " ".join(_linear(node, 0).translate(_INVISIBLE).split())


def _linear(node: LexborNode, depth: int) -> str:
    tag = node.tag or ""
    if tag == "-text":
        return " ".join((node.text_content or "").split())
    if tag in _DROPPED or tag[:1] == "!":
        return ""
    if depth > _DEEPEST:
        return node.text(separator=" ")
    children = [child for child in node.iter(include_text=True) if child.tag != "-text" or child.text(strip=True)]
    parts = [_linear(child, depth + 1) for child in children]
    if tag == "mfrac" and len(parts) == 2:
        over = " over " if (node.attributes.get("linethickness") or "").startswith("0") else "/"
        return f"{braced(parts[0])}{over}{braced(parts[1])}"
    if tag in ("msup", "mover") and len(parts) == 2:
        accent = tag == "mover" and not any(c.isalnum() for c in parts[1])
        return parts[0] + parts[1] if accent else _with(parts[0], "", parts[1])
    if tag in ("msub", "munder") and len(parts) == 2:
        return _with(parts[0], parts[1], "")
    if tag in ("msubsup", "munderover") and len(parts) == 3:
        return _with(*parts)
    if tag == "msqrt":
        return f"√({''.join(parts)})"
    if tag == "mroot" and len(parts) == 2:
        return f"√[{parts[1]}]({parts[0]})"
    if tag == "mfenced":
        opened, closed = node.attributes.get("open") or "(", node.attributes.get("close") or ")"
        return opened + ", ".join(parts) + closed
    if tag in _SPACES:
        return " ".join(parts) + ("; " if tag != "mspace" else " ")
    found = ""
    for child, part in zip(children, parts, strict=True):
        apart = found[-1:].isdigit() and (child.tag == "mfrac" or (child.tag == "mn" and tag != "mn"))
        found += f" {part}" if apart else part
    return found


def _with(base: str, below: str, above: str) -> str:
    return base + (f"_{braced(below)}" if below else "") + (f"^{braced(above)}" if above else "")

"""What is filled into an HTML form: the option that is chosen, boxes with their state before their label, text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

CHOSEN, NOT_CHOSEN = "☑", "☐"
_BOXES = ("checkbox", "radio")
_LINES = ("text", "email", "tel", "url", "number", "date", "search", "time", "month", "week", "datetime-local", "range")
_UP = 6  # elements between a box and the label around it


class Boxes:
    """Check boxes and radio buttons of a page, each told where its label begins, else where it stands."""

    def __init__(self, tree: LexborHTMLParser) -> None:
        self._of_label: dict[int, str] = {}
        self._told: set[int] = set()
        inputs = [node for node in tree.css("input[type]") if (node.attributes["type"] or "").lower() in _BOXES]
        named = {label.attributes["for"]: label for label in tree.css("label[for]")} if inputs else {}
        for node in inputs:
            label = _around(node) or named.get(node.attributes.get("id") or None)
            if label is not None and label.mem_id not in self._of_label:
                self._of_label[label.mem_id] = _state("checked" in node.attributes)
                self._told.add(node.mem_id)

    def before(self, node: LexborNode) -> str:
        """What stands before the text of a label."""
        state = self._of_label.get(node.mem_id)
        return f" {state} " if state else ""

    def value(self, node: LexborNode) -> str:
        """What an `input` shows."""
        kind = (node.attributes.get("type") or "text").lower()
        if kind in _BOXES:
            return "" if node.mem_id in self._told else f" {_state('checked' in node.attributes)} "
        return f" {node.attributes.get('value') or ''} " if kind in _LINES else ""


def drawn_box(attributes: dict[str, str | None]) -> str:
    """The state of a box that a page draws itself, "" for what is none."""
    if attributes.get("role") in (*_BOXES, "switch") and attributes.get("aria-checked") in ("true", "false"):
        return f" {_state(attributes['aria-checked'] == 'true')} "
    return ""


def chosen(select: LexborNode) -> str:
    """The options that are chosen; none where the first one only asks to choose."""
    options = select.css("option")
    picked = [option for option in options if "selected" in option.attributes]
    if not picked and "multiple" not in select.attributes:
        shown = [option for option in options if "disabled" not in option.attributes][:1]
        picked = [option for option in shown if option.attributes.get("value", " ") != ""]
    return f" {', '.join(filter(None, map(_label, picked)))} "


def _label(option: LexborNode) -> str:
    return " ".join((option.attributes.get("label") or option.text()).split())


def _around(node: LexborNode) -> LexborNode | None:
    """The label that a box stands in."""
    parent = node.parent
    for _step in range(_UP):
        if parent is None or parent.tag == "label":
            return parent
        parent = parent.parent
    return None


def _state(checked: bool) -> str:
    return CHOSEN if checked else NOT_CHOSEN

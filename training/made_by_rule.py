"""Examples made by rule: tables of many trades, the same facts in sentences, and procedures in steps.

All names, codes and figures are drawn at random, so that nothing can be known by heart: what can be learned is how a
question's name and attribute meet a row's.
"""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import wordings

from examples import Example

Draw = Callable[[random.Random], str]
VOCABULARY = json.loads((Path(__file__).parent / "vocabulary.json").read_text(encoding="utf-8"))
_FIRST, _LAST = VOCABULARY["first_names"], VOCABULARY["last_names"]
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def _number(low: int, high: int, *units: str) -> Draw:
    def draw(rng: random.Random) -> str:
        number = rng.randint(low, high)
        figure = f"{number:,}" if number > 9999 and rng.random() < 0.5 else str(number)
        figure = f"{number / 10:.1f}" if number < 500 and rng.random() < 0.25 else figure
        unit = rng.choice(units) if units else ""
        return f"{figure} {unit}".strip()

    return draw


def _date(rng: random.Random) -> str:
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(2011, 2029)
    forms = (f"{day} {_MONTHS[month - 1]} {year}", f"{year}-{month:02d}-{day:02d}", f"{day:02d}.{month:02d}.{year}")
    return rng.choice(forms)


def _person(rng: random.Random) -> str:
    return f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"


def _code(rng: random.Random) -> str:
    letters = "".join(rng.choices(string.ascii_uppercase, k=rng.choice((1, 2, 2, 3))))
    digits = "".join(rng.choices(string.digits, k=rng.choice((1, 2, 2, 3, 4))))
    forms = (
        f"{letters}-{digits}",
        f"{letters}{digits}",
        f"{letters} {digits}",
        f"{letters}-{digits}{rng.choice('ABX')}",
    )
    return rng.choice(forms)


def _phone(rng: random.Random) -> str:
    return f"+{rng.randint(1, 99)} {rng.randint(10, 999)} {rng.randint(10000, 999999)}"


def _project(rng: random.Random) -> str:
    return rng.choice(VOCABULARY["projects"]) + rng.choice(("", " II", " North", " 2026"))


def _order(rng: random.Random) -> str:
    kind = rng.choice(("order", "invoice", "ticket", "claim", "contract", "application"))
    return f"{kind} {rng.randint(100, 99999)}"


def _room(rng: random.Random) -> str:
    number = rng.choice((str(rng.randint(1, 40)), rng.choice("ABCDEF") + str(rng.randint(1, 9))))
    return f"{rng.choice(('room', 'hall', 'lab', 'studio', 'store'))} {number}"


_NAMED: dict[str, Draw] = {
    "part": _code,
    "machine": lambda rng: f"{rng.choice(VOCABULARY['machines'])} {_code(rng)}",
    "product": lambda rng: rng.choice(VOCABULARY["products"]),
    "project": _project,
    "order": _order,
    "room": _room,
    "person": _person,
    "medicine": lambda rng: "".join(rng.choice(VOCABULARY["syllables"]) for _ in range(3)).capitalize(),
}


@dataclass(frozen=True, slots=True)
class Column:
    """`asked`: how people ask for it, "{}" for what the row is about. `said`: how a sentence says it."""

    name: str
    value: Draw
    asked: tuple[str, ...]
    said: str


def _draw(value: str | dict[str, list]) -> Draw:
    if isinstance(value, str):
        return {"person": _person, "date": _date, "phone": _phone}[value]
    if "number" in value:
        return _number(*value["number"])
    return lambda rng: rng.choice(value["choice"])


_COLUMNS = {
    key: Column(row["name"], _draw(row["value"]), tuple(row["asked"]), row["said"])
    for key, row in VOCABULARY["columns"].items()
}


def tables(
    rng: random.Random, count: int, ask: Callable[[str, str, random.Random], str] | None = None
) -> Iterator[Example]:
    """Rows or sentences about things with attributes. `ask(attribute, thing, rng)` words a question otherwise."""
    for number in range(count):
        named, thing_row = rng.choice(list(VOCABULARY["things"].items()))
        label, name, attributes = thing_row["label"], _NAMED[named], thing_row["columns"]
        keys = rng.sample(attributes, k=min(len(attributes), rng.randint(2, 5)))
        things = list(dict.fromkeys(name(rng) for _ in range(rng.randint(2, 9))))
        if rng.random() < 0.4:  # neighbours in name
            things = list(dict.fromkeys([*things, *(_near(thing, rng) for thing in things[:3])]))
        rng.shuffle(things)
        values = {(thing, key): _COLUMNS[key].value(rng) for thing in things for key in keys}
        group = f"rule-{number}"
        heading = tuple(filter(None, (rng.choice(VOCABULARY["titles"]), rng.choice(("", f"{label}s")))))
        heading = heading if rng.random() < 0.7 else ()
        rows = rng.random() < 0.65
        thing, key = rng.choice(things), rng.choice(keys)
        text, place = _written(things, keys, values, label, (thing, key), rows, rng)
        if len(text) > 1500:
            continue
        kind = "table" if rows else "prose"
        question = ask(key, thing, rng) if ask else rng.choice(_COLUMNS[key].asked).format(_called(thing, label, rng))
        if ask is None and rng.random() < 0.1:
            question = wordings.long(question, rng)
        if ask is None and rng.random() < 0.1:
            value = values[(thing, key)] if rng.random() < 0.5 else _COLUMNS[key].value(rng)
            question = f"Is the {_COLUMNS[key].name.lower()} of {thing} {value}?"
        good = Example(question, heading, text, True, place, kind, group)
        yield good
        yield _unanswered(good, things, keys, values, label, (thing, key), rows, attributes, name, ask, rng)


def _written(things, keys, values, label, gold, rows, rng) -> tuple[str, tuple[int, int]]:
    """Things and their values as lines of a table or as sentences, and where the gold value stands."""
    parts, place, at = [], (0, 0), 0
    if not rows and rng.random() < 0.5:
        parts.append(rng.choice(VOCABULARY["fillers"]))
        at = len(parts[0]) + 1
    for thing in things:
        cells = [f"{label}: {thing}" if rng.random() < 0.95 else thing] if rows else []
        for key in keys:
            column, value = _COLUMNS[key], values[(thing, key)]
            cell = f"{column.name}: {value}" if rows else column.said.replace("{}", thing).replace("{v}", value)
            cell = cell[:1].upper() + cell[1:] if not rows else cell
            before = at + sum(len(c) for c in cells) + len(cells) * (3 if rows else 1)
            if (thing, key) == gold:
                start = before + cell.rindex(value)
                place = (start, start + len(value))
            cells.append(cell)
        line = (" | " if rows else " ").join(cells)
        parts.append(line)
        at += len(line) + 1
    return ("\n" if rows else " ").join(parts), place


def _unanswered(good, things, keys, values, label, gold, rows, possible, name, ask, rng) -> Example:
    """The same passage asked for a thing or an attribute that it lacks, or without the row that would answer."""
    thing, key = gold
    absent = [other for other in possible if other not in keys]
    draw = rng.random()
    if draw < 0.4 and absent:
        other = rng.choice(absent)
        question = (
            ask(other, thing, rng) if ask else rng.choice(_COLUMNS[other].asked).format(_called(thing, label, rng))
        )
        return good.to(question=question, answerable=False, span=None, kind=f"{good.kind}:attribute")
    if draw < 0.7 and len(things) > 2:
        rest = [other for other in things if other != thing]
        text, _ = _written(rest, keys, values, label, (rest[0], key), rows, rng)
        return good.to(text=text, answerable=False, span=None, kind=f"{good.kind}:cut")
    other = next((new for new in (_near(thing, rng) for _ in range(9)) if new not in things), None) or name(rng) + " X"
    question = ask(key, other, rng) if ask else rng.choice(_COLUMNS[key].asked).format(_called(other, label, rng))
    return good.to(question=question, answerable=False, span=None, kind=f"{good.kind}:name")


def _near(name: str, rng: random.Random) -> str:
    """A name that differs little: another digit, another first name, another kind."""
    digits = [i for i, character in enumerate(name) if character.isdigit()]
    if digits:
        at = rng.choice(digits)
        return name[:at] + rng.choice([d for d in "123456789" if d != name[at]]) + name[at + 1 :]
    _, _, rest = name.partition(" ")
    return (
        f"{rng.choice(_FIRST)} {rest}"
        if rest in _LAST
        else f"{rng.choice(('small', 'large', 'old', 'new', 'second', 'blue'))} {name}"
    )


def _called(thing: str, label: str, rng: random.Random) -> str:
    if rng.random() < 0.3 and thing[0].isupper() and label in ("Part", "Project"):
        return f"{label.lower()} {thing}"
    return f"the {thing}" if thing[0].islower() and rng.random() < 0.7 else thing


# ------------------------------------------------------------------------------------------------------ procedures


def procedures(rng: random.Random, count: int) -> Iterator[Example]:
    """Numbered steps, bullets or sentences; asked for as a whole, or for the step after another."""
    known, objects, asked = VOCABULARY["procedures"], VOCABULARY["objects"], VOCABULARY["steps_asked"]
    for number in range(count):
        action, how = rng.choice(list(known.items()))
        noun, gerund = rng.choice(objects), how["gerund"]
        steps = [step.format(o=f"the {noun}", n=noun) for step in how["steps"]]
        steps = steps[: rng.randint(3, len(steps))]
        title = rng.choice(
            (
                f"{action.capitalize()} the {noun}",
                f"{gerund.capitalize()} the {noun}",
                f"Procedure: {gerund} the {noun}",
            )
        )
        lead = rng.choice(("", f"To {action} the {noun}, proceed as follows:", "Proceed in this order:"))
        headed = rng.random() < 0.7 or not lead.startswith("To ")
        headings = ("Manual", title) if headed and rng.random() < 0.5 else (title,) if headed else ()
        text, place = _steps(steps, lead, rng)
        question = rng.choice(asked).format(a=action, n=noun, g=gerund)
        if rng.random() < 0.15:
            at = rng.randrange(len(steps) - 1)
            question = f"What comes after “{steps[at].rstrip('.')}” when you {action} the {noun}?"
            start = text.index(steps[at + 1])
            place = (start, start + len(steps[at + 1]))
        if rng.random() < 0.1:
            question = wordings.long(question, rng)
        good = Example(question, headings, text, True, place, "steps", f"steps-{number}")
        yield good
        other_action = rng.choice([a for a in known if a != action])
        other_noun = rng.choice([n for n in objects if n != noun])
        wrong = (other_action, noun) if rng.random() < 0.5 else (action, other_noun)
        question = rng.choice(asked).format(a=wrong[0], n=wrong[1], g=known[wrong[0]]["gerund"])
        yield good.to(question=question, answerable=False, span=None, kind="steps:other")


def _steps(steps: list[str], lead: str, rng: random.Random) -> tuple[str, tuple[int, int]]:
    style = rng.random()
    lines = [
        f"{i}. {step}" if style < 0.5 else f"- {step}" if style < 0.7 else step for i, step in enumerate(steps, start=1)
    ]
    body = ("\n" if style < 0.8 else " ").join(lines)
    front = f"{lead}\n" if lead else ""
    return front + body, (len(front), len(front) + len(body))


def talk(rng: random.Random, passages: list[Example]) -> Iterator[Example]:
    """What people type that no passage answers."""
    for number, said in enumerate(VOCABULARY["talk"]):
        yield rng.choice(passages).to(question=said, answerable=False, span=None, kind="talk", group=f"talk-{number}")

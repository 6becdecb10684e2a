"""Examples made by rule: tables of many trades, the same facts in sentences, and procedures in steps.

All names, codes and figures are drawn at random, so that nothing can be known by heart: what can be learned is how a
question's name and attribute meet a row's.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import wordings
from examples import Example

Draw = Callable[[random.Random], str]


@dataclass(frozen=True, slots=True)
class Column:
    """`asked`: how people ask for it, "{}" for what the row is about. `said`: how a sentence says it."""

    name: str
    value: Draw
    asked: tuple[str, ...]
    said: str


def _number(low: int, high: int, *units: str) -> Draw:
    def draw(rng: random.Random) -> str:
        number = rng.randint(low, high)
        figure = f"{number:,}" if number > 9999 and rng.random() < 0.5 else str(number)
        figure = f"{number / 10:.1f}" if number < 500 and rng.random() < 0.25 else figure
        unit = rng.choice(units) if units else ""
        return f"{figure} {unit}".strip()

    return draw


def _choice(*values: str) -> Draw:
    return lambda rng: rng.choice(values)


def _date(rng: random.Random) -> str:
    day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(2011, 2029)
    names = "January February March April May June July August September October November December".split()
    return rng.choice(
        (f"{day} {names[month - 1]} {year}", f"{year}-{month:02d}-{day:02d}", f"{day:02d}.{month:02d}.{year}")
    )


_FIRST = "Amira Bo Carlos Dana Edith Farid Greta Hugo Ines Jonas Kavya Leon Mina Noor Otto Priya Quinn Rosa Selim Tove Uma Viktor Wanja Yuki Zofia".split()
_LAST = "Abara Brandt Castillo Dubois Eriksen Fontana Gupta Haddad Ito Jansen Kowalski Lindqvist Moreau Novak Okafor Petrov Quist Rossi Sato Thapa Ueda Vega Weber Yilmaz Zheng".split()


def _person(rng: random.Random) -> str:
    return f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"


def _code(rng: random.Random) -> str:
    letters = "".join(rng.choices(string.ascii_uppercase, k=rng.choice((1, 2, 2, 3))))
    digits = "".join(rng.choices(string.digits, k=rng.choice((1, 2, 2, 3, 4))))
    return rng.choice(
        (f"{letters}-{digits}", f"{letters}{digits}", f"{letters} {digits}", f"{letters}-{digits}{rng.choice('ABX')}")
    )


def _phone(rng: random.Random) -> str:
    return f"+{rng.randint(1, 99)} {rng.randint(10, 999)} {rng.randint(10000, 999999)}"


_COLUMNS = {
    "price": Column("Price", _number(3, 900, "EUR", "USD", "£", "CHF"), ("What is the price of {}?", "How much does {} cost?", "price of {}", "What do we charge for {}?", "Price {}"), "{} costs {v}."),
    "weight": Column("Weight", _number(1, 900, "kg", "g", "lb"), ("How heavy is {}?", "What does {} weigh?", "weight of {}", "What is the weight of {}?"), "{} weighs {v}."),
    "stock": Column("In stock", _number(0, 400), ("How many {} are in stock?", "stock of {}", "How many pieces of {} do we have?"), "Of {} there are {v} in stock."),
    "supplier": Column("Supplier", _person, ("Who supplies {}?", "Who is the supplier of {}?", "supplier {}", "From whom do we buy {}?"), "{} is supplied by {v}."),
    "owner": Column("Responsible", _person, ("Who is responsible for {}?", "Who looks after {}?", "person in charge of {}", "Name the person responsible for {}."), "{v} is responsible for {}."),
    "delivery": Column("Lead time", _number(1, 60, "days", "weeks"), ("How long does delivery of {} take?", "What is the lead time of {}?", "lead time {}"), "Delivery of {} takes {v}."),
    "location": Column("Location", _choice("Hall 3", "Shelf B12", "Cellar, left side", "Room 204", "North yard", "Office Lyon", "Depot Graz", "Locker 9", "Rack 14", "Building C"), ("Where is {}?", "Where is {} kept?", "location of {}", "Where do I find {}?"), "{} is kept in: {v}."),
    "pressure": Column("Max. pressure", _number(2, 400, "bar", "kPa", "psi"), ("What is the maximum pressure of {}?", "What pressure does {} stand?", "max pressure {}"), "The pressure in {} must not exceed {v}."),
    "interval": Column("Service interval", _number(2, 36, "months", "weeks", "hours"), ("How often is {} serviced?", "What is the service interval of {}?", "When does {} need maintenance?", "service interval {}"), "{} is serviced every {v}."),
    "warranty": Column("Warranty", _number(6, 60, "months"), ("How long is the warranty on {}?", "warranty of {}", "What guarantee does {} have?"), "The warranty on {} is {v}."),
    "power": Column("Power", _number(5, 900, "W", "kW", "hp"), ("What is the power of {}?", "How much power does {} draw?", "power {}"), "{} has a power of {v}."),
    "temperature": Column("Temperature", _number(1, 90, "°C"), ("At which temperature is {} kept?", "What temperature does {} need?", "temperature of {}"), "{} is kept at {v}."),
    "date": Column("Due", _date, ("When is {} due?", "What is the deadline of {}?", "due date {}", "By when must {} be done?"), "{} is due on {v}."),
    "start": Column("Start", _date, ("When does {} start?", "start of {}", "When did {} begin?"), "{} starts on {v}."),
    "status": Column("Status", _choice("open", "closed", "approved", "rejected", "in review", "on hold", "shipped"), ("What is the status of {}?", "How far is {}?", "status {}", "Has {} been approved?"), "The status of {} is: {v}."),
    "amount": Column("Amount", _number(100, 90000, "EUR", "USD"), ("What is the amount of {}?", "How much is {}?", "amount {}"), "{} amounts to {v}."),
    "size": Column("Size", _choice("40 x 60 cm", "M8", "DN 50", "A4", "120 x 80 mm", "3/4 inch", "2.5 m", "size 42"), ("What size is {}?", "How big is {}?", "dimensions of {}"), "{} has the size {v}."),
    "colour": Column("Colour", _choice("red", "dark blue", "RAL 7035", "white", "green", "black", "yellow"), ("What colour is {}?", "colour of {}", "In which colour does {} come?"), "{} is {v}."),
    "phone": Column("Phone", _phone, ("What is the phone number of {}?", "How do I reach {}?", "phone {}", "number of {}"), "{} can be reached at {v}."),
    "capacity": Column("Capacity", _number(2, 900, "l", "people", "pallets", "units"), ("What is the capacity of {}?", "How much does {} hold?", "capacity {}"), "{} holds {v}."),
    "dose": Column("Dose", _number(1, 500, "mg", "ml", "drops"), ("What is the dose of {}?", "How much {} is given?", "dose {}"), "{} is given in a dose of {v}."),
    "customer": Column("Customer", _person, ("For whom is {}?", "Who is the customer of {}?", "customer {}", "Who ordered {}?"), "{} was ordered by {v}."),
}  # fmt: skip

_THINGS = {
    "part": ("Part", _code, "price weight stock supplier delivery location size colour warranty"),
    "machine": ("Machine", lambda rng: f"{rng.choice(('press', 'lathe', 'mixer', 'oven', 'pump', 'compressor', 'conveyor', 'dryer'))} {_code(rng)}", "power pressure interval location owner warranty temperature capacity start"),
    "product": ("Product", lambda rng: rng.choice(("oak shelf", "rye loaf", "olive soap", "hand cream", "garden chair", "rain coat", "desk lamp", "apple juice", "goat cheese", "clay pot", "wool blanket", "trail shoe", "city bike", "tea light", "mountain honey", "paper kite", "steel bottle", "linen shirt")), "price weight stock supplier delivery location colour size customer"),
    "project": ("Project", lambda rng: f"{rng.choice(('Amber', 'Birch', 'Cobalt', 'Delta', 'Ember', 'Falcon', 'Granite', 'Harbour', 'Iris', 'Juniper', 'Kestrel', 'Lotus', 'Maple', 'Nimbus'))}{rng.choice(('', ' II', ' North', ' 2026'))}", "owner start date status amount customer"),
    "order": ("Order", lambda rng: f"{rng.choice(('order', 'invoice', 'ticket', 'claim', 'contract', 'application'))} {rng.randint(100, 99999)}", "customer amount date status owner start"),
    "room": ("Room", lambda rng: f"{rng.choice(('room', 'hall', 'lab', 'studio', 'store'))} {rng.choice((str(rng.randint(1, 40)), rng.choice('ABCDEF') + str(rng.randint(1, 9))))}", "capacity temperature owner phone size status"),
    "person": ("Name", _person, "phone location start status"),
    "medicine": ("Preparation", lambda rng: "".join(rng.choice(("ba", "ce", "dol", "fen", "li", "mor", "nax", "pra", "ril", "sta", "tin", "zo")) for _ in range(3)).capitalize(), "dose price stock supplier temperature"),
}  # fmt: skip
_TITLES = (
    "Price list",
    "Overview",
    "Register",
    "Stock list",
    "Inventory 2026",
    "Annex 2",
    "Handbook",
    "Master data",
    "Week 14",
    "Notes",
    "Data sheet",
    "",
)
_FILL = (
    "All figures were checked by hand.", "Changes are entered once a month.", "Ask the office if something is missing.",
    "This page replaces the one of last year.", "Values marked in the margin are provisional.", "Please keep this list up to date.",
    "The list is printed and hung beside the door.", "Copies go to everybody in the team.",
)  # fmt: skip


def tables(
    rng: random.Random, count: int, ask: Callable[[str, str, random.Random], str] | None = None
) -> Iterator[Example]:
    """Rows or sentences about things with attributes. `ask(attribute, thing, rng)` words a question otherwise."""
    for number in range(count):
        label, name, attributes = rng.choice(list(_THINGS.values()))
        keys = rng.sample(attributes.split(), k=min(len(attributes.split()), rng.randint(2, 5)))
        things = list(dict.fromkeys(name(rng) for _ in range(rng.randint(2, 9))))
        if rng.random() < 0.4:  # neighbours in name
            things = list(dict.fromkeys([*things, *(_near(thing, rng) for thing in things[:3])]))
        rng.shuffle(things)
        values = {(thing, key): _COLUMNS[key].value(rng) for thing in things for key in keys}
        group = f"rule-{number}"
        heading = (
            tuple(filter(None, (rng.choice(_TITLES), rng.choice(("", f"{label}s"))))) if rng.random() < 0.7 else ()
        )
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
        yield _unanswered(good, things, keys, values, label, (thing, key), rows, attributes.split(), name, ask, rng)


def _written(things, keys, values, label, gold, rows, rng) -> tuple[str, tuple[int, int]]:
    """Things and their values as lines of a table or as sentences, and where the gold value stands."""
    parts, place, at = [], (0, 0), 0
    if not rows and rng.random() < 0.5:
        parts.append(rng.choice(_FILL))
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
    first, _, rest = name.partition(" ")
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

_DO = {
    "replace": (("Switch off {o} and wait until it has cooled down.", "Loosen the screws of {o} crosswise.", "Take out the old {n} and dispose of it.", "Put in the new {n} with the arrow pointing up.", "Tighten everything and run a short test."), "changing"),
    "clean": (("Put on gloves and goggles.", "Rinse {o} with lukewarm water.", "Wipe {o} with a soft cloth, without solvent.", "Let it dry for twenty minutes.", "Write the cleaning into the log."), "cleaning"),
    "order": (("Check the stock of {n}s first.", "Fill in form F-12 with the amount needed.", "Have the form signed by the head of the department.", "Send it to purchasing before noon.", "File the confirmation under Orders."), "ordering"),
    "return": (("Ask for a return number by e-mail.", "Pack {o} in its original box.", "Put the delivery note on top.", "Hand the parcel over at the counter.", "The money comes back within ten days."), "returning"),
    "calibrate": (("Let {o} warm up for thirty minutes.", "Place the reference piece on the table.", "Press SET until the display blinks.", "Enter the value of the reference.", "Save with OK and note the deviation."), "calibration of"),
    "install": (("Download the current version from the portal.", "Close all other programs.", "Start the set-up of {o} as administrator.", "Choose the folder and confirm twice.", "Restart the computer."), "installing"),
    "book": (("Open the calendar of the office.", "Pick the day and mark {o}.", "Enter the number of people and the cost centre.", "Wait for the confirmation by e-mail."), "booking"),
    "report": (("Secure the place and warn the others.", "Take a picture of {o}.", "Call the shift leader at once.", "Fill in the report on the same day.", "Keep the copy for three years."), "reporting damage to"),
    "apply for": (("Talk to your manager about {o} first.", "Fill in the request in the staff portal.", "Attach the plan of your deputy.", "HR answers within five working days."), "application for"),
    "prepare": (("Weigh all ingredients beforehand.", "Heat the water to sixty degrees.", "Stir {o} slowly for ten minutes.", "Strain and fill while hot.", "Label with date and initials."), "preparing"),
    "store": (("Check {o} for damage when it arrives.", "Put a label with the date on it.", "Bring it to the cold room within one hour.", "Place older stock in front.", "Sign the list at the door."), "storing"),
    "test": (("Connect {o} to the measuring device.", "Set the limit to the value on the plate.", "Start the run and wait for the signal.", "Compare the reading with the protocol.", "Put a green sticker on what has passed."), "testing"),
}  # fmt: skip
_OBJECTS = (
    "filter seal printer cartridge scanner pump valve sensor camera drill laptop key meeting room van ladder heater kettle mixer microscope centrifuge badge uniform parking space sample delivery paint varnish dough syrup battery projector fire extinguisher".replace(
        "meeting room", "meeting_room"
    )
    .replace("parking space", "parking_space")
    .replace("fire extinguisher", "fire_extinguisher")
    .split()
)
_STEPS_ASKED = (
    "How do I {a} the {n}?", "How to {a} a {n}?", "List the steps to {a} the {n}.", "steps {a} {n}", "What do I have to do to {a} the {n}?",
    "Give me the procedure for {g} the {n}", "What is the procedure to {a} the {n}?", "{a} {n} how", "Explain how one has to {a} the {n}.",
    "Which steps are needed in order to {a} the {n}?", "What must be done when you {a} a {n}?",
)  # fmt: skip


def procedures(rng: random.Random, count: int) -> Iterator[Example]:
    """Numbered steps, bullets or sentences; asked for as a whole, or for the step after another."""
    for number in range(count):
        action, (steps, gerund) = rng.choice(list(_DO.items()))
        noun = rng.choice(_OBJECTS).replace("_", " ")
        steps = [step.format(o=f"the {noun}", n=noun) for step in steps]
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
        question = rng.choice(_STEPS_ASKED).format(a=action, n=noun, g=gerund)
        if rng.random() < 0.15:
            at = rng.randrange(len(steps) - 1)
            question = f"What comes after “{steps[at].rstrip('.')}” when you {action} the {noun}?"
            start = text.index(steps[at + 1])
            place = (start, start + len(steps[at + 1]))
        if rng.random() < 0.1:
            question = wordings.long(question, rng)
        good = Example(question, headings, text, True, place, "steps", f"steps-{number}")
        yield good
        other_action = rng.choice([a for a in _DO if a != action])
        other_noun = rng.choice([n for n in _OBJECTS if n != noun]).replace("_", " ")
        wrong = (other_action, noun) if rng.random() < 0.5 else (action, other_noun)
        question = rng.choice(_STEPS_ASKED).format(a=wrong[0], n=wrong[1], g=_DO[wrong[0]][1])
        yield good.to(question=question, answerable=False, span=None, kind="steps:other")


def _steps(steps: list[str], lead: str, rng: random.Random) -> tuple[str, tuple[int, int]]:
    style = rng.random()
    lines = [
        f"{i}. {step}" if style < 0.5 else f"- {step}" if style < 0.7 else step for i, step in enumerate(steps, start=1)
    ]
    body = ("\n" if style < 0.8 else " ").join(lines)
    front = f"{lead}\n" if lead else ""
    return front + body, (len(front), len(front) + len(body))

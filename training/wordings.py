"""The same question as people put it: keywords, a command, a polite request, a long letter, a yes/no question."""

from __future__ import annotations

import random

import regex

_FUNCTION = """
    what when where who whom whose which why how is are was were be been do does did the a an of in on at to for by from
    with and or it its there has have had many much can could will would should you your i my me we our
""".split()  # noqa: SIM905 - reads better than a list
_COMMANDS = (
    "Tell me {}",
    "Please tell me {}",
    "I would like to know {}",
    "Find out {}",
    "Can you say {}?",
    "Could you look up {}?",
    "Do you know {}?",
    "I need to know {}",
    "Check {} please",
    "State {}.",
    "Say {}",
)
_BEFORE = (
    "I am preparing a short note for a colleague who joined last week and I do not want to write anything wrong.",
    "Good morning, I hope that this reaches the right person.",
    "We had a call with a customer this morning and one thing could not be settled during the call.",
    "I have looked through the files on the shared drive without finding it.",
    "My manager asked me this in the corridor and I had no answer ready.",
    "For the weekly overview that goes out on Friday I am still missing one piece.",
    "There was some disagreement about this in the meeting, so I would rather look at the source.",
    "I remember reading about it some time ago but the details have escaped me.",
    "Sorry to bother you with something that is probably written down somewhere.",
)
_AFTER = (
    "A short answer is enough.",
    "Thank you in advance.",
    "Please name the place where it is written.",
    "I only need that one detail.",
    "We would like to have it before the end of the day.",
    "If it is not written anywhere, please say so.",
    "Thanks!",
)
_WH = regex.compile(r"^(what|when|where|who|which|why|how)\b", regex.IGNORECASE)


def keywords(question: str) -> str:
    kept = [word for word in regex.findall(r"[\p{L}\p{M}\p{N}'’.-]+", question) if word.casefold() not in _FUNCTION]
    wh = _WH.match(question)
    extra = {"when": "date", "where": "place", "who": "who", "how": "how", "why": "reason"}.get(
        wh.group(1).casefold() if wh else "", ""
    )
    text = " ".join(kept).rstrip(".") + (f" {extra}" if extra else "")
    return text.strip()


def command(question: str, rng: random.Random) -> str:
    bare = question.rstrip(" ?.")
    found = regex.match(r"^(what|who|where|when|which) (is|are|was|were) (.+)$", bare, regex.IGNORECASE)
    if found:
        wh, verb, rest = found.group(1).casefold(), found.group(2), found.group(3)
        if wh == "what" and rest.startswith(("the ", "a ")) and rng.random() < 0.5:
            return rng.choice(("Give me {}", "Give {}.", "{}", "State {}.", "Name {}", "I need {}")).format(rest)
        if len(rest.split()) <= 6:
            bare = f"{wh} {rest} {verb}"
    bare = bare[:1].lower() + bare[1:]
    return rng.choice(_COMMANDS).format(bare)


def long(question: str, rng: random.Random) -> str:
    before = rng.sample(_BEFORE, rng.choice((1, 1, 2, 3)))
    after = rng.sample(_AFTER, rng.choice((0, 1, 1)))
    return " ".join([*before, question, *after])


def yes_no(question: str, answer: str) -> str | None:
    """The question asked of one answer: "When was it built?", "1912" gives "Was it built in 1912?"."""
    if len(answer) > 60 or "\n" in answer:
        return None
    bare = question.rstrip(" ?.")
    for pattern, shape in _YES_NO:
        if found := regex.match(pattern, bare, regex.IGNORECASE):
            text = shape.format(*found.groups(), answer=answer)
            return text[:1].upper() + text[1:] + "?"
    return None


_YES_NO = (
    (r"^when (was|were) (.+)$", "{0} {1} in {answer}"),
    (r"^when did (.+)$", "did {0} in {answer}"),
    (r"^where (is|are|was|were) (.+)$", "{0} {1} in {answer}"),
    (r"^who (is|are|was|were) (the .+)$", "{0} {answer} {1}"),
    (r"^what (is|was) (the .+)$", "{0} {answer} {1}"),
    (
        r"^who (invented|wrote|founded|created|discovered|built|won|directed|designed|started) (.+)$",
        "did {answer} {0} {1}",
    ),
    (r"^how many (.+?) (are there|is there) (.+)$", "are there {answer} {0} {2}"),
    (r"^how many (.+?) (does|do|did) (.+?) have$", "{1} {2} have {answer} {0}"),
)


def varied(question: str, rng: random.Random) -> str:
    """As it is two times of three; else in another form."""
    draw = rng.random()
    if draw < 0.12:
        text = keywords(question)
        return text if len(text.split()) >= 2 else question
    if draw < 0.24:
        return command(question, rng)
    if draw < 0.33:
        return long(question, rng)
    if draw < 0.38:
        return question.rstrip(" ?").lower()
    return question

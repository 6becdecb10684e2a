"""Names of columns: their words, and which of them name the rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from metier.text.language import words_in_any_language, words_of

_JOINT = regex.compile(r"(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})|_+")


def apart(name: str) -> str:
    """The words of a name that is written as one: `BillingCountry`, `unit_price`."""
    return _JOINT.sub(" ", name)


def naming(names: Sequence[str]) -> tuple[int, ...]:
    """Which columns are called a name or title: of several the first, unless all are names of a person; none where no
    one is."""
    labels, of_person = (words_in_any_language("tables", field) for field in ("label", "person_name"))
    said = [words_of(apart(name)) for name in names]
    called = [n for n, words in enumerate(said) if labels.intersection(words)]
    person = [n for n in called if of_person.intersection(said[n])]
    return tuple(sorted(person, key=lambda n: "last" in said[n])) if len(person) > 1 else tuple(called[:1])

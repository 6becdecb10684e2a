"""Random texts that a grammar (GBNF) allows: what a model that understood nothing may write under it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

_TOKEN = re.compile(r'\s*("(?:\\.|[^"\\])*"|\[[^\]]*\]|\{\d+,?\d*\}|[()|?*+]|[\w-]+)')
Rule = Callable[[], str]


class RandomSentences:
    """Sentences of a rule. Of what may be repeated, or follow another alternative, less comes the deeper it
    stands, so that each ends."""

    def __init__(self, grammar: str, seed: int) -> None:
        self._random, self._depth = random.Random(seed), 0
        parts = re.split(r"(?m)^([\w-]+) ::= ", grammar)[1:]
        self._rules = {name: _TOKEN.findall(body) for name, body in zip(parts[::2], parts[1::2], strict=True)}

    def __call__(self, rule: str = "root") -> str:
        return self._named(rule)

    def _named(self, name: str) -> str:
        self._depth += 1
        tokens = self._rules[name]
        text, place = self._alternatives(tokens, 0)
        assert place == len(tokens)
        self._depth -= 1
        return text()

    def _alternatives(self, tokens: Sequence[str], place: int) -> tuple[Rule, int]:
        found: list[Rule] = []
        while True:
            rule, place = self._sequence(tokens, place)
            found.append(rule)
            if place == len(tokens) or tokens[place] != "|":
                return (lambda: self._random.choice(found)()), place
            place += 1

    def _sequence(self, tokens: Sequence[str], place: int) -> tuple[Rule, int]:
        rules: list[Rule] = []
        while place < len(tokens) and tokens[place] not in ("|", ")"):
            token, place = tokens[place], place + 1
            if token == "(":
                rule, place = self._alternatives(tokens, place)
                place += 1
            else:
                rule = self._terminal(token)
            if place < len(tokens) and (tokens[place] in "?*+" or tokens[place][0] == "{"):
                rule, place = self._repeated(rule, tokens[place]), place + 1
            rules.append(rule)
        return (lambda: "".join(rule() for rule in rules)), place

    def _terminal(self, token: str) -> Rule:
        if token[0] == '"':
            text = token[1:-1].replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")
            return lambda: text
        if token[0] == "[":
            ranges = re.findall(r"\\?(.)-(.)|\\?(.)", token[1:-1])
            signs = [chr(n) for a, b, one in ranges for n in range(ord(a or one), ord(b or one) + 1)]
            return lambda: self._random.choice(signs)
        return lambda: self._named(token)

    def _repeated(self, rule: Rule, how: str) -> Rule:
        numbers = re.findall(r"\d+", how) or {"?": ("0", "1"), "*": ("0", "3"), "+": ("1", "3")}[how]
        least, most = int(numbers[0]), int(numbers[-1])

        def text() -> str:
            share = self._random.random() ** (2 + self._depth)
            return "".join(rule() for _ in range(least + int(share * (most - least + 1))))

        return text

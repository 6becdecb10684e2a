"""Hints are written for the shell, `metier sync`; here is what does the same in a Python program, `expert.sync()`."""

from __future__ import annotations

import json
import re

# What a hint names after `metier`, and the call; "…" is where its arguments go. What is not here has no call: keys,
# say, are made on the command line alone.
CALLS = {
    "add": "expert.add(…)",
    "adapters promote": "expert.adapters.promote(…)",
    "ask": "expert.ask(…)",
    "calibrate": "expert.evaluation.calibrate()",
    "compare": "expert.evaluation.compare()",
    "corrections list": "expert.corrections.all()",
    "corrections show": "expert.corrections.history(…)",
    "corrections undo": "expert.corrections.undo(…)",
    "dataset": "expert.dataset",
    "dataset check --drop-leaks": 'expert.dataset.drop_leaks(expert.exam.questions("exam"))',
    "dataset preferences": "expert.preferences.pairs()",
    "dataset generate": "expert.dataset.generate(…)",
    "dataset import": "expert.dataset.import_file(…)",
    "dataset rehearse": "expert.dataset.add_replay()",
    "exam": "expert.exam",
    "exam generate": "expert.exam.generate(…)",
    "exam import": "expert.exam.import_file(…)",
    "exam review": "expert.exam.review(…)",
    "flow approve": "expert.flow.approve(…)",
    "flow history": "expert.flow.runs()",
    "flow reject": "expert.flow.reject(…)",
    "flow run": "expert.flow.run()",
    "flow run --anew": "expert.flow.run(anew=True)",
    "flow watch": "expert.flow.watch(…)",
    "init": "Expert.create(…)",
    "models pull": "metier.models.pull(…)",
    "remove": "expert.remove(…)",
    "search --json": "expert.search(…)",
    "sources": "expert.items()",
    "sync": "expert.sync()",
    "sync --rebuild": "expert.sync(rebuild=True)",
    "sync --watch": "expert.watch(print)",
    "tune": "expert.adapters.tune()",
    "tune --anew": "expert.adapters.tune(anew=True)",
    "tune --resume": "expert.adapters.tune(resume=True)",
}
_NAMED = re.compile(r"`(?:metier (?P<command>[^`]+)|[^`]*)`|(?<![\w-])--(?P<option>[a-z][a-z-]*)")


def in_python(hint: str) -> str:
    """A hint with calls for the commands it names, and keywords, `adapter=`, for options that stand by themselves."""
    return _NAMED.sub(_replaced, hint)


def _replaced(named: re.Match[str]) -> str:
    if named["option"]:
        return f"`{named['option'].replace('-', '_')}=`"
    words = (named["command"] or "").split(" ")
    for length in range(len(words), 0, -1):
        if call := CALLS.get(" ".join(words[:length])):
            return f"`{call.replace('…', _argument(' '.join(words[length:])))}`"
    return named[0]


def _argument(given: str) -> str:
    """As Python has it: text in quotes, FILE and NAME as they stand, "…" for what the hint leaves open."""
    if not given or given.startswith("-"):
        return "…"
    return given if given.isupper() or given.startswith('"') else json.dumps(given, ensure_ascii=False)

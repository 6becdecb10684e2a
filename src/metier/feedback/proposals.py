"""From what a person says to a correction: the passage that is meant, looked up among what this person may read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metier.answering.term_weights import WordWeights, share
from metier.core.documents import Passage
from metier.core.errors import InputError
from metier.core.groups import NOBODY
from metier.core.questions import DocumentLookup
from metier.dataset.cleaning import clean
from metier.feedback.records import CHANGES, Change, Correction
from metier.store.base import Filter, Store
from metier.text.analyzer import Analyser

LONGEST = 20_000  # characters of anything that a person writes here; a passage has about a thousand


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a person says. A passage is named by its id, or by its document, 1-based `page` and `span` (offsets into the
    document's text), of which the passage with most of the answer's words is taken. Where the one to change is named by
    its id, the document says where the answer stands. `groups`: who may read a correction that names no document, empty
    = everyone; None = its author's, and of an author who may read everything, some of which others may not, that is
    nobody else."""

    question: str = ""
    answer: str = ""
    document: str | None = None
    page: int | None = None
    span: tuple[int, int] | None = None
    change: Change = ""
    passage: str | None = None
    text: str = ""
    why: str = ""
    who: str = ""
    groups: tuple[str, ...] | None = None


def propose(said: Proposal, store: Store, analyser: Analyser, where: Filter | None) -> Correction:
    """The correction that is meant, not kept yet. `where`: what the person may read; anything else is unknown here.
    Raises `InputError` for what is missing, unknown, ambiguous or too long."""
    texts = {name: written(name, getattr(said, name)) for name in ("question", "answer", "text", "why", "who")}
    _check(said, texts)
    named = _named(said.passage, store, where) if said.passage is not None else None
    found = _found(said, texts, store, analyser, where) if said.document is not None else None
    passage, source = (named or found, found if named else None) if said.change else (None, named or found)
    if said.change and passage is None:
        raise InputError(
            f"the passage to {said.change} is not named",
            hint="Give its id (`metier search --json` shows it), or the document and the page.",
        )
    if said.change == "replace" and passage is not None and texts["text"] == passage.text:
        raise InputError("the text is the same as before", where=f"passage {passage.id}")
    return Correction(
        id="",
        question=texts["question"],
        answer=texts["answer"],
        change=said.change,
        passage=passage,
        source=source,
        text=texts["text"],
        groups=_groups(said.groups, passage or source, store, where),
        why=texts["why"],
        who=texts["who"],
    )


def written(name: str, text: str) -> str:
    """What somebody wrote, without what no reader shows. Raises `InputError` where it is longer than `LONGEST`."""
    if len(text) > LONGEST:
        raise InputError(f"the {name} has {len(text):,} characters; {LONGEST:,} are the most")
    return clean(text)


def _check(said: Proposal, texts: dict[str, str]) -> None:
    if said.change not in CHANGES:
        raise InputError(f"there is no change {said.change!r}", hint=f"Choose of {', '.join(filter(None, CHANGES))}.")
    if not texts["question"] and (texts["answer"] or said.change == "pin"):
        raise InputError("the question is empty", hint="Say to which question this is the answer.")
    if not texts["answer"] and not said.change:
        raise InputError("nothing is corrected", hint="Give the right answer, or a passage to pin, hide or replace.")
    if (said.change == "replace") != bool(texts["text"]):
        raise InputError(
            "a text to put in place of a passage goes with replace, and replace with a text",
            hint="Give the passage as it should read, as a whole.",
        )
    if said.document is None and said.passage is None and (said.page is not None or said.span is not None):
        raise InputError("a page or a span needs its document", hint="Name the document too.")
    if said.change == "hide" and said.passage is None and said.span is None:
        # What has most words of the right answer is hardly the wrong passage.
        raise InputError("the passage to hide is not named", hint="Give its id: `metier search --json` shows it.")


def _groups(
    said: tuple[str, ...] | None, passage: Passage | None, store: Store, where: Filter | None
) -> tuple[str, ...]:
    """Those of the document; without one, of the person, who may have read anything that these open."""
    if passage is not None:
        if said is not None:
            raise InputError(
                "who may read its document may read a correction", where=passage.uri, hint="Name no groups with it."
            )
        return passage.groups
    own = where.groups if where is not None else None
    if said is not None:
        if own is not None and not (said and set(said) <= set(own)):
            raise InputError("a correction cannot be given to groups other than one's own", hint="Name none.")
        return tuple(sorted(set(said)))
    if own is not None:
        return own
    return () if len(store.uris(Filter(groups=()))) == len(store.uris()) else NOBODY


def _named(identity: str, store: Store, where: Filter | None) -> Passage:
    found = store.get([identity], where)
    if not found:
        raise InputError(f"there is no passage {identity!r}", hint="`metier search --json` shows the ids.")
    return found[0]


def _found(said: Proposal, texts: dict[str, str], store: Store, analyser: Analyser, where: Filter | None) -> Passage:
    hidden = where.hidden if where is not None else ()
    among = [p for p in store.passages(_document(str(said.document), store, where)) if p.id not in hidden]
    if said.page is not None:
        among = [passage for passage in among if passage.page in (None, said.page)]
    if said.span is not None:
        start, end = said.span
        among = [passage for passage in among if passage.start < end and start < passage.end]
    if not among:
        raise InputError("there is no text at this place", where=said.document, hint="Fix the page or the span.")
    return _holding((texts["answer"], texts["question"]), among, store, analyser)


def _document(name: str, store: Store, where: Filter | None) -> str:
    uris = store.uris(where)
    found = DocumentLookup(uris).find(name)
    if len(found) == 1:
        return uris[found[0]]
    if found:
        raise InputError(f"{name!r} may be {' or '.join(found[:2])}", hint="Name its folder too.")
    raise InputError(f"there is no document {name!r}", hint="`metier sources` lists what there is.")


def _holding(texts: Sequence[str], passages: Sequence[Passage], store: Store, analyser: Analyser) -> Passage:
    """The passage with most of the words of the first text, by rarity, then of the next."""
    weigh = WordWeights(store)
    wanted = [sorted(set(analyser.tokens(text))) for text in texts]
    weights = [weigh(tokens) for tokens in wanted]

    def held(passage: Passage) -> tuple[float, ...]:
        words = set(analyser.tokens(passage.indexed_text))
        return tuple(share(t, w, words) for t, w in zip(wanted, weights, strict=True))

    return max(passages, key=held)

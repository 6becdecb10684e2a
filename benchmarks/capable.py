"""What reaches the user of a capable model's answers, and how far Métier shows where they are wrong.

    python benchmarks/capable.py                     # makes the sample company's expert, asks everything twice
    python benchmarks/capable.py --expert FOLDER     # the expert in FOLDER, made there if there is none
    python benchmarks/capable.py --set good --kind comparison --misses --tokens-per-second 0
    python benchmarks/capable.py --firm veterinary --tokens-per-second 0     # a firm of strangers, of benchmarks/firms

`capable/KIND.jsonl` holds questions of twelve kinds on the sample company (examples/turbines). Each has an answer as a
good model of some four billion parameters words it, right in every detail (`good`), and the same with one to three
errors (`planted`). A scripted endpoint (scripted_endpoint.py) stands for the model: it says the one, then the other,
and every question passes through `Expert.ask`. Nothing here is measured of a real model. Printed:

    right           the good answer reached the user unchanged. Where nothing is answered: the refusal stayed one. Small
                    talk and questions about the collection may be answered without the model, if the text is apt
    not flagged     sentences of good answers that no reader is warned of
    page cited      all places that hold the answer are among the citations
    caught          planted errors in a sentence that is flagged, of those that reached the user
    first token     time until the first text through `Expert.ask`, by that of a bare client, asked in turn
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path, PurePosixPath

import httpx
from capable_report import Judged, Outcome, by_error, figures, first_token, misses, report
from capable_set import DATA, KINDS, Error, Item, load
from scripted_endpoint import MODEL, ScriptedEndpoint

from metier import Expert
from metier.core.questions import DocumentLookup

BY_ITSELF = ("small-talk", "collection")  # kinds that Métier may answer without the model


def company(folder: Path) -> Expert:
    """An expert on the documents of the sample company: `folder`, or `folder`/turbines, made there if there is none."""
    for place in (folder, folder / "turbines"):
        if (place / "metier.toml").exists():
            return Expert.open(place)
    from answers import company

    folder.mkdir(parents=True, exist_ok=True)
    return company(folder)


def of_firm(name: str, folder: Path) -> Expert:
    """An expert with defaults on the documents of one of `firms/`."""
    from firms import FIRMS, expert_on

    subprocess.run([sys.executable, str(FIRMS / "make.py"), str(folder)], check=True, capture_output=True)
    language = tomllib.loads((FIRMS / name / "firm.toml").read_text("utf-8"))["language"]
    return expert_on(folder / name, language, None)


def point_to(expert: Expert, url: str, threads: int | None) -> None:
    """Have the endpoint answer, with everything that follows from the model at its default."""
    generation = {"model": f"openai:{MODEL}", "url": url, "max_tokens": None, "context_tokens": None}
    settings = expert.settings
    expert.runtime.settings = settings.model_copy(
        update={
            "generation": settings.generation.model_copy(update=generation),
            "answering": settings.answering.model_copy(update={"style": "auto"}),
            "embedding": settings.embedding.model_copy(update={"threads": threads}),
        }
    )


class Examiner:
    """Asks an expert whose model is the endpoint, and judges what comes."""

    def __init__(self, expert: Expert, endpoint: ScriptedEndpoint) -> None:
        self._expert = expert
        self._endpoint = endpoint
        self._uris = DocumentLookup(expert.runtime.store.uris())
        self._client = httpx.Client(timeout=60)

    def close(self) -> None:
        self._client.close()

    def examine(self, items: Sequence[Item], which: str) -> list[Outcome]:
        """`which`: good or planted. Of good answers the time to the first token is compared."""
        self._endpoint.play(item.script(which) for item in items)
        self._expert.ask(items[0].question, history=items[0].history)  # models are loaded before anything is timed
        outcomes = []
        for number, item in enumerate(items):
            direct = None
            if which == "good" and number % 2:
                direct = self._direct(item)
            try:
                outcome = self._ask(item, which)
            except Exception as error:
                error.add_note(f"while {item.id} was asked: {item.question}")
                raise
            if which == "good" and not number % 2:
                direct = self._direct(item)
            outcome.direct = direct
            outcomes.append(outcome)
            print(f"\r{which} {number + 1}/{len(items)}", end="", file=sys.stderr)
        print(file=sys.stderr)
        return outcomes

    def _direct(self, item: Item) -> float | None:
        """Seconds until a bare client has the endpoint's first text."""
        messages = [*(asdict(turn) for turn in item.history), {"role": "user", "content": item.question}]
        body = {"model": MODEL, "stream": True, "messages": messages, "max_tokens": 1}
        began = time.perf_counter()
        with self._client.stream("POST", f"{self._endpoint.url}/chat/completions", json=body) as response:
            for line in response.iter_lines():
                if line.startswith("data: {") and any(
                    choice["delta"].get("content") for choice in json.loads(line[6:])["choices"]
                ):
                    return time.perf_counter() - began
        return None

    def _ask(self, item: Item, which: str) -> Outcome:
        pieces: list[tuple[float, str]] = []
        before = self._endpoint.asked.counts["answer"]
        began = time.perf_counter()
        answer = self._expert.ask(
            item.question,
            history=item.history,
            on_text=lambda piece: pieces.append((time.perf_counter() - began, piece)),
        )
        scripted = getattr(item, which)
        asked_model = self._endpoint.asked.counts["answer"] > before
        unchanged = answer.text.strip() == scripted.strip()
        places = [(citation.document, citation.page) for citation in answer.citations]
        held = [any(self._is(place, cited) for place in wanted for cited in places) for wanted in item.pages]
        errors = [_where(error, answer.text) for error in item.errors] if which == "planted" else []
        sentences = []
        for sentence in answer.sentences:
            kinds = [e.kind for e, at in zip(item.errors, errors, strict=False) if _overlap(at, sentence.span)]
            text = answer.text[sentence.start : sentence.end]
            support = str(sentence.support)
            sentences.append(Judged(text, support, sentence.score, sentence.reason, " ".join(kinds)))
        return Outcome(
            id=item.id,
            kind=item.kind,
            set=which,
            question=item.question,
            scripted=scripted,
            text=answer.text,
            abstained=answer.abstained,
            asked_model=asked_model,
            unchanged=unchanged,
            right=self._right(item, answer.text, answer.abstained, unchanged, asked_model),
            streamed_whole="".join(piece for _, piece in pieces).strip() == answer.text.strip(),
            page=all(held) if item.pages else None,
            some_page=any(held) if item.pages else None,
            cited=[f"{document}, page {page}" if page else document for document, page in places],
            sentences=sentences,
            first_token=next((seconds for seconds, piece in pieces if piece.strip()), None),
            errors=[
                (error.kind, _worst(s.support for s in answer.sentences if _overlap(at, s.span)))
                for error, at in zip(item.errors, errors, strict=False)
            ],
        )

    def _is(self, place: tuple[str, int | None], cited: tuple[str, int | None]) -> bool:
        document, page = place
        return cited[0] in self._uris.find(document) and page in (None, cited[1])

    def _right(self, item: Item, text: str, abstained: bool, unchanged: bool, asked_model: bool) -> bool:
        if item.kind == "unanswerable":
            return abstained and (item.good in text or not asked_model)
        if abstained:
            return False
        if unchanged or item.kind not in BY_ITSELF or asked_model:
            return unchanged
        said = text.casefold()
        if item.kind == "small-talk":
            return any(word in said for word in item.apt)
        return (
            all(self._named(document, said) for document in item.must_name)
            and not any(self._named(document, said) for document in item.must_not_name)
            and all(word in said for word in item.must_say)
        )

    def _named(self, document: str, said: str) -> bool:
        """Whether a text names a document: by its file's name, with or without the ending, or by its title."""
        name = PurePosixPath(document)
        names = {name.name, name.stem}
        by_uri = self._expert.runtime.store.uris()
        for uri in self._uris.find(document):
            known = self._expert.runtime.store.document(by_uri[uri])
            names |= {known.title} if known else set()
        return any(each.casefold() in said for each in names if each)


def _where(error: Error, text: str) -> tuple[int, int] | None:
    """Where the wrong words stand in the text that reached the user."""
    sentence = text.find(error.text)
    if sentence < 0:
        return None
    start = sentence + error.text.index(error.wrong)
    return start, start + len(error.wrong)


def _overlap(one: tuple[int, int] | None, other: tuple[int, int]) -> bool:
    return one is not None and one[0] < other[1] and other[0] < one[1]


def _worst(supports: Iterable[str]) -> str:
    """The worst of the sentences over which an error goes; "not shown" where there are none."""
    found = {str(support) for support in supports}
    return next((level for level in ("not", "partly", "carried", "none") if level in found), "not shown")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--expert", type=Path, help="folder of an expert on the sample company")
    parser.add_argument("--firm", choices=sorted(path.stem for path in (DATA / "firms").iterdir()), default="")
    parser.add_argument("--set", choices=("good", "planted", "both"), default="both")
    parser.add_argument("--kind", choices=KINDS, default="")
    parser.add_argument("--limit", type=int, default=0, help="questions of each kind")
    parser.add_argument("--first-token", type=float, default=0.4, help="seconds the endpoint thinks")
    parser.add_argument("--tokens-per-second", type=float, default=25.0, help="of the endpoint, 0 = at once")
    parser.add_argument("--context", type=int, default=8192, help="tokens of the endpoint's window")
    parser.add_argument("--threads", type=int, help="of the embedder")
    parser.add_argument("--misses", action="store_true", help="print each miss in full")
    parser.add_argument("--json", action="store_true", help="print one JSON value and nothing else")
    options = parser.parse_args()
    items = load(options.kind, options.limit, options.firm)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = of_firm(options.firm, folder) if options.firm else company(options.expert or folder)
        expert = stack.enter_context(made)
        endpoint = stack.enter_context(
            ScriptedEndpoint(
                [],
                first_token=options.first_token,
                tokens_per_second=options.tokens_per_second,
                context_tokens=options.context,
            )
        )
        point_to(expert, endpoint.url, options.threads)
        examiner = Examiner(expert, endpoint)
        stack.callback(examiner.close)
        outcomes: list[Outcome] = []
        for which in ("good", "planted"):
            if options.set in (which, "both"):
                outcomes += examiner.examine(items, which)
    if options.json:
        shown = {
            "command": " ".join(sys.argv),
            "figures": {f.name: {"share": f.share, "of": f.of} for f in figures(outcomes)},
            "first_token": first_token(outcomes, follow_ups=False),
            "first_token_follow_ups": first_token(outcomes, follow_ups=True),
            "errors": {kind: {f.name: f.share for f in found} for kind, found in by_error(outcomes).items()},
            "requests": dict(endpoint.asked.counts),
            "outcomes": [asdict(outcome) for outcome in outcomes],
        }
        print(json.dumps(shown, ensure_ascii=False, indent=1))
        return
    report(outcomes, print)
    print("requests to the endpoint:", ", ".join(f"{n} {name}" for name, n in sorted(endpoint.asked.counts.items())))
    if options.misses:
        misses(outcomes, print)


if __name__ == "__main__":
    main()

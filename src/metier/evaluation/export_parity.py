"""Whether an adapter is the same in every form in which it leaves: in torch, merged, as GGUF, behind a server.

An adapter can be lost on the way (a scale forgotten, rows of q and k in another order, a server that answers with the
base), and the exam of the form that was examined says nothing of the others. So each form writes answers to the same
prompts, and for every token that it writes its log-probability is held against what the adapter in torch, in 32 bits,
gives to that token. A few answers hold a hundred tokens, each of which tells; their scores are shown, too, but on few
questions a score moves by a tenth with one word.

    difference    mean of |log p(form) - log p(adapter)| over the tokens, in nats
    floor         the same of the base alone in the engine that serves it: what its number format costs anyway
    effect        what it would be if the adapter were lost: the base against the adapter
    refused       difference > tolerance + floor, or a score that is significantly another one

SmolLM2 in Q4_1 against its weights in torch: .03 to .05 nats a token with an adapter as without one; an adapter that is
lost: .12 where it changes hardly anything, several nats where it has learned something.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from metier import generation
from metier.core.settings import GenerationSettings, Settings
from metier.evaluation import statistics
from metier.evaluation.metrics.text import token_f1
from metier.generation.base import Generator, Message
from metier.tuning import base_model, exporting, gguf_adapter, gguf_model
from metier.tuning.adapters import Card
from metier.tuning.base_model import Base
from metier.tuning.encoding import Encoder

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MERGED, SERVED, F16, Q8, SERVER = FORMS = ("merged", "gguf-adapter", "gguf-f16", "gguf-q8_0", "server")
TOLERANCE = 0.1  # nats a token
_MOST_FLOOR = 0.3  # a base that is further from its own weights than that is another model
_HALF = "\ufffd"  # what stands for a character of which bytes are missing
_ANSWER = 24  # tokens of an answer
_CONTEXT = 4096

Tell = Callable[[int, int, str], None]  # forms done, of how many, the one that writes


@dataclass(frozen=True, slots=True)
class ParityCase:
    """A prompt, with what would be right: empty where nothing is known of that."""

    messages: tuple[Message, ...]
    answers: tuple[str, ...] = ()
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Written:
    """`logprobs`: of its tokens, with the one that ends it where `ended`; empty where they are not told."""

    text: str
    logprobs: tuple[float, ...]
    ended: bool


class FormParity(BaseModel):
    """`tokens`: written. `difference`, `floor`: nats a token; difference None where the server tells no probabilities.
    `score`: mean token F1; `change`: less the adapter's, with its 95% interval `low` to `high`. `problem`: why it is
    not the same, "" where it is."""

    model_config = ConfigDict(frozen=True)

    form: str
    tokens: int
    difference: float | None
    floor: float
    score: float | None
    change: float | None
    low: float | None
    high: float | None
    problem: str = ""


class ExportParity(BaseModel):
    """`cases`: prompts. `effect`: nats a token between base and adapter. `score`: of the adapter itself."""

    model_config = ConfigDict(frozen=True)

    adapter: str
    cases: int
    tolerance: float
    effect: float
    score: float | None
    forms: tuple[FormParity, ...]

    @property
    def same(self) -> bool:
        return not self.refusals()

    @property
    def tells(self) -> bool:
        """Whether an adapter that was lost would have been noticed: one that changes nearly nothing would not."""
        return self.effect > 2 * self.tolerance

    def refusals(self) -> list[str]:
        """A sentence for each form that is not the same, with its figures."""
        return [each.problem for each in self.forms if each.problem]

    def to_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json") | {"same": self.same, "tells": self.tells}


Write = Callable[[Sequence[Message]], Written]  # a form at work


class Reference:
    """The adapter in torch, in 32 bits, on the full weights of its base."""

    def __init__(self, base: Base, adapter: Path) -> None:
        with base_model.quiet():
            from peft import PeftModel

        model = base_model.load_model(base, quantised=False, dtype="float32")
        with base_model.quiet():
            self._model: PreTrainedModel = PeftModel.from_pretrained(model, adapter).eval()  # type: ignore[assignment]
        self._encoder = Encoder(base_model.load_tokenizer(base))

    def write(self, messages: Sequence[Message]) -> Written:
        return write(self._model, self._encoder, messages)

    def apart(self, messages: Sequence[Message], written: Written, *, base: bool = False) -> np.ndarray | None:
        """How far from what the adapter gives to the tokens of a text, (n,); `base`: from the base alone. None where
        the tokens that were told cannot be told from those that were not."""
        tokens = self._encoder.tokens(written.text, ended=written.ended)
        prompt = self._encoder.prompt(messages)
        with self._model.disable_adapter() if base else nullcontext():  # type: ignore[operator]  # PEFT's
            wanted = logprobs(self._model, prompt, tokens)
        ends = [not self._encoder.decode(tokens[: n + 1]).endswith(_HALF) for n in range(len(tokens))]
        return aligned(np.array(written.logprobs), wanted, np.array(ends, bool))


def export_parity(
    settings: Settings,
    expert: Path,
    adapter: Path,
    card: Card,
    cases: Sequence[ParityCase],
    *,
    server: Generator | None = None,
    tolerance: float = TOLERANCE,
    tell: Tell | None = None,
) -> ExportParity:
    """Every form that the adapter in the folder `adapter` can take. `expert`: what relative paths are relative to;
    `server`: serves the adapter under its reference. Takes the disk of two copies of the model for a while, beside the
    adapter. Raises `InputError` where the base is another one, `ModelError`."""
    base = base_model.locate(settings, expert)
    card.require_base(base.fingerprint)
    source = base_model.gguf_of(settings, expert)
    forms = _forms(card, source, server)
    tell = tell or (lambda _done, _total, _note: None)
    measure = Measure(base, adapter, cases, tolerance)
    found: list[FormParity] = []
    with _scratch(adapter) as place:
        merged = place / "merged"
        for form in forms:
            tell(len(found), len(forms), form)
            if form == MERGED or (form in (F16, Q8) and not merged.exists()):
                exporting.save_merged(base, adapter, merged)
            with _writers(form, settings, source, adapter, card, merged, server) as (writer, without):
                found.append(measure.form(form, writer, without))
    tell(len(forms), len(forms), "")
    return measure.result(card, found)


@contextmanager
def _scratch(adapter: Path) -> Iterator[Path]:
    """A folder beside the adapter, always the same, so that what a killed comparison has left there goes with the
    next."""
    place = adapter.parent / ".parity"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def exported(
    folder: Path,
    form: str,
    settings: Settings,
    expert: Path,
    adapter: Path,
    cases: Sequence[ParityCase],
    tolerance: float,
) -> FormParity:
    """What an export holds, against the adapter in the folder `adapter`. `form`: as in `exporting.FORMS`, but "peft",
    which is the adapter itself. Raises `ModelError`."""
    measure = Measure(base_model.locate(settings, expert), adapter, cases, tolerance)
    file = next(folder.glob("*.gguf"), None)
    with torch_writer(folder) if file is None else gguf_writer(settings, file) as writer:
        return measure.form(form, writer)


class Measure:
    """One adapter, and how far forms of it are from it."""

    def __init__(self, base: Base, adapter: Path, cases: Sequence[ParityCase], tolerance: float) -> None:
        self.reference, self._cases, self._tolerance = Reference(base, adapter), cases, tolerance
        self._own = [self.reference.write(case.messages) for case in cases]
        self._scores = self._graded(self._own)
        self.effect = self._apart(self._own, base=True)[0]

    def form(self, form: str, writer: Write, base: Write | None = None) -> FormParity:
        """What `writer` writes to all cases, held against the adapter. `base`: the same engine without the adapter."""
        written = [writer(case.messages) for case in self._cases]
        difference, tokens = self._apart(written)
        floor = self._apart([base(case.messages) for case in self._cases], base=True)[0] if base else 0.0
        scores = self._graded(written)
        change = statistics.compare(scores, self._scores) if len(scores) else None
        found = FormParity(
            form=form, tokens=tokens, difference=difference if tokens else None, floor=floor,
            score=float(scores.mean()) if len(scores) else None, change=change.difference if change else None,
            low=change.low if change else None, high=change.high if change else None,
        )  # fmt: skip
        return found.model_copy(update={"problem": self._problem(found, change.p if change else 1.0)})

    def result(self, card: Card, forms: Sequence[FormParity]) -> ExportParity:
        return ExportParity(
            adapter=card.reference, cases=len(self._cases), tolerance=self._tolerance, effect=self.effect,
            score=float(self._scores.mean()) if len(self._scores) else None, forms=tuple(forms),
        )  # fmt: skip

    def _apart(self, written: Sequence[Written], *, base: bool = False) -> tuple[float, int]:
        """Mean difference from the adapter (`base`: from the base alone), nats a token, and of how many tokens."""
        told = [each for each in zip(self._cases, written, strict=True) if each[1].logprobs]
        found = [self.reference.apart(case.messages, each, base=base) for case, each in told]
        together = np.concatenate([np.zeros(0), *(part for part in found if part is not None)])
        return float(together.mean()) if len(together) else 0.0, len(together)

    def _graded(self, written: Sequence[Written]) -> np.ndarray:
        both = zip(self._cases, written, strict=True)
        return np.array([token_f1(each.text, case.answers, case.language) for case, each in both if case.answers])

    def _problem(self, found: FormParity, p: float) -> str:
        allowed = self._tolerance + min(found.floor, _MOST_FLOOR)
        if found.difference is not None and not found.difference <= allowed:
            return (
                f"{found.form} is not what was tuned: it differs by {found.difference:.2f} nats a token, where "
                f"{allowed:.2f} are allowed (an adapter that was lost: {self.effect:.2f})"
            )
        if (
            found.change is not None
            and abs(found.change) > self._tolerance
            and (p < statistics.ALPHA or found.difference is None)
        ):
            return (
                f"{found.form} does not answer as what was tuned: its score is {found.score:.2f}, "
                f"{found.change:+.2f} ({found.low:+.2f} to {found.high:+.2f})"
            )
        return ""


def write(model: PreTrainedModel, encoder: Encoder, messages: Sequence[Message]) -> Written:
    """The most likely answer of a model in torch."""
    import torch

    prompt = encoder.prompt(messages)
    shown = torch.tensor([prompt], device=model.device)
    with torch.inference_mode():
        made = model.generate(  # type: ignore[operator]  # transformers mixes it in
            input_ids=shown, attention_mask=torch.ones_like(shown), do_sample=False, max_new_tokens=_ANSWER,
            eos_token_id=encoder.end_of_turn, pad_token_id=encoder.end_of_turn, use_cache=True,
        )[0, len(prompt) :].tolist()  # fmt: skip
    ended = made[-1:] == [encoder.end_of_turn]
    text = encoder.decode(made[:-1] if ended else made)
    tokens = encoder.tokens(text, ended=ended)
    return Written(text, tuple(logprobs(model, prompt, tokens)), ended)


def logprobs(model: PreTrainedModel, prompt: Sequence[int], tokens: Sequence[int]) -> np.ndarray:
    """Log-probabilities of `tokens` behind `prompt`, (n,), float64."""
    import torch

    if not tokens:
        return np.zeros(0)
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([[*prompt, *tokens]], device=model.device)).logits[
            0, len(prompt) - 1 : -1
        ]
        found = logits.double().log_softmax(-1)[torch.arange(len(tokens)), torch.tensor(tokens)]
    values: np.ndarray = found.cpu().numpy()
    return values


def written_by(generator: Generator, adapter: str | None) -> Write:
    """A generator as a form."""
    return lambda messages: _completed(generator, messages, adapter)


@contextmanager
def torch_writer(folder: Path) -> Iterator[Write]:
    """A model in the layout of transformers."""
    base = base_model.from_folder(folder, folder.name)
    encoder = Encoder(base_model.load_tokenizer(base))
    model = base_model.load_model(base, quantised=False, dtype="float32")
    model.train(False)
    yield lambda messages: write(model, encoder, messages)


@contextmanager
def gguf_writer(settings: Settings, file: Path) -> Iterator[Write]:
    """A GGUF file, read by llama.cpp."""
    with closing(_llama(settings, file)) as generator:
        yield written_by(generator, None)


@contextmanager
def _writers(
    form: str,
    settings: Settings,
    source: Path | None,
    adapter: Path,
    card: Card,
    merged: Path,
    server: Generator | None,
) -> Iterator[tuple[Write, Write | None]]:
    """The form at work, and the same without the adapter where it can be had."""
    if form == SERVER and server is not None:
        yield written_by(server, card.reference), written_by(server, None)
    elif form == SERVED and source is not None:
        file = adapter / gguf_adapter.FILE_NAME
        with closing(_llama(settings, source, {card.reference: file})) as generator:
            yield written_by(generator, card.reference), written_by(generator, None)
    elif form == MERGED or source is None:
        with torch_writer(merged) as writer:
            yield writer, None
    else:
        file = merged.with_name(f"{form}.gguf")
        gguf_model.write(merged, source, file, "f16" if form == F16 else "q8_0")
        try:
            with gguf_writer(settings, file) as writer:
                yield writer, None
        finally:
            file.unlink()


def _forms(card: Card, source: Path | None, server: Generator | None) -> list[str]:
    forms = [MERGED]
    if source is not None:
        plain = not (card.settings.get("rslora") or card.settings.get("dora"))
        forms += [*([SERVED] if plain else []), F16, Q8]
    return [*forms, SERVER] if server is not None else forms


def _llama(settings: Settings, file: Path, adapters: dict[str, Path] | None = None) -> Generator:
    own = settings.generation
    chosen = GenerationSettings(
        model=f"gguf:{file.resolve()}", threads=own.threads, gpu_layers=own.gpu_layers,
        context_tokens=own.context_tokens or _CONTEXT,
    )  # fmt: skip
    return generation.create(chosen, adapters=adapters or {})


def _completed(generator: Generator, messages: Sequence[Message], adapter: str | None) -> Written:
    done = generator.complete(messages, max_tokens=_ANSWER, adapter=adapter, logprobs=True, fresh=True)
    return Written(done.text, done.logprobs, done.finish_reason == "stop")


def aligned(told: np.ndarray, wanted: np.ndarray, ends: np.ndarray) -> np.ndarray | None:
    """Absolute differences, token by token. `ends`: tokens with which a character ends. llama.cpp tells of a character
    of several tokens the last one alone, and some servers do not tell the token that ends a turn. None where it is none
    of that."""
    for known in (wanted, wanted[ends], wanted[:-1], wanted[:-1][ends[:-1]]):
        if len(told) == len(known):
            apart: np.ndarray = np.abs(told - known)
            return apart
    return None

"""Rows as the token ids that are trained on: the prompt exactly as the expert would ask it, then the completion and
the token that ends a turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metier.core.errors import ModelError
from metier.dataset.rows import Row
from metier.generation.base import Message
from metier.generation.chat_prompt import clean, prompt_tokens, without_system

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PROBE = "vFk3"  # an answer that no template writes by itself


@dataclass(frozen=True, slots=True)
class Example:
    """One row in tokens. Learned from: `completion`, whose last token is the one that ends a turn."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


class Encoder:
    """Rows to tokens by the model's own chat template; document text in a prompt can never act as template."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self.end_of_turn = self._find_end()

    def encode(self, row: Row) -> Example:
        completion = self._tokenize(clean(row.completion).strip(), False, False)
        return Example(tuple(self.prompt(row.prompt())), (*completion, self.end_of_turn))

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        return prompt_tokens(messages, self._render, self._tokenize)

    def tokens(self, text: str, *, ended: bool) -> list[int]:
        """Of an answer as it was written; `ended`: with the token that ends a turn."""
        return [*self._tokenize(text, False, False), *([self.end_of_turn] if ended else [])]

    def decode(self, tokens: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(tokens))  # type: ignore[assignment]  # a list only of several texts
        return text

    def text_of(self, token: int) -> str:
        text: str = self._tokenizer.decode([token])  # type: ignore[assignment]  # a list only of several texts
        return text

    def frame(self, messages: Sequence[Message]) -> list[str]:
        """What the template writes before, between and behind the contents of `messages`."""
        marked = [Message(message.role, f"{_PROBE}{number}") for number, message in enumerate(messages)]
        rest, parts = self._render(marked), []
        if not all(message.content in rest for message in marked):  # a template that knows no system role
            rest = self._render(without_system(marked))
        for message in marked:
            part, _, rest = rest.partition(message.content)
            parts.append(part)
        return [*parts, rest]

    def _render(self, messages: Sequence[Message], answer: str | None = None) -> str:
        from jinja2.exceptions import TemplateError

        turns = [{"role": message.role, "content": message.content} for message in messages]
        if answer is not None:
            turns.append({"role": "assistant", "content": answer})
        try:
            text: str = self._tokenizer.apply_chat_template(  # type: ignore[assignment]  # of one text, not in tokens
                turns, tokenize=False, add_generation_prompt=answer is None
            )
        except TemplateError as error:
            raise ModelError(f"the model's chat template refuses these messages ({error})") from None
        return text

    def _tokenize(self, text: str, control: bool, begin: bool) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False, split_special_tokens=not control)["input_ids"]
        start = self._tokenizer.bos_token_id
        if begin and getattr(self._tokenizer, "add_bos_token", False) and start is not None and ids[:1] != [start]:
            return [start, *ids]
        return ids

    def _find_end(self) -> int:
        """The control token that the template writes behind an answer: `<|im_end|>`, Phi-3's `<|end|>`."""
        behind = self._render([Message("user", "?")], _PROBE).partition(_PROBE)[2]
        special = set(self._tokenizer.all_special_ids) | set(self._tokenizer.added_tokens_decoder)
        found = next((token for token in self._tokenize(behind, True, False) if token in special), None)
        if found is None:
            raise ModelError(
                "the model's chat template ends an answer with no control token, so it could never learn to stop",
                hint="Tune an instruction-tuned model.",
            )
        return found

"""A model that is asked for queries, and whether a question is one to ask it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from metier.core.errors import ModelError
from metier.generation.base import Generator, Message, takes_grammar
from metier.tables.many_rows import computed
from metier.tables.question import TableQuestion
from metier.tables.results import TableAnswer
from metier.tables.sql_prompt import LinkedTables

_MOST_TOKENS = 700
_NO_OPERATION = ("amount", "people", "days", "places", "by")


@dataclass(frozen=True, slots=True)
class QueryOutcome:
    """`not_held`: the model says that the tables do not hold what is asked."""

    answer: TableAnswer | None = None
    not_held: bool = False


class SqlWriter:
    """Asks `generator` for queries, as `adapter` where one was tuned for them. `capable`: whether the model is asked
    before the rules; one that is not is asked where no rule answers. `listen`: called while it writes, and stops it by
    returning True."""

    def __init__(
        self,
        generator: Generator,
        adapter: str | None = None,
        capable: bool = True,
        listen: Callable[[str], bool | None] | None = None,
        today: date | None = None,
    ) -> None:
        self._generator, self._adapter, self.capable = generator, adapter, capable
        self._listen, self.today = listen, today or date.today()

    @property
    def tuned(self) -> bool:
        """Whether it was tuned on queries, and is asked as it was there (`brief_prompt`)."""
        return self._adapter is not None

    def write(self, messages: Sequence[Message], grammar: Callable[[], str]) -> str | None:
        """None where the prompt is too long for the model, or no answer can be had from it."""
        room = self._generator.context_tokens - self._generator.count_tokens(messages)
        if room < _MOST_TOKENS:
            return None
        try:
            if takes_grammar(self._generator):
                return self._generator.complete(
                    messages, max_tokens=_MOST_TOKENS, adapter=self._adapter, on_text=self._listen, grammar=grammar()
                ).text
            return self._generator.complete(
                messages, max_tokens=_MOST_TOKENS, adapter=self._adapter, on_text=self._listen
            ).text
        except ModelError:
            return None


def is_for_sql(question: TableQuestion, groups: Sequence[LinkedTables]) -> bool:
    """Whether a model is worth asking: something is to be counted, added, compared, bounded or ranked, or a named value
    stands beside a column of its table."""
    if not any(group.links.columns or group.links.values or group.links.tables for group in groups):
        return False
    operations = any(operation.kind not in _NO_OPERATION for operation in question.operations)
    if operations or question.extremes or question.bounds or computed(question.text, question.language.code):
        return True
    for group in groups:
        named = {each.table.document_id for each in group.links.values if each.named or each.share == 1}
        beside = {each.table.document_id for each in group.links.columns}
        if named & (beside | {each.table.document_id for each in group.links.tables}):
            return True
    return False

"""The ways in which training data is laid out, and how each becomes rows.

    conversation        messages | conversations: [{role, content}] or [{from, value}]; optional system
    alpaca              instruction, output (or response); optional input, context, system, history: [[q, a]]
    prompt/completion   prompt, completion (or response): texts or lists of messages
    question/answer     question (or query), answer (or answers, response, completion); optional context, system
    squad               paragraphs: [{context, qas: [{question, answers}]}]
    label               text (or sentence, utterance), label (or category, intent); numbers are named where names are
    metier              what `metier dataset` keeps itself

Questions, answers, contexts, texts and labels may also be called what any language's file calls them (`[files]`). In
every layout a column may name the documents that the row was written from: document, source.
Column names are compared without case. A layout takes a record with folded names and gives rows; an empty text stays
in them, so that the caller can count it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from metier.core.documents import Passage, document_id, passage_id
from metier.dataset import conversations
from metier.dataset.cleaning import Malformed, plain_text
from metier.dataset.rows import Row
from metier.generation.base import Message
from metier.text.language import in_any_language

_TURNS = ("messages", "conversations", "conversation")
# By what a column holds; more in the languages' files.
_NAMES = {
    "question": ("question", "query"),
    "answer": ("answer", "answers", "response", "completion"),
    "context": ("context", "contexts", "passage", "passages"),
    "text": ("text", "sentence", "utterance"),
    "document": ("documents", "document", "doc", "source", "sources", "file", "url", "uri"),
    "label": ("label_text", "label_name", "label", "category", "intent", "class"),
}
_OUTPUT = ("output", "response")
_COMPLETION = ("completion", "response")
_SYSTEM = ("system", "system_prompt")
_ROW_FIELDS = {field.name for field in fields(Row)}

Names = Mapping[str, tuple[str, ...]]
ToRows = Callable[[Mapping[str, Any], str, Names], list[Row]]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns hold what, where no layout fits. `context` is optional."""

    question: str
    completion: str
    context: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """`fits`: whether the columns of a record are those of this layout. `rows`: takes a record, the name of its file
    and the names of numbered labels; raises `Malformed`."""

    name: str
    columns: str
    fits: Callable[[Mapping[str, Any]], bool]
    rows: ToRows


def known() -> list[Layout]:
    return [
        Layout("conversation", "messages or conversations", lambda r: _has(r, _TURNS), _conversation),
        Layout("alpaca", "instruction, output", lambda r: _has(r, ("instruction",), _OUTPUT), _alpaca),
        Layout("prompt/completion", "prompt, completion", lambda r: _has(r, ("prompt",), _COMPLETION), _prompt),
        Layout(
            "question/answer",
            "question, answer",
            lambda r: _has(r, names_of("question"), names_of("answer")) and not _is_own(r),
            _question,
        ),
        Layout("squad", "paragraphs", lambda r: "paragraphs" in r, _squad),
        Layout("label", "text, label", lambda r: _has(r, names_of("text"), names_of("label")), _label),
        Layout("metier", "question, completion, kind, origin", _is_own, _own),
    ]


@lru_cache(maxsize=8)
def names_of(role: str) -> tuple[str, ...]:
    """What a column of questions, answers, contexts, texts, labels or documents may be called, casefolded: as data sets
    have it, then as any language does."""
    return tuple(dict.fromkeys((*_NAMES[role], *(name.casefold() for name in in_any_language("files", role)))))


def folded(values: Mapping[Any, Any]) -> dict[str, Any]:
    """The record with its column names without case and surrounding white space."""
    return {str(name).strip().casefold(): value for name, value in values.items()}


def documents(record: Mapping[str, Any]) -> tuple[str, ...]:
    """What the record calls the documents that it was written from; what is no name is passed over."""
    values = (record.get(name) for name in names_of("document"))
    named = [each for value in values for each in (value if isinstance(value, list) else [value])]
    return tuple(dict.fromkeys(each.strip() for each in named if isinstance(each, str) and each.strip()))


def from_columns(record: Mapping[str, Any], columns: Columns, file: str, names: Names) -> Row:
    """A row by named columns. A completion column that is named as labels are makes the row one of kind "label"."""
    question, completion = columns.question.casefold(), columns.completion.casefold()
    context = _passages(record.get(columns.context.casefold()), "", file) if columns.context else ()
    for column in (question, completion):
        if column not in record:
            raise Malformed(f'has no "{column}"')
    answer = named(record[completion], completion, names) if completion in names else _answer(record, completion)
    kind = "label" if completion in names_of("label") or completion in names else ""
    return Row(plain_text(record[question], question), answer, kind=kind, context=context)


def _has(record: Mapping[str, Any], *groups: tuple[str, ...]) -> bool:
    """At least one column of each group."""
    return all(any(name in record for name in group) for group in groups)


def _first(record: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The first of `names` that the record has, with something in it if possible. Raises `Malformed`."""
    there = [name for name in names if name in record]
    if not there:
        raise Malformed(f'has no "{names[0]}"')
    return next((name for name in there if record[name] is not None), there[0])


def _text(record: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """The text of the first column of `names` that is there, "" where none is."""
    there = [name for name in names if record.get(name) is not None]
    return plain_text(record[there[0]], there[0]) if there else ""


def _conversation(record: Mapping[str, Any], _file: str, _names: Names) -> list[Row]:
    return conversations.rows(conversations.turns(record[_first(record, _TURNS)]), _text(record, _SYSTEM) or None)


def _alpaca(record: Mapping[str, Any], file: str, _names: Names) -> list[Row]:
    output = plain_text(record[_first(record, _OUTPUT)], "output")
    asked = plain_text(record[_first(record, ("instruction",))], "instruction")
    given = _text(record, ("input",))
    history = []
    for turn in record.get("history") or ():
        if not isinstance(turn, (list, tuple)) or len(turn) != 2:
            raise Malformed('has a "history" that is no list of [question, answer]')
        history += [
            Message("user", plain_text(turn[0], "history")),
            Message("assistant", plain_text(turn[1], "history")),
        ]
    return [
        Row(
            f"{asked}\n\n{given}" if asked and given else asked or given,
            output,
            instruction=_text(record, _SYSTEM) or None,
            history=tuple(history),
            context=_context(record, file),
        )
    ]


def _prompt(record: Mapping[str, Any], file: str, _names: Names) -> list[Row]:
    name = _first(record, _COMPLETION)
    asked, answer = record[_first(record, ("prompt",))], record[name]
    if not isinstance(asked, (list, Mapping)) and not isinstance(answer, (list, Mapping)):
        system = _text(record, _SYSTEM) or None
        return [
            Row(
                plain_text(asked, "prompt"),
                plain_text(answer, name),
                instruction=system,
                context=_context(record, file),
            )
        ]
    before = asked if isinstance(asked, (list, Mapping)) else [{"role": "user", "content": plain_text(asked, "prompt")}]
    after = (
        answer if isinstance(answer, (list, Mapping)) else [{"role": "assistant", "content": plain_text(answer, name)}]
    )
    return conversations.rows([*conversations.turns(before, learn=False), *conversations.turns(after)])


def _question(record: Mapping[str, Any], file: str, _names: Names) -> list[Row]:
    answer = _answer(record, _first(record, names_of("answer")))
    system = _text(record, _SYSTEM) or None
    return [Row(_text(record, names_of("question")), answer, instruction=system, context=_context(record, file))]


def _squad(record: Mapping[str, Any], file: str, _names: Names) -> list[Row]:
    made = []
    for paragraph in objects(record, "paragraphs"):
        context = _passages(paragraph.get("context"), plain_text(record.get("title"), "title"), file)
        for asked in objects(paragraph, "qas"):
            found = objects(asked, "answers") if asked.get("answers") else []
            answer = plain_text(found[0].get("text"), "text") if found else ""
            made.append(Row(plain_text(asked.get("question"), "question"), answer, context=context))
    if not made:
        raise Malformed('has "paragraphs" without questions')
    return made


def _label(record: Mapping[str, Any], _file: str, names: Names) -> list[Row]:
    column = _first(record, names_of("label"))
    return [Row(_text(record, names_of("text")), named(record[column], column, names), kind="label")]


def _is_own(record: Mapping[str, Any]) -> bool:
    return {"question", "completion"} <= record.keys() <= _ROW_FIELDS and len(record) > 2


def _own(record: Mapping[str, Any], file: str, _names: Names) -> list[Row]:
    if not isinstance(record.get("context") or [], list) or any(
        isinstance(p, str) for p in record.get("context") or ()
    ):
        return _question(record, file, {})
    try:
        row = Row.from_json(dict(record))
    except (TypeError, ValueError, AttributeError) as error:
        raise Malformed(f"is not a row of `metier dataset` ({error})") from None
    plain_text(row.question, "question")
    plain_text(row.completion, "completion")
    return [row]


def named(value: Any, column: str, names: Names) -> str:
    """A label in words: the name of its number where there is one. `column`: with its name folded."""
    known_names = names.get(column, ())
    if isinstance(value, int) and not isinstance(value, bool) and known_names:
        if not 0 <= value < len(known_names):
            return ""  # -1 stands for "no label"
        return plain_text(known_names[value], column)
    return plain_text(value, column)


def _answer(record: Mapping[str, Any], column: str) -> str:
    """A text, the first of a list of texts, or the first of SQuAD's `{"text": [...]}`."""
    value = record[column]
    if isinstance(value, Mapping):
        value = value.get("text")
        if value is None:
            raise Malformed(f'has an object without "text" in "{column}"')
    if isinstance(value, list):
        value = value[0] if value else None
    return plain_text(value, column)


def _context(record: Mapping[str, Any], file: str) -> tuple[Passage, ...]:
    there = [name for name in names_of("context") if record.get(name) is not None]
    return _passages(record[there[0]], plain_text(record.get("title"), "title"), file) if there else ()


def _passages(value: Any, title: str, file: str) -> tuple[Passage, ...]:
    """Passages that the row brings along, which stand in no store: the same text has the same id in every row."""
    if isinstance(value, Mapping) and "contexts" in value:
        value = value["contexts"]
    texts = value if isinstance(value, list) else [value]
    made = []
    for text in (plain_text(each, "context") for each in texts):
        if text:
            document = document_id(text)
            made.append(
                Passage(passage_id(document, 0, len(text), text), document, text, 0, len(text), uri=file, title=title)
            )
    return tuple(made)


def objects(record: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = record.get(name)
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise Malformed(f'has no list of objects in "{name}"')
    return value

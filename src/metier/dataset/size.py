"""How much a dataset of this size is likely to change.

Nobody can say it for certain before the exam; these are the figures that others published:

- OpenAI, guide "Supervised fine-tuning" (2025): 10 examples are the least that is accepted; improvements are seen from
  50 to 100 examples, and the right number varies greatly.
- Zhou et al., "LIMA: Less Is More for Alignment", 2023 (arXiv 2305.11206): 1,000 carefully chosen examples taught a
  65B model a style of answering; they conclude that knowledge comes from pre-training. Small models may need more.
- Ovadia et al., "Fine-Tuning or Retrieval?", 2023 (arXiv 2312.05934): for facts, retrieval did better than
  fine-tuning throughout, and a fact was learned only from many differently worded repetitions.
- Casanueva et al., "Efficient Intent Detection with Dual Sentence Encoders", 2020 (arXiv 2003.04807): intents are
  learned from 10 and from 30 examples a class, the two sizes that they examine beside the full set.
- The cookbook that Métier began from: a small dataset makes little difference.
"""

from __future__ import annotations

LEAST_ROWS = 10
FIRST_GAINS = 50
STYLE_ROWS = 1000
LABEL_ROWS = (10, 30)  # a class: the fewest that are studied, and comfortable
# The cookbook's batch of 8 x 4, for the number of steps.
_BATCH = 32


def is_small(rows: int) -> bool:
    """Whether little difference is to be expected."""
    return rows < FIRST_GAINS


def statement(rows: int, completion_tokens: int, labelled: int = 0, classes: int = 0) -> str:
    """What to expect of `rows` distinct rows with `completion_tokens` tokens to learn from. `labelled`: how many rows
    carry one of `classes` labels; where most do, the rows of each label are what counts."""
    steps = -(-rows // _BATCH)
    taken = f"{steps:,} {'step' if steps == 1 else 'steps'} of {_BATCH} rows"
    amount = f"{rows:,} distinct rows with {completion_tokens:,} tokens to learn from ({taken})"
    return f"{amount}: {_labels(labelled, classes) if 2 * labelled > rows else _texts(rows)}"


def _texts(rows: int) -> str:
    if rows < LEAST_ROWS:
        return f"under the {LEAST_ROWS} that OpenAI accepts at all; expect no reliable change."
    if rows < FIRST_GAINS:
        return (
            f"a small dataset makes little difference. Improvements are reported from {FIRST_GAINS} to 100 rows on, "
            "for form and tone rather than facts."
        )
    if rows < STYLE_ROWS:
        return (
            f"form, tone and terminology may change ({FIRST_GAINS} to 100 rows are where OpenAI sees first "
            "improvements); facts that stand in one row only are hardly learned, retrieval serves them better."
        )
    return (
        f"enough for a style of answering where the rows are good (LIMA used {STYLE_ROWS:,} with a 65B model; a small "
        "one may need more); a fact needs several differently worded rows, or retrieval."
    )


def _labels(rows: int, classes: int) -> str:
    each = rows / classes
    few, comfortable = LABEL_ROWS
    about = f"about {each:.0f} of each of {classes} labels"
    if each < few:
        return f"{about}. Fewer than {few} a label make little difference."
    if each < comfortable:
        return f"{about}. Labels are learned from {few} to {comfortable} rows each, similar ones are still confused."
    return f"{about}, where labels are usually learned."

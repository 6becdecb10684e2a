from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metier.core.settings import TuningSettings
from metier.tuning import packing
from metier.tuning.checkpoints import RunFolder
from metier.tuning.encoding import Example
from metier.tuning.trainers import lora

from . import tiny_models

# PEFT 0.21 asks transformers 5 for an attribute by its old name.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
]
KINDS = ("llama", "phi3")
SYSTEM = tuple(range(40, 60))

FAMILIES = {
    "one row": [((1, 2, 3), (4, 5))],
    "the same prompt, different completions": [(SYSTEM, (1, 2, 3)), (SYSTEM, (1, 4)), (SYSTEM, (9, 2, 3, 8))],
    "one row the beginning of another": [(SYSTEM, (1, 2)), (SYSTEM, (1, 2, 3, 4)), ((*SYSTEM, 1, 2, 3), (4, 5))],
    "identical rows": [(SYSTEM, (1, 2, 3))] * 3,
    "the same tokens, judged in other places": [((1, 2, 3), (4, 5, 6)), ((1, 2, 3, 4), (5, 6))],
    "completions of one token": [(SYSTEM, (1,)), (SYSTEM, (2,)), (SYSTEM[:4], (3,))],
    "nothing shared": [((1, 2, 3), (4, 5)), ((11, 12), (13,)), ((21,), (22, 23, 24, 25))],
    "branches of branches": [
        ((*SYSTEM, first, second), (third, 7)) for first in (1, 2) for second in (3, 4, 5) for third in (6, 8)
    ],
}


def examples_of(family) -> list[Example]:
    return [Example(tuple(prompt), tuple(completion)) for prompt, completion in family]


@pytest.fixture(scope="module", params=KINDS)
def model(request):
    return tiny_models.adapted(tiny_models.model(request.param))


def trained(model) -> dict[str, torch.Tensor]:
    return {name: number for name, number in model.named_parameters() if number.requires_grad}


def packed(model, examples, most_tokens: int = 2048) -> tuple[float, dict[str, torch.Tensor]]:
    """Loss and gradients as a run has them."""
    data = lora._Data(examples, [], 0)
    loop = lora._Loop(model, data, TuningSettings(), RunFolder(None), torch.device("cpu"), None)
    model.zero_grad()
    total = 0.0
    for batch in packing.micro_batches(examples, most_tokens):
        loss = loop._loss(batch)
        loss.backward()
        total += loss.item()
    return total, {name: number.grad.clone() for name, number in trained(model).items()}


def one_by_one(model, examples) -> tuple[float, dict[str, torch.Tensor]]:
    """Each row by itself, through the model's own forward pass, with neither mask nor positions given."""
    model.zero_grad()
    total = 0.0
    for example in examples:
        ids = torch.tensor([[*example.prompt, *example.completion]])
        logits = model(input_ids=ids, use_cache=False).logits[0, len(example.prompt) - 1 : -1]
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(example.completion), reduction="sum")
        loss.backward()
        total += loss.item()
    return total, {name: number.grad.clone() for name, number in trained(model).items()}


def assert_the_same(model, examples, most_tokens: int = 2048) -> None:
    """Both to five digits, over the number of tokens that are learned."""
    labels = sum(len(example.completion) for example in examples)
    loss, gradients = packed(model, examples, most_tokens)
    expected, own = one_by_one(model, examples)
    assert loss / labels == pytest.approx(expected / labels, abs=1e-5)
    for name, gradient in gradients.items():
        off = (gradient - own[name]).abs().max() / labels
        assert off < 1e-5 * max(1, own[name].abs().max() / labels), name


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_packed_rows_teach_what_the_rows_teach_one_by_one(model, family):
    assert_the_same(model, examples_of(family))


def test_a_micro_batch_of_several_trees_with_padding(model):
    family = [*FAMILIES["nothing shared"], *FAMILIES["branches of branches"]]
    (batch,) = packing.micro_batches(examples_of(family), 2048)
    trees, width = batch.tokens.shape
    assert trees == 3
    assert batch.mask.shape == (trees, 1, width, width)
    assert batch.mask.diagonal(dim1=2, dim2=3).all()  # padding looks at itself, so that no softmax is empty
    assert_the_same(model, examples_of(family))


def test_few_widths_occur_and_none_is_much_more_than_is_needed():
    widths = [packing.padded(nodes) for nodes in range(1, 2049)]
    assert len(set(widths)) <= 64
    assert all(nodes <= width <= max(nodes + 7, 1.125 * nodes) for nodes, width in enumerate(widths, start=1))


def test_many_small_micro_batches_are_one_large_one(model):
    family = [*FAMILIES["nothing shared"], *FAMILIES["branches of branches"], *FAMILIES["identical rows"]]
    assert len(list(packing.micro_batches(examples_of(family), 16))) > 1
    assert_the_same(model, examples_of(family), most_tokens=16)


def test_rows_longer_than_a_tree_may_be(model):
    long = tuple(n * 7 % 250 for n in range(packing.TREE_TOKENS + 20))
    examples = examples_of([(long, (1, 2)), (long, (3, 4)), (long[:100], (5, 6)), (long[:90], (7,))])
    assert sorted(map(len, packing.trees(examples)), reverse=True)[:2] == [len(long) + 1] * 2
    assert_the_same(model, examples)


def test_a_model_with_a_sliding_window_sees_through_the_same_window():
    model = tiny_models.adapted(tiny_models.model("phi3", sliding_window=8))
    prompt = tuple(range(30, 60))
    assert_the_same(model, examples_of([(prompt, (1, 2, 3)), (prompt, (1, 4, 5)), (prompt[:20], (6, 7))]))


@st.composite
def random_families(draw):
    """Rows that begin like a row before them, or do not."""
    word = st.integers(3, 6)
    family: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    for _ in range(draw(st.integers(1, 8))):
        before = draw(st.sampled_from([(), *(prompt + completion for prompt, completion in family)]))
        kept = before[: draw(st.integers(0, len(before)))]
        prompt = (*kept, *draw(st.lists(word, max_size=12))) or (3,)
        family.append((prompt, tuple(draw(st.lists(word, min_size=1, max_size=5)))))
    return family


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(family=random_families(), most_tokens=st.integers(8, 200))
def test_any_family_packed_is_the_rows_one_by_one(model, family, most_tokens):
    assert_the_same(model, examples_of(family), most_tokens)


@settings(max_examples=100, deadline=None)
@given(family=random_families(), most_tokens=st.integers(8, 200))
def test_a_micro_batch_keeps_to_its_size_and_every_label_is_judged_once(family, most_tokens):
    examples = examples_of(family)
    batches = list(packing.micro_batches(examples, most_tokens))
    for batch in batches:
        assert len(batch.tokens) == 1 or batch.tokens.numel() <= most_tokens
        assert len(batch.judged) == len(batch.labels)
    labels = Counter(label for batch in batches for label in batch.labels.tolist())
    assert labels == Counter(token for example in examples for token in example.completion)


def test_what_rows_share_is_computed_once():
    sources = tuple(range(100))
    examples = examples_of([((*sources, question), (200, 201)) for question in range(110, 120)])
    (tree,) = packing.trees(examples)
    assert len(tree) == len(sources) + 10 * 2


# ── the order of an epoch ────────────────────────────────────────────────────────────────────────────────────────────


def families(count: int = 4, size: int = 32) -> list[Example]:
    return [Example((*[family] * 30, row), (family, row)) for family in range(count) for row in range(size)]


@pytest.mark.parametrize("batch", [1, 2, 7, 16, 1000])
def test_an_epoch_has_every_row_once(batch):
    rows = [*families(), *families(1, 3)]  # three of them twice
    order = packing.steps(rows, batch, seed=1, epoch=0)
    assert Counter(row for step in order for row in step) == Counter(rows)
    assert {len(step) for step in order[:-1]} <= {batch}
    assert len(order) == -(-len(rows) // batch)


def test_the_order_follows_seed_and_epoch_and_nothing_else():
    rows = families()
    order = packing.steps(rows, 8, seed=1, epoch=0)
    assert packing.steps(rows[::-1], 8, seed=1, epoch=0) == order
    assert packing.steps(rows, 8, seed=1, epoch=1) != order
    assert packing.steps(rows, 8, seed=2, epoch=0) != order


@pytest.mark.parametrize("seed", range(5))
def test_an_epoch_is_not_one_family_after_another(seed):
    order = packing.steps(families(), 8, seed=seed, epoch=0)
    present = [{row.prompt[0] for row in step} for step in order]
    for family in range(4):
        steps = [number for number, seen in enumerate(present) if family in seen]
        assert steps[-1] - steps[0] >= len(order) // 3
    assert sum(len(seen) == 1 for seen in present) < len(order) // 2
    assert any(before != after for before, after in pairwise(present))


def test_rows_over_the_same_sources_meet_in_a_step():
    order = packing.steps(families(), 8, seed=0, epoch=0)
    assert all(max(Counter(row.prompt[0] for row in step).values()) >= 4 for step in order)

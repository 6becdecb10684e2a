"""Rows packed so that what they share is computed once.

    system … sources … ┬ question 1, answer 1          rows that begin alike make one tree: a token attends to its
                       ├ question 2, answer 2          ancestors alone and counts its position from the root, so every
                       └ question 3 ┬ answer 3         row sees exactly what it would see by itself
                                    └ answer 4

Most of a row that carries sources is prompt, and several questions are asked over the same sources; even rows
without sources begin with the same instruction. The loss is that of the rows one by one, to the last bit that
the number format holds (tested).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from metier.tuning.encoding import Example

if TYPE_CHECKING:
    import torch

TREE_TOKENS = 768  # attention within a tree grows with its square; a longer row makes a tree of its own
LEAST_SHARED = 0.25  # of a row's tokens, to hang it into a tree
_LEAST_STEP = 8  # nodes


class Tree:
    """Rows over a shared beginning. `rows`: in the order in which they were added. `tokens`, `positions`: of each node.
    `spans`: for each row's new part, its first node and what it hangs on, by node. `targets`: (node whose output is
    judged, token that should follow)."""

    def __init__(self) -> None:
        self.rows: list[Example] = []
        self.tokens: list[int] = []
        self.positions: list[int] = []
        self.spans: list[tuple[int, int, list[int]]] = []
        self.targets: list[tuple[int, int]] = []
        self._path: list[int] = []  # nodes of the row added last

    def __len__(self) -> int:
        return len(self.tokens)

    def new_tokens(self, example: Example) -> int:
        """How many nodes `add` would make. Rows are added in sorted order: only the last one can share."""
        return len(example) - self._shared(_read(example)) - 1

    def add(self, example: Example) -> None:
        """Hang a row in. Its last token is only a target: nothing is predicted from it."""
        read = _read(example)
        shared = self._shared(read)
        first = len(self.tokens)
        nodes = list(range(first, first + len(read) - shared))
        if nodes:
            self.spans.append((first, first + len(nodes), self._path[:shared]))
        self.tokens += read[shared:]
        self.positions += range(shared, len(read))
        self._path = self._path[:shared] + nodes
        self.rows.append(example)
        begin = len(example.prompt) - 1
        self.targets += zip(self._path[begin:], example.completion, strict=True)

    def _shared(self, read: Sequence[int]) -> int:
        pairs = zip(self._path, read, strict=False)
        return sum(1 for _ in takewhile(lambda pair: self.tokens[pair[0]] == pair[1], pairs))


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """What goes through the model at once. `tokens`, `positions`: (trees, nodes) int64; `mask`: (trees, 1, nodes,
    nodes) bool, True = may attend; `judged`: (n,) int64 indices into the flattened nodes; `labels`: (n,) int64."""

    tokens: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    judged: torch.Tensor
    labels: torch.Tensor


def trees(examples: Sequence[Example]) -> list[Tree]:
    """Examples as trees, longest first. Sorted by their tokens, rows that begin alike are neighbours."""
    made: list[Tree] = []
    for example in sorted(examples, key=_read):
        if not made or not _belongs(example, made[-1]):
            made.append(Tree())
        made[-1].add(example)
    return sorted(made, key=len, reverse=True)


def micro_batches(
    examples: Sequence[Example], most_tokens: int, worker: int = 0, workers: int = 1, *, even: bool = False
) -> Iterator[MicroBatch]:
    """The share of `examples` of one of several workers, in micro-batches of at most `most_tokens` nodes, padding
    counted; a larger tree goes alone. `even`: as many micro-batches for each worker, where they must keep step; those
    that are missing learn nothing."""
    shares = [_groups(share, most_tokens) for share in _shares(trees(examples), workers)]
    for group in shares[worker]:
        yield _stack(group)
    if even:
        for _ in range(max(map(len, shares)) - len(shares[worker])):
            yield _stack([_nothing()])


def _groups(made: Sequence[Tree], most_tokens: int) -> list[list[Tree]]:
    groups: list[list[Tree]] = []
    for tree in made:  # the first of a group is the longest and says how wide it is
        if not groups or (len(groups[-1]) + 1) * padded(len(groups[-1][0])) > most_tokens:
            groups.append([])
        groups[-1].append(tree)
    return groups


def _shares(made: list[Tree], workers: int) -> list[list[Tree]]:
    """The trees of each worker. One that keeps the others waiting is cut in two, for as long as that helps."""
    shares = _dealt(made, workers)
    while True:
        heaviest = max(shares, key=_nodes)
        cut = max((tree for tree in heaviest if len(tree.rows) > 1), key=len, default=None)
        if cut is None:
            return shares
        half = len(cut.rows) // 2
        made = [tree for tree in made if tree is not cut] + trees(cut.rows[:half]) + trees(cut.rows[half:])
        made.sort(key=len, reverse=True)
        finer = _dealt(made, workers)
        if sorted(map(_nodes, finer), reverse=True) >= sorted(map(_nodes, shares), reverse=True):
            return shares
        shares = finer


def _dealt(made: Sequence[Tree], workers: int) -> list[list[Tree]]:
    """Each tree to the worker with the fewest nodes so far: longest first, that comes near to equal shares."""
    shares: list[list[Tree]] = [[] for _ in range(workers)]
    for tree in made:
        min(shares, key=_nodes).append(tree)
    return shares


def _nodes(share: Sequence[Tree]) -> int:
    return sum(map(len, share))


def _nothing() -> Tree:
    """One node at which nothing is judged."""
    tree = Tree()
    tree.tokens, tree.positions, tree.spans = [0], [0], [(0, 1, [])]
    return tree


def steps(examples: Sequence[Example], batch: int, seed: int, epoch: int) -> list[list[Example]]:
    """One epoch: examples in optimizer steps of `batch`, in an order that `seed` and `epoch` decide. Rows over the same
    sources stay neighbours, since there is most to share; which sources meet in a step is drawn."""
    draw = random.Random(f"{seed} {epoch}")
    groups: list[list[Example]] = []
    for family in _families(examples):
        draw.shuffle(family)
        size = max(1, batch // 2)  # else an epoch would be one long family after another
        groups += [family[at : at + size] for at in range(0, len(family), size)]
    draw.shuffle(groups)
    mixed = [example for group in groups for example in group]
    return [mixed[at : at + batch] for at in range(0, len(mixed), batch)]


def _families(examples: Sequence[Example]) -> list[list[Example]]:
    """Rows of which each shares at least half of its prompt with the one before."""
    families: list[list[Example]] = []
    for example in sorted(examples, key=lambda example: (example.prompt, example.completion)):
        before = families[-1][-1].prompt if families else ()
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, example.prompt, strict=False)))
        if not families or 2 * shared < len(example.prompt):
            families.append([])
        families[-1].append(example)
    return families


def _belongs(example: Example, tree: Tree) -> bool:
    """A row that shares little is better off in a tree of its own, where it attends over fewer nodes."""
    new = tree.new_tokens(example)
    return len(tree) + new <= TREE_TOKENS and len(example) - new >= LEAST_SHARED * len(example)


def _read(example: Example) -> tuple[int, ...]:
    return (*example.prompt, *example.completion[:-1])


def padded(nodes: int) -> int:
    """Width of a micro-batch: up to an eighth more than `nodes`, so that few widths occur. The CPU's kernels (oneDNN)
    are compiled for every new shape and kept, 20 MB a shape: without this a run grows by a gigabyte in 60 steps."""
    step = max(_LEAST_STEP, 1 << max(0, nodes.bit_length() - 4))
    return -(-nodes // step) * step


def _stack(group: Sequence[Tree]) -> MicroBatch:
    import torch

    width = padded(len(group[0]))
    tokens = torch.zeros(len(group), width, dtype=torch.long)
    positions = torch.zeros(len(group), width, dtype=torch.long)
    mask = torch.zeros(len(group), 1, width, width, dtype=torch.bool)
    judged, labels = [], []
    for number, tree in enumerate(group):
        tokens[number, : len(tree)] = torch.tensor(tree.tokens)
        positions[number, : len(tree)] = torch.tensor(tree.positions)
        for first, end, above in tree.spans:
            mask[number, 0, first:end, above] = True
            mask[number, 0, first:end, first:end] = torch.ones(end - first, end - first, dtype=torch.bool).tril()
        padding = torch.arange(len(tree), width)
        mask[number, 0, padding, padding] = True  # a row of a softmax that may look nowhere is not a number
        judged += [number * width + node for node, _ in tree.targets]
        labels += [label for _, label in tree.targets]
    numbers = (torch.tensor(each, dtype=torch.long) for each in (judged, labels))  # of none as well
    return MicroBatch(tokens, positions, mask, *numbers)

"""Which layer is which by shapes alone, for a checkpoint in which neither the file nor the modules keep an order.

Layers of one shape are a class. A class of one decides itself. In a larger one numbers decide, where names differ in
numbers alone: they count up in the order of execution, as everywhere (decision 0027). Else nothing decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, permutations, product
from math import factorial, prod
from typing import NamedTuple

from archdsl.weights.layers import CLASSES, INPUT_CHANNELS, Layer, rules_of
from archdsl.weights.names import natural, numberless
from archdsl.weights.pairs import Choice, Pairing
from archdsl.weights.search import MAX_SOLUTIONS, Pairs

NOTE = "neither the file nor its modules keep our order: shapes tell, and numbers in names where shapes are equal"


class Class(NamedTuple):
    """Layers of ours and of theirs that are alike in all shapes, each in its order."""

    ours: list[Layer]
    theirs: list[Layer]

    @property
    def named(self) -> list[Layer]:
        """Theirs in the order of their names."""
        return sorted(self.theirs, key=lambda layer: natural(layer.path))

    @property
    def fits(self) -> bool:
        """Whether there are as many of both."""
        return len(self.ours) == len(self.theirs)

    @property
    def is_decided(self) -> bool:
        """Whether the names of theirs differ in numbers alone, if at all."""
        return len({numberless(layer.path) for layer in self.theirs}) == 1


def by_class(ours: Sequence[Layer], theirs: Sequence[Layer], order: int) -> Pairing | None:
    """The pairing of two sides that have every class equally often; none where they do not.

    Of what nothing decides it has the order of this number: 0 is the file's, the next that of the names.
    """
    classes = _classes(ours, theirs)
    if not all(one.fits for one in classes):
        return None
    open_ = [one for one in classes if not one.is_decided]
    orders = min(MAX_SOLUTIONS, prod(factorial(len(one.theirs)) for one in open_))
    taken = next(islice(_orders(open_), min(order, orders - 1), None))
    partners = {one.path: other for c in classes if c.is_decided for one, other in zip(c.ours, c.named, strict=True)}
    choices = []
    for one_class, order_of_it in zip(open_, taken, strict=True):
        for one, other in zip(one_class.ours, order_of_it, strict=True):
            partners[one.path] = other
            choices.append(Choice(one, other, tuple([layer for layer in one_class.theirs if layer is not other])))
    return Pairing(tuple([(one, partners[one.path]) for one in ours]), (NOTE,), tuple(choices), orders)


def _orders(classes: Sequence[Class]) -> Iterator[tuple[tuple[Layer, ...], ...]]:
    """Orders of theirs in each class, all different: the file's, that of the names, and as many others as are tried."""
    filed = tuple([tuple(one.theirs) for one in classes])
    yield filed
    for found in product(*[islice(permutations(one.named), MAX_SOLUTIONS) for one in classes]):
        if found != filed:
            yield found


def decided_pairs(ours: Mapping[int, Layer], theirs: Sequence[Layer]) -> tuple[Pairs, list[Layer]]:
    """As many layers as classes decide, and theirs that are left: the beginning of a map."""
    decided = [one for one in _classes([*ours.values()], theirs) if one.fits and one.is_decided]
    pairs = [pair for one in decided for pair in zip(one.ours, one.named, strict=True)]
    taken = {layer.path for one in decided for layer in one.theirs}
    return tuple(pairs), [layer for layer in theirs if layer.path not in taken]


def _classes(ours: Sequence[Layer], theirs: Sequence[Layer]) -> list[Class]:
    """The classes of both sides; what is like none of ours is last.

    The convolution that reads the image, and the classifier, take one that differs in channels or classes where
    nothing else does.
    """
    found: list[Class] = []
    for layer in ours:
        same = next((c for c in found if _alike(c.ours[0]) == _alike(layer)), None)
        if same is None:
            found.append(Class([layer], []))
        else:
            same.ours.append(layer)
    left: list[Layer] = []
    for other in theirs:
        fitting = [one for one in found if _fit(one.ours[0], other)]
        short = [one for one in fitting if len(one.theirs) < len(one.ours)]
        (short or fitting or [Class([], left)])[0].theirs.append(other)
    for mine, others in found:
        if not others and len(mine) == 1 and (mine[0].takes_image or mine[0].classifies):
            near = [other for other in left if rules_of(mine[0], other) is not None]
            if len(near) == 1:
                others.append(near[0])
                left.remove(near[0])
    return [*found, Class([], left)] if left else found


def _alike(layer: Layer) -> tuple[object, ...]:
    """What layers of ours in one class have in common."""
    shapes = sorted((short, stored.shape) for short, stored in layer.tensors.items())
    return layer.kind, layer.learned, layer.window, layer.takes_image, layer.classifies, *shapes


def _fit(one: Layer, other: Layer) -> bool:
    """Whether all shapes agree, without a rule that the user would choose."""
    rules = rules_of(one, other)
    return rules is not None and not {CLASSES, INPUT_CHANNELS} & set(rules.values())

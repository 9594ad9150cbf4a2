"""Which layer is which by shapes alone, for a checkpoint in which neither the file nor the modules keep an order.

Layers of one shape are a class. A class of one decides itself. In a larger one numbers decide, where names differ in
numbers alone: they count up in the order of execution, as everywhere (decision 0027). Else nothing decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from archdsl.weights.layers import CLASSES, INPUT_CHANNELS, Layer, rules_of
from archdsl.weights.orders import natural
from archdsl.weights.pairs import Choice, Pairing
from archdsl.weights.search import Pairs

_DIGITS = re.compile("[0-9]+")
NOTE = "neither the file nor its modules keep our order: shapes tell, and numbers in names where shapes are equal"


def by_class(ours: Sequence[Layer], theirs: Sequence[Layer], order: int) -> Pairing | None:
    """The pairing of two sides that have every class equally often; none where they do not.

    The file's order stands for classes that nothing decides, or with `order` 1 that of the names.
    """
    classes = _classes(ours, theirs)
    if any(len(mine) != len(others) for mine, others in classes):
        return None
    partners: dict[str, Layer] = {}
    open_: list[tuple[Layer, list[Layer]]] = []
    for mine, others in classes:
        named = sorted(others, key=lambda layer: natural(layer.path))
        decided = len({_DIGITS.sub("#", layer.path) for layer in others}) == 1
        taken = named if decided or order else others
        for one, other in zip(mine, taken, strict=True):
            partners[one.path] = other
            open_ += [(one, [layer for layer in others if layer is not other])] if not decided else []
    pairs = tuple([(one, partners[one.path]) for one in ours])
    choices = tuple([Choice(one, partners[one.path], tuple(others)) for one, others in open_])
    return Pairing(pairs, (NOTE,), choices, 2 if open_ else 1)


def partial(ours: Mapping[int, Layer], theirs: Sequence[Layer]) -> tuple[Pairs, list[Layer]]:
    """As many layers as classes decide, and theirs that are left: the beginning of a map."""
    listed = list(ours.values())
    pairs: list[tuple[Layer, Layer | None]] = []
    taken: set[str] = set()
    for mine, others in _classes(listed, theirs):
        if len(mine) == len(others) and len({_DIGITS.sub("#", layer.path) for layer in others}) == 1:
            named = sorted(others, key=lambda layer: natural(layer.path))
            pairs += zip(mine, named, strict=True)
            taken |= {layer.path for layer in named}
    left = [layer for layer in theirs if layer.path not in taken]
    return tuple(pairs), left


Classes: TypeAlias = list[tuple[list[Layer], list[Layer]]]


def _classes(ours: Sequence[Layer], theirs: Sequence[Layer]) -> Classes:
    """Layers of ours and of theirs that are alike in all shapes, each in its order; what is like none of ours is last.

    The convolution that reads the image, and the classifier, take one that differs in channels or classes where
    nothing else does.
    """
    found: Classes = []
    for layer in ours:
        mine = next((m for m, _ in found if _shapes(m[0]) == _shapes(layer) and _place(m[0]) == _place(layer)), None)
        if mine is None:
            found.append(([layer], []))
        else:
            mine.append(layer)
    left: list[Layer] = []
    for other in theirs:
        fits = next((o for m, o in found if _fit(m[0], other) and len(o) < len(m)), None)
        fits = fits if fits is not None else next((o for m, o in found if _fit(m[0], other)), None)
        (left if fits is None else fits).append(other)
    for mine, others in found:
        if not others and len(mine) == 1 and _place(mine[0]) != (False, False):
            near = [other for other in left if rules_of(mine[0], other) is not None]
            if len(near) == 1:
                others.append(near[0])
                left.remove(near[0])
    return [*found, ([], left)] if left else found


def _place(layer: Layer) -> tuple[bool, bool]:
    return layer.takes_image, layer.classifies


def _shapes(layer: Layer) -> tuple[object, ...]:
    return layer.kind, layer.learned, layer.window, *sorted((s, t.shape) for s, t in layer.tensors.items())


def _fit(one: Layer, other: Layer) -> bool:
    rules = rules_of(one, other)
    return rules is not None and not {CLASSES, INPUT_CHANNELS} & set(rules.values())

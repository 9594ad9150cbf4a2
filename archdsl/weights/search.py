"""The search for an order of both sides in which all layers agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from archdsl.graph.shapes import show_shape
from archdsl.weights.layers import SHORT_NAMES, Layer, Stored, parts_of, rules_of, same_numbers
from archdsl.weights.orders import Choices, Open, Walk

MAX_COMPARISONS = 150_000
"""The limit of one search."""
ATTEMPT = 10
"""What an attempt costs beside its comparisons, in comparisons."""
MORE_COMPARISONS = 80_000
"""The limit of looking for another order that fits."""
MAX_SOLUTIONS = 120
"""As many orders that fit are looked at: those of five like branches."""

Pairs: TypeAlias = tuple[tuple[Layer, Layer | None], ...]
Key: TypeAlias = frozenset[tuple[str, str]]
"""What tells two ways to pair layers apart: the paths of both sides."""


def key_of(pairs: Pairs) -> Key:
    return frozenset((one.path, other.path) for one, other in pairs if other is not None)


class Search:
    """Tries orders one after the other until layers agree in all shapes."""

    def __init__(self, ours: Walk, theirs: Walk, may_lack_classifier: bool, most: int = MAX_COMPARISONS) -> None:
        self._walks = ours, theirs
        self._may_lack = may_lack_classifier
        self._known: dict[tuple[int, int], bool] = {}
        self._parts: dict[int, tuple[Layer, ...]] = {}
        self._left = most
        self._furthest = -1
        self.difference = "neither has an operation with weights"
        self.solutions: dict[Key, tuple[Pairs, Choices]] = {}
        self._run()

    @property
    def ended_early(self) -> bool:
        """Whether there were more orders than were tried."""
        return self._left <= 0

    def _run(self) -> None:
        """Depth first: every attempt starts anew, with one choice more. A mistake ends it where it is."""
        stack: list[Iterator[Choices]] = [iter([{}])]
        while stack and self._left > 0 and len(self.solutions) < MAX_SOLUTIONS:
            choices = next(stack[-1], None)
            if choices is None:
                stack.pop()
                continue
            found = self._attempt(choices)
            if isinstance(found, Open):
                stack.append(self._chosen(choices, found))
            elif found is not None:
                self.solutions.setdefault(key_of(found), (found, choices))
                self._left = min(self._left, MORE_COMPARISONS)

    @staticmethod
    def _chosen(choices: Choices, choice: Open) -> Iterator[Choices]:
        return ({**choices, choice.key: option} for option in choice.options)

    def _attempt(self, choices: Choices) -> Pairs | Open | None:
        ours, theirs = self._walks
        pairs: list[tuple[Layer, Layer | None]] = []
        self._left -= ATTEMPT
        of_us, of_them = ours(choices), theirs(choices)
        parts: list[Layer] = []
        while True:
            one = next(of_us, None)
            other = parts.pop(0) if parts else next(of_them, None)
            if isinstance(one, Open):
                return one
            if isinstance(other, Open):
                return other
            if one is None and other is None:
                return tuple(pairs)
            if one is not None and one.learned and other is not None and other.tensors.keys() == {"weight", "bias"}:
                other, *parts = self._parts.setdefault(id(other), parts_of(other))
            self._left -= 1
            if one is None or not self._agree(one, other):
                if len(pairs) > self._furthest:
                    self._furthest, self.difference = len(pairs), _difference(one, other)
                return None
            pairs.append((one, other))

    def _agree(self, one: Layer, other: Layer | None) -> bool:
        if other is None:
            return one.classifies and self._may_lack
        key = id(one), id(other)
        if key not in self._known:
            self._known[key] = rules_of(one, other) is not None
        return self._known[key]


def _difference(one: Layer | None, other: Layer | None) -> str:
    """In words: our operation with its shape, their tensor with its shape."""
    if one is None:
        stored = next(iter(other.tensors.values())) if other is not None else Stored("", ())
        return f"the network ends where the checkpoint has {stored.name} {show_shape(stored.shape)}"
    if other is None:
        return f"the checkpoint ends before {one.path}, a {one.kind} with {_told(one, next(iter(one.tensors)))}"
    shorts = [s for s in SHORT_NAMES if s in one.tensors or s in other.tensors]
    short = next((s for s in shorts if s not in one.tensors or s not in other.tensors), shorts[0])
    for candidate in shorts:
        if candidate in one.tensors and candidate in other.tensors:
            shape, their_shape = one.tensors[candidate].shape, other.tensors[candidate].shape
            if shape != their_shape and not same_numbers(shape, their_shape):
                short = candidate
                break
    theirs = other.tensors.get(short)
    has = f"{theirs.name} {show_shape(theirs.shape) or 'as a number'}" if theirs else f"{other.path} without {short}"
    return f"{one.path} is a {one.kind} with {_told(one, short)}, and the checkpoint has {has}"


def _told(layer: Layer, short: str) -> str:
    return f"{short} {show_shape(layer.tensors[short].shape)}" if short in layer.tensors else f"no {short}"

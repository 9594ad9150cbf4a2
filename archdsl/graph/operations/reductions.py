# ruff: noqa: ARG002 - every rule has the same parameters, also where it needs one of them only
"""Reductions over channels, over space, height or width of a map, or over tokens, which keep what they reduce as an
extent of 1; softmax, over these and among several values."""

from __future__ import annotations

from typing import ClassVar

from archdsl.graph.faults import RuleError
from archdsl.graph.ledger import Ledger
from archdsl.graph.operations.activations import Elementwise
from archdsl.graph.operations.base import (
    NOTHING_SAVED,
    OUTPUT_SAVED,
    Operation,
    Saved,
    attribute,
    axes_of,
    operation,
)
from archdsl.graph.operations.kinds import Axis
from archdsl.graph.operations.layout import MAX_PARTS
from archdsl.graph.shapes import Shape, differ, elements, show_shape

AXIS = Axis("channels", "space", "tokens", "height", "width")


def _reduced(name: str, over: str, shape: Shape) -> Shape:
    """The shape with 1 for what an operation goes over. Raises E403 where the shape has not that."""
    gone = axes_of(name, over, shape)
    return tuple([1 if axis in gone else extent for axis, extent in enumerate(shape)])


class _Reduction(Operation):
    """What reductions share."""

    __slots__ = ()

    over: str

    def stride_behind(self, stride: int) -> int | None:
        """None over places: one position is left."""
        return stride if self.over == "channels" else None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(1, H, W) or (1, N) over the channels, (C, 1, 1) over space, (C, 1, W) over the height, (C, H, 1) over the
        width, (C, 1) over tokens. Raises E403 for what the input has not."""
        return (_reduced(self.name, self.over, inputs[0]),)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One reduced element for each element of the input."""
        return Ledger(pooled_elements=elements(inputs[0]), outputs=elements(outputs[0]))

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Nothing: the derivative is a number."""
        return NOTHING_SAVED


@operation
class Mean(_Reduction):
    """The mean over the channels, over space, height or width, or over tokens."""

    name: ClassVar[str] = "mean"

    over: str = attribute(AXIS, "what it goes over")


@operation
class Sum(_Reduction):
    """The sum over the channels, over space, height or width, or over tokens."""

    name: ClassVar[str] = "sum"

    over: str = attribute(AXIS, "what it goes over")


class _Extremum(_Reduction):
    """The largest or the smallest value."""

    __slots__ = ()

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Both: the gradient goes to the elements that are equal to the output."""
        return Saved(inputs=(0,), outputs=(0,))


@operation
class Max(_Extremum):
    """The largest value over the channels, over space, height or width, or over tokens."""

    name: ClassVar[str] = "max"
    among: ClassVar[str | None] = "maximum"

    over: str = attribute(AXIS, "what it goes over")


@operation
class Min(_Extremum):
    """The smallest value over the channels, over space, height or width, or over tokens."""

    name: ClassVar[str] = "min"
    among: ClassVar[str | None] = "minimum"

    over: str = attribute(AXIS, "what it goes over")


@operation
class Softmax(Elementwise):
    """exp(x) / sum(exp(x)), the sum over channels at every position, or over positions or tokens in every channel."""

    name: ClassVar[str] = "softmax"
    among: ClassVar[str | None] = "joint_softmax"

    over: str = attribute(AXIS, "what adds up to 1")

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the input. Raises E403 as a reduction."""
        axes_of(self.name, self.over, inputs[0])
        return (inputs[0],)

    @property
    def kind(self) -> str:
        """Finer than the name: tools do not count that over space."""
        return f"{self.name}_{self.over}"

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One activation element for each element, and of each sum one addition less than its terms."""
        count = elements(inputs[0])
        sums = elements(_reduced(self.name, self.over, inputs[0]))
        return Ledger(activation_elements=count, residual_adds=count - sums, outputs=count)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The output y: the derivative is y (1 - y), and -y y' between elements."""
        return OUTPUT_SAVED


@operation
class JointSoftmax(Operation):
    """exp(x) / sum(exp(x)) of several values, the sum over them: at every place their shares of 1."""

    name: ClassVar[str] = "joint_softmax"
    arity: ClassVar[int | None] = None
    lists: ClassVar[bool] = True

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shapes of the inputs, which are equal. Raises E302 for more than a list has, E401."""
        if len(inputs) > MAX_PARTS:
            raise RuleError("E302", f"a softmax among {len(inputs):,} values; at most {MAX_PARTS:,}")
        first = inputs[0]
        for other in inputs[1:]:
            if len(first) != len(other) or any(differ(a, b) for a, b in zip(first, other, strict=True)):
                shapes = f"{show_shape(first)} and {show_shape(other)}"
                raise RuleError("E401", f"a softmax among values needs equal shapes and got {shapes}")
        return inputs

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One activation element for each element, and of each sum one addition less than its terms."""
        count = elements(inputs[0])
        total = count * len(inputs)
        return Ledger(activation_elements=total, residual_adds=total - count, outputs=total)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """All outputs, as `Softmax`."""
        return Saved(outputs=tuple(range(len(outputs))))

# ruff: noqa: ARG002 - every rule has the same parameters, also where it needs one of them only
"""Operations that join values elementwise, and the random ones that act in training alone."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from archdsl.graph.faults import RuleError
from archdsl.graph.ledger import Ledger
from archdsl.graph.operations.base import (
    NOTHING_SAVED,
    Operation,
    Saved,
    attribute,
    need_map,
    need_same,
    operation,
)
from archdsl.graph.operations.kinds import NUMBER, RATE
from archdsl.graph.shapes import Dim, Shape, differ, elements, is_one, show_shape


@operation
class Add(Operation):
    """The sum of two values of equal shape."""

    name: ClassVar[str] = "add"
    arity: ClassVar[int | None] = 2
    commutative: ClassVar[bool] = True
    folds: ClassVar[bool] = True

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape that both have. Raises E401 where they differ."""
        return (need_same(self.name, inputs),)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One sum for each element of the output."""
        count = elements(outputs[0])
        return Ledger(residual_adds=count, outputs=count)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Nothing: both derivatives are 1."""
        return NOTHING_SAVED


def _fits_as_gate(gate: Shape, other: Shape) -> bool:
    """Whether every extent of the gate is the other's, or 1."""
    return all(is_one(a) or not differ(a, b) for a, b in zip(gate, other, strict=True))


@operation
class Mul(Operation):
    """The product of two values; one may be a gate, with extents of 1 that are repeated: C x 1 x 1."""

    name: ClassVar[str] = "mul"
    arity: ClassVar[int | None] = 2
    commutative: ClassVar[bool] = True
    folds: ClassVar[bool] = True

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the larger one. Raises E401 where the other is neither equal nor a gate."""
        a, b = inputs
        if len(a) == len(b):
            if _fits_as_gate(b, a):
                return (a,)
            if _fits_as_gate(a, b):
                return (b,)
        raise RuleError(
            "E401",
            f"mul needs equal shapes, or a gate of C x 1 x 1 for a map of C x H x W, and got {show_shape(a)} "
            f"and {show_shape(b)}",
        )

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One product for each element of the output."""
        count = elements(outputs[0])
        return Ledger(gate_multiplications=count, outputs=count)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Each input, where the other one needs a gradient: d(ab) = b da + a db."""
        return Saved(inputs=(0, 1), crossed=True)


@operation
class Scale(Operation):
    """A constant factor."""

    name: ClassVar[str] = "scale"
    leading: ClassVar[str | None] = "factor"

    factor: Fraction = attribute(NUMBER, "the factor")

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the input."""
        return (inputs[0],)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One scaled element for each element of the input."""
        count = elements(inputs[0])
        return Ledger(scaled_elements=count, outputs=count)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Nothing: the derivative is the factor."""
        return NOTHING_SAVED


@operation
class Concat(Operation):
    """Values one after the other, over the channels."""

    name: ClassVar[str] = "concat"
    arity: ClassVar[int | None] = None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The channels added up, height and width as they are. Raises E401 where those differ."""
        first = inputs[0]
        channels: Dim = first[0]
        for other in inputs[1:]:
            if len(first) != len(other) or any(differ(a, b) for a, b in zip(first[1:], other[1:], strict=True)):
                raise RuleError(
                    "E401",
                    f"concat needs maps of equal height and width and got {show_shape(first)} and {show_shape(other)}",
                )
            channels = channels + other[0]
        return ((channels, *first[1:]),)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """Nothing but its outputs."""
        return Ledger(outputs=elements(outputs[0]))

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Nothing: a gradient is taken apart."""
        return NOTHING_SAVED


@operation
class Dropout(Operation):
    """In training, elements are set to 0 at a rate and the rest scaled up."""

    name: ClassVar[str] = "dropout"
    leading: ClassVar[str | None] = "rate"
    views: ClassVar[bool] = True

    rate: Fraction = attribute(RATE, "share of elements that are dropped")

    def shares_memory(self, training: bool) -> bool:
        """At inference, and at a rate of 0, it is the identity."""
        return not training or not self.rate

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the input."""
        return (inputs[0],)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """Nothing but its outputs: at inference it is the identity."""
        return Ledger(outputs=elements(inputs[0]))

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """A mask of one byte for each element."""
        return Saved(masks=elements(inputs[0])) if self.rate else NOTHING_SAVED


@operation
class DropPath(Operation):
    """In training, the whole value of an image is set to 0 at a rate and scaled up otherwise."""

    name: ClassVar[str] = "drop_path"
    leading: ClassVar[str | None] = "rate"
    views: ClassVar[bool] = True

    rate: Fraction = attribute(RATE, "share of images for which the branch is dropped")

    def shares_memory(self, training: bool) -> bool:
        """At inference, and at a rate of 0, it is the identity."""
        return not training or not self.rate

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the input. Raises E403 for a vector."""
        need_map(self.name, inputs[0])
        return (inputs[0],)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """Nothing but its outputs: at inference it is the identity."""
        return Ledger(outputs=elements(inputs[0]))

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """One factor for each image."""
        return Saved(values=1) if self.rate else NOTHING_SAVED

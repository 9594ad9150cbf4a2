# ruff: noqa: ARG002 - every rule has the same parameters, also where it needs one of them only
"""Arithmetic of values with each other and with numbers, and the random operations that act in training alone."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar

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
    need_joint,
    need_map,
    operation,
)
from archdsl.graph.operations.kinds import NUMBER, RATE, Axis
from archdsl.graph.shapes import Dim, Shape, differ, elements, show_shape


class Joined(Operation):
    """What arithmetic of two values shares: extents of 1 are repeated, one term an element of the output."""

    __slots__ = ()

    arity: ClassVar[int | None] = 2

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of both, extents of 1 repeated. Raises E401."""
        return (need_joint(self.name, *inputs),)


class _Sum(Joined):
    """A sum or a difference."""

    __slots__ = ()

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One sum for each element of the output."""
        count = elements(outputs[0])
        return Ledger(residual_adds=count, outputs=count)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Nothing: the derivatives are 1 or -1."""
        return NOTHING_SAVED


@operation
class Add(_Sum):
    """The sum of two values; extents of 1 are repeated."""

    name: ClassVar[str] = "add"
    commutative: ClassVar[bool] = True
    folds: ClassVar[bool] = True


@operation
class Sub(_Sum):
    """The first value less the second; extents of 1 are repeated."""

    name: ClassVar[str] = "sub"


class _Product(Joined):
    """A product or a quotient."""

    __slots__ = ()

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One product for each element of the output."""
        count = elements(outputs[0])
        return Ledger(gate_multiplications=count, outputs=count)


@operation
class Mul(_Product):
    """The product of two values; extents of 1 are repeated, as those of a gate of C x 1 x 1."""

    name: ClassVar[str] = "mul"
    commutative: ClassVar[bool] = True
    folds: ClassVar[bool] = True

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Each input, where the other one needs a gradient: d(ab) = b da + a db."""
        return Saved(inputs=(0, 1), crossed=(0, 1))


@operation
class Div(_Product):
    """The first value divided by the second; extents of 1 are repeated."""

    name: ClassVar[str] = "div"

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The divisor, and the first where that needs a gradient: d(a/b) = da / b - a / b^2 db."""
        return Saved(inputs=(0, 1), crossed=(0,))


class _Chosen(Joined):
    """The one or the other of two values."""

    __slots__ = ()

    commutative: ClassVar[bool] = True
    folds: ClassVar[bool] = True
    written: ClassVar[str]
    """What programs call it by."""

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of both, extents of 1 repeated. Raises E401."""
        return (need_joint(self.written, *inputs),)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One comparison for each element of the output, as an activation has."""
        count = elements(outputs[0])
        return Ledger(activation_elements=count, outputs=count)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Both: the gradient goes to the one that was taken, and in halves where they are equal."""
        return Saved(inputs=(0, 1))


@operation
class Maximum(_Chosen):
    """The larger of two values, element by element; extents of 1 are repeated."""

    name: ClassVar[str] = "maximum"
    written: ClassVar[str] = "max"


@operation
class Minimum(_Chosen):
    """The smaller of two values, element by element; extents of 1 are repeated."""

    name: ClassVar[str] = "minimum"
    written: ClassVar[str] = "min"


class _WithNumber(Operation):
    """What arithmetic with numbers shares: shape kept, one term an element."""

    __slots__ = ()

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
class Scale(_WithNumber):
    """A constant factor."""

    name: ClassVar[str] = "scale"
    leading: ClassVar[str | None] = "factor"

    factor: Fraction = attribute(NUMBER, "the factor")


@operation
class Affine(_WithNumber):
    """factor * x + term, with numbers."""

    name: ClassVar[str] = "affine"

    factor: Fraction = attribute(NUMBER, "the factor", Fraction(1))
    term: Fraction = attribute(NUMBER, "what is added", Fraction(0))

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One sum for each element of the input, and one scaled element where the factor does more than a sign."""
        count = elements(inputs[0])
        return Ledger(residual_adds=count, scaled_elements=0 if abs(self.factor) == 1 else count, outputs=count)


@operation
class Reciprocal(_WithNumber):
    """A number divided by x."""

    name: ClassVar[str] = "reciprocal"
    leading: ClassVar[str | None] = "numerator"

    numerator: Fraction = attribute(NUMBER, "what is divided", Fraction(1))

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """1 / x, which PyTorch multiplies by the number: the derivative is -numerator / x^2."""
        return Saved(values=elements(inputs[0]))


@operation
class Sqrt(Elementwise):
    """The square root."""

    name: ClassVar[str] = "sqrt"

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The output y: the derivative is 1 / (2 y)."""
        return OUTPUT_SAVED


@operation
class Square(Elementwise):
    """x * x."""

    name: ClassVar[str] = "square"


@operation
class Exp(Elementwise):
    """e to the power of x."""

    name: ClassVar[str] = "exp"

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The output, which is the derivative."""
        return OUTPUT_SAVED


@operation
class Concat(Operation):
    """Values one after the other, over the channels, the tokens, the height or the width."""

    name: ClassVar[str] = "concat"
    arity: ClassVar[int | None] = None
    later: ClassVar[Mapping[str, Any]] = {"over": "channels"}

    over: str = attribute(Axis("channels", "tokens", "height", "width"), "what is added up", "channels")

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """What it goes over added up, the rest as it is. Raises E401 where what stays differs, E403 for what an input
        has not."""
        first = inputs[0]
        (axis,) = axes_of(self.name, self.over, first)
        extent: Dim = first[axis]
        for other in inputs[1:]:
            if self.over != "channels":
                axes_of(self.name, self.over, other)
            if len(first) != len(other) or any(
                at != axis and differ(a, b) for at, (a, b) in enumerate(zip(first, other, strict=True))
            ):
                raise RuleError("E401", f"{self._needs(first)} and got {show_shape(first)} and {show_shape(other)}")
            extent = extent + other[axis]
        return ((*first[:axis], extent, *first[axis + 1 :]),)

    def _needs(self, first: Shape) -> str:
        if self.over == "channels":
            return f"concat needs {'as many tokens' if len(first) == 2 else 'maps of equal height and width'}"
        equal = {"tokens": "as many channels in all", "height": "equal channels and width"}
        return f"concat over {self.over} needs {equal.get(self.over, 'equal channels and height')}"

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
    training_only: ClassVar[bool] = True

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
    training_only: ClassVar[bool] = True

    rate: Fraction = attribute(RATE, "share of images for which the branch is dropped")

    def shares_memory(self, training: bool) -> bool:
        """At inference, and at a rate of 0, it is the identity."""
        return not training or not self.rate

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the input. Raises E403 for a vector."""
        if len(inputs[0]) != 2:
            need_map(self.name, inputs[0])
        return (inputs[0],)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """Nothing but its outputs: at inference it is the identity."""
        return Ledger(outputs=elements(inputs[0]))

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """One factor for each image."""
        return Saved(values=1) if self.rate else NOTHING_SAVED

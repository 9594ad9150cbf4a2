# ruff: noqa: ARG002 - every rule has the same parameters, also where it needs one of them only
"""Activation functions, elementwise on a map or a vector, and the identity."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from archdsl.graph.ledger import Ledger
from archdsl.graph.operations.base import (
    INPUT_SAVED,
    NOTHING_SAVED,
    OUTPUT_SAVED,
    Operation,
    Saved,
    Tensor,
    attribute,
    operation,
    refuse_tokens,
)
from archdsl.graph.operations.kinds import NUMBER, Choice
from archdsl.graph.shapes import Shape, elements


class Elementwise(Operation):
    """What activation functions share: shape kept, one term an element."""

    __slots__ = ()

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the input."""
        return (inputs[0],)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One activation element for each element of the input."""
        count = elements(inputs[0])
        return Ledger(activation_elements=count, outputs=count)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The input, at which the derivative is taken."""
        return INPUT_SAVED


@operation
class Relu(Elementwise):
    """max(x, 0)."""

    name: ClassVar[str] = "relu"

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The output: the derivative is 1 where it is above 0."""
        return OUTPUT_SAVED


@operation
class Relu6(Elementwise):
    """min(max(x, 0), 6)."""

    name: ClassVar[str] = "relu6"


@operation
class Silu(Elementwise):
    """x * sigmoid(x), also called swish."""

    name: ClassVar[str] = "silu"


@operation
class Sigmoid(Elementwise):
    """1 / (1 + exp(-x))."""

    name: ClassVar[str] = "sigmoid"

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The output y: the derivative is y (1 - y)."""
        return OUTPUT_SAVED


@operation
class HardSwish(Elementwise):
    """x * min(max(x + 3, 0), 6) / 6."""

    name: ClassVar[str] = "hard_swish"


@operation
class HardSigmoid(Elementwise):
    """min(max(x + 3, 0), 6) / 6."""

    name: ClassVar[str] = "hard_sigmoid"


@operation
class Gelu(Elementwise):
    """x * Phi(x), with Phi the normal distribution."""

    name: ClassVar[str] = "gelu"

    approximate: str = attribute(Choice("none", "tanh"), "the exact form, or its approximation by tanh", "none")


@operation
class Tanh(Elementwise):
    """Hyperbolic tangent."""

    name: ClassVar[str] = "tanh"

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The output y: the derivative is 1 - y^2."""
        return OUTPUT_SAVED


@operation
class LeakyRelu(Elementwise):
    """max(x, 0) + slope * min(x, 0)."""

    name: ClassVar[str] = "leaky_relu"
    leading: ClassVar[str | None] = "slope"

    slope: Fraction = attribute(NUMBER, "slope for negative x", Fraction(1, 100))


@operation
class Elu(Elementwise):
    """x for x > 0, else alpha * (exp(x) - 1)."""

    name: ClassVar[str] = "elu"
    leading: ClassVar[str | None] = "alpha"

    alpha: Fraction = attribute(NUMBER, "the value for far negative x, with its sign changed", Fraction(1))


@operation
class Softplus(Elementwise):
    """log(1 + exp(x))."""

    name: ClassVar[str] = "softplus"


@operation
class Mish(Elementwise):
    """x * tanh(log(1 + exp(x)))."""

    name: ClassVar[str] = "mish"


@operation
class LogSigmoid(Elementwise):
    """log(1 / (1 + exp(-x)))."""

    name: ClassVar[str] = "log_sigmoid"

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The input, and as many exponentials, as PyTorch's CPU kernel keeps them."""
        return Saved(inputs=(0,), values=elements(inputs[0]))


@operation
class Prelu(Elementwise):
    """max(x, 0) + slope * min(x, 0), with a learned slope for every channel."""

    name: ClassVar[str] = "prelu"
    leading: ClassVar[str | None] = "init"

    init: Fraction = attribute(NUMBER, "the slope at the start", Fraction(1, 4))

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the input. Raises E403 for tokens, of which PyTorch's module has no form."""
        refuse_tokens(self.name, inputs[0], "put it before tokens, or use leaky_relu")
        return (inputs[0],)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One activation element for each element, and C slopes."""
        count = elements(inputs[0])
        return Ledger(activation_elements=count, other_parameters=inputs[0][0], outputs=count)

    def tensors(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """`weight`, the slopes: (C,)."""
        return (Tensor("weight", (inputs[0][0],), "other_parameters"),)


@operation
class Identity(Elementwise):
    """x."""

    name: ClassVar[str] = "identity"
    views: ClassVar[bool] = True

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """Nothing but its outputs."""
        return Ledger(outputs=elements(inputs[0]))

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Nothing: the derivative is 1."""
        return NOTHING_SAVED

# ruff: noqa: ARG002 - every rule has the same parameters, also where it needs one of them only
"""A learned tensor as a value."""

from __future__ import annotations

from typing import Any, ClassVar

from archdsl.graph.initializers import Initializer
from archdsl.graph.ledger import Ledger
from archdsl.graph.operations.base import NOTHING_SAVED, Operation, Saved, Tensor, attribute, operation
from archdsl.graph.operations.kinds import Start, Wholes
from archdsl.graph.shapes import Shape, elements, laid_out


@operation
class Parameter(Operation):
    """A learned tensor, the same for every image."""

    name: ClassVar[str] = "parameter"
    leading: ClassVar[str | None] = "shape"
    learned: ClassVar[bool] = True

    shape: tuple[Any, ...] = attribute(
        Wholes(1, 3, size=True), "channels x height x width, channels x tokens, or a list of extents"
    )
    init: Initializer = attribute(Start(), "how it starts")

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape that is given."""
        return (tuple(self.shape),)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """Its elements, as parameters."""
        count = elements(outputs[0])
        return Ledger(other_parameters=count, outputs=count)

    def tensors(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """`weight`, of the shape that is given; of tokens (N, C)."""
        return (Tensor("weight", laid_out(outputs[0]), "other_parameters"),)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Nothing."""
        return NOTHING_SAVED

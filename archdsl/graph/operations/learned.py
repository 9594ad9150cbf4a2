# ruff: noqa: ARG002 - every rule has the same parameters, also where it needs one of them only
"""Learned tensors as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from archdsl.graph.initializers import Initializer
from archdsl.graph.ledger import Ledger
from archdsl.graph.operations.base import NOTHING_SAVED, Operation, Saved, Tensor, attribute, operation
from archdsl.graph.operations.kinds import EXTENT, PAIR, Choice, Start, Wholes
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


@operation
class RelativeBias(Operation):
    """A learned number for every offset between two positions of a map, in every head: a matrix of positions by
    positions, the same for every image (Shaw et al. 2018, Liu et al. 2021)."""

    name: ClassVar[str] = "relative_bias"
    leading: ClassVar[str | None] = "heads"
    learned: ClassVar[bool] = True
    later: ClassVar[Mapping[str, Any]] = {"offsets": "signed"}

    heads: Any = attribute(EXTENT, "number of matrices")
    size: tuple[Any, Any] = attribute(PAIR, "height x width of the map, or of a window of it")
    init: Initializer = attribute(Start(), "how it starts")
    offsets: str = attribute(
        Choice("signed", "absolute"), "whether an offset and its mirror images have a number each, or one", "signed"
    )

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(heads, H W, H W)."""
        count = self.size[0] * self.size[1]
        return ((self.heads, count, count),)

    def _offsets(self) -> Any:
        height, width = self.size
        return height * width if self.offsets == "absolute" else (2 * height - 1) * (2 * width - 1)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """Its table, as parameters."""
        return Ledger(other_parameters=self._offsets() * self.heads, outputs=elements(outputs[0]))

    def tensors(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """`weight`, of (2 H - 1) (2 W - 1) offsets by heads: offsets row by row, from -(H - 1), -(W - 1) on; or of
        heads by H W absolute offsets, as the networks that have those store it."""
        shape = (self._offsets(), self.heads)
        return (Tensor("weight", shape[::-1] if self.offsets == "absolute" else shape, "other_parameters"),)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Nothing."""
        return NOTHING_SAVED

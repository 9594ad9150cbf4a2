# ruff: noqa: ARG002 - every rule has the same parameters, also where it needs one of them only
"""Norms, layer scale: operations with a learned scale for every channel."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, ClassVar

from archdsl.graph.faults import RuleError
from archdsl.graph.ledger import Ledger
from archdsl.graph.operations.base import INPUT_SAVED, Operation, Saved, Tensor, attribute, need_map, operation
from archdsl.graph.operations.kinds import EXTENT, FLAG, MOMENTUM, NUMBER, POSITIVE
from archdsl.graph.shapes import Dim, Shape, divides, elements, exact_divide, is_one, show, show_shape


def _norm_cost(shape: Shape, affine: bool, statistics: Dim = 0, counters: int = 0) -> Ledger:
    count = elements(shape)
    return Ledger(
        norm_elements=count,
        affine_elements=count if affine else 0,
        norm_parameters=2 * shape[0] if affine else 0,
        running_statistics=statistics,
        counters=counters,
        outputs=count,
    )


def _affine_tensors(channels: Dim) -> tuple[Tensor, ...]:
    return Tensor("weight", (channels,), "norm_parameters"), Tensor("bias", (channels,), "norm_parameters")


@operation
class BatchNorm(Operation):
    """Batch normalisation with running statistics."""

    name: ClassVar[str] = "batch_norm"

    eps: Fraction = attribute(POSITIVE, "added to the variance", Fraction(1, 100_000))
    momentum: Fraction = attribute(MOMENTUM, "weight of the new batch in the running statistics", Fraction(1, 10))
    zero_init: bool = attribute(FLAG, "whether the scale starts at 0", False)
    affine: bool = attribute(FLAG, "whether a scale and a shift are learned", True)

    @classmethod
    def settle(cls, values: dict[str, Any]) -> None:
        """Raises E302 for a scale that starts at 0 and is not there."""
        if values["zero_init"] and not values["affine"]:
            raise RuleError("E302", "zero_init needs a scale to start at 0, and affine is false", attribute="zero_init")

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the input. Raises E403 for a vector."""
        need_map(self.name, inputs[0])
        return (inputs[0],)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One normalised element for each element; 2 C parameters, 2 C running statistics, one counter."""
        return _norm_cost(inputs[0], self.affine, 2 * inputs[0][0], 1)

    def tensors(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """`weight`, `bias`, `running_mean`, `running_var`: (C,) each, and a counter."""
        channels = inputs[0][0]
        return (
            *(_affine_tensors(channels) if self.affine else ()),
            Tensor("running_mean", (channels,), "running_statistics"),
            Tensor("running_var", (channels,), "running_statistics"),
            Tensor("num_batches_tracked", (), "counters"),
        )

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The input, and a mean and a deviation for each channel of the batch."""
        return Saved(inputs=(0,), statistics=2 * inputs[0][0])


@operation
class LayerNorm(Operation):
    """Layer normalisation over the channels, at every position by itself (ConvNeXt's)."""

    name: ClassVar[str] = "layer_norm"

    eps: Fraction = attribute(POSITIVE, "added to the variance", Fraction(1, 1_000_000))

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the input."""
        return (inputs[0],)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One normalised element for each element; 2 C parameters."""
        return _norm_cost(inputs[0], True)

    def tensors(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """`weight`, `bias`: (C,) each."""
        return _affine_tensors(inputs[0][0])

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The input, and a mean and a deviation for each of the H W positions."""
        return Saved(inputs=(0,), values=2 * elements((1, *inputs[0][1:])))


@operation
class GroupNorm(Operation):
    """Group normalisation: over the positions and channels of each group."""

    name: ClassVar[str] = "group_norm"
    leading: ClassVar[str | None] = "groups"
    counts_channels: ClassVar[bool] = True

    groups: Any = attribute(EXTENT, "groups of channels that are normalised together")
    eps: Fraction = attribute(POSITIVE, "added to the variance", Fraction(1, 100_000))

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the input. Raises E403, E304 where the groups do not divide C, E404 for one value a group."""
        channels = need_map(self.name, inputs[0])[0]
        if not divides(self.groups, channels):
            raise RuleError(
                "E304",
                f"groups do not divide the channels: {show(self.groups)} groups and {show(channels)} channels",
                attribute="groups",
            )
        if is_one(exact_divide(elements(inputs[0]), self.groups)):
            raise RuleError(
                "E404",
                f"group_norm of {show_shape(inputs[0])} in {show(self.groups)} groups has one value a group: "
                "its mean is the value itself, and nothing is left",
                attribute="groups",
                help="take fewer groups, or put the norm where the map is larger",
            )
        return (inputs[0],)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One normalised element for each element; 2 C parameters."""
        return _norm_cost(inputs[0], True)

    def tensors(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """`weight`, `bias`: (C,) each."""
        return _affine_tensors(inputs[0][0])

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The input, and a mean and a deviation for each group."""
        return Saved(inputs=(0,), values=2 * self.groups)


@operation
class LayerScale(Operation):
    """A learned factor for every channel."""

    name: ClassVar[str] = "layer_scale"
    leading: ClassVar[str | None] = "init"

    init: Fraction = attribute(NUMBER, "the factor at the start", Fraction(1, 1_000_000))

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the input."""
        return (inputs[0],)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One scaled element for each element; C parameters."""
        count = elements(inputs[0])
        return Ledger(scaled_elements=count, other_parameters=inputs[0][0], outputs=count)

    def tensors(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """`weight`: (C, 1, 1) for a map, (C,) for a vector."""
        channels = inputs[0][0]
        return (Tensor("weight", (channels, 1, 1) if len(inputs[0]) == 3 else (channels,), "other_parameters"),)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The input: the derivative of the factors is taken at it."""
        return INPUT_SAVED

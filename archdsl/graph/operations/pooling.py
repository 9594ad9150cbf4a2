# ruff: noqa: ARG002 - every rule has the same parameters, also where it needs one of them only
"""Pooling."""

from __future__ import annotations

from typing import Any, ClassVar

from archdsl.graph.faults import RuleError
from archdsl.graph.ledger import Ledger
from archdsl.graph.operations.base import (
    INPUT_SAVED,
    NOTHING_SAVED,
    Operation,
    Saved,
    attribute,
    need_map,
    operation,
)
from archdsl.graph.operations.convolution import (
    Pads,
    settle_padding,
    too_small,
    window_extents,
    window_pads,
    window_saved,
)
from archdsl.graph.operations.kinds import FLAG, PADDING, PAIR
from archdsl.graph.shapes import Dim, Shape, below, ceil_divide, elements, is_one, minimum, show


def _pool_cost(inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
    return Ledger(pooled_elements=elements(inputs[0]), outputs=elements(outputs[0]))


def _settle_pool(values: dict[str, Any]) -> None:
    settle_padding(values)
    padding = values["padding"]
    if isinstance(padding, str):
        return
    for sides, kernel in zip((padding[:2], padding[2:]), values["kernel"], strict=True):
        if 2 * max(sides) > kernel:  # PyTorch's limit, which does not look at dilation
            raise RuleError(
                "E302",
                f"padding of a pool must be at most half of its kernel: {show(max(sides))} is more than "
                f"half of {show(kernel)}",
                attribute="padding",
            )
        if values["ceil_mode"] and sides[0] != sides[1]:
            raise RuleError(
                "E302",
                f"ceil_mode needs equal padding on both sides, not {show(sides[0])} and {show(sides[1])}",
                attribute="padding",
            )


def _ceil_extent(extent: Dim, before: Dim, after: Dim, window: Dim, stride: Dim) -> Dim:
    """PyTorch's ceil_mode: a last partial window counts when it starts inside the input or the padding before it."""
    return minimum(ceil_divide(extent + before + after - window, stride) + 1, ceil_divide(extent + before, stride))


def _pool_shape(pool: MaxPool | AvgPool, shape: Shape, dilation: tuple[Any, Any]) -> tuple[Shape, ...]:
    channels, h, w = need_map(pool.name, shape)
    if not pool.ceil_mode or isinstance(pool.padding, str):
        return ((channels, *window_extents(pool.name, pool.padding, h, w, pool.kernel, pool.stride, dilation)),)
    top, bottom, left, right = pool.padding
    reach_h, reach_w = dilation[0] * (pool.kernel[0] - 1) + 1, dilation[1] * (pool.kernel[1] - 1) + 1
    height = _ceil_extent(h, top, bottom, reach_h, pool.stride[0])
    width = _ceil_extent(w, left, right, reach_w, pool.stride[1])
    if below(height, 1) or below(width, 1):
        raise too_small(pool.name, reach_h, reach_w, h + (top + bottom), w + (left + right))
    return ((channels, height, width),)


@operation
class MaxPool(Operation):
    """The largest value of every window."""

    name: ClassVar[str] = "max_pool"
    leading: ClassVar[str | None] = "kernel"

    kernel: tuple[Any, Any] = attribute(PAIR, "extent of the window, height x width")
    stride: tuple[Any, Any] = attribute(PAIR, "step of the window")
    padding: Any = attribute(PADDING, "border that is never the largest", "symmetric", settled=True)
    dilation: tuple[Any, Any] = attribute(PAIR, "distance between the window's taps", 1)
    ceil_mode: bool = attribute(FLAG, "whether a last partial window counts", False)

    @classmethod
    def settle(cls, values: dict[str, Any]) -> None:
        """Padding in canonical form. Raises E302 for more of it than half the kernel, E305."""
        _settle_pool(values)

    def pads(self, h: Dim, w: Dim) -> Pads:
        """(top, bottom, left, right) for an input of h x w."""
        return window_pads(self.padding, h, w, self.kernel, self.stride, self.dilation)

    def stride_behind(self, stride: int) -> int | None:
        """The stride times its own, the larger one of both directions."""
        return stride * int(max(self.stride))

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(C, H', W') as `window_extents` has it, or as PyTorch's `ceil_mode`. Raises E402, E403."""
        return _pool_shape(self, inputs[0], self.dilation)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One pooled element for each element of the input."""
        return _pool_cost(inputs, outputs)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The input, or its padded copy, and the index of every largest value."""
        return window_saved(inputs[0], self, elements(outputs[0]))


@operation
class AvgPool(Operation):
    """The mean of every window."""

    name: ClassVar[str] = "avg_pool"
    leading: ClassVar[str | None] = "kernel"

    kernel: tuple[Any, Any] = attribute(PAIR, "extent of the window, height x width")
    stride: tuple[Any, Any] = attribute(PAIR, "step of the window")
    padding: Any = attribute(PADDING, "zeros around the map", "symmetric", settled=True)
    ceil_mode: bool = attribute(FLAG, "whether a last partial window counts", False)
    count_include_pad: bool = attribute(FLAG, "whether the padding's zeros count in the mean", True)

    @classmethod
    def settle(cls, values: dict[str, Any]) -> None:
        """Padding in canonical form. Raises E302 for more of it than half the kernel, E305."""
        _settle_pool(values)

    def pads(self, h: Dim, w: Dim) -> Pads:
        """(top, bottom, left, right) for an input of h x w."""
        return window_pads(self.padding, h, w, self.kernel, self.stride, (1, 1))

    def stride_behind(self, stride: int) -> int | None:
        """The stride times its own, the larger one of both directions."""
        return stride * int(max(self.stride))

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(C, H', W') as `window_extents` has it, or as PyTorch's `ceil_mode`. Raises E402, E403."""
        return _pool_shape(self, inputs[0], (1, 1))

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One pooled element for each element of the input."""
        return _pool_cost(inputs, outputs)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The input, or its padded copy, which PyTorch keeps for its shape."""
        return window_saved(inputs[0], self)


@operation
class GlobalPool(Operation):
    """The mean of every channel: a map of 1 x 1."""

    name: ClassVar[str] = "global_pool"

    def stride_behind(self, stride: int) -> int | None:
        """None: one position is left."""
        return None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(C, 1, 1). Raises E403 for a vector."""
        return ((need_map(self.name, inputs[0])[0], 1, 1),)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One pooled element for each element of the input."""
        return _pool_cost(inputs, outputs)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Nothing: the derivative is 1 / (H W)."""
        return NOTHING_SAVED


@operation
class GlobalMaxPool(GlobalPool):
    """The largest value of every channel: a map of 1 x 1."""

    name: ClassVar[str] = "global_max_pool"

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The input, and the index of every largest value."""
        return Saved(inputs=(0,), indices=inputs[0][0])


@operation
class AdaptiveAvgPool(Operation):
    """The mean of as many even windows as the output has positions."""

    name: ClassVar[str] = "adaptive_avg_pool"
    leading: ClassVar[str | None] = "size"

    size: tuple[Any, Any] = attribute(PAIR, "extent of the output, height x width")

    def stride_behind(self, stride: int) -> int | None:
        """None: it depends on the size of the input."""
        return None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(C, *size). Raises E403 for a vector."""
        return ((need_map(self.name, inputs[0])[0], *self.size),)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One pooled element for each element of the input."""
        return _pool_cost(inputs, outputs)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The input, but for an output of 1 x 1, which PyTorch computes as a mean."""
        whole = is_one(self.size[0]) and is_one(self.size[1])
        return NOTHING_SAVED if whole else INPUT_SAVED

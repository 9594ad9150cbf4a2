# ruff: noqa: ARG002 - every rule has the same parameters, also where it needs one of them only
"""Convolution and linear: the operations with multiply-adds, and the rules of sliding windows."""

from __future__ import annotations

from typing import Any, ClassVar

from archdsl.graph.faults import RuleError
from archdsl.graph.ledger import Ledger
from archdsl.graph.operations.base import (
    INPUT_SAVED,
    Operation,
    Saved,
    Tensor,
    attribute,
    need_map,
    operation,
)
from archdsl.graph.operations.kinds import EXTENT, FLAG, PADDING, PAIR
from archdsl.graph.shapes import (
    Dim,
    Shape,
    below,
    ceil_divide,
    differ,
    divides,
    elements,
    exact_divide,
    is_one,
    maximum,
    show,
    show_shape,
    windows,
)

Pads = tuple[Dim, Dim, Dim, Dim]


def settle_padding(values: dict[str, Any]) -> None:
    """Bring `padding` into canonical form: `"same"`, or (top, bottom, left, right).

    Symmetric padding is dilation * (kernel - 1) / 2 for an odd kernel and 0 for an even one that equals
    the stride; E305 for any other even kernel.
    """
    padding = values["padding"]
    if padding != "symmetric":
        return
    dilations = values.get("dilation", (1, 1))
    sides: list[Any] = []
    for kernel, stride, dilation in zip(values["kernel"], values["stride"], dilations, strict=True):
        if kernel % 2 == 1:
            side: Any = exact_divide(dilation * (kernel - 1), 2)
        elif kernel == stride:
            side = 0
        else:
            raise RuleError(
                "E305",
                f"padding must be given for an even kernel: kernel {show(kernel)} with stride {show(stride)} "
                "has no symmetric padding",
                attribute="padding",
                help='padding: [top, bottom, left, right], or padding: "same"',
            )
        sides += [side, side]
    values["padding"] = tuple(sides)


def same_pads(extent: Dim, kernel: Dim, stride: Dim, dilation: Dim) -> tuple[Dim, Dim]:
    """TensorFlow's SAME padding of one direction: before and after, the smaller half first."""
    total = maximum((ceil_divide(extent, stride) - 1) * stride + dilation * (kernel - 1) + 1 - extent, 0)
    before = total // 2
    return before, total - before


def window_pads(
    padding: str | Pads, h: Dim, w: Dim, kernel: tuple[Dim, Dim], stride: tuple[Dim, Dim], dilation: tuple[Dim, Dim]
) -> Pads:
    """(top, bottom, left, right) for an input of h x w."""
    if not isinstance(padding, str):
        return padding
    top, bottom = same_pads(h, kernel[0], stride[0], dilation[0])
    left, right = same_pads(w, kernel[1], stride[1], dilation[1])
    return top, bottom, left, right


def too_small(name: str, reach_h: Dim, reach_w: Dim, padded_h: Dim, padded_w: Dim) -> RuleError:
    """The fault of a window that is larger than the padded map."""
    return RuleError(
        "E402",
        f"the kernel of {name} reaches over {show(reach_h)} x {show(reach_w)} and the padded map has only "
        f"{show_shape((padded_h, padded_w))}",
        attribute="kernel",
        help="use a smaller kernel, less stride before it, or a larger input",
    )


def window_extents(
    name: str,
    padding: str | Pads,
    h: Dim,
    w: Dim,
    kernel: tuple[Dim, Dim],
    stride: tuple[Dim, Dim],
    dilation: tuple[Dim, Dim],
) -> tuple[Dim, Dim]:
    """Height and width of a sliding window's output: floor((x + pads - d(k - 1) - 1) / s) + 1.

    With `"same"`, ceil(x / s). E402 when the window is larger than the padded map.
    """
    if isinstance(padding, str):
        return ceil_divide(h, stride[0]), ceil_divide(w, stride[1])
    top, bottom, left, right = padding
    reach_h, reach_w = dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1
    padded_h, padded_w = h + (top + bottom), w + (left + right)
    if below(padded_h, reach_h) or below(padded_w, reach_w):
        raise too_small(name, reach_h, reach_w, padded_h, padded_w)
    return windows(padded_h, reach_h, stride[0]), windows(padded_w, reach_w, stride[1])


def window_saved(shape: Shape, window: Any, indices: Dim = 0) -> Saved:
    """What a convolution or pool keeps: its input, or the copy that is padded before it.

    PyTorch pads before it where sides differ, and where the amounts depend on the size: SAME with a stride.
    """
    top, bottom, left, right = window.pads(*shape[1:])
    sized = isinstance(window.padding, str) and window.stride != (1, 1) and window.kernel != (1, 1)
    if sized or differ(top, bottom) or differ(left, right):
        return Saved(values=shape[0] * (shape[1] + top + bottom) * (shape[2] + left + right), indices=indices)
    return Saved(inputs=(0,), indices=indices)


@operation
class Conv(Operation):
    """Two-dimensional convolution."""

    name: ClassVar[str] = "conv"
    leading: ClassVar[str | None] = "width"

    width: Any = attribute(EXTENT, "output channels")
    kernel: tuple[Any, Any] = attribute(PAIR, "extent of the kernel, height x width")
    stride: tuple[Any, Any] = attribute(PAIR, "step of the kernel", 1)
    padding: Any = attribute(PADDING, "zeros around the map", "symmetric", settled=True)
    dilation: tuple[Any, Any] = attribute(PAIR, "distance between the kernel's taps", 1)
    groups: Any = attribute(EXTENT, "groups of channels that do not mix", 1)
    bias: bool = attribute(FLAG, "whether a bias is added", False)

    @classmethod
    def settle(cls, values: dict[str, Any]) -> None:
        """Padding in canonical form. Raises E304 where the groups do not divide the width, E305 for padding."""
        settle_padding(values)
        check_groups("width", values["width"], values["groups"])

    def pads(self, h: Dim, w: Dim) -> Pads:
        """(top, bottom, left, right) for an input of h x w."""
        return window_pads(self.padding, h, w, self.kernel, self.stride, self.dilation)

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(width, H', W') as `window_extents` has it. Raises E304 where the groups do not divide C, E402, E403."""
        channels, h, w = need_map(self.name, inputs[0])
        check_groups("input channels", channels, self.groups)
        return ((self.width, *window_extents(self.name, self.padding, h, w, self.kernel, self.stride, self.dilation)),)

    @property
    def mixes(self) -> bool:
        """Whether it has one group."""
        return bool(is_one(self.groups))

    def stride_behind(self, stride: int) -> int | None:
        """The stride times its own, the larger one of both directions."""
        return stride * int(max(self.stride))

    def _weights(self, channels: Dim) -> Dim:
        taps = self.kernel[0] * self.kernel[1]
        return taps * self.width * exact_divide(channels, self.groups)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """k_h k_w (C / groups) width weights, each multiplied and added once at each of the H' W' positions."""
        count = elements(outputs[0])
        weights = self._weights(inputs[0][0])
        return Ledger(
            multiply_adds=weights * (outputs[0][1] * outputs[0][2]),
            bias_adds=count if self.bias else 0,
            weights=weights,
            biases=self.width if self.bias else 0,
            outputs=count,
        )

    def tensors(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """`weight`: (width, C / groups, k_h, k_w), and `bias`: (width,)."""
        shape = (self.width, exact_divide(inputs[0][0], self.groups), *self.kernel)
        weight = Tensor("weight", shape, "weights")
        return (weight, Tensor("bias", (self.width,), "biases")) if self.bias else (weight,)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The input, or its padded copy: the derivative of the weights is taken at it."""
        return window_saved(inputs[0], self)


def check_groups(what: str, channels: Dim, groups: Dim) -> None:
    """Raises E304 where the groups do not divide the channels; `what` says which channels."""
    if divides(groups, channels):
        return
    raise RuleError(
        "E304",
        f"groups do not divide the channels: {show(groups)} groups and {what} of {show(channels)}",
        attribute="groups",
        help=_nearest_divisors(int(channels), int(groups)),
    )


def _nearest_divisors(channels: int, groups: int) -> str | None:
    """The divisors of the channels next to the groups asked for, in words; none for numbers too large to search."""
    if channels > 100_000:
        return None
    lower = next(g for g in range(min(groups, channels), 0, -1) if channels % g == 0)
    higher = next((g for g in range(groups, channels + 1) if channels % g == 0), None)
    return f"use {lower} groups" if higher in (None, lower) else f"use {lower} or {higher} groups"


@operation
class Linear(Operation):
    """Fully connected layer, of every token by itself; a C x 1 x 1 map is flattened first."""

    name: ClassVar[str] = "linear"
    leading: ClassVar[str | None] = "width"

    width: Any = attribute(EXTENT, "output channels")
    bias: bool = attribute(FLAG, "whether a bias is added", True)

    @property
    def mixes(self) -> bool:
        """Always."""
        return True

    def stride_behind(self, stride: int) -> int | None:
        """None: a vector has no places."""
        return None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(width,), or (width, N) of N tokens. Raises E403 for a map of more than one position."""
        shape = inputs[0]
        if len(shape) == 2:
            return ((self.width, shape[1]),)
        if len(shape) == 1 or (len(shape) == 3 and is_one(shape[1]) and is_one(shape[2])):
            return ((self.width,),)
        raise RuleError(
            "E403",
            f"linear needs a vector, tokens or a map of 1 x 1 and got {show_shape(shape)}",
            help="put global_pool, flatten or tokens before it",
        )

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """C width weights, each multiplied and added once for every token."""
        weights, count = inputs[0][0] * self.width, elements(outputs[0])
        bias, adds = (self.width, count) if self.bias else (0, 0)
        multiply_adds = inputs[0][0] * count
        return Ledger(multiply_adds=multiply_adds, bias_adds=adds, weights=weights, biases=bias, outputs=count)

    def tensors(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """`weight`: (width, C), and `bias`: (width,)."""
        weight = Tensor("weight", (self.width, inputs[0][0]), "weights")
        return (weight, Tensor("bias", (self.width,), "biases")) if self.bias else (weight,)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The input: the derivative of the weights is taken at it."""
        return INPUT_SAVED

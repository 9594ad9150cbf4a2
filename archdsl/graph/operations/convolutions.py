# ruff: noqa: ARG002 - every rule has the same parameters, also where it needs one of them only
"""Relatives of the convolution: with standardized weights, transposed, and along the channels."""

from __future__ import annotations

from fractions import Fraction
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
from archdsl.graph.operations.convolution import Conv, check_groups
from archdsl.graph.operations.kinds import EXTENT, FLAG, NUMBER, PAIR, POSITIVE, OrNone, Pair, Whole
from archdsl.graph.shapes import Dim, Shape, below, differ, elements, exact_divide, is_one, show, show_shape


@operation
class StdConv(Conv):
    """Convolution whose weights have mean 0 and deviation 1 in every output channel, times a learned gain."""

    name: ClassVar[str] = "std_conv"

    gain: Fraction | None = attribute(
        OrNone(NUMBER), "the learned factor of every output channel at the start; none: no such factor", Fraction(1)
    )
    gamma: Fraction | None = attribute(
        OrNone(NUMBER), "a constant factor, over the root of the weights of an output channel; none: 1", Fraction(1)
    )
    eps: Fraction = attribute(POSITIVE, "added to the variance", Fraction(1, 1_000_000))

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """As `Conv`. Raises E404 too, where an output channel has one weight: its mean is the weight itself."""
        shapes = Conv.infer(self, *inputs)
        if is_one(self._fan_in(inputs[0][0])):
            raise RuleError(
                "E404",
                "std_conv has one weight for each output channel: its mean is the weight itself, and nothing is left",
                attribute="kernel",
                help="take a larger kernel or fewer groups, or `conv`",
            )
        return shapes

    def _fan_in(self, channels: Dim) -> Dim:
        return self.kernel[0] * self.kernel[1] * exact_divide(channels, self.groups)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """As `Conv`; every weight is normalised and scaled once, whatever the number of images, and width gains."""
        weights = self._fan_in(inputs[0][0]) * self.width
        gains = 0 if self.gain is None else self.width
        standardized = Ledger(norm_elements=weights, affine_elements=weights, other_parameters=gains)
        return Conv.cost(self, inputs, outputs) + standardized

    def tensors(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """As `Conv`, and `gain`: (width, 1, 1, 1)."""
        own = Conv.tensors(self, inputs, outputs)
        return own if self.gain is None else (*own, Tensor("gain", (self.width, 1, 1, 1), "other_parameters"))

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """As `Conv`; for each batch the standardized weights, and of each output channel mean, deviation and factor."""
        own = Conv.saved(self, inputs, outputs)
        weights = self._fan_in(inputs[0][0]) * self.width
        return Saved(inputs=own.inputs, values=own.values, statistics=weights + 3 * self.width)


@operation
class ConvTranspose(Operation):
    """Transposed convolution: each position is spread over a window of the output, and windows add up."""

    name: ClassVar[str] = "conv_transpose"
    leading: ClassVar[str | None] = "width"

    width: Any = attribute(EXTENT, "output channels")
    kernel: tuple[Any, Any] = attribute(PAIR, "extent of the kernel, height x width")
    stride: tuple[Any, Any] = attribute(PAIR, "distance between windows in the output", 1)
    padding: tuple[Any, Any] = attribute(Pair(0), "what is cut off on each side of the output", 0)
    output_padding: tuple[Any, Any] = attribute(Pair(0), "what is added below and on the right of the output", 0)
    dilation: tuple[Any, Any] = attribute(PAIR, "distance between the kernel's taps", 1)
    groups: Any = attribute(EXTENT, "groups of channels that do not mix", 1)
    bias: bool = attribute(FLAG, "whether a bias is added", False)

    @classmethod
    def settle(cls, values: dict[str, Any]) -> None:
        """Raises E304 where the groups do not divide the width, E302 for output padding beyond PyTorch's limit."""
        check_groups("width", values["width"], values["groups"])
        for added, stride, dilation in zip(values["output_padding"], values["stride"], values["dilation"], strict=True):
            if not (below(added, stride) or below(added, dilation)):
                raise RuleError(
                    "E302",
                    f"output_padding of {show(added)} must be below the stride or the dilation, which are "
                    f"{show(stride)} and {show(dilation)}",
                    attribute="output_padding",
                )

    @property
    def mixes(self) -> bool:
        """Whether it has one group."""
        return bool(is_one(self.groups))

    def stride_behind(self, stride: int) -> int | None:
        """The stride over its own, of the height, and at least 1."""
        return max(1, stride // int(self.stride[0]))

    def _extent(self, extent: Dim, axis: int) -> Dim:
        spread = (extent - 1) * self.stride[axis] + self.dilation[axis] * (self.kernel[axis] - 1) + 1
        return spread - 2 * self.padding[axis] + self.output_padding[axis]

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(width, H', W'), of (x - 1) s + d (k - 1) + 1 - 2 p + o. Raises E304, E402 where nothing is left, E403."""
        channels, h, w = need_map(self.name, inputs[0])
        check_groups("input channels", channels, self.groups)
        height, width = self._extent(h, 0), self._extent(w, 1)
        if below(height, 1) or below(width, 1):
            raise RuleError(
                "E402",
                f"the padding of conv_transpose cuts off all of its output of {show_shape((h, w))} positions",
                attribute="padding",
                help="use less padding, or a larger kernel or stride",
            )
        return ((self.width, height, width),)

    def _weights(self, channels: Dim) -> Dim:
        return self.kernel[0] * self.kernel[1] * channels * exact_divide(self.width, self.groups)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """k_h k_w C (width / groups) weights, each multiplied and added once at each of the H W input positions."""
        count = elements(outputs[0])
        channels, h, w = need_map(self.name, inputs[0])
        weights = self._weights(channels)
        return Ledger(
            multiply_adds=weights * (h * w),
            window_products=self.kernel[0] * self.kernel[1] * exact_divide(channels, self.groups) * count,
            bias_adds=count if self.bias else 0,
            weights=weights,
            biases=self.width if self.bias else 0,
            outputs=count,
        )

    def tensors(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """`weight`: (C, width / groups, k_h, k_w), and `bias`: (width,)."""
        shape = (inputs[0][0], exact_divide(self.width, self.groups), *self.kernel)
        weight = Tensor("weight", shape, "weights")
        return (weight, Tensor("bias", (self.width,), "biases")) if self.bias else (weight,)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The input: the derivative of the weights is taken at it."""
        return INPUT_SAVED


@operation
class ChannelConv(Operation):
    """One-dimensional convolution along the channels of a vector or of a map of 1 x 1 (ECA's)."""

    name: ClassVar[str] = "channel_conv"
    leading: ClassVar[str | None] = "kernel"

    kernel: Any = attribute(Whole(1), "how many neighbouring channels are added up, an odd number")
    bias: bool = attribute(FLAG, "whether a bias is added", False)

    @classmethod
    def settle(cls, values: dict[str, Any]) -> None:
        """Raises E302 for an even kernel."""
        if differ(values["kernel"] % 2, 1):
            kernel = show(values["kernel"])
            message = f"kernel of channel_conv must be odd, so that as many channels stand on each side, not {kernel}"
            raise RuleError("E302", message, attribute="kernel", help=f"kernel: {show(values['kernel'] + 1)}")

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the input. Raises E403 for a map of more than one position."""
        shape = inputs[0]
        if len(shape) == 1 or (len(shape) == 3 and is_one(shape[1]) and is_one(shape[2])):
            return (shape,)
        raise RuleError(
            "E403",
            f"channel_conv needs a vector or a map of 1 x 1 and got {show_shape(shape)}",
            help="put global_pool before it" if len(shape) == 3 else f"take one token: token(0) -> {self.name}",
        )

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """k weights, each multiplied and added once for each channel; zeros stand beyond both ends."""
        channels = inputs[0][0]
        return Ledger(
            multiply_adds=self.kernel * channels,
            bias_adds=channels if self.bias else 0,
            weights=self.kernel,
            biases=1 if self.bias else 0,
            outputs=channels,
        )

    def tensors(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[Tensor, ...]:
        """`weight`: (1, 1, k), and `bias`: (1,)."""
        weight = Tensor("weight", (1, 1, self.kernel), "weights")
        return (weight, Tensor("bias", (1,), "biases")) if self.bias else (weight,)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """The input: the derivative of the weights is taken at it."""
        return INPUT_SAVED

# ruff: noqa: ARG002 - every rule has the same parameters, also where it needs one of them only
"""Operations that move elements and compute little: flatten, split, slice, pad, shuffle, reshape, upsample, resize."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from archdsl.graph.faults import RuleError
from archdsl.graph.ledger import Ledger
from archdsl.graph.operations.base import (
    NOTHING_SAVED,
    Operation,
    Saved,
    attribute,
    axes_of,
    need_map,
    operation,
    refuse_tokens,
)
from archdsl.graph.operations.kinds import EXTENT, PAIR, Axis, Band, Choice, OrNone, Whole, Wholes
from archdsl.graph.shapes import (
    Range,
    Shape,
    below,
    decided,
    differ,
    divides,
    elements,
    exact_divide,
    show,
    show_shape,
)

MAX_PARTS = 4096
"""The largest number of parts that `split` makes."""


class Layout(Operation):
    """What operations share that keep the elements or some of them: no term but the outputs, nothing saved."""

    __slots__ = ()

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """Nothing but its outputs."""
        return Ledger(outputs=sum(elements(shape) for shape in outputs))

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Nothing: a gradient is moved back."""
        return NOTHING_SAVED


@operation
class Flatten(Layout):
    """A map as a vector."""

    name: ClassVar[str] = "flatten"
    views: ClassVar[bool] = True

    def stride_behind(self, stride: int) -> int | None:
        """None: a vector has no places."""
        return None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(C H W,). Raises E403 for tokens."""
        refuse_tokens(self.name, inputs[0], "take one of them, token(0), or first their mean(over: tokens)")
        return ((elements(inputs[0]),),)


@operation
class Split(Layout):
    """The channels, tokens, rows or columns in consecutive parts: so many equal ones, or of the sizes given."""

    name: ClassVar[str] = "split"
    leading: ClassVar[str | None] = "parts"
    views: ClassVar[bool] = True
    lists: ClassVar[bool] = True
    counts_channels: ClassVar[bool] = True
    later: ClassVar[Mapping[str, Any]] = {"over": "channels"}

    parts: Any = attribute(OrNone(Whole(1, MAX_PARTS)), "number of equal parts", None)
    sizes: tuple[Any, ...] | None = attribute(OrNone(Wholes(1, MAX_PARTS)), "extent of every part", None)
    over: str = attribute(Axis("channels", "tokens", "height", "width"), "what is taken apart", "channels")

    @classmethod
    def settle(cls, values: dict[str, Any]) -> None:
        """Raises E306 for neither or both of parts and sizes."""
        if (values["parts"] is None) == (values["sizes"] is None):
            raise RuleError("E306", "split needs either parts or sizes", attribute="parts", help="split(parts: 2)")

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(C / parts, H, W) so many times, or one for each size; of tokens (C / parts, N); and likewise over tokens,
        height or width. Raises E403 for what the input has not, E404 where parts do not add up to it."""
        shape = inputs[0]
        (axis,) = axes_of(self.name, self.over, shape)
        extent = shape[axis]
        if self.sizes is None:
            if not divides(self.parts, extent):
                message = f"split cannot make {show(self.parts)} equal parts of {self._found(axis, shape)}"
                raise RuleError("E404", message, attribute="parts")
            sizes = (exact_divide(extent, self.parts),) * int(self.parts)
        else:
            sizes = self.sizes
            total = sum(sizes)
            if differ(total, extent):
                message = f"the sizes of split add up to {show(total)} and the input has {self._found(axis, shape)}"
                raise RuleError("E404", message, attribute="sizes")
        return tuple([(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes])

    def _found(self, axis: int, shape: Shape) -> str:
        """What is split, for faults alone: a symbol that is shown stands for no other number from then on."""
        extent = show(shape[axis])
        return f"{extent} {self.over}" if axis == 0 or len(shape) == 2 else f"a {self.over} of {extent}"

    def stride_behind(self, stride: int) -> int | None:
        """None where places are taken apart."""
        return stride if self.over == "channels" else None


@operation
class Slice(Layout):
    """Some consecutive channels."""

    name: ClassVar[str] = "slice"
    leading: ClassVar[str | None] = "channels"
    views: ClassVar[bool] = True
    counts_channels: ClassVar[bool] = True

    channels: Range = attribute(Band(), "the channels lo .. hi, counted from 0, both included")

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(hi - lo + 1, H, W). Raises E403 for tokens, E404 where hi is not below C."""
        refuse_tokens(self.name, inputs[0], "split the channels of tokens: split(sizes: […])")
        channels = inputs[0][0]
        if not below(self.channels.hi, channels) and decided(channels) and decided(self.channels.hi):
            raise RuleError(
                "E404",
                f"slice of channels {show(self.channels)} needs {show(self.channels.hi + 1)} channels and the input "
                f"has {show(channels)}",
                attribute="channels",
                help=f"channels: {show(self.channels.lo)} .. {show(channels - 1)}",
            )
        return ((self.channels.hi - self.channels.lo + 1, *inputs[0][1:]),)


@operation
class PadChannels(Layout):
    """Channels of zeros at the end, up to a width."""

    name: ClassVar[str] = "pad_channels"
    leading: ClassVar[str | None] = "to"
    counts_channels: ClassVar[bool] = True

    to: Any = attribute(EXTENT, "channels of the output")

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(to, H, W). Raises E403 for tokens, E404 where `to` is below C."""
        refuse_tokens(self.name, inputs[0], "put it before tokens")
        channels = inputs[0][0]
        if below(self.to, channels):
            raise RuleError(
                "E404",
                f"pad_channels to {show(self.to)} would drop channels: the input has {show(channels)}",
                attribute="to",
                help="use slice to drop channels",
            )
        return ((self.to, *inputs[0][1:]),)


@operation
class ChannelShuffle(Layout):
    """Channels interleaved over the groups (ShuffleNet's)."""

    name: ClassVar[str] = "channel_shuffle"
    leading: ClassVar[str | None] = "groups"
    counts_channels: ClassVar[bool] = True

    groups: Any = attribute(EXTENT, "groups that are interleaved")

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape of the input. Raises E403 for a vector, E404 where the groups do not divide C."""
        channels = need_map(self.name, inputs[0])[0]
        if not divides(self.groups, channels):
            raise RuleError(
                "E404",
                f"channel_shuffle cannot make {show(self.groups)} equal groups of {show(channels)} channels",
                attribute="groups",
            )
        return (inputs[0],)


@operation
class Reshape(Layout):
    """The elements in their order under another shape, which is given."""

    name: ClassVar[str] = "reshape"
    leading: ClassVar[str | None] = "to"
    views: ClassVar[bool] = True
    counts_channels: ClassVar[bool] = True

    to: tuple[Any, ...] = attribute(Wholes(1, 3, size=True), "channels x height x width, or a list of 1 or 3 extents")

    @classmethod
    def settle(cls, values: dict[str, Any]) -> None:
        """Raises E302 for two extents."""
        if len(values["to"]) == 2:
            raise RuleError("E302", "to must have 1 or 3 extents, not 2", attribute="to")

    def stride_behind(self, stride: int) -> int | None:
        """None: the places are others."""
        return None

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """The shape that is given. Raises E403 for tokens, E404 where it has another number of elements."""
        refuse_tokens(self.name, inputs[0], "put map before it: the order of elements is that of a map")
        if differ(elements(inputs[0]), elements(self.to)):
            raise RuleError(
                "E404",
                f"reshape of {show_shape(inputs[0])} to {show_shape(self.to)} changes the number of elements from "
                f"{show(elements(inputs[0]))} to {show(elements(self.to))}",
                attribute="to",
            )
        return (self.to,)


@operation
class Upsample(Operation):
    """A map enlarged by whole factors."""

    name: ClassVar[str] = "upsample"
    leading: ClassVar[str | None] = "factor"

    factor: tuple[Any, Any] = attribute(PAIR, "factor of height x width")
    mode: str = attribute(Choice("nearest", "bilinear"), "how new elements are found", "nearest")

    @property
    def kind(self) -> str:
        """The mode is told apart: tools count bilinear ones otherwise."""
        return f"upsample_{self.mode}"

    def stride_behind(self, stride: int) -> int | None:
        """The stride over the factor of the height, and at least 1."""
        return max(1, stride // int(self.factor[0]))

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(C, f_h H, f_w W). Raises E403 for a vector."""
        channels, h, w = need_map(self.name, inputs[0])
        return ((channels, h * self.factor[0], w * self.factor[1]),)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One interpolated element for each element of the output."""
        count = elements(outputs[0])
        return Ledger(interpolated_elements=count, outputs=count)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Nothing: the weights of the interpolation depend on the sizes alone."""
        return NOTHING_SAVED


@operation
class Resize(Operation):
    """A map brought to the height and width of another."""

    name: ClassVar[str] = "resize"
    arity: ClassVar[int | None] = 2
    takes_size: ClassVar[bool] = True

    mode: str = attribute(Choice("nearest", "bilinear"), "how new elements are found", "nearest")

    @property
    def kind(self) -> str:
        """The mode is told apart: tools count bilinear ones otherwise."""
        return f"resize_{self.mode}"

    def infer(self, *inputs: Shape) -> tuple[Shape, ...]:
        """(C, H', W') of C x H x W and another map of H' x W'. Raises E403 for a vector."""
        channels = need_map(self.name, inputs[0])[0]
        _, height, width = need_map(self.name, inputs[1])
        return ((channels, height, width),)

    def cost(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Ledger:
        """One interpolated element for each element of the output."""
        count = elements(outputs[0])
        return Ledger(interpolated_elements=count, outputs=count)

    def saved(self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Saved:
        """Nothing: the weights of the interpolation depend on the sizes alone."""
        return NOTHING_SAVED

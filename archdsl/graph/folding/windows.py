"""Parallel convolutions as one: whether there is a window that has the taps of all.

Convolutions of one value are linear, and so is their sum. It is one convolution where the taps of each stand in one
window, which steps with the same stride from the same place; a smaller kernel is then the larger one with zeros around
it (Ding et al. 2021, figure 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from archdsl.graph.operations.convolution import Conv
from archdsl.graph.shapes import Shape


class Window(NamedTuple):
    """A convolution in one direction."""

    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    """The zeros around the map."""


def windows_of(conv: Conv, shape: Shape) -> tuple[Window, Window] | None:
    """Of both directions; none where the zeros around the map depend on its size."""
    if isinstance(conv.padding, str) and conv.stride != (1, 1) and conv.kernel != (1, 1):
        return None
    top, bottom, left, right = [int(extent) for extent in conv.pads(*shape[1:])]
    sides = ((top, bottom), (left, right))
    return tuple(  # type: ignore[return-value]
        [
            Window(int(kernel), int(stride), int(dilation), *pads)
            for kernel, stride, dilation, pads in zip(conv.kernel, conv.stride, conv.dilation, sides, strict=True)
        ]
    )


def merged(convs: Sequence[Conv], shape: Shape, *, itself: bool, bias: bool) -> Conv | str:
    """The convolution that is the sum of some on a value of a shape, `itself` with this value added; else why none is.

    It costs no more multiply-adds than they do.
    """
    first = convs[0]
    if any(conv.groups != first.groups for conv in convs):
        return "their convolutions have different groups"
    if any(conv.stride != first.stride for conv in convs):
        return "their convolutions have different strides"
    found = [windows_of(conv, shape) for conv in convs]
    if None in found:
        return "how much is padded depends on the size of the map"
    both = [windows for windows in found if windows is not None]
    both += [(Window(1, 1, 1, 0, 0), Window(1, 1, 1, 0, 0))] if itself else []
    joined = [_joined([windows[axis] for windows in both]) for axis in (0, 1)]
    if joined[0] is None or joined[1] is None:
        return "no window has the taps of all"
    high, wide = joined[0], joined[1]
    if high.kernel * wide.kernel > sum([int(conv.kernel[0] * conv.kernel[1]) for conv in convs]):
        return "one convolution would cost more than they do"
    settings: dict[str, Any] = {"kernel": (high.kernel, wide.kernel), "dilation": (high.dilation, wide.dilation)}
    widest = next((conv for conv in convs if conv.kernel == settings["kernel"]), None)
    if widest is not None:
        return replace(widest, bias=bias)
    settings["padding"] = (high.before, high.after, wide.before, wide.after)
    return replace(first, bias=bias, **settings)


def _joined(windows: Sequence[Window]) -> Window | None:
    """The window in one direction that has the taps of all, each in its middle; none if there is none."""
    kernel = max([window.kernel for window in windows])
    widest = next(window for window in windows if window.kernel == kernel)
    for window in windows:
        apart = kernel - window.kernel
        if window.stride != widest.stride or apart % 2:
            return None
        if window.kernel > 1 and window.dilation != widest.dilation:
            return None
        shift = widest.dilation * apart // 2
        if (window.before + shift, window.after + shift) != (widest.before, widest.after):
            return None
    return widest


__all__ = ["merged"]

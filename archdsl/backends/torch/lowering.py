"""The steps that PyTorch needs for an operation, with their arguments: rules that the rows of `forms` name.

Where PyTorch has several modules for one operation, a rule says which; where it needs a step beside one, such as a
border, the rule puts that before it.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

from archdsl.graph.operations.base import axes_of
from archdsl.graph.operations.convolution import same_pads
from archdsl.graph.shapes import Shape


class Before(NamedTuple):
    """A step before an operation: its row, its arguments, the shape that it gives."""

    form: str
    arguments: dict[str, Any]
    shape: Shape


class Lowered(NamedTuple):
    """An operation in PyTorch's terms: the row, the arguments by name, and the steps before it."""

    form: str
    arguments: dict[str, Any]
    before: tuple[Before, ...] = ()


Lower: TypeAlias = "Callable[[Any, tuple[Shape, ...], tuple[Shape, ...]], Lowered]"
"""From a configured operation and the shapes of its inputs and outputs."""


def settings(op: Any, _inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """An operation whose settings are the arguments."""
    return Lowered(op.name, dict(op.constants))


def per_channel(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """An operation that has something for every channel of its input."""
    return Lowered(op.name, {"in_channels": inputs[0][0], **dict(op.constants)})


def _padding(op: Any, shape: Shape, pad: str, dilation: Any) -> tuple[Any, tuple[Before, ...]]:
    """Padding within the operation, as (height, width), and the step before it where the sides differ.

    TensorFlow's SAME depends on the size only where the stride is above 1.
    """
    if isinstance(op.padding, str):
        if op.stride != (1, 1):
            if all(d * (k - 1) == 0 for d, k in zip(dilation, op.kernel, strict=True)):
                return (0, 0), ()  # a kernel of 1 is never padded
            values = {"kernel": op.kernel, "stride": op.stride, "dilation": dilation}
            return (0, 0), (Before(f"same_{pad}", values, _around(shape, op.pads(shape[1], shape[2]))),)
        sides = [same_pads(extent, k, 1, d) for extent, k, d in zip(shape[1:], op.kernel, dilation, strict=True)]
        (top, bottom), (left, right) = sides
    else:
        top, bottom, left, right = op.padding
    if top == bottom and left == right and (pad != "low_pad" or not _beyond_half(op.kernel, (top, left))):
        return (top, left), ()
    after = _around(shape, (top, bottom, left, right))
    return (0, 0), (Before(pad, {"pads": (left, right, top, bottom)}, after),)


def _around(shape: Shape, pads: Any) -> Shape:
    """The shape of a map with a border."""
    top, bottom, left, right = pads
    return (shape[0], shape[1] + top + bottom, shape[2] + left + right)


def _beyond_half(kernel: Any, padding: Any) -> bool:
    """Whether a pool of PyTorch refuses a padding; it does not look at dilation."""
    return any(2 * p > k for k, p in zip(kernel, padding, strict=True))


def conv(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """A convolution; a border of its own before it where its padding is uneven or SAME."""
    padding, before = _padding(op, inputs[0], "zero_pad", op.dilation)
    values = {
        "in_channels": inputs[0][0],
        "width": op.width,
        "kernel": op.kernel,
        "stride": op.stride,
        "padding": padding,
        "dilation": op.dilation,
        "groups": op.groups,
        "bias": op.bias,
    }
    return Lowered(op.name, values, before)


def std_conv(op: Any, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Lowered:
    """As a convolution, with the gain and the number that variances are divided by."""
    lowered = conv(op, inputs, outputs)
    return lowered._replace(arguments={**lowered.arguments, "gain": op.gain, "gamma": op.gamma, "eps": op.eps})


def max_pool(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """With a border of the lowest number before it where its padding is uneven, SAME, or more than half the window."""
    padding, before = _padding(op, inputs[0], "low_pad", op.dilation)
    values = {"kernel": op.kernel, "stride": op.stride, "padding": padding, "dilation": op.dilation}
    return Lowered(op.name, {**values, "ceil_mode": op.ceil_mode and not before}, before)


def avg_pool(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """A window whose mean counts zeros or not; one with uneven padding is a module of the file."""
    padding, before = _padding(op, inputs[0], "zero_pad", (1, 1))
    window = {"kernel": op.kernel, "stride": op.stride}
    if before and not op.count_include_pad:
        if before[0].form == "zero_pad":
            return Lowered("uneven_avg_pool", {**window, **before[0].arguments})
        return Lowered("same_avg_pool", window)
    values = {**window, "padding": padding, "ceil_mode": op.ceil_mode and not before}
    return Lowered(op.name, {**values, "count_include_pad": op.count_include_pad}, before)


# Vectors and maps


def linear(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """A linear layer of a vector or of tokens; a map of 1 x 1 is flattened before it."""
    shape = inputs[0]
    before = (Before("flatten", {}, shape[:1]),) if len(shape) == 3 else ()
    return Lowered(op.name, {"in_channels": shape[0], "width": op.width, "bias": op.bias}, before)


def layer_norm(op: Any, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Lowered:
    """PyTorch's norm of the last axis: of a map, the channels go there, and back behind it."""
    before = (Before("channels_last", {}, inputs[0]),) if len(inputs[0]) == 3 else ()
    return per_channel(op, inputs, outputs)._replace(before=before)


def layer_scale(op: Any, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Lowered:
    """A factor a channel, for a vector or tokens, or for a map."""
    lowered = per_channel(op, inputs, outputs)
    return lowered._replace(form="layer_scale_map") if len(inputs[0]) == 3 else lowered


def pad_channels(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """So many channels more."""
    form = "pad_channels_map" if len(inputs[0]) == 3 else op.name
    return Lowered(form, {"extra": op.to - inputs[0][0]})


def _axes(over: str, shape: Shape) -> Any:
    """The axes of a batch that an operation goes over: of tokens the channels are the last."""
    if over == "channels":
        return 2 if len(shape) == 2 else 1
    return {"tokens": 1, "space": (2, 3), "height": 2, "width": 3}[over]


def over(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """A reduction, with the axes that it goes over."""
    return Lowered(op.name, {"axes": _axes(op.over, inputs[0])})


def softmax(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """Over an axis, or over both of space."""
    return Lowered("softmax_space", {}) if op.over == "space" else Lowered(op.name, {"axis": _axes(op.over, inputs[0])})


def concat(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """Along an axis; over anything but the channels it changes no width."""
    form = op.name if op.over == "channels" else "concat_places"
    return Lowered(form, {"axis": _axes(op.over, inputs[0])})


def ordered(op: Any, _inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """Tokens of a map, or a map of them: by windows, or by steps, where positions are not row by row."""
    if op.window != (1, 1):
        return Lowered(f"{op.name}_by_window", {"window": op.window})
    return Lowered(op.name, {}) if op.step == (1, 1) else Lowered(f"{op.name}_by_step", {"step": op.step})


def attention(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """In heads that are channels, with keys and values of each or of all, in heads and parts of tokens, or in heads
    alone."""
    if len(inputs[0]) == 3:
        own = all(shape[0] == inputs[0][0] for shape in inputs[1:3])
        return Lowered("attention_of_maps" if own else "attention_of_shared", {})
    if op.parts is None and op.size is None:
        return Lowered(op.name, {"heads": op.heads})
    parts = (op.parts, -1) if op.size is None else (-1, op.size)
    return Lowered("attention_in_parts", {"heads": op.heads, "parts": parts})


def drop_path(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """Of maps or of tokens: a number an image."""
    return Lowered("drop_path_tokens" if len(inputs[0]) == 2 else op.name, {"rate": op.rate})


BESIDE = ("tokens_beside", "height_beside", "width_beside")
"""The extents that a learned tensor fixes of what flows into its block; 0 for any."""


def beside(shape: Shape) -> dict[str, Any]:
    """These extents of a value."""
    extents = {2: (*shape[1:], 0, 0), 3: (0, *shape[1:])}.get(len(shape), (0, 0, 0))
    return dict(zip(BESIDE, extents, strict=True))


def parameter(op: Any, _inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Lowered:
    """A learned tensor by the number of its extents, with what its elements start at."""
    width, *extents = outputs[0]
    mean, std = (Fraction(0), op.init.scale) if op.init.kind == "normal" else (op.init.scale, Fraction(0))
    start = {"mean": mean, "std": std, **dict.fromkeys(BESIDE, 0)}
    if not extents:
        return Lowered("parameter_vector", {"width": width, **start})
    if len(extents) == 1:
        return Lowered("parameter_tokens", {"count": extents[0], "width": width, **start})
    return Lowered(op.name, {"width": width, "height": extents[0], "extent": extents[1], **start})


def relative_bias(op: Any, _inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Lowered:
    """As a learned tensor, with the size of the map whose positions it compares."""
    started = parameter(op, (), outputs).arguments
    form = "absolute_bias" if op.offsets == "absolute" else op.name
    return Lowered(form, {**started, "height": op.size[0], "extent": op.size[1]})


def slice_of(op: Any, _inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """The first of the channels, and the one behind the last."""
    return Lowered(op.name, {"lo": op.channels.lo, "hi": op.channels.hi + 1})


def split(op: Any, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Lowered:
    """Parts of one size or of several, by number or by size."""
    axis, places = _axes(op.over, inputs[0]), "" if op.over == "channels" else "_places"
    if op.sizes is None:
        return Lowered(f"chunk{places}", {"parts": op.parts, "axis": axis})
    (at,) = axes_of(op.name, op.over, inputs[0])
    sizes = tuple([int(shape[at]) for shape in outputs])
    if len(set(sizes)) > 1:
        return Lowered(f"split_sizes{places}", {"sizes": sizes, "axis": axis})
    return Lowered(f"split{places}", {"size": sizes[0], "axis": axis})

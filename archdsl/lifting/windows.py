"""Convolutions, pools, borders, and what enlarges maps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from archdsl.graph.operations.convolution import same_pads
from archdsl.graph.shapes import Size
from archdsl.lifting.axes import Seen
from archdsl.lifting.layouts import (
    need_map,
)
from archdsl.lifting.learned import start_of
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.reading import Call, Held, Padded, Reading, Row, number, pair

SAME = "SAME"
"""A padding that is TensorFlow's at every size, as a program says by no numbers."""


def conv(reading: Reading, call: Call) -> Any:
    """`conv`; a one-dimensional one along the channels is `channel_conv`."""
    weight, bias = call["weight"], call["bias"]
    if not isinstance(weight, Held):
        raise Unliftable("its weights are worked out from the image")
    if weight.tensor.ndim == 3:
        return _channel_conv(reading, call)
    if weight.tensor.ndim != 4:
        raise Unliftable("it has another number of dimensions than 2")
    seen, pads = _window_input(reading, call)
    settings: dict[str, Any] = {
        "width": int(weight.tensor.shape[0]),
        "kernel": Size(tuple(int(k) for k in weight.tensor.shape[2:])),
        "stride": pair(call["stride"], 1),
        "dilation": pair(call["dilation"], 1),
        "groups": int(call["groups"] or 1),
        "bias": bias is not None,
    }
    settings["padding"] = _padding(reading, call, seen, pads, settings)
    tensors = {"weight": weight} | ({"bias": bias} if bias is not None else {})
    if weight.standard is not None:
        return _std_conv(reading, seen, weight, settings, tensors)
    return reading.new("conv", [seen.value], "bchw", settings, tensors)


def _std_conv(reading: Reading, seen: Seen, weight: Held, settings: dict[str, Any], tensors: dict[str, Held]) -> Seen:
    """A convolution whose weights are standardized before."""
    told, base = weight.standard, weight.base
    if told is None or tuple(weight.tensor.shape) != tuple(base.tensor.shape):
        raise Unliftable("standardized weights in another form than their own")
    fan_in = base.tensor[0].numel()
    gamma = (
        None if told.factor == 1.0 else _shortest(told.factor * fan_in**0.5, lambda g: g * fan_in**-0.5, told.factor)
    )
    start = None
    if told.gain is not None:
        found = start_of(reading, told.gain)
        start = found if isinstance(found, Fraction) else Fraction(1)
        tensors["gain"] = Held(told.gain.tensor.reshape(-1, 1, 1, 1), told.gain.names, True)
    tensors["weight"] = base
    return reading.new(
        "std_conv", [seen.value], "bchw", {**settings, "eps": number(told.eps), "gain": start, "gamma": gamma}, tensors
    )


def _shortest(near: float, gives: Callable[[float], float], wanted: float) -> Fraction:
    """The shortest decimal near a number that gives just what is wanted."""
    for digits in range(1, 18):
        found = float(f"{near:.{digits}g}")
        if gives(found) == wanted:
            return number(found)
    return number(near)


def _window_input(reading: Reading, call: Call, name: str = "input") -> tuple[Seen, tuple[int, int, int, int]]:
    """The map that a window slides over, and the border that was put around it before."""
    given = call[name] if call[name] is not None else call["self"]
    if isinstance(given, Padded):
        return need_map(reading, given.seen), given.pads
    return need_map(reading, given), (0, 0, 0, 0)


def _padding(
    reading: Reading, call: Call, seen: Seen, before: tuple[int, int, int, int], settings: Mapping[str, Any]
) -> Any:
    own = call["padding"]
    if own == SAME:
        return "same"
    kernel, stride = settings["kernel"], settings["stride"]
    dilation = settings.get("dilation", Size((1, 1)))
    h, w = seen.shape[1:]
    if own == "same":
        sides = [dilation[axis] * (kernel[axis] - 1) for axis in (0, 1)]
        added = (sides[0] // 2, sides[0] - sides[0] // 2, sides[1] // 2, sides[1] - sides[1] // 2)
    elif own == "valid":
        added = (0, 0, 0, 0)
    else:
        p = pair(own, 0)
        added = (p[0], p[0], p[1], p[1])
    total = tuple(a + b for a, b in zip(before, added, strict=True))
    same = (*same_pads(h, kernel[0], stride[0], dilation[0]), *same_pads(w, kernel[1], stride[1], dilation[1]))
    named = any("same" in part.lower() for place in call.modules[-2:] for part in place)
    # a border of nothing is one that is something at another size
    bordered = any(isinstance(call[name], Padded) for name in ("input", "self"))
    if total == same and bordered and named:
        reading.notes[
            "a border that is TensorFlow's SAME at this size, in a module of that name, is one at all sizes"
        ] = None
        return "same"
    return total


def _channel_conv(reading: Reading, call: Call) -> Any:
    seen, weight, bias = call["input"], call["weight"].tensor, call["bias"]
    fits = isinstance(seen, Seen) and seen.shape[0] == math.prod(seen.shape) and len(seen.dims) == 3
    if not fits or tuple(weight.shape[:2]) != (1, 1) or seen.dims[1] or seen.dims[2] != seen.axes[0]:
        raise Unliftable("it is no convolution along the channels of a vector")
    if (
        2 * _one(call["padding"], 0) + 1 != weight.shape[2]
        or _one(call["stride"], 1) != 1
        or _one(call["dilation"], 1) != 1
    ):
        raise Unliftable("a convolution along channels keeps their number")
    tensors = {"weight": call["weight"]} | ({"bias": bias} if bias is not None else {})
    return reading.kept("channel_conv", seen, {"kernel": int(weight.shape[2]), "bias": bias is not None}, tensors)


def _one(value: Any, default: int) -> int:
    if value is None:
        return default
    return int(value[0] if isinstance(value, list | tuple) else value)


def conv_transpose(reading: Reading, call: Call) -> Any:
    """`conv_transpose`."""
    weight, bias = call["weight"], call["bias"]
    seen = need_map(reading, call["input"])
    groups = int(call["groups"] or 1)
    settings = {
        "width": int(weight.tensor.shape[1]) * groups,
        "kernel": Size(tuple(int(k) for k in weight.tensor.shape[2:])),
        "stride": pair(call["stride"], 1),
        "padding": pair(call["padding"], 0),
        "output_padding": pair(call["output_padding"], 0),
        "dilation": pair(call["dilation"], 1),
        "groups": groups,
        "bias": bias is not None,
    }
    tensors = {"weight": weight} | ({"bias": bias} if bias is not None else {})
    return reading.new("conv_transpose", [seen.value], "bchw", settings, tensors)


def max_pool(reading: Reading, call: Call) -> Any:
    """`max_pool`."""
    seen, pads = _window_input(reading, call, "self")
    border = call["self"].value if isinstance(call["self"], Padded) and any(pads) else -math.inf
    if border != -math.inf and (border != 0 or not _not_negative(reading, seen)):
        raise Unliftable("its border is not below all values")
    kernel = pair(call["kernel_size"])
    settings: dict[str, Any] = {
        "kernel": kernel,
        "stride": pair(call["stride"] or list(kernel)),
        "dilation": pair(call["dilation"], 1),
        "ceil_mode": bool(call["ceil_mode"]),
    }
    settings["padding"] = _padding(reading, call, seen, pads, settings)
    return reading.new("max_pool", [seen.value], "bchw", settings)


NOT_NEGATIVE = {"relu", "relu6", "sigmoid", "hard_sigmoid", "softplus", "square", "exp", "sqrt", "softmax"}
"""Operations that give no negative numbers."""


def _not_negative(reading: Reading, seen: Seen) -> bool:
    """Whether a border of zeros is below all values."""
    return seen.value.node >= 0 and reading.builder.nodes[seen.value.node].operation.name in NOT_NEGATIVE


def avg_pool(reading: Reading, call: Call) -> Any:
    """`avg_pool`."""
    if call["divisor_override"] is not None:
        raise Unliftable("it divides by a number of its own")
    seen, pads = _window_input(reading, call, "self")
    kernel = pair(call["kernel_size"])
    counted = call["count_include_pad"]
    settings: dict[str, Any] = {
        "kernel": kernel,
        "stride": pair(call["stride"] or list(kernel)),
        "ceil_mode": bool(call["ceil_mode"]),
        "count_include_pad": True if counted is None else bool(counted),
    }
    if any(pads) and not settings["count_include_pad"]:
        raise Unliftable("its border counts in another way than its padding")
    settings["padding"] = _padding(reading, call, seen, pads, settings)
    if not any(settings["padding"]) and settings["padding"] != "same" and not settings["ceil_mode"]:
        settings["count_include_pad"] = True  # without a border it is without meaning
    return reading.new("avg_pool", [seen.value], "bchw", settings)


def adaptive_avg_pool(reading: Reading, call: Call) -> Any:
    """`global_pool`, or `adaptive_avg_pool`."""
    size = pair(call["output_size"])
    seen = need_map(reading, call["self"])
    if tuple(size) == (1, 1):
        return reading.new("global_pool", [seen.value], "bchw")
    return reading.new("adaptive_avg_pool", [seen.value], "bchw", {"size": size})


def adaptive_max_pool(reading: Reading, call: Call) -> Any:
    """`global_max_pool`; the second result, the places, is none."""
    if tuple(pair(call["output_size"])) != (1, 1):
        raise Unliftable("the largest of several windows that adapt")
    found = reading.new("global_max_pool", [need_map(reading, call["self"]).value], "bchw")
    return [found, None]


def pad(reading: Reading, call: Call) -> Any:
    """A border, which what comes next takes; behind the channels it is `pad_channels`."""
    seen, sides = call["self"], [int(side) for side in call["pad"]]
    value = 0.0 if call["value"] is None else float(call["value"])
    if call["mode"] not in (None, "constant"):
        raise Unliftable(f"a border by {call['mode']}")
    before = (0, 0, 0, 0)
    if isinstance(seen, Padded):
        if seen.value != value and any(seen.pads):
            raise Unliftable("two borders of different values")
        before, seen = seen.pads, seen.seen
    sides += [0] * (6 - len(sides))
    left, right, top, bottom, front, back = sides[:6]
    if any(sides[6:]) or min(sides) < 0:
        raise Unliftable("a border that is cut, or around the images")
    if front == 0 and back == 0:
        if not (top or bottom or left or right) and before == (0, 0, 0, 0):
            # nothing here, perhaps something at another size: SAME
            return Padded(seen, (0, 0, 0, 0), value)
        above, below, west, east = before
        return Padded(seen, (above + top, below + bottom, west + left, east + right), value)
    if front or any(sides[:4]) or value:
        raise Unliftable("a border around the channels that is not zeros behind them")
    seen = need_map(reading, seen)
    return reading.new("pad_channels", [seen.value], "bchw", {"to": seen.shape[0] + back})


def upsample(mode: str) -> Row:
    """`upsample` where factors are given, else `resize` to the last map of that size."""

    def row(reading: Reading, call: Call) -> Any:
        seen = need_map(reading, call["input"] if call["input"] is not None else call["self"])
        if call["align_corners"]:
            raise Unliftable("corners are aligned")
        factors, h, w = call["scale_factors"], *seen.shape[1:]
        if factors:
            if any(float(factor) != int(factor) for factor in factors):
                raise Unliftable("it enlarges by a fraction")
            settings = {"factor": pair([int(factor) for factor in factors]), "mode": mode}
            return reading.new("upsample", [seen.value], "bchw", settings)
        size = tuple(int(side) for side in call.shape[2:])
        if size == (h, w):
            return seen
        other = reading.maps.get((size[0], size[1]))
        if other is None:
            raise Unliftable("no map has the size that it resizes to")
        return reading.new("resize", [seen.value, other], "bchw", {"mode": mode})

    return row

"""What each operation of PyTorch becomes: one row an operation, by its name in the program (`conv2d`, `add`).

A row gets the arguments by their names in PyTorch and gives what the program goes on with. What it cannot say it
raises as `Unliftable`. In-place forms and overloads share a row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, TypeAlias

from archdsl.graph.blocks import INPUT, Value
from archdsl.graph.operations.convolution import same_pads
from archdsl.graph.shapes import Range, Size
from archdsl.lifting.axes import BATCH, Seen, extent, fresh, permuted, regrouped, size_of
from archdsl.lifting.layouts import as_flat, as_map, as_matrices, as_rows, as_tokens, broadcast, need_map, shuffled
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.reading import Call, Held, Padded, Reading, number, pair
from archdsl.lifting.relaid import relaid

Row: TypeAlias = "Callable[[Reading, Call], Any]"


# Windows.


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
    gamma = None if told.factor == 1.0 else _shortest(told.factor * fan_in**0.5, lambda g: g * fan_in**-0.5, told.factor)
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
    if total == same and before != (0, 0, 0, 0) and named:
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
    if isinstance(call["self"], Padded) and any(pads) and call["self"].value != -math.inf:
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
        total = tuple(a + b for a, b in zip(before, (top, bottom, left, right), strict=True))
        return Padded(seen, total, value)  # type: ignore[arg-type]
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


# Layers.


def linear(reading: Reading, call: Call) -> Any:
    """`linear`; of a map with its channels last, a convolution of 1 x 1."""
    seen, weight, bias = call["input"], call["weight"], call["bias"]
    if not isinstance(weight, Held) or not isinstance(seen, Seen):
        raise Unliftable("its weights are worked out from the image")
    width = int(weight.tensor.shape[0])
    tensors = {"weight": weight} | ({"bias": bias} if bias is not None else {})
    if len(seen.dims) == 4 and len(seen.axes) == 3 and seen.dims == ((BATCH,), *seen.axes[1:], seen.axes[0]):
        tensors["weight"] = Held(weight.tensor[:, :, None, None], weight.names)
        settings = {"width": width, "kernel": Size((1, 1)), "bias": bias is not None}
        return reading.new("conv", [seen.value], "bhwc", settings, tensors)
    settings = {"width": width, "bias": bias is not None}
    if len(seen.dims) == 2:
        return reading.new("linear", [as_flat(reading, seen).value], "bc", settings, tensors)
    if len(seen.axes) != 2 or seen.dims[-1] != seen.axes[0]:
        seen = as_rows(reading, seen)
    (value,) = reading.apply("linear", [seen.value], settings, tensors)
    wide = extent(width)
    return Seen(value, (wide, seen.axes[1]), (*seen.dims[:-1], wide))


def batch_norm(reading: Reading, call: Call) -> Any:
    """`batch_norm`."""
    if call["training"] or call["running_mean"] is None:
        raise Unliftable("a norm without running statistics")
    seen = _one_value(call["input"])
    weight, bias = call["weight"], call["bias"]
    settings: dict[str, Any] = {"eps": number(call["eps"]), "momentum": number(call["momentum"])}
    tensors = {"running_mean": call["running_mean"], "running_var": call["running_var"]}
    if weight is None:
        settings["affine"] = False
    else:
        tensors = {"weight": weight, "bias": bias, **tensors}
        settings["zero_init"] = weight.learned and not bool(weight.tensor.any())
    if len(seen.dims) == 2 and len(seen.axes) == 3:
        return reading.kept("batch_norm", seen, settings, tensors)
    return reading.new("batch_norm", [need_map(reading, seen).value], "bchw", settings, tensors)


def layer_norm(reading: Reading, call: Call) -> Any:
    """`layer_norm` over the channels."""
    seen, weight, bias = _one_value(call["input"]), call["weight"], call["bias"]
    if len(call["normalized_shape"]) != 1:
        raise Unliftable("a layer norm over more than the channels")
    if seen.dims[-1] != seen.axes[0] or (len(seen.dims) == 3 and len(seen.axes) == 3):
        seen = as_rows(reading, seen) if len(seen.dims) != 2 else as_flat(reading, seen)
    if weight is None or bias is None:
        raise Unliftable("a layer norm without a scale or a shift")
    tensors = {"weight": weight, "bias": bias}
    return reading.kept("layer_norm", seen, {"eps": number(1e-5 if call["eps"] is None else call["eps"])}, tensors)


def group_norm(reading: Reading, call: Call) -> Any:
    """`group_norm`."""
    seen = need_map(reading, call["input"])
    if call["weight"] is None or call["bias"] is None:
        raise Unliftable("a group norm without a scale or a shift")
    settings = {"groups": int(call["num_groups"]), "eps": number(1e-5 if call["eps"] is None else call["eps"])}
    return reading.new("group_norm", [seen.value], "bchw", settings, {"weight": call["weight"], "bias": call["bias"]})


def prelu(reading: Reading, call: Call) -> Any:
    """`prelu` with a slope for every channel."""
    seen = need_map(reading, call["self"])
    weight = call["weight"]
    if weight.tensor.numel() != seen.shape[0]:
        raise Unliftable("one slope for all channels")
    start = start_of(reading, weight)
    settings = {"init": start} if isinstance(start, Fraction) else {}
    return reading.new("prelu", [seen.value], "bchw", settings, {"weight": weight})


# Element by element.


def elementwise(name: str, **settings: str) -> Row:
    """An operation that keeps the shape; settings of ours, each with the argument that gives it."""

    def row(reading: Reading, call: Call) -> Any:
        seen = call["self"] if call["self"] is not None else call["input"]
        given = {ours: call[theirs] for ours, theirs in settings.items() if call[theirs] is not None}
        told = {ours: value if isinstance(value, str) else number(value) for ours, value in given.items()}
        return reading.kept(name, _one_value(seen), told)

    return row


def hardtanh(reading: Reading, call: Call) -> Any:
    """`relu6`."""
    low, high = call["min_val"], call["max_val"]
    low, high = (-1 if low is None else low), (1 if high is None else high)
    if call.operation.startswith("clamp"):
        low, high = call["min"], call["max"]
    if low == 0 and high is None:
        return reading.kept("relu", _one_value(call["self"]))
    if (low, high) != (0, 6):
        raise Unliftable(f"values are cut at {low} and {high}")
    return reading.kept("relu6", _one_value(call["self"]))


def elu(reading: Reading, call: Call) -> Any:
    """`elu`."""
    if call["scale"] not in (None, 1) or call["input_scale"] not in (None, 1):
        raise Unliftable("an ELU with scales")
    return reading.kept(
        "elu", _one_value(call["self"]), {"alpha": number(1 if call["alpha"] is None else call["alpha"])}
    )


def softplus(reading: Reading, call: Call) -> Any:
    """`softplus`."""
    if call["beta"] not in (None, 1) or call["threshold"] not in (None, 20):
        raise Unliftable("a softplus of another sharpness")
    return reading.kept("softplus", _one_value(call["self"]))


def drops(name: str, argument: str) -> Row:
    """What acts in training alone; nothing at a rate of 0."""

    def row(reading: Reading, call: Call) -> Any:
        seen, rate = call["input"] if call["input"] is not None else call["self"], float(call[argument] or 0)
        if rate == 0:
            return seen
        seen = _one_value(seen)
        if name == "drop_path" and len(seen.dims) == 4 and len(seen.axes) == 3 and seen.dims[1] != seen.axes[0]:
            return reading.kept(name, seen, {"rate": number(rate)})
        return reading.kept(name, seen, {"rate": number(rate)})

    return row


def arithmetic(name: str) -> Row:
    """`add`, `sub`, `mul`, `div` of two values, of a value and a number, or of one and a learned tensor."""

    def row(reading: Reading, call: Call) -> Any:
        a, b = call["self"], call["other"]
        alpha = call["alpha"]
        if alpha not in (None, 1):
            raise Unliftable("a summand with a factor")
        if call["rounding_mode"] is not None:
            raise Unliftable("a quotient that is rounded")
        one, two = _operand(a), _operand(b)
        if isinstance(one, Seen) and isinstance(two, Seen):
            return broadcast(reading, name, one, two)
        if isinstance(one, Seen):
            return _with_constant(reading, name, one, two, first=True)
        if isinstance(two, Seen):
            return _with_constant(reading, name, two, one, first=False)
        raise Unliftable("nothing flows in")

    return row


def _operand(value: Any) -> Any:
    if isinstance(value, Padded):
        return _one_value(value)
    if isinstance(value, Held) and value.tensor.numel() == 1 and not value.learned:
        return float(value.tensor)
    return value


def _with_constant(reading: Reading, name: str, seen: Seen, other: Any, *, first: bool) -> Any:
    if isinstance(other, int | float):
        return _with_number(reading, name, seen, number(other), first=first)
    if not isinstance(other, Held):
        raise Unliftable("an operand that is neither a tensor nor a number")
    if not other.learned:
        raise Unliftable("a constant tensor, which the language does not have")
    axis = _channels_of(seen, other)
    if name == "mul" and axis:
        start = start_of(reading, other)
        settings = {"init": start} if isinstance(start, Fraction) else {}
        flat = Held(other.tensor.reshape(-1), other.names, True)
        return reading.kept("layer_scale", seen, settings, {"weight": flat})
    learned = _parameter(reading, seen, other)
    return broadcast(reading, name, *((seen, learned) if first else (learned, seen)))


def _channels_of(seen: Seen, other: Held) -> bool:
    """Whether a tensor has a number for every channel."""
    shape = [1] * (len(seen.dims) - other.tensor.ndim) + list(other.tensor.shape)
    return len(shape) == len(seen.dims) and all(
        side == (size_of(dim) if dim == seen.axes[0] else 1) for side, dim in zip(shape, seen.dims, strict=True)
    )


def _parameter(reading: Reading, like: Seen, held: Held) -> Seen:
    """A learned tensor in the form of what it is joined with."""
    tensor = held.tensor
    shape = [1] * (len(like.dims) - tensor.ndim) + list(tensor.shape)
    if held.base is None or held.base.tensor.numel() != tensor.numel():
        if len(like.dims) == 4 and shape[0] == 1 and tensor.shape[-1] == tensor.shape[-2]:
            return offsets(reading, held, tensor.reshape(shape[1:]))
        raise Unliftable("a learned tensor that is worked out from another")
    if len(like.dims) == 3:
        like = as_tokens(reading, like)
    if len(like.dims) == 4 and "?" in like.form:
        like = as_matrices(reading, like)
    form = like.form
    if len(shape) != len(form) or shape[0] != 1 or "?" in form:
        raise Unliftable("a learned tensor that stands in no form of ours")
    names = {1: "c", 2: "cl", 3: "chw"}[len(like.axes)]
    if any(letter == "1" for letter in form[1:]) and len(form) - 1 == len(names):
        missing = [name for name in names if name not in form]
        form = {"chw": "bchw", "cl": form.replace("1", missing[0], 1), "c": "bc"}[names]
    if sorted(form[1:]) != sorted(names):
        raise Unliftable("a learned tensor beside a value of another form")
    sizes = dict(zip(form, shape, strict=True))
    ours = [int(sizes[name]) for name in names]
    order = [form.index(name) - 1 for name in ({"cl": "lc"}.get(names, names))]
    laid = tensor.reshape(shape[1:]).permute(order)
    start = start_of(reading, held)
    given = Size(tuple(ours)) if len(ours) > 1 else tuple(ours)
    tensors = {"weight": Held(laid, held.names, True)}
    (value,) = reading.apply("parameter", [INPUT], {"shape": given, "init": start}, tensors)
    return fresh(value, ours, form)


def offsets(reading: Reading, held: Held, tensor: Any) -> Seen:
    """A learned number for how far every two positions of a map are apart, of (heads, N, N), as `relative_bias`."""
    heads, count = int(tensor.shape[0]), int(tensor.shape[1])
    for height in [h for h in range(1, count + 1) if count % h == 0]:
        width = count // height
        for kind in ("signed", "absolute"):
            table = _table(tensor, height, width, kind)
            if table is None or held.base is None or held.base.tensor.numel() != table.numel():
                continue
            start = start_of(reading, held.base)
            settings = {"heads": heads, "size": Size((height, width)), "init": start, "offsets": kind}
            tensors = {"weight": Held(table, held.names, True)}
            (value,) = reading.apply("relative_bias", [INPUT], settings, tensors)
            return fresh(value, (heads, count, count), "bchw")
    raise Unliftable("a learned tensor that is worked out from another, and not by how far positions are apart")


def _table(tensor: Any, height: int, width: int, kind: str) -> Any:
    """The table that a matrix of positions is read from; none where it is not."""
    import torch

    rows, columns = torch.arange(height).repeat_interleave(width), torch.arange(width).repeat(height)
    down, along = rows[:, None] - rows[None], columns[:, None] - columns[None]
    if kind == "signed":
        places, total = (down + height - 1) * (2 * width - 1) + along + width - 1, (2 * height - 1) * (2 * width - 1)
    else:
        places, total = down.abs() * width + along.abs(), height * width
    table = tensor.new_zeros(tensor.shape[0], total)
    table[:, places.reshape(-1)] = tensor.reshape(tensor.shape[0], -1)
    if not torch.equal(table[:, places], tensor):
        return None
    return table if kind == "absolute" else table.t().contiguous()


def start_of(reading: Reading, held: Held) -> Any:
    """How a learned tensor starts, as far as its numbers tell."""
    from archdsl.graph.initializers import Initializer

    low, high = float(held.tensor.min()), float(held.tensor.max())
    if low == high:
        single = held.tensor.flatten()[0]
        shown = float(f"{low:.6g}")
        return number(shown if abs(shown - low) <= 1e-6 * abs(low) else float(single))
    reading.notes[
        "how learned tensors start is not visible where their numbers differ: normal(std: 0.02) stands there"
    ] = None
    return Initializer("normal", Fraction(1, 50))


def _with_number(reading: Reading, name: str, seen: Seen, value: Fraction, *, first: bool) -> Any:
    if name == "mul":
        return seen if value == 1 else reading.kept("scale", seen, {"factor": value})
    if name == "add":
        return seen if value == 0 else reading.kept("affine", seen, {"term": value})
    if name == "sub":
        if first:
            return seen if value == 0 else reading.kept("affine", seen, {"term": -value})
        return reading.kept("affine", seen, {"factor": Fraction(-1), "term": value})
    if first:
        return seen if value == 1 else reading.kept("scale", seen, {"factor": 1 / value})
    return reading.kept("reciprocal", seen, {"numerator": value})


def negative(reading: Reading, call: Call) -> Any:
    """`scale(-1)`."""
    return reading.kept("scale", _one_value(call["self"]), {"factor": Fraction(-1)})


def power(reading: Reading, call: Call) -> Any:
    """`square`, `sqrt`."""
    exponent = call["exponent"]
    name = {2: "square", 0.5: "sqrt"}.get(exponent)
    if name is None:
        raise Unliftable(f"a power of {exponent}")
    return reading.kept(name, _one_value(call["self"]))


def extremum(name: str) -> Row:
    """`maximum`, `minimum` of two values."""

    def row(reading: Reading, call: Call) -> Any:
        if not isinstance(call["self"], Seen) or not isinstance(call["other"], Seen):
            raise Unliftable("of a value and a constant")
        return broadcast(reading, name, call["self"], call["other"])

    return row


def reduction(name: str) -> Row:
    """`mean`, `sum`, `max`, `min` over some dimensions; the mean over space is `global_pool`."""

    def row(reading: Reading, call: Call) -> Any:
        seen = _one_value(call["self"])
        dims = call["dim"]
        dims = [dims] if isinstance(dims, int) else dims
        if dims is None:
            raise Unliftable("over all dimensions")
        places = sorted({int(dim) % len(seen.dims) for dim in dims})
        kept = bool(call["keepdim"])
        if len(seen.dims) == 3 and places != [len(seen.dims)]:
            gone_atoms = [atom for place in places for atom in seen.dims[place]]
            if len(seen.axes) == 3 and tuple(gone_atoms) == (*seen.axes[1], *seen.axes[2]):
                return _over_space(reading, name, seen, places, kept)
            seen = as_tokens(reading, seen)
        if len(seen.axes) == 3:
            gone = [seen.dims[place] for place in places if seen.dims[place]]
            if (
                set(gone) == {axis for axis in seen.axes[1:] if axis}
                and set(places) != set()
                and seen.axes[0] not in gone
            ):
                return _over_space(reading, name, seen, places, kept)
        if len(places) != 1:
            raise Unliftable("over several dimensions")
        if seen.form[places[0]] not in "chwl" and len(seen.dims) == 4:
            seen = as_matrices(reading, seen)
        letter = seen.form[places[0]]
        over = {"c": "channels", "l": "tokens", "h": "height", "w": "width"}.get(letter)
        if over is None:
            raise Unliftable("over a dimension that is none of ours")
        (value,) = reading.apply(name, [seen.value], {"over": over})
        axis = {1: "c", 2: "cl", 3: "chw"}[len(seen.axes)].index(letter)
        axes = tuple([() if at == axis else one for at, one in enumerate(seen.axes)])
        return _reduced(Seen(value, axes, seen.dims), places, kept)

    return row


def _over_space(reading: Reading, name: str, seen: Seen, places: list[int], kept: bool) -> Seen:
    if name == "mean":
        (value,) = reading.apply("global_pool", [seen.value])
    elif name == "max":
        (value,) = reading.apply("global_max_pool", [seen.value])
    else:
        (value,) = reading.apply(name, [seen.value], {"over": "space"})
    return _reduced(Seen(value, (seen.axes[0], (), ()), seen.dims), places, kept)


def _reduced(seen: Seen, places: list[int], kept: bool) -> Seen:
    if kept:
        dims = tuple([() if at in places else dim for at, dim in enumerate(seen.dims)])
    else:
        dims = tuple([dim for at, dim in enumerate(seen.dims) if at not in places])
    return Seen(seen.value, seen.axes, dims)


def softmax(reading: Reading, call: Call) -> Any:
    """`softmax` over one dimension."""
    seen = _one_value(call["self"] if call["self"] is not None else call["input"])
    place = int(call["dim"]) % len(seen.dims)
    if len(seen.dims) == 3:
        seen = as_tokens(reading, seen)
    if seen.form[place] not in "chwl" and len(seen.dims) == 4:
        seen = as_matrices(reading, seen)
    over = {"c": "channels", "l": "tokens", "h": "height", "w": "width"}.get(seen.form[place])
    if over is None:
        raise Unliftable("over a dimension that is none of ours")
    return reading.kept("softmax", seen, {"over": over})


# Parts.


def concat(reading: Reading, call: Call) -> Any:
    """`concat`; zeros behind the channels are `pad_channels`."""
    given = [part for part in call["tensors"] if not (isinstance(part, Held) and part.tensor.numel() == 0)]
    if len(given) == 1:
        return given[0]
    place = int(call["dim"] or 0)
    seen = [part for part in given if isinstance(part, Seen)]
    place %= len(seen[0].dims)
    if len(given) == 2 and isinstance(given[0], Seen) and isinstance(given[1], Held) and not given[1].learned:
        if bool(given[1].tensor.any()) or place != 1:
            raise Unliftable("a constant tensor, which the language does not have")
        first = need_map(reading, given[0])
        return reading.new(
            "pad_channels", [first.value], "bchw", {"to": first.shape[0] + int(given[1].tensor.shape[1])}
        )
    parts = _concat_parts(reading, given, seen)
    letter = parts[0].form[place] if parts[0].form[place] in "chwl" else _letter(parts[0], place)
    over = {"c": "channels", "l": "tokens", "h": "height", "w": "width"}[letter]
    axis = {1: "c", 2: "cl", 3: "chw"}[len(parts[0].axes)].index(letter)
    partly = _added_in_part(reading, parts) if over == "channels" else None
    if partly is not None:
        return partly
    values = [part.value for part in parts]
    if over == "channels":
        values = _nested(reading, values)
        _joined_by(reading, values)
    (value,) = reading.apply("concat", values, {"over": over})
    joined = extent(sum(part.shape[axis] for part in parts))
    first = parts[0]
    axes = tuple([joined if at == axis else one for at, one in enumerate(first.axes)])
    dims = tuple([joined if at == place else dim for at, dim in enumerate(first.dims)])
    return Seen(value, axes, dims)


def _nested(reading: Reading, values: list[Value]) -> list[Value]:
    """Of values whose first ones were joined before: what joined them, and the others. A layer that gets what all
    before it gave so gets what the one before it gave, with one more."""
    nodes = reading.builder.nodes
    for count in range(len(values) - 1, 1, -1):
        wanted = tuple(values[:count])
        for index in range(len(nodes) - 1, -1, -1):
            if nodes[index].operation.name == "concat" and reading.whole.get(index, nodes[index].inputs) == wanted:
                reading.whole[len(nodes)] = tuple(values)
                last = values[-1].node
                if last >= 0:
                    reading.modules = reading.origins[last].modules[: _depth(reading, last, values[-2].node)]
                return [Value(index), *values[count:]]
    return values


def _joined_by(reading: Reading, values: list[Value]) -> None:
    """What is joined at the beginning of the next module belongs to the one that gave the last of it."""
    last = values[-1].node
    theirs = reading.origins[last].modules if last >= 0 else ()
    alike = next((at for at, (a, b) in enumerate(zip(reading.modules, theirs, strict=False)) if a != b), None)
    if alike is not None:
        reading.modules = theirs[: alike + 1]


def _depth(reading: Reading, last: int, before: int) -> int:
    """How many modules of an operation are its own, and that of the one before not, and one more."""
    mine = reading.origins[last].modules
    other = reading.origins[before].modules if before >= 0 else ()
    alike = next((at for at, (a, b) in enumerate(zip(mine, other, strict=False)) if a != b), min(len(mine), len(other)))
    return alike + 1


def _letter(seen: Seen, place: int) -> str:
    """Which axis of ours an extent of 1 is, by those beside it."""
    forms = {"bchw", "bhwc", "blc", "bcl", "bc"}
    for form in sorted(forms):
        if len(form) == len(seen.form) and all(a == b or b == "1" for a, b in zip(form, seen.form, strict=True)):
            return form[place]
    raise Unliftable("the dimension is none of ours")


def _concat_parts(reading: Reading, given: list[Any], seen: list[Seen]) -> list[Seen]:
    found = []
    for part in given:
        if isinstance(part, Held):
            if not part.learned:
                raise Unliftable("a constant tensor, which the language does not have")
            like = as_tokens(reading, seen[0]) if len(seen[0].dims) == 3 else seen[0]
            found.append(_parameter(reading, like, part))
        else:
            one = _one_value(part)
            found.append(
                as_tokens(reading, one) if len(one.dims) == 3 else one if len(one.dims) == 2 else as_map(reading, one)
            )
    if len({len(part.axes) for part in found}) > 1:
        found = [need_map(reading, part) if len(part.dims) == 4 else part for part in found]
    if len({len(part.axes) for part in found}) > 1:
        found = [as_flat(reading, part) for part in found]
    return found


def _added_in_part(reading: Reading, parts: list[Seen]) -> Seen | None:
    """`concat(x[:c] + s, x[c:])` is `x + pad_channels(s)`; none for anything else."""
    if len(parts) != 2:
        return None
    nodes = reading.builder.nodes
    first, last = (nodes[part.value.node] if part.value.node >= 0 else None for part in parts)
    if first is None or last is None or first.operation.name != "add" or last.operation.name != "slice":
        return None
    source = last.inputs[0]
    for own, other in (first.inputs, first.inputs[::-1]):
        taken = nodes[own.node] if own.node >= 0 else None
        if taken is None or taken.operation.name != "slice" or taken.inputs[0] != source:
            continue
        here, rest = taken.operation.channels, last.operation.channels  # type: ignore[attr-defined]
        whole = reading.builder.shape(source)[0]
        if here.lo != 0 or rest.lo != here.hi + 1 or rest.hi != whole - 1:
            continue
        if int(reading.builder.shape(other)[0]) != int(whole):
            (other,) = reading.apply("pad_channels", [other], {"to": int(whole)})
        return reading.new("add", [source, other], "bchw")
    return None


def slice_(reading: Reading, call: Call) -> Any:
    """`slice` of channels; all of a dimension is no operation."""
    seen = call["self"]
    place, start, end = int(call["dim"] or 0), int(call["start"] or 0), call["end"]
    if call["step"] not in (None, 1):
        raise Unliftable("it takes every second element")
    seen = _one_value(seen)
    place %= len(seen.dims)
    if seen.dims[place] == (BATCH,):
        return seen
    size = size_of(seen.dims[place])
    stop = size if end is None else min(size, int(end) if int(end) >= 0 else size + int(end))
    start = start if start >= 0 else size + start
    if start == 0 and stop == size:
        return seen
    if place == 1 and len(seen.dims) == 3:
        seen = as_tokens(reading, seen)
    if seen.form[place] not in "chwl" and len(seen.dims) == 4:
        seen = as_matrices(reading, seen)
    letter = seen.form[place]
    if letter == "c" and len(seen.axes) != 2:
        (value,) = reading.apply("slice", [seen.value], {"channels": Range(start, stop - 1)})
        cut = extent(stop - start)
        return Seen(value, (cut, *seen.axes[1:]), tuple([cut if at == place else d for at, d in enumerate(seen.dims)]))
    if letter in "clhw":
        sizes = [part for part in (start, stop - start, size - stop) if part]
        found = _split(reading, seen, place, sizes)
        return found[1 if start else 0]
    raise Unliftable("a part of the height or the width")


def select(reading: Reading, call: Call) -> Any:
    """One of the tokens, or one of equal parts of the channels."""
    seen, place, index = _one_value(call["self"]), int(call["dim"]), int(call["index"])
    place %= len(seen.dims)
    size = size_of(seen.dims[place])
    index %= size
    if size == 1:
        return Seen(seen.value, seen.axes, tuple([dim for at, dim in enumerate(seen.dims) if at != place]))
    if len(seen.dims) == 3 and place == 1 and seen.dims[2] == seen.axes[0]:
        seen = as_tokens(reading, seen)
        return reading.new("token", [seen.value], "bc", {"index": index})
    return unbound(reading, seen, place)[index]


def unbind(reading: Reading, call: Call) -> Any:
    """The equal parts of the channels, or of an extent with them."""
    seen = _one_value(call["self"])
    return unbound(reading, seen, int(call["dim"] or 0) % len(seen.dims))


def unbound(reading: Reading, seen: Seen, place: int) -> list[Seen]:
    """The parts that a leading factor of the channels counts, without it."""
    dim = seen.dims[place]
    axis = seen.axes[0]
    if len(seen.axes) == 3 and len(axis) > 1 and dim == axis[:1] and _spread(seen):
        seen = as_tokens_of(reading, seen)
        axis = seen.axes[0]
    if len(dim) != 1 or axis[: len(dim)] != dim or len(axis) < 2:
        return _unbound_rows(reading, seen, place)
    outputs = reading.apply("split", [seen.value], {"parts": dim[0].size})
    dims = tuple([one for at, one in enumerate(seen.dims) if at != place])
    return [Seen(value, (axis[1:], *seen.axes[1:]), dims) for value in outputs]


def _unbound_rows(reading: Reading, seen: Seen, place: int) -> list[Seen]:
    """The same where another dimension counts the parts: as a map of matrices whose rows or columns it is."""
    rest = [dim for at, dim in enumerate(seen.dims[1:], 1) if at != place]
    if seen.dims[0] != (BATCH,) or len(rest) > 3:
        raise Unliftable("parts of what is no leading factor of the channels")
    number = size_of(seen.dims[place])
    beside = min(place - 1, len(rest) - 1)
    for at in [beside, *[k for k in range(len(rest)) if k != beside]]:
        axes = tuple([(*seen.dims[place], *dim) if k == at else dim for k, dim in enumerate(rest)])
        over = {1: ("channels",), 2: ("tokens", "channels"), 3: ("channels", "height", "width")}[len(rest)][at]
        try:
            laid = relaid(reading, seen, axes if len(axes) != 2 else axes[::-1])
            outputs = reading.apply("split", [laid.value], {"parts": number, "over": over})
        except Unliftable:
            continue
        own = tuple(rest) if len(rest) != 2 else tuple(rest[::-1])
        dims = tuple([dim for k, dim in enumerate(seen.dims) if k != place])
        return [Seen(value, own, dims) for value in outputs]
    raise Unliftable("parts of what is no leading factor of the channels")


def _spread(seen: Seen) -> bool:
    """Whether the program has height and width in one dimension."""
    return (*seen.axes[1], *seen.axes[2]) in seen.dims and bool(seen.axes[1] and seen.axes[2])


def as_tokens_of(reading: Reading, seen: Seen) -> Seen:
    """A map as tokens, whatever its channels are in."""
    (value,) = reading.apply("tokens", [seen.value])
    return Seen(value, (seen.axes[0], (*seen.axes[1], *seen.axes[2])), seen.dims)


def split(reading: Reading, call: Call) -> Any:
    """`split` of the channels, or of tokens, in parts of a size, of sizes, or so many."""
    seen = _one_value(call["self"])
    place = int(call["dim"] or 0) % len(seen.dims)
    size = size_of(seen.dims[place])
    if call.operation == "chunk":
        each = -(-size // int(call["chunks"]))
        sizes = [min(each, size - at) for at in range(0, size, each)]
    elif isinstance(given := call["split_size"] if call["split_size"] is not None else call["split_sizes"], int):
        sizes = [min(given, size - at) for at in range(0, size, given)]
    else:
        sizes = [int(part) for part in given]
    return _split(reading, seen, place, sizes)


def _split(reading: Reading, seen: Seen, place: int, sizes: list[int]) -> list[Seen]:
    if len(sizes) == 1:
        return [seen]
    if len(seen.dims) == 3:
        seen = as_tokens(reading, seen)
    if len(seen.dims) == 4 and seen.form not in ("bchw", "bhwc") and "?" in seen.form:
        seen = need_map(reading, seen)
    letter = seen.form[place]
    over = {"c": "channels", "l": "tokens", "h": "height", "w": "width"}.get(letter)
    if over is None:
        raise Unliftable("parts of a dimension that is none of ours")
    settings: dict[str, Any] = {"parts": len(sizes)} if len(set(sizes)) == 1 else {"sizes": tuple(sizes)}
    outputs = reading.apply("split", [seen.value], {**settings, "over": over})
    axis = {1: "c", 2: "cl", 3: "chw"}[len(seen.axes)].index(letter)
    found = []
    for value, size in zip(outputs, sizes, strict=True):
        cut = extent(size)
        axes = tuple([cut if at == axis else one for at, one in enumerate(seen.axes)])
        found.append(Seen(value, axes, tuple([cut if at == place else dim for at, dim in enumerate(seen.dims)])))
    return found


def item(_: Reading, call: Call) -> Any:
    """One of several results."""
    return call["self"][int(call["index"])]


# Looks at the same elements.


def reshape(reading: Reading, call: Call) -> Any:
    """The same elements in the same order under other dimensions."""
    seen = _one_value(call["self"])
    found = regrouped(seen, list(call.shape), reading.images)
    if found is not None:
        return shuffled(reading, found)
    whole = need_map(reading, seen) if len(seen.axes) == 3 else None
    if whole is not None and (found := regrouped(whole, list(call.shape), reading.images)) is not None:
        return found
    raise Unliftable(f"a reshape to {list(call.shape)[1:]} that cuts extents otherwise than by factors")


def permute(_: Reading, call: Call) -> Any:
    """Dimensions in another order."""
    seen = _one_value(call["self"])
    return permuted(seen, [int(dim) % len(seen.dims) for dim in call["dims"]])


def transpose(_: Reading, call: Call) -> Any:
    """Two dimensions in each other's place."""
    seen = _one_value(call["self"])
    order = list(range(len(seen.dims)))
    a, b = (int(call[name]) % len(order) for name in ("dim0", "dim1"))
    order[a], order[b] = b, a
    return permuted(seen, order)


def same(_: Reading, call: Call) -> Any:
    """The value itself."""
    return call["self"] if call["self"] is not None else call["input"] if call["input"] is not None else call["a"]


def _one_value(given: Any) -> Seen:
    if isinstance(given, Padded):
        if any(given.pads):
            raise Unliftable("a border before what slides no window")
        return given.seen
    if not isinstance(given, Seen):
        raise Unliftable("nothing flows in")
    return given


# Attention.


def attention(reading: Reading, call: Call) -> Any:
    """`attention` of tokens in heads, where queries, keys and values stand as images x heads x tokens x channels."""
    from archdsl.lifting.attention import lifted_attention

    return lifted_attention(reading, call)


def matmul(reading: Reading, call: Call) -> Any:
    """`matmul`; with a softmax of such a product, `attention`."""
    from archdsl.lifting.attention import lifted_matmul

    return lifted_matmul(reading, call)


ROWS: Mapping[str, Row] = {
    "conv1d": conv,
    "conv2d": conv,
    "convolution": conv,
    "conv_transpose2d": conv_transpose,
    "max_pool2d": max_pool,
    "avg_pool2d": avg_pool,
    "adaptive_avg_pool2d": adaptive_avg_pool,
    "adaptive_max_pool2d": adaptive_max_pool,
    "pad": pad,
    "constant_pad_nd": pad,
    "upsample_nearest2d": upsample("nearest"),
    "upsample_bilinear2d": upsample("bilinear"),
    "linear": linear,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "prelu": prelu,
    "relu": elementwise("relu"),
    "relu6": elementwise("relu6"),
    "silu": elementwise("silu"),
    "sigmoid": elementwise("sigmoid"),
    "hardswish": elementwise("hard_swish"),
    "hardsigmoid": elementwise("hard_sigmoid"),
    "hardtanh": hardtanh,
    "clamp": hardtanh,
    "clamp_min": hardtanh,
    "gelu": elementwise("gelu", approximate="approximate"),
    "tanh": elementwise("tanh"),
    "leaky_relu": elementwise("leaky_relu", slope="negative_slope"),
    "elu": elu,
    "softplus": softplus,
    "mish": elementwise("mish"),
    "log_sigmoid": elementwise("log_sigmoid"),
    "sqrt": elementwise("sqrt"),
    "square": elementwise("square"),
    "exp": elementwise("exp"),
    "pow": power,
    "neg": negative,
    "add": arithmetic("add"),
    "sub": arithmetic("sub"),
    "mul": arithmetic("mul"),
    "div": arithmetic("div"),
    "maximum": extremum("maximum"),
    "minimum": extremum("minimum"),
    "mean": reduction("mean"),
    "sum": reduction("sum"),
    "amax": reduction("max"),
    "amin": reduction("min"),
    "softmax": softmax,
    "_softmax": softmax,
    "dropout": drops("dropout", "p"),
    "feature_dropout": drops("dropout", "p"),
    "drop_path": drops("drop_path", "rate"),
    "cat": concat,
    "slice": slice_,
    "select": select,
    "unbind": unbind,
    "split": split,
    "split_with_sizes": split,
    "chunk": split,
    "getitem": item,
    "view": reshape,
    "reshape": reshape,
    "reshape_as": reshape,
    "view_as": reshape,
    "_unsafe_view": reshape,
    "flatten": reshape,
    "unflatten": reshape,
    "unsqueeze": reshape,
    "squeeze": reshape,
    "permute": permute,
    "transpose": transpose,
    "t": transpose,
    "contiguous": same,
    "clone": same,
    "alias": same,
    "detach": same,
    "to": same,
    "_to_copy": same,
    "identity": same,
    "expand": same,
    "scaled_dot_product_attention": attention,
    "matmul": matmul,
    "bmm": matmul,
}
"""One row an operation of PyTorch."""

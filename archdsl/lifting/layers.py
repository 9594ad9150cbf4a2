"""Linear layers and norms."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from archdsl.graph.shapes import Size
from archdsl.lifting.axes import BATCH, Seen, extent
from archdsl.lifting.elements import arithmetic
from archdsl.lifting.layouts import (
    as_flat,
    as_rows,
    need_map,
    one_value,
    spread,
)
from archdsl.lifting.learned import start_of
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.reading import Call, Held, Reading, Row, number
from archdsl.lifting.reductions import reduction


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
    if len(seen.dims) == 2 and not (len(seen.axes) == 2 and seen.dims[0] != (BATCH,)):
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
    seen = one_value(call["input"])
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
    if len(seen.axes) == 2 and seen.axes[0] in (seen.dims[-1], seen.dims[min(1, len(seen.dims) - 1)]):
        return reading.kept("batch_norm", spread(reading, seen), settings, tensors)
    return reading.new("batch_norm", [need_map(reading, seen).value], "bchw", settings, tensors)


def layer_norm(reading: Reading, call: Call) -> Any:
    """`layer_norm` over the channels."""
    seen, weight, bias = one_value(call["input"]), call["weight"], call["bias"]
    if len(call["normalized_shape"]) != 1:
        raise Unliftable("a layer norm over more than the channels")
    if seen.dims[-1] != seen.axes[0] or (len(seen.dims) == 3 and len(seen.axes) == 3):
        seen = as_rows(reading, seen) if len(seen.dims) != 2 else as_flat(reading, seen)
    if weight is None or bias is None:
        raise Unliftable("a layer norm without a scale or a shift")
    tensors = {"weight": weight, "bias": bias}
    return reading.kept("layer_norm", seen, {"eps": number(1e-5 if call["eps"] is None else call["eps"])}, tensors)


def rms_norm(reading: Reading, call: Call) -> Any:
    """A value over the root of the mean of its squares, with a factor for every channel: in operations of ours."""
    seen, weight, eps = one_value(call["input"]), call["weight"], call["eps"]
    if len(call["normalized_shape"]) != 1:
        raise Unliftable("an rms norm over more than the channels")
    if eps is None:
        raise Unliftable("an rms norm whose eps is that of the precision it is computed in")
    if seen.dims[-1] == seen.axes[0] and len(seen.dims) == len(seen.axes) == 3:
        seen = as_rows(reading, seen)

    def step(row: Row, **arguments: Any) -> Any:
        return row(reading, replace(call, arguments=arguments))

    mean = step(reduction("mean"), self=reading.kept("square", seen), dim=[-1], keepdim=True)
    root = reading.kept("sqrt", step(arithmetic("add"), self=mean, other=float(eps)))
    found = step(arithmetic("div"), self=seen, other=root)
    return found if weight is None else step(arithmetic("mul"), self=found, other=weight)


def group_norm(reading: Reading, call: Call) -> Any:
    """`group_norm`."""
    seen = need_map(reading, call["input"])
    if call["weight"] is None or call["bias"] is None:
        raise Unliftable("a group norm without a scale or a shift")
    settings = {"groups": int(call["num_groups"]), "eps": number(1e-5 if call["eps"] is None else call["eps"])}
    return reading.new("group_norm", [seen.value], "bchw", settings, {"weight": call["weight"], "bias": call["bias"]})


def instance_norm(reading: Reading, call: Call) -> Any:
    """`group_norm` in as many groups as there are channels."""
    if not call["use_input_stats"]:
        raise Unliftable("an instance norm with running statistics")
    return group_norm(reading, replace(call, arguments={**call.arguments, "num_groups": call.shape[1]}))


def prelu(reading: Reading, call: Call) -> Any:
    """`prelu` with a slope for every channel."""
    seen = need_map(reading, call["self"])
    weight = call["weight"]
    if weight.tensor.numel() != seen.shape[0]:
        raise Unliftable("one slope for all channels")
    start = start_of(reading, weight)
    settings = {"init": start} if isinstance(start, Fraction) else {}
    return reading.new("prelu", [seen.value], "bchw", settings, {"weight": weight})

"""What each node of ONNX is as an operation of PyTorch: one row a kind of node, by its name in ONNX (`Conv`, `Add`).

A row gives the name of the operation and its arguments, by their names in PyTorch, or what the next node goes on with.
What it cannot say it raises as `Unliftable`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from archdsl.lifting.axes import BATCH, Seen
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.onnxattention import attention
from archdsl.lifting.onnxnodes import Node, Translated, decimal
from archdsl.lifting.onnxnorms import Bare, batch_norm, group_norm, instance_norm, layer_norm, passed_on, rms_norm
from archdsl.lifting.onnxwindows import conv, pool
from archdsl.lifting.reading import Held, Padded, Product


def _gemm(node: Node) -> Translated:
    plain = (node.attribute("alpha", 1.0), node.attribute("beta", 1.0), node.attribute("transA", 0)) == (1.0, 1.0, 0)
    weight = node.inputs[1]
    if not plain or not isinstance(weight, Held):
        raise Unliftable("a product with factors, or of two values")
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    return "linear", {
        "input": node.inputs[0],
        "weight": weight if node.attribute("transB", 0) else _turned(weight),
        "bias": bias,
    }


def _turned(held: Held) -> Held:
    """A matrix with rows as columns."""
    places = None if held.places is None else held.places.t()
    return Held(held.tensor.t(), held.names, held.learned, places, held.base, held.computed)


def _product(node: Node) -> Translated:
    a, b = node.inputs
    if isinstance(b, Held) and b.tensor.ndim == 2 and b.learned:
        return "linear", {"input": a, "weight": _turned(b), "bias": node.bias}
    if node.bias is not None:
        raise Unliftable("a product with a matrix that nobody learned")
    return "matmul", {"self": a, "other": b}


def _arithmetic(name: str) -> Callable[[Node], Any]:
    def row(node: Node) -> Any:
        a, b = node.inputs
        return name, {"self": _single(a), "other": _single(b)}

    return row


def _single(part: Any) -> Any:
    """A constant of one number as that number."""
    if isinstance(part, Held) and not part.learned and part.tensor.numel() == 1:
        return decimal(part.tensor.flatten()[0])
    return part


def _clip(node: Node) -> Translated:
    low, high = (node.attribute(name, _bound(node, at)) for at, name in ((1, "min"), (2, "max")))
    return "clamp", {"self": node.inputs[0], "min": low, "max": high}


def _bound(node: Node, at: int) -> float | None:
    part = node.inputs[at] if len(node.inputs) > at else None
    return None if part is None else float(part.tensor)


def _reduced(name: str) -> Callable[[Node], Translated]:
    def row(node: Node) -> Translated:
        axes = node.whole(1, "axes")
        return name, {"self": node.inputs[0], "dim": axes, "keepdim": bool(node.attribute("keepdims", 1))}

    return row


def _norm_of_order(order: int) -> Callable[[Node], Translated]:
    def row(node: Node) -> Translated:
        _, arguments = _reduced("linalg_vector_norm")(node)
        return "linalg_vector_norm", {**arguments, "ord": order}

    return row


def _everywhere(name: str) -> Callable[[Node], Translated]:
    return lambda node: (name, {"self": node.inputs[0], "dim": [2, 3], "keepdim": True})


def _one(name: str, **plain: Any) -> Callable[[Node], Translated]:
    return lambda node: (name, {"self": node.inputs[0], **plain})


def _hard_sigmoid(node: Node) -> Translated:
    alpha, beta = decimal(node.attribute("alpha", 0.2)), decimal(node.attribute("beta", 0.5))
    if abs(alpha - 1 / 6) > 1e-6 or beta != 0.5:
        raise Unliftable("a hard sigmoid of another slope")
    return "hardsigmoid", {"self": node.inputs[0]}


def _concat(node: Node) -> Translated:
    return "cat", {"tensors": node.inputs, "dim": int(node.attribute("axis"))}


def _split(node: Node) -> Translated:
    axis = int(node.attribute("axis", 0))
    sizes = [shape[axis] for shape in node.shapes]
    return "split_with_sizes", {"self": node.inputs[0], "split_sizes": sizes, "dim": axis}


def _slice(node: Node) -> Any:
    starts, ends = node.whole(1, "starts"), node.whole(2, "ends")
    axes, steps = node.whole(3, "axes"), node.whole(4, "steps")
    if starts is None or ends is None or (len(starts) > 1):
        raise Unliftable("a part along several dimensions, or where is not known")
    step = (steps or [1])[0]
    return "slice", {"self": node.inputs[0], "dim": (axes or [0])[0], "start": starts[0], "end": ends[0], "step": step}


def _gather(node: Node) -> Translated:
    index = node.inputs[1]
    if not isinstance(index, Held):
        raise Unliftable("elements by a list of places")
    axis, places = int(node.attribute("axis", 0)), index.tensor
    if places.ndim == 0:
        return "select", {"self": node.inputs[0], "dim": axis, "index": int(places)}
    first = places.flatten().tolist()
    if first == list(range(extents(node.inputs[0], axis, node.reading.images))):  # all of them, in their order
        return "reshape", {"self": node.inputs[0]}
    if first == list(range(first[0], first[0] + len(first))) and places.ndim == 1 and first[0] >= 0:
        return "slice", {"self": node.inputs[0], "dim": axis, "start": first[0], "end": first[-1] + 1, "step": 1}
    raise Unliftable("elements by a list of places")


def extents(part: Any, axis: int, images: int) -> int:
    """How many elements a value has along a dimension, the images counted."""
    return math.prod([images if atom is BATCH else atom.size for atom in part.dims[axis]])


def _expanded(node: Node) -> Translated:
    if isinstance(node.inputs[0], Seen) and len(node.shape) == len(node.inputs[0].dims):
        sizes = [extents(node.inputs[0], at, node.reading.images) for at in range(len(node.shape))]
        if sizes == list(node.shape):
            return "identity", {"self": node.inputs[0]}
    raise Unliftable("a value that is repeated")


def _transposed(node: Node) -> Translated:
    order = node.attribute("perm") or list(range(len(node.shape)))[::-1]
    return "permute", {"self": node.inputs[0], "dims": [int(one) for one in order]}


def _padded(node: Node) -> Translated:
    pads, mode = node.whole(1, "pads"), node.attribute("mode", "constant")
    if pads is None or (len(node.inputs) > 3 and node.inputs[3] is not None) or len(pads) != 8:
        raise Unliftable("a border around other dimensions than height and width, or of no known size")
    value = float(node.inputs[2].tensor) if len(node.inputs) > 2 and node.inputs[2] is not None else 0.0
    sides = [pads[3], pads[7], pads[2], pads[6], pads[1], pads[5], pads[0], pads[4]]
    return "pad", {"self": node.inputs[0], "pad": sides if any(sides[4:]) else sides[:4], "mode": mode, "value": value}


def _resized(node: Node) -> Translated:
    mode, places = node.attribute("mode", "nearest"), node.attribute("coordinate_transformation_mode", "half_pixel")
    seen = node.inputs[0]
    factors = [out / own for out, own in zip(node.shape[2:], seen.shape[1:], strict=True)]
    nearest = mode == "nearest" and places == "asymmetric" and node.attribute("nearest_mode") == "floor"
    linear = mode == "linear" and places in ("half_pixel", "pytorch_half_pixel")
    if not (nearest or linear) or len(seen.axes) != 3:
        raise Unliftable(f"a map enlarged by {mode} and {places}")
    whole = all(factor == int(factor) for factor in factors)
    name = "upsample_nearest2d" if nearest else "upsample_bilinear2d"
    given = len(node.inputs) > 2 and isinstance(node.inputs[2], Held) and node.inputs[2].tensor.numel() > 0
    return name, {"self": seen, "align_corners": False, "scale_factors": factors if whole and given else None}


def _softmax(node: Node) -> Translated:
    return "softmax", {"self": node.inputs[0], "dim": int(node.attribute("axis", -1))}


def _power(node: Node) -> Translated:
    return "pow", {"self": node.inputs[0], "exponent": _single(node.inputs[1])}


def _slope(node: Node) -> Translated:
    return "leaky_relu", {"self": node.inputs[0], "negative_slope": decimal(node.attribute("alpha", 0.01))}


def _elu(node: Node) -> Translated:
    return "elu", {"self": node.inputs[0], "alpha": decimal(node.attribute("alpha", 1.0))}


FLOWS = (Seen, Padded, Product, Bare, list)
"""What a node may take that is not the same for every image."""

TABLE: Mapping[str, Callable[[Node], Any]] = {
    "Conv": conv,
    "ConvTranspose": conv,
    "MaxPool": pool,
    "AveragePool": pool,
    "GlobalAveragePool": _everywhere("mean"),
    "GlobalMaxPool": _everywhere("amax"),
    "BatchNormalization": batch_norm,
    "LayerNormalization": layer_norm,
    "GroupNormalization": group_norm,
    "InstanceNormalization": instance_norm,
    "RMSNormalization": rms_norm,
    "Attention": attention,
    "Gemm": _gemm,
    "MatMul": _product,
    "Add": _arithmetic("add"),
    "Sub": _arithmetic("sub"),
    "Mul": _arithmetic("mul"),
    "Div": _arithmetic("div"),
    "Max": lambda node: ("maximum", {"self": node.inputs[0], "other": node.inputs[1]}),
    "Min": lambda node: ("minimum", {"self": node.inputs[0], "other": node.inputs[1]}),
    "Pow": _power,
    "Erf": _one("erf"),
    "Relu": _one("relu"),
    "Sigmoid": _one("sigmoid"),
    "Tanh": _one("tanh"),
    "HardSwish": _one("hardswish"),
    "HardSigmoid": _hard_sigmoid,
    "Softplus": _one("softplus"),
    "Mish": _one("mish"),
    "Exp": _one("exp"),
    "Sqrt": _one("sqrt"),
    "Neg": _one("neg"),
    "LeakyRelu": _slope,
    "Elu": _elu,
    "Gelu": lambda node: ("gelu", {"self": node.inputs[0], "approximate": node.attribute("approximate", "none")}),
    "PRelu": lambda node: ("prelu", {"self": node.inputs[0], "weight": node.inputs[1]}),
    "Clip": _clip,
    "ReduceMean": _reduced("mean"),
    "ReduceSum": _reduced("sum"),
    "ReduceMax": _reduced("amax"),
    "ReduceMin": _reduced("amin"),
    "ReduceL2": _norm_of_order(2),
    "Softmax": _softmax,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Gather": _gather,
    "Transpose": _transposed,
    "Flatten": _one("flatten"),
    "Reshape": _one("reshape"),
    "Squeeze": _one("reshape"),
    "Unsqueeze": _one("reshape"),
    "Identity": _one("identity"),
    "Expand": _expanded,
    "Cast": _one("identity"),
    "Dropout": _one("identity"),
    "Pad": _padded,
    "Resize": _resized,
}
"""One row a kind of node."""


def translated(node: Node) -> Any:
    """What a node is, by its row. Raises `Unliftable`."""
    if any(isinstance(part, Bare) for part in node.inputs):
        return passed_on(node)
    if node.kind not in TABLE:
        raise Unliftable("the language has no such operation")
    return TABLE[node.kind](node)


__all__ = ["FLOWS", "translated"]

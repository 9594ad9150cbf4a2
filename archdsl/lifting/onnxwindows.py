"""Nodes of ONNX that slide a window: convolutions and pools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.lifting.axes import Seen
from archdsl.lifting.lifted import Unliftable
from archdsl.lifting.onnxnodes import Node, Translated
from archdsl.lifting.reading import Held, Padded
from archdsl.lifting.windows import SAME


def _window(node: Node, dims: int = 2) -> tuple[Any, dict[str, Any]]:
    """The map that a window slides over, with its border, and stride, dilation and padding."""
    ends = node.attribute("auto_pad", "NOTSET")
    arguments = {
        "stride": [int(one) for one in node.attribute("strides", [1] * dims)],
        "dilation": [int(one) for one in node.attribute("dilations", [1] * dims)],
    }
    pads = [0] * (2 * dims)
    if ends == "NOTSET":
        pads = [int(one) for one in node.attribute("pads", pads)]
    elif ends == "SAME_UPPER" and dims == 2:
        return node.inputs[0], {**arguments, "padding": SAME}
    elif ends == "SAME_LOWER" and arguments["stride"] == [1] * dims:
        reach = [side - 1 for side in _reach(node, arguments["dilation"])]
        pads = [*[side - side // 2 for side in reach], *[side // 2 for side in reach]]
    elif ends != "VALID":
        raise Unliftable(f"a border by {ends} that depends on the size")
    even = pads[:dims] == pads[dims:]
    arguments["padding"] = pads[:dims] if even else [0] * dims
    if even:
        return node.inputs[0], arguments
    if dims != 2 or not isinstance(node.inputs[0], Seen):
        raise Unliftable("an uneven border")
    value = -float("inf") if node.kind == "MaxPool" else 0.0
    return Padded(node.inputs[0], (pads[0], pads[2], pads[1], pads[3]), value), arguments


def _reach(node: Node, dilation: Sequence[int]) -> list[int]:
    """How far a window reaches."""
    weight = node.inputs[1].tensor.shape[2:] if node.kind.startswith("Conv") else node.attribute("kernel_shape")
    return [int(step) * (int(side) - 1) + 1 for side, step in zip(weight, dilation, strict=True)]


def conv(node: Node) -> Translated:
    """`Conv`, `ConvTranspose`."""
    weight, bias = node.inputs[1], node.inputs[2] if len(node.inputs) > 2 else None
    if not isinstance(weight, Held):
        raise Unliftable("its weights are worked out from the image")
    seen, arguments = _window(node, weight.tensor.ndim - 2)
    arguments |= {"input": seen, "weight": weight, "bias": bias, "groups": int(node.attribute("group", 1))}
    if node.kind == "Conv":
        return f"conv{weight.tensor.ndim - 2}d", arguments
    if isinstance(seen, Padded) or arguments["padding"] == SAME:
        raise Unliftable("an uneven border")
    if node.attribute("output_shape"):
        raise Unliftable("its output has a size of its own")
    added = [int(one) for one in node.attribute("output_padding", [0, 0])]
    return "conv_transpose2d", {**arguments, "output_padding": added}


def pool(node: Node) -> Translated:
    """`MaxPool`, `AveragePool`."""
    if len(node.attribute("kernel_shape")) != 2:
        raise Unliftable("a window of another number of dimensions than 2")
    seen, arguments = _window(node)
    arguments |= {
        "self": seen,
        "kernel_size": [int(one) for one in node.attribute("kernel_shape")],
        "ceil_mode": bool(node.attribute("ceil_mode", 0)),
    }
    if node.kind == "MaxPool":
        return "max_pool2d", arguments
    if arguments.pop("dilation") != [1, 1]:
        raise Unliftable("a mean over distant places")
    return "avg_pool2d", {**arguments, "count_include_pad": bool(node.attribute("count_include_pad", 0))}


__all__ = ["conv", "pool"]

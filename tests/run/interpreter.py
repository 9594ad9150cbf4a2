"""The graph run node by node through `torch.nn.functional`: what an emitted module is compared with.

It knows nothing of blocks or classes, takes the module's weights by the paths of the nodes, and writes every operation
down a second time, from the reference of the language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from archdsl.graph.network import INPUT, Network, Node, Value

CURVES = {
    "relu": lambda x: x.clamp(min=0),
    "relu6": lambda x: x.clamp(0, 6),
    "silu": lambda x: x * torch.sigmoid(x),
    "sigmoid": torch.sigmoid,
    "hard_swish": lambda x: x * (x + 3).clamp(0, 6) / 6,
    "hard_sigmoid": lambda x: (x + 3).clamp(0, 6) / 6,
    "tanh": torch.tanh,
    "mish": lambda x: x * torch.tanh(torch.logaddexp(x, torch.zeros_like(x))),
    "log_sigmoid": lambda x: -torch.logaddexp(-x, torch.zeros_like(x)),
    "identity": lambda x: x,
    "dropout": lambda x: x,
    "drop_path": lambda x: x,
    "flatten": lambda x: x.flatten(1),
    "sqrt": lambda x: x**0.5,
    "square": lambda x: x * x,
    "exp": lambda x: torch.e**x,
}


def run(network: Network, state: Mapping[str, Tensor], image: Tensor) -> dict[Value, Tensor]:
    """All values of a network in evaluation mode."""
    values = {INPUT: image}
    for index, node in enumerate(network.nodes):
        inputs = [values[v] for v in node.inputs]
        tensors = {t.name: state[f"{node.path}.{t.name}"] for t in network.tensors(node)}
        found = evaluate(node, inputs, tensors)
        for output, value in enumerate(found):
            values[Value(index, output)] = value
    return values


def evaluate(node: Node, inputs: list[Tensor], t: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    """One operation."""
    op: Any = node.operation
    x = inputs[0]
    name = op.name
    if name in CURVES:
        return (CURVES[name](x),)
    match name:
        case "conv":
            x = pad(x, op, 0.0)
            return (F.conv2d(x, t["weight"], t.get("bias"), op.stride, 0, op.dilation, op.groups),)
        case "std_conv":
            rows = t["weight"].flatten(1)
            mean, var = rows.mean(1, keepdim=True), rows.var(1, keepdim=True, unbiased=False)
            rows = (rows - mean) / (var + float(op.eps)).sqrt()
            rows = rows * t["gain"].flatten(1) if op.gain is not None else rows
            rows = rows * float(op.gamma) / rows.shape[1] ** 0.5 if op.gamma is not None else rows
            weight = rows.reshape(t["weight"].shape)
            return (F.conv2d(pad(x, op, 0.0), weight, t.get("bias"), op.stride, 0, op.dilation, op.groups),)
        case "conv_transpose":
            return (transposed(x, op, t["weight"], t.get("bias")),)
        case "channel_conv":
            half, c = op.kernel // 2, x.shape[1]
            around = torch.cat([torch.zeros_like(x[:, :1])] * half + [x] + [torch.zeros_like(x[:, :1])] * half, 1)
            taps = [around[:, k : k + c] * t["weight"][0, 0, k] for k in range(op.kernel)]
            return (sum(taps[1:], taps[0]) + (t["bias"] if op.bias else 0),)
        case "linear":
            return (F.linear(x if x.dim() == 3 else x.flatten(1), t["weight"], t.get("bias")),)
        case "batch_norm":
            mean, var = t["running_mean"], t["running_var"]
            y = (x - mean[:, None, None]) / (var[:, None, None] + float(op.eps)).sqrt()
            return (y * t["weight"][:, None, None] + t["bias"][:, None, None] if op.affine else y,)
        case "group_norm":
            return (F.group_norm(x, op.groups, t["weight"], t["bias"], float(op.eps)),)
        case "layer_norm":
            axis = channels_of(x)
            mean, var = x.mean(axis, keepdim=True), x.var(axis, keepdim=True, unbiased=False)
            y = (x - mean) / (var + float(op.eps)).sqrt()
            shape = (-1,) + (1,) * (x.dim() - 1 - axis)
            return (y * t["weight"].reshape(shape) + t["bias"].reshape(shape),)
        case "layer_scale":
            return (x * t["weight"],)
        case "scale":
            return (x * float(op.factor),)
        case "prelu":
            slope = t["weight"].reshape((-1,) + (1,) * (x.dim() - 2))
            return (torch.where(x > 0, x, x * slope),)
        case "leaky_relu":
            return (torch.where(x > 0, x, x * float(op.slope)),)
        case "elu":
            return (torch.where(x > 0, x, float(op.alpha) * torch.expm1(x.clamp(max=0))),)
        case "softplus":
            return (torch.logaddexp(x, torch.zeros_like(x)),)
        case "gelu":
            return (F.gelu(x, approximate=op.approximate),)
        case "max_pool":
            sides = pad(x, op, -torch.inf)
            return (
                (F.max_pool2d(sides, op.kernel, op.stride, 0, op.dilation, op.ceil_mode),)
                if not ceiled(op)
                else (F.max_pool2d(x, op.kernel, op.stride, (op.padding[0], op.padding[2]), op.dilation, True),)
            )
        case "avg_pool":
            if ceiled(op):
                sides = (op.padding[0], op.padding[2])
                return (F.avg_pool2d(x, op.kernel, op.stride, sides, True, op.count_include_pad),)
            total = F.avg_pool2d(pad(x, op, 0.0), op.kernel, op.stride)
            if op.count_include_pad:
                return (total,)
            return (total / F.avg_pool2d(pad(torch.ones_like(x), op, 0.0), op.kernel, op.stride),)
        case "global_pool":
            return (x.mean((2, 3), keepdim=True),)
        case "global_max_pool":
            return (x.flatten(2).max(2).values[..., None, None],)
        case "adaptive_avg_pool":
            return (F.adaptive_avg_pool2d(x, op.size),)
        case "add":
            return (x + inputs[1],)
        case "mul":
            return (x * inputs[1],)
        case "maximum" | "minimum":
            return (torch.where((x > inputs[1]) == (name == "maximum"), x, inputs[1]),)
        case "joint_softmax":
            powers = [torch.exp(y - torch.stack(inputs).amax(0)) for y in inputs]
            return tuple([power / sum(powers) for power in powers])
        case "sub":
            return (x - inputs[1],)
        case "div":
            return (x / inputs[1],)
        case "affine":
            return (float(op.factor) * x + float(op.term),)
        case "reciprocal":
            return (float(op.numerator) * x**-1,)
        case "mean" | "sum" | "max" | "min":
            flat, shape = (x.flatten(2), (*x.shape[:2], 1, 1)) if op.over == "space" else (x, None)
            axis = 2 if op.over == "space" else axis_of(op.over, x)
            found = getattr(torch, name)(flat, axis, keepdim=True)
            found = found if isinstance(found, Tensor) else found.values
            return (found.reshape(shape) if shape is not None else found,)
        case "softmax":
            axes = (2, 3) if op.over == "space" else (axis_of(op.over, x),)
            shares = torch.exp(x - x.amax(axes, keepdim=True))
            return (shares / shares.sum(axes, keepdim=True),)
        case "parameter":
            return (torch.stack([t["weight"]] * x.shape[0]),)
        case "concat":
            return (torch.cat(inputs, axis_of(op.over, x)),)
        case "split":
            at = {"channels": 0, "tokens": 1, "height": 1, "width": 2}[op.over]
            return torch.split(x, [shape[at] for shape in node.shapes], axis_of(op.over, x))
        case "matmul":
            product = "bcnk,bckm->bcnm" if x.dim() == 4 else "bnk,bkm->bnm"
            return (torch.einsum(product, *widened(inputs)),)
        case "transpose":
            return (torch.einsum("...nm->...mn", x),)
        case "split_heads":
            return (torch.stack(heads(x, op.heads), 1),)
        case "merge_heads":
            return (torch.cat([x[:, head] for head in range(x.shape[1])], 2),)
        case "relative_bias":
            height, width = op.size
            places = [(h, w) for h in range(height) for w in range(width)]
            if op.offsets == "absolute":
                table = t["weight"].mT
                rows = [torch.stack([table[abs(h - i) * width + abs(w - j)] for i, j in places]) for h, w in places]
                return (torch.stack([torch.stack(rows).permute(2, 0, 1)] * x.shape[0]),)
            rows = [
                torch.stack(
                    [t["weight"][(h - i + height - 1) * (2 * width - 1) + w - j + width - 1] for i, j in places]
                )
                for h, w in places
            ]
            return (torch.stack([torch.stack(rows).permute(2, 0, 1)] * x.shape[0]),)
        case "relative_logits":
            height, width = [(y.shape[3] + 1) // 2 for y in inputs]
            places = [(h, w) for h in range(height) for w in range(width)]
            columns = [
                torch.stack(
                    [
                        x[:, :, n, i - h + height - 1] + inputs[1][:, :, n, j - w + width - 1]
                        for n, (h, w) in enumerate(places)
                    ],
                    2,
                )
                for i, j in places
            ]
            return (torch.stack(columns, 3),)
        case "tokens":
            return (torch.stack([x[:, :, h, w] for h, w in places_of(op, *x.shape[2:])], 1),)
        case "token":
            return (x[:, op.index],)
        case "map":
            height, width = inputs[1].shape[2:]
            order = {place: index for index, place in enumerate(places_of(op, height, width))}
            rows = [torch.stack([x[:, order[h, w]] for w in range(width)], 2) for h in range(height)]
            return (torch.stack(rows, 2),)
        case "attention":
            *values, bias = inputs if len(inputs) > 3 else (*inputs, None)
            if x.dim() == 4:
                every = range(x.shape[1])  # one of keys or of values may be that of all
                found = [attended(*[y[:, h % y.shape[1]] for y in values], bias_of(bias, h)) for h in every]
                return (torch.stack(found, 1),)
            count = op.parts or (x.shape[1] // op.size if op.size else 1)
            parts = zip(*[y.split(y.shape[1] // count, 1) for y in values], strict=True)
            return (torch.cat([in_heads(part, op.heads, bias) for part in parts], 1),)
        case "slice":
            return (x[:, op.channels.lo : op.channels.hi + 1],)
        case "pad_channels":
            zeros = x.new_zeros((x.shape[0], op.to - x.shape[1], *x.shape[2:]))
            return (torch.cat([x, zeros], 1),)
        case "channel_shuffle":
            order = torch.arange(x.shape[1]).reshape(op.groups, -1).t().reshape(-1)
            return (x[:, order],)
        case "reshape":
            return (x.reshape(x.shape[0], *op.to),)
        case "resize":
            return (F.interpolate(x, size=tuple(inputs[1].shape[2:]), mode=op.mode),)
        case "upsample":
            return (F.interpolate(x, scale_factor=tuple(map(float, op.factor)), mode=op.mode),)
        case _:
            raise NotImplementedError(name)


def channels_of(x: Tensor) -> int:
    """The axis of the channels: of tokens the last."""
    return 2 if x.dim() == 3 else 1


def axis_of(over: str, x: Tensor) -> int:
    """The axis of a dimension by its name."""
    return {"channels": channels_of(x), "tokens": 1, "height": 2, "width": 3}[over]


def places_of(op: Any, height: int, width: int) -> list[tuple[int, int]]:
    """The positions of a map in the order of their tokens."""
    (high, wide), (down, along) = op.window, op.step

    def order(place: tuple[int, int]) -> tuple[int, ...]:
        h, w = place
        return (h % down, w % along, h // high, w // wide, h, w)

    return sorted([(h, w) for h in range(height) for w in range(width)], key=order)


def widened(inputs: list[Tensor]) -> list[Tensor]:
    """Maps of as many channels: a single one as often as the other has some."""
    channels = max(x.shape[1] for x in inputs)
    return [x.expand(-1, channels, -1, -1) if x.dim() == 4 else x for x in inputs]


def bias_of(bias: Tensor | None, head: int) -> Tensor | None:
    """The bias of a head: its own, or the one for all."""
    return None if bias is None else bias[:, head if bias.shape[1] > 1 else 0]


def in_heads(values: tuple[Tensor, ...], count: int, bias: Tensor | None) -> Tensor:
    """Attention in every head, one behind the other."""
    parts = zip(*[heads(y, count) for y in values], strict=True)
    return torch.cat([attended(*part, bias_of(bias, head)) for head, part in enumerate(parts)], 2)


def heads(x: Tensor, count: int) -> list[Tensor]:
    """Equal parts of the channels of tokens."""
    return list(x.split(x.shape[2] // count, 2))


def attended(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
    """The values by the softmax of products of queries and keys, over the root of their length."""
    products = torch.einsum("bnc,bmc->bnm", q, k) / q.shape[2] ** 0.5 + (0 if bias is None else bias)
    shares = torch.exp(products - products.amax(2, keepdim=True))
    return torch.einsum("bnm,bmd->bnd", shares / shares.sum(2, keepdim=True), v)


def transposed(x: Tensor, op: Any, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A transposed convolution as what it is the gradient of: a convolution with the weight, by its input."""
    extents = zip(x.shape[2:], op.kernel, op.stride, op.padding, op.output_padding, op.dilation, strict=True)
    size = [(n - 1) * s + d * (k - 1) + 1 - 2 * p + o for n, k, s, p, o, d in extents]
    shape = [x.shape[0], op.width, *size]
    made = torch.nn.grad.conv2d_input(shape, weight, x, op.stride, op.padding, op.dilation, op.groups)
    return made if bias is None else made + bias[:, None, None]


def ceiled(op: Any) -> bool:
    """Whether PyTorch's ceil_mode decides the last window."""
    return bool(op.ceil_mode) and not isinstance(op.padding, str)


def pad(x: Tensor, op: Any, value: float) -> Tensor:
    """The map with the operation's padding around it."""
    if op.padding == "same":
        sides = []
        for extent, k, s, d in reversed(
            list(zip(x.shape[2:], op.kernel, op.stride, getattr(op, "dilation", (1, 1)), strict=True))
        ):
            total = max((-(-extent // s) - 1) * s + d * (k - 1) + 1 - extent, 0)
            sides += [total // 2, total - total // 2]
        return F.pad(x, sides, value=value)
    top, bottom, left, right = op.padding
    return F.pad(x, (left, right, top, bottom), value=value)

"""Write `tool_counts.json`: what real tools print for plain modules of the networks in `graph_networks.py`.

Needs torch, fvcore, thop and ptflops, which the tests do not:

    python tests/graph/record_tool_counts.py
"""

from __future__ import annotations

import copy
import functools
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

import graph_networks as networks  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from archdsl.graph.network import Network  # noqa: E402
from archdsl.graph.shapes import laid_out  # noqa: E402


class LayerScale(nn.Module):
    def __init__(self, shape: tuple[int, ...], init: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full(shape, init))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weight


class StdConv2d(nn.Conv2d):
    def __init__(self, *sizes: Any, gain: float | None, gamma: float | None, eps: float) -> None:
        super().__init__(*sizes)
        self.gain = nn.Parameter(torch.full((self.out_channels, 1, 1, 1), gain)) if gain is not None else None
        self.scale = gamma * self.weight[0].numel() ** -0.5 if gamma is not None else 1.0
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = self.weight.reshape(1, self.out_channels, -1)
        factor = (
            (self.gain * self.scale).flatten() if self.gain is not None else rows.new_full(rows.shape[1:2], self.scale)
        )
        weight = F.batch_norm(rows, None, None, factor, training=True, momentum=0.0, eps=self.eps)
        return self._conv_forward(x, weight.reshape_as(self.weight), self.bias)


class ChannelConv(nn.Conv1d):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.flatten(1).unsqueeze(1)).reshape_as(x)


class Learned(nn.Module):
    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.weight if torch.is_grad_enabled() else self.weight.detach()
        return weight.expand(x.shape[0], *weight.shape)


class RelativeBias(Learned):
    def __init__(self, heads: int, height: int, width: int) -> None:
        super().__init__(((2 * height - 1) * (2 * width - 1), heads))
        y, x = (place.flatten() for place in torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"))
        self.index = (y[:, None] - y + height - 1) * (2 * width - 1) + (x[:, None] - x + width - 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)[:1, self.index].permute(0, 3, 1, 2).expand(x.shape[0], -1, -1, -1)


class DropPath(nn.Module):
    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        return x * torch.empty(x.shape[0], *[1] * (x.dim() - 1)).bernoulli_(1 - self.rate).div_(1 - self.rate)


def axis(op: Any, channels: int) -> int:
    return {"channels": channels, "height": 2, "width": 3}.get(op.over, 1)


def heads(x: torch.Tensor, count: int) -> torch.Tensor:
    return x.unflatten(2, (count, -1)).transpose(1, 2)


def layer(op: Any, inputs: tuple[Any, ...]) -> nn.Module | None:
    """The nn module of an operation; none for what is a function or operator."""
    c = inputs[0][0]
    channels = 2 if len(inputs[0]) == 2 else 1
    name = op.name
    plain = {
        "relu": nn.ReLU, "relu6": nn.ReLU6, "silu": nn.SiLU, "sigmoid": nn.Sigmoid, "hard_swish": nn.Hardswish,
        "hard_sigmoid": nn.Hardsigmoid, "tanh": nn.Tanh, "identity": nn.Identity, "flatten": nn.Flatten,
    }  # fmt: skip
    if name in plain:
        return plain[name]()
    if name in ("conv", "std_conv"):
        top, bottom, left, right = op.pads(*inputs[0][1:])
        padding = (top, left) if (top, left) == (bottom, right) else 0
        sizes = (c, op.width, op.kernel, op.stride, padding, op.dilation, op.groups, op.bias)
        if name == "conv":
            return nn.Conv2d(*sizes)
        gain, gamma = (None if value is None else float(value) for value in (op.gain, op.gamma))
        return StdConv2d(*sizes, gain=gain, gamma=gamma, eps=float(op.eps))
    if name in ("max_pool", "avg_pool"):
        padding = (op.padding[0], op.padding[2])
        if name == "max_pool":
            return nn.MaxPool2d(op.kernel, op.stride, padding, op.dilation, ceil_mode=op.ceil_mode)
        return nn.AvgPool2d(op.kernel, op.stride, padding, op.ceil_mode, op.count_include_pad)
    modules = {
        "conv_transpose": lambda: nn.ConvTranspose2d(
            c, op.width, op.kernel, op.stride, op.padding, op.output_padding, op.groups, op.bias, op.dilation
        ),
        "channel_conv": lambda: ChannelConv(1, 1, op.kernel, padding=op.kernel // 2, bias=op.bias),
        "linear": lambda: nn.Linear(c, op.width, op.bias),
        "batch_norm": lambda: nn.BatchNorm2d(c, float(op.eps), float(op.momentum), op.affine),
        "layer_norm": lambda: nn.LayerNorm(c, float(op.eps)),
        "group_norm": lambda: nn.GroupNorm(op.groups, c, float(op.eps)),
        "gelu": lambda: nn.GELU(op.approximate),
        "leaky_relu": lambda: nn.LeakyReLU(float(op.slope)),
        "elu": lambda: nn.ELU(float(op.alpha)),
        "softplus": lambda: nn.Softplus(),
        "mish": lambda: nn.Mish(),
        "log_sigmoid": lambda: nn.LogSigmoid(),
        "prelu": lambda: nn.PReLU(c, float(op.init)),
        "global_pool": lambda: nn.AdaptiveAvgPool2d(1),
        "global_max_pool": lambda: nn.AdaptiveMaxPool2d(1),
        "adaptive_avg_pool": lambda: nn.AdaptiveAvgPool2d(op.size),
        "dropout": lambda: nn.Dropout(float(op.rate)),
        "drop_path": lambda: DropPath(float(op.rate)),
        "layer_scale": lambda: LayerScale((c, 1, 1) if len(inputs[0]) == 3 else (c,), float(op.init)),
        "upsample": lambda: nn.Upsample(scale_factor=tuple(map(float, op.factor)), mode=op.mode),
        "channel_shuffle": lambda: nn.ChannelShuffle(op.groups),
        "parameter": lambda: Learned(laid_out(op.shape)),
        "relative_bias": lambda: RelativeBias(op.heads, *op.size),
        "softmax": lambda: nn.Softmax(axis(op, channels)),
    }
    return modules[name]() if name in modules else None


class Plain(nn.Module):
    """A network as plain modules: nn modules and Python operators, in the order of nodes."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.layers = nn.ModuleDict()
        for index, node in enumerate(network.nodes):
            module = layer(node.operation, network.input_shapes(node))
            if module is not None:
                self.layers[str(index)] = module

    def __deepcopy__(self, memo: Any) -> Plain:
        return Plain(self.network)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values = {-1: (x,)}
        for index, node in enumerate(self.network.nodes):
            inputs = [values[v.node][v.output] for v in node.inputs]
            out = self.run(index, node, inputs)
            values[index] = out if isinstance(out, tuple) else (out,)
            shapes = tuple(tuple(t.shape[1:]) for t in values[index])
            if not torch.jit.is_tracing() and shapes != tuple(map(laid_out, node.shapes)):
                raise SystemExit(f"{node.path}: {shapes} in torch, {node.shapes} in the graph")
        result = [values[v.node][v.output] for v in self.network.outputs]
        return result[0]

    def run(self, index: int, node: Any, inputs: list[torch.Tensor]) -> Any:
        op, x = node.operation, inputs[0]
        channels = 2 if x.dim() == 3 else 1
        if op.name == "add":
            return inputs[0] + inputs[1]
        if op.name == "mul":
            return inputs[0] * inputs[1]
        if op.name == "sub":
            return inputs[0] - inputs[1]
        if op.name == "div":
            return inputs[0] / inputs[1]
        if op.name == "affine":
            return float(op.term) - x if op.factor == -1 else x * float(op.factor) + float(op.term)
        if op.name == "reciprocal":
            return float(op.numerator) / x
        if op.name in ("sqrt", "square", "exp"):
            return getattr(x, op.name)()
        if op.name in ("mean", "sum", "max", "min"):
            function = {"max": "amax", "min": "amin"}.get(op.name, op.name)
            axes = (2, 3) if op.over == "space" else axis(op, channels)
            return getattr(x, function)(axes, keepdim=True)
        if op.name in ("maximum", "minimum"):
            return getattr(torch, op.name)(*inputs)
        if op.name == "joint_softmax":
            return torch.stack(inputs).softmax(0).unbind()
        if op.name == "softmax" and op.over == "space":
            return x.flatten(2).softmax(2).reshape(x.shape)
        if op.name == "scale":
            return x * float(op.factor)
        if op.name == "resize":
            return F.interpolate(x, size=inputs[1].shape[2:], mode=op.mode)
        if op.name == "concat":
            return torch.cat(inputs, axis(op, channels))
        if op.name == "matmul":
            return inputs[0] @ inputs[1]
        if op.name == "transpose":
            return x.transpose(-2, -1)
        if op.name == "split_heads":
            return heads(x, op.heads)
        if op.name == "merge_heads":
            return x.transpose(1, 2).flatten(2)
        if op.name == "tokens" and op.window != (1, 1):
            (h, w), (n, c) = op.window, x.shape[:2]
            return x.reshape(n, c, x.shape[2] // h, h, x.shape[3] // w, w).permute(0, 2, 4, 3, 5, 1).reshape(n, -1, c)
        if op.name == "tokens" and op.step != (1, 1):
            (h, w), (n, c) = op.step, x.shape[:2]
            return x.reshape(n, c, x.shape[2] // h, h, x.shape[3] // w, w).permute(0, 3, 5, 2, 4, 1).reshape(n, -1, c)
        if op.name == "tokens":
            return x.flatten(2).transpose(1, 2)
        if op.name == "token":
            return x.select(1, op.index)
        if op.name == "map" and op.window != (1, 1):
            (h, w), like = op.window, inputs[1].shape
            x = x.reshape(like[0], like[2] // h, like[3] // w, h, w, -1).permute(0, 5, 1, 3, 2, 4)
            return x.reshape(like[0], -1, *like[2:])
        if op.name == "map" and op.step != (1, 1):
            (h, w), like = op.step, inputs[1].shape
            x = x.reshape(like[0], h, w, like[2] // h, like[3] // w, -1).permute(0, 5, 3, 1, 4, 2)
            return x.reshape(like[0], -1, *like[2:])
        if op.name == "map":
            return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], *inputs[1].shape[2:])
        if op.name == "attention":
            parts = op.parts or (x.shape[1] // op.size if op.size else 1)
            q, k, v = (heads(y.reshape(y.shape[0] * parts, -1, y.shape[2]), op.heads) for y in inputs)
            y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            return y.reshape(x.shape[0], x.shape[1], -1)
        if op.name == "split":
            over = axis(op, channels)
            return torch.split(x, x.shape[over] // op.parts if op.parts else list(op.sizes), over)
        if op.name == "slice":
            return x[:, op.channels.lo : op.channels.hi + 1]
        if op.name == "pad_channels":
            return F.pad(x, (0, 0, 0, 0, 0, op.to - x.shape[1]))
        if op.name == "reshape":
            return torch.reshape(x, (-1, *op.to))
        module = self.layers[str(index)]
        if op.name in ("conv", "std_conv"):
            top, bottom, left, right = op.pads(x.shape[2], x.shape[3])
            if module.padding == (0, 0) and (top or bottom or left or right):
                x = F.pad(x, (left, right, top, bottom))
        if op.name == "layer_norm" and x.dim() == 4:
            return module(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return module(x)


def saved_bytes(network: Network, batch: int) -> int:
    """The bytes of storage that autograd keeps, parameters and buffers left out, as torch says."""
    module = Plain(network).train()
    own = {t.untyped_storage().data_ptr() for t in (*module.parameters(), *module.buffers())}
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = module(torch.randn(batch, *network.input))
    del output
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@functools.cache
def declare_torchvision() -> None:
    """Let torchvision, which ptflops imports, load beside a torch that has not its compiled operators."""
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    LIBRARIES.append(library)


LIBRARIES: list[torch.library.Library] = []


def measure(network: Network) -> dict[str, Any]:
    declare_torchvision()
    import thop
    from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis, parameter_count
    from ptflops import get_model_complexity_info
    from torch.utils.flop_counter import FlopCounterMode

    shape = tuple(network.input)
    plain = Plain(network).eval()
    image = torch.randn(1, *shape)
    with torch.no_grad():
        plain(image)
    quiet = {"ost": io.StringIO(), "as_strings": False, "print_per_layer_stat": False}
    analysis = FlopCountAnalysis(plain, image).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    activations = ActivationCountAnalysis(plain, image).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:  # it does not know the attention of CPUs
        Plain(network).eval().to("meta")(image.to("meta"))
    thop_flops, thop_params = thop.profile(copy.deepcopy(plain).eval(), (image,), verbose=False)
    pt_flops, pt_params = get_model_complexity_info(Plain(network), shape, backend="pytorch", **quiet)
    at_flops, at_params = get_model_complexity_info(Plain(network), shape, backend="aten", **quiet)
    return {
        "fvcore": {
            "flops": int(analysis.total()),
            "params": parameter_count(plain)[""],
            "acts": int(activations.total()),
        },
        "torch": {"flops": int(counter.get_total_flops()), "params": sum(p.numel() for p in plain.parameters())},
        "thop": {"flops": int(thop_flops), "params": int(thop_params)},
        "ptflops": {"flops": int(pt_flops), "params": int(pt_params)},
        "ptflops_aten": {"flops": int(at_flops), "params": int(at_params)},
        "module": {
            "buffers": sum(b.numel() for b in plain.buffers()),
            "weights_bytes": sum(t.numel() * t.element_size() for t in (*plain.parameters(), *plain.buffers())),
            "saved_bytes": {str(batch): saved_bytes(network, batch) for batch in (1, 2) if max(shape) < 300},
        },
    }


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    record: dict[str, Any] = {
        "made_by": "tests/graph/record_tool_counts.py, on a CPU",
        "versions": {name: version(name) for name in ("torch", "fvcore", "thop", "ptflops")},
        "networks": {},
    }
    for name in sys.argv[1:] or networks.NETWORKS:
        record["networks"][name] = measure(networks.NETWORKS[name]())
        print(name, record["networks"][name], flush=True)
    if not sys.argv[1:]:
        (HERE / "tool_counts.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()

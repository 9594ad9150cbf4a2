"""Conventions: what flops, params and acts mean, as named linear sums over the ledger.

A convention's sum is a table of coefficients by operation kind and ledger column, with an optional
divisor; nothing else decides a total. The conventions of tools give what the tool prints for a module in
`eval()` mode that is written with `nn` modules for convolutions, norms, activations, pooling, linear,
dropout and upsampling, and with Python operators for adding, multiplying and `torch.cat`; layer scale,
drop path, and convolutions with standardized weights or along channels are small modules of one's own, resizing is
a function.
Every rule was checked against the tool's output, to the unit, in the version that stands beside it
(`tests/graph/tool_counts.json`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from archdsl.graph.operations import OPERATIONS
from archdsl.graph.shapes import Dim
from archdsl.records import dataclass

Terms = tuple[tuple[str, int], ...]
"""Ledger columns and their coefficients."""

_BY_MODE = ("nearest", "bilinear")
_FINER = {
    **{name: tuple([f"{name}_{mode}" for mode in _BY_MODE]) for name in ("upsample", "resize")},
    "softmax": tuple([f"softmax_{over}" for over in ("channels", "space", "tokens", "height", "width")]),
}
"""Operations that a tool tells apart by a setting."""

KINDS: tuple[str, ...] = tuple(kind for name in OPERATIONS for kind in _FINER.get(name, (name,)))
"""All operation kinds; `Operation.kind` is one of them."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A linear sum over the ledger: floor(sum of coefficient * column over all operations / divisor).

    `terms` are the coefficients by kind, and `unit` says in words what the result counts, for one image.
    """

    terms: Mapping[str, Terms]
    unit: str
    divisor: int = 1

    def total(self, amount: Dim) -> Dim:
        """The sum over a network of an amount before the divisor."""
        return amount if self.divisor == 1 else amount // self.divisor


@dataclass(frozen=True, slots=True)
class Convention:
    """A way of counting. `version` names what the numbers agree with; each sum has its unit in words."""

    name: str
    version: str
    text: str
    flops: Sum
    params: Sum
    acts: Sum

    @property
    def unit(self) -> str:
        """The unit of flops in words, which stands beside every number."""
        return self.flops.unit


class Amounts(NamedTuple):
    """What some operations add to the totals of a convention, before their divisors; buffers in elements."""

    flops: Dim
    params: Dim
    acts: Dim
    buffers: Dim


def _sum(unit: str, rows: Iterable[tuple[str, Mapping[str, int]]], divisor: int = 1) -> Sum:
    """A sum from rows of (kinds, coefficients by column); `*` means every kind. Rows add up."""
    terms: dict[str, dict[str, int]] = {}
    for kinds, columns in rows:
        for kind in KINDS if kinds == "*" else kinds.split():
            mine = terms.setdefault(kind, {})
            for column, coefficient in columns.items():
                mine[column] = mine.get(column, 0) + coefficient
    table = {kind: tuple(columns.items()) for kind, columns in terms.items()}
    return Sum(MappingProxyType(table), unit, divisor)


_KNOWN_LAYERS = "conv conv_transpose linear"
"""Layers that are modules of PyTorch: thop and ptflops count no others."""
_LAYERS = f"std_conv channel_conv {_KNOWN_LAYERS}"
_PRODUCTS = f"{_LAYERS} attention matmul"
"""Layers, and the products of values with each other that have multiply-adds too."""
_MULTIPLY_ADDS = {"multiply_adds": 1}
_WITH_BIAS = {"multiply_adds": 1, "bias_adds": 1}
_LEARNED = {"weights": 1, "biases": 1, "norm_parameters": 1, "other_parameters": 1}

_PAPER_FLOPS = _sum(
    "multiply-adds of convolutions, linear layers and matrix products, and one for every bias added",
    [(_PRODUCTS, _WITH_BIAS)],
)
_MACS = _sum(
    "multiply-adds of convolutions, linear layers and matrix products, biases not counted",
    [(_PRODUCTS, _MULTIPLY_ADDS)],
)
_PARAMS = _sum("learned elements: weights, biases, scales and shifts of norms, layer scales, slopes", [("*", _LEARNED)])
_PAPER_ACTS = _sum(
    "elements in the outputs of convolutions, max and average pooling (not global) and linear layers",
    [(f"{_LAYERS} max_pool avg_pool", {"outputs": 1})],
)
_CONV_ACTS = _sum("elements in the outputs of convolutions and linear layers", [(_LAYERS, {"outputs": 1})])
_FVCORE_ACTS = _sum(
    "elements in the outputs of convolutions, linear layers and matrix products",
    [(f"{_LAYERS} matmul", {"outputs": 1})],
)

_CURVES = "relu relu6 silu hard_swish gelu tanh leaky_relu elu softplus mish log_sigmoid prelu"
_GLOBAL_POOLS = "global_pool adaptive_avg_pool"
_SOFTMAX_LAYERS = "softmax_channels softmax_tokens softmax_height softmax_width"
_SOFTMAX = f"softmax_space {_SOFTMAX_LAYERS}"

_TF_PROFILER = _sum(
    "half of the TensorFlow profiler's float operations: multiply-adds, and half of every elementwise operation",
    [
        (_LAYERS, {"multiply_adds": 2, "bias_adds": 1}),
        ("batch_norm", {"norm_elements": 2}),
        (_CURVES, {"activation_elements": 1}),  # a gate's sigmoid is not among them
        ("mul", {"gate_multiplications": 2}),  # the product, and the mean that the gate was computed from
        ("add sub relative_logits", {"residual_adds": 1}),
        ("div", {"gate_multiplications": 1}),
        ("affine", {"residual_adds": 1, "scaled_elements": 1}),
        ("reciprocal", {"scaled_elements": 1}),
        ("square", {"activation_elements": 1}),
        ("mean", {"pooled_elements": 1}),
        ("sum", {"pooled_elements": 1, "outputs": -1}),
        (f"{_SOFTMAX} joint_softmax", {"activation_elements": 5}),
        ("maximum minimum", {"activation_elements": 1}),
        ("attention", {"multiply_adds": 2, "activation_elements": 5}),
        ("matmul", {"multiply_adds": 2}),
    ],
    divisor=2,
)

_FVCORE = _sum(
    "fvcore's flops: multiply-adds without biases, of matmul too and none of attention, 2 an element of batch norm, 5 "
    "of other norms and of standardized weights, 1 an element that enters global or adaptive pooling, 1 (nearest) or 4 "
    "(bilinear) an upsampled element",
    [
        (f"{_LAYERS} matmul", _MULTIPLY_ADDS),
        ("batch_norm", {"norm_elements": 1, "affine_elements": 1}),
        ("layer_norm group_norm", {"norm_elements": 4, "affine_elements": 1}),
        ("std_conv", {"norm_elements": 4, "affine_elements": 1}),
        (_GLOBAL_POOLS, {"pooled_elements": 1}),
        ("upsample_nearest resize_nearest", {"interpolated_elements": 1}),
        ("upsample_bilinear resize_bilinear", {"interpolated_elements": 4}),
    ],
)
# As torch counts on the meta device and on GPUs; the attention of CPUs is a kernel that it does not know.
_TORCH = _sum(
    "operations of torch.utils.flop_counter: 2 for every multiply-add of convolutions, linear layers and matrix "
    "products, no biases",
    [(_PRODUCTS, {"multiply_adds": 2})],
)
# thop computes adaptive pooling in doubles and truncates: where the output does not divide the input, it may print one
# operation less than this sum.
_THOP = _sum(
    "thop's operations: multiply-adds without biases, 4 an element of batch norm (2 without scale) and layer norm, "
    "pooled elements, 1 an average, 3 an element of softmax but the first of each sum, none over space; no attention "
    "and no matmul",
    [
        ("conv linear", _MULTIPLY_ADDS),
        ("conv_transpose", {"window_products": 1}),
        ("batch_norm layer_norm", {"norm_elements": 2, "affine_elements": 2}),
        ("prelu", {"activation_elements": 1}),
        (_SOFTMAX_LAYERS, {"activation_elements": 2, "residual_adds": 1}),
        ("avg_pool", {"outputs": 1}),
        (_GLOBAL_POOLS, {"pooled_elements": 1, "outputs": 1}),
        ("upsample_nearest", {"interpolated_elements": 1}),
        ("upsample_bilinear", {"interpolated_elements": 11}),
    ],
)
_THOP_PARAMS = _sum(
    "learned elements of the modules that thop knows: convolutions, linear layers, batch and layer norms, prelu",
    [(f"{_KNOWN_LAYERS} batch_norm layer_norm prelu", _LEARNED)],
)
_PTFLOPS = _sum(
    "ptflops' multiply-adds (pytorch backend): multiply-adds and biases, none of attention and matmul, norms, some "
    "activations, pooling; relu, gelu, elu, pooling and upsampling twice, as module and as function",
    [
        (_KNOWN_LAYERS, _WITH_BIAS),
        ("batch_norm", {"norm_elements": 1, "affine_elements": 1}),
        ("group_norm", {"norm_elements": 1, "affine_elements": 1}),
        ("layer_norm", {"norm_elements": 1}),
        ("relu gelu elu prelu", {"activation_elements": 2}),
        (f"relu6 leaky_relu silu {_SOFTMAX_LAYERS}", {"activation_elements": 1}),
        ("max_pool avg_pool global_pool global_max_pool adaptive_avg_pool", {"pooled_elements": 2}),
        ("upsample_nearest upsample_bilinear", {"interpolated_elements": 2}),
        ("resize_nearest resize_bilinear", {"interpolated_elements": 1}),  # as a function alone
    ],
)

_PTFLOPS_ATEN = _sum(
    "multiply-adds of convolutions, linear layers and matmul, none of attention, and one for every bias added",
    [(f"{_LAYERS} matmul", _WITH_BIAS)],
)

_ALL = (
    Convention(
        "papers",
        "1",
        "the papers' own: RegNet's and Fast and Accurate Model Scaling's, as their code counts",
        _PAPER_FLOPS,
        _PARAMS,
        _PAPER_ACTS,
    ),
    Convention("macs", "1", "multiply-adds alone, biases not counted", _MACS, _PARAMS, _PAPER_ACTS),
    Convention(
        "regnet_2020",
        "1",
        "the RegNet paper of 2020: pooling is not counted in acts",
        _PAPER_FLOPS,
        _PARAMS,
        _CONV_ACTS,
    ),
    Convention(
        "tf_profiler",
        "1",
        "EfficientNetV2's figures: the TensorFlow profiler's float operations, halved",
        _TF_PROFILER,
        _PARAMS,
        _PAPER_ACTS,
    ),
    Convention(
        "keras",
        "1",
        "Keras count_params: running mean and variance of batch norms are counted",
        _PAPER_FLOPS,
        _sum(
            "all elements of Keras variables: learned ones and the running mean and variance of batch norms",
            [("*", {**_LEARNED, "running_statistics": 1})],
        ),
        _PAPER_ACTS,
    ),
    Convention("fvcore", "0.1.5.post20221221", "fvcore's FlopCountAnalysis", _FVCORE, _PARAMS, _FVCORE_ACTS),
    Convention("torch", "2.13.0", "torch.utils.flop_counter.FlopCounterMode", _TORCH, _PARAMS, _PAPER_ACTS),
    Convention("thop", "0.1.1-2209072238", "thop.profile", _THOP, _THOP_PARAMS, _PAPER_ACTS),
    Convention("ptflops", "0.7.5", "ptflops with its pytorch backend", _PTFLOPS, _PARAMS, _PAPER_ACTS),
    Convention("ptflops_aten", "0.7.5", "ptflops with its aten backend", _PTFLOPS_ATEN, _PARAMS, _PAPER_ACTS),
)

CONVENTIONS: dict[str, Convention] = {convention.name: convention for convention in _ALL}
"""All conventions by name; the first is the default."""

DEFAULT = _ALL[0]

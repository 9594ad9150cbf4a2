"""What each operation of PyTorch becomes: one row an operation, by its name in the program (`conv2d`, `add`).

A row gets the arguments by their names in PyTorch and gives what the program goes on with. What it cannot say it
raises as `Unliftable`. In-place forms and overloads share a row.
"""

from __future__ import annotations

from collections.abc import Mapping

from archdsl.lifting.attention import attention
from archdsl.lifting.curves import erf
from archdsl.lifting.elements import arithmetic, drops, elementwise, elu, extremum, hardtanh, negative, power, softplus
from archdsl.lifting.joins import concat
from archdsl.lifting.layers import batch_norm, group_norm, instance_norm, layer_norm, linear, prelu, rms_norm
from archdsl.lifting.looks import permute, reshape, same, transpose
from archdsl.lifting.parts import item, select, slice_, split, unbind
from archdsl.lifting.products import product, stepping
from archdsl.lifting.reading import Row
from archdsl.lifting.reductions import reduction, softmax, vector_norm
from archdsl.lifting.stacks import stack
from archdsl.lifting.windows import (
    adaptive_avg_pool,
    adaptive_max_pool,
    avg_pool,
    conv,
    conv_transpose,
    max_pool,
    pad,
    upsample,
)

_VALUES: Mapping[str, Row] = {
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
    "instance_norm": instance_norm,
    "rms_norm": rms_norm,
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
    "erf": erf,
    "linalg_vector_norm": vector_norm,
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
    "stack": stack,
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
    "expand_as": same,
    "scaled_dot_product_attention": attention,
}
"""Of operations that take values alone."""

ROWS: Mapping[str, Row] = {
    **{name: stepping(row) for name, row in _VALUES.items()},
    "matmul": product,
    "bmm": product,
}
"""One row an operation of PyTorch."""

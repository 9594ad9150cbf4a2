"""The primitive operations: all that the compiler's Python knows of networks.

`OPERATIONS` maps the names of the language's module `std.ops` to the classes. Blocks, stems, heads and
rules are written in the language, from these.
"""

from __future__ import annotations

from archdsl.graph.operations.activations import (
    Elu,
    Gelu,
    HardSigmoid,
    HardSwish,
    Identity,
    LeakyRelu,
    LogSigmoid,
    Mish,
    Prelu,
    Relu,
    Relu6,
    Sigmoid,
    Silu,
    Softplus,
    Tanh,
)
from archdsl.graph.operations.arithmetic import Add, Concat, Dropout, DropPath, Mul
from archdsl.graph.operations.base import OPERATIONS, REQUIRED, Attribute, Operation, Saved, Tensor
from archdsl.graph.operations.convolution import Conv, Linear
from archdsl.graph.operations.convolutions import ChannelConv, ConvTranspose, StdConv
from archdsl.graph.operations.layout import (
    ChannelShuffle,
    Flatten,
    PadChannels,
    Reshape,
    Resize,
    Slice,
    Split,
    Upsample,
)
from archdsl.graph.operations.norms import BatchNorm, GroupNorm, LayerNorm, LayerScale
from archdsl.graph.operations.pooling import AdaptiveAvgPool, AvgPool, GlobalMaxPool, GlobalPool, MaxPool

__all__ = [
    "OPERATIONS",
    "REQUIRED",
    "AdaptiveAvgPool",
    "Add",
    "Attribute",
    "AvgPool",
    "BatchNorm",
    "ChannelConv",
    "ChannelShuffle",
    "Concat",
    "Conv",
    "ConvTranspose",
    "DropPath",
    "Dropout",
    "Elu",
    "Flatten",
    "Gelu",
    "GlobalMaxPool",
    "GlobalPool",
    "GroupNorm",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LayerNorm",
    "LayerScale",
    "LeakyRelu",
    "Linear",
    "LogSigmoid",
    "MaxPool",
    "Mish",
    "Mul",
    "Operation",
    "PadChannels",
    "Prelu",
    "Relu",
    "Relu6",
    "Reshape",
    "Resize",
    "Saved",
    "Sigmoid",
    "Silu",
    "Slice",
    "Softplus",
    "Split",
    "StdConv",
    "Tanh",
    "Tensor",
    "Upsample",
]

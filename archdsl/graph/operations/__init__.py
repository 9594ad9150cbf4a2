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
from archdsl.graph.operations.arithmetic import (
    Add,
    Affine,
    Concat,
    Div,
    Dropout,
    DropPath,
    Exp,
    Mul,
    Reciprocal,
    Scale,
    Sqrt,
    Square,
    Sub,
)
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
from archdsl.graph.operations.learned import Parameter, RelativeBias
from archdsl.graph.operations.matrices import Matmul, MergeHeads, SplitHeads, Transpose
from archdsl.graph.operations.norms import BatchNorm, GroupNorm, LayerNorm, LayerScale
from archdsl.graph.operations.pooling import AdaptiveAvgPool, AvgPool, GlobalMaxPool, GlobalPool, MaxPool
from archdsl.graph.operations.reductions import Max, Mean, Min, Softmax, Sum
from archdsl.graph.operations.tokens import Attention, Map, Token, Tokens

__all__ = [
    "OPERATIONS",
    "REQUIRED",
    "AdaptiveAvgPool",
    "Add",
    "Affine",
    "Attention",
    "Attribute",
    "AvgPool",
    "BatchNorm",
    "ChannelConv",
    "ChannelShuffle",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Div",
    "DropPath",
    "Dropout",
    "Elu",
    "Exp",
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
    "Map",
    "Matmul",
    "Max",
    "MaxPool",
    "Mean",
    "MergeHeads",
    "Min",
    "Mish",
    "Mul",
    "Operation",
    "PadChannels",
    "Parameter",
    "Prelu",
    "Reciprocal",
    "RelativeBias",
    "Relu",
    "Relu6",
    "Reshape",
    "Resize",
    "Saved",
    "Scale",
    "Sigmoid",
    "Silu",
    "Slice",
    "Softmax",
    "Softplus",
    "Split",
    "SplitHeads",
    "Sqrt",
    "Square",
    "StdConv",
    "Sub",
    "Sum",
    "Tanh",
    "Tensor",
    "Token",
    "Tokens",
    "Transpose",
    "Upsample",
]

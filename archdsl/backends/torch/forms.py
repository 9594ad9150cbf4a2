"""How each operation is written in PyTorch: one row an operation, by its name in `std.ops`.

A row says which steps PyTorch needs for the operation, with their arguments; what makes the module; and what gives the
value where none is made. A form of an operation for which PyTorch has a module of its own, and a step that PyTorch
needs beside one, such as a border, have rows under names of their own: `split_sizes`, `same_zero_pad`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from archdsl.backends.torch import lowering
from archdsl.backends.torch.lowering import BESIDE, Lower
from archdsl.backends.torch.python import (
    Attribute,
    Binary,
    Call,
    Expression,
    Keyword,
    List,
    Literal,
    Negative,
    Starred,
    Tuple,
    call,
    dotted,
)
from archdsl.records import dataclass

Arguments: TypeAlias = Mapping[str, Expression]
Module: TypeAlias = Callable[[Arguments], Expression]
Value: TypeAlias = Callable[[Arguments, Sequence[Expression]], Expression]


@dataclass(frozen=True, slots=True)
class Form:
    """A row."""

    module: Module | None = None
    """From the text of its arguments, what makes the module; none where it is never one."""
    value: Value | None = None
    """From the text of its arguments and of the values that flow in, the result. Where there is a module too, that
    stands within sequences alone."""
    lower: Lower = lowering.settings
    """The steps that PyTorch needs for the operation, with their arguments."""
    channels: str = "kept"
    """How many channels it gives: those of its input (`kept`), an equal part of them (`divided`), the sum of those of
    its inputs (`summed`), its argument `width` (`width`), or others (`other`)."""
    absorbs: bool = False
    """Whether the channels of its input reach nothing but its weights, by its argument `in_channels`."""
    init: str = ""
    """What a model's `init` calls it: `conv`, `linear` or `norm`."""
    activation: bool = False
    """Whether it is an elementwise function without state, so that one may stand for another as an argument."""
    idle: Mapping[str, Any] | None = None
    """Arguments with which it does nothing, if there are such: where it is left away it stands there with these."""
    keeps_input: bool = False
    """Whether it keeps its input for the gradient: it overwrites it at inference alone, or autograd would keep more."""
    fresh: bool = False
    """Whether its result is a tensor of its own that its gradient does not need: what follows may overwrite it."""
    learned: bool = False
    """Whether its value is its weight, whatever flows in."""
    lists: bool = False
    """Whether it gives a tuple of values, also where that is a tuple of one."""
    many: bool = False
    """Whether its expression takes as many values as there are, so that a list may stand for them."""
    pads: bool = False
    """Whether it is a border around the map."""
    sized: bool = False
    """Whether what it does depends on the size of its map."""
    flag: str = ""
    """What the condition is called under which it takes place."""

    @property
    def overwrites(self) -> bool:
        """Whether it can overwrite its input; autograd keeps as many bytes then as otherwise."""
        return isinstance(self.module, Layer) and "inplace" in dict(self.module.named)


@dataclass(frozen=True, slots=True)
class Layer:
    """A class called with arguments in order, and with those by name that are not its defaults."""

    path: str
    ordered: tuple[str, ...] = ()
    named: tuple[tuple[str, Expression | None], ...] = ()

    def __call__(self, arguments: Arguments) -> Call:
        given = [Keyword(name, arguments[name]) for name, default in self.named if arguments[name] != default]
        return Call(dotted(self.path), (*[arguments[name] for name in self.ordered], *given))


def layer(path: str, ordered: str = "", always: str = "", /, **defaults: bool | float | str) -> Layer:
    """A class with its arguments in order, those that are always named, and the others with their defaults."""
    named: dict[str, Expression | None] = dict.fromkeys(always.split())
    named |= {name: Literal(value) for name, value in defaults.items()}
    return Layer(path, tuple(ordered.split()), tuple(named.items()))


# Windows


# Text


class _MayStartAtZero(Layer):
    """A norm that may start at a scale of 0, which PyTorch has no argument for."""

    def __call__(self, arguments: Arguments) -> Call:
        norm, zero = Layer.__call__(self, arguments), arguments["zero_init"]
        if zero == Literal(False):
            return norm
        return call("zero_init", norm) if zero == Literal(True) else call("zero_init", norm, zero)


BATCH_NORM = _MayStartAtZero(
    "nn.BatchNorm2d", ("in_channels",), (("eps", None), ("momentum", None), ("affine", Literal(True)))
)


def _elu(o: Arguments) -> Expression:
    return call("nn.ELU", *([] if o["alpha"] == Literal(1.0) else [o["alpha"]]))


def _numbers(*items: int) -> tuple[Expression, ...]:
    return tuple([Literal(item) for item in items])


def _activation(path: str, *, keeps_input: bool = False, **defaults: bool | str) -> Form:
    return Form(layer(path, **defaults), activation=True, keeps_input=keeps_input)


def _scale(o: Arguments, x: Sequence[Expression]) -> Expression:
    return Negative(x[0]) if o["factor"] == Literal(-1.0) else Binary("*", x[0], o["factor"])


def _affine(o: Arguments, x: Sequence[Expression]) -> Expression:
    """factor * x + term as a person would write it: `x + 1.0`, `x - 1.0`, `1.0 - x`."""
    factor, term = o["factor"], o["term"]
    if factor == Literal(-1.0):
        return Binary("-", term, x[0])
    scaled = x[0] if factor == Literal(1.0) else Binary("*", x[0], factor)
    if isinstance(term, Literal) and isinstance(term.value, float) and term.value < 0:
        return Binary("-", scaled, Literal(-term.value))
    return Binary("+", scaled, term)


def _method(name: str) -> Form:
    """A function of tensors without arguments."""
    return Form(value=lambda _, x: call(Attribute(x[0], name)))


def _reduction(name: str) -> Form:
    """A function of tensors that goes over some axes and keeps them."""
    return Form(
        value=lambda o, x: call(Attribute(x[0], name), o["axes"], keepdim=Literal(True)),
        lower=lowering.over,
        channels="other",
    )


def _learned(*extents: str) -> Form:
    """A learned tensor of these extents."""

    def module(o: Arguments) -> Expression:
        std = {} if o["std"] == Literal(0.0) else {"std": o["std"]}
        shape = Tuple(tuple([o[extent] for extent in extents]))
        extents_beside = [o[extent] for extent in BESIDE]
        if all(extent == Literal(0) for extent in extents_beside):
            return call("Learned", shape, o["mean"], **std)
        return call("SizedLearned", shape, Tuple(tuple(extents_beside)), o["mean"], **std)

    return Form(module, lower=lowering.parameter, channels="width", learned=True)


def _relative(name: str) -> Form:
    """A table of offsets, read as a matrix of positions."""

    def module(o: Arguments) -> Expression:
        given: dict[str, Expression] = {} if o["std"] == Literal(0.0) else {"std": o["std"]}
        extents_beside = [o[extent] for extent in BESIDE]
        if any(extent != Literal(0) for extent in extents_beside):
            given["beside"] = Tuple(tuple(extents_beside))
        return call(name, o["width"], Tuple((o["height"], o["extent"])), o["mean"], **given)

    return Form(module, lower=lowering.relative_bias, channels="width", learned=True)


LOWEST = Negative(dotted("math.inf"))
"""What is never the largest of a window."""
SAME_PAD = layer("SamePad2d", "kernel stride", dilation=1)


def _same_low_pad(o: Arguments) -> Expression:
    made = SAME_PAD(o)
    return Call(made.function, (*made.arguments, Keyword("value", LOWEST)))


def _chunk(o: Arguments, x: Sequence[Expression]) -> Expression:
    return call(Attribute(x[0], "chunk"), o["parts"], dim=o["axis"])


def _equal_places(o: Arguments, x: Sequence[Expression]) -> Expression:
    """Equal parts; unlike `chunk` it refuses another size of the image that has none."""
    return call("even_parts", x[0], o["parts"], dim=o["axis"])


def _equal_sizes(o: Arguments, x: Sequence[Expression]) -> Expression:
    return call("torch.split", x[0], o["size"], dim=o["axis"])


def _sizes(o: Arguments, x: Sequence[Expression]) -> Expression:
    sizes = o["sizes"]  # PyTorch wants a list of them
    listed = List(sizes.items) if isinstance(sizes, Tuple) else call("list", sizes)
    return call("torch.split", x[0], listed, dim=o["axis"])


def _together(x: Sequence[Expression]) -> Expression:
    """Several values as one argument; of a list alone, that."""
    return x[0].value if len(x) == 1 and isinstance(x[0], Starred) else Tuple(tuple(x))


def _joined_along(o: Arguments, x: Sequence[Expression]) -> Expression:
    return call("torch.cat", _together(x), dim=o["axis"])


def _shares(_: Arguments, x: Sequence[Expression]) -> Expression:
    stacked = call("torch.stack", _together(x))
    return call(Attribute(call(Attribute(stacked, "softmax"), *_numbers(0)), "unbind"))


def _transposed(x: Expression, *axes: int) -> Expression:
    return call(Attribute(x, "transpose"), *_numbers(*axes))


def _attention_of_maps(_: Arguments, x: Sequence[Expression]) -> Expression:
    bias = {"attn_mask": x[3]} if len(x) > 3 else {}
    return call("F.scaled_dot_product_attention", *x[:3], **bias)


def _as_tokens(_: Arguments, x: Sequence[Expression]) -> Expression:
    return _transposed(call(Attribute(x[0], "flatten"), Literal(2)), 1, 2)


def _permuted(*order: int) -> Form:
    def value(_: Arguments, x: Sequence[Expression]) -> Expression:
        return call(Attribute(x[0], "permute"), *_numbers(*order))

    return Form(lambda _: call("Permute", Tuple(_numbers(*order))), value)


FORMS: dict[str, Form] = {
    "conv": Form(
        layer("nn.Conv2d", "in_channels width kernel", stride=1, padding=0, dilation=1, groups=1, bias=True),
        lower=lowering.conv,
        channels="width",
        absorbs=True,
        init="conv",
        fresh=True,
    ),
    "std_conv": Form(
        layer(
            "StdConv2d",
            "in_channels width kernel",
            stride=1,
            padding=0,
            dilation=1,
            groups=1,
            bias=True,
            gain=1.0,
            gamma=1.0,
            eps=1e-06,
        ),
        lower=lowering.std_conv,
        channels="width",
        absorbs=True,
        init="conv",
        fresh=True,
    ),
    "conv_transpose": Form(
        layer(
            "nn.ConvTranspose2d",
            "in_channels width kernel",
            stride=1,
            padding=0,
            output_padding=0,
            groups=1,
            bias=True,
            dilation=1,
        ),
        lower=lowering.per_channel,
        channels="width",
        absorbs=True,
        init="conv",
        fresh=True,
    ),
    "channel_conv": Form(layer("ChannelConv", "kernel", bias=True), init="conv", fresh=True),
    "linear": Form(
        layer("nn.Linear", "in_channels width", bias=True),
        lower=lowering.linear,
        channels="width",
        absorbs=True,
        init="linear",
        fresh=True,
    ),
    # norms and learned factors
    "batch_norm": Form(BATCH_NORM, lower=lowering.per_channel, fresh=True, init="norm"),
    "group_norm": Form(
        layer("nn.GroupNorm", "groups in_channels", "eps"), lower=lowering.per_channel, fresh=True, init="norm"
    ),
    "layer_norm": Form(layer("nn.LayerNorm", "in_channels", "eps"), lower=lowering.layer_norm, init="norm"),
    "layer_scale": Form(
        lambda o: call("LayerScale", Tuple((o["in_channels"],)), o["init"]), lower=lowering.layer_scale
    ),
    "layer_scale_map": Form(lambda o: call("LayerScale", Tuple((o["in_channels"], *_numbers(1, 1))), o["init"])),
    # activations
    "relu": _activation("nn.ReLU", inplace=False),
    "relu6": _activation("nn.ReLU6", inplace=False, keeps_input=True),
    "silu": _activation("nn.SiLU", inplace=False),
    "sigmoid": _activation("nn.Sigmoid"),
    "hard_swish": _activation("nn.Hardswish", inplace=False),
    "hard_sigmoid": _activation("nn.Hardsigmoid", inplace=False, keeps_input=True),
    "tanh": _activation("nn.Tanh"),
    "gelu": _activation("nn.GELU", approximate="none"),
    "leaky_relu": Form(layer("nn.LeakyReLU", "slope", inplace=False), activation=True, keeps_input=True),
    "elu": Form(_elu, activation=True),
    "softplus": _activation("nn.Softplus"),
    "mish": _activation("nn.Mish", inplace=False),
    "log_sigmoid": _activation("nn.LogSigmoid"),
    "prelu": Form(layer("nn.PReLU", "in_channels", "init"), lower=lowering.per_channel),
    "identity": Form(layer("nn.Identity"), idle={}),
    "activation": Form(activation=True),  # any of them, which an argument makes
    # pooling
    "max_pool": Form(
        layer("nn.MaxPool2d", "kernel", "stride", padding=0, dilation=1, ceil_mode=False), lower=lowering.max_pool
    ),
    "avg_pool": Form(
        layer("nn.AvgPool2d", "kernel", "stride", padding=0, ceil_mode=False, count_include_pad=True),
        lower=lowering.avg_pool,
    ),
    "uneven_avg_pool": Form(layer("UnevenAvgPool2d", "kernel stride pads")),
    "same_avg_pool": Form(layer("SameAvgPool2d", "kernel stride"), sized=True),
    "global_pool": Form(lambda _: call("nn.AdaptiveAvgPool2d", Literal(1))),
    "global_max_pool": Form(lambda _: call("nn.AdaptiveMaxPool2d", Literal(1))),
    "adaptive_avg_pool": Form(layer("nn.AdaptiveAvgPool2d", "size")),
    # borders
    "zero_pad": Form(layer("nn.ZeroPad2d", "pads"), pads=True),
    "low_pad": Form(lambda o: call("nn.ConstantPad2d", o["pads"], LOWEST), pads=True),
    "same_zero_pad": Form(SAME_PAD, pads=True, sized=True),
    "same_low_pad": Form(_same_low_pad, pads=True, sized=True),
    # what acts in training alone
    "dropout": Form(layer("nn.Dropout", "rate"), idle={"rate": Fraction(0)}),
    "drop_path": Form(layer("DropPath", "rate"), lower=lowering.drop_path, idle={"rate": Fraction(0)}),
    "drop_path_tokens": Form(layer("TokenDropPath", "rate"), idle={"rate": Fraction(0)}),
    # layout
    "upsample": Form(lambda o: call("nn.Upsample", scale_factor=o["factor"], mode=o["mode"])),
    "resize": Form(value=lambda o, x: call("resize_like", x[0], x[1], o["mode"])),
    "channel_shuffle": Form(layer("ChannelShuffle", "groups")),
    "slice": Form(layer("Slice", "lo hi"), lower=lowering.slice_of, channels="other"),
    "pad_channels": Form(
        lambda o: call("PadChannels", Tuple((*_numbers(0), o["extra"]))), lower=lowering.pad_channels, channels="other"
    ),
    "pad_channels_map": Form(
        lambda o: call("PadChannels", Tuple((*_numbers(0, 0, 0, 0, 0), o["extra"]))), channels="other"
    ),
    "reshape": Form(layer("Reshape", "to"), channels="other"),
    "flatten": Form(layer("nn.Flatten"), lambda _, x: call(Attribute(x[0], "flatten"), Literal(1))),
    "channels_last": _permuted(0, 2, 3, 1),
    "channels_first": _permuted(0, 3, 1, 2),
    "chunk": Form(value=_chunk, channels="divided", lists=True, flag="splits"),
    "chunk_places": Form(value=_equal_places, lists=True, flag="splits"),
    "split": Form(value=_equal_sizes, lower=lowering.split, channels="other", lists=True, flag="splits"),
    "split_places": Form(value=_equal_sizes, lists=True, flag="splits"),
    "split_sizes": Form(value=_sizes, channels="other", lists=True, flag="splits"),
    "split_sizes_places": Form(value=_sizes, lists=True, flag="splits"),
    # what joins values
    "add": Form(value=lambda _, x: Binary("+", x[0], x[1]), fresh=True, flag="residual"),
    "sub": Form(value=lambda _, x: Binary("-", x[0], x[1]), fresh=True),
    "mul": Form(value=lambda _, x: Binary("*", x[0], x[1]), flag="gated"),
    "div": Form(value=lambda _, x: Binary("/", x[0], x[1])),
    "concat": Form(value=_joined_along, lower=lowering.concat, channels="summed", many=True, flag="joined"),
    "concat_places": Form(value=_joined_along, flag="joined"),
    # arithmetic of one value
    "scale": Form(layer("Scale", "factor"), _scale),
    "affine": Form(value=_affine, fresh=True),
    "reciprocal": Form(value=lambda o, x: Binary("/", o["numerator"], x[0])),
    "sqrt": _method("sqrt"),
    "square": _method("square"),
    "exp": _method("exp"),
    # reductions
    "mean": _reduction("mean"),
    "sum": _reduction("sum"),
    "max": _reduction("amax"),
    "min": _reduction("amin"),
    "softmax": Form(lambda o: call("nn.Softmax", o["axis"]), lower=lowering.softmax),
    "softmax_space": Form(lambda _: call("SpatialSoftmax")),
    "maximum": Form(value=lambda _, x: call("torch.maximum", *x), fresh=True),
    "minimum": Form(value=lambda _, x: call("torch.minimum", *x), fresh=True),
    "joint_softmax": Form(value=_shares, many=True, lists=True),
    # learned tensors
    "parameter": _learned("width", "height", "extent"),
    "parameter_vector": _learned("width"),
    "parameter_tokens": _learned("count", "width"),
    "relative_bias": _relative("RelativeBias"),
    "absolute_bias": _relative("AbsoluteBias"),
    # tokens
    "tokens": Form(value=_as_tokens, lower=lowering.ordered),
    "tokens_by_window": Form(value=lambda o, x: call("tokens_by_window", x[0], o["window"])),
    "tokens_by_step": Form(value=lambda o, x: call("tokens_by_step", x[0], o["step"])),
    "map": Form(value=lambda _, x: call("map_like", x[0], x[1]), lower=lowering.ordered),
    "map_by_window": Form(value=lambda o, x: call("map_by_window", x[0], x[1], o["window"])),
    "map_by_step": Form(value=lambda o, x: call("map_by_step", x[0], x[1], o["step"])),
    "token": Form(value=lambda o, x: call(Attribute(x[0], "select"), Literal(1), o["index"])),
    # matrices
    "matmul": Form(value=lambda _, x: Binary("@", x[0], x[1]), channels="other"),
    "transpose": Form(value=lambda _, x: _transposed(x[0], -2, -1), channels="other"),
    "split_heads": Form(value=lambda o, x: call("to_heads", x[0], o["heads"]), channels="other"),
    "merge_heads": Form(
        value=lambda _, x: call(Attribute(_transposed(x[0], 1, 2), "flatten"), Literal(2)), channels="other"
    ),
    "relative_logits": Form(value=lambda _, x: call("relative_logits", *x), channels="other", fresh=True),
    "attention": Form(
        value=lambda o, x: call("multi_head_attention", *x[:3], o["heads"], *x[3:]),
        lower=lowering.attention,
        channels="other",
    ),
    "attention_in_parts": Form(
        value=lambda o, x: call("attention_in_parts", *x[:3], o["heads"], o["parts"], *x[3:]), channels="other"
    ),
    "attention_of_maps": Form(value=_attention_of_maps, channels="other"),
    "attention_of_shared": Form(value=lambda _, x: call("multi_query_attention", *x), channels="other"),
}

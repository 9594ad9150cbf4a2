"""How each operation is written in PyTorch: one row an operation, by its name in `std.ops`.

A row says which steps PyTorch needs for the operation, with their arguments; what makes the module; and what gives the
value where none is made. A form of an operation for which PyTorch has a module of its own, and a step that PyTorch
needs beside one, such as a border, have rows under names of their own: `split_sizes`, `same_zero_pad`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

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
from archdsl.graph.operations.base import axes_of
from archdsl.graph.operations.convolution import same_pads
from archdsl.graph.shapes import Shape
from archdsl.records import dataclass

Arguments: TypeAlias = Mapping[str, Expression]
Module: TypeAlias = Callable[[Arguments], Expression]
Value: TypeAlias = Callable[[Arguments, Sequence[Expression]], Expression]


class Before(NamedTuple):
    """A step before an operation: its row, its arguments, the shape that it gives."""

    form: str
    arguments: dict[str, Any]
    shape: Shape


class Lowered(NamedTuple):
    """An operation in PyTorch's terms: the row, the arguments by name, and the steps before it."""

    form: str
    arguments: dict[str, Any]
    before: tuple[Before, ...] = ()


Lower: TypeAlias = "Callable[[Any, tuple[Shape, ...], tuple[Shape, ...]], Lowered]"
"""From a configured operation and the shapes of its inputs and outputs."""


def settings(op: Any, _inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """An operation whose settings are the arguments."""
    return Lowered(op.name, dict(op.constants))


def per_channel(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """An operation that has something for every channel of its input."""
    return Lowered(op.name, {"in_channels": inputs[0][0], **dict(op.constants)})


@dataclass(frozen=True, slots=True)
class Form:
    """A row."""

    module: Module | None = None
    """From the text of its arguments, what makes the module; none where it is never one."""
    value: Value | None = None
    """From the text of its arguments and of the values that flow in, the result. Where there is a module too, that
    stands within sequences alone."""
    lower: Lower = settings
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


def _padding(op: Any, shape: Shape, pad: str, dilation: Any) -> tuple[Any, tuple[Before, ...]]:
    """Padding within the operation, as (height, width), and the step before it where the sides differ.

    TensorFlow's SAME depends on the size only where the stride is above 1.
    """
    if isinstance(op.padding, str):
        if op.stride != (1, 1):
            if all(d * (k - 1) == 0 for d, k in zip(dilation, op.kernel, strict=True)):
                return (0, 0), ()  # a kernel of 1 is never padded
            values = {"kernel": op.kernel, "stride": op.stride, "dilation": dilation}
            return (0, 0), (Before(f"same_{pad}", values, _around(shape, op.pads(shape[1], shape[2]))),)
        sides = [same_pads(extent, k, 1, d) for extent, k, d in zip(shape[1:], op.kernel, dilation, strict=True)]
        (top, bottom), (left, right) = sides
    else:
        top, bottom, left, right = op.padding
    if top == bottom and left == right and (pad != "low_pad" or not _beyond_half(op.kernel, (top, left))):
        return (top, left), ()
    after = _around(shape, (top, bottom, left, right))
    return (0, 0), (Before(pad, {"pads": (left, right, top, bottom)}, after),)


def _around(shape: Shape, pads: Any) -> Shape:
    """The shape of a map with a border."""
    top, bottom, left, right = pads
    return (shape[0], shape[1] + top + bottom, shape[2] + left + right)


def _beyond_half(kernel: Any, padding: Any) -> bool:
    """Whether a pool of PyTorch refuses a padding; it does not look at dilation."""
    return any(2 * p > k for k, p in zip(kernel, padding, strict=True))


def _conv(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    padding, before = _padding(op, inputs[0], "zero_pad", op.dilation)
    values = {
        "in_channels": inputs[0][0],
        "width": op.width,
        "kernel": op.kernel,
        "stride": op.stride,
        "padding": padding,
        "dilation": op.dilation,
        "groups": op.groups,
        "bias": op.bias,
    }
    return Lowered(op.name, values, before)


def _std_conv(op: Any, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Lowered:
    lowered = _conv(op, inputs, outputs)
    return lowered._replace(arguments={**lowered.arguments, "gain": op.gain, "gamma": op.gamma, "eps": op.eps})


def _max_pool(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    padding, before = _padding(op, inputs[0], "low_pad", op.dilation)
    values = {"kernel": op.kernel, "stride": op.stride, "padding": padding, "dilation": op.dilation}
    return Lowered(op.name, {**values, "ceil_mode": op.ceil_mode and not before}, before)


def _avg_pool(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    padding, before = _padding(op, inputs[0], "zero_pad", (1, 1))
    window = {"kernel": op.kernel, "stride": op.stride}
    if before and not op.count_include_pad:
        if before[0].form == "zero_pad":
            return Lowered("uneven_avg_pool", {**window, **before[0].arguments})
        return Lowered("same_avg_pool", window)
    values = {**window, "padding": padding, "ceil_mode": op.ceil_mode and not before}
    return Lowered(op.name, {**values, "count_include_pad": op.count_include_pad}, before)


# Vectors and maps


def _linear(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    shape = inputs[0]
    before = (Before("flatten", {}, shape[:1]),) if len(shape) == 3 else ()
    return Lowered(op.name, {"in_channels": shape[0], "width": op.width, "bias": op.bias}, before)


def _layer_norm(op: Any, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Lowered:
    """PyTorch's norm of the last axis: of a map, the channels go there, and back behind it."""
    before = (Before("channels_last", {}, inputs[0]),) if len(inputs[0]) == 3 else ()
    return per_channel(op, inputs, outputs)._replace(before=before)


def _layer_scale(op: Any, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Lowered:
    lowered = per_channel(op, inputs, outputs)
    return lowered._replace(form="layer_scale_map") if len(inputs[0]) == 3 else lowered


def _pad_channels(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    form = "pad_channels_map" if len(inputs[0]) == 3 else op.name
    return Lowered(form, {"extra": op.to - inputs[0][0]})


def _axes(over: str, shape: Shape) -> Any:
    """The axes of a batch that an operation goes over: of tokens the channels are the last."""
    if over == "channels":
        return 2 if len(shape) == 2 else 1
    return {"tokens": 1, "space": (2, 3), "height": 2, "width": 3}[over]


def _over(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """A reduction, with the axes that it goes over."""
    return Lowered(op.name, {"axes": _axes(op.over, inputs[0])})


def _softmax(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    return Lowered("softmax_space", {}) if op.over == "space" else Lowered(op.name, {"axis": _axes(op.over, inputs[0])})


def _concat(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    form = op.name if op.over == "channels" else "concat_places"
    return Lowered(form, {"axis": _axes(op.over, inputs[0])})


def _ordered(op: Any, _inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """Tokens of a map, or a map of them: by windows, or by steps, where positions are not row by row."""
    if op.window != (1, 1):
        return Lowered(f"{op.name}_by_window", {"window": op.window})
    return Lowered(op.name, {}) if op.step == (1, 1) else Lowered(f"{op.name}_by_step", {"step": op.step})


def _attention(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    """In heads that are channels, in heads and parts of tokens, or in heads alone."""
    if len(inputs[0]) == 3:
        return Lowered("attention_of_maps", {})
    if op.parts is None and op.size is None:
        return Lowered(op.name, {"heads": op.heads})
    parts = (op.parts, -1) if op.size is None else (-1, op.size)
    return Lowered("attention_in_parts", {"heads": op.heads, "parts": parts})


def _drop_path(op: Any, inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    return Lowered("drop_path_tokens" if len(inputs[0]) == 2 else op.name, {"rate": op.rate})


BESIDE = ("tokens_beside", "height_beside", "width_beside")
"""The extents that a learned tensor fixes of what flows into its block; 0 for any."""


def beside(shape: Shape) -> dict[str, Any]:
    """These extents of a value."""
    extents = {2: (*shape[1:], 0, 0), 3: (0, *shape[1:])}.get(len(shape), (0, 0, 0))
    return dict(zip(BESIDE, extents, strict=True))


def _parameter(op: Any, _inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Lowered:
    width, *extents = outputs[0]
    mean, std = (Fraction(0), op.init.scale) if op.init.kind == "normal" else (op.init.scale, Fraction(0))
    start = {"mean": mean, "std": std, **dict.fromkeys(BESIDE, 0)}
    if not extents:
        return Lowered("parameter_vector", {"width": width, **start})
    if len(extents) == 1:
        return Lowered("parameter_tokens", {"count": extents[0], "width": width, **start})
    return Lowered(op.name, {"width": width, "height": extents[0], "extent": extents[1], **start})


def _relative_bias(op: Any, _inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Lowered:
    started = _parameter(op, (), outputs).arguments
    return Lowered(op.name, {**started, "height": op.size[0], "extent": op.size[1]})


def _slice(op: Any, _inputs: tuple[Shape, ...], _outputs: tuple[Shape, ...]) -> Lowered:
    return Lowered(op.name, {"lo": op.channels.lo, "hi": op.channels.hi + 1})


def _split(op: Any, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> Lowered:
    axis, places = _axes(op.over, inputs[0]), "" if op.over == "channels" else "_places"
    if op.sizes is None:
        return Lowered(f"chunk{places}", {"parts": op.parts, "axis": axis})
    (at,) = axes_of(op.name, op.over, inputs[0])
    sizes = tuple([int(shape[at]) for shape in outputs])
    if len(set(sizes)) > 1:
        return Lowered(f"split_sizes{places}", {"sizes": sizes, "axis": axis})
    return Lowered(f"split{places}", {"size": sizes[0], "axis": axis})


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


def _activation(path: str, **defaults: bool | str) -> Form:
    return Form(layer(path, **defaults), activation=True)


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
        value=lambda o, x: call(Attribute(x[0], name), o["axes"], keepdim=Literal(True)), lower=_over, channels="other"
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

    return Form(module, lower=_parameter, channels="width", learned=True)


def _relative(o: Arguments) -> Expression:
    given: dict[str, Expression] = {} if o["std"] == Literal(0.0) else {"std": o["std"]}
    extents_beside = [o[extent] for extent in BESIDE]
    if any(extent != Literal(0) for extent in extents_beside):
        given["beside"] = Tuple(tuple(extents_beside))
    return call("RelativeBias", o["width"], Tuple((o["height"], o["extent"])), o["mean"], **given)


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
    return call("equal_parts", x[0], o["parts"], dim=o["axis"])


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
        lower=_conv,
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
        lower=_std_conv,
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
        lower=per_channel,
        channels="width",
        absorbs=True,
        init="conv",
        fresh=True,
    ),
    "channel_conv": Form(layer("ChannelConv", "kernel", bias=True), init="conv", fresh=True),
    "linear": Form(
        layer("nn.Linear", "in_channels width", bias=True),
        lower=_linear,
        channels="width",
        absorbs=True,
        init="linear",
        fresh=True,
    ),
    # norms and learned factors
    "batch_norm": Form(BATCH_NORM, lower=per_channel, fresh=True, init="norm"),
    "group_norm": Form(layer("nn.GroupNorm", "groups in_channels", "eps"), lower=per_channel, fresh=True, init="norm"),
    "layer_norm": Form(layer("nn.LayerNorm", "in_channels", "eps"), lower=_layer_norm, init="norm"),
    "layer_scale": Form(lambda o: call("LayerScale", Tuple((o["in_channels"],)), o["init"]), lower=_layer_scale),
    "layer_scale_map": Form(lambda o: call("LayerScale", Tuple((o["in_channels"], *_numbers(1, 1))), o["init"])),
    # activations
    "relu": _activation("nn.ReLU", inplace=False),
    "relu6": _activation("nn.ReLU6"),
    "silu": _activation("nn.SiLU", inplace=False),
    "sigmoid": _activation("nn.Sigmoid"),
    "hard_swish": _activation("nn.Hardswish", inplace=False),
    "hard_sigmoid": _activation("nn.Hardsigmoid"),
    "tanh": _activation("nn.Tanh"),
    "gelu": _activation("nn.GELU", approximate="none"),
    "leaky_relu": Form(layer("nn.LeakyReLU", "slope"), activation=True),
    "elu": Form(_elu, activation=True),
    "softplus": _activation("nn.Softplus"),
    "mish": _activation("nn.Mish", inplace=False),
    "log_sigmoid": _activation("nn.LogSigmoid"),
    "prelu": Form(layer("nn.PReLU", "in_channels", "init"), lower=per_channel),
    "identity": Form(layer("nn.Identity"), idle={}),
    "activation": Form(activation=True),  # any of them, which an argument makes
    # pooling
    "max_pool": Form(
        layer("nn.MaxPool2d", "kernel", "stride", padding=0, dilation=1, ceil_mode=False), lower=_max_pool
    ),
    "avg_pool": Form(
        layer("nn.AvgPool2d", "kernel", "stride", padding=0, ceil_mode=False, count_include_pad=True), lower=_avg_pool
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
    "drop_path": Form(layer("DropPath", "rate"), lower=_drop_path, idle={"rate": Fraction(0)}),
    "drop_path_tokens": Form(layer("TokenDropPath", "rate"), idle={"rate": Fraction(0)}),
    # layout
    "upsample": Form(lambda o: call("nn.Upsample", scale_factor=o["factor"], mode=o["mode"])),
    "resize": Form(value=lambda o, x: call("resize_like", x[0], x[1], o["mode"])),
    "channel_shuffle": Form(layer("ChannelShuffle", "groups")),
    "slice": Form(layer("Slice", "lo hi"), lower=_slice, channels="other"),
    "pad_channels": Form(
        lambda o: call("PadChannels", Tuple((*_numbers(0), o["extra"]))), lower=_pad_channels, channels="other"
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
    "split": Form(value=_equal_sizes, lower=_split, channels="other", lists=True, flag="splits"),
    "split_places": Form(value=_equal_sizes, lists=True, flag="splits"),
    "split_sizes": Form(value=_sizes, channels="other", lists=True, flag="splits"),
    "split_sizes_places": Form(value=_sizes, lists=True, flag="splits"),
    # what joins values
    "add": Form(value=lambda _, x: Binary("+", x[0], x[1]), fresh=True, flag="residual"),
    "sub": Form(value=lambda _, x: Binary("-", x[0], x[1]), fresh=True),
    "mul": Form(value=lambda _, x: Binary("*", x[0], x[1]), flag="gated"),
    "div": Form(value=lambda _, x: Binary("/", x[0], x[1])),
    "concat": Form(value=_joined_along, lower=_concat, channels="summed", many=True, flag="joined"),
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
    "softmax": Form(lambda o: call("nn.Softmax", o["axis"]), lower=_softmax),
    "softmax_space": Form(lambda _: call("SpatialSoftmax")),
    "maximum": Form(value=lambda _, x: call("torch.maximum", *x), fresh=True),
    "minimum": Form(value=lambda _, x: call("torch.minimum", *x), fresh=True),
    "joint_softmax": Form(value=_shares, many=True, lists=True),
    # learned tensors
    "parameter": _learned("width", "height", "extent"),
    "parameter_vector": _learned("width"),
    "parameter_tokens": _learned("count", "width"),
    "relative_bias": Form(_relative, lower=_relative_bias, channels="width", learned=True),
    # tokens
    "tokens": Form(value=_as_tokens, lower=_ordered),
    "tokens_by_window": Form(value=lambda o, x: call("tokens_by_window", x[0], o["window"])),
    "tokens_by_step": Form(value=lambda o, x: call("tokens_by_step", x[0], o["step"])),
    "map": Form(value=lambda _, x: call("map_like", x[0], x[1]), lower=_ordered),
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
    "attention": Form(
        value=lambda o, x: call("multi_head_attention", *x[:3], o["heads"], *x[3:]), lower=_attention, channels="other"
    ),
    "attention_in_parts": Form(
        value=lambda o, x: call("attention_in_parts", *x[:3], o["heads"], o["parts"], *x[3:]), channels="other"
    ),
    "attention_of_maps": Form(value=_attention_of_maps, channels="other"),
}

"""Networks built by hand for the tests of `archdsl.graph`; the same ones that real tools were run on."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from archdsl.graph.initializers import Initializer
from archdsl.graph.network import INPUT, Builder, Network, Value
from archdsl.graph.operations import OPERATIONS
from archdsl.graph.shapes import Range, Size


class Sketch:
    """A builder with short calls: `sketch(x, "stem.conv", "conv", width=32, kernel=3)`."""

    def __init__(self, *shape: object) -> None:
        self.builder = Builder(shape)

    def __call__(self, inputs: Value | list[Value], path: str, name: str, **settings: object) -> Value:
        return self.many(inputs, path, name, **settings)[0]

    def many(self, inputs: Value | list[Value], path: str, name: str, **settings: object) -> tuple[Value, ...]:
        operands = [inputs] if isinstance(inputs, Value) else inputs
        return self.builder.apply(OPERATIONS[name].bind(settings), operands, path)

    def unit(self, x: Value, path: str, width: object, kernel: int, act: str | None, **settings: object) -> Value:
        """conv, batch norm, activation."""
        x = self(x, f"{path}.conv", "conv", width=width, kernel=kernel, **settings)
        x = self(x, f"{path}.norm", "batch_norm")
        return self(x, f"{path}.act", act) if act else x

    def gate(self, x: Value, path: str, width: object, act: str) -> Value:
        """Squeeze and excitation."""
        channels = self.builder.shape(x)[0]
        s = self(x, f"{path}.pool", "global_pool")
        s = self(s, f"{path}.reduce", "conv", width=width, kernel=1, bias=True)
        s = self(s, f"{path}.act", act)
        s = self(s, f"{path}.expand", "conv", width=channels, kernel=1, bias=True)
        s = self(s, f"{path}.gate", "sigmoid")
        return self([x, s], f"{path}.mul", "mul")

    def head(self, x: Value, name: str, classes: int = 1000) -> Network:
        x = self(x, "head.pool", "global_pool")
        x = self(x, "head.flatten", "flatten")
        return self.builder.finish(name, [self(x, "head.linear", "linear", width=classes)])


def regnety_4gf() -> Network:
    """RegNetY-4.0GF at 224 (widths, depths and group width of the published model)."""
    net = Sketch(3, 224, 224)
    x = net.unit(INPUT, "stem", 32, 3, "relu", stride=2)
    for i, (width, depth) in enumerate([(128, 2), (192, 6), (512, 12), (1088, 2)]):
        for j in range(depth):
            path, stride, entering = f"stages.{i}.blocks.{j}", 1 if j else 2, net.builder.shape(x)[0]
            y = net.unit(x, f"{path}.a", width, 1, "relu")
            y = net.unit(y, f"{path}.b", width, 3, "relu", stride=stride, groups=width // 64)
            y = net.gate(y, f"{path}.se", round(entering / 4), "relu")
            y = net.unit(y, f"{path}.c", width, 1, None)
            z = x if j else net.unit(x, f"{path}.proj", width, 1, None, stride=stride)
            x = net(net([y, z], f"{path}.add", "add"), f"{path}.act", "relu")
    return net.head(x, "regnety_4gf")


B0 = [(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4)]


def efficientnet_b0(drop: bool = False, size: int = 224) -> Network:
    """EfficientNet-B0: (expand, kernel, stride, width, depth) of every stage."""
    net = Sketch(3, size, size)
    x = net.unit(INPUT, "stem", 32, 3, "silu", stride=2)
    for i, (expand, kernel, first, width, depth) in enumerate([*B0, (6, 3, 1, 320, 1)]):
        for j in range(depth):
            path, stride, entering = f"stages.{i}.blocks.{j}", 1 if j else first, net.builder.shape(x)[0]
            inner = entering * expand
            y = net.unit(x, f"{path}.a", inner, 1, "silu") if expand > 1 else x
            y = net.unit(y, f"{path}.b", inner, kernel, "silu", stride=stride, groups=inner)
            y = net.gate(y, f"{path}.se", entering // 4, "silu")
            y = net.unit(y, f"{path}.c", width, 1, None)
            if stride == 1 and entering == width:
                y = net(y, f"{path}.drop", "drop_path", rate=Fraction(1, 10)) if drop else y
                y = net([x, y], f"{path}.add", "add")
            x = y
    return net.head(net.unit(x, "head.top", 1280, 1, "silu"), "efficientnet_b0")


def efficientnet_lite0() -> Network:
    """EfficientNet-B0 without squeeze-and-excitation, with ReLU6."""
    net = Sketch(3, 224, 224)
    x = net.unit(INPUT, "stem", 32, 3, "relu6", stride=2)
    for i, (expand, kernel, first, width, depth) in enumerate([*B0, (6, 3, 1, 320, 1)]):
        for j in range(depth):
            path, stride, entering = f"stages.{i}.blocks.{j}", 1 if j else first, net.builder.shape(x)[0]
            inner = entering * expand
            y = net.unit(x, f"{path}.a", inner, 1, "relu6") if expand > 1 else x
            y = net.unit(y, f"{path}.b", inner, kernel, "relu6", stride=stride, groups=inner)
            y = net.unit(y, f"{path}.c", width, 1, None)
            x = net([x, y], f"{path}.add", "add") if stride == 1 and entering == width else y
    return net.head(net.unit(x, "head.top", 1280, 1, "relu6"), "efficientnet_lite0")


def efficientnetv2_s(size: int = 384) -> Network:
    """EfficientNetV2-S, with fused blocks in the first three stages."""
    net = Sketch(3, size, size)
    x = net.unit(INPUT, "stem", 24, 3, "silu", stride=2)
    table = [(1, 1, 24, 2), (4, 2, 48, 4), (4, 2, 64, 4), (4, 2, 128, 6), (6, 1, 160, 9), (6, 2, 256, 15)]
    for i, (expand, first, width, depth) in enumerate(table):
        for j in range(depth):
            path, stride, entering = f"stages.{i}.blocks.{j}", 1 if j else first, net.builder.shape(x)[0]
            inner = entering * expand
            if i < 3:
                y = net.unit(x, f"{path}.a", inner, 3, "silu", stride=stride)
            else:
                y = net.unit(x, f"{path}.a", inner, 1, "silu")
                y = net.unit(y, f"{path}.b", inner, 3, "silu", stride=stride, groups=inner)
                y = net.gate(y, f"{path}.se", entering // 4, "silu")
            y = net.unit(y, f"{path}.c", width, 1, None) if expand > 1 else y
            x = net([x, y], f"{path}.add", "add") if stride == 1 and entering == width else y
    return net.head(net.unit(x, "head.top", 1280, 1, "silu"), "efficientnetv2_s")


def resnet50() -> Network:
    net = Sketch(3, 224, 224)
    x = net.unit(INPUT, "stem", 64, 7, "relu", stride=2)
    x = net(x, "stem.pool", "max_pool", kernel=3, stride=2)
    for i, (width, depth) in enumerate([(256, 3), (512, 4), (1024, 6), (2048, 3)]):
        for j in range(depth):
            path, stride = f"stages.{i}.blocks.{j}", 1 if j or not i else 2
            y = net.unit(x, f"{path}.a", width // 4, 1, "relu")
            y = net.unit(y, f"{path}.b", width // 4, 3, "relu", stride=stride)
            y = net.unit(y, f"{path}.c", width, 1, None)
            z = x if j else net.unit(x, f"{path}.proj", width, 1, None, stride=stride)
            x = net(net([y, z], f"{path}.add", "add"), f"{path}.act", "relu")
    return net.head(x, "resnet50")


def kitchen_sink() -> Network:
    """Every operation once, at odd sizes."""
    net = Sketch(3, 61, 47)
    x = net(INPUT, "stem.conv", "conv", width=24, kernel=Size((3, 5)), stride=2, bias=True)
    x = net(x, "stem.norm", "batch_norm", affine=False)
    for name in (
        "relu6",
        "hard_swish",
        "hard_sigmoid",
        "gelu",
        "tanh",
        "leaky_relu",
        "elu",
        "softplus",
        "mish",
        "log_sigmoid",
        "prelu",
        "identity",
    ):
        x = net(x, f"acts.{name}", name)
    x = net(x, "mid.pool", "max_pool", kernel=3, stride=2, ceil_mode=True)
    x = net(x, "mid.group_norm", "group_norm", groups=4)
    x = net(x, "mid.avg", "avg_pool", kernel=2, stride=1, padding=0)
    x = net(x, "mid.layer_norm", "layer_norm")
    x = net(x, "mid.scale", "layer_scale")
    a, b = net.many(x, "mid.split", "split", parts=2)
    c = net(a, "mid.slice", "slice", channels=Range(2, 7))
    c = net(c, "mid.pad", "pad_channels", to=12)
    x = net([a, b, c], "mid.concat", "concat")
    x = net(x, "mid.shuffle", "channel_shuffle", groups=3)
    y = net(x, "mid.depthwise", "conv", width=36, kernel=3, groups=36, padding="same")
    y = net(y, "mid.silu", "silu")
    y = net(y, "mid.drop_path", "drop_path", rate=Fraction(1, 5))
    x = net([x, y], "mid.add", "add")
    x = net([x, net(x, "mid.sigmoid", "sigmoid")], "mid.mul", "mul")
    x = net(x, "mid.up", "upsample", factor=2)
    x = net(x, "mid.smooth", "upsample", factor=2, mode="bilinear")
    x = net(x, "mid.adaptive", "adaptive_avg_pool", size=Size((4, 3)))
    x = net(x, "mid.reshape", "reshape", to=Size((48, 3, 3)))
    x = net(x, "mid.relu", "relu")
    x = net(x, "mid.last", "conv", width=20, kernel=2, stride=1, padding=(0, 1, 1, 0), bias=True)
    z = net(x, "head.global", "global_pool")
    z = net(z, "head.flatten", "flatten")
    z = net(z, "head.dropout", "dropout", rate=Fraction(1, 5))
    z = net(z, "head.hidden", "linear", width=30, bias=False)
    z = net(z, "head.act", "relu")
    z = net(z, "head.norm", "layer_norm")
    return net.builder.finish("kitchen_sink", [net(z, "head.linear", "linear", width=10)])


def relatives() -> Network:
    """The relatives of the convolution, and what is resized, at odd sizes."""
    net = Sketch(3, 33, 21)
    x = net(INPUT, "stem.conv", "std_conv", width=12, kernel=Size((5, 3)), stride=2, bias=True, gamma=Fraction(17, 10))
    x = net(x, "stem.plain", "std_conv", width=24, kernel=3, groups=3, gain=None, gamma=None, padding="same")
    y = net(x, "mid.down", "std_conv", width=18, kernel=3, stride=2, eps=Fraction(1, 100_000))
    up = {"kernel": 4, "stride": 2, "padding": 1, "output_padding": Size((1, 0))}
    z = net(y, "mid.up", "conv_transpose", width=24, groups=6, bias=True, **up)
    z = net(z, "mid.wide", "conv_transpose", width=24, kernel=Size((1, 3)), dilation=2)
    x = net([net([z, x], "mid.nearest", "resize"), x], "mid.add", "add")
    y = net([y, x], "mid.bilinear", "resize", mode="bilinear")
    x = net([x, y], "mid.concat", "concat")
    gate = net(net(x, "gate.pool", "global_pool"), "gate.conv", "channel_conv", kernel=5)
    x = net([x, net(gate, "gate.act", "sigmoid")], "gate.mul", "mul")
    x = net(net(x, "head.pool", "global_max_pool"), "head.conv", "channel_conv", kernel=3, bias=True)
    x = net(x, "head.flatten", "flatten")
    return net.builder.finish("relatives", [net(x, "head.linear", "linear", width=7)])


def convnext_like() -> Network:
    """Two ConvNeXt blocks between a patch stem and a head."""
    net = Sketch(3, 64, 64)
    x = net(INPUT, "stem.conv", "conv", width=32, kernel=4, stride=4, bias=True)
    x = net(x, "stem.norm", "layer_norm")
    for j in range(2):
        path = f"stages.0.blocks.{j}"
        y = net(x, f"{path}.depthwise", "conv", width=32, kernel=7, groups=32, bias=True)
        y = net(y, f"{path}.norm", "layer_norm")
        y = net(y, f"{path}.expand", "conv", width=128, kernel=1, bias=True)
        y = net(y, f"{path}.act", "gelu")
        y = net(y, f"{path}.reduce", "conv", width=32, kernel=1, bias=True)
        y = net(y, f"{path}.scale", "layer_scale")
        x = net([x, y], f"{path}.add", "add")
    return net.head(x, "convnext_like", 10)


def arithmetic() -> Network:
    """Arithmetic of values and numbers, reductions and learned tensors, in a form that ends in a head."""
    net = Sketch(3, 33, 29)
    x = net(INPUT, "stem.conv", "conv", width=24, kernel=3, stride=2)
    gain = net(x, "gain", "parameter", shape=Size((24, 1, 1)), init=1)
    bias = net(x, "bias", "parameter", shape=Size((1, 17, 15)), init=Initializer("normal", Fraction(1, 50)))
    norm = net(net(net(x, "square", "square"), "sum", "sum", over="space"), "sqrt", "sqrt")
    below = net(net(norm, "mean", "mean", over="channels"), "eps", "affine", term=Fraction(1, 10**6))
    ratio = net([norm, below], "ratio", "div")
    y = net([x, ratio], "scaled", "mul")
    y = net([net([gain, y], "gained", "mul"), bias], "biased", "add")
    peak = net(net(y, "max", "max", over="space"), "less", "affine", factor=-1, term=Fraction(1, 2))
    low = net(y, "min", "min", over="channels")
    y = net([net([y, peak], "centred", "sub"), low], "spread", "sub")
    shares = net(y, "shares", "softmax", over="channels")
    places = net(net(y, "half", "scale", factor=Fraction(1, 2)), "places", "softmax", over="space")
    y = net([shares, net(net(places, "exp", "exp"), "inverse", "reciprocal", numerator=3)], "joined", "mul")
    bounded = net(x, "bounded", "tanh")
    y = net([net([y, gain], "larger", "maximum"), net(x, "third", "scale", factor=Fraction(1, 3))], "less2", "minimum")
    first, second, third = net.many([x, y, bounded], "among", "joint_softmax")
    y = net([net([net([y, first], "mul1", "mul"), second], "mul2", "mul"), third], "mul3", "mul")
    z = net(net([x, y], "sum2", "add"), "conv", "conv", width=16, kernel=1)
    z = net(net(z, "global", "global_pool"), "flat", "flatten")
    offset = net(z, "offset", "parameter", shape=(16,), init=0)
    z = net([net(z, "chances", "softmax", over="channels"), offset], "shifted", "sub")
    return net.builder.finish("arithmetic", [net(z, "head.linear", "linear", width=10)])


def attentive() -> Network:
    """Tokens behind a class token, with positions, attention within them and to fewer of them, and a map of them."""
    net = Sketch(3, 32, 24)
    x = net(INPUT, "stem.conv", "conv", width=24, kernel=4, stride=4, bias=True)
    y = net(x, "stem.tokens", "tokens")
    one = net(y, "class", "parameter", shape=(24, 1), init=Initializer("normal", Fraction(1, 50)))
    y = net([one, y], "stem.concat", "concat", over="tokens")
    y = net(
        [y, net(y, "positions", "parameter", shape=(24, 49), init=Initializer("normal", Fraction(1, 50)))], "add", "add"
    )
    z = net(net(y, "norm1", "layer_norm"), "qkv", "linear", width=72)
    parts = list(net.many(z, "split", "split", parts=3))
    z = net(parts, "attention1", "attention", heads=3)
    y = net([y, net(net(z, "project", "linear", width=24), "drop", "drop_path", rate=Fraction(1, 5))], "sum1", "add")
    z = net(net(net(y, "norm2", "layer_norm"), "wide", "linear", width=48, bias=False), "gelu", "gelu")
    y = net([y, net(z, "narrow", "linear", width=24)], "sum2", "add")
    less = net(net(x, "less.conv", "conv", width=24, kernel=2, stride=2), "less.tokens", "tokens")
    less = net(less, "less.norm", "layer_norm")
    keys, values = net(less, "keys", "linear", width=24), net(less, "values", "linear", width=24)
    inner = net(net(x, "inner.tokens", "tokens"), "inner.norm", "layer_norm")
    z = net([net(inner, "queries", "linear", width=24), keys, values], "attention2", "attention", heads=2)
    z = net([net(z, "shares", "softmax", over="tokens"), net(z, "chances", "softmax", over="channels")], "gate", "mul")
    x = net([x, net([z, x], "map", "map")], "sum3", "add")
    pooled = net(net(net(x, "end.tokens", "tokens"), "mean", "mean", over="tokens"), "end.token", "token", index=0)
    y = net(net(net(y, "norm3", "layer_norm"), "token", "token", index=0), "act", "tanh")
    return net.builder.finish(
        "attentive", [net(net([y, pooled], "joined", "concat"), "head.linear", "linear", width=10)]
    )


def matrices() -> Network:
    """Heads as maps, products of matrices with and without a softmax, biases of offsets, windows and their reverse."""
    net = Sketch(3, 32, 24)
    x = net(INPUT, "stem.conv", "conv", width=24, kernel=4, stride=4)
    y = net(net(net(x, "rows", "tokens"), "norm1", "layer_norm"), "qkv", "linear", width=72)
    q, k, v = net.many(net(y, "heads", "split_heads", heads=3), "split", "split", parts=3, over="width")
    bias = net(x, "bias", "relative_bias", heads=3, size=Size((8, 6)), init=Initializer("normal", Fraction(1, 50)))
    q, k = net(q, "relu1", "relu"), net(net(k, "relu2", "relu"), "columns", "transpose")
    z = net(net(net([q, k], "logits", "matmul"), "scale", "scale", factor=Fraction(1, 5)), "act", "tanh")
    z = net([net(net([z, bias], "biased", "add"), "shares", "softmax", over="width"), v], "values", "matmul")
    sums = net(net(k, "sum", "sum", over="width"), "exp", "exp")
    linear = net([q, net([k, v], "states", "matmul")], "linear", "matmul")
    z = net([z, net([linear, net([q, sums], "sums", "matmul")], "ratio", "div")], "both", "add")
    z = net(net(z, "merged", "merge_heads"), "project", "linear", width=24)
    x = net([x, net([z, x], "back", "map")], "sum1", "add")
    y = net(net(net(x, "windows", "tokens", window=Size((4, 3))), "norm2", "layer_norm"), "qkv2", "linear", width=72)
    z = net(list(net.many(y, "split2", "split", parts=3)), "attention1", "attention", heads=2, size=12)
    x = net([x, net([net(z, "project2", "linear", width=24), x], "back2", "map", window=Size((4, 3)))], "sum2", "add")
    y = net(net(net(x, "steps", "tokens", step=2), "norm3", "layer_norm"), "qkv3", "linear", width=72)
    z = net(list(net.many(y, "split3", "split", parts=3)), "attention2", "attention", heads=4, parts=4)
    x = net([x, net([net(z, "project3", "linear", width=24), x], "back3", "map", step=2)], "sum3", "add")
    y = net(net(net(x, "end", "tokens"), "norm4", "layer_norm"), "across", "transpose")
    y = net(net(net(y, "gelu", "gelu"), "norm5", "layer_norm"), "mix", "linear", width=48)
    high, low = net.many(net(y, "along", "transpose"), "halves", "split", sizes=(40, 8), over="tokens")
    y = net([high, low, net(low, "tanh", "tanh")], "all", "concat", over="tokens")
    y = net(net(y, "mean", "mean", over="tokens"), "token", "token", index=0)
    return net.builder.finish("matrices", [net(y, "head.linear", "linear", width=10)])


NETWORKS: dict[str, Callable[[], Network]] = {
    "regnety_4gf": regnety_4gf,
    "efficientnet_b0": efficientnet_b0,
    "efficientnetv2_s": efficientnetv2_s,
    "resnet50": resnet50,
    "kitchen_sink": kitchen_sink,
    "convnext_like": convnext_like,
    "relatives": relatives,
    "arithmetic": arithmetic,
    "attentive": attentive,
    "matrices": matrices,
}

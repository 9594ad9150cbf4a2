"""Random programs in `.arch` text: blocks of one's own, and models made of them.

A `Program` is kept as parts, so that a test can print it in other forms of the same meaning, or with other widths
and another resolution. Every program is valid by construction:

- Widths are multiples of 32; `Map` knows, of every map in a block, the expression for its channels and a number
  that certainly divides them, so that groups, splits and shuffles fit.
- Every path through a block takes its stride once, so that only maps of equal size meet.
- Sizes are multiples of 32 and at most four strides are taken, or kernels are odd and sizes arbitrary.

Names made up by a program begin with `zz`, and no other word does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import gcd
from typing import Any, TypeVar

from hypothesis import strategies as st

from archdsl.compiler import Changes, Compilation, Compiled, Compiler
from archdsl.graph.network import Network
from archdsl.resources import read_data
from archdsl.source import Source
from archdsl.views.diagnostics import render_all

T = TypeVar("T")

HEADER = """arch 1
use std.ops {
  conv, batch_norm, group_norm, layer_norm, relu, relu6, silu, gelu, sigmoid, hard_swish, hard_sigmoid, leaky_relu,
  elu, softplus, mish, log_sigmoid, prelu, tanh, identity, max_pool, avg_pool, global_pool, global_max_pool,
  adaptive_avg_pool, linear, flatten, add, mul, concat, split, slice, pad_channels, channel_shuffle, upsample, resize,
  dropout, drop_path, layer_scale, scale, reshape, std_conv, conv_transpose,
  sub, div, affine, reciprocal, sqrt, square, exp, mean, sum, max, min, softmax, parameter,
  tokens, map, token, attention, matmul, transpose, split_heads, merge_heads, relative_bias,
  relative_logits
}
use std.blocks { conv_norm_act, conv_pool_stem, squeeze_excite, channel_attention, pool_head, conv_head }
"""


class Texts:
    """A `Reader` of texts in memory, and of the standard library."""

    def __init__(self, files: dict[str, str] | None = None) -> None:
        self.files = files or {}

    def file(self, path: str) -> Source:
        return Source(path, self.files[path])

    def library(self, name: str) -> Source | None:
        try:
            return Source(f"std/{name}.arch", read_data(f"specs/std/{name}.arch"))
        except FileNotFoundError:
            return None


COMPILER = Compiler(Texts())


def compile_text(text: str, model: str | None = None, changes: Changes | None = None) -> Compilation:
    """Compile a model of a text; the test fails with the diagnostics where one is an error."""
    result = COMPILER.compile(Source("entry.arch", text), model, changes)
    assert not result.diagnostics.failed, f"{render_all(result.diagnostics, False)}\n{text}"
    assert isinstance(result, Compiled)
    assert result.model is not None
    return result


def network_of(text: str, model: str | None = None) -> Network:
    """The network of a model of a text."""
    network = compile_text(text, model).network
    assert network is not None
    return network


@dataclass(frozen=True)
class Map:
    """A map in a block's body: its name, its channels as an expression, and a divisor of them."""

    name: str
    channels: str
    divisor: int


@dataclass(frozen=True)
class Kernels:
    """Which windows keep sizes predictable: with `odd`, all kernels are odd, and a stride rounds up."""

    odd: bool


@dataclass(frozen=True)
class StageParts:
    """A stage: its block's name, and the numbers that a test may change."""

    block: str
    width: int
    depth: int
    stride: int
    rest: tuple[tuple[str, str], ...] = ()
    """Other settings with their values, as text."""


@dataclass(frozen=True)
class Program:
    """Blocks, and one model of them; `text` prints them."""

    blocks: tuple[str, ...]
    name: str
    channels: int
    height: int
    width: int
    stem: Callable[[int], str]
    stem_width: int
    stages: tuple[StageParts, ...]
    head: str
    form: str
    per_block: tuple[tuple[str, str], ...] = ()
    """Rules of `block`, for all stages; only in the form `attributes`."""
    factor: int = 1
    order: tuple[int, ...] = (0, 1, 2, 3)
    """The order of the model's fields."""

    def scaled(self, factor: int, more_height: int = 0, more_width: int = 0) -> Program:
        """The program with all widths multiplied and a larger input."""
        size = {"height": self.height + more_height, "width": self.width + more_width}
        return replace(self, factor=self.factor * factor, **size)

    def text(self, form: str | None = None) -> str:
        """The program; `form` is the form of the stages: `attributes`, `table` or `list`."""
        fields = [
            f"  input: {self.channels} x {self.height} x {self.width}",
            f"  stem: {self.stem(self.stem_width * self.factor)}",
            f"  stages: {self._stages(form or self.form)}",
            f"  head: {self.head}",
        ]
        body = "\n".join(fields[i] for i in self.order)
        return HEADER + "\n".join(self.blocks) + f"\nmodel {self.name} {{\n{body}\n}}\n"

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms that this program can take."""
        one_block = len({stage.block for stage in self.stages}) == 1
        if self.per_block:
            return ("attributes",)
        return ("attributes", "table", "list") if one_block else ("table", "list")

    def _stages(self, form: str) -> str:
        names = [name for name, _ in self.stages[0].rest]
        cells = [
            {
                "block": s.block,
                "width": str(s.width * self.factor),
                "depth": str(s.depth),
                "stride": str(s.stride),
                **dict(s.rest),
            }
            for s in self.stages
        ]
        columns = ["block", "width", "depth", "stride", *names]
        if form == "table":
            rows = [columns] + [[cell.get(c, "-") for c in columns] for cell in cells]
            return "[\n" + "\n".join("    | " + " | ".join(row) + " |" for row in rows) + "\n  ]"
        if form == "list":
            items = [
                f"{cell['block']} {{ {'  '.join(f'{k}: {v}' for k, v in cell.items() if k != 'block')} }}"
                for cell in cells
            ]
            return "[\n    " + ",\n    ".join(items) + "\n  ]"
        lines = [(c, f"[{', '.join(cell[c] for cell in cells)}]") for c in columns[1:]]
        return (
            f"{self.stages[0].block} {{\n" + "\n".join(f"    {k}: {v}" for k, v in (*lines, *self.per_block)) + "\n  }"
        )


class Draw:
    """Choices for one program."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw
        self.count = 0

    def of(self, options: Sequence[T]) -> T:
        found: T = self.draw(st.sampled_from(options))
        return found

    def whole(self, low: int, high: int) -> int:
        found: int = self.draw(st.integers(low, high))
        return found

    def flag(self) -> bool:
        found: bool = self.draw(st.booleans())
        return found

    def name(self, what: str) -> str:
        self.count += 1
        return f"zz{what}{self.count}"


NORMS = ("batch_norm", "batch_norm(eps: 1e-3)", "group_norm(groups: 4)", "layer_norm", "batch_norm(affine: false)")
CURVES = (
    "relu",
    "relu6",
    "silu",
    "gelu",
    "hard_swish",
    "leaky_relu(1/5)",
    "elu(2)",
    "softplus",
    "mish",
    "log_sigmoid",
    "prelu",
    "tanh",
    "identity",
)


UNITS = (
    "tanh -> exp",
    "sigmoid -> sqrt",
    "tanh -> square",
    "softmax(over: channels)",
    "softmax(over: space)",
    "affine(factor: -1/3, term: 2)",
    "affine(term: -1/7)",
    "sigmoid -> affine(factor: -1, term: 2) -> reciprocal(3)",
)
"""Steps of arithmetic whose results stay small."""


def arithmetic(d: Draw, m: Map) -> str:
    """An expression with operators, reductions and learned tensors that keeps the shape of a map."""
    t, axis = m.name, d.of(("channels", "space"))
    shape = d.of((f"{m.channels} x 1 x 1", "1 x 1 x 1"))
    init = d.of(("zeros", "ones", "1/3", "normal(std: 1/10)"))
    return d.of(
        (
            f"{t} - mean({t}, over: {axis})",
            f"{t} / (1 + max(square({t}), over: {axis}))",
            f"2 * {t} + parameter({shape}, init: {init})",
            f"{t} * parameter({shape}, init: {init}) - min({t}, over: {axis}) / 3",
            f"{t} * softmax(sum(tanh({t}), over: channels), over: space)",
            f"1/3 - {t} / 3",
            f"-{t} + 1 / sqrt(1 + square({t}))",
            f"sub(exp(tanh({t})), div({t}, 2 + square({t})))",
        )
    )


def as_tokens(d: Draw, m: Map) -> str:
    """An expression that makes tokens of a map and a map of them: attention to a part of the positions, or layers."""
    t, c = m.name, m.channels
    heads = d.of([h for h in (1, 2, 4) if m.divisor % h == 0])
    keys = f"{t} -> max_pool(kernel: 3, stride: 3) -> tokens -> layer_norm -> {d.of(('identity', f'linear({c})'))}"
    one = f"parameter([{c}, 1], init: normal(std: 1/10))"
    return d.of(
        (
            f"{t} + map(attention({t} -> tokens -> layer_norm, {keys}, {keys}, heads: {heads}), {t})",
            f"map({t} -> tokens -> layer_norm -> linear({c} + 8) -> gelu -> linear({c}) -> drop_path(1/10), {t})",
            f"map({t} -> tokens -> softmax(over: tokens), {t})",
            f"map(({t} -> tokens) - max({t} -> tokens, over: {d.of(('channels', 'tokens'))}) + {one}, {t})",
            f"{t} * (concat({one}, {keys}, over: tokens) -> token(1) -> linear({c}) -> reshape(to: [{c}, 1, 1]))",
        )
    )


def as_matrices(d: Draw, m: Map) -> str:
    """An expression that keeps the shape of a map, with products of matrices: heads with a few rows, or positions."""
    t = m.name
    heads = d.of([h for h in (1, 2, 4) if m.divisor % h == 0])
    rows = f"{t} -> max_pool(kernel: 3, stride: 3) -> adaptive_avg_pool(2) -> tokens -> layer_norm"
    parts = f"{rows} -> split_heads({heads})"
    init, offsets = d.of(("zeros", "normal(std: 1/10)")), d.of(("signed", "absolute"))
    table = f"parameter([1, 3, {m.channels} / {heads}], init: {init}) -> transpose"
    bias = d.of(
        (
            f'relative_bias({heads}, size: 2, init: {init}, offsets: "{offsets}")',
            f"relative_logits(matmul({parts}, {table}), matmul({parts}, {table}))",
        )
    )
    over = d.of(("height", "width"))
    mean = f"-> merge_heads -> mean(over: tokens) -> token(0) -> reshape(to: [{m.channels}, 1, 1])"
    return d.of(
        (
            f"{t} * (matmul(matmul({parts}, {parts} -> transpose) -> softmax(over: width), {parts}) {mean})",
            f"{t} * (matmul({parts}, matmul({parts} -> transpose, {parts})) / 3 {mean})",
            f"{t} * (attention({parts}, {parts}, {parts}, {bias}) {mean})",
            f"{t} * (attention({rows}, {rows}, {rows}, {bias}, heads: {heads}) -> token(0)"
            f" -> reshape(to: [{m.channels}, 1, 1]))",
            f"{t} - (concat(mean({t}, over: {over}), {t}, over: {over}) -> max(over: {over}))",
            f"{t} + (matmul({rows}, {rows} -> transpose) -> softmax(over: channels) -> token(1) -> linear(1)"
            " -> reshape(to: [1, 1, 1]))",
        )
    )


def convolution(d: Draw, source: Map, width: str, divisor: int, kernels: Kernels, stride: str | None = None) -> str:
    """A conv from a map to `width` channels that keeps the size, or takes the block's stride."""
    common = [g for g in (1, 2, 4, 8) if source.divisor % g == 0 and divisor % g == 0]
    settings = [width]
    kind = d.whole(0, 6)
    if kind == 0:
        settings.append(f"kernel: {d.of(('1 x 3', '5 x 1', '3 x 7', '1 x 1'))}")
    elif kind == 1 and stride is None:
        settings.append("kernel: 3")
        settings.append(f"dilation: {d.of(('2', '1 x 3', '3'))}")
    elif kind == 2 and not kernels.odd:
        settings.append('kernel: 2, padding: "same"')
    elif kind == 3:
        settings.append("kernel: 3, padding: " + d.of(('"same"', "1", "[1, 1, 1, 1]", "1 x 1")))
    elif kind == 4 and width == source.channels:
        settings.append(f"kernel: {d.of((3, 5))}")
        settings.append(f"groups: {d.of((width, f'{width} / 4'))}")
        common = []
    else:
        settings.append(f"kernel: {d.of((1, 1, 3, 3, 5, 7))}")
    if common and d.whole(0, 2) == 0:
        settings.append(f"groups: {d.of(common)}")
    if d.whole(0, 3) == 0:
        settings.append("bias: true")
    if stride is not None:
        settings.append(f"stride: {stride}")
    if not any("groups" in setting for setting in settings) and d.whole(0, 7) == 0:
        settings += d.of(([], ["gamma: 17/10"], ["gain: none"], ["gain: 1/2, gamma: none, eps: 1e-5"]))
        return f"std_conv({', '.join(settings)})"
    return f"conv({', '.join(settings)})"


def step(d: Draw, m: Map, kernels: Kernels, act: str) -> tuple[str, Map]:
    """A step of a pipe from a map, and what it makes of the map."""
    c = m.channels
    kind = d.whole(0, 14)
    if kind <= 1:
        return f"({convolution(d, m, c, m.divisor, kernels)} -> {d.of(NORMS)} -> {act})", m
    if kind == 2:
        return convolution(d, m, f"{c} * 2", m.divisor * 2, kernels), replace(
            m, channels=f"({c} * 2)", divisor=m.divisor * 2
        )
    if kind == 3:
        return d.of(NORMS), m
    if kind == 4:
        return d.of((act, *CURVES)), m
    if kind == 5:
        pool = d.of(
            (
                "max_pool(kernel: 3, stride: 1)",
                "avg_pool(kernel: 3 x 5, stride: 1)",
                "avg_pool(kernel: 3, stride: 1, count_include_pad: false)",
                "max_pool(5, stride: 1, dilation: 1)",
            )
        )
        return pool, m
    if kind == 6:
        return f"channel_shuffle({d.of([g for g in (1, 2, 4, 8) if m.divisor % g == 0])})", m
    if kind == 7:
        width = d.of((f"{c} / 4", f"round({c} * 2/7)", f"max(1, floor({c} / 6))", "8", f"ceil({c} / 5)"))
        squeezed = f"squeeze_excite(width: {width}, gate: {d.of(('sigmoid', 'hard_sigmoid'))})"
        return d.of((squeezed, squeezed, "channel_attention", "channel_attention(kernel: 5)")), m
    if kind == 8:
        return f"pad_channels(to: {c} + 16)", replace(m, channels=f"({c} + 16)", divisor=gcd(m.divisor, 16))
    if kind == 9:
        if m.divisor % 2:
            return "identity", m
        band = d.of((f"0 .. {c} / 2 - 1", f"{c} / 2 .. {c} - 1"))
        return f"slice({band})", replace(m, channels=f"({c} / 2)", divisor=m.divisor // 2)
    if kind == 10:
        return d.of(("dropout(1/10)", "drop_path(0.2)", "layer_scale(1e-6)", "layer_scale", "scale(-3/10)")), m
    if kind == 11:
        mode = d.of(('"nearest"', '"bilinear"'))
        larger = d.of(
            (
                f"upsample(2, mode: {mode})",
                f"conv_transpose({c}, kernel: 2, stride: 2, bias: {d.of(('true', 'false'))})",
            )
        )
        return f"{larger} -> conv({c}, kernel: 3, stride: 2)", m
    if kind == 12:
        condition = d.of(("zzratio", "stride == 1", "x.channels == width", "width > 40 and stride != 2", "not zzratio"))
        return f"({convolution(d, m, c, m.divisor, kernels)}) when {condition}", m
    if kind == 13:
        return d.of(UNITS), m
    return f"conv_norm_act({c}, act: {act}, norm: {d.of(NORMS)})", m


def pipe(d: Draw, m: Map, kernels: Kernels, act: str, length: int) -> tuple[str, Map]:
    """A pipe of some steps from a map."""
    steps = []
    for _ in range(length):
        text, m = step(d, m, kernels, act)
        steps.append(text)
    return " -> ".join(steps), m


def gather(d: Draw, m: Map, kernels: Kernels, stride: bool) -> str:
    """The end of a pipe: a conv to the block's width, with its stride where that was not taken yet."""
    text = convolution(d, m, "width", 32, kernels, "stride" if stride else None)
    return f"{text} -> {d.of(NORMS)}" if d.flag() else text


@dataclass(frozen=True)
class Helpers:
    """Blocks that other blocks call: one with two outputs and one with two inputs."""

    fork: str
    join: str
    texts: tuple[str, str]


def helpers(d: Draw, kernels: Kernels) -> Helpers:
    fork, join = d.name("fork"), d.name("join")
    m = Map("x", "x.channels", 32)
    left, _ = _square(d, m, kernels)
    right, _ = _square(d, m, kernels)
    fork_text = d.of(
        (
            f"block {fork}(x; zzact: relu) {{\n  zzl = x -> {left}\n  zzr = x -> {right}\n  return zzl, zzr\n}}",
            f"block {fork}(x; zzact: relu) {{\n  zzl, zzr = split(x, parts: 2)\n"
            "  return concat(zzr, zzl), zzl -> conv(x.channels, kernel: 1) -> zzact\n}",
        )
    )
    join_text = f"block {join}(zza, zzb; zzact: relu, zzmix: true) {{\n" + d.of(
        (
            "  return zzact(zza + zzb) if zzmix else add(zzb, zza) -> zzact\n}",
            '  return zzact(resize(zza, zzb) + zzb) if zzmix else add(resize(zzb, zza, mode: "bilinear"), zza)\n}',
            "  zzgate = zzb -> global_pool -> conv(zza.channels, kernel: 1, bias: true) -> sigmoid\n"
            "  return (zza * zzgate if zzmix else mul(zza, zzb)) -> zzact\n}",
            "  return concat(zza, zzb) -> conv(zza.channels, kernel: 1) -> batch_norm when zzmix -> zzact\n}",
        )
    )
    return Helpers(fork, join, (fork_text, join_text))


def several(d: Draw) -> tuple[tuple[str, str, str, str], tuple[str, ...]]:
    """Blocks of any number of maps, at any depth: one that gives two, one that gives one, one that takes another of
    the model's parts, and a head for as many as there are. Their names, and their texts."""
    fork, join, meet, ends = d.name("fork"), d.name("join"), d.name("meet"), d.name("ends")
    settings = "width, stride: 1, zzact: relu, zzratio: none, zzn: 2"
    gathered = d.of(("concat(zzxs)", "add(zzxs)", "concat(zzxs, zzxs[0])"))
    first = d.of(("zzxs[0]", "concat(zzxs)"))
    resized = d.of(("resize(zzother, zza)", 'resize(zzother, zza, mode: "bilinear")'))
    return (fork, join, meet, ends), (
        f"block {fork}(zzxs...; {settings}) {{\n  zza = {first} -> conv(width, kernel: 3, stride: stride) -> zzact\n"
        "  zzb = zzxs[count(zzxs) - 1] -> conv(width, kernel: 1, stride: stride)\n  return zza, zzb\n}",
        f"block {join}(zzxs...; {settings}) = {gathered} -> conv(width, kernel: 3, stride: stride) -> zzact",
        f"block {meet}(zza; zzother) = concat(zza, {resized}) -> conv(zza.channels, kernel: 1)",
        f"block {ends}(zzxs...; zzclasses: 5) {{\n  zzmaps = [resize(zzx, zzxs[0]) for zzx in zzxs]\n"
        "  return concat(zzmaps) -> global_pool -> flatten -> linear(zzclasses), zzmaps[0] -> conv(2, kernel: 1)\n}",
    )


def _square(d: Draw, m: Map, kernels: Kernels) -> tuple[str, Map]:
    """A pipe that keeps the channels."""
    text = convolution(d, m, m.channels, m.divisor, kernels)
    return f"{text} -> {d.of(NORMS)} -> zzact", m


def block(d: Draw, h: Helpers, kernels: Kernels) -> tuple[str, str]:
    """A block from x to `width` channels with a `stride`: its name and its text."""
    name = d.name("block")
    act = "zzact"
    x = Map("x", "x.channels", 32)
    lines = []
    trunk = x
    if d.flag():
        text, trunk = pipe(d, x, kernels, act, d.whole(1, 3))
        lines.append(f"zztrunk = x -> {text}")
        trunk = replace(trunk, name="zztrunk")
    if d.whole(0, 2) == 0:
        lines.append(f"zzsum = {d.of((arithmetic, arithmetic, as_tokens, as_matrices))(d, trunk)}")
        trunk = replace(trunk, name="zzsum")
    shape = d.whole(0, 8)
    if shape == 0:
        steps, m = pipe(d, trunk, kernels, act, d.whole(0, 3))
        lines.append(f"zzout = {trunk.name} -> {steps + ' -> ' if steps else ''}{gather(d, m, kernels, True)}")
    elif shape == 1:
        lines.append(f"zzone, zztwo = {h.fork}({trunk.name}, zzact: {act})")
        one, two = gather(d, trunk, kernels, True), gather(d, trunk, kernels, True)
        mix = d.of(("true", "false", "zzratio"))
        lines.append(f"zzout = {h.join}(zzone -> {one}, zztwo -> {two}, zzact: {act}, zzmix: {mix})")
    elif shape == 2 and trunk.divisor % 2 == 0:
        half = Map("zzp", f"({trunk.channels} / 2)", trunk.divisor // 2)
        lines.append(f"zzp, zzq = split({trunk.name}, parts: 2)")
        left, m = pipe(d, half, kernels, act, d.whole(1, 2))
        both = Map("", f"({m.channels} + {half.channels})", gcd(m.divisor, half.divisor))
        lines.append(f"zzout = concat(zzp -> {left}, zzq) -> {gather(d, both, kernels, True)}")
    elif shape == 3:
        count = d.whole(1, 3)
        lines.append(
            f"zzparts = [{trunk.name} -> conv(width / 2, kernel: 2 * zzi + 1, groups: 2 ^ zzi, stride: stride)"
        )
        lines.append(f"           -> {act} for zzi in 0 .. {count - 1}]")
        if trunk.divisor % 4:
            lines[-2] = lines[-2].replace(", groups: 2 ^ zzi", "")
        m = Map("", f"({count} * width / 2)", 16)
        lines.append(f"zzout = concat(zzparts) -> {gather(d, m, kernels, False)}")
    elif shape == 4:
        pool = d.of(
            (
                "max_pool(kernel: 3, stride: stride)",
                "avg_pool(kernel: 3, stride: stride, padding: 1)",
                'max_pool(kernel: 3, stride: stride, padding: "same")',
            )
        )
        lines.append(f"zzpooled = {trunk.name} -> {pool} -> {gather(d, trunk, kernels, False)}")
        lines.append(f"zzout = zzpooled + ({trunk.name} -> {gather(d, trunk, kernels, True)})")
    elif shape == 5:
        layers = d.of((*range(5), "zzn", "zzn", "zzn"))
        lines.append(f"zzy[0] = {trunk.name} -> conv(32, kernel: 1)")
        taken = d.of(("zzy[zzi - 1]", "concat(zzy)", "zzy[0] + zzy[zzi - 1]", "add(zzy, zzy[0])"))
        own = Map("", f"({'32 * zzi' if taken == 'concat(zzy)' else '32'})", 32)
        inner, _ = pipe(d, own, kernels, act, d.whole(0, 1))
        steps = f"{inner} -> " if inner else ""
        lines.append(f"zzy[zzi] = {taken} -> {steps}conv(32, kernel: 3) -> {act} for zzi in 1 .. {layers}")
        given, count = d.of(
            (
                ("concat(zzy)", f"({layers} + 1)"),
                (f"concat(zzy[{layers}], zzy)", f"({layers} + 2)"),
                (f"add(zzy, zzy[0], zzy[{layers}])", "1"),
                (f"{d.of(('max', 'min'))}(zzy)", "1"),
                (f"concat(zzy[0], zzy[1 .. {layers}] -> softmax)" if layers else "zzy[0]", f"({layers} + 1)"),
                (f"zzy[{layers}]", "1"),
            )
        )
        lines.append(f"zzout = {given} -> {gather(d, Map('', f'({count} * 32)', 32), kernels, True)}")
    elif shape == 6 and trunk.divisor % 4 == 0:
        quarter = Map("zzp[zzi]", f"({trunk.channels} / 4)", trunk.divisor // 4)
        lines.append(f"zzp = {trunk.name} -> split(parts: 4)")
        square = convolution(d, quarter, quarter.channels, quarter.divisor, kernels)
        lines.append(f"zzy[zzi] = (zzp[zzi] + zzy[zzi - 1] if zzi > 1 else zzp[zzi]) -> {square} -> {act}")
        lines.append("            for zzi in 0 .. 3")
        lines.append(f"zzout = concat({d.of(('zzy', 'zzp[0], zzy[1], zzy[2], zzy[3]'))})")
        lines[-1] += f" -> {gather(d, Map('', trunk.channels, trunk.divisor), kernels, True)}"
    elif shape == 7 and trunk.divisor % 4 == 0:
        lines.append(f"zzp = {trunk.name} -> split(parts: 2 ^ (zzn % 3))")
        lines.append("zzq = [zzp[zzi] -> conv(zzp[zzi].channels, kernel: 2 * zzi + 1, groups: zzp[zzi].channels)")
        lines.append(f"       for zzi in 0 .. 2 ^ (zzn % 3) - 1] -> {d.of(('concat', 'concat -> batch_norm'))}")
        lines.append(f"zzout = zzq -> {gather(d, trunk, kernels, True)}")
    else:
        steps, m = pipe(d, trunk, kernels, act, d.whole(0, 2))
        lines.append(f"zzinner = {m.channels} if zzratio else width * 2")
        lines.append(f"zzdeep = {trunk.name} -> {steps + ' -> ' if steps else ''}conv(zzinner, kernel: 1) -> {act}")
        lines.append(f"zzout = zzdeep -> {convolution(d, Map('', 'zzinner', 1), 'width', 1, kernels, 'stride')}")
    if d.flag():
        lines.append("zzshort = x if stride == 1 and x.channels == width")
        lines.append(f"          else x -> conv(width, kernel: {d.of((1, 3))}, stride: stride) -> batch_norm")
        lines.append(f"return {d.of(('zzact(zzout + zzshort)', 'zzshort + zzout', 'add(zzout, zzshort) -> zzact'))}")
    else:
        lines.append("return zzout")
    se = d.of(("none", "1/4"))
    body = "\n".join(f"  {line}" for line in lines)
    default, n = d.of(("relu", "silu", "hard_swish")), d.whole(1, 3)
    return name, f"block {name}(x; width, stride: 1, zzact: {default}, zzratio: {se}, zzn: {n}) {{\n{body}\n}}"


@st.composite
def programs(draw: Callable[[Any], Any]) -> Program:
    """A random program of one model."""
    d = Draw(draw)
    kernels = Kernels(odd=d.flag())
    h = helpers(d, kernels)
    made = [block(d, h, kernels) for _ in range(d.whole(1, 2))]
    names = [name for name, _ in made]
    count = d.whole(1, 3)
    one_block = d.flag()
    settings = [("zzact", ("relu", "silu", "gelu")), ("zzratio", ("none", "1/8", "true")), ("zzn", ("1", "2", "4"))]
    given = [s for s in settings if d.flag()]
    stages = [
        StageParts(
            names[0] if one_block else d.of(names),
            32 * d.whole(1, 3),
            d.whole(1, 3),
            d.whole(1, 2),
            tuple([(name, d.of(options)) for name, options in given]),
        )
        for _ in range(count)
    ]
    parts, texts = several(d)
    fork, join, meet, ends = parts
    if d.whole(0, 2) == 0:
        at = d.whole(0, len(stages))
        width = 32 * d.whole(1, 2)
        rest = tuple([(name, d.of(options)) for name, options in given])
        pair = [StageParts(each, width, d.whole(1, 2), d.whole(1, 2), rest) for each in (fork, join)]
        stages[at:at] = pair
    elif len(stages) > 1 and d.flag():
        entered = [
            f"{meet}(zzother: stages[{d.whole(0, i - 1)}])" if i and d.flag() else "none" for i in range(len(stages))
        ]
        stages = [replace(s, rest=(*s.rest, ("enter", e))) for s, e in zip(stages, entered, strict=True)]
    same = all(stage.block == stages[0].block for stage in stages)
    per_block: tuple[tuple[str, str], ...] = ()
    if same and not given and d.flag():
        rule = d.of(
            ("1/8 if block.index < 2 else none", "block.in_stage > 0", "none if block.index > stage.index else 1/4")
        )
        per_block = (("zzratio", rule),)
    if kernels.odd:
        height, width = d.whole(17, 40), d.whole(17, 40)
    else:
        height, width = 32 * d.whole(1, 2), 32 * d.whole(1, 2)
    stem = d.of(
        (
            lambda w: f"conv_norm_act(width: {w}, kernel: 3, stride: 2)",
            lambda w: f"conv_norm_act({w}, kernel: 7, stride: 1)",
            lambda w: f"conv({w}, kernel: 3, bias: true) -> gelu",
            lambda w: f"conv_norm_act(width: {w}, act: silu, norm: layer_norm)",
        )
    )
    head = d.of(
        (
            "pool_head(classes: 10)",
            "conv_head(width: 96, classes: 7, dropout_rate: 1/5)",
            "global_pool -> flatten -> linear(5, bias: false)",
            "none",
            "global_max_pool -> flatten -> linear(4)",
            "adaptive_avg_pool(2) -> flatten -> linear(width: 3)",
            "tokens -> layer_norm -> mean(over: tokens) -> token(0) -> linear(6)",
            f"{ends}(stages[{len(stages) - 1}], stem)",
            f"stages[0 .. {len(stages) - 1}] -> {ends}(zzclasses: 3)",
        )
    )
    program = Program(
        blocks=(*h.texts, *texts, *[text for _, text in made]),
        name=d.name("model"),
        channels=d.of((1, 3, 4)),
        height=height,
        width=width,
        stem=stem,
        stem_width=32 * d.whole(1, 2),
        stages=tuple(stages),
        head=head,
        form="",
        per_block=per_block,
        order=tuple(d.draw(st.permutations(range(4)))),
    )
    return replace(program, form=d.of(program.forms))


__all__ = [
    "COMPILER",
    "HEADER",
    "Program",
    "StageParts",
    "Texts",
    "compile_text",
    "network_of",
    "programs",
]

"""`init`: what the emitted `init_weights` computes is what the line says, exactly evaluated with the layer's fans."""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sampling import many
from strategies import COMPILER

import archdsl
from archdsl.compiler import Compilation
from archdsl.graph.initializers import NAMES, Initializer
from archdsl.source import Source

PROFILE = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)

TEXT = """\
arch 1
use std.ops {{ conv, batch_norm, group_norm, layer_norm, relu, global_pool, linear }}

fn he(fan, gain: 2) = sqrt(gain / fan)
fn glorot(a, b) {{ return sqrt(6 / (a + b)) }}
fn nested(fan_in) = he(fan_in, gain: fan_in + 1) * half(fan_in)
fn half(a, b: 1/2) = a * b
fn twice(a, b: a + a) = b
fn clipped(fan) = min(he(fan), 1/10)
fn stepwise(fan) {{ a = fan + 1  return 1 / a }}
fn checked(fan) {{ require fan > 0  return 1 / fan }}
fn chosen(fan) = fan if fan > 3 else 3
fn constant(a) = a ^ (1/2) + log(3)

block b(x; width, zero: false, bias: false) =
  x -> conv(width, kernel: 3, bias: bias) -> batch_norm(zero_init: zero) -> relu
block norms(x; affine: true) = x -> batch_norm(affine: affine) -> group_norm(2) -> layer_norm
block c(x; classes: 10) = x -> global_pool -> linear(classes)

model net(gain: 3) {{
  input:  3 x 8 x 8
  stages: {stages}
  head:   c
  init {{ {init} }}
}}
"""


def program(init: str, stages: str = "b { width: 8 }") -> str:
    return TEXT.format(init=init, stages=stages)


def said(init: str, stages: str = "b { width: 8 }") -> Compilation:
    """A compilation, whatever came of it."""
    return COMPILER.compile(Source("entry.arch", program(init, stages)))


def start(init: str) -> Initializer | None:
    """The one line of an `init` without faults."""
    result = said(init)
    if any(d.severity == "error" for d in result.diagnostics) or result.model is None:
        return None
    (setting,) = result.model.init.values()
    found: Initializer = setting.value
    return found


# Layers and `nn.init` that write down what is done to them


@dataclass(frozen=True)
class Conv2d:
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, int] = (1, 1)
    groups: int = 1
    weight: str = "weight"
    bias: str | None = "bias"

    @property
    def fans(self) -> dict[str, int]:
        taps = self.kernel_size[0] * self.kernel_size[1]
        return dict(
            zip(NAMES, (self.in_channels // self.groups * taps, self.out_channels * taps, self.groups), strict=True)
        )


@dataclass(frozen=True)
class Linear:
    in_features: int
    out_features: int
    weight: str = "weight"
    bias: str | None = "bias"

    @property
    def fans(self) -> dict[str, int]:
        return dict(zip(NAMES, (self.in_features, self.out_features, 1), strict=True))


class BatchNorm2d(SimpleNamespace):
    pass


class GroupNorm(SimpleNamespace):
    pass


class LayerNorm(SimpleNamespace):
    pass


Layer = Conv2d | Linear | BatchNorm2d | GroupNorm | LayerNorm


@dataclass
class Recorder:
    """Stands for `nn.init`: the calls, as (function, tensor, arguments)."""

    calls: list[tuple[str, Any, tuple[float, ...]]] = field(default_factory=list)

    def normal_(self, tensor: Any, mean: float = 0, std: float = 1) -> None:
        assert mean == 0
        self.calls.append(("normal", tensor, (std,)))

    def trunc_normal_(self, tensor: Any, mean: float = 0, std: float = 1, a: float = -2, b: float = 2) -> None:
        assert mean == 0
        assert (a, b) == (-2 * std, 2 * std)
        self.calls.append(("truncated_normal", tensor, (std,)))

    def uniform_(self, tensor: Any, a: float = 0, b: float = 1) -> None:
        assert a == -b
        self.calls.append(("uniform", tensor, (b,)))

    def constant_(self, tensor: Any, value: float) -> None:
        self.calls.append(("constant", tensor, (value,)))

    def zeros_(self, tensor: Any) -> None:
        self.calls.append(("constant", tensor, (0,)))


def function_of(source: str) -> ast.FunctionDef | None:
    """`init_weights` of an emitted module."""
    found = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == "init_weights"]
    return found[0] if found else None


def done(source: str, layer: Layer) -> list[tuple[str, Any, tuple[float, ...]]]:
    """What the emitted function does to a layer. It is run by itself: nothing of PyTorch is needed."""
    function = function_of(source)
    assert function is not None
    imports = [n for n in ast.parse(source).body if isinstance(n, ast.Import) and n.names[0].name == "math"]
    recorder = Recorder()
    kinds = {"Conv2d": Conv2d, "Linear": Linear, "BatchNorm2d": BatchNorm2d, "GroupNorm": GroupNorm}
    nn = SimpleNamespace(Module=object, LayerNorm=LayerNorm, init=recorder, **kinds)
    space: dict[str, Any] = {"nn": nn}
    exec(compile(ast.Module([*imports, function], []), "<init_weights>", "exec"), space)
    space["init_weights"](layer)
    return recorder.calls


def exact(line: str, fans: dict[str, int]) -> Initializer | None:
    """The start that a line says where the fans are these: it is evaluated by the language, without formulas."""
    for name, value in fans.items():
        line = re.sub(rf"\b{name}\b(?!:)", f"({value})", line)
    found = start(f"conv: {line}")
    assert found is None or isinstance(found.scale, float | int)
    return found


def verify(line: str, layer: Conv2d | Linear, source: str) -> bool:
    """The weight of a layer starts as its line says; false where the line has no meaning for such fans."""
    expected = exact(line, layer.fans)
    if expected is None or not isinstance(expected.scale, float | int):
        return False
    ((kind, tensor, (amount,)),) = [call for call in done(source, layer) if call[1] == layer.weight]
    assert (kind, tensor) == (expected.kind, "weight")
    assert isinstance(amount, float | int)
    assert amount == pytest.approx(expected.scale, rel=1e-9, abs=1e-9), f"{line} with {layer.fans}"
    return True


LAYERS = (
    Conv2d(3, 8, (3, 3)),
    Conv2d(12, 18, (3, 5), 6),
    Conv2d(32, 32, (7, 7), 32),
    Conv2d(1, 1),
    Conv2d(480, 1920),
    Linear(1280, 1000),
    Linear(1, 2),
)

LINES = [
    "normal(std: sqrt(2 / fan_out))",
    "normal(std: sqrt(2 * groups / fan_out))",
    "normal(std: (2 / fan_in) ^ (1/2))",
    "normal(std: 1/100)",
    "normal(std: sqrt(2) / fan_in ^ (1/2))",
    "truncated_normal(std: sqrt(1 / fan_in) / 0.87962566103423978)",
    "truncated_normal(std: 0.02)",
    "truncated_normal(std: min(0.02, 1 / sqrt(fan_in)))",
    "uniform(bound: sqrt(6 / (fan_in + fan_out)))",
    "uniform(bound: 1 / sqrt(fan_out))",
    "uniform(bound: 1/3)",
    "0",
    "1/7",
    "-1/7",
    "fan_in",
    "-fan_in",
    "-fan_in ^ 2",
    "(-fan_in) ^ 2",
    "2 ^ -groups",
    "2 ^ -(1 / fan_in)",
    "fan_in - fan_out - groups",
    "fan_in - (fan_out - groups)",
    "fan_in - (fan_out + groups)",
    "fan_in / fan_out / groups",
    "fan_in / (fan_out / groups)",
    "fan_in / (fan_out * groups)",
    "fan_in / fan_out * groups",
    "fan_in * (fan_out / groups)",
    "(fan_in + 1) * (groups - 3)",
    "fan_in * -2",
    "fan_in - -2",
    "fan_in ^ (1/2) ^ 2",
    "(fan_in ^ (1/2)) ^ 2",
    "fan_in ^ (1 / groups)",
    "fan_in ^ -1",
    "1e-9 * fan_in + 1e9",
    "1e9 * fan_in",
    "123456789012 / fan_in",
    "0.1 * fan_in",
    "log(fan_in + 1) / log(2)",
    "max(fan_in, fan_out, 3) - min(groups, 4)",
    "max(fan_in - fan_out, 0)",
    "gain / fan_in",
    "he(fan_out)",
    "normal(std: he(fan_in))",
    "normal(std: he(fan_in, gain: 1))",
    "normal(std: he(gain: groups, fan: fan_out))",
    "normal(std: he(fan_in + fan_out, gain: gain))",
    "uniform(bound: glorot(fan_in, fan_out))",
    "uniform(bound: glorot(fan_in, 3))",
    "uniform(bound: glorot(b: fan_in, a: groups))",
    "nested(fan_out)",
    "half(fan_in)",
    "half(fan_in, fan_out)",
    "half(fan_in + 1, b: groups - 4)",
    "twice(fan_in)",
    "twice(3)",
    "clipped(fan_out)",
    "constant(5)",
    "constant(constant(fan_in))",
    "fan_in / constant(2)",
    "sqrt(6 / (sqrt(fan_in * 1.23456789) + sqrt(fan_out * 1.23456789 + groups)))",
    "uniform(bound: 6 / (sqrt(fan_in * 1.23456789) + sqrt(fan_out * 1.23456789 + groups)))",
    "(sqrt(fan_in + 1.23456789) + sqrt(fan_out + 1.23456789)) * (sqrt(groups + 1.23456789) + 1.23456789)",
    "max(sqrt(fan_in * 1.23456789), sqrt(fan_out * 1.23456789), sqrt(groups * 1.23456789), 1.23456789)",
    "1.23456789 * fan_in + 2.3456789 * fan_out + 3.456789 * groups + 4.56789 * fan_in + 5.6789 * fan_out",
    "-(1.23456789 * fan_in + 2.3456789 * fan_out + 3.456789 * groups + 4.56789 * fan_in + 5.6789 * fan_out)",
    "(1.23456789 * fan_in + 2.3456789 * fan_out + 3.456789 * groups + 4.56789 * fan_in) ^ (1/2 / groups)",
]


@pytest.mark.parametrize("line", LINES)
def test_a_line(line: str) -> None:
    """For convolutions and for linear layers."""
    of_conv = archdsl.compile_text(program(f"conv: {line}")).source
    of_linear = archdsl.compile_text(program(f"linear: {line}")).source
    for layer in LAYERS:
        assert verify(line, layer, of_conv if isinstance(layer, Conv2d) else of_linear)
    assert not done(of_linear, LAYERS[0])
    assert not done(of_conv, LAYERS[-1])


@pytest.mark.parametrize("line", ["(-2) ^ groups", "(1 - 3) ^ groups", "fan_in * (-2) ^ groups", "(-1/2) ^ groups - 1"])
def test_powers_of_negative_numbers(line: str) -> None:
    source = archdsl.compile_text(program(f"conv: {line}")).source
    assert verify(line, Conv2d(12, 18, (3, 5), 6), source)


positive = st.sampled_from(["2", "3", "1/2", "0.02", "1e-3", "7/4", "gain", *NAMES, *NAMES])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Larger formulas; brackets stand only sometimes, so that what binds how is tried."""
    inside = st.one_of(inner, inner.map(lambda a: f"({a})"))
    names = st.sampled_from(NAMES)
    return st.one_of(
        st.builds("{} {} {}".format, inside, st.sampled_from("+-*/"), inside),
        st.builds("{} {} {} {} {}".format, inside, st.sampled_from("-*/"), inside, st.sampled_from("-*/"), inside),
        st.builds(
            "({} + {}) ^ {}".format, names, inside, st.sampled_from(["2", "-1", "(1/2)", "-(1/3)", "1 / groups"])
        ),
        st.builds("{} ^ {} ^ {}".format, names, st.sampled_from(["2", "(1/2)"]), st.sampled_from(["2", "(1/2)", "-1"])),
        st.builds("sqrt({})".format, inner),
        st.builds("log(1 + {})".format, inner),
        st.builds("-{}".format, inside),
        st.builds("{}({}, {})".format, st.sampled_from(["min", "max", "glorot"]), inner, inner),
        st.builds("max({}, 1, {})".format, inner, inner),
        st.builds("{}({})".format, st.sampled_from(["half", "twice", "nested"]), inner),
        st.builds("he({}, gain: {})".format, inner, inner),
        st.builds("half(b: {}, a: {})".format, inner, inner),
    )


formulas = st.recursive(positive, grown, max_leaves=6)
convolutions = st.builds(
    lambda n, m, g, k, j: Conv2d(n * g, m * g, (k, j), g),
    *[st.integers(1, 40)] * 2,
    st.integers(1, 12),
    *[st.sampled_from([1, 3, 5])] * 2,
)


FORMS = ("{}", "{}", "normal(std: {})", "truncated_normal(std: {})", "uniform(bound: {})")


@settings(PROFILE, max_examples=many(25))
@given(formulas, st.sampled_from(FORMS), convolutions)
def test_random_formulas(formula: str, form: str, layer: Conv2d) -> None:
    line = form.format(formula)
    assume(start(f"conv: {line}") is not None)
    source = archdsl.compile_text(program(f"conv: {line}")).source
    assume(verify(line, layer, source))


def test_random_formulas_are_seldom_without_meaning() -> None:
    """Of the formulas that the test above draws, most are tried."""
    tried: list[bool] = []

    @settings(PROFILE, max_examples=many(15))
    @given(formulas)
    def draw(formula: str) -> None:
        tried.append(start(f"conv: {formula}") is not None)

    draw()
    assert sum(tried) > len(tried) / 2


# Which parameters a line is for


def test_biases() -> None:
    source = archdsl.compile_text(program("conv: he(fan_in)  bias: fan_in  linear.bias: 2 / fan_in")).source
    layer, linear = Conv2d(3, 8, (3, 3)), Linear(5, 7)
    assert done(source, layer) == [("constant", "weight", (math.sqrt(2 / 27),)), ("constant", "bias", (27,))]
    assert done(source, linear) == [("constant", "bias", (2 / 5,))]
    assert done(source, Conv2d(3, 8, bias=None)) == [("constant", "weight", (math.sqrt(2 / 3),))]
    assert done(source, Linear(5, 7, bias=None)) == []
    source = archdsl.compile_text(program("bias: uniform(bound: 1 / sqrt(fan_in))")).source
    for each in (layer, linear):
        assert done(source, each) == [("uniform", "bias", (1 / math.sqrt(each.fans["fan_in"]),))]


def test_norms() -> None:
    """Of every kind; those without a scale are left alone."""
    source = archdsl.compile_text(
        program("norm.scale: 1/2  norm.shift: normal(std: 1/4)", "[b { width: 8 }, norms]")
    ).source
    for kind in (BatchNorm2d, GroupNorm, LayerNorm):
        assert done(source, kind(weight="w", bias="b")) == [("constant", "w", (0.5,)), ("normal", "b", (0.25,))]
        assert done(source, kind(weight=None, bias=None)) == []
    source = archdsl.compile_text(program("norm.scale: 1/2")).source
    assert done(source, BatchNorm2d(weight="w", bias="b")) == [("constant", "w", (0.5,))]
    assert done(source, GroupNorm(weight="w", bias="b")) == []  # the network has none


def test_no_line_no_function() -> None:
    for init in ("", "conv: 1"):
        assert (function_of(archdsl.compile_text(program(init)).source) is not None) == bool(init)
    assert function_of(archdsl.compile_text(program("norm.shift: 1", "[relu]")).source) is None  # no norm
    assert "init_weights" not in archdsl.compile_text(program("")).source


def test_the_shipped_models_say_how_they_start() -> None:
    from archdsl.resources import data_root

    for path in (data_root() / "specs").glob("*.arch"):
        net = archdsl.compile(path)
        function = function_of(net.source)
        if function is None:
            continue
        for line, layer in (("conv", Conv2d(16, 32, (3, 3), 4)), ("linear", Linear(64, 10))):
            if line in net.about.init:
                assert done(net.source, layer)[0][1] == "weight", path.stem


# What cannot be said

UNSAID = [
    ("fan_in // 2", "fan_in // 2"),
    ("2 + fan_in % 3", "fan_in % 3"),
    ("round(fan_in)", "round(fan_in)"),
    ("2 * abs(fan_in - 20)", "abs(fan_in - 20)"),
    ("normal(std: 1 / floor(fan_in))", "floor(fan_in)"),
    ("max([fan_in, 3])", "[fan_in, 3]"),
    ("[fan_in, 3][0]", "[fan_in, 3][0]"),
    ("sum([fan_in, 3])", "sum([fan_in, 3])"),
    ("fan_in if groups == 1 else 3", "fan_in if groups == 1 else 3"),
    ("fan_in if gain > 1 else 3", "fan_in if gain > 1 else 3"),
    ("normal(std: 1) if groups == 1 else 3", "normal(std: 1) if groups == 1 else 3"),
    ("stepwise(fan_in)", "stepwise(fan_in)"),
    ("1 / checked(fan_in + 1)", "checked(fan_in + 1)"),
    ("chosen(fan_in)", "fan if fan > 3 else 3"),
    ('"zeros"', '"zeros"'),
    ("relu", "relu"),
    ("normal", "normal"),
    ("none", "none"),
    ("[1, 2]", "[1, 2]"),
]


@pytest.mark.parametrize(("line", "at"), UNSAID, ids=[line for line, _ in UNSAID])
def test_what_cannot_be_said(line: str, at: str) -> None:
    faults = list(said(f"conv: {line}").diagnostics)
    assert [(d.code, d.span.text) for d in faults] == [("E301", at)]


@pytest.mark.parametrize(
    ("line", "code", "at"),
    [
        ("conv: fan", "E201", "fan"),
        ("conv: he(fan_on)", "E201", "fan_on"),
        ("conv: normal(bound: 1)", "E202", "bound"),
        ("conv: uniform(std: 1)", "E202", "std"),
        ("conv: normal(1)", "E211", "normal(1)"),
        ("conv: normal()", "E211", "normal()"),
        ("conv: 1 / 0", "E307", "1 / 0"),
        ("conv: log(0) * fan_in", "E307", "log(0)"),
        ("conv: normal(std: -1)", "E307", "-1"),
        ("conv: normal(std: -fan_in)", "E307", "-fan_in"),
        ("conv: 1e400 * fan_in", "E308", "1e400"),
        ("batch_norm: 1", "E202", "batch_norm"),
    ],
)
def test_other_faults(line: str, code: str, at: str) -> None:
    found = [(d.code, d.span.text) for d in said(line).diagnostics]
    assert found == [(code, at)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("line", ["norm.scale: 1 / {}", "norm.shift: normal(std: 1 / {})"])
def test_norms_have_no_fans(line: str, name: str) -> None:
    """They belong to convolutions and linear layers; an emitted module would not know them."""
    found = [(d.code, d.span.text) for d in said(line.format(name)).diagnostics]
    assert [code for code, _ in found] in (["E201"], ["E301"])


def test_fans_are_names_of_init_alone() -> None:
    assert [d.code for d in said("", "b { width: fan_in }").diagnostics] == ["E201"]


# With PyTorch


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="layers are PyTorch's")


@pytest.mark.parametrize("form", ["normal(std: {})", "truncated_normal(std: {})", "uniform(bound: {})", "{}"])
def test_real_layers(form: str, torch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`init_weights` of the live module asks `torch.nn.init` for what the line says."""
    nn = torch.nn
    line = form.format("sqrt(2 * groups / fan_out) + 1 / fan_in")
    net = archdsl.compile_text(program(f"conv: {line}  linear: {line}  bias: fan_in"))
    conv, linear = nn.Conv2d(12, 18, (3, 5), groups=6), nn.Linear(7, 5)
    recorder = Recorder()
    for name in ("normal_", "trunc_normal_", "uniform_", "constant_", "zeros_"):
        monkeypatch.setattr(nn.init, name, getattr(recorder, name))
    for layer, plain in ((conv, Conv2d(12, 18, (3, 5), 6)), (linear, Linear(7, 5))):
        recorder.calls.clear()
        net.python.init_weights(layer)
        expected = exact(line, plain.fans)
        assert expected is not None
        (kind, weight, (amount,)), (of_bias, bias, (number,)) = recorder.calls
        assert (kind, amount) == (expected.kind, pytest.approx(expected.scale, rel=1e-12))
        assert (of_bias, number) == ("constant", plain.fans["fan_in"])
        assert weight is layer.weight
        assert bias is layer.bias


@pytest.mark.parametrize(
    ("line", "deviation", "bound"),
    [
        ("normal(std: he(fan_in))", math.sqrt(2 / 576), math.inf),
        ("truncated_normal(std: he(fan_in))", 0.8796 * math.sqrt(2 / 576), 2 * math.sqrt(2 / 576)),
        ("uniform(bound: 1 / sqrt(fan_out))", math.sqrt(1 / 576 / 3), math.sqrt(1 / 576)),
        ("1 / fan_in", 0, 1 / 576),
    ],
)
def test_numbers_are_drawn_so(line: str, deviation: float, bound: float, torch: Any) -> None:
    torch.manual_seed(0)
    net = archdsl.compile_text(program(f"conv: {line}", "b { width: [64, 64]  depth: 1 }"))
    weight = net.module().stages[1].blocks[0].conv.weight.detach()
    assert weight.shape == (64, 64, 3, 3)
    assert float(weight.std()) == pytest.approx(deviation, rel=0.02, abs=1e-9)
    assert float(weight.abs().max()) <= bound * (1 + 1e-6)
    if bound < math.inf:
        assert float(weight.abs().max()) > 0.99 * bound


@pytest.mark.parametrize(
    ("line", "scale"),
    [
        ("", 1),
        ("norm.scale: 1", 1),
        ("norm.scale: 1/2", 0.5),
        ("norm.scale: 0", 0),
        ("norm.scale: uniform(bound: 1)", None),
    ],
)
def test_zero_init_is_kept(line: str, scale: float | None, torch: Any) -> None:
    """A norm that starts at a scale of 0 does so whatever `init` says; the others start as it says."""
    stages = "[b { width: 8  zero: true }, b { width: 8 }, b { width: 8  zero: true }]"
    net = archdsl.compile_text(program(f"{line}  norm.shift: 1/4", stages))
    module = net.module()
    norms = [stage.blocks[0].batch_norm for stage in module.stages]
    for _ in range(2):
        for index in (0, 2):
            assert torch.equal(norms[index].weight, torch.zeros(8))
        if scale is not None:
            assert torch.equal(norms[1].weight, torch.full((8,), float(scale)))
        else:
            assert 0 < float(norms[1].weight.detach().abs().max()) <= 1
        assert all(torch.equal(norm.bias, torch.full((8,), 0.25)) for norm in norms)
        assert all(norm.weight.requires_grad for norm in norms)
        if scale not in (0, 0.5, None):
            module.apply(net.python.init_weights)  # again


def test_a_new_classifier_starts_alike(torch: Any) -> None:
    module = archdsl.compile_text(program("linear: 1 / fan_in  bias: 1/3")).module()
    module.reset_classifier(3)
    assert torch.equal(module.head.linear.weight, torch.full((3, 8), 0.125))
    assert torch.equal(module.head.linear.bias, torch.full((3,), 1 / 3))

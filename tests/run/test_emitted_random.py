"""Emitted modules of random architectures, and of programs with all operations: tensors, shapes and values.

Values are compared with those of `interpreter.py`, which runs the graph node by node.
"""

from __future__ import annotations

from typing import Any

import emitted
import interpreter
import pytest
import torch
from emitted import Emitted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from properties.strategies import Program, programs
from torch.utils.flop_counter import FlopCounterMode

from archdsl.graph.cost import count
from archdsl.graph.network import Network

PROFILE = settings(derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)


def check(built: Emitted, network: Network | None = None, *, values: bool = True) -> None:
    """The module is the network, at its own size or at that of another network of the same program."""
    network = network or built.network
    size = (int(network.input[1]), int(network.input[2]))
    arguments = {"image_size": size} if built.interface.sizes_padding else {}
    model = built.on_meta(**arguments)
    assert {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()} == emitted.tensor_shapes(network)
    cost = count(network)
    assert sum(tensor.numel() for tensor in model.parameters()) == cost.params
    image = torch.empty(2, *network.input, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        emitted.check_shapes(network, emitted.watch(model, image))
    assert counter.get_total_flops() == 2 * count(network, "macs").flops * len(image)
    if values:
        check_values(network, emitted.randomise(built.make(**arguments).double()))


def check_values(network: Network, model: torch.nn.Module) -> None:
    """The module's outputs are those of the graph run node by node, and so are the maps that it gives out."""
    image = emitted.images(network, batch=2 if count(network).flops < 10_000_000 else 1)
    with torch.no_grad():
        found = emitted.in_order(model(image))
        wanted = interpreter.run(network, model.state_dict(), image)
    for output, value in zip(found, network.outputs, strict=True):
        torch.testing.assert_close(output, wanted[value], rtol=1e-9, atol=1e-9)
    if not hasattr(model, "feature_maps"):
        return
    with torch.no_grad():
        maps = model.feature_maps(image)
    assert isinstance(maps, tuple)
    assert tuple(feature.shape[1] for feature in maps) == model.feature_channels
    assert len(model.feature_strides) == len(maps)
    if network.features:
        for output, feature in zip(maps, network.features, strict=True):
            torch.testing.assert_close(output, wanted[feature.value], rtol=1e-9, atol=1e-9)
    else:
        alike = [[v for v in wanted.values() if v.shape == feature.shape] for feature in maps]
        assert all(any(feature.allclose(v) for v in some) for feature, some in zip(maps, alike, strict=True))


@settings(PROFILE, max_examples=120)
@given(programs())
def test_random_architectures(program: Program) -> None:
    built = emitted.emitted_text(program.text())
    check(built)
    step = 1 if program.height % 32 or program.width % 32 else 32
    larger = emitted.text_network(program.scaled(1, step, 2 * step).text())
    check(built, larger, values=count(larger).flops < 10_000_000)


HEADER = """arch 1
use std.ops {
  conv, batch_norm, group_norm, layer_norm, relu, relu6, silu, gelu, sigmoid, hard_swish, hard_sigmoid, leaky_relu,
  prelu, tanh, identity, max_pool, avg_pool, global_pool, adaptive_avg_pool, linear, flatten, add, mul, concat, split,
  slice, pad_channels, channel_shuffle, upsample, dropout, drop_path, layer_scale, reshape
}
use std.blocks { conv_norm_act, squeeze_excite, pool_head, conv_head }
"""

FLAGS = ("zzp", "zzq", "zzr")
WIDTHS = ("width", "width * 2", "x.channels", "zzinner", "24", "max(8, floor(width / 3))")


@st.composite
def conditional_programs(draw: Any) -> tuple[str, int]:
    """A program whose stages are one block, each with other steps left away, and the channels of its image."""

    def of(*options: str) -> str:
        return draw(st.sampled_from(options))

    def condition() -> str:
        return of("", *(f" when {flag}" for flag in FLAGS), " when not zzp", " when zzp and zzq", " when stride == 2")

    def step(source: str) -> str:
        width = of(*WIDTHS, f"{source}.channels")
        return of(
            f"conv({width}, kernel: {of('1', '3', 'zzkernel')}{of('', ', bias: true', ', bias: zzq')})",
            f"(conv({width}, kernel: 1) -> batch_norm -> zzact)",
            "batch_norm",
            of("zzact", "relu6", "layer_scale(1/2)", "prelu", "dropout(0.1)", "layer_norm"),
            f"squeeze_excite({of('8', 'width', f'ceil({source}.channels / 4)', 'ceil(x.channels / 2)')})",
            f"zzhelper({width}, zzdeep: {of('true', *FLAGS)})",
            "drop_path(zzdrop)",
        )

    def pipe(source: str) -> str:
        return "".join([f" -> {step(source)}{condition()}" for _ in range(draw(st.integers(1, 4)))])

    lines = [
        f"zzinner = {of('width * 2 if zzp else width', 'x.channels + 8 if zzq else width', '2 * x.channels')}",
        f"zza = x{pipe('x')} -> conv({of(*WIDTHS)}, kernel: 3, stride: stride)",
        f"zzb = zza -> conv(zza.channels, kernel: 3, groups: zza.channels){condition()}{pipe('zza')}",
        f"zzc = zza{pipe('zza')} -> conv(width, kernel: 1)",
        f"zzd = concat(zzb, zzc) -> conv(width, kernel: 1){pipe('zzb')} -> conv(width, kernel: 1)",
        f"zze = {of('zzd', 'zzd + zzc', 'zzc + zzd if zzr else zzd', 'zzd * zzc if zzp else zzc')}",
        of(
            "return zze", "return zze + x if stride == 1 and x.channels == width else zze -> zzact", "return zzact(zze)"
        ),
    ]
    helper = of("zzact(zzmore)", "zzmore + zzfirst if zzdeep else zzmore", "zzmore")
    flags = ", ".join(f"{flag}: false" for flag in FLAGS)
    stages = []
    for _ in range(draw(st.integers(2, 5))):
        settings = [f"width: {8 * draw(st.integers(1, 3))}", f"depth: {draw(st.integers(1, 2))}"]
        settings += [f"stride: {draw(st.integers(1, 2))}", f"zzact: {of('relu', 'relu', 'silu')}"]
        settings += [f"{flag}: {of('true', 'false', 'block.in_stage > 0')}" for flag in FLAGS]
        settings += [f"zzdrop: {of('0', '1/10', 'block.index / 20')}", f"zzkernel: {of('3', '3', '5')}"]
        stages.append(f"zzblock {{ {'  '.join(settings)} }}")
    channels = draw(st.integers(1, 4))
    text = f"""{HEADER}
block zzhelper(x; width, zzact: relu, zzdeep: false) {{
  zzfirst = x -> conv(width, kernel: 1) -> batch_norm when zzdeep
  zzmore = zzfirst -> (zzact -> conv(width, kernel: 3)) when zzdeep
  return {helper}
}}
block zzblock(x; width, stride: 1, zzact: relu, {flags}, zzdrop: 0, zzkernel: 3) {{
  {f"{chr(10)}  ".join(lines)}
}}
model m {{
  input: {channels} x 13 x 16
  stem: {of("conv(8, kernel: 3, stride: 2)", "conv_norm_act(16)", "none")}
  stages: [{", ".join(stages)}]
  head: {of("pool_head(classes: 3)", "conv_head(width: 8, classes: 3)", "none")}
}}
"""
    return text, channels


@settings(PROFILE, max_examples=120)
@given(conditional_programs())
def test_blocks_with_steps_left_away(drawn: tuple[str, int]) -> None:
    text, channels = drawn
    built = emitted.emitted_text(text)
    check(built)
    if "stem: none" not in text:
        other = emitted.text_network(text.replace(f"input: {channels} x", f"input: {channels + 2} x"))
        state = built.on_meta(in_channels=channels + 2).state_dict()
        assert {name: tuple(tensor.shape) for name, tensor in state.items()} == emitted.tensor_shapes(other)


PROGRAMS = {
    "windows": """
      block windows(x) {
        a = x -> conv(8, kernel: 3, stride: 2, padding: [0, 1, 2, 0])
        b = a -> conv(8, kernel: 1 x 7, stride: 1 x 2, dilation: 1 x 2, groups: 4, bias: true)
        c = b -> max_pool(kernel: 3 x 2, stride: 2 x 1, padding: [1, 0, 0, 1])
        d = c -> avg_pool(kernel: 3, stride: 1, padding: [1, 0, 1, 0])
        e = d -> avg_pool(kernel: 2, stride: 1, padding: [1, 0, 1, 0], count_include_pad: false)
        f = e -> max_pool(kernel: 3, stride: 2, padding: 1, ceil_mode: true)
        return f -> max_pool(kernel: 2, stride: 1, dilation: 2, padding: 1) -> avg_pool(2, stride: 2, ceil_mode: true)
      }
      model m { input: 3 x 37 x 54  stages: windows  head: pool_head(classes: 5) }
    """,
    "same": """
      block sames(x; k: 3, s: 2) {
        a = x -> conv(8, kernel: k, stride: s, padding: "same") -> hard_swish
        b = a -> max_pool(kernel: k, stride: s, padding: "same")
        c = b -> conv(8, kernel: k, dilation: 2, groups: 2, padding: "same")
        d = c -> avg_pool(kernel: k, stride: 1, padding: "same", count_include_pad: false)
        e = d -> avg_pool(kernel: k, stride: s, padding: "same", count_include_pad: false)
        return e -> gelu(approximate: "tanh")
      }
      model m {
        input: 3 x 61 x 90
        stages: [sames, sames { k: 2 x 5  s: 1 x 2 }, sames { k: 4  s: 1 }]
        head: pool_head(classes: 5)
      }
    """,
    "vectors": """
      block vectors(x) {
        v = x -> flatten -> linear(24) -> layer_norm -> gelu
        a, b, c = split(v, sizes: [4, 12, 8])
        w = concat(c, a) -> prelu(1/3) -> layer_scale(1/2) -> dropout(0.3)
        return add(w, b) -> pad_channels(to: 20) -> slice(3 .. 17) -> linear(6, bias: false)
      }
      model m { input: 3 x 9 x 8  stages: conv(5, kernel: 3, stride: 3)  head: vectors }
    """,
    "several outputs": """
      block fuse(low, high; width) = (low, high -> upsample(factor: 2)) -> add -> conv(width, kernel: 1)
      block mixed(x; kernels: [3, 5]) {
        parts = split(x, parts: count(kernels))
        return concat([parts[i] -> conv(parts[i].channels, kernel: kernels[i]) for i in 0 .. count(kernels) - 1])
      }
      block pyramid(x; width, stride: 1) {
        low  = x -> conv(width, kernel: 3, stride: stride)
        high = low -> conv(width, kernel: 3, stride: 2)
        return fuse(low, high, width: width) -> relu -> mixed
      }
      block three_heads(x; classes) {
        pooled = x -> global_pool
        return pooled -> linear(classes), x -> conv(4, kernel: 1, bias: true), pooled
      }
      model m {
        input: 3 x 32 x 48
        stages: pyramid { width: [16, 24]  depth: [2, 1]  stride: [1, 2] }
        head: three_heads(10)
        features { first: stages[0]  second: stages[1] }
      }
    """,
    "outputs of which some are used": """
      block fork(x; width) {
        a = x -> conv(width, kernel: 3)
        return a -> relu, a -> tanh -> conv(width, kernel: 1), x -> conv(width, kernel: 1) -> batch_norm
      }
      block first(x; width) {
        a, b, c = fork(x, width: width)
        return a + b
      }
      block last(x; width) {
        a, b, c = fork(x, width: width)
        return c * b
      }
      model m {
        input: 3 x 16 x 16
        stages: [first { width: 8 }, last { width: 12  depth: 2 }]
        head: pool_head(classes: 3)
      }
    """,
    "inputs in another order": """
      block join(p, q, r; mix: true) {
        both = concat(q, p) -> conv(r.channels, kernel: 1) -> batch_norm
        return both * (p -> global_pool -> conv(r.channels, kernel: 1) -> sigmoid) + r if mix else both + r
      }
      block outer(x; width, stride: 1, mix: true) {
        a = x -> conv(width, kernel: 3, stride: stride) -> relu
        b = x -> max_pool(kernel: 3, stride: stride) -> conv(8, kernel: 1)
        c = join(b, a, a -> batch_norm, mix: mix)
        return join(c, b, a, mix: not mix) -> join(a, c, mix: mix)
      }
      model m {
        input: 3 x 20 x 31
        stages: outer { width: [8, 12, 12]  depth: [1, 2, 1]  stride: [2, 1, 2]  mix: stage.index != 1 }
        head: pool_head(classes: 3)
      }
    """,
    "conditions": """
      block step(x; width, stride: 1, ratio: none, deep: false, drop: 0, act: relu, pooled: false) {
        inner = width * 2 if deep else width
        a = x -> (conv(inner, kernel: 1) -> batch_norm -> act) when deep
              -> conv(inner, kernel: 3, stride: stride, groups: 4 if ratio else 1, dilation: 2 if ratio else 1)
              -> squeeze_excite(max(1, floor(x.channels * ratio)), gate: hard_sigmoid) when ratio
              -> layer_scale(0.1) when deep and not ratio
              -> (act -> conv(width, kernel: 1, bias: true)) when deep
        p = x -> max_pool(kernel: 3, stride: stride) -> conv(width, kernel: 1)
        b = a + p if pooled else a
        return act((b -> drop_path(drop) when drop > 0) + x if stride == 1 and x.channels == width else b)
      }
      model m {
        input: 4 x 28 x 24
        stem:  conv(16, kernel: 3, bias: true)
        stages: step {
          width:  [16, 24, 24, 32]
          depth:  [2, 3, 2, 1]
          stride: [1, 2, 1, 2]
          ratio:  1/4 if block.index % 2 == 1 else none
          deep:   block.index > 2
          drop:   block.index / 20
          pooled: block.index == 4 or block.index == 7
          act:    silu if stage.index == 1 else relu6 if stage.index == 2 else relu
        }
        head: conv_head(width: 40, classes: 6, dropout_rate: 1/2, act: leaky_relu(1/7))
        features: [1, 2, 4]
      }
    """,
    "channels": """
      block channels(x; width) {
        a = x -> conv(width, kernel: 3) -> channel_shuffle(4) -> group_norm(2)
        b = a -> slice(2 .. width / 2) -> pad_channels(to: width) -> prelu
        c, d = split(b, parts: 2)
        e = concat(d) -> tanh -> upsample(1 x 2, mode: "bilinear") -> avg_pool(1 x 2, stride: 1 x 2)
        f = (c * e) -> layer_norm -> layer_scale(-0.5)
        return concat(f, c, e) -> reshape(to: (width / 2 * 3) x x.height x x.width)
      }
      block tail(x) = x -> adaptive_avg_pool(2 x 3) -> reshape(to: 3 x 1 x (x.channels * 2)) -> flatten -> linear(4)
      model m { input: 1 x 12 x 15  stages: [channels { width: 16 }, channels { width: 8  depth: 2 }]  head: tail }
    """,
    "no stem, no head": """
      model m { input: 2 x 11 x 12  stages: conv(8, kernel: 5, stride: 2, padding: 1 x 0) }
    """,
    "stages entered": """
      block shrink(x; width) = x -> avg_pool(kernel: 2, stride: 2) -> conv(width, kernel: 1) -> layer_norm
      block mix(x; width) {
        branch = x -> conv(width, kernel: 7, groups: width) -> layer_norm -> conv(width * 2, kernel: 1) -> gelu
                   -> conv(width, kernel: 1, bias: true) -> layer_scale(0.1)
        return x + branch
      }
      model m {
        input: 3 x 40 x 48
        stem: conv(8, kernel: 4, stride: 4, padding: 0) -> layer_norm
        stages: [
          | block | width | depth | enter  |
          | mix   |     8 |     2 | -      |
          | mix   |    16 |     3 | shrink |
          | mix   |    24 |     1 | shrink |
        ]
        head: global_pool -> flatten -> layer_norm -> linear(7)
      }
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str) -> None:
    check(emitted.emitted_text(HEADER + PROGRAMS[name]))

"""Programs whose emitted modules tests run: random blocks with steps left away, and every operation at least once."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

HEADER = """arch 1
use std.ops {
  conv, batch_norm, group_norm, layer_norm, relu, relu6, silu, gelu, sigmoid, hard_swish, hard_sigmoid, leaky_relu,
  prelu, tanh, mish, log_sigmoid, identity, max_pool, avg_pool, global_pool, global_max_pool, adaptive_avg_pool, linear,
  flatten, add, mul, concat, split, slice, pad_channels, channel_shuffle, upsample, resize, dropout, drop_path,
  layer_scale, scale, reshape, std_conv, conv_transpose, channel_conv, parameter, softmax, tokens, map, token,
  attention, matmul, transpose, split_heads, merge_heads, relative_bias,
  relative_logits
}
use std.blocks { conv_norm_act, squeeze_excite, pool_head, conv_head }
"""

FLAGS = ("zzp", "zzq", "zzr")
WIDTHS = ("width", "width * 2", "x.channels", "zzinner", "24", "max(8, floor(width / 3))")


def drawn(strategy: st.SearchStrategy[Any], number: int) -> list[Any]:
    """Examples of a strategy, always the same."""
    found: list[Any] = []

    @settings(
        derandomize=True,
        deadline=None,
        database=None,
        max_examples=number,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: Any) -> None:
        found.append(example)

    collect()
    return found


@st.composite
def conditional_programs(draw: Any) -> str:
    """A program whose stages are one block, each with other steps left away."""

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
            of("zzact", "relu6", "layer_scale(1/2)", "scale(-1.5e-3)", "prelu", "dropout(0.1)", "layer_norm"),
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
    return f"""{HEADER}
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


ENTERS = (
    *('conv(2, kernel: 3, stride: 2, padding: "same")', "conv(2, kernel: 4, padding: [1, 2, 2, 1])", "batch_norm"),
    *("layer_norm -> conv(3, kernel: 1)", "zzmaybe(on: false)", "zzsub -> zzmaybe"),
)


@st.composite
def structured_programs(draw: Any) -> str:
    """A program of numbered containers with holes, steps and stages that do nothing, lists of one, settings that hold
    tensors, several outputs, and features of every kind."""

    def of(*options: str) -> str:
        return draw(st.sampled_from(options))

    def condition() -> str:
        return of("", "", " when zzp", " when not zzp", " when zzp and zzq", " when zzn == 1", " when x.channels == 3")

    def step() -> str:
        """Something that keeps height and width."""
        return of(
            *(
                "conv(3, kernel: 1)",
                "conv(zzwide, kernel: 3)",
                "conv(2, kernel: 4, padding: [1, 2, 2, 1])",
                "batch_norm",
            ),
            *("relu", "tanh", "identity", "layer_scale(2)", "prelu(1/3)", "layer_norm", "scale(-0.5)", "dropout(0.1)"),
            *('max_pool(kernel: 3, stride: 1, padding: "same")', "zzact", "zzmaybe(on: zzp)", "zzmaybe(on: zzq)"),
            *("(identity -> conv(4, kernel: 1))", "zzfew[0]", "zzfew[1]", "drop_path(0.1)", "zzsub", "zzsub(zzp: zzq)"),
        )

    def pipe(source: str, least: int = 1) -> str:
        steps = [f"{step()}{condition()}" for _ in range(draw(st.integers(least, 3)))]
        return " -> ".join([source, *steps])

    def element(source: str, place: str) -> str:
        """An element of a list, there or not by its place."""
        test = of(f"{place} != zzn", f"({place}) % 2 == zzn % 2", f"{place} > zzn", f"{place} < zzn", f"{place} == zzn")
        full = f"({pipe(source)})"
        other = of(source, source, f"({pipe(source)})", f"({source} -> identity)")
        return of(f"({full} if {test} else {other})", f"({source} -> {step()} when {test})", full)

    def listed(source: str) -> str:
        """A list put together."""
        form = of("flat", "flat", "nested", "split", "written")
        last = of("0", "1", "2", "zzn")
        if form == "flat":
            return f"concat([{element(source, 'i')} for i in 0 .. {last}])"
        if form == "nested":
            inner = f"concat([{element(source, 'i + j')} for j in 0 .. {last}])"
            return f"concat([{inner} for i in 0 .. {of('0', '1', '2')}])"
        if form == "split":
            made = of("parts: 1", "parts: 2", "parts: zzn + 1", "sizes: [6]", "sizes: [1, 5]")
            each = of("p", "p -> zzact", "p -> conv(p.channels, kernel: 1)", "p -> layer_scale(3)")
            return f"concat([{each} for p in split({source} -> conv(6, kernel: 1), {made})])"
        return f"concat({element(source, 'zzn')}, {element(source, '1')})"

    def held(source: str) -> str:
        """A block with a setting that is a tensor, holds one, or applies something."""
        other = of("x", "zza", "x -> conv(2, kernel: 1)", "zza -> zzact", "none")
        parts = f"split({source} -> conv(6, kernel: 1), parts: zzn + 1)"
        others = of("[x]", "[x, zza]", "[zza, x -> conv(2, kernel: 3)]", parts, "none")
        act = of("zzact", "zzroot(other: zza)", "zzroot(other: x) -> zzact", f"zzroot(others: {others})")
        act = of(act, act, f"zzroot(act: {act})")
        given = of(f"other: {other}", f"others: {others}", f"act: {act}", f"other: {other}, act: {act}")
        return f"{source} -> zzroot({given})"

    def stage() -> str:
        depth = f"depth: {draw(st.integers(1, 3))}"
        entered = of("", "", *[f"enter: {enter}" for enter in ENTERS])
        if of("block", "block", "plain") == "block":
            made = [f"zzwide: {draw(st.integers(1, 4))}", depth, entered, f"zzk: {of('0', '1', 'block.in_stage')}"]
            made += [f"zzn: {of('0', '1', '2', 'block.in_stage')}"]
            made += [
                f"{flag}: {of('true', 'false', 'block.in_stage > 0', 'block.index == 1')}" for flag in ("zzp", "zzq")
            ]
            made += [f"zzact: {of('relu', 'silu', '(batch_norm -> tanh)')}"]
            return f"zzblock {{ {'  '.join(made)} }}"
        on = of("false", "false", "true", "block.in_stage > 0", "block.in_stage == 1", "block.in_stage < 1")
        return of(
            f"zzmaybe {{ on: {on}  {depth}  {entered} }}",
            f"zzmaybe {{ on: {on}  {depth}  {entered} }}",
            f'conv {{ width: 4  kernel: 3  stride: 2  padding: "same"  {entered} }}',
            f"conv {{ width: 3  kernel: 4  padding: [2, 1, 1, 2]  {depth}  {entered} }}",
            of(f"layer_norm {{ {depth} }}", f"identity {{ {depth} }}", "split(parts: 1)"),
        )

    shared = ", ".join([f"{name}: {name}" for name in ("zzp", "zzq", "zzwide", "zzact", "zzfew")])
    stages = [stage() for _ in range(draw(st.integers(1, 4)))]
    stem = of("conv(4, kernel: 3, stride: 2)", 'conv(4, kernel: 3, stride: 2, padding: "same")', "zzmaybe(on: false)")
    places = [f"f{index}: stages[{index}]" for index in range(len(stages))]
    asked = ["", f"features {{ stem: stem {' '.join(places)} }}", f"features {{ {' '.join(places)} }}"]
    features = of(*asked, *(["features: [2]"] if "stride" in stem else []))
    return f"""{HEADER}
block zzmaybe(x; on: true) = x -> conv(x.channels, kernel: 1) when on
block zzsub(x; zzp: true) {{
  inner = x -> batch_norm when zzp -> (relu -> conv(x.channels, kernel: 1)) when not zzp -> layer_scale(3)
  return inner
}}
block zzroot(x; other: none, others: none, act: relu) {{
  a = concat(x, other) -> conv(3, kernel: 1) if other else x
  b = concat(a, concat(others)) -> conv(2, kernel: 1) if others else a
  return b -> act -> conv(3, kernel: 1)
}}
block zzfork(x; zzn, zzk, zzp, zzq, zzwide, zzact, zzfew) {{
  every = [{element("x", "i")} for i in 0 .. zzn]
  return {of("[every[min(zzk, zzn)]]", "every", "[every[0]]", "every")}
}}
block zzblock(x; zzwide: 2, zzn: 1, zzk: 0, zzp: false, zzq: false, zzact: relu, zzfew: [conv(2, kernel: 1), tanh]) {{
  zza = {pipe("x")}
  zzb = {of(listed("zza"), held("zza"), pipe("zza"))}
  zzc = {of(listed("zzb"), listed("x"), held("zzb"), held("x"))}
  zzd = zzc -> zzfork(zzn: {of("zzn", "0", "2")}, zzk: zzk, {shared})
  zze = [p -> conv(zzwide, kernel: 1) for p in zzd]
  return {of("zze[0]", "[zze[0]]", "zze[0] + zze[0]", "zzc -> conv(zzwide, kernel: 1)", "concat(zze[0], x)")}
}}
block zzboth(x) {{
  y = x -> conv(2, kernel: 1)
  return y -> global_pool -> linear(3), y, {of("x", "y -> relu")}
}}
model m {{
  input: {draw(st.integers(1, 4))} x 9 x 8
  stem: {stem}
  stages: [{", ".join(stages)}]
  head: {of("pool_head(classes: 3)", "zzboth", "zzboth", "zzmaybe(on: false)", "none", "global_pool -> linear(3)")}
  {features}
}}
"""


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
    "matrices": """
      block biased(x; heads, offsets: "signed") {
        t = x -> tokens -> layer_norm
        q = t -> linear(x.channels) -> split_heads(heads)
        k = t -> linear(x.channels) -> split_heads(heads)
        v = t -> linear(x.channels) -> split_heads(heads)
        bias = relative_bias(heads, size: x.height x x.width, init: normal(std: 1/2), offsets: offsets)
        return x + map(attention(q, k, v, bias) -> merge_heads, x)
      }
      block by_content(x; heads) {
        t = x -> tokens -> layer_norm -> linear(3 * x.channels)
        q, k, v = t -> split_heads(heads) -> split(parts: 3, over: width)
        rows = parameter([1, 2 * x.height - 1, q.width], init: normal(std: 1/2))
        columns = parameter([1, 2 * x.width - 1, q.width], init: normal(std: 1/2))
        bias = relative_logits(matmul(q, transpose(rows)), matmul(q, transpose(columns)))
        return x + map(attention(q, k, v, bias) -> merge_heads, x)
      }
      block multi_query(x; heads, dim: x.channels / heads) {
        q = x -> tokens -> layer_norm -> linear(x.channels) -> split_heads(heads)
        few = x -> max_pool(kernel: 2, stride: 2) -> tokens -> layer_norm
        k, v = few -> linear(2 * dim) -> split_heads(1) -> split(parts: 2, over: width)
        own = few -> linear(x.channels) -> split_heads(heads)
        bias = parameter(1 x q.height x own.height, init: normal(std: 1/2))
        return x + map(attention(q, k, v) + attention(q, k, own, bias) -> merge_heads, x)
      }
      block linear_attention(x; heads) {
        t = x -> tokens -> layer_norm -> linear(3 * x.channels)
        q, k, v = t -> split_heads(heads) -> split(parts: 3, over: width)
        return x + map(matmul(q, matmul(transpose(k), v)) -> merge_heads, x)
      }
      block in_windows(x; heads) {
        q, k, v = x -> tokens(window: 3 x 2) -> layer_norm -> linear(3 * x.channels) -> split(parts: 3)
        y = map(attention(q, k, v, heads: heads, size: 6), x, window: 3 x 2)
        a, b, c = y -> tokens(step: 2) -> layer_norm -> linear(3 * x.channels) -> split(parts: 3)
        return x + map(attention(a, b, c, heads: heads, parts: 4), x, step: 2)
      }
      block across(x) {
        t = x -> tokens -> layer_norm
        y = t -> transpose -> tanh -> layer_norm -> linear(t.tokens) -> transpose
        first, others = x -> split(sizes: [2, x.height - 2], over: height)
        return concat(others, first, over: height) * softmax(map(y, x), over: width)
      }
      model m {
        input:  3 x 12 x 16
        stem:   conv(8, kernel: 3, stride: 2)
        stages: [
          biased(heads: 2), biased(heads: 4, offsets: "absolute"), by_content(heads: 2), multi_query(heads: 4),
          linear_attention(heads: 2), in_windows(heads: 4), across
        ]
        head:   tokens -> layer_norm -> token(3) -> linear(5)
      }
    """,
    "lists": """
      block dense(x; growth, layers) {
        y[0] = x
        y[i] = concat(y) -> batch_norm -> relu -> conv(growth, kernel: 3) for i in 1 .. layers
        return concat(y)
      }
      block steps(x; width, layers) {
        a, b = x -> conv(width, kernel: 1) -> split(parts: 2)
        y[0] = a
        y[1] = b
        y[i] = y[i - 1] + (y[i - 1] -> conv_norm_act(width / 2)) for i in 2 .. layers + 1
        return concat(y) -> conv(width, kernel: 1)
      }
      block turns(x; scale, kept: x.channels == 24) {
        parts = x -> split(parts: scale)
        y[i] = (parts[i] + y[i - 1] if kept and i > 0 else parts[i]) -> conv(4, kernel: 3) -> relu
          for i in 0 .. scale - 2
        y[scale - 1] = parts[scale - 1] -> conv(4, kernel: 1)
        z[i] = parts[i] -> conv(4, kernel: 2 * i + 1) for i in 0 .. scale - 1
        return concat(y, z[0], z[scale - 1], y[2]) -> conv(24, kernel: 1)
      }
      block sums(xs...; width) = add(xs) -> conv(width, kernel: 1)
      block held(x; layers: 4) {
        y[0] = x
        y[i] = sums(y, x, width: x.channels) * (y[0] -> global_pool -> sigmoid) for i in 1 .. layers
        return mul(y) + sums(y[layers], width: x.channels)
      }
      model m {
        input:  3 x 17 x 22
        stem:   conv_norm_act(8)
        stages: [
          dense { growth: 4  layers: 4 }, dense { growth: 6  layers: 4 }, dense { growth: 6  layers: 2 },
          steps { width: 24  layers: 4 }, turns { scale: 6 }, turns { scale: 6  kept: false }, held { layers: 3 }
        ]
        head:   pool_head(classes: 5)
      }
    """,
    "vectors": """
      block vectors(x) {
        v = x -> flatten -> linear(24) -> scale(0.3) -> layer_norm -> gelu
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
    "relatives of the convolution": """
      block pyramid(x; width, gain: 1, act: mish) {
        low  = x -> std_conv(width, kernel: 3, stride: 2, gamma: 1.7, gain: gain, bias: true) -> act
        up   = low -> conv_transpose(width / 2, kernel: 4, stride: 2, padding: 1, output_padding: 1 x 0, groups: 2)
        wide = low -> conv_transpose(width, kernel: 2, stride: 2, bias: true)
        high = x -> std_conv(width, kernel: 1 x 3, padding: "same", gain: none, gamma: none)
        both = concat(resize(up, high), resize(low, high, mode: "bilinear"))
        gate = both -> global_max_pool -> channel_conv(5, bias: true) -> sigmoid
        return resize(wide, high) + high + (both * gate -> std_conv(width, kernel: 3, groups: 2, eps: 1e-5))
      }
      block ends(x) {
        return x -> global_pool -> channel_conv(kernel: 3) -> flatten -> channel_conv(kernel: 1) -> log_sigmoid
                 -> linear(3)
      }
      model m {
        input: 3 x 15 x 22
        stages: pyramid { width: [8, 12]  gain: [0, 1/2]  depth: [1, 2] }
        head: ends
      }
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
    "widths behind steps left away": """
      block twice(x; width) = x -> conv(width * 2, kernel: 1) -> relu
      block plain(x; width, deep: false) {
        return x -> conv(width, kernel: 1) -> twice(width) when deep -> conv(width, kernel: 1)
      }
      block dropped(x; width, drop: 0) = x -> conv(width, kernel: 3) -> drop_path(drop) when drop > 0
      block thinned(x; width, rate: 0) = x -> conv(width, kernel: 3) -> dropout(rate) when rate > 0
      model m {
        input: 3 x 12 x 13
        stages: [
          plain { width: 8 }, plain { width: 8  deep: true }, plain { width: 16  deep: true },
          dropped { width: 8 }, dropped { width: 24  drop: 1/10 },
          thinned { width: 8 }, thinned { width: 16  rate: 1/5 }
        ]
        head: pool_head(classes: 3)
      }
    """,
    "an argument that some steps need": """
      block some(x; width, deep: false, pooled: false) {
        a = x -> conv(16, kernel: 3) -> (relu -> conv(width, kernel: 1)) when deep
        return a + conv(x, width, kernel: 1) if pooled else a
      }
      model m {
        input: 16 x 9 x 9
        stages: [
          some { width: 16 }, some { width: 16  deep: true }, some { width: 24  deep: true  pooled: true },
          some { width: 16  pooled: true }
        ]
        head: pool_head(classes: 3)
      }
    """,
    "names used again": """
      block long(x; width) {
        a = x -> conv(width, kernel: 1)
        c = concat(a, a -> conv(width, kernel: 3))
              -> conv(width, kernel: 1) -> conv(width, kernel: 3) -> conv(width, kernel: 1)
        return c * a
      }
      model m { input: 8 x 10 x 10  stages: long { width: [8, 12]  depth: [1, 2] }  head: pool_head(classes: 3) }
    """,
    "counts that some blocks leave out": """
      block zzmaybe(x; on: true) = x -> conv(x.channels, kernel: 1) when on
      block zzsub(x; zzp: true) {
        inner = x -> batch_norm when zzp -> (relu -> conv(x.channels, kernel: 1)) when not zzp -> layer_scale(3)
        return inner
      }
      block zzroot(x; other: none, others: none, act: relu) {
        a = concat(x, other) -> conv(3, kernel: 1) if other else x
        b = concat(a, concat(others)) -> conv(2, kernel: 1) if others else a
        return b -> act -> conv(3, kernel: 1)
      }
      block zzfork(x; zzn, zzk, zzp, zzq, zzwide, zzact, zzfew) {
        every = [(x -> conv(zzwide, kernel: 3) when not zzp -> identity) for i in 0 .. zzn]
        return every
      }
      block zzblock(x; zzwide: 2, zzn: 1, zzk: 0, zzp: false, zzq: false, zzact: relu, zzfew: [conv(2, kernel: 1),
        tanh]) {
        zza = x -> zzfew[0] when x.channels == 3 -> dropout(0.1) -> relu when zzp and zzq
        zzb = concat([p -> layer_scale(3) for p in split(zza -> conv(6, kernel: 1), sizes: [1, 5])])
        zzc = zzb -> zzroot(others: [x])
        zzd = zzc -> zzfork(zzn: zzn, zzk: zzk, zzp: zzp, zzq: zzq, zzwide: zzwide, zzact: zzact, zzfew: zzfew)
        zze = [p -> conv(zzwide, kernel: 1) for p in zzd]
        return zze[0]
      }
      block zzboth(x) {
        y = x -> conv(2, kernel: 1)
        return y -> global_pool -> linear(3), y, y -> relu
      }
      model m {
        input: 3 x 9 x 8
        stem: zzmaybe(on: false)
        stages: [zzblock { zzwide: 4  depth: 1    zzk: 1  zzn: 1  zzp: block.in_stage > 0  zzq: block.in_stage > 0
          zzact: (batch_norm -> tanh) }, identity { depth: 1 }, conv { width: 4  kernel: 3  stride: 2
          padding: "same"  enter: zzmaybe(on: false) }, zzblock { zzwide: 1  depth: 2    zzk: 1
          zzn: block.in_stage  zzp: block.in_stage > 0  zzq: true  zzact: relu }]
        head: pool_head(classes: 3)
        features { stem: stem f0: stages[0] f1: stages[1] f2: stages[2] f3: stages[3] }
      }
    """,
}

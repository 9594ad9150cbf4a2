"""Random programs whose lists grow by rules that take what the list has, other lists in any order, and other values."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

INDICES = ("i", "i - 1", "layers - i", "0", "layers", "i // 2", "i % 2")
LISTS = ("parts", "sides")


@st.composite
def growing_programs(draw: Any) -> str:
    """A program whose stages are one block with two lists that grow, the second of which may take from the first."""

    def of(*options: str) -> str:
        return draw(st.sampled_from(options))

    def atom(name: str, others: tuple[str, ...]) -> str:
        beside = f"{of(*others)}[{of(*INDICES)}]"
        before = f"{name}[i - 1]"
        return of(beside, beside, beside, before, before, f"{name}[0]", "x", f"joined({name}, {beside})")

    def element(name: str, others: tuple[str, ...], depth: int = 0) -> str:
        def part() -> str:
            return element(name, others, depth + 1) if depth < 1 and draw(st.booleans()) else atom(name, others)

        values = of("a + b", "a * sigmoid(b)", "joined(a, b)", "joined(a, b, c)", "resize(a, b)", "a")
        for word in ("a", "b", "c"):
            values = re.sub(rf"\b{word}\b", part(), values)
        join = f"join(other: {atom(name, others)})"
        step = of("conv(4, kernel: 3)", "conv_norm_act(4)", join, "act", "conv(4, kernel: 1) -> relu")
        return f"({values} -> {step})" if draw(st.integers(0, 3)) else f"({values})"

    first, second = element("y", LISTS), element("z", (*LISTS, "y"))
    given = of("y[layers], z[layers]", "y, z", "y[1 .. layers], z[0]", "z, x", "y[0], z[layers]")
    layers = [draw(st.integers(4, 6)), *draw(st.lists(st.integers(1, 5), max_size=2))]
    return f"""
      block joined(xs...) = concat(xs) -> conv(4, kernel: 1)
      block join(x; other) = concat(x, other) -> conv(4, kernel: 3)
      block grown(x; layers, act: relu) {{
        parts = x -> conv(4 * (layers + 1), kernel: 1) -> split(parts: layers + 1)
        sides = [x -> conv(4, kernel: 3) -> batch_norm for i in 0 .. layers]
        y[0] = {of("x", "parts[0]", "sides[layers] -> relu")}
        y[i] = {first} for i in 1 .. layers
        z[0] = {of("x", "y[layers]", "parts[0]")}
        z[i] = {second} for i in 1 .. layers
        return concat({given}) -> conv(4, kernel: 1)
      }}
      model m {{
        input:  3 x 9 x 7
        stem:   conv_norm_act(4)
        stages: grown {{ layers: {layers}  act: [{", ".join(of("relu", "gelu") for _ in layers)}] }}
        head:   pool_head(classes: 3)
      }}
    """

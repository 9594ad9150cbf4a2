"""Sources of families that the specs hold only some members of."""

from __future__ import annotations

from families.compiling import records

PARAMETERS = ("depth", "w_0", "w_a", "w_m", "group_width")


def regnet_source(name: str) -> str:
    """A source that declares a recorded RegNet, and the others of its kind and resolution beside it."""
    kind, resolution = name[6], records("regnet")[name]["resolution"]
    family = {n: r for n, r in records("regnet").items() if n[6] == kind and r["resolution"] == resolution}
    rows = "\n".join(f"  | {n} | {' | '.join(str(r[key]) for key in PARAMETERS)} |" for n, r in family.items())
    stem, head = "simple_stem(width: 32)", "pool_head(classes: 1000)"
    if kind == "z":
        stem, head = "simple_stem(width: 32, act: silu)", "conv_head(width: 1000, classes: 1000)"
    return f"""arch 1
use std.ops {{ silu }}
use std.regnet {{ simple_stem, {kind}_block, pool_head, conv_head, quantized_linear }}

model regnet_{kind}({", ".join(PARAMETERS)}) {{
  input:  3 x {resolution} x {resolution}
  stem:   {stem}
  stages: {kind}_block {{
    width:       quantized_linear(depth: depth, w_0: w_0, w_a: w_a, w_m: w_m)
    stride:      2
    group_width: group_width
    {"" if kind == "x" else "se_ratio: 1/4"}
  }}
  head:   {head}
}}
models regnet_{kind} [
  | name | {" | ".join(PARAMETERS)} |
{rows}
]
"""

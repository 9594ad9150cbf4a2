"""Programs of which something can be folded, and something not, in every way that there is."""

from __future__ import annotations

HEAD = """arch 1
use std.ops {
  conv, batch_norm, relu, silu, layer_scale, concat, conv_transpose, std_conv, max_pool, global_pool, linear, drop_path,
  dropout
}
use std.blocks { pool_head }
"""
PROGRAMS: dict[str, tuple[str, str, str, list[str]]] = {
    "branches": (
        """
block unit(x; width, stride: 1, groups: 1) {
  large = x -> conv(width, kernel: 3, stride: stride, groups: groups) -> batch_norm(eps: 1/1000)
  wide = x -> conv(width, kernel: 1 x 3, stride: stride, groups: groups, bias: true)
  small = x -> conv(width, kernel: 1, stride: stride, groups: groups) -> batch_norm
  convolved = large + wide + small
  return relu((convolved -> drop_path(1/10)) + batch_norm(x) if stride == 1 and x.channels == width else convolved)
}
""",
        "unit(8, stride: 2) -> unit(8, groups: 4) -> unit(8, groups: 8) -> unit(12)",
        "conv relu conv relu conv relu conv relu",
        [],
    ),
    "a row and a column": (
        "block cross(x; width) = (x -> conv(width, kernel: 1 x 3)) + (x -> conv(width, kernel: 3 x 1)) + "
        "(x -> conv(width, kernel: 3, dilation: 1) -> batch_norm(affine: false)) + x\n",
        "conv(8, kernel: 1) -> cross(8) -> batch_norm -> layer_scale(1/10)",
        "conv conv",
        [],
    ),
    "before": (
        "block before(x; width) = x -> relu -> batch_norm -> conv(width, kernel: 1, groups: 2) -> relu -> layer_scale"
        " -> conv(width, kernel: 3) -> relu -> batch_norm -> global_pool -> linear(width) -> relu\n",
        "conv(8, kernel: 3) -> before(6)",
        "conv relu conv relu conv relu global_pool linear relu",
        [],
    ),
    "several": (
        "block several(x) = concat(x -> conv(8, kernel: 3), x -> conv(4, kernel: 1)) -> batch_norm -> relu\n",
        "several -> conv_transpose(6, kernel: 2, stride: 2, groups: 2) -> batch_norm(eps: 1/1000) -> silu"
        " -> std_conv(8, kernel: 3, bias: true) -> batch_norm -> std_conv(6, kernel: 3, gain: none, gamma: none)"
        " -> relu",
        "conv conv concat relu conv_transpose silu conv conv relu",
        [],
    ),
    "what stays": (
        """
block twice(x; width) {
  y = x -> conv(width, kernel: 3)
  return (y -> batch_norm -> relu) + y
}
block costly(x) = (x -> conv(x.channels, kernel: 1 x 7)) + (x -> conv(x.channels, kernel: 7 x 1))
block sized(x) = (x -> conv(8, kernel: 3, stride: 2, padding: "same")) + (x -> conv(8, kernel: 1, stride: 2))
block mixed(x) = (x -> conv(8, kernel: 3, groups: 2)) + (x -> conv(8, kernel: 1))
""",
        "twice(8) -> max_pool(kernel: 2, stride: 2) -> batch_norm -> conv(8, kernel: 3) -> costly -> sized -> mixed",
        "conv batch_norm relu add max_pool batch_norm conv conv conv add conv conv add conv conv add",
        [
            "what stages.0.blocks.0.twice.y gives is used elsewhere too, and before relu",
            "it stands behind max_pool, and before a convolution that pads its map",
            "one convolution would cost more than they do",
            "how much is padded depends on the size of the map",
            "their convolutions have different groups",
        ],
    ),
}
"""Name -> blocks, what stands between image and head, its operations when folded, why the rest stays."""


def text_of(name: str) -> str:
    blocks, stage, _, _ = PROGRAMS[name]
    return f"{HEAD}{blocks}block whole(x) = x -> {stage}\nmodel m {{\n  input: 3 x 16 x 16\n  stages: whole\n" + (
        "  head: pool_head(classes: 5)\n}\n" if name != "before" else "  head: linear(5)\n}\n"
    )

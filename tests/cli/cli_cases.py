"""What the tests of the command line share: where the specs are, a small model, and what a run gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPECS = ROOT / "specs"


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Run = Callable[..., Result]


NET = """\
arch 1
use std.ops { conv, batch_norm, relu, global_pool, linear }

# A grouped convolution whose width is a multiple of its group width.
block grouped(x; width, stride: 1, group_width: 8, act: relu) {
  fit { width: round(width / group_width) * group_width }
  return x -> conv(width, kernel: 3, stride: stride, groups: 1) -> batch_norm -> act
}

block classify(x; classes: 10) = x -> global_pool -> linear(classes)

# Two stages.
model net {
  input:  3 x 32 x 32
  stages: grouped { depth: [1, 2]  width: [18, 32]  stride: 2 }
  head:   classify
  expect { params: 14.7K }
}

scaling wider(s) {
  width: round(width * s)
}
"""

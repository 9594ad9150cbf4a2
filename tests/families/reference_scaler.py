"""The reference scaler of model scaling, written again from its published rules, in doubles.

The rules are those of pycls, pycls/models/scaler.py and blocks.py (`adjust_block_compatibility`): depth,
width, group width and resolution are multiplied by powers of the factor and rounded half to even (Python's
`round` does so), the width to a multiple of 8, the resolution to one of 4, and the group width to 1, 2, 4
or a multiple of 8; then widths are made to fit their groups. Nothing of archdsl is used here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import floor, lcm


@dataclass(frozen=True)
class Weights:
    """The shares of a strategy: `d1_w8_g8_r1` is `Weights(1, 8, 8, 1)`."""

    d: float
    w: float
    g: float
    r: float

    def factors(self, s: float) -> tuple[float, float, float, float]:
        """What depth, width, group width and resolution are multiplied by, for `s` times the flops."""
        total = self.d + self.w + self.r
        return s ** (self.d / total), s ** (self.w / total / 2), s ** (self.g / total / 2), s ** (self.r / total / 2)


@dataclass(frozen=True)
class Stages:
    """A network as the scaler sees it. `ends` are the widths of stem and head, where they are scaled.

    Groups of one channel stay so: a depthwise network has no group width to scale.
    """

    depths: tuple[int, ...]
    widths: tuple[int, ...]
    groups: tuple[int, ...]
    resolution: int
    ends: tuple[int, ...] = ()
    bottleneck: float = 1


STRATEGIES = {
    "d": Weights(1, 0, 0, 0),
    "w": Weights(0, 1, 1, 0),
    "r": Weights(0, 0, 0, 1),
    "dw": Weights(1, 1, 1, 0),
    "dr": Weights(1, 0, 0, 1),
    "wr": Weights(0, 1, 1, 1),
    "dwr": Weights(1, 1, 1, 1),
    "dWr": Weights(1, 8, 8, 1),
    "w_fixed_group": Weights(0, 1, 0, 0),
    "dw_fixed_group": Weights(1, 1, 0, 0),
    "wr_fixed_group": Weights(0, 1, 0, 1),
    "dwr_fixed_group": Weights(1, 1, 0, 1),
    "dWr_fixed_group": Weights(1, 8, 0, 1),
}


def alpha(a: float) -> Weights:
    """The family of the paper's equation 4: a share `a` to the width."""
    return Weights((1 - a) / 2, a, a, (1 - a) / 2)


Rounding = Callable[[float], int]


def half_even(value: float) -> int:
    """Half to even, also where doubles miss a tie: 200 * 5.29 ** 0.5 is 460, and 459.99999999999994 in doubles.

    A value within a thousand-millionth of a tie is taken to be one.
    """
    below = floor(value)
    if abs(value - below - 0.5) < 1e-9:
        return below + below % 2
    return round(value)


def to_eight(width: float, rounding: Rounding = round) -> int:
    return max(1, rounding(width / 8)) * 8


def round_group(group: float, rounding: Rounding = round) -> int:
    whole = max(1, rounding(group))
    if whole <= 2:
        return whole
    return 4 if whole <= 5 else round(whole / 8) * 8


def adjust(width: int, group: int, bottleneck: float) -> tuple[int, int]:
    """Width and group width that fit each other; `bottleneck` is the inner width over the outer one."""
    inner = int(max(1, width * bottleneck))
    group = int(min(group, inner))
    multiple = lcm(group, int(bottleneck)) if bottleneck > 1 else group
    inner = max(multiple, round(inner / multiple) * multiple)
    return int(inner / bottleneck), group


def scale(base: Stages, weights: Weights, s: float, rounding: Rounding = round) -> Stages:
    """The scaled network."""
    d, w, g, r = weights.factors(s)
    fitted = [
        adjust(to_eight(width * w, rounding), round_group(group * g, rounding) if group > 1 else 1, base.bottleneck)
        for width, group in zip(base.widths, base.groups, strict=True)
    ]
    return replace(
        base,
        depths=tuple(max(1, rounding(depth * d)) for depth in base.depths),
        widths=tuple(width for width, _ in fitted),
        groups=tuple(group for _, group in fitted),
        resolution=rounding(base.resolution * r / 4) * 4,
        ends=tuple(to_eight(width * w, rounding) for width in base.ends),
    )

"""Weights where none are given: as the module starts, with norms and scales that are none of identity. Needs torch.

A fresh module hides faults of a conversion: its norms divide by 1 and subtract 0, and branches that start at 0 add
nothing. So what is constant among the parameters is drawn, and norms get statistics of the size of what reaches them:
with others, numbers grow from layer to layer, until sums cancel so that float32 says little of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LEAST = 0.1
"""Of a constant that is drawn anew: a layer scale of 1e-6 would hide what it scales."""
PIXELS, IMAGES = 400_000, (2, 32)
"""What norms are measured on: so many pixels together, in 2 images at least, and in 32 at most."""
NARROW = 0.1
"""A channel's square is taken for this share of the mean of its layer at least: another image may have more in it."""


def draw(module: Any, seed: int, shape: Sequence[int]) -> None:
    """Draw constant parameters and norms' statistics, in place; the module is in the mode that tests afterwards.

    A parameter of one value c by |c| U(0.5, 1.5), or LEAST in place of |c| where that is less; zeros of a bias by
    N(0, 0.1). A norm whose channel has numbers of mean square m, on images of `shape` (channels x height x width) of
    standard normal numbers, gets m U(0.5, 1.5) for its variance and sqrt(m) N(0, 0.1) for its mean.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            first = parameter.flatten()[:1]
            if not bool((parameter == first).all()):
                continue
            if name.endswith("bias"):
                parameter.normal_(0, 0.1, generator=generator)
            else:
                size = max(LEAST, abs(float(first)))
                parameter.uniform_(0.5 * size, 1.5 * size, generator=generator)
        count = min(max(PIXELS // (shape[1] * shape[2]), IMAGES[0]), IMAGES[1])
        _set_norms(module, torch.randn(count, *shape, generator=generator), generator)


def _set_norms(module: Any, images: Any, generator: Any) -> None:
    """Statistics by the numbers that reach each norm, behind those before it.

    Mean squares, and not variances: random layers make numbers of which most is mean, and what is left when that is
    subtracted holds their rounding.
    """

    def measure(norm: Any, given: tuple[Any, ...]) -> None:
        square = given[0].square().transpose(0, 1).flatten(1).mean(1)
        square = square.clamp(min=NARROW * float(square.mean()))
        norm.running_var.uniform_(0.5, 1.5, generator=generator).mul_(square)
        norm.running_mean.normal_(0, 0.1, generator=generator).mul_(square.sqrt())

    module.eval()
    norms = [each for each in module.modules() if getattr(each, "running_var", None) is not None]
    hooks = [norm.register_forward_pre_hook(measure) for norm in norms]
    module(images)
    for hook in hooks:
        hook.remove()


__all__ = ["draw"]

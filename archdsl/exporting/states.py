"""Weights where none are given: as the module starts, with norms and scales that are none of identity. Needs torch.

A fresh module hides faults of a conversion: its norms divide by 1 and subtract 0, and branches that start at 0 add
nothing. So what is constant among the parameters is drawn, and norms have the statistics of drawn images: with others,
numbers grow from layer to layer, until sums cancel so that float32 says little of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LEAST = 0.1
"""Of a constant that is drawn anew: a layer scale of 1e-6 would hide what it scales."""


PIXELS, IMAGES = 400_000, (2, 32)
"""What statistics are taken on: so many pixels together, in 2 images at least, and in 32 at most."""
NARROW = 0.1
"""A channel's variance is at least this share of the median of its layer: of few numbers it may be next to nothing."""


def draw(module: Any, seed: int, shape: Sequence[int]) -> None:
    """Draw constant parameters, and take norms' statistics on drawn images of `shape`, in place.

    A parameter of one value c by |c| U(0.5, 1.5), or LEAST in place of |c| where that is less; zeros of a bias by
    N(0, 0.1). Images are of standard normal numbers, channels x height x width. The module is in the mode that tests
    afterwards.
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
        _take_statistics(module, torch.randn(count, *shape, generator=generator))


def _take_statistics(module: Any, images: Any) -> None:
    """Running means and variances of the images, every norm behind those before it."""
    module.eval()
    norms = [each for each in module.modules() if getattr(each, "running_var", None) is not None]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    module(images)
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
        norm.running_var.clamp_(min=NARROW * float(norm.running_var.median()))
    module.eval()


__all__ = ["draw"]

"""Weights where none are given: as the module starts, with norms and scales that are none of identity. Needs torch.

A fresh module hides faults of a conversion: its norms divide by 1 and subtract 0, and branches that start at 0 add
nothing. So norms' statistics, and what is constant among the parameters, are drawn.
"""

from __future__ import annotations

from typing import Any

LEAST = 0.1
"""Of a constant that is drawn anew: a layer scale of 1e-6 would hide what it scales."""


def draw(module: Any, seed: int) -> None:
    """Draw norms' statistics and constant parameters, in place.

    Running means by N(0, 0.1), variances by U(0.5, 1.5); a parameter of one value c by |c| U(0.5, 1.5), or LEAST in
    place of |c| where that is less; zeros of a bias by N(0, 0.1).
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, buffer in module.named_buffers():
            last = name.rpartition(".")[2]
            if last == "running_mean":
                buffer.normal_(0, 0.1, generator=generator)
            elif last == "running_var":
                buffer.uniform_(0.5, 1.5, generator=generator)
        for name, parameter in module.named_parameters():
            first = parameter.flatten()[:1]
            if not bool((parameter == first).all()):
                continue
            if name.endswith("bias"):
                parameter.normal_(0, 0.1, generator=generator)
            else:
                size = max(LEAST, abs(float(first)))
                parameter.uniform_(0.5 * size, 1.5 * size, generator=generator)


__all__ = ["draw"]

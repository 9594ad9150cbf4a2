"""The module beside the runtime, on the same images. Needs torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any

from archdsl.exporting.targets import ExportFault, Run
from archdsl.exporting.tracing import Traced, flat
from archdsl.records import documented

Images = Callable[[int, int, int], Any]
"""Batch, height and width to images."""


@documented
class Difference:
    """An output of the runtime beside the module's, on the same images."""

    batch: int
    height: int
    width: int
    output: str
    shape: list[int]
    max_difference: float | None
    """Null where an output holds what is no number."""
    largest: float
    """The largest number of the module's output, by absolute value."""
    share: float | None
    """The difference as a share of `largest`."""
    cosine: float | None
    """Of both outputs as vectors; 1 where they have one direction."""


def drawn_images(channels: int, seed: int) -> Images:
    """Images of standard normal numbers, other ones at each call."""
    import torch

    generator = torch.Generator().manual_seed(seed)

    def images(batch: int, height: int, width: int) -> Any:
        return torch.randn(batch, channels, height, width, generator=generator)

    return images


def differences(traced: Traced, run: Run, images: Images) -> Iterator[Difference]:
    """Every output at every size and batch that the file is to take.

    Raises `ExportFault` where the runtime gives another number of outputs.
    """
    import torch

    for height, width in traced.sizes:
        for batch in traced.batches:
            given = images(batch, height, width)
            with torch.no_grad():
                wanted = list(flat(traced.module(given.clone())))
            found = run(given)
            if len(found) != len(wanted):
                raise ExportFault(f"the runtime gives {len(found)} outputs, and the module {len(wanted)}")
            for name, ours, theirs in zip(traced.names, wanted, found, strict=True):
                yield difference((batch, height, width), name, ours, theirs)


def rounding(traced: Traced, images: Images, each: Difference) -> float | None:
    """How far the module's own output in float32 is from the one in float64, as a share of the largest.

    On the images that `each` was found on: `images` draws from its beginning. None where the module does not compute
    in float64.
    """
    import torch

    places = [(batch, height, width) for height, width in traced.sizes for batch in traced.batches]
    drawn = [images(*place) for place in places[: places.index((each.batch, each.height, each.width)) + 1]][-1]
    output = traced.names.index(each.output)
    try:
        with torch.no_grad():
            single = list(flat(traced.module(drawn.clone())))[output]
            double = list(flat(deepcopy(traced.module).double()(drawn.double())))[output]
    except RuntimeError:  # what it computes has float32 in it that no conversion reaches
        return None
    return difference((each.batch, each.height, each.width), each.output, double, single).share


def difference(size: tuple[int, int, int], name: str, ours: Any, theirs: Any) -> Difference:
    """One output of both."""
    batch, height, width = size
    largest, shape = float(ours.abs().max()), [int(extent) for extent in ours.shape]
    most = share = cosine = None
    if theirs.shape == ours.shape and bool(theirs.isfinite().all()):
        left, right = ours.double().flatten(), theirs.double().flatten()
        most = float((left - right).abs().max())
        share = most / largest if largest else math.inf if most else 0.0
        norms = float(left.norm() * right.norm())
        cosine = float(left @ right) / norms if norms else float(most == 0)
    return Difference(batch, height, width, name, shape, most, largest, share, cosine)


def worst(found: Sequence[Difference]) -> Difference:
    """The one that differs most, by its share; one that holds no numbers before all others."""
    return max(found, key=lambda each: math.inf if each.share is None else each.share)


def farthest(found: Sequence[Difference]) -> Difference:
    """The one whose direction differs most; one that holds no numbers before all others."""
    return min(found, key=lambda each: -math.inf if each.cosine is None else each.cosine)


def exact_enough(each: Difference, tolerance: float) -> bool:
    """Whether an output is the module's within a share of its largest number. What is no number is not."""
    return each.share is not None and each.share <= tolerance


def near_enough(each: Difference, cosine: float) -> bool:
    """Whether an output of 8 bits has the module's direction."""
    return each.cosine is not None and each.cosine >= cosine


__all__ = [
    "Difference",
    "Images",
    "difference",
    "differences",
    "drawn_images",
    "exact_enough",
    "farthest",
    "near_enough",
    "rounding",
    "worst",
]

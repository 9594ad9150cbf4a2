"""The tensors of an edited network, made of the old ones, and how far both networks' outputs differ. Needs torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archdsl.records import documented
from archdsl.weights.edits.rules import Edit, Made
from archdsl.weights.layers import COUNTER

SEED = 0
BATCH = 2
CLOSE = 1e-5
"""The share of the largest output that roundings of float32 weights come to, with room."""


@documented
class MeasuredReport:
    """The outputs of both networks for one random batch, in double precision."""

    outputs: int
    """How many numbers were compared."""
    max_difference: float
    largest: float
    """The largest output of the original, by absolute value."""
    images: int
    input: list[int]
    seed: int


def state_of_edit(edit: Edit, state: Mapping[str, Any]) -> dict[str, Any]:
    """The new tensors by name; those that are new, or of which the old state has nothing, are missing."""
    found = {}
    for entry in edit.made:
        if entry.action is not None:
            found[entry.name] = _set(entry)
        elif entry.source is not None and entry.source in state:
            found[entry.name] = _tensor(entry, state[entry.source])
    return found


def _tensor(entry: Made, old: Any) -> Any:
    import torch

    made = old
    if entry.outer is not None and old.ndim:
        made = old.index_select(0, torch.tensor(entry.outer))
    if entry.inner is not None:
        per = made.shape[0] // len(entry.inner)
        parts = []
        for place, group in enumerate(entry.inner):
            part = made[place * per : (place + 1) * per].index_select(1, torch.tensor(group.channels))
            copies = torch.tensor(group.copies, dtype=made.dtype).reshape(1, -1, *[1] * (made.ndim - 2))
            parts.append(part / copies)
        made = torch.cat(parts)
    return _fitted(made, entry.shape).clone(memory_format=torch.contiguous_format)


def _fitted(made: Any, shape: tuple[int, ...]) -> Any:
    """With zeros around the middle of the last axes, or without their edges; the second axis from its start."""
    import torch

    if tuple(made.shape) == shape:
        return made
    found = torch.zeros(shape, dtype=made.dtype)
    to, of = [], []
    for axis, (one, other) in enumerate(zip(shape, made.shape, strict=True)):
        both = min(one, other)
        to.append(slice((one - both) // 2, (one - both) // 2 + both) if axis > 1 else slice(0, both))
        of.append(slice((other - both) // 2, (other - both) // 2 + both) if axis > 1 else slice(0, both))
    found[tuple(to)] = made[tuple(of)]
    return found


def _set(entry: Made) -> Any:
    """A tensor of a layer that gives zero, or what it takes."""
    import torch

    short = entry.name.rpartition(".")[2]
    found = torch.zeros(entry.shape, dtype=torch.int64 if short == COUNTER else torch.float32)
    if entry.action == "zero" or short == COUNTER:
        return found
    if short == "running_var":
        return torch.ones(entry.shape)
    if short == "weight" and len(entry.shape) == 1:  # of a norm whose variance is 1
        return torch.full(entry.shape, (1 + entry.eps) ** 0.5)
    if short == "weight":
        per = entry.shape[1]
        for channel in range(entry.shape[0]):
            place = channel % per if entry.outer is None else entry.outer[channel]
            found[(channel, place, *[extent // 2 for extent in entry.shape[2:]])] = 1
    return found


def measured(
    old: Any, new: Any, old_state: Mapping[str, Any], state: Mapping[str, Any], size: Sequence[int]
) -> MeasuredReport | None:
    """How far the outputs of two modules with their weights differ; none where they are of other shapes.

    `size` is the image: channels, height, width. Raises RuntimeError where a module does not take it.
    """
    import torch

    image = torch.randn(BATCH, *size, generator=torch.Generator().manual_seed(SEED), dtype=torch.float64)
    given = []
    for module, weights in ((old, old_state), (new, state)):
        module.load_state_dict(dict(weights), strict=False)
        with torch.no_grad():
            output = module.double().eval()(image)
        given.append([output] if isinstance(output, torch.Tensor) else list(output))
    before, after = given
    if [one.shape for one in before] != [other.shape for other in after]:
        return None
    difference = max(float((one - other).abs().max()) for one, other in zip(before, after, strict=True))
    largest = max(float(one.abs().max()) for one in before)
    count = sum(one.numel() for one in before)
    return MeasuredReport(count, difference, largest, BATCH, list(size), SEED)

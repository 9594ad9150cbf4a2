"""The numbers of a checkpoint as those of our network: cast to float32, reversed, with other input channels.

What no trained network can hold is refused. Needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archdsl.weights.checkpoints import FLOATS, INTEGERS, Checkpoint, Damaged, WeightsFault, numbers
from archdsl.weights.layers import COUNTER
from archdsl.weights.plan import INPUT_RULES, REVERSED, Loaded, Plan

MAX_COUNT = 1 << 53
"""A counter above this is none."""


def state_of(plan: Plan, found: Checkpoint) -> dict[str, Any]:
    """The tensors to write, by our names. Raises `WeightsFault` for numbers that no network can have."""
    import torch

    state = {}
    for entry in plan.loaded:
        counts = entry.ours.endswith(f".{COUNTER}")
        held = checked_numbers(found, entry.theirs, entry.ours)
        tensor = held.flip(1) if REVERSED in entry.rules else held
        if entry.rules and entry.rules[-1] in INPUT_RULES:
            tensor = _channels(tensor.to(torch.float64), entry, entry.rules[-1])
        number = torch.int64 if counts else torch.float32
        # A copy of its own: tensors of a checkpoint may share memory, which safetensors refuses.
        made = tensor.to(number).reshape(entry.shape).clone(memory_format=torch.contiguous_format)
        if not counts and not bool(made.isfinite().all()):
            largest = float(held.abs().max())
            message = f"its {entry.theirs} holds {largest:g}, beyond what float32 holds, {torch.finfo(number).max:.3g}"
            raise WeightsFault(found.path, message)
        state[entry.ours] = made
    return state


def checked_numbers(found: Checkpoint, name: str, ours: str) -> Any:
    """The tensor of a name, if its numbers can be those of the one of ours. Raises `WeightsFault`."""
    record = found.tensors[name]
    counts = ours.endswith(f".{COUNTER}")
    if record.dtype not in (*FLOATS, *(INTEGERS if counts else ())):
        raise WeightsFault(found.path, f"its {name} holds torch.{record.dtype}, which is no number of a weight")
    try:
        tensor = numbers(record)
    except Damaged as fault:
        raise WeightsFault(found.path, f"{name}: {fault}") from None
    if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
        strange = int((~tensor.isfinite()).sum())
        what = "nan" if bool(tensor.isnan().any()) else "inf"
        raise WeightsFault(found.path, f"its {name} holds {what}: {strange:,} of {tensor.numel():,} numbers are none")
    if counts:
        least, most = (float(tensor.min()), float(tensor.max())) if tensor.numel() else (0.0, 0.0)
        if least < 0 or most > MAX_COUNT or not bool((tensor == tensor.to(tensor.dtype).floor()).all()):
            raise WeightsFault(found.path, f"its {name} counts batches, and holds {least:g}")
    return tensor


def _channels(weight: Any, entry: Loaded, rule: str) -> Any:
    """The weight with other input channels. It is added up in order and in float64, the same on every machine."""
    ours, theirs = entry.shape[1], entry.their_shape[1]
    if rule == "repeat":
        return weight[:, [channel % theirs for channel in range(ours)]] * (theirs / ours)
    total = weight[:, :1].clone()
    for channel in range(1, theirs):
        total += weight[:, channel : channel + 1]
    return total if rule == "sum" else (total / theirs).expand(-1, ours, -1, -1)


def lost(plan: Plan, found: Checkpoint, state: Mapping[str, Any]) -> list[str]:
    """What became zero on the way to float32, and variances that are none."""
    count = 0
    below = [
        entry for entry in plan.loaded if entry.ours.endswith(".running_var") and bool((state[entry.ours] < 0).any())
    ]
    for entry in plan.loaded:
        if found.tensors[entry.theirs].dtype == "float64" and entry.rule is None:
            held = numbers(found.tensors[entry.theirs])
            count += int(((held != 0).reshape(entry.shape) & (state[entry.ours] == 0)).sum())
    notes = [f"{count:,} numbers are too small for float32, and are written as 0"] if count else []
    notes += (
        [f"the variances in {below[0].theirs} and {len(below) - 1:,} others are below 0 in places"] if below else []
    )
    return notes

"""A checkpoint of one network as weights of another that was edited out of it. Needs torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archdsl.graph.network import Network
from archdsl.graph.shapes import show_shape
from archdsl.records import dataclass
from archdsl.weights.checkpoints import WeightsFault
from archdsl.weights.conversion import Choices, Converted, convert
from archdsl.weights.edits.making import CLOSE, MeasuredReport, measured, state_of_edit
from archdsl.weights.edits.rules import Edit, edit_of


@dataclass(frozen=True)
class Edited:
    """The weights of the edited network, what each is made of, and how far the outputs differ."""

    edit: Edit
    converted: Converted
    """The checkpoint by the names of the original's module."""
    state: dict[str, Any]
    measured: MeasuredReport | None
    notes: tuple[str, ...]


def edited(
    old: Network, new: Network, path: str, choices: Choices, modules: tuple[Callable[[], Any], Callable[[], Any]]
) -> Edited:
    """The weights for an edited network of the checkpoint of another. Raises `WeightsFault` where they are none."""
    if old.input[0] != new.input[0]:
        message = f"it takes images of {old.input[0]} channels, and the edited network of {new.input[0]}"
        raise WeightsFault(path, message, "--input on the original, with --input-rule, changes the channels first")
    made = convert(old, path, choices)
    edit = edit_of(old, new)
    state = state_of_edit(edit, made.state)
    notes, found = [], None
    try:
        found = measured(modules[0](), modules[1](), made.state, state, [int(extent) for extent in new.input])
        if found is None:
            notes.append("the outputs have other shapes, and are not compared")
    except RuntimeError as fault:
        size = show_shape(new.input)
        notes.append(f"not compared: not both networks take images of {size}: {str(fault).splitlines()[0][:200]}")
    if found is not None and not edit.reasons and found.max_difference > CLOSE * found.largest:
        notes.append("the outputs ought to be the same, and are not: please report it")
    missing = [entry.name for entry in edit.made if entry.name not in state and entry.source is not None]
    notes += [f"{len(missing):,} tensors are not in the checkpoint, and stay as they start"] if missing else []
    return Edited(edit, made, state, found, tuple(notes))

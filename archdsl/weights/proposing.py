"""A map that is proposed: all that is known of which tensor goes where, with what is open."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.graph.network import Network
from archdsl.graph.shapes import show_shape
from archdsl.records import dataclass
from archdsl.weights import Mismatch, map_state
from archdsl.weights.checkpoints import opened, read_checkpoint
from archdsl.weights.classes import decided_pairs
from archdsl.weights.conversion import Choices
from archdsl.weights.given import lines_of, partial_lines
from archdsl.weights.layers import our_layers, their_layers, told_tensors
from archdsl.weights.mapfile import joined, write_map


@dataclass(frozen=True)
class Proposed:
    """The text of a map, and how far it goes."""

    text: str
    operations: int
    """Operations of ours with tensors."""
    lines: int
    open: int
    """Operations of which nothing is known."""
    undecided: int
    """Operations that could take something else as well."""
    fault: str | None
    """Why the whole could not be mapped."""


def proposed(network: Network, path: str, choices: Choices, title: Sequence[str]) -> Proposed:
    """The map for the checkpoint at a path. Raises `WeightsFault` where the file cannot be read."""
    with opened(path) as file:
        found = read_checkpoint(path, file, choices.ema, choices.entry)
    ours = our_layers(network)
    fault: str | None = None
    rest: list[str] = []
    try:
        plan = map_state(
            network,
            found.shapes,
            ordered=found.ordered,
            input_rule=choices.input_rule or "mean",  # numbers are not looked at, and every rule goes by the same map
            classifier_rule="new",
            allow_unused=True,
            order=0,
        )
        lines = lines_of(plan, ours)
        rest = [f"left out: {left.name} {show_shape(left.shape)}" for left in plan.unused]
    except Mismatch as mismatch:
        fault = mismatch.message
        pairs, left = decided_pairs(ours, their_layers(found.shapes))
        lines = partial_lines(ours, pairs)
        rest = [f"not given away: {layer.path} with {told_tensors(layer)}" for layer in left]
    told = [*title, *([f"not found as a whole: {fault}"] if fault else [])]
    undecided = len([line for line in lines if line.remark and line.theirs is not None])
    open_ = len([line for line in lines if line.theirs is None and not line.new])
    return Proposed(write_map(told, lines, rest), len(ours), len(joined(lines)), open_, undecided, fault)

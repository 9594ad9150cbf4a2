"""Weights from elsewhere: which tensor of a checkpoint is which tensor of the emitted module.

What enters is a network, and the names and shapes of a checkpoint of the same network by another library; what leaves
is a plan, or a `Mismatch` that names the first difference. No table of names stands behind it: the order of the
operations and the shapes of their tensors decide, and every tensor of both sides is accounted for.

**The order of a checkpoint** is that in which a module registers its parts. It is the order of execution but for two
things: branches that do not depend on each other come in any order (a projection before or after the residual branch),
and a parameter of a block itself, such as a layer scale, comes before the parameters of the block's modules. So the
search runs over the orders of independent branches, the same for all applications of one block, with our own first.

**A file may not keep the order** (safetensors sorts names). Then the names' tree stands for it: modules are contiguous,
numbers in names count up, modules with the same parts have the same order, and where shapes still leave a choice the
names' natural order is tried first.

Where several orders fit, names decide and a note of the plan says so; where they do not, the plan has `choices`, or
`Ambiguous` is raised.

    layers    both sides as operations with their tensors
    names     what counts up in names
    orders    the orders that both sides may have
    search    an order of both sides in which all layers agree
    pairing   layers of ours with theirs
    classes   the same by shapes alone, where no order is kept
    mapfile   the same by a text that the user gives, and such a text (given)
    plan      where every tensor goes, by the rules that the user chose
    inputs    what no shape shows: the order of colours, mean and deviation

    checkpoints/  what is in a file, without running what it says
    tensors       its numbers as ours, by a plan
    conversion    all of this: a file as weights of ours, compared with a given output (trial)
    back          the other way; proposing: a map as far as it is known
    edits/        weights for an edited network, and editing: of a file
    fingerprint   which network shapes are of, and identity: those in a file
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from archdsl.graph.blocks import INPUT
from archdsl.graph.network import Network
from archdsl.graph.shapes import show_shape
from archdsl.weights.faults import Ambiguous, Mismatch
from archdsl.weights.given import by_map
from archdsl.weights.inputs import CHANNEL_ORDERS, Inputs, differences, inputs_of, told_inputs
from archdsl.weights.layers import COUNTER, RESHAPE, Layer, our_layers, their_layers, unwrapped
from archdsl.weights.pairing import by_name, by_order
from archdsl.weights.plan import CLASSIFIER_RULES, INPUT_RULES, REVERSED, Could, Left, Loaded, Plan, plan_of
from archdsl.weights.search import MAX_SOLUTIONS


def map_state(
    network: Network,
    tensors: Mapping[str, Sequence[int]],
    *,
    ordered: bool = True,
    input_rule: str | None = None,
    classifier_rule: str | None = None,
    allow_unused: bool = False,
    reverse: bool = False,
    order: int | None = None,
    given: str | None = None,
) -> Plan:
    """The plan for a checkpoint: the names and shapes of its tensors, in its order if `ordered`.

    `reverse`: the checkpoint's network takes BGR, and ours RGB. `order`: which one of several orders that fit; none
    takes no order that nothing decides. `given`: the text of a map that says which is which (`mapfile`). Raises
    `Mismatch`, and `Ambiguous` where only `order` would be missing.
    """
    ours = our_layers(network)
    shapes = {name: tuple(shape) for name, shape in tensors.items()}
    if given is not None:
        pairing = by_map(ours, shapes, given)
    else:
        theirs = their_layers(shapes)
        lacks = classifier_rule == "new"
        pairing = by_name(ours, theirs) or by_order(network, ours, theirs, ordered, lacks, order or 0)
    if reverse:
        _check_reversible(network, ours)
    plan = plan_of(ours, pairing, input_rule, classifier_rule, reverse)
    kept = {entry.theirs for entry in plan.loaded} | {entry.name for entry in plan.unused}
    rest = [Left(name, tuple(shape), "no operation has it") for name, shape in tensors.items() if name not in kept]
    if rest and not allow_unused:
        first, more = rest[0], f", nor do {len(rest) - 1:,} others" if len(rest) > 1 else ""
        raise Mismatch(
            f"the checkpoint's {first.name} ({show_shape(first.shape) or 'a number'}) belongs to no operation{more}",
            "--allow-unused leaves them out, and lists them",
        )
    if plan.choices and order is None:
        raise Ambiguous(plan.choices, plan.orders)
    return replace(plan, unused=(*plan.unused, *rest))


def _check_reversible(network: Network, ours: Mapping[int, Layer]) -> None:
    """Whether all that reads the image are convolutions whose input channels can be reversed."""
    for index, node in enumerate(network.nodes):
        if INPUT in node.inputs and not (index in ours and ours[index].takes_image):
            raise Mismatch(
                f"the checkpoint's network takes BGR, and {node.path}, which reads the image, is no convolution of one "
                "group: its input channels cannot be reversed",
                "--channel-order rgb takes the weights as they are",
            )


__all__ = [
    "CHANNEL_ORDERS",
    "CLASSIFIER_RULES",
    "COUNTER",
    "INPUT_RULES",
    "MAX_SOLUTIONS",
    "RESHAPE",
    "REVERSED",
    "Ambiguous",
    "Could",
    "Inputs",
    "Left",
    "Loaded",
    "Mismatch",
    "Plan",
    "differences",
    "inputs_of",
    "map_state",
    "told_inputs",
    "unwrapped",
]

"""A trained network as it runs: graph to graph, with the numbers that it gives unchanged.

Batch norms and layer scales are folded into convolutions and linear layers beside them, branches on one value that add
up are one convolution, standardized weights are plain ones, and what acts in training alone is gone. Branches are found
by what the graph says, whatever block made them. Nothing is approximated: with exact arithmetic both networks give the
same, for every image size that both take.

    forms     what a folded network is, and what its layers were made of
    work      the operations while they are rewritten
    windows   parallel convolutions as one
    rules     what is folded into what, and why the rest stays
    tree      the blocks that are left
"""

from __future__ import annotations

from archdsl.graph.blocks import INPUT, Step
from archdsl.graph.folding.forms import Chain, Folded, Kept, Some, Sum, paths_of
from archdsl.graph.folding.rules import (
    AFFINE,
    fold_ahead,
    fold_apart,
    fold_behind,
    kept,
    leave_out,
    merge,
    standardized,
)
from archdsl.graph.folding.tree import Tree
from archdsl.graph.folding.work import Work
from archdsl.graph.network import Feature, Network
from archdsl.graph.operations.arithmetic import Add
from archdsl.graph.subgraph import Placement, Subgraph


def folded(network: Network, classifier: int | None = None) -> Folded:
    """The network with its norms folded and its branches merged.

    `classifier` is the operation that users replace by one for other classes, or by none: what stands before it stays
    there. The operations are fewer than before, so that the network has another hash and other counts.
    """
    work = Work(network, classifier)
    gone = leave_out(work)
    standardized(work)
    while _round(work):
        pass
    steps = Tree(work).root()
    layers = {work.nodes[index].path: chain for index, chain in work.chains.items() if index not in work.dropped}
    return Folded(_rebuilt(work, steps), network, layers, kept(work), gone)


def _round(work: Work) -> bool:
    """Every rule once at every operation; whether one did something."""
    changed = False
    for index, node in work.remaining():
        if isinstance(node.operation, AFFINE):
            changed |= fold_behind(work, index) or fold_apart(work, index) or fold_ahead(work, index)
        elif isinstance(node.operation, Add):
            changed |= merge(work, index)
    return changed


def _rebuilt(work: Work, steps: tuple[Step, ...]) -> Network:
    """The operations that are left as a network: one subgraph."""
    network = work.network
    outputs = [work.at(value) for value in network.outputs]
    features = [work.at(feature.value) for feature in network.features]
    labels = network.root.declared.labels
    subgraph = Subgraph("", (network.input,), work.nodes, steps, (*outputs, *features), labels)
    ends = subgraph.outputs
    named = [
        Feature(feature.name, value, feature.stride)
        for feature, value in zip(network.features, ends[len(outputs) :], strict=True)
    ]
    placed = (Placement(subgraph, "", 0, (INPUT,)),)
    kept_names = network.output_names
    return Network(network.name, network.input, placed, ends[: len(outputs)], tuple(named), kept_names)


__all__ = ["Chain", "Folded", "Kept", "Some", "Sum", "folded", "paths_of"]

"""The rules by which operations are folded into others; each says whether it changed something.

At inference a batch norm is y = s x + t for every channel, with s = weight / sqrt(running_var + eps) and
t = bias - running_mean s, and a layer scale is one with t = 0. For a convolution or a linear layer W x + b:

    behind it    s (W x + b) + t = (s W) x + (s b + t)        rows of W times s
    before it    W (s x + t) + b = (W s) x + (W t + b)        columns of W times s

The second holds where every output is made of as many inputs: zeros around the map are not t, so that a norm is not
folded into a convolution that pads. A mean over positions changes nothing of s and t.
"""

from __future__ import annotations

from dataclasses import replace

from archdsl.graph.blocks import Application, Value
from archdsl.graph.folding.forms import Chain, Kept, Some, Sum, paths_of
from archdsl.graph.folding.windows import merged
from archdsl.graph.folding.work import Work
from archdsl.graph.network import Node
from archdsl.graph.operations.arithmetic import Add, Concat
from archdsl.graph.operations.base import Operation
from archdsl.graph.operations.convolution import Conv, Linear
from archdsl.graph.operations.convolutions import ConvTranspose, StdConv
from archdsl.graph.operations.norms import BatchNorm, LayerScale
from archdsl.graph.operations.pooling import AdaptiveAvgPool, GlobalPool
from archdsl.graph.shapes import is_one

AFFINE = (BatchNorm, LayerScale)
"""A factor, and a term, for every channel."""
WEIGHTED = (Conv, Linear, ConvTranspose)
"""Linear functions with weights and a bias."""
MEANS = (GlobalPool, AdaptiveAvgPool)
"""Means over positions that leave nothing out and add nothing."""


def leave_out(work: Work) -> tuple[str, ...]:
    """Drop what acts in training alone; the paths."""
    found = []
    for index, node in work.remaining():
        if node.operation.training_only:
            found.append(node.path)
            work.bypass(index)
    return tuple(found)


def standardized(work: Work) -> None:
    """Convolutions with standardized weights are ordinary ones: the weights stay what they are."""
    for index, node in work.remaining():
        of = node.operation
        if isinstance(of, StdConv):
            settings = {attribute.name: getattr(of, attribute.name) for attribute in Conv.attributes}
            work.become(index, Conv(**settings), node.inputs, work.chain(index))


def fold_behind(work: Work, index: int) -> bool:
    """Fold a norm or scale into the convolution or linear layer before it."""
    value = work.nodes[index].inputs[0]
    if value.node < 0 or not work.alone(value, index):
        return False
    before = work.nodes[value.node]
    if not isinstance(before.operation, WEIGHTED):
        return False
    chain = (*work.chain(value.node), work.nodes[index].path)
    work.become(value.node, _biased(work, index, before.operation), before.inputs, chain)
    work.bypass(index)
    return True


def fold_apart(work: Work, index: int) -> bool:
    """Fold a norm or scale of channels that come of several convolutions into these, each with its own channels."""
    value = work.nodes[index].inputs[0]
    if value.node < 0 or not work.alone(value, index):
        return False
    joined = work.nodes[value.node]
    of = joined.operation
    if not isinstance(of, Concat) or of.over != "channels":
        return False
    parts = [work.nodes[part.node] for part in joined.inputs if part.node >= 0 and work.alone(part, value.node)]
    if len(parts) < len(joined.inputs) or not all(isinstance(part.operation, WEIGHTED) for part in parts):
        return False
    start = 0
    for (at, _), part in zip(joined.inputs, parts, strict=True):
        stop = start + int(part.shapes[0][0])
        chain = (*work.chain(at), Some(work.nodes[index].path, start, stop))
        work.become(at, _biased(work, index, part.operation), part.inputs, chain)
        start = stop
    work.bypass(index)
    return True


def fold_ahead(work: Work, index: int) -> bool:
    """Fold a norm or scale into the convolution or linear layer behind it, or behind the mean that follows."""
    user = _reader(work, index)
    if user is None or user == work.classifier:
        return False
    behind = work.nodes[user]
    shifts = isinstance(work.nodes[index].operation, BatchNorm)
    if not isinstance(behind.operation, Conv | Linear) or (shifts and _pads(behind.operation)):
        return False
    chain = (work.nodes[index].path, *work.chain(user))
    operation = _biased(work, index, behind.operation)
    work.bypass(index)
    work.become(user, operation, work.nodes[user].inputs, chain)
    return True


def _biased(work: Work, index: int, operation: Operation) -> Operation:
    """A convolution or linear layer, which has a bias with a norm in it."""
    if isinstance(operation, WEIGHTED) and isinstance(work.nodes[index].operation, BatchNorm):
        return replace(operation, bias=True)
    return operation


def _reader(work: Work, index: int) -> int | None:
    """The only operation that reads an output, or the mean of it."""
    users = work.users.get(Value(index), [])
    if len(users) != 1 or users[0] < 0:
        return None
    if isinstance(work.nodes[users[0]].operation, MEANS):
        return _reader(work, users[0])
    return users[0]


def _pads(operation: Conv | Linear) -> bool:
    """Whether zeros are read that are none of the map's."""
    if isinstance(operation, Linear) or all(is_one(extent) for extent in operation.kernel):
        return not isinstance(operation, Linear) and operation.padding not in ("same", (0, 0, 0, 0))
    return bool(operation.padding != (0, 0, 0, 0))


def merge(work: Work, index: int) -> bool:
    """Make one convolution of a sum of branches on one value."""
    found = _branches(work, index)
    if not isinstance(found, tuple):
        return False
    source, widest, operation, chains = found
    work.placed[index] = work.placed.get(widest, widest)
    work.become(index, operation, (source,), (Sum(chains),))
    return True


def _branches(work: Work, index: int) -> tuple[Value, int, Conv, tuple[Chain, ...]] | str | None:
    """The value, the convolution with the merged one's kernel, the merged one and what it is made of; why there is
    none, or nothing where a sum is no sum of branches."""
    terms = list(_terms(work, index))
    convs = [term.node for term, user in terms if _is_conv(work, term, user)]
    shape = work.nodes[index].shapes[0]
    if not convs or any(work.shape(term) != shape for term, _ in terms):
        return None
    source = work.nodes[convs[0]].inputs[0]
    if any(work.nodes[at].inputs[0] != source for at in convs):
        return None
    itself = [_itself(work, term, user, source) for term, user in terms if term.node not in convs]
    others = [chain for chain in itself if chain is not None]
    if len(others) < len(itself):
        return None
    operations = [of for at in convs if isinstance(of := work.nodes[at].operation, Conv)]
    biased = any(of.bias for of in operations) or not work.norms.isdisjoint(
        [path for chain in others for path in paths_of(chain)]
    )
    operation = merged(operations, work.shape(source), itself=bool(others), bias=biased)
    if isinstance(operation, str):
        return operation
    if not _seen(work, source, work.scopes[index]):
        return "the value that they read stands in another block"
    widest = next((at for at, of in zip(convs, operations, strict=True) if of.kernel == operation.kernel), convs[0])
    return source, widest, operation, _flat(work, [*[work.chain(at) for at in convs], *others])


def _terms(work: Work, index: int) -> list[tuple[Value, int]]:
    """What is added up, with the sum that does: sums of sums are one."""
    found: list[tuple[Value, int]] = []
    for value in work.nodes[index].inputs:
        if value.node >= 0 and isinstance(work.nodes[value.node].operation, Add) and work.alone(value, index):
            found += _terms(work, value.node)
        else:
            found.append((value, index))
    return found


def _is_conv(work: Work, value: Value, user: int) -> bool:
    return value.node >= 0 and type(work.nodes[value.node].operation) is Conv and work.alone(value, user)


def _itself(work: Work, value: Value, user: int, source: Value) -> Chain | None:
    """The norms and scales between a value and a sum that reads it; none where there is something else."""
    chain: Chain = ()
    while value != source:
        if value.node < 0 or not work.alone(value, user):
            return None
        node = work.nodes[value.node]
        if not isinstance(node.operation, AFFINE):
            return None
        chain = (node.path, *chain)
        value, user = node.inputs[0], value.node
    return chain


def _flat(work: Work, chains: list[Chain]) -> tuple[Chain, ...]:
    """Branches, with those of a sum in its place; first those with a convolution."""
    found: list[Chain] = []
    for chain in chains:
        only = chain[0] if len(chain) == 1 else None
        found += only.branches if isinstance(only, Sum) else [chain]
    return tuple(sorted(found, key=lambda chain: work.convolutions.isdisjoint(paths_of(chain))))


def _seen(work: Work, value: Value, scope: Application) -> bool:
    """Whether a value is known in the body of a block."""
    if any(work.at(given) == value for given in scope.inputs):
        return True
    for step in scope.steps:
        if isinstance(step.applied, int):
            if step.applied == value.node and step.applied not in work.dropped:
                return True
        elif any(given is not None and work.at(given) == value for given in step.applied.outputs):
            return True
    return False


def kept(work: Work) -> tuple[Kept, ...]:
    """The norms that are left and the sums of branches that are not merged, with why."""
    found = []
    for index, node in work.remaining():
        if isinstance(node.operation, BatchNorm):
            found.append(Kept(node.path, _why(work, index, node)))
        elif isinstance(node.operation, Add) and isinstance(why := _branches(work, index), str):
            found.append(Kept(node.path, why))
    return tuple(found)


def _why(work: Work, index: int, node: Node) -> str:
    """Why a norm was not folded."""
    value = node.inputs[0]
    if value.node < 0:
        before = "it reads the image"
    elif isinstance(work.nodes[value.node].operation, WEIGHTED):
        before = f"what {work.nodes[value.node].path} gives is used elsewhere too"
    else:
        before = f"it stands behind {work.nodes[value.node].operation.name}"
    user = _reader(work, index)
    if user is None:
        return f"{before}, and not before one convolution or linear layer alone"
    behind = work.nodes[user].operation
    if user == work.classifier:
        return f"{before}, and before the classifier, which is replaced by others"
    if isinstance(behind, Conv):
        return f"{before}, and before a convolution that pads its map"
    return f"{before}, and before {behind.name}"


__all__ = ["AFFINE", "fold_ahead", "fold_apart", "fold_behind", "kept", "leave_out", "merge", "standardized"]

"""Blocks as PyTorch would have them: operations with their constructor arguments, and what flows between them.

A `Body` is one application of a block. Every operation of the graph becomes one step, or two where PyTorch needs a
step of its own for what the operation says: padding that differs between sides, or the flattening before a linear
layer. Arguments are plain values; what stands for them in the block's text is kept beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, NamedTuple

from archdsl.graph.blocks import WORKED_OUT, Application, Step, Value
from archdsl.graph.network import Network, Node
from archdsl.graph.operations import OPERATIONS
from archdsl.graph.operations.convolution import same_pads
from archdsl.graph.shapes import Shape
from archdsl.records import dataclass

PLAIN = frozenset(
    name
    for name in (
        "relu",
        "relu6",
        "silu",
        "sigmoid",
        "hard_swish",
        "hard_sigmoid",
        "tanh",
        "gelu",
        "leaky_relu",
        "elu",
        "softplus",
    )
    if name in OPERATIONS
)
"""Activations: no state and no channels, so that one may stand for another as an argument."""


class Ref(NamedTuple):
    """A value within a body: an output of a step, or, with an empty label, one of the body's inputs."""

    label: str
    output: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """One step of one body. `kind` is an operation's, or the number of a class that a block became."""

    label: str
    kind: str | int
    inputs: tuple[Ref, ...]
    arguments: Mapping[str, Any]
    names: Mapping[str, str] = field(default_factory=dict)
    """Argument -> what was given for it in the block's text."""
    called: str = ""
    outputs: tuple[Shape, ...] = ()
    exact: frozenset[str] = frozenset()
    """Arguments that must stay arguments, all the way up: the classes of the classifier."""


@dataclass(frozen=True, slots=True)
class Body:
    """One application of a block."""

    application: Application
    inputs: tuple[Shape, ...]
    steps: tuple[Use, ...]
    outputs: tuple[Ref, ...]
    refs: Mapping[Value, Ref] = field(default_factory=dict)
    """What the body calls the values of the graph."""

    def signature(self) -> Any:
        """What two bodies share that differ in arguments alone."""
        steps = tuple([(s.label, _family(s), s.called, s.inputs, len(s.outputs)) for s in self.steps])
        return steps, self.outputs


def _family(step: Use) -> str | int:
    return "activation" if step.kind in PLAIN and step.called else step.kind


class BlockUse(NamedTuple):
    """What a block's application looks like from the outside, once its class is known."""

    number: int
    arguments: Mapping[str, Any]
    settings: Mapping[str, str]
    """Argument -> the setting of the block that it is."""
    inputs: tuple[int, ...]
    """The positions of the inputs that the class takes."""
    exact: frozenset[str]


def body_of(
    network: Network,
    application: Application,
    known: Mapping[int, BlockUse],
    classifier: int | None,
) -> Body:
    """The body of an application whose blocks are all known, by the identity of their applications."""
    refs: dict[Value, Ref] = {}
    for index, value in enumerate(application.inputs):
        refs.setdefault(value, Ref("", index))
    uses: list[Use] = []
    taken = {step.label for step in application.steps}
    for step in application.steps:
        if isinstance(step.applied, int):
            node = network.nodes[step.applied]
            inputs = tuple([refs[value] for value in node.inputs])
            made = _operation(network, node, step, inputs, taken, exact=step.applied == classifier)
            uses += made
            for output in range(len(node.shapes)):
                refs.setdefault(Value(step.applied, output), Ref(made[-1].label, output))
            continue
        inner = step.applied
        block = known[id(inner)]
        inputs = tuple([refs[inner.inputs[i]] for i in block.inputs])
        live = [value for value in inner.outputs if value is not None]
        bare = _bare(step)
        names = {a: bare[s] for a, s in block.settings.items() if s in bare}
        shapes = tuple([network.shape(value) for value in live])
        uses.append(Use(step.label, block.number, inputs, block.arguments, names, step.called, shapes, block.exact))
        for output, value in enumerate(live):
            refs.setdefault(value, Ref(step.label, output))
    outputs = tuple([refs[value] for value in application.outputs if value is not None])
    shapes = tuple([network.shape(value) for value in application.inputs])
    return Body(application, shapes, tuple(uses), outputs, refs)


def _operation(
    network: Network, node: Node, step: Step, inputs: tuple[Ref, ...], taken: set[str], *, exact: bool
) -> list[Use]:
    """The steps of one operation: a pad or a flattening before it where PyTorch has none in it, and itself."""
    shapes = network.input_shapes(node)
    kind, arguments, before = operation_arguments(node.operation, shapes, node.shapes)
    found: list[Use] = []
    bare = _bare(step)
    for what, values, shape in before:
        label = _free(f"{step.label}_{BESIDE.get(what, 'pad')}", taken)
        taken.add(label)
        names = {a: bare[a] for a in values if a in bare}
        found.append(Use(label, what, inputs, values, names, outputs=(shape,)))
        inputs = (Ref(label),)
    names = {a: n for a, n in bare.items() if a in arguments}
    if "padding" in arguments:
        names.pop("padding", None)  # the text may give it in another form
    if kind == "pad_channels":
        names = {"to": bare["to"]} if "to" in bare else {}
    fixed = frozenset(("width",)) if exact else frozenset()
    found.append(Use(step.label, kind, inputs, arguments, names, step.called, node.shapes, fixed))
    if any(what == "channels_last" for what, _, _ in before):
        label = _free(f"{step.label}_{BESIDE['channels_first']}", taken)
        taken.add(label)
        found.append(Use(label, "channels_first", (Ref(step.label),), {}, outputs=node.shapes))
    return found


def _bare(step: Step) -> Mapping[str, str]:
    """Setting -> the name that was given for it."""
    return {setting: name for setting, name in step.names.items() if name != WORKED_OUT}


BESIDE = {"flatten": "flatten", "channels_last": "in", "channels_first": "out"}
"""What a step beside an operation is called after it."""


def _free(label: str, taken: set[str]) -> str:
    free, again = label, 2
    while free in taken:
        free, again = f"{label}{again}", again + 1
    return free


Before = list[tuple[str, dict[str, Any], Shape]]


def operation_arguments(op: Any, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...]) -> tuple[str, Any, Before]:
    """An operation's kind, its constructor's arguments, and the steps that PyTorch needs before it."""
    shape = inputs[0]
    channels = shape[0]
    name = op.name
    if name == "conv":
        padding, before = _padding(op, shape, "zero_pad", op.dilation)
        values = {
            "in_channels": channels,
            "width": op.width,
            "kernel": op.kernel,
            "stride": op.stride,
            "padding": padding,
            "dilation": op.dilation,
            "groups": op.groups,
            "bias": op.bias,
        }
        return name, values, before
    if name == "linear":
        flat: Before = [("flatten", {}, (channels,))] if len(shape) == 3 else []
        return name, {"in_channels": channels, "width": op.width, "bias": op.bias}, flat
    if name == "max_pool":
        padding, before = _padding(op, shape, "low_pad", op.dilation)
        values = {"kernel": op.kernel, "stride": op.stride, "padding": padding, "dilation": op.dilation}
        return name, {**values, "ceil_mode": op.ceil_mode and not before}, before
    if name == "avg_pool":
        return _avg_pool(op, shape)
    settings = dict(op.constants)
    if name == "batch_norm":
        return name, {"in_channels": channels, **settings}, []
    if name == "group_norm":
        return name, {"in_channels": channels, **settings}, []
    if name == "layer_norm":
        last: Before = [("channels_last", {}, shape)] if len(shape) == 3 else []
        return name, {"in_channels": channels, **settings}, last
    if name == "layer_scale":
        return f"{name}_map" if len(shape) == 3 else name, {"in_channels": channels, **settings}, []
    if name == "prelu":
        return name, {"in_channels": channels, **settings}, []
    if name == "pad_channels":
        return f"{name}_map" if len(shape) == 3 else name, {"extra": op.to - channels}, []
    if name == "slice":
        return name, {"lo": op.channels.lo, "hi": op.channels.hi + 1}, []
    if name == "split":
        sizes = tuple([int(s[0]) for s in outputs])
        if len(set(sizes)) == 1:
            return name, {"size": sizes[0]}, []
        return "split_sizes", {"sizes": sizes}, []
    if name == "concat":
        return name, {}, []
    return name, settings, []


def _padding(op: Any, shape: Shape, pad: str, dilation: Any) -> tuple[Any, Before]:
    """Padding within the operation, as (height, width), and the step before it where the sides differ.

    TensorFlow's SAME depends on the size only where the stride is above 1.
    """
    if isinstance(op.padding, str):
        if op.stride != (1, 1):
            if all(d * (k - 1) == 0 for d, k in zip(dilation, op.kernel, strict=True)):
                return (0, 0), []  # a kernel of 1 is never padded
            top, bottom, left, right = op.pads(shape[1], shape[2])
            after = (shape[0], shape[1] + top + bottom, shape[2] + left + right)
            values = {"kernel": op.kernel, "stride": op.stride, "dilation": dilation}
            return (0, 0), [(f"same_{pad}", values, after)]
        sides = [same_pads(extent, k, 1, d) for extent, k, d in zip(shape[1:], op.kernel, dilation, strict=True)]
        (top, bottom), (left, right) = sides
    else:
        top, bottom, left, right = op.padding
    if top == bottom and left == right and (pad != "low_pad" or not _beyond_half(op.kernel, (top, left))):
        return (top, left), []
    after = (shape[0], shape[1] + top + bottom, shape[2] + left + right)
    return (0, 0), [(pad, {"pads": (left, right, top, bottom)}, after)]


def _beyond_half(kernel: Any, padding: Any) -> bool:
    """Whether a pool of PyTorch refuses a padding; it does not look at dilation."""
    return any(2 * p > k for k, p in zip(kernel, padding, strict=True))


def _avg_pool(op: Any, shape: Shape) -> tuple[str, Any, Before]:
    padding, before = _padding(op, shape, "zero_pad", (1, 1))
    values = {"kernel": op.kernel, "stride": op.stride, "padding": padding, "ceil_mode": op.ceil_mode and not before}
    if before and not op.count_include_pad:
        what, pads, _ = before[0]
        if what == "zero_pad":
            return "uneven_avg_pool", {"kernel": op.kernel, "stride": op.stride, **pads}, []
        return "same_avg_pool", {"kernel": op.kernel, "stride": op.stride}, []
    return op.name, {**values, "count_include_pad": op.count_include_pad}, before


def sized(kind: str | int) -> bool:
    """Whether what a kind does depends on the size of its map."""
    return isinstance(kind, str) and kind.startswith("same_")

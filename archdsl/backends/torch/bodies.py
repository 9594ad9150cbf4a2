"""Blocks as PyTorch would have them: operations with their constructor arguments, and what flows between them.

A `Body` is one application of a block. Every operation of the graph becomes one step, or two where PyTorch needs a
step of its own for what the operation says: padding that differs between sides, or the flattening before a linear
layer. Arguments are plain values; what stands for them in the block's text is kept beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, NamedTuple

from archdsl.backends.torch.forms import FORMS
from archdsl.backends.torch.lowering import Lowered, beside
from archdsl.graph.blocks import WORKED_OUT, Application, Formula, Step, Value
from archdsl.graph.network import Network, Node
from archdsl.graph.shapes import Shape
from archdsl.records import dataclass

ELEMENT = "*"
"""What stands in the label of a list's step for the indices: `y.*`."""
LAST = 1
"""The output of such a step that is its last element; output 0 is the list."""


class Ref(NamedTuple):
    """A value within a body: an output of a step, or, with an empty label, one of the body's inputs."""

    label: str
    output: int = 0


@dataclass(frozen=True, slots=True)
class Each:
    """An argument that each element of a list has a value of its own for."""

    values: tuple[Any, ...]


class Several(tuple[Any, ...]):
    """The values of an argument for all elements of a list, of whatever length: never one number for two."""

    __slots__ = ()


class Listed(NamedTuple):
    """What a step is whose value is a list: `map` and `chain`, a module for each element, which takes one value of a
    list or the element before it; `parts`, an operation that gives several values."""

    how: str
    length: int
    first: int = 0
    """The index of the first element."""


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
    formulas: Mapping[str, Formula] = field(default_factory=dict)
    """Argument -> the arithmetic that stands for it in the block's text."""
    exact: frozenset[str] = frozenset()
    """Arguments that must stay arguments, all the way up: the classes of the classifier."""
    listed: Listed | None = None
    """Set where it stands for the elements of a list, whatever their number. Then its outputs are the list, as wide as
    all elements together, and the last of them."""


@dataclass(frozen=True, slots=True)
class Body:
    """One application of a block."""

    application: Application
    inputs: tuple[Shape, ...]
    steps: tuple[Use, ...]
    outputs: tuple[Ref, ...]
    refs: Mapping[Value, Ref] = field(default_factory=dict)
    """What the body calls the values of the graph."""
    rest: int | None = None
    """The place of an input that is a list of as many values as there are, where it is taken as one: `xs...`."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """A name for each input."""
        return self.application.input_names if self.rest is None else self.application.declared.inputs

    def places(self, place: int) -> Sequence[int]:
        """The inputs of the application that one of its own is."""
        return range(place, len(self.application.inputs)) if place == self.rest else (place,)

    def channels(self, ref: Ref) -> int:
        """The channels of one of its values."""
        if not ref.label:
            return int(self.inputs[ref.output][0])
        return next(int(use.outputs[ref.output][0]) for use in self.steps if use.label == ref.label)

    def signature(self) -> Any:
        """What two bodies share that differ in arguments alone."""
        steps = tuple([(s.label, _family(s), s.called, s.inputs, len(s.outputs)) for s in self.steps])
        return steps, self.outputs


def _family(step: Use) -> str | int:
    return "activation" if is_activation(step.kind) and step.called else step.kind


def is_activation(kind: str | int) -> bool:
    """Whether one of such steps may stand for another as an argument."""
    return isinstance(kind, str) and FORMS[kind].activation


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
    fixed: frozenset[int],
) -> Body:
    """The body of an application whose blocks are all known, by the identity of their applications; `fixed` are the
    learned tensors that hold for one size of the image."""
    refs: dict[Value, Ref] = {}
    for index, value in enumerate(application.inputs):
        refs.setdefault(value, Ref("", index))
    uses: list[Use] = []
    taken = {step.label for step in application.steps}
    for step in application.steps:
        if isinstance(step.applied, int):
            node = network.nodes[step.applied]
            inputs = tuple([refs[value] for value in node.inputs])
            exact, sized = step.applied == classifier, step.applied in fixed
            made = _operation(network, node, step, inputs, taken, exact=exact, sized=sized)
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
        formulas = {a: given for a, s in block.settings.items() if isinstance(given := step.names.get(s), Formula)}
        shapes = tuple([network.shape(value) for value in live])
        called, arguments = step.called, block.arguments
        uses.append(Use(step.label, block.number, inputs, arguments, names, called, shapes, formulas, block.exact))
        for output, value in enumerate(live):
            refs.setdefault(value, Ref(step.label, output))
    outputs = tuple([refs[value] for value in application.outputs if value is not None])
    shapes = tuple([network.shape(value) for value in application.inputs])
    return Body(application, shapes, tuple(uses), outputs, refs)


def _operation(
    network: Network, node: Node, step: Step, inputs: tuple[Ref, ...], taken: set[str], *, exact: bool, sized: bool
) -> list[Use]:
    """The steps of one operation: a pad or a flattening before it where PyTorch has none in it, and itself."""
    shapes = network.input_shapes(node)
    kind, arguments, before = lowered(node, shapes)
    if sized:
        arguments.update(beside(shapes[0]))
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
    fixed = frozenset(("width",)) if exact else frozenset()
    formulas = {a: given for a, given in step.names.items() if isinstance(given, Formula) and a in arguments}
    formulas.pop("padding", None)
    found.append(Use(step.label, kind, inputs, arguments, names, step.called, node.shapes, formulas, fixed))
    if any(what == "channels_last" for what, _, _ in before):
        label = _free(f"{step.label}_{BESIDE['channels_first']}", taken)
        taken.add(label)
        found.append(Use(label, "channels_first", (Ref(step.label),), {}, outputs=node.shapes))
    return found


def _bare(step: Step) -> Mapping[str, str]:
    """Setting -> the name that was given for it."""
    return {setting: name for setting, name in step.names.items() if isinstance(name, str) and name != WORKED_OUT}


BESIDE = {"flatten": "flatten", "channels_last": "in", "channels_first": "out"}
"""What a step beside an operation is called after it."""


def _free(label: str, taken: set[str]) -> str:
    free, again = label, 2
    while free in taken:
        free, again = f"{label}{again}", again + 1
    return free


def lowered(node: Node, inputs: tuple[Shape, ...]) -> Lowered:
    """The steps that PyTorch needs for an operation."""
    return FORMS[node.operation.name].lower(node.operation, inputs, node.shapes)

"""How a network is made of blocks: the tree of applications that stands beside its flat list of operations.

Counting needs the operations alone. A backend that writes code as a person would needs to know which of them were
made by one block, and what stands for their settings in that block's text. The tree says nothing that the operations
do not imply, so it takes no part in equality or in the hash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import NamedTuple, TypeAlias

from archdsl.records import dataclass


class Value(NamedTuple):
    """One output of a node. The network's input is `Value(-1, 0)`."""

    node: int
    output: int = 0


INPUT = Value(-1, 0)


class Formula(NamedTuple):
    """Arithmetic of a block's text with names and whole numbers: `inner / group_width`, `2 * x.channels`."""

    operator: str
    """`+`, `-`, `*`, `/` or `//`."""
    left: Operand
    right: Operand


Operand: TypeAlias = "str | int | Formula"
"""A parameter or local name of a block's body, or `x.channels`; a number; or arithmetic with these."""
Given: TypeAlias = "str | Formula"
"""What stands for a setting in a block's text."""
NO_NAMES: Mapping[str, Given] = {}
WORKED_OUT = "..."
"""What stands for a setting that another expression of a block's text gives, neither a name nor a literal alone."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A block as it is declared; one value for all its applications."""

    name: str
    module: str = ""
    """The module that declares it: `std.blocks`."""
    doc: str = ""
    inputs: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    """The names of all places in its body that apply something, in the order of the text."""
    reads: tuple[int, ...] = ()
    """How often its text has each parameter beside its declaration: in the body, in defaults, in `fit`."""
    measures: bool = False
    """Whether its text asks for the channels of a value otherwise than as the whole of a setting."""
    formulas: Mapping[str, Formula] = field(default_factory=dict, compare=False)
    """The local names of its body that are bound to arithmetic: `half = width / 2`."""
    bound: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    """Path of what gives a value, or several, that its body binds to names -> these names: `left, right = split(x)`."""
    variadic: bool = False
    """Whether the last of its inputs stands for as many as there are."""
    counted: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Path of the elements of a list -> the parameter that says how many there are: `y[i] = … for i in 1 .. layers`."""


@dataclass(frozen=True, slots=True)
class Step:
    """One application within a block's body."""

    label: str
    """The module path within the block: `branch.conv1`."""
    applied: int | Application
    """The node of an operation, or a block."""
    names: Mapping[str, Given] = field(default_factory=dict)
    """Setting -> the parameter or local name of the body that was given for it; `x.channels` for an input's width,
    arithmetic with these, `WORKED_OUT` for another expression. Literals and a model's values are missing."""
    called: str = ""
    """The parameter of the body that was applied: `act`; nothing where the text names the block itself."""


@dataclass(frozen=True, slots=True)
class Application:
    """A block applied to values. `outputs` are none where nothing needs them."""

    declared: Declared
    path: str
    inputs: tuple[Value, ...]
    """Those that the block declares, then those that its settings hold and its body uses."""
    outputs: tuple[Value | None, ...]
    steps: tuple[Step, ...]
    held: tuple[str, ...] = ()
    """The names of the inputs that settings hold: `other`, `others_0`, `act_other`."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """A name for each input: `xs_0`, `xs_1` where the last stands for several."""
        names = self.declared.inputs
        if self.declared.variadic:
            count = len(self.inputs) - len(self.held) - len(names) + 1
            names = (*names[:-1], *[f"{names[-1]}_{index}" for index in range(count)])
        return (*names, *self.held)


Place: TypeAlias = Mapping[int, int]
"""Where a node went: old index -> new index; nodes that were left out are missing."""


def moved(steps: tuple[Step, ...], place: Place) -> tuple[Step, ...]:
    """The tree after operations were left out: of steps, those that still hold one."""
    found = []
    for step in steps:
        if isinstance(step.applied, int):
            if step.applied in place:
                found.append(Step(step.label, place[step.applied], step.names, step.called))
        else:
            inner = _moved_block(step.applied, place)
            if inner.steps:
                found.append(Step(step.label, inner, step.names, step.called))
    return tuple(found)


def _moved_block(application: Application, place: Place) -> Application:
    count = len(application.inputs) - len(application.held)
    inputs = [_moved(value, place) or INPUT for value in application.inputs[:count]]
    held = [
        (name, at)
        for name, value in zip(application.held, application.inputs[count:], strict=True)
        if (at := _moved(value, place)) is not None
    ]
    return Application(
        application.declared,
        application.path,
        (*inputs, *[value for _, value in held]),
        tuple([_moved(value, place) for value in application.outputs]),
        moved(application.steps, place),
        tuple([name for name, _ in held]),
    )


def copied(application: Application, path: str, at: Callable[[Value], Value], first: int) -> Application:
    """A block at another path and on other values, its operations moved by `first`."""
    steps = []
    for step in application.steps:
        applied = step.applied
        if isinstance(applied, int):
            steps.append(Step(step.label, applied + first, step.names, step.called))
        else:
            inner = path + applied.path[len(application.path) :]
            steps.append(Step(step.label, copied(applied, inner, at, first), step.names, step.called))
    inputs = tuple([at(value) for value in application.inputs])
    outputs = tuple([at(value) if value is not None else None for value in application.outputs])
    return Application(application.declared, path, inputs, outputs, tuple(steps), application.held)


def _moved(value: Value | None, place: Place) -> Value | None:
    if value is None or value.node not in place:
        return None
    return Value(place[value.node], value.output)


@dataclass(slots=True)
class _Open:
    """A block whose end is still to come."""

    declared: Declared
    path: str
    inputs: tuple[Value, ...]
    names: Mapping[str, Given]
    called: str
    first: int
    """The node that is built next: earlier ones are not the block's own."""
    holds: Callable[[], Mapping[Value, str]]
    known: set[Value]
    held: dict[Value, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)


class Recorder:
    """Keeps the tree while a network is being built."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        """What stands in no block."""
        self._open: list[_Open] = []
        self._nodes = 0

    def enter(
        self,
        declared: Declared,
        path: str,
        inputs: Sequence[Value],
        names: Mapping[str, Given],
        called: str,
        holds: Callable[[], Mapping[Value, str]],
    ) -> None:
        """A block begins: what is built until `leave` is its own. `holds` names the values in its settings."""
        self._use(inputs)
        self._open.append(_Open(declared, path, tuple(inputs), names, called, self._nodes, holds, set(inputs)))

    def leave(self, outputs: Sequence[Value]) -> None:
        """The innermost block ends."""
        self._use(outputs)
        block = self._open.pop()
        inputs, held = (*block.inputs, *block.held), tuple(block.held.values())
        applied = Application(block.declared, block.path, inputs, tuple(outputs), tuple(block.steps), held)
        self._add(block.path, applied, block.names, block.called)

    def operation(self, path: str, node: int, inputs: Sequence[Value], names: Mapping[str, Given], called: str) -> None:
        """An operation was built."""
        self._use(inputs)
        self._nodes = node + 1
        self._add(path, node, names, called)

    def _use(self, values: Sequence[Value]) -> None:
        """Values are used in the innermost block. One that is neither its own nor an input is held by its settings,
        and so on outwards to the block that has it."""
        for value in values:
            for block in reversed(self._open):
                if value.node >= block.first or value in block.known:
                    break
                block.known.add(value)
                block.held[value] = block.holds().get(value, "held")

    def _add(self, path: str, applied: int | Application, names: Mapping[str, Given], called: str) -> None:
        if not self._open:
            self.steps.append(Step(path, applied, names, called))
            return
        block = self._open[-1]
        block.steps.append(Step(path[len(block.path) + 1 :], applied, names, called))


def root_of(name: str, labels: tuple[str, ...], steps: tuple[Step, ...], outputs: tuple[Value, ...]) -> Application:
    """The tree of a whole network; its body's labels are module paths."""
    declared = Declared(name, inputs=("x",), labels=labels)
    return Application(declared, "", (INPUT,), outputs, steps)


__all__ = [
    "INPUT",
    "NO_NAMES",
    "WORKED_OUT",
    "Application",
    "Declared",
    "Formula",
    "Given",
    "Operand",
    "Recorder",
    "Step",
    "Value",
    "copied",
    "moved",
    "root_of",
]

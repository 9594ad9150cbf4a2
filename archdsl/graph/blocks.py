"""How a network is made of blocks: the tree of applications that stands beside its flat list of operations.

Counting needs the operations alone. A backend that writes code as a person would needs to know which of them were
made by one block, and what stands for their settings in that block's text. The tree says nothing that the operations
do not imply, so it takes no part in equality or in the hash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias


class Value(NamedTuple):
    """One output of a node. The network's input is `Value(-1, 0)`."""

    node: int
    output: int = 0


INPUT = Value(-1, 0)
NO_NAMES: Mapping[str, str] = {}
WORKED_OUT = "..."
"""What stands for a setting that an expression of a block's text gives, neither a name nor a literal alone."""


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


@dataclass(frozen=True, slots=True)
class Step:
    """One application within a block's body."""

    label: str
    """The module path within the block: `branch.conv1`."""
    applied: int | Application
    """The node of an operation, or a block."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Setting -> the parameter or local name of the body that was given for it; `x.channels` for an input's width,
    `WORKED_OUT` for another expression of a block's text. Literals, and what a model gives, are missing."""
    called: str = ""
    """The parameter of the body that was applied: `act`; nothing where the text names the block itself."""


@dataclass(frozen=True, slots=True)
class Application:
    """A block applied to values. `outputs` are none where nothing needs them."""

    declared: Declared
    path: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value | None, ...]
    steps: tuple[Step, ...]


Place: TypeAlias = Mapping[int, int]
"""Where a node went: old index -> new index; nodes that were left out are missing."""


def moved(application: Application, place: Place) -> Application:
    """The tree after nodes were left out: of steps, those that still hold a node."""
    steps = []
    for step in application.steps:
        if isinstance(step.applied, int):
            if step.applied in place:
                steps.append(Step(step.label, place[step.applied], step.names, step.called))
        else:
            inner = moved(step.applied, place)
            if inner.steps:
                steps.append(Step(step.label, inner, step.names, step.called))
    return Application(
        application.declared,
        application.path,
        tuple([_moved(value, place) or INPUT for value in application.inputs]),
        tuple([_moved(value, place) for value in application.outputs]),
        tuple(steps),
    )


def _moved(value: Value | None, place: Place) -> Value | None:
    if value is None or value.node not in place:
        return None
    return Value(place[value.node], value.output)


class Recorder:
    """Keeps the tree while a network is being built."""

    def __init__(self) -> None:
        self._open: list[tuple[Declared, str, tuple[Value, ...], list[Step], Mapping[str, str], str]] = []
        self._root: list[Step] = []

    def enter(
        self, declared: Declared, path: str, inputs: Sequence[Value], names: Mapping[str, str], called: str
    ) -> None:
        """A block begins: what is built until `leave` is its own."""
        self._open.append((declared, path, tuple(inputs), [], names, called))

    def leave(self, outputs: Sequence[Value]) -> None:
        """The innermost block ends."""
        declared, path, inputs, steps, names, called = self._open.pop()
        self._add(path, Application(declared, path, inputs, tuple(outputs), tuple(steps)), names, called)

    def operation(self, path: str, node: int, names: Mapping[str, str], called: str) -> None:
        """An operation was built."""
        self._add(path, node, names, called)

    def _add(self, path: str, applied: int | Application, names: Mapping[str, str], called: str) -> None:
        if not self._open:
            self._root.append(Step(path, applied, names, called))
            return
        _, outer, _, steps, _, _ = self._open[-1]
        steps.append(Step(path[len(outer) + 1 :], applied, names, called))

    def finish(self, name: str, outputs: Sequence[Value], place: Place) -> Application:
        """The tree of the whole network; its body's labels are module paths."""
        labels = tuple([step.label for step in self._root])
        root = Application(Declared(name, inputs=("x",), labels=labels), "", (INPUT,), (), tuple(self._root))
        kept = moved(root, place)
        return Application(kept.declared, "", (INPUT,), tuple(outputs), kept.steps)


__all__ = ["INPUT", "NO_NAMES", "WORKED_OUT", "Application", "Declared", "Recorder", "Step", "Value"]

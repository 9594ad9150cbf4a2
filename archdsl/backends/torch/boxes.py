"""The tree of modules that the paths of a block make, and which parts of it are sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from archdsl.backends.torch.bodies import ELEMENT, Ref
from archdsl.backends.torch.forms import FORMS
from archdsl.backends.torch.union import Program, UnionStep

Box: TypeAlias = "dict[str, UnionStep | Box]"
"""Steps by the parts of their labels: the tree of modules."""


def is_value(step: UnionStep) -> bool:
    """Whether a step is written as an expression where it stands by itself."""
    return isinstance(step.kind, str) and FORMS[step.kind].value is not None


def is_module(step: UnionStep) -> bool:
    """Whether a step can be a module, as in a sequence."""
    return not is_value(step) or FORMS[str(step.kind)].module is not None


def tree_of(program: Program) -> Box:
    """The steps of a program below the parts of their labels."""
    tree: Box = {}
    for step in program.steps:
        *outer, last = step.label.split(".")
        box = tree
        for part in outer:
            inner = box.setdefault(part, {})
            if isinstance(inner, UnionStep):
                raise ValueError(f"{step.label} stands below an operation")
            box = inner
        if last in box:
            raise ValueError(f"two operations are called {step.label}")
        box[last] = step
    return tree


def leaves(box: Box) -> Iterator[UnionStep]:
    """All steps in a box, in its order."""
    for inner in box.values():
        if isinstance(inner, UnionStep):
            yield inner
        else:
            yield from leaves(inner)


def list_in(box: Box) -> UnionStep | None:
    """The step of a list's elements that a box holds; others may stand before it."""
    only = box.get(ELEMENT)
    return only if isinstance(only, UnionStep) and only.one.listed is not None else None


def is_chain(box: Box, program: Program) -> bool:
    """Whether the steps of a box follow each other, with nothing between that is needed elsewhere."""
    steps = list(leaves(box))
    place = {step.label: index for index, step in enumerate(program.steps)}
    if [place[s.label] for s in steps] != sorted(place[s.label] for s in steps):
        return False
    inside = {step.label for step in steps[:-1]}
    for index, step in enumerate(steps):
        if len(step.inputs) != 1 or step.count != 1 or not is_module(step) or step.one.listed is not None:
            return False
        if index and step.inputs[0] != Ref(steps[index - 1].label):
            return False
    if any(ref.label in inside for ref in program.outputs):
        return False
    labels = {step.label for step in steps}
    others = [step for step in program.steps if step.label not in labels]
    return not any(ref.label in inside for step in others for ref in step.inputs)


def chain_behind_values(box: Box, program: Program) -> tuple[Box, Box] | None:
    """The expressions that begin a box, and the steps that follow each other behind them; none where it is not so."""
    values: Box = {}
    for name, inner in box.items():
        if not isinstance(inner, UnionStep) or not is_value(inner):
            break
        values[name] = inner
    rest: Box = {name: inner for name, inner in box.items() if name not in values}
    return (values, rest) if values and rest and is_chain(rest, program) else None


def is_relay(box: Box, program: Program, within: Callable[[UnionStep], Program | None]) -> bool:
    """Whether each step of a box hands all its values to the next, and to nobody else.

    What a block gives as it got it is its own value too: `within` has the program of a step that is a block.
    """
    steps = list(leaves(box))
    place = {step.label: index for index, step in enumerate(program.steps)}
    if [place[s.label] for s in steps] != sorted(place[s.label] for s in steps):
        return False
    given: tuple[Ref, ...] | None = None
    for step in steps:
        if not is_module(step) or (given is not None and step.inputs != given):
            return False
        inner = within(step)
        ends = inner.outputs if inner is not None else ()
        handed_on = {index: step.inputs[ref.output] for index, ref in enumerate(ends) if not ref.label}
        given = tuple([handed_on.get(index, Ref(step.label, index)) for index in range(step.count)])
    inside = {step.label for step in steps[:-1]}
    labels = {step.label for step in steps}
    others = [step for step in program.steps if step.label not in labels]
    used = [*program.outputs, *[ref for step in others for ref in step.inputs]]
    return not any(ref.label in inside for ref in used)

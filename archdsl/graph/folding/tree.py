"""The tree of blocks after operations were folded: what is gone is left out, and a layer that is left alone stands for
its block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count

from archdsl.graph.blocks import WORKED_OUT, Application, Declared, Given, Step, Value
from archdsl.graph.folding.work import Work

MERGED = "conv"
"""What a layer is called that stands for a sum, where nothing else in its block is called so."""


class Tree:
    """Makes the steps of the folded network; the operations' paths in `work` follow."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.changed: set[tuple[str, str]] = set()
        """The blocks in which something was folded, by module and name."""
        self._note(work.network.root)
        self._labels: dict[int, set[str]] = {}
        """The names that are taken in a body, by the identity of its application."""

    def root(self) -> tuple[Step, ...]:
        """What stands in the body of the network."""
        return tuple(self._steps(self.work.network.root))

    def _note(self, application: Application) -> bool:
        """Whether an operation of a body was folded into another, or others into it."""
        of = application.declared
        here = [step.applied for step in application.steps if isinstance(step.applied, int)]
        inner = [self._note(step.applied) for step in application.steps if not isinstance(step.applied, int)]
        lost = [at for at in here if at in self.work.dropped and not self.work.nodes[at].operation.training_only]
        if lost or any(at in self.work.placed for at in here):
            self.changed.add((of.module, of.name))
            return True
        return any(inner)

    def _steps(self, application: Application) -> Iterator[Step]:
        for step in application.steps:
            if isinstance(step.applied, int):
                if step.applied not in self.work.dropped:
                    yield self._operation(application, step, step.applied)
                continue
            inner = self._block(step.applied)
            if not inner.steps:
                continue
            yield self._alone(step, inner) or replace(step, applied=inner)

    def _block(self, application: Application) -> Application:
        steps = tuple(self._steps(application))
        inputs = tuple([self.work.at(value) for value in application.inputs])
        known = set(inputs) | {value for step in steps for value in self._given(step)}
        found = [self.work.at(value) if value is not None else None for value in application.outputs]
        outputs = tuple([value if value in known else None for value in found])
        declared = self._declared(application.declared)
        return replace(application, declared=declared, steps=steps, inputs=inputs, outputs=outputs)

    def _given(self, step: Step) -> Iterator[Value]:
        if isinstance(step.applied, int):
            yield from [Value(step.applied, at) for at in range(len(self.work.nodes[step.applied].shapes))]
        else:
            yield from [value for value in step.applied.outputs if value is not None]

    def _declared(self, declared: Declared) -> Declared:
        """A block in which something was folded says so."""
        if (declared.module, declared.name) not in self.changed:
            return declared
        return replace(declared, doc=f"Folded: {declared.doc.strip() or declared.name}")

    def _operation(self, application: Application, step: Step, index: int) -> Step:
        """An operation that is there; a sum that became a convolution has a name and settings of its own."""
        if index not in self.work.placed:
            return step
        label = self._free(application, step.label)
        self._move(index, f"{application.path}.{label}" if application.path else label)
        return Step(label, index, dict(_names(application, self.work.placed[index])))

    def _free(self, application: Application, label: str) -> str:
        """A name that nothing else in a block has; in the body of the network, one beside the sum."""
        around = f"{label.rpartition('.')[0]}." if not application.path and "." in label else ""
        taken = self._labels.setdefault(id(application), {name.split(".")[0] for name in application.declared.labels})
        if around:
            taken.update([name.removeprefix(around).split(".")[0] for name in application.declared.labels])
        number = next(number for number in count(1) if _numbered(number) not in taken)
        taken.add(_numbered(number))
        return around + _numbered(number)

    def _alone(self, step: Step, inner: Application) -> Step | None:
        """The layer that is left of a block, in its place; nothing where it has others, or was alone before."""
        if len(inner.steps) != 1 or not isinstance(inner.steps[0].applied, int):
            return None
        (only,) = inner.steps
        index = only.applied
        if not isinstance(index, int) or index not in self.work.chains or step.label.endswith(ELEMENT):
            return None
        self._move(index, inner.path)
        return Step(step.label, index, dict(_outside(only.names, inner.declared, step.names)))

    def _move(self, index: int, path: str) -> None:
        self.work.nodes[index] = replace(self.work.nodes[index], path=path)


ELEMENT = ".*"


def _numbered(number: int) -> str:
    return MERGED if number == 1 else f"{MERGED}_{number}"


def _names(application: Application, index: int) -> Mapping[str, Given]:
    """What stands for the settings of an operation somewhere in a block, in the terms of that block."""
    for step in application.steps:
        if step.applied == index:
            return step.names
        if not isinstance(step.applied, int) and _holds(step.applied, index):
            return _outside(_names(step.applied, index), step.applied.declared, step.names)
    return {}


def _holds(application: Application, index: int) -> bool:
    return any(
        step.applied == index if isinstance(step.applied, int) else _holds(step.applied, index)
        for step in application.steps
    )


def _outside(names: Mapping[str, Given], inner: Declared, given: Mapping[str, Given]) -> Mapping[str, Given]:
    """Names of a block's text in the terms of the block around it; what was no name there is none here."""
    found: dict[str, Given] = {}
    for setting, name in names.items():
        if not isinstance(name, str) or name not in inner.parameters:
            found[setting] = WORKED_OUT
        elif name in given:
            found[setting] = given[name]
    return found


__all__ = ["Tree"]

"""Bodies of one block as one program: what an author writes with a few conditions in the constructor.

Applications of a block may differ in the steps that conditions leave away. Their union has every step, and for each
the bodies that have it; a step that is left away hands on one of its operands. Where bodies differ in more than that,
they become classes of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace

from archdsl.backends.torch.bodies import Body, Ref, Use, is_activation
from archdsl.backends.torch.forms import FORMS
from archdsl.records import dataclass


@dataclass(slots=True)
class UnionStep:
    """A step of the union. `uses` has one entry a body, none where the body does not have the step."""

    label: str
    kind: str | int
    called: str
    inputs: tuple[Ref, ...]
    uses: list[Use | None]
    bypass: int | None = None
    """The operand that takes its place where it is left away."""

    @property
    def optional(self) -> bool:
        return any(use is None for use in self.uses)

    @property
    def present(self) -> tuple[bool, ...]:
        """Whether the graph has it, in each body."""
        return tuple([use is not None and bool(use.outputs) for use in self.uses])

    @property
    def one(self) -> Use:
        """Any of the uses that the graph has."""
        return next(use for use in self.uses if use is not None and use.outputs)

    @property
    def count(self) -> int:
        """The number of outputs."""
        return len(self.one.outputs)


@dataclass(slots=True)
class Program:
    """The union of bodies, in an order in which it can run."""

    bodies: list[Body]
    steps: list[UnionStep]
    outputs: tuple[Ref, ...]
    labels: dict[str, UnionStep] = field(default_factory=dict)


def programs_of(bodies: Sequence[Body]) -> list[Program]:
    """The bodies of one block in as few programs as can be."""
    whole = unite(bodies)
    if whole is None:
        bodies = aligned(bodies)
        whole = unite(bodies)
    if whole is not None:
        return [whole]
    kinds: dict[object, list[Body]] = {}
    for body in bodies:
        kinds.setdefault(body.signature(), []).append(body)
    order = {id(body): index for index, body in enumerate(bodies)}
    found: list[Program] = []
    for alike in sorted(kinds.values(), key=lambda b: -len(b[0].steps)):
        for index, program in enumerate(found):
            both = unite(sorted([*program.bodies, *alike], key=lambda b: order[id(b)]))
            if both is not None:
                found[index] = both
                break
        else:
            alone = unite(alike)
            if alone is None:
                raise ValueError(f"bodies of {alike[0].application.declared.name} with the same steps are no program")
            found.append(alone)
    return sorted(found, key=lambda program: order[id(program.bodies[0])])


def aligned(bodies: Sequence[Body]) -> list[Body]:
    """The bodies with one label for each expression of the same values: both sums of `(a + b) + c if deep else a + b`.

    Only labels that no module has can differ from the text's.
    """
    known: dict[object, str] = {}
    found: dict[int, Body] = {}
    for body in sorted(bodies, key=lambda body: -len(body.steps)):
        own = {use.label for use in body.steps}
        moved: dict[str, str] = {}
        steps = []
        for use in body.steps:
            inputs = _relabelled(use.inputs, moved)
            if is_expression(use.kind):
                label = known.setdefault((use.kind, inputs, len(use.outputs)), use.label)
                if label not in own:
                    moved[use.label] = label
            steps.append(replace(use, label=moved.get(use.label, use.label), inputs=inputs))
        refs = {value: _relabelled([ref], moved)[0] for value, ref in body.refs.items()}
        found[id(body)] = replace(body, steps=tuple(steps), outputs=_relabelled(body.outputs, moved), refs=refs)
    return [found[id(body)] for body in bodies]


def _relabelled(refs: Sequence[Ref], moved: Mapping[str, str]) -> tuple[Ref, ...]:
    return tuple([Ref(moved.get(ref.label, ref.label), ref.output) for ref in refs])


def is_expression(kind: str | int) -> bool:
    """Whether such a step is never a module."""
    return isinstance(kind, str) and FORMS[kind].value is not None and FORMS[kind].module is None


def unite(bodies: Sequence[Body]) -> Program | None:
    """One program for all bodies, or none where they differ in more than steps left away."""
    order = _order(bodies)
    ends = {(len(body.inputs), len(body.outputs)) for body in bodies}
    if order is None or len(ends) > 1 or _stand_below_another(order):
        return None
    by_label = [{use.label: use for use in body.steps} for body in bodies]
    program = Program(list(bodies), [], ())
    union = _Union(program, by_label)
    for label in order:
        if not union.add(label):
            return None
    outputs = [union.common([body.outputs[i] for body in bodies]) for i in range(len(bodies[0].outputs))]
    program.outputs = tuple([ref for ref in outputs if ref is not None])
    if len(program.outputs) < len(outputs) or not union.holds(program.outputs):
        return None
    for step in program.steps:
        if step.optional and isinstance(step.kind, str) and (nothing := FORMS[step.kind].idle) is not None:
            idle = replace(step.one, arguments=nothing, outputs=())
            step.uses = [use or idle for use in step.uses]
    if any(step.optional and not _may_miss(step) for step in program.steps):
        return None
    return program


def _stand_below_another(labels: Sequence[str]) -> bool:
    """Whether a place holds a step in one body and several in another: `act`, and `act.norm` with `act.relu`."""
    known = set(labels)
    parents = {label[:end] for label in labels for end, char in enumerate(label) if char == "."}
    return not known.isdisjoint(parents)


def _may_miss(step: UnionStep) -> bool:
    """Whether code can leave a step away: something takes its place, and that of each of its outputs."""
    single = step.count == 1 and (len(step.inputs) == 1 or isinstance(step.kind, str))
    return step.bypass is not None and (single or is_expression(step.kind))


class _Union:
    def __init__(self, program: Program, by_label: list[dict[str, Use]]) -> None:
        self.program = program
        self.by_label = by_label
        self.place: dict[str, int] = {}

    def add(self, label: str) -> bool:
        """Add a step; false where the bodies do not agree on it."""
        uses = [uses.get(label) for uses in self.by_label]
        present = [use for use in uses if use is not None]
        first = present[0]
        kinds = {use.kind for use in present}
        alike = len(kinds) == 1 or (first.called != "" and all(map(is_activation, kinds)))
        counts = {(len(use.inputs), len(use.outputs), use.called) for use in present}
        if not alike or len(counts) > 1:
            return False
        inputs = []
        for operand in range(len(first.inputs)):
            ref = self.common([use.inputs[operand] if use is not None else None for use in uses])
            if ref is None:
                return False
            inputs.append(ref)
        kind = first.kind if len(kinds) == 1 else "activation"
        step = UnionStep(label, kind, first.called, tuple(inputs), uses)
        if len(inputs) == 1 and (step.count == 1 or is_expression(kind)):
            step.bypass = 0
        self.place[label] = len(self.program.steps)
        self.program.steps.append(step)
        self.program.labels[label] = step
        return True

    def common(self, refs: Sequence[Ref | None]) -> Ref | None:
        """The value of the union that each body has under its own name; none if there is none."""
        place = self.place
        found = {ref for ref in refs if ref is not None}
        for candidate in sorted(found, key=lambda ref: (-place.get(ref.label, -1), ref.output)):
            if all(ref is None or self._meets(candidate, ref, body) for body, ref in enumerate(refs)):
                return candidate
        return None

    def _meets(self, candidate: Ref, wanted: Ref, body: int) -> bool:
        """Whether a value of the union is, in one body, the value wanted; chooses what a step hands on."""
        here, last = candidate, None
        while here.label and self.program.labels[here.label].uses[body] is None:
            last = self.program.labels[here.label]
            if last.bypass is None:
                for operand, ref in enumerate(last.inputs):
                    if self._meets(ref, wanted, body):
                        last.bypass = operand
                        return True
                return False
            here = last.inputs[last.bypass]
        return here == wanted or (last is not None and self._moved(last, wanted))

    def _moved(self, step: UnionStep, wanted: Ref) -> bool:
        """Whether a step that some bodies lack may hand on another value, which is its operand in those that have it;
        lets it."""
        place = step.bypass or 0
        if wanted.label and self.place[wanted.label] >= self.place[step.label]:
            return False
        taken = [(body, use.inputs[place]) for body, use in enumerate(step.uses) if use is not None]
        if not all(self._meets(wanted, ref, body) for body, ref in taken):
            return False
        step.inputs = (*step.inputs[:place], wanted, *step.inputs[place + 1 :])
        return True

    def holds(self, outputs: Sequence[Ref]) -> bool:
        """Whether every step has its operands in every body, and the outputs are those of the bodies."""
        for number, body in enumerate(self.program.bodies):
            found = [*outputs]
            wanted = [*body.outputs]
            for step in self.program.steps:
                if (use := step.uses[number]) is not None:
                    found += step.inputs
                    wanted += use.inputs
            if [self._here(ref, number) for ref in found] != wanted:
                return False
        return True

    def _here(self, ref: Ref, body: int) -> Ref:
        """What a value of the union is in a body."""
        while ref.label and self.program.labels[ref.label].uses[body] is None:
            step = self.program.labels[ref.label]
            ref = step.inputs[step.bypass or 0]
        return ref


def _order(bodies: Iterable[Body]) -> list[str] | None:
    """All labels, each body's in its own order, otherwise as in the block's text; none if that cannot be."""
    after: dict[str, set[str]] = {}
    before: dict[str, set[str]] = {}
    place: dict[str, tuple[int, int]] = {}
    for body in bodies:
        known = {label: index for index, label in enumerate(body.application.declared.labels)}
        last = None
        position = -1
        for use in body.steps:
            at = _known(use.label, known)
            position = at if at is not None else position
            place.setdefault(use.label, (position, len(place)))
            after.setdefault(use.label, set())
            before.setdefault(use.label, set())
            if last is not None:
                after[last].add(use.label)
                before[use.label].add(last)
            last = use.label
    ready = sorted([label for label, earlier in before.items() if not earlier], key=place.__getitem__)
    found: list[str] = []
    waiting = {label: len(earlier) for label, earlier in before.items()}
    while ready:
        label = ready.pop(0)
        found.append(label)
        for later in after[label]:
            waiting[later] -= 1
            if not waiting[later]:
                ready.append(later)
        ready.sort(key=place.__getitem__)
    return found if len(found) == len(before) else None


def _known(label: str, known: dict[str, int]) -> int | None:
    """The place of a label in the block's text: its own, or that of the place that it stands below."""
    while label:
        if label in known:
            return known[label]
        label = label.rpartition(".")[0]
    return None

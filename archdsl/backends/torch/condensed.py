"""Bodies of one block whose lists have other lengths, with each such list as one value.

A list that grows or that a comprehension makes has one step for all its elements, where each is one module that takes
the element before it or one value of another list; an operation that gives several values gives a list; and inputs that
stand for several, `xs...`, are one. So blocks that differ in a number alone have the same steps, and are one class with
that number as an argument. What takes such a list otherwise than as a whole, one by one in turn, or at its end, keeps
the bodies as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeAlias

from archdsl.backends.torch.bodies import ELEMENT, LAST, Body, Each, Listed, Ref, Several, Use
from archdsl.backends.torch.forms import FORMS
from archdsl.backends.torch.terms import plain
from archdsl.backends.torch.union import Program, programs_of, unite
from archdsl.graph.blocks import Value

Lists: TypeAlias = "dict[str, list[Use]]"


class _Apart(Exception):
    """A body takes a list in another way."""


def condensed(bodies: Sequence[Body]) -> list[Body] | None:
    """The bodies with those of their lists as one value that differ in length; none where there is no such list, or one
    is used otherwise."""
    elements = [_elements(body) for body in bodies]
    labels = [label for label in elements[0] if all(label in each for each in elements)]
    varied = {label for label in labels if len({len(each[label]) for each in elements}) > 1}
    if any(len({_place(each[label][0]) for each in elements}) > 1 for label in varied):
        return None
    counts = [{use.label: len(use.outputs) for use in body.steps if _gives_list(use)} for body in bodies]
    parted = {label for label in counts[0] if len({each.get(label) for each in counts}) > 1}
    if any(parted - each.keys() for each in counts):
        return None
    rest = _rest(bodies)
    if not varied and not parted and rest is None:
        return None
    condensers = [
        _Condenser(body, {label: each[label] for label in varied}, parted, rest)
        for body, each in zip(bodies, elements, strict=True)
    ]
    as_lists: set[tuple[str, Ref]] = set()
    for condenser in condensers:
        with suppress(_Apart):  # of a list of one only the others tell whether it is taken as a list
            condenser.run(as_lists)
    try:
        return _alike(_with_empty([condenser.run(as_lists) for condenser in condensers], rest))
    except _Apart:
        return None


def programs_with_lists(bodies: Sequence[Body]) -> list[Program]:
    """The bodies of one block as one program whose lists are of any length, or else as few programs as can be."""
    bodies = distinct(bodies)
    alike = condensed(bodies) if len(bodies) > 1 else None
    whole = unite(alike) if alike is not None else None
    if whole is None or any(step.optional and step.one.listed is not None for step in whole.steps):
        return programs_of(bodies)
    return [whole]


def distinct(bodies: Sequence[Body]) -> list[Body]:
    """The bodies with inputs that are one value, as those of `root(x, x)`, told apart as other bodies tell them."""
    declared = bodies[0].application.declared
    rest = len(declared.inputs) - 1 if declared.variadic else None
    known: dict[tuple[str, int], Ref] = {}
    begins: dict[str, int] = {}
    """Where a step takes the inputs that stand for several."""
    for body in bodies:
        values = body.application.inputs
        for use in body.steps:
            for at, ref in enumerate(use.inputs):
                if not ref.label and rest is not None and ref.output >= rest:
                    begins.setdefault(use.label, at)
                elif not ref.label and len(set(values)) == len(values):
                    known[use.label, at] = ref

    def told(use: Use, values: tuple[Value, ...]) -> Use:
        found = list(use.inputs)
        for at, ref in enumerate(found):
            other = known.get((use.label, at), ref)
            if not ref.label and other.output < len(values) and values[other.output] == values[ref.output]:
                found[at] = other
        if rest is not None and use.label in begins:
            begin = begins[use.label]
            taken = found[begin : begin + len(values) - rest]
            if not any(ref.label for ref in taken) and [values[ref.output] for ref in taken] == list(values[rest:]):
                found[begin : begin + len(taken)] = [Ref("", place) for place in range(rest, len(values))]
        return replace(use, inputs=tuple(found))

    def of(body: Body) -> Body:
        values = body.application.inputs
        if len(set(values)) == len(values):
            return body
        return replace(body, steps=tuple([told(use, values) for use in body.steps]))

    return list(map(of, bodies))


def _gives_list(use: Use) -> bool:
    return isinstance(use.kind, str) and FORMS[use.kind].lists


def _elements(body: Body) -> Lists:
    """The last elements of the body's lists that are one step each, and all alike, by the label of the list's step."""
    found: Lists = {}
    for use in body.steps:
        *outer, last = use.label.split(".")
        if outer and last.isdecimal() and not any(part.isdecimal() for part in outer):
            found.setdefault(".".join([*outer, ELEMENT]), []).append(use)
    return {label: _last_alike(uses) for label, uses in found.items()}


def _place(use: Use) -> int:
    """The index of an element."""
    return int(use.label.rpartition(".")[2])


def _last_alike(uses: list[Use]) -> list[Use]:
    """The last of some steps that are one like the other."""
    start = len(uses) - 1
    while start and _sort(uses[start - 1]) == _sort(uses[-1]):
        start -= 1
    return uses[start:]


def _sort(use: Use) -> tuple[object, ...]:
    """What elements of one list have in common."""
    return use.kind, use.called, len(use.inputs), len(use.outputs), tuple(use.arguments)


def _rest(bodies: Sequence[Body]) -> int | None:
    """The place of the input that stands for several, where bodies differ in how many."""
    declared = bodies[0].application.declared
    if not declared.variadic or any(body.application.held for body in bodies):
        return None
    return len(declared.inputs) - 1 if len({len(body.inputs) for body in bodies}) > 1 else None


class _Condenser:
    """One body with some of its lists as single values."""

    def __init__(self, body: Body, lists: Lists, parted: set[str], rest: int | None) -> None:
        self.body, self.lists, self.parted, self.rest = body, lists, parted, rest
        self.as_lists: set[tuple[str, Ref]] = set()
        """Who takes which list as one, by labels."""
        self.whole: dict[tuple[Ref, ...], Ref] = {}
        """What a list holds -> the value that it is now."""
        self.last: dict[Ref, Ref] = {}
        """The last element of a chain -> that of the chain's step."""
        self.parts: set[Ref] = set()
        """What none but a list's step may take by itself."""

    def run(self, as_lists: set[tuple[str, Ref]]) -> Body:
        """The body; enters where lists of several are taken, and takes lists of one so where others are."""
        body, self.as_lists = self.body, as_lists
        self.whole, self.last, self.parts = {}, {}, set()
        if self.rest is not None and len(body.inputs) > self.rest:
            self._enter(tuple([Ref("", place) for place in range(self.rest, len(body.inputs))]), Ref("", self.rest))
        steps: list[Use] = []
        place = {use.label: label for label, uses in self.lists.items() for use in uses}
        for use in body.steps:
            label = place.get(use.label)
            if label is None:
                steps.append(self._parts(use) if use.label in self.parted else self._taken(use))
            elif use is self.lists[label][0]:
                steps.append(self._list(label, self.lists[label]))
        outputs = self._inputs(body.outputs, "")
        inputs = body.inputs
        if self.rest is not None:
            total = sum(int(shape[0]) for shape in inputs[self.rest :])
            inputs = (*inputs[: self.rest], (total, *(inputs[self.rest][1:] if len(inputs) > self.rest else ())))
        return replace(body, inputs=inputs, steps=tuple(steps), outputs=outputs, rest=self.rest)

    def _enter(self, held: tuple[Ref, ...], value: Ref) -> None:
        self.whole[held] = value
        self.parts.update(held)

    def _parts(self, use: Use) -> Use:
        """An operation whose values are one list. Parts of one size are said by their sizes, where some differ."""
        made = self._taken(use)
        self._enter(tuple([Ref(use.label, index) for index in range(len(use.outputs))]), Ref(use.label))
        total = sum(int(shape[0]) for shape in use.outputs)
        arguments = made.arguments
        if use.kind == "split":
            arguments = {"sizes": tuple([int(shape[0]) for shape in use.outputs]), "axis": arguments["axis"]}
        if "sizes" in arguments:
            arguments = {**arguments, "sizes": Several(arguments["sizes"])}
        kind = "split_sizes" if use.kind == "split" else use.kind
        outputs = ((total, *use.outputs[0][1:]),)
        return replace(made, kind=kind, arguments=arguments, outputs=outputs, listed=Listed("parts", len(use.outputs)))

    def _list(self, label: str, uses: list[Use]) -> Use:
        """The step of a list's elements."""
        one, count = uses[0], len(uses)
        first = _place(one)
        places = list(map(_place, uses))
        if len(one.outputs) != 1 or places != list(range(first, first + count)) or any(use.exact for use in uses):
            raise _Apart
        outputs = tuple([Ref(use.label) for use in uses])
        how, inputs = self._source(uses, outputs)
        total = sum(int(use.outputs[0][0]) for use in uses)
        self._enter(outputs, Ref(label))
        if how == "chain":
            self.last[outputs[-1]] = Ref(label, LAST)
        values = {name: [plain(use.arguments[name]) for use in uses] for name in one.arguments}
        return replace(
            one,
            label=label,
            inputs=inputs,
            arguments={name: Each(tuple(each)) for name, each in values.items()},
            names={name: given for name, given in one.names.items() if all(u.names.get(name) == given for u in uses)},
            formulas={n: given for n, given in one.formulas.items() if all(u.formulas.get(n) == given for u in uses)},
            outputs=((total, *one.outputs[0][1:]), uses[-1].outputs[0]),
            listed=Listed(how, count, first),
        )

    def _source(self, uses: list[Use], outputs: tuple[Ref, ...]) -> tuple[str, tuple[Ref, ...]]:
        """Whether elements follow each other or take one value in turn; and what they take, that first."""
        taken = [use.inputs[0] for use in uses]
        others = {use.inputs[1:] for use in uses}
        if len(others) > 1:
            raise _Apart
        rest = self._inputs(others.pop(), uses[0].label)
        if (listed := self.whole.get(tuple(taken))) is not None:
            return "map", (listed, *rest)
        if tuple(taken[1:]) == outputs[:-1] and taken[0] not in self.parts - self.last.keys():
            return "chain", (self.last.get(taken[0], taken[0]), *rest)
        raise _Apart

    def _taken(self, use: Use) -> Use:
        inputs = self._inputs(use.inputs, use.label)
        form = FORMS[use.kind] if isinstance(use.kind, str) else None
        if form is not None and form.value is not None and not form.many and not set(inputs).isdisjoint(self._lists()):
            raise _Apart  # an expression of so many values: a sum of two has no sum of a list
        return replace(use, inputs=inputs)

    def _lists(self) -> set[Ref]:
        return set(self.whole.values())

    def _is_list(self, held: tuple[Ref, ...], taker: str) -> bool:
        """Whether the elements of a list are taken as one: one of a chain by itself may be its end."""
        return len(held) > 1 or held[0] not in self.last or (taker, self.whole[held]) in self.as_lists

    def _inputs(self, refs: tuple[Ref, ...], taker: str) -> tuple[Ref, ...]:
        """Values with lists in the place of all their elements, one behind the other."""
        found: list[Ref] = []
        at = 0
        while at < len(refs):
            held = next((held for held in self.whole if refs[at : at + len(held)] == held), None)
            if held is not None and self._is_list(held, taker):
                self.as_lists.add((taker, self.whole[held]))
                found.append(self.whole[held])
                at += len(held)
                continue
            ref = self.last.get(refs[at], refs[at])
            if ref == refs[at] and ref in self.parts:
                raise _Apart
            found.append(ref)
            at += 1
        return tuple(found)


def _with_empty(bodies: list[Body], rest: int | None) -> list[Body]:
    """The bodies in which the list of inputs is empty take it where the others do."""
    if rest is None:
        return bodies
    value = Ref("", rest)
    taken = {
        use.label: place
        for body in bodies
        for use in body.steps
        for place, ref in enumerate(use.inputs)
        if ref == value
    }

    def filled(body: Body) -> Body:
        if len(body.application.inputs) > rest:
            return body
        steps = []
        for use in body.steps:
            place = taken.get(use.label)
            inputs = use.inputs if place is None else (*use.inputs[:place], value, *use.inputs[place:])
            steps.append(replace(use, inputs=inputs))
        return replace(body, steps=tuple(steps))

    return list(map(filled, bodies))


WIDTHS = frozenset(("in_channels", "width", "groups"))
"""Arguments that stay those of the elements where these take the values of another list, each as wide as it is."""


def _alike(bodies: list[Body]) -> list[Body]:
    """Arguments that all elements share, in every body, are plain."""
    values: dict[tuple[str, str], list[Each]] = {}
    for body in bodies:
        for use in body.steps:
            for name, value in use.arguments.items():
                if isinstance(value, Each):
                    values.setdefault((use.label, name), []).append(value)
    shared = {key for key, given in values.items() if all(len(set(each.values)) == 1 for each in given)}
    constant = {key for key in shared if len({each.values[0] for each in values[key]}) == 1}

    def settled(use: Use) -> Use:
        own = use.listed is not None and use.listed.how == "map"
        arguments: dict[str, Any] = {}
        for name, value in use.arguments.items():
            key = use.label, name
            plainly = key in (constant if own and name in WIDTHS else shared)
            arguments[name] = value.values[0] if isinstance(value, Each) and plainly else value
        return replace(use, arguments=arguments)

    return [replace(body, steps=tuple(map(settled, body.steps))) for body in bodies]


__all__ = ["condensed", "programs_with_lists"]

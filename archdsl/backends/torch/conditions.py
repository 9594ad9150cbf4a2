"""When a step of a block is there: conditions on the constructor's arguments that are true in the right bodies."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import eq, le
from typing import NamedTuple

from archdsl.backends.torch.python import NONE, Binary, Expression, Literal, Name, joined, split
from archdsl.backends.torch.terms import MISSING, Chosen, Namer, Parameter, Term, last_name
from archdsl.backends.torch.union import Program, UnionStep

OPPOSITE = {"==": "!=", "<=": ">"}


class Test(NamedTuple):
    """A condition, its opposite, and its value in every body."""

    condition: Expression
    opposite: Expression
    column: tuple[bool, ...]


def _test(operator: str, left: Expression, right: Expression, column: Sequence[bool]) -> Test:
    return Test(Binary(operator, left, right), Binary(OPPOSITE[operator], left, right), tuple(column))


def _both(first: Test, second: Test) -> Test:
    """That two conditions are met."""
    column = [a and b for a, b in zip(first.column, second.column, strict=True)]
    opposite = Binary("or", first.opposite, second.opposite)
    return Test(Binary("and", first.condition, second.condition), opposite, tuple(column))


def _not_none(name: str) -> Expression:
    return Binary("is not", Name(name), NONE)


def _decides(parameter: Parameter) -> bool:
    """Whether a parameter is none exactly where what reads it is left away."""
    return parameter.optional and None not in parameter.column


class Conditions:
    """Chooses the condition of every step that some bodies do not have.

    `counts` are the terms that count channels and may be compared.
    """

    def __init__(self, program: Program, chosen: Chosen, counts: Sequence[Term], name: Namer) -> None:
        self.program, self.chosen, self.name = program, chosen, name
        self.counts = [t for t in counts if not {MISSING, None}.intersection(t.column) and self._listed(t)]

    def run(self) -> None:
        """Enter them, with parameters of their own where no comparison says it."""
        for step in self.program.steps:
            if step.optional:
                present = tuple([use is not None for use in step.uses])
                self.chosen.conditions[step.label] = self._condition(step, present)
        self._narrow()

    def _narrow(self) -> None:
        """Where a step reads a parameter that may be none, its condition says that it is not: a type checker sees no
        other reason. Steps with one condition keep having one.

        What a block within takes may be none also where that block is there; then nothing says that it is not.
        """
        optional = [p.name for p in self.chosen.parameters if _decides(p)]
        read: dict[Expression, set[str]] = {}
        for (label, _), term in self.chosen.terms.items():
            if label in self.chosen.conditions:
                read.setdefault(self.chosen.conditions[label], set()).update(term.parameters)
        for label, parameter in self.chosen.factories.items():
            if label in self.chosen.conditions:
                read.setdefault(self.chosen.conditions[label], set()).add(parameter.name)
        for label, condition in self.chosen.conditions.items():
            known = split("and", condition)
            wanted = [_not_none(name) for name in optional if name in read.get(condition, ())]
            missing = [part for part in wanted if part not in known]
            self.chosen.conditions[label] = joined("and", [condition, *missing])

    def _condition(self, step: UnionStep, present: tuple[bool, ...]) -> Expression:
        drivers = [
            p
            for p in self.chosen.parameters
            if _decides(p) and tuple([value is not MISSING for value in p.column]) == present
        ]
        if drivers:
            return joined("and", [_not_none(p.name) for p in drivers])
        tests = self._tests()
        usual = self._usual(tests)  # the one that a block's author means, where it says the same
        pairs = (_both(a, b) for i, a in enumerate(tests) for b in tests[i + 1 :])
        for test in chain(usual, tests, pairs):
            if test.column == present:
                return test.condition
            if tuple([not value for value in test.column]) == present:
                return test.opposite
        role = f"with_{last_name(step.label)}"
        for parameter in self.chosen.parameters:
            if parameter.role == "present" and parameter.column == present:
                return Name(parameter.name)
        parameter = Parameter(self.name(role), present, "present")
        self.chosen.parameters.append(parameter)
        return Name(parameter.name)

    def _usual(self, tests: Sequence[Test]) -> list[Test]:
        """That a block keeps the shape of its input: no stride, and as many channels out as in."""
        width = next((p.name for p in self.chosen.parameters if p.setting == "width" and not p.optional), None)
        known = {test.condition: test for test in tests}
        stride = known.get(Binary("==", Name("stride"), Literal(1)))
        equal = known.get(Binary("==", Name("in_channels"), Name(width or "")))
        return [_both(stride, equal)] if stride is not None and equal is not None else []

    def _tests(self) -> list[Test]:
        """Comparisons of parameters."""
        windows = [p for p in self.chosen.parameters if p.role in ("stride", "dilation", "factor") and not p.optional]
        found = [
            _test("==", Name(p.name), Literal(1), [value == 1 for value in p.column])
            for p in windows
            if all(isinstance(value, int) for value in p.column)
        ]
        counts = sorted(self.counts, key=lambda term: term.name != "in_channels")
        for operator, holds in ("==", eq), ("<=", le):
            for i, a in enumerate(counts):
                for b in counts[i + 1 :]:
                    if operator == "<=" and None in (*a.column, *b.column):
                        continue  # an argument that some blocks leave out has no order
                    column = list(map(holds, a.column, b.column))
                    found.append(_test(operator, Name(a.name), Name(b.name), column))
        return found

    def _listed(self, term: Term) -> bool:
        return any(p.name == term.name for p in self.chosen.parameters) or term.name in self.chosen.locals

"""When a step of a block is there: conditions on the constructor's arguments that are true in the right bodies."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.backends.torch.terms import MISSING, Chosen, Namer, Parameter, Term, last_name
from archdsl.backends.torch.union import Program, UnionStep

Atom = tuple[str, str, tuple[bool, ...]]
"""A condition: its text, the text of its opposite, and its value in every body."""


class Conditions:
    """Chooses the condition of every step that some bodies do not have.

    `counts` are the terms that count channels and may be compared.
    """

    def __init__(self, program: Program, chosen: Chosen, counts: Sequence[Term], name: Namer) -> None:
        self.program, self.chosen, self.name = program, chosen, name
        self.counts = [term for term in counts if MISSING not in term.column and self._listed(term)]

    def run(self) -> None:
        """Enter them, with parameters of their own where no comparison says it."""
        for step in self.program.steps:
            if step.optional:
                present = tuple([use is not None for use in step.uses])
                self.chosen.conditions[step.label] = self._condition(step, present)
        self._narrow()

    def _narrow(self) -> None:
        """Where a step reads a parameter that may be none, its condition says that it is not: a type checker sees no
        other reason. Steps with one condition keep having one."""
        optional = [p.name for p in self.chosen.parameters if p.optional]
        read: dict[str, set[str]] = {}
        for (label, _), term in self.chosen.terms.items():
            if label in self.chosen.conditions:
                read.setdefault(self.chosen.conditions[label], set()).update(term.parameters)
        for label, parameter in self.chosen.factories.items():
            if label in self.chosen.conditions:
                read.setdefault(self.chosen.conditions[label], set()).add(parameter.name)
        for label, text in self.chosen.conditions.items():
            known = text.split(" and ")
            wanted = [f"{name} is not None" for name in optional if name in read.get(text, ())]
            missing = [part for part in wanted if part not in known]
            if missing:
                self.chosen.conditions[label] = " and ".join([f"({text})" if " or " in text else text, *missing])

    def _condition(self, step: UnionStep, present: tuple[bool, ...]) -> str:
        drivers = [
            p
            for p in self.chosen.parameters
            if p.optional and tuple([value is not MISSING for value in p.column]) == present
        ]
        if drivers:
            return " and ".join([f"{p.name} is not None" for p in drivers])
        atoms = list(self._atoms())
        usual = self._usual(atoms)  # the one that a block's author means, where it says the same
        for text, negated, column in [*usual, *atoms]:
            if column == present:
                return text
            if tuple([not value for value in column]) == present:
                return negated
        for i, (text, negated, column) in enumerate(atoms):
            for other_text, other_negated, other in atoms[i + 1 :]:
                both = tuple([a and b for a, b in zip(column, other, strict=True)])
                if both == present:
                    return f"{text} and {other_text}"
                if tuple([not value for value in both]) == present:
                    return f"{negated} or {other_negated}"
        role = f"with_{last_name(step.label)}"
        for parameter in self.chosen.parameters:
            if parameter.role == "present" and parameter.column == present:
                return parameter.name
        parameter = Parameter(self.name(role), present, "present")
        self.chosen.parameters.append(parameter)
        return parameter.name

    def _usual(self, atoms: Sequence[Atom]) -> list[Atom]:
        """That a block keeps the shape of its input: no stride, and as many channels out as in."""
        width = next((p.name for p in self.chosen.parameters if p.setting == "width" and not p.optional), None)
        by_text = {atom[0]: atom for atom in atoms}
        stride, equal = by_text.get("stride == 1"), by_text.get(f"in_channels == {width}")
        if stride is None or equal is None:
            return []
        both = tuple([a and b for a, b in zip(stride[2], equal[2], strict=True)])
        return [(f"{stride[0]} and {equal[0]}", f"{stride[1]} or {equal[1]}", both)]

    def _atoms(self) -> Sequence[Atom]:
        """Comparisons of parameters: text, text of the opposite, value in every body."""
        found = []
        windows = [p for p in self.chosen.parameters if p.role in ("stride", "dilation") and not p.optional]
        for parameter in windows:
            if all(isinstance(value, int) for value in parameter.column):
                column = tuple([value == 1 for value in parameter.column])
                found.append((f"{parameter.name} == 1", f"{parameter.name} != 1", column))
        counts = sorted(self.counts, key=lambda term: term.text != "in_channels")
        pairs = [(a, b) for i, a in enumerate(counts) for b in counts[i + 1 :]]
        for a, b in pairs:
            equal = tuple([x == y for x, y in zip(a.column, b.column, strict=True)])
            found.append((f"{a.text} == {b.text}", f"{a.text} != {b.text}", equal))
        for a, b in pairs:
            if None in (*a.column, *b.column):
                continue  # an argument that some blocks leave out has no order
            less = tuple([x <= y for x, y in zip(a.column, b.column, strict=True)])
            found.append((f"{a.text} <= {b.text}", f"{a.text} > {b.text}", less))
        return found

    def _listed(self, term: Term) -> bool:
        return any(p.name == term.text for p in self.chosen.parameters)

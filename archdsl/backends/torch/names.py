"""What the names of a block's text are in the constructor: parameters, local names, and what each is in every body."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction

from archdsl.backends.torch.bodies import Body, Ref
from archdsl.backends.torch.python import Name
from archdsl.backends.torch.rules import divides, names_in, replaced, solved, written
from archdsl.backends.torch.terms import (
    MISSING,
    RESERVED,
    Chosen,
    Column,
    Namer,
    Parameter,
    Term,
    fits,
    merged,
    plain_name,
)
from archdsl.graph.blocks import Formula, Operand

CHANNELS = frozenset(("in_channels", "width", "groups", "extra", "lo", "hi", "size"))
"""Arguments that count channels: what may follow from a parameter by equality or a small factor."""
FACTOR = "factor"
"""The role of a parameter that the class multiplies or divides by."""


class Names:
    """The names of one program; `spread` where the image flows in, whose channels are the user's."""

    def __init__(self, bodies: Sequence[Body], chosen: Chosen, *, spread: bool, classes: Collection[str] = ()) -> None:
        self.chosen, self.spread, self.count = chosen, spread, len(bodies)
        self.declared = bodies[0].application.declared
        self.free = Namer([*RESERVED, *classes])
        """Gives names that are free in the constructor."""
        self.parameters: dict[str, Parameter] = {}
        """By what they are in the text: a name, `x.channels`."""
        self.alias: dict[str, str] = {}
        """Names that are always equal to another."""
        self.columns: dict[str, Column] = {}
        """What a name is in every body, as far as a step tells."""
        self.roles: dict[str, str] = {}
        """What a name is for: the first argument that it stands for."""
        self.locals: dict[str, Term | None] = {}
        """What the local names of the text are in the constructor; none where they are not its own there."""
        self.image: frozenset[str] = frozenset()
        """The parameters that count the channels of an input."""

    def setting(self, name: str) -> str | None:
        """The name of the text, if it is a setting of the block."""
        return name if name in self.declared.parameters else None

    def use(self, parameter: Parameter) -> Term:
        """A parameter as a term; it is thereby one of the class."""
        if parameter not in self.chosen.parameters:
            self.chosen.parameters.append(parameter)
        return parameter.term

    def covers(self, term: Term, column: Column) -> bool:
        """Whether a term is a column's value in every body that has one; a parameter can be given one there."""
        if term.expression is None:
            return False
        for parameter in (*self.chosen.parameters, *self.parameters.values()):
            if parameter.name == term.name:
                both = merged(parameter.column, column)
                if both is not None:
                    parameter.column = both
                return both is not None
        return fits(column, term.column, lambda a: a)

    def used(self, term: Term) -> Term:
        """A term whose parameters are thereby parameters of the class."""
        for parameter in self.parameters.values():
            if parameter.name in term.parameters:
                self.use(parameter)
        return term

    def now(self, term: Term) -> Term:
        """A term with what is known by now of its parameter."""
        for parameter in (*self.chosen.parameters, *self.parameters.values()):
            if parameter.name == term.name:
                return parameter.term
        return term

    def counts(self) -> list[Term]:
        """Known counts of channels, each a bare name."""
        found = [p.term for p in self.chosen.parameters if p.role in CHANNELS]
        inputs = [self.chosen.widths[Ref("", index)] for index in self.chosen.inputs]
        found += [Term(Name(name), local.column) for name, local in self.chosen.locals.items()]
        return found + [term for term in inputs if term not in found]

    def local(self, name: str) -> Term | None:
        """A local name of the block's text as one of the constructor, where the text calculates it."""
        if name not in self.locals:
            self.locals[name] = None  # within itself it is none
            formula, column = self.declared.formulas.get(name), self.columns.get(name)
            rule = self.rule(formula, column) if formula is not None and column is not None else None
            if rule is not None:
                called = self.free(plain_name(name))
                self.chosen.locals[called] = rule
                self.locals[name] = Term(Name(called), rule.column)
        return self.locals[name]

    def rule(self, formula: Formula, column: Column) -> Term | None:
        """Arithmetic of the text that gives a column, in known terms, or by a parameter that follows from it."""
        if not all(type(value) is int or value is MISSING for value in column):
            return None
        terms: dict[str, Term] = {}
        unknown: list[str] = []
        for name in names_in(formula):
            if (term := self.known(name)) is None:
                unknown.append(name)
            elif self.spread and term.parameters & self.image:
                return None
            else:
                terms[name] = term
        operand: Operand = formula
        new: dict[str, Parameter] = {}
        if unknown:
            name, varied = unknown[0], any(len(set(each)) > 1 for each in (column, *[t.column for t in terms.values()]))
            values = self._solution(formula, name, terms, column) if len(unknown) == 1 and varied else None
            if values is None or name not in self.declared.parameters:
                return None
            if len(set(values)) == 1 and not divides(formula, name):
                operand = replaced(formula, name, values[0])
            elif all(value == int(value) for value in values):
                role = name if name == "width" else FACTOR
                new[name] = Parameter(self.free(plain_name(name)), tuple(map(int, values)), role, self.setting(name))
                terms[name] = new[name].term
            else:
                return None
        found = written(operand, terms, self.count)
        if found is None or not fits(column, found.column, lambda a: a):
            self.free.taken.difference_update([parameter.name for parameter in new.values()])
            return None
        self.parameters |= new
        for term in terms.values():
            self.used(term)
        return found

    def _solution(
        self, formula: Formula, name: str, terms: Mapping[str, Term], column: Column
    ) -> tuple[int | Fraction, ...] | None:
        """What an unknown name of arithmetic is in every body."""
        found = []
        for body, wanted in enumerate(column):
            if wanted is MISSING:
                return None
            known = {each: term.column[body] for each, term in terms.items()}
            value = solved(formula, name, known, wanted)
            if value is None:
                return None
            found.append(value)
        return tuple(found)

    def known(self, name: str) -> Term | None:
        """What stands for a name of the text, if that is known in every body."""
        name = self.alias.get(name, name)
        parameter = self.parameters.get(name)
        if parameter is None and (local := self.local(name)) is not None:
            return local
        column = self.columns.get(name)
        if parameter is None and column is not None and name in self.declared.parameters:
            role = self.roles[name]
            if len(set(column)) > 1 or role in ("width", "in_channels"):
                parameter = Parameter(self.free(plain_name(name)), column, role, self.setting(name))
                self.parameters[name] = parameter
        if parameter is None or parameter.role == "activation" or {MISSING, None}.intersection(parameter.column):
            return None
        return parameter.term if all(isinstance(value, int) for value in parameter.column) else None

"""The channels of every value in a block, in the terms of its constructor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field

from archdsl.backends.torch.bodies import Ref
from archdsl.backends.torch.following import following
from archdsl.backends.torch.forms import FORMS
from archdsl.backends.torch.names import Names
from archdsl.backends.torch.python import (
    Binary,
    Conditional,
    Expression,
    Literal,
    Name,
    call,
    joined,
    names,
    split,
    substituted,
)
from archdsl.backends.torch.terms import MISSING, Chosen, Column, Term, condition_of, fits, literal
from archdsl.backends.torch.union import Program, UnionStep
from archdsl.records import dataclass


@dataclass(slots=True)
class Inner:
    """What is known of the classes within: by the number of a class, and then by its parameters or outputs."""

    roles: dict[int, Mapping[str, str]] = field(default_factory=dict)
    """What its parameters are for."""
    feeds: dict[int, Mapping[str, int]] = field(default_factory=dict)
    """Its parameters that are the channels of an input, with the input's place among its operands."""
    widths: dict[int, Mapping[int, Term]] = field(default_factory=dict)
    """The channels of its outputs, in its own parameters."""

    def add(self, number: int, program: Program, chosen: Chosen) -> None:
        """Enter a class."""
        self.roles[number] = {parameter.name: parameter.role for parameter in chosen.parameters}
        rest = program.bodies[0].rest
        fed = [(place, i) for place, i in enumerate(chosen.inputs) if i != rest]
        self.feeds[number] = {chosen.widths[Ref("", i)].name: place for place, i in fed}
        widths = [chosen.without_locals(chosen.widths[ref]) for ref in program.outputs]
        self.widths[number] = dict(enumerate(widths))


class Widths:
    """The channels of the values of one program, found step by step."""

    def __init__(self, known: Names, inner: Inner) -> None:
        self.names, self.inner, self.chosen = known, inner, known.chosen
        self.sides: dict[Ref, tuple[Term, Term]] = {}
        """The channels of values behind steps that some bodies lack: with the step, and without it."""

    def flowing(self, ref: Ref, column: Column) -> Term | None:
        """The channels of a value; of those on a condition the one side, where that is enough."""
        sides = [term for term in self.sides.get(ref, ()) if fits(column, self.names.now(term).column, lambda a: a)]
        return sides[0] if sides else self.chosen.widths.get(ref)

    def of(self, step: UnionStep, index: int) -> Term:
        """The channels of what a step hands on, in every body: its output, or what takes its place."""
        column = tuple([self._handed_on(step, index, body) for body in range(self.names.count)])
        if step.one.listed is not None:
            return self._of_list(step, index, column)
        width = self.chosen.terms.get((step.label, "width"))
        said = width if width is not None and isinstance(step.kind, str) else self._said(step, index)
        said = said if said is not None and said.expression is not None else None
        if said is not None and self.names.now(said).column == column:
            return Term(said.expression, column)
        if len(set(column)) == 1:
            return Term(literal(column[0]), column)
        if said is not None and not step.optional and fits(column, self.names.now(said).column, lambda a: a):
            return Term(said.expression, column)
        return Term(self._under_condition(step, index, said, column), column)

    def _of_list(self, step: UnionStep, index: int, column: Column) -> Term:
        """The channels of a list's elements together, or of the last."""
        if len(set(column)) == 1:
            return Term(literal(column[0]), column)
        if step.one.listed is not None and step.one.listed.how == "parts":
            whole = self.chosen.widths[step.inputs[0]]
            return Term(whole.expression if self.names.now(whole).column == column else None, column)
        each = self.chosen.terms.get((step.label, "width"))
        loop = self.chosen.loops.get(step.label, {}).get(each.name) if each is not None and index == 0 else None
        if loop is not None:
            return Term(call("sum", Name(loop.name)), column)
        if (found := following(column, self.names.counts())) is not None:
            return found
        count = self.chosen.counts.get(step.label)
        if count is not None and index == 0 and all(c is not MISSING for c in count.column):
            widths = tuple([total // number for total, number in zip(column, count.column, strict=True)])
            one = following(widths, self.names.counts())
            product = tuple([a * b for a, b in zip(widths, count.column, strict=True)])
            if one is not None and one.expression is not None and product == column:
                return Term(Binary("*", Name(count.name), one.expression), column)
        return Term(None, column)

    def _under_condition(self, step: UnionStep, index: int, said: Term | None, column: Column) -> Expression | None:
        """`there if condition else handed_on`: the channels behind a step that some bodies do not have. What is said of
        the step holds where it is there; its condition is chosen later."""
        other = self.chosen.widths[step.inputs[step.bypass]] if step.bypass is not None else None
        if not step.optional or said is None or other is None:
            return None
        there = tuple([value if u else MISSING for value, u in zip(column, step.present, strict=True)])
        known = [self.names.now(Term(Name(name), ())).column for name in said.parameters | other.parameters]
        if not fits(there, self.names.now(said).column, lambda a: a) or any(MISSING in each for each in known):
            return None
        if said.expression is None or other.expression is None or said.expression == other.expression:
            return said.expression if other.expression is not None else None
        self.sides[Ref(step.label, index)] = (Term(said.expression, there), other)
        if isinstance(said.expression, Conditional) or isinstance(other.expression, Conditional):
            return None  # a person would have named it
        return Conditional(said.expression, condition_of(step.label), other.expression)

    def _handed_on(self, step: UnionStep, index: int, body: int) -> int:
        use = step.uses[body]
        if use is not None and use.outputs:
            return int(use.outputs[index][0])
        return int(self.chosen.widths[step.inputs[step.bypass or 0]].column[body])

    def _said(self, step: UnionStep, index: int) -> Term | None:
        if isinstance(step.kind, int):
            return self._said_by_block(step, index)
        channels = FORMS[step.kind].channels
        if channels == "summed":
            return self._sum([self.chosen.widths[ref] for ref in step.inputs])
        whole = self.chosen.widths[step.inputs[0]]
        if step.optional and (fed := self.chosen.terms.get((step.label, "in_channels"))) is not None:
            whole = fed
        if channels == "divided" and whole.expression is not None:
            column = tuple([value // step.count if value is not MISSING else MISSING for value in whole.column])
            made = Binary("//", whole.expression, Literal(step.count)) if step.count > 1 else whole.expression
            return Term(made if names(whole.expression) else literal(column[0]), column)
        return whole if channels == "kept" else None

    @staticmethod
    def _sum(terms: Sequence[Term]) -> Term | None:
        """The sum of terms; none where one of them is not known."""
        known = [term.expression for term in terms if term.expression is not None]
        if len(known) < len(terms):
            return None
        columns = zip(*[term.column for term in terms], strict=True)
        column = tuple([sum(values) if MISSING not in values else MISSING for values in columns])
        counts = Counter([part for expression in known for part in split("+", expression)])
        for part in list(counts):  # `2 * half + layers * half` is `(layers + 2) * half`
            if isinstance(part, Binary) and part.operator == "*" and part.right in counts and counts[part] == 1:
                more = Binary("+", part.left, Literal(counts.pop(part.right)))
                counts[Binary("*", more, part.right)] = counts.pop(part)
        parts = [Binary("*", Literal(n), part) if n > 1 else part for part, n in counts.items()]
        return Term(joined("+", parts) if names(*known) else literal(column[0]), column)

    def _said_by_block(self, step: UnionStep, index: int) -> Term | None:
        """The width of a block's output, in the arguments of the block."""
        said = self.inner.widths[int(step.kind)].get(index)
        if said is None or said.expression is None:
            return None
        column = tuple([int(u.outputs[index][0]) if u is not None else MISSING for u in step.uses])
        if not said.parameters:
            return Term(said.expression, column)
        arguments: dict[str, Expression] = {}
        feeds = self.inner.feeds[int(step.kind)]
        for name in said.parameters:
            term = self.chosen.terms.get((step.label, name))
            if term is None and name in feeds:  # the class hands on what flows in, and does not ask how wide it is
                term = self.chosen.widths[step.inputs[feeds[name]]]
            if term is None or term.expression is None:
                return None
            arguments[name] = term.expression
        expression = substituted(said.expression, arguments)
        if not names(expression):
            return Term(literal(column[0]) if len(set(column)) == 1 else None, column)
        return Term(expression, column)

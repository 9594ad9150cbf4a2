"""What a class takes in its constructor, and what stands for every argument within it.

An argument that is the same in all bodies is a literal. One that differs is a parameter, named after what the block's
text gives for it; or it follows from the parameters there are (the width of a step's input, twice a width); or it is a
parameter of its own. All is checked on every body, so that the class, called as the bodies say, is those bodies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from fractions import Fraction
from typing import Any

from archdsl.backends.torch.bodies import Ref, Use, is_activation
from archdsl.backends.torch.conditions import Conditions
from archdsl.backends.torch.forms import FORMS
from archdsl.backends.torch.python import (
    Binary,
    Conditional,
    Expression,
    Literal,
    Name,
    joined,
    names,
    split,
    substituted,
)
from archdsl.backends.torch.rules import divides, names_in, replaced, solved, written
from archdsl.backends.torch.terms import (
    MISSING,
    RESERVED,
    Chosen,
    Column,
    Factory,
    Namer,
    Parameter,
    Term,
    column_of,
    condition_of,
    fits,
    last_name,
    literal,
    merged,
    plain_name,
)
from archdsl.backends.torch.union import Program, UnionStep
from archdsl.graph.blocks import Formula, Operand
from archdsl.records import dataclass

CHANNELS = frozenset(("in_channels", "width", "groups", "extra", "lo", "hi", "size"))
"""Arguments that count channels: what may follow from a parameter by equality or a small factor."""
WINDOWS = frozenset(("kernel", "stride", "padding", "dilation"))
NEUTRAL_DEFAULTS: Mapping[str, Any] = {"stride": 1, "dilation": 1, "groups": 1, "rate": Fraction(0)}
MAX_FACTOR = 12
FACTOR = "factor"
"""The role of a parameter that the class multiplies or divides by."""


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
        self.feeds[number] = {chosen.widths[Ref("", i)].name: place for place, i in enumerate(chosen.inputs)}
        widths = [chosen.without_locals(chosen.widths[ref]) for ref in program.outputs]
        self.widths[number] = dict(enumerate(widths))


class Choice:
    """Chooses parameters for one program, whose blocks are classes already."""

    def __init__(
        self,
        program: Program,
        spread: bool,
        inner: Inner,
        *,
        classes: Collection[str] = (),
        literal_inputs: bool = False,
    ) -> None:
        self.inner = inner
        self.literal_inputs = literal_inputs
        self.program = program
        self.count = len(program.bodies)
        self.declared = program.bodies[0].application.declared
        self.inputs = program.bodies[0].application.input_names
        self.chosen = Chosen()
        self.name = Namer([*RESERVED, *classes])
        self.by_name: dict[str, Parameter] = {}
        self.alias: dict[str, str] = {}
        self.columns: dict[str, Column] = {}
        self.roles: dict[str, str] = {}
        """What the names of the block's text are for, by the first argument that each stands for."""
        self.locals: dict[str, Term | None] = {}
        """What the local names of the block's text are in the constructor; none where they are not its own there."""
        self.sides: dict[Ref, tuple[Term, Term]] = {}
        """The channels of values behind steps that some bodies lack: with the step, and without it."""
        self.spread = spread
        self.image: frozenset[str] = frozenset()
        """The parameters that count the channels of an input."""
        self.follows = not spread and self.count > 1
        """Whether what is equal in all bodies may be taken for the same. Not where one body stands for many
        networks: the one that takes the image, whose channels are the user's."""

    def run(self) -> Chosen:
        """Go through all steps in order."""
        chosen = self.chosen
        used = {ref.output for step in self.program.steps for ref in step.inputs if not ref.label}
        used |= {ref.output for ref in self.program.outputs if not ref.label}
        chosen.inputs = tuple(sorted(used))
        several = len(chosen.inputs) > 1
        for index in chosen.inputs:
            column = tuple([int(body.inputs[index][0]) for body in self.program.bodies])
            if self.literal_inputs:
                chosen.widths[Ref("", index)] = Term(literal(column[0]), column)
                continue
            name = f"{plain_name(self.inputs[index])}_channels" if several else "in_channels"
            parameter = Parameter(self.name(name), column, "in_channels")
            self.by_name[f"{self.inputs[index]}.channels"] = parameter
            chosen.widths[Ref("", index)] = parameter.term
            self.image |= {parameter.name}
        self._look_ahead()
        for step in self.program.steps:
            self._step(step)
        counts = [term for term in self._counts() if not (self.spread and term.parameters & self.image)]
        Conditions(self.program, chosen, counts, self.name).run()
        chosen.enter_conditions()
        self._arrange()
        return chosen

    # Arguments

    def _look_ahead(self) -> None:
        """Find the value of every name in every body, from whatever step tells it; and names that are always equal.

        Settings that count channels and are equal in every body have one name: that which is declared first.
        """
        counts: set[str] = set()
        contradicting: set[str] = set()
        for step in self.program.steps:
            for argument, name in step.one.names.items():
                if self._hint(step, argument) != name or "." in name:
                    continue
                column = column_of(step, argument)
                both = merged(self.columns.get(name, column), column)
                if both is None:
                    contradicting.add(name)
                else:
                    self.columns[name] = both
                role = self.roles.setdefault(name, self._role(step, argument))
                if role in CHANNELS or self._role(step, argument) in CHANNELS:
                    counts.add(name)
        for name in contradicting:
            del self.columns[name]
        self._width_of_the_block()
        order = {name: index for index, name in enumerate(self.declared.parameters)}
        names = sorted(counts & self.columns.keys(), key=lambda name: (order.get(name, len(order)), name))
        for index, name in enumerate(names):
            for other in names[:index] if self.follows else ():
                column = self.columns[name]
                if column == self.columns[other] and len(set(column)) > 1:
                    self.alias[name] = self.alias.get(other, other)
                    break

    def _width_of_the_block(self) -> None:
        """A setting `width` is known also where no step is given it, if it is always the channels that the block gives:
        so it stays the second argument of every class."""
        known = self.columns.get("width")
        if known is None or MISSING not in known or not self.follows or "width" not in self.declared.parameters:
            return
        given = tuple([body.channels(body.outputs[0]) for body in self.program.bodies])
        if (both := merged(known, given)) is not None:
            self.columns["width"] = both

    def _step(self, step: UnionStep) -> None:
        if step.kind == "activation" or (
            is_activation(step.kind) and step.called and len({_frozen(u) for u in step.uses if u is not None}) > 1
        ):
            self._factory(step)
        else:
            for argument in step.one.arguments:
                column = column_of(step, argument)
                self.chosen.terms[step.label, argument] = self._argument(step, argument, column)
        for index in range(step.count):
            self.chosen.widths[Ref(step.label, index)] = self._width(step, index)

    def _factory(self, step: UnionStep) -> None:
        """An activation that differs between bodies is made by a parameter."""
        column = tuple(
            [Factory(str(u.kind), tuple(u.arguments.items())) if u is not None else MISSING for u in step.uses]
        )
        known = self.by_name.get(step.called)
        both = merged(known.column, column) if known is not None and known.role == "activation" else None
        if known is None or both is None:
            known = Parameter(self.name(plain_name(step.called)), column, "activation", self._setting(step.called))
            self.by_name.setdefault(step.called, known)
            self._use(known)
        else:
            known.column = both
        self.chosen.factories[step.label] = known

    def _setting(self, name: str) -> str | None:
        return name if name in self.declared.parameters else None

    def _use(self, parameter: Parameter) -> Term:
        if parameter not in self.chosen.parameters:
            self.chosen.parameters.append(parameter)
        return parameter.term

    def _argument(self, step: UnionStep, argument: str, column: Column) -> Term:
        known = [value for value in column if value is not MISSING]
        constant = all(value == known[0] for value in known)
        role = self._role(step, argument)
        exact = argument in step.one.exact
        hint = self._hint(step, argument)
        flows = role == "in_channels" and (isinstance(step.kind, str) or argument == "in_channels" or hint is not None)
        if flows and isinstance(hint, Term):
            if self._covers(hint, column):
                return self._used(hint)
        elif isinstance(hint, str):
            found = self._named(hint, column, role, constant, exact)
            if found is not None:
                return found
        if exact:
            return self._own(step, argument, column, role, exact=True)
        if (found := self._calculated(step, argument, column)) is not None:
            return found
        if constant and (role != "in_channels" or not flows):
            return Term(literal(known[0]), column)
        if role in CHANNELS and (found := self._following(column)) is not None:
            return found
        if role in WINDOWS and (found := self._from_window(step, argument, column)) is not None:
            return found
        if constant:
            return Term(literal(known[0]), column)
        return self._own(step, argument, column, role)

    def _role(self, step: UnionStep, argument: str) -> str:
        """What an argument is for; of a block's, what it is for within the block."""
        if isinstance(step.kind, str):
            return argument
        return self.inner.roles[step.kind].get(argument, argument)

    def _hint(self, step: UnionStep, argument: str) -> str | Term | None:
        """What stands for an argument: the width of what flows in, or a name of the block's text."""
        given = step.one.names.get(argument)
        if given is not None and all(u is None or u.names.get(argument) == given for u in step.uses):
            return given
        if isinstance(step.kind, str):
            return self._flowing(step.inputs[0], column_of(step, argument)) if argument == "in_channels" else None
        fed = self.inner.feeds[step.kind].get(argument)
        if fed is None or fed >= len(step.inputs):
            return None
        return self._flowing(step.inputs[fed], column_of(step, argument))

    def _flowing(self, ref: Ref, column: Column) -> Term | None:
        """The channels of a value; of those on a condition the one side, where that is enough."""
        sides = [term for term in self.sides.get(ref, ()) if fits(column, self._now(term).column, lambda a: a)]
        return sides[0] if sides else self.chosen.widths.get(ref)

    def _covers(self, term: Term, column: Column) -> bool:
        """Whether a term is a column's value in every body that has one; a parameter can be given one there."""
        if term.expression is None:
            return False
        for parameter in (*self.chosen.parameters, *self.by_name.values()):
            if parameter.name == term.name:
                both = merged(parameter.column, column)
                if both is not None:
                    parameter.column = both
                return both is not None
        return fits(column, term.column, lambda a: a)

    def _used(self, term: Term) -> Term:
        """A term whose parameters are thereby parameters of the class."""
        for parameter in self.by_name.values():
            if parameter.name in term.parameters:
                self._use(parameter)
        return term

    def _named(self, hint: str, column: Column, role: str, constant: bool, exact: bool) -> Term | None:
        """The parameter of a name in the block's text."""
        hint = self.alias.get(hint, hint)
        parameter = self.by_name.get(hint)
        if parameter is not None:
            both = merged(parameter.column, column)
            if both is None or (parameter.role == "activation"):
                return None
            if MISSING in parameter.column:
                parameter.column = both
            parameter.exact |= exact
            return self._use(parameter)
        if "." in hint:
            return None
        local = self._local(hint)
        if local is not None and fits(column, local.column, lambda a: a):
            return local
        wide = role in ("width", "in_channels") and hint in self.declared.parameters
        if constant and not exact and not wide:
            return None
        column = merged(self.columns.get(hint, column), column) or column
        parameter = Parameter(self.name(plain_name(hint)), column, role, self._setting(hint), exact=exact)
        self.by_name[hint] = parameter
        return self._use(parameter)

    def _calculated(self, step: UnionStep, argument: str, column: Column) -> Term | None:
        """The arithmetic that the block's text has for an argument."""
        given = step.one.formulas.get(argument)
        if given is None or any(use is not None and use.formulas.get(argument) != given for use in step.uses):
            return None
        return self._rule(given, column)

    def _local(self, name: str) -> Term | None:
        """A local name of the block's text as one of the constructor, where the text calculates it."""
        if name not in self.locals:
            self.locals[name] = None  # within itself it is none
            formula, column = self.declared.formulas.get(name), self.columns.get(name)
            rule = self._rule(formula, column) if formula is not None and column is not None else None
            if rule is not None:
                called = self.name(plain_name(name))
                self.chosen.locals[called] = rule
                self.locals[name] = Term(Name(called), rule.column)
        return self.locals[name]

    def _rule(self, formula: Formula, column: Column) -> Term | None:
        """Arithmetic of the text that gives a column, in known terms, or by a parameter that follows from it."""
        if None in column:
            return None
        terms: dict[str, Term] = {}
        unknown: list[str] = []
        for name in names_in(formula):
            if (term := self._known(name)) is None:
                unknown.append(name)
            elif self.spread and term.parameters & self.image:
                return None
            else:
                terms[name] = term
        operand: Operand = formula
        if unknown:
            if MISSING in column:
                return None
            name, varied = unknown[0], any(len(set(term.column)) > 1 for term in (*terms.values(), Term(None, column)))
            values = self._solution(formula, name, terms, column) if len(unknown) == 1 and varied else None
            if values is None or name not in self.declared.parameters:
                return None
            if len(set(values)) == 1 and not divides(formula, name):
                operand = replaced(formula, name, values[0])
            elif all(value == int(value) for value in values):
                role = name if name == "width" else FACTOR
                called = self.name(plain_name(name))
                self.by_name[name] = Parameter(called, tuple(map(int, values)), role, self._setting(name))
                terms[name] = self.by_name[name].term
            else:
                return None
        found = written(operand, terms, self.count)
        if found is None or not fits(column, found.column, lambda a: a):
            return None
        for term in terms.values():
            self._used(term)
        return found

    def _solution(
        self, formula: Formula, name: str, terms: Mapping[str, Term], column: Column
    ) -> tuple[int | Fraction, ...] | None:
        """What an unknown name of arithmetic is in every body."""
        found = []
        for body, wanted in enumerate(column):
            known = {each: term.column[body] for each, term in terms.items()}
            value = solved(formula, name, known, wanted)
            if value is None:
                return None
            found.append(value)
        return tuple(found)

    def _known(self, name: str) -> Term | None:
        """What stands for a name of the text, if that is known in every body."""
        name = self.alias.get(name, name)
        parameter = self.by_name.get(name)
        if parameter is None and (local := self._local(name)) is not None:
            return local
        column = self.columns.get(name)
        if parameter is None and column is not None and name in self.declared.parameters:
            role = self.roles[name]
            if len(set(column)) > 1 or role in ("width", "in_channels"):
                parameter = Parameter(self.name(plain_name(name)), column, role, self._setting(name))
                self.by_name[name] = parameter
        if parameter is None or parameter.role == "activation" or {MISSING, None}.intersection(parameter.column):
            return None
        return parameter.term if all(isinstance(value, int) for value in parameter.column) else None

    def _own(self, step: UnionStep, argument: str, column: Column, role: str, *, exact: bool = False) -> Term:
        """A parameter that the text has no name for."""
        for parameter in self.chosen.parameters:
            if parameter.role == role and parameter.setting is None and parameter.column == column and role != "width":
                return parameter.term
        last = last_name(step.label)
        plain = argument if role not in ("width", "in_channels") and isinstance(step.kind, str) else None
        if exact:
            plain = "num_classes"
        wanted = plain if plain is not None and plain not in self.name.taken else f"{last}_{argument}"
        parameter = Parameter(self.name(wanted), column, role, exact=exact)
        self.by_name[f"{step.label}:{argument}"] = parameter
        return self._use(parameter)

    def _following(self, column: Column) -> Term | None:
        """A count of channels that equals a known one in every body, or a small multiple, part or difference of it."""
        if not self.follows or len({value for value in column if value is not MISSING}) < 2:
            return None
        known = self._counts()
        for term in known:
            if fits(column, term.column, lambda a: a):
                return self._used(term)
        if None in column:  # what may be left out follows from no count
            return None
        known = [term for term in known if None not in term.column]  # what may be none is no number to count with
        for term in known:
            for factor in range(2, MAX_FACTOR + 1):
                if fits(column, term.column, lambda a, f=factor: a * f):  # type: ignore[misc]
                    return self._used(Term(Binary("*", Literal(factor), Name(term.name)), column))
                if fits(column, term.column, lambda a, f=factor: a // f if a % f == 0 else MISSING):  # type: ignore[misc]
                    return self._used(Term(Binary("//", Name(term.name), Literal(factor)), column))
        for term in known:
            for other in known:
                less = [
                    a - b if MISSING not in (a, b) else MISSING for a, b in zip(term.column, other.column, strict=True)
                ]
                if fits(column, tuple(less), lambda a: a):
                    return self._used(Term(Binary("-", Name(term.name), Name(other.name)), column))
        return None

    def _counts(self) -> list[Term]:
        """Known counts of channels, each a bare name."""
        found = [p.term for p in self.chosen.parameters if p.role in CHANNELS]
        inputs = [self.chosen.widths[Ref("", index)] for index in self.chosen.inputs]
        found += [Term(Name(name), local.column) for name, local in self.chosen.locals.items()]
        return found + [term for term in inputs if term not in found]

    def _from_window(self, step: UnionStep, argument: str, column: Column) -> Term | None:
        """Padding that follows from kernel and dilation."""
        if argument != "padding" or not self.follows:
            return None
        kernel = self.chosen.terms.get((step.label, "kernel"))
        half = kernel is not None and fits(column, kernel.column, lambda a: a // 2 if isinstance(a, int) else MISSING)
        if kernel is not None and kernel.name and half:
            return Term(Binary("//", Name(kernel.name), Literal(2)), column)
        own = [p for p in self.chosen.parameters if p.role == "dilation" and p.setting == "dilation"]
        for parameter in own:
            if fits(column, parameter.column, lambda a: a):
                return parameter.term
        return None

    def _width(self, step: UnionStep, index: int) -> Term:
        """The channels of what a step hands on, in every body: its output, or what takes its place."""
        column = tuple([self._handed_on(step, index, body) for body in range(self.count)])
        width = self.chosen.terms.get((step.label, "width"))
        said = width if width is not None and isinstance(step.kind, str) else self._said(step, index)
        said = said if said is not None and said.expression is not None else None
        if said is not None and self._now(said).column == column:
            return Term(said.expression, column)
        if len(set(column)) == 1:
            return Term(literal(column[0]), column)
        if said is not None and not step.optional and fits(column, self._now(said).column, lambda a: a):
            return Term(said.expression, column)
        return Term(self._under_condition(step, index, said, column), column)

    def _under_condition(self, step: UnionStep, index: int, said: Term | None, column: Column) -> Expression | None:
        """`there if condition else handed_on`: the channels behind a step that some bodies do not have. What is said of
        the step holds where it is there; its condition is chosen later."""
        other = self.chosen.widths[step.inputs[step.bypass]] if step.bypass is not None else None
        if not step.optional or said is None or other is None:
            return None
        there = tuple([value if u else MISSING for value, u in zip(column, step.present, strict=True)])
        known = [self._now(Term(Name(name), ())).column for name in said.parameters | other.parameters]
        if not fits(there, self._now(said).column, lambda a: a) or any(MISSING in each for each in known):
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

    def _now(self, term: Term) -> Term:
        """A term with what is known by now of its parameter."""
        for parameter in (*self.chosen.parameters, *self.by_name.values()):
            if parameter.name == term.name:
                return parameter.term
        return term

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

    def _arrange(self) -> None:
        """Parameters in an order that a reader expects: channels in, the block's settings, the others."""
        settings = {name: index for index, name in enumerate(self.declared.parameters)}
        inputs = [self.chosen.widths[Ref("", i)].name for i in self.chosen.inputs]

        def rank(parameter: Parameter) -> tuple[int, int]:
            if parameter.name in inputs:
                return 0, inputs.index(parameter.name)
            if parameter.setting in settings:
                return 1, settings[parameter.setting]
            return 2, 0

        self.chosen.parameters.sort(key=rank)
        for parameter in self.chosen.parameters:
            if parameter.optional:
                parameter.default = None
                parameter.column = tuple([None if v is MISSING else v for v in parameter.column])
            elif parameter.role in NEUTRAL_DEFAULTS and NEUTRAL_DEFAULTS[parameter.role] in parameter.column:
                parameter.default = NEUTRAL_DEFAULTS[parameter.role]
        self.chosen.parameters.sort(key=lambda p: p.default is not MISSING)


def _frozen(use: Use) -> Any:
    return use.kind, tuple(use.arguments.items())

"""What a class takes in its constructor, and what stands for every argument within it.

An argument that is the same in all bodies is a literal. One that differs is a parameter, named after what the block's
text gives for it; or it follows from the parameters there are (the width of a step's input, twice a width); or it is a
parameter of its own. All is checked on every body, so that the class, called as the bodies say, is those bodies.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any

from archdsl.backends.torch.bodies import Each, Ref, Several, Use, is_activation
from archdsl.backends.torch.conditions import Conditions
from archdsl.backends.torch.following import following, padding_of
from archdsl.backends.torch.names import CHANNELS, Names
from archdsl.backends.torch.python import Binary, Literal, Name
from archdsl.backends.torch.terms import (
    MISSING,
    Chosen,
    Column,
    Factory,
    Parameter,
    Term,
    column_of,
    fits,
    last_name,
    literal,
    merged,
    plain_name,
)
from archdsl.backends.torch.union import Program, UnionStep
from archdsl.backends.torch.widths import Inner, Widths

WINDOWS = frozenset(("kernel", "stride", "padding", "dilation"))
NEUTRAL_DEFAULTS: Mapping[str, Any] = {"stride": 1, "dilation": 1, "groups": 1, "rate": Fraction(0)}


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
        self.declared = program.bodies[0].application.declared
        self.inputs = program.bodies[0].input_names
        self.chosen = Chosen()
        self.names = Names(program.bodies, self.chosen, spread=spread, classes=classes)
        self.widths = Widths(self.names, inner)
        self.follows = not spread and len(program.bodies) > 1
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
            parameter = Parameter(self.names.free(name), column, "in_channels")
            self.names.parameters[f"{self.inputs[index]}.channels"] = parameter
            chosen.widths[Ref("", index)] = parameter.term
            self.names.image |= {parameter.name}
        self._look_ahead()
        for step in self.program.steps:
            self._step(step)
        counts = [t for t in self.names.counts() if not (self.names.spread and t.parameters & self.names.image)]
        Conditions(self.program, chosen, counts, self.names.free).run()
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
                both = merged(self.names.columns.get(name, column), column)
                if both is None:
                    contradicting.add(name)
                else:
                    self.names.columns[name] = both
                role = self.names.roles.setdefault(name, self._role(step, argument))
                if role in CHANNELS or self._role(step, argument) in CHANNELS:
                    counts.add(name)
        for name in contradicting:
            del self.names.columns[name]
        self._width_of_the_block()
        order = {name: index for index, name in enumerate(self.declared.parameters)}
        names = sorted(counts & self.names.columns.keys(), key=lambda name: (order.get(name, len(order)), name))
        for index, name in enumerate(names):
            for other in names[:index] if self.follows else ():
                column = self.names.columns[name]
                if column == self.names.columns[other] and len(set(column)) > 1:
                    self.names.alias[name] = self.names.alias.get(other, other)
                    break

    def _width_of_the_block(self) -> None:
        """A setting `width` is known also where no step is given it, if it is always the channels that the block gives:
        so it stays the second argument of every class."""
        known = self.names.columns.get("width")
        if known is None or MISSING not in known or not self.follows or "width" not in self.declared.parameters:
            return
        given = tuple([body.channels(body.outputs[0]) for body in self.program.bodies])
        if (both := merged(known, given)) is not None:
            self.names.columns["width"] = both

    def _step(self, step: UnionStep) -> None:
        if step.kind == "activation" or (
            is_activation(step.kind) and step.called and len({_frozen(u) for u in step.uses if u is not None}) > 1
        ):
            self._factory(step)
        else:
            for argument in step.one.arguments:
                column = column_of(step, argument)
                each = any(isinstance(value, Each) for value in column)
                found = self._of_each(step, argument, column) if each else self._argument(step, argument, column)
                self.chosen.terms[step.label, argument] = found
            if step.one.listed is not None and step.one.listed.how != "parts":
                self._count(step)
        for index in range(step.count):
            self.chosen.widths[Ref(step.label, index)] = self.widths.of(step, index)

    def _factory(self, step: UnionStep) -> None:
        """An activation that differs between bodies is made by a parameter."""
        column = tuple(
            [Factory(str(u.kind), tuple(u.arguments.items())) if u is not None else MISSING for u in step.uses]
        )
        known = self.names.parameters.get(step.called)
        both = merged(known.column, column) if known is not None and known.role == "activation" else None
        if known is None or both is None:
            known = Parameter(
                self.names.free(plain_name(step.called)), column, "activation", self.names.setting(step.called)
            )
            self.names.parameters.setdefault(step.called, known)
            self.names.use(known)
        else:
            known.column = both
        self.chosen.factories[step.label] = known

    def _argument(self, step: UnionStep, argument: str, column: Column) -> Term:
        known = [value for value in column if value is not MISSING]
        constant = all(value == known[0] for value in known)
        role = self._role(step, argument)
        exact = argument in step.one.exact
        hint = self._hint(step, argument)
        flows = role == "in_channels" and (isinstance(step.kind, str) or argument == "in_channels" or hint is not None)
        if flows and isinstance(hint, Term):
            if self.names.covers(hint, column):
                return self.names.used(hint)
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
        if role in CHANNELS and self.follows and (found := following(column, self.names.counts())) is not None:
            return self.names.used(found)
        if argument == "padding" and role in WINDOWS and self.follows:
            kernel = self.chosen.terms.get((step.label, "kernel"))
            if (found := padding_of(kernel, column, self.chosen.parameters)) is not None:
                return found
        if constant:
            return Term(literal(known[0]), column)
        return self._own(step, argument, column, role)

    def _of_each(self, step: UnionStep, argument: str, column: Column) -> Term:
        """An argument of which every element of a list has its own: what stands for it where one is made."""
        values = tuple([Several(value.values) if isinstance(value, Each) else value for value in column])
        loops = self.chosen.loops.setdefault(step.label, {})
        for word, parameter in loops.items():
            if parameter.column == values:
                return Term(Name(word), column)
            halves = [tuple([n // 2 for n in each]) if _whole(each) else each for each in parameter.column]
            if argument == "padding" and parameter.role == "each_kernel" and tuple(halves) == values:
                return Term(Binary("//", Name(word), Literal(2)), column)
        known = next((p for p in self.chosen.parameters if p.column == values), None)
        if known is None:
            wanted = f"{argument}s" if isinstance(step.kind, str) else f"{last_name(step.label)}_{argument}s"
            setting = self.names.setting(wanted)
            known = Parameter(self.names.free(plain_name(wanted)), values, f"each_{argument}", setting)
            self.names.use(known)
        singular = known.name[:-1] if known.name.endswith("s") else f"one_{known.name}"
        word = self.names.free(plain_name(singular))
        loops[word] = known
        return Term(Name(word), column)

    def _count(self, step: UnionStep) -> None:
        """How many elements a list has: as many as what each of them has its own of, or a parameter says it."""
        if self.chosen.loops.get(step.label):
            return
        listed = [use.listed if use is not None else None for use in step.uses]
        column = tuple([each.length if each is not None else MISSING for each in listed])
        known = next((p for p in self.chosen.parameters if p.role == "count" and p.column == column), None)
        if known is None:
            named = self.declared.counted.get(step.label) or self.declared.counted.get(step.label.rpartition(".")[0])
            called = self.names.free(plain_name(named or "count"))
            known = Parameter(called, column, "count", self.names.setting(named) if named else None)
            self.names.use(known)
        self.chosen.counts[step.label] = known

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
        if step.one.listed is not None and step.one.listed.how == "map":
            return None
        if isinstance(step.kind, str):
            return self.widths.flowing(step.inputs[0], column_of(step, argument)) if argument == "in_channels" else None
        fed = self.inner.feeds[step.kind].get(argument)
        if fed is None or fed >= len(step.inputs):
            return None
        return self.widths.flowing(step.inputs[fed], column_of(step, argument))

    def _named(self, hint: str, column: Column, role: str, constant: bool, exact: bool) -> Term | None:
        """The parameter of a name in the block's text."""
        hint = self.names.alias.get(hint, hint)
        parameter = self.names.parameters.get(hint)
        if parameter is not None:
            both = merged(parameter.column, column)
            if both is None or (parameter.role == "activation"):
                return None
            if MISSING in parameter.column:
                parameter.column = both
            parameter.exact |= exact
            return self.names.use(parameter)
        if "." in hint:
            return None
        local = self.names.local(hint) if not exact else None
        if local is not None and fits(column, local.column, lambda a: a):
            return local
        wide = role in ("width", "in_channels") and hint in self.declared.parameters
        if constant and not exact and not wide:
            return None
        column = merged(self.names.columns.get(hint, column), column) or column
        parameter = Parameter(self.names.free(plain_name(hint)), column, role, self.names.setting(hint), exact=exact)
        self.names.parameters[hint] = parameter
        return self.names.use(parameter)

    def _calculated(self, step: UnionStep, argument: str, column: Column) -> Term | None:
        """The arithmetic that the block's text has for an argument."""
        given = step.one.formulas.get(argument)
        if given is None or any(use is not None and use.formulas.get(argument) != given for use in step.uses):
            return None
        return self.names.rule(given, column)

    def _own(self, step: UnionStep, argument: str, column: Column, role: str, *, exact: bool = False) -> Term:
        """A parameter that the text has no name for."""
        for parameter in self.chosen.parameters:
            if parameter.role == role and parameter.setting is None and parameter.column == column and role != "width":
                return parameter.term
        last = last_name(step.label)
        plain = argument if role not in ("width", "in_channels") and isinstance(step.kind, str) else None
        if exact:
            plain = "num_classes"
        wanted = plain if plain is not None and plain not in self.names.free.taken else f"{last}_{argument}"
        parameter = Parameter(self.names.free(wanted), column, role, exact=exact)
        self.names.parameters[f"{step.label}:{argument}"] = parameter
        return self.names.use(parameter)

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


def _whole(values: object) -> bool:
    return isinstance(values, tuple) and all(isinstance(value, int) for value in values)


def _frozen(use: Use) -> Any:
    return use.kind, tuple(use.arguments.items())

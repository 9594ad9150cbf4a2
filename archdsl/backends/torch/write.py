"""Classes as text: constructor and `forward` of a program whose parameters are chosen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from itertools import groupby, zip_longest

from archdsl.backends.torch.bodies import ELEMENT, Ref
from archdsl.backends.torch.boxes import Box, chain_behind_values, is_chain, is_value, leaves, list_in, tree_of
from archdsl.backends.torch.classes import BlockClass, Plan
from archdsl.backends.torch.docstrings import about_class, summary
from archdsl.backends.torch.forms import FORMS
from archdsl.backends.torch.forward import Unit, statements
from archdsl.backends.torch.many import entries_of, is_sequence, modules_of, run_of, sequence_unit, unit_of
from archdsl.backends.torch.python import (
    NONE,
    Assign,
    Attribute,
    Call,
    Class,
    Conditional,
    Evaluate,
    Expression,
    Function,
    If,
    Index,
    Keyword,
    Literal,
    Name,
    Statement,
    Tuple,
    call,
    dotted,
    of_self,
)
from archdsl.backends.torch.python import Parameter as Argument
from archdsl.backends.torch.series import Container, keyed, listed, looped, module_list
from archdsl.backends.torch.terms import (
    MISSING,
    RESERVED,
    Chosen,
    Namer,
    constructed,
    literal,
    parameter_type,
    plain_name,
    tuple_type,
)
from archdsl.backends.torch.union import Program, UnionStep


class ClassWriter:
    """Writes one class of a plan."""

    def __init__(self, plan: Plan, program: Program, chosen: Chosen) -> None:
        self.plan, self.program, self.chosen = plan, program, chosen
        classes = [block.name for block in plan.classes.values()]
        self.local = Namer([*RESERVED, *classes, *[p.name for p in chosen.parameters], *chosen.locals])
        self.attributes = Namer([MODULES_OWN, *[step.label.partition(".")[0] for step in program.steps]])
        self.users = Counter(ref for step in program.steps for ref in set(step.inputs))
        self.constructor: list[Statement] = []
        self.units: list[Unit] = []
        self.flags: dict[tuple[str, Expression], str] = {}
        """The attributes that hold conditions, by what they are called where that is free."""
        self.kept: dict[tuple[str, Expression], str] = {}
        """Those that hold arguments of expressions, likewise."""
        self.lists: dict[str, Container] = {}
        """The containers of lists whose elements have modules."""

    # What makes one step

    def arguments(self, step: UnionStep) -> dict[str, Expression]:
        """What stands for every argument of a step."""
        found: dict[str, Expression] = {}
        for argument in step.one.arguments:
            expression = self.chosen.terms[step.label, argument].expression
            if expression is None:
                raise ValueError(f"nothing stands for {argument} of {step.label}")
            found[argument] = expression
        return found

    def made(self, step: UnionStep) -> Expression:
        """What makes a step's module."""
        factory = self.chosen.factories.get(step.label)
        if factory is not None:
            return call(factory.name)
        if isinstance(step.kind, int):
            return self.called(self.plan.classes[step.kind], self.arguments(step))
        arguments = self.arguments(step)
        may = self.plan.for_inference or not FORMS[step.kind].keeps_input
        made = constructed(step.kind, arguments, inplace=may and self._is_last_use(step))
        if self.plan.gives_features and "width" in step.one.exact:
            return Conditional(made, arguments["width"], IDENTITY)
        return made

    def made_or_not(self, step: UnionStep) -> Expression:
        """What makes a step's module, under its condition."""
        condition = self.chosen.conditions.get(step.label)
        made = self.made(step)
        return made if condition is None else Conditional(made, condition, IDENTITY)

    def _is_last_use(self, step: UnionStep) -> bool:
        """Whether what flows into a step was just made, in whatever body, and is used nowhere else."""
        if step.one.listed is not None:
            return False
        ref = step.inputs[0]
        while ref.label:
            source = self.program.labels[ref.label]
            fresh = isinstance(source.kind, str) and FORMS[source.kind].fresh
            if not fresh or self.users[ref] > 1 or ref in self.program.outputs:
                return False
            if all(there or use is None for there, use in zip(source.present, step.uses, strict=True)):
                return True
            ref = source.inputs[source.bypass or 0]
        return False

    @staticmethod
    def called(block: BlockClass, arguments: Mapping[str, Expression]) -> Call:
        """The call of a class: the channels of its input and its width in order, the rest by name, without defaults."""
        given: list[Expression] = []
        named = False
        for parameter, first in zip_longest(block.chosen.parameters, ("in_channels", "width")[: len(arguments)]):
            argument = arguments[parameter.name]
            left_out = parameter.default is not MISSING and argument == literal(parameter.default)
            named = named or left_out or parameter.name != first
            if not left_out:
                given.append(Keyword(parameter.name, argument) if named else argument)
        return call(block.name, *given)

    # Constructor and units

    def run(self) -> None:
        """Write the constructor's statements, and the units of `forward`."""
        self.constructor += [Assign(Name(name), made) for name, made in self.chosen.used_locals().items()]
        self._box(tree_of(self.program), [])
        order = {step.label: index for index, step in enumerate(self.program.steps)}
        self.units.sort(key=lambda unit: order[unit.outputs[0].label])
        for name, container in self.lists.items() if self.program is not self.plan.root else ():
            self.units = looped(self.units, self.program.outputs, name, container)

    def assign(self, name: str, value: Expression, annotation: Expression | None = None) -> Statement:
        """`self.name = value`, which is also a statement of the constructor from now on."""
        made = Assign(of_self(name), value, annotation)
        self.constructor.append(made)
        return made

    def _box(self, box: Box, path: list[str]) -> None:
        for name, inner in box.items():
            if isinstance(inner, UnionStep):
                self._leaf(inner, name)
            elif (elements := list_in(inner)) is not None:
                self.assign(name, self._list(inner, elements))
                self._list_units(inner, elements, of_self(name), [*path, name])
            elif is_chain(inner, self.program):
                self._chain(name, inner)
            else:
                self._containers(name, inner)
                self._units_within(inner, of_self(name), [*path, name])

    def _list(self, box: Box, step: UnionStep) -> Expression:
        """The container of a list of any length, and of the elements before those that are alike."""
        others = {key: made for key, inner in box.items() if key != ELEMENT and (made := self._contained(inner))}
        if others or not is_sequence(step, self.program):
            return modules_of(step, self.chosen, self.made(step), others)
        return call("nn.Sequential", call("OrderedDict", entries_of(step, self.chosen, self.made(step))))

    def _list_units(self, box: Box, step: UnionStep, access: Expression, path: list[str]) -> None:
        """What runs such a list."""
        name = self.local_name("_".join(path))
        others: Box = {key: inner for key, inner in box.items() if key != ELEMENT}
        self._units_within(others, access, path)
        before = len(self._modules(others))
        if not before and is_sequence(step, self.program):
            self.units.append(sequence_unit(step, access, name))
        else:
            modules = run_of(step, access, before)
            self.units.append(unit_of(step, self.program, modules, name, self.given(step)))

    def _leaf(self, step: UnionStep, name: str) -> None:
        if is_value(step):
            self._expression(step, name)
            return
        self.assign(name, self.made_or_not(step))
        self._module_unit(name, of_self(name), step.inputs, step)

    def _module_unit(self, name: str, access: Expression, inputs: tuple[Ref, ...], step: UnionStep) -> None:
        outputs = tuple([Ref(step.label, index) for index in range(step.count)])
        given = self.given(step)
        self.units.append(Unit(self.local_name(name), inputs, outputs, lambda x: call(access, *x), given=given))

    def given(self, step: UnionStep) -> tuple[str, ...]:
        """What the block's text calls the values of a step."""
        bound = self.program.bodies[0].application.declared.bound
        return tuple([plain_name(name) for name in bound.get(step.label, ())])

    def local_name(self, name: str) -> str:
        """A name for a value; only what Python itself uses is avoided here."""
        bare = f"at_{name}" if name[:1].isdigit() else name
        return plain_name(bare)

    def _kept(self, name: str, argument: str, given: Expression) -> str:
        """The attribute that an argument of an expression is: `attention_heads`, but `heads` of `split_heads` and where
        a parameter is called so; one for several that are the same."""
        said = re.sub(r"_?\d+$", "", name).endswith(f"_{argument}") or given == Name(argument)
        wanted = argument if said else f"{name}_{argument}"
        attribute = self.kept.get((wanted, given), "")
        if not attribute:
            attribute = self.kept[wanted, given] = self.attributes(wanted)
            self.assign(attribute, given)
        return attribute

    def _expression(self, step: UnionStep, name: str) -> None:
        arguments = self.arguments(step)
        for argument, given in arguments.items():
            if not _is_constant(given):
                arguments[argument] = of_self(self._kept(name, argument, given))
        condition = self.chosen.conditions.get(step.label)
        flag = ""
        if condition is not None:
            wanted = FORMS[str(step.kind)].flag or f"has_{name}"
            flag = self.flags.get((wanted, condition), "")
            if not flag:
                flag = self.flags[wanted, condition] = self.attributes(wanted)
                self.assign(flag, condition)
        write = partial(_value, step, arguments, flag)
        repeats = frozenset((step.bypass,)) if flag and step.bypass is not None else frozenset()
        outputs = tuple([Ref(step.label, index) for index in range(step.count)])
        listed = step.one.listed is not None
        called = self.local_name(name)
        self.units.append(Unit(called, step.inputs, outputs, write, repeats, self.given(step), listed=listed))

    def _chain(self, name: str, box: Box) -> None:
        """A container that runs its modules one after the other."""
        steps = list(leaves(box))
        conditions = {self.chosen.conditions.get(step.label) for step in steps}
        whole = self._condition_of(box)
        if len(conditions) > 1:
            self._chain_of_some(name, box)
        elif whole is None:
            self.assign(name, self.sequence(box, spread=True))
        else:
            self.assign(name, call("nn.Sequential"))
            self.constructor.append(If(whole, (Assign(of_self(name), self.sequence(box, spread=True)),)))
        self._module_unit(name, of_self(name), steps[0].inputs, steps[-1])

    def _chain_of_some(self, name: str, box: Box) -> None:
        """A sequence whose modules are there on conditions of their own."""
        local = Name(self.local(name))
        self.constructor.append(Assign(local, call(Index(Name("OrderedDict"), Tuple((Name("str"), NN_MODULE))))))
        for condition, entries in groupby(box.items(), key=lambda entry: self._condition_of(entry[1])):
            body: list[Statement] = []
            for key, inner in entries:
                made = self.made(inner) if isinstance(inner, UnionStep) else self.sequence(inner, spread=True)
                body.append(Assign(Index(local, Literal(key)), made))
            self.constructor += body if condition is None else [If(condition, tuple(body))]
        self.assign(name, call("nn.Sequential", local))

    def _condition_of(self, inner: UnionStep | Box) -> Expression | None:
        """The condition on which an entry of a sequence is there; of a box whose own entries differ, none."""
        if isinstance(inner, UnionStep):
            return self.chosen.conditions.get(inner.label)
        found = {self.chosen.conditions.get(step.label) for step in leaves(inner)}
        return found.pop() if len(found) == 1 else None

    def sequence(self, box: Box, *, spread: bool = False) -> Expression:
        """`nn.Sequential(OrderedDict(…))`; with `spread`, an entry a line, and its own condition is asked outside.

        Keys are not written where they count the modules; they are names of arguments, or strings where some are
        no names.
        """
        whole = self._condition_of(box) if spread else None
        made = {key: self._entry(inner, whole, spread=spread) for key, inner in box.items()}
        if list(box) == [str(index) for index in range(len(box))]:
            return Call(NN_SEQUENTIAL, listed(list(made.values())), spread)
        if all(key.isidentifier() for key in box):
            entries = Call(Name("OrderedDict"), tuple([Keyword(key, value) for key, value in made.items()]), spread)
        else:
            entries = call("OrderedDict", keyed(made, spread=spread))
        return call(NN_SEQUENTIAL, entries)

    def _entry(self, inner: UnionStep | Box, whole: Expression | None, *, spread: bool) -> Expression:
        """An entry of a sequence that is there under a condition as a whole."""
        outside = spread and self._condition_of(inner) in (None, whole)
        if not isinstance(inner, UnionStep):
            return self.sequence(inner, spread=outside)
        return self.made(inner) if outside else self.made_or_not(inner)

    def _containers(self, name: str, box: Box) -> None:
        """A container of what `forward` calls one by one, none of no modules. One by names is filled entry by entry
        where some have a condition."""
        modules = self._modules(box)
        if not modules:
            return
        parts = [box[key] for key in modules]
        nested = any(isinstance(part, dict) and self._sequential(part) is None for part in parts)
        kind = ANY if nested else None
        if _listed(modules) or not any(step.label in self.chosen.conditions for step in leaves(box)):
            self.assign(name, _container(modules), kind)
            if all(key.isdecimal() for key in modules):
                self.lists[name] = Container(of_self(name), tuple(modules), _listed(modules))
            return
        self.assign(name, call("nn.ModuleDict"), kind)
        for key, made in modules.items():
            self.constructor.append(Assign(Index(of_self(name), Literal(key)), made))

    def _contained(self, inner: UnionStep | Box) -> Expression | None:
        """An entry of a container; none for what is no module."""
        if isinstance(inner, UnionStep):
            return None if is_value(inner) else self.inline(inner)
        if (elements := list_in(inner)) is not None:
            return self._list(inner, elements)
        chained = self._sequential(inner)
        if chained is not None:
            return self.inline(chained)
        modules = self._modules(inner)
        return _container(modules) if modules else None

    def _relay(self, _: Box) -> tuple[UnionStep, UnionStep] | None:
        """The first and the last step of a container's entry that is one module of several values in and out."""
        return None

    def _sequential(self, box: Box) -> Box | None:
        """The steps of a container's entry that are one sequence; none where it has others beside expressions."""
        if is_chain(box, self.program):
            return box
        parted = chain_behind_values(box, self.program)
        return parted[1] if parted is not None else None

    def inline(self, inner: UnionStep | Box) -> Expression:
        """A module or a sequence as an argument, under its condition."""
        return self.made_or_not(inner) if isinstance(inner, UnionStep) else self.sequence(inner)

    def _modules(self, box: Box) -> dict[str, Expression]:
        """The modules of a container by their keys; those of a list in its order."""
        made = {key: module for key, inner in box.items() if (module := self._contained(inner)) is not None}
        return {key: made[key] for key in sorted(made, key=int)} if _listed(made) else made

    def _units_within(self, box: Box, access: Expression, path: list[str]) -> None:
        """The units of what stands in a container, which `access` gives."""
        listed = _listed(self._modules(box))
        for key, inner in box.items():
            here = [*path, key]
            there = Index(access, Literal(int(key) if listed and key.isdigit() else key))
            if isinstance(inner, UnionStep) and is_value(inner):
                self._expression(inner, "_".join(here))
                continue
            if isinstance(inner, UnionStep):
                self._module_unit("_".join(here), there, inner.inputs, inner)
                continue
            if (elements := list_in(inner)) is not None:
                self._list_units(inner, elements, there, here)
                continue
            chained, relay = self._sequential(inner), self._relay(inner)
            if chained is None and relay is not None:
                self._module_unit("_".join(here), there, relay[0].inputs, relay[1])
                continue
            if chained is None:
                self._units_within(inner, there, here)
                continue
            for name, step in inner.items():
                if name not in chained and isinstance(step, UnionStep):
                    self._expression(step, "_".join([*here, name]))
            steps = list(leaves(chained))
            self._module_unit("_".join(here), there, steps[0].inputs, steps[-1])


ANY = Name("Any")
"""Type checkers know of no module in a module that it has parts."""
MODULES_OWN = "to"
"""The argument that PyTorch's modules have an attribute of."""
NN_MODULE, NN_SEQUENTIAL, IDENTITY = dotted("nn.Module"), dotted("nn.Sequential"), call("nn.Identity")


def _container(modules: Mapping[str, Expression]) -> Expression:
    """Modules that `forward` calls one by one."""
    if _listed(modules):
        return module_list(list(modules.values()))
    return call("nn.ModuleDict", keyed(modules))


def _listed(keys: Collection[str]) -> bool:
    """Whether keys are the places of a list, all of them, in whatever order."""
    return set(keys) == {str(index) for index in range(len(keys))}


def _is_constant(expression: Expression) -> bool:
    """Whether an argument is a number, several, or a word."""
    if isinstance(expression, Tuple):
        return all(map(_is_constant, expression.items))
    return isinstance(expression, Literal) and (expression.is_number or isinstance(expression.value, str))


def _value(
    step: UnionStep, arguments: Mapping[str, Expression], flag: str, operands: Sequence[Expression]
) -> Expression:
    """An operation as an expression; with a flag, of what takes its place where the flag is off."""
    value = FORMS[str(step.kind)].value
    if value is None:
        raise ValueError(f"{step.kind} is a module")
    made = value(arguments, operands)
    if FORMS[str(step.kind)].lists and step.count == 1 and step.one.listed is None:
        made = Index(made, Literal(0))
    if not flag:
        return made
    other = operands[step.bypass or 0]
    return Conditional(made, of_self(flag), other if step.count == 1 else Tuple((other,) * step.count))


def class_of(plan: Plan, block: BlockClass) -> Class:
    """One class."""
    writer = ClassWriter(plan, block.program, block.chosen)
    writer.run()
    declared = block.declared
    others = set(declared.parameters) - {p.setting for p in block.chosen.parameters}
    doc = about_class(summary(declared.doc), others) or f"The block `{declared.name}`."
    parameters = [
        Argument(p.name, parameter_type(p), literal(p.default) if p.default is not MISSING else None)
        for p in sorted(block.chosen.parameters, key=lambda p: p.default is not MISSING)
    ]
    forward = method("forward", writer.units, input_names(block), block.program.outputs)
    return Class(block.name, NN_MODULE, doc, (constructor(parameters, writer.constructor), forward))


def constructor(parameters: Sequence[Argument], body: Sequence[Statement]) -> Function:
    """`__init__`."""
    first = Evaluate(call(Attribute(call("super"), "__init__")))
    return Function("__init__", (Argument("self"), *parameters), NONE, (first, *body))


def input_names(block: BlockClass) -> dict[int, str]:
    """The names of the inputs that a class takes, free for Python, by their place."""
    namer = Namer([*RESERVED])
    body = block.program.bodies[0]
    names = body.input_names
    return {i: ("*" if i == body.rest else "") + namer(plain_name(names[i])) for i in block.chosen.inputs}


def method(
    name: str,
    units: Sequence[Unit],
    inputs: Mapping[int, str],
    outputs: Sequence[Ref],
    doc: str = "",
    *,
    many: bool = False,
    named: str = "",
) -> Function:
    """A method that computes the outputs; with `many`, a tuple of any number of them; `named` is a class for them."""
    tensor = Name("Tensor")
    several = tuple_type("Tensor", None if many or len(outputs) > 3 else len(outputs))
    result = tensor if len(outputs) == 1 and not many else Name(named) if named else several
    body = statements(units, inputs, outputs, RESERVED, many=many, named=named)
    parameters = (Argument("self"), *[Argument(each, tensor) for each in inputs.values()])
    return Function(name, parameters, result, tuple(body), doc)

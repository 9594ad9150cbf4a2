"""The class of the network itself: stem, stages, head, and what users ask of a backbone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby, pairwise
from math import lcm
from typing import Any

from archdsl.backends.torch.bodies import Ref, lowered
from archdsl.backends.torch.boxes import Box, is_chain, is_relay, leaves
from archdsl.backends.torch.classes import Plan
from archdsl.backends.torch.docstrings import summary
from archdsl.backends.torch.forms import FORMS
from archdsl.backends.torch.forward import Unit
from archdsl.backends.torch.python import (
    NONE,
    SELF,
    Assign,
    Attribute,
    Binary,
    Call,
    Class,
    Conditional,
    Declare,
    Evaluate,
    Expression,
    For,
    Function,
    Generator,
    If,
    Index,
    Keyword,
    Literal,
    Name,
    Parameter,
    Return,
    Starred,
    Statement,
    Tuple,
    call,
    dotted,
    of_self,
)
from archdsl.backends.torch.terms import Namer, constructed, literal, plain, plain_name, tuple_type
from archdsl.backends.torch.union import Program, UnionStep
from archdsl.backends.torch.write import IDENTITY, NN_MODULE, NN_SEQUENTIAL, ClassWriter, constructor, method
from archdsl.graph.network import Network, Value, strides
from archdsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """The arguments that the model's class takes, beside none at all; none where it does not have them."""

    num_classes: int | None
    drop_path_rate: Fraction | None
    image_size: tuple[int, int] | None


def options_of(plan: Plan, shared: Fraction | None) -> Options:
    """What the class of a network takes. `shared` is the rate that its blocks share, else the largest of theirs."""
    network = plan.network
    rates = [n.operation.rate for n in network.nodes if n.operation.name == "drop_path"]  # type: ignore[attr-defined]
    rate = shared if rates and shared else max(rates, default=Fraction(0))
    programs = [plan.root, *[block.program for block in plan.classes.values()]]
    asks = any(isinstance(step.kind, str) and FORMS[step.kind].sized for program in programs for step in program.steps)
    size = (int(network.input[1]), int(network.input[2])) if asks else None
    classes = next((int(p.column[0]) for p in plan.chosen.parameters if p.exact), None)
    return Options(classes, rate if rate > 0 else None, size)


class ModelWriter(ClassWriter):
    """Writes the class of the network."""

    def __init__(self, plan: Plan, shared: Fraction | None = None) -> None:
        super().__init__(plan, plan.root, plan.chosen)
        self.options = options_of(plan, shared)
        self.entered = any(re.match(r"stages\.\d+\.enter\b", step.label) for step in self.program.steps)
        self.staged = False
        """Whether stages are sequences of blocks, each with one value in and out."""
        self.depths: dict[int, int] = {}
        """The number of blocks of each stage, by the identity of its box."""

    def _box(self, box: Box, path: list[str]) -> None:
        stages = box.get("stages", {})
        depths = self._depths()
        if not path and isinstance(stages, dict):
            self.depths = {id(stages.get(str(number))): depth for number, depth in enumerate(depths)}
        if path or isinstance(stages, UnionStep) or not depths or not is_chain(stages, self.program):
            super()._box(box, path)
            return
        self.staged = bool(stages)
        before = {name: inner for name, inner in box.items() if name.startswith("stem")}
        super()._box(before, [])
        self._stages(stages, depths)
        super()._box({name: inner for name, inner in box.items() if name not in before and name != "stages"}, [])

    def _contained(self, inner: UnionStep | Box) -> Expression | None:
        """A stage with one value in and out is a `Stage` also among others that are not."""
        if id(inner) in self.depths and isinstance(inner, dict):
            if is_chain(inner, self.program):
                return self._stage(inner, self.depths[id(inner)])
            if self._relay(inner) is not None:
                return self._stage(inner, self.depths[id(inner)], "MapStage")
        return super()._contained(inner)

    def _relay(self, box: Box) -> tuple[UnionStep, UnionStep] | None:
        """The first and the last step of a stage whose blocks hand all their maps to the next; none of another."""
        blocks = box.get("blocks")
        if id(box) not in self.depths or set(box) - {"enter", "blocks"} or not isinstance(blocks, dict):
            return None
        steps = [step for step in (box.get("enter"), *blocks.values()) if step is not None]
        whole = [step for step in steps if isinstance(step, UnionStep)]
        conditions = any(step.label in self.chosen.conditions for step in whole)
        if len(whole) < len(steps) or conditions or len(blocks) < self.depths[id(box)]:
            return None
        return (whole[0], whole[-1]) if is_relay(box, self.program, self._within) else None

    def _within(self, step: UnionStep) -> Program | None:
        return self.plan.classes[step.kind].program if isinstance(step.kind, int) else None

    def _depths(self) -> list[int]:
        """The number of blocks in each stage of the text, also of those that do nothing in this network."""
        found: dict[int, int] = {}
        for label in self.program.bodies[0].application.declared.labels:
            place = re.match(r"stages\.(\d+)\.blocks\.(\d+)", label)
            if place is not None:
                found[int(place[1])] = int(place[2]) + 1
        return [found.get(number, 0) for number in range(max(found, default=-1) + 1)]

    def _stages(self, stages: Box, depths: Sequence[int]) -> None:
        """Stages one behind the other; what does nothing keeps its place, as that which hands on its input."""
        made = []
        for number, depth in enumerate(depths):
            stage = stages.get(str(number), {})
            if isinstance(stage, UnionStep):
                raise ValueError(f"stage {number} is an operation")
            made.append(self._stage(stage, depth))
            steps = list(leaves(stage))
            if steps:
                access = Index(of_self("stages"), Literal(number))
                self._module_unit(f"stage_{number}", access, steps[0].inputs, steps[-1])
        self.assign("stages", Call(NN_SEQUENTIAL, tuple(made), spread=True))

    def _stage(self, stage: Box, depth: int, kind: str = "Stage") -> Expression:
        blocks, enter = stage.get("blocks", {}), stage.get("enter")
        if isinstance(blocks, UnionStep) or set(stage) - {"enter", "blocks"} or not all(k.isdigit() for k in blocks):
            return self.sequence(stage, spread=True)  # an operation with a step beside it, such as a border
        made: list[Expression] = []
        places = [blocks.get(str(position)) for position in range(depth)]
        for _, run in groupby(places, lambda block: block is None):
            there = list(run)
            steps = [step for step in there if isinstance(step, UnionStep)]
            made += self._runs(steps) if steps else [IDENTITY] * len(there)
        if enter is not None:
            made.append(Keyword("enter", self.inline(enter)))
        return Call(Name(kind), tuple(made), spread=True)

    def _runs(self, steps: Sequence[UnionStep]) -> list[Expression]:
        """Blocks as calls; equal ones, and those that differ in one number, as a loop."""
        made: list[Expression] = []
        index = 0
        while index < len(steps):
            end, varying = self._run(steps, index)
            if varying is not None and end - index == 2:  # two blocks are no series
                made += [self.made(step) for step in steps[index:end]]
            else:
                made.append(self._loop(steps[index:end], varying) if end - index > 1 else self.made(steps[index]))
            index = end
        return made

    def _run(self, steps: Sequence[UnionStep], start: int) -> tuple[int, str | None]:
        """Where a run of blocks ends that agree in all arguments, or in all but one."""
        first = self.arguments(steps[start])
        end, varying = start + 1, None
        while end < len(steps) and steps[end].kind == steps[start].kind and isinstance(steps[start].kind, int):
            differing = [a for a, given in self.arguments(steps[end]).items() if given != first[a]]
            if len(differing) > 1 or (varying and differing and differing[0] != varying):
                break
            if differing and varying is None:
                if end - start > 1:
                    break  # a run of equal blocks ends here
                varying = differing[0]
            elif varying and not differing:
                break
            end += 1
        if varying is None:
            return end, None
        values = [self.arguments(step)[varying] for step in steps[start:end]]
        numbers = all(isinstance(value, Literal) and value.is_number for value in values)
        return (end, varying) if numbers else (start + 1, None)

    def _loop(self, steps: Sequence[UnionStep], varying: str | None) -> Expression:
        kind = steps[0].kind
        if not isinstance(kind, int):
            return self.made(steps[0])
        block = self.plan.classes[kind]
        arguments = self.arguments(steps[0])
        if varying is None:
            return Starred(Generator(self.called(block, arguments), "_", call("range", Literal(len(steps)))))
        exact = [use.arguments[varying] for step in steps for use in step.uses if use is not None]
        even = _even(exact) if len(steps) > 3 else None
        if even is not None:
            values, below = even
            made = self.called(block, {**arguments, varying: Binary("/", Name("i"), Literal(below))})
            return Starred(Generator(made, "i", values))
        name = {"in_channels": "channels", "rate": "rate"}.get(varying, varying)
        made = self.called(block, {**arguments, varying: Name(name)})
        return Starred(Generator(made, name, _series([self.arguments(step)[varying] for step in steps])))


def _even(values: Sequence[Any]) -> tuple[Expression, int] | None:
    """Evenly spaced rates as whole numbers over one denominator: (range, denominator)."""
    if not all(isinstance(value, Fraction) for value in values):
        return None
    below = lcm(*[value.denominator for value in values])
    tops = [int(value * below) for value in values]
    step = tops[1] - tops[0]
    if step <= 0 or below > 10**6 or any(b - a != step for a, b in pairwise(tops)):
        return None
    bounds = [tops[-1] + 1] if tops[0] == 0 and step == 1 else [tops[0], tops[-1] + 1, *([step] if step > 1 else [])]
    return call("range", *map(Literal, bounds)), below


def _series(values: Sequence[Expression]) -> Expression:
    """Values to loop over: a range where they are evenly spaced whole numbers."""
    numbers = [value.value for value in values if isinstance(value, Literal) and isinstance(value.value, int)]
    if len(numbers) == len(values) > 2:
        step = numbers[1] - numbers[0]
        if step > 0 and all(b - a == step for a, b in pairwise(numbers)):
            return call("range", *map(Literal, (numbers[0], numbers[-1] + step, step)))
    return Tuple(tuple(values))


def model_class(plan: Plan, doc: str, *, init: bool, shared: Fraction | None, channels_last: bool = False) -> Class:
    """The model's class. With `init`, the file has `init_weights`. With `channels_last`, maps are laid out so that the
    channels of a position stand together."""
    writer = ModelWriter(plan, shared)
    writer.run()
    places = feature_places(plan.network)
    maps = [plan.root.bodies[0].refs[value] for _, value, _ in places]
    attributes: list[Statement] = []
    if maps:
        channels = tuple([int(plan.network.shape(value)[0]) for _, value, _ in places])
        attributes.append(_class_variable("feature_channels", channels))
        attributes.append(_class_variable("feature_strides", tuple([stride or 0 for _, _, stride in places])))
    methods = [_constructor(writer, init=init, channels_last=channels_last), *_methods(writer, maps)]
    if writer.options.num_classes is not None:
        methods += _reset(plan, init=init)
    said = summary(doc) or f"The network `{plan.network.name}`."
    return Class(plan.name, NN_MODULE, said, (*attributes, *methods))


def _class_variable(name: str, value: tuple[int, ...]) -> Statement:
    return Assign(Name(name), literal(value), Index(Name("ClassVar"), tuple_type("int")))


def _constructor(writer: ModelWriter, *, init: bool, channels_last: bool) -> Function:
    plan, options = writer.plan, writer.options
    channels = int(plan.network.input[0])
    arguments: list[Parameter] = []
    body: list[Statement] = []
    if options.num_classes is not None:
        arguments.append(Parameter("num_classes", Name("int"), Literal(options.num_classes)))
        body.append(Evaluate(call("check_classes", Name("num_classes"))))
    if plan.takes_channels:
        arguments.append(Parameter("in_channels", Name("int"), Literal(channels)))
    body += writer.constructor
    if init:
        body.append(Evaluate(call(of_self("apply"), Name("init_weights"))))
    if options.drop_path_rate is not None:
        arguments.append(Parameter("drop_path_rate", Name("float"), literal(options.drop_path_rate)))
        body.append(_scaled_rates(literal(options.drop_path_rate)))
    if options.image_size is not None:
        arguments.append(Parameter("image_size", tuple_type("int", 2), literal(options.image_size)))
        image = Name("in_channels") if plan.takes_channels else Literal(channels)
        body.append(Evaluate(call("fit_padding", SELF, image, Name("image_size"))))
    if channels_last:
        moved = call(of_self("to"), memory_format=dotted("torch.channels_last"))
        body.append(Evaluate(moved, "type: ignore[call-overload]"))
    return constructor(arguments, body)


def _scaled_rates(declared: Expression) -> Statement:
    """Another rate of stochastic depth than that which the blocks were made with."""
    rate, module = Name("drop_path_rate"), Name("module")
    scaled = Assign(Attribute(module, "rate"), Binary("/", rate, declared), operator="*")
    scaled_each = If(call("isinstance", module, Name("DropPath")), (scaled,))
    return If(Binary("!=", rate, declared), (For("module", call(of_self("modules")), (scaled_each,)),))


def feature_places(network: Network) -> list[tuple[str, Value, int | None]]:
    """Name, value and stride of each feature map: those asked for, else the last at each stride before the head."""
    if network.features:
        return [(f.name, f.value, f.stride) for f in network.features]
    nominal = strides(network.nodes)
    last: dict[int, Value] = {}
    ends: dict[str, tuple[Value, ...]] = {}
    for path, values in network.ends:
        parts = path.split(".")
        if parts[0] != "head":
            ends[".".join(parts[:2]) if parts[0] == "stages" else parts[0]] = values
    for value in sorted([value for values in ends.values() for value in values]):
        stride = nominal[value.node + 1]
        if stride is not None and len(network.shape(value)) == 3 and value.node >= 0:
            last[stride] = value
    return [(f"stride{stride}", last[stride], stride) for stride in sorted(last)]


def head_of(writer: ModelWriter) -> tuple[list[Unit], set[Ref]]:
    """What runs in the head, with what stands beside it, and the values that enter it."""
    head = [unit for unit in writer.units if unit.outputs[0].label.startswith("head")]
    return head, {ref for unit in head for ref in unit.inputs if not ref.label.startswith("head")}


def _methods(writer: ModelWriter, maps: Sequence[Ref]) -> list[Function]:
    units, outputs = writer.units, writer.program.outputs
    inputs = {0: "x"}
    head, entering = head_of(writer)
    coarse = _coarse(writer) if writer.staged else units
    every = [method("feature_maps", units, inputs, maps, MAPS, many=True)] if maps else []
    features = of_self("forward_features")
    if len(entering) == 1 and len(outputs) == 1:
        before = next(iter(entering))
        first = Unit("x", (Ref("", 0),), (before,), lambda x: call(features, *x))
        forward = [*([first] if before.label else []), *[unit for unit in units if unit in head]]
        return [
            method("forward_features", coarse, inputs, [before], "The map before the head."),
            *every,
            method("forward", forward, inputs, outputs),
        ]
    if not head and len(outputs) == 1:
        tensor = Name("Tensor")
        body = (Return(call(features, Name("x"))),)
        forward_alone = Function("forward", (Parameter("self"), Parameter("x", tensor)), tensor, body)
        return [method("forward_features", coarse, inputs, outputs, "The last map."), *every, forward_alone]
    named = OUTPUTS if writer.plan.network.output_names else ""
    return [*every, method("forward", units, inputs, outputs, named=named)]


OUTPUTS = "Outputs"
"""The class of several outputs with names."""


def outputs_class(network: Network) -> Class | None:
    """The class of what the network gives, where it gives several tensors by names."""
    if len(network.outputs) == 1 or not network.output_names:
        return None
    namer = Namer(["count", "index"])  # a tuple has these itself
    fields = [Declare(namer(plain_name(name).lstrip("_")), Name("Tensor")) for name in network.output_names]
    return Class(OUTPUTS, Name("NamedTuple"), "What the network gives.", tuple(fields))


MAPS = "The map at each of `feature_strides`."


def _coarse(writer: ModelWriter) -> list[Unit]:
    """Units in which all stages run as one."""
    stages = [unit for unit in writer.units if unit.outputs[0].label.startswith("stages.")]
    whole = Unit("stages", stages[0].inputs, stages[-1].outputs, lambda x: call(of_self("stages"), *x))
    found: list[Unit] = []
    for unit in writer.units:
        if unit not in stages:
            found.append(unit)
        elif unit is stages[0]:
            found.append(whole)
    return found


def _reset(plan: Plan, *, init: bool) -> list[Function]:
    """`reset_classifier`."""
    network = plan.network
    if plan.classifier is None:
        return []
    node = network.nodes[plan.classifier]
    kind, arguments, _ = lowered(node, network.input_shapes(node))
    given = {name: literal(plain(value)) for name, value in arguments.items()} | {"width": Name("num_classes")}
    made = constructed(kind, given)
    classifier, weight = Name("classifier"), Name("weight")
    first = call("next", call(of_self("parameters")), call("torch.empty", Literal(0)))
    body: list[Statement] = [
        Evaluate(call("check_classes", Name("num_classes"))),
        Assign(weight, first),
        Assign(classifier, Conditional(made, Name("num_classes"), IDENTITY) if plan.gives_features else made),
    ]
    if init:
        body.append(Evaluate(call("init_weights", classifier)))
    moved = call(Attribute(classifier, "to"), Attribute(weight, "device"), Attribute(weight, "dtype"))
    owner = node.path.rpartition(".")[0]
    if not owner or any(step.label == owner for step in plan.root.steps):  # an attribute that has a type
        body.append(Assign(dotted(f"self.{node.path}"), moved))
    else:
        body.append(Evaluate(call(of_self("set_submodule"), Literal(node.path), moved)))
    doc = f"Put a new classifier in the place of the old one{'; with 0 classes, none' if plan.gives_features else ''}."
    parameters = (Parameter("self"), Parameter("num_classes", Name("int")))
    return [Function("reset_classifier", parameters, NONE, tuple(body), doc)]

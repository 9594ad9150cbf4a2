"""The class of the network itself: stem, stages, head, and what users ask of a backbone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby, pairwise
from math import lcm
from typing import Any

from archdsl.backends.torch.bodies import Ref, operation_arguments, sized
from archdsl.backends.torch.classes import Plan
from archdsl.backends.torch.forward import Expression, Unit
from archdsl.backends.torch.layout import docstring, fold
from archdsl.backends.torch.templates import constructed
from archdsl.backends.torch.terms import literal
from archdsl.backends.torch.union import UnionStep
from archdsl.backends.torch.write import Box, ClassWriter, forward_lines, is_chain, leaves, summary
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
    asks = any(sized(s.kind) for block in plan.classes.values() for s in block.program.steps)
    asks = asks or any(sized(s.kind) for s in plan.root.steps)
    size = (int(network.input[1]), int(network.input[2])) if asks else None
    classes = next((int(p.column[0]) for p in plan.chosen.parameters if p.exact), None)
    return Options(classes, rate if rate > 0 else None, size)


class ModelWriter(ClassWriter):
    """Writes the class of the network."""

    def __init__(self, plan: Plan, shared: Fraction | None = None) -> None:
        super().__init__(plan, plan.root, plan.chosen)
        self.options = options_of(plan, shared)
        self.network: Network = plan.network
        self.entered = any(re.match(r"stages\.\d+\.enter\b", step.label) for step in self.program.steps)
        self.staged = False
        """Whether stages are sequences of blocks, each with one value in and out."""

    def _box(self, box: Box, path: list[str]) -> None:
        stages = box.get("stages", {})
        depths = self._depths()
        if path or isinstance(stages, UnionStep) or not depths or not is_chain(stages, self.program):
            super()._box(box, path)
            return
        self.staged = bool(stages)
        before = {name: inner for name, inner in box.items() if name.startswith("stem")}
        super()._box(before, [])
        self._stages(stages, depths)
        super()._box({name: inner for name, inner in box.items() if name not in before and name != "stages"}, [])

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
        self.lines += ["        self.stages = nn.Sequential("]
        for number, depth in enumerate(depths):
            stage = stages.get(str(number), {})
            if isinstance(stage, UnionStep):
                raise ValueError(f"stage {number} is an operation")
            self.lines += self._stage(stage, depth)
            steps = list(leaves(stage))
            if steps:
                self._module_unit(f"stage_{number}", f"self.stages[{number}]", steps[0].inputs, steps[-1])
        self.lines += ["        )"]

    def _stage(self, stage: Box, depth: int) -> list[str]:
        blocks, enter = stage.get("blocks", {}), stage.get("enter")
        if isinstance(blocks, UnionStep) or set(stage) - {"enter", "blocks"} or not all(k.isdigit() for k in blocks):
            return self.sequence("", stage, 12, ",")  # an operation with a step of its own beside it, such as a padding
        lines: list[str] = []
        places = [blocks.get(str(position)) for position in range(depth)]
        for _, run in groupby(places, lambda block: block is None):
            there = list(run)
            steps = [step for step in there if isinstance(step, UnionStep)]
            texts = self._runs(steps) if steps else ["nn.Identity()"] * len(there)
            lines += [line for text in texts for line in fold(f"{text},", 16)]
        if enter is not None:
            lines += fold(f"enter={self._inline(enter)},", 16)
        return [f"{' ' * 12}Stage(", *lines, f"{' ' * 12}),"]

    def _runs(self, steps: Sequence[UnionStep]) -> list[str]:
        """Blocks as calls; equal ones, and those that differ in one number, as a loop."""
        texts: list[str] = []
        index = 0
        while index < len(steps):
            end, varying = self._run(steps, index)
            texts.append(self._loop(steps[index:end], varying) if end - index > 1 else self.made(steps[index]))
            index = end
        return texts

    def _run(self, steps: Sequence[UnionStep], start: int) -> tuple[int, str | None]:
        """Where a run of blocks ends that agree in all arguments, or in all but one."""
        first = self.arguments(steps[start])
        end, varying = start + 1, None
        while end < len(steps) and steps[end].kind == steps[start].kind and isinstance(steps[start].kind, int):
            differing = [a for a, text in self.arguments(steps[end]).items() if text != first[a]]
            if len(differing) > 1 or (varying and differing and differing[0] != varying):
                break
            if differing and varying is None:
                if end - start > 1:
                    break  # a run of equal blocks ends here
                varying = differing[0]
            elif varying and not differing:
                break
            end += 1
        if varying is not None and (end - start < 3 and not self._number(first[varying])):
            return start + 1, None
        return (
            (end, varying)
            if varying is None or all(self._number(self.arguments(s)[varying]) for s in steps[start:end])
            else (start + 1, None)
        )

    @staticmethod
    def _number(text: str) -> bool:
        return text.replace(".", "", 1).replace("e-", "", 1).isdigit()

    def _loop(self, steps: Sequence[UnionStep], varying: str | None) -> str:
        kind = steps[0].kind
        if not isinstance(kind, int):
            return self.made(steps[0])
        block = self.plan.classes[kind]
        arguments = self.arguments(steps[0])
        if varying is None:
            return f"*({self.called(block, arguments)} for _ in range({len(steps)}))"
        values = [self.arguments(step)[varying] for step in steps]
        exact = [use.arguments[varying] for step in steps for use in step.uses if use is not None]
        even = _even(exact) if len(steps) > 3 else None
        if even is not None:
            made = self.called(block, {**arguments, varying: f"i / {even[1]}"})
            return f"*({made} for i in {even[0]})"
        name = {"in_channels": "channels", "rate": "rate"}.get(varying, varying)
        made = self.called(block, {**arguments, varying: name})
        return f"*({made} for {name} in {_series(values)})"


def _even(values: Sequence[Any]) -> tuple[str, int] | None:
    """Evenly spaced rates as whole numbers over one denominator: (range, denominator)."""
    if not all(isinstance(value, Fraction) for value in values):
        return None
    below = lcm(*[value.denominator for value in values])
    tops = [int(value * below) for value in values]
    step = tops[1] - tops[0]
    if step <= 0 or below > 10**6 or any(b - a != step for a, b in pairwise(tops)):
        return None
    bounds = [tops[-1] + 1] if tops[0] == 0 and step == 1 else [tops[0], tops[-1] + 1, *([step] if step > 1 else [])]
    over = f"range({', '.join(map(str, bounds))})"
    return over, below


def _series(values: Sequence[str]) -> str:
    """Values to loop over: a range where they are evenly spaced whole numbers."""
    if all(value.isdigit() for value in values) and len(values) > 2:
        numbers = [int(value) for value in values]
        step = numbers[1] - numbers[0]
        if step > 0 and all(b - a == step for a, b in pairwise(numbers)):
            return f"range({numbers[0]}, {numbers[-1] + step}, {step})"
    return f"({', '.join(values)})"


def model_lines(plan: Plan, doc: str, *, starts: bool, shared: Fraction | None) -> list[str]:
    """The lines of the model's class. With `starts`, the file has `init_weights`."""
    writer = ModelWriter(plan, shared)
    writer.run()
    network, options = plan.network, writer.options
    places = feature_places(network)
    body = plan.root.bodies[0]
    maps = [body.refs[value] for _, value, _ in places]
    lines = [f"class {plan.name}(nn.Module):", *docstring(summary(doc) or f"The network `{network.name}`.", 4), ""]
    if maps:
        channels = tuple([int(network.shape(value)[0]) for _, value, _ in places])
        steps = tuple([stride or 0 for _, _, stride in places])
        lines += fold(f"feature_channels: ClassVar[tuple[int, ...]] = {literal(channels)}", 4)
        lines += fold(f"feature_strides: ClassVar[tuple[int, ...]] = {literal(steps)}", 4)
        lines.append("")
    lines += _constructor(plan, options)
    lines += writer.lines
    if starts:
        lines.append("        self.apply(init_weights)")
    if options.drop_path_rate is not None:
        rate = literal(options.drop_path_rate)
        lines += [
            f"        if drop_path_rate != {rate}:",
            "            for module in self.modules():",
            "                if isinstance(module, DropPath):",
            f"                    module.rate *= drop_path_rate / {rate}",
        ]
    if options.image_size is not None:
        image = "in_channels" if plan.takes_channels else str(int(network.input[0]))
        lines.append(f"        fit_padding(self, {image}, image_size)")
    lines += _methods(writer, maps)
    if options.num_classes is not None:
        lines += ["", *_reset(plan, starts)]
    return lines


def _constructor(plan: Plan, options: Options) -> list[str]:
    network = plan.network
    arguments = ["self"]
    if options.num_classes is not None:
        arguments.append(f"num_classes: int = {options.num_classes}")
    if plan.takes_channels:
        arguments.append(f"in_channels: int = {int(network.input[0])}")
    if options.drop_path_rate is not None:
        arguments.append(f"drop_path_rate: float = {literal(options.drop_path_rate)}")
    if options.image_size is not None:
        arguments.append(f"image_size: tuple[int, int] = {literal(options.image_size)}")
    lines = [*fold(f"def __init__({', '.join(arguments)}) -> None:", 4), "        super().__init__()"]
    if options.num_classes is not None:
        lines.append("        check_classes(num_classes)")
    return lines


def feature_places(network: Network) -> list[tuple[str, Value, int | None]]:
    """Name, value and stride of each feature map: those asked for, else the last at each stride before the head."""
    if network.features:
        return [(f.name, f.value, f.stride) for f in network.features]
    nominal = strides(network.nodes)
    last: dict[int, Value] = {}
    ends: dict[str, Value] = {}
    for step in network.root.steps:
        parts = step.label.split(".")
        key = ".".join(parts[:2]) if parts[0] == "stages" else parts[0]
        applied = step.applied
        value = Value(applied) if isinstance(applied, int) else applied.outputs[0]
        if key != "head" and value is not None:
            ends[key] = value
    for value in ends.values():
        stride = nominal[value.node + 1]
        if stride is not None and len(network.shape(value)) == 3 and value.node >= 0:
            last[stride] = value
    return [(f"stride{stride}", last[stride], stride) for stride in sorted(last)]


def _methods(writer: ModelWriter, maps: Sequence[Ref]) -> list[str]:
    units, outputs = writer.units, writer.program.outputs
    inputs = {0: "x"}
    head = [unit for unit in units if unit.outputs[0].label.startswith("head")]  # with what stands beside it
    entering = {ref for unit in head for ref in unit.inputs if not ref.label.startswith("head")}
    coarse = _coarse(writer) if writer.staged else units
    lines: list[str] = []
    if len(entering) == 1 and len(outputs) == 1:
        before = next(iter(entering))
        doc = "The map before the head."
        lines += ["", *forward_lines("forward_features", coarse, inputs, [before], doc)]
        features = Unit("x", (Ref("", 0),), (before,), lambda x: Expression(f"self.forward_features({x[0].text})"))
        forward = [features, *[u for u in units if u in head]]
        lines += _maps(units, inputs, maps)
        return [*lines, "", *forward_lines("forward", forward, inputs, outputs)]
    if not head and len(outputs) == 1:
        doc = "The last map."
        lines += ["", *forward_lines("forward_features", coarse, inputs, outputs, doc)]
        lines += _maps(units, inputs, maps)
        return [*lines, "", *_plain_forward()]
    lines += _maps(units, inputs, maps)
    return [*lines, "", *forward_lines("forward", units, inputs, outputs)]


def _plain_forward() -> list[str]:
    return ["    def forward(self, x: Tensor) -> Tensor:", "        return self.forward_features(x)"]


def _maps(units: Sequence[Unit], inputs: dict[int, str], maps: Sequence[Ref]) -> list[str]:
    if not maps:
        return []
    lines = forward_lines("feature_maps", units, inputs, maps, "The map at each of `feature_strides`.")
    lines[0] = "    def feature_maps(self, x: Tensor) -> tuple[Tensor, ...]:"
    if len(maps) == 1:
        lines[-1] = lines[-1].replace("return ", "return (", 1) + ",)"
    return ["", *lines]


def _coarse(writer: ModelWriter) -> list[Unit]:
    """Units in which all stages run as one."""
    stages = [u for u in writer.units if u.outputs[0].label.startswith("stages.")]

    def run(x: Sequence[Expression]) -> Expression:
        return Expression(f"self.stages({x[0].text})", typed=False)

    whole = Unit("stages", stages[0].inputs, stages[-1].outputs, run)
    found: list[Unit] = []
    for unit in writer.units:
        if unit not in stages:
            found.append(unit)
        elif unit is stages[0]:
            found.append(whole)
    return found


def _reset(plan: Plan, starts: bool) -> list[str]:
    """`reset_classifier`."""
    network = plan.network
    if plan.classifier is None:
        return []
    node = network.nodes[plan.classifier]
    kind, arguments, _ = operation_arguments(node.operation, network.input_shapes(node), node.shapes)
    texts = {name: literal(_pair(value)) for name, value in arguments.items()} | {"width": "num_classes"}
    made = constructed(kind, texts)
    owner = node.path.rpartition(".")[0]
    lines = ["    def reset_classifier(self, num_classes: int) -> None:"]
    also = "; with 0 classes, none" if plan.gives_features else ""
    lines += docstring(f"Put a new classifier in the place of the old one{also}.", 8)
    lines.append("        check_classes(num_classes)")
    lines.append("        weight = next(self.parameters(), torch.empty(0))")
    made = f"{made} if num_classes else nn.Identity()" if plan.gives_features else made
    lines += fold(f"classifier = {made}", 8)
    if starts:
        lines.append("        init_weights(classifier)")
    moved = "classifier.to(weight.device, weight.dtype)"
    known = not owner or any(step.label == owner for step in plan.root.steps)  # an attribute that has a type
    place = f"self.{node.path} = {moved}" if known else f'self.set_submodule("{node.path}", {moved})'
    return lines + fold(place, 8)


def _pair(value: Any) -> Any:
    if isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]:
        return value[0]
    return value

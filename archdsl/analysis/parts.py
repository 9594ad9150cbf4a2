"""The parts of a model without a network: shapes and costs of its stem, stages and head, as far as they are known.

In front of the first fault they are exact. Behind it two completions of the model are put together, which differ in
what is not known: a setting with a hole has two values that the block takes, a part of which nothing is known is left
away in one and is a convolution of other width and stride in the other. A number on which both agree is said, and is an
estimate; where they differ nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from archdsl import limits
from archdsl.analysis.assemble import Assembly, Ends, place_in
from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.features import features_of
from archdsl.analysis.language import evaluation
from archdsl.analysis.model import Model, Rule, Stage
from archdsl.analysis.names import setting_names
from archdsl.analysis.program import Primitive
from archdsl.analysis.settings import end_value
from archdsl.analysis.traces import Traces
from archdsl.analysis.values import UNKNOWN, Block, Environment, Setting, Tensor, Value, tensors_of
from archdsl.diagnostics import Fault
from archdsl.graph.cost import count
from archdsl.graph.network import INPUT, Composer, Network
from archdsl.graph.operations import OPERATIONS
from archdsl.graph.shapes import Size
from archdsl.records import dataclass
from archdsl.syntax import ast

_TRIES = 24
"""So many networks are put together for one completion."""
_USUAL = (1, 2, 4, 8, 16, 32)
"""What a setting is tried with that no other stage has."""
_INPUTS = ((3, 224, 224), (5, 256, 192))
"""Inputs for a model that has none."""

Extents = tuple["int | None", ...]


@dataclass(frozen=True, slots=True)
class PartCost:
    """Counts of one part for one image, in the default convention; none where they are not known."""

    flops: int | None
    params: int | None
    acts: int | None


@dataclass(frozen=True, slots=True)
class Parts:
    """What is known of the parts of a model: `input`, `stem`, `stages.0`, …, `head`."""

    shapes: Mapping[str, tuple[Extents, ...]]
    """The shapes of what each gives; an extent that is not known is none."""
    costs: Mapping[str, PartCost]
    sure: frozenset[str]
    """The parts in front of the first fault, for which this is exact."""


def parts_of(model: Model, traces: Traces | None = None) -> Parts | None:
    """The parts of a model that has holes, or whose network is a fault; none where it has no stages."""
    if not model.stages:
        return None
    one, other = _completed(model, 0, traces, None), None
    if one is not None:
        other = _completed(model, 1, traces, one)
    if one is None or other is None:
        return None
    shapes: dict[str, tuple[Extents, ...]] = {}
    for path, found in one.shapes.items():
        again = other.shapes.get(path)
        if again is not None and [len(shape) for shape in found] == [len(shape) for shape in again]:
            shapes[path] = tuple([_agreed(a, b) for a, b in zip(found, again, strict=True)])
    first = _first_fault(model, one.unknown | other.unknown)
    paths = _paths(model)
    front = paths[: paths.index(first)] if first in paths else paths
    sure = frozenset([path for path in ("input", *front) if first != "input" and not _moves(model, path)])
    costs = {path: _agreed_cost(one.costs.get(path), other.costs.get(path)) for path in paths if path in shapes}
    return Parts(shapes, costs, sure)


def _agreed(one: Extents, other: Extents) -> Extents:
    return tuple([a if a == b else None for a, b in zip(one, other, strict=True)])


def _agreed_cost(one: PartCost | None, other: PartCost | None) -> PartCost:
    if one is None or other is None:
        return PartCost(None, None, None)
    pairs = ((one.flops, other.flops), (one.params, other.params), (one.acts, other.acts))
    return PartCost(*[a if a == b else None for a, b in pairs])


def _paths(model: Model) -> list[str]:
    """The parts, in order."""
    ends = {end: getattr(model, end) is not None or end in model.holes for end in ("stem", "head")}
    stages = [f"stages.{index}" for index in range(len(model.stages))]
    return [*(["stem"] if ends["stem"] else []), *stages, *(["head"] if ends["head"] else [])]


def _holes(stage: Stage) -> list[str]:
    """The settings of a stage that are not known."""
    return [name for name, a in {"depth": stage.depth, **stage.settings}.items() if _unknown(a)]


def _unknown(attribute: Any) -> bool:
    return isinstance(attribute, Setting) and attribute.value is UNKNOWN


def _first_fault(model: Model, unknown: frozenset[str]) -> str:
    if _unknown(model.input):
        return "input"
    for path in _paths(model):
        stage = _stage_at(model, path)
        if path in unknown or path in model.holes or (stage is not None and (stage.block is None or _holes(stage))):
            return path
    return ""


def _stage_at(model: Model, path: str) -> Stage | None:
    _, _, number = path.partition(".")
    return model.stages[int(number)] if number else None


def _moves(model: Model, path: str) -> bool:
    """Whether a part has rules that ask where its blocks stand, and that is not known."""
    if all(stage.block is not None and not _unknown(stage.depth) for stage in model.stages):
        return False
    stage = _stage_at(model, path)
    return stage is not None and any(isinstance(attribute, Rule) for attribute in stage.settings.values())


# Completions


@dataclass(frozen=True, slots=True)
class _Completion:
    shapes: Mapping[str, tuple[Extents, ...]]
    costs: Mapping[str, PartCost]
    unknown: frozenset[str]
    """The parts of which nothing is known, and those that cannot be built."""
    chosen: Mapping[tuple[int, str], Value]
    """The values that holes have, by stage and name."""


class _Stuck(Exception):
    """A part cannot be put behind the one before it."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def _completed(model: Model, world: int, traces: Traces | None, before: _Completion | None) -> _Completion | None:
    """The first or the second completion; the second has other values than the one before."""
    unknown: set[str] = {path for path in ("stem", "head") if path in model.holes}
    unknown |= {f"stages.{index}" for index, stage in enumerate(model.stages) if stage.block is None}
    unknown |= before.unknown if before is not None else set()
    taken = before.chosen if before is not None else {}
    values = {
        (index, name): [v for v in _candidates(model, index, name) if v != taken.get((index, name), UNKNOWN)]
        for index, stage in enumerate(model.stages)
        for name in _holes(stage)
        if stage.block is not None and (name == "depth" or name in setting_names(stage.block.of))
    }
    for _ in range(_TRIES):
        chosen = {place: found[0] for place, found in values.items() if found}
        unknown |= {f"stages.{index}" for (index, _), found in values.items() if not found}
        whole = _whole(model, chosen, world)
        try:
            return _assembled(whole, frozenset(unknown), chosen, world, traces)
        except _Stuck as stuck:
            stage = [place for place in values if f"stages.{place[0]}" == stuck.path and values[place]]
            for place in stage:
                values[place].pop(0)
            if not stage:
                if stuck.path in unknown:
                    return None
                unknown.add(stuck.path)
    return None


def _candidates(model: Model, index: int, name: str) -> Iterator[Value]:
    """Values for a setting that is not known: its default, what the stages nearest to it have, and some numbers."""
    if name == "depth":
        yield from (1, 2)
        return
    block = model.stages[index].block
    default = end_value(evaluation(), Block(block.of), name) if not isinstance(block.of, Primitive) else None
    found: list[Value] = [default.value] if default is not None else []
    for other in sorted(range(len(model.stages)), key=lambda i: abs(i - index)):
        setting = model.stages[other].settings.get(name)
        if isinstance(setting, Setting) and setting.value is not UNKNOWN:
            found.append(setting.value)
    seen: list[Value] = []
    for value in (*found, *_USUAL):
        if value not in seen:
            seen.append(value)
            yield value


def _whole(model: Model, chosen: Mapping[tuple[int, str], Value], world: int) -> Model:
    """The model with these values for its holes; settings that the block has not are left away."""
    stages = []
    for index, stage in enumerate(model.stages):
        own = {name: Setting(value) for (at, name), value in chosen.items() if at == index}
        known = {name: a for name, a in stage.settings.items() if not _unknown(a)}
        depth = own.pop("depth", Setting(1 + world) if _unknown(stage.depth) else stage.depth)
        stages.append(replace(stage, depth=depth, settings={**known, **own}))
    given = model.input
    if _unknown(given):
        given = Setting(Size(_INPUTS[world]), given.origin)
    return replace(model, input=given, stages=tuple(stages), outputs=None, output_stride=None)


def _assembled(
    model: Model, unknown: frozenset[str], chosen: Mapping[tuple[int, str], Value], world: int, traces: Traces | None
) -> _Completion:
    """Put the parts one behind the other. Raises `_Stuck`."""
    ctx = evaluation(traces=traces)
    shape = tuple(model.shape)
    composer = Composer(shape, limits.MAX_NODES)
    assembly = Assembly(ctx, model, place_in(ctx, composer))
    value: Value = Tensor(INPUT, shape)
    ends: Ends = {"input": value}
    first = 0
    for path in _paths(model):
        stage = _stage_at(model, path)
        try:
            if path in unknown:
                value = value if world == 0 else _other(assembly, model, value, path)
            elif stage is not None:
                value = assembly.stage(int(path.partition(".")[2]), first, value, ends)
            elif path == "stem" and model.stem is not None:
                value = assembly.end(model.stem, value, path, ends)
            elif model.head is not None:
                features = [Tensor(f.value, composer.shape(f.value)) for f in features_of(model, ends, composer)]
                value = assembly.end(model.head, value, path, {**ends, "features": tuple(features)})
        except (Fault, AlreadyReported, RecursionError):
            raise _Stuck(path) from None
        ends[path] = value
        first += stage.length if stage is not None else 0
    known = {path: end for path, end in ends.items() if path not in unknown}
    shapes = {path: tuple([tensor.shape for tensor in tensors_of(end) or ()]) for path, end in known.items()}
    network = composer.finish(model.name, [tensor.place for tensor in tensors_of(value) or ()])
    return _Completion(shapes, _costs(network), unknown, chosen)


def _other(assembly: Assembly, model: Model, value: Value, path: str) -> Value:
    """What may stand where nothing is known: a map with other channels and of another size. Raises `_Stuck`."""
    flowing = tensors_of(value) or ()
    origin = model.input.origin
    if len(flowing) != 1 or len(flowing[0].shape) != 3 or flowing[0].shape[1] < 2 or flowing[0].shape[2] < 2:
        raise _Stuck(path)
    if origin is None:
        raise _Stuck(path)
    width = flowing[0].shape[0] + 24
    settings = {"width": Setting(width), "kernel": Setting(1), "stride": Setting(2)}
    block = Block(Primitive("conv", OPERATIONS["conv"]), settings)
    site = ast.Identifier(model.span, path)
    return assembly.place(block, flowing, path, site, Environment(origin.environment.module), fitted=True)


def _costs(network: Network) -> dict[str, PartCost]:
    groups = count(network).by("stage")
    return {group.key: PartCost(int(group.flops), int(group.params), int(group.acts)) for group in groups}


__all__ = ["PartCost", "Parts", "parts_of"]

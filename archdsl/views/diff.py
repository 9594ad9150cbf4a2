"""What `archdsl diff` shows: what differs between two models, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from archdsl import __version__
from archdsl.analysis.answers import plain_defaults
from archdsl.analysis.model import Stage
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Block, Sequence, Setting
from archdsl.compiler import Compiled
from archdsl.graph.cost import MEASURES, Cost, Group
from archdsl.records import dataclass, documented
from archdsl.views.head import ConventionReport, convention_report, counted_as, counts, identity
from archdsl.views.tables import table


@documented
class SideReport:
    """One side of a comparison."""

    spec: str
    model: str
    hash: str
    input: list[int]
    flops: int
    params: int
    acts: int


@documented
class DifferenceReport:
    """One difference: `+` only in b, `-` only in a, `~` in both."""

    sign: Literal["+", "-", "~"]
    path: str
    a: str | None
    b: str | None


@documented
class StageDifference:
    """The cost of one stage in both; null where one has no such stage."""

    path: str
    flops_a: int | None
    flops_b: int | None
    params_a: int | None
    params_b: int | None
    acts_a: int | None
    acts_b: int | None


@documented
class DiffReport:
    """The output of `archdsl diff A B --format json`."""

    archdsl: str
    same: bool
    """Whether both mean the same: equal networks, preprocessing and initialisation."""
    same_network: bool
    """Whether the hashes are equal."""
    convention: ConventionReport
    a: SideReport
    b: SideReport
    differences: list[DifferenceReport]
    stages: list[StageDifference]


@dataclass(frozen=True)
class Side:
    """A model, as it was named, with its cost."""

    spec: str
    result: Compiled
    cost: Cost

    @property
    def report(self) -> SideReport:
        """What the JSON says of it."""
        return SideReport(self.spec, self.result.name, **identity(self.result.network), **counts(self.cost))


def diff_report(a: Side, b: Side) -> DiffReport:
    """Two models beside each other; both costs are by one convention."""
    differences = compare(a.result, b.result)
    same_network = a.result.network.hash == b.result.network.hash
    same = same_network and not any(d.path.startswith(("preprocess.", "init.")) for d in differences)
    return DiffReport(
        archdsl=__version__,
        same=same,
        same_network=same_network,
        convention=convention_report(a.cost.convention),
        a=a.report,
        b=b.report,
        differences=differences,
        stages=_stages(a.cost, b.cost),
    )


# Differences


def compare(left: Compiled, right: Compiled) -> list[DifferenceReport]:
    """What differs in the resolved models: input, ends, and stages by index, each by its settings after `fit`."""
    sides = _parts(left), _parts(right)
    found = []
    for path in dict.fromkeys([*sides[0], *sides[1]]):
        a, b = (side.get(path) for side in sides)
        if a != b:
            sign = "+" if a is None else "-" if b is None else "~"
            found.append(DifferenceReport(sign, path, a, b))  # type: ignore[arg-type]
    return sorted(found, key=lambda d: _order(d.path))


def _order(path: str) -> tuple[int, int, str]:
    parts = path.split(".")
    rank = {"input": 0, "stem": 1, "stages": 2, "head": 3}.get(parts[0], 4)
    return rank, int(parts[1]) if rank == 2 else 0, path if rank != 2 else ""


def _parts(compilation: Compiled) -> dict[str, str]:
    """Everything that a model says, by path."""
    model = compilation.model
    found = {"input": show_value(model.shape)}
    found.update(_end("stem", model.stem))
    for index, blocks in enumerate(compilation.settings):
        stage = model.stages[index]
        kept = {*stage.settings, *plain_defaults(stage.block.of)}
        found.update(_stage(f"stages.{index}", stage, [{n: s for n, s in b.items() if n in kept} for b in blocks]))
    found.update(_end("head", model.head))
    if model.output_stride is not None:
        found["output_stride"] = show_value(model.output_stride.value)
    if model.features is not None:
        places = [f"{name}: {place.text}" for name, place in model.features.places]
        found["features"] = ", ".join(places or map(str, model.features.strides))
    if model.outputs is not None:
        found.update({f"outputs.{name}": place.text for name, place in model.outputs.places})
    found.update({f"follow.{path}": dimension for path, dimension in model.follow.items()})
    found.update({f"preprocess.{name}": show_value(s.value) for name, s in model.preprocess.items()})
    for name, setting in model.init.items():
        found[f"init.{name}"] = (
            " ".join(setting.origin.span.text.split()) if setting.origin else show_value(setting.value)
        )
    return found


def _end(path: str, block: Block | Sequence | None) -> dict[str, str]:
    if block is None:
        return {}
    found = {path: show_value(block)}
    if isinstance(block, Block):
        for name, setting in block.settings.items():
            found[f"{path}.{name}"] = written(setting.value)
    else:
        for name, step in block.steps:
            found.update(_end(f"{path}.{name}", step))
    return found


def _stage(path: str, stage: Stage, blocks: list[dict[str, Setting]]) -> dict[str, str]:
    found = {f"{path}.block": show_value(stage.block), f"{path}.depth": show_value(stage.depth.value)}
    if stage.enter is not None:
        found.update(_end(f"{path}.enter", stage.enter))
    for name in blocks[0]:
        values = [written(settings[name].value) for settings in blocks]
        found[f"{path}.{name}"] = values[0] if len(set(values)) == 1 else ", ".join(values)
    for position, settings in sorted(stage.overrides.items()):
        found.update({f"{path}.blocks.{position}.{n}": written(s.value) for n, s in settings.items()})
    return found


def written(value: Any, depth: int = 3) -> str:
    """A value with the settings of blocks within it, to a few levels."""
    if isinstance(value, Block) and value.settings and depth:
        given = [f"{name}: {written(s.value, depth - 1)}" for name, s in value.settings.items()]
        return f"{value.name}({', '.join([*[each.text for each in value.inputs], *given])})"
    if isinstance(value, Sequence) and depth:
        return " -> ".join(written(step, depth - 1) for _, step in value.steps)
    return show_value(value)


# Costs and text


def _stages(*costs: Cost) -> list[StageDifference]:
    sides: list[Mapping[str, Group]] = [{group.key: group for group in cost.by("stage")} for cost in costs]
    paths = sorted({*sides[0], *sides[1]}, key=_order)
    found = []
    for path in paths:
        a, b = (side.get(path) for side in sides)
        cells = [int(getattr(s, m)) if s is not None else None for m in MEASURES for s in (a, b)]
        found.append(StageDifference(path, *cells))
    return found


def diff_text(found: DiffReport) -> str:
    """The differences, and a table of the stages with the change of each count."""
    lines = [f"--- {found.a.spec}  {_name(found.a)}", f"+++ {found.b.spec}  {_name(found.b)}", ""]
    lines += _difference_lines(found.differences)
    if found.differences:
        lines.append("")
    if found.same_network and found.differences:
        lines += ["The settings differ; the networks that they give are the same.", ""]
    if found.same:
        lines.append("Both mean the same.")
        return "\n".join(lines) + "\n"
    rows: list[list[Any]] = []
    for s in found.stages:
        cells = [(s.flops_a, s.flops_b), (s.params_a, s.params_b), (s.acts_a, s.acts_b)]
        rows.append([s.path, s.flops_a, s.flops_b, *[_signed(x, y) for x, y in cells]])
    totals = [(getattr(found.a, m), getattr(found.b, m)) for m in MEASURES]
    rows.append(["total", *totals[0], *[_signed(x, y) for x, y in totals]])
    headers = ["path", "flops, first", "flops, second", *MEASURES]
    said = f"flops: {counted_as(found.convention)}\n"
    return "\n".join(lines) + "\n" + table(headers, rows, totals=True) + "\n" + said


def _name(side: SideReport) -> str:
    return f"{side.model}, hash {side.hash[:16]}"


def _difference_lines(differences: list[Any]) -> list[str]:
    """A line for each part of the model and sign: `~ stages.0  depth 2 -> 1, width 128 -> 64`."""
    groups: dict[tuple[str, str], list[str]] = {}
    for d in differences:
        parts = d.path.split(".")
        deep = 2 if parts[0] == "stages" else 1
        part, name = ".".join(parts[:deep]), ".".join(parts[deep:])
        values = f"{d.a} -> {d.b}" if d.sign == "~" else (d.b if d.sign == "+" else d.a)
        groups.setdefault((d.sign, part), []).append(f"{name} {values}".strip())
    return [f"{sign} {part:10} {', '.join(texts)}" for (sign, part), texts in groups.items()]


def _signed(a: int | None, b: int | None) -> str:
    change = (b or 0) - (a or 0)
    return f"{change:+,}" if change else "="

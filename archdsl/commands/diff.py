"""`archdsl diff`: what differs between two models, and what it costs.

Exit codes are those of diff(1): 0 the same, 1 different, 2 trouble (a usage error, or a model that does not compile).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from archdsl import __version__
from archdsl.analysis.answers import plain_defaults
from archdsl.analysis.model import Stage
from archdsl.analysis.trace import show_value
from archdsl.analysis.values import Block, Sequence, Setting
from archdsl.commands.common import color_option, compiled, format_option, request_of, say, say_json
from archdsl.commands.tables import table
from archdsl.compiler import Compiled
from archdsl.graph.conventions import CONVENTIONS, DEFAULT
from archdsl.graph.cost import Cost, Group, count

DIFFERENT = 1
TROUBLE = 2
EPILOG = """
\b
Examples:
  archdsl diff a.arch b.arch
  archdsl diff family.arch:small family.arch:large
  archdsl diff net.arch other.arch --format json

Layout, comments, names of locals, claims and sources are without meaning. Exit codes, as of diff(1): 0 both mean the
same; 1 they differ; 2 trouble: the command line, or a file that does not compile.
"""


@click.command(short_help="Compare two models by meaning and by cost.", epilog=EPILOG)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option(
    "--convention",
    "convention_name",
    type=click.Choice(list(CONVENTIONS)),
    default=DEFAULT.name,
    show_default=True,
    help="Whose counting.",
)
@format_option("text", "json")
@color_option
def command(a: str, b: str, convention_name: str, format_: str, color: str | None) -> None:
    """Compare two models by meaning and by cost. A and B are each a FILE, or FILE:MODEL."""
    found: list[Compiled] = []
    for text in (a, b):
        try:
            found.append(compiled(request_of(text, color=color, as_json=format_ == "json")))
        except click.exceptions.Exit:
            raise click.exceptions.Exit(TROUBLE) from None
    left, right = found
    costs = count(left.network, convention_name), count(right.network, convention_name)
    differences = compare(left, right)
    same_network = left.network.hash == right.network.hash
    same = same_network and not any(d.path.startswith(("preprocess.", "init.")) for d in differences)
    if format_ == "json":
        _say_json(a, b, left, right, costs, differences, same=same, same_network=same_network)
    else:
        say(_text(a, b, left, right, costs, differences, same=same, same_network=same_network))
    if not same:
        raise click.exceptions.Exit(DIFFERENT)


# Differences


def compare(left: Compiled, right: Compiled) -> list[Any]:
    """What differs in the resolved models: input, ends, and stages by index, each by its settings after `fit`."""
    from archdsl.report import DifferenceReport

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
        places = [f"{name}: {place}" for name, place in model.features.places]
        found["features"] = ", ".join(places or map(str, model.features.strides))
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
    found = {f"{path}.block": stage.block.name, f"{path}.depth": show_value(stage.depth.value)}
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
        inner = ", ".join(f"{name}: {written(s.value, depth - 1)}" for name, s in value.settings.items())
        return f"{value.name}({inner})"
    if isinstance(value, Sequence) and depth:
        return " -> ".join(written(step, depth - 1) for _, step in value.steps)
    return show_value(value)


# Text and JSON


def _stages(costs: tuple[Cost, Cost]) -> list[Any]:
    from archdsl.report import StageDifference

    sides: list[Mapping[str, Group]] = [{group.key: group for group in cost.by("stage")} for cost in costs]
    paths = sorted({*sides[0], *sides[1]}, key=_order)
    found = []
    for path in paths:
        a, b = (side.get(path) for side in sides)
        cells = [int(getattr(s, m)) if s is not None else None for m in ("flops", "params", "acts") for s in (a, b)]
        found.append(StageDifference(path, *cells))
    return found


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


def _text(
    a: str,
    b: str,
    left: Compiled,
    right: Compiled,
    costs: tuple[Cost, Cost],
    differences: list[Any],
    *,
    same: bool,
    same_network: bool,
) -> str:
    lines = [f"--- {a}  {_name(left)}", f"+++ {b}  {_name(right)}", ""]
    lines += _difference_lines(differences)
    if differences:
        lines.append("")
    if same_network and differences:
        lines += ["The settings differ; the networks that they give are the same.", ""]
    if same:
        lines.append("Both mean the same.")
        return "\n".join(lines) + "\n"
    rows: list[list[Any]] = []
    for s in _stages(costs):
        cells = [(s.flops_a, s.flops_b), (s.params_a, s.params_b), (s.acts_a, s.acts_b)]
        rows.append([s.path, s.flops_a, s.flops_b, *[_signed(x, y) for x, y in cells]])
    totals = [(getattr(costs[0], m), getattr(costs[1], m)) for m in ("flops", "params", "acts")]
    rows.append(["total", *totals[0], *[_signed(x, y) for x, y in totals]])
    convention = costs[0].convention
    said = f"flops: {convention.unit} (convention {convention.name} {convention.version})\n"
    headers = ["path", "flops, first", "flops, second", "flops", "params", "acts"]
    return "\n".join(lines) + "\n" + table(headers, rows, totals=True) + "\n" + said


def _name(compilation: Compiled) -> str:
    return f"{compilation.name}, hash {compilation.network.hash[:16]}"


def _say_json(
    a: str,
    b: str,
    left: Compiled,
    right: Compiled,
    costs: tuple[Cost, Cost],
    differences: list[Any],
    *,
    same: bool,
    same_network: bool,
) -> None:
    from archdsl import report

    sides = []
    for spec, compilation, cost in ((a, left, costs[0]), (b, right, costs[1])):
        network = compilation.network
        extents = [int(extent) for extent in network.input]
        counts = int(cost.flops), int(cost.params), int(cost.acts)
        sides.append(report.SideReport(spec, compilation.name, network.hash, extents, *counts))
    convention = report.convention_report(costs[0].convention)
    first, second = sides
    say_json(report.DiffReport(__version__, same, same_network, convention, first, second, differences, _stages(costs)))

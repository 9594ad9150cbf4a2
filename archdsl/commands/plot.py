"""`archdsl plot`: pictures of block widths, channels, scalings and the cost of stages."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import click

from archdsl.commands.common import Request, change_options, color_option, fail, progress_bar
from archdsl.commands.pictures import Drawn, Plot, Wanted, configurations, deliver, networks, output_options
from archdsl.commands.tables import size
from archdsl.compiler import Changes, Compiler, Failed
from archdsl.diagnostics import Diagnostics
from archdsl.graph.conventions import CONVENTIONS, DEFAULT, Convention
from archdsl.graph.cost import Cost, count
from archdsl.plots import figures
from archdsl.plots.figures import label_of
from archdsl.plots.rows import ScaledRow, block_rows, fit_of, scaled_row, stage_rows
from archdsl.project import Project
from archdsl.request import scaling_calls

EPILOG = """
\b
Examples:
  archdsl plot widths net.arch -o widths.svg
  archdsl plot channels net.arch other.arch -o channels.pdf -o channels.csv
  archdsl plot scaling net.arch --strategies NAME,NAME=2/3 --factors 1..32 -o scaling.html
  archdsl plot stages net.arch --format json

FILE's suffix says what is written: .svg, .pdf and .png are pictures, .html is a page of one file with the picture and
its numbers, .csv and .json are the numbers alone. Pictures need the extra archdsl[plot]; the numbers, which are always
printed, need nothing. A SPEC is a file, FILE:MODEL, or the name of a shipped network.
"""
MAX_NETWORKS = 2_000
"""Of one picture of scalings."""
GRID = 1000
"""Factors between the ends are whole thousandths, as those that `--to` finds."""

_FACTOR = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"
_RANGE = re.compile(rf"({_FACTOR})\.\.({_FACTOR})", re.ASCII)
_LIST = re.compile(rf"{_FACTOR}(?:,{_FACTOR})*", re.ASCII)
_STRATEGY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:=[^:]+)?", re.ASCII)
_LINE = re.compile(r"(-?[0-9]{1,9}(?:\.[0-9]{1,9})?),(-?[0-9]{1,9}(?:\.[0-9]{1,9})?)", re.ASCII)

specs_argument = click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
log_option = click.option("--log", is_flag=True, help="A logarithmic axis for widths.")
convention_option = click.option(
    "--convention",
    "convention_name",
    type=click.Choice(list(CONVENTIONS)),
    default=DEFAULT.name,
    show_default=True,
    help="Whose counting.",
)


@click.group(short_help="Draw widths, channels, scalings or stages.", epilog=EPILOG, no_args_is_help=True)
def command() -> None:
    """Draw block widths, channel configurations, costs under scaling, or the cost of stages."""


@command.command(
    short_help="Block width against block index, with linear fits.",
    epilog="""
\b
Examples:
  archdsl plot widths net.arch -o widths.svg
  archdsl plot widths net.arch other.arch --log -o widths.pdf
  archdsl plot widths net.arch --line 48,32.5 -o widths.png

The fit is the line through a model's block widths by least squares, over the index j from 0; its intercept and slope
stand in the legend. --line draws the line of a rule that is known, w_0 + w_a j for example.
""",
)
@specs_argument
@click.option(
    "--fit/--no-fit", default=True, show_default=True, help="Draw the line that fits each model's widths best."
)
@click.option("--line", "lines", metavar="A,B", multiple=True, help="Draw the line A + B j too; repeatable.")
@log_option
@change_options
@output_options
def widths(
    specs: tuple[str, ...],
    fit: bool,
    lines: tuple[str, ...],
    log: bool,
    wanted: Wanted,
    **options: Any,
) -> None:
    """Draw block width against block index, for one model or several, with the line that fits each best."""
    given = tuple([_line(text) for text in lines])
    found = configurations(specs, wanted, options)
    by_model = {each.label: each.blocks for each in found}
    _some_blocks(by_model)
    fits = [fit_of(label, [width for _, width in blocks]) for label, blocks in by_model.items()] if fit else []
    kept = {line.model: line for line in fits if line is not None}
    rows = {label: block_rows(label, blocks, kept.get(label)) for label, blocks in by_model.items()}
    deliver(
        Plot(
            "widths",
            f"Block widths: {', '.join(rows)}",
            found,
            [row for blocks in rows.values() for row in blocks],
            ("model", "index", "path", "width", *(["fit"] if kept else [])),
            lambda: figures.widths_figure(rows, list(kept.values()), given, log),
            fits=tuple(kept.values()),
            lines=given,
        ),
        wanted,
    )


def _line(text: str) -> tuple[Fraction, Fraction]:
    found = _LINE.fullmatch(text)
    if found is None:
        raise click.BadParameter(f"'{text}' is not A,B, for example 48,32.5", param_hint="--line")
    return Fraction(found[1]), Fraction(found[2])


def _some_blocks(blocks: dict[str, list[tuple[str, int]]]) -> None:
    for label, widths in blocks.items():
        if not widths:
            raise click.ClickException(f"{label} has no stages, and so no blocks to draw")


@command.command(
    short_help="Output channels of every block, of several models.",
    epilog="""
\b
Examples:
  archdsl plot channels net.arch baseline.arch other.arch -o channels.svg
  archdsl plot channels family.arch:small family.arch:large -o channels.pdf
  archdsl plot channels searched.arch:best searched.arch:worst -o searched.svg

FILE:NAME may name a function without parameters that lists widths, as `fn best() = [24, 33, 42]` does: the channels
of a network of which no more is known.
""",
)
@specs_argument
@log_option
@change_options
@output_options
def channels(
    specs: tuple[str, ...],
    log: bool,
    wanted: Wanted,
    **options: Any,
) -> None:
    """Draw the output channels of every block: a model's channel configuration against those of others."""
    found = configurations(specs, wanted, options)
    by_model = {each.label: each.blocks for each in found}
    _some_blocks(by_model)
    rows = {label: block_rows(label, blocks) for label, blocks in by_model.items()}
    deliver(
        Plot(
            "channels",
            f"Channel configurations: {', '.join(rows)}",
            found,
            [row for blocks in rows.values() for row in blocks],
            ("model", "index", "path", "width"),
            lambda: figures.channels_figure(rows, log),
        ),
        wanted,
    )


@command.command(
    short_help="Flops, params and acts against the scaling factor.",
    epilog="""
\b
Examples:
  archdsl plot scaling net.arch --strategies NAME,OTHER -o scaling.svg
  archdsl plot scaling net.arch other.arch --strategies NAME,NAME=2/3 --factors 1..16 --steps 4 -o scaling.pdf
  archdsl plot scaling net.arch --strategies NAME --factors 1,2,5,10 --format csv

A strategy is a scaling of std.scaling or of the file, by its name; NAME=VALUE gives it a second argument, as in
--scale. Costs are those of the scaled networks, rounded as the scaling rounds them, relative to the model as it is
given: at a factor of 1 a strategy may round to another network.
""",
)
@specs_argument
@click.option("--strategies", required=True, metavar="NAME,...", help="The scalings: NAME, or NAME=VALUE.")
@click.option("--factors", default="1..32", show_default=True, metavar="A..B", help="From A to B, or a list: 1,2,4,8.")
@click.option(
    "--steps", type=click.IntRange(1, 32), default=2, show_default=True, help="Steps from a factor to its double."
)
@convention_option
@click.option("--model", metavar="NAME", help="The model, where the file has several.")
@click.option("--set", "settings", metavar="NAME=VALUE", multiple=True, help="A parameter of the model, or a path.")
@click.option("--input", "input_", metavar="SIZE", help="The input before scaling: 3x256x192, or 256x192.")
@color_option
@output_options
def scaling(
    specs: tuple[str, ...],
    strategies: str,
    factors: str,
    steps: int,
    convention_name: str,
    wanted: Wanted,
    **options: Any,
) -> None:
    """Draw flops, params and acts against the scaling factor, on logarithmic axes, for several strategies."""
    names = _strategies(strategies)
    numbers = _factors(factors, steps)
    if len(specs) * len(names) * len(numbers) > MAX_NETWORKS:
        raise click.UsageError(f"That is more than {MAX_NETWORKS:,} networks; ask for fewer factors or strategies.")
    found = networks(specs, wanted, options)
    convention = CONVENTIONS[convention_name]
    rows: dict[str, list[ScaledRow]] = {}
    jobs = [(each, name, factor) for each in found for name in names for factor in numbers]
    bases = {each.label: count(each.network, convention) for each in found}
    compilers = {each.label: Compiler(Project(each.request.file)) for each in found}
    failed: tuple[Request, Diagnostics] | None = None
    with progress_bar("scaling", jobs) as bar:
        for each, name, factor in bar:
            diagnostics = Diagnostics()
            call = scaling_calls([f"{name}:{_decimal(factor)}"], None)
            made = compilers[each.label].elaborate(
                each.compilation.program, each.compilation.name, _changes(each, call), diagnostics
            )
            if isinstance(made, Failed) or diagnostics.failed:
                failed = each.request, diagnostics
                break
            cost = count(made.network, convention)
            row = scaled_row(each.label, bases[each.label], label_of(name), factor, made.network, cost)
            rows.setdefault(each.label, []).append(row)
    if failed is not None:
        fail(*failed)
    deliver(
        Plot(
            "scaling",
            f"Scaling of {', '.join(rows)}",
            found,
            [row for scaled in rows.values() for row in scaled],
            (
                *("model", "strategy", "factor", "flops", "params", "acts"),
                *("flops_ratio", "params_ratio", "acts_ratio", "input", "hash"),
            ),
            lambda: figures.scaling_figure(rows, *_words(found, convention)),
            convention=convention,
        ),
        wanted,
    )


def _strategies(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if _STRATEGY.fullmatch(name) is None:
            raise click.BadParameter(f"'{name}' is not NAME or NAME=VALUE", param_hint="--strategies")
    return list(dict.fromkeys(names))


def _factors(text: str, steps: int) -> list[Fraction]:
    """`1..4` -> 1, 1.414, 2, 2.828, 4 for two steps from a factor to its double."""
    ends = _RANGE.fullmatch(text.strip())
    if ends is None and _LIST.fullmatch(text.strip()) is None:
        message = f"'{text}' is neither A..B nor a list of factors, for example 1..32 or 1,2,4"
        raise click.BadParameter(message, param_hint="--factors")
    given = [Fraction(part) for part in (ends.groups() if ends is not None else text.strip().split(","))]
    if min(given) <= 0:
        raise click.BadParameter("a factor is more than 0", param_hint="--factors")
    if ends is None:
        return sorted(set(given))
    first, last = given
    if first >= last:
        raise click.BadParameter(f"'{text}' does not rise", param_hint="--factors")
    number = max(1, round(math.log2(last / first) * steps))
    between = [round(float(first) * float(last / first) ** (step / number) * GRID) for step in range(1, number)]
    return sorted({first, *[Fraction(thousandths, GRID) for thousandths in between if thousandths], last})


def _decimal(factor: Fraction) -> str:
    """All digits of a factor, which has few: `2.828`."""
    return f"{factor.numerator}" if factor.denominator == 1 else f"{float(factor):f}".rstrip("0")


def _changes(each: Drawn, calls: tuple[str, ...]) -> Changes:
    """The model as it is given, and then scaled: an `--input` would come after the scaling, and undo it."""
    asked, network = each.request.changes, each.network
    settings = asked.settings
    if asked.input is not None:
        settings = (*settings, ("input", size(network.input)))
    return Changes(settings, calls)


@command.command(
    short_help="Cost of every stage.",
    epilog="""
\b
Examples:
  archdsl plot stages net.arch -o stages.svg
  archdsl plot stages net.arch other.arch --shares -o stages.pdf

The numbers at the bars are shares of the model's total, in percent.
""",
)
@specs_argument
@click.option("--shares", is_flag=True, help="Bars are shares of each model's total, not counts.")
@convention_option
@change_options
@output_options
def stages(
    specs: tuple[str, ...],
    shares: bool,
    convention_name: str,
    wanted: Wanted,
    **options: Any,
) -> None:
    """Draw the flops, params and acts of every stage."""
    found = networks(specs, wanted, options)
    convention = CONVENTIONS[convention_name]
    costs: dict[str, Cost] = {each.label: count(each.network, convention) for each in found}
    rows = {label: stage_rows(label, cost) for label, cost in costs.items()}
    deliver(
        Plot(
            "stages",
            f"Cost by stage: {', '.join(rows)}",
            found,
            [row for parts in rows.values() for row in parts],
            ("model", "path", "flops", "params", "acts", "flops_share", "params_share", "acts_share"),
            lambda: figures.stages_figure(rows, shares, *_words(found, convention)),
            convention=convention,
        ),
        wanted,
    )


def _words(found: Sequence[Drawn], convention: Convention) -> tuple[list[str], str]:
    """What was counted, and for which inputs: as a caption, and as a footnote."""
    inputs = {each.label: size(each.network.input) for each in found}
    if len(set(inputs.values())) == 1:
        sized = f"input {next(iter(inputs.values()))}"
    else:
        sized = ", ".join([f"input of {label} {text}" for label, text in inputs.items()])
    counted = f"convention {convention.name} {convention.version}"
    notes = [
        f"Counted by {counted}, {sized}.",
        f"Flops: {convention.unit}.",
        f"Params: {convention.params.unit}.",
        f"Acts: {convention.acts.unit}.",
    ]
    return notes, f"{counted}, {sized}"

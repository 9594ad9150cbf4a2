"""`archdsl compile`: the network as code, as data and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from archdsl import __version__
from archdsl.commands.common import (
    change_options,
    compiled,
    finish,
    format_option,
    recipe_option,
    request_of,
    say,
    say_json,
    warn,
)
from archdsl.commands.tables import size, table
from archdsl.commands.targets import (
    chosen_name,
    classes_option,
    name_option,
    texts_of,
    without_short_forms,
    words_of,
    write_all,
)
from archdsl.compiler import Compiled
from archdsl.graph.cost import Cost, count
from archdsl.report import CompileReport, FileWritten, diagnostic_reports, rows_of

DEFAULT_TARGETS = ("torch", "train")

EPILOG = """
\b
Examples:
  archdsl compile net.arch -o out/
  archdsl compile net.arch --scale NAME:4 -o out/
  archdsl compile net.arch --scale NAME --to flops=16G --name big
  archdsl compile net.arch --recipe NAME
  archdsl compile net.arch --resolution 192 --classes 10 --target torch
  archdsl compile net.arch --target svg --target json -o pictures/

The module needs PyTorch alone, not archdsl. Nothing that exists is overwritten without --force, and nothing is
written unless all can be.
"""


@click.command(short_help="Write a model as PyTorch, JSON or a picture.", epilog=EPILOG)
@click.argument("file")
@click.option(
    "--target",
    "targets",
    type=click.Choice(["torch", "train", "json", "dot", "svg"]),
    multiple=True,
    help="What to write; repeatable. torch: a standalone PyTorch module; train: a training entry point for it; "
    "json: the resolved graph; dot, svg: a picture of stages and blocks.  [default: torch, and train where the "
    "network has a classifier]",
)
@click.option("-o", "--output", "folder", metavar="DIR", default=".", help="Where to write.  [default: .]")
@name_option
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@classes_option
@recipe_option
@click.option("--resolution", type=click.IntRange(1), metavar="N", help="Short for --input NxN.")
@change_options
@format_option("table", "json")
def command(
    file: str,
    targets: tuple[str, ...],
    folder: str,
    name: str | None,
    force: bool,
    classes: int | None,
    resolution: int | None,
    format_: str,
    **options: Any,
) -> None:
    """Compile a model, and write it as PyTorch code, as data or as a picture."""
    from archdsl.emission import NoEmission, no_entry_point, not_used

    words = words_of(options, classes, resolution)
    options = without_short_forms(options, classes, resolution)
    request = request_of(file, as_json=format_ == "json", **options)
    result = compiled(request)
    chosen = chosen_name(name, result, options)
    wanted = targets or DEFAULT_TARGETS
    warning = not_used(result) if "train" in wanted else None
    try:
        texts = texts_of(result, chosen, request.shown, words, wanted)
    except NoEmission as fault:
        if targets:
            message = f"--target {fault.target}: {fault}; --target torch writes the module alone"
            raise click.ClickException(message) from None
        warning = no_entry_point(result, str(fault))
        texts = texts_of(result, chosen, request.shown, words, ["torch"])
    warn(result, request, warning)
    written = write_all(Path(folder), texts, force)
    cost = count(result.network)
    if format_ == "json":
        say_json(_report(result, cost, request.file, chosen, written))
    else:
        say(_summary(result, cost, written))
    finish(result)


def _report(result: Compiled, cost: Cost, file: str, name: str, written: list[tuple[Path, str, int]]) -> CompileReport:
    return CompileReport(
        archdsl=__version__,
        spec=file,
        model=result.name,
        name=name,
        hash=result.network.hash,
        input=[int(extent) for extent in result.network.input],
        files=[FileWritten(str(path), target, number) for path, target, number in written],
        convention=cost.convention.name,
        flops=int(cost.flops),
        params=int(cost.params),
        acts=int(cost.acts),
        diagnostics=diagnostic_reports(result.diagnostics),
    )


def _summary(result: Compiled, cost: Cost, written: list[tuple[Path, str, int]]) -> str:
    from archdsl.emission import TARGETS

    rows = [
        [r.path, r.block, r.depth, size(r.outputs[0]), r.flops, r.params, r.acts]
        for r in rows_of(result.model, cost, "stage")
    ]
    rows.append(["total", None, None, None, cost.flops, cost.params, cost.acts])
    stages = table(["stage", "block", "depth", "output", "flops", "params", "acts"], rows, totals=True)
    files = table(["wrote", "what it is", "bytes"], [[str(path), TARGETS[t], number] for path, t, number in written])
    head = f"{result.name}, {size(result.network.input)}, hash {result.network.hash[:16]}\n"
    return f"{head}\n{stages}\nflops are {cost.convention.unit}\n\n{files}"

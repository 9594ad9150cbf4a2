"""`archdsl compile`: the network as code, as data and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from archdsl.commands.common import Request, compiled, finish, request_of, say, say_json, warn
from archdsl.commands.options import (
    change_options,
    changes_in_words,
    chosen_name,
    classes_option,
    format_option,
    name_option,
    network_argument,
    recipe_option,
    without_short_forms,
)
from archdsl.commands.packaged import Written, packaged
from archdsl.compiler import Compiled
from archdsl.files import OutputFault, write_together
from archdsl.graph.cost import count

TARGETS = ("torch", "train", "json", "dot", "svg")
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
  archdsl compile net.arch --package net/             and then pip install net/

The module needs PyTorch alone, not archdsl. Nothing that exists is overwritten without --force, and nothing is
written unless all can be.
"""


@click.command(short_help="Write a model as PyTorch, JSON or a picture.", epilog=EPILOG)
@network_argument
@click.option(
    "--target",
    "targets",
    type=click.Choice(TARGETS),
    multiple=True,
    help="What to write; repeatable. torch: a standalone PyTorch module; train: a training entry point for it; "
    "json: the resolved graph; dot, svg: a picture of stages and blocks.  [default: torch, and train where the "
    "network has a classifier]",
)
@click.option("-o", "--output", "folder", metavar="DIR", help="Where to write.  [default: .]")
@click.option(
    "--package",
    metavar="DIR",
    help="Write a folder that pip installs instead: the module, a model card, and what torch.hub, timm and the Hugging "
    "Face Hub load it by.",
)
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
    folder: str | None,
    package: str | None,
    name: str | None,
    force: bool,
    classes: int | None,
    resolution: int | None,
    format_: str,
    **options: Any,
) -> None:
    """Compile a model, and write it as PyTorch code, as data or as a picture."""
    if package is not None and (targets or folder is not None or options["recipe"] is not None):
        raise click.UsageError("--package writes a folder of its own: leave out --target, -o and --recipe")
    words = changes_in_words(options, classes, resolution)
    options = without_short_forms(options, classes, resolution)
    request = request_of(file, as_json=format_ == "json", **options)
    result = compiled(request)
    chosen = chosen_name(name, result, options)
    if package is not None:
        written = packaged(result, chosen, request, words, Path(package), force=force)
    else:
        written = _written(result, chosen, request, words, targets, Path(folder or "."), force=force)
    _tell(result, chosen, request, written)
    finish(result)


def _written(
    result: Compiled,
    chosen: str,
    request: Request,
    words: Sequence[str],
    targets: Sequence[str],
    into: Path,
    *,
    force: bool,
) -> Written:
    from archdsl.emission import NoEmission, no_entry_point, not_used, texts_of

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
    try:
        write_together(into, {path: text for path, (_, text) in texts.items()}, force)
    except OutputFault as fault:
        raise click.ClickException(str(fault)) from None
    return {into / path: text for path, text in texts.items()}


def _tell(result: Compiled, chosen: str, request: Request, written: Written) -> None:
    from archdsl.views.compile import FileWritten, compile_report, compile_text

    files = [FileWritten(str(path), target, len(text.encode())) for path, (target, text) in written.items()]
    cost = count(result.network)
    if request.as_json:
        say_json(compile_report(result, cost, request.file, chosen, files))
    else:
        say(compile_text(result, cost, files))

"""`archdsl compile`: the network as code, as data and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from archdsl.commands.common import compiled, finish, request_of, say, say_json, warn
from archdsl.commands.emitted import check_files, without_the_same
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
  archdsl compile net.arch --inference -o out/
  archdsl compile net.arch -o out/ --check

The module needs PyTorch alone, not archdsl. Nothing that exists is overwritten without --force, and nothing is
written unless all can be.

--inference writes three files: the module NAME.py, its form for inference NAME_inference.py with batch norms folded,
parallel branches merged and channels last, whose from_training makes its weights of the module's, and a test that both
give the same.

--check is for CI and pre-commit: with the options with which files were written, it ends with exit code 1 and the
differences if the spec gives others now.
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
@click.option("-o", "--output", "folder", metavar="DIR", default=".", help="Where to write.  [default: .]")
@name_option
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@click.option(
    "--inference",
    is_flag=True,
    help="Write the module, its form for inference, and a test of both. With --target, beside these.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Write nothing; fail if the files are not what would be written, and show differences.",
)
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
    inference: bool,
    check: bool,
    classes: int | None,
    resolution: int | None,
    format_: str,
    **options: Any,
) -> None:
    """Compile a model, and write it as PyTorch code, as data or as a picture."""
    from archdsl.backends.torch.inference import folded_for
    from archdsl.emission import NoEmission, no_entry_point, not_used, texts_of
    from archdsl.views.compile import FileWritten, compile_report, compile_text

    if check and force:
        raise click.UsageError("--check writes nothing: leave --force out.")
    words = changes_in_words(options, classes, resolution)
    options = without_short_forms(options, classes, resolution)
    request = request_of(file, as_json=format_ == "json", **options)
    result = compiled(request)
    chosen = chosen_name(name, result, options)
    wanted = _wanted(targets, inference)
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
    if check:
        check_files(result, request, chosen, Path(folder), texts)
        return
    if inference and "torch" not in targets:
        texts = without_the_same(Path(folder), texts)
    try:
        write_together(Path(folder), {path: text for path, (_, text) in texts.items()}, force)
    except OutputFault as fault:
        raise click.ClickException(str(fault)) from None
    files = [
        FileWritten(str(Path(folder) / path), target, len(text.encode())) for path, (target, text) in texts.items()
    ]
    cost = count(result.network)
    folded = folded_for(result.network) if inference else None
    if format_ == "json":
        say_json(compile_report(result, cost, request.file, chosen, files, folded))
    else:
        say(compile_text(result, cost, files, folded))
    finish(result)


def _wanted(targets: tuple[str, ...], inference: bool) -> tuple[str, ...]:
    """The targets that were asked for: an inference form comes with the module that it is a form of."""
    if not inference:
        return targets or DEFAULT_TARGETS
    return tuple(dict.fromkeys((*targets, "torch", "inference")))

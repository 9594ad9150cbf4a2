"""`archdsl compile`: the network as code, as data and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from archdsl.commands.common import compiled, finish, request_of
from archdsl.commands.emitted import check_files, folded_of, tell_files, texts_for, write_files
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
from archdsl.commands.packaged import package_for, write_package

TARGETS = ("torch", "train", "json", "dot", "svg")

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
  archdsl compile net.arch --package net/             and then pip install net/

The module needs PyTorch alone, not archdsl. Nothing that exists is overwritten without --force, and nothing is
written unless all can be.

--inference writes three files: the module NAME.py, its form for inference NAME_inference.py with batch norms folded,
parallel branches merged and channels last, whose from_training makes its weights of the module's, and a test that both
give the same. With --package the package holds them.

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
@click.option("-o", "--output", "folder", metavar="DIR", help="Where to write.  [default: .]")
@click.option(
    "--package",
    metavar="DIR",
    help="Write a folder that pip installs instead: the module, a model card, and what torch.hub, timm and the Hugging "
    "Face Hub load it by.",
)
@name_option
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@click.option(
    "--inference",
    is_flag=True,
    help="Write the module, its form for inference, and a test of both. With --target, beside these; with --package, "
    "in it.",
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
    folder: str | None,
    package: str | None,
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
    if check and force:
        raise click.UsageError("--check writes nothing: leave --force out.")
    if package is not None and (targets or folder is not None or options["recipe"] is not None):
        raise click.UsageError("--package writes a folder of its own: leave out --target, -o and --recipe")
    words = changes_in_words(options, classes, resolution)
    options = without_short_forms(options, classes, resolution)
    request = request_of(file, as_json=format_ == "json", **options)
    result = compiled(request)
    chosen = chosen_name(name, result, options)
    into = Path(folder or ".") if package is None else Path(package)
    folded = folded_of(result) if inference else None
    if package is None:
        texts = texts_for(result, chosen, request, words, targets, folded)
    else:
        texts = package_for(result, chosen, request, words, folded)
    if check:
        check_files(result, request, chosen, into, texts)
        return
    if package is None:
        texts = write_files(into, texts, force=force, keep=inference and "torch" not in targets)
    else:
        write_package(into, chosen, texts, force=force)
    tell_files(result, request, chosen, into, texts, folded)
    finish(result)

"""`archdsl compile`: the network as code, as data and as a picture."""

from __future__ import annotations

import contextlib
import os
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
)
from archdsl.commands.tables import size, table
from archdsl.compiler import Compilation
from archdsl.files import FileFault, write_atomically
from archdsl.graph.cost import Cost, count
from archdsl.graph.network import Network
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
    "json: the resolved graph; dot, svg: a picture of stages and blocks.  [default: torch, train]",
)
@click.option("-o", "--output", "folder", metavar="DIR", default=".", help="Where to write.  [default: .]")
@click.option(
    "--name", metavar="NAME", help="Of the files and the module; the model's, with its scaling, if not given."
)
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@click.option("--classes", type=click.IntRange(1), metavar="N", help="Short for --set head.classes=N.")
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
    words = _words(options, classes, resolution)
    if resolution is not None:
        if options["input_"] is not None:
            raise click.UsageError("--resolution and --input both give the input's size.")
        options["input_"] = f"{resolution}x{resolution}"
    if classes is not None:
        options["settings"] = (*options["settings"], f"head.classes={classes}")
    request = request_of(file, as_json=format_ == "json", **options)
    result = compiled(request)
    if result.network is None or result.model is None:
        return
    budget = [options["budget"]] if options["budget"] else []
    chosen = _name(name, result, [*options["scalings"], *budget], options["input_"])
    texts = _texts(result, result.network, chosen, request.shown, words, targets or DEFAULT_TARGETS)
    written = _write(Path(folder), texts, force)
    cost = count(result.network)
    if format_ == "json":
        say_json(_report(result, result.network, cost, request.file, chosen, written))
    else:
        say(_summary(result, result.network, cost, written))
    finish(result)


def _words(options: dict[str, Any], classes: int | None, resolution: int | None) -> list[str]:
    """What was changed, as it was written."""
    found = [f"--model {options['model']}"] if options["model"] else []
    found += [f"--set {text}" for text in options["settings"]]
    found += [f"--classes {classes}"] if classes is not None else []
    found += [f"--scale {text}" for text in options["scalings"]]
    found += [f"--to {options['budget']}"] if options["budget"] else []
    found += [f"--input {options['input_']}"] if options["input_"] else []
    found += [f"--resolution {resolution}"] if resolution is not None else []
    return found


def _name(name: str | None, result: Compilation, asked: list[str], size_: str | None) -> str:
    from archdsl.emission import default_name, name_fault

    chosen = default_name(result.name, asked, size_) if name is None else name
    wrong = name_fault(chosen)
    if wrong is not None:
        raise click.BadParameter(wrong if name is not None else f"{wrong}; give another", param_hint="--name")
    return chosen


def _texts(
    result: Compilation, network: Network, name: str, file: str, words: list[str], targets: tuple[str, ...]
) -> dict[str, tuple[str, str]]:
    from archdsl.emission import NoEmission, about_of, emit

    spec = "standard input" if file == "-" else file
    try:
        return emit(network, about_of(result, name, spec, words), list(dict.fromkeys(targets)), result.recipe)
    except NoEmission as fault:
        raise click.ClickException(f"--target {fault.target}: {fault}") from None


def _write(folder: Path, texts: dict[str, tuple[str, str]], force: bool) -> list[tuple[Path, str, int]]:
    """Write all files, or none: what stands in the way of one is found before the first is written."""
    paths = {name: folder / name for name in texts}
    taken = [path for path in paths.values() if os.path.lexists(path)]
    if taken and not force:
        raise click.ClickException(f"{taken[0]} exists already; --force overwrites it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        strange = [path for path in taken if path.exists() and not path.is_file()]
        if strange:
            raise click.ClickException(f"{strange[0]}: not a regular file")
        before = {path: path.read_bytes() for path in taken if path.exists()}
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {(error.strerror or 'cannot be written').lower()}") from None
    written: list[tuple[Path, str, int]] = []
    for name, (target, text) in texts.items():
        try:
            write_atomically(paths[name], text, force)
        except FileFault as fault:
            _restore([path for path, _, _ in written], before)
            raise click.ClickException(f"{paths[name]}: {fault.message}") from None
        written.append((paths[name], target, len(text.encode())))
    return written


def _restore(written: list[Path], before: dict[Path, bytes]) -> None:
    """Put files back as they were before any was written."""
    for path in written:
        with contextlib.suppress(OSError, FileFault):  # the fault that is reported is the first one
            if path in before:
                write_atomically(path, before[path], force=True)
            else:
                Path(os.path.realpath(path)).unlink()  # a link that led nowhere stays


def _report(
    result: Compilation, network: Network, cost: Cost, file: str, name: str, written: list[tuple[Path, str, int]]
) -> CompileReport:
    return CompileReport(
        archdsl=__version__,
        spec=file,
        model=result.name,
        name=name,
        hash=network.hash,
        input=[int(extent) for extent in network.input],
        files=[FileWritten(str(path), target, number) for path, target, number in written],
        convention=cost.convention.name,
        flops=int(cost.flops),
        params=int(cost.params),
        acts=int(cost.acts),
        diagnostics=diagnostic_reports(result.diagnostics),
    )


def _summary(result: Compilation, network: Network, cost: Cost, written: list[tuple[Path, str, int]]) -> str:
    from archdsl.emission import TARGETS

    model = result.model
    if model is None:
        return ""
    rows = [
        [r.path, r.block, r.depth, size(r.outputs[0]), r.flops, r.params, r.acts] for r in rows_of(model, cost, "stage")
    ]
    rows.append(["total", None, None, None, cost.flops, cost.params, cost.acts])
    stages = table(["stage", "block", "depth", "output", "flops", "params", "acts"], rows, totals=True)
    files = table(["wrote", "what it is", "bytes"], [[str(path), TARGETS[t], number] for path, t, number in written])
    head = f"{result.name}, {size(network.input)}, hash {network.hash[:16]}\n"
    return f"{head}\n{stages}\nflops are {cost.convention.unit}\n\n{files}"

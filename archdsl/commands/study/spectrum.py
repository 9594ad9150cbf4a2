"""`archdsl study spectrum`: the singular values of a network's features on given images."""

from __future__ import annotations

import tempfile
from typing import Any

import click

from archdsl.commands.common import compiled, finish, library, request_of, say, say_json
from archdsl.commands.completing import networks
from archdsl.commands.options import change_options, format_option
from archdsl.commands.study.images import emitted, images_of, module_of
from archdsl.commands.tables import table_options, table_path, write_rows
from archdsl.ranks.features import gathered
from archdsl.ranks.spectra import spectrum_rows, spectrum_sums
from archdsl.terminal import note
from archdsl.views.refused import fault_text
from archdsl.views.study_spectrum import spectrum_csv, spectrum_report, spectrum_text
from archdsl.weights.checkpoints import WeightsFault

PENULTIMATE = "penultimate"

EPILOG = """
\b
Examples:
  archdsl study spectrum net.arch --weights runs/net/net.safetensors --data IMAGES -o spectrum.csv
  archdsl study spectrum net.arch --at stages.2 --at penultimate
  archdsl plot spectrum spectrum.csv other.csv -o spectrum.svg

Features are the rows of a matrix with a column for each image, or for each position of each image where they are maps.
penultimate is what stands in front of the classifier. Images are those to validate on, prepared as the emitted training
script does; WEIGHTS is a checkpoint as `archdsl weights` takes it. The nuclear norm is the sum of the singular values:
compare it for the same images alone. The extra archdsl[train] is needed.
"""


@click.command(short_help="Singular values of a network's features.", epilog=EPILOG)
@click.argument("file", metavar="NET", shell_complete=networks)
@change_options
@click.option("--weights", metavar="FILE", help="A checkpoint; weights as they start if not given.")
@click.option("--data", metavar="PATH", help="Images: a folder, shards, a data set on disk.  [default: digits]")
@click.option(
    "--images", type=click.IntRange(2, 1_000_000), default=500, show_default=True, help="Drawn of those to validate on."
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Of the images drawn.")
@click.option("--batch", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Images at a time.")
@click.option(
    "--at",
    "places",
    multiple=True,
    metavar="PATH",
    help=f"Module path of features; repeatable.  [default: {PENULTIMATE}]",
)
@table_options
@format_option("table", "json", "csv")
def spectrum(
    file: str,
    weights: str | None,
    data: str | None,
    images: int,
    seed: int,
    batch: int,
    places: tuple[str, ...],
    output: str | None,
    force: bool,
    format_: str,
    **options: Any,
) -> None:
    """Measure the singular values of a network's features on given images."""
    request = request_of(file, as_json=format_ == "json", **options)
    result = compiled(request)
    path = table_path(output, force) if output is not None else None
    torch = library("torch", "features need", "torch")
    wanted = tuple(dict.fromkeys(places or (PENULTIMATE,)))
    try:
        module, new = module_of(result, weights, seed)
    except WeightsFault as fault:
        note(fault_text(fault))
        raise click.exceptions.Exit(1) from None
    _check(module, wanted)
    paths = {"" if place == PENULTIMATE else place: place for place in wanted}
    with emitted(result) as script, tempfile.TemporaryDirectory(prefix="archdsl-") as scratch:
        batches, source = images_of(script, data, images, seed, batch, scratch)
        try:
            found = gathered(module, list(paths), batches)
        except (ValueError, RuntimeError) as fault:
            raise click.ClickException(f"{result.name}: {str(fault).splitlines()[0]}") from None
    label = result.name
    rows = [row for place, gram in found.items() for row in spectrum_rows(label, paths[place], gram.values())]
    sums = [spectrum_sums(label, paths[place], gram.values(), gram.shape) for place, gram in found.items()]
    number = sum(len(each) for each in batches)
    told = spectrum_report(
        result, request.shown, weights, new, source, number, seed, torch.__version__, sums, rows, output
    )
    if path is not None:
        write_rows(path, rows, told.columns_alike(), force)
    if format_ == "json":
        say_json(told)
    else:
        say(spectrum_csv(told) if format_ == "csv" else spectrum_text(told))
    finish(result)


def _check(module: Any, places: tuple[str, ...]) -> None:
    """Whether the places are modules of the network."""
    from archdsl.suggest import did_you_mean

    known = [name for name, _ in module.named_modules() if name]
    for place in places:
        if place not in (PENULTIMATE, *known):
            hint = did_you_mean(place, [PENULTIMATE, *known])
            raise click.BadParameter(f"the network has no module '{place}'; {hint}", param_hint="--at")

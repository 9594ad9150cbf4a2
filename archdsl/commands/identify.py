"""`archdsl identify`: which shipped networks a checkpoint's shapes fit.

A checkpoint is a stranger's file: nothing in it is run, no number of it is read, and its names are escaped.
"""

from __future__ import annotations

from collections.abc import Iterable

import click

from archdsl.commands.common import say, say_json
from archdsl.commands.completing import files
from archdsl.commands.kept import Row, kept_rows
from archdsl.commands.options import family_option, format_option
from archdsl.commands.refused import refuse
from archdsl.commands.weight_options import check_entry, entry_options
from archdsl.compiler import Compiled
from archdsl.views.identify import identify_report, identify_text
from archdsl.weights.checkpoints import WeightsFault
from archdsl.weights.identity import Known, known_of, ranked, read_shapes, row_of
from archdsl.zoo import families

EPILOG = """
\b
Examples:
  archdsl identify checkpoint.pth
  archdsl identify model.onnx --format json
  archdsl identify checkpoint.safetensors --family NAME --nearest 10

CHECKPOINT is a .pth or .pt file, weights alone or a checkpoint of a training, a .safetensors file, or an .onnx file, by
the extra archdsl[export]. Only the shapes in it are looked at: names take no part, and nothing in it is run. A network
fits if both have every shape equally often; the classifier may be for other classes or missing, and the image may have
other channels. Strides, activations and eps stand in no shape: networks that differ in these alone are listed together.

Where norms are folded into convolutions, as in most .onnx files, weights of more than one axis are compared alone. The
shapes of what ships are worked out at the first call, which takes a while, and kept.
"""


@click.command(short_help="Say which shipped networks a checkpoint's shapes fit.", epilog=EPILOG)
@click.argument("checkpoint", shell_complete=files)
@family_option("Compare with this family only")
@click.option(
    "--nearest",
    type=click.IntRange(1, 1000),
    default=3,
    show_default=True,
    help="As many networks are listed; all that fit in any case.",
)
@entry_options
@format_option("table", "json")
def command(checkpoint: str, wanted: tuple[str, ...], nearest: int, ema: bool, entry: str | None, format_: str) -> None:
    """Say which shipped networks a checkpoint's shapes fit, its classes, and what differs from the nearest."""
    check_entry(ema, entry)
    try:
        found = read_shapes(checkpoint, ema, entry)
    except WeightsFault as fault:
        refuse(checkpoint, fault, format_ == "json")
    report = identify_report(found, ranked(found, shipped(wanted or families())), nearest)
    if format_ == "json":
        say_json(report)
    else:
        say(identify_text(report))


def shipped(wanted: Iterable[str]) -> list[Known]:
    """The networks of families, with their fingerprints: of what is kept, or worked out."""
    return [
        known_of(family, row)
        for family, row in kept_rows("shapes", _row, ("analysis", "graph", "syntax", "weights"), wanted)
    ]


def _row(path: str, made: Compiled) -> Row:
    return row_of(made.name, f"{path}:{made.name}", made.network)

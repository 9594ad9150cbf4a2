"""`archdsl cost`: exact counts, in a named convention."""

from __future__ import annotations

from typing import Any

import click

from archdsl import watching
from archdsl.commands.common import say
from archdsl.commands.completing import conventions, networks
from archdsl.commands.counted import Asked, print_cost
from archdsl.commands.options import change_options, convention_option, for_a_reader, format_option, watch_option
from archdsl.graph.conventions import CONVENTIONS, Convention
from archdsl.graph.memory import DTYPE_BYTES
from archdsl.parts import GROUPINGS
from archdsl.suggest import did_you_mean

EPILOG = """
\b
Examples:
  archdsl cost net.arch
  archdsl cost net.arch --by block --format csv
  archdsl cost net.arch --watch                 again, whenever a file changes
  archdsl cost net.arch --scale NAME:4 --input 3x256x256
  archdsl cost net.arch --scale NAME --to flops=16G
  archdsl cost net.arch --set head.classes=10 --memory --batch 32
  archdsl cost net.arch --explain fvcore
  archdsl cost net.arch --formulas
  archdsl cost net.arch --formulas --scale 'NAME(s)'    by which powers of s dimensions and counts grow

flops are multiply-adds unless the convention says otherwise; every output says what it counts.
"""


@click.command(short_help="Count flops, params, acts and memory of a model.", epilog=EPILOG)
@click.argument("file", required=False, shell_complete=networks)
@change_options
@convention_option
@click.option(
    "--by",
    type=click.Choice(GROUPINGS),
    default="stage",
    show_default=True,
    help="A row for each stage, block or operation, or for each kind of operation.",
)
@format_option("table", "json", "csv", "md")
@click.option(
    "--explain",
    "explained",
    is_flag=False,
    flag_value="",
    metavar="[CONVENTION]",
    shell_complete=conventions,
    help="List the terms of each total, in this convention. Put it behind FILE.",
)
@click.option("--formulas", is_flag=True, help="Print closed forms of the counts.")
@click.option("--memory", is_flag=True, help="Print memory too.")
@click.option("--batch", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="Images, for memory.")
@click.option(
    "--dtype", type=click.Choice(list(DTYPE_BYTES)), default="float32", show_default=True, help="Numbers, for memory."
)
@watch_option
@click.option("--schema", "wants_schema", is_flag=True, help="Print the JSON schema of --format json, and end.")
def command(
    file: str | None,
    convention_name: str,
    by: Any,
    format_: str,
    explained: str | None,
    formulas: bool,
    memory: bool,
    batch: int,
    dtype: str,
    watch: bool,
    wants_schema: bool,
    **options: Any,
) -> None:
    """Count flops, params, acts and memory of a model, exactly and without building it."""
    if wants_schema:
        from archdsl.views.schemas import schema_text

        say(schema_text("cost"))
        return
    convention = _convention(convention_name, explained, file)
    if file is None:
        raise click.UsageError("Missing argument 'FILE'.")
    for_a_reader(watch, format_, "table", "md")
    asked = Asked(convention, by, format_, explained is not None, formulas, memory, batch, dtype)
    if watch:
        watching.watch(lambda: print_cost(file, asked, options), (file,))
    print_cost(file, asked, options)


def _convention(name: str, explained: str | None, file: str | None) -> Convention:
    """The convention that is asked for; `--explain NAME` names one too."""
    if not explained:
        return CONVENTIONS[name]
    if explained not in CONVENTIONS:
        hint = did_you_mean(explained, CONVENTIONS) if file is not None else "put --explain behind FILE"
        raise click.BadParameter(f"'{explained}' is no convention; {hint}", param_hint="--explain")
    return CONVENTIONS[explained]

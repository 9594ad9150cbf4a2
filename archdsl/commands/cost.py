"""`archdsl cost`: exact counts, in a named convention."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from archdsl.analysis.changes import Symbolic
from archdsl.analysis.context import AlreadyReported
from archdsl.commands.common import Request, compiled, compiled_with_names, fail, finish, one, request_of, say, say_json
from archdsl.commands.options import change_options, convention_option, format_option
from archdsl.compiler import Compiled
from archdsl.diagnostics import Fault
from archdsl.graph.conventions import CONVENTIONS, Convention
from archdsl.graph.cost import count
from archdsl.graph.memory import DTYPE_BYTES
from archdsl.suggest import did_you_mean
from archdsl.views.cost import cost_csv, cost_report, cost_text, memory_report, term_reports
from archdsl.views.formulas import FormulasReport, formulas_report
from archdsl.views.leading import LeadingReport, leading_report
from archdsl.views.parts import GROUPINGS

EPILOG = """
\b
Examples:
  archdsl cost net.arch
  archdsl cost net.arch --by block --format csv
  archdsl cost net.arch --scale NAME:4 --input 3x256x256
  archdsl cost net.arch --scale NAME --to flops=16G
  archdsl cost net.arch --set head.classes=10 --memory --batch 32
  archdsl cost net.arch --explain fvcore
  archdsl cost net.arch --formulas
  archdsl cost net.arch --formulas --scale 'NAME(s)'    by which powers of s dimensions and counts grow

flops are multiply-adds unless the convention says otherwise; every output says what it counts.
"""


@click.command(short_help="Count flops, params, acts and memory of a model.", epilog=EPILOG)
@click.argument("file", required=False)
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
    help="List the terms of each total, in this convention. Put it behind FILE.",
)
@click.option("--formulas", is_flag=True, help="Print closed forms of the counts.")
@click.option("--memory", is_flag=True, help="Print memory too.")
@click.option("--batch", type=click.IntRange(1, 1_000_000), default=1, show_default=True, help="Images, for memory.")
@click.option(
    "--dtype", type=click.Choice(list(DTYPE_BYTES)), default="float32", show_default=True, help="Numbers, for memory."
)
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
    request = request_of(file, as_json=format_ == "json", **options)
    result, symbolic = compiled_with_names(request) if formulas else (compiled(request), None)
    cost = count(result.network, convention)
    terms = term_reports(result.network, convention) if explained is not None else None
    forms = None
    if formulas and (format_ == "json" or (format_ != "csv" and terms is None)):
        forms = _formulas(result, convention, request)
    powers = _leading(result, symbolic, convention, request) if symbolic is not None else None
    if format_ == "json":
        held = memory_report(result.network, dtype, batch)
        say_json(cost_report(result, cost, request.file, by, held, terms, forms, powers))
    elif format_ == "csv":
        say(cost_csv(result, cost, by))
    else:
        asked = memory_report(result.network, dtype, batch) if memory else None
        say(cost_text(result, cost, by, asked, terms, forms, powers, markdown=format_ == "md"))
    finish(result)


def _convention(name: str, explained: str | None, file: str | None) -> Convention:
    """The convention that is asked for; `--explain NAME` names one too."""
    if not explained:
        return CONVENTIONS[name]
    if explained not in CONVENTIONS:
        hint = did_you_mean(explained, CONVENTIONS) if file is not None else "put --explain behind FILE"
        raise click.BadParameter(f"'{explained}' is no convention; {hint}", param_hint="--explain")
    return CONVENTIONS[explained]


def _leading(result: Compiled, scaling: Symbolic, convention: Convention, request: Request) -> LeadingReport:
    """The leading exponents of a scaling with names for numbers; ends the command where there are none."""
    try:
        return leading_report(result.model, scaling, convention)
    except Fault as fault:
        fail(replace(request, file=""), one(fault.diagnostic))
    except AlreadyReported:
        raise click.ClickException("the scaling has no leading exponents") from None


def _formulas(result: Compiled, convention: Convention, request: Request) -> FormulasReport:
    """The closed forms; ends the command where the model has none."""
    try:
        return formulas_report(result.model, convention)
    except Fault as fault:
        fail(replace(request, file=""), one(fault.diagnostic))
    except AlreadyReported:
        raise click.ClickException("the model has no closed forms") from None

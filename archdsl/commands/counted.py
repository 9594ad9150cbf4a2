"""What `archdsl cost` does behind its options: it counts, and prints what was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click

from archdsl.analysis.changes import Symbolic
from archdsl.analysis.context import AlreadyReported
from archdsl.commands.common import Request, compiled, compiled_with_names, fail, finish, one, request_of, say, say_json
from archdsl.compiler import Compiled
from archdsl.diagnostics import Fault
from archdsl.graph.conventions import Convention
from archdsl.graph.cost import count
from archdsl.records import dataclass
from archdsl.views.cost import cost_csv, cost_report, cost_text, memory_report, term_reports
from archdsl.views.formulas import FormulasReport, formulas_report
from archdsl.views.leading import LeadingReport, leading_report


@dataclass(frozen=True)
class Asked:
    """What is to be printed of the counts."""

    convention: Convention
    by: Any
    format: str
    terms: bool
    formulas: bool
    memory: bool
    batch: int
    dtype: str


def print_cost(file: str, asked: Asked, options: Mapping[str, Any]) -> None:
    """Count the model that the options of a request name, and print it; ends the command where there is none."""
    convention, by, format_, formulas = asked.convention, asked.by, asked.format, asked.formulas
    request = request_of(file, as_json=format_ == "json", **options)
    result, symbolic = compiled_with_names(request) if formulas else (compiled(request), None)
    cost = count(result.network, convention)
    terms = term_reports(result.network, convention) if asked.terms else None
    forms = None
    if formulas and (format_ == "json" or (format_ != "csv" and terms is None)):
        forms = _formulas(result, convention, request)
    powers = _leading(result, symbolic, convention, request) if symbolic is not None else None
    if format_ == "json":
        held = memory_report(result.network, asked.dtype, asked.batch)
        say_json(cost_report(result, cost, request.file, by, held, terms, forms, powers))
    elif format_ == "csv":
        say(cost_csv(result, cost, by))
    else:
        memory = memory_report(result.network, asked.dtype, asked.batch) if asked.memory else None
        say(cost_text(result, cost, by, memory, terms, forms, powers, markdown=format_ == "md"))
    finish(result)


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

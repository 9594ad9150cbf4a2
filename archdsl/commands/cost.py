"""`archdsl cost`: exact counts, in a named convention."""

from __future__ import annotations

import json
from typing import Any

import click

from archdsl import __version__
from archdsl.commands.common import change_options, compiled, fail, finish, format_option, request_of, say, say_json
from archdsl.commands.tables import places, size, table
from archdsl.compiler import Compiled
from archdsl.diagnostics import Diagnostics, Fault
from archdsl.graph.conventions import CONVENTIONS, DEFAULT, Convention
from archdsl.graph.cost import Cost, count, explain
from archdsl.graph.memory import DTYPE_BYTES
from archdsl.graph.network import Network
from archdsl.report import rows_of

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

flops are multiply-adds unless the convention says otherwise; every output says what it counts.
"""


@click.command(short_help="Count flops, params, acts and memory of a model.", epilog=EPILOG)
@click.argument("file", required=False)
@change_options
@click.option(
    "--convention",
    "convention_name",
    type=click.Choice(list(CONVENTIONS)),
    default=DEFAULT.name,
    show_default=True,
    help="Whose counting.",
)
@click.option(
    "--by",
    type=click.Choice(["stage", "block", "op", "kind"]),
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
        from archdsl.report import schema

        say(json.dumps(schema("cost"), indent=2) + "\n")
        return
    convention = _convention(convention_name, explained, file)
    if file is None:
        raise click.UsageError("Missing argument 'FILE'.")
    request = request_of(file, as_json=format_ == "json", **options)
    result = compiled(request)
    cost = count(result.network, convention)
    if format_ == "json":
        _say_json(result, cost, request.file, by, dtype, batch, terms=explained is not None, formulas=formulas)
    elif format_ == "csv":
        say(_csv(result, cost, rows_of(result.model, cost, by)))
    else:
        markdown = format_ == "md"
        if explained is not None:
            parts = [_terms(result.network, convention, markdown=markdown)]
        elif formulas:
            parts = [_formulas(result, convention, request.color, markdown=markdown)]
        else:
            parts = [_table(cost, rows_of(result.model, cost, by), by, markdown=markdown)]
        if memory:
            parts.append(_memory(result.network, dtype, batch))
        if result.model.solved:
            parts.append(solved_text(result))
        parts.append(_words(result.network, convention))
        head = f"{result.name}, {size(result.network.input)}, hash {result.network.hash[:16]}"
        say("\n".join([(f"**{head}**\n" if markdown else f"{head}\n"), *parts]))
    finish(result)


def _convention(name: str, explained: str | None, file: str | None) -> Convention:
    """The convention that is asked for; `--explain NAME` names one too."""
    if not explained:
        return CONVENTIONS[name]
    if explained not in CONVENTIONS:
        from archdsl.suggest import nearest

        guess = nearest(explained, CONVENTIONS)
        hint = f"did you mean '{guess}'?" if guess else f"there are {', '.join(CONVENTIONS)}"
        if file is None:
            hint = "put --explain behind FILE"
        raise click.BadParameter(f"'{explained}' is no convention; {hint}", param_hint="--explain")
    return CONVENTIONS[explained]


def _say_json(
    result: Compiled, cost: Cost, file: str, by: Any, dtype: str, batch: int, *, terms: bool, formulas: bool
) -> None:
    from archdsl import report

    network, model = result.network, result.model
    say_json(
        report.CostReport(
            archdsl=__version__,
            spec=file,
            model=result.name,
            hash=network.hash,
            input=[int(extent) for extent in network.input],
            convention=report.convention_report(cost.convention),
            flops=int(cost.flops),
            params=int(cost.params),
            acts=int(cost.acts),
            buffers=int(cost.buffers),
            by=by,
            rows=report.rows_of(model, cost, by),
            memory=report.memory_report(network, dtype, batch),
            changes=report.change_reports(model),
            solved=report.solved_reports(model),
            terms=_term_reports(network, cost.convention) if terms else None,
            formulas=_found_formulas(result, cost.convention, as_json=True) if formulas else None,
            diagnostics=report.diagnostic_reports(result.diagnostics),
        )
    )


def _table(cost: Cost, rows: list[Any], by: str, *, markdown: bool) -> str:
    """The rows with their share of flops, and the totals."""
    first = {"op": "operation", "kind": "operation"}.get(by, "block")
    headers = ["path", first, "depth", "output", "flops", "flops %", "params", "acts"]
    body: list[list[Any]] = [
        [r.path, r.block, r.depth, places(r.outputs), r.flops, _share(r.flops, cost.flops), r.params, r.acts]
        for r in rows
    ]
    if by == "kind":
        headers[0], headers[1] = "operation", "number"
        for line, row in zip(body, rows, strict=True):
            line[1] = row.operations
    body.append(["total", None, None, None, cost.flops, None, cost.params, cost.acts])
    kept = [i for i in range(len(headers)) if any(line[i] not in (None, "") for line in body)]
    headers, body = [headers[i] for i in kept], [[line[i] for i in kept] for line in body]
    if markdown:
        from archdsl.render import render_markdown

        return render_markdown(headers, body)
    return table(headers, body, totals=True)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def _words(network: Network, convention: Convention) -> str:
    """What the numbers mean."""
    return (
        f"flops       {convention.unit}\n"
        f"params      {convention.params.unit}\n"
        f"acts        {convention.acts.unit}\n"
        f"convention  {convention.name} {convention.version}: {convention.text}\n"
        f"input       one image of {size(network.input)}\n"
    )


def _csv(result: Compiled, cost: Cost, rows: list[Any]) -> str:
    """A line for each row; they add up, and each says by what convention and at what input."""
    from archdsl.render import render_csv

    convention = cost.convention
    headers = [
        *("model", "path", "block", "depth", "operations", "output", "flops", "params", "acts", "buffers"),
        *("convention", "convention_version", "flops_unit", "input", "hash"),
    ]
    shape = "x".join(map(str, result.network.input))
    tail = [convention.name, convention.version, convention.unit, shape, result.network.hash]
    lines = [
        [
            *(result.name, r.path, r.block, r.depth, r.operations),
            "; ".join("x".join(map(str, shape)) for shape in r.outputs),
            *(r.flops, r.params, r.acts, r.buffers, *tail),
        ]
        for r in rows
    ]
    return render_csv(headers, lines)


# Terms


def _term_reports(network: Network, convention: Convention) -> list[Any]:
    from archdsl.graph.shapes import show
    from archdsl.report import TermReport

    return [
        TermReport(
            measure,
            term.label,
            term.kind,
            term.column,
            int(term.count),
            show(term.coefficient),
            term.subtotal if isinstance(term.subtotal, int) else show(term.subtotal),
        )
        for measure, terms in explain(network, convention).items()
        for term in terms
    ]


def _terms(network: Network, convention: Convention, *, markdown: bool) -> str:
    """The terms of each total, which is their sum to the unit."""
    from archdsl.render import render_markdown

    totals = count(network, convention)
    reports = _term_reports(network, convention)
    parts = []
    for measure in ("flops", "params", "acts"):
        rows: list[list[Any]] = [
            [t.label, t.count, f"x {t.coefficient}", t.subtotal] for t in reports if t.measure == measure
        ]
        rows.append([f"{measure} by {convention.name}", None, None, getattr(totals, measure)])
        headers = ["term", "count", "factor", measure]
        parts.append(render_markdown(headers, rows) if markdown else table(headers, rows, totals=True))
    return "\n".join(parts)


# Closed forms


def _formula_report(result: Compiled, convention: Convention) -> Any:
    from archdsl.closed_forms import formulas_of
    from archdsl.report import FormReport, FormulasReport, SymbolReport

    found = formulas_of(result.model, convention)
    *stages, total = [FormReport(row.name, row.flops, row.params, row.acts) for row in found.rows()]
    symbols = [SymbolReport(s.name, s.value, s.text) for s in found.symbols]
    return FormulasReport(symbols, list(found.whole), list(found.decided), stages, total)


def _found_formulas(result: Compiled, convention: Convention, *, as_json: bool, color: bool = False) -> Any:
    """The closed forms; ends the command where the model has none."""
    from archdsl.analysis.context import AlreadyReported
    from archdsl.commands.common import Request
    from archdsl.compiler import Changes

    try:
        return _formula_report(result, convention)
    except Fault as fault:
        diagnostics = Diagnostics()
        diagnostics.add(fault.diagnostic)
        fail(Request("", None, Changes(), as_json=as_json, color=color, shown=""), diagnostics)
    except AlreadyReported:
        raise click.ClickException("the model has no closed forms") from None


def _formulas(result: Compiled, convention: Convention, color: bool, *, markdown: bool) -> str:
    found = _found_formulas(result, convention, as_json=False, color=color)
    lines = []
    for form in (*found.stages, found.total):
        lines.append(f"### {form.path}\n" if markdown else form.path)
        for measure in ("flops", "params", "acts"):
            text = getattr(form, measure)
            lines.append(f"- {measure} = `{text}`" if markdown else f"  {measure:6} = {text}")
        if markdown:
            lines.append("")
    lines += ["", "where"] + [f"  {s.name:8} = {s.value:<8,}  {s.text}" for s in found.symbols]
    if found.whole or found.conditions:
        lines += ["", "They hold where"]
    if found.whole:
        are = "is a whole number" if len(found.whole) == 1 else "are whole numbers"
        lines += [f"  {', '.join(found.whole)} {are}"]
    lines += [f"  {condition}" for condition in found.conditions]
    return "\n".join(lines) + "\n"


# Memory and factors


def _memory(network: Network, dtype: str, batch: int) -> str:
    from archdsl.report import memory_report

    found = memory_report(network, dtype, batch)
    images = "1 image" if batch == 1 else f"{batch:,} images"
    rows = [
        ("weights and buffers", found.weights_bytes, ""),
        ("peak of activations at inference", found.peak_inference_bytes, ""),
        ("kept for the backward pass in training", found.training_bytes, "an estimate"),
    ]
    width = max(len(f"{amount:,}") for _, amount, _ in rows)
    lines = [f"  {text:40} {amount:>{width},} bytes  {note}".rstrip() for text, amount, note in rows]
    return f"memory, {dtype}, {images}:\n" + "\n".join(lines) + "\n"


MAX_PASSED = 3
"""Factors without a network that are named under a solved one; the JSON has all."""


def solved_text(result: Compiled) -> str:
    """`name: s = 4.334 reaches 15,736,379,284 flops, 263,620,716 (1.65 %) below 16,000,000,000`"""
    from archdsl.report import solved_reports

    lines = []
    for s in solved_reports(result.model):
        side = "below" if s.residual < 0 else "above"
        residual = f"{abs(s.residual):,} ({abs(s.residual_percent):.2f} %) {side} " if s.residual else "exactly "
        lines.append(
            f"{s.scaling}: {s.parameter} = {s.factor} reaches {s.reached:,} {s.measure}, {residual}{s.target:,}"
        )
        lines += [
            f"  passed over: {s.parameter} = {p.factor}, which has no network: {p.reason}"
            for p in s.passed[:MAX_PASSED]
        ]
        if len(s.passed) > MAX_PASSED:
            lines.append(f"  and {len(s.passed) - MAX_PASSED} more")
    return "\n".join(lines) + "\n"

"""What `archdsl cost` shows: a network's exact counts, as rows and totals, as terms, as memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.compiler import Compiled
from archdsl.graph.conventions import Convention
from archdsl.graph.cost import MEASURES, Cost, explain
from archdsl.graph.memory import peak_bytes, training_bytes, weights_bytes
from archdsl.graph.network import Network
from archdsl.parts import Grouping, RowReport, rows_of
from archdsl.records import documented
from archdsl.views.formulas import FormulasReport, formulas_text
from archdsl.views.head import ConventionReport, convention_report, counts, head, head_line
from archdsl.views.leading import LeadingReport, leading_text
from archdsl.views.provenance import ChangeReport, SolvedReport, change_reports, solved_reports, solved_text
from archdsl.views.tables import Cell, places, render_csv, render_markdown, size, table


@documented
class MemoryReport:
    """Bytes, for a type of number and a batch."""

    dtype: str
    batch: int
    weights_bytes: int
    """Parameters and buffers, as a file stores them."""
    peak_inference_bytes: int
    """The most bytes of activations that live at one time at inference; no weights, no scratch space."""
    training_bytes: int
    """What autograd keeps from the forward to the backward pass."""
    training_is_estimate: bool
    """Always true: it follows PyTorch's rules and measures nothing."""


@documented
class TermReport:
    """One term of a total: count * coefficient = subtotal."""

    measure: str
    label: str
    operation: str
    column: str
    """The column of the ledger."""
    count: int
    coefficient: str
    subtotal: int | str


@documented
class CostReport:
    """The output of `archdsl cost FILE --format json`: a network's exact counts, for one image."""

    archdsl: str
    """The version of archdsl."""
    spec: str
    """The file, as given."""
    model: str
    hash: str
    """A digest of what the network computes; layout and names do not change it."""
    input: list[int]
    """Channels, height, width."""
    convention: ConventionReport
    flops: int
    """In the convention's unit; never an ambiguous FLOP."""
    params: int
    acts: int
    buffers: int
    """Stored elements that are not learned."""
    by: Grouping
    rows: list[RowReport]
    memory: MemoryReport
    changes: list[ChangeReport]
    """What scalings changed."""
    solved: list[SolvedReport]
    terms: list[TermReport] | None
    """With --explain: the terms of each total."""
    formulas: FormulasReport | None
    """With --formulas."""
    leading: LeadingReport | None
    """With --formulas, and a --scale with names for its numbers: powers of the factor."""
    diagnostics: list[dict[str, Any]]


def cost_report(
    result: Compiled,
    cost: Cost,
    spec: str,
    by: Grouping,
    memory: MemoryReport,
    terms: list[TermReport] | None,
    formulas: FormulasReport | None,
    leading: LeadingReport | None,
) -> CostReport:
    """The JSON of a network's cost; terms and closed forms where they were asked for."""
    from archdsl.views.failure import diagnostic_reports

    return CostReport(
        **head(result, spec),
        convention=convention_report(cost.convention),
        **counts(cost),
        buffers=int(cost.buffers),
        by=by,
        rows=rows_of(result.model, cost, by),
        memory=memory,
        changes=change_reports(result.model),
        solved=solved_reports(result.model),
        terms=terms,
        formulas=formulas,
        leading=leading,
        diagnostics=diagnostic_reports(result.diagnostics),
    )


def cost_text(
    result: Compiled,
    cost: Cost,
    by: Grouping,
    memory: MemoryReport | None,
    terms: list[TermReport] | None,
    formulas: FormulasReport | None,
    leading: LeadingReport | None,
    *,
    markdown: bool,
) -> str:
    """The rows, or else terms or closed forms; memory where it is asked for; and what the numbers mean."""
    if terms is not None:
        parts = [terms_text(terms, cost, markdown=markdown)]
    elif leading is not None:
        parts = [leading_text(leading, markdown=markdown)]
    elif formulas is not None:
        parts = [formulas_text(formulas, markdown=markdown)]
    else:
        parts = [cost_table(result, cost, by, markdown=markdown)]
    if memory is not None:
        parts.append(memory_text(memory))
    if result.model.solved:
        parts.append(solved_text(result.model))
    parts.append(counting_text(result.network, cost.convention))
    line = head_line(result)
    return "\n".join([(f"**{line}**\n" if markdown else f"{line}\n"), *parts])


def cost_table(result: Compiled, cost: Cost, by: Grouping, *, markdown: bool) -> str:
    """The rows with their share of flops, and the totals."""
    rows = rows_of(result.model, cost, by)
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
    return render_markdown(headers, body) if markdown else table(headers, body, totals=True)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else ""


def counting_text(network: Network, convention: Convention) -> str:
    """What the numbers mean."""
    return (
        f"flops       {convention.unit}\n"
        f"params      {convention.params.unit}\n"
        f"acts        {convention.acts.unit}\n"
        f"convention  {convention.name} {convention.version}: {convention.text}\n"
        f"input       one image of {size(network.input)}\n"
    )


def cost_csv(result: Compiled, cost: Cost, by: Grouping) -> str:
    """A line for each row; they add up, and each says by what convention and at what input."""
    convention = cost.convention
    headers = [
        *("model", "path", "block", "depth", "operations", "output", *MEASURES, "buffers"),
        *("convention", "convention_version", "flops_unit", "input", "hash"),
    ]
    shape = "x".join(map(str, result.network.input))
    tail = [convention.name, convention.version, convention.unit, shape, result.network.hash]
    lines: list[list[Cell]] = []
    for r in rows_of(result.model, cost, by):
        outputs = "; ".join("x".join(map(str, shape)) for shape in r.outputs)
        parts: list[Cell] = [result.name, r.path, r.block, r.depth, r.operations, outputs]
        lines.append([*parts, r.flops, r.params, r.acts, r.buffers, *tail])
    return render_csv(headers, lines)


# Terms


def term_reports(network: Network, convention: Convention) -> list[TermReport]:
    """Every term of flops, params and acts by a convention."""
    from archdsl.graph.shapes import show

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


def terms_text(terms: Sequence[TermReport], cost: Cost, *, markdown: bool) -> str:
    """The terms of each total, which is their sum to the unit."""
    parts = []
    for measure in MEASURES:
        rows: list[list[Any]] = [
            [t.label, t.count, f"x {t.coefficient}", t.subtotal] for t in terms if t.measure == measure
        ]
        rows.append([f"{measure} by {cost.convention.name}", None, None, getattr(cost, measure)])
        headers = ["term", "count", "factor", measure]
        parts.append(render_markdown(headers, rows) if markdown else table(headers, rows, totals=True))
    return "\n".join(parts)


# Memory


def memory_report(network: Network, dtype: str, batch: int) -> MemoryReport:
    """Bytes of weights, of the peak at inference, and of what training keeps."""
    return MemoryReport(
        dtype,
        batch,
        int(weights_bytes(network, dtype)),
        int(peak_bytes(network, dtype, batch)),
        int(training_bytes(network, dtype, batch)),
        training_is_estimate=True,
    )


def memory_text(found: MemoryReport) -> str:
    """A line for each kind of memory, in bytes."""
    images = "1 image" if found.batch == 1 else f"{found.batch:,} images"
    rows = [
        ("weights and buffers", found.weights_bytes, ""),
        ("peak of activations at inference", found.peak_inference_bytes, ""),
        ("kept for the backward pass in training", found.training_bytes, "an estimate"),
    ]
    width = max(len(f"{amount:,}") for _, amount, _ in rows)
    lines = [f"  {text:40} {amount:>{width},} bytes  {note}".rstrip() for text, amount, note in rows]
    return f"memory, {found.dtype}, {images}:\n" + "\n".join(lines) + "\n"

"""What `archdsl compile` shows: the stages with their costs, and the files that were written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.compiler import Compiled
from archdsl.emission import WRITTEN
from archdsl.graph.cost import MEASURES, Cost, count
from archdsl.graph.folding import Folded
from archdsl.parts import rows_of
from archdsl.records import documented
from archdsl.views.failure import diagnostic_reports
from archdsl.views.head import counts, head, head_line
from archdsl.views.tables import places, table


@documented
class FileWritten:
    """A file that was written."""

    path: str
    target: str
    """What it is: torch, train, json, dot or svg, by --inference inference or inference test, by --package package."""
    bytes: int


@documented
class Stays:
    """What the inference form has as the training form has it."""

    path: str
    why: str


@documented
class InferenceFigures:
    """The network of the inference form: it computes the same with fewer operations."""

    hash: str
    flops: int
    params: int
    acts: int
    folded: int
    """Batch norms that became part of convolutions and linear layers."""
    merged: int
    """Sums of branches that became one convolution each."""
    left_out: int
    """Operations that act in training alone."""
    stays: list[Stays]
    """Batch norms and sums of branches that stay."""


@documented
class CompileReport:
    """`archdsl compile --format json`: what was compiled, and what was written."""

    archdsl: str
    """The version of archdsl."""
    spec: str
    model: str
    name: str
    """The name of the emitted module."""
    hash: str
    """The digest of what the network computes."""
    input: list[int]
    """Channels, height, width."""
    files: list[FileWritten]
    convention: str
    """How flops, params and acts are counted."""
    flops: int
    params: int
    acts: int
    diagnostics: list[dict[str, Any]]
    """Claims that do not hold: the files are written all the same."""
    inference: InferenceFigures | None = None
    """With --inference."""


def compile_report(
    result: Compiled, cost: Cost, spec: str, name: str, files: list[FileWritten], folded: Folded | None
) -> CompileReport:
    """The JSON of a compiled model, emitted under a name."""
    return CompileReport(
        **head(result, spec),
        name=name,
        files=files,
        convention=cost.convention.name,
        **counts(cost),
        diagnostics=diagnostic_reports(result.diagnostics),
        inference=inference_figures(folded) if folded is not None else None,
    )


def inference_figures(folded: Folded) -> InferenceFigures:
    """What became of a network, with the counts of what is left."""
    return InferenceFigures(
        hash=folded.network.hash,
        **counts(count(folded.network)),
        folded=len(folded.norms),
        merged=folded.merged,
        left_out=len(folded.left_out),
        stays=[Stays(kept.path, kept.why) for kept in folded.kept],
    )


def compile_text(result: Compiled, cost: Cost, files: Sequence[FileWritten], folded: Folded | None) -> str:
    """The stages with their totals, and the files; what the inference form has of it."""
    rows = [
        [r.path, r.block, r.depth, places(r.outputs), r.flops, r.params, r.acts]
        for r in rows_of(result.model, cost, "stage")
    ]
    rows.append(["total", None, None, None, cost.flops, cost.params, cost.acts])
    stages = table(["stage", "block", "depth", "output", *MEASURES], rows, totals=True)
    written = table(["wrote", "what it is", "bytes"], [[file.path, WRITTEN[file.target], file.bytes] for file in files])
    more = f"\n{_inference_text(cost, folded)}" if folded is not None else ""
    return f"{head_line(result)}\n\n{stages}\nflops are {cost.convention.unit}\n\n{written}{more}"


def _inference_text(cost: Cost, folded: Folded) -> str:
    """The counts of both forms, and what was folded and what was not."""
    own = count(folded.network)
    forms = [["training", *[getattr(cost, m) for m in MEASURES]], ["inference", *[getattr(own, m) for m in MEASURES]]]
    lines = [table(["form", *MEASURES], forms), folded.summary()]
    lines += [f"stays: {path}: {why}" for path, why in folded.stays()]
    return "\n".join([*lines, ""])

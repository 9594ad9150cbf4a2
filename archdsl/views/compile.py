"""What `archdsl compile` shows: the stages with their costs, and the files that were written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.compiler import Compiled
from archdsl.emission import TARGETS
from archdsl.graph.cost import MEASURES, Cost
from archdsl.parts import rows_of
from archdsl.records import documented
from archdsl.views.failure import diagnostic_reports
from archdsl.views.head import counts, head, head_line
from archdsl.views.tables import places, table

WHAT = {**TARGETS, "package": "a part of the package"}
"""Target of a file -> what it is."""


@documented
class FileWritten:
    """A file that was written."""

    path: str
    target: str
    """What it is: torch, train, json, dot or svg, or a part of a package."""
    bytes: int


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


def compile_report(result: Compiled, cost: Cost, spec: str, name: str, files: list[FileWritten]) -> CompileReport:
    """The JSON of a compiled model, emitted under a name."""
    return CompileReport(
        **head(result, spec),
        name=name,
        files=files,
        convention=cost.convention.name,
        **counts(cost),
        diagnostics=diagnostic_reports(result.diagnostics),
    )


def compile_text(result: Compiled, cost: Cost, files: Sequence[FileWritten]) -> str:
    """The stages with their totals, and the files."""
    rows = [
        [r.path, r.block, r.depth, places(r.outputs), r.flops, r.params, r.acts]
        for r in rows_of(result.model, cost, "stage")
    ]
    rows.append(["total", None, None, None, cost.flops, cost.params, cost.acts])
    stages = table(["stage", "block", "depth", "output", *MEASURES], rows, totals=True)
    written = table(["wrote", "what it is", "bytes"], [[file.path, WHAT[file.target], file.bytes] for file in files])
    return f"{head_line(result)}\n\n{stages}\nflops are {cost.convention.unit}\n\n{written}"

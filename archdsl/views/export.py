"""What `archdsl export` shows: the files, and how far a runtime's outputs are from the module's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archdsl.compiler import Compiled
from archdsl.exporting.differences import Difference, worst
from archdsl.exporting.run import Exported, Options
from archdsl.exporting.targets import DYNAMIC, TARGETS, Dynamic, Facts, TargetName
from archdsl.records import documented
from archdsl.views.failure import diagnostic_reports
from archdsl.views.head import head, head_line
from archdsl.views.tables import size, table


@documented
class ExportedFile:
    """A file that was written."""

    path: str
    bytes: int


@documented
class ExportReport:
    """The output of `archdsl export NET --format json`: files, and what their runtime gave."""

    archdsl: str
    spec: str
    model: str
    hash: str
    input: list[int]
    target: TargetName
    files: list[ExportedFile]
    outputs: list[str]
    dynamic: Dynamic
    """Whether the file takes any batch, and images of any size."""
    weights: str
    """The checkpoint, or that they were drawn."""
    quantized: str | None
    """How weights and activations became integers of 8 bits; null for float32."""
    calibrated: str | None
    """On which images the ranges of activations were taken; null for float32."""
    torch: str
    runtime: str
    """What ran the file, with its version."""
    opset: int | None
    """The version of ONNX's operators; null for files that have none."""
    norms_left: int | None
    """Batch norms that are operators of their own in the ONNX file; null for other files."""
    norms_missed: int | None
    """Those of them that stand behind a convolution or linear layer, of which they could be a part."""
    operations: dict[str, int]
    """How many operators of each kind an ONNX file has; of ExecuTorch's, those that no delegate took."""
    delegates: int | None
    """Parts of the network that XNNPACK runs; null for other files."""
    tolerance: float | None
    """The difference that was allowed, as a share of the largest output; null for integers."""
    least_cosine: float | None
    """The cosine that integers had to reach; null for float32."""
    checks: list[Difference]
    notes: list[str]
    diagnostics: list[dict[str, Any]]


def export_report(
    result: Compiled,
    spec: str,
    made: Exported,
    options: Options,
    outputs: Sequence[str],
    weights: str,
    files: Mapping[str, int],
) -> ExportReport:
    """The JSON; `files` are the paths that were written, with their sizes in bytes."""
    facts = made.built.facts
    integers = made.quantized is not None
    return ExportReport(
        **head(result, spec),
        target=options.target,
        files=[ExportedFile(path, count) for path, count in files.items()],
        outputs=list(outputs),
        dynamic=options.dynamic,
        weights=weights,
        quantized=made.quantized,
        calibrated=made.calibrated,
        torch=made.torch,
        runtime=made.runtime,
        opset=facts.opset,
        norms_left=facts.norms_left,
        norms_missed=facts.norms_missed,
        operations=dict(facts.operations),
        delegates=facts.delegates,
        tolerance=None if integers else options.tolerance,
        least_cosine=options.least_cosine if integers else None,
        checks=list(made.found),
        notes=_notes(facts),
        diagnostics=diagnostic_reports(result.diagnostics),
    )


def _notes(facts: Facts) -> list[str]:
    notes = []
    left, missed = facts.norms_left or 0, facts.norms_missed or 0
    if left > missed:
        notes.append(f"{_many(left - missed, 'batch norm')} stand behind no convolution, and stayed operators")
    if missed:
        notes.append(f"{_many(missed, 'batch norm')} behind convolutions were not folded by the exporter")
    if facts.delegates is not None and facts.operations:
        kinds = ", ".join([f"{count} {name}" for name, count in facts.operations.items()])
        notes.append(f"XNNPACK does not run: {kinds}")
    return notes


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}" + ("s" if count != 1 else "")


def export_text(result: Compiled, report: ExportReport) -> str:
    """The tables: files, and of each size and batch the output that differs most."""
    rows = []
    for key in dict.fromkeys([(c.batch, c.height, c.width) for c in report.checks]):
        each = worst([c for c in report.checks if (c.batch, c.height, c.width) == key])
        rows.append((size(key), each.output, _short(each.max_difference), _short(each.largest), _cosine(each)))
    lines = [f"{head_line(result)}\n", "\n"]
    text = TARGETS[report.target].text
    lines.append(table(("wrote", "what it is", "bytes"), _file_rows(report, text)))
    lines += ["\n", table(("images", "output", "largest difference", "of at most", "cosine"), rows), "\n"]
    lines.append(f"measured: {report.runtime} beside the module in torch {report.torch}, on drawn images\n")
    if report.quantized is not None:
        lines.append(f"8 bits: {report.quantized}; ranges on {report.calibrated}\n")
    opset = f"; opset {report.opset}" if report.opset is not None else ""
    lines.append(f"inputs: {DYNAMIC[report.dynamic]}{opset}; weights: {report.weights}\n")
    lines += [f"note: {note}\n" for note in report.notes]
    return "".join(lines)


def _file_rows(report: ExportReport, text: str) -> list[tuple[str, str, int]]:
    return [(file.path, text if n == 0 else "its weights", file.bytes) for n, file in enumerate(report.files)]


def _short(number: float | None) -> str:
    return "no number" if number is None else f"{number:.2g}"


def _cosine(each: Difference) -> str:
    return "none" if each.cosine is None else f"{each.cosine:.6f}"


__all__ = ["ExportReport", "export_report", "export_text"]

"""What `archdsl study spectrum` shows: sums of singular values, and the values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from archdsl.compiler import Compiled
from archdsl.ranks.spectra import SpectrumRow, SpectrumSums
from archdsl.records import documented
from archdsl.views.head import head
from archdsl.views.tables import Cell, render_csv, table
from archdsl.visible import visible

TENTHS = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Magnitudes at which the table has the portion of singular values."""


@documented
class SpectrumReport:
    """The output of `archdsl study spectrum NET --format json`: singular values of features."""

    archdsl: str
    """The version of archdsl."""
    spec: str
    """The file, as given."""
    model: str
    hash: str
    """A digest of what the network computes; layout and names do not change it."""
    input: list[int]
    """Channels, height, width, as the model declares them."""
    weights: str | None
    """The checkpoint; null for weights as they start."""
    new: list[str]
    """Tensors that the checkpoint has not, and that are as they start."""
    data: str
    """Where the images are from, and their size."""
    images: int
    seed: int
    """Of the images that were drawn, and of weights as they start."""
    torch: str
    method: str
    """How singular values are computed."""
    sums: list[SpectrumSums]
    rows: list[SpectrumRow]
    path: str | None
    """The table that was written."""
    diagnostics: list[dict[str, Any]]

    def columns_alike(self) -> dict[str, str | int]:
        """What stands in every row of a table."""
        return {
            "spec": self.spec,
            "hash": self.hash,
            "weights": self.weights or "as they start",
            "data": self.data,
            "images": self.images,
            "seed": self.seed,
            "torch": self.torch,
        }


def spectrum_report(
    result: Compiled,
    spec: str,
    weights: str | None,
    new: Sequence[str],
    data: str,
    images: int,
    seed: int,
    torch: str,
    sums: list[SpectrumSums],
    rows: list[SpectrumRow],
    path: str | None,
) -> SpectrumReport:
    """The JSON of singular values."""
    from archdsl.views.failure import diagnostic_reports

    return SpectrumReport(
        **head(result, spec),
        weights=weights,
        new=list(new),
        data=data,
        images=images,
        seed=seed,
        torch=torch,
        method="square roots of the eigenvalues of F F^T, summed over images in float64; F is computed in float32",
        sums=sums,
        rows=rows,
        path=path,
        diagnostics=diagnostic_reports(result.diagnostics),
    )


def spectrum_text(report: SpectrumReport) -> str:
    """A line for each place, with the portion of singular values up to some magnitudes."""
    headers = ["features", "channels", "columns", "nuclear norm", "effective rank", "rank"]
    rows: list[list[Cell]] = []
    shares: list[list[Cell]] = []
    for each in report.sums:
        where = visible(each.at)
        rows.append(
            [where, each.channels, each.columns, f"{each.nuclear_norm:,.1f}", f"{each.effective_rank:,.1f}", each.rank]
        )
        own = [row.magnitude for row in report.rows if row.at == each.at]
        shares.append([where, *[f"{100 * sum(m <= x for m in own) / len(own):.1f}" for x in TENTHS]])
    portions = ["portion (%) of singular values up to:", *[f"{x:g}" for x in TENTHS]]
    weights = visible(report.weights) if report.weights else f"as they start, seed {report.seed}"
    weights += f"; {len(report.new)} tensors are not in it" if report.new else ""
    lines = [
        f"images   {report.images:,} of {visible(report.data)}, drawn with seed {report.seed}",
        f"weights  {weights}",
        f"values   {report.method}; torch {report.torch}",
        "rank     by the tolerance max(channels, columns) eps of float32, which torch and numpy have",
    ]
    lines += [f"wrote    {visible(report.path)}"] if report.path else []
    title = f"{visible(report.model)}, hash {report.hash[:16]}\n"
    return "\n".join([title, table(headers, rows), table(portions, shares), "\n".join(lines) + "\n"])


def spectrum_csv(report: SpectrumReport) -> str:
    """A line for each singular value, with what all have alike."""
    own, alike = [field.name for field in fields(SpectrumRow)], report.columns_alike()
    lines: list[list[Cell]] = [[*[getattr(row, name) for name in own], *alike.values()] for row in report.rows]
    return render_csv([*own, *alike], lines)


__all__ = ["SpectrumReport", "spectrum_csv", "spectrum_report", "spectrum_text"]

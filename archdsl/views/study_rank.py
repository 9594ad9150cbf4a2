"""What `archdsl study rank` shows: ranks as shares of the width, and what they depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from archdsl import __version__
from archdsl.ranks.features import LAWS
from archdsl.ranks.layers import RankRow, Study
from archdsl.ranks.values import DEFAULT
from archdsl.records import documented
from archdsl.views.tables import Cell, render_csv, table
from archdsl.visible import visible


@documented
class RankReport:
    """The output of `archdsl study rank --format json`: means over networks of random sizes."""

    archdsl: str
    """The version of archdsl."""
    spec: str
    """The file of the layers."""
    networks: int
    """Of random sizes and weights, measured in every cell."""
    asked: int
    """As many were asked for."""
    seed: int
    widths: list[int]
    """The least and the largest d_out; each between is alike likely."""
    expands: list[int]
    """The same for the expansion within a bottleneck."""
    columns: int
    """Columns of the feature matrix for each of its rows, at least: images times positions."""
    law: str
    """Of the numbers in X."""
    weights: str
    """How W starts."""
    norm: str
    """How norms compute."""
    dtype: str
    """Of weights, images, features and singular values."""
    torch: str
    tolerances: list[str]
    """Shares of the largest singular value; default: max(m, n) eps for m x n numbers, as torch and numpy have it."""
    interval: str
    """How the ends of intervals came about."""
    rows: list[RankRow]
    path: str | None
    """The table that was written."""

    def columns_alike(self) -> dict[str, str | int]:
        """What stands in every row of a table."""
        span = [f"{low}..{high}" for low, high in (self.widths, self.expands)]
        return {
            "spec": self.spec,
            "seed": self.seed,
            "widths": span[0],
            "expands": span[1],
            "columns": self.columns,
            "law": self.law,
            "weights": self.weights,
            "dtype": self.dtype,
            "torch": self.torch,
        }


def rank_report(
    study: Study, rows: list[RankRow], networks: int, spec: str, weights: Sequence[str], torch: str, path: str | None
) -> RankReport:
    """The JSON of the means."""
    return RankReport(
        __version__,
        spec,
        networks,
        study.networks,
        study.seed,
        list(study.widths),
        list(study.expands),
        study.columns,
        LAWS[study.law],
        "; ".join(weights),
        "batch norms by the statistics of the images",
        study.dtype,
        torch,
        list(study.tolerances),
        "95 %, by the normal distribution, of a mean over networks",
        rows,
        path if rows else None,
    )


def rank_text(report: RankReport) -> str:
    """A table for each layer and tolerance with a column for each ratio, and one of effective ranks."""
    parts = []
    for name in dict.fromkeys([row.model for row in report.rows]):
        own = [row for row in report.rows if row.model == name]
        for tolerance in report.tolerances:
            cells = {(r.activation, r.ratio): r.rank_ratio for r in own if r.tolerance == tolerance}
            words = "max(m, n) eps" if tolerance == DEFAULT else tolerance
            parts.append(_grid(f"{visible(name)}: rank / d_out, tolerance {words}", cells))
        cells = {(r.activation, r.ratio): r.effective_ratio for r in own}
        parts.append(_grid(f"{visible(name)}: effective rank / d_out", cells))
    parts.append(_words(report))
    return "\n".join(parts)


def _grid(title: str, cells: dict[tuple[str, float], float]) -> str:
    ratios = sorted({ratio for _, ratio in cells})
    acts = list(dict.fromkeys([act for act, _ in cells]))
    rows: list[list[Cell]] = [[visible(act), *[f"{cells[act, ratio]:.3f}" for ratio in ratios]] for act in acts]
    return f"{title}\n{table(['d_in / d_out:', *[f'{ratio:g}' for ratio in ratios]], rows)}"


def _words(report: RankReport) -> str:
    of = f" of {report.asked:,} that were asked for" if report.networks < report.asked else ""
    widest = max([row.rank_high - row.rank_low for row in report.rows], default=0.0) / 2
    lines = [
        f"networks   {report.networks:,}{of}, seed {report.seed}: d_out of {report.widths[0]} to {report.widths[1]}, "
        f"expansions of {report.expands[0]} to {report.expands[1]}, each alike likely",
        f"W          {report.weights}; {report.norm}",
        f"X          {report.law}, at least {report.columns} columns (images x positions) for each row",
        f"numbers    {report.dtype}, torch {report.torch}",
        "tolerance  a share of the largest singular value; max(m, n) eps is the default of torch and numpy",
        f"estimates  means over networks; their 95 % intervals reach at most {widest:.3f} to either side",
    ]
    lines += [f"wrote      {visible(report.path)}"] if report.path else []
    return "\n".join(lines) + "\n"


def rank_csv(report: RankReport) -> str:
    """A line for each row, with what all have alike."""
    own, alike = [field.name for field in fields(RankRow)], report.columns_alike()
    lines: list[list[Cell]] = [[*[getattr(row, name) for name in own], *alike.values()] for row in report.rows]
    return render_csv([*own, *alike], lines)


__all__ = ["RankReport", "rank_csv", "rank_report", "rank_text"]

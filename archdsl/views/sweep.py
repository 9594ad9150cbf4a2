"""What `archdsl train --sweep` shows: the settings that are drawn, and what came of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archdsl import __version__
from archdsl.records import documented
from archdsl.spaces.sweep import Swept
from archdsl.spaces.tables import Cell
from archdsl.views.tables import table

MOST = 10
"""Trainings that a text has a line for."""


@documented
class SweptSetting:
    """A setting of training that is drawn."""

    name: str
    """As an option of the training script: `weight_decay`."""
    law: str
    """As it was written."""
    values: int
    """How many the law has."""


@documented
class SweepReport:
    """The output of `archdsl train --sweep --dry-run --format json`: what would be trained."""

    archdsl: str
    spec: str
    recipe: str
    folder: str
    seed: int
    """Of the draws."""
    seeds: int
    """Trainings of each setting."""
    settings: list[SweptSetting]
    draws: list[dict[str, Any]]
    """A setting each, in the order of the study's members."""


def sweep_report(
    spec: str, recipe: str, folder: str, seed: int, seeds: int, swept: Sequence[Swept], draws: Sequence[dict[str, Cell]]
) -> SweepReport:
    """What a sweep is, and what it draws."""
    settings = [SweptSetting(each.draw.name, each.text, each.draw.settings) for each in swept]
    return SweepReport(__version__, spec, recipe, folder, seed, seeds, settings, [dict(draw) for draw in draws])


def sweep_text(report: SweepReport) -> str:
    """What a sweep is, and its first draws, for a reader."""
    lines = [f"{each.name} ~ {each.law}  ({each.values:,} values)" for each in report.settings]
    names = [each.name for each in report.settings]
    more = len(report.draws) - MOST
    times = f", each {report.seeds} times" if report.seeds > 1 else ""
    lines += [f"{report.spec} by {report.recipe}: {len(report.draws):,} settings{times}, in {report.folder}", ""]
    lines += [table(names, [[draw[name] for name in names] for draw in report.draws[:MOST]]).rstrip("\n")]
    return "\n".join([*lines, *([f"and {more:,} more"] if more > 0 else [])]) + "\n"


def trained_text(names: Sequence[str], rows: Sequence[Mapping[str, Any]], folder: str) -> str:
    """The trainings that are done, by their error, and what else can be asked of them."""
    there = rows[0] if rows else ()
    columns = [f"given.{name}" if f"given.{name}" in there else name for name in names]
    done = sorted([row for row in rows if row["error"] is not None], key=lambda row: (row["error"], row["trial"]))
    if not done:
        return ""
    cells = [[row["trial"], *[row[name] for name in columns], f"{row['error']:.4f}"] for row in done[:MOST]]
    more = f"and {len(done) - MOST:,} more\n" if len(done) > MOST else ""
    asked = " ".join([f"--column {name}" for name in columns])
    hint = f"which values hold the best: archdsl population best {folder} {asked}\n"
    return f"{table(['trial', *names, 'error'], cells)}{more}{hint}"

"""Columns of members: those of their tables, and what their networks have.

`model.depth` is the number of blocks of a member's network, `efit` the error of the quantized linear rule that fits its
widths best; a column of the table by such a name goes before.
"""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.spaces.population import INDEX, SEED
from archdsl.spaces.results import MEASURED, Results, columns_of_numbers
from archdsl.views.statistics.head import Group

DEPTH, EFIT = "model.depth", "efit"
NOT_ASKED = frozenset((INDEX, SEED, *MEASURED))
"""What a table says of draws and trainings, not of networks: not among the columns that are looked at unasked."""


def values_of(group: Group, column: str) -> Sequence[float | None]:
    """The numbers of a column, one for each member. Raises `TableFault`."""
    if column in (DEPTH, EFIT) and column not in group.results.table.columns:
        widths, depths = group.widths()
        if column == DEPTH:
            return [float(depth) for depth in depths]
        from archdsl.statistics.linear import efit

        return [float(error) for error in efit(widths, depths).error]
    return group.results.numbers(column)


def unasked(results: Results, error: str) -> list[str]:
    """The columns of numbers that say something of the networks."""
    return [name for name in columns_of_numbers(results.table) if name not in NOT_ASKED and name != error]

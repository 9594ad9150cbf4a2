"""Closed forms: the counts of a network of symbols, stage by stage, as expanded sympy expressions."""

from __future__ import annotations

from typing import Any

from archdsl.closed_forms.expressions import expression_of
from archdsl.graph.conventions import DEFAULT, Convention
from archdsl.graph.cost import MEASURES, convention_of, group_of, rows_of
from archdsl.graph.network import Network
from archdsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Formula:
    """Closed forms of some counts: sympy expressions."""

    flops: Any
    params: Any
    acts: Any

    def __add__(self, other: Formula) -> Formula:
        return Formula(self.flops + other.flops, self.params + other.params, self.acts + other.acts)


@dataclass(frozen=True, slots=True)
class BlockFormula:
    """Blocks of a stage that have the same closed forms: their paths, and the forms of one of them."""

    blocks: tuple[str, ...]
    each: Formula


@dataclass(frozen=True, slots=True)
class StageFormula:
    """A stage's closed forms, in all and by blocks."""

    stage: str
    blocks: tuple[BlockFormula, ...]
    total: Formula


def formulas(network: Network, convention: Convention | str = DEFAULT) -> tuple[StageFormula, ...]:
    """The closed forms of every stage, stem and head among them.

    Their values at the concrete numbers are the counts. A form holds for all values of the symbols that
    lead to the same structure and resolutions that the strides divide; see `symbolic.py`. Where a
    convention halves (tf_profiler), a form may round.
    """
    stages: dict[str, dict[str, list[tuple[Any, ...]]]] = {}
    for row in rows_of(network, convention_of(convention)):
        amounts = tuple(map(expression_of, (row.flops, row.params, row.acts)))
        blocks = stages.setdefault(group_of(row.path, "stage"), {})
        blocks.setdefault(group_of(row.path, "block"), []).append(amounts)
    known: dict[tuple[tuple[Any, ...], ...], Formula] = {}
    result: list[StageFormula] = []
    for stage, blocks in stages.items():
        alike: dict[Formula, list[str]] = {}
        for block, rows in blocks.items():
            key = tuple(rows)
            if key not in known:
                known[key] = Formula(*[_summed(list(column)) for column in zip(*rows, strict=True)])
            alike.setdefault(known[key], []).append(block)
        grouped = tuple([BlockFormula(tuple(paths), each) for each, paths in alike.items()])
        total = [_summed([getattr(group.each, name) * len(group.blocks) for group in grouped]) for name in MEASURES]
        result.append(StageFormula(stage, grouped, Formula(*total)))
    return tuple(result)


def _summed(terms: list[Any]) -> Any:
    """The expanded sum of forms, added at once: one by one takes the square of their number."""
    import sympy  # type: ignore[import-untyped]

    return sympy.expand(sympy.Add(*terms))

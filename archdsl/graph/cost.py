"""Counting a network: the ledger of every node, summed by a convention.

Counts are exact: integers for a network of integers, `Symbolic` for one of symbols. Rows stand in the
order of nodes and add up to the totals, column by column.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from fractions import Fraction
from functools import cache
from typing import Any, Literal

from archdsl.graph.conventions import CONVENTIONS, DEFAULT, Amounts, Convention, Sum
from archdsl.graph.ledger import Ledger
from archdsl.graph.network import Network
from archdsl.graph.shapes import Dim, Shape
from archdsl.graph.subgraph import Placement, Subgraph
from archdsl.once import cached_property
from archdsl.records import dataclass

MEASURES = ("flops", "params", "acts")
"""What a convention counts."""
SUFFIXES = {"K": 3, "M": 6, "G": 9, "T": 12}
"""What may stand behind an amount, as in `flops: 4.0G`, and the power of ten that it means."""
Grouping = Literal["stage", "block", "op"]


@dataclass(frozen=True, slots=True)
class Row:
    """One node: where and what it is, its ledger, and its share of the totals."""

    path: str
    operation: str
    kind: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    ledger: Ledger
    flops: Dim
    params: Dim
    acts: Dim
    buffers: Dim


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that share a stage, a block or an operation, summed."""

    key: str
    nodes: int
    flops: Dim
    params: Dim
    acts: Dim
    buffers: Dim


@dataclass(frozen=True, slots=True)
class Term:
    """One line of an explanation: `count * coefficient / divisor = subtotal`."""

    label: str
    kind: str
    column: str
    count: Dim
    coefficient: Fraction
    subtotal: Dim


@dataclass(frozen=True)
class Cost:
    """A network's counts in a convention, for one image."""

    convention: Convention
    flops: Dim
    params: Dim
    acts: Dim
    buffers: Dim
    network: Network = field(repr=False)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """A row for every operation; a column adds up to its total."""
        return tuple(rows_of(self.network, self.convention))

    def by(self, grouping: Grouping) -> tuple[Group, ...]:
        """Rows grouped by stage, block or operation, in the order of their first node; they add up to the totals."""
        sums: dict[str, list[Dim]] = {}
        for row in self.rows:
            key = row.operation if grouping == "op" else group_of(row.path, grouping)
            entry = sums.setdefault(key, [0, 0, 0, 0, 0])
            entry[0] += 1
            entry[1] += row.flops
            entry[2] += row.params
            entry[3] += row.acts
            entry[4] += row.buffers
        return tuple([Group(key, *entry) for key, entry in sums.items()])

    @property
    def ledger(self) -> Ledger:
        """The ledger of the whole network."""
        total = Ledger()
        for row in self.rows:
            total = total + row.ledger
        return total


def group_of(path: str, grouping: Literal["stage", "block"]) -> str:
    """The stage or block of a module path: `stages.0.blocks.3.branch.conv` is in `stages.0`, `stages.0.blocks.3`."""
    parts = path.split(".", 4)
    if parts[0] != "stages" or len(parts) < 2:
        return parts[0]
    if grouping == "stage":
        return ".".join(parts[:2])
    return ".".join(parts[:4] if len(parts) > 2 and parts[2] == "blocks" else parts[:3])


def convention_of(convention: Convention | str) -> Convention:
    """The convention of a name; KeyError for an unknown one."""
    return CONVENTIONS[convention] if isinstance(convention, str) else convention


class _Total:
    """A running total of a `Sum`. With a divisor, each share is the growth of the rounded total."""

    __slots__ = ("amount", "rounded", "sum")

    def __init__(self, total: Sum) -> None:
        self.sum = total
        self.amount: Dim = 0
        self.rounded: Dim = 0

    def of(self, kind: str, ledger: Ledger) -> Dim:
        """What one operation adds, before the divisor."""
        amount: Dim = 0
        for column, coefficient in self.sum.terms.get(kind, ()):
            value = getattr(ledger, column)
            amount += value if coefficient == 1 else value * coefficient
        return amount

    def share(self, amount: Dim) -> Dim:
        """Add what one operation adds; the growth of the total."""
        if self.sum.divisor == 1:
            return amount  # of symbols a total that nobody asks for would be dear
        self.amount += amount
        before, self.rounded = self.rounded, self.sum.total(self.amount)
        return self.rounded - before


def count(network: Network, convention: Convention | str = DEFAULT) -> Cost:
    """The network's flops, params, acts and buffers in a convention.

    All are for one image, in the units that the convention names; buffers are stored elements. Raises KeyError for an
    unknown convention.
    """
    chosen = convention_of(convention)
    flops: Dim = 0
    params: Dim = 0
    acts: Dim = 0
    buffers: Dim = 0
    for placement in network.placements:
        amounts = amounts_of(placement.subgraph, chosen)
        flops += amounts.flops
        params += amounts.params
        acts += amounts.acts
        buffers += amounts.buffers
    flops, params, acts = chosen.flops.total(flops), chosen.params.total(params), chosen.acts.total(acts)
    return Cost(chosen, flops, params, acts, buffers, network)


def amounts_of(subgraph: Subgraph, convention: Convention) -> Amounts:
    """What a subgraph adds to the totals of a convention; counted once."""
    own = CONVENTIONS.get(convention.name) is convention
    found = subgraph.amounts.get(convention.name) if own else None
    if found is None and own and subgraph.formulas is not None:
        found = subgraph.formulas(convention)
    if found is None:
        sums: list[Dim] = [0, 0, 0, 0]
        totals = _Total(convention.flops), _Total(convention.params), _Total(convention.acts)
        for node in subgraph.nodes:
            ledger = node.operation.cost(tuple([subgraph.shape(value) for value in node.inputs]), node.shapes)
            kind = node.operation.kind
            for position, total in enumerate(totals):
                sums[position] += total.of(kind, ledger)
            sums[3] += ledger.buffers
        found = Amounts(*sums)
    if own:
        subgraph.amounts[convention.name] = found
    return found


def shares_of(cost: Cost) -> Iterator[tuple[Placement, Amounts]]:
    """What each placement of a network adds to its totals: what its rows add up to, which are not made for it."""
    chosen = cost.convention
    flops, params, acts = _Total(chosen.flops), _Total(chosen.params), _Total(chosen.acts)
    for placement in cost.network.placements:
        own = amounts_of(placement.subgraph, chosen)
        shares = flops.share(own.flops), params.share(own.params), acts.share(own.acts)
        yield placement, Amounts(*shares, own.buffers)


def rows_of(network: Network, convention: Convention) -> Iterator[Row]:
    """A row for every node: the rows of the network's cost, without its totals."""
    flops, params, acts = _Total(convention.flops), _Total(convention.params), _Total(convention.acts)
    nodes, first = network.nodes, network.input
    known: dict[tuple[int, ...], tuple[Any, ...]] = {}
    """By the identities of an operation and of its shapes, which blocks that are alike share."""
    for node in nodes:
        operation, shapes = node.operation, node.shapes
        inputs = tuple([nodes[index].shapes[output] if index >= 0 else first for index, output in node.inputs])
        key = (id(operation), id(shapes), *map(id, inputs))
        found = known.get(key)
        if found is None:
            ledger, kind = operation.cost(inputs, shapes), operation.kind
            amounts = flops.of(kind, ledger), params.of(kind, ledger), acts.of(kind, ledger)
            found = known[key] = operation.name, kind, ledger, ledger.buffers, *amounts
        name, kind, ledger, stored, by_flops, by_params, by_acts = found
        shares = flops.share(by_flops), params.share(by_params), acts.share(by_acts)
        yield Row(node.path, name, kind, inputs, shapes, ledger, *shares, stored)


def explain(network: Network, convention: Convention | str = DEFAULT) -> dict[str, tuple[Term, ...]]:
    """The terms of flops, params and acts: their subtotals add up to the totals of `count`, to the unit.

    A term is count * coefficient / divisor, of one kind and column; what a divisor rounds off is a term of its own.
    Raises KeyError for an unknown convention.
    """
    cost = count(network, convention)
    return {
        "flops": _explained(cost, cost.convention.flops, cost.flops),
        "params": _explained(cost, cost.convention.params, cost.params),
        "acts": _explained(cost, cost.convention.acts, cost.acts),
    }


def _explained(cost: Cost, total: Sum, expected: Dim) -> tuple[Term, ...]:
    counts: dict[tuple[str, str], Dim] = {}
    for row in cost.rows:
        for column, _ in total.terms.get(row.kind, ()):
            key = (row.kind, column)
            counts[key] = counts.get(key, 0) + getattr(row.ledger, column)
    terms: list[Term] = []
    for (kind, column), number in counts.items():
        if isinstance(number, int) and number == 0:
            continue
        coefficient = Fraction(dict(total.terms[kind])[column], total.divisor)
        subtotal: Dim = number * coefficient
        if isinstance(subtotal, Fraction) and subtotal.denominator == 1:
            subtotal = subtotal.numerator
        terms.append(Term(_label(kind, column), kind, column, number, coefficient, subtotal))
    rest = sum([term.subtotal for term in terms]) - expected
    if rest != 0:
        terms.append(Term("rounding down to a whole number", "", "", 1, -rest, -rest))
    return tuple(terms)


@cache
def _label(kind: str, column: str) -> str:
    return f"{column.replace('_', ' ')} of {kind}"

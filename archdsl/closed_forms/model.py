"""Closed forms of a model's cost: flops, params and acts as polynomials in its widths, depths and resolution.

What enters is a resolved model; it is built once more with symbols in its dimensions. What leaves is `Formulas`:
sympy expressions for every stage, and the symbols with their values in this model.

    r            height and width of the input; `r_h` and `r_w` where they differ
    w_stem       width of the stem, where it has a setting `width`; `w_head` likewise; of several blocks in a row
                 with a width each, `w_stem_0` is that of the first
    w_1, g_1     width and group width of stage 1, counted from 0, after every `fit`
    w_1_0        width of its block 0, where the blocks' widths differ
    d_1          depth of stage 1, where the blocks behind the first have the same closed form

Every other number stays the number that it is. A setting that `fit` replaced and whose default gives the same
number (an inner width, as share of the width) follows the symbols; else it is a number too. The forms hold for
all values of the symbols that lead to the same decisions, and each decision is a `Condition`: what was compared
in blocks and how it came out (is the input's width the block's?), numbers that were taken as they are (the parts of
a list), quotients that are whole, and what `fit` leaves as it is. `Formulas.at` checks them all: other values give
the count of the network that has them, or are refused. Values of this model give exactly its static count.

A depth is a symbol only where a further block is as those behind the first: no setting of any stage names `block`,
and the block hands on the shape that it gets.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import RLock

from archdsl import limits
from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.model import Model
from archdsl.closed_forms.conditions import Condition, Whole, conditions_of
from archdsl.closed_forms.depth import with_depths
from archdsl.closed_forms.expressions import Notation, names_in, number_at, sum_of, written
from archdsl.closed_forms.network import Formula, StageFormula
from archdsl.closed_forms.symbols import Names, Symbol, symbolic_network
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.graph.conventions import DEFAULT, Convention
from archdsl.graph.cost import MEASURES, convention_of
from archdsl.graph.network import Network
from archdsl.records import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """The closed forms of a stage, or of the network, as text."""

    name: str
    flops: str
    params: str
    acts: str


SYMPY = RLock()
"""Held while sympy works: it keeps what it found out about a symbol in objects that all threads share."""


@dataclass(frozen=True)
class Formulas:
    """The closed forms of a model in a convention. Stages add up to the total.

    They hold where all conditions do.
    """

    convention: Convention
    symbols: tuple[Symbol, ...]
    stages: tuple[StageFormula, ...]
    total: Formula
    conditions: tuple[Condition, ...] = ()

    def at(self, values: Mapping[str, int] | None = None) -> dict[str, int]:
        """The total at some values of the symbols, by measure; a symbol that is not given has this model's value.

        Raises `KeyError` for a name that is no symbol, and `ValueError` for a value that is no positive whole number
        and where a condition fails: the forms do not hold there.
        """
        numbers = {symbol.name: symbol.value for symbol in self.symbols}
        for name, value in (values or {}).items():
            if name not in numbers:
                raise KeyError(name)
            if type(value) is not int or value < 1:
                raise ValueError(f"{name} is a positive whole number, not {value!r}")
            numbers[name] = value
        with SYMPY:
            for condition in self.conditions:
                broken = condition.broken(numbers)
                if broken is not None:
                    raise ValueError(f"the closed forms do not hold there: {broken}")
            return {measure: int(number_at(getattr(self.total, measure), numbers)) for measure in MEASURES}

    def rows(self, notation: Notation = "text") -> tuple[Row, ...]:
        """The closed forms as text: a row for every stage, stem and head among them, and the last for all."""
        parts = [(stage.stage, stage.total) for stage in self.stages] + [("total", self.total)]
        with SYMPY:
            return tuple([Row(name, *[written(getattr(f, m), notation) for m in MEASURES]) for name, f in parts])

    @property
    def whole(self) -> tuple[str, ...]:
        """The quotients that must be whole, as text."""
        with SYMPY:
            return tuple([written(c.quotient, "text") for c in self.conditions if isinstance(c, Whole)])

    @property
    def decided(self) -> tuple[str, ...]:
        """The other conditions, as text."""
        with SYMPY:
            return tuple([str(c) for c in self.conditions if not isinstance(c, Whole)])


def formulas_of(model: Model, convention: Convention | str = DEFAULT) -> Formulas:
    """The closed forms of a model that has a network. `KeyError` for an unknown convention. Raises E394 for more
    stages or blocks than closed forms are made of."""
    for amount, most, name in (
        (len(model.stages), limits.MAX_FORM_STAGES, "stages"),
        (model.depth, limits.MAX_FORM_BLOCKS, "blocks"),
    ):
        if amount > most:
            message = f"the network has {amount:,} {name}; closed forms are made of at most {most:,}"
            raise Fault(Diagnostic("E394", message, model.span))
    with SYMPY:
        network, names = _build(model)
        forms, depths, taller = with_depths(model, network, names, convention)
        total = Formula(*[sum_of([getattr(form.total, measure) for form in forms]) for measure in MEASURES])
        built = [(network, names), *([taller] if taller and depths else [])]
        conditions = conditions_of(*[(network, names.decisions, names.kept) for network, names in built])
        used = {name for e in (total.flops, total.params, total.acts) for name in names_in(e)}
        used |= {name for condition in conditions for name in condition.symbols}
        symbols = tuple(sorted([s for s in (*names.symbols, *depths) if s.name in used], key=_order))
        return Formulas(convention_of(convention), symbols, forms, total, conditions)


def formula_network(model: Model) -> Network:
    """The network of a model, with `Symbolic` dimensions. Raises `Fault` or `AlreadyReported` where it has none."""
    with SYMPY:
        return _build(model)[0]


def _build(model: Model) -> tuple[Network, Names]:
    """The network, and the symbols in it.

    A block may calculate with its width in a way that has no closed form, such as a greatest common divisor or a
    root; then only the resolution is a symbol, and if that fails too, nothing is.
    """
    for chosen in (("width", "group_width", "resolution"), ("resolution",)):
        names = Names(model, chosen)
        try:
            return symbolic_network(names), names
        except (Fault, AlreadyReported):
            continue
    names = Names(model, ())
    return symbolic_network(names), names


def _order(symbol: Symbol) -> tuple[int, ...]:
    """The input first, then the stem, the stages by their indices, and the head."""
    letter, *place = symbol.name.split("_")
    if letter == "r":
        return (0,)
    if place[0] in ("stem", "head"):
        return (1 if place[0] == "stem" else 3, *map(int, place[1:]))
    return (2, int(place[0]), "wgd".index(letter), *map(int, place[1:]))


__all__ = ["Formulas", "Row", "formula_network", "formulas_of"]

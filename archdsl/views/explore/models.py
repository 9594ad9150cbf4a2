"""Views of one model: its counts, its picture, its module, its scalings, and what sets it apart from another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from archdsl.compiler import Changes, Compilation, Compiled
from archdsl.emission import NameFault, NoEmission, chosen_name, texts_of, untrained
from archdsl.emission import about_of as words_about
from archdsl.emission import interface as interface_of
from archdsl.graph.conventions import CONVENTIONS
from archdsl.graph.cost import Cost, count
from archdsl.graph.memory import peak_bytes, weights_bytes
from archdsl.parts import rows_of
from archdsl.plots.rows import ScaledRow, scaled_row, widths_of
from archdsl.records import dataclass
from archdsl.request import RequestError, changes_of, decimal, factors_of, scaling_calls, strategies_of, words_of
from archdsl.views.explore.report import BaseReport, BlockReport, ModuleFile, ViewReport
from archdsl.views.explore.request import ExploreRequest, RequestFault
from archdsl.views.explore.texts import written_path
from archdsl.views.head import convention_report, counts
from archdsl.views.provenance import change_reports, solved_reports

DTYPE = "float32"
MAX_NETWORKS = 200
"""Of one picture of scalings."""


def changes_asked(request: ExploreRequest, *, scaled: bool = True) -> Changes:
    """What is changed in the model. Raises `RequestFault`."""
    budget, within = request.budget or None, request.within or None
    try:
        if scaled:
            return changes_of(request.settings, request.scalings, budget, request.input or None, None, within)
        return changes_of(request.settings, (), None, request.input or None)
    except RequestError as fault:
        raise RequestFault(f"{fault.option}: {fault}") from None


def view_of(request: ExploreRequest, result: Compiled, base: Compiled | None) -> ViewReport:
    """A model with its counts; `base` is that without scalings."""
    convention = CONVENTIONS[request.convention]
    cost = count(result.network, convention)
    return ViewReport(
        result.name,
        result.network.hash,
        tuple([int(extent) for extent in result.network.input]),
        len(result.network.nodes),
        convention_report(convention),
        **counts(cost),
        weights_bytes=int(weights_bytes(result.network, DTYPE)),
        peak_bytes=int(peak_bytes(result.network, DTYPE, 1)),
        rows=tuple(rows_of(result.model, cost, "stage")),
        blocks=tuple(_blocks(result, cost)),
        base=_base(base, request.convention) if base is not None else None,
        changes=tuple(change_reports(result.model)),
        solved=tuple(solved_reports(result.model)),
        picture=_picture(request, result) if request.picture else None,
    )


def _base(base: Compiled, convention: str) -> BaseReport:
    extents = tuple([int(extent) for extent in base.network.input])
    return BaseReport(base.network.hash, extents, **counts(count(base.network, convention)))


def _blocks(result: Compiled, cost: Cost) -> Iterator[BlockReport]:
    widths = dict(widths_of(result.network))
    for group in cost.by("block"):
        if group.key in widths:
            stage = ".".join(group.key.split(".")[:2])
            yield BlockReport(group.key, stage, widths[group.key], int(group.flops), int(group.params), int(group.acts))


def _picture(request: ExploreRequest, result: Compiled) -> str:
    written = texts_of(result, result.name, _spec(request), _words(request), ["svg"])
    return next(iter(written.values()))[1]


def module_of(request: ExploreRequest, result: Compiled) -> tuple[ModuleFile, ...]:
    """The PyTorch module of a model, and a training entry point where one can be had. Raises `RequestFault`."""
    chosen = request.name or None
    asked = request.scalings, request.budget or None, request.input or None, request.within or None
    try:
        name = chosen_name(chosen, result.name, *asked)
        about = words_about(result, name, _spec(request), _words(request))
        entry = untrained(result.network, interface_of(result.network, about)) is None
        targets = ["torch", "train"] if entry else ["torch"]
        found = texts_of(result, name, _spec(request), _words(request), targets)
    except (NameFault, NoEmission) as fault:
        raise RequestFault(str(fault)) from None
    return tuple([ModuleFile(file, text) for file, (_, text) in found.items()])


def _spec(request: ExploreRequest) -> str:
    return written_path(request.path) or "a text"


def _words(request: ExploreRequest) -> list[str]:
    return words_of(
        request.settings,
        request.scalings,
        request.budget or None,
        request.input or None,
        within=request.within or None,
    )


# Scalings


@dataclass(frozen=True)
class Curves:
    """Which networks of a scaling are wanted."""

    strategies: list[str]
    factors: list[Fraction]


def curves_asked(request: ExploreRequest) -> Curves:
    """The strategies and factors of a request. Raises `RequestFault`."""
    try:
        names = strategies_of(",".join(request.strategies))
        factors = factors_of(",".join(request.factors), 1)
    except RequestError as fault:
        raise RequestFault(f"{fault.option}: {fault}") from None
    if len(names) * len(factors) > MAX_NETWORKS:
        raise RequestFault(f"that is more than {MAX_NETWORKS} networks; ask for fewer factors or strategies")
    return Curves(names, factors)


def call_of(strategy: str, factor: Fraction) -> str:
    """A scaling as a call of the language."""
    return scaling_calls([f"{strategy}:{decimal(factor)}"], None)[0]


def scaled_rows(
    base: Compiled, made: Sequence[tuple[str, Fraction, Compilation]], convention: str
) -> tuple[ScaledRow, ...]:
    """A row for each scaled network; factors that have no network are left out."""
    before = count(base.network, convention)
    return tuple(
        [
            scaled_row(base.name, before, name, factor, each.network, count(each.network, convention))
            for name, factor, each in made
            if isinstance(each, Compiled)
        ]
    )


__all__ = [
    "MAX_NETWORKS",
    "Curves",
    "call_of",
    "changes_asked",
    "curves_asked",
    "module_of",
    "scaled_rows",
    "view_of",
]

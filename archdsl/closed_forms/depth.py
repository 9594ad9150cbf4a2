"""Depths as symbols: where a further block of a stage is as those behind the first."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from archdsl.analysis.context import AlreadyReported
from archdsl.analysis.model import Model, Rule, Stage
from archdsl.analysis.program import Definition, walk
from archdsl.analysis.values import Setting
from archdsl.closed_forms.conditions import dimensions_of
from archdsl.closed_forms.expressions import expression_of, names_in
from archdsl.closed_forms.network import Formula, StageFormula, formulas
from archdsl.closed_forms.symbols import DIMENSIONS, MARK, Names, Symbol, symbolic_network
from archdsl.diagnostics import Fault
from archdsl.graph.blocks import Application
from archdsl.graph.conventions import Convention
from archdsl.graph.cost import MEASURES
from archdsl.graph.network import Network
from archdsl.syntax import ast

NEAR = Fraction(1, 10**6)
"""How far beside a number that a mark is compared with the network is looked at."""
MAX_PROBES = 12
"""Networks that are built to find out whether costs ask for a setting that names `block`."""
TALL = 3
"""Two blocks behind the first show whether blocks repeat."""


def with_depths(
    model: Model,
    network: Network,
    names: Names,
    convention: Convention | str,
) -> tuple[tuple[StageFormula, ...], list[Symbol], tuple[Network, Names] | None]:
    """The closed forms of all stages, with symbols for depths, and the taller network that they were read from."""
    forms = formulas(network, convention)
    if not _same_at_any_index(model, names, forms, convention):
        return forms, [], None  # other depths are other blocks
    tall = _taller(model, names)
    taller = {} if tall is None else {form.stage: form for form in formulas(tall[0], convention)}
    symbols: list[Symbol] = []
    found: list[StageFormula] = []
    indices = {f"stages.{index}": index for index in range(len(model.stages))}
    for form in forms:
        index = indices.get(form.stage)
        depth = model.stages[index].length if index is not None else 0
        block = _repeated(form, taller.get(form.stage), depth)
        if index is None or block is None or model.stages[index].overrides:
            found.append(form)
            continue
        if not _hands_on(network if depth >= TALL or tall is None else tall[0], f"stages.{index}.blocks.1"):
            found.append(form)
            continue
        symbols.append(Symbol(f"d_{index}", depth, f"depth of stage {index}"))
        found.append(StageFormula(form.stage, form.blocks, _deep(form.total, block, f"d_{index}", depth)))
    return tuple(found), symbols, tall


def _same_at_any_index(
    model: Model, names: Names, forms: tuple[StageFormula, ...], convention: Convention | str
) -> bool:
    """Whether what blocks cost does not ask for settings that name `block`: a rate of stochastic depth is such a one.

    The network is built with marks in the place of their values. A mark may reach a comparison with a number, and
    then the network has to cost the same below, at and above that number; it may reach no dimension.
    """
    rules: dict[str, None] = {}
    for stage in model.stages:
        found = [name for name, attribute in stage.settings.items() if isinstance(attribute, Rule)]
        rules |= dict.fromkeys(found)
        if set(found) & set(DIMENSIONS):
            return False
        if isinstance(stage.block.of, Definition) and _fit_asks_for(stage.block.of, set(found)):
            return False
    totals = [form.total for form in forms]
    waiting: list[dict[str, Fraction | None]] = [dict.fromkeys(rules)] if rules else []
    tried: list[dict[str, Fraction | None]] = []
    while waiting:
        values = waiting.pop()
        if values in tried:
            continue
        if len(tried) == MAX_PROBES:
            return False
        tried.append(values)
        probe = Names(model, names.chosen, marks=values)
        try:
            network = symbolic_network(probe)
        except (Fault, AlreadyReported):
            if not any(value is not None for value in values.values()):
                return False
            continue  # there is no network with this value
        if probe.opaque or any(name.startswith(MARK) for dim in dimensions_of(network) for name in names_in(dim)):
            return False
        if [form.total for form in formulas(network, convention)] != totals:
            return False
        for _, left, right in probe.decisions.found:
            boundary = _boundary(left, right)
            if boundary is None:
                return False
            name, at = boundary
            waiting += [{**values, name: at + side * NEAR} for side in (-1, 0, 1)] if name else []
    return True


def _boundary(left: Any, right: Any) -> tuple[str, Fraction] | None:
    """A mark's setting and the number that it is compared with; no name where no mark is, none for another relation."""
    import sympy  # type: ignore[import-untyped]

    difference = sympy.expand(sympy.sympify(left) - sympy.sympify(right))
    marks = [symbol for symbol in difference.free_symbols if symbol.name.startswith(MARK)]
    if not marks:
        return "", Fraction(0)
    slope = difference.diff(marks[0])
    if len(difference.free_symbols) != 1 or not slope.is_Rational:
        return None
    root = sympy.Rational(-difference.subs(marks[0], 0) / slope)
    return marks[0].name.removeprefix(MARK), Fraction(int(root.p), int(root.q))


def _fit_asks_for(of: Definition, names: set[str]) -> bool:
    """Whether a block's `fit`, or a default that it may use, asks for one of some settings."""
    asking = [line.value for line in of.fit]
    if asking:
        asking += [parameter.default for parameter in of.parameters if parameter.default is not None]
    return any(isinstance(node, ast.Reference) and node.name in names for e in asking for node in walk(e))


def _hands_on(network: Network, path: str) -> bool:
    """Whether a block gives the shape that it gets, for all values of the symbols."""
    step = next((step for step in network.root.steps if step.label == path), None)
    if step is None:
        return False
    if isinstance(step.applied, Application):
        places = (step.applied.inputs, step.applied.outputs)
        shapes = [[network.shape(v) if v is not None else None for v in values] for values in places]
    else:
        node = network.nodes[step.applied]
        shapes = [list(network.input_shapes(node)), list(node.shapes)]
    if any(shape is None for side in shapes for shape in side):
        return False
    before, after = [[tuple(map(expression_of, shape or ())) for shape in side] for side in shapes]
    return before == after


def _taller(model: Model, names: Names) -> tuple[Network, Names] | None:
    """The network of the model whose stages all have at least `TALL` blocks; none where there is no such model.

    It tells what a further block of a short stage costs.
    """

    def raised(stage: Stage) -> Stage:
        short = not stage.overrides and stage.length < TALL
        return replace(stage, depth=Setting(TALL)) if short else stage

    stages = tuple([raised(stage) for stage in model.stages])
    if stages == model.stages:
        return None
    try:
        tall = Names(replace(model, stages=stages), names.chosen)
        return symbolic_network(tall), tall
    except (Fault, AlreadyReported):
        return None


def _blocks(form: StageFormula, depth: int) -> list[Formula]:
    by_path = {path: group.each for group in form.blocks for path in group.blocks}
    return [by_path.get(f"{form.stage}.blocks.{position}", Formula(0, 0, 0)) for position in range(depth)]


def _repeated(form: StageFormula, taller: StageFormula | None, depth: int) -> Formula | None:
    """The form of every block behind the first of a stage; none where they differ.

    For a stage of fewer than `TALL` blocks they are those of the taller one, if that begins with the same blocks.
    """
    blocks = _blocks(form, depth)
    if 0 < depth < TALL and taller is not None and _blocks(taller, depth) == blocks:
        blocks = _blocks(taller, TALL)
    if len(blocks) < TALL or any(block != blocks[1] for block in blocks[2:]):
        return None
    return blocks[1]


def _deep(total: Formula, block: Formula, name: str, depth: int) -> Formula:
    """The form of a stage with a symbol for its depth, when each further block costs the same."""
    import sympy

    further = sympy.Symbol(name, positive=True, integer=True) - depth
    sums = [sympy.expand(getattr(total, measure) + further * getattr(block, measure)) for measure in MEASURES]
    return Formula(*sums)

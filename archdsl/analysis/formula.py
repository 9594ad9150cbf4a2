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

import operator
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from fractions import Fraction
from threading import RLock
from typing import Any, Literal, Protocol, TypeGuard

from archdsl import limits
from archdsl.analysis.assemble import network_of
from archdsl.analysis.context import AlreadyReported, Context
from archdsl.analysis.language import evaluation
from archdsl.analysis.model import Model, Rule, Stage
from archdsl.analysis.names import setting_names
from archdsl.analysis.program import Definition, walk
from archdsl.analysis.settings import end_value, inner_value, settle, used_settings
from archdsl.analysis.values import Block, Environment, Sequence, Setting, whole
from archdsl.diagnostics import Diagnostic, Fault
from archdsl.graph.blocks import Application
from archdsl.graph.conventions import DEFAULT, Convention
from archdsl.graph.cost import MEASURES, convention_of
from archdsl.graph.formulas import Formula, StageFormula, formulas
from archdsl.graph.network import Network
from archdsl.graph.shapes import EXTENT_MAX
from archdsl.graph.symbolic import Decisions, Symbolic
from archdsl.records import dataclass
from archdsl.syntax import ast

DIMENSIONS: Mapping[str, tuple[str, str]] = {"width": ("w", "width"), "group_width": ("g", "group width")}
"""Settings that become symbols: the first part of the symbol's name, and what it is."""

Notation = Literal["text", "latex"]


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol of the closed forms: its name, its value in this model, and what it is."""

    name: str
    value: int
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """The closed forms of a stage, or of the network, as text."""

    name: str
    flops: str
    params: str
    acts: str


class Condition(Protocol):
    """Something that was decided on the values of symbols."""

    @property
    def symbols(self) -> frozenset[str]:
        """The names of the symbols that it asks for."""
        ...

    def __str__(self) -> str: ...

    def broken(self, values: Mapping[str, int]) -> str | None:
        """What stands against it at some values of the symbols, in words; none where it holds."""
        ...


@dataclass(frozen=True)
class Relation:
    """A comparison and how it came out: `w_0/8 <= 16`."""

    operator: str
    left: Any
    right: Any

    @property
    def symbols(self) -> frozenset[str]:
        return _names(self.left) | _names(self.right)

    def __str__(self) -> str:
        return f"{_written(self.left, 'text')} {self.operator} {_written(self.right, 'text')}"

    def broken(self, values: Mapping[str, int]) -> str | None:
        left, right = _number(self.left, values), _number(self.right, values)
        if _HOLDS[self.operator](left, right):
            return None
        sides = [_written(side, "text") for side in (self.left, self.right)]
        given = [f"{side} is {n}" for side, n in zip(sides, (left, right), strict=True) if side != str(n)]
        return f"{self} does not hold: {' and '.join(given)}"


@dataclass(frozen=True)
class Whole:
    """A quotient that is taken without a remainder."""

    quotient: Any

    @property
    def symbols(self) -> frozenset[str]:
        return _names(self.quotient)

    def __str__(self) -> str:
        return f"{_written(self.quotient, 'text')} is a whole number"

    def broken(self, values: Mapping[str, int]) -> str | None:
        number = _number(self.quotient, values)
        return None if number.denominator == 1 else f"{_written(self.quotient, 'text')} is {number}, not a whole number"


@dataclass(frozen=True)
class Bounded:
    """That no dimension or setting is larger than one may be."""

    dimensions: tuple[Any, ...]

    @property
    def symbols(self) -> frozenset[str]:
        return frozenset()

    def __str__(self) -> str:
        return f"no dimension is above {EXTENT_MAX:,}"

    def broken(self, values: Mapping[str, int]) -> str | None:
        for dimension in self.dimensions:
            number = _number(dimension, values)
            if number > EXTENT_MAX:
                return f"{_written(dimension, 'text')} is {number}, above {EXTENT_MAX:,}"
        return None


@dataclass(frozen=True)
class Kept:
    """That the `fit` of a stage's block leaves the settings as the forms have them."""

    of: Definition
    given: Mapping[str, Setting] = field(compare=False)
    expected: tuple[tuple[str, Any], ...]
    own: tuple[tuple[str, int], ...]

    @property
    def symbols(self) -> frozenset[str]:
        return frozenset([name for name, _ in self.own])

    def __str__(self) -> str:
        return f"the fit of `{self.of.name}` keeps {', '.join(sorted(self.symbols))}"

    def broken(self, values: Mapping[str, int]) -> str | None:
        if all(values[name] == value for name, value in self.own):
            return None  # the numbers are those that it made
        settings = {
            name: replace(s, value=_plain(_number(s.value.expression, values))) if _symbolic(s.value) else s
            for name, s in self.given.items()
        }
        ev, module = evaluation(), self.of.module
        site = ast.Identifier(self.of.declaration.name.span, self.of.name)
        try:
            inner = settle(
                ev, self.of, settings, Environment(module), site, Environment(module), fitted=False,
                only=self.of.free_parameters,
            )  # fmt: skip
            for name, form in self.expected:
                expected, found = _number(form, values), inner_value(inner, name)
                if found != expected:
                    return f"the fit of `{self.of.name}` makes {name} {found}, not {expected}"
        except (Fault, AlreadyReported):
            return f"`{self.of.name}` cannot have {', '.join(f'{n} {values[n]}' for n in sorted(self.symbols))}"
        return None


_HOLDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}

_SYMPY = RLock()
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
        with _SYMPY:
            for condition in self.conditions:
                broken = condition.broken(numbers)
                if broken is not None:
                    raise ValueError(f"the closed forms do not hold there: {broken}")
            return {measure: int(_number(getattr(self.total, measure), numbers)) for measure in MEASURES}

    def rows(self, notation: Notation = "text") -> tuple[Row, ...]:
        """The closed forms as text: a row for every stage, stem and head among them, and the last for all."""
        parts = [(stage.stage, stage.total) for stage in self.stages] + [("total", self.total)]
        with _SYMPY:
            return tuple([Row(name, *[_written(getattr(f, m), notation) for m in MEASURES]) for name, f in parts])

    @property
    def whole(self) -> tuple[str, ...]:
        """The quotients that must be whole, as text."""
        with _SYMPY:
            return tuple([_written(c.quotient, "text") for c in self.conditions if isinstance(c, Whole)])

    @property
    def decided(self) -> tuple[str, ...]:
        """The other conditions, as text."""
        with _SYMPY:
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
    with _SYMPY:
        network, names = _build(model)
        forms, depths, taller = _stages(model, network, names, convention)
        total = Formula(*[_sum([getattr(form.total, measure) for form in forms]) for measure in MEASURES])
        conditions = _conditions((network, names), *((taller,) if taller and depths else ()))
        used = {name for e in (total.flops, total.params, total.acts) for name in _names(e)}
        used |= {name for condition in conditions for name in condition.symbols}
        symbols = tuple(sorted([s for s in (*names.symbols, *depths) if s.name in used], key=_order))
        return Formulas(convention_of(convention), symbols, forms, total, conditions)


def formula_network(model: Model) -> Network:
    """The network of a model, with `Symbolic` dimensions. Raises `Fault` or `AlreadyReported` where it has none."""
    with _SYMPY:
        return _build(model)[0]


def _build(model: Model) -> tuple[Network, Names]:
    """The network, and the symbols in it.

    A block may calculate with its width in a way that has no closed form, such as a greatest common divisor or a
    root; then only the resolution is a symbol, and if that fails too, nothing is.
    """
    for chosen in (("width", "group_width", "resolution"), ("resolution",)):
        names = Names(model, chosen)
        try:
            return _network(names), names
        except (Fault, AlreadyReported):
            continue
    names = Names(model, ())
    return _network(names), names


def _network(names: Names) -> Network:
    return network_of(evaluation(), names.model, names)


class Names:
    """Decides which numbers of a model become symbols: the `Symbols` of `assemble`.

    `model` is the model with symbols in its stem and head; the stages' come through `settings`.
    """

    def __init__(
        self,
        model: Model,
        chosen: tuple[str, ...],
        *,
        marks: Mapping[str, Fraction | None] | None = None,
    ) -> None:
        self.symbols: list[Symbol] = []
        self.decisions = Decisions()
        self.kept: dict[Kept, None] = {}
        self._by_name: dict[str, Symbolic] = {}
        self.chosen = chosen
        self.marks = marks
        """Settings that name `block` and are marked, with a number that they have everywhere, or none for their own."""
        self.opaque = False
        """Whether a setting that names `block` is no number, and has no mark."""
        size = model.shape
        self._resolution = ("r", "r") if size[1] == size[2] else ("r_h", "r_w")
        if "resolution" in chosen:
            texts = ("height and width of the input",) * 2 if size[1] == size[2] else ("input height", "input width")
            for name, extent, text in zip(self._resolution, size[1:], texts, strict=True):
                self._symbol(name, int(extent), text)
        stem = self._end(model, "stem")
        self._used = used_settings(evaluation(), model)
        stages = tuple([self._entered(index, stage) for index, stage in enumerate(model.stages)])
        self.model = replace(model, stem=stem, stages=stages, head=self._end(model, "head"))

    def _symbol(self, name: str, value: int, text: str) -> Symbolic:
        found = self._by_name.get(name)
        if found is None:
            found = self._by_name[name] = Symbolic.of(name, value, self.decisions)
            self.symbols.append(Symbol(name, value, text))
        return found

    def _end(self, model: Model, end: Literal["stem", "head"]) -> Any:
        """The stem or head with a symbol for its width; of blocks in a row, for each that has one."""
        block = getattr(model, end)
        if isinstance(block, Block):
            width = self._end_width(block)
            return _with_width(block, self._symbol(f"w_{end}", width, f"width of the {end}")) if width else block
        if not isinstance(block, Sequence):
            return block
        steps = [(name, step, self._end_width(step)) for name, step in block.steps]
        several = sum(width is not None for _, _, width in steps) > 1
        changed: list[tuple[str, Block | Sequence]] = []
        for position, (name, step, width) in enumerate(steps):
            if width is None or not isinstance(step, Block):
                changed.append((name, step))
                continue
            symbol = f"w_{end}_{position}" if several else f"w_{end}"
            changed.append((name, _with_width(step, self._symbol(symbol, width, f"width of {end}.{name}"))))
        return Sequence(tuple(changed))

    def _end_width(self, block: Block | Sequence) -> int | None:
        """The width of a block of the stem or head; none where it has none, or where its `fit` would decide on it."""
        if "width" not in self.chosen or not isinstance(block, Block) or "width" not in setting_names(block.of):
            return None
        width = end_value(evaluation(), block, "width")
        fits = isinstance(block.of, Definition) and block.of.fit
        return width.value if width is not None and whole(width.value) and not fits else None

    def _entered(self, index: int, stage: Stage) -> Stage:
        """The stage, whose block in front takes the symbol where it takes the stage's width."""
        block, width = stage.enter, stage.settings.get("width")
        if not isinstance(block, Block) or not isinstance(width, Setting) or "width" in block.settings:
            return stage
        used = self._dimension(index, 0, "width", self._used[index][0].get("width"))
        if used is None or _plain_value(used.value) != width.value or "width" not in setting_names(block.of):
            return stage
        return replace(stage, enter=Block(block.of, {**block.settings, "width": used}))

    def _dimension(self, index: int, position: int, name: str, setting: Setting | None) -> Setting | None:
        """The symbol for a block's width or group width; none where it has none that can be one."""
        if name not in self.chosen or setting is None or not whole(setting.value):
            return None
        blocks = self._used[index]
        letter, text = DIMENSIONS[name]
        if all(used.get(name) == setting for used in blocks):
            symbol = self._symbol(f"{letter}_{index}", setting.value, f"{text} of stage {index}")
        else:
            text = f"{text} of stage {index}, block {position}"
            symbol = self._symbol(f"{letter}_{index}_{position}", setting.value, text)
        return replace(setting, value=symbol)

    # What is asked for while the network is put together

    def input(self, shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """The input's shape."""
        if "resolution" not in self.chosen:
            return shape
        return (shape[0], *[self._by_name[name] for name in self._resolution])

    def settings(
        self, ev: Context, index: int, position: int, stage: Stage, settings: Mapping[str, Setting]
    ) -> dict[str, Setting]:
        """The settings of a block after `fit`, with symbols."""
        import sympy  # type: ignore[import-untyped]

        blocks = self._used[index]
        used = blocks[min(position, len(blocks) - 1)]
        found = dict(settings)
        for name, number in (self.marks or {}).items():
            if name in stage.settings and isinstance(stage.settings[name], Rule):
                value = found[name].value if number is None else number
                self.opaque = self.opaque or not _is_number(value)
                mark = sympy.Symbol(f"{MARK}{name}", real=True)
                plain = _plain_value(value) if _is_number(value) else 0
                found[name] = replace(found[name], value=Symbolic(plain, mark, self.decisions))
        for name in DIMENSIONS:
            symbol = self._dimension(index, position, name, settings.get(name, used.get(name)))
            if symbol is not None:
                found[name] = symbol
        if not isinstance(stage.block.of, Definition) or not any(name in self.chosen for name in DIMENSIONS):
            return found
        found = _derived(ev, stage.block.of, stage, found)
        self._keep(stage.block.of, stage, found)
        return found

    def _keep(self, of: Definition, stage: Stage, settings: Mapping[str, Setting]) -> None:
        """Note that the block's `fit` has to leave its symbols as they are."""
        if not of.fit or self.marks is not None:
            return
        given = {n: s for n, s in settings.items() if n in stage.settings or n not in of.fitted or n in DIMENSIONS}
        symbols = {
            name: self._by_name[name].value
            for s in given.values()
            if _symbolic(s.value)
            for name in _names(s.value.expression)
        }
        if symbols:
            expected = [
                (n, _expression(settings[n].value))
                for n in sorted(of.fitted)
                if n in settings and _is_number(settings[n].value)
            ]
            self.kept[Kept(of, given, tuple(expected), tuple(sorted([(n, int(v)) for n, v in symbols.items()])))] = None


def _derived(ev: Context, of: Definition, stage: Stage, settings: dict[str, Setting]) -> dict[str, Setting]:
    """The settings, with formulas for those that `fit` left at what their default gives."""
    found = dict(settings)
    for name in of.parameter_names:
        if name not in of.fitted or name in stage.settings or name in DIMENSIONS or name not in found:
            continue
        outer = Environment(of.module)
        others = {key: setting for key, setting in found.items() if key != name}
        site = ast.Identifier(stage.span, name)
        try:
            env = settle(ev, of, others, Environment(of.module), site, outer, fitted=True, only=of.free_parameters)
            value = inner_value(env, name)
        except (Fault, AlreadyReported):
            continue  # the default cannot take symbols
        if isinstance(value, Symbolic) and value.value == found[name].value:
            found[name] = replace(found[name], value=value)
    return found


def _with_width(block: Block, width: Symbolic) -> Block:
    origin = block.settings["width"].origin if "width" in block.settings else None
    return Block(block.of, {**block.settings, "width": Setting(width, origin)})


def _conditions(*built: tuple[Network, Names]) -> tuple[Condition, ...]:
    """What was decided on symbols while networks were built, without what holds for all values or follows."""
    quotients: dict[Any, None] = {}
    relations: dict[Relation, None] = {}
    extents: dict[Any, None] = {}
    kept: dict[Kept, None] = {}
    for network, names in built:
        kept |= names.kept
        for dim in _dimensions(network):
            quotients[_quotient(dim)] = None
            extents[dim] = None
            relations[Relation(">=", dim, 1)] = None
        for sign, left, right in names.decisions.found:
            if sign == "whole":
                quotients[_quotient(left)] = None
            elif sign == "<=" and right == EXTENT_MAX:
                extents[left] = None
            else:
                relations[Relation(sign, left, right)] = None
    # Of r/4 and r/32 the second says both; only multiples of one another are compared.
    shares: dict[Any, list[Any]] = {}
    for e in quotients:
        if not e.is_integer:
            share, rest = e.as_coeff_Mul()
            shares.setdefault(rest, []).append(share)
    whole = [Whole(share * rest) for rest, found in shares.items() for share in found if not _implied(share, found)]
    told = [relation for relation in relations if not _follows(relation, shares)]
    return (*whole, *told, *kept, *([Bounded(tuple(extents))] if extents else ()))


def _quotient(expression: Any) -> Any:
    """What is whole where an expression is: without whole summands, and without a sign."""
    constant, rest = expression.as_coeff_Add()
    found = rest if constant.is_integer else expression
    return -found if found.could_extract_minus_sign() else found


def _dimensions(network: Network) -> list[Any]:
    """The expressions of all dimensions and settings of a network."""
    found: dict[Any, None] = {}
    for node in network.nodes:
        settings = [value for _, value in node.operation.constants]
        for dim in (*[dim for shape in node.shapes for dim in shape], *settings):
            for part in dim if isinstance(dim, tuple) else (dim,):
                if isinstance(part, Symbolic):
                    found[part.expression] = None
    return list(found)


def _follows(relation: Relation, shares: Mapping[Any, list[Any]]) -> bool:
    """Whether a relation holds for all positive whole values of its symbols that make some quotients whole.

    `shares` has what is divided, and the factors with which it is whole: r and [1/4, 1/32].
    """
    import sympy

    sign = relation.operator
    difference = sympy.expand(sympy.sympify(relation.left) - sympy.sympify(relation.right))
    if sign in ("<", "<="):
        sign, difference = (">" if sign == "<" else ">="), -difference
    if {">": difference.is_positive, ">=": difference.is_nonnegative, "==": difference.is_zero}.get(sign) is True:
        return True
    if sign == "!=" and difference.is_nonzero is True:
        return True
    constant, rest = difference.as_coeff_Add()
    if sign == "==" or not rest.is_positive:
        return False
    # What is positive and whole is at least 1.
    share, divided = rest.as_coeff_Mul()
    known = shares.get(divided, [])
    least = 1 if rest.is_integer or share in known or _implied(share, known) else 0
    return bool(constant + least > 0 if sign in (">", "!=") or not least else constant + least >= 0)


def _implied(share: Any, others: list[Any]) -> bool:
    """Whether a share is a multiple of another: r/4 is whole where r/32 is."""
    return any(share != other and (share / other).is_Integer for other in others)


# Depth


def _stages(
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
            network = _network(probe)
        except (Fault, AlreadyReported):
            if not any(value is not None for value in values.values()):
                return False
            continue  # there is no network with this value
        if probe.opaque or any(name.startswith(MARK) for dim in _dimensions(network) for name in _names(dim)):
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
    import sympy

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
    before, after = [[tuple(map(_expression, shape or ())) for shape in side] for side in shapes]
    return before == after


MARK = "at_"
"""How the names of marks begin."""
NEAR = Fraction(1, 10**6)
"""How far beside a number that a mark is compared with the network is looked at."""
MAX_PROBES = 12
"""Networks that are built to find out whether costs ask for a setting that names `block`."""
TALL = 3
"""Two blocks behind the first show whether blocks repeat."""


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
        return _network(tall), tall
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


# Text


def _order(symbol: Symbol) -> tuple[int, ...]:
    """The input first, then the stem, the stages by their indices, and the head."""
    letter, *place = symbol.name.split("_")
    if letter == "r":
        return (0,)
    if place[0] in ("stem", "head"):
        return (1 if place[0] == "stem" else 3, *map(int, place[1:]))
    return (2, int(place[0]), "wgd".index(letter), *map(int, place[1:]))


def _names(expression: Any) -> frozenset[str]:
    return frozenset([symbol.name for symbol in getattr(expression, "free_symbols", ())])


def _symbolic(value: object) -> TypeGuard[Symbolic]:
    return isinstance(value, Symbolic)


def _is_number(value: object) -> TypeGuard[int | Fraction | Symbolic]:
    return isinstance(value, int | Fraction | Symbolic) and not isinstance(value, bool)


def _expression(value: Any) -> Any:
    return value.expression if isinstance(value, Symbolic) else value


def _plain_value(value: Any) -> Any:
    return value.value if isinstance(value, Symbolic) else value


def _plain(number: Fraction) -> int | Fraction:
    return number.numerator if number.denominator == 1 else number


def _number(expression: Any, values: Mapping[str, int]) -> Fraction:
    """The value of an expression at values of its symbols."""
    if isinstance(expression, int | Fraction):
        return Fraction(expression)
    import sympy

    found = expression.xreplace({s: sympy.Integer(values[s.name]) for s in expression.free_symbols})
    return Fraction(int(found.p), int(found.q))


def _sum(terms: list[Any]) -> Any:
    """The sum of expressions, added at once: one by one takes the square of their number."""
    import sympy

    return sympy.Add(*terms)


def _written(expression: Any, notation: Notation) -> str:
    import sympy

    expression = sympy.sympify(expression)
    if notation == "latex":
        return str(sympy.latex(expression))
    return str(expression).replace("**", "^").replace("ceiling(", "ceil(")


__all__ = ["Condition", "Formulas", "Names", "Row", "Symbol", "formula_network", "formulas_of"]
